//! What a hostile tablet that is enrolled can write: one table for the office and for tablets (S2).

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{Automerge, ROOT};
use sync::admit::Offered;
use sync::author::Author;
use sync::cells::Value;
use sync::chunk::Chunk;
use sync::ids::{Sha256, TaskId};
use sync::signing;

use crate::wire::{NOW, WireTablet};

/// The cell that most attacks are about.
pub const ANSWER: &str = "point/A1/p1/answer";

/// One cell with its value.
pub fn cell(path: &str, value: &str) -> Vec<(String, Value)> {
    vec![(path.to_owned(), value.into())]
}

/// A photo that stands in the record before the attacks on it.
pub const PHOTO: &str = "0123456789abcdef";

/// The cells that name it.
pub fn photo() -> Vec<(String, Value)> {
    let path = |word: &str| format!("photo/{PHOTO}/{word}");
    vec![
        (
            path("sha256"),
            Sha256::of(b"what was seen").to_string().into(),
        ),
        (path("size"), 13.into()),
    ]
}

/// The author that somebody is on a tablet.
pub fn author(tablet: &WireTablet, person: &str) -> Author {
    Author {
        device: signing::public(&tablet.secret),
        person: person.into(),
        epoch: 1,
    }
}

/// Bytes under the signature of the tablet that hands them over.
pub fn signed(tablet: &WireTablet, bytes: Vec<u8>) -> Offered {
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
    doc.set_actor(author(tablet, tablet.person()).actor(task));
    let before = doc.get_heads();
    let mut tx = doc.transaction();
    write(&mut tx);
    tx.commit_with(CommitOptions::default().with_time(NOW));
    let change = doc.get_changes(&before).pop().expect("a change");
    signed(tablet, change.raw_bytes().to_vec())
}

fn picture(tx: &mut Transaction<'_>, word: &str) {
    let other = Sha256::of(b"what somebody would rather have had seen").to_string();
    tx.put(ROOT, format!("photo/{PHOTO}/{word}"), other)
        .expect("puts");
}

/// The tablet with the record as the office dispatched it.
fn before_the_photo(tablet: &WireTablet, task: TaskId) -> WireTablet {
    let mut before = copy_of(tablet);
    let record = &before.records[&task];
    let root = record.history()[0].change;
    let early = record.at(&[root]).expect("the first change");
    before.records.insert(task, early);
    before
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
pub fn forged(
    bytes: &[u8],
    change: impl FnOnce(&mut Vec<[u8; 32]>, &mut u64, &mut u64),
) -> Vec<u8> {
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

/// A tablet as somebody has it who copied its device key, for what it would write.
pub fn copy_of(tablet: &WireTablet) -> WireTablet {
    let mut copy = WireTablet::with(tablet.secret.clone(), tablet.person());
    copy.records = tablet.records.clone();
    copy
}

/// What the tablet `mine` sends, under whose name; `theirs` is a colleague's.
///
/// # Panics
/// When there is no such attack.
pub fn attack(
    what: &str,
    mine: &WireTablet,
    theirs: &mut WireTablet,
    task: TaskId,
) -> (Author, Offered) {
    let own = author(mine, mine.person());
    let mut honest = copy_of(mine);
    let bytes = honest
        .write(task, &cell(ANSWER, "compliant"))
        .remove(0)
        .bytes;
    let put = |path: &'static str| raw(mine, &task, |tx| tx.put(ROOT, path, "x").expect("puts"));
    let offered = match what {
        "another's actor" => {
            let bytes = theirs
                .write(task, &cell(ANSWER, "compliant"))
                .remove(0)
                .bytes;
            signed(mine, bytes)
        }
        "another's name" => {
            let bytes = theirs
                .write(task, &cell(ANSWER, "compliant"))
                .remove(0)
                .bytes;
            return (author(theirs, theirs.person()), signed(mine, bytes));
        }
        "a colleague on my tablet" => {
            let mut posing = WireTablet::with(mine.secret.clone(), theirs.person());
            posing.records = mine.records.clone();
            let bytes = posing
                .write(task, &cell(ANSWER, "compliant"))
                .remove(0)
                .bytes;
            return (author(mine, theirs.person()), signed(mine, bytes));
        }
        "the server" => {
            let mut server = author(mine, "");
            server.epoch = 0;
            return (server, put("facts/object_name"));
        }
        "a forged signature" => {
            let mut forged = signed(mine, bytes);
            forged.sig = forged.sig.map(|mut s| {
                s.0[3] ^= 1;
                s
            });
            forged
        }
        "no signature" => Offered {
            sig: None,
            ..signed(mine, bytes)
        },
        "a gap" => signed(mine, forged(&bytes, |_, seq, _| *seq += 2)),
        "operations too early" => signed(mine, forged(&bytes, |_, _, start| *start -= 1)),
        "operations too late" => signed(mine, forged(&bytes, |_, _, start| *start += 1_000_000)),
        "operations at the end of numbers" => signed(
            mine,
            forged(&bytes, |_, _, start| *start = u64::from(u32::MAX)),
        ),
        "a future dependency" => signed(mine, forged(&bytes, |deps, _, _| deps.push([7; 32]))),
        "a run-length bomb" => signed(mine, bomb(&bytes)),
        "cut in half" => signed(mine, with_checksum(bytes[..bytes.len() / 2].to_vec())),
        "nothing" => signed(mine, Vec::new()),
        "a whole document" => signed(mine, mine.record().save()),
        "facts" => put("facts/object_name"),
        "the team" => put("team/wang/name"),
        "the form" => put("form/A1/points"),
        "a new round" => put("round/2/remarks"),
        "another's done" => raw(mine, &task, |tx| {
            tx.put(ROOT, format!("done/1/{}", theirs.person()), 5)
                .expect("puts")
        }),
        "another picture" => raw(mine, &task, |tx| picture(tx, "sha256")),
        "another rendition, put and put over" => raw(mine, &task, |tx| {
            picture(tx, "rendition_sha256");
            let path = format!("photo/{PHOTO}/rendition_sha256");
            tx.put(ROOT, path, "b".repeat(64)).expect("puts");
        }),
        // Known to the writer, and yet put beside it as if by somebody who knew nothing of it.
        "another picture beside it" => {
            let chunk = Chunk::parse(&bytes).expect("honest");
            let beside = raw(&before_the_photo(mine, task), &task, |tx| {
                picture(tx, "sha256")
            });
            let forge = |deps: &mut Vec<[u8; 32]>, seq: &mut u64, start: &mut u64| {
                *deps = chunk.deps.iter().map(|d| d.0).collect();
                (*seq, *start) = (chunk.seq, chunk.start_op);
            };
            signed(mine, forged(&beside.bytes, forge))
        }
        // Put over it by somebody who says to know nothing of it.
        "another picture, unknowing" => {
            let early = copy_of(&before_the_photo(mine, task))
                .write(task, &cell(ANSWER, "compliant"))
                .remove(0);
            let chunk = Chunk::parse(&early.bytes).expect("honest");
            let over = raw(mine, &task, |tx| picture(tx, "sha256"));
            let forge = |deps: &mut Vec<[u8; 32]>, _: &mut u64, start: &mut u64| {
                *deps = chunk.deps.iter().map(|d| d.0).collect();
                *start = chunk.start_op;
            };
            signed(mine, forged(&over.bytes, forge))
        }
        "another size" => raw(mine, &task, |tx| {
            tx.put(ROOT, format!("photo/{PHOTO}/size"), 14_i64)
                .expect("puts")
        }),
        "a rendition that is no small picture" => raw(mine, &task, |tx| {
            let path = format!("photo/{PHOTO}/rendition_size");
            tx.put(ROOT, path, (4_i64 << 20) + 1).expect("puts")
        }),
        "an unknown cell" => put("point/A1/p1/verdict"),
        "a delete" => raw(mine, &task, |tx| {
            tx.delete(ROOT, "facts/number").expect("deletes")
        }),
        "a map" => raw(mine, &task, |tx| {
            let made = tx.put_object(ROOT, ANSWER, automerge::ObjType::Map);
            made.map(drop).expect("puts");
        }),
        other => panic!("{other}"),
    };
    (own, offered)
}

/// Chance from a seed.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

/// An honest change with up to six bytes changed, put in or taken out, or cut off.
pub fn mutated(honest: &[u8], dice: &mut Dice) -> Vec<u8> {
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
