//! Video and sound of the visit (F9): added, listed and played like photos, but never in memory as a
//! whole, sent last, and of a colleague's only the name.

use std::io::{self, Read, Write};
use std::ops::Range;

use axum::http::StatusCode;
use sync::cells::Value;
use sync::clip::{self, Asked, NotAClip};

use super::photos::{RESERVE, check_point_exists, delivery_word, write_failed};
use super::tasks::Circumstances;
use super::write::{read_only, refuse_read_only};
use super::{Agent, Loaded, disk_full, lock, storage};
use crate::api::Problem;
use crate::api::clips::*;
use crate::api::fault::told;
use crate::store::queue::{self, BlobRow, form};
use crate::store::{blobs::BlobWriter, delivery};

/// A clip's file that is on disk under its hash.
pub(super) struct NewFile {
    pub sha256: String,
    pub size: u64,
    pub media: &'static str,
}

/// So many bytes are read or written at once.
const PIECE: usize = 256 << 10;

pub(super) fn refuse(reason: NotAClip) -> Problem {
    let (code, text) = match reason {
        NotAClip::OtherContainer => (
            "clip_container",
            "这种格式（如 MOV、3GP、MKV、AVI）不能在平板和办公室播放，没有加入；请改用 MP4 或 WebM 录制，或先转换。",
        ),
        NotAClip::SomethingElse => (
            "not_a_clip",
            "这个文件不是录像或录音。可用的格式：MP4、WebM、Ogg、M4A、MP3、WAV。",
        ),
    };
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, code, text)
}

pub(super) fn too_large() -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "clip_too_large",
        "录像或录音超过 512 MB，没有加入；请分段录制，或降低清晰度。",
    )
}

pub(super) fn check_length(duration_ms: Option<i64>) -> Result<(), Problem> {
    match duration_ms {
        Some(ms) if ms > clip::MAX_MS => Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "clip_too_long",
            "录像或录音超过 60 分钟，没有加入；请分段录制。",
        )),
        Some(ms) if ms < 0 => Err(Problem::field("bad_clip", "duration_ms", "时长不正确。")),
        _ => Ok(()),
    }
}

fn cut() -> Problem {
    Problem::bad("clip_cut", "文件没有完整读到，没有加入；请重试。")
}

/// Reads until `out` is full or nothing more comes.
fn fill(input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < out.len() {
        match input.read(&mut out[count..])? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

/// Lets all of `input` into the store, as it comes.
fn pour(writer: &mut BlobWriter, head: &[u8], input: &mut impl Read) -> Result<(), Problem> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::InvalidInput => cut(),
        _ => write_failed(&e),
    };
    writer.push(head).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    loop {
        let count = input.read(&mut piece).map_err(|_| cut())?;
        if count == 0 {
            return Ok(());
        }
        writer.push(&piece[..count]).map_err(failed)?;
    }
}

impl Agent {
    /// Adds a clip of `size` bytes. The room is taken first, then the bytes come, then cells and queue in
    /// one transaction: a crash in between leaves an encrypted file that nothing names, never half a clip.
    pub fn add_clip(
        &self,
        me: &str,
        task: &str,
        about: &NewClip,
        size: u64,
        mut input: impl Read,
    ) -> Result<ClipView, Problem> {
        if size > clip::MAX_BYTES {
            return Err(too_large());
        }
        check_length(about.duration_ms)?;
        let blobs = self.with_record(me, task, |open, id| {
            let around = Circumstances::of(&open.db, task)?;
            let blobs = open.blobs.clone();
            let record = open.record(id)?;
            if let Some(reason) = read_only(record, &around, me) {
                return Err(refuse_read_only(reason));
            }
            check_point_exists(record, "point", &about.point)?;
            Ok(blobs)
        })?;
        let mut head = vec![0; clip::HEAD_BYTES];
        let count = fill(&mut input, &mut head).map_err(|_| cut())?;
        head.truncate(count);
        let media = clip::sniff(&head).map_err(refuse)?;
        if self
            .space
            .free_bytes(&self.data)
            .is_some_and(|free| free < size.saturating_add(RESERVE))
        {
            return Err(disk_full());
        }
        let begun = blobs.begin(size, self.space.as_ref(), lock(&self.random).as_mut());
        let mut writer = begun.map_err(|e| write_failed(&e))?;
        pour(&mut writer, &head, &mut input)?;
        let arrived = writer.finish().map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => cut(),
            _ => write_failed(&e),
        })?;
        let sha256 = arrived.sha256.to_string();
        let known = self.with_record(me, task, |open, id| {
            Ok(same_clip(open.record(id)?, &sha256, about))
        })?;
        if let Some(known) = known {
            // The acknowledgement of an earlier upload was lost (lesson 1).
            return self.clip(me, task, &known);
        }
        blobs.publish(arrived).map_err(|e| write_failed(&e))?;

        let clip = self.entry_id();
        let file = NewFile {
            sha256,
            size,
            media,
        };
        self.enter_clip(me, task, &clip, &file, about, |_| Ok(()))?;
        self.clip(me, task, &clip)
    }

    /// Names a file that is on disk in the record and queues it, with `also` in the same transaction.
    pub(super) fn enter_clip(
        &self,
        me: &str,
        task: &str,
        clip: &str,
        file: &NewFile,
        about: &NewClip,
        also: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()>,
    ) -> Result<(), Problem> {
        let added_at = self.now();
        let mut edits = Vec::new();
        let mut put =
            |field: &str, value: Value| edits.push((format!("clip/{clip}/{field}"), value));
        let length = i64::try_from(file.size).unwrap_or(i64::MAX);
        put("sha256", file.sha256.clone().into());
        put("size", length.into());
        put("media", file.media.into());
        put("kind", about.kind.word().into());
        put("point", about.point.clone().into());
        put("caption", about.caption.clone().into());
        put("added_at", added_at.into());
        if let Some(at) = about.recorded_at {
            put("recorded_at", at.into());
        }
        if let Some(ms) = about.duration_ms {
            put("duration_ms", ms.into());
        }
        self.with_record(me, task, |open, id| {
            open.write(me, id, added_at, edits, |db| {
                let (here, delivery) = (true, delivery::HERE);
                queue::put(
                    db,
                    task,
                    &file.sha256,
                    form::CLIP,
                    length,
                    here,
                    delivery,
                    added_at,
                )?;
                also(db)
            })
        })?;
        self.touch();
        self.wake_sync();
        Ok(())
    }

    /// The clips of a record, in the order in which they were added.
    pub fn clips(&self, me: &str, task: &str) -> Result<ClipList, Problem> {
        self.with_record(me, task, |open, id| {
            let blobs = queue::of_task(&open.db, task).map_err(storage)?;
            let record = open.record(id)?;
            let ids = record.view.entries("clip");
            let mut rows: Vec<ClipView> = ids
                .into_iter()
                .map(|clip| clip_view(record, clip, &blobs))
                .collect();
            rows.sort_by(|a, b| (a.added_at, &a.clip).cmp(&(b.added_at, &b.clip)));
            Ok(ClipList {
                total: rows.len() as u32,
                rows,
                max_bytes: clip::MAX_BYTES,
                max_ms: clip::MAX_MS,
            })
        })
    }

    pub(super) fn clip(&self, me: &str, task: &str, clip: &str) -> Result<ClipView, Problem> {
        let found = self
            .clips(me, task)?
            .rows
            .into_iter()
            .find(|c| c.clip == clip);
        found.ok_or_else(|| Problem::not_found("no_such_clip", "记录里没有这段录像或录音。"))
    }

    /// Withdraws a clip; it stays in the history and is still sent.
    pub fn withdraw_clip(&self, me: &str, task: &str, clip: &str) -> Result<ClipView, Problem> {
        self.clip(me, task, clip)?;
        let gone = (format!("clip/{clip}/withdrawn"), Value::Bool(true));
        self.write_cells(me, task, vec![gone])?;
        self.clip(me, task, clip)
    }

    /// Finds the stretch of a clip that a `Range` header asks for.
    pub fn clip_stretch(
        &self,
        me: &str,
        task: &str,
        clip: &str,
        range: Option<&str>,
    ) -> Result<Stretch, Problem> {
        let found = self.clip(me, task, clip)?;
        if !found.here {
            return Err(Problem::not_found(
                "clip_not_here",
                "这段录像或录音不在本机：它只传到办公室，不传到同组人员的平板。",
            ));
        }
        let size = u64::try_from(found.size).unwrap_or(0);
        let (part, range) = match clip::asked(range, size) {
            Asked::Whole => (false, Some(0..size)),
            Asked::Part(range) => (true, Some(range)),
            Asked::Nothing => (true, None),
        };
        Ok(Stretch {
            media: found.media,
            sha256: found.sha256,
            size,
            range,
            part,
        })
    }

    /// Writes a stretch of a clip that [`Agent::clip_stretch`] found.
    pub fn write_stretch(
        &self,
        sha256: &str,
        stretch: Range<u64>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let blobs = self.with_open(|open| Ok(open.blobs.clone()));
        let blobs = blobs.map_err(io::Error::other)?;
        let (mut at, end) = (stretch.start, stretch.end);
        while at < end {
            let length = (end - at).min(PIECE as u64) as usize;
            let offset = usize::try_from(at).map_err(io::Error::other)?;
            let piece = blobs.read_range(sha256, offset, length)?;
            if piece.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            out.write_all(&piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

/// A standing clip of the same bytes that says the same.
fn same_clip(record: &Loaded, sha256: &str, about: &NewClip) -> Option<String> {
    let view = &record.view;
    let same = |id: &&&str| {
        view.text(&format!("clip/{id}/sha256")) == sha256
            && view.text(&format!("clip/{id}/point")) == about.point
            && view.text(&format!("clip/{id}/kind")) == about.kind.word()
    };
    view.standing("clip")
        .iter()
        .find(same)
        .map(|id| (*id).to_owned())
}

fn clip_view(record: &Loaded, clip: &str, blobs: &[BlobRow]) -> ClipView {
    let view = &record.view;
    let path = |field: &str| format!("clip/{clip}/{field}");
    let text = |field: &str| view.text(&path(field)).to_owned();
    let number = |field: &str| view.int(&path(field));
    let sha256 = text("sha256");
    let blob = blobs.iter().find(|b| b.sha256 == sha256);
    let person = view
        .cells
        .get(&path("sha256"))
        .and_then(|w| w.first())
        .map_or("", |w| record.person_of(&w.actor));
    let (error, error_code) = told(blob.and_then(|b| b.error.as_deref()));
    ClipView {
        clip: clip.to_owned(),
        kind: text("kind"),
        media: text("media"),
        point: text("point"),
        caption: text("caption"),
        size: number("size").unwrap_or(0),
        duration_ms: number("duration_ms"),
        recorded_at: number("recorded_at"),
        added_at: number("added_at").unwrap_or(0),
        withdrawn: view.is_true(&path("withdrawn")),
        person: person.to_owned(),
        name: record.name_of(person),
        here: blob.is_some_and(|b| b.here),
        delivery: delivery_word(blob),
        sent: blob.map_or(0, |b| b.sent),
        error,
        error_code,
        sha256,
    }
}
