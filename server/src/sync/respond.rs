//! What goes down to a tablet: the next stretch of its feed.

use std::collections::BTreeSet;

use ::sync::canonical;
use ::sync::facts::Roster;
use ::sync::ids::{Sha256, TaskId};
use ::sync::message::{
    BlobRef, BlobState, Cursor, DocChanges, Grant, OfficeState, SyncRequest, SyncResponse,
    TaskState,
};
use ::sync::signing;

use super::blobs::Upload;
use super::store::{self, Device, FeedKind, FeedRow};
use crate::db::Tx;
use crate::error::AppError;
use crate::state::AppState;

/// Rows of the feed that one response takes at most.
const ROWS: u32 = 2_000;
/// Bytes before packing after which the rest goes into the next response.
pub const BUDGET: usize = 1_500_000;

/// Builds the response to `request` but for the verdicts. Takes at most about `budget` bytes.
///
/// `fed` is where the device's feed ended when the request came. What the device itself wrote lies
/// behind it when the request has just brought it, and is passed over. It lies before it when the
/// device asks from a place before its own work: an answer was lost, or its store was put back from
/// a copy. Then it gets its own work back.
pub fn respond(
    tx: &mut Tx<'_>,
    state: &AppState,
    device: &Device,
    request: &SyncRequest,
    fed: i64,
    budget: usize,
) -> Result<SyncResponse, AppError> {
    let incarnation = state.incarnation_bytes();
    let known = request.cursor.filter(|c| c.incarnation == incarnation);
    // A cursor that is no place of the feed is one of a server that was restored to an earlier
    // state: every start leaves a gap in the numbers, so that no two pasts share one.
    let seq = match known.and_then(|c| i64::try_from(c.seq).ok()) {
        Some(seq) if seq == 0 || store::feed_has(tx, &device.id, seq)? => Some(seq),
        _ => None,
    };
    let mut down = Down::new(state, device, seq.unwrap_or(0), incarnation);
    down.fed = fed;
    down.asked = request.blobs.iter().map(|b| (b.task, b.sha256)).collect();
    if request.cursor.is_some() && seq.is_none() {
        down.response.restored = true;
        down.response.tips = store::tips(tx, &device.id)?;
    }
    down.blob_states(tx, request)?;
    let rows = store::feed_after(tx, &device.id, seq.unwrap_or(0), ROWS)?;
    down.response.more = rows.len() == ROWS as usize;
    for row in rows {
        if down.size > budget {
            down.response.more = true;
            break;
        }
        down.take(tx, &row)?;
    }
    Ok(down.response)
}

struct Down<'a> {
    state: &'a AppState,
    device: &'a Device,
    response: SyncResponse,
    size: usize,
    /// See [`respond`].
    fed: i64,
    /// Photos that the device asks about: it has them.
    asked: BTreeSet<(TaskId, Sha256)>,
    sent: BTreeSet<(TaskId, Sha256)>,
    told: BTreeSet<(TaskId, u8)>,
}

impl<'a> Down<'a> {
    fn new(state: &'a AppState, device: &'a Device, seq: i64, incarnation: [u8; 16]) -> Self {
        let seq = u64::try_from(seq).unwrap_or(0);
        let response = SyncResponse::at(Cursor { incarnation, seq }, state.now());
        Down {
            state,
            device,
            response,
            size: 0,
            fed: 0,
            asked: BTreeSet::new(),
            sent: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    fn blob_states(&mut self, tx: &mut Tx<'_>, request: &SyncRequest) -> Result<(), AppError> {
        for blob in &request.blobs {
            let task = blob.task.to_string();
            let visible = store::may_bring(tx, &self.device.id, &task)?;
            let upload = Upload {
                task,
                sha256: blob.sha256.to_string(),
                size: blob.size,
                device: self.device.id.clone(),
            };
            let row = if visible {
                store::blob(tx, &upload.task, &upload.sha256, Some(blob.size))?
            } else {
                None
            };
            let state = match row.filter(|r| r.size == blob.size) {
                Some(row) => BlobState {
                    received: match row.stored {
                        true => row.size,
                        false => store::received(tx, &upload)?,
                    },
                    stored: row.stored,
                    unwanted: false,
                },
                None => BlobState {
                    received: 0,
                    stored: false,
                    unwanted: true,
                },
            };
            self.response.blobs.push(state);
        }
        Ok(())
    }

    fn take(&mut self, tx: &mut Tx<'_>, row: &FeedRow) -> Result<(), AppError> {
        self.response.cursor.seq = u64::try_from(row.seq).unwrap_or(0);
        let task: TaskId = row.task.parse().map_err(AppError::internal)?;
        // Nothing is told to who was relieved after the change that says so; what stands before it in
        // the feed is what that change stands on. Photos are for the team only.
        let visible = match row.kind {
            FeedKind::Withdraw => true,
            FeedKind::Blob => store::may_see(tx, &self.device.id, &row.task)?,
            _ => store::may_bring(tx, &self.device.id, &row.task)?,
        };
        if !visible {
            return Ok(());
        }
        match row.kind {
            FeedKind::Grant if self.told.insert((task, 0)) => self.grant(tx, task, false),
            FeedKind::Withdraw => self.grant(tx, task, true),
            FeedKind::State if self.told.insert((task, 1)) => self.task_state(tx, task),
            FeedKind::Grant | FeedKind::State => Ok(()),
            FeedKind::Changes => self.changes(tx, task, &row.reference, row.seq > self.fed),
            FeedKind::Signature => self.signature(tx, task, &row.reference, row.seq > self.fed),
            FeedKind::Blob => self.blob(tx, task, &row.reference),
        }
    }

    fn grant(&mut self, tx: &mut Tx<'_>, task: TaskId, withdrawn: bool) -> Result<(), AppError> {
        let mut grant = Grant {
            task,
            withdrawn,
            facts: vec![],
            roster: vec![],
            roster_sig: None,
        };
        if !withdrawn {
            let (facts, version): (String, u64) = tx.query_one(
                "SELECT facts, roster_version FROM tasks WHERE id = $1",
                &[&task.to_string()],
                |r| Ok((r.get(0)?, u64::try_from(r.get::<i64>(1)?).unwrap_or(0))),
            )?;
            let members = store::team(tx, &task.to_string(), true)?;
            let former = store::former(tx, &task.to_string())?;
            let roster = canonical::to_vec(&Roster {
                task,
                version,
                members,
                former,
            });
            grant.roster_sig = Some(signing::sign(
                self.state.keys.signing(),
                signing::ROSTER,
                &roster,
            ));
            grant.facts = facts.into_bytes();
            grant.roster = roster;
        }
        self.size += grant.facts.len() + grant.roster.len();
        self.response.grants.push(grant);
        // A grant alone would read as an open task: where the task stands goes with it, so that one that
        // was cancelled does not come back with a later roster.
        if !withdrawn && self.told.insert((task, 1)) {
            self.task_state(tx, task)?;
        }
        Ok(())
    }

    fn changes(
        &mut self,
        tx: &mut Tx<'_>,
        task: TaskId,
        span: &str,
        fresh: bool,
    ) -> Result<(), AppError> {
        let parsed = span
            .split_once('-')
            .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (first, last) =
            parsed.ok_or_else(|| AppError::internal(format!("feed row {span:?}")))?;
        let mut offered = Vec::new();
        for change in store::changes(tx, &task.to_string(), first, last)? {
            if fresh && change.via_device == self.device.id {
                continue;
            }
            if self.sent.insert((task, change.hash)) {
                self.size += change.bytes.len() + 70;
                offered.push(store::offered(change, &mut self.response.authors));
            }
        }
        if !offered.is_empty() {
            let same = self.response.docs.iter_mut().find(|d| d.task == task);
            match same {
                Some(doc) => doc.changes.extend(offered),
                None => self.response.docs.push(DocChanges {
                    task,
                    changes: offered,
                }),
            }
        }
        Ok(())
    }

    fn signature(
        &mut self,
        tx: &mut Tx<'_>,
        task: TaskId,
        id: &str,
        fresh: bool,
    ) -> Result<(), AppError> {
        let found = store::signature(tx, &task.to_string(), id)?;
        let own = |via: &str| fresh && via == self.device.id;
        if let Some((row, _)) = found.filter(|(_, via)| !own(via)) {
            self.size += row.body.len() + row.ink.as_ref().map_or(0, Vec::len);
            self.response.signatures.push(row);
        }
        Ok(())
    }

    fn task_state(&mut self, tx: &mut Tx<'_>, task: TaskId) -> Result<(), AppError> {
        let (word, round): (String, u32) = tx.query_one(
            "SELECT state, round FROM tasks WHERE id = $1",
            &[&task.to_string()],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )?;
        let state = match word.as_str() {
            "sealed" => OfficeState::Sealed,
            "returned" => OfficeState::Returned,
            "accepted" => OfficeState::Accepted,
            "withdrawn" => OfficeState::Withdrawn,
            _ => OfficeState::Dispatched,
        };
        self.response.states.push(TaskState { task, state, round });
        Ok(())
    }

    fn blob(&mut self, tx: &mut Tx<'_>, task: TaskId, sha256: &str) -> Result<(), AppError> {
        // Originals and clips too: of those a tablet is told only that they are safe here.
        let row = store::blob(tx, &task.to_string(), sha256, None)?.filter(|r| r.stored);
        if let Some(row) = row {
            let sha256 = sha256.parse().map_err(AppError::internal)?;
            if self.asked.contains(&(task, sha256)) {
                return Ok(());
            }
            self.size += 64;
            self.response.offered.push(BlobRef {
                task,
                sha256,
                size: row.size,
                kind: row.kind,
            });
        }
        Ok(())
    }
}
