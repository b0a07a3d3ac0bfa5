//! Photos and clips: what records name, what has come, what is on its way.

use std::collections::BTreeSet;

use ::sync::message::BlobKind;

use super::{FeedKind, tell_team, to_i64};
use crate::db::{DbError, Result, Row, Tx};
use crate::sync::blobs::Upload;
use crate::sync::worker::NamedBlob;

/// A blob that a record names.
#[derive(Debug, Clone)]
pub struct BlobRow {
    pub size: u64,
    pub kind: BlobKind,
    pub stored: bool,
}

const KINDS: [(BlobKind, &str); 4] = [
    (BlobKind::Thumbnail, "thumbnail"),
    (BlobKind::Rendition, "rendition"),
    (BlobKind::Original, "original"),
    (BlobKind::Clip, "clip"),
];

/// As the column `kind` says it.
pub fn kind_word(kind: BlobKind) -> &'static str {
    let found = KINDS.iter().find(|(k, _)| *k == kind);
    found.map_or("original", |(_, word)| word)
}

/// Makes room for the blobs that a record names. A hash that is named with another size is another
/// row: only the true one can ever be stored, so that a wrong name stands in nobody's way. Of several
/// kinds the smallest counts: whoever needs it to look at a photo gets it.
pub fn name_blobs(tx: &mut Tx<'_>, task: &str, blobs: &[NamedBlob]) -> Result<()> {
    // A name that is larger than its kind may be is none: it must not bind the true one to its limit.
    let possible = |blob: &&NamedBlob| blob.size <= blob.kind.max_bytes();
    for blob in blobs.iter().filter(possible) {
        let (kind, sha256) = (kind_word(blob.kind), blob.sha256.to_string());
        let size = to_i64(blob.size);
        let known: Option<(BlobKind, bool)> = tx.query_opt(
            "SELECT kind, stored_at IS NOT NULL FROM blobs
             WHERE task = $1 AND sha256 = $2 AND size = $3",
            &[&task, &sha256, &size],
            |r| Ok((kind_of(r, 0)?, r.get(1)?)),
        )?;
        match known {
            None => {
                tx.execute(
                    "INSERT INTO blobs (task, sha256, size, kind, entry) VALUES ($1, $2, $3, $4, $5)",
                    &[&task, &sha256, &size, &kind, &blob.entry],
                )?;
            }
            Some((known, stored)) if blob.kind < known => {
                tx.execute(
                    "UPDATE blobs SET kind = $4, entry = $5
                     WHERE task = $1 AND sha256 = $2 AND size = $3",
                    &[&task, &sha256, &size, &kind, &blob.entry],
                )?;
                if stored && blob.kind.is_small() && !known.is_small() {
                    tell_team(tx, task, "", FeedKind::Blob, &sha256)?;
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn kind_of(row: &Row<'_>, index: usize) -> Result<BlobKind> {
    let word: String = row.get(index)?;
    let kind = KINDS.iter().find(|(_, w)| *w == word).map(|(k, _)| *k);
    kind.ok_or(DbError::Column {
        index,
        expected: "blob kind",
    })
}

/// The blob of this hash and `size`; when one of the hash is stored, that one, and without a size the
/// greatest that is named.
pub fn blob(
    tx: &mut Tx<'_>,
    task: &str,
    sha256: &str,
    size: Option<u64>,
) -> Result<Option<BlobRow>> {
    tx.query_opt(
        "SELECT size, kind, stored_at IS NOT NULL FROM blobs
         WHERE task = $1 AND sha256 = $2 AND ($3 IS NULL OR size = $3 OR stored_at IS NOT NULL)
         ORDER BY stored_at IS NULL, size DESC LIMIT 1",
        &[&task, &sha256, &size.map(to_i64)],
        |r| {
            Ok(BlobRow {
                size: u64::try_from(r.get::<i64>(0)?).unwrap_or(0),
                kind: kind_of(r, 1)?,
                stored: r.get(2)?,
            })
        },
    )
}

/// How much of an upload is safely on disk.
pub fn received(tx: &mut Tx<'_>, upload: &Upload) -> Result<u64> {
    let found: Option<i64> = tx.query_opt(
        "SELECT received FROM uploads
         WHERE task = $1 AND sha256 = $2 AND size = $3 AND device = $4",
        &[
            &upload.task,
            &upload.sha256,
            &to_i64(upload.size),
            &upload.device,
        ],
        |r| r.get(0),
    )?;
    Ok(found.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Notes how much of an upload is safely on disk.
pub fn note_upload(tx: &mut Tx<'_>, upload: &Upload, received: u64, now: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO uploads (task, sha256, size, device, received, touched_at)
         SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (
             SELECT 1 FROM blobs WHERE task = $1 AND sha256 = $2 AND stored_at IS NOT NULL)
         ON CONFLICT (task, sha256, size, device) DO UPDATE SET
             received = excluded.received, touched_at = excluded.touched_at",
        &[
            &upload.task,
            &upload.sha256,
            &to_i64(upload.size),
            &upload.device,
            &to_i64(received),
            &now,
        ],
    )?;
    Ok(())
}

/// Notes that a blob is whole and its hash checked. False when that was known.
pub fn blob_stored(tx: &mut Tx<'_>, upload: &Upload, now: i64) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE blobs SET stored_at = $4
         WHERE task = $1 AND sha256 = $2 AND size = $3 AND stored_at IS NULL",
        &[&upload.task, &upload.sha256, &to_i64(upload.size), &now],
    )?;
    Ok(changed > 0)
}

const UPLOAD_COLUMNS: &str = "task, sha256, size, device";

fn upload(r: &Row<'_>) -> Result<Upload> {
    Ok(Upload {
        task: r.get(0)?,
        sha256: r.get(1)?,
        size: u64::try_from(r.get::<i64>(2)?).unwrap_or(0),
        device: r.get(3)?,
    })
}

/// Forgets all uploads of a blob that is whole; returns them.
pub fn end_uploads(tx: &mut Tx<'_>, task: &str, sha256: &str) -> Result<Vec<Upload>> {
    let ended = tx.query(
        &format!("SELECT {UPLOAD_COLUMNS} FROM uploads WHERE task = $1 AND sha256 = $2"),
        &[&task, &sha256],
        upload,
    )?;
    tx.execute(
        "DELETE FROM uploads WHERE task = $1 AND sha256 = $2",
        &[&task, &sha256],
    )?;
    Ok(ended)
}

/// The uploads that somebody has gone on with since `since`, of blobs that are not whole.
pub fn uploads_since(tx: &mut Tx<'_>, since: i64) -> Result<BTreeSet<Upload>> {
    let found = tx.query(
        &format!(
            "SELECT {UPLOAD_COLUMNS} FROM uploads u WHERE touched_at >= $1 AND NOT EXISTS (
                 SELECT 1 FROM blobs b
                 WHERE b.task = u.task AND b.sha256 = u.sha256 AND b.stored_at IS NOT NULL)"
        ),
        &[&since],
        upload,
    )?;
    Ok(found.into_iter().collect())
}

/// Forgets the uploads that nobody has gone on with since `since`.
pub fn forget_uploads(tx: &mut Tx<'_>, since: i64) -> Result<()> {
    tx.execute("DELETE FROM uploads WHERE touched_at < $1", &[&since])?;
    Ok(())
}

/// Bytes of an upload, and of the other unfinished ones of its device: of the longest, and in all.
pub fn unfinished(tx: &mut Tx<'_>, one: &Upload) -> Result<(u64, u64, u64)> {
    let own = received(tx, one)?;
    let (longest, sum): (i64, i64) = tx.query_one(
        "SELECT coalesce(max(received), 0), CAST(coalesce(sum(received), 0) AS BIGINT) FROM uploads
         WHERE device = $4 AND NOT (task = $1 AND sha256 = $2 AND size = $3)",
        &[&one.task, &one.sha256, &to_i64(one.size), &one.device],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok((own, unsigned(longest), unsigned(sum)))
}
