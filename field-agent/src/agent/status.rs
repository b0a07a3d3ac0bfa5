//! Sync and the state of the tablet as screens show them.

use std::sync::atomic::Ordering;

use super::photos::delivery_word;
use super::sync::originals_chosen;
use super::tasks::overall;
use super::{Agent, lock, storage};
use crate::api::Problem;
use crate::api::fault::told;
use crate::api::sync::*;
use crate::api::tasks::{Delivery, TaskCard};
use crate::store::pieces::{self, File, Piece};
use crate::store::queue::BlobRow;
use crate::store::{self, changes, delivery, queue, tasks, waits};
use crate::vault::Vault;

const DAY_MS: i64 = 86_400_000;

fn add(counters: &mut Counters, delivery: Delivery) {
    match delivery {
        Delivery::OnThisTablet | Delivery::Refused => counters.on_this_tablet += 1,
        Delivery::Sent => counters.sent += 1,
        Delivery::Confirmed => counters.confirmed += 1,
        Delivery::Elsewhere => counters.elsewhere += 1,
    }
}

fn add_all(counters: &mut Counters, more: Counters) {
    counters.on_this_tablet += more.on_this_tablet;
    counters.sent += more.sent;
    counters.confirmed += more.confirmed;
    counters.elsewhere += more.elsewhere;
}

/// By [`pieces::State`].
fn counters([refused, here, elsewhere, sent, confirmed]: [u32; 5]) -> Counters {
    Counters {
        on_this_tablet: refused + here,
        sent,
        confirmed,
        elsewhere,
    }
}

/// A clock that is put right by less than this was right, in milliseconds.
const CLOCK_SLACK_MS: i64 = 10 * 60_000;

/// What is dated by so much earlier than it can have been written was written by a clock that stood behind, in
/// milliseconds. Less than that may also be a clock that stands behind still.
const FAR_BEHIND_MS: i64 = 7 * DAY_MS;

/// What the office's answers say of the time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heard {
    /// When it last answered, by this tablet's clock.
    pub(super) last_sync: Option<i64>,
    /// When, by its own clock, it last had all that was written here: what waits is younger.
    pub(super) all_confirmed: Option<i64>,
}

impl Heard {
    pub(super) fn of(vault: &Vault) -> rusqlite::Result<Self> {
        Ok(Heard {
            last_sync: vault.get_i64("last_sync_at")?,
            all_confirmed: vault.get_i64(ALL_CONFIRMED)?,
        })
    }
}

/// Where the vault keeps it.
pub(super) const ALL_CONFIRMED: &str = "all_confirmed_at";

/// How long something has waited for the server (lesson 24): `none`, `one_day`, `three_days`.
pub(super) fn waiting_since(
    db: &rusqlite::Connection,
    now: i64,
    heard: Heard,
) -> rusqlite::Result<&'static str> {
    let Some((oldest, newest)) = waits::ends(db)? else {
        return Ok("none");
    };
    Ok(match age(oldest, newest, now, heard) {
        age if age >= 3 * DAY_MS => "three_days",
        age if age >= DAY_MS => "one_day",
        _ => "none",
    })
}

/// How old the oldest is at most. What claims to be written in the future was written while the clock was ahead,
/// what claims to be written long before the office had everything while it was behind. Then nobody knows when, but
/// it was after the office had everything; where that is not known, it counts as old, since a warning too many is
/// better than none for weeks.
fn age(oldest: i64, newest: i64, now: i64, heard: Heard) -> i64 {
    let by_its_date = now.saturating_sub(oldest);
    let ahead = newest > now.saturating_add(CLOCK_SLACK_MS);
    // A clock that stands before that time is no clock to count by.
    let confirmed = heard.all_confirmed.filter(|at| *at <= now);
    let behind = confirmed.is_some_and(|at| oldest < at.saturating_sub(FAR_BEHIND_MS));
    match confirmed {
        Some(at) if ahead || behind => now - at,
        _ if ahead => {
            let unheard = heard.last_sync.filter(|at| *at <= now);
            by_its_date
                .max(unheard.map_or(0, |at| now - at))
                .max(DAY_MS)
        }
        _ => by_its_date,
    }
}

/// Bytes that the server does not have: changes (about a third once packed) and what may go of photos.
const LEFT: &str = "SELECT
    (SELECT coalesce(sum(length(bytes)), 0) / 3 FROM change WHERE delivery <> 2 AND delivery < 2)
    + (SELECT coalesce(sum(size - sent), 0) FROM blob
       WHERE here = 1 AND delivery < 2 AND permanent = 0 AND form <= ?1)";

/// Bytes that are to be sent and may be sent.
fn bytes_left(db: &rusqlite::Connection, originals: bool) -> rusqlite::Result<u64> {
    let most = if originals {
        queue::form::CLIP
    } else {
        queue::form::RENDITION
    };
    let left: i64 = db.query_row(LEFT, [most], |r| r.get(0))?;
    Ok(u64::try_from(left).unwrap_or(0))
}

impl Agent {
    /// Everything about sync.
    pub fn sync_status(&self) -> Result<SyncStatus, Problem> {
        let now = self.now();
        let phase = self.phase();
        let heard = Heard::of(&lock(&self.vault)).map_err(storage)?;
        let (rows, records, photos, clips, originals, waits, warning, bytes_left, refused) =
            self.with_open(|open| {
                let mut rows = Vec::new();
                let (mut records, mut photos) = (Counters::default(), Counters::default());
                let mut clips = Counters::default();
                for (task, json, changed_at) in tasks::cards(&open.db).map_err(storage)? {
                    let Ok(card) = serde_json::from_str::<TaskCard>(&json) else {
                        continue;
                    };
                    let untouched = card.delivery == Delivery::Confirmed
                        && card.photos + card.clips == 0
                        && card.state == crate::api::tasks::TaskState::Todo;
                    if untouched {
                        continue;
                    }
                    let row = record_sync(&open.db, &task, &card)?;
                    add(&mut records, row.delivery);
                    add_all(&mut photos, row.photos);
                    add_all(&mut clips, row.clips);
                    let lately = now - changed_at < DAY_MS;
                    let waiting = card.unconfirmed_photos + card.unconfirmed_clips > 0;
                    if row.delivery != Delivery::Confirmed || waiting || lately {
                        rows.push(row);
                    }
                }
                let originals = originals_chosen(&open.db).map_err(storage)?;
                let waits = self.originals_wait(originals);
                let warning = waiting_since(&open.db, now, heard).map_err(storage)?;
                let left = bytes_left(&open.db, waits.is_none()).map_err(storage)?;
                let any = queue::originals_left(&open.db).map_err(storage)?;
                let waits = waits.filter(|_| any);
                let refused = waits::refused(&open.db).map_err(storage)?;
                Ok((
                    rows, records, photos, clips, originals, waits, warning, left, refused,
                ))
            })?;
        let rate = self.link_rate();
        let seconds_left = rate
            .filter(|rate| *rate > 0 && bytes_left > 0 && phase == SyncPhase::Running)
            .map(|rate| bytes_left.div_ceil(rate));
        let driver = lock(&self.driver);
        let (monotonic, now) = (self.clock.monotonic_ms(), self.now());
        let (last_try_at, next_try_at, last_error) = (
            driver.last_try_at,
            driver
                .next_try_at
                .filter(|_| !driver.stopped)
                .map(|at| now + (at - monotonic).max(0)),
            driver.last_error.clone(),
        );
        drop(driver);
        let vault = lock(&self.vault);
        Ok(SyncStatus {
            phase,
            server: vault.get("server").map_err(storage)?,
            records,
            photos,
            clips,
            rows,
            last_success_at: heard.last_sync,
            last_try_at,
            next_try_at,
            last_error,
            originals,
            originals_wait: waits,
            bytes_per_second: rate,
            bytes_left,
            seconds_left,
            warning: warning.into(),
            refused: RefusedWork {
                changes: refused.changes,
                files: refused.files,
            },
            free_bytes: self.space.free_bytes(&self.data),
            clock_offset_ms: vault.get_i64("clock_offset_ms").map_err(storage)?,
            revision: self.revision.load(Ordering::Relaxed),
        })
    }

    /// How far the photos and clips of a record are, one by one.
    pub fn sync_files(&self, task: &str) -> Result<FilesSync, Problem> {
        let entries = self.with_open(|open| pieces::by_entry(&open.db, task).map_err(storage))?;
        let mut files = FilesSync::default();
        for ((entry, id), forms) in entries {
            if entry == "photo" {
                files.photos.push(photo_sync(id, &forms));
            } else {
                let clip = forms.first();
                files
                    .clips
                    .extend(clip.map(|(clip, row)| clip_sync(clip, row.as_ref())));
            }
        }
        Ok(files)
    }

    /// Tries now, whatever the back-off says.
    pub fn sync_now(&self) -> Result<SyncStatus, Problem> {
        self.wake_urgently();
        self.sync_status()
    }

    /// Tries one photo or clip again.
    pub fn retry_photo(&self, task: &str, photo: &str) -> Result<SyncStatus, Problem> {
        let id = task.parse().map_err(|_| super::no_such_task())?;
        self.with_open(|open| {
            let view = &open.record(id)?.view;
            let forms = ["thumbnail_sha256", "rendition_sha256", "sha256"]
                .map(|f| view.text(&format!("photo/{photo}/{f}")).to_owned());
            let clip = view.text(&format!("clip/{photo}/sha256")).to_owned();
            for sha256 in forms.iter().chain([&clip]).filter(|s| !s.is_empty()) {
                queue::retry(&open.db, task, sha256).map_err(storage)?;
            }
            Ok(())
        })?;
        self.wake_urgently();
        self.sync_status()
    }

    /// For the help desk: no names, no content.
    pub fn diagnostics(&self) -> Result<Diagnostics, Problem> {
        let opened = self.with_open(|open| {
            let schema: i64 = open
                .db
                .query_row("PRAGMA user_version", [], |r| r.get(0))
                .map_err(storage)?;
            Ok((
                store::cipher_version(&open.db).map_err(storage)?,
                schema,
                tasks::count(&open.db).map_err(storage)?,
                changes::count(&open.db).map_err(storage)?,
                queue::count(&open.db).map_err(storage)?,
            ))
        });
        let (cipher_version, schema, tasks, changes, blobs) = opened?;
        let vault = lock(&self.vault);
        Ok(Diagnostics {
            version: env!("CARGO_PKG_VERSION").into(),
            agent: vault.get("agent").map_err(storage)?.unwrap_or_default(),
            device: vault.get("device").map_err(storage)?,
            cipher_version,
            schema_version: Some(schema),
            tasks,
            changes,
            blobs,
            store_bytes: std::fs::metadata(self.data.join("store.sqlite")).map_or(0, |m| m.len()),
            free_bytes: self.space.free_bytes(&self.data),
            now: self.now(),
            clock_offset_ms: vault.get_i64("clock_offset_ms").map_err(storage)?,
            key_store: self.keys.kind().into(),
            font: self.font.get().and_then(|f| f.name().map(str::to_owned)),
            log: lock(&self.log).iter().cloned().collect(),
        })
    }
}

fn record_sync(
    db: &rusqlite::Connection,
    task: &str,
    card: &TaskCard,
) -> Result<RecordSync, Problem> {
    let counts = changes::delivery_counts(db, task).map_err(storage)?;
    let [here, sent, confirmed, refused] = counts;
    let files = pieces::progress(db, task).map_err(storage)?;
    let fault = match refused + sent {
        0 => None,
        _ => changes::refusal(db, task).map_err(storage)?,
    };
    let (error, error_code) = told(fault.as_deref());
    Ok(RecordSync {
        task: task.to_owned(),
        number: card.number.clone(),
        object: card.object.clone(),
        delivery: overall([here > 0, sent > 0, refused > 0]),
        changes: Counters {
            on_this_tablet: here + refused,
            sent,
            confirmed,
            elsewhere: 0,
        },
        photos: counters(files.photos),
        clips: counters(files.clips),
        failed: files.failed,
        error,
        error_code,
    })
}

fn photo_sync(photo: String, files: &[File]) -> PhotoSync {
    let blobs = || files.iter().filter_map(|(_, blob)| blob.as_ref());
    let of = |form: i64| {
        let file = files.iter().find(|(piece, _)| piece.form == form);
        delivery_word(file.and_then(|(_, blob)| blob.as_ref()))
    };
    let (error, error_code) = told(blobs().find_map(|b| b.error.as_deref()));
    PhotoSync {
        photo,
        caption: files
            .first()
            .map_or_else(String::new, |(piece, _)| piece.caption.clone()),
        thumbnail: of(queue::form::THUMBNAIL),
        rendition: of(queue::form::RENDITION),
        original: of(queue::form::ORIGINAL),
        bytes_total: blobs().filter(|b| b.here).map(|b| b.size).sum(),
        bytes_sent: blobs().filter(|b| b.here).map(sent_of).sum(),
        error,
        error_code,
    }
}

fn clip_sync(clip: &Piece, row: Option<&BlobRow>) -> ClipSync {
    let (error, error_code) = told(row.and_then(|b| b.error.as_deref()));
    ClipSync {
        clip: clip.id.clone(),
        kind: clip.kind.clone(),
        caption: clip.caption.clone(),
        delivery: delivery_word(row),
        bytes_total: row.map_or(0, |b| b.size),
        bytes_sent: row.map_or(0, sent_of),
        error,
        error_code,
    }
}

/// Bytes of a blob that the server has.
fn sent_of(blob: &BlobRow) -> i64 {
    if blob.delivery == delivery::CONFIRMED {
        blob.size
    } else {
        blob.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = DAY_MS / 24;
    /// The office had everything.
    const CONFIRMED: i64 = 100 * DAY_MS;

    // lesson 24: what waits is as old as its date says, where the date can be right
    #[rstest::rstest]
    #[case::as_dated(CONFIRMED + HOUR, 30 * HOUR, 29 * HOUR)]
    #[case::by_a_clock_far_behind(0, 2 * HOUR, 2 * HOUR)]
    #[case::by_one_far_behind_days_ago(0, 4 * DAY_MS, 4 * DAY_MS)]
    #[case::by_one_far_ahead(900 * DAY_MS, 2 * HOUR, 2 * HOUR)]
    #[case::by_one_that_may_stand_so_still(CONFIRMED - 2 * DAY_MS, HOUR, 2 * DAY_MS + HOUR)]
    #[case::while_the_clock_is_behind(0, -90 * DAY_MS, 10 * DAY_MS)]
    fn age_goes_by_the_offices_time_where_the_date_is_false(
        #[case] written: i64,
        #[case] since_confirmed: i64,
        #[case] expected: i64,
    ) {
        let heard = Heard {
            last_sync: Some(CONFIRMED),
            all_confirmed: Some(CONFIRMED),
        };
        let now = CONFIRMED + since_confirmed;
        assert_eq!(age(written, written, now, heard), expected);
    }

    // An agent of before did not note when the office had everything.
    #[rstest::rstest]
    #[case::behind(0, CONFIRMED)]
    #[case::ahead(900 * DAY_MS, DAY_MS)]
    fn without_the_offices_time_it_counts_as_old(#[case] written: i64, #[case] at_least: i64) {
        let heard = Heard {
            last_sync: Some(CONFIRMED),
            all_confirmed: None,
        };
        assert!(age(written, written, CONFIRMED + HOUR, heard) >= at_least);
    }
}
