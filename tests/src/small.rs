//! A real office without the steps before the dispatch, and real tablets in this process.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use field_agent::host::{self, Config, RunningAgent, SystemClock, SystemRandom};
use field_agent::ports::Clock;
use field_agent::vault::slot::PinCost;
use serde_json::json;
use server::account::first_run;
use server::device::store::{Code, insert_code};
use server::ids::sha256_hex;

use crate::office::{Office, text};
use crate::story::PASSWORD;
use crate::tablet::Tablet;
use crate::wire::{NOW, WireOffice};

/// An office on loopback with one task for zhang and li. `CODE1` enrols a tablet for both, `CODE2` one
/// for li, `CODE3` a second one for zhang, and so on in turn up to `CODE10`.
pub struct SmallOffice {
    pub office: WireOffice,
    /// `http://127.0.0.1:PORT`.
    pub address: String,
}

impl SmallOffice {
    pub async fn open(data: &Path) -> SmallOffice {
        SmallOffice::open_on(data, 1, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// The same with so many tasks, at an address.
    pub async fn open_on(data: &Path, tasks: u32, listen: SocketAddr) -> SmallOffice {
        let office = WireOffice::open(data, tasks).await;
        let ready = office.state.db.write(|tx| {
            for (n, person) in [(1, "zhang"), (2, "li")] {
                tx.execute(
                    "INSERT INTO inspectors (id, name, sex, certificate, department, unit, post, districts,
                        expertise, languages, expert, status, changed_at)
                     VALUES ($1, $1, '', $2, 'SCJG', '示例所', '', '[]', '[]', '[]', 0, 'active', 0)",
                    &[&person, &format!("C{n}")],
                )?;
            }
            for n in 1..=10 {
                let code = format!("CODE{n}");
                let persons: &[&str] = match n {
                    1 => &["zhang", "li"],
                    n if n % 2 == 0 => &["li"],
                    _ => &["zhang"],
                };
                let row = Code {
                    device_name: code.clone(),
                    department: "SCJG".into(),
                    expires_at: NOW + 86_400_000,
                    used_by: None,
                };
                let persons: Vec<String> = persons.iter().map(|p| (*p).to_owned()).collect();
                insert_code(tx, &sha256_hex(code.as_bytes()), &row, &persons, "test", NOW)?;
            }
            Ok(())
        });
        ready.await.expect("people and codes");
        let app = server::router::app(office.state.clone()).expect("routes");
        let listener = tokio::net::TcpListener::bind(listen).await.expect("binds");
        let address = format!("http://{}", listener.local_addr().expect("address"));
        let service = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        SmallOffice { office, address }
    }

    /// Makes the account of somebody with `role` in the department, and signs in.
    pub async fn sign_in(&self, role: &str) -> anyhow::Result<Office> {
        let made = first_run(&self.office.state).await?;
        let once = made.map_or_else(|| PASSWORD.to_owned(), |first| first.one_time_password);
        let admin = if once == PASSWORD {
            Office::sign_in(&self.address, "admin", PASSWORD).await?
        } else {
            Office::first_sign_in(&self.address, "admin", &once, PASSWORD).await?
        };
        let grants = json!([{ "role": role, "department": "SCJG" }]);
        let form = json!({ "login": role, "name": format!("{role}（示例）"), "grants": grants });
        let made = admin.post("/api/accounts", form).await?;
        Office::first_sign_in(
            &self.address,
            role,
            &text(&made, "one_time_password")?,
            PASSWORD,
        )
        .await
    }
}

/// A clock that a story moves.
#[derive(Debug, Clone)]
pub struct Calendar(Arc<AtomicI64>);

impl Default for Calendar {
    /// At the office's [`NOW`].
    fn default() -> Self {
        Calendar(Arc::new(AtomicI64::new(NOW)))
    }
}

impl Calendar {
    /// Time passes.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }

    /// What it shows, in milliseconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for Calendar {
    fn now_ms(&self) -> i64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A tablet with an empty store in `data`. It works while the first part is kept.
pub async fn tablet(data: &Path) -> (RunningAgent, Tablet) {
    tablet_by(data, Arc::new(SystemClock)).await
}

/// The same by another clock.
pub async fn tablet_by(data: &Path, clock: Arc<dyn Clock>) -> (RunningAgent, Tablet) {
    let config = Config {
        pin_cost: PinCost {
            m_kib: 64,
            passes: 1,
        },
        nearby: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::new(data)
    };
    let running = host::start(config, clock, Box::new(SystemRandom::default()))
        .await
        .expect("starts");
    let tablet = Tablet::launch(&running.launch_url).await.expect("opens");
    (running, tablet)
}
