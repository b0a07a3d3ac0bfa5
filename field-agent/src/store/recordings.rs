//! Recordings that are no clips yet, and how many pieces of each are here (F9).

use rusqlite::{Connection, OptionalExtension, Row, params};

/// A recording of which at least one piece is here.
#[derive(Debug, Clone)]
pub struct Recording {
    /// 16 hex digits; the clip that it becomes has the same.
    pub recording: String,
    pub task: String,
    /// Who recorded it.
    pub person: String,
    /// Media type, by the bytes of the first piece.
    pub media: String,
    /// What is said of it by now, as JSON.
    pub about: String,
    /// Pieces 0 to this, exclusive, are on disk.
    pub pieces: u32,
    /// Bytes of all pieces together.
    pub bytes: u64,
    /// It became a clip or was discarded; only its files may still be here.
    pub gone: bool,
}

const COLUMNS: &str = "recording, task, person, media, about, pieces, bytes, gone";

fn row(r: &Row<'_>) -> rusqlite::Result<Recording> {
    Ok(Recording {
        recording: r.get(0)?,
        task: r.get(1)?,
        person: r.get(2)?,
        media: r.get(3)?,
        about: r.get(4)?,
        pieces: r.get(5)?,
        bytes: r.get::<_, i64>(6)?.unsigned_abs(),
        gone: r.get(7)?,
    })
}

/// Under which name a piece lies among the blobs.
pub fn piece_name(recording: &str, piece: u32) -> String {
    format!("recording/{recording}/{piece}")
}

/// One recording, gone or not.
pub fn get(db: &Connection, recording: &str) -> rusqlite::Result<Option<Recording>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM recording WHERE recording = ?1"
    ))?
    .query_row([recording], row)
    .optional()
}

/// Notes a recording as far as it is here.
pub fn put(db: &Connection, one: &Recording) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO recording(recording, task, person, media, about, pieces, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT(recording) DO UPDATE SET about = ?5, pieces = ?6, bytes = ?7",
    )?
    .execute(params![
        one.recording,
        one.task,
        one.person,
        one.media,
        one.about,
        one.pieces,
        i64::try_from(one.bytes).unwrap_or(i64::MAX)
    ])
    .map(drop)
}

/// The recordings of a task about which is still to be decided, those that began first first.
pub fn of_task(db: &Connection, task: &str) -> rusqlite::Result<Vec<Recording>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM recording WHERE task = ?1 AND gone = 0 ORDER BY rowid"
    ))?
    .query_map([task], row)?
    .collect()
}

/// The recordings of all tasks about which is still to be decided, those that began first first.
pub fn all(db: &Connection) -> rusqlite::Result<Vec<Recording>> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM recording WHERE gone = 0 ORDER BY rowid"
    ))?
    .query_map([], row)?
    .collect()
}

/// It became a clip or was discarded.
pub fn close(db: &Connection, recording: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE recording SET gone = 1 WHERE recording = ?1")?
        .execute([recording])
        .map(drop)
}

/// Every recording, gone or not.
pub fn every(db: &Connection) -> rusqlite::Result<Vec<Recording>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM recording"))?
        .query_map([], row)?
        .collect()
}

/// Recordings whose files are to be removed.
pub fn gone(db: &Connection) -> rusqlite::Result<Vec<Recording>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM recording WHERE gone = 1"))?
        .query_map([], row)?
        .collect()
}

/// Its files are removed.
pub fn forget(db: &Connection, recording: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM recording WHERE recording = ?1")?
        .execute([recording])
        .map(drop)
}
