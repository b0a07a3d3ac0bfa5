//! Admission as a table: what is taken in, what is refused and with which word.

mod common;

use std::collections::BTreeMap;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, Change, ROOT};
use common::*;
use proptest::prelude::*;
use rstest::rstest;
use sync::admit::{Batch, Code, Offered, Rights, Verdict, admit};
use sync::author::Author;
use sync::cells::Value;
use sync::chunk::Chunk;
use sync::ids::Sha256;
use sync::record::RecordDoc;
use sync::signing::{self, Sig};

const ANSWER: &str = "point/A1/p1/answer";

fn rights() -> Rights {
    let devices = BTreeMap::from([
        (key(1), vec!["zhang".to_owned()]),
        (key(2), vec!["li".to_owned()]),
    ]);
    Rights {
        server: key(200),
        devices,
        revoked: vec![],
    }
}

fn sign(n: u8, hash: &Sha256) -> Option<Sig> {
    Some(signing::sign(&secret(n), signing::CHANGE, &hash.0))
}

/// Edits by device `n` in the hands of `person`, the last of them signed.
fn batch(doc: &mut RecordDoc, n: u8, person: &str, edits: &[(&str, Value)]) -> Batch {
    let who = author(n, person);
    let mut changes = Vec::new();
    for (path, value) in edits {
        let change = doc
            .edit(&who, NOW, &[(path.to_string(), value.clone())])
            .unwrap()
            .unwrap();
        changes.push((
            change.hash,
            Offered {
                author: 0,
                bytes: change.bytes,
                sig: None,
            },
        ));
    }
    let (hash, last) = changes.last_mut().unwrap();
    last.sig = sign(n, hash);
    Batch {
        authors: vec![who],
        changes: changes.into_iter().map(|(_, c)| c).collect(),
    }
}

/// A change made with automerge itself, past all of our checks.
fn raw(
    doc: &RecordDoc,
    who: &Author,
    signer: u8,
    write: impl FnOnce(&mut automerge::transaction::Transaction<'_>),
) -> Batch {
    let mut doc = Automerge::load(&doc.save()).unwrap();
    doc.set_actor(who.actor(&task()));
    let mut tx = doc.transaction();
    write(&mut tx);
    tx.commit_with(CommitOptions::default().with_time(NOW));
    let change = doc.get_last_local_change().unwrap();
    offered(
        who,
        signer,
        change.raw_bytes().to_vec(),
        Sha256(change.hash().0),
    )
}

fn offered(who: &Author, signer: u8, bytes: Vec<u8>, hash: Sha256) -> Batch {
    let changes = vec![Offered {
        author: 0,
        bytes,
        sig: sign(signer, &hash),
    }];
    Batch {
        authors: vec![who.clone()],
        changes,
    }
}

fn verdicts(doc: &mut RecordDoc, batch: &Batch) -> Vec<Verdict> {
    admit(doc, &rights(), batch)
        .into_iter()
        .map(|j| j.verdict)
        .collect()
}

fn loaded_again(doc: &RecordDoc) -> RecordDoc {
    RecordDoc::load(task(), &doc.save()).expect("loads again")
}

fn code(doc: &mut RecordDoc, batch: &Batch) -> Option<Code> {
    match verdicts(doc, batch).pop() {
        Some(Verdict::Refused { code, .. }) => Some(code),
        _ => None,
    }
}

#[test]
fn one_signature_carries_the_authors_whole_run_and_twice_is_once() {
    // F7; lesson 1: idempotent by hash
    let (mut server, _) = record();
    let mut tablet = server.clone();
    let edits = [
        (ANSWER, "compliant".into()),
        ("visit/start_at", 5.into()),
        (ANSWER, "non_compliant".into()),
    ];
    let sent = batch(&mut tablet, 1, "zhang", &edits);
    assert_eq!(verdicts(&mut server, &sent), vec![Verdict::Admitted; 3]);
    assert_eq!(server.heads(), tablet.heads());
    assert_eq!(verdicts(&mut server, &sent), vec![Verdict::Known; 3]);
    assert_eq!(loaded_again(&server).heads(), server.heads());
}

#[test]
fn a_change_waits_for_its_dependency_and_comes_in_after_it() {
    // lesson 16: offline edits arrive out of order
    let (mut server, _) = record();
    let mut tablet = server.clone();
    let first = batch(&mut tablet, 1, "zhang", &[(ANSWER, "compliant".into())]);
    let second = batch(&mut tablet, 2, "li", &[("visit/start_at", 5.into())]);
    assert!(
        matches!(&verdicts(&mut server, &second)[..], [Verdict::Waiting { missing }] if missing.len() == 1)
    );
    assert_eq!(verdicts(&mut server, &first), [Verdict::Admitted]);
    assert_eq!(verdicts(&mut server, &second), [Verdict::Admitted]);
}

#[rstest]
#[case::a_list("list", Code::BadCell)]
#[case::a_text("text", Code::BadCell)]
#[case::a_delete("delete", Code::BadCell)]
#[case::a_counter("counter", Code::BadCell)]
#[case::a_float("float", Code::BadCell)]
#[case::bytes("bytes", Code::BadCell)]
#[case::an_unknown_cell("unknown", Code::BadCell)]
#[case::a_point_that_the_form_lacks("point", Code::BadCell)]
#[case::a_fact("fact", Code::NotAllowed)]
#[case::another_persons_done("done", Code::NotAllowed)]
#[case::a_note_too_long("long", Code::BadCell)]
fn operations_outside_the_schema_are_refused(#[case] what: &str, #[case] expected: Code) {
    let (mut server, _) = record();
    let before = server.heads();
    let sent = raw(&server, &author(1, "zhang"), 1, |tx| {
        match what {
            "list" => drop(
                tx.put_object(ROOT, ANSWER, automerge::ObjType::List)
                    .unwrap(),
            ),
            "text" => drop(
                tx.put_object(ROOT, ANSWER, automerge::ObjType::Text)
                    .unwrap(),
            ),
            "delete" => tx.delete(ROOT, "facts/number").unwrap(),
            "counter" => tx
                .put(ROOT, "visit/start_at", automerge::ScalarValue::counter(1))
                .unwrap(),
            "float" => tx.put(ROOT, "visit/start_at", 1.5).unwrap(),
            "bytes" => tx.put(ROOT, ANSWER, vec![1u8, 2]).unwrap(),
            "unknown" => tx.put(ROOT, "point/A1/p1/verdict", "x").unwrap(),
            "point" => tx.put(ROOT, "point/A1/p77/answer", "compliant").unwrap(),
            "fact" => tx.put(ROOT, "facts/object_name", "另一家").unwrap(),
            "done" => tx.put(ROOT, "done/1/li", 5).unwrap(),
            "long" => tx.put(ROOT, "point/A1/p1/note", "长".repeat(2000)).unwrap(),
            other => panic!("{other}"),
        };
    });
    assert_eq!(code(&mut server, &sent), Some(expected));
    assert_eq!(server.heads(), before, "nothing of it is in the record");
}

#[test]
fn the_author_must_be_who_the_actor_says_and_must_have_signed() {
    // S2; issue of hostile devices: changes under another's actor
    let (mut server, _) = record();
    let honest = batch(
        &mut server.clone(),
        1,
        "zhang",
        &[(ANSWER, "compliant".into())],
    );

    let mut unsigned = honest.clone();
    unsigned.changes[0].sig = None;
    assert_eq!(code(&mut server, &unsigned), Some(Code::BadSignature));

    let mut another = honest.clone();
    another.changes[0].sig = sign(2, &Sha256([0; 32]));
    assert_eq!(code(&mut server, &another), Some(Code::BadSignature));

    // Li's tablet offers a change under Zhang's actor as its own.
    let hash = Chunk::parse(&honest.changes[0].bytes).unwrap().hash;
    let stolen = offered(&author(2, "li"), 2, honest.changes[0].bytes.clone(), hash);
    assert_eq!(code(&mut server, &stolen), Some(Code::ForeignActor));

    let outsider = batch(
        &mut server.clone(),
        3,
        "wang",
        &[(ANSWER, "compliant".into())],
    );
    assert_eq!(code(&mut server, &outsider), Some(Code::NotOnTeam));

    // Li's own tablet cannot write as Zhang, who is not enrolled on it.
    let posing = batch(
        &mut server.clone(),
        2,
        "zhang",
        &[(ANSWER, "compliant".into())],
    );
    assert_eq!(code(&mut server, &posing), Some(Code::NotOnTeam));

    let mut rights = rights();
    rights.revoked.push(key(1));
    let judged = admit(&mut server, &rights, &honest);
    assert!(matches!(
        judged[0].verdict,
        Verdict::Refused {
            code: Code::DeviceRevoked,
            ..
        }
    ));
    assert_eq!(code(&mut server, &honest), None);
}

#[test]
fn a_device_restored_from_a_copy_is_noticed() {
    // X7, F8: the same sequence number with another content
    let (mut server, _) = record();
    let copy = server.clone();
    let first = batch(
        &mut copy.clone(),
        1,
        "zhang",
        &[(ANSWER, "compliant".into())],
    );
    let again = batch(
        &mut copy.clone(),
        1,
        "zhang",
        &[(ANSWER, "non_compliant".into())],
    );
    assert_eq!(verdicts(&mut server, &first), [Verdict::Admitted]);
    assert_eq!(code(&mut server, &again), Some(Code::Fork));
}

#[test]
fn a_change_of_the_run_that_is_missing_stops_those_after_it() {
    let (mut server, _) = record();
    let mut tablet = server.clone();
    let edits = [
        (ANSWER, "compliant".into()),
        ("visit/start_at", 5.into()),
        ("visit/end_at", 6.into()),
    ];
    let mut sent = batch(&mut tablet, 1, "zhang", &edits);
    sent.changes.remove(1);
    let verdicts = verdicts(&mut server, &sent);
    // The first is no longer covered by the signature on the last.
    assert!(matches!(
        verdicts[0],
        Verdict::Refused {
            code: Code::BadSignature,
            ..
        }
    ));
    assert!(matches!(verdicts[1], Verdict::Waiting { .. }));
}

#[test]
fn what_is_refused_for_its_own_sake_says_so_and_not_that_it_waits() {
    let (mut server, _) = record();
    let mut tablet = server.clone();
    let mut sent = raw(&tablet, &author(1, "zhang"), 1, |tx| {
        tx.put(ROOT, "facts/number", "x").unwrap()
    });
    let bad = sent.changes[0].bytes.clone();
    let mut doc = Automerge::load(&tablet.save()).unwrap();
    doc.load_incremental(&bad).unwrap();
    tablet = RecordDoc::load(task(), &doc.save()).unwrap();
    let good = batch(&mut tablet, 1, "zhang", &[(ANSWER, "compliant".into())]);
    sent.changes[0].sig = None;
    sent.changes.extend(good.changes);
    let told = verdicts(&mut server, &sent);
    assert!(
        matches!(&told[0], Verdict::Refused { code, .. } if *code != Code::BadSignature),
        "{told:?}"
    );
    assert!(
        matches!(&told[1], Verdict::Waiting { missing } if missing.len() == 1),
        "{told:?}"
    );
}

#[test]
fn a_signed_change_that_is_refused_vouches_for_no_other() {
    // A colleague who gets the first change from here would find no signature over it.
    let (mut server, _) = record();
    let mut tablet = server.clone();
    let mut sent = batch(&mut tablet, 1, "zhang", &[(ANSWER, "compliant".into())]);
    sent.changes[0].sig = None;
    let bad = raw(&tablet, &author(1, "zhang"), 1, |tx| {
        tx.put(ROOT, "facts/number", "x").unwrap()
    });
    sent.changes.extend(bad.changes);
    let before = server.heads();
    let refused = verdicts(&mut server, &sent);
    assert!(
        matches!(
            refused[0],
            Verdict::Refused {
                code: Code::BadSignature,
                ..
            }
        ),
        "{refused:?}"
    );
    assert!(
        matches!(
            refused[1],
            Verdict::Refused { .. } | Verdict::Waiting { .. }
        ),
        "{refused:?}"
    );
    assert_eq!(server.heads(), before);
}

fn uleb(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn sleb(mut n: i64, out: &mut Vec<u8>) {
    loop {
        let byte = (n & 0x7f) as u8;
        n >>= 7;
        if (n == 0 && byte & 0x40 == 0) || (n == -1 && byte & 0x40 != 0) {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
}

/// A change chunk with one column for the key, one for the action, one for the value's metadata
/// and one for predecessors, each a single run of `rows`.
fn bomb(root: Sha256, actor: &[u8], start_op: u64, rows: i64, preds_each: u64) -> Vec<u8> {
    let run = |value: &[u8]| {
        let mut out = Vec::new();
        sleb(rows, &mut out);
        out.extend_from_slice(value);
        out
    };
    let mut preds = Vec::new();
    uleb(preds_each, &mut preds);
    let columns = [
        (0x15u64, run(b"\x0cvisit/end_at")),
        (0x34, {
            let mut b = Vec::new();
            uleb(rows as u64, &mut b);
            b
        }),
        (0x42, run(&[1])),
        (0x56, run(&[2])),
        (0x70, run(&preds)),
    ];
    chunk(&[root], &[actor.to_vec()], start_op, &columns)
}

/// The first change of `actors[0]`, with these columns.
fn chunk(
    deps: &[Sha256],
    actors: &[Vec<u8>],
    start_op: u64,
    columns: &[(u64, Vec<u8>)],
) -> Vec<u8> {
    let mut body = Vec::new();
    uleb(deps.len() as u64, &mut body);
    deps.iter().for_each(|dep| body.extend_from_slice(&dep.0));
    let actor = |actor: &[u8], body: &mut Vec<u8>| {
        uleb(actor.len() as u64, body);
        body.extend_from_slice(actor);
    };
    actor(&actors[0], &mut body);
    uleb(1, &mut body);
    uleb(start_op, &mut body);
    sleb(NOW, &mut body);
    uleb(0, &mut body);
    uleb(actors.len() as u64 - 1, &mut body);
    actors[1..].iter().for_each(|a| actor(a, &mut body));
    uleb(columns.len() as u64, &mut body);
    for (spec, data) in columns {
        uleb(*spec, &mut body);
        uleb(data.len() as u64, &mut body);
    }
    for (_, data) in columns {
        body.extend_from_slice(data);
    }
    let mut chunk = vec![1u8];
    uleb(body.len() as u64, &mut chunk);
    chunk.extend_from_slice(&body);
    let hash = Sha256::of(&chunk);
    let mut out = vec![0x85, 0x6f, 0x4a, 0x83];
    out.extend_from_slice(&hash.0[..4]);
    out.extend_from_slice(&chunk);
    out
}

/// What somebody's encoder makes of two puts of truth values, the first in place of what `zhang` and `li` wrote.
#[derive(Clone)]
struct Encoded {
    /// The author, then those that the replaced operations name.
    actors: Vec<Vec<u8>>,
    columns: Vec<(u64, Vec<u8>)>,
}

impl Encoded {
    fn column(&mut self, spec: u64, bytes: &[u8]) {
        self.columns.retain(|(s, _)| *s != spec);
        self.columns.push((spec, bytes.to_vec()));
        self.columns.sort();
    }
}

/// Zhang's and Li's values of one cell stand side by side, and a third device replaces both.
fn settled() -> (RecordDoc, Vec<Sha256>, u64, Encoded) {
    let (mut server, root) = record();
    for (n, person) in [(1, "zhang"), (2, "li")] {
        let mut own = RecordDoc::from_log(task(), [&root.bytes[..]]).unwrap();
        let fee = Value::Bool(person == "li");
        let offered = batch(&mut own, n, person, &[("fee/none", fee)]);
        assert_eq!(verdicts(&mut server, &offered), [Verdict::Admitted]);
    }
    let last = Change::from_bytes(root.bytes).unwrap().max_op();
    let actor = |n, person| author(n, person).actor(&task()).to_bytes().to_vec();
    let mut others = vec![actor(1, "zhang"), actor(2, "li")];
    others.sort();
    let mut actors = vec![actor(3, "zhang")];
    actors.extend(others);
    let mut counters = vec![0x7e];
    sleb(last as i64 + 1, &mut counters);
    counters.push(0);
    let columns = vec![
        (0x15, b"\x7e\x08fee/none\x14result/A1/no_problem".to_vec()),
        (0x34, vec![2]),
        (0x42, vec![2, 1]),
        (0x56, vec![2, 2]),
        (0x70, vec![0x7e, 2, 0]),
        (0x71, vec![0x7e, 1, 2]),
        (0x73, counters),
    ];
    let heads = server.heads();
    (server, heads, last + 2, Encoded { actors, columns })
}

// F5: a colleague's value cannot be made to vanish by who has not seen it
#[test]
fn a_change_replaces_only_what_its_author_saw() {
    let (mut server, root) = record();
    let mut li = RecordDoc::from_log(task(), [&root.bytes[..]]).unwrap();
    let written = batch(&mut li, 2, "li", &[("fee/none", Value::Bool(true))]);
    assert_eq!(verdicts(&mut server, &written), [Verdict::Admitted]);
    let last = Change::from_bytes(root.bytes).unwrap().max_op();
    let actor = |n, person| author(n, person).actor(&task()).to_bytes().to_vec();
    let mut counter = vec![0x7f];
    sleb(last as i64 + 1, &mut counter);
    let columns = [
        (0x15, b"\x7f\x08fee/none".to_vec()),
        (0x34, vec![1]),
        (0x42, vec![0x7f, 1]),
        (0x56, vec![0x7f, 1]),
        (0x70, vec![0x7f, 1]),
        (0x71, vec![0x7f, 1]),
        (0x73, counter),
    ];
    let actors = [actor(1, "zhang"), actor(2, "li")];
    let forged = |deps: &[Sha256], start_op| {
        let bytes = chunk(deps, &actors, start_op, &columns);
        let hash = Sha256::of(&bytes[8..]);
        offered(&author(1, "zhang"), 1, bytes, hash)
    };
    // It stands on the first change alone, and names a value that came beside it.
    assert_eq!(
        code(&mut server, &forged(&[root.hash], last + 1)),
        Some(Code::BadCell)
    );
    assert_eq!(server.view().get("fee/none"), Some(&Value::Bool(true)));
    // Who has seen it replaces it.
    let heads = server.heads();
    assert_eq!(
        verdicts(&mut server, &forged(&heads, last + 2)),
        [Verdict::Admitted]
    );
    assert_eq!(server.view().get("fee/none"), Some(&Value::Bool(false)));
}

// design §4: automerge throws away how a change was encoded and encodes it anew when it saves a record
#[rstest]
#[case::as_automerge_does("honest")]
#[case::a_run_of_one("run of one")]
#[case::equal_values_one_by_one("no run")]
#[case::two_groups_of_literals("two groups")]
#[case::an_empty_column("empty column")]
#[case::the_replaced_in_another_order("order of the replaced")]
#[case::the_replaced_twice("the replaced twice")]
#[case::actors_in_another_order("order of actors")]
#[case::an_actor_that_nothing_names("known actor")]
#[case::an_actor_that_nobody_knows("unknown actor")]
#[case::the_author_among_the_others("own actor")]
#[case::a_number_longer_than_needed("long number")]
fn a_change_is_encoded_as_automerge_encodes_it_or_it_is_refused(#[case] how: &str) {
    let (mut server, heads, start_op, mut change) = settled();
    let root_actor = author(200, "").actor(&task()).to_bytes().to_vec();
    match how {
        "run of one" => change.column(0x70, &[1, 2, 1, 0]),
        "no run" => change.column(0x42, &[0x7e, 1, 1]),
        "two groups" => change.column(0x71, &[0x7f, 1, 0x7f, 2]),
        "empty column" => change.column(0x57, &[]),
        "order of the replaced" => change.column(0x71, &[0x7e, 2, 1]),
        "the replaced twice" => {
            change.column(0x70, &[0x7e, 3, 0]);
            change.column(0x71, &[0x7f, 1, 2, 2]);
            let counters = change
                .columns
                .iter()
                .find(|(s, _)| *s == 0x73)
                .unwrap()
                .1
                .clone();
            // One literal, then a run of two zeros.
            let mut again = vec![0x7f];
            again.extend_from_slice(&counters[1..counters.len() - 1]);
            again.extend_from_slice(&[2, 0]);
            change.column(0x73, &again);
        }
        "order of actors" => {
            change.actors.swap(1, 2);
            change.column(0x71, &[0x7e, 2, 1]);
        }
        "known actor" => change.actors.push(root_actor),
        "unknown actor" => change.actors.push(vec![0xff; 16]),
        "own actor" => change.actors.push(change.actors[0].clone()),
        "long number" => change.column(0x42, &[0x82, 0x00, 1]),
        _ => {}
    }
    let bytes = chunk(&heads, &change.actors, start_op, &change.columns);
    let hash = Sha256::of(&bytes[8..]);
    let who = author(3, "zhang");
    let mut rights = rights();
    rights.devices.insert(key(3), vec!["zhang".to_owned()]);
    let offered = offered(&who, 3, bytes, hash);
    let judged = admit(&mut server, &rights, &offered).remove(0).verdict;
    if how == "honest" {
        assert_eq!(judged, Verdict::Admitted);
    } else {
        let malformed = matches!(
            judged,
            Verdict::Refused {
                code: Code::Malformed,
                ..
            }
        );
        assert!(malformed, "{judged:?}");
    }
    // The record goes on: it loads, its history is read, and what stands is replaced.
    assert_eq!(loaded_again(&server).heads(), server.heads());
    let settled = [
        ("fee/none", Value::Bool(false)),
        (ANSWER, Value::Str("compliant".into())),
    ];
    let next = batch(&mut server.clone(), 1, "zhang", &settled);
    assert_eq!(
        verdicts(&mut server, &next),
        [Verdict::Admitted, Verdict::Admitted]
    );
    assert!(server.history().len() >= 5);
}

#[rstest]
#[case::operations(20_000_000, 0)]
#[case::predecessors(1, u64::MAX / 2)]
#[case::predecessors_by_product(1000, 20_000_000)]
fn a_run_length_bomb_is_refused_before_it_unfolds(#[case] rows: i64, #[case] preds: u64) {
    // design §4: a valid plain change of 145 bytes that holds 20 million operations
    let (mut server, root) = record();
    let who = author(1, "zhang");
    let max_op = Change::from_bytes(root.bytes).unwrap().max_op();
    let bytes = bomb(
        root.hash,
        who.actor(&task()).to_bytes(),
        max_op + 1,
        rows,
        preds,
    );
    assert!(bytes.len() < 200);
    let hash = Sha256::of(&bytes[8..]);
    assert_eq!(
        code(&mut server, &offered(&who, 1, bytes, hash)),
        Some(Code::TooLarge)
    );
}

#[test]
fn the_hash_that_inspection_finds_is_automerges_own() {
    let (doc, root) = record();
    let header = Chunk::parse(&root.bytes).unwrap();
    assert_eq!(vec![header.hash], doc.heads());
    assert_eq!(header.seq, 1);
    assert_eq!(header.actor(), server().actor(&task()).to_bytes());
}

#[test]
fn a_document_chunk_or_a_compressed_change_is_no_plain_change() {
    let (mut server, _) = record();
    let whole = server.save();
    assert_eq!(
        code(
            &mut server,
            &offered(&author(1, "zhang"), 1, whole, Sha256([0; 32]))
        ),
        Some(Code::Malformed)
    );
    let note = "同一句话。".repeat(200);
    let sent = batch(
        &mut server.clone(),
        1,
        "zhang",
        &[("point/A1/p1/note", note.into())],
    );
    let mut change = Change::from_bytes(sent.changes[0].bytes.clone()).unwrap();
    let hash = Sha256(change.hash().0);
    let compressed = change.bytes().into_owned();
    assert_ne!(compressed, sent.changes[0].bytes);
    assert_eq!(
        code(
            &mut server,
            &offered(&author(1, "zhang"), 1, compressed, hash)
        ),
        Some(Code::Malformed)
    );
    assert_eq!(code(&mut server, &sent), None);
}

/// Writes the right checksum over mutated bytes, so that they get as deep as they can.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() > 8 {
        let hash = Sha256::of(&bytes[8..]);
        bytes[4..8].copy_from_slice(&hash.0[..4]);
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Honest changes, mutated, checksummed and signed anew by a device of the team: whatever they
    /// say, nothing panics, the record stays loadable and its facts untouched.
    #[test]
    fn mutated_changes_never_harm_a_record(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        insert in prop::option::of((any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..8))),
        second in any::<bool>(),
    ) {
        let (mut server, _) = record();
        let mut tablet = server.clone();
        let first = batch(&mut tablet, 1, "zhang", &[(ANSWER, "compliant".into())]);
        let next = batch(&mut tablet, 1, "zhang", &[(ANSWER, "non_compliant".into())]);
        let mut bytes = first.changes[0].bytes.clone();
        if second {
            admit(&mut server, &rights(), &first);
            bytes = next.changes[0].bytes.clone();
        }
        if let Some((at, more)) = insert {
            let at = at.index(bytes.len());
            bytes.splice(at..at, more);
        }
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(at) = cut {
            bytes.truncate(at.index(bytes.len()) + 1);
        }
        let bytes = with_checksum(bytes);
        let hash = Sha256::of(bytes.get(8..).unwrap_or_default());
        let facts = server.view().text("facts/object_name").to_owned();
        let before = server.heads();
        let judged = admit(&mut server, &rights(), &offered(&author(1, "zhang"), 1, bytes, hash));
        if judged[0].verdict != Verdict::Admitted {
            prop_assert_eq!(server.heads(), before);
        }
        let again = loaded_again(&server);
        prop_assert_eq!(again.heads(), server.heads());
        prop_assert_eq!(again.view(), server.view());
        let view = again.view();
        prop_assert_eq!(view.text("facts/object_name"), facts);
    }
}

fn relieve(doc: &mut RecordDoc, person: &str) -> Vec<u8> {
    let cells = [(format!("team/{person}/status"), Value::from("relieved"))];
    doc.edit(&server(), NOW, &cells).unwrap().unwrap().bytes
}

#[test]
fn what_a_relieved_member_wrote_before_hearing_of_it_comes_in() {
    // D4, X5: concurrent with the relief, also by a clock that is later than it
    let (mut office, root) = record();
    let mut tablet = RecordDoc::from_log(task(), [root.bytes.as_slice()]).unwrap();
    relieve(&mut office, "zhang");
    let work = batch(
        &mut tablet,
        1,
        "zhang",
        &[
            (ANSWER, "compliant".into()),
            ("point/A1/p2/answer", "compliant".into()),
        ],
    );
    let judged = admit(&mut office, &rights(), &work);
    assert!(
        judged.iter().all(|j| j.verdict == Verdict::Admitted),
        "{judged:?}"
    );
    assert_eq!(office.view().text(ANSWER), "compliant");
    assert_eq!(office.view().text("team/zhang/status"), "relieved");
}

#[test]
fn what_a_relieved_member_writes_knowing_of_it_is_refused() {
    // D4: the change stands on the relief; colleagues go on
    let (mut office, root) = record();
    let relief = relieve(&mut office, "zhang");
    let log = [root.bytes.as_slice(), relief.as_slice()];
    let mut tablet = RecordDoc::from_log(task(), log).unwrap();
    let late = batch(&mut tablet, 1, "zhang", &[(ANSWER, "compliant".into())]);
    let judged = admit(&mut office, &rights(), &late);
    assert!(
        matches!(
            &judged[0].verdict,
            Verdict::Refused {
                code: Code::Relieved,
                ..
            }
        ),
        "{judged:?}"
    );
    let mut other = RecordDoc::from_log(task(), log).unwrap();
    let work = batch(&mut other, 2, "li", &[(ANSWER, "non_compliant".into())]);
    let judged = admit(&mut office, &rights(), &work);
    assert_eq!(judged[0].verdict, Verdict::Admitted);
}

const SHA: &str = "photo/0123456789abcdef/sha256";

fn hash(n: u8) -> Value {
    Sha256([n; 32]).to_string().into()
}

/// A record into which two people wrote one photo's hash without knowing of each other.
fn two_pictures(values: [u8; 2]) -> RecordDoc {
    let (mut doc, _) = record();
    let (mut first, mut second) = (doc.clone(), doc.clone());
    for (on, n, person, value) in [
        (&mut first, 1, "zhang", values[0]),
        (&mut second, 2, "li", values[1]),
    ] {
        let one = batch(on, n, person, &[(SHA, hash(value))]);
        assert_eq!(verdicts(&mut doc, &one), [Verdict::Admitted]);
    }
    doc
}

#[test]
fn what_a_photo_is_can_be_written_once() {
    let (mut doc, _) = record();
    let mut zhang = doc.clone();
    let first = batch(&mut zhang, 1, "zhang", &[(SHA, hash(1))]);
    assert_eq!(verdicts(&mut doc, &first), [Verdict::Admitted]);
    assert_eq!(verdicts(&mut doc, &first), [Verdict::Known]);
    // An honest tablet does not even write it.
    for value in [hash(1), hash(2)] {
        let again = doc
            .clone()
            .edit(&author(2, "li"), NOW, &[(SHA.into(), value.clone())]);
        assert_eq!(again.is_ok_and(|done| done.is_none()), value == hash(1));
    }
    let put = |tx: &mut automerge::transaction::Transaction<'_>| {
        tx.put(automerge::ROOT, SHA, Sha256([2; 32]).to_string())
            .unwrap();
    };
    for (n, person) in [(2, "li"), (1, "zhang")] {
        let over = raw(&doc, &author(n, person), n, put);
        assert_eq!(code(&mut doc, &over), Some(Code::NotAllowed), "{person}");
    }
    // What people say of it they may say anew.
    let caption = "photo/0123456789abcdef/caption";
    let said = batch(
        &mut zhang,
        1,
        "zhang",
        &[(caption, "门口".into()), (caption, "后门".into())],
    );
    assert_eq!(
        verdicts(&mut doc, &said),
        [Verdict::Admitted, Verdict::Admitted]
    );
}

#[rstest]
#[case::to_one(1, true)]
#[case::to_the_other(2, true)]
#[case::to_a_third(3, false)]
fn two_pictures_under_one_name_are_settled_to_one_of_them(#[case] value: u8, #[case] ok: bool) {
    let mut doc = two_pictures([1, 2]);
    assert_eq!(doc.view().conflicts(), [SHA]);
    let settled = doc
        .clone()
        .edit(&author(1, "zhang"), NOW, &[(SHA.into(), hash(value))]);
    assert_eq!(settled.is_ok(), ok);
    if !ok {
        let third = Sha256([value; 32]).to_string();
        let over = raw(&doc, &author(1, "zhang"), 1, |tx| {
            tx.put(automerge::ROOT, SHA, third).unwrap();
        });
        assert_eq!(code(&mut doc, &over), Some(Code::NotAllowed));
        return;
    }
    // Settled by both at once, each to another: again two values, and again one of them.
    let (mut one, mut two) = (doc.clone(), doc.clone());
    let first = batch(&mut one, 1, "zhang", &[(SHA, hash(value))]);
    let second = batch(&mut two, 2, "li", &[(SHA, hash(3 - value))]);
    assert_eq!(verdicts(&mut doc, &first), [Verdict::Admitted]);
    assert!(doc.view().conflicts().is_empty());
    assert_eq!(
        verdicts(&mut doc, &second),
        [Verdict::Admitted],
        "as it saw the record"
    );
    assert_eq!(doc.view().conflicts(), [SHA]);
    let last = batch(&mut doc.clone(), 2, "li", &[(SHA, hash(value))]);
    assert_eq!(verdicts(&mut doc, &last), [Verdict::Admitted]);
    assert!(doc.view().conflicts().is_empty());
}

#[test]
fn the_same_picture_written_twice_without_knowing_is_no_conflict() {
    // As when a tablet writes anew, after it was put back from a copy, what a colleague has of before.
    let mut doc = two_pictures([1, 1]);
    assert!(doc.view().conflicts().is_empty());
    let again = doc.edit(&author(1, "zhang"), NOW, &[(SHA.into(), hash(1))]);
    assert!(
        again.is_ok_and(|done| done.is_none()),
        "nothing is written over it"
    );
}
