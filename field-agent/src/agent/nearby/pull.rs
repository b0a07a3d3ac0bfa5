//! Asks another tablet for what came into its log, and for photos that are not here.
//!
//! Nothing that the other says is believed further than it can be checked: its certificate's key is a
//! colleague's, changes go through admission, a photo must be what the record names. What it can make
//! this tablet spend in one pass (answers, photos, bytes, rows of the store) is limited.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ::sync::ids::{Key, Sha256};
use ::sync::message::{self, BlobRef, Cursor, SyncRequest, SyncResponse, VERSION, WireError};
use ::sync::session::MAX_CHUNK;
use ::sync::signing::{RequestAuth, Sig};

use super::super::sync::{
    apply_from_tablet, apply_rosters, form_of, keep_photo, log_place, wanted_blob,
};
use super::super::{Agent, Open, lock, storage};
use super::{Hello, Knock, MOST_ROSTERS, ROSTER_BYTES, SignedRoster, to};
use crate::api::Problem;
use crate::api::fault::{Fault, NearbyFault};
use crate::ports::{FetchAnswer, FetchError, FetchRequest};
use crate::store::{self, queue};

/// Most answers and photos in one pass: the next pass goes on.
const MOST_ANSWERS: usize = 500;
const MOST_PHOTOS: usize = 200;
/// Longest introduction, in bytes, and what of it is shown.
const HELLO_BYTES: usize = 16 << 10;
const HELLO_NAMES: usize = 32;
const HELLO_CHARS: usize = 64;

/// Why a pass ended early: in words for a person, and their code.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) text: String,
    /// Of [`NearbyFault`], or of a [`Problem`] of this tablet itself.
    pub(super) code: String,
}

impl Failed {
    fn with(fault: NearbyFault, detail: &str) -> Self {
        Failed {
            text: fault.words(detail),
            code: fault.code(),
        }
    }

    /// Something of ours failed.
    pub(super) fn here(cause: &dyn std::fmt::Display) -> Self {
        Problem::internal(cause).into()
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Failed {
            text: problem.detail,
            code: problem.code,
        }
    }
}

impl From<NearbyFault> for Failed {
    fn from(fault: NearbyFault) -> Self {
        Failed::with(fault, "")
    }
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        tracing::debug!(%error, "another tablet");
        match error {
            FetchError::Offline(_) => NearbyFault::NotReached,
            FetchError::Stalled(_) => NearbyFault::NoAnswer,
            FetchError::Certificate(_) => NearbyFault::OtherTeam,
            FetchError::BadAnswer(_) => NearbyFault::BadAnswer,
        }
        .into()
    }
}

fn unreadable() -> Failed {
    NearbyFault::BadAnswer.into()
}

/// A tablet that showed the certificate of a colleague.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) address: SocketAddr,
    pub(super) key: Key,
}

impl Agent {
    /// Reads the log of the tablet at `address` to its end.
    pub async fn nearby_pass(self: &Arc<Self>, address: SocketAddr) {
        let outcome = self.pull_all(address).await;
        let now = self.now();
        let mut state = lock(&self.nearby_state);
        let asked = state.asked.clone();
        if let Some(tablet) = state.tablets.get_mut(&address) {
            match outcome {
                Ok((key, hello)) => {
                    if !asked.contains_key(&key) {
                        tablet.has_all = false;
                    }
                    tablet.key = Some(key);
                    tablet.name = hello.name;
                    tablet.people = hello.people;
                    tablet.last_success_at = Some(now);
                    tablet.error = None;
                }
                Err(failed) => {
                    // Whoever is there next time says so anew.
                    tablet.key = None;
                    tablet.error = Some(failed);
                }
            }
        }
        drop(state);
        self.touch();
    }

    async fn pull_all(self: &Arc<Self>, address: SocketAddr) -> Result<(Key, Hello), Failed> {
        let asked = self.who_is_at(address).await?;
        let turn = lock(&self.nearby_state).turn_of(asked.key);
        let _turn = turn.lock().await;
        let port = lock(&self.nearby_state)
            .listening
            .first()
            .map(SocketAddr::port);
        let knock = serde_json::to_vec(&Knock { port }).unwrap_or_default();
        let path = "/nearby/v1/hello";
        let answer = self.ask(&asked, "POST", path, knock, HELLO_BYTES).await?;
        let hello = introduction(&answered(answer)?.body)?;
        self.pull_rosters(&asked).await?;
        let mut log = [0; 16];
        hex::decode_to_slice(&hello.incarnation, &mut log).map_err(|_| unreadable())?;
        let offered = self.pull_log(&asked, log).await?;
        let mut photos = 0;
        for blob in offered {
            if photos == MOST_PHOTOS {
                break;
            }
            photos += usize::from(self.pull_photo(&asked, blob).await?);
        }
        self.pull_originals(&asked).await?;
        Ok((asked.key, hello))
    }

    /// Whose certificate is shown there: before anything is asked, since every question is signed for the
    /// tablet that it is put to.
    async fn who_is_at(&self, address: SocketAddr) -> Result<Asked, Failed> {
        let colleagues = self.with_open(|open| open.colleagues())?;
        let (known, expected) = {
            let state = lock(&self.nearby_state);
            let tablet = state.tablets.get(&address);
            (tablet.and_then(|t| t.key), tablet.and_then(|t| t.expected))
        };
        if let Some(key) = known.filter(|k| colleagues.contains(k)) {
            return Ok(Asked { address, key });
        }
        let trusted: BTreeSet<Key> = match expected {
            Some(key) => colleagues.into_iter().filter(|k| *k == key).collect(),
            None => colleagues,
        };
        let request = FetchRequest {
            method: "GET",
            path: "/nearby/v1".into(),
            headers: Vec::new(),
            body: Vec::new(),
            limit: HELLO_BYTES,
        };
        let met = self.other_tablets.fetch(address, trusted, request).await;
        match met {
            Ok((key, _)) => Ok(Asked { address, key }),
            Err(FetchError::Certificate(_)) if expected.is_some() => {
                Err(NearbyFault::OtherTablet.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for rosters that are newer there, page by page. By them the other may turn out to be no colleague any
    /// more.
    async fn pull_rosters(self: &Arc<Self>, asked: &Asked) -> Result<(), Failed> {
        let tasks = self.with_open(|open| {
            let rosters = open.rosters()?.into_iter();
            Ok(rosters.map(|(task, _)| task).collect::<Vec<_>>())
        })?;
        for page in tasks.chunks(MOST_ROSTERS) {
            // An answer holds what fits: as long as one brings something, there may be more.
            for _ in 0..MOST_ANSWERS {
                let known = self.with_open(|open| open.roster_versions(page))?;
                let Some(newer) = self.ask_rosters(asked, &known).await? else {
                    return Ok(());
                };
                if newer.is_empty() {
                    break;
                }
                self.take_rosters(asked, newer).await?;
                if self.with_open(|open| open.roster_versions(page))? == known {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The rosters that are newer there than these; `None` when its program is one that knows no such question.
    async fn ask_rosters(
        &self,
        asked: &Asked,
        known: &BTreeMap<String, u64>,
    ) -> Result<Option<Vec<SignedRoster>>, Failed> {
        let body = serde_json::to_vec(known).unwrap_or_default();
        let path = "/nearby/v1/rosters";
        let answer = self.ask(asked, "POST", path, body, 2 * ROSTER_BYTES);
        let answer = answer.await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let newer = serde_json::from_slice(&answered(answer)?.body);
        newer.map(Some).map_err(|_| unreadable())
    }

    /// Takes those in that the office signed; an error when the other is no colleague by them.
    async fn take_rosters(
        self: &Arc<Self>,
        asked: &Asked,
        newer: Vec<SignedRoster>,
    ) -> Result<(), Failed> {
        let mut rosters = Vec::new();
        for one in newer {
            let mut sig = [0; 64];
            hex::decode_to_slice(&one.sig, &mut sig).map_err(|_| unreadable())?;
            rosters.push((one.roster.into_bytes(), Sig(sig)));
        }
        let (agent, now) = (self.clone(), self.now());
        let applied = tokio::task::spawn_blocking(move || {
            let applied = agent.with_open(|open| {
                let applied = apply_rosters(open, &rosters, now);
                if applied.is_err() {
                    // What is in memory may be ahead of the disk now.
                    open.records.clear();
                }
                applied
            })?;
            let vault = lock(&agent.vault);
            for (person, certificate) in &applied.certificates {
                vault
                    .set_certificate(person, certificate)
                    .map_err(storage)?;
            }
            drop(vault);
            Ok::<_, Problem>(applied)
        });
        let applied = applied.await.map_err(|e| Failed::here(&e))??;
        for note in &applied.notes {
            self.note(note);
        }
        self.touch();
        if !self
            .with_open(|open| open.colleagues())?
            .contains(&asked.key)
        {
            return Err(FetchError::Certificate("no colleague any more".into()).into());
        }
        Ok(())
    }

    /// Reads the log to its end; photos that the other has.
    async fn pull_log(
        self: &Arc<Self>,
        asked: &Asked,
        log: [u8; 16],
    ) -> Result<Vec<BlobRef>, Failed> {
        for _ in 0..MOST_ANSWERS {
            let (body, seq) = self.with_open(|open| request(open, &asked.key, log))?;
            let most = message::MAX_BODY_BYTES;
            let answer = self
                .ask(asked, "POST", "/nearby/v1/sync", body, most)
                .await?;
            let response: SyncResponse =
                message::unpack(&answered(answer)?.body).map_err(|e| match e {
                    WireError::UnknownVersion(_) => NearbyFault::OtherVersion.into(),
                    _ => unreadable(),
                })?;
            // It speaks of its own log, and goes on in it.
            if response.cursor.incarnation != log {
                return Err(unreadable());
            }
            let more = response.more && response.cursor.seq > seq;
            let offered = self.take_answer(asked, response).await?;
            if !more {
                return Ok(offered);
            }
        }
        Ok(Vec::new())
    }

    async fn take_answer(
        self: &Arc<Self>,
        asked: &Asked,
        mut response: SyncResponse,
    ) -> Result<Vec<BlobRef>, Failed> {
        let offered = std::mem::take(&mut response.offered);
        let news = !response.docs.is_empty() || !response.signatures.is_empty();
        let (agent, now, from) = (self.clone(), self.now(), asked.key);
        let applied = tokio::task::spawn_blocking(move || {
            let applied = agent.with_open(|open| {
                let applied = apply_from_tablet(open, &response, Some(&from), now);
                if applied.is_err() {
                    // What is in memory may be ahead of the disk now.
                    open.records.clear();
                }
                applied
            });
            applied.and_then(|a| agent.note_unconfirmed().map(|()| a))
        });
        let applied = applied.await.map_err(|e| Failed::here(&e))??;
        for note in &applied.notes {
            self.note(note);
        }
        if news {
            self.touch();
            // What a colleague brought goes to the server from here too.
            self.wake_sync();
        }
        if applied.too_much {
            return Err(NearbyFault::MuchRefused.into());
        }
        Ok(offered)
    }

    /// A thumbnail or rendition that is not here; hash first, then the file, then the row. Whether it came.
    async fn pull_photo(self: &Arc<Self>, asked: &Asked, blob: BlobRef) -> Result<bool, Failed> {
        // Longer ones are not looked up at all.
        if blob.size > queue::MOST_RENDITION || !self.has_room(blob.size) {
            return Ok(false);
        }
        let wanted = self.with_open(|open| wanted_blob(open, &blob))?;
        let small = wanted.filter(|b| queue::comes_by_itself(form_of(b.kind), b.size));
        let Some(blob) = small else {
            return Ok(false);
        };
        let mut bytes: Vec<u8> = Vec::new();
        while (bytes.len() as u64) < blob.size {
            match self.stretch(asked, &blob, bytes.len() as u64).await? {
                Some(stretch) => bytes.extend_from_slice(&stretch),
                // It is not there any more; another tablet or the office has it.
                None => return Ok(false),
            }
        }
        if Sha256::of(&bytes) != blob.sha256 {
            self.note("a photo of another tablet was not what its name says");
            return Ok(false);
        }
        let (agent, now) = (self.clone(), self.now());
        let kept = tokio::task::spawn_blocking(move || keep_photo(&agent, &blob, &bytes, now));
        kept.await.map_err(|e| Failed::here(&e))??;
        self.touch();
        Ok(true)
    }

    /// The next bytes of a photo, as many as were asked for; `None` when the other does not have them.
    pub(super) async fn stretch(
        &self,
        asked: &Asked,
        blob: &BlobRef,
        from: u64,
    ) -> Result<Option<Vec<u8>>, Failed> {
        let length = (blob.size - from).min(MAX_CHUNK);
        let path = format!(
            "/nearby/v1/blobs/{}/{}?from={from}&length={length}",
            blob.task, blob.sha256
        );
        let most = MAX_CHUNK as usize;
        let answer = self.ask(asked, "GET", &path, Vec::new(), most).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let body = answered(answer)?.body;
        Ok((body.len() as u64 == length).then_some(body))
    }

    async fn ask(
        &self,
        asked: &Asked,
        method: &'static str,
        path: &str,
        body: Vec<u8>,
        limit: usize,
    ) -> Result<FetchAnswer, Failed> {
        let mut nonce = [0; 16];
        self.fill(&mut nonce);
        let (now, path) = (self.now(), to(path, &asked.key));
        let auth = self.with_open(|open| {
            Ok(RequestAuth::sign(
                &open.device,
                method,
                &path,
                &body,
                now,
                nonce,
            ))
        })?;
        let request = FetchRequest {
            method,
            path,
            headers: vec![("authorization".into(), auth.header())],
            body,
            limit,
        };
        // From here on only this very tablet.
        let this = BTreeSet::from([asked.key]);
        let fetching = self.other_tablets.fetch(asked.address, this, request);
        Ok(fetching.await?.1)
    }
}

fn answered(answer: FetchAnswer) -> Result<FetchAnswer, Failed> {
    match answer.status {
        200 => Ok(answer),
        403 => Err(NearbyFault::NoCommonTask.into()),
        503 => Err(NearbyFault::Closed.into()),
        status => Err(Failed::with(NearbyFault::NotTaken, &status.to_string())),
    }
}

/// What the other says of itself, cut to what a screen can show.
fn introduction(body: &[u8]) -> Result<Hello, Failed> {
    let mut hello: Hello = serde_json::from_slice(body).map_err(|_| unreadable())?;
    hello.people.truncate(HELLO_NAMES);
    for name in hello.people.iter_mut().chain([&mut hello.name]) {
        *name = name.chars().take(HELLO_CHARS).collect();
    }
    Ok(hello)
}

/// Asks for what is behind the place to which that tablet's log was read; the place.
fn request(open: &mut Open, asked: &Key, log: [u8; 16]) -> Result<(Vec<u8>, u64), Problem> {
    let place = store::get_meta(&open.db, &log_place(asked)).map_err(storage)?;
    // Another log than the one that was read is read from its beginning.
    let seq = place
        .as_deref()
        .and_then(|p| p.strip_prefix(log.as_slice()));
    let seq = seq.and_then(|b| Some(u64::from_be_bytes(b.try_into().ok()?)));
    let seq = seq.unwrap_or(0);
    let request = SyncRequest {
        v: VERSION,
        epoch: open.epoch,
        request: [0; 16],
        cursor: Some(Cursor {
            incarnation: log,
            seq,
        }),
        authors: Vec::new(),
        docs: Vec::new(),
        signatures: Vec::new(),
        blobs: Vec::new(),
        status: None,
    };
    let body = message::pack(&request).map_err(|e| Problem::internal(&e))?;
    Ok((body, seq))
}
