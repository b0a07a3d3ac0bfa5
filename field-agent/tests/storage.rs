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
async fn what_the_office_refused_for_good_waits_for_nothing_but_a_person() {
    // Zhang was relieved and wrote on without knowing it: the office keeps that in quarantine.
    let (server, tablet, task) = enrolled().await;
    tablet.write(&task, "handling/opinion", json!("在")).await;
    assert_eq!(tablet.sync().await, None);
    *server.refuse_as.lock().expect("lock") = Some(sync::admit::Code::Relieved);
    tablet.write(&task, "handling/measure", json!("还")).await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    let told = async || {
        let sync = tablet.ok("/api/sync").await;
        let state = tablet.ok("/api/state").await;
        let unconfirmed = ["unconfirmed_records", "unconfirmed_photos"].map(|c| state[c].clone());
        (
            sync["refused"].clone(),
            sync["warning"].clone(),
            unconfirmed,
        )
    };
    let none = json!({"changes": 0, "files": 0});
    assert_eq!(told().await, (none, json!("none"), [json!(1), json!(1)]));
    let hand_back = json!({"pin": "135790"});
    let (_, body) = tablet.post("/api/hand-back", hand_back.clone()).await;
    assert_eq!(body["code"], "not_all_confirmed", "{body}");
    assert_eq!(tablet.sync().await, None);
    tablet.clock.advance(4 * DAY);
    tablet.unlock("zhang", "135790").await;
    let refused = json!({"changes": 2, "files": 1});
    let nothing_waits = (refused, json!("none"), [json!(0), json!(0)]);
    assert_eq!(told().await, nothing_waits);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(
        told().await,
        nothing_waits,
        "also after it was asked for anew"
    );
    let row = tablet.ok("/api/sync").await["rows"][0].clone();
    assert_eq!(row["delivery"], "refused", "{row}");
    assert_eq!(row["error_code"], "relieved", "{row}");

    // It is lost only by somebody who was told what it is.
    let (status, body) = tablet.post("/api/hand-back", hand_back).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("refused_work")));
    let words = body["detail"].as_str().expect("words");
    assert!(words.contains("2 项") && words.contains("1 个"), "{words}");
    let sure = json!({"pin": "135790", "give_up_refused": true});
    let (status, body) = tablet.post("/api/hand-back", sure).await;
    assert_eq!(status, 200, "{body}");
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

/// The files of photos, and how they are called.
fn photo_files(tablet: &Tablet) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(tablet.path().join("photos")).expect("lists");
    let mut files: Vec<_> = entries.map(|e| e.expect("entry").path()).collect();
    files.sort();
    files
}

/// As if all of them had been written so many days before the tablet's day.
fn written_days_ago(tablet: &Tablet, days: i64) {
    let at = u64::try_from(START - days * DAY).expect("after 1970");
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at);
    for path in photo_files(tablet) {
        let file = std::fs::File::options().append(true).open(path);
        file.expect("opens").set_modified(at).expect("sets");
    }
}

// Lesson 18: on a tablet that is killed behind the camera each day, room must not disappear
#[tokio::test(flavor = "multi_thread")]
async fn files_that_nothing_names_are_removed_after_a_day_and_no_others() {
    let (_server, mut tablet, task) = enrolled().await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    let (status, _) = tablet.add_clip(&task, "entry", mp4(5_000, 1), "").await;
    assert_eq!(status, 200);
    let recording = format!("/api/tasks/{task}/recordings/0123456789abcdef/0?kind=entry");
    let webm = [
        &b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm....V_VP8"[..],
        &[7_u8; 900][..],
    ];
    let (status, body) = tablet.put_bytes(&recording, &webm.concat()).await;
    assert_eq!(status, 200, "{body}");
    let named = photo_files(&tablet);
    assert_eq!(named.len(), 5);
    // A crash between a file and its row.
    let orphan = tablet.path().join("photos").join("00".repeat(16));
    std::fs::write(&orphan, b"DRB1 and what nothing names").expect("writes");
    written_days_ago(&tablet, 2);
    let fresh = tablet.path().join("photos").join("01".repeat(16));
    std::fs::write(&fresh, b"DRB1 and what may get its row in a moment").expect("writes");
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(START as u64);
    let file = std::fs::File::options().append(true).open(&fresh);
    file.expect("opens").set_modified(at).expect("sets");
    tablet.kill_and_start().await;
    tablet.unlock("zhang", "135790").await;
    assert!(orphan.exists(), "the office may know what it is");
    assert_eq!(tablet.sync().await, None);
    let mut left = photo_files(&tablet);
    left.retain(|f| *f != fresh);
    assert_eq!(left, named);
    assert!(fresh.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_put_back_loses_no_file_that_the_office_can_name() {
    let (server, mut tablet, task) = enrolled().await;
    tablet.kill().await;
    let names = ["store.sqlite", "store.sqlite-wal"];
    let copies = names.map(|name| std::fs::read(tablet.path().join(name)).ok());
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    // The original has not gone up when the store is put back.
    *server.refuse.lock().expect("lock") = Some(sync::message::BlobKind::Original);
    assert_eq!(tablet.sync().await, None);
    tablet.kill().await;
    let before = photo_files(&tablet);
    written_days_ago(&tablet, 3);
    for (name, copy) in names.iter().zip(copies) {
        let path = tablet.path().join(name);
        match copy {
            Some(bytes) => std::fs::write(path, bytes).expect("puts back"),
            None => drop(std::fs::remove_file(path)),
        }
    }
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    for _ in 0..3 {
        tablet.sync().await;
        tablet.clock.advance(2 * DAY);
        tablet.unlock("zhang", "135790").await;
    }
    let left = photo_files(&tablet);
    assert!(
        before.iter().all(|f| left.contains(f)),
        "{before:?} {left:?}"
    );
}
