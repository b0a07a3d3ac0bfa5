//! Which files the photos and clips of a record have. It follows from the log, and is kept beside it so that
//! what is where can be told of thousands of photos without opening a record.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, params};

use super::queue::{self, BlobRow};

/// A file of a photo or of a clip.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// `photo` or `clip`.
    pub entry: String,
    pub id: String,
    /// As in [`queue::form`].
    pub form: i64,
    pub sha256: String,
    pub caption: String,
    /// What a clip shows; empty of a photo.
    pub kind: String,
}

/// Takes these as the files of a task. Writes what differs only.
pub fn keep(db: &Connection, task: &str, pieces: &BTreeSet<Piece>) -> rusqlite::Result<()> {
    let known = of_task(db, task)?;
    for piece in known.difference(pieces) {
        db.prepare_cached(
            "DELETE FROM piece WHERE task = ?1 AND sha256 = ?2 AND entry = ?3 AND id = ?4 AND form = ?5",
        )?
        .execute(params![task, piece.sha256, piece.entry, piece.id, piece.form])?;
    }
    for piece in pieces.difference(&known) {
        db.prepare_cached(
            "INSERT INTO piece(task, sha256, entry, id, form, caption, kind) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            task,
            piece.sha256,
            piece.entry,
            piece.id,
            piece.form,
            piece.caption,
            piece.kind
        ])?;
    }
    Ok(())
}

fn of_task(db: &Connection, task: &str) -> rusqlite::Result<BTreeSet<Piece>> {
    db.prepare_cached("SELECT entry, id, form, sha256, caption, kind FROM piece WHERE task = ?1")?
        .query_map([task], piece)?
        .collect()
}

fn piece(r: &rusqlite::Row<'_>) -> rusqlite::Result<Piece> {
    Ok(Piece {
        entry: r.get(0)?,
        id: r.get(1)?,
        form: r.get(2)?,
        sha256: r.get(3)?,
        caption: r.get(4)?,
        kind: r.get(5)?,
    })
}

/// The files of a task with what is known of their bytes, by photo and clip.
pub fn with_blobs(db: &Connection, task: &str) -> rusqlite::Result<Vec<(Piece, Option<BlobRow>)>> {
    let blobs = queue::of_task(db, task)?;
    let blobs: HashMap<&str, &BlobRow> = blobs.iter().map(|b| (b.sha256.as_str(), b)).collect();
    let pieces = of_task(db, task)?.into_iter();
    let with_blob = |piece: Piece| {
        let blob = blobs.get(piece.sha256.as_str()).copied().cloned();
        (piece, blob)
    };
    Ok(pieces.map(with_blob).collect())
}

/// How many photos and how many clips of a task have a file here that the server has not confirmed.
pub fn unconfirmed(db: &Connection, task: &str) -> rusqlite::Result<(u32, u32)> {
    db.prepare_cached(
        "SELECT count(DISTINCT iif(entry = 'photo', id, NULL)), count(DISTINCT iif(entry = 'clip', id, NULL))
         FROM blob JOIN piece USING (task, sha256)
         WHERE blob.task = ?1 AND here = 1 AND delivery <> 2",
    )?
    .query_row([task], |r| Ok((r.get(0)?, r.get(1)?)))
}

/// Tasks with photos or clips of which no files are noted, as in a store of an earlier version.
pub fn missing(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(
        "SELECT DISTINCT task FROM blob WHERE task IN (SELECT task FROM task)
           AND task NOT IN (SELECT DISTINCT task FROM piece)",
    )?
    .query_map([], |r| r.get(0))?
    .collect()
}
