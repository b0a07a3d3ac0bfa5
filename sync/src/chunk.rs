//! Reads the bytes of a change before automerge does.
//!
//! A plain change of 145 bytes can hold 20 million operations by run length and take minutes and
//! gigabytes to decode; others make automerge's decoder panic. So a change is parsed here first,
//! strictly and within limits, and automerge only ever sees what passed. The layout is that of
//! automerge's binary format, "change chunk".

use crate::columns::{self, Op, Reader, put_sleb, put_uleb};
use crate::ids::Sha256;

/// Greatest size of one change, in bytes.
pub const MAX_CHANGE_BYTES: usize = 64 * 1024;
/// Greatest number of operations in one change.
pub const MAX_CHANGE_OPS: usize = 2_000;
const MAX_DEPS: u64 = 64;
const MAX_ACTORS: u64 = 64;
const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
const CHANGE_CHUNK: u8 = 1;

/// Why the bytes are not a change that we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("longer than {MAX_CHANGE_BYTES} bytes")]
    TooLong,
    #[error("not a plain change chunk")]
    NotAPlainChange,
    #[error("ends too early, or a number, a text or a count does not fit")]
    Malformed,
    #[error(
        "not encoded as automerge encodes it, so that a saved record would hold another change"
    )]
    NotCanonical,
    #[error("holds more than {MAX_CHANGE_OPS} operations or their equal")]
    TooManyOperations,
    #[error("an operation other than putting text, a whole number or a truth value into a cell")]
    NotACellPut,
}

/// A change as its bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// SHA-256 as automerge takes it: the change's hash.
    pub hash: Sha256,
    pub deps: Vec<Sha256>,
    /// The author's actor, then the others that the operations refer to.
    pub actors: Vec<Vec<u8>>,
    pub seq: u64,
    pub start_op: u64,
    /// The author's clock, milliseconds since 1970 UTC.
    pub time: i64,
    pub ops: Vec<Op>,
}

impl Chunk {
    /// Parses one change chunk, which must fill `bytes` exactly.
    pub fn parse(bytes: &[u8]) -> Result<Self, ChunkError> {
        if bytes.len() > MAX_CHANGE_BYTES {
            return Err(ChunkError::TooLong);
        }
        let mut r = Reader(bytes);
        if r.take(4)? != MAGIC {
            return Err(ChunkError::NotAPlainChange);
        }
        let checksum = r.take(4)?;
        // The hash covers type, length and content; the checksum is its first four bytes.
        let hash = Sha256::of(r.0);
        if r.take(1)? != [CHANGE_CHUNK] {
            return Err(ChunkError::NotAPlainChange);
        }
        if hash.0[..4] != *checksum || r.uleb()? != r.0.len() as u64 {
            return Err(ChunkError::Malformed);
        }
        let mut deps = Vec::new();
        for _ in 0..r.count(MAX_DEPS)? {
            deps.push(Sha256::from_slice(r.take(32)?).map_err(|_| ChunkError::Malformed)?);
        }
        let mut actors = vec![r.prefixed()?.to_vec()];
        let (seq, start_op, time) = (r.uleb()?, r.uleb()?, r.sleb()?);
        // A message, and whatever follows the columns, is nothing that anyone would see.
        if r.uleb()? != 0 {
            return Err(ChunkError::NotAPlainChange);
        }
        for _ in 0..r.count(MAX_ACTORS)? {
            actors.push(r.prefixed()?.to_vec());
        }
        let mut specs = Vec::new();
        for _ in 0..r.count(32)? {
            specs.push((r.uleb()?, r.uleb()?));
        }
        let mut columns = Vec::new();
        for (spec, length) in specs {
            let length = usize::try_from(length).map_err(|_| ChunkError::Malformed)?;
            columns.push((spec, r.take(length)?));
        }
        if !r.0.is_empty() {
            return Err(ChunkError::NotAPlainChange);
        }
        let ops = columns::decode(&columns)?;
        let shape =
            all_different(&deps) && actors.iter().all(|a| a.len() == 16) && seq > 0 && start_op > 0;
        let ids = |op: &Op| op.replaces.iter().all(|(_, actor)| *actor < actors.len());
        let far = start_op
            .checked_add(ops.len() as u64)
            .is_none_or(|end| end > u64::from(u32::MAX));
        if !shape || far || !ops.iter().all(ids) {
            return Err(ChunkError::Malformed);
        }
        let chunk = Chunk {
            hash,
            deps,
            actors,
            seq,
            start_op,
            time,
            ops,
        };
        if chunk.is_in_order() && chunk.to_bytes() == bytes {
            Ok(chunk)
        } else {
            Err(ChunkError::NotCanonical)
        }
    }

    /// Whether actors and replaced operations stand as automerge lays them: each other actor is referred to
    /// and none stands twice, in ascending order; the operations that one replaces ascend by number, then
    /// by actor.
    fn is_in_order(&self) -> bool {
        let (own, others) = (&self.actors[0], &self.actors[1..]);
        let mut used = vec![false; self.actors.len()];
        for (_, actor) in self.ops.iter().flat_map(|op| &op.replaces) {
            used[*actor] = true;
        }
        let ids = |op: &Op| {
            let ids = op
                .replaces
                .iter()
                .map(|(n, actor)| (n, &self.actors[*actor]));
            ids.is_sorted_by(|a, b| a < b)
        };
        others.is_sorted_by(|a, b| a < b)
            && !others.contains(own)
            && used[1..].iter().all(|u| *u)
            && self.ops.iter().all(ids)
    }

    /// The change's bytes, as automerge writes them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut body = Vec::new();
        put_uleb(self.deps.len() as u64, &mut body);
        for dep in &self.deps {
            body.extend_from_slice(&dep.0);
        }
        put_bytes(&self.actors[0], &mut body);
        put_uleb(self.seq, &mut body);
        put_uleb(self.start_op, &mut body);
        put_sleb(self.time, &mut body);
        // No message.
        put_uleb(0, &mut body);
        put_uleb(self.actors.len() as u64 - 1, &mut body);
        for actor in &self.actors[1..] {
            put_bytes(actor, &mut body);
        }
        let columns = columns::encode(&self.ops);
        put_uleb(columns.len() as u64, &mut body);
        for (spec, data) in &columns {
            put_uleb(*spec, &mut body);
            put_uleb(data.len() as u64, &mut body);
        }
        for (_, data) in &columns {
            body.extend_from_slice(data);
        }
        let mut chunk = vec![CHANGE_CHUNK];
        put_uleb(body.len() as u64, &mut chunk);
        chunk.extend_from_slice(&body);
        let checksum = Sha256::of(&chunk);
        [&MAGIC[..], &checksum.0[..4], &chunk].concat()
    }

    /// The actor that made the change.
    pub fn actor(&self) -> &[u8] {
        &self.actors[0]
    }

    /// Number of its last operation.
    pub fn max_op(&self) -> u64 {
        self.start_op + self.ops.len() as u64 - 1
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_uleb(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn all_different(deps: &[Sha256]) -> bool {
    let mut sorted = deps.to_vec();
    sorted.sort();
    sorted.dedup();
    sorted.len() == deps.len()
}
