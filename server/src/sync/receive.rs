//! What comes up from a tablet: changes and signatures.
//!
//! Read, close, judge in the child, open, apply, close. Between reading and applying another tablet
//! may have written the same record: then the heads differ, nothing of that record is applied, and
//! it is judged again. One transaction stores everything that one request brought, so that its
//! verdicts are true once they are sent, and a crash before that leaves nothing half done.

use std::collections::{BTreeMap, BTreeSet};

use ::sync::chunk::Chunk;
use ::sync::ids::{Sha256, TaskId};
use ::sync::message::{DocVerdict, Held, QUARANTINE_FULL, SignatureVerdict, SyncRequest};
use ::sync::signoff::{BadStatement, Signed, StatementKind};
use serde_json::json;
use tokio::task::JoinSet;

use super::pool::{AdmissionPool, PoolError};
use super::seal;
use super::store::{self, Device, FeedKind, LoggedChange, QuarantineRoom, Refused};
use super::worker::{Done, Fate, Job};
use crate::db::Tx;
use crate::error::{AppError, Kind};
use crate::journal;
use crate::state::AppState;

/// How often a record is judged anew because others wrote it meanwhile.
const ATTEMPTS: usize = 5;

/// The changes of one record on their way in.
#[derive(Debug, Clone)]
struct Incoming {
    /// Index in the request.
    index: usize,
    task: TaskId,
    changes: Vec<LoggedChange>,
    /// What the request itself brought: its verdict speaks of nothing else.
    asked: BTreeSet<Sha256>,
}

/// A record as it was read, with what is to be judged.
struct Prepared {
    incoming: Incoming,
    /// `None`: no such task for this device.
    job: Option<Job>,
    heads: String,
}

/// Verdicts on changes and on statements, in the order of the request.
type Verdicts = (Vec<DocVerdict>, Vec<SignatureVerdict>);

/// Takes in what `request` brings and gives the verdicts in its order.
pub async fn receive(
    state: &AppState,
    device: &Device,
    request: &SyncRequest,
) -> Result<Verdicts, AppError> {
    take_in(state, device, request, true).await
}

/// Takes in what a file of the device brings; that is no contact with the device itself.
pub async fn receive_file(
    state: &AppState,
    device: &Device,
    request: &SyncRequest,
) -> Result<Verdicts, AppError> {
    take_in(state, device, request, false).await
}

async fn take_in(
    state: &AppState,
    device: &Device,
    request: &SyncRequest,
    contact: bool,
) -> Result<Verdicts, AppError> {
    let now = state.now();
    let mut verdicts = vec![DocVerdict::default(); request.docs.len()];
    let mut open = incoming(request, device, now, &mut verdicts);
    let mut signature_verdicts = Vec::new();
    let mut signatures = Some(request.signatures.clone());
    for _ in 0..ATTEMPTS {
        let judged = judge_all(state, device, open).await?;
        let (device, ids) = (device.clone(), state.clone());
        let rows = signatures.take();
        let status = request.status.clone();
        let applied = state
            .db
            .write(move |tx| {
                if contact {
                    store::contact(tx, &device.id, now, status.as_ref())?;
                }
                let (mut done, mut again) = (Vec::new(), Vec::new());
                let mut room = QuarantineRoom::default();
                for (prepared, outcome) in judged {
                    let index = prepared.incoming.index;
                    match apply(tx, &ids, &prepared, outcome, &mut room)? {
                        Some(verdict) => done.push((index, verdict)),
                        None => again.push(prepared.incoming),
                    }
                }
                let rows = rows
                    .map(|rows| keep_signatures(tx, &ids, &device, rows, &mut room))
                    .transpose()?;
                Ok((done, again, rows))
            })
            .await?;
        let (done, again, rows) = applied;
        for (index, verdict) in done {
            let at: &mut DocVerdict = &mut verdicts[index];
            at.stored += verdict.stored;
            at.held.extend(verdict.held);
        }
        if let Some(rows) = rows {
            signature_verdicts = rows;
        }
        if again.is_empty() {
            return Ok((verdicts, signature_verdicts));
        }
        open = again;
    }
    Err(AppError::new(
        Kind::Unavailable,
        "busy",
        "同一任务正被多台平板同时写入，请稍后自动重试",
    ))
}

/// Sorts the request's changes by record; what is not even a change is held at once.
fn incoming(
    request: &SyncRequest,
    device: &Device,
    now: i64,
    verdicts: &mut [DocVerdict],
) -> Vec<Incoming> {
    let mut all = Vec::new();
    for (index, doc) in request.docs.iter().enumerate() {
        let mut changes: Vec<LoggedChange> = Vec::new();
        let mut asked = BTreeSet::new();
        for offered in &doc.changes {
            let hash = Chunk::parse(&offered.bytes)
                .map_or_else(|_| Sha256::of(&offered.bytes), |c| c.hash);
            match request.authors.get(offered.author as usize) {
                // Twice the same is once.
                Some(_) if !asked.insert(hash) => {}
                Some(author) => changes.push(LoggedChange {
                    hash,
                    author: author.clone(),
                    bytes: offered.bytes.clone(),
                    sig: offered.sig,
                    received_at: now,
                    via_device: device.id.clone(),
                }),
                None => verdicts[index].held.push(Held {
                    hash,
                    code: Some(::sync::admit::Code::BadSignature),
                    detail: "the author is not in the request".into(),
                    not_now: None,
                }),
            }
        }
        all.push(Incoming {
            index,
            task: doc.task,
            changes,
            asked,
        });
    }
    all
}

async fn judge_all(
    state: &AppState,
    device: &Device,
    open: Vec<Incoming>,
) -> Result<Vec<(Prepared, Option<Result<Done, PoolError>>)>, AppError> {
    let (reader, server_key) = (device.clone(), state.keys.key());
    let prepared = state
        .db
        .read(move |tx| {
            let prepare = |incoming| prepare(tx, &reader, server_key, incoming);
            open.into_iter()
                .map(prepare)
                .collect::<Result<Vec<_>, AppError>>()
        })
        .await?;
    let mut judging = JoinSet::new();
    let mut judged = Vec::new();
    for prepared in prepared {
        match &prepared.job {
            Some(job) if !job.changes.is_empty() => {
                let pool = state.admission.clone();
                judging.spawn(judge_one(pool, prepared));
            }
            _ => judged.push((prepared, None)),
        }
    }
    while let Some(outcome) = judging.join_next().await {
        judged.push(outcome.map_err(AppError::internal)?);
    }
    // The order of the request, so that a document's changes get their order numbers in it.
    judged.sort_by_key(|(prepared, _)| prepared.incoming.index);
    Ok(judged)
}

/// Judges one record's changes. Should that exhaust the child, those that waited before may be to
/// blame: what the request itself brought is judged once more without them.
async fn judge_one(
    pool: AdmissionPool,
    mut prepared: Prepared,
) -> (Prepared, Option<Result<Done, PoolError>>) {
    let Some(job) = &prepared.job else {
        return (prepared, None);
    };
    let outcome = pool.judge(job).await;
    let asked = &prepared.incoming.asked;
    let is_asked = |c: &LoggedChange| asked.contains(&c.hash);
    let others = !prepared.incoming.changes.iter().all(is_asked);
    if !(others && matches!(outcome, Err(PoolError::Exhausted))) {
        return (prepared, Some(outcome));
    }
    let mut alone = job.clone();
    let mut keep = prepared.incoming.changes.iter().map(is_asked);
    alone.changes.retain(|_| keep.next().unwrap_or(false));
    let outcome = pool.judge(&alone).await;
    let asked = prepared.incoming.asked.clone();
    prepared
        .incoming
        .changes
        .retain(|c| asked.contains(&c.hash));
    prepared.job = Some(alone);
    (prepared, Some(outcome))
}

fn prepare(
    tx: &mut Tx<'_>,
    device: &Device,
    server: ::sync::ids::Key,
    mut incoming: Incoming,
) -> Result<Prepared, AppError> {
    let task = incoming.task.to_string();
    let doc = if store::may_bring(tx, &device.id, &task)? {
        store::doc(tx, &task)?
    } else {
        None
    };
    let Some((cache, heads)) = doc else {
        return Ok(Prepared {
            incoming,
            job: None,
            heads: String::new(),
        });
    };
    let mut fresh = Vec::new();
    for change in incoming.changes {
        if !store::is_known(tx, &task, &change.hash)? {
            fresh.push(change);
        }
    }
    if !fresh.is_empty() {
        // What waits may find its dependency among the new.
        for change in store::waiting(tx, &task)? {
            if !fresh.iter().any(|f| f.hash == change.hash) {
                fresh.push(change);
            }
        }
    }
    let (devices, revoked) = store::writers(tx, &task)?;
    let mut authors = Vec::new();
    let changes = fresh
        .iter()
        .cloned()
        .map(|c| store::offered(c, &mut authors))
        .collect();
    let job = Job {
        task: incoming.task,
        cache,
        server,
        devices,
        revoked,
        authors,
        changes,
    };
    incoming.changes = fresh;
    Ok(Prepared {
        incoming,
        job: Some(job),
        heads,
    })
}

/// Stores what was judged. `None`: others wrote the record meanwhile, judge it again.
fn apply(
    tx: &mut Tx<'_>,
    state: &AppState,
    prepared: &Prepared,
    outcome: Option<Result<Done, PoolError>>,
    room: &mut QuarantineRoom,
) -> Result<Option<DocVerdict>, AppError> {
    let now = state.now();
    let incoming = &prepared.incoming;
    let task = incoming.task.to_string();
    let mut held = Vec::new();
    if prepared.job.is_none() {
        for change in &incoming.changes {
            let detail = "this task is not, or no longer, one of this tablet's inspectors";
            let code = ::sync::admit::Code::NotOnTeam;
            held.push(hold(tx, state, &task, change, (code, detail), room)?);
        }
        return Ok(Some(verdict_of(incoming, held)));
    }
    let done = match outcome {
        None => return Ok(Some(verdict_of(incoming, held))),
        Some(Ok(done)) => done,
        Some(Err(PoolError::Exhausted)) => {
            for change in &incoming.changes {
                let detail = "judging these changes took more time or memory than is allowed";
                let code = ::sync::admit::Code::Exhausted;
                held.push(hold(tx, state, &task, change, (code, detail), room)?);
            }
            return Ok(Some(verdict_of(incoming, held)));
        }
        Some(Err(other)) => return Err(AppError::internal(other)),
    };
    if store::doc(tx, &task)?.is_none_or(|(_, heads)| heads != prepared.heads) {
        return Ok(None);
    }
    let mut span: Option<(i64, i64)> = None;
    for (change, outcome) in incoming.changes.iter().zip(&done.outcomes) {
        match outcome.fate {
            Fate::Admitted => {
                let seq = Chunk::parse(&change.bytes).map_or(0, |c| c.seq);
                let ord = store::append_change(tx, &incoming.task, change, seq)?;
                store::no_longer_waiting(tx, &task, &change.hash)?;
                span = Some((span.map_or(ord, |(first, _)| first), ord));
            }
            Fate::Known => {}
            Fate::Waiting => {
                store::keep_waiting(tx, &task, change)?;
                let detail = format!("waits for {}", outcome.detail);
                held.push(Held {
                    hash: change.hash,
                    code: None,
                    detail,
                    not_now: None,
                });
            }
            Fate::Refused => {
                let code = outcome.code.unwrap_or(::sync::admit::Code::Malformed);
                let told = hold(tx, state, &task, change, (code, &outcome.detail), room)?;
                // What the quarantine has no room for stays where it is.
                if told.not_now.is_none() {
                    store::no_longer_waiting(tx, &task, &change.hash)?;
                }
                held.push(told);
            }
        }
    }
    if let Some((first, last)) = span {
        store::save_doc(tx, &task, &done.cache, &done.heads, &done.summary, now)?;
        store::name_blobs(tx, &task, &done.blobs)?;
        let span = format!("{first}-{last}");
        store::tell_team(tx, &task, "", FeedKind::Changes, &span)?;
        seal::settle(tx, &task, now)?;
    }
    Ok(Some(verdict_of(incoming, held)))
}

/// Whatever the request brought is stored unless it is held; what waited before is not its affair.
fn verdict_of(incoming: &Incoming, mut held: Vec<Held>) -> DocVerdict {
    let mut told = BTreeSet::new();
    held.retain(|h| incoming.asked.contains(&h.hash) && told.insert(h.hash));
    DocVerdict {
        stored: incoming.asked.len().saturating_sub(held.len()) as u32,
        held,
    }
}

/// Puts a refused change into quarantine; when that has no room for it the tablet keeps it and offers
/// it again, and everything else goes on.
fn hold(
    tx: &mut Tx<'_>,
    state: &AppState,
    task: &str,
    change: &LoggedChange,
    (code, detail): (::sync::admit::Code, &str),
    room: &mut QuarantineRoom,
) -> Result<Held, AppError> {
    let refused = Refused {
        kind: "change",
        code: code.word(),
        detail,
        change,
    };
    let kept = store::quarantine(tx, &state.new_id(), task, &refused, room)?;
    Ok(Held {
        hash: change.hash,
        code: kept.then_some(code),
        detail: detail.to_owned(),
        not_now: (!kept).then(|| QUARANTINE_FULL.to_owned()),
    })
}

/// Keeps the statements that verify; the others go to quarantine.
fn keep_signatures(
    tx: &mut Tx<'_>,
    state: &AppState,
    device: &Device,
    rows: Vec<Signed>,
    room: &mut QuarantineRoom,
) -> Result<Vec<SignatureVerdict>, AppError> {
    let now = state.now();
    let mut verdicts = Vec::new();
    let mut touched: BTreeMap<String, ()> = BTreeMap::new();
    for row in rows {
        let task = row.task.to_string();
        // A signature that was given before a relief is kept; whether it counts is for the seal to say.
        let checked = if store::may_bring(tx, &device.id, &task)? {
            check_statement(&row, &store::team(tx, &task, false)?).map_err(|e| e.to_string())
        } else {
            Err("this task is not, or no longer, one of this tablet's inspectors".to_owned())
        };
        verdicts.push(match checked {
            Ok(()) => {
                if store::keep_signature(tx, &row, now, &device.id)? {
                    let id = row.id().to_string();
                    store::tell_team(tx, &task, "", FeedKind::Signature, &id)?;
                    touched.insert(task, ());
                }
                SignatureVerdict {
                    stored: true,
                    detail: String::new(),
                    not_now: None,
                }
            }
            Err(detail) => {
                let kept = refuse_statement(tx, state, device, &row, &detail, room)?;
                SignatureVerdict {
                    stored: false,
                    detail,
                    not_now: (!kept).then(|| QUARANTINE_FULL.to_owned()),
                }
            }
        });
    }
    for task in touched.keys() {
        seal::settle(tx, task, now)?;
    }
    Ok(verdicts)
}

fn check_statement(row: &Signed, team: &[::sync::facts::Member]) -> Result<(), BadStatement> {
    match row.kind {
        StatementKind::Party => row.open_party(team).map(|_| ()),
        StatementKind::Inspector => row.open_inspector(team).map(|_| ()),
    }
}

fn refuse_statement(
    tx: &mut Tx<'_>,
    state: &AppState,
    device: &Device,
    row: &Signed,
    detail: &str,
    room: &mut QuarantineRoom,
) -> Result<bool, AppError> {
    let now = state.now();
    let bytes = minicbor::to_vec(row).map_err(AppError::internal)?;
    let change = LoggedChange {
        hash: row.id(),
        author: ::sync::author::Author {
            device: row.key,
            person: String::new(),
            epoch: 0,
        },
        bytes,
        sig: Some(row.sig),
        received_at: now,
        via_device: device.id.clone(),
    };
    let task = row.task.to_string();
    let refused = Refused {
        kind: "signature",
        code: "bad_statement",
        detail,
        change: &change,
    };
    if !store::quarantine(tx, &state.new_id(), &task, &refused, room)? {
        return Ok(false);
    }
    let entry = journal::Entry::by_server(now, "signature.refuse", format!("task/{task}"))
        .detail(json!({ "device": device.id, "why": detail }));
    journal::append(tx, &entry)?;
    Ok(true)
}
