//! Making a bundle: what it would hold, and its bytes as a stream.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use ::sync::bundle::{BundleWriter, MAX_BLOB_BYTES, MAX_RECIPIENTS, MAX_TASKS, estimated_bytes};
use ::sync::ids::{Key, TaskId};
use ::sync::message::{BlobKind, BlobRef, Cursor, MAX_BODY_BYTES, SyncResponse, pack};

use super::super::nearby::{MOST_BYTES, log_after};
use super::super::sync::blob_ref;
use super::super::{Agent, Open, lock, storage};
use crate::api::Problem;
use crate::api::bundle::{BundlePhotos, BundlePlan, BundleWish};
use crate::store::{delivery, queue, tasks};

/// A bundle that is about to be made.
pub struct Export {
    recipients: Vec<Key>,
    tasks: BTreeSet<TaskId>,
    blobs: Vec<BlobRef>,
}

fn bad_recipient() -> Problem {
    Problem::field(
        "bad_recipient",
        "recipients",
        "请选择至少一个接收方：单位服务器，或同组人员的平板。",
    )
}

impl Open {
    fn export(&self, wish: &BundleWish) -> Result<Export, Problem> {
        let mut recipients = BTreeSet::new();
        for text in wish.recipients.split(',').filter(|t| !t.is_empty()) {
            let key: Key = text.parse().map_err(|_| bad_recipient())?;
            if self.source(&key)?.is_none() {
                return Err(bad_recipient());
            }
            recipients.insert(key);
        }
        if recipients.is_empty() || recipients.len() > MAX_RECIPIENTS {
            return Err(bad_recipient());
        }
        let office_only = recipients.iter().all(|k| *k == self.server_key);
        let tasks = if office_only {
            self.unconfirmed_tasks()?
        } else {
            self.tasks_of_all(&recipients)?
        };
        if tasks.len() > MAX_TASKS {
            return Err(Problem::conflict(
                "bundle_too_many_tasks",
                format!(
                    "要导出的任务有 {} 个，一个数据包最多 {MAX_TASKS} 个；请先联网同步一部分，或分别为不同的接收方导出。",
                    tasks.len()
                ),
            ));
        }
        let blobs = self.blobs_of(&tasks, office_only, wish.photos)?;
        Ok(Export {
            recipients: recipients.into_iter().collect(),
            tasks,
            blobs,
        })
    }

    /// Records of which the office has not confirmed everything.
    fn unconfirmed_tasks(&self) -> Result<BTreeSet<TaskId>, Problem> {
        let sql = "SELECT task FROM change WHERE delivery <> 2 UNION SELECT task FROM statement WHERE delivery <> 2
             UNION SELECT task FROM blob WHERE here = 1 AND delivery <> 2";
        let mut query = self.db.prepare_cached(sql).map_err(storage)?;
        let rows = query.query_map([], |r| r.get::<_, String>(0));
        let rows: rusqlite::Result<Vec<String>> = rows.map_err(storage)?.collect();
        let rows = rows.map_err(storage)?;
        Ok(rows.iter().filter_map(|t| t.parse().ok()).collect())
    }

    /// Open records on whose roster every tablet among the recipients stands: nobody is told of a task
    /// that is not theirs.
    fn tasks_of_all(&self, recipients: &BTreeSet<Key>) -> Result<BTreeSet<TaskId>, Problem> {
        let mut all: Option<BTreeSet<TaskId>> = None;
        for key in recipients.iter().filter(|k| **k != self.server_key) {
            let own = self.shared_with(key)?;
            all = Some(match all {
                Some(before) => before.intersection(&own).copied().collect(),
                None => own,
            });
        }
        let mut open = BTreeSet::new();
        for task in all.unwrap_or_default() {
            let row = tasks::get(&self.db, &task.to_string()).map_err(storage)?;
            if row.is_some_and(|r| r.accepted_at.is_none()) {
                open.insert(task);
            }
        }
        Ok(open)
    }

    fn blobs_of(
        &self,
        tasks: &BTreeSet<TaskId>,
        office_only: bool,
        photos: BundlePhotos,
    ) -> Result<Vec<BlobRef>, Problem> {
        let most = match photos {
            BundlePhotos::None => return Ok(Vec::new()),
            BundlePhotos::Small => queue::form::RENDITION,
            BundlePhotos::Originals => queue::form::ORIGINAL,
            BundlePhotos::Everything => queue::form::CLIP,
        };
        let mut rows = Vec::new();
        for task in tasks {
            rows.extend(queue::of_task(&self.db, &task.to_string()).map_err(storage)?);
        }
        let wanted = |b: &&queue::BlobRow| {
            b.here && b.form <= most && !(office_only && b.delivery == delivery::CONFIRMED)
        };
        let mut blobs: Vec<BlobRef> = rows.iter().filter(wanted).filter_map(blob_ref).collect();
        // As on the network: small forms first, so that a file that is cut off has the most of use.
        blobs.sort_by_key(|b| b.kind);
        Ok(blobs)
    }
}

impl Agent {
    /// What a bundle for these would hold, and how large each choice of photos makes it.
    pub(crate) fn plan_bundle(&self, wish: &BundleWish) -> Result<BundlePlan, Problem> {
        self.with_open(|open| {
            let of = |photos| BundleWish {
                photos,
                recipients: wish.recipients.clone(),
            };
            let size = |export: &Export| export.blobs.iter().map(|b| b.size).sum::<u64>();
            let records = open.export(&of(BundlePhotos::None))?;
            let small = open.export(&of(BundlePhotos::Small))?;
            let originals = open.export(&of(BundlePhotos::Originals))?;
            let all = open.export(&of(BundlePhotos::Everything))?;
            let (mut changes, mut bytes) = (0, 0);
            for task in &records.tasks {
                let counted = open.db.query_row(
                    "SELECT count(*), coalesce(sum(length(bytes) + 70), 0) FROM change WHERE task = ?1",
                    [task.to_string()],
                    |r| Ok((r.get::<_, u32>(0)?, r.get::<_, i64>(1)?)),
                );
                let (count, size) = counted.map_err(storage)?;
                changes += count;
                bytes += size.unsigned_abs();
            }
            let number = |kind| {
                let those = all.blobs.iter().filter(|b| b.kind == kind);
                u32::try_from(those.count()).unwrap_or(u32::MAX)
            };
            Ok(BundlePlan {
                tasks: u32::try_from(records.tasks.len()).unwrap_or(u32::MAX),
                changes,
                photos: number(BlobKind::Original),
                clips: number(BlobKind::Clip),
                bytes_records: estimated_bytes(bytes, 0),
                bytes_small: estimated_bytes(bytes, size(&small)),
                bytes_originals: estimated_bytes(bytes, size(&originals)),
                bytes_everything: estimated_bytes(bytes, size(&all)),
            })
        })
    }

    /// Fixes what goes into a bundle.
    pub(crate) fn begin_bundle(&self, wish: &BundleWish) -> Result<Export, Problem> {
        self.with_open(|open| open.export(wish))
    }

    /// Writes the bundle. The store is held for one message or one stretch of a photo at a time, and so is
    /// the memory.
    pub(crate) fn write_bundle(
        self: &Arc<Self>,
        export: &Export,
        out: impl Write,
    ) -> Result<(), Problem> {
        let (device, blobs) =
            self.with_open(|open| Ok((open.device.clone(), open.blobs.clone())))?;
        let now = self.now();
        let failed = |e: std::io::Error| Problem::internal(&e);
        let mut fill = |bytes: &mut [u8]| self.fill(bytes);
        let mut writer =
            BundleWriter::new(out, &device, &export.recipients, now, &mut fill).map_err(failed)?;
        let mut cursor: Option<Cursor> = None;
        let mut budget = MOST_BYTES;
        loop {
            let answer: SyncResponse =
                self.with_open(|open| log_after(open, &export.tasks, None, cursor, budget, now))?;
            let packed = pack(&answer).map_err(|e| Problem::internal(&e))?.len();
            if packed > MAX_BODY_BYTES && budget > 64 * 1024 {
                budget /= 2;
                continue;
            }
            budget = MOST_BYTES;
            writer.message(&answer).map_err(failed)?;
            let moved = cursor.is_none_or(|before| answer.cursor.seq > before.seq);
            cursor = Some(answer.cursor);
            if !(answer.more && moved) {
                break;
            }
        }
        for blob in &export.blobs {
            let name = blob.sha256.to_string();
            let size = usize::try_from(blob.size).unwrap_or(usize::MAX);
            let mut offset = 0;
            writer.blob(blob).map_err(failed)?;
            while offset < size {
                let length = MAX_BLOB_BYTES.min(size - offset);
                let Ok(bytes) = blobs.read_range(&name, offset, length) else {
                    // One photo that cannot be read keeps no other from going.
                    self.note("a photo could not be read for a bundle");
                    break;
                };
                if bytes.is_empty() {
                    break;
                }
                writer.bytes(&bytes).map_err(failed)?;
                offset += bytes.len();
            }
        }
        writer.finish().map(drop).map_err(failed)?;
        let (records, photos) = (export.tasks.len(), export.blobs.len());
        self.note(&format!(
            "made a bundle: {records} records, {photos} photo files"
        ));
        Ok(())
    }

    /// A name for the file: no names of people, since it lies on sticks and in folders.
    pub(crate) fn bundle_name(&self) -> String {
        let device = lock(&self.open)
            .as_ref()
            .map(|o| o.device_key().to_string())
            .unwrap_or_default();
        let at = chrono::DateTime::from_timestamp_millis(self.now().saturating_add(8 * 3_600_000));
        let at = at.map_or_else(String::new, |t| t.format("%Y%m%d-%H%M").to_string());
        format!(
            "double-random-{at}-{}.drb",
            device.get(..8).unwrap_or_default()
        )
    }
}
