//! A tablet whose folder was put back from a copy, here or on another device; and work that the
//! office refuses in part (F8, X7).

mod common;

use std::sync::Arc;

use common::*;
use serde_json::json;

async fn tablet_with_task() -> (Arc<Server>, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let tablet = Tablet::new(&server, 1).await;
    tablet
        .enrol("CODE-1", &[("zhang", "135790"), ("li", "246801")])
        .await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    tablet.write(&task, "handling/opinion", json!("先")).await;
    assert_eq!(tablet.sync().await, None);
    (server, tablet, task)
}

/// A copy of the whole folder, as a backup takes it while the tablet is off.
async fn backup(tablet: &mut Tablet) -> tempfile::TempDir {
    tablet.kill().await;
    let copy = tempfile::tempdir().expect("dir");
    copy_folder(tablet.path(), copy.path());
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    copy
}

async fn put_back(tablet: &mut Tablet, copy: &tempfile::TempDir) {
    tablet.kill().await;
    tablet.put_back(copy.path());
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
}

async fn value(tablet: &Tablet, task: &str, path: &str) -> serde_json::Value {
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    record["cells"][path]["values"][0]["value"].clone()
}

async fn assert_settled(server: &Server, tablet: &Tablet, task: &str) {
    for _ in 0..4 {
        assert_eq!(tablet.sync().await, None);
    }
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(record["heads"], json!(server.heads(task)));
    let status = tablet.ok("/api/sync").await;
    assert_eq!(status["rows"][0]["error"], json!(null), "{status}");
    assert_eq!(status["records"]["confirmed"], 1, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tablet_put_back_whole_gets_its_own_lost_work_back() {
    let (server, mut tablet, task) = tablet_with_task().await;
    let copy = backup(&mut tablet).await;
    tablet.write(&task, "handling/measure", json!("整改")).await;
    let (status, _) = tablet.add_photo(&task, jpeg(300, 200, 3), "SP-01/p1").await;
    assert_eq!(status, 200);
    assert_eq!(tablet.sync().await, None);
    put_back(&mut tablet, &copy).await;
    assert_eq!(value(&tablet, &task, "handling/measure").await, json!(null));
    assert_settled(&server, &tablet, &task).await;
    assert_eq!(value(&tablet, &task, "handling/measure").await, "整改");
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    assert_eq!(photos["rows"][0]["has_rendition"], true, "{photos}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_on_a_copy_before_it_met_the_server_is_written_anew() {
    let (server, mut tablet, task) = tablet_with_task().await;
    let copy = backup(&mut tablet).await;
    tablet.write(&task, "handling/measure", json!("整改")).await;
    tablet.write(&task, "party/opinion", json!("无异议")).await;
    assert_eq!(tablet.sync().await, None);
    put_back(&mut tablet, &copy).await;
    tablet.write(&task, "handling/measure", json!("警告")).await;
    tablet.write(&task, "fee/none", json!(true)).await;
    assert_settled(&server, &tablet, &task).await;
    // Both pasts stand: what differs is for a person to settle, the rest is together.
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    let values = record["cells"]["handling/measure"]["values"].to_string();
    assert!(
        values.contains("整改") && values.contains("警告"),
        "{values}"
    );
    assert_eq!(value(&tablet, &task, "party/opinion").await, "无异议");
    assert_eq!(value(&tablet, &task, "fee/none").await, true);
    // And it goes on from there.
    tablet.write(&task, "handling/opinion", json!("后")).await;
    assert_settled(&server, &tablet, &task).await;
    assert_eq!(server.text(&task, "handling/opinion"), "后");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_on_another_tablet_beside_the_first_loses_nothing_of_either() {
    let (server, mut tablet, task) = tablet_with_task().await;
    let copy = backup(&mut tablet).await;
    let twin = Tablet::on_copy(&server, copy.path(), 7).await;
    twin.unlock("zhang", "135790").await;
    let cells = [
        "handling/measure",
        "party/opinion",
        "visit/place_note",
        "party/name",
    ];
    for (n, path) in cells.into_iter().enumerate() {
        let (one, other) = if n % 2 == 0 {
            (&tablet, &twin)
        } else {
            (&twin, &tablet)
        };
        one.write(&task, path, json!(format!("甲{n}"))).await;
        other
            .write(&task, "point/SP-01/p2/answer", json!(format!("{n}")))
            .await;
        assert_eq!(one.sync().await, None);
        assert_eq!(other.sync().await, None);
    }
    for _ in 0..3 {
        assert_settled(&server, &tablet, &task).await;
        assert_settled(&server, &twin, &task).await;
    }
    for (n, path) in cells.into_iter().enumerate() {
        assert_eq!(value(&tablet, &task, path).await, format!("甲{n}"));
        assert_eq!(value(&twin, &task, path).await, format!("甲{n}"));
    }
}

// lesson 14, lesson 16: a change that is refused for its own sake holds up nothing that came after it
#[tokio::test(flavor = "multi_thread")]
async fn lesson_16_what_stands_on_a_refused_change_is_written_anew_without_it() {
    let (server, tablet, task) = tablet_with_task().await;
    *server.refuse_cell.lock().expect("lock") = Some("party/phone".into());
    tablet.write(&task, "handling/measure", json!("整改")).await;
    tablet
        .write(&task, "party/phone", json!("13800000000"))
        .await;
    tablet.write(&task, "party/opinion", json!("无异议")).await;
    for _ in 0..4 {
        assert_eq!(tablet.sync().await, None);
    }
    assert_eq!(server.text(&task, "handling/measure"), "整改");
    assert_eq!(server.text(&task, "party/opinion"), "无异议");
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(record["heads"], json!(server.heads(&task)));
    let status = tablet.ok("/api/sync").await;
    let told = status["rows"][0]["error"].as_str().unwrap_or_default();
    assert!(
        told.contains("隔离区"),
        "the refusal stays visible: {status}"
    );
    assert_eq!(status["rows"][0]["error_code"], "held");
    tablet.write(&task, "party/name", json!("王五")).await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.text(&task, "party/name"), "王五");
}
