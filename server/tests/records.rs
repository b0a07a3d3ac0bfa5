//! What tablets bring and fetch, against the real router, store and admission child.

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use ed25519_dalek::SigningKey as Secret;
use server::clock::ManualClock;
use server::config::Config;
use server::rng::SeededRng;
use server::state::AppState;
use sync::admit::{Code, Offered};
use sync::author::Author;
use sync::facts::{AnswerKind, CheckPoint, CheckSheet, Demand, Member, ObjectFacts, Role};
use sync::ids::{Key, Sha256, TaskId};
use sync::message::*;
use sync::record::RecordDoc;
use sync::signing::{self, RequestAuth};
use tower::ServiceExt;

const NOW: i64 = 1_795_500_000_000;

/// A tablet as the wire sees it: a device key and documents in memory.
struct Tablet {
    secret: Secret,
    person: String,
    cursor: Option<Cursor>,
    record: Option<RecordDoc>,
}

impl Tablet {
    fn new(n: u8, person: &str) -> Self {
        Tablet {
            secret: Secret::from_bytes(&[n; 32]),
            person: person.into(),
            cursor: None,
            record: None,
        }
    }

    fn author(&self) -> Author {
        Author {
            device: signing::public(&self.secret),
            person: self.person.clone(),
            epoch: 1,
        }
    }

    fn request(&self) -> SyncRequest {
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

    /// Writes cells and returns them as one signed run.
    fn write(&mut self, cells: &[(&str, sync::cells::Value)]) -> Vec<Offered> {
        let author = self.author();
        let record = self.record.as_mut().expect("the task was granted");
        let mut run = Vec::new();
        for (path, value) in cells {
            let change = record
                .edit(&author, NOW, &[(path.to_string(), value.clone())])
                .unwrap()
                .unwrap();
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
        run.into_iter().map(|(_, c)| c).collect()
    }

    fn apply(&mut self, response: &SyncResponse) {
        self.cursor = Some(response.cursor);
        for doc in &response.docs {
            let mut log: Vec<Vec<u8>> = Vec::new();
            if let Some(record) = &self.record {
                log.push(record.save());
            }
            let record = self
                .record
                .get_or_insert_with(|| RecordDoc::empty(doc.task));
            let rights = sync::admit::Rights {
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
            let batch = sync::admit::Batch {
                authors: response.authors.clone(),
                changes: doc.changes.clone(),
            };
            for judged in sync::admit::admit(record, &rights, &batch) {
                assert!(
                    matches!(
                        judged.verdict,
                        sync::admit::Verdict::Admitted | sync::admit::Verdict::Known
                    ),
                    "{judged:?}"
                );
            }
        }
    }
}

struct Office {
    state: AppState,
    router: axum::Router,
    task: TaskId,
}

impl Office {
    /// An office with one dispatched task for Zhang (device 1) and Li (device 2).
    async fn open(data: &Path) -> Office {
        let clock = Arc::new(ManualClock::new(NOW));
        let state = AppState::open(Config::local(data), clock, Arc::new(SeededRng::new(7)))
            .await
            .unwrap();
        let router = server::sync::router().with_state(state.clone());
        let own = state.clone();
        let task = state
            .db
            .write(move |tx| {
                tx.execute("INSERT INTO departments (code, name, level) VALUES ('SCJG', '示例局', 'city')", &[])?;
                for (n, person) in [(1u8, "zhang"), (2, "li")] {
                    let key = signing::public(&Secret::from_bytes(&[n; 32]));
                    let id = sync::ids::DeviceId::of(&key).to_string();
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
                let actor = server::account::Actor {
                    account: "a".into(), login: "a".into(), name: "a".into(), department: None,
                    grants: vec![], origin: "test".into(),
                };
                server::task::dispatch(tx, &own, &actor, &common(), vec![drawn()])?;
                Ok(tx.query_one::<String>("SELECT id FROM tasks", &[], |r| r.get(0))?)
            })
            .await
            .unwrap();
        Office {
            state,
            router,
            task: task.parse().unwrap(),
        }
    }

    async fn send(
        &self,
        secret: &Secret,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response<Body> {
        let auth = RequestAuth::sign(secret, method, path, &body, NOW, [5; 16]);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", auth.header());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap())
            .await
            .unwrap()
    }

    async fn sync(&self, tablet: &mut Tablet, request: &SyncRequest) -> SyncResponse {
        let response = self
            .send(
                &tablet.secret,
                "POST",
                "/sync/v1",
                &[],
                pack(request).unwrap(),
            )
            .await;
        assert_eq!(response.status(), StatusCode::OK);
        let body = axum::body::to_bytes(response.into_body(), 1 << 24)
            .await
            .unwrap();
        let response: SyncResponse = unpack(&body).unwrap();
        tablet.apply(&response);
        response
    }

    async fn push(&self, tablet: &mut Tablet, changes: Vec<Offered>) -> SyncResponse {
        let mut request = tablet.request();
        request.docs = vec![DocChanges {
            task: self.task,
            changes,
        }];
        self.sync(tablet, &request).await
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.state
            .db
            .read(move |tx| Ok(tx.query_one(sql, &[], |r| r.get(0))?))
            .await
            .unwrap()
    }
}

fn common() -> server::task::Dispatch {
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
    server::task::Dispatch {
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
            points: (1..=10).map(point).collect(),
        }],
    }
}

fn drawn() -> server::task::DrawnTask {
    let member = |person: &str, role| Member {
        person: person.into(),
        name: person.into(),
        unit: "示例所".into(),
        certificate: "1".into(),
        role,
        keys: vec![],
    };
    server::task::DrawnTask {
        rank: 0,
        object: ObjectFacts {
            id: "o1".into(),
            name: "示例公司".into(),
            code: "".into(),
            address: "".into(),
            district: "440304".into(),
            responsible: "".into(),
            contact: "".into(),
            industry: "".into(),
            lat_e7: None,
            lon_e7: None,
        },
        history: vec![],
        team: vec![member("zhang", Role::Leader), member("li", Role::Member)],
    }
}

async fn granted(office: &Office, n: u8, person: &str) -> Tablet {
    let mut tablet = Tablet::new(n, person);
    let request = tablet.request();
    let response = office.sync(&mut tablet, &request).await;
    assert_eq!(response.grants.len(), 1);
    assert_eq!(response.docs.len(), 1);
    assert!(!response.more);
    tablet
}

#[tokio::test]
async fn two_tablets_meet_through_the_server() {
    // F5, F7
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    let mut li = granted(&office, 2, "li").await;
    let run = zhang.write(&[
        ("point/A1/p1/answer", "compliant".into()),
        ("visit/start_at", 5.into()),
    ]);
    let response = office.push(&mut zhang, run).await;
    assert_eq!(
        response.verdicts,
        [DocVerdict {
            stored: 2,
            held: vec![]
        }]
    );
    let run = li.write(&[("point/A1/p1/answer", "non_compliant".into())]);
    let response = office.push(&mut li, run).await;
    assert_eq!(response.verdicts[0].stored, 1);
    assert_eq!(
        response.docs[0].changes.len(),
        2,
        "Zhang's work comes in the same round trip"
    );
    let request = zhang.request();
    office.sync(&mut zhang, &request).await;
    assert_eq!(
        zhang.record.as_ref().unwrap().heads(),
        li.record.as_ref().unwrap().heads()
    );
    assert_eq!(
        zhang.record.unwrap().view().conflicts(),
        ["point/A1/p1/answer"]
    );
}

#[tokio::test]
async fn a_lost_answer_makes_no_duplicates() {
    // lesson 1
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    let run = zhang.write(&[("point/A1/p1/answer", "compliant".into())]);
    for _ in 0..3 {
        assert_eq!(
            office.push(&mut zhang, run.clone()).await.verdicts[0].stored,
            1
        );
    }
    assert_eq!(office.count("SELECT count(*) FROM record_changes").await, 2);
}

#[tokio::test]
async fn what_is_refused_is_kept_shown_and_blocks_nothing() {
    // lesson 14, lesson 31
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    let good = zhang.write(&[("point/A1/p1/answer", "compliant".into())]);
    let mut bad = good.clone();
    let at = bad[0].bytes.len() / 2;
    bad[0].bytes[at] ^= 0xff;
    let response = office.push(&mut zhang, bad).await;
    assert_eq!(response.verdicts[0].held[0].code, Some(Code::Malformed));
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 1);
    assert_eq!(office.push(&mut zhang, good).await.verdicts[0].stored, 1);
}

#[tokio::test]
async fn a_stranger_and_a_revoked_tablet_get_nothing() {
    // S2, F8
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let body = pack(&Tablet::new(9, "wang").request()).unwrap();
    let response = office
        .send(
            &Secret::from_bytes(&[9; 32]),
            "POST",
            "/sync/v1",
            &[],
            body.clone(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    office
        .state
        .db
        .write(|tx| Ok(tx.execute("UPDATE devices SET revoked_at = 1 WHERE name = 'li'", &[])?))
        .await
        .unwrap();
    let response = office
        .send(&Secret::from_bytes(&[2; 32]), "POST", "/sync/v1", &[], body)
        .await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_restored_server_is_noticed() {
    // X7
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    for cursor in [
        Cursor {
            incarnation: [1; 16],
            seq: 1,
        },
        Cursor {
            seq: 1 << 40,
            ..zhang.cursor.unwrap()
        },
    ] {
        let mut request = zhang.request();
        request.cursor = Some(cursor);
        let response = office.sync(&mut zhang, &request).await;
        assert!(response.restored);
        assert_eq!(response.tips.len(), 1);
        assert_eq!(response.grants.len(), 1, "everything comes again");
    }
}

#[tokio::test]
async fn an_idle_sync_is_a_cursor() {
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    let request = zhang.request();
    let up = pack(&request).unwrap().len();
    let response = office.sync(&mut zhang, &request).await;
    assert!(response.docs.is_empty() && response.grants.is_empty());
    let down = pack(&response).unwrap().len();
    assert!(up + down <= 600, "{up} + {down}");
}

/// Names a photo in the record; returns the hash.
async fn name_photo(office: &Office, tablet: &mut Tablet, bytes: &[u8]) -> String {
    let sha256 = Sha256::of(bytes).to_string();
    let id = "0123456789abcdef";
    let run = tablet.write(&[
        (
            &format!("photo/{id}/thumbnail_sha256"),
            sha256.as_str().into(),
        ),
        (
            &format!("photo/{id}/thumbnail_size"),
            (bytes.len() as i64).into(),
        ),
    ]);
    office.push(tablet, run).await;
    sha256
}

fn offset(response: &Response<Body>) -> u64 {
    response.headers()["upload-offset"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

#[tokio::test]
async fn a_photo_goes_on_where_it_was_cut() {
    // F7; lesson 3, lesson 29
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    let mut li = granted(&office, 2, "li").await;
    let photo: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    let sha256 = name_photo(&office, &mut zhang, &photo).await;
    let path = format!("/blobs/{}/{sha256}", office.task);
    let secret = zhang.secret.clone();
    let patch = |from: usize, chunk: &[u8]| {
        let (office, secret, path, chunk) = (&office, secret.clone(), path.clone(), chunk.to_vec());
        async move {
            office
                .send(
                    &secret,
                    "PATCH",
                    &path,
                    &[("upload-offset", &from.to_string())],
                    chunk,
                )
                .await
        }
    };
    let response = patch(0, &photo[..40_000]).await;
    assert_eq!(
        (response.status(), offset(&response)),
        (StatusCode::NO_CONTENT, 40_000)
    );
    // The answer was lost: the tablet repeats the chunk and is told where to go on.
    let response = patch(0, &photo[..40_000]).await;
    assert_eq!(
        (response.status(), offset(&response)),
        (StatusCode::CONFLICT, 40_000)
    );
    assert_eq!(
        offset(&office.send(&secret, "HEAD", &path, &[], vec![]).await),
        40_000
    );
    let response = patch(40_000, &photo[40_000..]).await;
    assert_eq!(response.headers()["upload-complete"], "?1");
    // The receipt comes with the next sync, and Li hears of the photo and fetches a part of it.
    let mut request = zhang.request();
    request.blobs = vec![BlobRef {
        task: office.task,
        sha256: sha256.parse().unwrap(),
        size: 100_000,
        kind: BlobKind::Thumbnail,
    }];
    assert!(office.sync(&mut zhang, &request).await.blobs[0].stored);
    let request = li.request();
    let offered = office.sync(&mut li, &request).await.offered;
    assert_eq!(offered.len(), 1);
    let response = office
        .send(
            &li.secret,
            "GET",
            &path,
            &[("range", "bytes=50000-50009")],
            vec![],
        )
        .await;
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    let part = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    assert_eq!(part[..], photo[50_000..50_010]);
}

#[tokio::test]
async fn a_photo_that_is_not_what_its_name_says_is_never_published() {
    // lesson 29
    let data = tempfile::tempdir().unwrap();
    let office = Office::open(data.path()).await;
    let mut zhang = granted(&office, 1, "zhang").await;
    let sha256 = name_photo(&office, &mut zhang, b"what it should be").await;
    let path = format!("/blobs/{}/{sha256}", office.task);
    let response = office
        .send(
            &zhang.secret,
            "PATCH",
            &path,
            &[("upload-offset", "0")],
            b"something else 17".to_vec(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let response = office.send(&zhang.secret, "HEAD", &path, &[], vec![]).await;
    assert_eq!(
        (
            offset(&response),
            response.headers()["upload-complete"].to_str().unwrap()
        ),
        (0, "?0")
    );
    let unnamed = format!(
        "/blobs/{}/{}",
        office.task,
        Sha256::of(b"no record names this")
    );
    let response = office
        .send(
            &zhang.secret,
            "PATCH",
            &unnamed,
            &[("upload-offset", "0")],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}
