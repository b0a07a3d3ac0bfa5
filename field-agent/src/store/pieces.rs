//! Which files the photos and clips of a record have. It follows from the log, and is kept beside it so that
//! what is where can be told of thousands of photos without opening a record.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, params};

use super::delivery;
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

/// How many photos and how many clips of a task have a file here that the server has not confirmed.
pub fn unconfirmed(db: &Connection, task: &str) -> rusqlite::Result<(u32, u32)> {
    db.prepare_cached(
        "SELECT count(DISTINCT iif(entry = 'photo', id, NULL)), count(DISTINCT iif(entry = 'clip', id, NULL))
         FROM blob JOIN piece USING (task, sha256)
         WHERE blob.task = ?1 AND here = 1 AND delivery <> 2",
    )?
    .query_row([task], |r| Ok((r.get(0)?, r.get(1)?)))
}

/// How far the photos and clips of a task are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// By [`State`].
    pub photos: [u32; 5],
    pub clips: [u32; 5],
    /// Photos and clips of which a transfer has failed.
    pub failed: u32,
}

/// How far a file is. A photo is as far as the least far of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Refused for good.
    Refused,
    /// On this tablet only.
    Here,
    /// Not on this tablet, and the server has not said that it has it: on a colleague's.
    Elsewhere,
    /// Sent, not confirmed.
    Sent,
    /// A receipt names it, or the server has said that it stores it.
    Confirmed,
}

impl State {
    /// How far the bytes of a file are, as far as they are known here.
    pub fn of(blob: Option<&BlobRow>) -> State {
        match blob {
            Some(b) if b.permanent => State::Refused,
            Some(b) if b.delivery == delivery::CONFIRMED => State::Confirmed,
            Some(b) if b.delivery == delivery::SENT => State::Sent,
            Some(b) if b.here => State::Here,
            _ => State::Elsewhere,
        }
    }
}

/// How far the photos and clips of a task are.
pub fn progress(db: &Connection, task: &str) -> rusqlite::Result<Progress> {
    let mut progress = Progress::default();
    for files in by_entry(db, task)?.values() {
        let state = files.iter().map(|(_, blob)| State::of(blob.as_ref())).min();
        let counts = match files.first() {
            Some((piece, _)) if piece.entry == "photo" => &mut progress.photos,
            _ => &mut progress.clips,
        };
        counts[state.unwrap_or(State::Confirmed) as usize] += 1;
        let failed = |(_, blob): &File| blob.as_ref().is_some_and(|b| b.error.is_some());
        progress.failed += u32::from(files.iter().any(failed));
    }
    Ok(progress)
}

/// A file, and what is known of its bytes.
pub type File = (Piece, Option<BlobRow>);

/// The files of a task by entry (`photo` or `clip`) and id.
pub fn by_entry(
    db: &Connection,
    task: &str,
) -> rusqlite::Result<BTreeMap<(String, String), Vec<File>>> {
    let blobs = queue::of_task(db, task)?;
    let blobs: HashMap<String, BlobRow> =
        blobs.into_iter().map(|b| (b.sha256.clone(), b)).collect();
    let mut entries: BTreeMap<(String, String), Vec<File>> = BTreeMap::new();
    for piece in of_task(db, task)? {
        let blob = blobs.get(&piece.sha256).cloned();
        let entry = (piece.entry.clone(), piece.id.clone());
        entries.entry(entry).or_default().push((piece, blob));
    }
    Ok(entries)
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
