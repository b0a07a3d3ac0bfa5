//! A recording while it is made (F9): its pieces are on the disk as they come, and what was broken off
//! can be kept or discarded.
//!
//! What a crash leaves behind: a piece without its row, which the next try writes over or which goes
//! with the recording, and else a later start removes as it does a whole clip that nothing names; a recording
//! that is `gone`, whose files the next start removes. What was acknowledged is there each time.

use axum::http::StatusCode;
use sync::clip;
use sync::ids::TaskId;

use super::clips::{NewFile, check_length, refuse, too_large};
use super::photos::{RESERVE, check_point_exists, write_failed};
use super::tasks::Circumstances;
use super::tasks::state_of;
use super::write::{read_only, refuse_read_only};
use super::{Agent, Open, disk_full, lock, storage};
use crate::api::Problem;
use crate::api::clips::{ClipView, NewClip};
use crate::api::recordings::{MAX_PIECE, MAX_PIECES, OpenRecording, RecordingList, RecordingView};
use crate::api::tasks::TaskState;
use crate::store::blobs::Blobs;
use crate::store::recordings::{self, Recording, piece_name};
use crate::vault::MAX_FAILURES;

fn no_such_recording() -> Problem {
    Problem::not_found("no_such_recording", "本机没有这段录制：它已经保留或丢弃。")
}

/// The id is the id of an entry: 16 hex digits.
fn check_id(recording: &str) -> Result<(), Problem> {
    let fits = recording.len() == 16
        && recording
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if fits {
        Ok(())
    } else {
        Err(Problem::bad("bad_recording", "录制的编号不正确。"))
    }
}

impl Agent {
    /// Takes in the next piece of a recording of `me`; the first begins it. Once it returns the piece is on
    /// disk. The same piece again changes nothing, since an answer may be lost (lesson 1).
    ///
    /// # Errors
    /// `piece_gap` when a piece before it is missing, `piece_differs` when another piece of that number is
    /// here, `recording_closed` when it was kept or discarded, and `disk_full`; what is here stays.
    pub fn take_piece(
        &self,
        me: &str,
        task: &str,
        recording: &str,
        piece: u32,
        about: &NewClip,
        bytes: &[u8],
    ) -> Result<RecordingView, Problem> {
        check_id(recording)?;
        check_length(about.duration_ms)?;
        if bytes.is_empty() || bytes.len() > MAX_PIECE {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "bad_piece",
                "录制的一段为空或过大，没有存入。",
            ));
        }
        let _one_at_a_time = lock(&self.recording);
        let (blobs, known) = self.with_record(me, task, |open, id| {
            let known = recordings::get(&open.db, recording).map_err(storage)?;
            let around = Circumstances::of(&open.db, task)?;
            let record = open.record(id)?;
            let is_clip = record.view.entries("clip").contains(&recording);
            let other = |r: &Recording| r.gone || r.task != task || r.person != me;
            if is_clip || known.as_ref().is_some_and(other) {
                return Err(Problem::conflict(
                    "recording_closed",
                    "这段录制已经保留或丢弃，不能再续录。",
                ));
            }
            if known.is_none()
                && let Some(reason) = read_only(record, &around, me)
            {
                return Err(refuse_read_only(reason));
            }
            check_point_exists(record, "point", &about.point)?;
            Ok((open.blobs.clone(), known))
        })?;
        let mut row = match known {
            Some(row) => row,
            None => Recording {
                recording: recording.to_owned(),
                task: task.to_owned(),
                person: me.to_owned(),
                // Nobody records for minutes what is refused in the end.
                media: match piece {
                    0 => clip::sniff(head_of(bytes)).map_err(refuse)?.to_owned(),
                    _ => String::new(),
                },
                about: String::new(),
                pieces: 0,
                bytes: 0,
                gone: false,
            },
        };
        let name = piece_name(recording, piece);
        if piece < row.pieces {
            if blobs.read(&name).map_err(|e| write_failed(&e))? != bytes {
                return Err(Problem::conflict(
                    "piece_differs",
                    format!("第 {piece} 段已经存入，内容不同；已存入的没有改动。"),
                ));
            }
        } else if piece > row.pieces {
            return Err(Problem::conflict(
                "piece_gap",
                format!(
                    "第 {} 段还没有存入，不能先存第 {piece} 段；已存入的没有改动。",
                    row.pieces
                ),
            ));
        } else {
            self.append(&blobs, &mut row, about, bytes)?;
        }
        self.with_record(me, task, |open, id| view(&row, open, id, true))
    }

    /// File first, then the row: a crash in between leaves a file that the next try writes over.
    fn append(
        &self,
        blobs: &Blobs,
        row: &mut Recording,
        about: &NewClip,
        bytes: &[u8],
    ) -> Result<(), Problem> {
        let length = bytes.len() as u64;
        row.bytes += length;
        if row.bytes > clip::MAX_BYTES || row.pieces >= MAX_PIECES {
            return Err(too_large());
        }
        // With room for the clip that all pieces become (lesson 18).
        let needed = length + row.bytes + RESERVE;
        if self
            .space
            .free_bytes(&self.data)
            .is_some_and(|free| free < needed)
        {
            return Err(disk_full());
        }
        let name = piece_name(&row.recording, row.pieces);
        let parts = [(name.as_str(), bytes)];
        let written = blobs.write(&parts, self.space.as_ref(), lock(&self.random).as_mut());
        written.map_err(|e| write_failed(&e))?;
        row.pieces += 1;
        row.about = serde_json::to_string(about).map_err(|e| Problem::internal(&e))?;
        self.with_open(|open| recordings::put(&open.db, row).map_err(storage))
    }

    /// The recordings of a record that are no clips yet, on this tablet: broken off, or being made. Those
    /// of colleagues who share the tablet too, so that none is forgotten.
    pub fn recordings(&self, me: &str, task: &str) -> Result<RecordingList, Problem> {
        let here = self.unlockers()?;
        self.with_record(me, task, |open, id| {
            let found = recordings::of_task(&open.db, task).map_err(storage)?;
            let mut rows = Vec::new();
            for row in &found {
                let may_discard = may_discard(row, open, id, me, &here)?;
                rows.push(view(row, open, id, may_discard)?);
            }
            Ok(RecordingList { rows })
        })
    }

    /// The recordings of all records about which is to be decided.
    pub(super) fn recordings_to_decide(&self, me: &str) -> Result<Vec<OpenRecording>, Problem> {
        let here = self.unlockers()?;
        self.with_open(|open| {
            let mut all = Vec::new();
            for row in recordings::all(&open.db).map_err(storage)? {
                let Ok(id) = row.task.parse() else { continue };
                let may_discard = may_discard(&row, open, id, me, &here)?;
                let record = open.record(id)?;
                all.push(OpenRecording {
                    number: record.facts.number.clone(),
                    object: record.facts.object.name.clone(),
                    name: record.name_of(&row.person),
                    recording: row.recording,
                    task: row.task,
                    may_discard,
                });
            }
            Ok(all)
        })
    }

    /// Who can still unlock this tablet.
    fn unlockers(&self) -> Result<Vec<String>, Problem> {
        let (now, monotonic) = (self.now(), self.clock.monotonic_ms());
        let cards = lock(&self.vault).cards(now, monotonic).map_err(storage)?;
        let open = cards.into_iter().filter(|c| c.failures < MAX_FAILURES);
        Ok(open.map(|c| c.person).collect())
    }

    /// Makes a recording a clip, as far as it is here. Once more changes nothing.
    pub fn keep_recording(
        &self,
        me: &str,
        task: &str,
        recording: &str,
        about: &NewClip,
    ) -> Result<ClipView, Problem> {
        check_id(recording)?;
        check_length(about.duration_ms)?;
        let _one_at_a_time = lock(&self.recording);
        let (blobs, row) = self.with_record(me, task, |open, id| {
            let row = recordings::get(&open.db, recording).map_err(storage)?;
            let around = Circumstances::of(&open.db, task)?;
            let record = open.record(id)?;
            if record.view.entries("clip").contains(&recording) {
                return Ok((open.blobs.clone(), None));
            }
            let row = row.filter(|r| r.task == task && !r.gone);
            let row = row.ok_or_else(no_such_recording)?;
            if let Some(reason) = read_only(record, &around, me) {
                return Err(refuse_read_only(reason));
            }
            check_point_exists(record, "point", &about.point)?;
            Ok((open.blobs.clone(), Some(row)))
        })?;
        let Some(row) = row else {
            return self.clip(me, task, recording);
        };
        let begun = blobs.begin(row.bytes, self.space.as_ref(), lock(&self.random).as_mut());
        let mut writer = begun.map_err(|e| write_failed(&e))?;
        let mut head = Vec::new();
        for piece in 0..row.pieces {
            let bytes = blobs.read(&piece_name(recording, piece));
            let bytes = bytes.map_err(|e| write_failed(&e))?;
            head.extend_from_slice(&bytes[..bytes.len().min(clip::HEAD_BYTES - head.len())]);
            writer.push(&bytes).map_err(|e| write_failed(&e))?;
        }
        let media = clip::sniff(&head).map_err(refuse)?;
        let arrived = writer.finish().map_err(|e| write_failed(&e))?;
        let file = NewFile {
            sha256: arrived.sha256.to_string(),
            size: row.bytes,
            media,
        };
        blobs.publish(arrived).map_err(|e| write_failed(&e))?;
        self.enter_clip(me, task, recording, &file, about, |db| {
            recordings::close(db, recording)
        })?;
        self.clear_recordings();
        self.clip(me, task, recording)
    }

    /// Discards a recording for good; only who recorded it may, unless nobody can keep it any more.
    ///
    /// # Errors
    /// `recording_of_other`, `no_such_recording`.
    pub fn discard_recording(
        &self,
        me: &str,
        task: &str,
        recording: &str,
    ) -> Result<RecordingList, Problem> {
        check_id(recording)?;
        {
            let _one_at_a_time = lock(&self.recording);
            let here = self.unlockers()?;
            // Also by somebody of the tablet who is not on the team: nobody else may be left.
            self.with_open(|open| {
                let row = recordings::get(&open.db, recording).map_err(storage)?;
                let row = row.filter(|r| r.task == task && !r.gone);
                let row = row.ok_or_else(no_such_recording)?;
                let id = task.parse().map_err(|_| no_such_recording())?;
                if !may_discard(&row, open, id, me, &here)? {
                    return Err(Problem::new(
                        StatusCode::FORBIDDEN,
                        "recording_of_other",
                        "这段录制是同事的，只有录制的人可以丢弃；您可以保留它。",
                    ));
                }
                recordings::close(&open.db, recording).map_err(storage)
            })?;
            self.clear_recordings();
        }
        self.touch();
        match self.recordings(me, task) {
            Err(problem) if problem.code == "no_such_task" => {
                Ok(RecordingList { rows: Vec::new() })
            }
            listed => listed,
        }
    }

    fn clear_recordings(&self) {
        if let Err(problem) = self.with_open(|open| open.clear_recordings()) {
            // They are removed at the next start.
            tracing::error!(%problem, "pieces of a recording");
        }
    }
}

impl Open {
    /// Removes the pieces of recordings that became clips or were discarded.
    pub(super) fn clear_recordings(&self) -> Result<(), Problem> {
        for row in recordings::gone(&self.db).map_err(storage)? {
            // One more than are known: it may have been written when the tablet was switched off.
            for piece in 0..=row.pieces {
                let removed = self.blobs.remove(&piece_name(&row.recording, piece));
                removed.map_err(|e| write_failed(&e))?;
            }
            recordings::forget(&self.db, &row.recording).map_err(storage)?;
        }
        Ok(())
    }
}

fn head_of(bytes: &[u8]) -> &[u8] {
    bytes.get(..clip::HEAD_BYTES).unwrap_or(bytes)
}

/// Whether `me` may discard a recording: who recorded it may; anybody when it cannot be kept any more, or when who
/// recorded it is not on the team any more or cannot unlock the tablet. `here`: who can.
fn may_discard(
    row: &Recording,
    open: &mut Open,
    id: TaskId,
    me: &str,
    here: &[String],
) -> Result<bool, Problem> {
    if row.person == me || !here.contains(&row.person) {
        return Ok(true);
    }
    let around = Circumstances::of(&open.db, &row.task)?;
    let record = open.record(id)?;
    let closed = matches!(
        state_of(record, &around),
        TaskState::Sealed | TaskState::Accepted | TaskState::Withdrawn
    );
    let on_team = record.roster.members.iter().any(|m| m.person == row.person);
    Ok(closed || !on_team || record.status_of(&row.person) != "active")
}

fn view(
    row: &Recording,
    open: &mut Open,
    id: TaskId,
    may_discard: bool,
) -> Result<RecordingView, Problem> {
    let about: NewClip = serde_json::from_str(&row.about).map_err(|e| Problem::internal(&e))?;
    Ok(RecordingView {
        recording: row.recording.clone(),
        about,
        media: row.media.clone(),
        size: row.bytes,
        pieces: row.pieces,
        name: open.record(id)?.name_of(&row.person),
        person: row.person.clone(),
        may_discard,
    })
}
