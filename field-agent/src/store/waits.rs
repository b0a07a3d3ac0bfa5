//! What waits for the server, and what the office has refused for good: that does not wait, and nobody is to
//! sync until it is confirmed.

use rusqlite::Connection;

/// A file that the office does not take: too large or damaged, or named by nothing but what it has refused.
const REFUSED_FILE: &str = "(blob.permanent = 1 OR (blob.unwanted = 1
    AND NOT EXISTS (SELECT 1 FROM change c WHERE c.task = blob.task AND c.delivery < 2)
    AND (EXISTS (SELECT 1 FROM change c WHERE c.task = blob.task AND c.delivery = 3)
         OR EXISTS (SELECT 1 FROM aside a WHERE a.task = blob.task AND (a.code LIKE 'own:%' OR a.code LIKE 'office:%')))))";

/// Records with changes or statements that wait, and photos and clips that wait.
pub fn counts(db: &Connection) -> rusqlite::Result<(u32, u32)> {
    let records = db.query_row(
        "SELECT count(*) FROM (SELECT task FROM change WHERE delivery <> 2 AND delivery < 2
                               UNION SELECT task FROM statement WHERE delivery < 2)",
        [],
        |r| r.get(0),
    )?;
    let files = format!(
        "SELECT count(*) FROM blob WHERE here = 1 AND form >= 3 AND delivery <> 2 AND NOT {REFUSED_FILE}"
    );
    let files = db.query_row(&files, [], |r| r.get(0))?;
    Ok((records, files))
}

/// When the oldest and the newest of all that waits was written.
pub fn ends(db: &Connection) -> rusqlite::Result<Option<(i64, i64)>> {
    let ends = format!(
        "SELECT min(at), max(at) FROM (
           SELECT at FROM change WHERE delivery <> 2 AND delivery < 2
           UNION ALL SELECT at FROM statement WHERE delivery < 2
           UNION ALL SELECT at FROM blob WHERE here = 1 AND delivery <> 2 AND NOT {REFUSED_FILE})"
    );
    let (oldest, newest): (Option<i64>, Option<i64>) =
        db.query_row(&ends, [], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(oldest.zip(newest))
}

/// Changes, signatures and files that wait.
pub fn total(db: &Connection) -> rusqlite::Result<i64> {
    let total = format!(
        "SELECT (SELECT count(*) FROM change WHERE delivery <> 2 AND delivery < 2)
           + (SELECT count(*) FROM statement WHERE delivery < 2)
           + (SELECT count(*) FROM blob WHERE here = 1 AND delivery <> 2 AND NOT {REFUSED_FILE})"
    );
    db.query_row(&total, [], |r| r.get(0))
}

/// What the office has refused for good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Changes and signatures: the office keeps them in quarantine.
    pub changes: u32,
    /// Photos and clips that are on this tablet only.
    pub files: u32,
}

/// What the office has refused for good.
pub fn refused(db: &Connection) -> rusqlite::Result<Refused> {
    let refused = format!(
        "SELECT (SELECT count(*) FROM change WHERE delivery <> 2 AND delivery = 3)
           + (SELECT count(*) FROM statement WHERE delivery = 3)
           + (SELECT count(*) FROM aside WHERE code LIKE 'own:%'),
         (SELECT count(*) FROM blob WHERE here = 1 AND form >= 3 AND delivery <> 2 AND {REFUSED_FILE})"
    );
    db.query_row(&refused, [], |r| {
        Ok(Refused {
            changes: r.get(0)?,
            files: r.get(1)?,
        })
    })
}
