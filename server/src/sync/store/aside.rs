//! What is kept aside: changes that wait for others, and what was refused.

use std::collections::BTreeMap;

use ::sync::chunk::Chunk;
use ::sync::ids::Sha256;

use super::records::{CHANGE_COLUMNS, LoggedChange, logged};
use super::to_i64;
use crate::db::{Result, Tx};

/// Changes that wait for others, oldest first.
pub fn waiting(tx: &mut Tx<'_>, task: &str) -> Result<Vec<LoggedChange>> {
    tx.query(
        &format!("SELECT {CHANGE_COLUMNS} FROM record_waiting WHERE task = $1 ORDER BY received_at, rowid"),
        &[&task],
        logged,
    )
}

/// What one tablet may have waiting in one record, and held in quarantine: beyond it, it is not an
/// inspector's work any more, and must not fill the disk or slow the judging of others' changes.
const WAITING: (i64, i64) = (500, 4 << 20);

const HELD: (i64, i64) = (2_000, 64 << 20);

fn has_room(used: (i64, i64), limit: (i64, i64)) -> bool {
    used.0 < limit.0 && used.1 < limit.1
}

/// What each tablet has in quarantine, counted once in a transaction.
#[derive(Debug, Default)]
pub struct QuarantineRoom {
    used: BTreeMap<String, (i64, i64)>,
}

impl QuarantineRoom {
    /// Takes the room that `bytes` of a tablet need; false when there is none.
    fn take(&mut self, tx: &mut Tx<'_>, device: &str, bytes: usize) -> Result<bool> {
        let used = match self.used.get(device) {
            Some(used) => *used,
            None => tx.query_one(
                "SELECT count(*), COALESCE(sum(length(bytes)), 0) FROM quarantine WHERE device = $1 AND state = 'held'",
                &[&device],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )?,
        };
        let has_room = has_room(used, HELD);
        let after = (used.0 + 1, used.1.saturating_add(to_i64(bytes as u64)));
        let counted = if has_room { after } else { used };
        self.used.insert(device.to_owned(), counted);
        Ok(has_room)
    }
}

/// Keeps a change until what it stands on comes. When a tablet has too many waiting in the record, it
/// keeps the rest itself: it was told that they wait, and offers them again.
pub fn keep_waiting(tx: &mut Tx<'_>, task: &str, change: &LoggedChange) -> Result<()> {
    let used = tx.query_one(
        "SELECT count(*), COALESCE(sum(length(bytes)), 0) FROM record_waiting WHERE task = $1 AND via_device = $2",
        &[&task, &change.via_device],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    if !has_room(used, WAITING) {
        return Ok(());
    }
    let sig = change.sig.map(|s| s.0.to_vec());
    tx.execute(
        "INSERT INTO record_waiting (task, hash, author_key, author_person, author_epoch, bytes, sig,
             received_at, via_device)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (task, hash) DO NOTHING",
        &[
            &task, &change.hash.to_string(), &change.author.device.to_string(), &change.author.person,
            &change.author.epoch, &change.bytes, &sig, &change.received_at, &change.via_device,
        ],
    )?;
    Ok(())
}

pub fn no_longer_waiting(tx: &mut Tx<'_>, task: &str, hash: &Sha256) -> Result<()> {
    tx.execute(
        "DELETE FROM record_waiting WHERE task = $1 AND hash = $2",
        &[&task, &hash.to_string()],
    )?;
    Ok(())
}

/// What is put aside for a person to look at.
#[derive(Debug, Clone)]
pub struct Refused<'a> {
    pub kind: &'a str,
    pub code: &'a str,
    pub detail: &'a str,
    pub change: &'a LoggedChange,
}

/// Puts bytes into quarantine; the same bytes for the same reason only once. False when the tablet that
/// brought them has no more room there: then nothing is kept.
pub fn quarantine(
    tx: &mut Tx<'_>,
    id: &str,
    task: &str,
    refused: &Refused<'_>,
    room: &mut QuarantineRoom,
) -> Result<bool> {
    let change = refused.change;
    let hash = change.hash.to_string();
    let known: Option<i64> = tx.query_opt(
        "SELECT 1 FROM quarantine WHERE task = $1 AND hash = $2 AND code = $3",
        &[&task, &hash, &refused.code],
        |r| r.get(0),
    )?;
    if known.is_some() {
        return Ok(true);
    }
    if !room.take(tx, &change.via_device, change.bytes.len())? {
        return Ok(false);
    }
    let sig = change.sig.map(|s| s.0.to_vec());
    // What is no change, such as a signature, has no place among its author's.
    let seq = Chunk::parse(&change.bytes).map_or(0, |c| to_i64(c.seq));
    tx.execute(
        "INSERT INTO quarantine (id, task, device, kind, hash, code, detail, author_key, author_person,
             author_epoch, bytes, sig, received_at, state, seq)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'held', $14)",
        &[
            &id, &task, &change.via_device, &refused.kind, &hash, &refused.code,
            &refused.detail, &change.author.device.to_string(), &change.author.person,
            &change.author.epoch, &change.bytes, &sig, &change.received_at, &seq,
        ],
    )?;
    Ok(true)
}
