//! Rows of tasks.

use rusqlite::{Connection, OptionalExtension, Row, params};

/// A task as it is stored; `facts`, `roster` and `card` are JSON.
#[derive(Debug, Clone)]
pub struct TaskRow {
    pub task: String,
    pub facts: Vec<u8>,
    pub roster: Vec<u8>,
    pub roster_sig: Option<Vec<u8>>,
    pub card: String,
    pub accepted_at: Option<i64>,
    pub withdrawn: bool,
    pub changed_at: i64,
}

fn row(r: &Row<'_>) -> rusqlite::Result<TaskRow> {
    Ok(TaskRow {
        task: r.get(0)?,
        facts: r.get(1)?,
        roster: r.get(2)?,
        roster_sig: r.get(3)?,
        card: r.get(4)?,
        accepted_at: r.get(5)?,
        withdrawn: r.get(6)?,
        changed_at: r.get(7)?,
    })
}

/// One task.
pub fn get(db: &Connection, task: &str) -> rusqlite::Result<Option<TaskRow>> {
    db.prepare_cached("SELECT task, facts, roster, roster_sig, card, accepted_at, withdrawn, changed_at FROM task WHERE task = ?1")?
        .query_row([task], row)
        .optional()
}

/// The cards of all tasks: `(task, card, changed_at)`.
pub fn cards(db: &Connection) -> rusqlite::Result<Vec<(String, String, i64)>> {
    db.prepare_cached("SELECT task, card, changed_at FROM task")?
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?
        .collect()
}

/// The rosters of tasks that were not withdrawn.
pub fn rosters(db: &Connection) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    db.prepare_cached("SELECT task, roster FROM task WHERE withdrawn = 0")?
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect()
}

/// Takes in a task or newer facts and roster of it.
pub fn put(db: &Connection, task: &TaskRow) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO task(task, facts, roster, roster_sig, card, accepted_at, withdrawn, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT(task) DO UPDATE SET facts = ?2, roster = ?3, roster_sig = ?4, card = ?5, accepted_at = ?6, withdrawn = ?7, changed_at = ?8",
    )?
    .execute(params![task.task, task.facts, task.roster, task.roster_sig, task.card, task.accepted_at, task.withdrawn, task.changed_at])
    .map(drop)
}

/// When the office said last where a task stands, by its own clock; 0 for never.
pub fn said_at(db: &Connection, task: &str) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT said_at FROM task WHERE task = ?1")?
        .query_row([task], |r| r.get(0))
        .optional()
        .map(|at| at.unwrap_or(0))
}

/// The office has said at `at` where a task stands.
pub fn set_said_at(db: &Connection, task: &str, at: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE task SET said_at = ?2 WHERE task = ?1")?
        .execute(params![task, at])
        .map(drop)
}

/// Leaves a task where it stood.
pub fn set_standing(
    db: &Connection,
    task: &str,
    withdrawn: bool,
    accepted_at: Option<i64>,
) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE task SET withdrawn = ?2, accepted_at = ?3 WHERE task = ?1")?
        .execute(params![task, withdrawn, accepted_at])
        .map(drop)
}

/// Writes the card that the list shows.
pub fn set_card(db: &Connection, task: &str, card: &str, changed_at: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE task SET card = ?2, changed_at = ?3 WHERE task = ?1")?
        .execute(params![task, card, changed_at])
        .map(drop)
}

/// Number of tasks.
pub fn count(db: &Connection) -> rusqlite::Result<u32> {
    db.query_row("SELECT count(*) FROM task", [], |r| r.get(0))
}
