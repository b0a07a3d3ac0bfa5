//! Hostile tablets at the real server (S2): whatever an enrolled device sends, the record stays as it
//! was and can be loaded, colleagues and even the sender's honest work go on, what was refused lies in
//! quarantine with its word, and the children that judge stay below their memory.
//!
//! `HOSTILE=n` sends n times as many mutations.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, ROOT};
use rstest::rstest;
use sync::admit::Offered;
use sync::author::Author;
use sync::cells::Value;
use sync::ids::{Sha256, TaskId};
use sync::message::{BlobKind, BlobRef, DocChanges};
use sync::record::RecordDoc;
use sync::signing;
use tests::wire::{NOW, WireOffice, WireTablet};

const ANSWER: &str = "point/A1/p1/answer";

fn cell(path: &str, value: &str) -> Vec<(String, Value)> {
    vec![(path.to_owned(), value.into())]
}

fn author(tablet: &WireTablet, person: &str) -> Author {
    Author {
        device: signing::public(&tablet.secret),
        person: person.into(),
        epoch: 1,
    }
}

fn signed(tablet: &WireTablet, bytes: Vec<u8>) -> Offered {
    let hash = Sha256::of(bytes.get(8..).unwrap_or_default());
    let sig = Some(signing::sign(&tablet.secret, signing::CHANGE, &hash.0));
    Offered {
        author: 0,
        bytes,
        sig,
    }
}

/// A change made with automerge itself, past the checks of an honest tablet.
fn raw(tablet: &WireTablet, task: &TaskId, write: impl FnOnce(&mut Transaction<'_>)) -> Offered {
    let mut doc = Automerge::load(&tablet.record().save()).expect("loads");
    doc.set_actor(author(tablet, "zhang").actor(task));
    let mut tx = doc.transaction();
    write(&mut tx);
    tx.commit_with(CommitOptions::default().with_time(NOW));
    let change = doc.get_last_local_change().expect("a change");
    signed(tablet, change.raw_bytes().to_vec())
}

fn uleb(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn read_uleb(bytes: &mut &[u8]) -> u64 {
    let (mut n, mut shift) = (0, 0);
    loop {
        let byte = bytes[0];
        *bytes = &bytes[1..];
        n |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return n;
        }
        shift += 7;
    }
}

/// An honest change with other dependencies, number and first operation, and a right checksum.
fn forged(bytes: &[u8], change: impl FnOnce(&mut Vec<[u8; 32]>, &mut u64, &mut u64)) -> Vec<u8> {
    let mut rest = &bytes[9..];
    let _ = read_uleb(&mut rest);
    let mut deps = Vec::new();
    for _ in 0..read_uleb(&mut rest) {
        deps.push(<[u8; 32]>::try_from(&rest[..32]).expect("a hash"));
        rest = &rest[32..];
    }
    let actor = &rest[..17];
    rest = &rest[17..];
    let (mut seq, mut start) = (read_uleb(&mut rest), read_uleb(&mut rest));
    change(&mut deps, &mut seq, &mut start);
    let mut body = Vec::new();
    uleb(deps.len() as u64, &mut body);
    deps.iter().for_each(|d| body.extend_from_slice(d));
    body.extend_from_slice(actor);
    uleb(seq, &mut body);
    uleb(start, &mut body);
    body.extend_from_slice(rest);
    let mut chunk = vec![1];
    uleb(body.len() as u64, &mut chunk);
    chunk.extend_from_slice(&body);
    with_checksum([&bytes[..8], &chunk].concat())
}

/// Writes the right checksum over other bytes, so that they get as deep as they can.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() > 8 {
        let hash = Sha256::of(&bytes[8..]);
        bytes[4..8].copy_from_slice(&hash.0[..4]);
    }
    bytes
}

/// 20 million operations in less than 200 bytes.
fn bomb(honest: &[u8]) -> Vec<u8> {
    let rows: [u8; 4] = [0x80, 0xda, 0xc4, 0x09];
    let mut rest = &honest[9..];
    let _ = read_uleb(&mut rest);
    // Dependencies, actor, number, first operation: as in the honest change.
    let head = 1 + 32 + 17;
    let mut body = rest[..head].to_vec();
    let mut numbers = &rest[head..];
    let (seq, start) = (read_uleb(&mut numbers), read_uleb(&mut numbers));
    uleb(seq, &mut body);
    uleb(start, &mut body);
    body.extend_from_slice(&[0, 0, 0]);
    let run = |value: &[u8]| [&rows[..], value].concat();
    let columns: [(u64, Vec<u8>); 5] = [
        (0x15, run(b"\x0cvisit/end_at")),
        (0x34, rows.to_vec()),
        (0x42, run(&[1])),
        (0x56, run(&[2])),
        (0x70, run(&[0])),
    ];
    uleb(columns.len() as u64, &mut body);
    for (spec, data) in &columns {
        uleb(*spec, &mut body);
        uleb(data.len() as u64, &mut body);
    }
    for (_, data) in &columns {
        body.extend_from_slice(data);
    }
    let mut chunk = vec![1];
    uleb(body.len() as u64, &mut chunk);
    chunk.extend_from_slice(&body);
    with_checksum([&honest[..8], &chunk].concat())
}

/// Li's tablet as somebody has it who copied its device key, for what it would write.
fn copy_of(li: &WireTablet) -> WireTablet {
    let mut copy = WireTablet::new(2, "li");
    copy.records = li.records.clone();
    copy
}

/// What zhang's tablet sends, under whose name.
fn attack(what: &str, zhang: &WireTablet, li: &mut WireTablet, task: TaskId) -> (Author, Offered) {
    let own = author(zhang, "zhang");
    let mut honest = WireTablet::new(1, "zhang");
    honest.records = zhang.records.clone();
    let bytes = honest
        .write(task, &cell(ANSWER, "compliant"))
        .remove(0)
        .bytes;
    let put = |path: &'static str| raw(zhang, &task, |tx| tx.put(ROOT, path, "x").expect("puts"));
    let offered = match what {
        "another's actor" => {
            let theirs = li.write(task, &cell(ANSWER, "compliant")).remove(0).bytes;
            signed(zhang, theirs)
        }
        "another's name" => {
            let theirs = li.write(task, &cell(ANSWER, "compliant")).remove(0).bytes;
            return (author(li, "li"), signed(zhang, theirs));
        }
        "a colleague on my tablet" => {
            let mut posing = WireTablet::new(1, "li");
            posing.records = zhang.records.clone();
            let bytes = posing
                .write(task, &cell(ANSWER, "compliant"))
                .remove(0)
                .bytes;
            return (author(zhang, "li"), signed(zhang, bytes));
        }
        "the server" => {
            let mut server = author(zhang, "");
            server.epoch = 0;
            return (server, put("facts/object_name"));
        }
        "a forged signature" => {
            let mut forged = signed(zhang, bytes);
            forged.sig = forged.sig.map(|mut s| {
                s.0[3] ^= 1;
                s
            });
            forged
        }
        "no signature" => Offered {
            sig: None,
            ..signed(zhang, bytes)
        },
        "a gap" => signed(zhang, forged(&bytes, |_, seq, _| *seq += 2)),
        "operations too early" => signed(zhang, forged(&bytes, |_, _, start| *start -= 1)),
        "operations too late" => signed(zhang, forged(&bytes, |_, _, start| *start += 1_000_000)),
        "operations at the end of numbers" => signed(
            zhang,
            forged(&bytes, |_, _, start| *start = u64::from(u32::MAX)),
        ),
        "a future dependency" => signed(zhang, forged(&bytes, |deps, _, _| deps.push([7; 32]))),
        "a run-length bomb" => signed(zhang, bomb(&bytes)),
        "cut in half" => signed(zhang, with_checksum(bytes[..bytes.len() / 2].to_vec())),
        "nothing" => signed(zhang, Vec::new()),
        "a whole document" => signed(zhang, zhang.record().save()),
        "facts" => put("facts/object_name"),
        "the team" => put("team/wang/name"),
        "the form" => put("form/A1/points"),
        "a new round" => put("round/2/remarks"),
        "another's done" => raw(zhang, &task, |tx| {
            tx.put(ROOT, "done/1/li", 5).expect("puts")
        }),
        "an unknown cell" => put("point/A1/p1/verdict"),
        "a delete" => raw(zhang, &task, |tx| {
            tx.delete(ROOT, "facts/number").expect("deletes")
        }),
        "a map" => raw(zhang, &task, |tx| {
            let made = tx.put_object(ROOT, ANSWER, automerge::ObjType::Map);
            made.map(drop).expect("puts");
        }),
        other => panic!("{other}"),
    };
    (own, offered)
}

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

struct Dice(u64);
impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn mutated(honest: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = honest.to_vec();
    for _ in 0..=dice.below(5) {
        let at = dice.below(bytes.len());
        match dice.below(5) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes[at] = dice.below(256) as u8,
            2 => {
                let byte = dice.below(256) as u8;
                bytes.insert(at, byte);
            }
            3 => {
                bytes.remove(at);
            }
            _ => bytes.truncate(at + 1),
        }
        if bytes.len() < 12 {
            break;
        }
    }
    // Mostly with a right checksum, so that it gets past the first look.
    if dice.below(8) == 0 {
        bytes
    } else {
        with_checksum(bytes)
    }
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
        .send(&zhang.secret, "POST", "/sync/v1", &[], body)
        .await;
    assert_eq!(response.status().as_u16(), 429);
    let run = li.write(office.task, &cell(ANSWER, "compliant"));
    assert_eq!(office.push(&mut li, run).await.verdicts[0].stored, 1);
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
