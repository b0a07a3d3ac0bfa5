//! Reading a bundle that came from outside: within limits, and as far as it is whole.

use std::io::{self, Read};

use aead_stream::DecryptorBE32;
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::Payload;
use ed25519_dalek::SigningKey;

use super::sequence::{Frame, Sequence};
use super::{About, CHUNK, FRAME, HEADER, Header, MAGIC, MAX_HEADER_BYTES, MAX_PAYLOAD};
use super::{MAX_RECIPIENTS, TAG, Tasks, frame_body, info, kind, unseal};
use crate::ids::Sha256;
use crate::message::{self, BlobRef, SyncResponse, WireError};
use crate::signing::{self, Sig};

/// Why a bundle cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is something else.
    #[error("not a bundle")]
    NotABundle,
    /// Made by a later program.
    #[error("a bundle of version {0}, which is not known here")]
    UnknownVersion(char),
    /// The header does not parse, or its signature does not hold: nothing of it is believed.
    #[error("the header is damaged or forged")]
    BadHeader,
    /// Sealed for others.
    #[error("the bundle is not for this key")]
    NotForThisKey,
    /// The file ends too early: what came before was read.
    #[error("the bundle is cut off")]
    CutOff,
    /// From here on the content is damaged or forged: what came before was read.
    #[error("the bundle is damaged")]
    Damaged,
    /// It speaks of more than [`super::MAX_TASKS`] tasks: what came before was read.
    #[error("more than {} tasks in one bundle", super::MAX_TASKS)]
    TooManyTasks,
    /// A message of a later program: what came before was read.
    #[error("a message of version {0}, which is not known here")]
    UnknownMessage(u32),
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// A part of a bundle, in the order in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What an answer of the network would hold.
    Message(Box<SyncResponse>),
    /// A photo begins.
    Blob(BlobRef),
    /// The next bytes of the photo that was named last. Any other part ends it, whether it came whole or not.
    Bytes(Vec<u8>),
}

/// Reads one bundle.
pub struct BundleReader<R: Read> {
    input: R,
    about: About,
    bound: Sha256,
    /// `None` once the last chunk was opened.
    stream: Option<DecryptorBE32<XChaCha20Poly1305>>,
    /// The byte behind the last chunk that was read, by which its end is noticed.
    ahead: Option<u8>,
    plain: Vec<u8>,
    frames: u64,
    tasks: Tasks,
    sequence: Sequence,
    ended: bool,
}

/// Reads until `out` is full or the input ends; how much was read.
fn fill(input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < out.len() {
        match input.read(&mut out[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Reads magic, header and signature; the bytes of all three, and the header once its signature holds.
fn head(input: &mut impl Read) -> Result<(Vec<u8>, Header), BundleError> {
    let mut head = vec![0; MAGIC.len() + 4];
    let read = fill(input, &mut head)?;
    let (magic, version) = (&MAGIC[..7], head[7]);
    if read < head.len() || head[..7] != *magic {
        return Err(BundleError::NotABundle);
    }
    if version != MAGIC[7] {
        return Err(BundleError::UnknownVersion(char::from(version)));
    }
    let length = u32::from_be_bytes([head[8], head[9], head[10], head[11]]) as usize;
    if length > MAX_HEADER_BYTES {
        return Err(BundleError::BadHeader);
    }
    let start = head.len();
    head.resize(start + length + 64, 0);
    if fill(input, &mut head[start..])? < length + 64 {
        return Err(BundleError::BadHeader);
    }
    let (signed, signature) = head.split_at(start + length);
    let signature = Sig(signature.try_into().map_err(|_| BundleError::BadHeader)?);
    let header: Header = minicbor::decode(&signed[start..]).map_err(|_| BundleError::BadHeader)?;
    let holds = signing::verify(&header.sender, HEADER, signed, &signature);
    if !holds || header.recipients.len() > MAX_RECIPIENTS {
        return Err(BundleError::BadHeader);
    }
    Ok((head, header))
}

impl<R: Read> BundleReader<R> {
    /// Opens a bundle with the key of a tablet or a server.
    ///
    /// # Errors
    /// Everything that makes nothing of it readable. Whether its sender is to be trusted the caller
    /// must ask, by [`BundleReader::about`].
    pub fn open(mut input: R, secret: &SigningKey) -> Result<Self, BundleError> {
        let (head, header) = head(&mut input)?;
        let own = signing::public(secret);
        let recipient = header.recipients.iter().find(|r| r.key == own);
        let recipient = recipient.ok_or(BundleError::NotForThisKey)?;
        let info = info(&header.id, &header.sender);
        let content_key = unseal(recipient, &info, secret).ok_or(BundleError::BadHeader)?;
        Ok(BundleReader {
            input,
            about: header.about(),
            bound: Sha256::of(&head),
            stream: Some(DecryptorBE32::new(
                (&*content_key).into(),
                (&header.nonce).into(),
            )),
            ahead: None,
            plain: Vec::new(),
            frames: 0,
            tasks: Tasks::default(),
            sequence: Sequence::default(),
            ended: false,
        })
    }

    /// Who made it, when, for whom.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The next part; `None` at the end of a whole bundle.
    ///
    /// # Errors
    /// [`BundleError::CutOff`] or [`BundleError::Damaged`]: the parts before stand.
    pub fn next_part(&mut self) -> Result<Option<Part>, BundleError> {
        if self.ended {
            return Ok(None);
        }
        let length = self.peek_length()?;
        let most = MAX_PAYLOAD + super::FRAME_OVERHEAD;
        if !(super::FRAME_OVERHEAD..=most).contains(&length) {
            return Err(BundleError::Damaged);
        }
        self.need(4 + length)?;
        let frame = self.plain[4..4 + length].to_vec();
        self.plain.drain(..4 + length);
        let (content, signature) = frame.split_at(length - 64);
        let signature = Sig(signature.try_into().map_err(|_| BundleError::Damaged)?);
        let (kind, payload) = (content[0], &content[1..]);
        let body = frame_body(&self.about.id, self.frames, kind, payload);
        // Others hold the content key too: only the sender's signature says that it is the sender's.
        if !signing::verify(&self.about.sender, FRAME, &body, &signature) {
            return Err(BundleError::Damaged);
        }
        let part = match kind {
            kind::MESSAGE => {
                let message: SyncResponse = message::unpack(payload).map_err(|e| match e {
                    WireError::UnknownVersion(v) => BundleError::UnknownMessage(v),
                    _ => BundleError::Damaged,
                })?;
                self.goes_on(Frame::Message)?;
                if !self.tasks.note(&message) {
                    return Err(BundleError::TooManyTasks);
                }
                Part::Message(Box::new(message))
            }
            kind::BLOB => {
                let blob: BlobRef = minicbor::decode(payload).map_err(|_| BundleError::Damaged)?;
                self.goes_on(Frame::Blob(blob.size))?;
                if !self.tasks.note_one(blob.task) {
                    return Err(BundleError::TooManyTasks);
                }
                Part::Blob(blob)
            }
            kind::BYTES => {
                self.goes_on(Frame::Bytes(payload.len()))?;
                Part::Bytes(payload.to_vec())
            }
            kind::END => {
                let frames: u64 = minicbor::decode(payload).map_err(|_| BundleError::Damaged)?;
                if frames != self.frames || !self.plain.is_empty() || self.open_chunk()? {
                    return Err(BundleError::Damaged);
                }
                self.goes_on(Frame::End)?;
                self.ended = true;
                return Ok(None);
            }
            _ => return Err(BundleError::Damaged),
        };
        self.frames += 1;
        Ok(Some(part))
    }

    fn goes_on(&mut self, frame: Frame) -> Result<(), BundleError> {
        let stands = self.sequence.takes(frame);
        stands.then_some(()).ok_or(BundleError::Damaged)
    }

    fn peek_length(&mut self) -> Result<usize, BundleError> {
        self.need(4)?;
        let first = self.plain.first_chunk::<4>().copied();
        Ok(first.map_or(0, u32::from_be_bytes) as usize)
    }

    fn need(&mut self, bytes: usize) -> Result<(), BundleError> {
        while self.plain.len() < bytes {
            if !self.open_chunk()? {
                return Err(BundleError::Damaged);
            }
        }
        Ok(())
    }

    /// Opens one more chunk; false behind the last.
    fn open_chunk(&mut self) -> Result<bool, BundleError> {
        let Some(stream) = self.stream.as_mut() else {
            return Ok(false);
        };
        let mut sealed = vec![0; CHUNK + TAG];
        let mut had = 0;
        if let Some(byte) = self.ahead.take() {
            sealed[0] = byte;
            had = 1;
        }
        had += fill(&mut self.input, &mut sealed[had..])?;
        let mut ahead = [0];
        let whole = had == sealed.len();
        let goes_on = whole && fill(&mut self.input, &mut ahead)? == 1;
        if goes_on {
            self.ahead = Some(ahead[0]);
        }
        if whole {
            let payload = Payload {
                msg: &sealed,
                aad: &self.bound.0,
            };
            match stream.decrypt_next(payload) {
                Ok(plain) => {
                    self.plain.extend_from_slice(&plain);
                    return Ok(true);
                }
                Err(_) if goes_on => return Err(BundleError::Damaged),
                // A failure moves nothing: it may still be the last.
                Err(_) => {}
            }
        }
        // The file ends here: this must be the chunk that says so.
        let payload = Payload {
            msg: &sealed[..had],
            aad: &self.bound.0,
        };
        let stream = self.stream.take().ok_or(BundleError::Damaged)?;
        let plain = stream
            .decrypt_last(payload)
            .map_err(|_| BundleError::CutOff)?;
        self.plain.extend_from_slice(&plain);
        Ok(true)
    }
}
