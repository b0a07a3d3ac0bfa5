//! Photos on their way in and out: content-addressed, resumable (the shape of tus 1.0, keyed by
//! content). Partial uploads are staged on local disk; the object store sees whole blobs only.
//!
//! A crash leaves at most bytes behind the noted offset, which the next chunk overwrites; an offset
//! is told only after its bytes are synced to disk. A blob is published only after its hash was
//! checked.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use sha2::Digest;

use super::store::{self, Device, FeedKind};
use crate::error::{AppError, Kind};
use crate::state::AppState;

/// Greatest photo or other attachment, in bytes.
pub const MAX_BLOB: u64 = 64 * 1024 * 1024;
/// Greatest chunk, in bytes.
pub const MAX_CHUNK: usize = 1024 * 1024;

/// Where blobs are, and which are being written.
#[derive(Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    staging: PathBuf,
    writing: Arc<Mutex<HashSet<String>>>,
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

    /// Keeps whole bytes in `folder` under their hash; the same bytes again change nothing.
    pub async fn keep(&self, folder: &str, sha256: &str, bytes: Vec<u8>) -> Result<(), AppError> {
        let path = object_path(folder, sha256);
        let put = self.objects.put(&path, bytes.into()).await;
        put.map(|_| ()).map_err(AppError::internal)
    }

    fn staged(&self, task: &str, sha256: &str) -> PathBuf {
        self.staging.join(format!("{task}-{sha256}.part"))
    }

    /// One writer at a time for each blob; freed when dropped.
    fn lock(&self, name: String) -> Option<Writing> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.insert(name.clone()).then(|| Writing {
            name,
            writing: self.writing.clone(),
        })
    }
}

struct Writing {
    name: String,
    writing: Arc<Mutex<HashSet<String>>>,
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
        stored: row.stored,
    })
}

/// Appends one chunk at `offset`. When it completes the blob, checks the hash and publishes it.
///
/// # Errors
/// `offset_differs` when the server is elsewhere (ask, and go on from there); `wrong_hash` when the
/// whole is not what its name says (starts again from zero).
pub async fn append(
    state: &AppState,
    device: &Device,
    task: String,
    sha256: String,
    offset: u64,
    chunk: Vec<u8>,
) -> Result<Progress, AppError> {
    let known = progress(state, device, task.clone(), sha256.clone()).await?;
    if known.stored {
        return Ok(known);
    }
    if known.size > MAX_BLOB {
        return Err(AppError::too_large("附件超过 64 MiB，不能上传"));
    }
    if offset != known.offset || offset + chunk.len() as u64 > known.size {
        return Err(AppError::conflict(
            "offset_differs",
            "上传位置与服务器已有的不一致，请先查询再继续",
        ));
    }
    let busy = || AppError::new(Kind::Unavailable, "busy", "同一照片正在上传");
    let lock = state
        .blob_store
        .lock(format!("{task}/{sha256}"))
        .ok_or_else(busy)?;
    let path = state.blob_store.staged(&task, &sha256);
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
        Whole::Right(bytes) => {
            let put = state
                .blob_store
                .objects
                .put(&object_path(&task, &sha256), bytes.into())
                .await;
            put.map_err(AppError::internal)?;
            Progress {
                offset: written,
                stored: true,
                ..known
            }
        }
    };
    note(state, &task, &sha256, done).await?;
    if done.stored {
        // Only now nobody needs the staged bytes; should this fail they are merely in the way.
        let _ = fs::remove_file(state.blob_store.staged(&task, &sha256));
    }
    drop(lock);
    if done.offset == 0 && !done.stored && written > 0 {
        return Err(AppError::new(
            Kind::Invalid,
            "wrong_hash",
            "收到的内容与其指纹不符，请从头上传",
        ));
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
            let row = store::blob(tx, &task, &sha256)?;
            let is_news = store::blob_stored(tx, &task, &sha256, now)?;
            let for_colleagues = row.is_some_and(|r| r.kind != ::sync::message::BlobKind::Original);
            if is_news && for_colleagues {
                store::tell_team(tx, &task, "", FeedKind::Blob, &sha256)?;
            }
            Ok(())
        })
        .await
}

enum Whole {
    NotYet,
    Right(Vec<u8>),
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
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    if hex::encode(sha2::Sha256::digest(&bytes)) == sha256 {
        return Ok(Whole::Right(bytes));
    }
    file.set_len(0)?;
    Ok(Whole::Wrong)
}

fn storage_error(error: &io::Error) -> AppError {
    if error.kind() == io::ErrorKind::StorageFull {
        return AppError::new(
            Kind::Unavailable,
            "server_full",
            "服务器存储空间不足，照片仍保存在平板上，请联系管理员",
        );
    }
    AppError::internal(error)
}
