//! A disk that fails on purpose, for tests: it dies, fills up, or loses what was not synced.
//!
//! [`Disk::watch`] a folder, run the program under test on databases in it, and choose the operation
//! (a write, a truncation, a sync, a deletion) at which the fault comes. Everything else goes to the
//! real file system. SQLite is not changed: [`install`] registers a file system of our own, a copy of
//! the default one with four functions replaced.
//!
//! What is simulated, and what is not: the process's death ([`Disk::die_at`]: nothing reaches the
//! disk any more), a power cut after it ([`Disk::cut_power`]: each file holds what was synced, and of
//! what was not anything between nothing, a part, a torn sector and all), and a full disk
//! ([`Disk::full_at`]). Files that do not go through SQLite are not watched.

mod vfs;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use vfs::install;

/// Sectors are written whole, or not.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Pending {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

/// A file as the disk has it, and what was written since it was last synced.
#[derive(Debug, Default)]
struct Shadow {
    durable: Vec<u8>,
    /// Its name is on the disk.
    named: bool,
    pending: Vec<Pending>,
}

#[derive(Debug, Clone, Copy)]
enum Fault {
    /// From this operation on nothing happens.
    Dead(u64),
    /// From this operation on, writes find no room.
    Full(u64),
}

#[derive(Debug, Default)]
struct Watched {
    operations: u64,
    fault: Option<Fault>,
    hit: bool,
    files: HashMap<PathBuf, Shadow>,
}

/// What an operation meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meets {
    /// Not a watched file.
    Nothing,
    /// A watched file, and a disk that works.
    Works,
    Dead,
    Full,
}

static FOLDERS: Mutex<Option<HashMap<PathBuf, Watched>>> = Mutex::new(None);

fn folders() -> MutexGuard<'static, Option<HashMap<PathBuf, Watched>>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(file: &Path, work: impl FnOnce(&mut Watched) -> T) -> Option<T> {
    let mut folders = folders();
    let watched = folders.as_mut()?.get_mut(file.parent()?)?;
    Some(work(watched))
}

pub(crate) fn opened(file: &Path) {
    with(file, |w| {
        w.files.entry(file.to_owned()).or_insert_with(|| {
            let durable = fs::read(file).unwrap_or_default();
            Shadow {
                named: !durable.is_empty(),
                durable,
                pending: Vec::new(),
            }
        });
    });
}

/// Counts an operation and says what it meets. `writes`: it needs room.
fn meet(file: &Path, writes: bool, record: impl FnOnce(&mut Watched)) -> Meets {
    let met = with(file, |w| {
        w.operations += 1;
        let met = match w.fault {
            Some(Fault::Dead(at)) if w.operations >= at => Meets::Dead,
            Some(Fault::Full(at)) if w.operations >= at && writes => Meets::Full,
            _ => Meets::Works,
        };
        w.hit |= met != Meets::Works;
        if met == Meets::Works {
            record(w);
        }
        met
    });
    met.unwrap_or(Meets::Nothing)
}

pub(crate) fn writes(file: &Path, at: usize, bytes: &[u8]) -> Meets {
    meet(file, true, |w| {
        if let Some(shadow) = w.files.get_mut(file) {
            shadow.pending.push(Pending::Write(at, bytes.to_vec()));
        }
    })
}

pub(crate) fn truncates(file: &Path, size: usize) -> Meets {
    meet(file, false, |w| {
        if let Some(shadow) = w.files.get_mut(file) {
            shadow.pending.push(Pending::Truncate(size));
        }
    })
}

pub(crate) fn syncs(file: &Path) -> Meets {
    meet(file, false, |w| {
        if let Some(shadow) = w.files.get_mut(file) {
            for pending in std::mem::take(&mut shadow.pending) {
                apply(&mut shadow.durable, &pending);
            }
            shadow.named = true;
        }
    })
}

pub(crate) fn deletes(file: &Path) -> Meets {
    meet(file, false, |w| {
        w.files.remove(file);
    })
}

fn apply(bytes: &mut Vec<u8>, pending: &Pending) {
    match pending {
        Pending::Write(at, new) => {
            if bytes.len() < at + new.len() {
                bytes.resize(at + new.len(), 0);
            }
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        Pending::Truncate(size) => bytes.truncate(*size),
    }
}

/// A small generator, so that a seed repeats a fault.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

/// What the disk holds of a file after the power went: in turn nothing of what was not synced, a
/// part in order, any of it in any order, and a part whose last write is torn.
fn after_power_cut(shadow: &Shadow, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = shadow.durable.clone();
    let all = shadow.pending.len();
    let (upto, any_order, torn) = match dice.below(4) {
        0 => (0, false, false),
        1 => (dice.below(all + 1), false, false),
        2 => (all, true, false),
        _ => (dice.below(all + 1), false, true),
    };
    for (n, pending) in shadow.pending[..upto].iter().enumerate() {
        if any_order && dice.below(2) == 0 {
            continue;
        }
        match pending {
            Pending::Write(at, new) if torn && n + 1 == upto => {
                let kept = dice.below(new.len() / SECTOR + 1) * SECTOR;
                apply(
                    &mut bytes,
                    &Pending::Write(*at, new[..kept.min(new.len())].to_vec()),
                );
            }
            other => apply(&mut bytes, other),
        }
    }
    bytes
}

/// A watched folder. Dropped, it is watched no more.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
}

impl Disk {
    /// Watches the databases of a folder, which must not be open yet.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn watch(folder: &Path) -> io::Result<Disk> {
        install();
        let folder = folder.canonicalize()?;
        folders()
            .get_or_insert_default()
            .insert(folder.clone(), Watched::default());
        Ok(Disk { folder })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Watched) -> T) -> T {
        let mut folders = folders();
        work(
            folders
                .get_or_insert_default()
                .entry(self.folder.clone())
                .or_default(),
        )
    }

    /// Writes, truncations, syncs and deletions so far.
    pub fn operations(&self) -> u64 {
        self.with(|w| w.operations)
    }

    /// The process dies before the `nth` operation from now, from 1: nothing reaches the disk any more.
    pub fn die_at(&self, nth: u64) {
        self.with(|w| w.fault = Some(Fault::Dead(w.operations + nth)));
    }

    /// The disk is full from the `nth` operation from now.
    pub fn full_at(&self, nth: u64) {
        self.with(|w| w.fault = Some(Fault::Full(w.operations + nth)));
    }

    /// Whether an operation met the fault.
    pub fn was_hit(&self) -> bool {
        self.with(|w| w.hit)
    }

    /// The disk works again, and holds all that was written before the fault (the kernel lived on).
    pub fn works_again(&self) {
        self.with(|w| w.fault = None);
    }

    /// The power went: rewrites the files to what a disk may hold of them, chosen by `seed`. Nothing
    /// may have them open.
    ///
    /// # Errors
    /// When the real file system fails.
    pub fn cut_power(&self, seed: u64) -> io::Result<()> {
        let mut dice = Dice(seed);
        let mut files: Vec<(PathBuf, Shadow)> = self.with(|w| w.files.drain().collect());
        files.sort_by(|a, b| a.0.cmp(&b.0));
        for (path, shadow) in files {
            let bytes = after_power_cut(&shadow, &mut dice);
            if bytes.is_empty() && !shadow.named {
                remove(&path)?;
            } else {
                fs::write(&path, bytes)?;
            }
        }
        // The index of a log lives in memory.
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.to_string_lossy().ends_with("-shm") {
                remove(&path)?;
            }
        }
        self.works_again();
        Ok(())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(all) = folders().as_mut() {
            all.remove(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests;
