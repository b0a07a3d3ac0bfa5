//! Hostile tablets at the real server (S2): whatever an enrolled device sends, the record stays as it
//! was and can be loaded, colleagues and even the sender's honest work go on, what was refused lies in
//! quarantine with its word, and the children that judge stay below their memory.
//!
//! `HOSTILE=n` sends n times as many mutations.

use axum::body::Body;
use ed25519_dalek::SigningKey;
use futures_util::StreamExt;
use rstest::rstest;
use sync::admit::Offered;
use sync::cells::Value;
use sync::enrol::{EnrolRequest, EnrolledKey, proof};
use sync::facts::Roster;
use sync::ids::{DeviceId, Sha256, TaskId};
use sync::message::{BlobKind, BlobRef, DocChanges, SyncResponse};
use sync::record::RecordDoc;
use sync::signing::{self, RequestAuth};
use tests::attacks::{ANSWER, Dice, attack, cell, copy_of, forged, mutated, photo, signed};
use tests::small::SmallOffice;
use tests::wire::{NOW, WireOffice, WireTablet};

#[rstest]
#[case("another's actor", Some("foreign_actor"))]
#[case("another's name", Some("bad_signature"))]
#[case("a colleague on my tablet", Some("not_on_team"))]
#[case("the server", Some("foreign_actor"))]
#[case("a forged signature", Some("bad_signature"))]
#[case("no signature", Some("bad_signature"))]
#[case("a gap", Some("bad_sequence"))]
#[case("operations too early", Some("bad_sequence"))]
#[case("operations too late", Some("bad_sequence"))]
#[case("operations at the end of numbers", Some("malformed"))]
#[case("a future dependency", None)]
#[case("a run-length bomb", Some("too_large"))]
#[case("cut in half", Some("malformed"))]
#[case("nothing", Some("malformed"))]
#[case("a whole document", Some("malformed"))]
#[case("facts", Some("not_allowed"))]
#[case("the team", Some("not_allowed"))]
#[case("the form", Some("not_allowed"))]
#[case("a new round", Some("not_allowed"))]
#[case("another's done", Some("not_allowed"))]
#[case("another picture", Some("not_allowed"))]
#[case("another rendition, put and put over", Some("not_allowed"))]
#[case("another picture beside it", Some("not_allowed"))]
#[case("another picture, unknowing", Some("not_allowed"))]
#[case("another size", Some("not_allowed"))]
#[case("a rendition that is no small picture", Some("bad_cell"))]
#[case("an unknown cell", Some("bad_cell"))]
#[case("a delete", Some("bad_cell"))]
#[case("a map", Some("bad_cell"))]
#[tokio::test]
async fn a_hostile_change_harms_nobody(#[case] what: &str, #[case] expected: Option<&str>) {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut li = office.granted(2, "li").await;
    let photo = li.write(office.task, &photo());
    office.push(&mut li, photo).await;
    let mut zhang = office.granted(1, "zhang").await;
    let heads = heads(&office).await;
    let (author, offered) = attack(what, &zhang, &mut copy_of(&li), office.task);
    let mut request = zhang.request();
    request.authors = vec![author];
    request.docs = vec![DocChanges {
        task: office.task,
        changes: vec![offered],
    }];
    let response = office.sync(&mut zhang, &request).await;
    let held = &response.verdicts[0].held;
    assert_eq!((response.verdicts[0].stored, held.len()), (0, 1));
    assert_eq!(held[0].code.map(|c| c.word()), expected);
    assert_eq!(self::heads(&office).await, heads, "the record is as it was");
    let kept = match expected {
        Some(_) => "SELECT count(*) FROM quarantine WHERE state = 'held'",
        None => "SELECT count(*) FROM record_waiting",
    };
    assert_eq!(office.count(kept).await, 1, "kept, for a person to see");
    // The colleague and the sender's own honest work go on.
    let run = li.write(office.task, &cell("point/A1/p2/answer", "compliant"));
    assert_eq!(office.push(&mut li, run).await.verdicts[0].stored, 1);
    let run = zhang.write(office.task, &cell("point/A1/p3/answer", "compliant"));
    assert_eq!(office.push(&mut zhang, run).await.verdicts[0].stored, 1);
    loads(&office).await;
}

async fn heads(office: &WireOffice) -> String {
    let read = office.state.db.read(|tx| {
        Ok(tx.query_one(
            "SELECT heads FROM record_docs ORDER BY task LIMIT 1",
            &[],
            |r| r.get(0),
        )?)
    });
    read.await.expect("heads")
}

/// The document loads, and from its log alone the same comes.
async fn loads(office: &WireOffice) {
    let task = office.task;
    let read = office.state.db.read(move |tx| {
        let id = task.to_string();
        let cache: Vec<u8> = tx.query_one(
            "SELECT cache FROM record_docs WHERE task = $1",
            &[&id],
            |r| r.get(0),
        )?;
        let log: Vec<Vec<u8>> = tx.query(
            "SELECT bytes FROM record_changes WHERE task = $1 ORDER BY ord",
            &[&id],
            |r| r.get(0),
        )?;
        Ok((cache, log))
    });
    let (cache, log) = read.await.expect("reads");
    let doc = RecordDoc::load(task, &cache).expect("loads");
    let again = RecordDoc::from_log(task, log.iter().map(Vec::as_slice)).expect("from the log");
    assert_eq!(doc.heads(), again.heads());
    assert_eq!(doc.view().text("facts/object_name"), "示例公司0");
}

/// Greatest resident memory of the children that judge, in KiB, and how many there are.
fn children_peak() -> (u64, usize) {
    let (mut peak, mut count) = (0, 0);
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let read =
            |name: &str| std::fs::read_to_string(entry.path().join(name)).unwrap_or_default();
        let status = read("status");
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let own = field("PPid:") == Some(u64::from(std::process::id()));
        if own && read("cmdline").contains("admit-worker") {
            count += 1;
            peak = peak.max(field("VmHWM:").unwrap_or(0));
        }
    }
    (peak, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_changes_mutated_by_the_ten_thousand_harm_nobody() {
    let times = std::env::var("HOSTILE")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_usize);
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut li = office.granted(2, "li").await;
    let mut dice = Dice(20_261_124);
    for round in 0..20 * times {
        // What came in of the round before is known to it: the next mutations get as deep.
        let mut zhang = office.granted(1, "zhang").await;
        let mut tablet = WireTablet::new(1, "zhang");
        tablet.records = zhang.records.clone();
        let cells = [
            cell("handling/opinion", &format!("第{round}次")),
            cell(
                "point/A1/p1/note",
                &format!("{round}{}", "一处很长的说明。".repeat(20)),
            ),
            vec![("visit/start_at".to_owned(), (NOW + round as i64).into())],
            (1..=15)
                .map(|n| (format!("point/A1/p{n}/note"), format!("{round}-{n}").into()))
                .collect(),
        ];
        let honest: Vec<Vec<u8>> = cells
            .iter()
            .flat_map(|c| tablet.write(office.task, c))
            .map(|c| c.bytes)
            .collect();
        let mutant = |dice: &mut Dice| {
            let one = dice.below(honest.len());
            signed(&zhang, mutated(&honest[one], dice))
        };
        let changes: Vec<Offered> = (0..500).map(|_| mutant(&mut dice)).collect();
        let mut request = zhang.request();
        request.docs = vec![DocChanges {
            task: office.task,
            changes,
        }];
        let (response, ..) = office.round_trip(&mut zhang, &request).await;
        let verdict = &response.verdicts[0];
        assert!(
            verdict.held.len() >= 400,
            "round {round}: {}",
            verdict.stored
        );
        assert!(
            verdict
                .held
                .iter()
                .all(|h| h.code.map(|c| c.word()) != Some("exhausted"))
        );
        // A person has looked at it; else this tablet would not be heard any more.
        let clear = office.state.db.write(|tx| {
            Ok(tx.execute(
                "UPDATE quarantine SET state = 'discarded' WHERE state = 'held'",
                &[],
            )?)
        });
        clear.await.unwrap();
        let path = format!("point/A1/p{}/note", round % 15 + 1);
        let run = li.write(office.task, &cell(&path, &format!("{round}")));
        assert_eq!(
            office.push(&mut li, run).await.verdicts[0].stored,
            1,
            "round {round}"
        );
    }
    let (peak, count) = children_peak();
    assert!(count > 0, "changes are judged in children");
    assert!(peak < 512 * 1024, "{peak} KiB");
    loads(&office).await;
}

#[tokio::test]
async fn who_floods_the_quarantine_fills_no_disk_and_touches_no_honest_work() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    for round in 0_u32..2 {
        let garbage = |n: u32| signed(&zhang, [round.to_be_bytes(), n.to_be_bytes()].concat());
        let mut request = zhang.request();
        request.docs = vec![DocChanges {
            task: office.task,
            changes: (0..1_200).map(garbage).collect(),
        }];
        office.sync(&mut zhang, &request).await;
    }
    let run = zhang.write(office.task, &cell(ANSWER, "compliant"));
    let mut request = zhang.request();
    request.docs = vec![DocChanges {
        task: office.task,
        changes: run,
    }];
    let body = sync::message::pack(&request).unwrap();
    let told = office.sync(&mut zhang, &request).await;
    assert_eq!(told.verdicts[0].stored, 1, "what is honest comes in");
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 2_000);
    let run = li.write(office.task, &cell(ANSWER, "compliant"));
    assert_eq!(office.push(&mut li, run).await.verdicts[0].stored, 1);

    // Once it is revoked, it is told so all the same, with the order to wipe itself.
    let revoke = "UPDATE devices SET revoked_at = 1 WHERE name = 'zhang'";
    let db = &office.state.db;
    db.write(move |tx| Ok(tx.execute(revoke, &[])?))
        .await
        .unwrap();
    for body in [body, b"no message at all".to_vec(), vec![]] {
        let response = office
            .send(&zhang.secret, "POST", "/sync/v1", &[], body)
            .await;
        assert_eq!(response.status().as_u16(), 403);
        assert!(response.headers().contains_key("dr-revocation"));
    }
}

#[tokio::test]
async fn a_revocation_reaches_the_team_by_a_newer_roster() {
    // S2: tablets trust each other by the rosters they hold
    let data = tempfile::tempdir().unwrap();
    let small = SmallOffice::open(data.path()).await;
    let admin = small.sign_in("administrator").await.unwrap();
    let mut li = WireTablet::new(2, "li");
    let request = li.request();
    let before = small.office.sync(&mut li, &request).await;
    let zhang = signing::public(&SigningKey::from_bytes(&[1; 32]));
    let roster = |response: &SyncResponse| -> Roster {
        serde_json::from_slice(&response.grants[0].roster).unwrap()
    };
    let holds = |roster: &Roster| {
        let keys = roster.members.iter().flat_map(|m| &m.keys);
        keys.into_iter().any(|k| k.device_key == zhang)
    };
    let before = roster(&before);
    assert!(holds(&before));
    let path = format!("/api/devices/{}/revoke", DeviceId::of(&zhang));
    let form = serde_json::json!({ "reason": "遗失" });
    admin.post(&path, form).await.unwrap();
    let request = li.request();
    let after = roster(&small.office.sync(&mut li, &request).await);
    assert!(after.version > before.version && !holds(&after));
    let former = after.former.iter().flat_map(|f| &f.member.keys);
    assert!(
        former.into_iter().any(|k| k.device_key == zhang),
        "what it wrote before still comes in"
    );
}

#[tokio::test]
async fn a_used_code_registers_no_other_keys() {
    let data = tempfile::tempdir().unwrap();
    let small = SmallOffice::open(data.path()).await;
    let device = SigningKey::from_bytes(&[31; 32]);
    let client = reqwest::Client::new();
    let enrol = |inspector: u8| {
        let key = signing::public(&device);
        let secret = SigningKey::from_bytes(&[inspector; 32]);
        let form = EnrolRequest {
            code: "CODE2".into(),
            device_key: key,
            device_proof: proof(&device, "CODE2", &key, ""),
            version: "1".into(),
            inspectors: vec![EnrolledKey {
                person: "li".into(),
                key: signing::public(&secret),
                proof: proof(&secret, "CODE2", &key, "li"),
            }],
        };
        let to = format!("{}/enrol/v1", small.address);
        let sent = client.post(to).json(&form).send();
        async { sent.await.unwrap().status().as_u16() }
    };
    assert_eq!(enrol(32).await, 200);
    assert_eq!(enrol(32).await, 200, "the answer was lost");
    assert_eq!(enrol(33).await, 404, "another key for the same inspector");
    let key = signing::public(&SigningKey::from_bytes(&[32; 32])).to_string();
    let db = &small.office.state.db;
    let sql = "SELECT i.key FROM device_inspectors i JOIN devices d ON d.id = i.device
         WHERE d.name = 'CODE2'";
    let kept = db
        .read(move |tx| Ok(tx.query_one(sql, &[], |r| r.get::<String>(0))?))
        .await
        .unwrap();
    assert_eq!(kept, key);
}

#[tokio::test]
async fn what_waits_for_ever_does_not_pile_up() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let mut tablet = WireTablet::new(1, "zhang");
    tablet.records = zhang.records.clone();
    let honest = tablet
        .write(office.task, &cell(ANSWER, "compliant"))
        .remove(0)
        .bytes;
    let future = |n: u32| {
        let mut dep = [9; 32];
        dep[..4].copy_from_slice(&n.to_be_bytes());
        signed(&zhang, forged(&honest, |deps, _, _| deps.push(dep)))
    };
    let mut request = zhang.request();
    request.docs = vec![DocChanges {
        task: office.task,
        changes: (0..1_500).map(future).collect(),
    }];
    let response = office.sync(&mut zhang, &request).await;
    assert!(response.verdicts[0].held.iter().all(|h| h.code.is_none()));
    assert_eq!(
        office.count("SELECT count(*) FROM record_waiting").await,
        500
    );
    let run = li.write(office.task, &cell(ANSWER, "compliant"));
    assert_eq!(office.push(&mut li, run).await.verdicts[0].stored, 1);
}

#[tokio::test]
async fn a_photo_of_another_record_cannot_be_named_into_sight() {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 2).await;
    let mut zhang = office.granted(1, "zhang").await;
    let other = *zhang
        .records
        .keys()
        .find(|t| **t != office.task)
        .expect("two tasks");
    let bytes = b"a photo of the first record".to_vec();
    let sha256 = Sha256::of(&bytes).to_string();
    for task in [office.task, other] {
        let id = "0123456789abcdef";
        let cells = [
            (
                format!("photo/{id}/rendition_sha256"),
                sha256.as_str().into(),
            ),
            (
                format!("photo/{id}/rendition_size"),
                (bytes.len() as i64).into(),
            ),
        ];
        let changes = zhang.write(task, &cells);
        let mut request = zhang.request();
        request.docs = vec![DocChanges { task, changes }];
        office.sync(&mut zhang, &request).await;
    }
    let path = |task: &TaskId| format!("/blobs/{task}/{sha256}");
    let sent = office
        .send(
            &zhang.secret,
            "PATCH",
            &path(&office.task),
            &[("upload-offset", "0")],
            bytes.clone(),
        )
        .await;
    assert_eq!(sent.headers()["upload-complete"], "?1");
    let got = office
        .send(&zhang.secret, "GET", &path(&other), &[], vec![])
        .await;
    assert_eq!(
        got.status().as_u16(),
        404,
        "whoever knows a hash has not the picture"
    );
    let mut request = zhang.request();
    request.blobs = vec![BlobRef {
        task: other,
        sha256: Sha256::of(&bytes),
        size: bytes.len() as u64,
        kind: BlobKind::Rendition,
    }];
    let state = office.sync(&mut zhang, &request).await.blobs.remove(0);
    assert_eq!((state.received, state.stored), (0, false));
    // A hash that no record names is not taken.
    let unnamed = format!("/blobs/{other}/{}", Sha256::of(b"nobody names this"));
    let refused = office
        .send(
            &zhang.secret,
            "PATCH",
            &unnamed,
            &[("upload-offset", "0")],
            b"x".to_vec(),
        )
        .await;
    assert_eq!(refused.status().as_u16(), 404);
}

/// Names a blob of a new photo, as `prefix` (`""`, `rendition_`, `thumbnail_`).
fn naming(id: &str, prefix: &str, sha256: &str, size: usize) -> Vec<(String, Value)> {
    vec![
        (format!("photo/{id}/{prefix}sha256"), sha256.into()),
        (format!("photo/{id}/{prefix}size"), (size as i64).into()),
    ]
}

fn question(office: &WireOffice, photo: &[u8]) -> BlobRef {
    BlobRef {
        task: office.task,
        sha256: Sha256::of(photo),
        size: photo.len() as u64,
        kind: BlobKind::Original,
    }
}

#[rstest]
#[case::too_small("", 1, true)]
#[case::too_small_for_who_says_no_size("", 1, false)]
#[case::too_large("", 4_000, true)]
#[case::as_a_thumbnail("thumbnail_", 3_000, true)]
#[case::as_a_thumbnail_too_small("thumbnail_", 2, false)]
#[tokio::test]
async fn a_wrong_name_for_a_hash_keeps_no_photo_out(
    #[case] prefix: &str,
    #[case] size: usize,
    #[case] says_size: bool,
) {
    // S2, F7: Li has seen the photo on the local network, and is online first
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let photo = vec![7; 3_000];
    let sha256 = Sha256::of(&photo).to_string();
    let wrong = li.write(
        office.task,
        &naming("fedcba9876543210", prefix, &sha256, size),
    );
    office.push(&mut li, wrong).await;
    let path = format!("/blobs/{}/{sha256}", office.task);
    let garbage = vec![9; size.min(1_000)];
    let length = size.to_string();
    let at = [("upload-offset", "0"), ("upload-length", &length)];
    office.send(&li.secret, "PATCH", &path, &at, garbage).await;

    let right = zhang.write(
        office.task,
        &naming("0123456789abcdef", "", &sha256, photo.len()),
    );
    office.push(&mut zhang, right).await;
    let mut request = zhang.request();
    request.blobs = vec![question(&office, &photo)];
    let told = office.sync(&mut zhang, &request).await.blobs.remove(0);
    assert_eq!(
        (told.received, told.unwanted),
        (0, false),
        "wanted, from the start"
    );
    let length = photo.len().to_string();
    let at = [("upload-offset", "0"), ("upload-length", length.as_str())];
    let at = if says_size { &at[..] } else { &at[..1] };
    let sent = office
        .send(&zhang.secret, "PATCH", &path, at, photo.clone())
        .await;
    assert_eq!(sent.status().as_u16(), 204);
    assert_eq!(sent.headers()["upload-complete"], "?1");
    let got = office.send(&li.secret, "GET", &path, &[], vec![]).await;
    let got = axum::body::to_bytes(got.into_body(), 1 << 20).await;
    assert_eq!(got.unwrap(), photo);
    let told = office.sync(&mut zhang, &request).await.blobs.remove(0);
    assert!(told.stored && told.received == 3_000);
    assert_eq!(office.count("SELECT count(*) FROM uploads").await, 0);
}

#[tokio::test]
async fn a_name_beyond_the_limit_of_its_kind_binds_nobody() {
    // S2: a clip that is named as a thumbnail too
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let task = office.task.to_string();
    let sha256 = Sha256::of(b"a clip");
    let named = |kind| server::sync::worker::NamedBlob {
        entry: "0123456789abcdef".into(),
        sha256,
        size: 100 << 20,
        kind,
    };
    let kinds = [BlobKind::Thumbnail, BlobKind::Rendition, BlobKind::Clip];
    let names: Vec<_> = kinds.into_iter().map(named).collect();
    let found = office.state.db.write(move |tx| {
        server::sync::store::name_blobs(tx, &task, &names)?;
        let sha256 = sha256.to_string();
        Ok(server::sync::store::blob(tx, &task, &sha256, None)?)
    });
    let row = found.await.unwrap().expect("named");
    assert_eq!((row.kind, row.size), (BlobKind::Clip, 100 << 20));
}

#[tokio::test]
async fn whoever_writes_over_a_photo_hides_nothing_of_it() {
    // S2: two values stand in the cells that name it, and another's is shown
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let photo = b"what Zhang saw".to_vec();
    let (id, sha256) = ("0123456789abcdef", Sha256::of(&photo).to_string());
    let other = Sha256::of(b"what Li would rather have").to_string();
    // Neither says to have heard of the other; the later operation is the one that is shown.
    let mut wrong = vec![("handling/opinion".to_owned(), "先写的".into())];
    wrong.extend(naming(id, "", &other, 25));
    let wrong = li.write(office.task, &wrong);
    let right = zhang.write(office.task, &naming(id, "", &sha256, photo.len()));
    assert_eq!(office.push(&mut li, wrong).await.verdicts[0].stored, 3);
    office.push(&mut zhang, right).await;
    let path = format!("photo/{id}/sha256");
    assert_eq!(zhang.record().view().text(&path), other, "Li's is shown");
    for (sha256, size) in [(sha256, 14), (other, 25)] {
        let task = office.task.to_string();
        let row = office
            .state
            .db
            .read(move |tx| Ok(server::sync::store::blob(tx, &task, &sha256, Some(size))?));
        assert!(row.await.unwrap().is_some(), "{size}");
    }
}

#[tokio::test]
async fn an_upload_that_one_tablet_holds_stops_no_other() {
    // lesson 4, lesson 11; S2
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let li = office.granted(2, "li").await;
    let photo = vec![7; 10_000];
    let sha256 = Sha256::of(&photo).to_string();
    let run = zhang.write(
        office.task,
        &naming("0123456789abcdef", "", &sha256, photo.len()),
    );
    office.push(&mut zhang, run).await;
    let path = format!("/blobs/{}/{sha256}", office.task);
    // Li's tablet begins with bytes that are not the photo, and then says nothing more, without an end.
    let begun = futures_util::stream::iter([Ok::<_, std::io::Error>(vec![0; 4_000])]);
    let body = Body::from_stream(begun.chain(futures_util::stream::pending()));
    let auth = RequestAuth::sign(&li.secret, "PATCH", &path, b"", NOW, [5; 16]);
    let at = [("upload-offset", "0")];
    let mut held = std::pin::pin!(office.send_body(auth, ("PATCH", &path), &at, body));
    for _ in 0..20 {
        assert!(futures_util::poll!(&mut held).is_pending());
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let sent = office
        .send(&zhang.secret, "PATCH", &path, &at, photo.clone())
        .await;
    assert_eq!(sent.status().as_u16(), 204);
    assert_eq!(sent.headers()["upload-complete"], "?1");
    // Asked about it, the same tablet hears that it is whole.
    let head = office.send(&li.secret, "HEAD", &path, &[], vec![]).await;
    assert_eq!(head.headers()["upload-complete"], "?1");
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_takes_records_and_no_photos() {
    // X7: what is left is for the records
    let data = tempfile::tempdir().unwrap();
    let mut config = server::config::Config::local(data.path());
    config.reserve = u64::MAX;
    let office = WireOffice::open_with(config, 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let photo = b"a photo".to_vec();
    let sha256 = Sha256::of(&photo).to_string();
    let run = zhang.write(
        office.task,
        &naming("0123456789abcdef", "", &sha256, photo.len()),
    );
    assert_eq!(office.push(&mut zhang, run).await.verdicts[0].stored, 2);
    let path = format!("/blobs/{}/{sha256}", office.task);
    let at = [("upload-offset", "0")];
    let refused = office.send(&zhang.secret, "PATCH", &path, &at, photo).await;
    assert_eq!(refused.status().as_u16(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let body = axum::body::to_bytes(refused.into_body(), 1 << 16).await;
    let problem: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
    assert_eq!(problem["code"], "server_full");
    let left = std::fs::read_dir(data.path().join("uploads")).unwrap();
    assert_eq!(left.count(), 0, "nothing was begun");
}

#[tokio::test]
async fn what_a_tablet_begins_and_does_not_finish_is_bounded_and_forgotten() {
    // S2: each of many files begun, none finished
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let photos = [vec![7; 3_000], vec![8; 3_000]];
    let path = |photo: &[u8]| format!("/blobs/{}/{}", office.task, Sha256::of(photo));
    for (photo, id) in photos.iter().zip(["0123456789abcdef", "1123456789abcdef"]) {
        let sha256 = Sha256::of(photo).to_string();
        let run = zhang.write(office.task, &naming(id, "", &sha256, photo.len()));
        office.push(&mut zhang, run).await;
    }
    let send = |photo: &[u8], bytes: &[u8]| {
        let (path, bytes) = (path(photo), bytes.to_vec());
        let (office, secret) = (&office, zhang.secret.clone());
        async move {
            let at = [("upload-offset", "0")];
            office.send(&secret, "PATCH", &path, &at, bytes).await
        }
    };
    let begun = send(&photos[0], &photos[0][..1_000]).await;
    assert_eq!(begun.status().as_u16(), 204);
    // As if it had begun gigabytes.
    let grow = "UPDATE uploads SET received = 4294967296";
    let done = office.state.db.write(|tx| Ok(tx.execute(grow, &[])?));
    assert_eq!(done.await.unwrap(), 1);
    let refused = send(&photos[1], &photos[1]).await;
    assert_eq!(refused.status().as_u16(), 409);
    let body = axum::body::to_bytes(refused.into_body(), 1 << 16).await;
    let problem: serde_json::Value = serde_json::from_slice(&body.unwrap()).unwrap();
    assert_eq!(problem["code"], "too_many_unfinished");

    // A month later nobody has gone on with it; what was begun meanwhile stays.
    let files = || {
        std::fs::read_dir(data.path().join("uploads"))
            .unwrap()
            .count()
    };
    office.clock.set(NOW + 31 * 86_400_000);
    let shrink = "UPDATE uploads SET received = 1000";
    let done = office.state.db.write(|tx| Ok(tx.execute(shrink, &[])?));
    done.await.unwrap();
    send(&photos[1], &photos[1][..1_000]).await;
    assert_eq!(files(), 2);
    let now = office.state.now();
    let swept = office.state.blob_store.sweep(&office.state.db, now).await;
    swept.unwrap();
    assert_eq!(
        (files(), office.count("SELECT count(*) FROM uploads").await),
        (1, 1)
    );
    let head = office
        .send(&zhang.secret, "HEAD", &path(&photos[1]), &[], vec![])
        .await;
    assert_eq!(head.headers()["upload-offset"], "1000");
    // And the forgotten one begins anew.
    let again = send(&photos[0], &photos[0]).await;
    assert_eq!(again.headers()["upload-complete"], "?1");
}

#[tokio::test]
async fn a_full_quarantine_refuses_only_what_would_go_into_it() {
    // S2, F7; lesson 4
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let li_id = DeviceId::of(&signing::public(&li.secret)).to_string();
    let fill = office.state.db.write(move |tx| {
        Ok(tx.execute(
            "INSERT INTO quarantine (id, task, device, kind, hash, code, detail, author_key, author_person,
                 author_epoch, bytes, received_at, state)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             SELECT 'q' || i, 'x', $1, 'change', 'h' || i, 'malformed', '', '', '', 0, x'00', 0, 'held' FROM n",
            &[&li_id],
        )?)
    });
    assert_eq!(fill.await.unwrap(), 2_000);

    // A forbidden change, and a colleague's honest one that was handed over nearby.
    let (author, forbidden) = attack("facts", &li, &mut copy_of(&zhang), office.task);
    let mut colleague = zhang.write(office.task, &cell(ANSWER, "compliant"));
    colleague[0].author = 1;
    let mut request = li.request();
    request.authors = vec![author, zhang.author()];
    let changes = [vec![forbidden.clone()], colleague].concat();
    request.docs = vec![DocChanges {
        task: office.task,
        changes,
    }];
    let heads_before = heads(&office).await;
    let (told, ..) = office.round_trip(&mut li, &request).await;
    let verdict = &told.verdicts[0];
    assert_eq!((verdict.stored, verdict.held.len()), (1, 1), "{verdict:?}");
    let held = &verdict.held[0];
    assert_eq!(held.code, None, "to be offered again");
    assert_eq!(held.not_now.as_deref(), Some("quarantine_full"));
    assert_ne!(heads(&office).await, heads_before);
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 2_000);
    // The feed goes on, and so does every other tablet.
    let more = zhang.write(office.task, &cell("point/A1/p3/answer", "compliant"));
    office.push(&mut zhang, more).await;
    let request = li.request();
    let (told, ..) = office.round_trip(&mut li, &request).await;
    let news: usize = told.docs.iter().map(|d| d.changes.len()).sum();
    assert!(news > 0, "{:?}", told.docs);

    // Somebody has looked: now it goes there, with its word.
    let decide = "UPDATE quarantine SET state = 'discarded' WHERE id = 'q1'";
    let done = office.state.db.write(|tx| Ok(tx.execute(decide, &[])?));
    done.await.unwrap();
    // What lies there already is told as such, full or not.
    for _ in 0..2 {
        let mut request = li.request();
        request.docs = vec![DocChanges {
            task: office.task,
            changes: vec![forbidden.clone()],
        }];
        let (told, ..) = office.round_trip(&mut li, &request).await;
        let held = &told.verdicts[0].held[0];
        assert_eq!(held.code.map(|c| c.word()), Some("not_allowed"));
        assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 2_001);
    }
}
