//! Rows of jobs.

use serde_json::Value;

use crate::db::{Result, Row, Tx};

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    /// UUID.
    pub id: String,
    /// What handles it.
    pub kind: String,
    /// What the handler needs to know.
    pub payload: Value,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// Account id, or `server`.
    pub actor: String,
    /// How often it was started.
    pub attempts: u32,
    /// What a done job found.
    pub result: Option<Value>,
    /// Why it failed, or what the last attempt stumbled over.
    pub error: Option<String>,
}

const COLUMNS: &str = "id, kind, payload, state, actor, attempts, result, error";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn job(row: &Row<'_>) -> Result<Job> {
    Ok(Job {
        id: row.get(0)?,
        kind: row.get(1)?,
        payload: json(&row.get::<String>(2)?),
        state: row.get(3)?,
        actor: row.get(4)?,
        attempts: row.get(5)?,
        result: row.get::<Option<String>>(6)?.as_deref().map(json),
        error: row.get(7)?,
    })
}

/// Adds a job, in the transaction that makes it necessary. Asking twice with one id is asking once.
/// Wake the worker (`state.wake.notify_one()`) after the commit, or it finds the job within a second.
pub fn enqueue(
    tx: &mut Tx<'_>,
    id: &str,
    kind: &str,
    payload: &Value,
    actor: &str,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO jobs (id, kind, payload, state, actor, attempts, run_at, created_at)
         VALUES ($1, $2, $3, 'queued', $4, 0, $5, $5) ON CONFLICT (id) DO NOTHING",
        &[&id, &kind, &payload.to_string(), &actor, &now],
    )?;
    Ok(())
}

/// The job with this id.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Job>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM jobs WHERE id = $1"),
        &[&id],
        job,
    )
}

/// Takes the next job that is due.
pub(super) fn claim(tx: &mut Tx<'_>, now: i64) -> Result<Option<Job>> {
    tx.query_opt(
        &format!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1
             WHERE id = (SELECT id FROM jobs WHERE state = 'queued' AND run_at <= $1
                         ORDER BY run_at, id LIMIT 1)
             RETURNING {COLUMNS}"
        ),
        &[&now],
        job,
    )
}

pub(super) fn any_due(tx: &mut Tx<'_>, now: i64) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM jobs WHERE state = 'queued' AND run_at <= $1 LIMIT 1",
        &[&now],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// What a crash left running is started again.
pub(super) fn requeue_running(tx: &mut Tx<'_>) -> Result<()> {
    tx.execute(
        "UPDATE jobs SET state = 'queued' WHERE state = 'running'",
        &[],
    )?;
    Ok(())
}

pub(super) fn done(tx: &mut Tx<'_>, id: &str, result: &Value, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE jobs SET state = 'done', result = $2, error = NULL, finished_at = $3 WHERE id = $1",
        &[&id, &result.to_string(), &now],
    )?;
    Ok(())
}

pub(super) fn failed(tx: &mut Tx<'_>, id: &str, error: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE jobs SET state = 'failed', error = $2, finished_at = $3 WHERE id = $1",
        &[&id, &error, &now],
    )?;
    Ok(())
}

pub(super) fn later(tx: &mut Tx<'_>, id: &str, error: &str, run_at: i64) -> Result<()> {
    tx.execute(
        "UPDATE jobs SET state = 'queued', error = $2, run_at = $3 WHERE id = $1",
        &[&id, &error, &run_at],
    )?;
    Ok(())
}
