//! The bundle file between tablets, without any network (F6, lesson 9).

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use serde_json::{Value, json};

/// Two inspectors with a tablet each and one task; then the network is gone.
async fn two_tablets() -> (Arc<Server>, Tablet, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang"]);
    server.issue("CODE-2", &["li"]);
    let (zhang, li) = (Tablet::new(&server, 1).await, Tablet::new(&server, 2).await);
    zhang.enrol("CODE-1", &[("zhang", "135790")]).await;
    li.enrol("CODE-2", &[("li", "246801")]).await;
    zhang.unlock("zhang", "135790").await;
    li.unlock("li", "246801").await;
    for tablet in [&zhang, &li, &zhang] {
        assert_eq!(tablet.sync().await, None);
    }
    server.offline.store(true, Ordering::SeqCst);
    (server, zhang, li, task)
}

async fn party(tablet: &Tablet, kind: &str) -> String {
    let parties = tablet.ok("/api/bundle/parties").await;
    let rows = parties["rows"].as_array().expect("rows").clone();
    let found = rows.iter().find(|r| r["kind"] == kind).expect("a party");
    found["key"].as_str().expect("a key").to_owned()
}

async fn export(tablet: &Tablet, recipients: &str, photos: &str) -> Vec<u8> {
    let path = format!("/api/bundle/file?recipients={recipients}&photos={photos}");
    let (status, bytes) = tablet.bytes(&path).await;
    assert_eq!(status, 200);
    bytes
}

fn sums(told: &Value) -> (u64, u64) {
    let rows = told["tasks"].as_array().expect("rows");
    let sum = |what: &str| rows.iter().filter_map(|r| r[what].as_u64()).sum();
    (sum("changes"), sum("photos"))
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_09_a_file_brings_a_colleagues_work_any_number_of_times() {
    let (server, zhang, li, task) = two_tablets().await;
    zhang
        .write(&task, "point/SP-01/p1/answer", json!("compliant"))
        .await;
    let (_, photo) = zhang.add_photo(&task, jpeg(640, 480, 3), "SP-01/p1").await;
    let id = photo["photo"].as_str().expect("a photo").to_owned();
    let for_li = party(&zhang, "tablet").await;
    let plan = zhang
        .ok(&format!("/api/bundle/plan?recipients={for_li}"))
        .await;
    assert_eq!(
        (plan["tasks"].as_u64(), plan["photos"].as_u64()),
        (Some(1), Some(1)),
        "{plan}"
    );
    let small = export(&zhang, &for_li, "small").await;
    let all = export(&zhang, &for_li, "originals").await;
    assert!(plan["bytes_originals"].as_u64() > plan["bytes_small"].as_u64());
    assert!(all.len() > small.len());

    // Cut off: what stands before the cut comes, with a word about it.
    let (status, told) = li.import(&small[..small.len() - 100]).await;
    assert_eq!((status, &told["whole"]), (200, &json!(false)), "{told}");
    assert_eq!(told["remark_code"], "cut_off", "{told}");
    assert!(sums(&told).0 > 0, "{told}");
    let (_, told) = li.import(&small).await;
    assert_eq!(told["whole"], true, "{told}");
    assert_eq!(sums(&told).0, 0, "all changes were there: {told}");
    assert_eq!(li.heads(&task).await, zhang.heads(&task).await);
    for form in ["thumbnail", "rendition"] {
        let path = format!("/api/tasks/{task}/photos/{id}/{form}");
        assert_eq!(li.bytes(&path).await.0, 200, "{form}");
    }
    let original = format!("/api/tasks/{task}/photos/{id}/original");
    assert_ne!(li.bytes(&original).await.0, 200);
    let (_, told) = li.import(&all).await;
    assert_eq!(sums(&told), (0, 1), "{told}");
    let (status, bytes) = li.bytes(&original).await;
    assert_eq!((status, bytes), (200, jpeg(640, 480, 3)));
    let (_, told) = li.import(&all).await;
    assert_eq!(sums(&told), (0, 0), "once more changes nothing: {told}");

    // Zhang's tablet is lost. What was on it reaches the office from Li's.
    drop(zhang);
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(li.sync().await, None);
    assert_eq!(server.text(&task, "point/SP-01/p1/answer"), "compliant");
    assert_eq!(server.stored().len(), 3, "all three forms of the photo");
    let sync = li.ok("/api/sync").await;
    assert_eq!(sync["records"]["on_this_tablet"], 0, "{sync}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_for_those_it_was_made_for_and_of_those_who_may() {
    let (server, zhang, li, task) = two_tablets().await;
    zhang
        .write(&task, "point/SP-01/p1/answer", json!("compliant"))
        .await;
    let own = party(&zhang, "this_tablet").await;
    let office = party(&zhang, "office").await;
    for (recipients, code) in [
        (own.as_str(), "bundle_not_for_us"),
        (&office, "bundle_not_for_us"),
    ] {
        let file = export(&zhang, recipients, "none").await;
        let (status, told) = li.import(&file).await;
        assert_eq!((status, &told["code"]), (400, &json!(code)), "{told}");
    }
    let (status, told) = li.import(b"GIF89a").await;
    assert_eq!(
        (status, &told["code"]),
        (400, &json!("not_a_bundle")),
        "{told}"
    );
    let (status, told) = zhang.get("/api/bundle/file?recipients=&photos=none").await;
    assert_eq!(
        (status, &told["code"]),
        (422, &json!("bad_recipient")),
        "{told}"
    );
    // Back to the same tablet: everything is there.
    let file = export(&zhang, &own, "none").await;
    let (status, told) = zhang.import(&file).await;
    assert_eq!((status, sums(&told)), (200, (0, 0)), "{told}");

    // A tablet of another team makes one for Li: nobody whose word counts here.
    server.offline.store(false, Ordering::SeqCst);
    let _ = server.dispatch(2, &["zhang", "wang"]);
    server.issue("CODE-3", &["wang"]);
    let wang = Tablet::new(&server, 3).await;
    wang.enrol("CODE-3", &[("wang", "975310")]).await;
    wang.unlock("wang", "975310").await;
    assert_eq!(wang.sync().await, None);
    let li_key = party(&li, "this_tablet").await;
    let (status, told) = wang
        .get(&format!("/api/bundle/plan?recipients={li_key}"))
        .await;
    assert_eq!(
        (status, &told["code"]),
        (422, &json!("bad_recipient")),
        "{told}"
    );
    assert_eq!(zhang.sync().await, None);
    // Zhang shares one task with each: a file for both would tell each of the other's, so it holds none.
    let keys: Vec<String> = zhang.ok("/api/bundle/parties").await["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|r| r["kind"] == "tablet")
        .filter_map(|r| r["key"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(keys.len(), 2);
    let plan = zhang
        .ok(&format!("/api/bundle/plan?recipients={}", keys.join(",")))
        .await;
    assert_eq!(plan["tasks"], 0, "{plan}");
}

// F6: a file is no receipt. The office was put back to a past before the seal, and a file that it made
// before that brings the seal to a tablet, which hands it on.
#[tokio::test(flavor = "multi_thread")]
async fn signatures_in_a_file_of_the_office_go_up_again() {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    server.issue("CODE-2", &["li"]);
    let (closing, li) = (Tablet::new(&server, 1).await, Tablet::new(&server, 2).await);
    let pins = [("zhang", "135790"), ("li", "246801")];
    closing.enrol("CODE-1", &pins).await;
    li.enrol("CODE-2", &pins[1..]).await;
    closing.unlock("zhang", "135790").await;
    li.unlock("li", "246801").await;
    for tablet in [&closing, &li, &closing] {
        assert_eq!(tablet.sync().await, None);
    }
    let past = server.fork();
    closing.fill(&task).await;
    let base = format!("/api/tasks/{task}/sign-off");
    assert_eq!(closing.post(&base, json!({})).await.0, 200);
    let party = json!({"kind": "signed", "name": "王五", "capacity": "店长", "ink": ink()});
    assert_eq!(closing.post(&format!("{base}/party"), party).await.0, 200);
    for (person, pin) in pins {
        let body = json!({"person": person, "pin": pin, "ink": ink()});
        let (status, body) = closing.post(&format!("{base}/inspectors"), body).await;
        assert_eq!(status, 200, "{body}");
    }
    assert_eq!(closing.sync().await, None);
    assert!(server.sealed(&task, 1));
    let key = li.agent().nearby_identity().expect("open");
    let file = server.file_for(&sync::signing::public(&key));
    server.put_back(&past);
    assert_eq!(li.sync().await, None);
    let (status, told) = li.import(&file).await;
    assert_eq!((status, &told["whole"]), (200, &json!(true)), "{told}");
    for _ in 0..2 {
        assert_eq!(li.sync().await, None);
    }
    assert!(server.sealed(&task, 1), "from Li's tablet");
}

// F6: a file can be read any number of times and in any order
#[tokio::test(flavor = "multi_thread")]
async fn an_older_file_of_the_office_takes_nothing_back() {
    let server = Server::new();
    let tasks = [1, 2, 3].map(|n| server.dispatch(n, &["zhang", "li"]));
    let [accepted, cancelled, reopened] = &tasks;
    server.issue("CODE-1", &["zhang"]);
    let tablet = Tablet::new(&server, 1).await;
    tablet.enrol("CODE-1", &[("zhang", "135790")]).await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    let key = tablet.agent().nearby_identity().expect("open");
    let key = sync::signing::public(&key);
    let states = async || {
        let list = tablet.ok("/api/tasks").await;
        let rows = list["rows"].as_array().expect("rows").clone();
        tasks.each_ref().map(|task| {
            let row = rows.iter().find(|r| r["task"] == task.as_str());
            row.expect("a row")["state"].clone()
        })
    };
    // Monday: one task is cancelled, and the file says so.
    server.withdraw(reopened);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(
        states().await,
        ["todo", "todo", "withdrawn"].map(|s| json!(s))
    );
    let monday = server.file_for(&key);
    // Wednesday: one is accepted, one cancelled, one comes back.
    server.time.fetch_add(2 * 86_400_000, Ordering::SeqCst);
    server.accept(accepted);
    server.withdraw(cancelled);
    server.reopen(reopened);
    assert_eq!(tablet.sync().await, None);
    let now = ["accepted", "withdrawn", "todo"].map(|s| json!(s));
    assert_eq!(states().await, now);
    let wednesday = server.file_for(&key);
    for file in [&monday, &monday, &wednesday, &monday] {
        let (status, told) = tablet.import(file).await;
        assert_eq!((status, &told["whole"]), (200, &json!(true)), "{told}");
        assert_eq!(states().await, now);
    }
    // By file alone it is the same: whatever order the files come in.
    server.time.fetch_add(86_400_000, Ordering::SeqCst);
    server.accept(reopened);
    let thursday = server.file_for(&key);
    let (status, _) = tablet.import(&thursday).await;
    assert_eq!(status, 200);
    let then = ["accepted", "withdrawn", "accepted"].map(|s| json!(s));
    assert_eq!(states().await, then);
    for file in [&wednesday, &monday] {
        assert_eq!(tablet.import(file).await.0, 200);
        assert_eq!(states().await, then);
    }
}
