//! Makes room on the tablet: originals of records that the office accepted are removed, each only
//! with a receipt that names it (lesson 20).
//!
//! The rule: the record is accepted, everything of it is confirmed, and it was accepted 30 days ago,
//! or room is short. Renditions and thumbnails stay, so the record can still be looked at.

use super::{Agent, Open, lock, storage};
use crate::api::Problem;
use crate::store::recordings::{self, piece_name};
use crate::store::{queue, slim};

const DAY_MS: i64 = 86_400_000;
/// How long originals of an accepted record stay.
const KEEP_MS: i64 = 30 * DAY_MS;
/// Room below which they do not stay any longer, in bytes.
const SHORT_OF_ROOM: u64 = 1 << 30;

impl Agent {
    /// Removes what the rule allows; at most once a day, or when room is short.
    pub(super) fn slim(&self) -> Result<u32, Problem> {
        let now = self.now();
        let short = self
            .space
            .free_bytes(&self.data)
            .is_some_and(|free| free < SHORT_OF_ROOM);
        {
            let mut driver = lock(&self.driver);
            let monotonic = self.clock.monotonic_ms();
            let lately = driver.slimmed_at.is_some_and(|at| monotonic - at < DAY_MS);
            if lately && !short {
                return Ok(0);
            }
            driver.slimmed_at = Some(monotonic);
        }
        let before = if short { now } else { now - KEEP_MS };
        let removed = self.with_open(|open| remove(open, before, now))?;
        if removed > 0 {
            self.note(&format!("slimmed: {removed} originals with receipts"));
            self.touch();
        }
        Ok(removed)
    }
}

impl Agent {
    /// Removes files that nothing names and that are older than a day: what a crash left between a file and its row.
    /// At most once a day, and only once the server's feed was read to its end: a store that was put back from a copy
    /// hears of its own records from there.
    pub(super) fn clear_unnamed(&self) -> Result<u32, Problem> {
        {
            let mut driver = lock(&self.driver);
            let monotonic = self.clock.monotonic_ms();
            let lately = driver.swept_at.is_some_and(|at| monotonic - at < DAY_MS);
            if lately || !driver.read_all {
                return Ok(0);
            }
            driver.swept_at = Some(monotonic);
        }
        let blobs = self.with_open(|open| Ok(open.blobs.clone()))?;
        let failed = |e: std::io::Error| Problem::internal(&e);
        // The files first: what is written meanwhile is not among them.
        let old = blobs.older_than(self.now() - DAY_MS).map_err(failed)?;
        let names = self.with_open(|open| names(open))?;
        let removed = blobs.remove_unnamed(old, names).map_err(failed)?;
        if removed > 0 {
            self.note(&format!("removed: {removed} files that nothing names"));
        }
        Ok(removed)
    }
}

/// The names of all files that are here, or may be: of blobs, of recordings, and of what has come in part.
fn names(open: &Open) -> Result<Vec<String>, Problem> {
    let mut names = queue::named(&open.db).map_err(storage)?;
    for recording in recordings::every(&open.db).map_err(storage)? {
        // One more than are known: its row may not be written yet.
        names.extend((0..=recording.pieces).map(|n| piece_name(&recording.recording, n)));
    }
    let comes = queue::not_here(&open.db).map_err(storage)?;
    names.extend(comes.iter().flat_map(|sha256| open.blobs.pieces(sha256).0));
    names.extend(open.wished_pieces()?);
    Ok(names)
}

fn remove(open: &mut Open, accepted_before: i64, now: i64) -> Result<u32, Problem> {
    let mut removed = 0;
    for (task, sha256, here) in slim::originals(&open.db, accepted_before, now).map_err(storage)? {
        // The row first: a crash in between leaves a file that the next pass removes, never a row
        // that promises what is gone.
        if here && !slim::give_up(&open.db, &task, &sha256).map_err(storage)? {
            continue;
        }
        // The same picture in another record keeps its bytes.
        if slim::is_needed(&open.db, &sha256).map_err(storage)? {
            continue;
        }
        let gone = open.blobs.remove(&sha256);
        removed += u32::from(gone.map_err(|e| Problem::internal(&e))?);
    }
    Ok(removed)
}
