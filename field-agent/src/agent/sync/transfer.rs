//! Moves photos and clips in chunks: `PATCH` up, `GET` down, by content hash.

use std::sync::Arc;

use sync::ids::Sha256;
use sync::message::{BlobKind, BlobRef};
use sync::session::{Direction, Failure, Transfer};

use super::super::photos::write_failed;
use super::super::{Agent, Open, lock, storage};
use super::pack::form_of;
use super::receipts::blob_pause;
use super::{StepFailure, words};
use crate::api::Problem;
use crate::api::fault::{Fault, FileFault};
use crate::ports::FetchAnswer;
use crate::store::blobs::{BlobWriter, piece};
use crate::store::{delivery, queue, tasks};

/// Pause before a file is tried again with which the server is busy, and the longest for which it may ask.
const BUSY_MS: i64 = 5_000;
const MAX_BUSY_MS: i64 = 60_000;

/// How long to leave a file alone of which the server still holds an earlier request of this device;
/// `None`: the answer is another.
fn busy_for(answer: &FetchAnswer) -> Option<i64> {
    if answer.status != 503 || words::problem_code(answer).as_deref() != Some("busy") {
        return None;
    }
    let asked = answer.header("retry-after");
    let asked = asked.and_then(|s| s.trim().parse::<i64>().ok());
    let pause = asked.map_or(BUSY_MS, |seconds| seconds.saturating_mul(1_000));
    Some(pause.clamp(1_000, MAX_BUSY_MS))
}

fn path(transfer: &Transfer) -> String {
    format!("/blobs/{}/{}", transfer.blob.task, transfer.blob.sha256)
}

fn upload_offset(answer: &FetchAnswer) -> Option<u64> {
    answer.header("upload-offset")?.trim().parse().ok()
}

impl Agent {
    pub(super) async fn move_chunk(
        self: &Arc<Self>,
        server: &str,
        transfer: Transfer,
        length: u64,
    ) -> Result<u64, StepFailure> {
        match transfer.direction {
            Direction::Up => self.upload(server, transfer, length).await,
            Direction::Down => self.download(server, transfer, length).await,
        }
    }

    async fn upload(
        self: &Arc<Self>,
        server: &str,
        transfer: Transfer,
        length: u64,
    ) -> Result<u64, StepFailure> {
        let chunk = {
            let transfer = transfer.clone();
            self.on_disk(move |a| a.read_chunk(&transfer, length))
                .await?
        };
        let headers = vec![
            ("upload-offset".into(), transfer.offset.to_string()),
            ("upload-length".into(), transfer.blob.size.to_string()),
        ];
        let answer = self
            .signed_fetch(server, "PATCH", path(&transfer), headers, chunk, 64 * 1024)
            .await
            .map_err(|e| words::network(&e))?;
        match (answer.status, upload_offset(&answer)) {
            // 409: the server has another prefix than we thought; it says which.
            (200..=299 | 409, Some(offset))
                if offset <= transfer.blob.size
                    && (answer.status != 409 || offset != transfer.offset) =>
            {
                self.on_disk(move |a| {
                    a.with_open(|open| {
                        let (task, sha256) = (
                            transfer.blob.task.to_string(),
                            transfer.blob.sha256.to_string(),
                        );
                        queue::set_sent(
                            &open.db,
                            &task,
                            &sha256,
                            i64::try_from(offset).unwrap_or(i64::MAX),
                        )
                        .map_err(storage)
                    })
                    .map_err(|p| StepFailure::storage(&p))
                })
                .await?;
                self.touch();
                Ok(offset)
            }
            _ => Err(self.blob_failed(&transfer, &answer).await),
        }
    }

    fn read_chunk(&self, transfer: &Transfer, length: u64) -> Result<Vec<u8>, StepFailure> {
        let blobs = self
            .with_open(|open| Ok(open.blobs.clone()))
            .map_err(|p| StepFailure::storage(&p))?;
        let (offset, length) = (
            usize::try_from(transfer.offset).unwrap_or(usize::MAX),
            usize::try_from(length).unwrap_or(0),
        );
        blobs
            .read_range(&transfer.blob.sha256.to_string(), offset, length)
            .map_err(|e| {
                tracing::error!(%e, "photo");
                self.note_blob_failure(transfer, &FileFault::DamagedHere.kept(""), true);
                StepFailure {
                    failure: Failure::ThisBlob,
                    error: None,
                }
            })
    }

    /// Keeps why a transfer came to naught, as [`Fault::kept`].
    fn note_blob_failure(&self, transfer: &Transfer, why: &str, permanent: bool) {
        let now = self.now();
        let noted = self.with_open(|open| {
            let (task, sha256) = (
                transfer.blob.task.to_string(),
                transfer.blob.sha256.to_string(),
            );
            let failures = queue::get(&open.db, &task, &sha256)
                .map_err(storage)?
                .map_or(0, |r| r.failures);
            queue::fail(
                &open.db,
                &task,
                &sha256,
                why,
                permanent,
                now + blob_pause(failures),
            )
            .map_err(storage)
        });
        if let Err(problem) = noted {
            tracing::error!(%problem, "a photo's failure could not be noted");
        }
        self.touch();
    }

    /// Another device is sending the same file: it has its turn, and all else goes on.
    fn leave_alone(&self, transfer: &Transfer, pause: i64) -> Result<(), StepFailure> {
        let next_at = self.now() + pause;
        let (task, sha256) = (
            transfer.blob.task.to_string(),
            transfer.blob.sha256.to_string(),
        );
        self.with_open(|open| queue::pause(&open.db, &task, &sha256, next_at).map_err(storage))
            .map_err(|p| StepFailure::storage(&p))
    }

    /// One photo that fails does not hold up the others (lesson 4), unless the server itself is down.
    async fn blob_failed(
        self: &Arc<Self>,
        transfer: &Transfer,
        answer: &FetchAnswer,
    ) -> StepFailure {
        if let Some(pause) = busy_for(answer) {
            let transfer = transfer.clone();
            let noted = self.on_disk(move |a| a.leave_alone(&transfer, pause)).await;
            return noted.err().unwrap_or(StepFailure {
                failure: Failure::ThisBlob,
                error: None,
            });
        }
        if answer.status >= 500 || matches!(answer.status, 401 | 429) {
            return words::status(answer);
        }
        let (why, permanent) = match answer.status {
            413 => (FileFault::TooLarge.kept(""), true),
            403 | 404 | 410 => (FileFault::UnknownThere.kept(""), false),
            status => (FileFault::NotTaken.kept(&status.to_string()), false),
        };
        let transfer = transfer.clone();
        let noted = self
            .on_disk(move |a| {
                a.note_blob_failure(&transfer, &why, permanent);
                Ok(())
            })
            .await;
        noted.err().unwrap_or(StepFailure {
            failure: Failure::ThisBlob,
            error: None,
        })
    }

    async fn download(
        self: &Arc<Self>,
        server: &str,
        transfer: Transfer,
        length: u64,
    ) -> Result<u64, StepFailure> {
        let last = (transfer.offset + length).saturating_sub(1);
        let headers = vec![("range".into(), format!("bytes={}-{last}", transfer.offset))];
        let limit = usize::try_from(transfer.blob.size.max(length))
            .unwrap_or(usize::MAX)
            .saturating_add(1024);
        let answer = self
            .signed_fetch(server, "GET", path(&transfer), headers, Vec::new(), limit)
            .await
            .map_err(|e| words::network(&e))?;
        let chunk = match answer.status {
            206 => answer.body,
            200 => answer
                .body
                .get(usize::try_from(transfer.offset).unwrap_or(usize::MAX)..)
                .unwrap_or_default()
                .to_vec(),
            _ => return Err(self.blob_failed(&transfer, &answer).await),
        };
        if chunk.is_empty() && transfer.blob.size > 0 {
            return Err(self
                .blob_failed(
                    &transfer,
                    &FetchAnswer {
                        status: 404,
                        ..FetchAnswer::default()
                    },
                )
                .await);
        }
        self.on_disk(move |a| a.keep_part(&transfer, chunk)).await
    }

    /// Keeps the next bytes of a photo on the disk, so that a tablet that is switched off goes on from there; how
    /// many are here now.
    fn keep_part(&self, transfer: &Transfer, chunk: Vec<u8>) -> Result<u64, StepFailure> {
        let blobs = self
            .with_open(|open| Ok(open.blobs.clone()))
            .map_err(|p| StepFailure::storage(&p))?;
        let (size, sha256) = (transfer.blob.size, transfer.blob.sha256.to_string());
        let came = transfer.offset + chunk.len() as u64;
        if came < size {
            let name = piece(&sha256, transfer.offset);
            let written = blobs.write(
                &[(name.as_str(), chunk.as_slice())],
                self.space.as_ref(),
                lock(&self.random).as_mut(),
            );
            written.map_err(|e| StepFailure::storage(&write_failed(&e)))?;
            return Ok(came);
        }
        let mut whole = Vec::new();
        for name in blobs.pieces(&sha256).0 {
            let part = blobs.read(&name);
            whole.extend(part.map_err(|e| StepFailure::storage(&write_failed(&e)))?);
        }
        whole.truncate(usize::try_from(transfer.offset).unwrap_or(usize::MAX));
        whole.extend_from_slice(&chunk);
        let kept = self.keep_download(transfer, whole);
        // Right or wrong, they are of no more use.
        blobs
            .remove_pieces(&sha256)
            .map_err(|e| StepFailure::storage(&write_failed(&e)))?;
        kept.map(|()| size)
    }

    /// Hash first, then the file, then the row: a cut leaves nothing that is taken for whole (lesson 29).
    fn keep_download(&self, transfer: &Transfer, bytes: Vec<u8>) -> Result<(), StepFailure> {
        if Sha256::of(&bytes) != transfer.blob.sha256 {
            self.note_blob_failure(transfer, &FileFault::Differs.kept(""), false);
            return Err(StepFailure {
                failure: Failure::ThisBlob,
                error: None,
            });
        }
        let (task, sha256) = (
            transfer.blob.task.to_string(),
            transfer.blob.sha256.to_string(),
        );
        let blobs = self
            .with_open(|open| Ok(open.blobs.clone()))
            .map_err(|p| StepFailure::storage(&p))?;
        let written = blobs.write(
            &[(&sha256, &bytes)],
            self.space.as_ref(),
            lock(&self.random).as_mut(),
        );
        let kept = written.map_err(|e| write_failed(&e)).and_then(|()| {
            self.with_open(|open| queue::arrived(&open.db, &task, &sha256).map_err(storage))
        });
        self.touch();
        kept.map_err(|p| StepFailure::storage(&p))
    }
}

/// A photo or clip that is offered and is one to keep here: named by the record with this hash and length, not
/// here yet, and no longer than its kind may be. Of what kind it is the record says, not who offers it; where it
/// says several, the smallest.
pub(in crate::agent) fn wanted_blob(
    open: &mut Open,
    blob: &BlobRef,
) -> Result<Option<BlobRef>, Problem> {
    let task = blob.task.to_string();
    if tasks::get(&open.db, &task).map_err(storage)?.is_none() {
        return Ok(None);
    }
    let sha256 = blob.sha256.to_string();
    let row = queue::get(&open.db, &task, &sha256).map_err(storage)?;
    if row.is_some_and(|row| row.here) {
        return Ok(None);
    }
    let view = &open.record(blob.task)?.view;
    let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
    let names = |entry: &str, name: &str| {
        view.entries(entry).iter().any(|id| {
            view.text(&format!("{entry}/{id}/{name}sha256")) == sha256
                && view.int(&format!("{entry}/{id}/{name}size")) == Some(size)
        })
    };
    let kinds = [
        (BlobKind::Thumbnail, "photo", "thumbnail_"),
        (BlobKind::Rendition, "photo", "rendition_"),
        (BlobKind::Original, "photo", ""),
        (BlobKind::Clip, "clip", ""),
    ];
    let named = kinds
        .into_iter()
        .find(|(_, entry, name)| names(entry, name));
    Ok(named
        .map(|(kind, ..)| BlobRef {
            kind,
            ..blob.clone()
        })
        .filter(|b| b.size <= b.kind.max_bytes()))
}

/// Begins to keep such a blob, whose bytes come one after the other; the room for it is taken now.
pub(in crate::agent) fn begin_blob(agent: &Agent, blob: &BlobRef) -> Result<BlobWriter, Problem> {
    let blobs = agent.with_open(|open| Ok(open.blobs.clone()))?;
    let begun = blobs.begin(
        blob.size,
        agent.space.as_ref(),
        lock(&agent.random).as_mut(),
    );
    begun.map_err(|e| write_failed(&e))
}

/// Keeps what has come, when it is whole and what its name says. The server may not have it yet: then
/// it goes up from here.
pub(in crate::agent) fn keep_blob(
    agent: &Agent,
    blob: &BlobRef,
    come: BlobWriter,
    now: i64,
) -> Result<bool, Problem> {
    let arrived = match come.finish() {
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
        finished => finished.map_err(|e| write_failed(&e))?,
    };
    if arrived.sha256 != blob.sha256 {
        return Ok(false);
    }
    let (task, sha256) = (blob.task.to_string(), blob.sha256.to_string());
    let blobs = agent.with_open(|open| Ok(open.blobs.clone()))?;
    blobs.publish(arrived).map_err(|e| write_failed(&e))?;
    let size = i64::try_from(blob.size).unwrap_or(i64::MAX);
    agent.with_open(|open| {
        let form = form_of(blob.kind);
        queue::put(
            &open.db,
            &task,
            &sha256,
            form,
            size,
            true,
            delivery::HERE,
            now,
        )
        .map_err(storage)
    })?;
    Ok(true)
}

/// The same for one that is here as a whole.
pub(in crate::agent) fn keep_photo(
    agent: &Agent,
    blob: &BlobRef,
    bytes: &[u8],
    now: i64,
) -> Result<(), Problem> {
    let mut come = begin_blob(agent, blob)?;
    come.push(bytes).map_err(|e| write_failed(&e))?;
    keep_blob(agent, blob, come, now).map(drop)
}
