//! Video and sound of the visit (F9).

use axum::body::Body as Raw;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::Me;
use super::fault::FileFault;
use super::stream::{reading, written};
use super::tasks::Delivery;
use super::{Answer, Problem, Shared, blocking, blocking_raw};

/// What a clip shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClipKind {
    /// Entering the place.
    Entry,
    /// Who was met there.
    Identity,
    /// The certificates of the inspectors being shown.
    Certificates,
    /// The check itself.
    Check,
    /// The party refusing, to be inspected or to sign.
    Refusal,
}

impl ClipKind {
    /// As the record says it.
    pub fn word(self) -> &'static str {
        match self {
            ClipKind::Entry => "entry",
            ClipKind::Identity => "identity",
            ClipKind::Certificates => "certificates",
            ClipKind::Check => "check",
            ClipKind::Refusal => "refusal",
        }
    }
}

/// A clip with what is known of it and how far its bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClipView {
    /// 16 hex digits.
    pub clip: String,
    /// `entry`, `identity`, `certificates`, `check` or `refusal`.
    pub kind: String,
    /// Such as `video/mp4` or `audio/webm`, by its bytes.
    pub media: String,
    /// `item/point`, or "" when it belongs to the whole record.
    pub point: String,
    pub caption: String,
    /// SHA-256 of the untouched bytes.
    pub sha256: String,
    pub size: i64,
    /// Length as the recorder or the browser told it, when it could.
    pub duration_ms: Option<i64>,
    /// When it was recorded, for those that were recorded in the app; ms.
    pub recorded_at: Option<i64>,
    pub added_at: i64,
    pub withdrawn: bool,
    pub person: String,
    pub name: String,
    /// The bytes are on this tablet. A colleague's never are: they go to the office only.
    pub here: bool,
    pub delivery: Delivery,
    /// Bytes that the server has.
    pub sent: i64,
    /// Why the last transfer failed, in plain words.
    pub error: Option<String>,
    pub error_code: Option<FileFault>,
}

/// The clips of a record, in the order in which they were added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClipList {
    pub rows: Vec<ClipView>,
    pub total: u32,
    /// Largest that is taken, in bytes.
    pub max_bytes: u64,
    /// Longest that is taken, in ms.
    pub max_ms: i64,
}

/// What is told of a clip when it is handed in.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub struct NewClip {
    pub kind: ClipKind,
    #[serde(default)]
    pub caption: String,
    /// `item/point`, or empty.
    #[serde(default)]
    pub point: String,
    /// Length, when it is known.
    pub duration_ms: Option<i64>,
    /// When it was recorded in the app.
    pub recorded_at: Option<i64>,
}

/// A stretch of a clip that is here.
pub struct Stretch {
    pub media: String,
    pub sha256: String,
    pub size: u64,
    /// Not empty; `None` when the request asked for what is behind the end.
    pub range: Option<std::ops::Range<u64>>,
    /// The request asked for a part.
    pub part: bool,
}

/// The clips of a record.
#[utoipa::path(get, path = "/api/tasks/{task}/clips", tag = "clips", params(("task" = String, Path)),
    responses((status = 200, body = ClipList)))]
pub async fn clips(State(agent): Shared, Me(me): Me, Path(task): Path<String>) -> Answer<ClipList> {
    blocking(agent, move |a| a.clips(&me, &task)).await
}

/// Adds a clip. When the answer arrives its bytes and its cells are on disk. The body goes into the
/// encrypted store as it comes; `Content-Length` is needed, since the room is taken before.
#[utoipa::path(post, path = "/api/tasks/{task}/clips", tag = "clips", params(("task" = String, Path), NewClip),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ClipView),
        (status = 400, description = "`clip_cut`", body = Problem),
        (status = 411, description = "`length_missing`", body = Problem),
        (status = 413, description = "`clip_too_large`, `clip_too_long`", body = Problem),
        (status = 415, description = "`not_a_clip`, `clip_container`", body = Problem),
        (status = 507, description = "`disk_full`", body = Problem)))]
pub async fn add_clip(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Query(about): Query<NewClip>,
    headers: HeaderMap,
    body: Raw,
) -> Answer<ClipView> {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse().ok());
    let size: u64 = length.ok_or_else(|| {
        Problem::new(
            StatusCode::LENGTH_REQUIRED,
            "length_missing",
            "没有说明文件大小，无法预留空间；请重试。",
        )
    })?;
    reading(body, move |input| {
        agent.add_clip(&me, &task, &about, size, input)
    })
    .await
    .map(axum::Json)
}

/// Withdraws a clip; it stays in the history and is still sent.
#[utoipa::path(delete, path = "/api/tasks/{task}/clips/{clip}", tag = "clips", params(("task" = String, Path), ("clip" = String, Path)),
    responses((status = 200, body = ClipView)))]
pub async fn withdraw_clip(
    State(agent): Shared,
    Me(me): Me,
    Path((task, clip)): Path<(String, String)>,
) -> Answer<ClipView> {
    blocking(agent, move |a| a.withdraw_clip(&me, &task, &clip)).await
}

/// The bytes of a clip, for a player that may jump: one `Range` is answered with 206.
#[utoipa::path(get, path = "/api/tasks/{task}/clips/{clip}/file", tag = "clips",
    params(("task" = String, Path), ("clip" = String, Path)),
    responses((status = 200, description = "the file", content_type = "video/mp4", body = Vec<u8>),
        (status = 206, description = "the part that was asked for", content_type = "video/mp4", body = Vec<u8>),
        (status = 404, description = "`clip_not_here`", body = Problem),
        (status = 416, description = "behind the end")))]
pub async fn clip_file(
    State(agent): Shared,
    Me(me): Me,
    Path((task, clip)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let range = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let range = range.map(str::to_owned);
    let found = blocking_raw(agent.clone(), move |a| {
        a.clip_stretch(&me, &task, &clip, range.as_deref())
    })
    .await?;
    let Some(part) = found.range else {
        let content = [(header::CONTENT_RANGE, format!("bytes */{}", found.size))];
        return Ok((StatusCode::RANGE_NOT_SATISFIABLE, content).into_response());
    };
    let mut answer = [
        (header::CONTENT_TYPE, found.media),
        (header::CONTENT_LENGTH, (part.end - part.start).to_string()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ]
    .into_response();
    if found.part {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content = format!("bytes {}-{}/{}", part.start, part.end - 1, found.size);
        if let Ok(content) = content.parse() {
            answer.headers_mut().insert(header::CONTENT_RANGE, content);
        }
    }
    let sha256 = found.sha256;
    *answer.body_mut() = written(move |mut out| agent.write_stretch(&sha256, part, &mut out));
    Ok(answer)
}
