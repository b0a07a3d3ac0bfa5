//! The change log: original bytes in the order of admission, with their authors.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, Row, params};
use sync::author::Author;
use sync::ids::{Key, Sha256};
use sync::signing::Sig;

use super::delivery;

/// An admitted change to be stored.
pub struct NewRow<'a> {
    pub task: &'a str,
    pub hash: Sha256,
    pub author: &'a Author,
    /// 32 hex digits.
    pub actor: &'a str,
    pub bytes: &'a [u8],
    pub sig: Option<Sig>,
    pub delivery: i64,
    pub at: i64,
}

/// Appends an admitted change; once is enough.
pub fn append(db: &Connection, row: &NewRow<'_>) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO author(task, actor, device, person, epoch) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
    )?
    .execute(params![row.task, row.actor, row.author.device.0, row.author.person, row.author.epoch])?;
    db.prepare_cached(
        "INSERT INTO change(task, hash, actor, bytes, sig, delivery, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    )?
    .execute(params![row.task, row.hash.0, row.actor, row.bytes, row.sig.map(|s| s.0), row.delivery, row.at])
    .map(drop)
}

/// The whole log of a record.
pub fn log(db: &Connection, task: &str) -> rusqlite::Result<Vec<Vec<u8>>> {
    db.prepare_cached("SELECT bytes FROM change WHERE task = ?1 ORDER BY position")?
        .query_map([task], |r| r.get(0))?
        .collect()
}

/// The authors of a record by actor (32 hex digits).
pub fn authors(db: &Connection, task: &str) -> rusqlite::Result<Vec<(String, Author)>> {
    db.prepare_cached("SELECT actor, device, person, epoch FROM author WHERE task = ?1")?
        .query_map([task], |r| {
            Ok((
                r.get(0)?,
                Author {
                    device: Key(r.get(1)?),
                    person: r.get(2)?,
                    epoch: r.get(3)?,
                },
            ))
        })?
        .collect()
}

/// A change as it travels.
#[derive(Debug, Clone)]
pub struct LogRow {
    pub position: i64,
    pub task: String,
    pub hash: Sha256,
    pub actor: String,
    pub bytes: Vec<u8>,
    pub sig: Option<Sig>,
    /// It was sent before, and the server did not confirm it.
    pub again: bool,
}

/// Changes that the server has not confirmed and that were not refused, oldest first, at most `limit`.
pub fn undelivered(db: &Connection, limit: usize) -> rusqlite::Result<Vec<LogRow>> {
    db.prepare_cached(
        "SELECT position, task, hash, actor, bytes, sig, delivery = 1 FROM change INDEXED BY change_open
         WHERE delivery <> 2 AND delivery < 2 ORDER BY position LIMIT ?1",
    )?
    .query_map([limit as i64], log_row)?
    .collect()
}

fn log_row(r: &Row<'_>) -> rusqlite::Result<LogRow> {
    Ok(LogRow {
        position: r.get(0)?,
        task: r.get(1)?,
        hash: Sha256(r.get(2)?),
        actor: r.get(3)?,
        bytes: r.get(4)?,
        sig: r.get::<_, Option<[u8; 64]>>(5)?.map(Sig),
        again: r.get(6)?,
    })
}

/// The log behind a position, each change with the device of its author, at most `limit`.
pub fn after(db: &Connection, position: i64, limit: usize) -> rusqlite::Result<Vec<(Key, LogRow)>> {
    db.prepare_cached(
        "SELECT position, c.task, hash, c.actor, bytes, sig, 0, device FROM change c
         JOIN author a ON a.task = c.task AND a.actor = c.actor
         WHERE position > ?1 AND delivery <> 3 ORDER BY position LIMIT ?2",
    )?
    .query_map(params![position, limit as i64], |r| {
        Ok((Key(r.get(7)?), log_row(r)?))
    })?
    .collect()
}

/// The newest position of the log, 0 for none.
pub fn newest(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT coalesce(max(position), 0) FROM change", [], |r| {
        r.get(0)
    })
}

/// Keeps the device's signature of a change.
pub fn set_sig(db: &Connection, task: &str, hash: &Sha256, sig: &Sig) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE change SET sig = ?3 WHERE task = ?1 AND hash = ?2")?
        .execute(params![task, hash.0, sig.0])
        .map(drop)
}

/// Moves a change on its way; a confirmed one never goes back.
pub fn set_delivery(
    db: &Connection,
    task: &str,
    hash: &Sha256,
    delivery: i64,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE change SET delivery = ?3, error = ?4 WHERE task = ?1 AND hash = ?2 AND delivery <> 2")?
        .execute(params![task, hash.0, delivery, error])
        .map(drop)
}

/// The server lost what it had confirmed: the change is offered again.
pub fn doubt(db: &Connection, task: &str, hash: &Sha256) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE change SET delivery = 0 WHERE task = ?1 AND hash = ?2 AND delivery IN (1, 2)",
    )?
    .execute(params![task, hash.0])
    .map(drop)
}

/// How many changes of a record are here, sent, confirmed, refused.
pub fn delivery_counts(db: &Connection, task: &str) -> rusqlite::Result<[u32; 4]> {
    let mut counts = [0; 4];
    let mut query = db.prepare_cached(
        "SELECT delivery, count(*) FROM (SELECT delivery FROM change WHERE task = ?1 UNION ALL SELECT delivery FROM statement WHERE task = ?1 UNION ALL SELECT 3 FROM aside WHERE task = ?1 AND code LIKE 'own:%') GROUP BY delivery",
    )?;
    let mut rows = query.query([task])?;
    while let Some(r) = rows.next()? {
        let state = usize::try_from(r.get::<_, i64>(0)?).unwrap_or(usize::MAX);
        if let Some(count) = counts.get_mut(state) {
            *count = r.get(1)?;
        }
    }
    Ok(counts)
}

/// Whether anything of a record is here only, sent, refused: without walking through its changes.
pub fn on_the_way(db: &Connection, task: &str) -> rusqlite::Result<[bool; 3]> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM change WHERE task = ?1 AND delivery = 0)
             OR EXISTS (SELECT 1 FROM statement WHERE task = ?1 AND delivery = 0),
                EXISTS (SELECT 1 FROM change WHERE task = ?1 AND delivery = 1)
             OR EXISTS (SELECT 1 FROM statement WHERE task = ?1 AND delivery = 1),
                EXISTS (SELECT 1 FROM change WHERE task = ?1 AND delivery = 3)
             OR EXISTS (SELECT 1 FROM statement WHERE task = ?1 AND delivery = 3)
             OR EXISTS (SELECT 1 FROM aside WHERE task = ?1 AND code LIKE 'own:%')",
    )?
    .query_row([task], |r| Ok([r.get(0)?, r.get(1)?, r.get(2)?]))
}

/// Why the server refused something of this record, or has not taken it yet.
pub fn refusal(db: &Connection, task: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached(
        "SELECT error FROM (SELECT error FROM change WHERE task = ?1 AND delivery IN (1, 3) UNION ALL SELECT error FROM statement WHERE task = ?1 AND delivery IN (1, 3) UNION ALL SELECT detail FROM aside WHERE task = ?1 AND code LIKE 'own:%') WHERE error IS NOT NULL LIMIT 1",
    )?
    .query_row([task], |r| r.get(0))
    .optional()
}

/// Whether the change is in the log.
pub fn has(db: &Connection, task: &str, hash: &Sha256) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM change WHERE task = ?1 AND hash = ?2")?
        .exists(params![task, hash.0])
}

/// Number of all changes.
pub fn count(db: &Connection) -> rusqlite::Result<u32> {
    db.query_row("SELECT count(*) FROM change", [], |r| r.get(0))
}

/// A change of another that could not be taken in.
pub struct Aside {
    pub task: String,
    pub hash: Sha256,
    /// CBOR of the author.
    pub author: Vec<u8>,
    pub bytes: Vec<u8>,
    pub sig: Option<Sig>,
    pub code: String,
    pub detail: String,
}

/// Keeps a change aside: waiting for its dependencies, or refused.
pub fn put_aside(db: &Connection, row: &Aside, at: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO aside(task, hash, author, bytes, sig, code, detail, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT(task, hash) DO UPDATE SET code = ?6, detail = ?7",
    )?
    .execute(params![row.task, row.hash.0, row.author, row.bytes, row.sig.map(|s| s.0), row.code, row.detail, at])
    .map(drop)
}

/// Codes of changes that may be let in later.
pub const MAY_COME_IN: [&str; 3] = ["waiting", "not_on_team", "fork"];
/// Of changes that the office has refused and that were taken out of the log.
pub const REFUSED_BY_OFFICE: &str = "office:";

/// Whether a change is kept aside.
pub fn is_aside(db: &Connection, task: &str, hash: &Sha256) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM aside WHERE task = ?1 AND hash = ?2")?
        .exists(params![task, hash.0])
}

/// Rows and bytes that are kept aside of what waits or forks of one author; of the rest for `None`.
pub fn aside_held(
    db: &Connection,
    task: &str,
    author: Option<&[u8]>,
) -> rusqlite::Result<(u32, u64)> {
    let of = match author {
        Some(_) => "code IN ('waiting', 'fork') AND author = ?2",
        None => {
            "code NOT IN ('waiting', 'fork', 'rewritten') AND code NOT LIKE '%:%' AND ?2 IS NULL"
        }
    };
    db.prepare_cached(&format!(
        "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM aside WHERE task = ?1 AND {of}"
    ))?
    .query_row(params![task, author], |r| {
        Ok((r.get(0)?, r.get::<_, i64>(1)?.unsigned_abs()))
    })
}

/// Changes that the office has refused and that were taken out of the log.
pub fn refused_by_office(db: &Connection, task: &str) -> rusqlite::Result<BTreeSet<Sha256>> {
    db.prepare_cached("SELECT hash FROM aside WHERE task = ?1 AND code LIKE 'office:%'")?
        .query_map([task], |r| Ok(Sha256(r.get(0)?)))?
        .collect()
}

/// What is kept out of a record for good or until somebody acts, by author and reason.
#[derive(Debug, Clone)]
pub struct KeptOut {
    pub task: String,
    /// CBOR of the author that it names; whether it is the author's is not said.
    pub author: Vec<u8>,
    pub code: String,
    pub count: u32,
    /// When the newest came, ms.
    pub at: i64,
}

/// What other tablets and the office handed over and was not taken in, the newest first.
pub fn kept_out(db: &Connection, limit: usize) -> rusqlite::Result<Vec<KeptOut>> {
    db.prepare_cached(
        "SELECT task, author, code, count(*), max(at) FROM aside
         WHERE code NOT IN ('waiting', 'rewritten') AND code NOT LIKE 'own:%'
         GROUP BY task, author, code ORDER BY max(at) DESC LIMIT ?1",
    )?
    .query_map([limit as i64], |r| {
        Ok(KeptOut {
            task: r.get(0)?,
            author: r.get(1)?,
            code: r.get(2)?,
            count: r.get(3)?,
            at: r.get(4)?,
        })
    })?
    .collect()
}

/// The changes of a record that may be let in later, newest first: those that wait for their
/// dependencies, those of persons whom a newer roster may know, and those whose number was used twice
/// until this tablet wrote its own anew.
pub fn waiting(db: &Connection, task: &str) -> rusqlite::Result<Vec<Aside>> {
    db.prepare_cached("SELECT task, hash, author, bytes, sig, code, detail FROM aside WHERE task = ?1 AND code IN ('waiting', 'not_on_team', 'fork') ORDER BY at DESC, rowid DESC")?
        .query_map([task], |r| {
            Ok(Aside {
                task: r.get(0)?,
                hash: Sha256(r.get(1)?),
                author: r.get(2)?,
                bytes: r.get(3)?,
                sig: r.get::<_, Option<[u8; 64]>>(4)?.map(Sig),
                code: r.get(5)?,
                detail: r.get(6)?,
            })
        })?
        .collect()
}

/// Takes a change out of the log, once it is kept aside.
pub fn take_out(db: &Connection, task: &str, hash: &Sha256) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM change WHERE task = ?1 AND hash = ?2")?
        .execute(params![task, hash.0])
        .map(drop)
}

/// Forgets a change that was kept aside, once it is in the log.
pub fn clear_aside(db: &Connection, task: &str, hash: &Sha256) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM aside WHERE task = ?1 AND hash = ?2")?
        .execute(params![task, hash.0])
        .map(drop)
}

/// The authors (CBOR) of whom a change waits for another that is not here.
pub fn waiting_authors(db: &Connection, task: &str) -> rusqlite::Result<Vec<Vec<u8>>> {
    db.prepare_cached("SELECT DISTINCT author FROM aside WHERE task = ?1 AND code = 'waiting'")?
        .query_map([task], |r| r.get(0))?
        .collect()
}

/// The row is on its way when it is neither confirmed nor refused.
pub fn is_open(state: i64) -> bool {
    state == delivery::HERE || state == delivery::SENT
}
