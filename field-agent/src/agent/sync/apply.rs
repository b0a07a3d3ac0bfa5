//! What came down: verdicts, colleagues' changes through admission, grants, receipts; one transaction.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::Connection;
use sync::ids::{Key, TaskId};
use sync::message::{self, DocChanges, SyncResponse, WireError};
use sync::session::{Direction, Event, Transfer};
use sync::signing::Sig;

use super::super::photos::RESERVE;
use super::super::status::ALL_CONFIRMED;
use super::super::tasks::{Circumstances, refresh_delivery};
use super::super::{Agent, Loaded, Open, lock, storage};
use super::admission::{Source, take_changes};
use super::grants::{GrantRefused, take_grant, take_roster, take_state, take_statement};
use super::pack::{blob_ref, cursor, form_of};
use super::reauthor::{self, Refused};
use super::receipts::{doubt_changes, receipts, verdicts};
use super::{InFlight, StepFailure, words};
use crate::api::Problem;
use crate::store::tasks::TaskRow;
use crate::store::{self, delivery, queue, statements, tasks, waits};

const MAX_TRANSFERS: usize = 200;

impl Agent {
    /// Applies an answer. The cursor moves in the same transaction (lesson 30).
    pub(super) fn apply(&self, body: &[u8]) -> Result<Event, StepFailure> {
        let response: SyncResponse = message::unpack(body).map_err(|e| {
            tracing::info!(%e, "answer");
            match e {
                WireError::UnknownVersion(_) => words::other_version(),
                _ => StepFailure::passing("bad_answer", "服务器的回应无法读取；会自动重试。"),
            }
        })?;
        let now = self.now();
        let sent = std::mem::take(&mut lock(&self.driver).sent);
        let mut applied = self
            .with_open(|open| {
                let touched = apply_in_transaction(open, &sent, &response, Way::Network, now);
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
        // Photos of colleagues leave room for the record itself.
        let free = self.space.free_bytes(&self.data);
        let room = free.map(|free| free.saturating_sub(RESERVE));
        let transfers = self
            .with_open(|open| transfers(open, now, room).map_err(storage))
            .map_err(|p| StepFailure::storage(&p))?;
        lock(&self.driver).read_all = !response.more && !response.restored;
        self.after_contact(response.server_time, now, &applied.certificates)
            .map_err(|p| StepFailure::storage(&p))?;
        self.touch();
        Ok(Event::Applied {
            more: response.more || applied.again,
            transfers,
        })
    }

    /// What the unlock screen shows, without content.
    fn after_contact(
        &self,
        server_time: i64,
        now: i64,
        certificates: &[(String, String)],
    ) -> Result<(), Problem> {
        self.note_unconfirmed()?;
        let waiting = self.with_open(|open| waits::total(&open.db).map_err(storage))?;
        let vault = lock(&self.vault);
        for (key, value) in [
            ("last_sync_at", now),
            ("clock_offset_ms", server_time.saturating_sub(now)),
        ] {
            vault.set(key, &value.to_string()).map_err(storage)?;
        }
        if waiting == 0 {
            let at = server_time.to_string();
            vault.set(ALL_CONFIRMED, &at).map_err(storage)?;
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
            .map(|open| waits::counts(&open.db))
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

/// What became of the changes of one record that came in.
#[derive(Debug, Clone, Default)]
pub(in crate::agent) struct Tally {
    pub admitted: u32,
    pub known: u32,
    pub waiting: u32,
    /// Code and detail of each that is kept out.
    pub refused: Vec<(::sync::admit::Code, String)>,
    pub statements: u32,
    /// Statements whose signature, key or ink is not right: they are not kept.
    pub bad_statements: u32,
}

/// On which way an answer of the office came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Network,
    /// A file may be old: it moves no cursor and is no receipt.
    Bundle,
}

/// Where a task stands, when the office speaks of it.
struct Standing {
    task: String,
    row: Option<TaskRow>,
    /// The office speaks in a file that it made before it said what is known here: that takes nothing back.
    is_newer: bool,
}

impl Standing {
    fn before(
        tx: &Connection,
        task: TaskId,
        way: Way,
        server_time: i64,
    ) -> Result<Standing, Problem> {
        let task = task.to_string();
        let said_at = tasks::said_at(tx, &task).map_err(storage)?;
        Ok(Standing {
            row: tasks::get(tx, &task).map_err(storage)?,
            is_newer: way == Way::Bundle && server_time < said_at,
            task,
        })
    }

    /// After the word was taken: it is the last one, or what was newer stays.
    fn keep(&self, tx: &Connection, server_time: i64) -> Result<(), Problem> {
        match &self.row {
            Some(row) if self.is_newer => {
                tasks::set_standing(tx, &self.task, row.withdrawn, row.accepted_at)
            }
            _ => tasks::set_said_at(tx, &self.task, server_time),
        }
        .map_err(storage)
    }
}

#[derive(Default)]
pub(in crate::agent) struct Applied {
    /// Certificate numbers of inspectors, for their cards.
    pub(in crate::agent) certificates: Vec<(String, String)>,
    /// Something is to be sent at once.
    again: bool,
    pub(in crate::agent) notes: Vec<String>,
    /// More was to be kept aside than a tablet keeps: what was left out must be asked for again.
    pub(in crate::agent) too_much: bool,
    /// By record, those that are not here (`None`) too.
    pub(in crate::agent) tally: BTreeMap<TaskId, Option<Tally>>,
}

impl Applied {
    /// The count of a record that is here.
    pub(super) fn of(&mut self, task: TaskId) -> &mut Tally {
        self.tally
            .entry(task)
            .or_default()
            .get_or_insert_with(Tally::default)
    }
}

fn apply_in_transaction(
    open: &mut Open,
    sent: &InFlight,
    response: &SyncResponse,
    way: Way,
    now: i64,
) -> Result<Applied, Problem> {
    let source = match way {
        Way::Network => Source::Server,
        Way::Bundle => Source::Tablet,
    };
    let mut applied = Applied::default();
    let mut refused = Refused::new();
    // Grants first: they bring the rosters by which changes are admitted.
    let mut touched: BTreeSet<TaskId> = BTreeSet::new();
    // Of these nothing changed but what the server has: their records need not be opened.
    let mut delivered: BTreeSet<TaskId> = BTreeSet::new();
    let before = cursor(&open.db).map_err(storage)?;
    let here = open.device_key();
    let server_key = open.server_key;
    let memory = std::mem::take(&mut open.records);
    let open_before: Vec<TaskId> = memory.keys().copied().collect();
    let mut records = Records { open, memory };
    let tx = open.db.unchecked_transaction().map_err(storage)?;
    let elsewhere = before.is_some_and(|c| c.incarnation != response.cursor.incarnation);
    if way == Way::Bundle {
        // A file answers no request.
    } else if response.restored || elsewhere {
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
        refused = verdicts(&tx, sent, response, &mut delivered).map_err(storage)?;
        receipts(&tx, sent, response, now, &mut delivered).map_err(storage)?;
        applied.again |= sent.left
            && response.verdicts.len() == sent.docs.len()
            && response.signature_verdicts.len() == sent.signatures.len();
    }
    for grant in &response.grants {
        let standing = Standing::before(&tx, grant.task, way, response.server_time)?;
        if standing.is_newer && grant.withdrawn {
            continue;
        }
        match take_grant(&tx, &server_key, grant, now) {
            Ok(certificates) => {
                applied.certificates.extend(certificates);
                standing.keep(&tx, response.server_time)?;
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
    // Own work that cannot be taken as it is, before colleagues': what comes back of a past that this
    // tablet forgot then stands beside it.
    let epoch = open.epoch.saturating_add(u32::from(!refused.is_empty()));
    for (task, hashes) in &refused {
        let id = task.to_string();
        if let Some(row) = tasks::get(&tx, &id).map_err(storage)? {
            let record = records.get(*task, &row)?;
            let written = reauthor::write_anew(&tx, record, &here, epoch, hashes, now)?;
            applied
                .notes
                .push(format!("written anew under epoch {epoch}: {written}"));
            applied.again |= written > 0;
            statements::cancel(&tx, &id).map_err(storage)?;
            docs.entry(*task).or_default();
        }
    }
    if epoch != open.epoch {
        store::set_meta(&tx, "epoch", epoch.to_string().as_bytes()).map_err(storage)?;
    }
    for (task, parts) in docs {
        take_changes(
            &tx,
            &mut records,
            &server_key,
            task,
            &parts,
            &response.authors,
            source,
            now,
            &mut applied,
        )?;
        touched.insert(task);
    }
    for signed in &response.signatures {
        // A file is no receipt: the office may have been put back to a past before it.
        let roster = match way {
            Way::Network => None,
            Way::Bundle => match tasks::get(&tx, &signed.task.to_string()).map_err(storage)? {
                Some(row) => {
                    Some(serde_json::from_slice(&row.roster).map_err(|e| Problem::internal(&e))?)
                }
                None => continue,
            },
        };
        if take_statement(&tx, signed, roster.as_ref(), now).map_err(storage)? {
            applied.of(signed.task).statements += 1;
            touched.insert(signed.task);
        } else {
            applied.of(signed.task).bad_statements += 1;
        }
    }
    for state in &response.states {
        let standing = Standing::before(&tx, state.task, way, response.server_time)?;
        if standing.is_newer {
            continue;
        }
        take_state(&tx, &state.task.to_string(), state.state, now).map_err(storage)?;
        standing.keep(&tx, response.server_time)?;
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
        delivered.insert(blob.task);
    }
    for task in &touched {
        refresh_card(&tx, &mut records, *task, &here, now)?;
    }
    for task in delivered.difference(&touched) {
        refresh_delivery(&tx, &task.to_string())?;
    }
    let mut bytes = response.cursor.incarnation.to_vec();
    bytes.extend_from_slice(&response.cursor.seq.to_be_bytes());
    if way == Way::Network {
        store::set_meta(&tx, "cursor", &bytes).map_err(storage)?;
    }
    // A crash before this line leaves the old cursor and asks again; after it everything is here.
    tx.commit().map_err(storage)?;
    let mut memory = records.memory;
    memory.retain(|task, _| open_before.contains(task));
    open.records = memory;
    open.epoch = epoch;
    Ok(applied)
}

/// Applies what the office put into a file: everything but verdicts, receipts and the cursor.
pub(in crate::agent) fn apply_from_office_file(
    open: &mut Open,
    response: &SyncResponse,
    now: i64,
) -> Result<Applied, Problem> {
    apply_in_transaction(open, &InFlight::default(), response, Way::Bundle, now)
}

/// Takes newer rosters that another tablet has from the server: what waited for them comes in, and who is not on
/// them is no colleague any more.
pub(in crate::agent) fn apply_rosters(
    open: &mut Open,
    rosters: &[(Vec<u8>, Sig)],
    now: i64,
) -> Result<Applied, Problem> {
    let mut applied = Applied::default();
    let (here, server_key) = (open.device_key(), open.server_key);
    let memory = std::mem::take(&mut open.records);
    let open_before: Vec<TaskId> = memory.keys().copied().collect();
    let mut records = Records { open, memory };
    let tx = open.db.unchecked_transaction().map_err(storage)?;
    for (roster, sig) in rosters {
        let task = match take_roster(&tx, &server_key, roster, sig) {
            Ok(Some(roster)) => {
                let cards = roster.members.into_iter();
                let cards = cards.map(|m| (m.person, m.certificate));
                applied.certificates.extend(cards);
                roster.task
            }
            Ok(None) => continue,
            Err(GrantRefused::Storage(e)) => return Err(storage(e)),
            Err(GrantRefused::Bad(why)) => {
                applied.notes.push(format!("roster refused: {why}"));
                continue;
            }
        };
        take_changes(
            &tx,
            &mut records,
            &server_key,
            task,
            &[],
            &[],
            Source::Tablet,
            now,
            &mut applied,
        )?;
        refresh_card(&tx, &mut records, task, &here, now)?;
    }
    tx.commit().map_err(storage)?;
    let mut memory = records.memory;
    memory.retain(|task, _| open_before.contains(task));
    open.records = memory;
    Ok(applied)
}

/// Applies what another tablet answered: changes and statements. Where the log of the tablet `asked` was
/// read to is kept in the same transaction; what came by a file has no place in a log.
pub(in crate::agent) fn apply_from_tablet(
    open: &mut Open,
    response: &SyncResponse,
    asked: Option<&Key>,
    now: i64,
) -> Result<Applied, Problem> {
    let mut applied = Applied::default();
    let mut touched: BTreeSet<TaskId> = BTreeSet::new();
    let (here, server_key) = (open.device_key(), open.server_key);
    let memory = std::mem::take(&mut open.records);
    let open_before: Vec<TaskId> = memory.keys().copied().collect();
    let mut records = Records { open, memory };
    let tx = open.db.unchecked_transaction().map_err(storage)?;
    let known = |task: &TaskId| tasks::get(&tx, &task.to_string()).map_err(storage);
    for doc in &response.docs {
        // A task that the server never gave to this tablet is none of its business.
        if known(&doc.task)?.is_none() {
            applied.tally.entry(doc.task).or_default();
            continue;
        }
        take_changes(
            &tx,
            &mut records,
            &server_key,
            doc.task,
            &[doc],
            &response.authors,
            Source::Tablet,
            now,
            &mut applied,
        )?;
        touched.insert(doc.task);
    }
    for signed in &response.signatures {
        let Some(row) = known(&signed.task)? else {
            continue;
        };
        let roster = serde_json::from_slice(&row.roster).map_err(|e| Problem::internal(&e))?;
        if take_statement(&tx, signed, Some(&roster), now).map_err(storage)? {
            applied.of(signed.task).statements += 1;
            touched.insert(signed.task);
        } else {
            applied.of(signed.task).bad_statements += 1;
        }
    }
    for task in &touched {
        refresh_card(&tx, &mut records, *task, &here, now)?;
    }
    if let Some(asked) = asked.filter(|_| !applied.too_much) {
        let mut place = response.cursor.incarnation.to_vec();
        place.extend_from_slice(&response.cursor.seq.to_be_bytes());
        store::set_meta(&tx, &log_place(asked), &place).map_err(storage)?;
    }
    tx.commit().map_err(storage)?;
    let mut memory = records.memory;
    memory.retain(|task, _| open_before.contains(task));
    open.records = memory;
    Ok(applied)
}

/// Under which name the store keeps how far another tablet's log was read: by its key, so that nobody
/// can speak of another's log, and one row for each.
pub(in crate::agent) fn log_place(asked: &Key) -> String {
    format!("{LOG_PLACES}{asked}")
}

const LOG_PLACES: &str = "log/";

/// Other tablets' logs are read from their beginning again: after a copy was put back, own work that
/// is lost here may stand in them.
pub(in crate::agent) fn forget_log_places(db: &rusqlite::Connection) -> rusqlite::Result<()> {
    for (name, _) in store::list_meta(db, LOG_PLACES)? {
        store::clear_meta(db, &name)?;
    }
    Ok(())
}

/// The records that an answer touches: those in memory, and others as they are needed. All of them
/// are dropped when the transaction fails.
pub(super) struct Records<'a> {
    open: &'a Open,
    memory: HashMap<TaskId, Loaded>,
}

impl Records<'_> {
    /// A record with the facts and the roster of its row.
    pub(super) fn get(&mut self, task: TaskId, row: &TaskRow) -> Result<&mut Loaded, Problem> {
        let record = match self.memory.entry(task) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(self.open.load(task)?),
        };
        let bad = |e: serde_json::Error| Problem::internal(&e);
        record.facts = Arc::new(serde_json::from_slice(&row.facts).map_err(bad)?);
        record.roster = Arc::new(serde_json::from_slice(&row.roster).map_err(bad)?);
        Ok(record)
    }
}

/// The card of a task as it now stands; a sign-off of an earlier round ends here.
fn refresh_card(
    tx: &Connection,
    records: &mut Records<'_>,
    task: TaskId,
    here: &Key,
    now: i64,
) -> Result<(), Problem> {
    let id = task.to_string();
    let Some(row) = tasks::get(tx, &id).map_err(storage)? else {
        return Ok(());
    };
    let record = records.get(task, &row)?;
    let around = Circumstances::of(tx, &id)?;
    if around
        .sign_off
        .as_ref()
        .is_some_and(|s| s.round < record.view.round())
    {
        statements::cancel(tx, &id).map_err(storage)?;
    }
    // Nobody can go on signing for a team that is not the one that began (D4).
    if around
        .sign_off
        .is_some_and(|s| !record.may_go_on_signing(&s))
    {
        statements::cancel(tx, &id).map_err(storage)?;
    }
    // A task that came with this answer is as new as the answer.
    let changed_at = if record.begun() { row.changed_at } else { now };
    Open::write_card(tx, record, here, changed_at)?;
    Ok(())
}

/// What should move now: ours that the server wants, colleagues' that are not here, as far as there is `room`. These
/// go on where they stopped.
fn transfers(open: &Open, now: i64, room: Option<u64>) -> rusqlite::Result<Vec<Transfer>> {
    let mut transfers = Vec::new();
    for row in queue::to_send(&open.db, now, MAX_TRANSFERS)? {
        if let Some(blob) = blob_ref(&row) {
            transfers.push(Transfer {
                direction: Direction::Up,
                blob,
                offset: u64::try_from(row.sent).unwrap_or(0),
            });
        }
    }
    let mut room = room.unwrap_or(u64::MAX);
    for row in queue::to_fetch(&open.db, now, MAX_TRANSFERS)? {
        let Some(blob) = blob_ref(&row) else { continue };
        // Its pieces and then the whole.
        let Some(left) = room.checked_sub(2 * blob.size) else {
            break;
        };
        room = left;
        let offset = open.blobs.pieces(&row.sha256).1;
        transfers.push(Transfer {
            direction: Direction::Down,
            offset: if offset < blob.size { offset } else { 0 },
            blob,
        });
    }
    Ok(transfers)
}
