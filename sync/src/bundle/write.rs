//! Writing a bundle, as a stream: nothing of it is held but one chunk.

use std::convert::Infallible;
use std::io::{self, Write};

use aead_stream::EncryptorBE32;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::Payload;
use ed25519_dalek::SigningKey;
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroizing;

use super::sequence::{Frame, Sequence};
use super::{CHUNK, FRAME, HEADER, Header, MAGIC, MAX_PAYLOAD, MAX_RECIPIENTS};
use super::{Tasks, frame_body, info, kind, seal};
use crate::ids::{Key, Sha256};
use crate::message::{self, BlobRef, SyncResponse};
use crate::signing;

/// Most bytes of a photo in one frame.
pub const MAX_BLOB_BYTES: usize = MAX_PAYLOAD;

/// Randomness as it is passed in, in the form that the sealing wants.
pub(super) struct Filling<'a>(pub &'a mut dyn FnMut(&mut [u8]));

impl TryRng for Filling<'_> {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(out);
        Ok(())
    }
}

impl TryCryptoRng for Filling<'_> {}

/// Writes one bundle to `out`.
pub struct BundleWriter<'a, W: Write> {
    out: W,
    sender: &'a SigningKey,
    id: [u8; 16],
    /// Of magic, header and signature; in every chunk's authentication.
    bound: Sha256,
    stream: EncryptorBE32<XChaCha20Poly1305>,
    plain: Vec<u8>,
    frames: u64,
    tasks: Tasks,
    sequence: Sequence,
}

fn refused(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why.to_owned())
}

fn too_many_tasks() -> io::Error {
    refused("a bundle speaks of at most 10,000 tasks")
}

impl<'a, W: Write> BundleWriter<'a, W> {
    /// Begins a bundle of `sender` for `recipients`. `random` must be fit for keys.
    ///
    /// # Errors
    /// No recipient or more than [`MAX_RECIPIENTS`], a key that is none, and what `out` says.
    pub fn new(
        mut out: W,
        sender: &'a SigningKey,
        recipients: &[Key],
        made_at: i64,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> io::Result<Self> {
        if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
            return Err(refused("a bundle is for 1 to 64 recipients"));
        }
        let (mut id, mut nonce) = ([0; 16], [0; 19]);
        let mut content_key = Zeroizing::new([0; 32]);
        random(&mut id);
        random(&mut nonce);
        random(content_key.as_mut_slice());
        let public = signing::public(sender);
        let info = info(&id, &public);
        let mut filling = Filling(random);
        let mut sealed = Vec::new();
        for key in recipients {
            let one = seal(key, &info, &content_key, &mut filling);
            sealed.push(one.ok_or_else(|| refused("a recipient's key is no key"))?);
        }
        let header = Header {
            id,
            sender: public,
            made_at,
            nonce,
            recipients: sealed,
        };
        let header = minicbor::to_vec(&header).map_err(io::Error::other)?;
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&(header.len() as u32).to_be_bytes());
        head.extend_from_slice(&header);
        let signature = signing::sign(sender, HEADER, &head);
        head.extend_from_slice(&signature.0);
        out.write_all(&head)?;
        Ok(BundleWriter {
            out,
            sender,
            id,
            bound: Sha256::of(&head),
            stream: EncryptorBE32::new((&*content_key).into(), (&nonce).into()),
            plain: Vec::with_capacity(CHUNK * 2),
            frames: 0,
            tasks: Tasks::default(),
            sequence: Sequence::default(),
        })
    }

    /// Changes, statements, grants: what an answer of the network would hold.
    pub fn message(&mut self, message: &SyncResponse) -> io::Result<()> {
        if !self.tasks.note(message) {
            return Err(too_many_tasks());
        }
        let packed = message::pack(message).map_err(io::Error::other)?;
        self.goes_on(Frame::Message)?;
        self.frame(kind::MESSAGE, &packed)
    }

    /// Begins a photo; its bytes follow.
    pub fn blob(&mut self, blob: &BlobRef) -> io::Result<()> {
        if !self.tasks.note_one(blob.task) {
            return Err(too_many_tasks());
        }
        let name = minicbor::to_vec(blob).map_err(io::Error::other)?;
        self.goes_on(Frame::Blob(blob.size))?;
        self.frame(kind::BLOB, &name)
    }

    /// The next bytes of the photo, at most [`MAX_BLOB_BYTES`].
    ///
    /// # Errors
    /// No photo was begun, or they are more than it was said to have.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.goes_on(Frame::Bytes(bytes.len()))?;
        self.frame(kind::BYTES, bytes)
    }

    /// Ends the bundle; without this it is read as one that was cut off.
    pub fn finish(mut self) -> io::Result<W> {
        let frames = minicbor::to_vec(self.frames).map_err(io::Error::other)?;
        self.frame(kind::END, &frames)?;
        let payload = Payload {
            msg: &self.plain,
            aad: &self.bound.0,
        };
        let last = self
            .stream
            .encrypt_last(payload)
            .map_err(io::Error::other)?;
        self.out.write_all(&last)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn goes_on(&mut self, frame: Frame) -> io::Result<()> {
        let stands = self.sequence.takes(frame);
        stands
            .then_some(())
            .ok_or_else(|| refused("these bytes belong to no photo"))
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        if payload.len() > MAX_PAYLOAD {
            return Err(refused("a frame holds at most 1 MiB"));
        }
        let body = frame_body(&self.id, self.frames, kind, payload);
        let signature = signing::sign(self.sender, FRAME, &body);
        let length = (payload.len() + super::FRAME_OVERHEAD) as u32;
        self.plain.extend_from_slice(&length.to_be_bytes());
        self.plain.push(kind);
        self.plain.extend_from_slice(payload);
        self.plain.extend_from_slice(&signature.0);
        self.frames += 1;
        // The last chunk is written by `finish`, so one byte stays.
        let mut done = 0;
        while self.plain.len() - done > CHUNK {
            let payload = Payload {
                msg: &self.plain[done..done + CHUNK],
                aad: &self.bound.0,
            };
            let sealed = self
                .stream
                .encrypt_next(payload)
                .map_err(io::Error::other)?;
            self.out.write_all(&sealed)?;
            done += CHUNK;
        }
        self.plain.drain(..done);
        Ok(())
    }
}

impl BundleWriter<'_, Vec<u8>> {
    /// What was written since the last call, for an output that is handed on piece by piece.
    pub fn take_written(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}
