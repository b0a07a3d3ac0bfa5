//! A damaged store: put aside, never deleted, and what is whole of it comes out (lesson 8).

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use field_agent::rescue::{RescueError, put_aside, rescue};
use serde_json::{Value, json};

/// Bytes of a page of the store.
const PAGE: usize = 4096;

async fn worked_on() -> (Arc<Server>, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let mut tablet = Tablet::new(&server, 1).await;
    tablet
        .enrol("CODE-1", &[("zhang", "135790"), ("li", "246801")])
        .await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    tablet.fill(&task).await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    for (n, bytes) in [mp4(90_000, 1), vec![7; 80_000]].iter().enumerate() {
        let path = format!("/api/tasks/{task}/recordings/00112233445566aa/{n}?kind=check");
        assert_eq!(tablet.put_bytes(&path, bytes).await.0, 200);
    }
    tablet.kill().await;
    (server, tablet, task)
}

fn out() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("dir");
    let out = dir.path().join("out");
    (dir, out)
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_08_rescue_exports_all_of_a_whole_store() {
    let (_server, tablet, task) = worked_on().await;
    let (_dir, out) = out();
    let wrong = rescue(
        tablet.path(),
        "zhang",
        "000000",
        &out,
        START,
        &mut Seeded(1),
    );
    assert!(
        matches!(wrong, Err(RescueError::Unlock(_))),
        "not without the PIN"
    );
    let report = rescue(
        tablet.path(),
        "zhang",
        "135790",
        &out,
        START,
        &mut Seeded(1),
    );
    let report = report.expect("rescues");
    assert_eq!(
        (
            report.records,
            report.changes,
            report.photos,
            report.changes_apart
        ),
        (1, 18, 1, 0),
        "{report:?}"
    );
    assert!(report.damage.is_empty(), "{report:?}");
    let record = std::fs::read(out.join(&task).join("record.json")).expect("record");
    let record: Value = serde_json::from_slice(&record).expect("json");
    let value = &record["cells"]["handling/opinion"][0]["value"];
    assert_eq!(value, "未发现问题，予以归档。");
    let photo = std::fs::read_dir(out.join(&task))
        .expect("lists")
        .map(|e| e.expect("entry").path())
        .find(|p| p.to_string_lossy().ends_with("-original.jpg"))
        .expect("the photo");
    assert_eq!(std::fs::read(photo).expect("reads"), jpeg(120, 90, 3));
    // F9: also what was being recorded
    let film = out.join(&task).join("00112233445566aa-broken-off.mp4");
    let film = std::fs::read(film).expect("the recording");
    assert_eq!(film, [mp4(90_000, 1), vec![7; 80_000]].concat());
    assert_eq!(report.recordings, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_08_rescue_reads_around_every_damaged_page() {
    let (_server, mut tablet, task) = worked_on().await;
    // More than a few pages of changes.
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    for n in 0..60 {
        let text = format!("第{n}次：{}", "未发现问题。".repeat(20));
        tablet.write(&task, "handling/opinion", json!(text)).await;
    }
    tablet.kill().await;
    const ALL: u32 = 18 + 60;
    let path = tablet.path().join("store.sqlite");
    let whole = std::fs::read(&path).expect("store");
    let pages = whole.len() / PAGE;
    let (mut lost, mut all) = (0, 0);
    for page in 1..pages {
        let mut damaged = whole.clone();
        damaged[page * PAGE..(page + 1) * PAGE].fill(0x42);
        std::fs::write(&path, &damaged).expect("damages");
        let (_dir, out) = out();
        match rescue(
            tablet.path(),
            "zhang",
            "135790",
            &out,
            START,
            &mut Seeded(1),
        ) {
            Ok(report) => {
                lost += ALL - report.changes - report.changes_apart;
                all += u32::from(report.changes == ALL && report.photos == 1);
            }
            Err(RescueError::Unreadable(_)) => {}
            Err(other) => panic!("page {page}: {other}"),
        }
        let after = std::fs::read(&path).expect("store");
        assert!(after == damaged, "page {page}: the store stays as it is");
    }
    // A page of an index, or of another table, costs no record.
    assert!(
        all as usize * 2 >= pages,
        "{all} of {pages} pages cost nothing"
    );
    // Each change lies on one page, or on a few; and one page says where all of them are.
    assert!(
        lost <= 3 * ALL,
        "a damaged page costs what is on it, not what follows: {lost}"
    );
    // Torn off in the middle.
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("tears");
    let (_dir, out) = out();
    match rescue(
        tablet.path(),
        "zhang",
        "135790",
        &out,
        START,
        &mut Seeded(1),
    ) {
        Ok(_) | Err(RescueError::Unreadable(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_08_a_damaged_store_is_put_aside_and_the_tablet_goes_on() {
    let (server, mut tablet, task) = worked_on().await;
    // What was confirmed by the office comes back from there.
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    tablet.kill().await;
    let path = tablet.path().join("store.sqlite");
    let mut bytes = std::fs::read(&path).expect("store");
    bytes[100..PAGE].fill(0x42);
    std::fs::write(&path, &bytes).expect("damages");
    tablet.start().await;
    let unlock = json!({"person": "zhang", "pin": "135790"});
    let (status, body) = tablet.post("/api/unlock", unlock).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (500, Some("store_damaged"))
    );
    tablet.kill().await;
    assert_eq!(std::fs::read(&path).expect("still there"), bytes);
    let aside = put_aside(tablet.path(), START, &mut Seeded(9)).expect("puts aside");
    assert_eq!(
        std::fs::read(aside.join("store.sqlite")).expect("kept"),
        bytes
    );
    assert!(aside.join("photos").is_dir() && aside.join("device.secret").is_file());
    tablet.start().await;
    assert_eq!(tablet.ok("/api/state").await["enrolled"], false);
    server.issue("CODE-2", &["zhang", "li"]);
    tablet
        .enrol("CODE-2", &[("zhang", "864209"), ("li", "975310")])
        .await;
    tablet.unlock("zhang", "864209").await;
    assert_eq!(tablet.sync().await, None);
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(record["heads"], json!(server.heads(&task)));
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    assert_eq!(photos["rows"][0]["has_rendition"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_08_with_a_damaged_store_work_goes_on_at_once_and_nothing_is_lost() {
    let (server, mut tablet, task) = worked_on().await;
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    let me = json!({"person": "zhang", "pin": "135790"});
    let whole = tablet.post("/api/store/put-aside", me.clone()).await;
    assert_eq!(
        (whole.0, whole.1["code"].as_str()),
        (409, Some("store_whole"))
    );
    assert_eq!(tablet.sync().await, None);
    // What the office does not have yet is lost with the store, unless it is rescued.
    tablet
        .write(&task, "handling/measure", json!("没有发出"))
        .await;
    tablet.kill().await;
    let path = tablet.path().join("store.sqlite");
    let db = std::fs::read(&path).expect("store");
    let mut damaged = db.clone();
    damaged[100..PAGE].fill(0x42);
    std::fs::write(&path, &damaged).expect("damages");

    tablet.start().await;
    let (status, body) = tablet.post("/api/unlock", me.clone()).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (500, Some("store_damaged"))
    );
    let wrong = json!({"person": "zhang", "pin": "000000"});
    let (status, body) = tablet.post("/api/store/put-aside", wrong).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("wrong_pin")));
    assert_eq!(std::fs::read(&path).expect("untouched"), damaged);
    server.offline.store(true, Ordering::SeqCst);
    let (status, body) = tablet.post("/api/store/put-aside", me.clone()).await;
    assert_eq!((status, &body["locked"]), (200, &json!(false)), "{body}");
    assert_eq!(body["enrolled"], true, "no network is needed");

    // The next sync brings what the office has, and work goes on under the same keys.
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    let heads = tablet.heads(&task).await;
    assert_eq!(heads, json!(server.heads(&task)));
    tablet
        .write(&task, "handling/measure", json!("接着写"))
        .await;
    let (status, _) = tablet.add_photo(&task, jpeg(120, 90, 7), "SP-01/p1").await;
    assert_eq!(status, 200);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.text(&task, "handling/measure"), "接着写");
    tablet.kill_and_start().await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);

    // The damaged one is kept as it was, and can be rescued from its folder.
    let entries = std::fs::read_dir(tablet.path()).expect("lists");
    let folders = entries.map(|e| e.expect("entry").path());
    let aside: Vec<_> = folders
        .filter(|p| {
            p.file_name()
                .is_some_and(|n| n.to_string_lossy().starts_with("damaged-"))
        })
        .collect();
    let [aside] = aside.as_slice() else {
        panic!("{aside:?}")
    };
    assert_eq!(
        std::fs::read(aside.join("store.sqlite")).expect("kept"),
        damaged
    );
    std::fs::write(aside.join("store.sqlite"), &db).expect("somebody mends the page");
    let (_dir, out) = out();
    let report = rescue(aside, "zhang", "135790", &out, START, &mut Seeded(1)).expect("rescues");
    assert_eq!((report.changes, report.photos), (19, 1), "{report:?}");
    // Nobody hands the tablet back without having heard of it.
    let back = json!({"pin": "135790"});
    let (status, body) = tablet.post("/api/hand-back", back).await;
    assert_eq!((status, body["code"].as_str()), (409, Some("damaged_kept")));
}
