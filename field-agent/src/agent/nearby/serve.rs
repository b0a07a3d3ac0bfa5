//! Answers another tablet: what is in the log here and not there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ::sync::ids::{Key, Sha256, TaskId};
use ::sync::message::{self, Cursor, SyncRequest, SyncResponse};
use ::sync::signing::RequestAuth;
use axum::http::StatusCode;

use super::super::sync::{blob_ref, signed_docs};
use super::super::{Agent, Open, lock, storage};
use super::{FoundBy, Hello, Knock, ROSTER_BYTES, SignedRoster, Tablet};
use crate::api::Problem;
use crate::store::{changes, queue, statements};

/// Most bytes of changes in one answer: as many as an author's tablet signs in one batch, so that there is
/// always one to cut at.
pub(in crate::agent) const MOST_BYTES: usize = 2 << 20;
/// Most statements in one answer, each with its ink.
const MOST_STATEMENTS: usize = 200;
/// Most photos that are named in one answer; those that came last.
const MOST_OFFERED: usize = 6_000;
/// A change has seldom less.
const BYTES_A_CHANGE: usize = 256;
/// Positions of the log in a cursor, above those of statements: 2^40 changes, 2^24 statements.
const SHIFT: u32 = 24;

/// Why another tablet gets no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Nobody has unlocked this tablet since it started, or its inspectors do not want it.
    Closed,
    /// The request is not signed by a tablet of a colleague.
    Stranger,
    /// The request cannot be read.
    Malformed,
    /// No such photo here for that tablet.
    NotHere,
    /// The store failed.
    Storage,
}

impl Denied {
    /// As HTTP says it.
    pub fn status(self) -> StatusCode {
        match self {
            Denied::Closed => StatusCode::SERVICE_UNAVAILABLE,
            Denied::Stranger => StatusCode::FORBIDDEN,
            Denied::Malformed => StatusCode::BAD_REQUEST,
            Denied::NotHere => StatusCode::NOT_FOUND,
            Denied::Storage => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Problem> for Denied {
    fn from(problem: Problem) -> Self {
        if problem.status == StatusCode::UNAUTHORIZED.as_u16() {
            return Denied::Closed;
        }
        tracing::error!(%problem, "another tablet's request");
        Denied::Storage
    }
}

/// In a cursor: its owner began from 0 and is not at the end yet, so it is given its own changes too.
const ANEW: u64 = 1 << 62;

/// The cursor's two positions: of the log, of statements.
pub(super) fn positions(seq: u64) -> (i64, i64) {
    let statement = seq & ((1 << SHIFT) - 1);
    let change = (seq & !ANEW) >> SHIFT;
    (change.cast_signed(), statement.cast_signed())
}

fn seq_of(change: i64, statement: i64) -> u64 {
    (change.cast_unsigned() << SHIFT) | (statement.cast_unsigned() & ((1 << SHIFT) - 1))
}

impl Agent {
    /// Who asks: a tablet of a colleague, by its signature over the request.
    fn caller(&self, method: &str, path: &str, body: &[u8], auth: &str) -> Result<Key, Denied> {
        if !self.nearby_wanted() {
            return Err(Denied::Closed);
        }
        let auth = RequestAuth::parse(auth).ok_or(Denied::Stranger)?;
        let (own, known) = self.with_open(|open| Ok((open.device_key(), open.colleagues()?)))?;
        // Said to this tablet, not to one that passes it on to hear what it may not know.
        let meant = path.rsplit_once(['?', '&']).map(|(_, last)| last);
        if meant != Some(&format!("to={own}")) || !auth.holds(method, path, body) {
            return Err(Denied::Stranger);
        }
        known
            .contains(&auth.key)
            .then_some(auth.key)
            .ok_or(Denied::Stranger)
    }

    /// `POST /nearby/v1/hello`: another tablet introduces itself and asks who this is.
    pub fn nearby_hello(
        &self,
        from: SocketAddr,
        path: &str,
        body: &[u8],
        auth: &str,
    ) -> Result<Hello, Denied> {
        let key = self.caller("POST", path, body, auth)?;
        let knock: Knock = serde_json::from_slice(body).map_err(|_| Denied::Malformed)?;
        if let Some(port) = knock.port {
            // It can be asked back, and its address need not be typed here as well. It has one such
            // address: the ports that it named before make room.
            let address = SocketAddr::new(from.ip(), port);
            let mut state = lock(&self.nearby_state);
            let stale = |t: &Tablet| t.found_by == FoundBy::Called && t.expected == Some(key);
            state.tablets.retain(|at, t| *at == address || !stale(t));
            drop(state);
            self.know_tablet(address, FoundBy::Called, Some(key));
        }
        let incarnation = self.with_open(|open| Ok(hex::encode(open.incarnation())))?;
        let mut vault = lock(&self.vault);
        let cards = vault
            .cards(self.now(), self.clock.monotonic_ms())
            .map_err(storage)?;
        let people = cards.into_iter().map(|p| p.name);
        let name = vault
            .get("device_name")
            .map_err(storage)?
            .unwrap_or_default();
        tracing::debug!(%key, "a colleague's tablet introduced itself");
        Ok(Hello {
            incarnation,
            name,
            people: people.collect(),
        })
    }

    /// `POST /nearby/v1/rosters`: rosters that are newer here than the versions that the asker names, so that who
    /// was revoked is refused also by those who were out of the server's reach since.
    pub fn nearby_rosters(
        &self,
        path: &str,
        body: &[u8],
        auth: &str,
    ) -> Result<Vec<SignedRoster>, Denied> {
        let key = self.caller("POST", path, body, auth)?;
        let known: BTreeMap<String, u64> =
            serde_json::from_slice(body).map_err(|_| Denied::Malformed)?;
        let mut newer = self.with_open(|open| open.newer_rosters(&key, &known))?;
        let mut size = 0;
        newer.retain(|one| {
            size += one.roster.len() + one.sig.len() + 64;
            size <= ROSTER_BYTES
        });
        Ok(newer)
    }

    /// `POST /nearby/v1/sync`: what came into the log since the asker's cursor.
    pub fn nearby_serve(&self, path: &str, body: &[u8], auth: &str) -> Result<Vec<u8>, Denied> {
        let key = self.caller("POST", path, body, auth)?;
        let request: SyncRequest = message::unpack(body).map_err(|_| Denied::Malformed)?;
        let mut budget = MOST_BYTES;
        loop {
            let now = self.now();
            let answer = self.with_open(|open| answer(open, &key, request.cursor, budget, now))?;
            let packed = message::pack(&answer).map_err(|_| Denied::Storage)?;
            if packed.len() <= message::MAX_BODY_BYTES || budget <= 64 * 1024 {
                self.nearby_asked(&key, request.cursor)?;
                return Ok(packed);
            }
            budget /= 2;
        }
    }

    /// Remembers how far a tablet has read.
    fn nearby_asked(&self, key: &Key, cursor: Option<Cursor>) -> Result<(), Problem> {
        let newest = self.with_open(|open| {
            let here = open.incarnation();
            let newest = changes::newest(&open.db).map_err(storage)?;
            Ok(cursor.is_some_and(|c| c.incarnation == here && positions(c.seq).0 >= newest))
        })?;
        let mut state = lock(&self.nearby_state);
        state.asked.insert(*key, cursor.map_or(0, |c| c.seq));
        let same = |t: &&mut Tablet| t.key == Some(*key);
        for tablet in state.tablets.values_mut().filter(same) {
            tablet.has_all = newest;
        }
        Ok(())
    }

    /// `GET /nearby/v1/blobs/{task}/{sha256}`: a part of a photo of a task that the asker shares.
    pub fn nearby_blob(
        &self,
        path: &str,
        auth: &str,
        task: TaskId,
        sha256: Sha256,
        range: (usize, usize),
    ) -> Result<Vec<u8>, Denied> {
        let key = self.caller("GET", path, b"", auth)?;
        let blobs = self.with_open(|open| {
            let shared = open.shared_with(&key)?.contains(&task);
            let row = queue::get(&open.db, &task.to_string(), &sha256.to_string());
            let here = row.map_err(storage)?.is_some_and(|row| row.here);
            Ok((shared && here).then(|| open.blobs.clone()))
        })?;
        let blobs = blobs.ok_or(Denied::NotHere)?;
        blobs
            .read_range(&sha256.to_string(), range.0, range.1)
            .map_err(|_| Denied::NotHere)
    }
}

fn answer(
    open: &mut Open,
    key: &Key,
    cursor: Option<Cursor>,
    budget: usize,
    now: i64,
) -> Result<SyncResponse, Problem> {
    let shared = open.shared_with(key)?;
    let mut answer = log_after(open, &shared, Some(key), cursor, budget, now)?;
    if !answer.more {
        let here = queue::small_here(&open.db).map_err(storage)?;
        let offered = here.iter().filter_map(blob_ref);
        let offered = offered.filter(|b| shared.contains(&b.task));
        answer.offered = offered.take(MOST_OFFERED).collect();
    }
    Ok(answer)
}

/// What came into the log of these tasks behind a cursor. Changes of `asker` itself are left out unless it
/// starts anew.
pub(in crate::agent) fn log_after(
    open: &Open,
    shared: &BTreeSet<TaskId>,
    asker: Option<&Key>,
    cursor: Option<Cursor>,
    budget: usize,
    now: i64,
) -> Result<SyncResponse, Problem> {
    let incarnation = open.incarnation();
    let seq = cursor
        .filter(|c| c.incarnation == incarnation)
        .map_or(0, |c| c.seq);
    let (after, after_statement) = positions(seq);
    let mut rows = Vec::new();
    let (mut position, mut size, mut more) = (after, 0, false);
    // The asker's own changes only to one that starts anew, until it has all: it may have lost them.
    let anew = after == 0 || seq & ANEW != 0;
    let most = budget / BYTES_A_CHANGE;
    let log = changes::after(&open.db, after, most).map_err(storage)?;
    more |= log.len() == most;
    for (device, row) in log {
        let at = row.position;
        size += row.bytes.len();
        if size > budget && position > after {
            more = true;
            break;
        }
        position = at;
        let here = row.task.parse().is_ok_and(|task| shared.contains(&task));
        if here && (anew || asker != Some(&device)) {
            rows.push(row);
        }
    }
    let packed = signed_docs(open, rows);
    if let Some(first) = packed.kept_back {
        // What no signature in this answer vouches for comes again with the one that does.
        position = position.min(first - 1).max(after);
    }
    let mut signatures = Vec::new();
    let mut statement = after_statement;
    if !more {
        let rows = statements::after(&open.db, after_statement, MOST_STATEMENTS);
        let rows = rows.map_err(storage)?;
        more |= rows.len() == MOST_STATEMENTS;
        for (at, signed) in rows {
            if shared.contains(&signed.task) {
                size += signed.body.len() + signed.ink.as_ref().map_or(0, Vec::len);
                if size > budget && !signatures.is_empty() {
                    more = true;
                    break;
                }
                signatures.push(signed);
            }
            statement = at;
        }
    }
    let cursor = Cursor {
        incarnation,
        seq: seq_of(position, statement) | if anew && more { ANEW } else { 0 },
    };
    Ok(SyncResponse {
        more,
        authors: packed.authors,
        docs: packed.docs,
        signatures,
        ..SyncResponse::at(cursor, now)
    })
}
