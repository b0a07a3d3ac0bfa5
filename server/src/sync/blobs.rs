//! Photos and clips on their way in and out: content-addressed, resumable (the shape of tus 1.0, keyed by
//! content). Partial uploads are staged on local disk; the object store sees whole blobs only.
//!
//! Each device writes a copy of its own until one of them is whole and its hash right: what one sends,
//! however slowly, wrongly or half, keeps no other from bringing the same photo.
//!
//! A crash leaves at most bytes behind the noted offset, which the next chunk overwrites; an offset
//! is told only after its bytes are synced to disk. A blob is published only after its hash was
//! checked. What came of a chunk whose connection was cut is kept: on a slow link that is what makes
//! the difference between a cut that costs a moment and one that costs a chunk. Where the connection
//! hangs without an end, the tablet's next request about the blob makes the old one give up.

use std::collections::{BTreeMap, HashMap};
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
/// So much of what is not whole yet is kept of one device. Beyond it only its longest goes on.
const UNFINISHED: u64 = 4 << 30;
/// What nobody has gone on with for so long is removed: 30 days, in milliseconds.
const FORGOTTEN: i64 = 30 * 86_400_000;

/// Where blobs are, and which are being written.
#[derive(Clone)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    staging: PathBuf,
    writing: Writers,
}

/// A blob on its way in from one device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Upload {
    pub task: String,
    pub sha256: String,
    pub size: u64,
    /// Who brings it.
    pub device: String,
}

impl Upload {
    /// Name of the file with what has come.
    fn file(&self) -> String {
        let Upload {
            task,
            sha256,
            size,
            device,
        } = self;
        format!("{task}.{sha256}.{size}.{device}.part")
    }

    fn of_file(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(".part")?.split('.').map(str::to_owned);
        let upload = Upload {
            task: parts.next()?,
            sha256: parts.next()?,
            size: parts.next()?.parse().ok()?,
            device: parts.next()?,
        };
        Some(upload)
    }
}

/// What is being written; the sender is told when the same device asks anew.
type Writers = Arc<Mutex<HashMap<Upload, watch::Sender<bool>>>>;

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

    fn staged(&self, upload: &Upload) -> PathBuf {
        self.staging.join(upload.file())
    }

    /// Free bytes where uploads are kept; `None` when the system does not say.
    fn free_bytes(&self) -> Option<u64> {
        let told = rustix::fs::statvfs(&self.staging).ok()?;
        Some(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// Removes what nobody goes on with: copies of blobs that are whole by now (a crash between the two
    /// leaves them), files that no upload is noted of, and uploads that were left for a month.
    pub async fn sweep(&self, db: &Db, now: i64) -> Result<(), AppError> {
        let mut files: BTreeMap<String, Option<Upload>> = BTreeMap::new();
        for entry in fs::read_dir(&self.staging).map_err(AppError::internal)? {
            let name = entry.map_err(AppError::internal)?.file_name();
            let name = name.to_string_lossy().into_owned();
            if name.ends_with(".part") {
                let upload = Upload::of_file(&name);
                files.insert(name, upload);
            }
        }
        let keep = db.read(move |tx| Ok(store::uploads_since(tx, now - FORGOTTEN)?));
        let keep = keep.await?;
        for (name, upload) in files {
            if upload.as_ref().is_some_and(|u| keep.contains(u)) {
                continue;
            }
            // Whoever begins just now waits for nothing here: what is being written stays.
            let held = upload.map(|u| self.hold(u));
            if !matches!(held, Some(None)) {
                // Merely in the way, should this fail.
                let _ = fs::remove_file(self.staging.join(name));
            }
        }
        db.write(move |tx| Ok(store::forget_uploads(tx, now - FORGOTTEN)?))
            .await
    }

    /// One writer at a time for each upload; freed when dropped. `None` while there is another.
    fn hold(&self, upload: Upload) -> Option<Writing> {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if writing.contains_key(&upload) {
            return None;
        }
        let (give_up, told) = watch::channel(false);
        writing.insert(upload.clone(), give_up);
        Some(Writing {
            upload,
            told,
            writing: self.writing.clone(),
        })
    }

    /// Has an older request of the same upload put away what it has, so that its offset is true: the
    /// device would not ask again if it still heard of it.
    pub async fn settle(&self, upload: &Upload) {
        let give_up = {
            let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
            writing.get(upload).cloned()
        };
        if let Some(give_up) = give_up {
            give_up.send_replace(true);
            // Closed once the writer is gone; a disk that hangs must not hold up everything else.
            let _ = tokio::time::timeout(SETTLE, give_up.closed()).await;
        }
    }
}

struct Writing {
    upload: Upload,
    told: watch::Receiver<bool>,
    writing: Writers,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.upload);
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

/// What the server has of a blob that an admitted change of the task names: of what this device
/// brings, or the whole. Where the record names the hash with several sizes, `size` says which is meant;
/// without it the greatest is.
pub async fn progress(
    state: &AppState,
    device: &Device,
    (task, sha256): (String, String),
    size: Option<u64>,
) -> Result<Progress, AppError> {
    let device = device.id.clone();
    let row = state
        .db
        .read(move |tx| {
            if !store::may_bring(tx, &device, &task)? {
                return Ok(None);
            }
            let Some(row) = store::blob(tx, &task, &sha256, size)? else {
                return Ok(None);
            };
            let upload = Upload {
                task,
                sha256,
                size: row.size,
                device,
            };
            let offset = match row.stored {
                true => row.size,
                false => store::received(tx, &upload)?,
            };
            Ok(Some((row, offset)))
        })
        .await?;
    let (row, offset) = row.ok_or_else(|| AppError::not_found("blob"))?;
    Ok(Progress {
        offset,
        size: row.size,
        limit: row.kind.max_bytes(),
        stored: row.stored,
    })
}

/// A chunk on its way.
pub struct Piece {
    pub task: String,
    pub sha256: String,
    /// Length of the whole, as the device says.
    pub size: Option<u64>,
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
    let name = (piece.task.clone(), piece.sha256.clone());
    let begun = begin(state, device, name, piece.size, piece.offset).await?;
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
    name: (String, String),
    (size, offset): (u64, u64),
    bytes: Vec<u8>,
) -> Result<Progress, AppError> {
    let begun = begin(state, device, name, Some(size), offset).await?;
    let (known, Some(lock)) = begun else {
        return Ok(begun.0);
    };
    if bytes.len() as u64 > known.size - offset {
        return Err(AppError::too_large("内容超过照片余下的长度"));
    }
    let state = state.clone();
    let work = tokio::spawn(async move {
        let done = store_chunk(&state, &lock.upload, offset, bytes, known).await?;
        drop(lock);
        right(done, &known)
    });
    work.await.map_err(AppError::internal)?
}

/// What is known of a blob, and the right to write it from `offset` on; without that when it is whole.
async fn begin(
    state: &AppState,
    device: &Device,
    (task, sha256): (String, String),
    size: Option<u64>,
    offset: u64,
) -> Result<(Progress, Option<Writing>), AppError> {
    let known = progress(state, device, (task.clone(), sha256.clone()), size).await?;
    let upload = Upload {
        task: task.clone(),
        sha256: sha256.clone(),
        size: known.size,
        device: device.id.clone(),
    };
    state.blob_store.settle(&upload).await;
    let busy = || AppError::new(Kind::Unavailable, "busy", "同一照片正在上传");
    let lock = state.blob_store.hold(upload.clone()).ok_or_else(busy)?;
    // What an older request of the same device put away just now counts.
    let known = progress(state, device, (task, sha256), Some(known.size)).await?;
    if known.stored {
        return Ok((known, None));
    }
    if known.size > known.limit {
        let text = format!("附件超过 {}，不能上传", readable(known.limit));
        return Err(AppError::too_large(text));
    }
    if offset != known.offset {
        return Err(elsewhere());
    }
    room_for_more(state, upload).await?;
    Ok((known, Some(lock)))
}

fn readable(bytes: u64) -> String {
    match bytes {
        0..=1_048_575 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Refuses before anything is sent what the disk has no room for, and what one device begins and
/// does not finish.
async fn room_for_more(state: &AppState, upload: Upload) -> Result<(), AppError> {
    let needed = state.config.reserve.saturating_add(MAX_CHUNK as u64);
    if state.blob_store.free_bytes().is_some_and(|f| f < needed) {
        return Err(server_full());
    }
    let others = move |tx: &mut crate::db::Tx<'_>| Ok(store::unfinished(tx, &upload)?);
    let (own, longest, sum) = state.db.read(others).await?;
    if may_go_on(own, longest, sum) {
        return Ok(());
    }
    Err(AppError::conflict(
        "too_many_unfinished",
        "这台平板有过多没有传完的文件，先传完已经开始的才接收新的；内容仍保存在平板上",
    ))
}

/// Whether a device may send more of an upload of which `own` bytes are here, beside others of which the
/// longest has `longest` and all together `sum`. One can always go on, so that nobody is stuck.
fn may_go_on(own: u64, longest: u64, sum: u64) -> bool {
    sum.saturating_add(own) < UNFINISHED || own >= longest
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
    let done = store_chunk(state, &lock.upload, piece.offset, chunk, known).await?;
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
    upload: &Upload,
    offset: u64,
    chunk: Vec<u8>,
    known: Progress,
) -> Result<Progress, AppError> {
    if chunk.is_empty() && known.size > 0 {
        return Ok(known);
    }
    let path = state.blob_store.staged(upload);
    let written = offset + chunk.len() as u64;
    let name = upload.sha256.clone();
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
            let staged = state.blob_store.staged(upload);
            let (task, sha256) = (&upload.task, &upload.sha256);
            state.blob_store.publish(task, sha256, staged).await?;
            Progress {
                offset: written,
                stored: true,
                ..known
            }
        }
    };
    for copy in note(state, upload, done).await? {
        // Only now nobody needs the staged bytes; should this fail the next sweep removes them.
        let _ = fs::remove_file(state.blob_store.staged(&copy));
    }
    Ok(done)
}

/// Notes how far an upload is. Returns the copies that nobody needs any more, of whichever device.
async fn note(state: &AppState, upload: &Upload, done: Progress) -> Result<Vec<Upload>, AppError> {
    let (upload, now) = (upload.clone(), state.now());
    state
        .db
        .write(move |tx| {
            if !done.stored {
                store::note_upload(tx, &upload, done.offset, now)?;
                return Ok(Vec::new());
            }
            if store::blob_stored(tx, &upload, now)? {
                store::tell_team(tx, &upload.task, "", FeedKind::Blob, &upload.sha256)?;
            }
            let mut copies = store::end_uploads(tx, &upload.task, &upload.sha256)?;
            copies.push(upload);
            Ok(copies)
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
    // Less than was noted: somebody cleared the folder, and what is left is of no use.
    if file.metadata()?.len() < offset {
        file.set_len(0)?;
        return Ok(Whole::Wrong);
    }
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
        return server_full();
    }
    AppError::internal(error)
}

fn server_full() -> AppError {
    AppError::new(
        Kind::Unavailable,
        "server_full",
        "服务器存储空间不足，文件仍保存在平板上，请联系管理员",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::first(0, 0, 0, true)]
    #[case::among_few(0, 1 << 30, 2 << 30, true)]
    #[case::one_too_many(0, 1 << 30, UNFINISHED, false)]
    #[case::the_longest_ends(2 << 30, 1 << 30, UNFINISHED, true)]
    #[case::another_waits(1 << 20, 2 << 30, UNFINISHED, false)]
    fn what_one_device_begins_and_does_not_finish_has_a_limit(
        #[case] own: u64,
        #[case] longest: u64,
        #[case] sum: u64,
        #[case] expected: bool,
    ) {
        assert_eq!(may_go_on(own, longest, sum), expected);
    }

    #[test]
    fn the_name_of_a_copy_tells_the_upload() {
        let upload = Upload {
            task: "0193a1b2-0000-7000-8000-000000000001".into(),
            sha256: "ab".repeat(32),
            size: 12,
            device: "cd".repeat(16),
        };
        assert_eq!(Upload::of_file(&upload.file()), Some(upload));
        assert_eq!(Upload::of_file("0193a1b2-0000-ab.part"), None);
    }
}
