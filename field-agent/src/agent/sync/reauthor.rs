//! Own changes that the office cannot take as they are, written anew.
//!
//! Every change names its author's change before it. So one that is refused holds up all that the
//! same author wrote after it, for ever; and after a store was put back from a copy, numbers are used
//! twice (a fork). In both cases the tablet goes on under new actors (a higher epoch) and writes what
//! the office has not confirmed once more, on what it has. Nothing is deleted: the old bytes are kept
//! aside, and what is refused for its own sake stays visible with the reason.

//!
//! A colleague's change that the office refuses, such as one of two with the same number of which another
//! tablet brought the other, is taken out here as well, with all that stands on it: own work must not hang
//! on what the office never takes in.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use sync::admit::Code;
use sync::author::Author;
use sync::cells::Value;
use sync::chunk::Chunk;
use sync::ids::{Key, Sha256, TaskId};
use sync::record::RecordDoc;

use super::super::{Loaded, storage};
use crate::api::Problem;
use crate::api::fault::{Fault, RecordFault};
use crate::store::changes::{self, Aside, NewRow, REFUSED_BY_OFFICE};
use crate::store::delivery;

/// Refused changes of this tablet, by record.
pub(super) type Refused = BTreeMap<TaskId, BTreeMap<Sha256, Code>>;

/// Whether the change itself is at fault, so that others of its author can be written without it. When
/// the author may not write at all, or the record is full, writing anew would only be refused again.
pub(super) fn is_at_fault(code: Code) -> bool {
    !matches!(
        code,
        Code::NotOnTeam | Code::DeviceRevoked | Code::Relieved | Code::RecordFull | Code::Exhausted
    )
}

struct Row {
    hash: Sha256,
    author: Author,
    bytes: Vec<u8>,
    sig: Option<sync::signing::Sig>,
    at: i64,
}

/// Changes that the office has not confirmed, in the order in which they came into the log.
fn unconfirmed(db: &Connection, task: &str) -> rusqlite::Result<Vec<Row>> {
    db.prepare_cached(
        "SELECT c.hash, a.device, a.person, a.epoch, c.bytes, c.sig, c.at FROM change c
         JOIN author a ON a.task = c.task AND a.actor = c.actor
         WHERE c.task = ?1 AND c.delivery <> 2 ORDER BY c.position",
    )?
    .query_map([task], |r| {
        Ok(Row {
            hash: Sha256(r.get(0)?),
            author: Author {
                device: Key(r.get(1)?),
                person: r.get(2)?,
                epoch: r.get(3)?,
            },
            bytes: r.get(4)?,
            sig: r.get::<_, Option<[u8; 64]>>(5)?.map(sync::signing::Sig),
            at: r.get(6)?,
        })
    })?
    .collect()
}

/// Takes colleagues' changes out that the office refuses, and those that stand on them or on what is
/// taken out of this tablet's `own`.
fn take_out_refused(
    tx: &Connection,
    task: &str,
    (own, others): (&[Row], &[Row]),
    refused: &BTreeMap<Sha256, Code>,
    now: i64,
) -> rusqlite::Result<()> {
    let mut out: BTreeSet<Sha256> = own.iter().map(|r| r.hash).collect();
    for change in others {
        let code = match refused.get(&change.hash) {
            Some(code) => code.word(),
            None => {
                let deps = Chunk::parse(&change.bytes).map(|c| c.deps);
                if !deps.is_ok_and(|deps| deps.iter().any(|d| out.contains(d))) {
                    continue;
                }
                "waiting"
            }
        };
        out.insert(change.hash);
        let code = format!("{REFUSED_BY_OFFICE}{code}");
        move_aside(tx, task, change, &code, "the office refuses it", now)?;
    }
    Ok(())
}

/// Writes the unconfirmed changes of this tablet anew under `epoch`, without those that are refused
/// for their own sake. Returns how many were written.
pub(super) fn write_anew(
    tx: &Connection,
    record: &mut Loaded,
    here: &Key,
    epoch: u32,
    refused: &BTreeMap<Sha256, Code>,
    now: i64,
) -> Result<usize, Problem> {
    let task = record.id.to_string();
    let rows = unconfirmed(tx, &task).map_err(storage)?;
    let (own, others): (Vec<Row>, Vec<Row>) =
        rows.into_iter().partition(|r| r.author.device == *here);
    take_out_refused(tx, &task, (&own, &others), refused, now).map_err(storage)?;
    for change in &own {
        let (code, detail) = match refused.get(&change.hash) {
            Some(Code::Fork) | None => ("rewritten".to_owned(), "written anew".to_owned()),
            Some(code) => (
                format!("own:{}", code.word()),
                RecordFault::held(*code).kept(""),
            ),
        };
        move_aside(tx, &task, change, &code, &detail, now).map_err(storage)?;
    }
    let log = changes::log(tx, &task).map_err(storage)?;
    record.doc = RecordDoc::from_log(record.id, log.iter().map(Vec::as_slice))
        .map_err(|e| Problem::internal(&e))?;
    let mut written = 0;
    for change in &own {
        let stays_out = refused.get(&change.hash).is_some_and(|c| *c != Code::Fork);
        let Ok(chunk) = Chunk::parse(&change.bytes) else {
            continue;
        };
        if stays_out {
            continue;
        }
        let author = Author {
            epoch,
            ..change.author.clone()
        };
        let cells: Vec<(String, Value)> = chunk
            .ops
            .into_iter()
            .map(|op| (op.path, op.value))
            .collect();
        // What the record does not take any more stays aside.
        let Ok(Some(new)) = record.doc.edit(&author, chunk.time, &cells) else {
            continue;
        };
        let actor = author.actor(&record.id).to_hex_string();
        let row = NewRow {
            task: &task,
            hash: new.hash,
            author: &author,
            actor: &actor,
            bytes: &new.bytes,
            sig: None,
            delivery: delivery::HERE,
            at: change.at,
        };
        changes::append(tx, &row).map_err(storage)?;
        record.authors.insert(actor, author);
        written += 1;
    }
    record.view = record.doc.view();
    Ok(written)
}

fn move_aside(
    tx: &Connection,
    task: &str,
    change: &Row,
    code: &str,
    detail: &str,
    now: i64,
) -> rusqlite::Result<()> {
    let row = Aside {
        task: task.to_owned(),
        hash: change.hash,
        author: minicbor::to_vec(&change.author).unwrap_or_default(),
        bytes: change.bytes.clone(),
        sig: change.sig,
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    changes::put_aside(tx, &row, now)?;
    changes::take_out(tx, task, &change.hash)
}
