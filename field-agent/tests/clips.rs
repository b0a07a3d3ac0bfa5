//! Video and sound of a visit (F9): taken as they are, sent last, never lost.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use serde_json::{Value, json};
use sync::message::BlobKind;

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

async fn clips(tablet: &Tablet, task: &str) -> Vec<Value> {
    let list = tablet.ok(&format!("/api/tasks/{task}/clips")).await;
    list["rows"].as_array().expect("rows").clone()
}

fn files(tablet: &Tablet) -> usize {
    std::fs::read_dir(tablet.path().join("photos"))
        .expect("lists")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_is_kept_played_and_sent_behind_all_photos() {
    let (server, mut tablet, task) = enrolled().await;
    let video = mp4(700_001, 1);
    let query = "&caption=拒绝入内&point=SP-01/p1&duration_ms=61000&recorded_at=1764000000000";
    let (status, clip) = tablet
        .add_clip(&task, "refusal", video.clone(), query)
        .await;
    assert_eq!(status, 200, "{clip}");
    let facts = ["kind", "media", "caption", "point", "delivery", "name"].map(|f| clip[f].clone());
    assert_eq!(
        facts.map(|f| f.as_str().unwrap_or_default().to_owned()),
        [
            "refusal",
            "video/mp4",
            "拒绝入内",
            "SP-01/p1",
            "on_this_tablet",
            "张三"
        ]
    );
    assert_eq!(
        (&clip["size"], &clip["duration_ms"], &clip["here"]),
        (&json!(700_001), &json!(61_000), &json!(true))
    );
    let (status, _) = tablet.add_photo(&task, jpeg(640, 480, 3), "SP-01/p1").await;
    assert_eq!(status, 200);

    // What the answer promised is there after a kill.
    tablet.kill_and_start().await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(clips(&tablet, &task).await, std::slice::from_ref(&clip));
    let id = clip["clip"].as_str().expect("id");
    let file = format!("/api/tasks/{task}/clips/{id}/file");
    assert_eq!(tablet.bytes(&file).await, (200, video.clone()));
    for (asked, status, told, part) in [
        ("bytes=0-0", 206, "bytes 0-0/700001", &video[..1]),
        (
            "bytes=65535-65537",
            206,
            "bytes 65535-65537/700001",
            &video[65_535..65_538],
        ),
        (
            "bytes=600000-",
            206,
            "bytes 600000-700000/700001",
            &video[600_000..],
        ),
        (
            "bytes=-5",
            206,
            "bytes 699996-700000/700001",
            &video[699_996..],
        ),
        ("bytes=700001-", 416, "bytes */700001", &[]),
    ] {
        let answer = tablet.range(&file, asked).await;
        assert_eq!(
            (answer.0, answer.1.as_str(), answer.2.as_slice()),
            (status, told, part),
            "{asked}"
        );
    }

    // Again, since the answer was lost: the same clip.
    let (status, again) = tablet
        .add_clip(&task, "refusal", video.clone(), query)
        .await;
    assert_eq!((status, &again["clip"]), (200, &clip["clip"]));
    assert_eq!(files(&tablet), 4, "one clip and three forms of a photo");

    // Held back with the originals, then sent last.
    let hold = |held: bool| json!({"originals": if held { "never" } else { "any" }});
    tablet.put("/api/sync/policy", hold(true)).await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.stored(), [BlobKind::Thumbnail, BlobKind::Rendition]);
    let status = tablet.ok("/api/sync").await;
    assert_eq!(status["clips"]["on_this_tablet"], 1, "{status}");
    let files = tablet.ok(&format!("/api/sync/tasks/{task}")).await;
    assert_eq!(files["clips"][0]["delivery"], "on_this_tablet");
    let card = tablet.ok("/api/tasks").await["rows"][0].clone();
    assert_eq!(
        (&card["clips"], &card["unconfirmed_clips"]),
        (&json!(1), &json!(1))
    );
    server.take_requests();
    tablet.put("/api/sync/policy", hold(false)).await;
    assert_eq!(tablet.sync().await, None);
    let name = clip["sha256"].as_str().expect("hash");
    let sent: Vec<bool> = server
        .take_requests()
        .iter()
        .filter(|(path, _)| path.starts_with("PATCH") && path.contains("/blobs/"))
        .map(|(path, _)| path.contains(name))
        .collect();
    // Two chunks are on their way at a time: the first of the clip may go beside the last photo.
    let last_photo = sent.iter().rposition(|is_clip| !is_clip).expect("a photo");
    let begun = sent[..last_photo].iter().filter(|is_clip| **is_clip);
    assert!(begun.count() <= 1 && sent.last() == Some(&true), "{sent:?}");
    assert_eq!(server.stored().last(), Some(&BlobKind::Clip));
    assert_eq!(clips(&tablet, &task).await[0]["delivery"], "confirmed");
    assert_eq!(tablet.ok("/api/sync").await["clips"]["confirmed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_clip_or_not_whole_or_too_large_leaves_nothing() {
    let (_server, tablet, task) = enrolled().await;
    let before = files(&tablet);
    let page = b"<!doctype html><script>".to_vec();
    let mov = b"\0\0\0\x14ftypqt  \0\0\0\0".to_vec();
    for (bytes, query, status, code) in [
        (jpeg(60, 40, 3), "", 415, "not_a_clip"),
        (page, "", 415, "not_a_clip"),
        (mov, "", 415, "clip_container"),
        (mp4(99, 1), "&point=SP-01/p99", 422, "bad_point"),
        (mp4(99, 1), "&duration_ms=3600001", 413, "clip_too_long"),
    ] {
        let (got, body) = tablet.add_clip(&task, "check", bytes, query).await;
        assert_eq!((got, body["code"].as_str()), (status, Some(code)), "{body}");
    }
    let (status, _) = tablet.add_clip(&task, "party", mp4(99, 1), "").await;
    assert_eq!(status, 400, "no such kind");
    assert!(clips(&tablet, &task).await.is_empty());

    // By hand, since no client sends such things: cut off, larger than allowed, no length.
    let agent = tablet.agent();
    let about = field_agent::api::clips::NewClip {
        kind: field_agent::api::clips::ClipKind::Check,
        caption: String::new(),
        point: String::new(),
        duration_ms: None,
        recorded_at: None,
    };
    let add = |size: u64, bytes: &[u8]| {
        let refused = agent.add_clip("zhang", &task, &about, size, bytes);
        refused.map(drop).expect_err("refused").code
    };
    assert_eq!(add(200_000, &mp4(199_999, 1)), "clip_cut");
    assert_eq!(add(200_000, &mp4(200_001, 1)), "clip_cut");
    assert_eq!(add((512 << 20) + 1, &mp4(99, 1)), "clip_too_large");
    assert_eq!(files(&tablet), before, "nothing is left of them");
    assert!(clips(&tablet, &task).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_a_clip_can_be_changed_and_what_it_is_cannot() {
    let (server, tablet, task) = enrolled().await;
    let (_, clip) = tablet.add_clip(&task, "entry", mp4(500, 1), "").await;
    let id = clip["clip"].as_str().expect("id");
    for (field, value) in [
        ("caption", "货架"),
        ("kind", "check"),
        ("point", "SP-01/p2"),
    ] {
        let cell = format!("clip/{id}/{field}");
        tablet.write(&task, &cell, json!(value)).await;
        assert_eq!(clips(&tablet, &task).await[0][field], value);
    }
    for field in ["sha256", "size", "media"] {
        let edits = json!({"edits": [{"path": format!("clip/{id}/{field}"), "value": "x"}]});
        let (status, body) = tablet
            .patch(&format!("/api/tasks/{task}/cells"), edits)
            .await;
        assert_eq!(
            (status, body["code"].as_str()),
            (422, Some("bad_cell")),
            "{field}"
        );
    }
    let path = format!("/api/tasks/{task}/clips/{id}");
    let (status, gone) = tablet.delete(&path).await;
    assert_eq!((status, &gone["withdrawn"]), (200, &json!(true)));
    // It stays in the history, and so the office gets it.
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.stored(), [BlobKind::Clip]);
    assert_eq!(tablet.ok("/api/tasks").await["rows"][0]["clips"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_20_a_clip_leaves_the_tablet_only_with_a_receipt() {
    let (server, tablet, task) = enrolled().await;
    tablet.fill(&task).await;
    let (status, _) = tablet.add_clip(&task, "check", mp4(5_000, 1), "").await;
    assert_eq!(status, 200);
    *server.refuse.lock().expect("lock") = Some(BlobKind::Clip);
    tablet.sync().await;
    server.accept(&task);
    tablet.sync().await;
    tablet.clock.advance(40 * DAY);
    tablet.unlock("zhang", "135790").await;
    tablet.sync().await;
    assert_eq!(clips(&tablet, &task).await[0]["here"], true, "no receipt");
    let back = json!({"pin": "135790"});
    let (status, body) = tablet.post("/api/hand-back", back).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (409, Some("not_all_confirmed"))
    );
    *server.refuse.lock().expect("lock") = None;
    tablet.clock.advance(2 * DAY);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    tablet.clock.advance(2 * DAY);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    let clip = clips(&tablet, &task).await[0].clone();
    assert_eq!(
        (&clip["here"], &clip["delivery"]),
        (&json!(false), &json!("confirmed"))
    );
    assert_eq!(server.stored(), [BlobKind::Clip]);
    let id = clip["clip"].as_str().expect("id");
    let (status, body) = tablet
        .get(&format!("/api/tasks/{task}/clips/{id}/file"))
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (404, Some("clip_not_here"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_hears_of_a_clip_and_gets_it_by_file_alone() {
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
    let video = mp4(300_000, 1);
    let (_, clip) = zhang.add_clip(&task, "entry", video.clone(), "").await;
    let id = clip["clip"].as_str().expect("id");
    // F7: the office has its cells and not its bytes.
    *server.refuse.lock().expect("lock") = Some(BlobKind::Clip);
    for tablet in [&zhang, &li, &li] {
        assert_eq!(tablet.sync().await, None);
    }
    let seen = clips(&li, &task).await[0].clone();
    assert_eq!(
        (&seen["here"], &seen["delivery"]),
        (&json!(false), &json!("elsewhere"))
    );
    *server.refuse.lock().expect("lock") = None;
    zhang.clock.advance(3_600_000);
    zhang.unlock("zhang", "135790").await;
    for tablet in [&zhang, &li] {
        assert_eq!(tablet.sync().await, None);
    }
    let seen = clips(&li, &task).await[0].clone();
    assert_eq!(
        (&seen["here"], &seen["delivery"], &seen["name"]),
        (&json!(false), &json!("confirmed"), &json!("张三"))
    );

    // Off grid the file carries it, and from there it reaches the office too.
    server.offline.store(true, Ordering::SeqCst);
    let second = mp4(200_000, 2);
    let (_, clip) = zhang.add_clip(&task, "check", second.clone(), "").await;
    let other = clip["clip"].as_str().expect("id");
    let parties = zhang.ok("/api/bundle/parties").await;
    let rows = parties["rows"].as_array().expect("rows").clone();
    let key = rows.iter().find(|r| r["kind"] == "tablet").expect("li")["key"].clone();
    let key = key.as_str().expect("key");
    let plan = zhang
        .ok(&format!("/api/bundle/plan?recipients={key}"))
        .await;
    assert_eq!(plan["clips"], 2, "{plan}");
    let sizes = ["bytes_originals", "bytes_everything"].map(|s| plan[s].as_u64().expect("size"));
    assert!(sizes[1] >= sizes[0] + 500_000, "{plan}");
    let get = async |photos: &str| {
        let path = format!("/api/bundle/file?recipients={key}&photos={photos}");
        zhang.bytes(&path).await.1
    };
    let without = get("originals").await;
    let whole = get("everything").await;
    assert_eq!(li.import(&without).await.0, 200);
    let file = format!("/api/tasks/{task}/clips/{other}/file");
    assert_eq!(li.bytes(&file).await.0, 404);
    // Cut off in the middle of the clip, then whole, then once more.
    let (_, told) = li.import(&whole[..whole.len() - 50_000]).await;
    assert_eq!(told["whole"], false, "{told}");
    for news in [1, 0] {
        let (_, told) = li.import(&whole).await;
        assert_eq!(
            (&told["whole"], &told["tasks"][0]["photos"]),
            (&json!(true), &json!(news)),
            "{told}"
        );
    }
    assert_eq!(li.bytes(&file).await, (200, second));
    let first = format!("/api/tasks/{task}/clips/{id}/file");
    assert_eq!(li.bytes(&first).await, (200, video));
    drop(zhang);
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(li.sync().await, None);
    assert_eq!(server.stored(), [BlobKind::Clip, BlobKind::Clip]);
}
