//! What a tablet keeps, for how long, and from whom (F8, S2).

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use field_agent::api::access::LOCK_AFTER_MS;
use serde_json::json;

const DAY: i64 = 86_400_000;

async fn enrolled() -> (Arc<Server>, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let tablet = Tablet::new(&server, 1).await;
    tablet
        .enrol("CODE-1", &[("zhang", "135790"), ("li", "246801")])
        .await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    (server, tablet, task)
}

fn names(tablet: &Tablet) -> Vec<String> {
    let entries = std::fs::read_dir(tablet.path()).expect("lists");
    let mut names: Vec<String> = entries
        .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tablet_that_nobody_uses_locks_itself_while_its_screen_keeps_up_to_date() {
    let (_server, tablet, task) = enrolled().await;
    for _ in 0..4 {
        tablet.clock.advance(LOCK_AFTER_MS / 2);
        let (status, _) = tablet.post("/api/active", json!({})).await;
        assert_eq!(status, 204, "somebody uses it");
    }
    for _ in 0..2 {
        assert_eq!(tablet.get("/api/tasks").await.0, 200);
        tablet.clock.advance(LOCK_AFTER_MS / 2);
    }
    let (status, body) = tablet.get(&format!("/api/tasks/{task}/record")).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("locked")));
    assert_eq!(tablet.ok("/api/state").await["locked"], true);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.get("/api/tasks").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_27_a_revoked_tablet_wipes_itself_when_it_next_talks() {
    let (server, mut tablet, task) = enrolled().await;
    tablet.write(&task, "handling/opinion", json!("先")).await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    server.revoked_by_a_stranger.store(true, Ordering::SeqCst);
    assert_eq!(tablet.sync().await.as_deref(), Some("revoked"));
    tablet.write(&task, "handling/opinion", json!("后")).await;
    server.revoked_by_a_stranger.store(false, Ordering::SeqCst);
    server.revoked.store(true, Ordering::SeqCst);
    assert_eq!(tablet.sync().await.as_deref(), Some("revoked"));
    assert_eq!(
        names(&tablet),
        [
            "device.secret",
            "vault.sqlite",
            "vault.sqlite-shm",
            "vault.sqlite-wal"
        ]
    );
    let state = tablet.ok("/api/state").await;
    assert_eq!(
        (
            state["enrolled"].as_bool(),
            state["inspectors"].as_array().map(Vec::len)
        ),
        (Some(false), Some(0))
    );
    assert!(state["wiped_at"].is_i64());
    let unlock = json!({"person": "zhang", "pin": "135790"});
    assert_eq!(tablet.post("/api/unlock", unlock.clone()).await.0, 404);
    // It can be enrolled again, as a new tablet, also over a restart.
    server.revoked.store(false, Ordering::SeqCst);
    server.issue("CODE-2", &["zhang"]);
    tablet.enrol("CODE-2", &[("zhang", "135790")]).await;
    tablet.kill_and_start().await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/state").await["wiped_at"], json!(null));
    assert_eq!(tablet.ok("/api/tasks").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_15_a_tablet_is_handed_back_only_when_all_is_confirmed() {
    let (server, mut tablet, task) = enrolled().await;
    let hand_back = json!({"pin": "135790"});
    tablet.write(&task, "handling/opinion", json!("在")).await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    let before = names(&tablet);
    for stage in ["nothing is sent", "the photo's original is not sent"] {
        let (status, body) = tablet.post("/api/hand-back", hand_back.clone()).await;
        assert_eq!(
            (status, body["code"].as_str()),
            (409, Some("not_all_confirmed")),
            "{stage}: {body}"
        );
        assert_eq!(names(&tablet), before, "{stage}");
        assert_eq!(tablet.get("/api/tasks").await.0, 200, "{stage}");
        let held = stage == "nothing is sent";
        let paused = json!({"originals": if held { "never" } else { "fast" }});
        tablet.put("/api/sync/policy", paused).await;
        assert_eq!(tablet.sync().await, None);
    }
    let (status, body) = tablet
        .post("/api/hand-back", json!({"pin": "999999"}))
        .await;
    assert_eq!((status, body["code"].as_str()), (401, Some("wrong_pin")));
    let (status, body) = tablet.post("/api/hand-back", hand_back).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(
        (&body["enrolled"], &body["wiped_at"], &body["locked"]),
        (&json!(false), &json!(null), &json!(true))
    );
    assert!(
        !names(&tablet)
            .iter()
            .any(|n| n.starts_with("store") || n == "photos")
    );
    // In other hands it knows nothing of what was there.
    server.issue("CODE-2", &["wang"]);
    tablet.enrol("CODE-2", &[("wang", "864202")]).await;
    tablet.kill_and_start().await;
    tablet.unlock("wang", "864202").await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/tasks").await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wipe_that_was_cut_short_is_finished_by_the_next_start() {
    let (_server, mut tablet, _task) = enrolled().await;
    tablet.kill().await;
    {
        let db = rusqlite::Connection::open(tablet.path().join("vault.sqlite")).expect("opens");
        db.execute_batch(
            "DELETE FROM slot; DELETE FROM meta WHERE key = 'device'; INSERT INTO meta VALUES ('wiping', '1')",
        )
        .expect("as after the keys were destroyed");
    }
    tablet.start().await;
    assert!(
        !names(&tablet)
            .iter()
            .any(|n| n.starts_with("store") || n == "photos")
    );
}

async fn has_original(tablet: &Tablet, task: &str) -> bool {
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    assert_eq!(photos["rows"][0]["has_rendition"], true, "{photos}");
    let id = photos["rows"][0]["photo"].as_str().expect("id");
    let path = format!("/api/tasks/{task}/photos/{id}/original");
    let here = tablet.bytes(&path).await.0 == 200;
    assert_eq!(photos["rows"][0]["has_original"], here);
    here
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_20_originals_leave_the_tablet_by_rule_and_never_without_a_receipt() {
    let (server, tablet, task) = enrolled().await;
    tablet.fill(&task).await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    // Accepted, but the original has no receipt: it stays, however long.
    *server.refuse.lock().expect("lock") = Some(sync::message::BlobKind::Original);
    tablet.sync().await;
    server.accept(&task);
    tablet.sync().await;
    tablet.clock.advance(40 * DAY);
    tablet.unlock("zhang", "135790").await;
    tablet.sync().await;
    assert!(has_original(&tablet, &task).await, "no receipt");
    // The receipt has come: it stays for 30 days after the office accepted, which are over.
    *server.refuse.lock().expect("lock") = None;
    tablet.clock.advance(2 * DAY);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    tablet.clock.advance(2 * DAY);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    assert!(!has_original(&tablet, &task).await, "slimmed");
    assert_eq!(server.stored().len(), 3, "the office has all three forms");
    let status = tablet.ok("/api/sync").await;
    assert_eq!(status["photos"]["confirmed"], 1, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_lately_or_not_at_all_stays_whole() {
    let (server, tablet, task) = enrolled().await;
    tablet.fill(&task).await;
    tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(tablet.sync().await, None);
    tablet.clock.advance(60 * DAY);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    assert!(has_original(&tablet, &task).await, "nobody has accepted it");
    server.accept(&task);
    assert_eq!(tablet.sync().await, None);
    tablet.clock.advance(29 * DAY);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    assert!(has_original(&tablet, &task).await, "accepted 29 days ago");
}
