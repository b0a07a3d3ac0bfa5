//! Records: the log of changes, the cache of the document, seals and statements.

use ::sync::admit::Offered;
use ::sync::author::Author;
use ::sync::ids::{Sha256, TaskId};
use ::sync::message::Tip;
use ::sync::signing::Sig;
use ::sync::signoff::Signed;

use super::{parsed, sig};
use crate::db::{DbError, Result, Row, Tx};

/// The document's cache and its heads.
pub fn doc(tx: &mut Tx<'_>, task: &str) -> Result<Option<(Vec<u8>, String)>> {
    tx.query_opt(
        "SELECT cache, heads FROM record_docs WHERE task = $1",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// Keeps the document's cache and figures.
pub fn save_doc(
    tx: &mut Tx<'_>,
    task: &str,
    cache: &[u8],
    heads: &[Sha256],
    summary: &str,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO record_docs (task, cache, heads, summary, changed_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (task) DO UPDATE SET cache = excluded.cache, heads = excluded.heads,
             summary = excluded.summary, changed_at = excluded.changed_at",
        &[&task, &cache, &heads_text(heads), &summary, &now],
    )?;
    Ok(())
}

/// Heads as they are stored: sorted hex, joined by spaces.
pub fn heads_text(heads: &[Sha256]) -> String {
    let heads: Vec<String> = heads.iter().map(Sha256::to_string).collect();
    heads.join(" ")
}

/// The heads of all records that the device may see.
pub fn tips(tx: &mut Tx<'_>, device: &str) -> Result<Vec<Tip>> {
    tx.query(
        "SELECT DISTINCT d.task, d.heads FROM record_docs d
         JOIN task_members m ON m.task = d.task AND m.status = 'active'
         JOIN device_inspectors i ON i.person = m.person
         WHERE i.device = $1 ORDER BY d.task",
        &[&device],
        |r| {
            let heads: String = r.get(1)?;
            let heads = heads
                .split(' ')
                .map(|h| h.parse())
                .collect::<std::result::Result<_, _>>();
            let heads = heads.map_err(|_| DbError::Column {
                index: 1,
                expected: "heads",
            })?;
            Ok(Tip {
                task: parsed(r, 0)?,
                heads,
            })
        },
    )
}

pub fn is_known(tx: &mut Tx<'_>, task: &str, hash: &Sha256) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM record_changes WHERE task = $1 AND hash = $2",
        &[&task, &hash.to_string()],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// A change with what is stored beside it.
#[derive(Debug, Clone)]
pub struct LoggedChange {
    pub hash: Sha256,
    pub author: Author,
    pub bytes: Vec<u8>,
    pub sig: Option<Sig>,
    pub received_at: i64,
    pub via_device: String,
}

/// Appends to the change log; returns the order number.
pub fn append_change(
    tx: &mut Tx<'_>,
    task: &TaskId,
    change: &LoggedChange,
    seq: u64,
) -> Result<i64> {
    let sig = change.sig.map(|s| s.0.to_vec());
    let actor = hex::encode(change.author.actor(task).to_bytes());
    let seq = i64::try_from(seq).unwrap_or(i64::MAX);
    tx.query_one(
        "INSERT INTO record_changes (task, hash, actor, seq, author_key, author_person,
             author_epoch, bytes, sig, received_at, via_device)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ord",
        &[
            &task.to_string(),
            &change.hash.to_string(),
            &actor,
            &seq,
            &change.author.device.to_string(),
            &change.author.person,
            &change.author.epoch,
            &change.bytes,
            &sig,
            &change.received_at,
            &change.via_device,
        ],
        |r| r.get(0),
    )
}

/// One sealed round of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealRow {
    pub round: u32,
    pub subject_sha256: Sha256,
    pub heads: Vec<Sha256>,
    /// End of the site visit, milliseconds.
    pub ended_at: i64,
    pub sealed_at: i64,
}

/// The sealed rounds of a record, oldest first.
pub fn seals(tx: &mut Tx<'_>, task: &str) -> Result<Vec<SealRow>> {
    tx.query(
        "SELECT round, subject_sha256, heads, ended_at, sealed_at FROM record_seals
         WHERE task = $1 ORDER BY round",
        &[&task],
        |r| {
            Ok(SealRow {
                round: r.get(0)?,
                subject_sha256: parsed(r, 1)?,
                heads: heads(r, 2)?,
                ended_at: r.get(3)?,
                sealed_at: r.get(4)?,
            })
        },
    )
}

/// Reads heads in the form of [`heads_text`].
fn heads(row: &Row<'_>, index: usize) -> Result<Vec<Sha256>> {
    let text: String = row.get(index)?;
    let heads = text
        .split(' ')
        .map(str::parse)
        .collect::<std::result::Result<_, _>>();
    heads.map_err(|_| DbError::Column {
        index,
        expected: "heads",
    })
}

pub(super) const CHANGE_COLUMNS: &str =
    "hash, author_key, author_person, author_epoch, bytes, sig, received_at, via_device";

pub(super) fn logged(r: &Row<'_>) -> Result<LoggedChange> {
    Ok(LoggedChange {
        hash: parsed(r, 0)?,
        author: Author {
            device: parsed(r, 1)?,
            person: r.get(2)?,
            epoch: r.get(3)?,
        },
        bytes: r.get(4)?,
        sig: sig(r, 5)?,
        received_at: r.get(6)?,
        via_device: r.get(7)?,
    })
}

/// The changes of a record between two order numbers, both included.
pub fn changes(tx: &mut Tx<'_>, task: &str, first: i64, last: i64) -> Result<Vec<LoggedChange>> {
    tx.query(
        &format!("SELECT {CHANGE_COLUMNS} FROM record_changes WHERE task = $1 AND ord BETWEEN $2 AND $3 ORDER BY ord"),
        &[&task, &first, &last],
        logged,
    )
}

/// Keeps a signed statement verbatim. False when it was there already.
pub fn keep_signature(tx: &mut Tx<'_>, row: &Signed, now: i64, via_device: &str) -> Result<bool> {
    let kind = match row.kind {
        ::sync::signoff::StatementKind::Party => "party",
        ::sync::signoff::StatementKind::Inspector => "inspector",
    };
    let bytes = minicbor::to_vec(row).map_err(|e| DbError::Task(e.to_string()))?;
    let kept = tx.execute(
        "INSERT INTO record_signatures (id, task, kind, row, received_at, via_device)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (task, id) DO NOTHING",
        &[
            &row.id().to_string(),
            &row.task.to_string(),
            &kind,
            &bytes,
            &now,
            &via_device,
        ],
    )?;
    Ok(kept > 0)
}

fn signed(r: &Row<'_>, index: usize) -> Result<Signed> {
    let bytes: Vec<u8> = r.get(index)?;
    minicbor::decode(&bytes).map_err(|_| DbError::Column {
        index,
        expected: "signed statement",
    })
}

/// A signed statement, with when it came.
#[derive(Debug, Clone)]
pub struct KeptSignature {
    pub row: Signed,
    pub received_at: i64,
}

/// The statements of a record in the order of arrival.
pub fn signatures(tx: &mut Tx<'_>, task: &str) -> Result<Vec<KeptSignature>> {
    tx.query(
        "SELECT row, received_at FROM record_signatures WHERE task = $1 ORDER BY received_at, id",
        &[&task],
        |r| {
            Ok(KeptSignature {
                row: signed(r, 0)?,
                received_at: r.get(1)?,
            })
        },
    )
}

/// A statement, and the device that brought it.
pub fn signature(tx: &mut Tx<'_>, task: &str, id: &str) -> Result<Option<(Signed, String)>> {
    tx.query_opt(
        "SELECT row, via_device FROM record_signatures WHERE task = $1 AND id = $2",
        &[&task, &id],
        |r| Ok((signed(r, 0)?, r.get(1)?)),
    )
}

/// A change of the log in the form of the wire, with its author in `authors`.
pub fn offered(change: LoggedChange, authors: &mut Vec<Author>) -> Offered {
    let index = authors
        .iter()
        .position(|a| *a == change.author)
        .unwrap_or_else(|| {
            authors.push(change.author);
            authors.len() - 1
        });
    Offered {
        author: index as u32,
        bytes: change.bytes,
        sig: change.sig,
    }
}
