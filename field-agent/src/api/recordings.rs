//! Recordings while they are made: each piece is on disk when it is answered (F9).

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, Me};
use super::clips::{ClipView, NewClip};
use super::{Answer, Problem, Shared, blocking};

/// Greatest piece, in bytes: a recorder that was held up hands over more at once.
pub const MAX_PIECE: usize = 4 << 20;
/// Most pieces of one recording.
pub const MAX_PIECES: u32 = 8192;

/// A recording that is no clip yet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordingView {
    /// 16 hex digits.
    pub recording: String,
    /// What was said of it last; `duration_ms` is how much of it is on this tablet.
    pub about: NewClip,
    /// Such as `video/webm` or `audio/webm`, by its bytes.
    pub media: String,
    /// Bytes that are on this tablet.
    pub size: u64,
    /// So many pieces are on this tablet; the next has this number.
    pub pieces: u32,
    /// Who recorded it.
    pub person: String,
    pub name: String,
    /// Whether the person who asks may discard it: who recorded it; anybody when it cannot be kept any more, or
    /// when who recorded it is gone from the team or the tablet.
    pub may_discard: bool,
}

/// A recording about which is to be decided, with the record to which it belongs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenRecording {
    pub task: String,
    pub number: String,
    pub object: String,
    pub recording: String,
    /// Who recorded it.
    pub name: String,
    /// As in [`RecordingView`].
    pub may_discard: bool,
}

/// The recordings of a record that are no clips yet, those that began first first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordingList {
    pub rows: Vec<RecordingView>,
}

/// Recordings on this tablet that were broken off, or are being made.
#[utoipa::path(get, path = "/api/tasks/{task}/recordings", tag = "clips", params(("task" = String, Path)),
    responses((status = 200, body = RecordingList)))]
pub async fn recordings(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<RecordingList> {
    blocking(agent, move |a| a.recordings(&me, &task)).await
}

/// Takes in a piece of a recording, of 1 byte to 4 MiB, in order from 0; the first begins it under an id that
/// the recorder has chosen. When the answer arrives the piece is on disk. The same piece again changes nothing.
#[utoipa::path(put, path = "/api/tasks/{task}/recordings/{recording}/{piece}", tag = "clips",
    params(("task" = String, Path), ("recording" = String, Path, description = "16 hex digits"), ("piece" = u32, Path), NewClip),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = RecordingView),
        (status = 409, description = "`piece_gap`, `piece_differs`, `recording_closed`, `read_only`", body = Problem),
        (status = 413, description = "`bad_piece`, `clip_too_large`, `clip_too_long`", body = Problem),
        (status = 415, description = "`not_a_clip`, `clip_container`", body = Problem),
        (status = 507, description = "`disk_full`: what is here stays", body = Problem)))]
pub async fn keep_piece(
    State(agent): Shared,
    Me(me): Me,
    Path((task, recording, piece)): Path<(String, String, u32)>,
    Query(about): Query<NewClip>,
    bytes: Bytes,
) -> Answer<RecordingView> {
    blocking(agent, move |a| {
        a.take_piece(&me, &task, &recording, piece, &about, &bytes)
    })
    .await
}

/// Makes a recording an ordinary clip, as far as it is here; the clip has the recording's id.
#[utoipa::path(post, path = "/api/tasks/{task}/recordings/{recording}/keep", tag = "clips",
    params(("task" = String, Path), ("recording" = String, Path)), request_body = NewClip,
    responses((status = 200, body = ClipView),
        (status = 404, description = "`no_such_recording`", body = Problem),
        (status = 409, description = "`read_only`", body = Problem),
        (status = 507, description = "`disk_full`", body = Problem)))]
pub async fn keep_recording(
    State(agent): Shared,
    Me(me): Me,
    Path((task, recording)): Path<(String, String)>,
    Body(about): Body<NewClip>,
) -> Answer<ClipView> {
    blocking(agent, move |a| {
        a.keep_recording(&me, &task, &recording, &about)
    })
    .await
}

/// Discards a recording for good: who recorded it may, and anybody of the tablet when it cannot be kept any more or
/// who recorded it is gone from the team or the tablet.
#[utoipa::path(delete, path = "/api/tasks/{task}/recordings/{recording}", tag = "clips",
    params(("task" = String, Path), ("recording" = String, Path)),
    responses((status = 200, body = RecordingList),
        (status = 403, description = "`recording_of_other`", body = Problem),
        (status = 404, description = "`no_such_recording`", body = Problem)))]
pub async fn discard_recording(
    State(agent): Shared,
    Me(me): Me,
    Path((task, recording)): Path<(String, String)>,
) -> Answer<RecordingList> {
    blocking(agent, move |a| a.discard_recording(&me, &task, &recording)).await
}
