//! What was changed in a row, by whom, from which source and why (O4).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::citizen_id;
use crate::db::{DbError, Result, Tx};

/// One field before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Name of the field.
    pub field: String,
    /// Empty where there was nothing.
    pub before: String,
    /// Empty where there is nothing any more.
    pub after: String,
}

/// One act on a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowChange {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Who.
    pub actor_name: String,
    /// From where: `console`, or the name of the imported file.
    pub source: String,
    /// Why.
    pub reason: String,
    /// What; empty when the row was made.
    pub changes: Vec<Change>,
}

/// Who changes rows now, from which source and why.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Account id.
    pub actor: String,
    /// Name.
    pub actor_name: String,
    /// `console`, or the name of the imported file.
    pub source: String,
    /// Why.
    pub reason: String,
}

/// A row as its fields in words, for comparing. A citizen ID comes masked: the history is read by
/// more people than the register.
pub(super) type Fields = Vec<(&'static str, String)>;

/// The fields that differ.
pub(super) fn differences(before: &Fields, after: &Fields) -> Vec<Change> {
    before
        .iter()
        .zip(after)
        .filter(|(old, new)| old.1 != new.1)
        .map(|(old, new)| Change {
            field: old.0.to_owned(),
            before: old.1.clone(),
            after: new.1.clone(),
        })
        .collect()
}

/// The code of a person masked, that of others as it is.
pub(super) fn shown_code(kind: &str, code: Option<&str>) -> String {
    match code {
        Some(code) if kind == "person" => citizen_id::mask(code),
        Some(code) => code.to_owned(),
        None => String::new(),
    }
}

pub(super) fn note(
    tx: &mut Tx<'_>,
    subject: &str,
    trace: &Trace,
    changes: &[Change],
) -> Result<()> {
    let changes =
        serde_json::to_string(changes).map_err(|error| DbError::Task(error.to_string()))?;
    tx.execute(
        "INSERT INTO register_history (subject, at, actor, actor_name, source, reason, changes)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &subject,
            &trace.at,
            &trace.actor,
            &trace.actor_name,
            &trace.source,
            &trace.reason,
            &changes,
        ],
    )?;
    Ok(())
}

/// Newest first.
pub(super) fn of(tx: &mut Tx<'_>, subject: &str) -> Result<Vec<RowChange>> {
    tx.query(
        "SELECT at, actor_name, source, reason, changes FROM register_history
         WHERE subject = $1 ORDER BY at DESC, rowid DESC",
        &[&subject],
        |r| {
            Ok(RowChange {
                at: r.get(0)?,
                actor_name: r.get(1)?,
                source: r.get(2)?,
                reason: r.get(3)?,
                changes: serde_json::from_str(&r.get::<String>(4)?).unwrap_or_default(),
            })
        },
    )
}
