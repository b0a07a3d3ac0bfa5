//! Photos and clips on their way in and out: content-addressed, resumable (the shape of tus 1.0, keyed by
//! content). Partial uploads are staged on local disk; the object store sees whole blobs only.
//!
//! A crash leaves at most bytes behind the noted offset, which the next chunk overwrites; an offset
//! is told only after its bytes are synced to disk. A blob is published only after its hash was
//! checked. What came of a chunk whose connection was cut is kept: on a slow link that is what makes
//! the difference between a cut that costs a moment and one that costs a chunk. Where the connection
//! hangs without an end, the tablet's next request about the blob makes the old one give up.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::sync::ids::Sha256;
use axum::body::Body;
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use sha2::Digest;
use tokio::sync::watch;

use super::store::{self, Device, FeedKind};
use crate::db::Db;
use crate::error::{AppError, Kind};
use crate::state::AppState;

/// Greatest chunk, in bytes.
pub const MAX_CHUNK: usize = 1024 * 1024;
/// Nothing came for so long: the connection is given up, and what came is kept.
const STALL: Duration = Duration::from_secs(60);
/// How long a request waits for an older one of the same device to give up.
const SETTLE: Duration = Duration::from_secs(5);

/// Where blobs are, and which are being written.
#[derive(Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    staging: PathBuf,
    writing: Writers,
}

/// Who writes which blob.
type Writers = Arc<Mutex<HashMap<String, Writer>>>;

struct Writer {
    device: String,
    /// Told when the same device asks anew.
    give_up: watch::Sender<bool>,
}

impl BlobStore {
    /// Whole blobs in `folder`, partial ones in `staging`.
    pub fn open(folder: &Path, staging: &Path) -> anyhow::Result<Self> {
        let objects = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(BlobStore {
            objects: Arc::new(objects),
            staging: staging.to_owned(),
            writing: Arc::default(),
        })
    }

    /// Reads a whole blob or a part of it.
    pub async fn read(
        &self,
        task: &str,
        sha256: &str,
        range: Option<std::ops::Range<u64>>,
    ) -> Result<Vec<u8>, AppError> {
        let options = GetOptions {
            range: range.map(GetRange::Bounded),
            ..GetOptions::default()
        };
        let found = self
            .objects
            .get_opts(&object_path(task, sha256), options)
            .await;
        let bytes = found
            .map_err(AppError::internal)?
            .bytes()
            .await
            .map_err(AppError::internal)?;
        Ok(bytes.to_vec())
    }

    /// A part of a whole blob as a body that is read as it goes.
    pub async fn stream(
        &self,
        task: &str,
        sha256: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Body, AppError> {
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let found = self
            .objects
            .get_opts(&object_path(task, sha256), options)
            .await;
        Ok(Body::from_stream(
            found.map_err(AppError::internal)?.into_stream(),
        ))
    }

    /// Publishes a staged file whose hash was checked; of a long one never more than a part is in
    /// memory.
    async fn publish(&self, task: &str, sha256: &str, staged: PathBuf) -> Result<(), AppError> {
        let path = object_path(task, sha256);
        let mut upload = self
            .objects
            .put_multipart(&path)
            .await
            .map_err(AppError::internal)?;
        let mut offset = 0;
        loop {
            let from = staged.clone();
            let part = tokio::task::spawn_blocking(move || read_part(&from, offset));
            let part = part
                .await
                .map_err(AppError::internal)?
                .map_err(AppError::internal)?;
            if part.is_empty() {
                break;
            }
            offset += part.len() as u64;
            upload
                .put_part(part.into())
                .await
                .map_err(|e| object_error(&e))?;
        }
        let done = upload.complete().await;
        done.map(drop).map_err(|e| object_error(&e))
    }

    /// Keeps whole bytes in `folder` under their hash; the same bytes again change nothing.
    pub async fn keep(&self, folder: &str, sha256: &str, bytes: Vec<u8>) -> Result<(), AppError> {
        let path = object_path(folder, sha256);
        let put = self.objects.put(&path, bytes.into()).await;
        put.map(|_| ()).map_err(AppError::internal)
    }

    fn staged(&self, task: &str, sha256: &str) -> PathBuf {
        self.staging.join(format!("{task}-{sha256}.part"))
    }

    /// Removes staged bytes of blobs that are whole: a crash between the two leaves them.
    pub async fn sweep(&self, db: &Db) -> Result<(), AppError> {
        let mut staged = Vec::new();
        for entry in fs::read_dir(&self.staging).map_err(AppError::internal)? {
            let name = entry.map_err(AppError::internal)?.file_name();
            let name = name.to_string_lossy();
            let parts = name.strip_suffix(".part").and_then(|n| n.rsplit_once('-'));
            staged.extend(parts.map(|(task, sha256)| (task.to_owned(), sha256.to_owned())));
        }
        let whole = db.read(move |tx| {
            let mut whole = Vec::new();
            for (task, sha256) in staged {
                if store::blob(tx, &task, &sha256)?.is_some_and(|row| row.stored) {
                    whole.push((task, sha256));
                }
            }
            Ok(whole)
        });
        for (task, sha256) in whole.await? {
            // Merely in the way, should this fail.
            let _ = fs::remove_file(self.staged(&task, &sha256));
        }
        Ok(())
    }

    /// One writer at a time for each blob; freed when dropped. An older request of the same device gives
    /// up: that device would not ask again if it still heard of it.
    async fn lock(&self, task: &str, sha256: &str, device: &str) -> Option<Writing> {
        self.settle(task, sha256, device).await;
        let name = format!("{task}/{sha256}");
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.contains_key(&name) {
            return None;
        }
        let (give_up, told) = watch::channel(false);
        let writer = Writer {
            device: device.to_owned(),
            give_up,
        };
        writing.insert(name.clone(), writer);
        Some(Writing {
            name,
            told,
            writing: self.writing.clone(),
        })
    }

    /// Has an older upload of the same device put away what it has, so that its offset is true.
    pub async fn settle(&self, task: &str, sha256: &str, device: &str) {
        let give_up = {
            let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            let own = writing.get(&format!("{task}/{sha256}"));
            own.filter(|w| w.device == device)
                .map(|w| w.give_up.clone())
        };
        if let Some(give_up) = give_up {
            give_up.send_replace(true);
            // Closed once the writer is gone; a disk that hangs must not hold up everything else.
            let _ = tokio::time::timeout(SETTLE, give_up.closed()).await;
        }
    }
}

struct Writing {
    name: String,
    told: watch::Receiver<bool>,
    writing: Writers,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.name);
    }
}

fn object_path(task: &str, sha256: &str) -> ObjectPath {
    ObjectPath::from_iter([task, &sha256[..2], sha256])
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub offset: u64,
    pub size: u64,
    /// Greatest size that is taken.
    pub limit: u64,
    pub stored: bool,
}

/// What the server has of a blob that an admitted change of the task names.
pub async fn progress(
    state: &AppState,
    device: &Device,
    task: String,
    sha256: String,
) -> Result<Progress, AppError> {
    let device = device.id.clone();
    let row = state
        .db
        .read(move |tx| {
            let visible = store::may_bring(tx, &device, &task)?;
            Ok(if visible {
                store::blob(tx, &task, &sha256)?
            } else {
                None
            })
        })
        .await?;
    let row = row.ok_or_else(|| AppError::not_found("blob"))?;
    Ok(Progress {
        offset: row.received,
        size: row.size,
        limit: row.kind.max_bytes(),
        stored: row.stored,
    })
}

/// A chunk on its way.
pub struct Piece {
    pub task: String,
    pub sha256: String,
    /// Where it begins.
    pub offset: u64,
    /// What its bytes must hash to when it came whole: the device signed that.
    pub signed: Sha256,
    pub body: Body,
}

/// Appends what comes of one chunk. When that completes the blob, checks the hash and publishes it.
/// Goes on when the caller is gone: what came is kept.
///
/// # Errors
/// `offset_differs` when the server is elsewhere (ask, and go on from there); `wrong_hash` when the
/// whole is not what its name says (starts again from zero); `cut` when not all of the chunk came.
pub async fn append(state: &AppState, device: &Device, piece: Piece) -> Result<Progress, AppError> {
    let begun = begin(state, device, &piece.task, &piece.sha256, piece.offset).await?;
    let (known, Some(lock)) = begun else {
        return Ok(begun.0);
    };
    let state = state.clone();
    let work = tokio::spawn(async move { keep_piece(&state, piece, known, lock).await });
    work.await.map_err(AppError::internal)?
}

/// Appends bytes that are here already, such as those of a file, as many as there are; else as [`append`].
pub async fn append_bytes(
    state: &AppState,
    device: &Device,
    (task, sha256): (String, String),
    offset: u64,
    bytes: Vec<u8>,
) -> Result<Progress, AppError> {
    let begun = begin(state, device, &task, &sha256, offset).await?;
    let (known, Some(lock)) = begun else {
        return Ok(begun.0);
    };
    if bytes.len() as u64 > known.size - offset {
        return Err(AppError::too_large("内容超过照片余下的长度"));
    }
    let state = state.clone();
    let name = (task, sha256);
    let work = tokio::spawn(async move {
        let done = store_chunk(&state, &name, offset, bytes, known).await?;
        drop(lock);
        right(done, &known)
    });
    work.await.map_err(AppError::internal)?
}

/// What is known of a blob, and the right to write it from `offset` on; without that when it is whole.
async fn begin(
    state: &AppState,
    device: &Device,
    task: &str,
    sha256: &str,
    offset: u64,
) -> Result<(Progress, Option<Writing>), AppError> {
    let busy = || AppError::new(Kind::Unavailable, "busy", "同一照片正在上传");
    let lock = state.blob_store.lock(task, sha256, &device.id).await;
    let lock = lock.ok_or_else(busy)?;
    let known = progress(state, device, task.to_owned(), sha256.to_owned()).await?;
    if known.stored {
        return Ok((known, None));
    }
    if known.size > known.limit {
        let text = format!("附件超过 {} MiB，不能上传", known.limit >> 20);
        return Err(AppError::too_large(text));
    }
    if offset != known.offset {
        return Err(elsewhere());
    }
    Ok((known, Some(lock)))
}

fn elsewhere() -> AppError {
    AppError::conflict(
        "offset_differs",
        "上传位置与服务器已有的不一致，请先查询再继续",
    )
}

/// Says so when all came and was not what its name says.
fn right(done: Progress, known: &Progress) -> Result<Progress, AppError> {
    if done.offset == 0 && !done.stored && known.size > 0 {
        return Err(AppError::new(
            Kind::Invalid,
            "wrong_hash",
            "收到的内容与其指纹不符，请从头上传",
        ));
    }
    Ok(done)
}

async fn keep_piece(
    state: &AppState,
    piece: Piece,
    known: Progress,
    mut lock: Writing,
) -> Result<Progress, AppError> {
    let room = usize::try_from(known.size - piece.offset).unwrap_or(usize::MAX);
    let (chunk, whole) = collect(piece.body, room.min(MAX_CHUNK), &mut lock.told).await?;
    if whole && Sha256::of(&chunk) != piece.signed {
        return Err(AppError::new(Kind::Malformed, "bad_body", "内容与签名不符"));
    }
    let name = (piece.task, piece.sha256);
    let done = store_chunk(state, &name, piece.offset, chunk, known).await?;
    drop(lock);
    // The connection is most likely gone; where it is not, the tablet goes on from there.
    if whole {
        right(done, &known)
    } else {
        Err(elsewhere())
    }
}

/// What comes of a body of at most `room` bytes, and whether it came to its end.
async fn collect(
    body: Body,
    room: usize,
    give_up: &mut watch::Receiver<bool>,
) -> Result<(Vec<u8>, bool), AppError> {
    let mut bytes = Vec::new();
    let mut parts = body.into_data_stream();
    loop {
        let next = tokio::select! {
            _ = give_up.wait_for(|told| *told) => return Ok((bytes, false)),
            next = tokio::time::timeout(STALL, parts.next()) => next,
        };
        match next {
            Ok(Some(Ok(part))) if bytes.len() + part.len() <= room => {
                bytes.extend_from_slice(&part)
            }
            Ok(Some(Ok(_))) => return Err(AppError::too_large("一块超过照片余下的长度或 1 MiB")),
            Ok(None) => return Ok((bytes, true)),
            Ok(Some(Err(_))) | Err(_) => return Ok((bytes, false)),
        }
    }
}

async fn store_chunk(
    state: &AppState,
    (task, sha256): &(String, String),
    offset: u64,
    chunk: Vec<u8>,
    known: Progress,
) -> Result<Progress, AppError> {
    if chunk.is_empty() && known.size > 0 {
        return Ok(known);
    }
    let path = state.blob_store.staged(task, sha256);
    let written = offset + chunk.len() as u64;
    let name = sha256.clone();
    let size = known.size;
    let whole =
        tokio::task::spawn_blocking(move || write_chunk(&path, offset, &chunk, size, &name))
            .await
            .map_err(AppError::internal)?
            .map_err(|e| storage_error(&e))?;
    let done = match whole {
        Whole::NotYet => Progress {
            offset: written,
            stored: false,
            ..known
        },
        Whole::Wrong => Progress {
            offset: 0,
            stored: false,
            ..known
        },
        Whole::Right => {
            let staged = state.blob_store.staged(task, sha256);
            state.blob_store.publish(task, sha256, staged).await?;
            Progress {
                offset: written,
                stored: true,
                ..known
            }
        }
    };
    note(state, task, sha256, done).await?;
    if done.stored {
        // Only now nobody needs the staged bytes; should this fail the next start removes them.
        let _ = fs::remove_file(state.blob_store.staged(task, sha256));
    }
    Ok(done)
}

async fn note(state: &AppState, task: &str, sha256: &str, done: Progress) -> Result<(), AppError> {
    let (task, sha256, now) = (task.to_owned(), sha256.to_owned(), state.now());
    state
        .db
        .write(move |tx| {
            if !done.stored {
                return Ok(store::blob_received(tx, &task, &sha256, done.offset)?);
            }
            if store::blob_stored(tx, &task, &sha256, now)? {
                store::tell_team(tx, &task, "", FeedKind::Blob, &sha256)?;
            }
            Ok(())
        })
        .await
}

enum Whole {
    NotYet,
    Right,
    Wrong,
}

fn write_chunk(
    path: &Path,
    offset: u64,
    chunk: &[u8],
    size: u64,
    sha256: &str,
) -> io::Result<Whole> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    // Bytes behind the noted offset are of a chunk that was never confirmed.
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(chunk)?;
    file.sync_data()?;
    if offset + (chunk.len() as u64) < size {
        return Ok(Whole::NotYet);
    }
    let mut hash = sha2::Sha256::new();
    let mut read = 0;
    while read < size {
        let part = read_part(path, read)?;
        if part.is_empty() {
            break;
        }
        hash.update(&part);
        read += part.len() as u64;
    }
    if hex::encode(hash.finalize()) == sha256 {
        return Ok(Whole::Right);
    }
    file.set_len(0)?;
    Ok(Whole::Wrong)
}

/// So many bytes of a blob are in memory at a time while it is published.
const PART: u64 = 8 << 20;

fn read_part(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut part = Vec::new();
    file.take(PART).read_to_end(&mut part)?;
    Ok(part)
}

/// An error of the object store; a full disk is told as such.
fn object_error(error: &object_store::Error) -> AppError {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(e) = cause {
        if let Some(io) = e.downcast_ref::<io::Error>() {
            return storage_error(io);
        }
        cause = e.source();
    }
    AppError::internal(error)
}

fn storage_error(error: &io::Error) -> AppError {
    if error.kind() == io::ErrorKind::StorageFull {
        return AppError::new(
            Kind::Unavailable,
            "server_full",
            "服务器存储空间不足，文件仍保存在平板上，请联系管理员",
        );
    }
    AppError::internal(error)
}
