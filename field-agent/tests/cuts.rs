//! Sync through cuts, lost answers, errors and restored servers (F7, F8).

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use serde_json::json;
use sync::message::BlobKind;

async fn tablet_with_work() -> (Arc<Server>, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let tablet = Tablet::new(&server, 1).await;
    tablet
        .enrol("CODE-1", &[("zhang", "135790"), ("li", "246801")])
        .await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    tablet.fill(&task).await;
    for seed in [3, 5] {
        let (status, body) = tablet
            .add_photo(&task, jpeg(900, 700, seed), "SP-01/p1")
            .await;
        assert_eq!(status, 200, "{body}");
    }
    (server, tablet, task)
}

async fn assert_all_arrived(server: &Server, tablet: &Tablet, task: &str) {
    assert_arrived(server, tablet, task, 2).await;
}

/// The work of [`tablet_with_work`] and so many photos in all, each once.
async fn assert_arrived(server: &Server, tablet: &Tablet, task: &str, photos: usize) {
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(record["heads"], json!(server.heads(task)));
    assert_eq!(
        server.changes(task),
        17 + photos,
        "the root, 16 cells, the photos; nothing twice"
    );
    let kinds = server.stored();
    assert_eq!(kinds.len(), 3 * photos, "{kinds:?}");
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        (
            status["records"]["confirmed"].as_u64(),
            status["photos"]["confirmed"].as_u64()
        ),
        (Some(1), Some(photos as u64)),
        "{status}"
    );
}

// F7: a cut after one, two, three or four requests, and the story still ends well
#[tokio::test(flavor = "multi_thread")]
async fn lesson_03_whatever_request_is_cut_the_rest_goes_on_from_there() {
    let (server, tablet, task) = tablet_with_work().await;
    let (status, _) = tablet.add_photo(&task, noise(1500, 1100), "").await;
    assert_eq!(status, 200);
    server.take_requests();
    let mut passes = 0;
    loop {
        server.cut_after.store(1 + passes % 4, Ordering::SeqCst);
        passes += 1;
        assert!(passes <= 100, "it ends");
        if tablet.sync().await.is_none() {
            break;
        }
    }
    server.cut_after.store(-1, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert_arrived(&server, &tablet, &task, 3).await;
    // A request that was cut never came to the server.
    let sent = server.take_requests().into_iter();
    let sent = sent.filter(|(request, _)| request.starts_with("PATCH"));
    let sizes: Vec<usize> = sent.map(|(_, size)| size).collect();
    assert!(sizes.len() > 9, "a photo takes more than one chunk");
    assert_eq!(
        sizes.iter().sum::<usize>(),
        server.stored_bytes(),
        "nothing goes up twice"
    );
}

// lesson 1: the server did it, and the tablet never heard
#[tokio::test(flavor = "multi_thread")]
async fn lesson_01_lost_answers_make_no_duplicates() {
    let (server, tablet, task) = tablet_with_work().await;
    for _ in 0..12 {
        server.lose_answers.store(1, Ordering::SeqCst);
        tablet.sync().await;
        server.lose_answers.store(0, Ordering::SeqCst);
        tablet.sync().await;
    }
    assert_all_arrived(&server, &tablet, &task).await;
}

// F8: killed between any two steps
#[tokio::test(flavor = "multi_thread")]
async fn the_process_is_killed_after_each_request_and_nothing_is_lost() {
    let (server, mut tablet, task) = tablet_with_work().await;
    for round in 1..=14 {
        server.cut_after.store(round % 4, Ordering::SeqCst);
        tablet.sync().await;
        tablet.kill_and_start().await;
        tablet.unlock("li", "246801").await;
    }
    server.cut_after.store(-1, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert_all_arrived(&server, &tablet, &task).await;
}

// F7: records first, then thumbnails, renditions, originals; originals only when allowed
#[tokio::test(flavor = "multi_thread")]
async fn lesson_02_the_record_goes_first_and_originals_last() {
    let (server, tablet, task) = tablet_with_work().await;
    let (status, _) = tablet
        .put("/api/sync/policy", json!({"originals": "never"}))
        .await;
    assert_eq!(status, 200);
    server.take_requests();
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.take_requests()[0].0, "POST /sync/v1");
    assert_eq!(
        server.stored(),
        [
            BlobKind::Thumbnail,
            BlobKind::Thumbnail,
            BlobKind::Rendition,
            BlobKind::Rendition
        ]
    );
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        status["photos"]["on_this_tablet"], 2,
        "the truth photo by photo: {status}"
    );
    assert_eq!(status["rows"][0]["photos"]["on_this_tablet"], 2, "{status}");
    let files = tablet.ok(&format!("/api/sync/tasks/{task}")).await;
    assert_eq!(files["photos"][0]["thumbnail"], "confirmed");
    assert_eq!(files["photos"][0]["original"], "on_this_tablet");
    tablet
        .put("/api/sync/policy", json!({"originals": "any"}))
        .await;
    assert_eq!(tablet.sync().await, None);
    assert_all_arrived(&server, &tablet, &task).await;
    // Of more than are on their way at a time, what is small goes before the first original.
    for seed in 11..15 {
        let (status, _) = tablet.add_photo(&task, jpeg(300, 200, seed), "").await;
        assert_eq!(status, 200);
    }
    server.take_requests();
    assert_eq!(tablet.sync().await, None);
    let kinds = server.kinds_sent();
    let first = kinds.iter().position(|k| *k == BlobKind::Original);
    assert!(
        first.is_some_and(|first| first >= 8 - 3),
        "what is small goes first: {kinds:?}"
    );
}

// lesson 13: passing errors back off, permanent ones stop and say why
#[tokio::test(flavor = "multi_thread")]
async fn lesson_13_errors_back_off_or_stop_and_say_why() {
    let (server, tablet, task) = tablet_with_work().await;
    server.status.store(500, Ordering::SeqCst);
    assert_eq!(tablet.sync().await.as_deref(), Some("server_error"));
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        (
            status["phase"].as_str(),
            status["last_error"]["permanent"].as_bool()
        ),
        (Some("backing_off"), Some(false)),
        "{status}"
    );
    assert!(status["next_try_at"].is_i64());
    // Taps while backing off do not hammer the server.
    server.take_requests();
    tablet.write(&task, "handling/measure", json!("无")).await;
    tablet.agent().sync_pass().await;
    assert_eq!(server.take_requests(), []);
    server.status.store(401, Ordering::SeqCst);
    assert_eq!(tablet.sync().await.as_deref(), Some("refused"));
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        (
            status["phase"].as_str(),
            status["last_error"]["permanent"].as_bool()
        ),
        (Some("stopped"), Some(true)),
        "{status}"
    );
    assert_eq!(tablet.agent().next_pass_in(), None);
    server.status.store(0, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None, "a person asks again");
    assert_eq!(server.text(&task, "handling/measure"), "无");
}

// X7: the server was restored from an older copy
#[tokio::test(flavor = "multi_thread")]
async fn lesson_20_a_restored_server_gets_everything_again_and_nothing_was_deleted() {
    let (server, tablet, task) = tablet_with_work().await;
    assert_eq!(tablet.sync().await, None);
    assert_all_arrived(&server, &tablet, &task).await;
    server.restore_from_an_empty_backup();
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.sync().await, None);
    assert_all_arrived(&server, &tablet, &task).await;
}

// lesson 19: the tablet's clock is a year ahead; nothing is re-dated, the difference is shown
#[tokio::test(flavor = "multi_thread")]
async fn lesson_19_a_wrong_clock_is_shown_and_nothing_is_redated() {
    let (server, tablet, task) = tablet_with_work().await;
    tablet.clock.set(START + 365 * 86_400_000);
    tablet.write(&task, "handling/measure", json!("无")).await;
    assert_eq!(tablet.sync().await, None);
    let offset = tablet.ok("/api/state").await["clock_offset_ms"]
        .as_i64()
        .expect("offset");
    assert!(
        (offset + 365 * 86_400_000).abs() < 60_000,
        "how far the clock is off is known: {offset}"
    );
    let written_at = async || {
        let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
        let at = &record["cells"]["handling/measure"]["values"][0]["at"];
        at.as_i64().expect("at") - START
    };
    let year = 365 * 86_400_000;
    assert!(written_at().await >= year, "as the tablet's clock said");
    let missing = tablet.ok(&format!("/api/tasks/{task}/missing")).await;
    assert!(
        missing["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .any(|m| m["code"] == "clock_off" && m["blocks"] == false),
        "the difference is told before the signing: {missing}"
    );
    // Now the tablet knows how far it is off, and re-dates nothing by that either.
    tablet.clock.set(START - 365 * 86_400_000);
    tablet.write(&task, "handling/measure", json!("整改")).await;
    let at = written_at().await;
    assert!((at + year).abs() < 60_000, "as the clock says now: {at}");
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.text(&task, "handling/measure"), "整改");
}

// lesson 24: unsynced for a day, for three days
#[tokio::test(flavor = "multi_thread")]
async fn lesson_24_days_without_a_confirmation_are_warned_of() {
    let (server, tablet, _task) = tablet_with_work().await;
    server.offline.store(true, Ordering::SeqCst);
    for (hours, want) in [(1, "none"), (24, "one_day"), (50, "three_days")] {
        tablet.clock.advance(hours * 3_600_000);
        tablet.unlock("zhang", "135790").await;
        assert_eq!(tablet.ok("/api/sync").await["warning"], want);
        assert_eq!(
            tablet.ok("/api/state").await["warning"],
            want,
            "every screen knows"
        );
    }
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/sync").await["warning"], "none");
}

// idle: one cursor whatever the number of tasks
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_sync_is_a_cursor() {
    let server = Server::new();
    for number in 1..40 {
        server.dispatch(number, &["zhang", "li"]);
    }
    server.issue("CODE-1", &["zhang"]);
    let tablet = Tablet::new(&server, 1).await;
    tablet.enrol("CODE-1", &[("zhang", "135790")]).await;
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/tasks").await["total"], 39);
    server.take_requests();
    assert_eq!(tablet.sync().await, None);
    let requests = server.take_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].1 < 200, "{requests:?}");
}

// F8: the store was put back from a copy: new actors, so no sequence number is used twice
#[tokio::test(flavor = "multi_thread")]
async fn a_store_put_back_from_a_copy_writes_as_a_new_author() {
    let (_server, mut tablet, task) = tablet_with_work().await;
    tablet.kill().await;
    let copy = std::fs::read(tablet.path().join("store.sqlite")).expect("reads");
    let wal = std::fs::read(tablet.path().join("store.sqlite-wal")).unwrap_or_default();
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    tablet.write(&task, "handling/measure", json!("先")).await;
    assert_eq!(tablet.sync().await, None);
    tablet.kill().await;
    std::fs::write(tablet.path().join("store.sqlite"), copy).expect("puts back");
    std::fs::write(tablet.path().join("store.sqlite-wal"), wal).expect("puts back");
    tablet.start().await;
    tablet.unlock("zhang", "135790").await;
    tablet.write(&task, "handling/measure", json!("后")).await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.sync().await, None);
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        status["rows"][0]["error"],
        json!(null),
        "nothing was refused as a fork: {status}"
    );
}

// lesson 5: the server said OK and kept only some
#[tokio::test(flavor = "multi_thread")]
async fn lesson_05_a_count_that_does_not_add_up_confirms_nothing() {
    let (server, tablet, task) = tablet_with_work().await;
    server.miscount.store(true, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        status["records"],
        json!({"on_this_tablet": 0, "sent": 1, "confirmed": 0, "elsewhere": 0})
    );
    server.miscount.store(false, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert_all_arrived(&server, &tablet, &task).await;
}

// lesson 4: one attachment that fails is shown, holds up nothing, and can be tried again
#[tokio::test(flavor = "multi_thread")]
async fn lesson_04_a_photo_that_is_refused_is_shown_and_holds_up_nothing() {
    let (server, tablet, task) = tablet_with_work().await;
    *server.refuse.lock().expect("lock") = Some(BlobKind::Thumbnail);
    tablet.sync().await;
    assert_eq!(
        server.stored(),
        [
            BlobKind::Rendition,
            BlobKind::Rendition,
            BlobKind::Original,
            BlobKind::Original
        ]
    );
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    assert!(
        photos["rows"][0]["error"]
            .as_str()
            .is_some_and(|e| e.contains("422")),
        "{photos}"
    );
    assert_eq!(photos["rows"][0]["error_code"], "not_taken");
    let files = tablet.ok(&format!("/api/sync/tasks/{task}")).await;
    assert_eq!(files["photos"][0]["error_code"], "not_taken", "{files}");
    let status = tablet.ok("/api/sync").await;
    assert_eq!(status["rows"][0]["failed"], 2, "{status}");
    *server.refuse.lock().expect("lock") = None;
    for row in photos["rows"].as_array().expect("rows") {
        let id = row["photo"].as_str().expect("id");
        let (status, _) = tablet
            .post(&format!("/api/sync/photos/{task}/{id}/retry"), json!({}))
            .await;
        assert_eq!(status, 200);
    }
    assert_eq!(tablet.sync().await, None);
    assert_all_arrived(&server, &tablet, &task).await;
}

// lesson 14: one bad record blocks nothing
#[tokio::test(flavor = "multi_thread")]
async fn lesson_14_bytes_that_are_no_change_are_kept_aside_and_block_nothing() {
    let (server, tablet, task) = tablet_with_work().await;
    let second = server.dispatch(2, &["zhang", "li"]);
    server.hand_out_garbage(&task);
    server.hand_out_garbage(&second);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/tasks").await["total"], 2);
    tablet.write(&second, "fee/none", json!(true)).await;
    tablet.write(&task, "handling/measure", json!("无")).await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.text(&task, "handling/measure"), "无");
    let diagnostics = tablet.ok("/api/diagnostics").await.to_string();
    assert!(diagnostics.contains("change refused"), "{diagnostics}");
}

// F3, F7: a colleague's photo comes as thumbnail and rendition; unseen, it blocks signing
#[tokio::test(flavor = "multi_thread")]
async fn a_colleagues_photo_must_have_come_before_signing() {
    let (server, first, task) = tablet_with_work().await;
    server.issue("CODE-2", &["li", "zhang"]);
    let second = Tablet::new(&server, 9).await;
    second
        .enrol("CODE-2", &[("li", "246801"), ("zhang", "135790")])
        .await;
    second.unlock("li", "246801").await;
    assert_eq!(first.sync().await, None);
    server.no_downloads.store(true, Ordering::SeqCst);
    assert_eq!(second.sync().await, None);
    let missing = second.ok(&format!("/api/tasks/{task}/missing")).await;
    let unseen = missing["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter(|m| m["code"] == "photo_not_here");
    assert_eq!(unseen.count(), 2, "{missing}");
    assert_eq!(missing["can_sign"], false);
    server.no_downloads.store(false, Ordering::SeqCst);
    second.clock.advance(3_600_000);
    second.unlock("li", "246801").await;
    assert_eq!(second.sync().await, None);
    let photos = second.ok(&format!("/api/tasks/{task}/photos")).await;
    for row in photos["rows"].as_array().expect("rows") {
        assert_eq!(
            (
                row["has_thumbnail"].as_bool(),
                row["has_rendition"].as_bool(),
                row["has_original"].as_bool()
            ),
            (Some(true), Some(true), Some(false)),
            "{row}"
        );
        let id = row["photo"].as_str().expect("id");
        let (status, here) = second
            .bytes(&format!("/api/tasks/{task}/photos/{id}/rendition"))
            .await;
        let (_, there) = first
            .bytes(&format!("/api/tasks/{task}/photos/{id}/rendition"))
            .await;
        assert_eq!((status, here == there), (200, true));
        assert_eq!(
            second
                .bytes(&format!("/api/tasks/{task}/photos/{id}/original"))
                .await
                .0,
            404
        );
    }
    let missing = second.ok(&format!("/api/tasks/{task}/missing")).await;
    assert!(!missing.to_string().contains("photo_not_here"), "{missing}");
}

// F7: more work than one request holds goes in several, in one pass
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_one_request_follows_in_the_next() {
    let (server, tablet, task) = tablet_with_work().await;
    let before = server.changes(&task);
    let path = format!("/api/tasks/{task}/entries");
    for n in 0..140 {
        // Texts that do not compress, so that the limit of the body is met.
        let text: String = (0..2_500_u32)
            .map(|i| {
                let mixed = (i + n * 7_919)
                    .wrapping_mul(2_654_435_761)
                    .rotate_left(n % 31)
                    ^ i.wrapping_mul(40_503);
                char::from_u32(0x4e00 + mixed % 20_000).unwrap_or('字')
            })
            .collect();
        let body = json!({"kind": "statement", "fields": {"text": text}});
        let (status, body) = tablet.post(&path, body).await;
        assert_eq!(status, 200, "{body}");
    }
    server.take_requests();
    assert_eq!(tablet.sync().await, None);
    let syncs = server
        .take_requests()
        .into_iter()
        .filter(|(r, _)| r == "POST /sync/v1");
    let sizes: Vec<usize> = syncs.map(|(_, size)| size).collect();
    assert!(
        sizes.iter().all(|s| *s <= sync::message::MAX_BODY_BYTES) && sizes.len() >= 2,
        "{sizes:?}"
    );
    assert_eq!(server.changes(&task), before + 18 + 140);
    assert_eq!(tablet.ok("/api/sync").await["records"]["confirmed"], 1);
}

/// Waits until something is so, a minute at least.
async fn until(what: &str, so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

// a photo that hangs is neither in the way of others nor skipped for good
#[tokio::test(flavor = "multi_thread")]
async fn lesson_28_a_photo_that_hangs_is_not_in_the_way_and_comes_later() {
    let (server, tablet, task) = tablet_with_work().await;
    // A rendition: the others are too short to overtake it so often that it goes anew.
    server.hang_bytes.store(100_000, Ordering::SeqCst);
    server.hang_uploads.store(1, Ordering::SeqCst);
    let agent = tablet.agent();
    let pass = tokio::spawn(async move { agent.sync_once().await });
    until("the five others arrive", || server.stored().len() == 5).await;
    // The colleague's answer comes and goes meanwhile.
    tablet.write(&task, "handling/measure", json!("无")).await;
    until("the record is not held up", || {
        server.text(&task, "handling/measure") == "无"
    })
    .await;
    assert!(!pass.is_finished(), "one photo still hangs");
    tablet.clock.advance(60_000);
    server.let_go.notify_waiters();
    pass.await.expect("ends");
    tablet.clock.advance(3_600_000);
    tablet.unlock("zhang", "135790").await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.stored().len(), 6);
}

// F7: its connection is stuck, others are not
#[tokio::test(flavor = "multi_thread")]
async fn lesson_28_a_photo_that_is_stuck_goes_anew_beside_the_others() {
    let (server, tablet, task) = tablet_with_work().await;
    let clip = mp4(400_000, 7);
    let (status, body) = tablet
        .add_clip(
            &task,
            "refusal",
            clip,
            "&duration_ms=5000&recorded_at=1764000000000",
        )
        .await;
    assert_eq!(status, 200, "{body}");
    server.hang_uploads.store(1, Ordering::SeqCst);
    let agent = tablet.agent();
    let pass = tokio::spawn(async move { agent.sync_once().await });
    // Nobody lets go of what hangs.
    until("all seven arrive", || server.stored().len() == 7).await;
    until("the pass ends", || pass.is_finished()).await;
}

// what is written while a pass is under way goes in that pass
#[tokio::test(flavor = "multi_thread")]
async fn lesson_12_what_is_finished_during_a_pass_is_not_skipped() {
    let (server, tablet, task) = tablet_with_work().await;
    let second = server.dispatch(2, &["zhang", "li"]);
    assert_eq!(tablet.sync().await, None);
    for round in 0..5 {
        let caption = format!("第{round}次");
        let (status, _) = tablet
            .add_photo(&task, jpeg(300, 200, 20 + round), "SP-01/p3")
            .await;
        assert_eq!(status, 200);
        server.hang_uploads.store(1, Ordering::SeqCst);
        let agent = tablet.agent();
        let pass = tokio::spawn(async move { agent.sync_once().await });
        until("it hangs", || {
            server.hang_uploads.load(Ordering::SeqCst) == 0
        })
        .await;
        tablet
            .write(&second, "handling/opinion", json!(caption))
            .await;
        until("it goes in the same pass", || {
            server.text(&second, "handling/opinion") == caption
        })
        .await;
        assert!(!pass.is_finished());
        server.let_go.notify_waiters();
        pass.await.expect("ends");
        tablet.clock.advance(600_000);
        tablet.unlock("zhang", "135790").await;
        assert_eq!(tablet.sync().await, None);
    }
    // And while the request itself is on its way.
    tablet.write(&task, "handling/measure", json!("先")).await;
    server.hang_syncs.store(1, Ordering::SeqCst);
    let agent = tablet.agent();
    let pass = tokio::spawn(async move { agent.sync_once().await });
    until("it hangs", || server.hang_syncs.load(Ordering::SeqCst) == 0).await;
    tablet.write(&second, "handling/measure", json!("后")).await;
    // The driver hears of it before the answer comes.
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    server.let_go.notify_waiters();
    assert_eq!(pass.await.expect("ends"), None);
    assert_eq!(server.text(&second, "handling/measure"), "后");
}

// F7: a request is lost on its way, and a person asks
#[tokio::test(flavor = "multi_thread")]
async fn lesson_11_who_asks_is_not_left_waiting_for_a_request_that_hangs() {
    let (server, tablet, task) = tablet_with_work().await;
    assert_eq!(tablet.sync().await, None);
    tablet.write(&task, "handling/measure", json!("无")).await;
    server.hang_syncs.store(1, Ordering::SeqCst);
    let agent = tablet.agent();
    let pass = tokio::spawn(async move { agent.sync_once().await });
    until("it hangs", || server.hang_syncs.load(Ordering::SeqCst) == 0).await;
    tablet.clock.advance(8_000);
    assert_eq!(tablet.post("/api/sync/now", json!({})).await.0, 200);
    until("it goes anew", || {
        server.text(&task, "handling/measure") == "无"
    })
    .await;
    assert_eq!(pass.await.expect("ends"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_tablet_is_sending_holds_up_nothing() {
    // Lesson 4: another device holds the office's place for one file, whatever the reason.
    let (server, tablet, _) = tablet_with_work().await;
    *server.busy.lock().expect("lock") = Some((BlobKind::Thumbnail, 3_600));
    assert_eq!(tablet.sync().await, None);
    use BlobKind::{Original, Rendition, Thumbnail};
    assert_eq!(server.stored(), [Rendition, Rendition, Original, Original]);
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        (&status["phase"], &status["rows"][0]["failed"]),
        (&json!("idle"), &json!(0)),
        "nothing has failed: {status}"
    );
    // It has its turn, a minute at most, and is tried again.
    server.take_requests();
    assert_eq!(tablet.sync().await, None);
    let tried = |r: &(String, usize)| r.0.starts_with("PATCH");
    assert!(!server.take_requests().iter().any(tried));
    *server.busy.lock().expect("lock") = None;
    tablet.clock.advance(61_000);
    assert_eq!(tablet.sync().await, None);
    let all = [
        Thumbnail, Thumbnail, Rendition, Rendition, Original, Original,
    ];
    assert_eq!(server.stored(), all);
}

// Point 5: what was noted by a clock that stood elsewhere does not outlast it
#[rstest::rstest]
#[case::hours_ahead(5 * HOUR)]
#[case::years_ahead(3 * 365 * DAY)]
#[case::years_back(-3 * 365 * DAY)]
#[tokio::test(flavor = "multi_thread")]
async fn when_the_clock_is_put_right_pauses_warnings_and_room_go_by_it(#[case] by: i64) {
    let (server, tablet, task) = tablet_with_work().await;
    let (status, _) = tablet.add_clip(&task, "entry", mp4(5_000, 1), "").await;
    assert_eq!(status, 200);
    // A photo is put aside, something is written and the record accepted, all by the wrong clock.
    tablet.clock.set(START + by);
    let (status, _) = tablet.add_photo(&task, jpeg(640, 480, 9), "").await;
    assert_eq!(status, 200);
    *server.refuse.lock().expect("lock") = Some(BlobKind::Rendition);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.stored().len(), 7, "three renditions are put aside");
    server.accept(&task);
    assert_eq!(tablet.sync().await, None);
    *server.refuse.lock().expect("lock") = None;

    tablet.clock.set(START + HOUR);
    let warning = async || tablet.ok("/api/sync").await["warning"].clone();
    assert_eq!(
        warning().await,
        "none",
        "an hour ago the office had everything: it has waited no longer"
    );
    tablet.clock.advance(3 * 60_000);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(
        server.stored().len(),
        10,
        "no pause is longer than it was meant"
    );
    assert_eq!(tablet.sync().await, None);
    assert_eq!(warning().await, "none", "all is confirmed");
    for _ in 0..2 {
        tablet.clock.advance(21 * DAY);
        tablet.unlock("zhang", "135790").await;
        assert_eq!(tablet.sync().await, None);
    }
    let clips = tablet.ok(&format!("/api/tasks/{task}/clips")).await;
    assert_eq!(clips["rows"][0]["here"], false, "its room was freed");
}

// lesson 24: what a wrong clock dated is warned of when it has waited so long, not when the clock is put right
#[rstest::rstest]
#[case::hours_ahead(5 * HOUR)]
#[case::years_ahead(3 * 365 * DAY)]
#[case::years_back(-3 * 365 * DAY)]
#[tokio::test(flavor = "multi_thread")]
async fn lesson_24_what_a_wrong_clock_dated_is_as_old_as_it_is(#[case] by: i64) {
    let (server, tablet, task) = tablet_with_work().await;
    assert_eq!(tablet.sync().await, None);
    server.offline.store(true, Ordering::SeqCst);
    tablet.clock.set(START + by);
    tablet.write(&task, "handling/measure", json!("无")).await;
    for (hours, want) in [(1, "none"), (31, "one_day"), (80, "three_days")] {
        tablet.clock.set(START + hours * HOUR);
        tablet.unlock("zhang", "135790").await;
        assert_eq!(tablet.ok("/api/sync").await["warning"], want, "{hours} h");
        assert_eq!(tablet.ok("/api/state").await["warning"], want);
    }
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A picture that does not become small.
fn noise(width: u32, height: u32) -> Vec<u8> {
    let mut seed = 1_u32;
    let picture = image::RgbImage::from_fn(width, height, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(seed >> 24) as u8, (seed >> 16) as u8, (seed >> 8) as u8])
    });
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new(&mut out)
        .encode_image(&picture)
        .expect("encodes");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_03_what_comes_down_goes_on_where_it_was_cut_also_after_a_restart() {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    for (code, person) in [("CODE-1", "zhang"), ("CODE-2", "li")] {
        server.issue(code, &[person]);
    }
    let (zhang, mut li) = (Tablet::new(&server, 1).await, Tablet::new(&server, 2).await);
    zhang.enrol("CODE-1", &[("zhang", "135790")]).await;
    li.enrol("CODE-2", &[("li", "246801")]).await;
    zhang.unlock("zhang", "135790").await;
    assert_eq!(zhang.sync().await, None);
    let (status, _) = zhang.add_photo(&task, noise(1200, 900), "").await;
    assert_eq!(status, 200);
    assert_eq!(zhang.sync().await, None);
    li.unlock("li", "246801").await;
    let here = async |li: &Tablet| {
        let photos = li.ok(&format!("/api/tasks/{task}/photos")).await;
        photos["rows"][0]["has_rendition"] == true
    };
    // Every few requests the connection is gone and the tablet switched off.
    let mut restarts = 0;
    loop {
        server.cut_after.store(3, Ordering::SeqCst);
        li.sync().await;
        server.cut_after.store(-1, Ordering::SeqCst);
        if here(&li).await {
            break;
        }
        restarts += 1;
        assert!(restarts < 40, "it ends");
        li.kill_and_start().await;
        li.unlock("li", "246801").await;
    }
    assert!(restarts > 0, "it was cut");
    // A request that was cut never came to the server: of what did, nothing is asked for twice.
    let mut begun = server.ranges.lock().expect("lock").clone();
    let asked = begun.len();
    assert!(asked > 2, "a picture takes more than one request");
    begun.sort();
    begun.dedup();
    assert_eq!(
        begun.len(),
        asked,
        "what came before the restart came again"
    );
}
