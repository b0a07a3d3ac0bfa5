//! Signed statements and sign-offs that have begun.

use rusqlite::{Connection, OptionalExtension, params};
use sync::ids::{Sha256, TaskId};
use sync::signoff::Signed;

/// A statement as it is stored.
#[derive(Debug, Clone)]
pub struct StatementRow {
    pub signed: Signed,
    pub round: u32,
    pub at: i64,
}

/// Stores a statement; once is enough.
pub fn put(
    db: &Connection,
    signed: &Signed,
    round: u32,
    delivery: i64,
    at: i64,
) -> rusqlite::Result<()> {
    let row = minicbor::to_vec(signed)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    db.prepare_cached("INSERT INTO statement(id, task, row, round, delivery, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING")?
        .execute(params![signed.id().0, signed.task.to_string(), row, round, delivery, at])
        .map(drop)
}

fn decode(bytes: &[u8]) -> rusqlite::Result<Signed> {
    minicbor::decode(bytes).map_err(|e| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(e))
    })
}

/// The statements of a record, oldest first.
pub fn of_task(db: &Connection, task: &str) -> rusqlite::Result<Vec<StatementRow>> {
    db.prepare_cached("SELECT row, round, at FROM statement WHERE task = ?1 ORDER BY at, rowid")?
        .query_map([task], |r| {
            Ok(StatementRow {
                signed: decode(&r.get::<_, Vec<u8>>(0)?)?,
                round: r.get(1)?,
                at: r.get(2)?,
            })
        })?
        .collect()
}

/// Statements that the server has not confirmed, oldest first.
pub fn undelivered(db: &Connection, limit: usize) -> rusqlite::Result<Vec<Signed>> {
    db.prepare_cached("SELECT row FROM statement WHERE delivery < 2 ORDER BY at, rowid LIMIT ?1")?
        .query_map([limit as i64], |r| decode(&r.get::<_, Vec<u8>>(0)?))?
        .collect()
}

/// Statements behind a place in the table, each with its own, at most `limit`.
pub fn after(db: &Connection, place: i64, limit: usize) -> rusqlite::Result<Vec<(i64, Signed)>> {
    db.prepare_cached(
        "SELECT rowid, row FROM statement WHERE rowid > ?1 AND delivery <> 3 ORDER BY rowid LIMIT ?2",
    )?
    .query_map(params![place, limit as i64], |r| {
        Ok((r.get(0)?, decode(&r.get::<_, Vec<u8>>(1)?)?))
    })?
    .collect()
}

/// Moves a statement on its way; a confirmed one never goes back.
pub fn set_delivery(
    db: &Connection,
    id: &Sha256,
    delivery: i64,
    error: Option<&str>,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE statement SET delivery = ?2, error = ?3 WHERE id = ?1 AND delivery <> 2",
    )?
    .execute(params![id.0, delivery, error])
    .map(drop)
}

/// The server lost what it had confirmed: all statements are offered again.
pub fn doubt_all(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "UPDATE statement SET delivery = 0 WHERE delivery IN (1, 2)",
        [],
    )
    .map(drop)
}

/// The records to which statements belong.
pub fn tasks_of(db: &Connection, ids: &[Sha256]) -> rusqlite::Result<Vec<TaskId>> {
    let mut query = db.prepare_cached("SELECT task FROM statement WHERE id = ?1")?;
    let mut tasks = Vec::new();
    for id in ids {
        let task: Option<String> = query.query_row([id.0], |r| r.get(0)).optional()?;
        tasks.extend(task.and_then(|t| t.parse::<TaskId>().ok()));
    }
    Ok(tasks)
}

/// A sign-off that has begun.
#[derive(Debug, Clone)]
pub struct SignOffRow {
    pub round: u32,
    /// Canonical JSON of the subject.
    pub subject: String,
    /// JSON of the exclusions.
    pub excluded: String,
    pub at: i64,
}

/// The sign-off of a record, if one has begun.
pub fn sign_off(db: &Connection, task: &str) -> rusqlite::Result<Option<SignOffRow>> {
    db.prepare_cached("SELECT round, subject, excluded, at FROM sign_off WHERE task = ?1")?
        .query_row([task], |r| {
            Ok(SignOffRow {
                round: r.get(0)?,
                subject: r.get(1)?,
                excluded: r.get(2)?,
                at: r.get(3)?,
            })
        })
        .optional()
}

/// Begins a sign-off.
pub fn begin(db: &Connection, task: &str, row: &SignOffRow) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO sign_off(task, round, subject, excluded, at) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![task, row.round, row.subject, row.excluded, row.at])
        .map(drop)
}

/// Abandons a sign-off; statements stay.
pub fn cancel(db: &Connection, task: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM sign_off WHERE task = ?1")?
        .execute([task])
        .map(drop)
}
