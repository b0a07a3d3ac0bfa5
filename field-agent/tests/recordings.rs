//! A recording is safe while it is made (F9): each piece that was answered is on the disk, and what was
//! broken off can be kept or discarded.

mod common;

use std::sync::Arc;

use common::*;
use field_agent::api::access::LOCK_AFTER_MS;
use serde_json::{Value, json};

const ID: &str = "00112233445566aa";

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

/// The pieces of a film, and the film.
fn film(pieces: u8) -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut all = vec![mp4(100_000, 1)];
    all.extend((1..pieces).map(|n| vec![n; 70_000 + usize::from(n)]));
    let whole = all.concat();
    (all, whole)
}

/// What is told with piece `n` of a refusal.
fn told(n: usize) -> String {
    let ms = (n + 1) * 2000;
    format!("kind=refusal&caption=拒绝&recorded_at=1764000000000&duration_ms={ms}")
}

async fn piece(tablet: &Tablet, task: &str, n: usize, bytes: &[u8]) -> Reply {
    tablet
        .put_bytes(
            &format!("/api/tasks/{task}/recordings/{ID}/{n}?{}", told(n)),
            bytes,
        )
        .await
}

async fn broken_off(tablet: &Tablet, task: &str) -> Vec<Value> {
    let list = tablet.ok(&format!("/api/tasks/{task}/recordings")).await;
    list["rows"].as_array().expect("rows").clone()
}

async fn keep(tablet: &Tablet, task: &str, about: &Value) -> Reply {
    let path = format!("/api/tasks/{task}/recordings/{ID}/keep");
    tablet.post(&path, about.clone()).await
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.0, reply.1["code"].as_str().unwrap_or_default())
}

fn files(tablet: &Tablet) -> usize {
    let folder = tablet.path().join("photos");
    std::fs::read_dir(folder).expect("lists").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_broken_off_is_offered_after_a_kill_and_becomes_a_clip() {
    let (server, mut tablet, task) = enrolled().await;
    let (pieces, whole) = film(3);
    for (n, bytes) in pieces.iter().enumerate() {
        let (status, told) = piece(&tablet, &task, n, bytes).await;
        assert_eq!((status, &told["pieces"]), (200, &json!(n + 1)), "{told}");
    }
    // The answer was lost: the same piece again changes nothing; others are refused, and nothing is lost.
    assert_eq!(piece(&tablet, &task, 2, &pieces[2]).await.0, 200);
    assert_eq!(piece(&tablet, &task, 0, &pieces[0]).await.0, 200);
    for (n, bytes, status, why) in [
        (2, &pieces[1], 409, "piece_differs"),
        (4, &pieces[1], 409, "piece_gap"),
        (3, &Vec::new(), 413, "bad_piece"),
        (3, &vec![1; (4 << 20) + 1], 413, "bad_piece"),
    ] {
        let reply = piece(&tablet, &task, n, bytes).await;
        assert_eq!(code(&reply), (status, why), "{n}");
    }
    assert_eq!(files(&tablet), 3);

    tablet.kill_and_start().await;
    tablet.unlock("zhang", "135790").await;
    let found = broken_off(&tablet, &task).await;
    let [one] = found.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(
        (&one["pieces"], &one["size"], &one["media"], &one["name"]),
        (
            &json!(3),
            &json!(whole.len()),
            &json!("video/mp4"),
            &json!("张三")
        )
    );
    assert_eq!(
        (
            &one["about"]["duration_ms"],
            &one["about"]["kind"],
            &one["about"]["caption"]
        ),
        (&json!(6000), &json!("refusal"), &json!("拒绝"))
    );
    // It stands in the way of signing, and of handing the tablet back.
    let missing = tablet.ok(&format!("/api/tasks/{task}/missing")).await;
    assert!(missing.to_string().contains("recording_open"), "{missing}");

    let (status, clip) = keep(&tablet, &task, &one["about"]).await;
    assert_eq!(status, 200, "{clip}");
    assert_eq!(
        (
            &clip["clip"],
            &clip["kind"],
            &clip["duration_ms"],
            &clip["recorded_at"],
            &clip["delivery"]
        ),
        (
            &json!(ID),
            &json!("refusal"),
            &json!(6000),
            &json!(1_764_000_000_000_i64),
            &json!("on_this_tablet")
        )
    );
    let file = format!("/api/tasks/{task}/clips/{ID}/file");
    assert_eq!(tablet.bytes(&file).await, (200, whole.clone()));
    assert!(broken_off(&tablet, &task).await.is_empty());
    assert_eq!(files(&tablet), 1, "the pieces are gone");
    let missing = tablet.ok(&format!("/api/tasks/{task}/missing")).await;
    assert!(!missing.to_string().contains("recording_open"), "{missing}");

    // Once more, since the answer was lost; and a piece that comes late.
    let (status, again) = keep(&tablet, &task, &one["about"]).await;
    assert_eq!((status, again), (200, clip));
    let late = piece(&tablet, &task, 3, &pieces[1]).await;
    assert_eq!(code(&late), (409, "recording_closed"));
    let anew = piece(&tablet, &task, 0, &pieces[0]).await;
    assert_eq!(code(&anew), (409, "recording_closed"));

    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.stored(), [sync::message::BlobKind::Clip]);
    let clips = tablet.ok(&format!("/api/tasks/{task}/clips")).await;
    assert_eq!(clips["rows"][0]["delivery"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_is_gone_and_only_who_recorded_it_may() {
    let (_server, mut tablet, task) = enrolled().await;
    let before = files(&tablet);
    let (pieces, _) = film(2);
    for (n, bytes) in pieces.iter().enumerate() {
        assert_eq!(piece(&tablet, &task, n, bytes).await.0, 200);
    }
    let back = tablet
        .post("/api/hand-back", json!({"pin": "135790"}))
        .await;
    assert_eq!(code(&back), (409, "recording_open"), "{back:?}");
    // It is found: the answer names its record, the list marks it.
    let card = tablet.ok("/api/tasks").await["rows"][0].clone();
    assert_eq!(card["recordings"], 1, "{card}");
    let named = &back.1["recordings"][0];
    for (field, value) in [
        ("task", json!(task)),
        ("number", card["number"].clone()),
        ("object", card["object"].clone()),
        ("recording", json!(ID)),
        ("may_discard", json!(true)),
    ] {
        assert_eq!(named[field], value, "{named}");
    }
    let said = back.1["detail"].as_str().expect("words");
    assert!(
        said.contains(card["number"].as_str().expect("number")),
        "{said}"
    );
    // A colleague who shares the tablet sees it, and may keep it but not discard it.
    tablet.post("/api/lock", json!({})).await;
    tablet.unlock("li", "246801").await;
    let one = broken_off(&tablet, &task).await[0].clone();
    assert_eq!(
        (&one["name"], &one["may_discard"]),
        (&json!("张三"), &json!(false))
    );
    let path = format!("/api/tasks/{task}/recordings/{ID}");
    let reply = tablet.delete(&path).await;
    assert_eq!(code(&reply), (403, "recording_of_other"));
    let reply = piece(&tablet, &task, 2, &pieces[1]).await;
    assert_eq!(code(&reply), (409, "recording_closed"), "not hers to go on");

    tablet.kill_and_start().await;
    tablet.unlock("zhang", "135790").await;
    let (status, left) = tablet.delete(&path).await;
    assert_eq!((status, &left["rows"]), (200, &json!([])));
    assert_eq!(files(&tablet), before, "nothing is left of it");
    let (about, gone) = (json!({"kind": "check"}), (404, "no_such_recording"));
    assert_eq!(code(&keep(&tablet, &task, &about).await), gone);
    assert_eq!(code(&tablet.delete(&path).await), gone);
    let clips = tablet.ok(&format!("/api/tasks/{task}/clips")).await;
    assert_eq!(clips["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_become_a_clip_is_refused_at_its_first_piece() {
    let (_server, tablet, task) = enrolled().await;
    let mov = b"\0\0\0\x14ftypqt  \0\0\0\0".to_vec();
    for (bytes, status, why) in [
        (jpeg(60, 40, 3), 415, "not_a_clip"),
        (mov, 415, "clip_container"),
    ] {
        let reply = piece(&tablet, &task, 0, &bytes).await;
        assert_eq!(code(&reply), (status, why));
    }
    let at =
        |id: &str, n: usize, query: &str| format!("/api/tasks/{task}/recordings/{id}/{n}?{query}");
    for (path, status, why) in [
        (
            at("00112233445566AA", 0, "kind=check"),
            400,
            "bad_recording",
        ),
        (at(ID, 0, "kind=check&point=SP-01/p99"), 422, "bad_point"),
        (
            at(ID, 0, "kind=check&duration_ms=3600001"),
            413,
            "clip_too_long",
        ),
    ] {
        let reply = tablet.put_bytes(&path, &mp4(99, 1)).await;
        assert_eq!(code(&reply), (status, why), "{path}");
    }
    assert!(broken_off(&tablet, &task).await.is_empty());
    assert_eq!(files(&tablet), 0);
}

// F8: a tablet in whose hands a recording runs is in use
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_keeps_the_tablet_from_locking_itself() {
    let (_server, tablet, task) = enrolled().await;
    let (pieces, whole) = film(6);
    for (n, bytes) in pieces.iter().enumerate() {
        assert_eq!(piece(&tablet, &task, n, bytes).await.0, 200, "{n}");
        tablet.clock.advance(LOCK_AFTER_MS / 2);
    }
    let (status, clip) = keep(&tablet, &task, &json!({"kind": "check"})).await;
    assert_eq!(
        (status, &clip["size"]),
        (200, &json!(whole.len())),
        "{clip}"
    );
    // Locked all the same, what was answered is there.
    let other = "ffff223344556677";
    let path = format!("/api/tasks/{task}/recordings/{other}/0?kind=check");
    assert_eq!(tablet.put_bytes(&path, &pieces[0]).await.0, 200);
    tablet.clock.advance(LOCK_AFTER_MS);
    let path = format!("/api/tasks/{task}/recordings/{other}/1?kind=check");
    let reply = tablet.put_bytes(&path, &pieces[1]).await;
    assert_eq!(code(&reply), (401, "locked"));
    tablet.unlock("zhang", "135790").await;
    assert_eq!(broken_off(&tablet, &task).await[0]["pieces"], 1);
    assert_eq!(
        tablet.put_bytes(&path, &pieces[1]).await.0,
        200,
        "and goes on"
    );
}

/// Why nobody is left who could keep or discard a recording in the ordinary way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stuck {
    Accepted,
    Withdrawn,
    SlotClosed,
}

#[rstest::rstest]
#[case::accepted(Stuck::Accepted)]
#[case::withdrawn(Stuck::Withdrawn)]
#[case::slot_closed(Stuck::SlotClosed)]
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_keep_any_more_anybody_of_the_tablet_may_discard(#[case] stuck: Stuck) {
    let (server, tablet, task) = enrolled().await;
    let (pieces, _) = film(1);
    assert_eq!(piece(&tablet, &task, 0, &pieces[0]).await.0, 200);
    match stuck {
        Stuck::Accepted => server.accept(&task),
        Stuck::Withdrawn => server.withdraw(&task),
        Stuck::SlotClosed => {}
    }
    assert_eq!(tablet.sync().await, None);
    tablet.post("/api/lock", json!({})).await;
    if stuck == Stuck::SlotClosed {
        for _ in 0..10 {
            let wrong = json!({"person": "zhang", "pin": "000000"});
            tablet.post("/api/unlock", wrong).await;
            tablet.clock.advance(24 * 3_600_000);
        }
    }
    tablet.unlock("li", "246801").await;
    let back = json!({"pin": "246801"});
    let reply = tablet.post("/api/hand-back", back.clone()).await;
    assert_eq!(code(&reply), (409, "recording_open"), "{reply:?}");
    assert_eq!(reply.1["recordings"][0]["may_discard"], true, "{reply:?}");
    let path = format!("/api/tasks/{task}/recordings/{ID}");
    let (status, body) = tablet.delete(&path).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(tablet.sync().await, None);
    let (status, body) = tablet.post("/api/hand-back", back).await;
    assert_eq!(status, 200, "{body}");
}
