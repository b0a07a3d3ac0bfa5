//! Tablets of one task without a server in reach (F6): real TLS on loopback, real agents.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use field_agent::agent::nearby::Denied;
use serde_json::json;
use sync::message::{Cursor, SyncRequest, VERSION, pack};
use sync::signing::{RequestAuth, public};

const PEOPLE: [(&str, &str); 3] = [("zhang", "135790"), ("li", "246801"), ("wang", "975310")];

/// A tablet for each of three inspectors who have one task together; then the network is gone.
async fn three_tablets() -> (Arc<Server>, [Tablet; 3], String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li", "wang"]);
    let mut tablets = Vec::new();
    for (n, (person, pin)) in PEOPLE.into_iter().enumerate() {
        let code = format!("CODE-{n}");
        // The first is also the one on which all sign.
        let own = [(person, pin)];
        let on_it: &[(&str, &str)] = if n == 0 { &PEOPLE } else { &own };
        let persons: Vec<&str> = on_it.iter().map(|p| p.0).collect();
        server.issue(&code, &persons);
        let tablet = Tablet::new(&server, n as u64 + 1).await;
        tablet.enrol(&code, on_it).await;
        tablet.unlock(person, pin).await;
        assert_eq!(tablet.sync().await, None);
        tablets.push(tablet);
    }
    // Rosters with the keys of those who were enrolled later.
    for tablet in &tablets {
        assert_eq!(tablet.sync().await, None);
    }
    server.offline.store(true, Ordering::SeqCst);
    let tablets = <[Tablet; 3]>::try_from(tablets).unwrap_or_else(|_| panic!("three"));
    (server, tablets, task)
}

async fn wait_until_listening(tablets: &[Tablet; 3]) -> [String; 3] {
    let [a, b, c] = tablets;
    [
        a.open_nearby().await,
        b.open_nearby().await,
        c.open_nearby().await,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_three_converges_without_a_server() {
    // F6: the first and the last never hear of each other.
    let (server, tablets, task) = three_tablets().await;
    let addresses = wait_until_listening(&tablets).await;
    let [first, middle, last] = &tablets;
    first
        .write(&task, "point/SP-01/p1/answer", json!("compliant"))
        .await;
    let (status, photo) = first.add_photo(&task, jpeg(640, 480, 3), "SP-01/p1").await;
    assert_eq!(status, 200, "{photo}");
    last.write(&task, "point/SP-01/p3/answer", json!("non_compliant"))
        .await;

    assert_eq!(middle.pull(&addresses[0]).await, None);
    assert_eq!(last.pull(&addresses[1]).await, None);
    assert_eq!(middle.pull(&addresses[2]).await, None);
    assert_eq!(first.pull(&addresses[1]).await, None);

    let heads = first.heads(&task).await;
    assert!(!heads.as_array().expect("heads").is_empty());
    assert_eq!(middle.heads(&task).await, heads);
    assert_eq!(last.heads(&task).await, heads);
    let record = first.ok(&format!("/api/tasks/{task}/record")).await;
    let answer = &record["cells"]["point/SP-01/p3/answer"]["values"][0];
    assert_eq!(answer["value"], "non_compliant");
    assert_eq!(answer["person"], "wang", "{answer}");
    // The picture came along, small.
    let id = photo["photo"].as_str().expect("a photo");
    let (status, _) = last
        .bytes(&format!("/api/tasks/{task}/photos/{id}/thumbnail"))
        .await;
    assert_eq!(status, 200);
    let nearby = middle.ok("/api/nearby").await;
    let people = nearby["tablets"].to_string();
    assert!(
        people.contains("zhang") || people.contains('张'),
        "{people}"
    );

    // Whoever comes back first brings everybody's work to the office, under its authors' names.
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(last.sync().await, None);
    assert_eq!(server.text(&task, "point/SP-01/p1/answer"), "compliant");
    assert_eq!(json!(server.heads(&task)), heads);
    for tablet in &tablets {
        assert_eq!(tablet.sync().await, None);
        let sync = tablet.ok("/api/sync").await;
        assert_eq!(sync["records"]["on_this_tablet"], 0, "{sync}");
    }
}

// F6, X7: a store that was put back from a copy gets its own work back from who has it, however much it is
#[tokio::test(flavor = "multi_thread")]
async fn a_tablet_put_back_gets_its_own_lost_work_from_a_colleague() {
    let (_server, [mut first, middle, _last], task) = three_tablets().await;
    let at_middle = middle.open_nearby().await;
    middle.write(&task, "handling/opinion", json!("先")).await;
    assert_eq!(first.pull(&at_middle).await, None);
    first.kill().await;
    let copy = tempfile::tempdir().expect("dir");
    copy_folder(first.path(), copy.path());
    first.start().await;
    first.unlock(PEOPLE[0].0, PEOPLE[0].1).await;
    // More than one answer holds.
    for n in 0..900_u32 {
        let letters = (0..1_300_u32).map(|i| {
            let mixed = (i + 1_300 * n).wrapping_mul(2_654_435_761) >> 16;
            char::from_u32(0x4e00 + mixed % 20_000).unwrap_or('一')
        });
        let note = format!("point/SP-01/p{}/note", 1 + n % 3);
        first
            .write(&task, &note, json!(letters.collect::<String>()))
            .await;
    }
    let heads = first.heads(&task).await;
    let at_first = first.open_nearby().await;
    assert_eq!(middle.pull(&at_first).await, None);
    assert_eq!(middle.heads(&task).await, heads);
    first.kill().await;
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
        let (from, to) = (copy.path().join(name), first.path().join(name));
        let _ = std::fs::remove_file(&to);
        if from.exists() {
            std::fs::copy(from, to).expect("copies");
        }
    }
    first.start().await;
    first.unlock(PEOPLE[0].0, PEOPLE[0].1).await;
    assert_ne!(first.heads(&task).await, heads);
    assert_eq!(first.pull(&at_middle).await, None);
    assert_eq!(first.heads(&task).await, heads);
}

// F6: rosters of all tasks spread, asked for in two questions here: by one that is left out a revoked tablet would
// stay a colleague
#[tokio::test(flavor = "multi_thread")]
async fn rosters_of_all_tasks_spread_also_of_very_many() {
    let server = Server::new();
    let mut tablets = Vec::new();
    for (n, (person, pin)) in PEOPLE.into_iter().enumerate() {
        let code = format!("CODE-{n}");
        server.issue(&code, &[person]);
        let tablet = Tablet::new(&server, n as u64 + 1).await;
        tablet.enrol(&code, &[(person, pin)]).await;
        tablet.unlock(person, pin).await;
        tablets.push(tablet);
    }
    let [zhang, li, wang] = &tablets[..] else {
        panic!("three")
    };
    server.dispatch_many(300, &["zhang", "li", "wang"]);
    for tablet in [zhang, li] {
        assert_eq!(tablet.sync().await, None);
        assert_eq!(tablet.ok("/api/tasks").await["total"], 300);
    }
    let colleagues = async || {
        let parties = li.ok("/api/bundle/parties").await;
        let rows = parties["rows"].as_array().expect("rows").clone();
        rows.iter().filter(|r| r["kind"] == "tablet").count()
    };
    assert_eq!(colleagues().await, 2);
    // The office revokes Wang's tablet, and only Zhang's hears of it before the network is gone.
    server.revoke(&public(&wang.agent().nearby_identity().expect("open")));
    assert_eq!(zhang.sync().await, None);
    server.offline.store(true, Ordering::SeqCst);
    let address = zhang.open_nearby().await;
    li.open_nearby().await;
    assert_eq!(li.pull(&address).await, None);
    assert_eq!(colleagues().await, 1, "in no roster Wang's tablet stands");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_is_not_sent_twice_and_a_change_is_seen() {
    let (_server, tablets, task) = three_tablets().await;
    let addresses = wait_until_listening(&tablets).await;
    let [first, second, _] = &tablets;
    for n in 0..20 {
        first
            .write(&task, "handling/measure", json!(format!("第 {n} 稿")))
            .await;
        assert_eq!(second.pull(&addresses[0]).await, None);
    }
    assert_eq!(second.heads(&task).await, first.heads(&task).await);
    // Both write the same point: both see both answers.
    first
        .write(&task, "point/SP-01/p1/answer", json!("compliant"))
        .await;
    second
        .write(&task, "point/SP-01/p1/answer", json!("non_compliant"))
        .await;
    assert_eq!(second.pull(&addresses[0]).await, None);
    assert_eq!(first.pull(&addresses[1]).await, None);
    for tablet in [first, second] {
        let conflicts = tablet.ok(&format!("/api/tasks/{task}/conflicts")).await;
        assert!(
            conflicts.to_string().contains("point/SP-01/p1/answer"),
            "{conflicts}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_closed_tablets_exchange_nothing() {
    // S2: a tablet of another task, and one whose inspectors do not want it.
    let (server, tablets, task) = three_tablets().await;
    server.offline.store(false, Ordering::SeqCst);
    server.dispatch(2, &["chen"]);
    server.issue("CODE-9", &["chen"]);
    let stranger = Tablet::new(&server, 9).await;
    stranger.enrol("CODE-9", &[("chen", "112358")]).await;
    stranger.unlock("chen", "112358").await;
    assert_eq!(stranger.sync().await, None);
    let [first, second, _] = &tablets;
    let address = first.open_nearby().await;
    first
        .write(&task, "handling/measure", json!("责令改正"))
        .await;
    let error = stranger.pull(&address).await.expect("an error");
    assert!(error.contains("不属于同一检查组"), "{error}");
    let theirs = stranger.open_nearby().await;
    let error = first.pull(&theirs).await.expect("an error");
    assert!(error.contains("不属于同一检查组"), "{error}");

    let (status, _) = first.put("/api/nearby", json!({"enabled": false})).await;
    assert_eq!(status, 200);
    let error = second.pull(&address).await.expect("an error");
    assert!(
        error.contains("连不上") || error.contains("没有打开"),
        "{error}"
    );
    let (status, problem) = second
        .post("/api/nearby/tablets", json!({"address": "kitchen"}))
        .await;
    assert_eq!(
        (status, problem["code"].as_str()),
        (400, Some("bad_address"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_closing_tablet_takes_in_a_colleagues_work_and_all_sign_on_it() {
    // F4, F6: in a basement, with the party waiting.
    let (server, tablets, task) = three_tablets().await;
    let addresses = wait_until_listening(&tablets).await;
    let [first, second, _] = &tablets;
    first.fill(&task).await;
    let photo = second.add_photo(&task, jpeg(320, 240, 5), "SP-01/p1").await;
    assert_eq!(photo.0, 200);
    second
        .write(&task, "point/SP-01/p2/note", json!("读数见照片"))
        .await;
    let (status, body) = second
        .post(&format!("/api/tasks/{task}/done"), json!({}))
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(first.pull(&addresses[1]).await, None);
    let missing = first.ok(&format!("/api/tasks/{task}/missing")).await;
    assert_eq!(missing["can_sign"], true, "{missing}");
    let base = format!("/api/tasks/{task}/sign-off");
    let (status, body) = first.post(&base, json!({})).await;
    assert_eq!(status, 200, "{body}");
    let party = json!({"kind": "signed", "name": "赵店长", "capacity": "店长", "ink": ink()});
    let (status, body) = first.post(&format!("{base}/party"), party).await;
    assert_eq!(status, 200, "{body}");
    for (person, pin) in PEOPLE {
        let signature = json!({"person": person, "pin": pin, "ink": ink()});
        let (status, body) = first.post(&format!("{base}/inspectors"), signature).await;
        assert_eq!(status, 200, "{body}");
    }
    // The colleague carries the sealed record out of the basement.
    assert_eq!(second.pull(&addresses[0]).await, None);
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(second.sync().await, None);
    assert!(server.sealed(&task, 1), "by the tablet that did not sign");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_for_the_tablet_that_it_was_put_to() {
    // S2: whoever is asked cannot ask a third tablet with the same words, in the asker's name.
    let (_server, tablets, _task) = three_tablets().await;
    let _ = wait_until_listening(&tablets).await;
    let [first, middle, last] = tablets.map(|t| t.agent());
    let asker = first.nearby_identity().expect("open");
    let asked = public(&middle.nearby_identity().expect("open"));
    let request = SyncRequest {
        v: VERSION,
        epoch: 1,
        request: [0; 16],
        cursor: None::<Cursor>,
        authors: vec![],
        docs: vec![],
        signatures: vec![],
        blobs: vec![],
        status: None,
    };
    let body = pack(&request).expect("packs");
    let signed =
        |path: &str| RequestAuth::sign(&asker, "POST", path, &body, START, [3; 16]).header();
    let path = format!("/nearby/v1/sync?to={asked}");
    let words = signed(&path);
    assert!(middle.nearby_serve(&path, &body, &words).is_ok());
    let passed_on = last.nearby_serve(&path, &body, &words);
    assert_eq!(passed_on.err(), Some(Denied::Stranger));
    let own = public(&last.nearby_identity().expect("open"));
    let other = format!("/nearby/v1/sync?to={own}");
    let passed_on = last.nearby_serve(&other, &body, &words);
    assert_eq!(passed_on.err(), Some(Denied::Stranger));
    // To nobody is to everybody.
    let open = "/nearby/v1/sync";
    let said = middle.nearby_serve(open, &body, &signed(open));
    assert_eq!(said.err(), Some(Denied::Stranger));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_qr_code_says_reaches_that_tablet_and_no_other() {
    // F6: scanned from the colleague's screen
    let (_server, tablets, task) = three_tablets().await;
    let addresses = wait_until_listening(&tablets).await;
    let [first, second, third] = &tablets;
    first
        .write(&task, "handling/measure", json!("责令改正"))
        .await;
    let shown = first.ok("/api/nearby").await;
    let link = shown["link"].as_str().expect("a text").to_owned();
    assert!(link.contains(&format!("at={}", addresses[0])), "{link}");
    let svg = shown["qr_svg"].as_str().expect("a picture");
    assert!(svg.contains("<svg"), "{svg}");

    let scan = |text: String| second.post("/api/nearby/tablets", json!({ "address": text }));
    let (status, told) = scan(link.clone()).await;
    assert_eq!(status, 200, "{told}");
    let at = addresses[0].parse().expect("an address");
    second.agent().nearby_pass(at).await;
    assert_eq!(second.heads(&task).await, first.heads(&task).await);

    // Another tablet of the same team answers at the address of the code: it is not the one.
    let wrong = link.replace(&addresses[0], &addresses[2]);
    let (status, told) = scan(wrong).await;
    assert_eq!(status, 200, "{told}");
    third
        .write(&task, "handling/deadline", json!("2026-12-01"))
        .await;
    let before = second.heads(&task).await;
    let at = addresses[2].parse().expect("an address");
    second.agent().nearby_pass(at).await;
    let told = second.ok("/api/nearby").await;
    let rows = told["tablets"].as_array().expect("rows");
    let there = rows.iter().find(|t| t["address"] == addresses[2]);
    let there = there.expect("known");
    let error = there["error"].as_str().expect("an error");
    assert!(error.contains("不是扫码的那一台"), "{error}");
    assert_eq!(there["error_code"], "other_tablet");
    assert_eq!(second.heads(&task).await, before);
    // A typed address says nothing of who is there.
    assert_eq!(second.pull(&addresses[2]).await, None);
    assert_ne!(second.heads(&task).await, before);

    // Nobody of the team, and the own tablet.
    let own = second.ok("/api/nearby").await["link"].clone();
    let (status, told) = scan(own.as_str().expect("a text").to_owned()).await;
    assert_eq!((status, &told["code"]), (409, &json!("own_tablet")));
    let nobody = format!(
        "double-random:tablet?key={}&at=127.0.0.1:9",
        "07".repeat(32)
    );
    let (status, told) = scan(nobody).await;
    assert_eq!((status, &told["code"]), (409, &json!("not_a_colleague")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_colleague_has_is_not_said_to_be_at_the_office() {
    // F7: the originals lie on one tablet, and no server was in reach.
    let (server, tablets, task) = three_tablets().await;
    let addresses = wait_until_listening(&tablets).await;
    let [first, second, _] = &tablets;
    let (status, photo) = first.add_photo(&task, jpeg(640, 480, 3), "SP-01/p1").await;
    assert_eq!(status, 200, "{photo}");
    // Wang records on the tablet that all share, and then looks on another one.
    let (status, clip) = first.add_clip(&task, "entry", mp4(5_000, 1), "").await;
    assert_eq!(status, 200, "{clip}");
    assert_eq!(second.pull(&addresses[0]).await, None);
    let told = async || {
        let clips = second.ok(&format!("/api/tasks/{task}/clips")).await;
        let photos = second.ok(&format!("/api/tasks/{task}/photos")).await;
        let original = photos["rows"][0]["original_delivery"].clone();
        (clips["rows"][0]["delivery"].clone(), original)
    };
    let elsewhere = (json!("elsewhere"), json!("elsewhere"));
    assert_eq!(told().await, elsewhere);
    let counted = async || {
        let sync = second.ok("/api/sync").await;
        let row = &sync["rows"][0];
        assert_eq!(
            (&row["clips"], &row["photos"]),
            (&sync["clips"], &sync["photos"]),
            "{sync}"
        );
        (sync["photos"].clone(), sync["clips"].clone())
    };
    let one = |state: &str| {
        let mut counters = json!({"on_this_tablet": 0, "sent": 0, "confirmed": 0, "elsewhere": 0});
        counters[state] = json!(1);
        counters
    };
    // Of the photo the small forms are here, and are this tablet's to send.
    assert_eq!(counted().await, (one("on_this_tablet"), one("elsewhere")));

    // The second brings the record and the small forms to the office; what it does not have stays untold.
    server.offline.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(second.sync().await, None);
    }
    assert_eq!(told().await, elsewhere);
    assert_eq!(counted().await, (one("elsewhere"), one("elsewhere")));
    let files = second.ok(&format!("/api/sync/tasks/{task}")).await;
    assert_eq!(files["photos"][0]["rendition"], "confirmed", "{files}");
    assert_eq!(files["photos"][0]["original"], "elsewhere", "{files}");

    // The office says that it has them.
    assert_eq!(first.sync().await, None);
    assert_eq!(second.sync().await, None);
    assert_eq!(told().await, (json!("confirmed"), json!("confirmed")));
    assert_eq!(counted().await, (one("confirmed"), one("confirmed")));

    // And that it lost them with its disk: what is here it gets again, the rest is unsure.
    server.restore_from_an_empty_backup();
    assert_eq!(second.sync().await, None);
    assert_eq!(told().await, elsewhere);
    assert_eq!(first.sync().await, None);
    assert_eq!(second.sync().await, None);
    assert_eq!(told().await, (json!("confirmed"), json!("confirmed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_revoked_is_refused_also_by_those_who_heard_of_it_from_a_colleague() {
    // F6, F8: A is revoked, B knows it from the office, C has had no network since.
    let (server, tablets, task) = three_tablets().await;
    let [c, b, a] = &tablets;
    let at = wait_until_listening(&tablets).await;
    a.write(&task, "handling/measure", json!("停用之前")).await;
    assert_eq!(c.pull(&at[2]).await, None);
    assert_eq!(a.pull(&at[0]).await, None);
    assert_eq!(b.pull(&at[2]).await, None);
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(
        b.sync().await,
        None,
        "what A wrote by then is at the office"
    );
    server.revoke(&public(&a.agent().nearby_identity().expect("open")));
    assert_eq!(b.sync().await, None);
    server.offline.store(true, Ordering::SeqCst);
    c.write(&task, "point/SP-01/p1/answer", json!("compliant"))
        .await;

    assert!(b.pull(&at[2]).await.is_some(), "B knows it");
    assert_eq!(c.pull(&at[1]).await, None);
    // From here on C knows it too: it asks A nothing, and answers it nothing.
    a.write(&task, "handling/measure", json!("停用之后")).await;
    let before = c.heads(&task).await;
    assert!(c.pull(&at[2]).await.is_some());
    assert_eq!(c.heads(&task).await, before);
    let before = a.heads(&task).await;
    assert!(a.pull(&at[0]).await.is_some());
    assert_eq!(a.heads(&task).await, before);
    // What A wrote before stands, and the others go on.
    let record = c.ok(&format!("/api/tasks/{task}/record")).await;
    let measure = &record["cells"]["handling/measure"]["values"][0]["value"];
    assert_eq!(measure, "停用之前");
    assert_eq!(b.pull(&at[0]).await, None);
    assert_eq!(b.heads(&task).await, c.heads(&task).await);
}
