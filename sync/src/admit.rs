//! Admission: the rules by which any peer takes in or refuses a change of a record (design §4).
//!
//! Nothing from outside reaches automerge before its device has signed for it and its columns have
//! been parsed strictly ([`crate::chunk`]). Then each operation is held against the schema and the author's
//! right, **per operation and not on the merged winner**: a forbidden value that loses is invisible
//! in the merged view.
//!
//! What is refused is not lost: the caller keeps the bytes in quarantine, with the [`Code`] that
//! says what to do. A change whose dependency is missing or refused waits.

use std::collections::{BTreeMap, HashMap};

use automerge::{Automerge, Change, ChangeHash, ROOT, ReadDoc};
use serde::{Deserialize, Serialize};

use crate::author::Author;
use crate::cells;
use crate::chunk::{Chunk, ChunkError};
use crate::ids::{Key, Sha256, TaskId};
use crate::record::{Forms, RecordDoc};
use crate::signing::{self, Sig};

/// Greatest number of changes of one record.
pub const MAX_RECORD_CHANGES: usize = 20_000;

/// Changes of one record as they were offered, dependencies first.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub authors: Vec<Author>,
    pub changes: Vec<Offered>,
}

/// One change, with the index of its author in the batch. The newest change of each author in the
/// batch carries the signature of the author's device, which commits to those before it.
#[derive(Debug, Clone, PartialEq, Eq, minicbor::Encode, minicbor::Decode)]
pub struct Offered {
    #[n(0)]
    pub author: u32,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
    #[n(2)]
    pub sig: Option<Sig>,
}

/// Who may write into a record, as the admitting peer knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Key of the server that dispatched the task.
    pub server: Key,
    /// Persons of the team (members and experts, also those relieved) and their devices' keys.
    pub devices: BTreeMap<Key, Vec<String>>,
    /// Devices that were revoked. Their changes that are not known yet go to quarantine.
    pub revoked: Vec<Key>,
}

impl Rights {
    fn check(&self, author: &Author) -> Result<(), Code> {
        if author.is_server() {
            return if author.device == self.server {
                Ok(())
            } else {
                Err(Code::NotOnTeam)
            };
        }
        if self.revoked.contains(&author.device) {
            return Err(Code::DeviceRevoked);
        }
        let persons = self.devices.get(&author.device);
        if persons.is_some_and(|p| p.contains(&author.person)) {
            Ok(())
        } else {
            Err(Code::NotOnTeam)
        }
    }
}

/// Why a change was not taken in. Stable words: they are stored, sent and shown with their remedy.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, minicbor::Encode, minicbor::Decode,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum Code {
    /// The device's signature is missing or wrong.
    #[n(0)]
    BadSignature,
    /// Not a plain change chunk, malformed, or unreadable.
    #[n(1)]
    Malformed,
    /// Too long or too many operations.
    #[n(2)]
    TooLarge,
    /// The actor is not the one that belongs to this author.
    #[n(3)]
    ForeignActor,
    /// The person is not on the team, or not enrolled on that device.
    #[n(4)]
    NotOnTeam,
    #[n(5)]
    DeviceRevoked,
    /// The sequence number was used already by another change: the device was restored from a copy.
    #[n(6)]
    Fork,
    /// The sequence, the first operation number or the own dependency does not fit.
    #[n(7)]
    BadSequence,
    /// An operation that the schema does not have, or a value that does not fit.
    #[n(8)]
    BadCell,
    /// A cell that this author may not write.
    #[n(9)]
    NotAllowed,
    /// The record has its greatest number of changes.
    #[n(10)]
    RecordFull,
    /// The change could not be applied, or the document would not load again.
    #[n(11)]
    WouldBreak,
    /// Checking took more time or memory than is allowed.
    #[n(12)]
    Exhausted,
    /// The author had been relieved, and the change stands on the one that says so.
    #[n(13)]
    Relieved,
}

impl Code {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Code::BadSignature => "bad_signature",
            Code::Malformed => "malformed",
            Code::TooLarge => "too_large",
            Code::ForeignActor => "foreign_actor",
            Code::NotOnTeam => "not_on_team",
            Code::DeviceRevoked => "device_revoked",
            Code::Fork => "fork",
            Code::BadSequence => "bad_sequence",
            Code::BadCell => "bad_cell",
            Code::NotAllowed => "not_allowed",
            Code::RecordFull => "record_full",
            Code::WouldBreak => "would_break",
            Code::Exhausted => "exhausted",
            Code::Relieved => "relieved",
        }
    }
}

/// What became of one offered change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Taken in now.
    Admitted,
    /// Was there already; nothing changed.
    Known,
    /// Kept until these changes are there.
    Waiting {
        missing: Vec<Sha256>,
    },
    Refused {
        code: Code,
        detail: String,
    },
}

/// One change after admission, with what the log stores of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub hash: Sha256,
    pub verdict: Verdict,
}

/// Admits what can be admitted of `batch` into `record`. The verdicts are in the order of the
/// batch. `record` is only ever changed by whole, checked changes, and loads again as it is.
///
/// A signed change that does not come in itself vouches for no other: whoever receives the admitted
/// changes from here must find each of them under a signature that came in with them.
pub fn admit(record: &mut RecordDoc, rights: &Rights, batch: &Batch) -> Vec<Judged> {
    admit_and_save(record, rights, batch).0
}

/// As [`admit`], with what [`RecordDoc::save`] says of the record now.
pub fn admit_and_save(
    record: &mut RecordDoc,
    rights: &Rights,
    batch: &Batch,
) -> (Vec<Judged>, Vec<u8>) {
    let chunks: Vec<_> = batch
        .changes
        .iter()
        .map(|c| Chunk::parse(&c.bytes))
        .collect();
    let mut last = None;
    for care in [Care::AtTheEnd, Care::EachChange] {
        let (judged, doc) = admit_parsed(record, rights, batch, &chunks, care);
        let task = record.task;
        let grown = RecordDoc { task, doc };
        let came_in = judged.iter().any(|j| j.verdict == Verdict::Admitted);
        let cache = if came_in {
            reload(&grown)
        } else {
            Some(grown.save())
        };
        last = Some(judged);
        if let Some(cache) = cache {
            *record = grown;
            return (last.unwrap_or_default(), cache);
        }
    }
    let mut judged = last.unwrap_or_default();
    for one in &mut judged {
        if one.verdict == Verdict::Admitted {
            one.verdict = refused(Code::WouldBreak, "the record would not load again");
        }
    }
    (judged, record.save())
}

/// When it is tried whether the record loads again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    AtTheEnd,
    /// After each change, to find which one breaks it.
    EachChange,
}

fn admit_parsed(
    record: &RecordDoc,
    rights: &Rights,
    batch: &Batch,
    chunks: &[Result<Chunk, ChunkError>],
    care: Care,
) -> (Vec<Judged>, Automerge) {
    let mut lost: BTreeMap<usize, Verdict> = BTreeMap::new();
    // What was vouched for and is refused for its own sake: it stays so, whatever becomes of who vouched.
    let mut refused: BTreeMap<usize, Verdict> = BTreeMap::new();
    loop {
        let cover = signatures_hold(batch, chunks, &lost);
        let mut next = Admission::new(record, rights, care);
        let mut judged = Vec::with_capacity(batch.changes.len());
        for (i, (offered, chunk)) in batch.changes.iter().zip(chunks).enumerate() {
            judged.push(match chunk {
                Ok(chunk) => Judged {
                    hash: chunk.hash,
                    verdict: match refused.get(&i) {
                        Some(verdict) => verdict.clone(),
                        None => next.judge_covered(batch, offered, chunk, &cover[i]),
                    },
                },
                // Not even a hash can be trusted here; the bytes are known by their own SHA-256.
                Err(error) => Judged {
                    hash: Sha256::of(&offered.bytes),
                    verdict: refuse_chunk(*error),
                },
            });
        }
        let came_in = |v: &Verdict| matches!(v, Verdict::Admitted | Verdict::Known);
        let fallen = judged.iter().enumerate().filter(|(i, j)| {
            cover[*i] == Cover::Own && !came_in(&j.verdict) && !lost.contains_key(i)
        });
        let fallen: Vec<(usize, Verdict)> = fallen.map(|(i, j)| (i, j.verdict.clone())).collect();
        if fallen.is_empty() {
            return (judged, next.doc);
        }
        lost.extend(fallen);
        for (i, j) in judged.into_iter().enumerate() {
            if cover[i] == Cover::Later && matches!(j.verdict, Verdict::Refused { .. }) {
                refused.insert(i, j.verdict);
            }
        }
    }
}

/// By what a change is vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cover {
    /// Its own signature.
    Own,
    /// The signature of a later change of its author.
    Later,
    /// A later change of its author that did not come in, for this reason.
    Fallen(Verdict),
    Nothing,
}

/// A copy of the record that grows by admitted changes, with an index of what it holds.
struct Admission<'a> {
    task: TaskId,
    rights: &'a Rights,
    before: &'a Automerge,
    doc: Automerge,
    admitted: Vec<Change>,
    index: Index,
    care: Care,
}

impl<'a> Admission<'a> {
    fn new(record: &'a RecordDoc, rights: &'a Rights, care: Care) -> Self {
        Admission {
            task: record.task(),
            rights,
            before: &record.doc,
            doc: record.doc.clone(),
            admitted: Vec::new(),
            index: Index::of(&record.doc),
            care,
        }
    }

    fn judge_covered(
        &mut self,
        batch: &Batch,
        offered: &Offered,
        chunk: &Chunk,
        cover: &Cover,
    ) -> Verdict {
        let author = batch.authors.get(offered.author as usize);
        match (cover, author) {
            (Cover::Own | Cover::Later, Some(author)) => self.judge(author, chunk, &offered.bytes),
            // The own signature is sound; what it signs for is missing something.
            (Cover::Fallen(Verdict::Waiting { missing }), _) => Verdict::Waiting {
                missing: missing.clone(),
            },
            _ => refused(
                Code::BadSignature,
                "no signature of the author's device covers this change",
            ),
        }
    }

    fn judge(&mut self, author: &Author, chunk: &Chunk, bytes: &[u8]) -> Verdict {
        if self.index.max_op.contains_key(&chunk.hash) {
            return Verdict::Known;
        }
        if author.actor(&self.task).to_bytes() != chunk.actor() {
            return refused(
                Code::ForeignActor,
                "the actor does not belong to this person, device and record",
            );
        }
        if let Err(code) = self.rights.check(author) {
            return refused(code, "the author may not write into this record");
        }
        let known = |d: &&Sha256| !self.index.max_op.contains_key(d);
        let missing: Vec<Sha256> = chunk.deps.iter().filter(known).copied().collect();
        if !missing.is_empty() {
            return Verdict::Waiting { missing };
        }
        if self.knew_of_relief(author, chunk) {
            return refused(
                Code::Relieved,
                "the author was relieved, and knew it when writing this",
            );
        }
        if let Err((code, detail)) = self.index.check_sequence(chunk) {
            return refused(code, detail);
        }
        if self.index.max_op.len() >= MAX_RECORD_CHANGES {
            return refused(
                Code::RecordFull,
                "the record has reached its greatest number of changes",
            );
        }
        if let Err((code, detail)) = check_operations(&self.doc, author, chunk) {
            return refused(code, &detail);
        }
        match self.apply(chunk, bytes) {
            Ok(()) => Verdict::Admitted,
            Err(detail) => refused(Code::WouldBreak, &detail),
        }
    }

    /// Whether the record on which the change stands says that its author was relieved. What a
    /// tablet wrote before it heard of the relief is honest work and comes in, whatever its clock
    /// says: clocks are claims, the history is a fact.
    fn knew_of_relief(&self, author: &Author, chunk: &Chunk) -> bool {
        if author.is_server() {
            return false;
        }
        let path = format!("team/{}/status", author.person);
        let is_relieved = |found: Option<automerge::Value<'_>>| {
            found.is_some_and(|value| value.as_str() == Some("relieved"))
        };
        let now = self.doc.get(ROOT, path.as_str()).ok().flatten();
        if !is_relieved(now.map(|(value, _)| value)) {
            return false;
        }
        let heads: Vec<ChangeHash> = chunk.deps.iter().map(|d| ChangeHash(d.0)).collect();
        let then = self.doc.get_at(ROOT, path.as_str(), &heads).ok().flatten();
        is_relieved(then.map(|(value, _)| value))
    }

    fn apply(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<(), String> {
        let change = Change::from_bytes(bytes.to_vec()).map_err(|e| e.to_string())?;
        if change.raw_bytes() != bytes || change.hash().0 != chunk.hash.0 {
            return Err("automerge reads another change in it".into());
        }
        let doc = &mut self.doc;
        let applied = unpanicked(|| doc.apply_changes([change.clone()]));
        let is_there = |doc: &Automerge| doc.get_change_meta_by_hash(&change.hash()).is_some();
        let fault = match applied {
            None => "automerge broke off".into(),
            Some(Err(e)) => e.to_string(),
            Some(Ok(())) if !is_there(&self.doc) => "automerge did not take it in".into(),
            Some(Ok(())) if self.care == Care::EachChange && !loads_again(&self.doc) => {
                "the record would not load again".into()
            }
            Some(Ok(())) => {
                self.index.add(chunk);
                self.admitted.push(change);
                return Ok(());
            }
        };
        // Whatever the attempt left behind is dropped with the copy.
        let mut doc = self.before.clone();
        doc.apply_changes(self.admitted.iter().cloned())
            .map_err(|e| e.to_string())?;
        self.doc = doc;
        Err(fault)
    }
}

/// What a document holds, by hash and by author.
struct Index {
    /// Greatest operation number of each change.
    max_op: HashMap<Sha256, u64>,
    /// Newest change of each actor.
    newest: HashMap<Vec<u8>, (u64, Sha256)>,
}

impl Index {
    fn of(doc: &Automerge) -> Self {
        let mut index = Index {
            max_op: HashMap::new(),
            newest: HashMap::new(),
        };
        for meta in doc.get_changes_meta(&[]) {
            index.put(
                Sha256(meta.hash.0),
                meta.max_op,
                meta.actor.to_bytes(),
                meta.seq,
            );
        }
        index
    }

    fn put(&mut self, hash: Sha256, max_op: u64, actor: &[u8], seq: u64) {
        self.max_op.insert(hash, max_op);
        let newest = self.newest.entry(actor.to_vec()).or_insert((seq, hash));
        if newest.0 < seq {
            *newest = (seq, hash);
        }
    }

    fn add(&mut self, chunk: &Chunk) {
        self.put(chunk.hash, chunk.max_op(), chunk.actor(), chunk.seq);
    }

    fn check_sequence(&self, chunk: &Chunk) -> Result<(), (Code, &'static str)> {
        let own = self.newest.get(chunk.actor());
        let known = own.map_or(0, |(seq, _)| *seq);
        if chunk.seq <= known {
            return Err((
                Code::Fork,
                "this sequence number was used by another change",
            ));
        }
        if chunk.seq != known + 1 {
            return Err((
                Code::BadSequence,
                "a change of this author is missing before it",
            ));
        }
        if own.is_some_and(|(_, hash)| !chunk.deps.contains(hash)) {
            return Err((
                Code::BadSequence,
                "it does not name the author's change before it",
            ));
        }
        let greatest = chunk.deps.iter().filter_map(|d| self.max_op.get(d)).max();
        if chunk.start_op != greatest.copied().unwrap_or(0) + 1 {
            return Err((
                Code::BadSequence,
                "its operations do not start where its dependencies end",
            ));
        }
        Ok(())
    }
}

/// For each change, whether a valid signature of its author covers it: the newest change of each
/// author must be signed, and each own change must name the one before it as a dependency.
fn signatures_hold(
    batch: &Batch,
    chunks: &[Result<Chunk, ChunkError>],
    lost: &BTreeMap<usize, Verdict>,
) -> Vec<Cover> {
    let mut covers = vec![Cover::Nothing; batch.changes.len()];
    // By author: the hash of the change before, and what vouches for it.
    let mut vouched: HashMap<u32, (Sha256, Cover)> = HashMap::new();
    for (index, offered) in batch.changes.iter().enumerate().rev() {
        let Ok(chunk) = &chunks[index] else { continue };
        let Some(author) = batch.authors.get(offered.author as usize) else {
            continue;
        };
        let signed = offered.sig.is_some_and(|sig| {
            signing::verify(&author.device, signing::CHANGE, &chunk.hash.0, &sig)
        });
        let later = vouched
            .remove(&offered.author)
            .filter(|(hash, _)| *hash == chunk.hash);
        covers[index] = match (later, signed) {
            (_, true) => Cover::Own,
            (Some((_, cover)), false) => cover,
            (None, false) => continue,
        };
        let passes_on = match (&covers[index], lost.get(&index)) {
            (Cover::Own, Some(verdict)) => Cover::Fallen(verdict.clone()),
            (Cover::Fallen(verdict), _) => Cover::Fallen(verdict.clone()),
            _ => Cover::Later,
        };
        let before = batch.changes[..index]
            .iter()
            .rposition(|c| c.author == offered.author);
        let before = before.and_then(|i| chunks[i].as_ref().ok()).map(|c| c.hash);
        if let Some(hash) = before.filter(|hash| chunk.deps.contains(hash)) {
            vouched.insert(offered.author, (hash, passes_on));
        }
    }
    covers
}

fn check_operations(doc: &Automerge, author: &Author, chunk: &Chunk) -> Result<(), (Code, String)> {
    let person = (!author.is_server()).then_some(author.person.as_str());
    let (forms, past) = (Forms::of(doc), Past::of(doc, chunk));
    let bad = |e: cells::CellError| (Code::BadCell, e.to_string());
    for (n, op) in chunk.ops.iter().enumerate() {
        let path = &op.path;
        let cell = cells::find(path).map_err(bad)?;
        cell.check(&op.value).map_err(bad)?;
        cell.check_writer(person)
            .map_err(|e| (Code::NotAllowed, e.to_string()))?;
        if person.is_some() {
            forms.check(&cell, path).map_err(bad)?;
        }
        let standing = past.standing(path).map_err(|e| (Code::BadCell, e))?;
        let replaced = |(counter, actor): &(u64, usize)| {
            let own = (*actor == 0)
                .then(|| counter.checked_sub(chunk.start_op))
                .flatten()
                .and_then(|i| chunk.ops[..n].get(usize::try_from(i).ok()?));
            own.map_or_else(
                || is_among(&standing, *counter, &chunk.actors[*actor]),
                |op| op.path == *path,
            )
        };
        let stood = op.replaces.iter().all(replaced);
        if cell.is_written_once() {
            check_written_once(&standing, chunk, n, stood)
                .map_err(|why| (Code::NotAllowed, format!("{path}: {why}")))?;
        }
        if !stood {
            return Err((
                Code::BadCell,
                format!("{path}: replaces a value that does not stand in this cell"),
            ));
        }
    }
    Ok(())
}

/// The record as a change saw it, at its dependencies: every peer asks the same, whatever has come in
/// meanwhile. A change replaces what its author saw; one that could name a colleague's later value would
/// make it vanish without a conflict.
struct Past<'a> {
    doc: &'a Automerge,
    /// `None`: it saw all that is there now.
    heads: Option<Vec<ChangeHash>>,
}

type Standing<'a> = Vec<(automerge::Value<'a>, automerge::ObjId)>;

impl<'a> Past<'a> {
    fn of(doc: &'a Automerge, chunk: &Chunk) -> Self {
        let sees = |head: &ChangeHash| chunk.deps.iter().any(|d| d.0 == head.0);
        let heads = (!doc.get_heads().iter().all(sees))
            .then(|| chunk.deps.iter().map(|d| ChangeHash(d.0)).collect());
        Past { doc, heads }
    }

    /// The values that stood in a cell.
    fn standing(&self, path: &str) -> Result<Standing<'a>, String> {
        let found = match &self.heads {
            None => self.doc.get_all(ROOT, path),
            Some(heads) => self.doc.get_all_at(ROOT, path, heads),
        };
        found.map_err(|e| format!("{path}: cannot be read: {e}"))
    }
}

fn is_among(standing: &Standing<'_>, counter: u64, actor: &[u8]) -> bool {
    standing.iter().any(|(_, id)| {
        matches!(id, automerge::ObjId::Id(at, by, _) if *at == counter && by.to_bytes() == actor)
    })
}

/// What says what a photo or clip is may be written where it is empty, and never over: one operation
/// would otherwise put another picture in the place of a colleague's, without a conflict. Where two wrote
/// the same cell without knowing of each other it can be settled, to a value that stands there. `stood`: what
/// it replaces stood there.
fn check_written_once(
    standing: &Standing<'_>,
    chunk: &Chunk,
    n: usize,
    stood: bool,
) -> Result<(), &'static str> {
    let op = &chunk.ops[n];
    let Some(((first, _), others)) = standing.split_first() else {
        let again = chunk.ops[..n].iter().any(|earlier| earlier.path == op.path);
        return match again || !op.replaces.is_empty() {
            true => Err("what a photo or clip is can be written only once"),
            false => Ok(()),
        };
    };
    let is_value = |v: &automerge::Value<'_>| {
        v.as_scalar().and_then(crate::record::from_scalar).as_ref() == Some(&op.value)
    };
    if others.iter().all(|(v, _)| v == first) {
        return Err("what a photo or clip is can be written only once");
    }
    if !standing.iter().any(|(v, _)| is_value(v)) || !stood {
        return Err("what a photo or clip is can be settled only to one of the values that stand");
    }
    Ok(())
}

/// Saves the record and loads it again: the last guard before changes count as admitted. What was
/// saved, when it is the same record.
fn reload(record: &RecordDoc) -> Option<Vec<u8>> {
    unpanicked(|| {
        let cache = record.save();
        let again = RecordDoc::load(record.task(), &cache).ok()?;
        (again.heads() == record.heads()).then_some(cache)
    })?
}

fn loads_again(doc: &Automerge) -> bool {
    let again = unpanicked(|| Automerge::load(&doc.save()).ok());
    again
        .flatten()
        .is_some_and(|again| again.get_heads() == doc.get_heads())
}

/// What automerge answers, if it does not panic: what it worked on is then thrown away.
fn unpanicked<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok()
}

fn refuse_chunk(error: ChunkError) -> Verdict {
    let code = match error {
        ChunkError::TooLong | ChunkError::TooManyOperations => Code::TooLarge,
        ChunkError::NotAPlainChange | ChunkError::Malformed | ChunkError::NotCanonical => {
            Code::Malformed
        }
        ChunkError::NotACellPut => Code::BadCell,
    };
    refused(code, &error.to_string())
}

fn refused(code: Code, detail: &str) -> Verdict {
    Verdict::Refused {
        code,
        detail: detail.to_owned(),
    }
}
