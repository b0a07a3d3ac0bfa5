//! The office's disk fails under a tablet that syncs (F7, X7): at every write of a sync the server's
//! process dies, its power goes, or its disk is full; and it is restored from an older backup. The
//! tablet is told, loses nothing, and in the end the office has everything once.
//!
//! `FAULTS=all` tries every operation.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ConnectInfo;
use faulty_disk::Disk;
use field_agent::host::{self, RunningAgent, SystemClock, SystemRandom};
use field_agent::ports::{Fetch, FetchAnswer, FetchError, FetchRequest, Fetching};
use field_agent::vault::slot::PinCost;
use serde_json::json;
use server::clock::ManualClock;
use server::config::Config;
use server::device::store::{Code, insert_code};
use server::ids::sha256_hex;
use server::rng::SeededRng;
use server::state::AppState;
use tests::picture;
use tests::tablet::Tablet;
use tests::wire::{NOW, WireOffice};
use tower::ServiceExt;

/// The way to an office that may be down.
#[derive(Default)]
struct Way(Mutex<Option<axum::Router>>);

impl Way {
    fn set(&self, state: Option<&AppState>) {
        let router = state.map(|s| server::router::app(s.clone()).expect("routes"));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = router;
    }

    async fn carry(&self, request: FetchRequest) -> Result<FetchAnswer, FetchError> {
        let router = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let router = router.ok_or_else(|| FetchError::Offline("the office is down".into()))?;
        let mut wire = axum::http::Request::builder()
            .method(request.method)
            .uri(&request.path)
            .header("host", "office.test");
        for (name, value) in &request.headers {
            wire = wire.header(name, value);
        }
        let mut wire = wire
            .body(axum::body::Body::from(request.body))
            .map_err(|e| FetchError::BadAnswer(e.to_string()))?;
        wire.extensions_mut()
            .insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9))));
        let answer = router.oneshot(wire).await.map_err(|e| match e {})?;
        let (parts, body) = answer.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(n, v)| (n.to_string(), v.to_str().unwrap_or_default().to_owned()));
        let body = axum::body::to_bytes(body, 1 << 24).await;
        Ok(FetchAnswer {
            status: parts.status.as_u16(),
            headers: headers.collect(),
            body: body
                .map_err(|e| FetchError::BadAnswer(e.to_string()))?
                .to_vec(),
        })
    }
}

impl Fetch for Way {
    fn fetch<'a>(&'a self, _server: &'a str, request: FetchRequest) -> Fetching<'a> {
        Box::pin(self.carry(request))
    }
}

async fn office(data: &Path) -> AppState {
    let clock = Arc::new(ManualClock::new(NOW));
    AppState::open(Config::local(data), clock, Arc::new(SeededRng::new(9)))
        .await
        .expect("the office opens")
}

/// Ends an office's process: its files are closed once nobody holds it.
async fn end(state: AppState) {
    drop(state);
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
}

async fn agent(folder: &Path, way: &Arc<Way>) -> (RunningAgent, Tablet) {
    let config = host::Config {
        pin_cost: PinCost {
            m_kib: 64,
            passes: 1,
        },
        background_sync: false,
        ..host::Config::new(folder)
    };
    let random = Box::new(SystemRandom::default());
    let running = host::start_with(config, Arc::new(SystemClock), random, way.clone())
        .await
        .expect("starts");
    let tablet = Tablet::launch(&running.launch_url).await.expect("opens");
    (running, tablet)
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}

/// An office and a tablet with a day's work that is not sent, both at rest.
struct Stage {
    office: tempfile::TempDir,
    tablet: tempfile::TempDir,
    task: String,
}

async fn stage() -> Stage {
    let (office_dir, tablet_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let wire = WireOffice::open(office_dir.path(), 1).await;
    let task = wire.task.to_string();
    let ready = wire.state.db.write(|tx| {
        for (n, person) in [(1, "zhang"), (2, "li")] {
            tx.execute(
                "INSERT INTO inspectors (id, name, sex, certificate, department, unit, post, districts,
                    expertise, languages, expert, status, changed_at)
                 VALUES ($1, $1, '', $2, 'SCJG', '示例所', '', '[]', '[]', '[]', 0, 'active', 0)",
                &[&person, &format!("C{n}")],
            )?;
        }
        let row = Code {
            device_name: "一号".into(),
            department: "SCJG".into(),
            expires_at: NOW + 86_400_000,
            used_by: None,
        };
        insert_code(tx, &sha256_hex(b"CODE1"), &row, &["zhang".to_owned()], "test", NOW)?;
        Ok(())
    });
    ready.await.expect("people and codes");
    let way = Arc::new(Way::default());
    way.set(Some(&wire.state));
    let (running, tablet) = agent(tablet_dir.path(), &way).await;
    tablet
        .enrol("http://localhost", "code1", &[("zhang", "135790")])
        .await
        .unwrap();
    tablet.unlock("zhang", "135790").await.unwrap();
    assert!(running.agent().sync_once().await.is_none());
    for n in 1..=3 {
        let cells = [(format!("point/A1/p{n}/answer"), json!("compliant"))];
        tablet.write(&task, &cells).await.unwrap();
    }
    tablet
        .photo(&task, "A1/p3", "货架", "a.jpg", picture::shelf(3).unwrap())
        .await
        .unwrap();
    running.stop().await;
    way.set(None);
    end(wire.state.clone()).await;
    drop(wire);
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    Stage {
        office: office_dir,
        tablet: tablet_dir,
        task,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    PowerCut,
    DiskFull,
    /// After the sync the office is put back to what it was before it.
    Restored,
}

/// One row; returns how many operations the office's disk did in the sync.
async fn row(stage: &Stage, fault: Option<Fault>, operation: u64) -> u64 {
    let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy_folder(stage.office.path(), data.path());
    copy_folder(stage.tablet.path(), folder.path());
    let disk = Disk::watch(data.path()).expect("watches");
    let way = Arc::new(Way::default());
    let mut state = office(data.path()).await;
    way.set(Some(&state));
    let (running, tablet) = agent(folder.path(), &way).await;
    tablet.unlock("zhang", "135790").await.unwrap();
    let before = disk.operations();
    match fault {
        Some(Fault::DiskFull) => disk.full_at(operation),
        Some(Fault::Killed | Fault::PowerCut) => disk.die_at(operation),
        _ => {}
    }
    let error = running.agent().sync_once().await;
    let operations = disk.operations() - before;
    assert!(error.is_none() || disk.was_hit(), "{error:?}");
    if let Some(fault) = fault {
        way.set(None);
        end(state).await;
        match fault {
            Fault::DiskFull | Fault::Killed => disk.works_again(),
            Fault::PowerCut => disk.cut_power(operation * 31 + 7).expect("cuts"),
            Fault::Restored => {
                std::fs::remove_dir_all(data.path()).expect("clears");
                copy_folder(stage.office.path(), data.path());
            }
        }
        state = office(data.path()).await;
        way.set(Some(&state));
    }
    for _ in 0..3 {
        let error = running.agent().sync_once().await;
        assert!(error.is_none(), "{error:?}");
    }
    let status = tablet.get("/api/sync").await.unwrap();
    assert_eq!(status["records"]["confirmed"], 1, "{status}");
    assert_eq!(status["photos"]["confirmed"], 1, "{status}");
    let record = tablet
        .get(&format!("/api/tasks/{}/record", stage.task))
        .await
        .unwrap();
    let read = state.db.read(|tx| {
        let heads: String = tx.query_one("SELECT heads FROM record_docs", &[], |r| r.get(0))?;
        let count =
            |tx: &mut server::db::Tx<'_>, sql: &str| tx.query_one(sql, &[], |r| r.get::<i64>(0));
        let changes = count(tx, "SELECT count(*) FROM record_changes")?;
        let blobs = count(tx, "SELECT count(*) FROM blobs WHERE stored_at IS NOT NULL")?;
        let refused = count(tx, "SELECT count(*) FROM quarantine")?;
        let named = tx.query("SELECT sha256 FROM blobs", &[], |r| r.get::<String>(0))?;
        Ok((heads, changes, blobs, refused, named))
    });
    let (heads, changes, blobs, refused, named) = read.await.expect("reads");
    assert_eq!(record["heads"], json!(heads.split(' ').collect::<Vec<_>>()));
    assert_eq!((changes, blobs, refused), (5, 3, 0), "everything, once");
    for sha256 in named {
        let bytes = state.blob_store.read(&stage.task, &sha256, None).await;
        let bytes = bytes.expect("what is told to be stored is there");
        assert_eq!(sha256_hex(&bytes), sha256, "and is what its name says");
    }
    let parts = std::fs::read_dir(data.path().join("uploads")).expect("lists");
    assert_eq!(parts.count(), 0, "no partial copy is left");
    running.stop().await;
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_07_whatever_happens_to_the_offices_disk_it_has_everything_once_in_the_end() {
    let stage = Arc::new(stage().await);
    let count = row(&stage, None, 0).await;
    let all = std::env::var("FAULTS").is_ok_and(|v| v == "all");
    let step = if all { 1 } else { (count / 9).max(1) };
    let mut rows = tokio::task::JoinSet::new();
    let gate = Arc::new(tokio::sync::Semaphore::new(3));
    let faults = [Fault::Killed, Fault::PowerCut, Fault::DiskFull];
    let mut table: Vec<(Fault, u64)> = vec![(Fault::Restored, 0)];
    for fault in faults {
        table.extend((1..=count).step_by(step as usize).map(|n| (fault, n)));
    }
    for (fault, operation) in table {
        let (stage, gate) = (stage.clone(), gate.clone());
        rows.spawn(async move {
            let _permit = gate.acquire().await;
            let told = format!("{fault:?} at operation {operation} of {count}");
            let done = tokio::spawn(async move { row(&stage, Some(fault), operation).await });
            (told, done.await.is_ok())
        });
    }
    let mut failed = Vec::new();
    while let Some(row) = rows.join_next().await {
        let (told, well) = row.expect("a row");
        if !well {
            failed.push(told);
        }
    }
    failed.sort();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
