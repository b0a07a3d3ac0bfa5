//! What goes up: changes and signatures that the server has not confirmed, photos to ask about.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sync::admit::Offered;
use sync::author::Author;
use sync::ids::{Sha256, TaskId};
use sync::message::{
    self, BlobKind, BlobRef, Cursor, DeviceStatus, DocChanges, MAX_BODY_BYTES, SyncRequest, VERSION,
};
use sync::session::BlobName;
use sync::signing::{self, CHANGE};

use super::super::{Agent, Open, lock, storage};
use super::{InFlight, StepFailure};
use crate::api::Problem;
use crate::store::{self, changes, delivery, queue, statements, waits};

/// Most changes and most bytes of them in one request.
const MAX_CHANGES: usize = 4_000;
const MAX_BYTES: usize = 2 << 20;
const MAX_SIGNATURES: usize = 50;
const MAX_BLOBS: usize = 300;
/// Most blobs to ask about before any of their bytes were sent: a wrong guess costs one chunk, asking
/// about each costs every round trip on a slow link.
const MAX_UNSENT_BLOBS: usize = 40;
/// For each so many bytes that a request may have, one of those: what is asked of a slow link is time.
const BYTES_FOR_A_QUESTION: usize = 2_048;

pub(super) fn kind_of(form: i64) -> BlobKind {
    match form {
        queue::form::THUMBNAIL => BlobKind::Thumbnail,
        queue::form::RENDITION => BlobKind::Rendition,
        queue::form::CLIP => BlobKind::Clip,
        _ => BlobKind::Original,
    }
}

pub(in crate::agent) fn form_of(kind: BlobKind) -> i64 {
    match kind {
        BlobKind::Thumbnail => queue::form::THUMBNAIL,
        BlobKind::Rendition => queue::form::RENDITION,
        BlobKind::Original => queue::form::ORIGINAL,
        BlobKind::Clip => queue::form::CLIP,
    }
}

pub(in crate::agent) fn blob_ref(row: &queue::BlobRow) -> Option<BlobRef> {
    Some(BlobRef {
        task: row.task.parse().ok()?,
        sha256: row.sha256.parse().ok()?,
        size: u64::try_from(row.size).ok()?,
        kind: kind_of(row.form),
    })
}

/// The cursor as the store keeps it: 16 bytes incarnation, 8 bytes sequence, big endian.
pub(super) fn cursor(db: &rusqlite::Connection) -> rusqlite::Result<Option<Cursor>> {
    let bytes = store::get_meta(db, "cursor")?.unwrap_or_default();
    let parts = bytes
        .split_first_chunk::<16>()
        .and_then(|(i, rest)| Some((*i, rest.try_into().ok()?)));
    Ok(parts.map(|(incarnation, seq)| Cursor {
        incarnation,
        seq: u64::from_be_bytes(seq),
    }))
}

/// Photos of which bytes are on their way, and photos of which they were when the link was cut. The former
/// are not asked about, the latter first.
#[derive(Debug, Default)]
pub(super) struct OnTheWay {
    pub flying: BTreeSet<BlobName>,
    pub doubted: BTreeSet<BlobName>,
}

/// Changes as they travel.
pub(in crate::agent) struct SignedDocs {
    pub authors: Vec<Author>,
    pub docs: Vec<DocChanges>,
    /// The hashes of `docs`, in the same order.
    hashes: Vec<(TaskId, Vec<Sha256>)>,
    /// Lowest position in the log of a change that no signature in `docs` vouches for: left out.
    pub kept_back: Option<i64>,
}

/// Changes grouped by record, with their authors. Batches are cut only at signed changes: the newest of
/// each author of this tablet is signed now, and of a colleague nothing goes behind the last signed one.
pub(in crate::agent) fn signed_docs(open: &Open, rows: Vec<changes::LogRow>) -> SignedDocs {
    let own = open.device_key();
    let mut authors: Vec<Author> = Vec::new();
    let mut known: HashMap<(String, String), Option<u32>> = HashMap::new();
    let mut docs: BTreeMap<TaskId, Vec<(u32, changes::LogRow)>> = BTreeMap::new();
    let mut order: Vec<TaskId> = Vec::new();
    for row in rows {
        let Ok(task) = row.task.parse::<TaskId>() else {
            continue;
        };
        let author = known
            .entry((row.task.clone(), row.actor.clone()))
            .or_insert_with(|| {
                let all = changes::authors(&open.db, &row.task).unwrap_or_default();
                let (_, author) = all.into_iter().find(|(actor, _)| *actor == row.actor)?;
                let index = authors
                    .iter()
                    .position(|a| *a == author)
                    .unwrap_or_else(|| {
                        authors.push(author);
                        authors.len() - 1
                    });
                u32::try_from(index).ok()
            });
        let Some(author) = *author else { continue };
        let rows = docs.entry(task).or_insert_with(|| {
            order.push(task);
            Vec::new()
        });
        rows.push((author, row));
    }
    let mut signed = SignedDocs {
        authors: Vec::new(),
        docs: Vec::new(),
        hashes: Vec::new(),
        kept_back: None,
    };
    for task in order {
        let mut rows = docs.remove(&task).unwrap_or_default();
        let mut newest: HashMap<u32, usize> = HashMap::new();
        for (at, (author, row)) in rows.iter_mut().enumerate() {
            let ours = authors[*author as usize].device == own;
            if row.again && ours && row.sig.is_none() {
                // What was not taken at once is signed one by one: then one that is refused, and is told
                // so, does not pull down those before it.
                row.sig = Some(signing::sign(&open.device, CHANGE, &row.hash.0));
            }
            if ours || row.sig.is_some() {
                newest.insert(*author, at);
            }
        }
        for (author, at) in &newest {
            let row = &mut rows[*at].1;
            if authors[*author as usize].device == own {
                row.sig = Some(signing::sign(&open.device, CHANGE, &row.hash.0));
            }
        }
        let vouched = |at: usize, author: u32| newest.get(&author).is_some_and(|last| at <= *last);
        let (mut changes, mut hashes) = (Vec::new(), Vec::new());
        for (at, (author, row)) in rows.into_iter().enumerate() {
            if !vouched(at, author) {
                let lowest = signed
                    .kept_back
                    .map_or(row.position, |p| p.min(row.position));
                signed.kept_back = Some(lowest);
                continue;
            }
            hashes.push(row.hash);
            changes.push(Offered {
                author,
                bytes: row.bytes,
                sig: row.sig,
            });
        }
        if !changes.is_empty() {
            signed.docs.push(DocChanges { task, changes });
            signed.hashes.push((task, hashes));
        }
    }
    signed.authors = authors;
    signed
}

impl Agent {
    /// Packs a request of about `limit` bytes at most from the store.
    pub(super) fn pack(&self, limit: usize, on_the_way: &OnTheWay) -> Result<Vec<u8>, StepFailure> {
        let mut request = [0; 16];
        self.fill(&mut request);
        let free_bytes = self.space.free_bytes(&self.data).unwrap_or(0);
        let limit = limit.min(MAX_BODY_BYTES);
        let mut budget = MAX_BYTES.min(limit.saturating_mul(4));
        loop {
            let (message, sent) = self
                .with_open(|open| {
                    build(
                        open,
                        request,
                        (budget, limit),
                        on_the_way,
                        free_bytes,
                        self.now(),
                    )
                })
                .map_err(|p| StepFailure::storage(&p))?;
            // Packing takes its time, and nobody's tap waits for it.
            let body = message::pack(&message)
                .map_err(|e| StepFailure::storage(&Problem::internal(&e)))?;
            // One change and one signature fit always.
            if body.len() <= limit || budget <= 1024 {
                lock(&self.driver).sent = sent;
                return Ok(body);
            }
            budget = (budget / 2).min(budget * limit / body.len());
        }
    }
}

fn build(
    open: &mut Open,
    request: [u8; 16],
    (budget, limit): (usize, usize),
    on_the_way: &OnTheWay,
    free_bytes: u64,
    clock: i64,
) -> Result<(SyncRequest, InFlight), Problem> {
    let mut rows = changes::undelivered(&open.db, MAX_CHANGES).map_err(storage)?;
    let mut size = 0;
    let fitting = rows.iter().take_while(|r| {
        size += r.bytes.len();
        size <= budget
    });
    let fitting = fitting.count().max(1);
    let mut left = rows.len() > fitting || rows.len() == MAX_CHANGES;
    rows.truncate(fitting);
    let position = rows.last().map_or(0, |r| r.position);
    let SignedDocs {
        authors,
        docs,
        hashes,
        ..
    } = signed_docs(open, rows);
    // A signature may name heads of changes that still wait; the server then keeps it until they come.
    let mut signatures = statements::undelivered(&open.db, MAX_SIGNATURES).map_err(storage)?;
    let found = signatures.len();
    if found > 1 {
        let mut size = 0;
        signatures.retain(|s| {
            let first = size == 0;
            size += s.body.len() + s.ink.as_ref().map_or(0, Vec::len);
            first || size <= budget
        });
        left |= signatures.len() < found;
    }
    let mut waiting = queue::unconfirmed(&open.db, clock, position, MAX_BLOBS).map_err(storage)?;
    let is_in = |names: &BTreeSet<BlobName>, row: &queue::BlobRow| {
        blob_ref(row).is_some_and(|b| names.contains(&(b.task, b.sha256)))
    };
    waiting.retain(|b| !is_in(&on_the_way.flying, b));
    waiting.sort_by_key(|b| !is_in(&on_the_way.doubted, b));
    let unsent = waiting
        .iter()
        .filter(|b| b.delivery == delivery::HERE)
        .take(MAX_UNSENT_BLOBS.min(limit / BYTES_FOR_A_QUESTION));
    let sent_already = waiting.iter().filter(|b| b.delivery == delivery::SENT);
    let blobs: Vec<BlobRef> = sent_already.chain(unsent).filter_map(blob_ref).collect();
    let unsynced = waits::total(&open.db).map_err(storage)?;
    let sent = InFlight {
        docs: hashes,
        signatures: signatures.iter().map(sync::signoff::Signed::id).collect(),
        blobs: blobs.clone(),
        left,
    };
    let message = SyncRequest {
        v: VERSION,
        epoch: open.epoch,
        request,
        cursor: cursor(&open.db).map_err(storage)?,
        authors,
        docs,
        signatures,
        blobs,
        status: Some(DeviceStatus {
            version: env!("CARGO_PKG_VERSION").into(),
            unsynced: u64::try_from(unsynced).unwrap_or(0),
            free_bytes,
            clock,
        }),
    };
    Ok((message, sent))
}
