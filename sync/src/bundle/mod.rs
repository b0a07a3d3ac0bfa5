//! The bundle: what tablets and the office have to tell each other, as one encrypted file (F6, the last
//! resort where no network is for days).
//!
//! A bundle is the messages of the network in an envelope. It says nothing that its sender could not
//! have said on a wire, and whoever opens it admits nothing that a wire would not have brought in. It
//! can be read any number of times, in any order, and as far as it is whole. See `docs/protocol.md`.

mod chunks;
mod read;
mod sequence;
mod write;

use std::collections::BTreeSet;

use ed25519_dalek::{SigningKey, VerifyingKey};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

pub use chunks::FromChunks;
pub use read::{BundleError, BundleReader, Part};
pub use write::{BundleWriter, MAX_BLOB_BYTES};

use crate::ids::{Key, Sha256, TaskId};
use crate::message::SyncResponse;

/// The first bytes of every bundle; the last of them is the version of the format.
pub const MAGIC: &[u8; 8] = b"DRBUNDL1";
/// Greatest length of the header, in bytes.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Most keys for which one bundle is sealed.
pub const MAX_RECIPIENTS: usize = 64;
/// Most tasks that one bundle speaks of: whoever reads it holds a line for each.
pub const MAX_TASKS: usize = 10_000;
/// Plain bytes of one chunk of the stream; only the last has fewer.
pub const CHUNK: usize = 64 * 1024;
/// What the sender signs of the header.
pub const HEADER: &str = "application/vnd.double-random.bundle.v1";
/// What the sender signs of each frame.
pub const FRAME: &str = "application/vnd.double-random.bundle-frame.v1";

const TAG: usize = 16;
const SEALED: usize = 32 + TAG;
/// Of a frame: kind and signature.
const FRAME_OVERHEAD: usize = 1 + 64;
/// Greatest payload of a frame: a packed message or a stretch of a photo.
const MAX_PAYLOAD: usize = 1024 * 1024;

/// Kinds of frames.
mod kind {
    /// A packed `SyncResponse`.
    pub const MESSAGE: u8 = 1;
    /// CBOR of a `BlobRef`, whose bytes follow.
    pub const BLOB: u8 = 2;
    /// Bytes of the blob that was named last.
    pub const BYTES: u8 = 3;
    /// Nothing follows.
    pub const END: u8 = 4;
}

/// One for whom a bundle is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Recipient {
    /// Ed25519 key of the tablet or the server.
    #[n(0)]
    key: Key,
    /// Encapsulated key (HPKE).
    #[cbor(n(1), with = "minicbor::bytes")]
    enc: [u8; 32],
    /// The content key, sealed.
    #[cbor(n(2), with = "minicbor::bytes")]
    sealed: [u8; SEALED],
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Header {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[n(1)]
    sender: Key,
    #[n(2)]
    made_at: i64,
    #[cbor(n(3), with = "minicbor::bytes")]
    nonce: [u8; 19],
    #[n(4)]
    recipients: Vec<Recipient>,
}

/// What a bundle says of itself before anything of it is decrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Random name of the bundle.
    pub id: [u8; 16],
    /// Device key of the tablet that made it, or the server's key; its signature holds.
    pub sender: Key,
    /// By the sender's clock, milliseconds since 1970 UTC.
    pub made_at: i64,
    /// For whom it is sealed.
    pub recipients: Vec<Key>,
}

impl Header {
    fn about(&self) -> About {
        About {
            id: self.id,
            sender: self.sender,
            made_at: self.made_at,
            recipients: self.recipients.iter().map(|r| r.key).collect(),
        }
    }
}

/// The keys of tablets and servers are Ed25519; what is sealed for them uses the same key in its
/// Montgomery form (docs/adr/0007).
type Sealing = X25519HkdfSha256;
type SealingKey = <Sealing as Kem>::PublicKey;
type OpeningKey = <Sealing as Kem>::PrivateKey;

fn sealing_key(key: &Key) -> Option<SealingKey> {
    let key = VerifyingKey::from_bytes(&key.0).ok()?;
    // A key of small order would seal for everybody.
    if key.is_weak() {
        return None;
    }
    SealingKey::from_bytes(key.to_montgomery().as_bytes()).ok()
}

fn opening_key(secret: &SigningKey) -> Option<OpeningKey> {
    let bytes = Zeroizing::new(secret.to_scalar_bytes());
    OpeningKey::from_bytes(bytes.as_slice()).ok()
}

/// What the sealed content key is bound to: this bundle of this sender.
fn info(id: &[u8; 16], sender: &Key) -> Vec<u8> {
    let mut out = b"double-random/bundle/v1\n".to_vec();
    out.extend_from_slice(id);
    out.extend_from_slice(&sender.0);
    out
}

fn seal(
    recipient: &Key,
    info: &[u8],
    content_key: &[u8; 32],
    random: &mut write::Filling<'_>,
) -> Option<Recipient> {
    let public = sealing_key(recipient)?;
    let (enc, sealed) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, Sealing>(
        &OpModeS::Base,
        &public,
        info,
        content_key,
        &recipient.0,
        random,
    )
    .ok()?;
    Some(Recipient {
        key: *recipient,
        enc: enc.to_bytes().as_slice().try_into().ok()?,
        sealed: sealed.try_into().ok()?,
    })
}

fn unseal(recipient: &Recipient, info: &[u8], secret: &SigningKey) -> Option<Zeroizing<[u8; 32]>> {
    let enc = <Sealing as Kem>::EncappedKey::from_bytes(&recipient.enc).ok()?;
    let opened = hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Sealing>(
        &OpModeR::Base,
        &opening_key(secret)?,
        &enc,
        info,
        &recipient.sealed,
        &recipient.key.0,
    )
    .ok()?;
    let opened = Zeroizing::new(opened);
    <[u8; 32]>::try_from(opened.as_slice())
        .ok()
        .map(Zeroizing::new)
}

/// What the sender signs of a frame: which bundle, which place, which kind, what.
fn frame_body(id: &[u8; 16], index: u64, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend_from_slice(&index.to_be_bytes());
    out.push(kind);
    out.extend_from_slice(&Sha256::of(payload).0);
    out
}

/// The tasks of which a bundle has spoken so far.
#[derive(Default)]
struct Tasks(BTreeSet<TaskId>);

impl Tasks {
    /// Notes what a message speaks of; false when that is too much for one bundle.
    fn note(&mut self, message: &SyncResponse) -> bool {
        let docs = message.docs.iter().map(|d| d.task);
        let signatures = message.signatures.iter().map(|s| s.task);
        let grants = message.grants.iter().map(|g| g.task);
        let states = message.states.iter().map(|s| s.task);
        let mut all = docs.chain(signatures).chain(grants).chain(states);
        all.all(|task| self.note_one(task))
    }

    fn note_one(&mut self, task: TaskId) -> bool {
        self.0.insert(task);
        self.0.len() <= MAX_TASKS
    }
}

/// Bytes of a bundle with messages and photos of so many bytes, about.
pub fn estimated_bytes(messages: u64, blobs: u64) -> u64 {
    let plain = messages.saturating_add(blobs);
    let frames = 2 + plain / MAX_PAYLOAD as u64;
    let chunks = 1 + plain / CHUNK as u64;
    plain
        .saturating_add(frames * 80)
        .saturating_add(chunks * TAG as u64)
        .saturating_add(2_000)
}
