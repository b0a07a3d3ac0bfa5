//! Imports in the database.

use super::{ImportKind, Outcome};
use crate::db::{DbError, Result, Tx};

/// How many errors are kept for showing; all are in the error file.
const SHOWN: usize = 200;

/// An import as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub kind: ImportKind,
    pub name: String,
    pub state: String,
    pub columns: String,
    pub rows_total: u32,
    pub accepted: u32,
    pub refused: u32,
    pub errors: String,
    pub failure: Option<String>,
}

fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| DbError::Task(e.to_string()))
}

pub(super) fn insert(
    tx: &mut Tx<'_>,
    id: &str,
    kind: ImportKind,
    name: &str,
    by: &str,
    found: &Outcome,
    now: i64,
) -> Result<()> {
    let shown = &found.errors[..found.errors.len().min(SHOWN)];
    tx.execute(
        "INSERT INTO imports (id, kind, name, state, columns, rows_total, accepted, refused, errors,
             error_file, created_by, created_at)
         VALUES ($1, $2, $3, 'checked', $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            &id, &kind.as_str(), &name, &json(&found.columns)?, &found.rows_total, &found.accepted,
            &found.refused, &json(&shown)?, &found.error_file, &by, &now,
        ],
    )?;
    Ok(())
}

pub(super) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Kept>> {
    tx.query_opt(
        "SELECT kind, name, state, columns, rows_total, accepted, refused, errors, failure
         FROM imports WHERE id = $1",
        &[&id],
        |r| {
            let kind: String = r.get(0)?;
            Ok(Kept {
                kind: ImportKind::parse(&kind).ok_or(DbError::Column {
                    index: 0,
                    expected: "import kind",
                })?,
                name: r.get(1)?,
                state: r.get(2)?,
                columns: r.get(3)?,
                rows_total: r.get(4)?,
                accepted: r.get(5)?,
                refused: r.get(6)?,
                errors: r.get(7)?,
                failure: r.get(8)?,
            })
        },
    )
}

pub(super) fn error_file(tx: &mut Tx<'_>, id: &str) -> Result<Option<(String, Vec<u8>)>> {
    tx.query_opt(
        "SELECT name, error_file FROM imports WHERE id = $1",
        &[&id],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// What another mapping finds; false when the import is no longer to be decided.
pub(super) fn checked_again(tx: &mut Tx<'_>, id: &str, found: &Outcome) -> Result<bool> {
    let shown = &found.errors[..found.errors.len().min(SHOWN)];
    let changed = tx.execute(
        "UPDATE imports SET columns = $2, accepted = $3, refused = $4, errors = $5, error_file = $6
         WHERE id = $1 AND state = 'checked'",
        &[
            &id,
            &json(&found.columns)?,
            &found.accepted,
            &found.refused,
            &json(&shown)?,
            &found.error_file,
        ],
    )?;
    Ok(changed > 0)
}

/// From `checked` to `applying`; false when it is in another state.
pub(super) fn begin(tx: &mut Tx<'_>, id: &str) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE imports SET state = 'applying' WHERE id = $1 AND state = 'checked'",
        &[&id],
    )?;
    Ok(changed > 0)
}

/// What the applying found, in the transaction that wrote the rows.
pub(super) fn done(tx: &mut Tx<'_>, id: &str, found: &Outcome, now: i64) -> Result<()> {
    let shown = &found.errors[..found.errors.len().min(SHOWN)];
    tx.execute(
        "UPDATE imports SET state = 'done', rows_total = $2, accepted = $3, refused = $4, errors = $5,
             error_file = $6, finished_at = $7 WHERE id = $1",
        &[&id, &found.rows_total, &found.accepted, &found.refused, &json(&shown)?, &found.error_file, &now],
    )?;
    Ok(())
}

pub(super) fn failed(tx: &mut Tx<'_>, id: &str, why: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE imports SET state = 'failed', failure = $2, finished_at = $3 WHERE id = $1",
        &[&id, &why, &now],
    )?;
    Ok(())
}
