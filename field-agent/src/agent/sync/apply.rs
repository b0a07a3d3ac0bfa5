//! What came down: verdicts, colleagues' changes through admission, grants, receipts; one transaction.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rusqlite::Connection;
use sync::admit::{Batch, Offered, Rights, Verdict, admit};
use sync::author::Author;
use sync::facts::{Roster, TaskFacts};
use sync::ids::{Key, Sha256, TaskId};
use sync::message::{self, DocChanges, Grant, OfficeState, SyncResponse};
use sync::session::{Direction, Event, Transfer};
use sync::signing::{self, ROSTER};
use sync::signoff::{Signed, Statement, StatementKind};

use super::super::tasks::Circumstances;
use super::super::{Agent, Loaded, Open, lock, storage};
use super::pack::{blob_ref, cursor, form_of};
use super::{InFlight, StepFailure, words};
use crate::api::Problem;
use crate::store::changes::{self, Aside, NewRow};
use crate::store::tasks::TaskRow;
use crate::store::{self, delivery, queue, statements, tasks};

const MAX_TRANSFERS: usize = 200;
/// Pause before a photo that came to naught is tried again, doubled with each failure, at most a day.
const BLOB_PAUSE_MS: i64 = 60_000;

pub(super) fn blob_pause(failures: u32) -> i64 {
    (BLOB_PAUSE_MS << failures.min(11)).min(86_400_000)
}

impl Agent {
    /// Applies an answer. The cursor moves in the same transaction (lesson 30).
    pub(super) fn apply(&self, body: &[u8]) -> Result<Event, StepFailure> {
        let response: SyncResponse = message::unpack(body).map_err(|e| {
            tracing::info!(%e, "answer");
            StepFailure::passing("bad_answer", "服务器的回应无法读取；会自动重试。")
        })?;
        let now = self.now();
        let sent = std::mem::take(&mut lock(&self.driver).sent);
        let mut applied = self
            .with_open(|open| {
                let touched = apply_in_transaction(open, &sent, &response, now);
                if touched.is_err() {
                    // What is in memory may be ahead of the disk now.
                    open.records.clear();
                }
                touched
            })
            .map_err(|p| StepFailure::storage(&p))?;
        for line in applied.notes.drain(..) {
            self.note(&line);
        }
        let transfers = self
            .with_open(|open| transfers(open, now).map_err(storage))
            .map_err(|p| StepFailure::storage(&p))?;
        self.after_contact(response.server_time, now, &applied.certificates)
            .map_err(|p| StepFailure::storage(&p))?;
        self.touch();
        Ok(Event::Applied {
            more: response.more || applied.again,
            transfers: self.with_partials(transfers),
        })
    }

    /// Colleagues' photos go on where they stopped.
    fn with_partials(&self, mut transfers: Vec<Transfer>) -> Vec<Transfer> {
        let driver = lock(&self.driver);
        for transfer in transfers
            .iter_mut()
            .filter(|t| t.direction == Direction::Down)
        {
            let key = (transfer.blob.task, transfer.blob.sha256);
            transfer.offset = driver
                .partial
                .get(&key)
                .map_or(0, |bytes| bytes.len() as u64);
        }
        transfers
    }

    /// What the unlock screen shows, without content.
    fn after_contact(
        &self,
        server_time: i64,
        now: i64,
        certificates: &[(String, String)],
    ) -> Result<(), Problem> {
        self.note_unconfirmed()?;
        let vault = lock(&self.vault);
        for (key, value) in [
            ("last_sync_at", now),
            ("clock_offset_ms", server_time.saturating_sub(now)),
        ] {
            vault.set(key, &value.to_string()).map_err(storage)?;
        }
        for (person, certificate) in certificates {
            vault
                .set_certificate(person, certificate)
                .map_err(storage)?;
        }
        Ok(())
    }

    /// Keeps the counts where they can be read while the store is closed.
    pub(in crate::agent) fn note_unconfirmed(&self) -> Result<(), Problem> {
        let counted = lock(&self.open)
            .as_ref()
            .map(|open| unconfirmed(&open.db))
            .transpose()
            .map_err(storage)?;
        let Some((records, photos)) = counted else {
            return Ok(());
        };
        let vault = lock(&self.vault);
        for (key, value) in [
            ("unconfirmed_records", records),
            ("unconfirmed_photos", photos),
        ] {
            let value = value.to_string();
            if vault.get(key).map_err(storage)?.as_deref() != Some(&value) {
                vault.set(key, &value).map_err(storage)?;
            }
        }
        Ok(())
    }
}

/// Records and photos that the server has not confirmed.
pub(in crate::agent) fn unconfirmed(db: &Connection) -> rusqlite::Result<(u32, u32)> {
    let records = db.query_row(
        "SELECT count(*) FROM (SELECT task FROM change WHERE delivery <> 2 UNION SELECT task FROM statement WHERE delivery <> 2)",
        [],
        |r| r.get(0),
    )?;
    let photos = db.query_row(
        "SELECT count(*) FROM blob WHERE here = 1 AND form = 3 AND delivery <> 2",
        [],
        |r| r.get(0),
    )?;
    Ok((records, photos))
}

#[derive(Default)]
struct Applied {
    /// Certificate numbers of inspectors, for their cards.
    certificates: Vec<(String, String)>,
    /// Something is to be sent at once.
    again: bool,
    notes: Vec<String>,
}

fn apply_in_transaction(
    open: &mut Open,
    sent: &InFlight,
    response: &SyncResponse,
    now: i64,
) -> Result<Applied, Problem> {
    let mut applied = Applied::default();
    // Grants first: they bring the rosters by which changes are admitted.
    let mut touched: BTreeSet<TaskId> = BTreeSet::new();
    let mut changed: BTreeMap<TaskId, Loaded> = BTreeMap::new();
    let before = cursor(&open.db).map_err(storage)?;
    let here = open.device_key();
    let server_key = open.server_key;
    let tx = open.db.unchecked_transaction().map_err(storage)?;
    let elsewhere = before.is_some_and(|c| c.incarnation != response.cursor.incarnation);
    if response.restored || elsewhere {
        // The server was restored from an older copy: what it does not have is offered again,
        // colleagues' work with their own signatures.
        doubt_changes(&tx, open, response)?;
        statements::doubt_all(&tx).map_err(storage)?;
        queue::doubt_all(&tx).map_err(storage)?;
        applied.again = true;
        applied
            .notes
            .push("server has another incarnation: offering everything again".into());
    } else {
        verdicts(&tx, sent, response, &mut touched).map_err(storage)?;
        receipts(&tx, sent, response, now, &mut touched).map_err(storage)?;
    }
    for grant in &response.grants {
        match take_grant(&tx, &server_key, grant, now) {
            Ok(certificates) => {
                applied.certificates.extend(certificates);
                touched.insert(grant.task);
            }
            Err(GrantRefused::Storage(e)) => return Err(storage(e)),
            Err(GrantRefused::Bad(why)) => applied.notes.push(format!("grant refused: {why}")),
        }
    }
    let mut docs: BTreeMap<TaskId, Vec<&DocChanges>> = BTreeMap::new();
    for doc in &response.docs {
        docs.entry(doc.task).or_default().push(doc);
    }
    for grant in response.grants.iter().filter(|g| !g.withdrawn) {
        // A new roster may let in what waited.
        docs.entry(grant.task).or_default();
    }
    for (task, parts) in docs {
        let loaded = take_changes(
            &tx,
            open,
            &server_key,
            task,
            &parts,
            &response.authors,
            now,
            &mut applied,
        )?;
        touched.insert(task);
        if let Some(loaded) = loaded {
            changed.insert(task, loaded);
        }
    }
    for signed in &response.signatures {
        take_statement(&tx, signed, now).map_err(storage)?;
        touched.insert(signed.task);
    }
    for state in &response.states {
        take_state(&tx, &state.task.to_string(), state.state, now).map_err(storage)?;
        touched.insert(state.task);
    }
    for blob in &response.offered {
        let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
        queue::put(
            &tx,
            &blob.task.to_string(),
            &blob.sha256.to_string(),
            form_of(blob.kind),
            size,
            false,
            delivery::CONFIRMED,
            now,
        )
        .map_err(storage)?;
        touched.insert(blob.task);
    }
    for task in &touched {
        refresh_card(&tx, open, &mut changed, *task, &here, now)?;
    }
    let mut bytes = response.cursor.incarnation.to_vec();
    bytes.extend_from_slice(&response.cursor.seq.to_be_bytes());
    store::set_meta(&tx, "cursor", &bytes).map_err(storage)?;
    // A crash before this line leaves the old cursor and asks again; after it everything is here.
    tx.commit().map_err(storage)?;
    for (task, loaded) in changed {
        if open.records.contains_key(&task) {
            open.records.insert(task, loaded);
        }
    }
    Ok(applied)
}

/// Takes as unsent what is not under the server's tips, of every record and every author.
fn doubt_changes(tx: &Connection, open: &Open, response: &SyncResponse) -> Result<(), Problem> {
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

/// Verdicts on changes and signatures. A count that does not add up confirms nothing (lesson 5).
fn verdicts(
    db: &Connection,
    sent: &InFlight,
    response: &SyncResponse,
    touched: &mut BTreeSet<TaskId>,
) -> rusqlite::Result<()> {
    for ((task, hashes), verdict) in sent.docs.iter().zip(&response.verdicts) {
        touched.insert(*task);
        let task = task.to_string();
        let adds_up = verdict.stored as usize + verdict.held.len() == hashes.len();
        for hash in hashes {
            match verdict.held.iter().find(|h| h.hash == *hash) {
                None if adds_up => {
                    changes::set_delivery(db, &task, hash, delivery::CONFIRMED, None)?
                }
                None => changes::set_delivery(db, &task, hash, delivery::SENT, None)?,
                Some(held) => match held.code {
                    None => changes::set_delivery(db, &task, hash, delivery::SENT, None)?,
                    Some(code) => changes::set_delivery(
                        db,
                        &task,
                        hash,
                        delivery::REFUSED,
                        Some(words::held(code)),
                    )?,
                },
            }
        }
    }
    for (id, verdict) in sent.signatures.iter().zip(&response.signature_verdicts) {
        if verdict.stored {
            statements::set_delivery(db, id, delivery::CONFIRMED, None)?;
        } else {
            let text = format!("服务器没有接收签字：{}", verdict.detail);
            statements::set_delivery(db, id, delivery::REFUSED, Some(&text))?;
        }
    }
    touched.extend(statements::tasks_of(db, &sent.signatures)?);
    Ok(())
}

/// What the server has of each photo that was asked about.
fn receipts(
    db: &Connection,
    sent: &InFlight,
    response: &SyncResponse,
    now: i64,
    touched: &mut BTreeSet<TaskId>,
) -> rusqlite::Result<()> {
    for (blob, state) in sent.blobs.iter().zip(&response.blobs) {
        let (task, sha256) = (blob.task.to_string(), blob.sha256.to_string());
        if state.stored {
            queue::confirm(db, &task, &sha256)?;
            touched.insert(blob.task);
        } else if state.unwanted {
            let failures = queue::get(db, &task, &sha256)?.map_or(0, |r| r.failures);
            let text = "服务器暂不接收：照片所属的记录还没有被接收。";
            queue::fail(db, &task, &sha256, text, false, now + blob_pause(failures))?;
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
                queue::fail(
                    db,
                    &task,
                    &sha256,
                    "服务器收到的照片不完整，将重新发送。",
                    false,
                    now + pause,
                )?;
            } else if row.is_some_and(|r| r.sent != received) {
                queue::resend(db, &task, &sha256, received)?;
            }
        }
    }
    Ok(())
}

enum GrantRefused {
    Storage(rusqlite::Error),
    Bad(String),
}

impl From<rusqlite::Error> for GrantRefused {
    fn from(e: rusqlite::Error) -> Self {
        GrantRefused::Storage(e)
    }
}

fn take_grant(
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
        facts: grant.facts.clone(),
        roster,
        roster_sig,
        card: known
            .as_ref()
            .map_or_else(|| "{}".into(), |r| r.card.clone()),
        accepted_at: known.as_ref().and_then(|r| r.accepted_at),
        withdrawn: false,
        changed_at: known.as_ref().map_or(now, |r| r.changed_at),
    };
    tasks::put(db, &row)?;
    Ok(certificates)
}

fn rights(server: Key, roster: &Roster) -> Rights {
    let mut devices: BTreeMap<Key, Vec<String>> = BTreeMap::new();
    for member in &roster.members {
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

/// Admits changes, together with those that waited. `None` when the task itself is not known here:
/// then everything waits for its grant.
#[allow(clippy::too_many_arguments, reason = "one call, one place")]
fn take_changes(
    tx: &Connection,
    open: &Open,
    server_key: &Key,
    task: TaskId,
    parts: &[&DocChanges],
    authors: &[Author],
    now: i64,
    applied: &mut Applied,
) -> Result<Option<Loaded>, Problem> {
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
    if tasks::get(tx, &id).map_err(storage)?.is_none() {
        for (index, offered) in batch.changes.iter().enumerate() {
            keep_aside(
                tx,
                &id,
                Sha256::of(&offered.bytes),
                &batch,
                index,
                "waiting",
                "the task is not here yet",
                now,
            )
            .map_err(storage)?;
        }
        return Ok(None);
    }
    let mut loaded = open.load(task)?;
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
                    if let Some(author) = batch.authors.get(offered.author as usize) {
                        let actor = author.actor(&task).to_hex_string();
                        let row = NewRow {
                            task: &id,
                            hash: judged.hash,
                            author,
                            actor: &actor,
                            bytes: &offered.bytes,
                            sig: offered.sig,
                            delivery: delivery::CONFIRMED,
                            at: now,
                        };
                        changes::append(tx, &row).map_err(storage)?;
                        changes::set_delivery(tx, &id, &judged.hash, delivery::CONFIRMED, None)
                            .map_err(storage)?;
                        loaded.authors.insert(actor, author.clone());
                    }
                    changes::clear_aside(tx, &id, &judged.hash).map_err(storage)?;
                }
                Verdict::Waiting { .. } => {
                    any_waiting = true;
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
    Ok(Some(loaded))
}

#[allow(clippy::too_many_arguments, reason = "one row")]
fn keep_aside(
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

fn take_statement(db: &Connection, signed: &Signed, now: i64) -> rusqlite::Result<()> {
    let round = match signed.kind {
        StatementKind::Inspector => {
            serde_json::from_slice::<Statement>(&signed.body).map_or(0, |s| s.subject.round)
        }
        StatementKind::Party => 0,
    };
    statements::put(db, signed, round, delivery::CONFIRMED, now)?;
    statements::set_delivery(db, &signed.id(), delivery::CONFIRMED, None)
}

fn take_state(db: &Connection, task: &str, state: OfficeState, now: i64) -> rusqlite::Result<()> {
    if let Some(row) = tasks::get(db, task)? {
        let accepted_at = (state == OfficeState::Accepted).then(|| row.accepted_at.unwrap_or(now));
        let withdrawn = row.withdrawn || state == OfficeState::Withdrawn;
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

/// The card of a task as it now stands; a sign-off of an earlier round ends here.
fn refresh_card(
    tx: &Connection,
    open: &Open,
    changed: &mut BTreeMap<TaskId, Loaded>,
    task: TaskId,
    here: &Key,
    now: i64,
) -> Result<(), Problem> {
    let id = task.to_string();
    let Some(row) = tasks::get(tx, &id).map_err(storage)? else {
        return Ok(());
    };
    let record = match changed.entry(task) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => place.insert(open.load(task)?),
    };
    record.facts = Arc::new(serde_json::from_slice(&row.facts).map_err(|e| Problem::internal(&e))?);
    record.roster =
        Arc::new(serde_json::from_slice(&row.roster).map_err(|e| Problem::internal(&e))?);
    let around = Circumstances::of(tx, &id)?;
    if around
        .sign_off
        .is_some_and(|s| s.round < record.view.round())
    {
        statements::cancel(tx, &id).map_err(storage)?;
    }
    // A task that came with this answer is as new as the answer.
    let changed_at = if record.begun() { row.changed_at } else { now };
    Open::write_card(tx, record, here, changed_at)?;
    Ok(())
}

/// What should move now: ours that the server wants, colleagues' that are not here.
fn transfers(open: &Open, now: i64) -> rusqlite::Result<Vec<Transfer>> {
    let paused = store::get_meta(&open.db, "originals_paused")?.is_some();
    let mut transfers = Vec::new();
    for row in queue::to_send(&open.db, now, !paused, MAX_TRANSFERS)? {
        if row.delivery == delivery::SENT {
            continue;
        }
        if let Some(blob) = blob_ref(&row) {
            transfers.push(Transfer {
                direction: Direction::Up,
                blob,
                offset: u64::try_from(row.sent).unwrap_or(0),
            });
        }
    }
    for row in queue::to_fetch(&open.db, now, MAX_TRANSFERS)? {
        if let Some(blob) = blob_ref(&row) {
            transfers.push(Transfer {
                direction: Direction::Down,
                blob,
                offset: 0,
            });
        }
    }
    Ok(transfers)
}
