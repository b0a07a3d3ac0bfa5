//! Makes room on the tablet: originals of records that the office accepted are removed, each only
//! with a receipt that names it (lesson 20).
//!
//! The rule: the record is accepted, everything of it is confirmed, and it was accepted 30 days ago,
//! or room is short. Renditions and thumbnails stay, so the record can still be looked at.

use super::{Agent, Open, lock, storage};
use crate::api::Problem;
use crate::store::slim;

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
        let removed = self.with_open(|open| remove(open, before))?;
        if removed > 0 {
            self.note(&format!("slimmed: {removed} originals with receipts"));
            self.touch();
        }
        Ok(removed)
    }
}

fn remove(open: &mut Open, accepted_before: i64) -> Result<u32, Problem> {
    let mut removed = 0;
    for (task, sha256) in slim::originals(&open.db, accepted_before).map_err(storage)? {
        // The row first: a crash in between leaves a file that the next pass removes, never a row
        // that promises what is gone.
        if !slim::give_up(&open.db, &task, &sha256).map_err(storage)? {
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
