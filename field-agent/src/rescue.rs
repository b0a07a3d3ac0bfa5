//! Gets out of a damaged tablet what is whole (lesson 8): records, signatures, photos, clips, and of
//! recordings that were broken off what is there.
//!
//! Nothing in the tablet's folder is changed but the count of PIN attempts: the store is copied first,
//! and the copy is read row by row, around what cannot be read. What comes out is checked: changes by
//! their hash and by what they stand on, photos by their content. It comes out readable, so the
//! folder that is written must be looked after.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Params, Row};
use serde::Serialize;
use serde_json::json;
use sha2::Digest;
use sync::chunk::Chunk;
use sync::ids::{Sha256, TaskId};
use sync::record::RecordDoc;

use crate::host::FileKeyStore;
use crate::ports::{KeyStore, Random};
use crate::store::blobs::Blobs;
use crate::store::recordings::piece_name;
use crate::store::{self};
use crate::vault::{UnlockError, Vault};

/// How many places of rows are looked at when nobody can say how many there are.
const UNKNOWN_ROWS: i64 = 10_000;
/// Fewer rows than a page has.
const LONGEST_STEP: i64 = 4;

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub records: u32,
    /// Changes that are whole and stand on whole ones.
    pub changes: u32,
    /// Changes that were read but stand on what is lost.
    pub changes_apart: u32,
    pub statements: u32,
    pub photos: u32,
    /// Photos that records name and that are damaged, or not on this tablet.
    pub photos_missing: u32,
    /// Video and sound.
    pub clips: u32,
    pub clips_missing: u32,
    /// Recordings that were broken off and not decided about.
    pub recordings: u32,
    /// What could not be read.
    pub damage: Vec<String>,
}

/// Why nothing came out.
#[derive(Debug, thiserror::Error)]
pub enum RescueError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    #[error("vault: {0}")]
    Vault(rusqlite::Error),
    #[error("there is no store in {0}")]
    NoStore(PathBuf),
    /// Not even the first page can be read.
    #[error("the store does not open at all: {0}")]
    Unreadable(rusqlite::Error),
}

/// Writes what is whole of the tablet in `data` into `out`, which must not exist.
pub fn rescue(
    data: &Path,
    person: &str,
    pin: &str,
    out: &Path,
    now: i64,
    random: &mut dyn Random,
) -> Result<Report, RescueError> {
    let source = data.join("store.sqlite");
    if !source.exists() {
        return Err(RescueError::NoStore(data.to_owned()));
    }
    let secret = FileKeyStore::new(data.join("device.secret")).device_secret(random)?;
    let mut vault =
        Vault::open(&data.join("vault.sqlite"), secret, random).map_err(RescueError::Vault)?;
    let opened = vault.unlock(person, pin, now, 0)?;
    fs::create_dir(out)?;
    let copy = out.join("copy.sqlite");
    fs::copy(&source, &copy)?;
    if let Err(e) = fs::copy(data.join("store.sqlite-wal"), out.join("copy.sqlite-wal"))
        && e.kind() != io::ErrorKind::NotFound
    {
        return Err(e.into());
    }
    let blobs = Blobs::open(&data.join("photos"), &opened.data_key)?;
    let store = Copied {
        path: &copy,
        data_key: &opened.data_key,
    };
    // One stays open, so that the log is not read anew for each of the others.
    let result = store
        .open()
        .map_err(RescueError::Unreadable)
        .and_then(|_stays| export(&store, &blobs, out));
    for name in ["copy.sqlite", "copy.sqlite-wal", "copy.sqlite-shm"] {
        let _ = fs::remove_file(out.join(name));
    }
    let report = result?;
    fs::write(out.join("report.json"), json_bytes(&report)?)?;
    Ok(report)
}

/// Moves the damaged store with its photos and keys into a folder of its own, which can be rescued
/// again, and lets the tablet be enrolled anew. Returns the folder.
pub fn put_aside(data: &Path, now: i64, random: &mut dyn Random) -> Result<PathBuf, RescueError> {
    let aside = data.join(format!("damaged-{now}"));
    fs::create_dir(&aside)?;
    let secret = FileKeyStore::new(data.join("device.secret")).device_secret(random)?;
    let vault =
        Vault::open(&data.join("vault.sqlite"), secret, random).map_err(RescueError::Vault)?;
    vault
        .copy_to(&aside.join("vault.sqlite"))
        .map_err(RescueError::Vault)?;
    fs::copy(data.join("device.secret"), aside.join("device.secret"))?;
    for name in ["store.sqlite", "store.sqlite-wal", "photos"] {
        match fs::rename(data.join(name), aside.join(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.into()),
            _ => {}
        }
    }
    let _ = fs::remove_file(data.join("store.sqlite-shm"));
    // Last: only now the tablet is one that was never enrolled.
    vault.forget_enrolment().map_err(RescueError::Vault)?;
    Ok(aside)
}

/// The copy of a damaged store. Whoever meets a damaged page through a connection reads nothing more through it:
/// SQLCipher keeps the error. So each place is asked about by a connection of its own.
struct Copied<'a> {
    path: &'a Path,
    data_key: &'a [u8; 32],
}

impl Copied<'_> {
    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(self.path, flags)?;
        store::set_key(&db, self.data_key)?;
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |r| {
            r.get::<_, i64>(0)
        })?;
        Ok(db)
    }

    fn ask(&self, sql: &str, about: impl Params) -> rusqlite::Result<Option<i64>> {
        let db = self.open()?;
        db.query_row(sql, about, |r| r.get(0))
            .optional()
            .map(Option::flatten)
    }

    /// Whether the place of a row lies on a damaged page, be the row there or not.
    fn is_damaged(&self, table: &str, row: i64) -> bool {
        let sql = format!("SELECT rowid FROM {table} NOT INDEXED WHERE rowid = ?1");
        self.ask(&sql, [row]).is_err()
    }

    /// The first place behind a damage that begins before `from`; `None` when nothing more can be read.
    fn behind_damage(&self, table: &str, from: i64) -> Option<i64> {
        let newest = format!("SELECT max(rowid) FROM {table} NOT INDEXED");
        let newest = match self.ask(&newest, []) {
            Ok(newest) => newest.unwrap_or(0),
            Err(_) => from + UNKNOWN_ROWS,
        };
        // In steps that are shorter than a page, then back to its beginning.
        let (mut whole, mut step) = (from, 1);
        while self.is_damaged(table, whole) {
            if whole >= newest {
                return None;
            }
            whole = (whole + step).min(newest);
            step = (step * 2).min(LONGEST_STEP);
        }
        while whole > from && !self.is_damaged(table, whole - 1) {
            whole -= 1;
        }
        (whole <= newest).then_some(whole)
    }
}

/// Reads a table row by row, and goes on behind each damaged place.
fn rows<T>(
    store: &Copied<'_>,
    table: &str,
    columns: &str,
    damage: &mut Vec<String>,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    let sql = format!(
        "SELECT rowid, {columns} FROM {table} NOT INDEXED WHERE rowid >= ?1 ORDER BY rowid"
    );
    let mut next = 1;
    loop {
        let from = next;
        let mut forward = || -> rusqlite::Result<()> {
            let db = store.open()?;
            let mut query = db.prepare(&sql)?;
            let mut rows = query.query([from])?;
            while let Some(row) = rows.next()? {
                next = row.get::<_, i64>(0)? + 1;
                found.extend(read(row).ok());
            }
            Ok(())
        };
        let Err(error) = forward() else {
            return found;
        };
        if from == 1 {
            damage.push(format!("{table}: {error}"));
        }
        // Where nothing came, the damage lies at this place or right behind it.
        let from = if next == from { from + 1 } else { next };
        let Some(behind) = store.behind_damage(table, from) else {
            return found;
        };
        next = behind;
    }
}

struct ChangeRow {
    task: String,
    hash: [u8; 32],
    actor: String,
    bytes: Vec<u8>,
    sig: Option<Vec<u8>>,
    delivery: i64,
}

fn export(store: &Copied<'_>, blobs: &Blobs, out: &Path) -> Result<Report, RescueError> {
    let mut report = Report::default();
    let damage = &mut report.damage;
    let facts: HashMap<String, Vec<u8>> = rows(store, "task", "task, facts", damage, |r| {
        Ok((r.get(1)?, r.get(2)?))
    })
    .into_iter()
    .collect();
    let columns = "task, hash, actor, bytes, sig, delivery";
    let changes = rows(store, "change", columns, damage, |r| {
        Ok(ChangeRow {
            task: r.get(1)?,
            hash: r.get(2)?,
            actor: r.get(3)?,
            bytes: r.get(4)?,
            sig: r.get(5)?,
            delivery: r.get(6)?,
        })
    });
    let statements: Vec<(String, Vec<u8>)> = rows(store, "statement", "task, row", damage, |r| {
        Ok((r.get(1)?, r.get(2)?))
    });
    // A store of an earlier version has none.
    let recordings = if store
        .open()
        .and_then(|db| db.table_exists(None, "recording"))
        .unwrap_or(false)
    {
        let columns = "task, recording, media, iif(gone, 0, pieces)";
        rows(store, "recording", columns, damage, |r| {
            Ok((r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
        })
    } else {
        Vec::<(String, String, String, u32)>::new()
    };
    let mut by_task: BTreeMap<String, Vec<ChangeRow>> = BTreeMap::new();
    for task in facts.keys() {
        by_task.entry(task.clone()).or_default();
    }
    for change in changes {
        by_task.entry(change.task.clone()).or_default().push(change);
    }
    for (task, changes) in by_task {
        let Ok(id) = task.parse::<TaskId>() else {
            report.damage.push(format!("task {task:?}"));
            continue;
        };
        let folder = out.join(&task);
        fs::create_dir_all(&folder)?;
        let doc = record(id, &changes, &folder, &mut report)?;
        let view = doc.view();
        let facts: serde_json::Value = facts
            .get(&task)
            .and_then(|f| serde_json::from_slice(f).ok())
            .unwrap_or_default();
        let body = json!({"task": task, "facts": facts, "heads": doc.heads(), "cells": view});
        fs::write(folder.join("record.json"), json_bytes(&body)?)?;
        report.records += 1;
        let own: Vec<String> = statements
            .iter()
            .filter(|(t, _)| *t == task)
            .map(|(_, row)| json!({"cbor": hex::encode(row)}).to_string())
            .collect();
        report.statements += own.len() as u32;
        fs::write(folder.join("statements.jsonl"), own.join("\n"))?;
        for photo in view.entries("photo") {
            for (form, field) in [("original", "sha256"), ("rendition", "rendition_sha256")] {
                let sha256 = view.text(&format!("photo/{photo}/{field}"));
                if sha256.is_empty() {
                    continue;
                }
                match blobs.read(sha256) {
                    Ok(bytes) if Sha256::of(&bytes).to_string() == sha256 => {
                        let media = view.text(&format!("photo/{photo}/media"));
                        let end = match (form, media) {
                            ("original", "image/png") => "png",
                            ("original", "image/webp") => "webp",
                            _ => "jpg",
                        };
                        fs::write(folder.join(format!("{photo}-{form}.{end}")), bytes)?;
                        report.photos += u32::from(form == "original");
                    }
                    _ => report.photos_missing += u32::from(form == "original"),
                }
            }
        }
        for clip in view.entries("clip") {
            let text = |field: &str| view.text(&format!("clip/{clip}/{field}"));
            let end = text("media").rsplit('/').next().unwrap_or("bin");
            let file = folder.join(format!("{clip}.{end}"));
            if copy_out(blobs, text("sha256"), &file)? {
                report.clips += 1;
            } else {
                report.clips_missing += 1;
            }
        }
        for (_, recording, media, pieces) in recordings.iter().filter(|r| r.0 == task && r.3 > 0) {
            let end = media.rsplit('/').next().unwrap_or("bin");
            let mut file = fs::File::create(folder.join(format!("{recording}-broken-off.{end}")))?;
            for piece in 0..*pieces {
                // What follows a piece that is lost cannot be played.
                let Ok(bytes) = blobs.read(&piece_name(recording, piece)) else {
                    break;
                };
                file.write_all(&bytes)?;
            }
            report.recordings += 1;
        }
    }
    Ok(report)
}

/// Copies a clip out piece by piece; false, and no file, when it is not here or not whole.
fn copy_out(blobs: &Blobs, sha256: &str, to: &Path) -> io::Result<bool> {
    if sha256.is_empty() || !blobs.has(sha256) {
        return Ok(false);
    }
    let mut file = fs::File::create(to)?;
    let (mut hash, mut offset) = (sha2::Sha256::new(), 0);
    while let Ok(piece) = blobs.read_range(sha256, offset, 1 << 20) {
        if piece.is_empty() {
            break;
        }
        file.write_all(&piece)?;
        hash.update(&piece);
        offset += piece.len();
    }
    let whole = hex::encode(hash.finalize()) == sha256;
    if !whole {
        fs::remove_file(to)?;
    }
    Ok(whole)
}

/// The record as far as its changes are whole; all that could be read is written beside it.
fn record(
    id: TaskId,
    changes: &[ChangeRow],
    folder: &Path,
    report: &mut Report,
) -> io::Result<RecordDoc> {
    let mut lines = Vec::new();
    let mut whole: Vec<&[u8]> = Vec::new();
    let mut known: Vec<Sha256> = Vec::new();
    for change in changes {
        let sig = change.sig.as_ref().map(hex::encode);
        lines.push(
            json!({"hash": hex::encode(change.hash), "actor": change.actor, "bytes": hex::encode(&change.bytes),
                "sig": sig, "delivery": change.delivery})
            .to_string(),
        );
        match Chunk::parse(&change.bytes) {
            Ok(chunk)
                if chunk.hash.0 == change.hash && chunk.deps.iter().all(|d| known.contains(d)) =>
            {
                known.push(chunk.hash);
                whole.push(&change.bytes);
            }
            _ => report.changes_apart += 1,
        }
    }
    fs::write(folder.join("changes.jsonl"), lines.join("\n"))?;
    report.changes += whole.len() as u32;
    RecordDoc::from_log(id, whole.iter().copied()).or_else(|e| {
        report.damage.push(e.to_string());
        Ok(RecordDoc::empty(id))
    })
}

fn json_bytes(value: &impl Serialize) -> io::Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(io::Error::other)
}
