//! A tablet of the first schema, as it lay in a drawer: `fixtures/schema_1` was made by the first
//! version and is never made again. Today's program opens it, everything is there, and the inspection
//! goes on to its seal (F8).

mod common;

use std::sync::Arc;

use common::*;
use serde_json::json;

const ZHANG: (&str, &str) = ("zhang", "135790");
const LI: (&str, &str) = ("li", "246801");

#[tokio::test(flavor = "multi_thread")]
async fn a_tablet_of_the_first_schema_goes_on_with_everything_it_had() {
    let dir = Arc::new(tempfile::tempdir().expect("dir"));
    copy_folder(&schema_1(), dir.path());
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    *server.adopt.lock().expect("lock") = Some(enrolled(dir.path()));
    let tablet = Tablet::in_folder(&server, dir, 90).await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(
        record["cells"]["handling/opinion"]["values"][0]["value"],
        "未发现问题，予以归档。"
    );
    for path in [
        "visit/end_at",
        "point/SP-01/p2/answer",
        "party/opinion",
        "fee/none",
    ] {
        assert!(!record["cells"][path].is_null(), "{path}");
    }
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    let id = photos["rows"][0]["photo"].as_str().expect("a photo");
    let path = format!("/api/tasks/{task}/photos/{id}/original");
    assert_eq!(tablet.bytes(&path).await, (200, jpeg(60, 40, 3)));
    let base = format!("/api/tasks/{task}/sign-off");
    assert_eq!(tablet.ok(&base).await["party"]["statement"]["name"], "王五");
    for (person, pin) in [ZHANG, LI] {
        let body = json!({"person": person, "pin": pin, "ink": ink()});
        let (status, body) = tablet.post(&format!("{base}/inspectors"), body).await;
        assert_eq!(status, 200, "{body}");
    }
    for _ in 0..2 {
        assert_eq!(tablet.sync().await, None);
    }
    assert!(server.sealed(&task, 1));
    assert_eq!(server.stored().len(), 3);
    let diagnostics = tablet.ok("/api/diagnostics").await;
    assert!(
        diagnostics["schema_version"].as_i64() > Some(1),
        "{diagnostics}"
    );
}

/// How the fixture was made; only a program of the first schema may do it.
#[tokio::test(flavor = "multi_thread")]
async fn the_fixture_is_not_made_again() {
    if std::env::var_os("MAKE_SCHEMA_1").is_none() {
        return;
    }
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let mut tablet = Tablet::new(&server, 1).await;
    tablet.enrol("CODE-1", &[ZHANG, LI]).await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    assert_eq!(tablet.sync().await, None);
    let schema = tablet.ok("/api/diagnostics").await["schema_version"].clone();
    assert_eq!(schema, 1, "a program of the first schema");
    tablet.fill(&task).await;
    let (status, _) = tablet.add_photo(&task, jpeg(60, 40, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    let base = format!("/api/tasks/{task}/sign-off");
    assert_eq!(tablet.post(&base, json!({})).await.0, 200);
    let party = json!({"kind": "signed", "name": "王五", "capacity": "店长", "ink": ink()});
    assert_eq!(tablet.post(&format!("{base}/party"), party).await.0, 200);
    tablet.kill().await;
    copy_folder(tablet.path(), &schema_1());
}
