//! When a record counts as sealed at the office (F4).

use ::sync::ids::TaskId;
use ::sync::record::RecordDoc;
use ::sync::signoff::{self, Signed, Standing};
use serde_json::json;

use super::store::{self, FeedKind};
use super::worker::Summary;
use crate::db::Tx;
use crate::error::AppError;
use crate::journal;

/// Seals the present round of a record when its signatures are complete and its signed heads are
/// here. The journal entry is the server's countersignature: it stands in the hash chain.
pub fn settle(tx: &mut Tx<'_>, task: &str, now: i64) -> Result<(), AppError> {
    // Most changes come long before anybody signs.
    let signed: i64 = tx.query_one(
        "SELECT count(*) FROM record_signatures WHERE task = $1 AND kind = 'inspector'",
        &[&task],
        |r| r.get(0),
    )?;
    if signed < 2 {
        return Ok(());
    }
    // What comes for a task that was cancelled meanwhile is kept, and seals nothing.
    let cancelled: Option<i64> = tx.query_opt(
        "SELECT 1 FROM tasks WHERE id = $1 AND state = 'withdrawn'",
        &[&task],
        |r| r.get(0),
    )?;
    if cancelled.is_some() {
        return Ok(());
    }
    let Some((record, summary)) = load(tx, task)? else {
        return Ok(());
    };
    let round = summary.round;
    let known: Option<i64> = tx.query_opt(
        "SELECT round FROM record_seals WHERE task = $1 AND round = $2",
        &[&task, &round],
        |r| r.get(0),
    )?;
    if known.is_some() {
        return Ok(());
    }
    let team = store::team(tx, task, true)?;
    let rows: Vec<Signed> = store::signatures(tx, task)?
        .into_iter()
        .map(|s| s.row)
        .collect();
    let Ok(seal) = signoff::seal(&team, round, &rows) else {
        return Ok(());
    };
    if !matches!(
        signoff::standing(&seal.subject, &record),
        Standing::Current | Standing::Superseded { .. }
    ) {
        return Ok(());
    }
    let view = record
        .view_at(&seal.subject.heads)
        .map_err(AppError::internal)?;
    if !signoff::team_stands(&view, &team) || !signoff::roles_hold(&view, &seal.statements) {
        return Ok(());
    }
    let ended_at = view.int("visit/end_at").unwrap_or(now).min(now);
    let heads = store::heads_text(&seal.subject.heads);
    let subject = seal.subject_sha256.to_string();
    tx.execute(
        "INSERT INTO record_seals (task, round, subject_sha256, heads, ended_at, sealed_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[&task, &round, &subject, &heads, &ended_at, &now],
    )?;
    // All statements of a seal cite the same statement of the party.
    if let Some(statement) = seal.statements.first() {
        let secret = signoff::copy_secret(&statement.party_statement_sha256);
        tx.execute(
            "INSERT INTO record_copies (secret, task, round) VALUES ($1, $2, $3)",
            &[&secret, &task, &round],
        )?;
    }
    tx.execute(
        "UPDATE tasks SET state = 'sealed', round = $2 WHERE id = $1",
        &[&task, &round],
    )?;
    store::tell_team(tx, task, "", FeedKind::State, "")?;
    let signers: Vec<&str> = seal
        .statements
        .iter()
        .map(|s| s.signer.person.as_str())
        .collect();
    let entry = journal::Entry::by_server(now, "record.seal", format!("task/{task}")).detail(
        json!({ "round": round, "subject_sha256": subject, "heads": heads, "signers": signers }),
    );
    journal::append(tx, &entry)?;
    tracing::info!(task, round, "record sealed");
    Ok(())
}

/// The record as it stands, with its figures.
pub fn load(tx: &mut Tx<'_>, task: &str) -> Result<Option<(RecordDoc, Summary)>, AppError> {
    let row: Option<(Vec<u8>, String)> = tx.query_opt(
        "SELECT cache, summary FROM record_docs WHERE task = $1",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let Some((cache, summary)) = row else {
        return Ok(None);
    };
    let id: TaskId = task.parse().map_err(AppError::internal)?;
    let record = RecordDoc::load(id, &cache).map_err(AppError::internal)?;
    let summary = serde_json::from_str(&summary).map_err(AppError::internal)?;
    Ok(Some((record, summary)))
}
