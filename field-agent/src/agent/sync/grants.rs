//! Tasks that come and go, their rosters, their standing at the office, colleagues' statements.

use std::collections::BTreeMap;

use rusqlite::Connection;
use sync::admit::Rights;
use sync::facts::{Roster, TaskFacts};
use sync::ids::Key;
use sync::message::{Grant, OfficeState};
use sync::signing::{self, ROSTER, Sig};
use sync::signoff::{Signed, Statement, StatementKind};

use crate::store::tasks::TaskRow;
use crate::store::{delivery, statements, tasks};

pub(super) enum GrantRefused {
    Storage(rusqlite::Error),
    Bad(String),
}

impl From<rusqlite::Error> for GrantRefused {
    fn from(e: rusqlite::Error) -> Self {
        GrantRefused::Storage(e)
    }
}

pub(super) fn take_grant(
    db: &Connection,
    server_key: &Key,
    grant: &Grant,
    now: i64,
) -> Result<Vec<(String, String)>, GrantRefused> {
    let bad = |e: &dyn std::fmt::Display| GrantRefused::Bad(e.to_string());
    let task = grant.task.to_string();
    let known = tasks::get(db, &task)?;
    if grant.withdrawn {
        if let Some(row) = known {
            tasks::put(
                db,
                &TaskRow {
                    withdrawn: true,
                    changed_at: now,
                    ..row
                },
            )?;
        }
        return Ok(Vec::new());
    }
    let signed = grant
        .roster_sig
        .is_some_and(|sig| signing::verify(server_key, ROSTER, &grant.roster, &sig));
    if !signed {
        return Err(GrantRefused::Bad(
            "the roster is not signed by the server".into(),
        ));
    }
    let roster: Roster = serde_json::from_slice(&grant.roster).map_err(|e| bad(&e))?;
    let facts: TaskFacts = serde_json::from_slice(&grant.facts).map_err(|e| bad(&e))?;
    if roster.task != grant.task || facts.task != grant.task {
        return Err(GrantRefused::Bad(
            "facts or roster are of another task".into(),
        ));
    }
    let certificates = roster
        .members
        .iter()
        .map(|m| (m.person.clone(), m.certificate.clone()))
        .collect();
    let newer_here = known
        .as_ref()
        .and_then(|row| serde_json::from_slice::<Roster>(&row.roster).ok())
        .is_some_and(|r| r.version > roster.version);
    let (roster, roster_sig) = match &known {
        Some(row) if newer_here => (row.roster.clone(), row.roster_sig.clone()),
        _ => (grant.roster.clone(), grant.roster_sig.map(|s| s.0.to_vec())),
    };
    let row = TaskRow {
        task,
        // An older word of the office, such as one in a file, takes nothing back.
        facts: match &known {
            Some(row) if newer_here => row.facts.clone(),
            _ => grant.facts.clone(),
        },
        roster,
        roster_sig,
        card: known
            .as_ref()
            .map_or_else(|| "{}".into(), |r| r.card.clone()),
        accepted_at: known.as_ref().and_then(|r| r.accepted_at),
        // Only the state says that a task is open: a roster that comes later, as when a colleague's tablet
        // is revoked, brings nothing back.
        withdrawn: known.as_ref().is_some_and(|r| r.withdrawn),
        changed_at: known.as_ref().map_or(now, |r| r.changed_at),
    };
    tasks::put(db, &row)?;
    Ok(certificates)
}

/// A roster that another tablet has, when it is the server's and newer than the one here. `None`: it is not newer, or of
/// a task that is not here.
pub(super) fn take_roster(
    db: &Connection,
    server_key: &Key,
    roster: &[u8],
    sig: &Sig,
) -> Result<Option<Roster>, GrantRefused> {
    if !signing::verify(server_key, ROSTER, roster, sig) {
        return Err(GrantRefused::Bad(
            "the roster is not signed by the server".into(),
        ));
    }
    let read = |bytes: &[u8]| serde_json::from_slice::<Roster>(bytes);
    let newer = read(roster).map_err(|e| GrantRefused::Bad(e.to_string()))?;
    let Some(row) = tasks::get(db, &newer.task.to_string())? else {
        return Ok(None);
    };
    if read(&row.roster).is_ok_and(|known| known.version >= newer.version) {
        return Ok(None);
    }
    let row = TaskRow {
        roster: roster.to_vec(),
        roster_sig: Some(sig.0.to_vec()),
        ..row
    };
    tasks::put(db, &row)?;
    Ok(Some(newer))
}

pub(super) fn rights(server: Key, roster: &Roster) -> Rights {
    let mut devices: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    // Those who are no longer on the team too: what they wrote while they were stands (D4).
    for member in &roster.everyone() {
        for key in &member.keys {
            devices
                .entry(key.device_key)
                .or_default()
                .push(member.person.clone());
        }
    }
    Rights {
        server,
        devices,
        revoked: Vec::new(),
    }
}

fn round_of(signed: &Signed) -> u32 {
    match signed.kind {
        StatementKind::Inspector => {
            serde_json::from_slice::<Statement>(&signed.body).map_or(0, |s| s.subject.round)
        }
        StatementKind::Party => 0,
    }
}

/// Keeps a statement of the office; one that another tablet hands over only when its signature, its key
/// on the `roster` and its ink are right, since a row that names the same bytes could otherwise stand in
/// the way of the true one. False when it is not kept.
pub(super) fn take_statement(
    db: &Connection,
    signed: &Signed,
    roster: Option<&Roster>,
    now: i64,
) -> rusqlite::Result<bool> {
    let round = round_of(signed);
    if let Some(roster) = roster {
        let team = roster.everyone();
        let holds = match signed.kind {
            StatementKind::Party => signed.open_party(&team).map(drop),
            StatementKind::Inspector => signed.open_inspector(&team).map(drop),
        };
        if let Err(error) = holds {
            tracing::info!(%error, "a statement that another tablet handed over");
            return Ok(false);
        }
        statements::put(db, signed, round, delivery::HERE, now)?;
        return Ok(true);
    }
    statements::put(db, signed, round, delivery::CONFIRMED, now)?;
    statements::set_delivery(db, &signed.id(), delivery::CONFIRMED, None)?;
    Ok(true)
}

pub(super) fn take_state(
    db: &Connection,
    task: &str,
    state: OfficeState,
    now: i64,
) -> rusqlite::Result<()> {
    if let Some(row) = tasks::get(db, task)? {
        let accepted_at = (state == OfficeState::Accepted).then(|| row.accepted_at.unwrap_or(now));
        // Each grant comes with the state, so what was granted anew is open again.
        let withdrawn = state == OfficeState::Withdrawn;
        tasks::put(
            db,
            &TaskRow {
                accepted_at,
                withdrawn,
                ..row
            },
        )?;
    }
    Ok(())
}
