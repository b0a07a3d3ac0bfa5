//! Asks another tablet for what came into its log, and for photos that are not here.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use ::sync::ids::{Key, Sha256};
use ::sync::message::{self, BlobKind, BlobRef, Cursor, SyncRequest, SyncResponse, VERSION};
use ::sync::session::MAX_CHUNK;
use ::sync::signing::RequestAuth;

use super::super::sync::{apply_from_tablet, keep_photo, log_place, wanted_photo};
use super::super::{Agent, Open, lock, storage};
use super::{Hello, Knock};
use crate::api::Problem;
use crate::ports::{FetchAnswer, FetchError, FetchRequest};
use crate::store;

/// Most answers and photos in one pass: the next pass goes on.
const MOST_ANSWERS: usize = 500;
const MOST_PHOTOS: usize = 200;

/// Why a pass ended early, in words for a person.
struct Failed(String);

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Failed(problem.detail)
    }
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        tracing::debug!(%error, "another tablet");
        Failed(match error {
            FetchError::Offline(_) => {
                "连不上这台平板：请确认两台平板在同一网络，对方已打开“附近的平板”。".into()
            }
            FetchError::Stalled(_) => "这台平板没有回应，稍后自动重试。".into(),
            FetchError::Certificate(_) => "这台平板不属于同一检查组，没有与它交换任何内容。".into(),
            FetchError::BadAnswer(_) => "这台平板的回应无法读取。".into(),
        })
    }
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
                Err(Failed(words)) => tablet.error = Some(words),
            }
        }
        drop(state);
        self.touch();
    }

    async fn pull_all(self: &Arc<Self>, address: SocketAddr) -> Result<(Key, Hello), Failed> {
        let trusted = self.with_open(|open| open.colleagues())?;
        let port = lock(&self.nearby_state)
            .listening
            .first()
            .map(SocketAddr::port);
        let knock = serde_json::to_vec(&Knock { port }).unwrap_or_default();
        let path = "/nearby/v1/hello".to_owned();
        let (key, answer) = self.ask(address, &trusted, "POST", path, knock).await?;
        let hello: Hello = serde_json::from_slice(&answer.body)
            .map_err(|_| Failed("这台平板的回应无法读取。".into()))?;
        // From here on only this very tablet.
        let this = BTreeSet::from([key]);
        let mut offered = Vec::new();
        for _ in 0..MOST_ANSWERS {
            let body = self.with_open(|open| request(open, &hello.incarnation))?;
            let path = "/nearby/v1/sync".to_owned();
            let (_, answer) = self.ask(address, &this, "POST", path, body).await?;
            let response: SyncResponse = message::unpack(&answer.body)
                .map_err(|_| Failed("这台平板的回应无法读取。".into()))?;
            let news = !response.docs.is_empty() || !response.signatures.is_empty();
            offered.extend(response.offered.iter().cloned());
            let more = response.more;
            let (agent, now) = (self.clone(), self.now());
            let applied = tokio::task::spawn_blocking(move || {
                let applied = agent.with_open(|open| {
                    let applied = apply_from_tablet(open, &response, false, now);
                    if applied.is_err() {
                        // What is in memory may be ahead of the disk now.
                        open.records.clear();
                    }
                    applied
                });
                applied.and_then(|a| agent.note_unconfirmed().map(|()| a.notes))
            });
            let notes = applied.await.map_err(|e| Failed(e.to_string()))??;
            for note in notes {
                self.note(&note);
            }
            if news {
                self.touch();
                // What a colleague brought goes to the server from here too.
                self.wake_sync();
            }
            if !more {
                break;
            }
        }
        for blob in offered.into_iter().take(MOST_PHOTOS) {
            self.pull_photo(address, &this, blob).await?;
        }
        Ok((key, hello))
    }

    /// Thumbnails and renditions that are not here; hash first, then the file, then the row.
    async fn pull_photo(
        self: &Arc<Self>,
        address: SocketAddr,
        this: &BTreeSet<Key>,
        blob: BlobRef,
    ) -> Result<(), Failed> {
        let small = blob.kind != BlobKind::Original;
        if !small || !self.with_open(|open| wanted_photo(open, &blob))? {
            return Ok(());
        }
        let size = usize::try_from(blob.size).unwrap_or(usize::MAX);
        let mut bytes: Vec<u8> = Vec::new();
        while bytes.len() < size {
            let length = (size - bytes.len()).min(MAX_CHUNK as usize);
            let (task, sha256) = (blob.task, blob.sha256);
            let path = format!(
                "/nearby/v1/blobs/{task}/{sha256}?from={}&length={length}",
                bytes.len()
            );
            let (_, answer) = self.ask(address, this, "GET", path, Vec::new()).await?;
            if answer.body.is_empty() {
                break;
            }
            bytes.extend_from_slice(&answer.body);
        }
        if Sha256::of(&bytes) != blob.sha256 {
            return Ok(());
        }
        let (agent, now) = (self.clone(), self.now());
        let kept = tokio::task::spawn_blocking(move || keep_photo(&agent, &blob, &bytes, now));
        kept.await.map_err(|e| Failed(e.to_string()))??;
        self.touch();
        Ok(())
    }

    async fn ask(
        &self,
        address: SocketAddr,
        trusted: &BTreeSet<Key>,
        method: &'static str,
        path: String,
        body: Vec<u8>,
    ) -> Result<(Key, FetchAnswer), Failed> {
        let mut nonce = [0; 16];
        self.fill(&mut nonce);
        let now = self.now();
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
            limit: message::MAX_BODY_BYTES.max(MAX_CHUNK as usize),
        };
        let fetching = self.other_tablets.fetch(address, trusted.clone(), request);
        let (key, answer) = fetching.await?;
        match answer.status {
            200 => Ok((key, answer)),
            403 => Err(Failed("对方平板上没有与这台平板共同的任务。".into())),
            503 => Err(Failed(
                "对方平板还没有解锁，或没有打开“附近的平板”。".into(),
            )),
            status => Err(Failed(format!("对方平板没有接受请求（{status}）。"))),
        }
    }
}

/// Asks for what is behind the place to which that log was read.
fn request(open: &mut Open, incarnation: &str) -> Result<Vec<u8>, Problem> {
    let mut name = [0; 16];
    let known = hex::decode_to_slice(incarnation, &mut name).is_ok();
    let place = store::get_meta(&open.db, &log_place(&name)).map_err(storage)?;
    let seq = place.and_then(|b| Some(u64::from_be_bytes(b.try_into().ok()?)));
    let request = SyncRequest {
        v: VERSION,
        epoch: open.epoch,
        request: [0; 16],
        cursor: known.then_some(Cursor {
            incarnation: name,
            seq: seq.unwrap_or(0),
        }),
        authors: Vec::new(),
        docs: Vec::new(),
        signatures: Vec::new(),
        blobs: Vec::new(),
        status: None,
    };
    message::pack(&request).map_err(|e| Problem::internal(&e))
}
