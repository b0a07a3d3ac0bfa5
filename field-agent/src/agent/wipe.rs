//! A tablet destroys what it holds: by order of its server when it was revoked (F8), or because its
//! inspectors hand it back.
//!
//! The order must be the server's: signed by the key that was pinned at enrolment, for this device.
//! Whoever stands between, or a proxy that answers 403, cannot wipe a tablet. What the tablet could
//! still send went up with the request that was answered so; it is in quarantine at the office.

use std::io;

use sync::ids::Key;
use sync::signing::{self, REVOCATION, Sig};

use super::aside::{self, folders_aside};
use super::{Agent, Open, lock, locked, storage};
use crate::api::Problem;
use crate::api::recordings::OpenRecording;
use crate::api::unlock::{AgentState, HandBack};
use crate::ports::FetchAnswer;
use crate::store::{recordings, waits};

/// Header of the answer that carries the order, in hex.
const HEADER: &str = "dr-revocation";

/// Whether `answer` is the server's order to `device` to wipe itself.
pub(super) fn is_ordered(answer: &FetchAnswer, server: &Key, device: &Key) -> bool {
    let sig = answer
        .header(HEADER)
        .and_then(|text| hex::decode(text).ok())
        .and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
    answer.status == 403
        && sig.is_some_and(|sig| {
            signing::verify(server, REVOCATION, &signing::revocation(device), &Sig(sig))
        })
}

/// Recordings are to be decided about, each in its record.
fn recordings_first(recordings: Vec<OpenRecording>) -> Problem {
    let named = recordings
        .iter()
        .map(|r| format!("{} {}（{}）", r.number, r.object, r.name));
    let named: Vec<String> = named.collect();
    let mut problem = Problem::conflict(
        "recording_open",
        format!(
            "还有 {} 段录像或录音中断后没有处理，交还会丢失它们。请先选择保留或丢弃：{}。",
            recordings.len(),
            named.join("；")
        ),
    );
    problem.recordings = recordings;
    problem
}

/// What would be lost, and what the office has.
fn refused_work(refused: waits::Refused) -> Problem {
    let waits::Refused { changes, files } = refused;
    Problem::conflict(
        "refused_work",
        format!(
            "有 {changes} 项修改或签名没有并入记录，在单位服务器的隔离区由管理员处理；有 {files} 个照片和录像单位没有接收，只在这台平板上，交还后不能恢复。请先联系管理员；确认不再需要时，可以继续交还。"
        ),
    )
}

impl Agent {
    /// Destroys keys, store and photos by order of the server.
    pub(super) fn wipe(&self) -> Result<(), Problem> {
        self.destroy(&mut lock(&self.open), Some(self.now()))?;
        self.note("wiped by order of the server");
        Ok(())
    }

    /// Hands the tablet back: it forgets its inspectors, their keys and all records, and can be
    /// enrolled anew. Refused while anything on it waits for the server (lesson 15); what is written at the
    /// same time is either counted or finds the tablet locked. What the office has refused for good waits
    /// for nothing: it is given up when the person says so.
    ///
    /// # Errors
    /// `not_all_confirmed`, `recording_open` with the recordings, `refused_work`, `damaged_kept`.
    pub fn hand_back(&self, person: &str, request: &HandBack) -> Result<AgentState, Problem> {
        self.try_pin(person, &request.pin)?;
        let to_decide = self.recordings_to_decide(person)?;
        {
            let mut open = lock(&self.open);
            let db = &open.as_ref().ok_or_else(locked)?.db;
            let (records, photos) = waits::counts(db).map_err(storage)?;
            if (records, photos) != (0, 0) {
                return Err(Problem::conflict(
                    "not_all_confirmed",
                    format!(
                        "还有 {records} 份记录、{photos} 个照片和录像没有得到服务器确认，交还会丢失它们。请先联网同步到全部“已确认”，或导出到文件交给服务器。"
                    ),
                ));
            }
            // What was begun since is counted too.
            if !recordings::all(db).map_err(storage)?.is_empty() {
                return Err(recordings_first(to_decide));
            }
            let aside = folders_aside(&self.data).map_err(|e| Problem::internal(&e))?;
            if !aside.is_empty() && !request.give_up_refused {
                return Err(Problem::conflict(
                    "damaged_kept",
                    "平板上还留有一份损坏的记录库，其中可能有服务器没有收到的内容，交还会清除它。请先联系管理员导出（field-agent rescue）；确认不再需要时，可以继续交还。",
                ));
            }
            let refused = waits::refused(db).map_err(storage)?;
            if refused != waits::Refused::default() && !request.give_up_refused {
                return Err(refused_work(refused));
            }
            self.destroy(&mut open, None)?;
        }
        self.note("handed back");
        self.state(None)
    }

    /// The keys go first: from then on nothing can be read, and a start after a crash goes on with the
    /// files.
    fn destroy(&self, open: &mut Option<Open>, ordered_at: Option<i64>) -> Result<(), Problem> {
        lock(&self.vault)
            .destroy_keys(ordered_at)
            .map_err(storage)?;
        self.access.end_all_sessions();
        *open = None;
        self.finish_wiping().map_err(|e| Problem::internal(&e))?;
        self.touch();
        Ok(())
    }

    /// Removes what a wipe has left: all but the vault.
    pub(super) fn finish_wiping(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(&self.data)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name == "photos" || name.starts_with(aside::FOLDER) {
                std::fs::remove_dir_all(&path)?;
            } else if name.starts_with("store") {
                std::fs::remove_file(&path)?;
            }
        }
        self.keys.forget()?;
        let secret = self.keys.device_secret(lock(&self.random).as_mut())?;
        lock(&self.vault).wiped(secret).map_err(io::Error::other)
    }
}
