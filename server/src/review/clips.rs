//! Video and sound of records for staff (F9): played from any place on, and never public.
//!
//! What is served came from outside. Its type is told by its first bytes, and nothing in it can run.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use ::sync::clip::{self, Asked};

use super::photos::stored;
use crate::account::{Actor, Right};
use crate::error::AppError;
use crate::extract::Path;
use crate::state::AppState;

/// A clip, or the part that a `Range` asks for.
#[utoipa::path(get, path = "/api/records/{task}/clips/{clip}", tag = "review",
    params(("task" = String, Path), ("clip" = String, Path)),
    responses((status = 200, description = "the clip", content_type = "video/mp4", body = Vec<u8>),
        (status = 206, description = "the part that was asked for", content_type = "video/mp4", body = Vec<u8>),
        (status = 416, description = "behind the end"),
        (status = 404, body = crate::error::Problem)))]
pub(super) async fn clip(
    State(state): State<AppState>,
    actor: Actor,
    Path((task, clip)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    actor.require_any(Right::ReadRecords)?;
    let (sha256, size) = stored(&state, &actor, &task, format!("clip/{clip}/sha256")).await?;
    let asked = headers.get(header::RANGE).and_then(|v| v.to_str().ok());
    let (status, part) = match clip::asked(asked, size) {
        Asked::Whole => (StatusCode::OK, 0..size),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Nothing => {
            let content = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, content).into_response());
        }
    };
    let head = 0..size.min(clip::HEAD_BYTES as u64);
    let head = if size == 0 {
        Vec::new()
    } else {
        state.blob_store.read(&task, &sha256, Some(head)).await?
    };
    let kind = clip::sniff(&head).ok();
    let shown = if kind.is_some() {
        "inline"
    } else {
        "attachment"
    };
    let mut answer = (
        status,
        [
            (
                header::CONTENT_TYPE,
                kind.unwrap_or("application/octet-stream").to_owned(),
            ),
            (header::CONTENT_LENGTH, (part.end - part.start).to_string()),
            (header::CONTENT_DISPOSITION, shown.to_owned()),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; sandbox".to_owned(),
            ),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
            // It is not to be found again in a browser that others use.
            (header::CACHE_CONTROL, "private, no-store".to_owned()),
        ],
    )
        .into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let content = format!("bytes {}-{}/{size}", part.start, part.end - 1);
        answer.headers_mut().insert(
            header::CONTENT_RANGE,
            content.parse().map_err(AppError::internal)?,
        );
    }
    if size > 0 {
        *answer.body_mut() = state.blob_store.stream(&task, &sha256, part).await?;
    }
    Ok(answer)
}
