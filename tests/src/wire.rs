//! Tablets as the wire sees them, and an office beneath its HTTP host: for tests of the protocol
//! itself and for measuring.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use ed25519_dalek::SigningKey as Secret;
use server::account::Actor;
use server::clock::ManualClock;
use server::config::Config;
use server::db::Tx;
use server::error::AppError;
use server::rng::SeededRng;
use server::state::AppState;
use server::task::{Dispatch, DrawnTask, dispatch};
use sync::admit::{Batch, Offered, Rights, Verdict, admit};
use sync::author::Author;
use sync::cells::Value;
use sync::facts::{AnswerKind, CheckPoint, CheckSheet, Demand, Member, ObjectFacts, Role};
use sync::ids::{DeviceId, Key, TaskId};
use sync::message::*;
use sync::record::RecordDoc;
use sync::signing::{self, RequestAuth};
use tower::ServiceExt;

pub const NOW: i64 = 1_795_500_000_000;

/// A tablet as the wire sees it: a device key and documents in memory.
pub struct WireTablet {
    pub secret: Secret,
    person: String,
    pub cursor: Option<Cursor>,
    pub records: BTreeMap<TaskId, RecordDoc>,
}

impl WireTablet {
    /// Device `n` in the hands of `person`.
    pub fn new(n: u8, person: &str) -> Self {
        WireTablet::with(Secret::from_bytes(&[n; 32]), person)
    }

    /// The device with this key in the hands of `person`.
    pub fn with(secret: Secret, person: &str) -> Self {
        WireTablet {
            secret,
            person: person.into(),
            cursor: None,
            records: BTreeMap::new(),
        }
    }

    /// In whose hands it is.
    pub fn person(&self) -> &str {
        &self.person
    }

    /// Who writes on it.
    pub fn author(&self) -> Author {
        Author {
            device: signing::public(&self.secret),
            person: self.person.clone(),
            epoch: 1,
        }
    }

    /// The record of the only task, or the first.
    pub fn record(&self) -> &RecordDoc {
        self.records.values().next().expect("a task was granted")
    }

    /// A request that brings nothing.
    pub fn request(&self) -> SyncRequest {
        SyncRequest {
            v: VERSION,
            epoch: 1,
            request: [0; 16],
            cursor: self.cursor,
            authors: vec![self.author()],
            docs: vec![],
            signatures: vec![],
            blobs: vec![],
            status: None,
        }
    }

    /// Writes cells of a task, one change each, and returns them as one signed run.
    pub fn write(&mut self, task: TaskId, cells: &[(String, Value)]) -> Vec<Offered> {
        let author = self.author();
        let record = self.records.get_mut(&task).expect("the task was granted");
        let mut run = Vec::new();
        for cell in cells {
            let change = record
                .edit(&author, NOW, std::slice::from_ref(cell))
                .expect("an honest edit");
            let change = change.expect("a new value");
            run.push((
                change.hash,
                Offered {
                    author: 0,
                    bytes: change.bytes,
                    sig: None,
                },
            ));
        }
        if let Some((hash, last)) = run.last_mut() {
            last.sig = Some(signing::sign(&self.secret, signing::CHANGE, &hash.0));
        }
        run.into_iter().map(|(_, change)| change).collect()
    }

    /// Takes in a response as a tablet does: through admission.
    pub fn apply(&mut self, response: &SyncResponse) {
        self.cursor = Some(response.cursor);
        let rights = Rights {
            server: response
                .authors
                .iter()
                .find(|a| a.is_server())
                .map_or(Key([0; 32]), |a| a.device),
            devices: response
                .authors
                .iter()
                .map(|a| (a.device, vec![a.person.clone()]))
                .collect(),
            revoked: vec![],
        };
        for doc in &response.docs {
            let record = self
                .records
                .entry(doc.task)
                .or_insert_with(|| RecordDoc::empty(doc.task));
            let batch = Batch {
                authors: response.authors.clone(),
                changes: doc.changes.clone(),
            };
            for judged in admit(record, &rights, &batch) {
                assert!(
                    matches!(judged.verdict, Verdict::Admitted | Verdict::Known),
                    "{judged:?}"
                );
            }
        }
    }
}

/// An office with dispatched tasks for Zhang (device 1) and Li (device 2).
pub struct WireOffice {
    pub state: AppState,
    /// Its clock, which a story moves.
    pub clock: Arc<ManualClock>,
    router: axum::Router,
    /// The first of the tasks.
    pub task: TaskId,
}

impl WireOffice {
    pub async fn open(data: &Path, tasks: u32) -> WireOffice {
        WireOffice::open_with(Config::local(data), tasks).await
    }

    /// The same, configured so.
    pub async fn open_with(config: Config, tasks: u32) -> WireOffice {
        let clock = Arc::new(ManualClock::new(NOW));
        let state = AppState::open(config, clock.clone(), Arc::new(SeededRng::new(7)));
        let state = state.await.expect("an empty folder");
        let router = server::sync::router().with_state(state.clone());
        state.db.write(people).await.expect("people");
        let mut office = WireOffice {
            state,
            clock,
            router,
            task: TaskId([0; 16]),
        };
        if tasks > 0 {
            office.dispatch((0..tasks).map(drawn).collect()).await;
            let first = office.state.db.read(|tx| {
                Ok(tx
                    .query_one::<String>("SELECT id FROM tasks ORDER BY rank", &[], |r| r.get(0))?)
            });
            office.task = first.await.expect("a task").parse().expect("a task id");
        }
        office
    }

    /// Dispatches tasks of one draw.
    pub async fn dispatch(&self, tasks: Vec<DrawnTask>) {
        let own = self.state.clone();
        self.state
            .db
            .write(move |tx| {
                let actor = Actor {
                    account: "a".into(),
                    login: "a".into(),
                    name: "a".into(),
                    department: None,
                    grants: vec![],
                    origin: "test".into(),
                };
                dispatch(tx, &own, &actor, &common(), tasks)?;
                Ok(())
            })
            .await
            .expect("dispatched");
    }

    /// Sends a request that `secret`'s device signed.
    pub async fn send(
        &self,
        secret: &Secret,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response<Body> {
        let auth = RequestAuth::sign(secret, method, path, &body, NOW, [5; 16]);
        self.send_body(auth, (method, path), headers, Body::from(body))
            .await
    }

    /// The same with a body that comes as it comes.
    pub async fn send_body(
        &self,
        auth: RequestAuth,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response<Body> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", auth.header());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).expect("a request");
        self.router
            .clone()
            .oneshot(request)
            .await
            .expect("infallible")
    }

    /// One round trip; the sizes of both bodies with the response.
    pub async fn round_trip(
        &self,
        tablet: &mut WireTablet,
        request: &SyncRequest,
    ) -> (SyncResponse, usize, usize) {
        let up = pack(request).expect("packs");
        let sent = up.len();
        let response = self.send(&tablet.secret, "POST", "/sync/v1", &[], up).await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(response.into_body(), 1 << 24)
            .await
            .expect("a body");
        (unpack(&body).expect("a response"), sent, body.len())
    }

    pub async fn sync(&self, tablet: &mut WireTablet, request: &SyncRequest) -> SyncResponse {
        let (response, ..) = self.round_trip(tablet, request).await;
        tablet.apply(&response);
        response
    }

    /// Brings changes of the first task.
    pub async fn push(&self, tablet: &mut WireTablet, changes: Vec<Offered>) -> SyncResponse {
        let mut request = tablet.request();
        request.docs = vec![DocChanges {
            task: self.task,
            changes,
        }];
        self.sync(tablet, &request).await
    }

    /// A tablet that has heard of all its tasks.
    pub async fn granted(&self, n: u8, person: &str) -> WireTablet {
        self.granted_to(WireTablet::new(n, person)).await
    }

    /// The same for this one.
    pub async fn granted_to(&self, mut tablet: WireTablet) -> WireTablet {
        loop {
            let request = tablet.request();
            if !self.sync(&mut tablet, &request).await.more {
                return tablet;
            }
        }
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        let counted = self
            .state
            .db
            .read(move |tx| Ok(tx.query_one(sql, &[], |r| r.get(0))?));
        counted.await.expect("a number")
    }
}

fn people(tx: &mut Tx<'_>) -> Result<(), AppError> {
    tx.execute(
        "INSERT INTO departments (code, name, level) VALUES ('SCJG', '示例局', 'city')",
        &[],
    )?;
    for (n, person) in [(1u8, "zhang"), (2, "li")] {
        let key = signing::public(&Secret::from_bytes(&[n; 32]));
        let id = DeviceId::of(&key).to_string();
        tx.execute(
            "INSERT INTO devices (id, key, name, department, version, enrolled_at, unsynced, feed_seq)
             VALUES ($1, $2, $3, 'SCJG', '0', 0, 0, 0)",
            &[&id, &key.to_string(), &person],
        )?;
        let signing_key = signing::public(&Secret::from_bytes(&[100 + n; 32])).to_string();
        tx.execute(
            "INSERT INTO device_inspectors (device, person, key, enrolled_at) VALUES ($1, $2, $3, 0)",
            &[&id, &person, &signing_key],
        )?;
    }
    Ok(())
}

fn common() -> Dispatch {
    let point = |n: u32| CheckPoint {
        id: format!("p{n}"),
        no: n,
        content: "内容".into(),
        basis: "《示例法》".into(),
        requirement: "要求".into(),
        method: "查看".into(),
        answer: AnswerKind::Verdict,
        photo: Demand::Optional,
        note: Demand::Optional,
    };
    Dispatch {
        draw: "d1".into(),
        number: "示例抽查〔2026〕1号".into(),
        title: "示例".into(),
        department: "SCJG".into(),
        department_name: "示例局".into(),
        from: "2026-11-01".into(),
        until: "2026-11-30".into(),
        sheets: vec![CheckSheet {
            item: "A1".into(),
            name: "示例检查".into(),
            department: "SCJG".into(),
            version: 1,
            basis: vec!["《示例法》".into()],
            points: (1..=20).map(point).collect(),
        }],
    }
}

/// A task for Zhang and Li.
pub fn drawn(rank: u32) -> DrawnTask {
    let member = |person: &str, role| Member {
        person: person.into(),
        name: person.into(),
        unit: "示例所".into(),
        certificate: "1".into(),
        role,
        keys: vec![],
    };
    DrawnTask {
        rank,
        object: ObjectFacts {
            id: format!("o{rank}"),
            name: format!("示例公司{rank}"),
            code: String::new(),
            address: "示例路".into(),
            district: "440304".into(),
            responsible: String::new(),
            contact: String::new(),
            industry: String::new(),
            lat_e7: None,
            lon_e7: None,
        },
        history: vec![],
        team: vec![member("zhang", Role::Leader), member("li", Role::Member)],
        days: None,
    }
}
