//! What the server says of what was sent: verdicts on changes and signatures, receipts of photos, and
//! what it has lost.

use std::collections::BTreeSet;

use rusqlite::Connection;
use sync::ids::{Sha256, TaskId};
use sync::message::SyncResponse;

use super::super::{Open, storage};
use super::InFlight;
use super::reauthor::{Refused, is_at_fault};
use crate::api::Problem;
use crate::api::fault::{Fault, FileFault, RecordFault};
use crate::store::{changes, delivery, queue, statements, tasks};

/// Pause before a photo that came to naught is tried again.
pub(super) fn blob_pause(failures: u32) -> i64 {
    (queue::FIRST_PAUSE_MS << failures.min(queue::MAX_DOUBLINGS)).min(queue::MAX_PAUSE_MS)
}

/// Takes as unsent what is not under the server's tips, of every record and every author.
pub(super) fn doubt_changes(
    tx: &Connection,
    open: &Open,
    response: &SyncResponse,
) -> Result<(), Problem> {
    for (task, ..) in tasks::cards(tx).map_err(storage)? {
        let Ok(id) = task.parse::<TaskId>() else {
            continue;
        };
        let doc = open.load(id)?.doc;
        let tip = response.tips.iter().find(|t| t.task == id);
        let known: Vec<Sha256> = tip
            .iter()
            .flat_map(|t| &t.heads)
            .filter(|h| doc.contains(h))
            .copied()
            .collect();
        for hash in doc.since(&known) {
            changes::doubt(tx, &task, &hash).map_err(storage)?;
        }
    }
    Ok(())
}

/// Verdicts on changes and signatures; tells which changes are themselves at fault. A count that does not add up confirms nothing (lesson 5).
pub(super) fn verdicts(
    db: &Connection,
    sent: &InFlight,
    response: &SyncResponse,
    touched: &mut BTreeSet<TaskId>,
) -> rusqlite::Result<Refused> {
    let mut refused = Refused::new();
    for ((task, hashes), verdict) in sent.docs.iter().zip(&response.verdicts) {
        touched.insert(*task);
        let at_fault = verdict.held.iter().filter_map(|h| Some((h.hash, h.code?)));
        let at_fault = at_fault.filter(|(h, c)| is_at_fault(*c) && hashes.contains(h));
        for (hash, code) in at_fault {
            refused.entry(*task).or_default().insert(hash, code);
        }
        let task = task.to_string();
        let adds_up = verdict.stored as usize + verdict.held.len() == hashes.len();
        for hash in hashes {
            match verdict.held.iter().find(|h| h.hash == *hash) {
                None if adds_up => {
                    changes::set_delivery(db, &task, hash, delivery::CONFIRMED, None)?
                }
                None => changes::set_delivery(db, &task, hash, delivery::SENT, None)?,
                Some(held) => match held.code {
                    // Not taken yet, or not now: it is kept here and offered again.
                    None => {
                        let why = held.not_now.as_deref().map(RecordFault::not_now);
                        let why = why.map(|fault| fault.kept(""));
                        changes::set_delivery(db, &task, hash, delivery::SENT, why.as_deref())?
                    }
                    Some(code) => {
                        let why = RecordFault::held(code).kept("");
                        changes::set_delivery(db, &task, hash, delivery::REFUSED, Some(&why))?
                    }
                },
            }
        }
    }
    for (id, verdict) in sent.signatures.iter().zip(&response.signature_verdicts) {
        if verdict.stored {
            statements::set_delivery(db, id, delivery::CONFIRMED, None)?;
        } else if let Some(word) = verdict.not_now.as_deref() {
            let why = RecordFault::not_now(word).kept("");
            statements::set_delivery(db, id, delivery::SENT, Some(&why))?;
        } else {
            let why = RecordFault::Signature.kept(&verdict.detail);
            statements::set_delivery(db, id, delivery::REFUSED, Some(&why))?;
        }
    }
    touched.extend(statements::tasks_of(db, &sent.signatures)?);
    Ok(refused)
}

/// What the server has of each photo that was asked about.
pub(super) fn receipts(
    db: &Connection,
    sent: &InFlight,
    response: &SyncResponse,
    now: i64,
    touched: &mut BTreeSet<TaskId>,
) -> rusqlite::Result<()> {
    for (blob, state) in sent.blobs.iter().zip(&response.blobs) {
        let (task, sha256) = (blob.task.to_string(), blob.sha256.to_string());
        queue::set_unwanted(db, &task, &sha256, state.unwanted)?;
        if state.stored {
            queue::confirm(db, &task, &sha256)?;
            touched.insert(blob.task);
        } else if state.unwanted {
            let failures = queue::get(db, &task, &sha256)?.map_or(0, |r| r.failures);
            let why = FileFault::RecordNotThere.kept("");
            queue::fail(db, &task, &sha256, &why, false, now + blob_pause(failures))?;
        } else {
            let row = queue::get(db, &task, &sha256)?;
            let received = i64::try_from(state.received).unwrap_or(0);
            // It was wholly sent and yet is not whole there: the hash did not fit.
            if row
                .as_ref()
                .is_some_and(|r| r.delivery == delivery::SENT && received < r.size)
            {
                let pause = blob_pause(row.map_or(0, |r| r.failures));
                queue::resend(db, &task, &sha256, received)?;
                let why = FileFault::CameDamaged.kept("");
                queue::fail(db, &task, &sha256, &why, false, now + pause)?;
            } else if row.is_some_and(|r| r.sent != received) {
                queue::resend(db, &task, &sha256, received)?;
            }
        }
    }
    Ok(())
}
