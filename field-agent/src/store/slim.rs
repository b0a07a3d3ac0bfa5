//! Which photos and clips may be removed from the tablet.

use rusqlite::{Connection, params};

/// Originals and clips of records that the office accepted before `accepted_before`, or later than `now` by a
/// clock that was ahead, where nothing of the record
/// waits for a confirmation: `(task, sha256, here)`. Also those that are not here, since a crash may have left
/// the file of a row that was given up.
pub fn originals(
    db: &Connection,
    accepted_before: i64,
    now: i64,
) -> rusqlite::Result<Vec<(String, String, bool)>> {
    db.prepare_cached(
        "SELECT b.task, b.sha256, b.here FROM blob b JOIN task t ON t.task = b.task
         WHERE b.form >= 3 AND b.delivery = 2 AND (t.accepted_at <= ?1 OR t.accepted_at > ?2)
           AND NOT EXISTS (SELECT 1 FROM change c WHERE c.task = b.task AND c.delivery <> 2)
           AND NOT EXISTS (SELECT 1 FROM statement s WHERE s.task = b.task AND s.delivery <> 2)
           AND NOT EXISTS (SELECT 1 FROM blob o WHERE o.task = b.task AND o.here = 1 AND o.delivery <> 2)",
    )?
    .query_map([accepted_before, now], |r| {
        Ok((r.get(0)?, r.get(1)?, r.get(2)?))
    })?
    .collect()
}

/// Notes that the bytes are not here any more; false when there is no receipt.
pub fn give_up(db: &Connection, task: &str, sha256: &str) -> rusqlite::Result<bool> {
    let changed = db
        .prepare_cached(
            "UPDATE blob SET here = 0 WHERE task = ?1 AND sha256 = ?2 AND form >= 3 AND delivery = 2",
        )?
        .execute(params![task, sha256])?;
    Ok(changed > 0)
}

/// Whether any record still counts on the bytes being here.
pub fn is_needed(db: &Connection, sha256: &str) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM blob WHERE sha256 = ?1 AND here = 1")?
        .exists([sha256])
}
