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

/// Most that is kept aside in one record of what may come in later, for each device, and of what never
/// will, from all: rows and bytes, as at the office. A colleague's tablet must not fill this one up.
const MOST_ASIDE: (u32, u64) = (500, 4 << 20);

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
    if source == Source::Tablet {
        // What the office has refused is no tablet's to bring back.
        let refused = changes::refused_by_office(tx, &id).map_err(storage)?;
        if !refused.is_empty() {
            batch
                .changes
                .retain(|c| !refused.contains(&name_of(&c.bytes)));
        }
    }
    let loaded = records.get(task, &row)?;
    let rights = rights(*server_key, &loaded.roster);
    // A wave may let in what waited for it; each wave admits at least one change or is the last.
    loop {
        let judged = admit(&mut loaded.doc, &rights, &batch);
        let mut any_admitted = false;
        let mut waiting = 0;
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
                    waiting += 1;
                    if room_aside(tx, &id, &batch, index, "waiting", source).map_err(storage)? {
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
                    } else {
                        applied.too_much = true;
                    }
                }
                Verdict::Refused { code, detail } => {
                    let note = format!("change refused: {}", code.word());
                    if !applied.notes.contains(&note) {
                        applied.notes.push(note);
                    }
                    let refused = &mut applied.of(task).refused;
                    // One line for each reason, however many changes it hits.
                    if !refused.iter().any(|(c, _)| c == code) {
                        refused.push((*code, detail.clone()));
                    }
                    if room_aside(tx, &id, &batch, index, code.word(), source).map_err(storage)? {
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
                    } else {
                        applied.too_much |= changes::MAY_COME_IN.contains(&code.word());
                    }
                }
            }
        }
        if !any_admitted || waiting == 0 {
            applied.of(task).waiting += waiting;
            break;
        }
        // Judged once is enough: what was refused for its own sake would now be told another reason.
        let mut waits = judged
            .iter()
            .map(|j| matches!(j.verdict, Verdict::Waiting { .. }));
        batch.changes.retain(|_| waits.next().unwrap_or(false));
    }
    loaded.view = loaded.doc.view();
    Ok(())
}

/// Whether one more change of a tablet can be kept aside.
fn room_aside(
    db: &Connection,
    task: &str,
    batch: &Batch,
    index: usize,
    code: &str,
    source: Source,
) -> rusqlite::Result<bool> {
    let Some(offered) = batch
        .changes
        .get(index)
        .filter(|_| source == Source::Tablet)
    else {
        return Ok(true);
    };
    if changes::is_aside(db, task, &name_of(&offered.bytes))? {
        return Ok(true);
    }
    // Only of what waits and of forks is the author proven; of the rest anybody can be named.
    let proven = matches!(code, "waiting" | "fork");
    let author = batch.authors.get(offered.author as usize);
    let author = author.and_then(|a| minicbor::to_vec(a).ok());
    let author = author.filter(|_| proven);
    let (rows, bytes) = changes::aside_held(db, task, author.as_deref())?;
    Ok(rows < MOST_ASIDE.0 && bytes + offered.bytes.len() as u64 <= MOST_ASIDE.1)
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
