//! The untouched original of a colleague's photo, when an inspector wants to see it (F6): a tablet gets
//! thumbnails and renditions by itself, an original only when somebody asks for it on the photo.
//!
//! The wish is kept in the store until the original is here, so that it survives a cut, a restart and the
//! colleague's coming back next day. What has come is kept in pieces, encrypted like every photo; the
//! whole is looked at by nobody before its hash was checked.

use std::sync::Arc;

use ::sync::ids::Sha256;
use ::sync::message::{BlobKind, BlobRef};
use ::sync::session::MAX_CHUNK;

use super::super::photos::write_failed;
use super::super::sync::{keep_photo, wanted_blob};
use super::super::{Agent, Open, disk_full, lock, storage};
use super::pull::{Asked, Failed};
use crate::api::Problem;
use crate::api::photos::{OriginalWish, PhotoView, WishState};
use crate::store;
use crate::store::blobs::{self, Blobs};

/// Longest original that goes from tablet to tablet, in bytes: as the office takes it.
pub(super) const MOST_BYTES: u64 = 64 << 20;
/// Most wishes that stand at a time.
const MOST_WISHES: usize = 200;
const WISH: &str = "original/";

fn wish_key(blob: &BlobRef) -> String {
    format!("{WISH}{}/{}", blob.task, blob.sha256)
}

/// Under which name the store of photos keeps a piece of an original that has not come wholly.
fn piece(sha256: &Sha256, from: u64) -> String {
    blobs::piece(&sha256.to_string(), from)
}

/// How many bytes of it are here, from the beginning.
fn received(blobs: &Blobs, blob: &BlobRef) -> u64 {
    let mut from = 0;
    while from < blob.size && blobs.has(&piece(&blob.sha256, from)) {
        from += MAX_CHUNK;
    }
    from.min(blob.size)
}

fn drop_pieces(blobs: &Blobs, blob: &BlobRef) -> Result<(), Problem> {
    let mut from = 0;
    while from < blob.size {
        blobs
            .remove(&piece(&blob.sha256, from))
            .map_err(|e| Problem::internal(&e))?;
        from += MAX_CHUNK;
    }
    Ok(())
}

impl Open {
    /// Originals that somebody wants and that are not here.
    fn wishes(&self) -> Result<Vec<BlobRef>, Problem> {
        let rows = store::list_meta(&self.db, WISH).map_err(storage)?;
        let read = |(key, size): (String, Vec<u8>)| {
            let (task, sha256) = key.strip_prefix(WISH)?.split_once('/')?;
            Some(BlobRef {
                task: task.parse().ok()?,
                sha256: sha256.parse().ok()?,
                size: u64::from_be_bytes(size.try_into().ok()?),
                kind: BlobKind::Original,
            })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The names of the pieces of originals that are wanted.
    pub(in crate::agent) fn wished_pieces(&self) -> Result<Vec<String>, Problem> {
        let pieces = |blob: BlobRef| {
            let step = usize::try_from(MAX_CHUNK).unwrap_or(usize::MAX);
            (0..blob.size)
                .step_by(step)
                .map(move |from| piece(&blob.sha256, from))
        };
        Ok(self.wishes()?.into_iter().flat_map(pieces).collect())
    }

    fn end_wish(&self, blob: &BlobRef) -> Result<(), Problem> {
        drop_pieces(&self.blobs, blob)?;
        store::clear_meta(&self.db, &wish_key(blob)).map_err(storage)
    }
}

fn original(view: &PhotoView, task: &str) -> Result<BlobRef, Problem> {
    let read = || {
        Some(BlobRef {
            task: task.parse().ok()?,
            sha256: view.sha256.parse().ok()?,
            size: u64::try_from(view.size).ok()?,
            kind: BlobKind::Original,
        })
    };
    let named = read().filter(|b| b.size <= MOST_BYTES);
    named.ok_or_else(|| {
        Problem::conflict(
            "original_too_large",
            "这张原图超过 64 MB，不能由平板直接传送；请到单位查看，或用数据包带走。",
        )
    })
}

impl Agent {
    /// Wants the original of a photo from a colleague's tablet.
    ///
    /// # Errors
    /// `nearby_off`, `original_too_large`, `too_many_wishes`, `disk_full`.
    pub fn wish_original(&self, me: &str, task: &str, photo: &str) -> Result<PhotoView, Problem> {
        let view = self.photo(me, task, photo)?;
        if view.has_original {
            return Ok(view);
        }
        let blob = original(&view, task)?;
        if !self.nearby_wanted() {
            return Err(Problem::conflict(
                "nearby_off",
                "请先在“同步”页打开“附近的平板”，再向同组人员的平板取原图。",
            ));
        }
        // The pieces and then the whole.
        if !self.has_room(2 * blob.size) {
            return Err(disk_full());
        }
        self.with_open(|open| {
            if open.wishes()?.len() >= MOST_WISHES {
                return Err(Problem::conflict(
                    "too_many_wishes",
                    "等待传送的原图太多，请等已有的传完，或取消一些。",
                ));
            }
            let size = blob.size.to_be_bytes();
            store::set_meta(&open.db, &wish_key(&blob), &size).map_err(storage)
        })?;
        // Asked anew, whoever did not have it before.
        lock(&self.nearby_state).without.remove(&blob.sha256);
        self.nearby_change.notify_one();
        self.touch();
        self.photo(me, task, photo)
    }

    /// The original is not wanted any more; what had come of it is removed.
    pub fn forget_original(&self, me: &str, task: &str, photo: &str) -> Result<PhotoView, Problem> {
        let view = self.photo(me, task, photo)?;
        if let Ok(blob) = original(&view, task) {
            self.with_open(|open| open.end_wish(&blob))?;
        }
        self.touch();
        self.photo(me, task, photo)
    }

    /// Says of each photo whose original is wanted how far it is, and why it does not come.
    pub(in crate::agent) fn tell_wishes(
        &self,
        task: &str,
        rows: &mut [PhotoView],
    ) -> Result<(), Problem> {
        let wishes = self.with_open(|open| {
            let mut wishes = open.wishes()?;
            wishes.retain(|w| w.task.to_string() == task);
            let told = wishes
                .into_iter()
                .map(|w| (w.clone(), received(&open.blobs, &w)));
            let told: Vec<(BlobRef, u64)> = told.collect();
            Ok(if told.is_empty() {
                None
            } else {
                Some((told, self.sharing(open, task)?))
            })
        })?;
        let Some((wishes, sharing)) = wishes else {
            return Ok(());
        };
        let enabled = self.nearby_wanted();
        let state = lock(&self.nearby_state);
        for (blob, received) in wishes {
            let asking = state
                .tablets
                .values()
                .any(|t| t.key.is_none() && t.error.is_none());
            let in_reach: Vec<_> = state
                .tablets
                .values()
                .filter(|t| t.error.is_none())
                .filter_map(|t| t.key.filter(|k| sharing.contains(k)))
                .collect();
            let without = state.without.get(&blob.sha256);
            let all_without = in_reach
                .iter()
                .all(|k| without.is_some_and(|w| w.contains(k)));
            let told = match (in_reach.is_empty(), all_without) {
                _ if !enabled => WishState::NearbyOff,
                (true, _) if asking => WishState::Asking,
                (true, _) => WishState::NobodyInReach,
                (false, true) => WishState::NobodyHasIt,
                (false, false) => WishState::Asking,
            };
            let sha256 = blob.sha256.to_string();
            for row in rows
                .iter_mut()
                .filter(|r| r.sha256 == sha256 && !r.has_original)
            {
                row.original_wish = Some(OriginalWish {
                    state: told,
                    received: i64::try_from(received).unwrap_or(i64::MAX),
                });
            }
        }
        Ok(())
    }

    /// Tablets on the roster of a task.
    fn sharing(&self, open: &Open, task: &str) -> Result<Vec<::sync::ids::Key>, Problem> {
        let own = open.device_key();
        let rosters = open.rosters()?;
        let of_task = rosters.iter().filter(|(t, _)| t.to_string() == task);
        let keys = of_task.flat_map(|(_, r)| &r.members).flat_map(|m| &m.keys);
        Ok(keys.map(|k| k.device_key).filter(|k| *k != own).collect())
    }

    /// Asks a tablet for the originals that are wanted of tasks that it shares.
    pub(super) async fn pull_originals(self: &Arc<Self>, asked: &Asked) -> Result<(), Failed> {
        let wishes = self.with_open(|open| {
            let wishes = open.wishes()?;
            if wishes.is_empty() {
                return Ok(wishes);
            }
            let shared = open.shared_with(&asked.key)?;
            Ok(wishes
                .into_iter()
                .filter(|w| shared.contains(&w.task))
                .collect())
        })?;
        for blob in wishes {
            // It came by another way, or the record does not name it any more.
            if self.with_open(|open| wanted_blob(open, &blob))?.is_none() {
                self.with_open(|open| open.end_wish(&blob))?;
                continue;
            }
            let came = self.pull_original(asked, &blob).await?;
            let mut state = lock(&self.nearby_state);
            if came {
                state.without.remove(&blob.sha256);
            } else {
                let without = state.without.entry(blob.sha256).or_default();
                without.insert(asked.key);
            }
            drop(state);
            self.touch();
        }
        Ok(())
    }

    /// False when that tablet does not have it.
    async fn pull_original(
        self: &Arc<Self>,
        asked: &Asked,
        blob: &BlobRef,
    ) -> Result<bool, Failed> {
        let mut from = self.with_open(|open| Ok(received(&open.blobs, blob)))?;
        while from < blob.size {
            let Some(bytes) = self.stretch(asked, blob, from).await? else {
                return Ok(false);
            };
            let (agent, wanted) = (self.clone(), blob.clone());
            let length = bytes.len() as u64;
            let kept = tokio::task::spawn_blocking(move || agent.keep_piece(&wanted, from, &bytes));
            if !kept.await.map_err(|e| Failed::here(&e))?? {
                // Somebody thought better of it.
                return Ok(false);
            }
            from += length;
            self.touch();
        }
        let (agent, blob) = (self.clone(), blob.clone());
        let kept = tokio::task::spawn_blocking(move || agent.put_together(&blob));
        kept.await
            .map_err(|e| Failed::here(&e))?
            .map_err(Failed::from)
    }

    /// Keeps a piece while it is wanted.
    fn keep_piece(&self, blob: &BlobRef, from: u64, bytes: &[u8]) -> Result<bool, Problem> {
        let blobs = self.with_open(|open| {
            let wish = store::get_meta(&open.db, &wish_key(blob)).map_err(storage)?;
            Ok(wish.map(|_| open.blobs.clone()))
        })?;
        let Some(blobs) = blobs else {
            return Ok(false);
        };
        // The rest of the pieces and then the whole; what came meanwhile may have taken the room.
        if !self.has_room(2 * blob.size - from) {
            return Err(disk_full());
        }
        let written = blobs.write(
            &[(&piece(&blob.sha256, from), bytes)],
            self.space.as_ref(),
            lock(&self.random).as_mut(),
        );
        written.map(|()| true).map_err(|e| write_failed(&e))
    }

    /// The whole, once its hash is right; pieces that do not make it are dropped, whoever sent them.
    fn put_together(&self, blob: &BlobRef) -> Result<bool, Problem> {
        let blobs = self.with_open(|open| Ok(open.blobs.clone()))?;
        let mut whole = Vec::with_capacity(usize::try_from(blob.size).unwrap_or(0));
        let mut from = 0;
        while from < blob.size {
            let Ok(bytes) = blobs.read(&piece(&blob.sha256, from)) else {
                break;
            };
            whole.extend_from_slice(&bytes);
            from += MAX_CHUNK;
        }
        if Sha256::of(&whole) != blob.sha256 {
            self.note("an original of another tablet was not what its name says");
            drop_pieces(&blobs, blob)?;
            return Ok(false);
        }
        keep_photo(self, blob, &whole, self.now())?;
        self.with_open(|open| open.end_wish(blob))?;
        Ok(true)
    }
}
