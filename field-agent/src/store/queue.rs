//! Photo bytes and how far they are on their way.

use rusqlite::{Connection, OptionalExtension, Row, params};

/// A thumbnail is sent before renditions, then originals, clips last.
pub mod form {
    #[allow(missing_docs)]
    pub const THUMBNAIL: i64 = 1;
    #[allow(missing_docs)]
    pub const RENDITION: i64 = 2;
    #[allow(missing_docs)]
    pub const ORIGINAL: i64 = 3;
    /// Video or sound, as it came.
    pub const CLIP: i64 = 4;
}

/// One blob of a task.
#[derive(Debug, Clone)]
pub struct BlobRow {
    pub task: String,
    pub sha256: String,
    pub form: i64,
    pub size: i64,
    /// The bytes are on this tablet.
    pub here: bool,
    pub delivery: i64,
    /// Bytes that the server has acknowledged.
    pub sent: i64,
    pub error: Option<String>,
    pub permanent: bool,
    pub failures: u32,
    pub next_at: i64,
}

const COLUMNS: &str =
    "task, sha256, form, size, here, delivery, sent, error, permanent, failures, next_at";

fn row(r: &Row<'_>) -> rusqlite::Result<BlobRow> {
    Ok(BlobRow {
        task: r.get(0)?,
        sha256: r.get(1)?,
        form: r.get(2)?,
        size: r.get(3)?,
        here: r.get(4)?,
        delivery: r.get(5)?,
        sent: r.get(6)?,
        error: r.get(7)?,
        permanent: r.get(8)?,
        failures: r.get(9)?,
        next_at: r.get(10)?,
    })
}

/// Notes a blob: ours to send (`here`), or one that is not here and that the server says it has. Of bytes that
/// are here that is no receipt.
#[allow(clippy::too_many_arguments, reason = "the columns of one row")]
pub fn put(
    db: &Connection,
    task: &str,
    sha256: &str,
    form: i64,
    size: i64,
    here: bool,
    delivery: i64,
    at: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO blob(task, sha256, form, size, here, delivery, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT(task, sha256) DO UPDATE SET here = max(here, ?5),
           delivery = CASE WHEN max(here, ?5) = 0 THEN max(delivery, ?6) ELSE delivery END",
    )?
    .execute(params![task, sha256, form, size, here, delivery, at])
    .map(drop)
}

/// The blobs of a task.
pub fn of_task(db: &Connection, task: &str) -> rusqlite::Result<Vec<BlobRow>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blob WHERE task = ?1 ORDER BY form, at"
    ))?
    .query_map([task], row)?
    .collect()
}

/// Thumbnails and renditions that are here, those that came last first.
pub fn small_here(db: &Connection) -> rusqlite::Result<Vec<BlobRow>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blob WHERE here = 1 AND form <= 2 ORDER BY at DESC, form"
    ))?
    .query_map([], row)?
    .collect()
}

/// One blob.
pub fn get(db: &Connection, task: &str, sha256: &str) -> rusqlite::Result<Option<BlobRow>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blob WHERE task = ?1 AND sha256 = ?2"
    ))?
    .query_row([task, sha256], row)
    .optional()
}

/// Longest pause before a blob is tried again, in milliseconds: the first, doubled with each failure, at most a day.
pub const FIRST_PAUSE_MS: i64 = 60_000;
/// See [`FIRST_PAUSE_MS`].
pub const MAX_PAUSE_MS: i64 = 86_400_000;
/// So many times it is doubled.
pub const MAX_DOUBLINGS: u32 = 11;

/// Whether a blob's pause is over at `?1`. One that would last longer than any pause after so many failures was
/// noted while the clock stood elsewhere: it is over.
const DUE: &str = "(next_at <= ?1 OR next_at > ?1 + min(60000 << min(failures, 11), 86400000))";

/// Blobs that are to be sent now: thumbnails first, then renditions, originals, clips. The server takes none
/// whose photo or clip it does not know, so they wait for what was written with them or before.
pub fn to_send(db: &Connection, now: i64, limit: usize) -> rusqlite::Result<Vec<BlobRow>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blob WHERE here = 1 AND delivery <> 2 AND delivery = 0 AND permanent = 0 AND {DUE}
           AND NOT EXISTS (SELECT 1 FROM change WHERE change.task = blob.task AND change.delivery = 0 AND change.at <= blob.at)
         ORDER BY form, at LIMIT ?2"
    ))?
    .query_map(params![now, limit as i64], row)?
    .collect()
}

/// Whether originals or clips are still to be sent.
pub fn originals_left(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM blob WHERE here = 1 AND delivery = 0 AND permanent = 0 AND form >= 3)",
        [],
        |r| r.get(0),
    )
}

/// Longest thumbnail and longest rendition that comes by itself, in bytes: of its size a record only claims.
pub const MOST_THUMBNAIL: u64 = 256 << 10;
/// See [`MOST_THUMBNAIL`].
pub const MOST_RENDITION: u64 = 4 << 20;

/// Whether a file comes to a tablet that nobody has asked for it.
pub fn comes_by_itself(form: i64, size: u64) -> bool {
    match form {
        form::THUMBNAIL => size <= MOST_THUMBNAIL,
        form::RENDITION => size <= MOST_RENDITION,
        _ => false,
    }
}

/// Thumbnails and renditions that the server has and that are not here yet, as far as they come by themselves.
pub fn to_fetch(db: &Connection, now: i64, limit: usize) -> rusqlite::Result<Vec<BlobRow>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blob WHERE here = 0 AND delivery = 2 AND permanent = 0 AND {DUE}
           AND (form = 1 AND size <= ?3 OR form = 2 AND size <= ?4) ORDER BY form, at LIMIT ?2"
    ))?
    .query_map(
        params![
            now,
            limit as i64,
            MOST_THUMBNAIL as i64,
            MOST_RENDITION as i64
        ],
        row,
    )?
    .collect()
}

/// Blobs of this tablet to ask the server about: those that wait for their receipt, then the next
/// ones to be sent. Those that pause do not stand in the way of the others. The server knows none whose
/// photo or clip it has not heard of: of those only what was written up to `position` of the log, which
/// goes with the question.
pub fn unconfirmed(
    db: &Connection,
    now: i64,
    position: i64,
    limit: usize,
) -> rusqlite::Result<Vec<BlobRow>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM blob
         WHERE here = 1 AND delivery <> 2 AND delivery < 2 AND permanent = 0 AND {DUE}
           AND NOT EXISTS (SELECT 1 FROM change WHERE change.task = blob.task AND change.delivery = 0
                             AND change.at <= blob.at AND position > ?2)
         ORDER BY delivery DESC, form, at LIMIT ?3"
    ))?
    .query_map(params![now, position, limit as i64], row)?
    .collect()
}

/// The server acknowledged so many bytes.
pub fn set_sent(db: &Connection, task: &str, sha256: &str, sent: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET sent = ?3, delivery = max(delivery, CASE WHEN ?3 >= size THEN 1 ELSE 0 END), error = NULL, failures = 0 WHERE task = ?1 AND sha256 = ?2 AND delivery < 2")?
        .execute(params![task, sha256, sent])
        .map(drop)
}

/// A receipt names it.
pub fn confirm(db: &Connection, task: &str, sha256: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET delivery = 2, sent = size, error = NULL, permanent = 0 WHERE task = ?1 AND sha256 = ?2")?
        .execute([task, sha256])
        .map(drop)
}

/// The server does not have it (any more): it is sent again from `offset`.
pub fn resend(db: &Connection, task: &str, sha256: &str, offset: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET delivery = 0, sent = ?3 WHERE task = ?1 AND sha256 = ?2")?
        .execute(params![task, sha256, offset])
        .map(drop)
}

/// The bytes of a colleague's photo have come.
pub fn arrived(db: &Connection, task: &str, sha256: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET here = 1, delivery = 2, sent = size, error = NULL WHERE task = ?1 AND sha256 = ?2")?
        .execute([task, sha256])
        .map(drop)
}

/// A transfer failed: in plain words why, and when to try again.
pub fn fail(
    db: &Connection,
    task: &str,
    sha256: &str,
    error: &str,
    permanent: bool,
    next_at: i64,
) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET error = ?3, permanent = ?4, failures = failures + 1, next_at = ?5 WHERE task = ?1 AND sha256 = ?2")?
        .execute(params![task, sha256, error, permanent, next_at])
        .map(drop)
}

/// Whether the server takes a file at all: it takes none that no change which it admitted names.
pub fn set_unwanted(
    db: &Connection,
    task: &str,
    sha256: &str,
    unwanted: bool,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE blob SET unwanted = ?3 WHERE task = ?1 AND sha256 = ?2 AND unwanted <> ?3",
    )?
    .execute(params![task, sha256, unwanted])
    .map(drop)
}

/// The server is busy with it: nothing failed, it is tried again at `next_at`.
pub fn pause(db: &Connection, task: &str, sha256: &str, next_at: i64) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET next_at = ?3 WHERE task = ?1 AND sha256 = ?2")?
        .execute(params![task, sha256, next_at])
        .map(drop)
}

/// A person wants it tried again.
pub fn retry(db: &Connection, task: &str, sha256: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE blob SET permanent = 0, failures = 0, next_at = 0, error = NULL WHERE task = ?1 AND sha256 = ?2")?
        .execute([task, sha256])
        .map(drop)
}

/// The server was restored from a backup: ask it again for everything that is still here, and believe of the
/// rest only what it says anew.
pub fn doubt_all(db: &Connection) -> rusqlite::Result<()> {
    db.execute(
        "UPDATE blob SET delivery = 0, sent = 0 WHERE delivery IN (1, 2)",
        [],
    )
    .map(drop)
}

/// Notes what could not be read of a photo.
pub fn set_remark(db: &Connection, task: &str, photo: &str, remark: &str) -> rusqlite::Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO photo_remark(task, photo, remark) VALUES (?1, ?2, ?3)",
        [task, photo, remark],
    )
    .map(drop)
}

/// What could not be read of the photos of a task.
pub fn remarks(db: &Connection, task: &str) -> rusqlite::Result<Vec<(String, String)>> {
    db.prepare_cached("SELECT photo, remark FROM photo_remark WHERE task = ?1")?
        .query_map([task], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect()
}

/// Thumbnails and renditions that are not here, but may be in part.
pub fn not_here(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached("SELECT sha256 FROM blob WHERE here = 0 AND form <= 2")?
        .query_map([], |r| r.get(0))?
        .collect()
}

/// The names of all files that a record or a row knows.
pub fn named(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached("SELECT sha256 FROM blob UNION SELECT sha256 FROM piece")?
        .query_map([], |r| r.get(0))?
        .collect()
}

/// Number of blobs.
pub fn count(db: &Connection) -> rusqlite::Result<u32> {
    db.query_row("SELECT count(*) FROM blob", [], |r| r.get(0))
}
