//! Colleagues' changes come in through admission only; what is refused or waits is kept aside.

use rusqlite::Connection;
use sync::admit::{Batch, Offered, Verdict, admit};
use sync::author::Author;
use sync::chunk::Chunk;
use sync::ids::{Key, Sha256, TaskId};
use sync::message::DocChanges;

use super::super::storage;
use super::apply::{Applied, Records};
use super::grants::rights;
use crate::api::Problem;
use crate::store::changes::{self, Aside, NewRow};
use crate::store::{delivery, tasks};

/// Where changes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// What it hands out it has.
    Server,
    /// Another tablet: the server may not have them, so they go up from here too.
    Tablet,
}

/// Admits changes, together with those that waited. While the task itself is not known here,
/// everything waits for its grant.
#[allow(clippy::too_many_arguments, reason = "one call, one place")]
pub(super) fn take_changes(
    tx: &Connection,
    records: &mut Records<'_>,
    server_key: &Key,
    task: TaskId,
    parts: &[&DocChanges],
    authors: &[Author],
    source: Source,
    now: i64,
    applied: &mut Applied,
) -> Result<(), Problem> {
    let id = task.to_string();
    let mut batch = Batch {
        authors: authors.to_vec(),
        changes: parts
            .iter()
            .flat_map(|p| p.changes.iter().cloned())
            .collect(),
    };
    for row in changes::waiting(tx, &id).map_err(storage)? {
        let Ok(author) = minicbor::decode::<Author>(&row.author) else {
            continue;
        };
        let index = batch
            .authors
            .iter()
            .position(|a| *a == author)
            .unwrap_or_else(|| {
                batch.authors.push(author);
                batch.authors.len() - 1
            });
        // Those that waited came before: they go first.
        batch.changes.insert(
            0,
            Offered {
                author: index as u32,
                bytes: row.bytes,
                sig: row.sig,
            },
        );
    }
    let Some(row) = tasks::get(tx, &id).map_err(storage)? else {
        for (index, offered) in batch.changes.iter().enumerate() {
            keep_aside(
                tx,
                &id,
                name_of(&offered.bytes),
                &batch,
                index,
                "waiting",
                "the task is not here yet",
                now,
            )
            .map_err(storage)?;
        }
        return Ok(());
    };
    let loaded = records.get(task, &row)?;
    let rights = rights(*server_key, &loaded.roster);
    // A wave may let in what waited for it; each wave admits at least one change or is the last.
    loop {
        let judged = admit(&mut loaded.doc, &rights, &batch);
        let mut any_admitted = false;
        let mut any_waiting = false;
        for (index, (offered, judged)) in batch.changes.iter().zip(&judged).enumerate() {
            match &judged.verdict {
                Verdict::Admitted | Verdict::Known => {
                    any_admitted |= judged.verdict == Verdict::Admitted;
                    let tally = applied.of(task);
                    if judged.verdict == Verdict::Admitted {
                        tally.admitted += 1;
                    } else {
                        tally.known += 1;
                    }
                    if let Some(author) = batch.authors.get(offered.author as usize) {
                        let actor = author.actor(&task).to_hex_string();
                        // The server's own changes it has in any case.
                        let confirmed = source == Source::Server || author.device == *server_key;
                        let row = NewRow {
                            task: &id,
                            hash: judged.hash,
                            author,
                            actor: &actor,
                            bytes: &offered.bytes,
                            sig: offered.sig,
                            delivery: if confirmed {
                                delivery::CONFIRMED
                            } else {
                                delivery::HERE
                            },
                            at: now,
                        };
                        changes::append(tx, &row).map_err(storage)?;
                        if confirmed {
                            changes::set_delivery(tx, &id, &judged.hash, delivery::CONFIRMED, None)
                                .map_err(storage)?;
                        }
                        loaded.authors.insert(actor, author.clone());
                    }
                    changes::clear_aside(tx, &id, &judged.hash).map_err(storage)?;
                }
                Verdict::Waiting { .. } => {
                    any_waiting = true;
                    applied.of(task).waiting += 1;
                    keep_aside(
                        tx,
                        &id,
                        judged.hash,
                        &batch,
                        index,
                        "waiting",
                        "waits for its dependencies",
                        now,
                    )
                    .map_err(storage)?;
                }
                Verdict::Refused { code, detail } => {
                    applied
                        .notes
                        .push(format!("change refused: {}", code.word()));
                    applied.of(task).refused.push((*code, detail.clone()));
                    keep_aside(
                        tx,
                        &id,
                        judged.hash,
                        &batch,
                        index,
                        code.word(),
                        detail,
                        now,
                    )
                    .map_err(storage)?;
                }
            }
        }
        if !(any_admitted && any_waiting) {
            break;
        }
    }
    loaded.view = loaded.doc.view();
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "one row")]
pub(super) fn keep_aside(
    db: &Connection,
    task: &str,
    hash: Sha256,
    batch: &Batch,
    index: usize,
    code: &str,
    detail: &str,
    now: i64,
) -> rusqlite::Result<()> {
    let Some(offered) = batch.changes.get(index) else {
        return Ok(());
    };
    let author = batch
        .authors
        .get(offered.author as usize)
        .and_then(|a| minicbor::to_vec(a).ok())
        .unwrap_or_default();
    let row = Aside {
        task: task.to_owned(),
        hash,
        author,
        bytes: offered.bytes.clone(),
        sig: offered.sig,
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    changes::put_aside(db, &row, now)
}

/// The hash by which admission will know the change.
fn name_of(bytes: &[u8]) -> Sha256 {
    Chunk::parse(bytes).map_or_else(|_| Sha256::of(bytes), |chunk| chunk.hash)
}
