//! Each device's feed: what it is to hear, in order.

use super::team_devices;
use crate::db::{DbError, Result, Tx};

/// What a feed row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    Grant,
    Withdraw,
    Changes,
    Signature,
    State,
    Blob,
}

impl FeedKind {
    const WORDS: [(FeedKind, &'static str); 6] = [
        (FeedKind::Grant, "grant"),
        (FeedKind::Withdraw, "withdraw"),
        (FeedKind::Changes, "changes"),
        (FeedKind::Signature, "signature"),
        (FeedKind::State, "state"),
        (FeedKind::Blob, "blob"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("state", |(_, word)| word)
    }

    fn of(word: &str) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(_, w)| *w == word)
            .map(|(kind, _)| *kind)
    }
}

/// Appends to a device's feed.
pub fn tell(
    tx: &mut Tx<'_>,
    device: &str,
    kind: FeedKind,
    task: &str,
    reference: &str,
) -> Result<()> {
    let seq: i64 = tx.query_one(
        "UPDATE devices SET feed_seq = feed_seq + 1 WHERE id = $1 RETURNING feed_seq",
        &[&device],
        |r| r.get(0),
    )?;
    tx.execute(
        "INSERT INTO feed (device, seq, kind, task, ref) VALUES ($1, $2, $3, $4, $5)",
        &[&device, &seq, &kind.word(), &task, &reference],
    )?;
    Ok(())
}

/// Tells every device of the team but `except`.
pub fn tell_team(
    tx: &mut Tx<'_>,
    task: &str,
    except: &str,
    kind: FeedKind,
    reference: &str,
) -> Result<()> {
    for device in team_devices(tx, task, except)? {
        tell(tx, &device, kind, task, reference)?;
    }
    Ok(())
}

/// A row of a device's feed.
#[derive(Debug, Clone)]
pub struct FeedRow {
    pub seq: i64,
    pub kind: FeedKind,
    pub task: String,
    pub reference: String,
}

/// Whether `seq` is a place in the device's feed.
pub fn feed_has(tx: &mut Tx<'_>, device: &str, seq: i64) -> Result<bool> {
    let found: Option<i64> = tx.query_opt(
        "SELECT 1 FROM feed WHERE device = $1 AND seq = $2",
        &[&device, &seq],
        |r| r.get(0),
    )?;
    Ok(found.is_some())
}

/// Leaves a gap of `by` in the numbers of every feed: done at each start, so that a cursor of a past
/// that a restored backup does not have is no place of the feed (X7).
pub fn leave_gap(tx: &mut Tx<'_>, by: i64) -> Result<()> {
    tx.execute("UPDATE devices SET feed_seq = feed_seq + $1", &[&by])?;
    Ok(())
}

/// The next rows of a device's feed.
pub fn feed_after(tx: &mut Tx<'_>, device: &str, seq: i64, limit: u32) -> Result<Vec<FeedRow>> {
    tx.query(
        "SELECT seq, kind, task, ref FROM feed WHERE device = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        &[&device, &seq, &limit],
        |r| {
            let kind: String = r.get(1)?;
            let kind = FeedKind::of(&kind).ok_or(DbError::Column { index: 1, expected: "feed kind" })?;
            Ok(FeedRow { seq: r.get(0)?, kind, task: r.get(2)?, reference: r.get(3)? })
        },
    )
}

/// Tells a device all there is of a task: the grant, its changes in runs that end at signed
/// changes, its signatures, its blobs, its state.
pub fn grant(tx: &mut Tx<'_>, device: &str, task: &str) -> Result<()> {
    tell(tx, device, FeedKind::Grant, task, "")?;
    let rows: Vec<(i64, String, bool, i64)> = tx.query(
        "SELECT ord, actor, sig IS NOT NULL, length(bytes) FROM record_changes WHERE task = $1 ORDER BY ord",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
    )?;
    for (first, last) in runs(&rows) {
        tell(
            tx,
            device,
            FeedKind::Changes,
            task,
            &format!("{first}-{last}"),
        )?;
    }
    let ids: Vec<String> = tx.query(
        "SELECT id FROM record_signatures WHERE task = $1 ORDER BY received_at, id",
        &[&task],
        |r| r.get(0),
    )?;
    for id in ids {
        tell(tx, device, FeedKind::Signature, task, &id)?;
    }
    let blobs: Vec<String> = tx.query(
        "SELECT sha256 FROM blobs WHERE task = $1 AND stored_at IS NOT NULL ORDER BY stored_at",
        &[&task],
        |r| r.get(0),
    )?;
    for sha256 in blobs {
        tell(tx, device, FeedKind::Blob, task, &sha256)?;
    }
    tell(tx, device, FeedKind::State, task, "")
}

/// Bytes of changes that one feed row may stand for, so that it fits into a body.
const RUN_BYTES: i64 = 256 * 1024;

/// Cuts a log into runs, each ending where no author's newest change is unsigned.
fn runs(rows: &[(i64, String, bool, i64)]) -> Vec<(i64, i64)> {
    let mut runs = Vec::new();
    let mut unsigned: Vec<&str> = Vec::new();
    let (mut first, mut size) = (None, 0);
    for (ord, actor, is_signed, length) in rows {
        let start = *first.get_or_insert(*ord);
        size += length;
        unsigned.retain(|a| a != actor);
        if !is_signed {
            unsigned.push(actor);
        }
        if unsigned.is_empty() && size >= RUN_BYTES {
            runs.push((start, *ord));
            (first, size) = (None, 0);
        }
    }
    if let (Some(start), Some((last, ..))) = (first, rows.last()) {
        runs.push((start, *last));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_cut_only_where_every_newest_change_is_signed() {
        // design §4: batches are cut only at signed changes
        let row = |ord, actor: &str, signed| (ord, actor.to_owned(), signed, RUN_BYTES);
        let log = [
            row(1, "s", true),
            row(2, "a", false),
            row(3, "b", true),
            row(4, "a", true),
            row(9, "b", false),
        ];
        assert_eq!(runs(&log), [(1, 1), (2, 4), (9, 9)]);
        assert_eq!(runs(&[]), []);
    }
}
