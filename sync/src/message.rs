//! The messages of `POST /sync/v1`: one round trip brings everything up and down.
//!
//! CBOR, in zstd with a dictionary that both sides derive from the schema. A body
//! is one byte, the version of the dictionary, then one zstd frame. The two messages are maps with
//! integer keys, so that later versions can add to them; what is in them are arrays. See
//! `docs/protocol.md`.

use std::sync::LazyLock;

use minicbor::{Decode, Encode};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use crate::admit::{Code, Offered};
use crate::author::Author;
use crate::ids::{Sha256, TaskId};
use crate::signing::Sig;
use crate::signoff::Signed;

/// The protocol version that this code speaks.
pub const VERSION: u32 = 1;
/// Greatest length of a body on the wire, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Greatest length of a body unpacked, in bytes.
pub const MAX_UNPACKED_BYTES: usize = 4 * 1024 * 1024;
const DICTIONARY_VERSION: u8 = 1;
/// A day's work is worth packing hard: the link is slower than the processor. A poll is not.
const LEVELS: (i32, i32) = (3, 15);
/// Bytes from which a body is packed hard.
const WORTH_IT: usize = 16 * 1024;

/// How far a device has read what the server has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Cursor {
    /// Random id of the server's store; another one means a store restored from a backup.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub incarnation: [u8; 16],
    /// Sequence of the last event that the device applied, 0 for none.
    #[n(1)]
    pub seq: u64,
}

/// Up: what the device has, and how far it has read.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SyncRequest {
    #[n(0)]
    pub v: u32,
    /// See [`Author::epoch`].
    #[n(1)]
    pub epoch: u32,
    /// Random; a repeated request is answered like the first, since changes are known by hash.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub request: [u8; 16],
    #[n(3)]
    pub cursor: Option<Cursor>,
    /// Authors of the changes in `docs`, by index.
    #[n(5)]
    pub authors: Vec<Author>,
    #[n(6)]
    pub docs: Vec<DocChanges>,
    #[n(7)]
    pub signatures: Vec<Signed>,
    /// Photos on the device that the server has not confirmed: it answers with what it has of them.
    #[n(8)]
    pub blobs: Vec<BlobRef>,
    #[n(9)]
    pub status: Option<DeviceStatus>,
}

/// Heads of one record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Tip {
    #[n(0)]
    pub task: TaskId,
    #[n(1)]
    pub heads: Vec<Sha256>,
}

/// Changes of one record, dependencies first.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DocChanges {
    #[n(0)]
    pub task: TaskId,
    #[n(1)]
    pub changes: Vec<Offered>,
}

/// What a blob is: a photo in one of its forms, or a clip. The order is that of sending.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum BlobKind {
    #[n(0)]
    Thumbnail,
    #[n(1)]
    Rendition,
    #[n(2)]
    Original,
    /// Video or sound of the visit (F9), untouched: sent when nothing else waits.
    #[n(3)]
    Clip,
}

impl BlobKind {
    /// Whether colleagues' tablets get it too, and it travels on every link.
    pub fn is_small(self) -> bool {
        matches!(self, BlobKind::Thumbnail | BlobKind::Rendition)
    }

    /// Greatest length in bytes; no cell names one that is longer. The small ones, which every tablet of
    /// a team gets by itself, are several times what a camera's picture comes to.
    pub const fn max_bytes(self) -> u64 {
        match self {
            BlobKind::Thumbnail => 256 << 10,
            BlobKind::Rendition => 4 << 20,
            BlobKind::Original => 64 << 20,
            BlobKind::Clip => crate::clip::MAX_BYTES,
        }
    }
}

/// A blob of a task, by content.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BlobRef {
    #[n(0)]
    pub task: TaskId,
    #[n(1)]
    pub sha256: Sha256,
    #[n(2)]
    pub size: u64,
    #[n(3)]
    pub kind: BlobKind,
}

/// What the fleet page shows of a tablet (X6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DeviceStatus {
    #[n(0)]
    pub version: String,
    /// Changes, signatures and photos that the server has not confirmed.
    #[n(1)]
    pub unsynced: u64,
    #[n(2)]
    pub free_bytes: u64,
    /// The device's clock, milliseconds since 1970 UTC.
    #[n(3)]
    pub clock: i64,
}

/// Down: verdicts on what came up, and what the device does not have yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SyncResponse {
    #[n(0)]
    pub v: u32,
    /// Milliseconds since 1970 UTC.
    #[n(1)]
    pub server_time: i64,
    /// To be stored in the transaction in which the rest is applied.
    #[n(2)]
    pub cursor: Cursor,
    /// There is more to fetch: ask again at once.
    #[n(3)]
    pub more: bool,
    /// One for each entry of the request's `docs`, in its order.
    #[n(4)]
    pub verdicts: Vec<DocVerdict>,
    /// One for each of the request's signatures, in its order.
    #[n(5)]
    pub signature_verdicts: Vec<SignatureVerdict>,
    #[n(6)]
    pub authors: Vec<Author>,
    #[n(7)]
    pub docs: Vec<DocChanges>,
    #[n(8)]
    pub signatures: Vec<Signed>,
    #[n(9)]
    pub grants: Vec<Grant>,
    #[n(10)]
    pub states: Vec<TaskState>,
    /// One for each of the request's blobs, in its order.
    #[n(11)]
    pub blobs: Vec<BlobState>,
    /// Blobs of its tasks that the server stores: thumbnails and renditions to be fetched, of originals and
    /// clips the word that they are safe.
    #[n(12)]
    pub offered: Vec<BlobRef>,
    /// The server does not know the cursor: its store was restored from a backup, or is another
    /// one. The device takes what is not under `tips` as unsent, asks anew for every photo, and
    /// reads the feed from the start.
    #[n(13)]
    pub restored: bool,
    /// With `restored`: the heads that the server has of the device's records.
    #[n(14)]
    pub tips: Vec<Tip>,
}

impl SyncResponse {
    /// An answer that says nothing yet but how far it goes and when (milliseconds since 1970 UTC).
    pub fn at(cursor: Cursor, server_time: i64) -> Self {
        SyncResponse {
            v: VERSION,
            server_time,
            cursor,
            more: false,
            verdicts: Vec::new(),
            signature_verdicts: Vec::new(),
            authors: Vec::new(),
            docs: Vec::new(),
            signatures: Vec::new(),
            grants: Vec::new(),
            states: Vec::new(),
            blobs: Vec::new(),
            offered: Vec::new(),
            restored: false,
            tips: Vec::new(),
        }
    }
}

/// What became of the changes of one record.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct DocVerdict {
    /// How many were stored durably, now or before.
    #[n(0)]
    pub stored: u32,
    /// The others.
    #[n(1)]
    pub held: Vec<Held>,
}

/// A change that is not in the record (yet).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Held {
    #[n(0)]
    pub hash: Sha256,
    /// `None`: kept until its dependencies come.
    #[n(1)]
    pub code: Option<Code>,
    /// For a person.
    #[n(2)]
    pub detail: String,
    /// With no code: why the server has not taken it now, such as [`QUARANTINE_FULL`]. Whoever does not
    /// know this field or its word takes the change for one that waits, and offers it again.
    #[n(3)]
    pub not_now: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignatureVerdict {
    #[n(0)]
    pub stored: bool,
    /// Why not, for a person.
    #[n(1)]
    pub detail: String,
    /// Not stored, and to be offered again: as in [`Held`].
    #[n(2)]
    pub not_now: Option<String>,
}

/// It would go to quarantine, and there a person must first look at what the tablet brought before.
pub const QUARANTINE_FULL: &str = "quarantine_full";

/// A task that the device's inspectors have, or have no more.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Grant {
    #[n(0)]
    pub task: TaskId,
    /// The task was withdrawn; the device keeps what it has and shows that.
    #[n(1)]
    pub withdrawn: bool,
    /// Canonical JSON of `facts::TaskFacts`; empty when withdrawn.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub facts: Vec<u8>,
    /// Canonical JSON of `facts::Roster`.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub roster: Vec<u8>,
    /// The server's signature over `roster`.
    #[n(4)]
    pub roster_sig: Option<Sig>,
}

/// Where a task stands at the office.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TaskState {
    #[n(0)]
    pub task: TaskId,
    #[n(1)]
    pub state: OfficeState,
    #[n(2)]
    pub round: u32,
}

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cbor(index_only)]
pub enum OfficeState {
    /// Given to the team.
    #[n(0)]
    Dispatched,
    /// All signatures are at the server.
    #[n(1)]
    Sealed,
    /// A new round is open.
    #[n(2)]
    Returned,
    #[n(3)]
    Accepted,
    #[n(4)]
    Withdrawn,
}

/// What the server has of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BlobState {
    /// Bytes of the prefix that are safely stored.
    #[n(0)]
    pub received: u64,
    /// Whole, and its hash checked: the receipt without which nothing is removed from a tablet.
    #[n(1)]
    pub stored: bool,
    /// The server does not take it: no admitted change of the task names it (yet).
    #[n(2)]
    pub unwanted: bool,
}

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error(
        "the body is longer than {MAX_BODY_BYTES} bytes, or unpacks to more than {MAX_UNPACKED_BYTES}"
    )]
    TooLong,
    #[error("dictionary version {0} is not known here")]
    UnknownDictionary(u8),
    #[error("the body is empty or not zstd")]
    NotZstd,
    #[error("the body is not the CBOR that is expected: {0}")]
    NotCbor(String),
    #[error("the message is of version {0} of the protocol, and {VERSION} is known here")]
    UnknownVersion(u32),
}

/// A message as it travels: its first key says by which version of the protocol it was written.
pub trait Message {
    /// Its key 0.
    fn version(&self) -> u32;
}

impl Message for SyncRequest {
    fn version(&self) -> u32 {
        self.v
    }
}

impl Message for SyncResponse {
    fn version(&self) -> u32 {
        self.v
    }
}

/// The version that a message says whose form is not the one that is known here.
fn version_of(plain: &[u8]) -> Option<u32> {
    let mut decoder = minicbor::Decoder::new(plain);
    for _ in 0..decoder.map().ok()?? {
        if decoder.u32().ok()? == 0 {
            return decoder.u32().ok();
        }
        decoder.skip().ok()?;
    }
    None
}

/// Packs a message for the wire.
pub fn pack<T: Encode<()>>(message: &T) -> Result<Vec<u8>, WireError> {
    let plain = minicbor::to_vec(message).map_err(|e| WireError::NotCbor(e.to_string()))?;
    let compressor = if plain.len() < WORTH_IT {
        zstd::bulk::Compressor::with_prepared_dictionary(&PREPARED.light)
    } else {
        zstd::bulk::Compressor::with_dictionary(LEVELS.1, &PREPARED.plain)
    };
    let packed = compressor
        .and_then(|mut c| c.compress(&plain))
        .map_err(|_| WireError::NotZstd)?;
    let mut body = Vec::with_capacity(packed.len() + 1);
    body.push(DICTIONARY_VERSION);
    body.extend_from_slice(&packed);
    Ok(body)
}

/// Unpacks a message that came from outside, within limits.
///
/// # Errors
/// Whatever makes it none that is known here, another version of the protocol first.
pub fn unpack<T: Message + for<'b> Decode<'b, ()>>(body: &[u8]) -> Result<T, WireError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(WireError::TooLong);
    }
    let (version, frame) = body.split_first().ok_or(WireError::NotZstd)?;
    if *version != DICTIONARY_VERSION {
        return Err(WireError::UnknownDictionary(*version));
    }
    // The frame says how long it unpacks; a frame that lies fails at that length.
    let size = zstd::zstd_safe::get_frame_content_size(frame);
    let size = size.ok().flatten().ok_or(WireError::NotZstd)?;
    let size = usize::try_from(size)
        .ok()
        .filter(|s| *s <= MAX_UNPACKED_BYTES)
        .ok_or(WireError::TooLong)?;
    let plain = zstd::bulk::Decompressor::with_prepared_dictionary(&PREPARED.unpacking)
        .and_then(|mut d| d.decompress(frame, size))
        .map_err(|_| WireError::NotZstd)?;
    let decoded: Result<T, _> = minicbor::decode(&plain);
    let version = decoded
        .as_ref()
        .map_or_else(|_| version_of(&plain), |m| Some(m.version()));
    match version.filter(|v| *v != VERSION) {
        Some(v) => Err(WireError::UnknownVersion(v)),
        None => decoded.map_err(|e| WireError::NotCbor(e.to_string())),
    }
}

/// The dictionary as zstd wants it, made once: for a poll that would be more work than packing it. What is
/// packed hard is not: a prepared dictionary brings the small tables of small bodies with it, which cost
/// large ones 7 %.
struct Prepared {
    plain: Vec<u8>,
    light: EncoderDictionary<'static>,
    unpacking: DecoderDictionary<'static>,
}

static PREPARED: LazyLock<Prepared> = LazyLock::new(|| {
    let plain = dictionary();
    Prepared {
        light: EncoderDictionary::copy(&plain, LEVELS.0),
        unpacking: DecoderDictionary::copy(&plain),
        plain,
    }
});

/// The raw-content dictionary, version 1: what bodies are made of, most frequent last. Both sides
/// must have the same bytes; a golden test holds them.
pub fn dictionary() -> Vec<u8> {
    let mut text = String::new();
    for word in FACT_WORDS {
        text.push_str(word);
    }
    for path in crate::cells::patterns() {
        let path = path.replace("{item}", "SC-001").replace("{point}", "p10");
        text.push_str(&path.replace("{id}", "0123456789abcdef").replace("{n}", "1"));
    }
    text.push_str("visit/start_atphoto/point/SC-001/p1/notepoint/SC-001/p1/answer");
    text.push_str("not_applicablenon_compliantcompliant");
    let mut bytes = text.into_bytes();
    // The frame of a change with one put: magic, chunk type, columns.
    bytes.extend_from_slice(&[
        0x06, 0x15, 0x16, 0x34, 0x01, 0x42, 0x02, 0x56, 0x02, 0x57, 0x09, 0x70, 0x02,
    ]);
    bytes.extend_from_slice(&[0x85, 0x6f, 0x4a, 0x83, 0x01, 0x01, 0x10]);
    bytes
}

/// The keys of task facts and check sheets, as JSON has them.
const FACT_WORDS: &[&str] = &[
    r#"{"department":"","department_name":"","from":"2026-","history":[],"notice":"","number":"抽查〔2026〕号-","#,
    r#""object":{"address":"深圳市","code":"91440300MA5","contact":"","district":"4403","id":"","industry":"","lat_e7":null,"lon_e7":null,"name":"","responsible":""},"#,
    r#""sheets":[{"basis":["《中华人民共和国法》"],"department":"","item":"","name":"检查","points":["#,
    r#"{"answer":{"kind":"verdict"},"basis":"《条例》","content":"","id":"p1","method":"现场查看、查阅资料","no":1,"note":"on_non_compliant","photo":"on_non_compliant","requirement":""},"#,
    r#""task":"","title":"","until":"2026-"}{"members":[{"certificate":"","keys":[{"device_key":"","key":""}],"name":"","person":"","role":"leader","unit":""}],"task":"","version":1}"#,
];
