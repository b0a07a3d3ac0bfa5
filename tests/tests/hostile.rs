//! Hostile tablets at the real server (S2): whatever an enrolled device sends, the record stays as it
//! was and can be loaded, colleagues and even the sender's honest work go on, what was refused lies in
//! quarantine with its word, and the children that judge stay below their memory.
//!
//! `HOSTILE=n` sends n times as many mutations.

use ed25519_dalek::SigningKey;
use rstest::rstest;
use sync::admit::Offered;
use sync::enrol::{EnrolRequest, EnrolledKey, proof};
use sync::facts::Roster;
use sync::ids::{DeviceId, Sha256, TaskId};
use sync::message::{BlobKind, BlobRef, DocChanges, SyncResponse};
use sync::record::RecordDoc;
use sync::signing;
use tests::attacks::{ANSWER, Dice, attack, cell, copy_of, forged, mutated, signed};
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
#[case("an unknown cell", Some("bad_cell"))]
#[case("a delete", Some("bad_cell"))]
#[case("a map", Some("bad_cell"))]
#[tokio::test]
async fn a_hostile_change_harms_nobody(#[case] what: &str, #[case] expected: Option<&str>) {
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
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
async fn who_floods_the_quarantine_is_not_heard_and_nobody_else_is_touched() {
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
    let response = office
        .send(&zhang.secret, "POST", "/sync/v1", &[], body.clone())
        .await;
    assert_eq!(response.status().as_u16(), 429);
    let run = li.write(office.task, &cell(ANSWER, "compliant"));
    assert_eq!(office.push(&mut li, run).await.verdicts[0].stored, 1);

    // Once it is revoked, it is told so all the same, with the order to wipe itself.
    let revoke = "UPDATE devices SET revoked_at = 1 WHERE name = 'zhang'";
    let db = &office.state.db;
    db.write(move |tx| Ok(tx.execute(revoke, &[])?))
        .await
        .unwrap();
    let response = office
        .send(&zhang.secret, "POST", "/sync/v1", &[], body)
        .await;
    assert_eq!(response.status().as_u16(), 403);
    assert!(response.headers().contains_key("dr-revocation"));
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
