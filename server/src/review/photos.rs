//! Photos of records for staff. What is served came from outside: the type is told by the bytes,
//! never guessed by the browser, and nothing in it can run.

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::account::{Actor, Right};
use crate::error::AppError;
use crate::extract::Path;
use crate::state::AppState;
use crate::sync::{seal, store as records};
use crate::task::store::{Wanted, list as tasks};

/// One form of a photo.
#[utoipa::path(get, path = "/api/records/{task}/photos/{photo}/{form}", tag = "review",
    params(("task" = String, Path), ("photo" = String, Path),
        ("form" = String, Path, description = "`thumbnail`, `rendition` or `original`")),
    responses((status = 200, description = "the image", content_type = "image/jpeg", body = Vec<u8>),
        (status = 404, body = crate::error::Problem)))]
pub(super) async fn photo(
    State(state): State<AppState>,
    actor: Actor,
    Path((task, photo, form)): Path<(String, String, String)>,
) -> Result<Response, AppError> {
    actor.require_any(Right::ReadRecords)?;
    let word = match form.as_str() {
        "thumbnail" => "thumbnail_sha256",
        "rendition" => "rendition_sha256",
        "original" => "sha256",
        _ => return Err(AppError::not_found("form of a photo")),
    };
    let (sha256, _) = stored(&state, &actor, &task, format!("photo/{photo}/{word}")).await?;
    let bytes = state.blob_store.read(&task, &sha256, None).await?;
    Ok(image(bytes, &sha256))
}

/// Hash and size of the whole blob that a cell of a record names, if this reader may see the record.
pub(super) async fn stored(
    state: &AppState,
    actor: &Actor,
    task: &str,
    cell: String,
) -> Result<(String, u64), AppError> {
    let wanted = Wanted {
        task: Some(task.to_owned()),
        scope: Some(actor.scope(Right::ReadRecords)),
        limit: 1,
        ..Wanted::default()
    };
    let named = task.to_owned();
    state
        .db
        .read(move |tx| {
            if tasks(tx, &wanted)?.0.is_empty() {
                return Err(AppError::not_found("task"));
            }
            let record = seal::load(tx, &named)?;
            let view = record.map(|(record, _)| record.view()).unwrap_or_default();
            let sha256 = view.text(&cell).to_owned();
            let blob = records::blob(tx, &named, &sha256, None)?;
            blob.filter(|b| b.stored)
                .map(|b| (sha256, b.size))
                .ok_or_else(|| AppError::not_found("file of a record"))
        })
        .await
}

fn image(bytes: Vec<u8>, sha256: &str) -> Response {
    let kind = media(&bytes);
    let shown = if kind.starts_with("image/") {
        "inline"
    } else {
        "attachment"
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, shown.to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // Content-addressed, and for the reader's own browser only.
        (
            header::CACHE_CONTROL,
            "private, max-age=3600, immutable".to_owned(),
        ),
        (header::ETAG, format!("\"{sha256}\"")),
    ];
    (headers, Body::from(bytes)).into_response()
}

/// The media type by the first bytes.
fn media(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => "image/webp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S2: a page that calls itself a photo is not served as a page
    #[rstest::rstest]
    #[case::jpeg(b"\xff\xd8\xff\xe0....", "image/jpeg")]
    #[case::png(b"\x89PNG\r\n\x1a\n....", "image/png")]
    #[case::webp(b"RIFF\0\0\0\0WEBPVP8 ", "image/webp")]
    #[case::html(b"<!doctype html><script>", "application/octet-stream")]
    #[case::svg(b"<svg xmlns=", "application/octet-stream")]
    #[case::empty(b"", "application/octet-stream")]
    fn bytes_tell_their_type(#[case] bytes: &[u8], #[case] kind: &str) {
        assert_eq!(media(bytes), kind);
        let response = image(bytes.to_vec(), "00");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(
            response.headers()["content-security-policy"]
                .to_str()
                .unwrap()
                .contains("sandbox")
        );
    }
}
