//! `/api/evidence`: files that prove the ground of a request, kept under their hash.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Evidence};
use crate::account::{Actor, Right};
use crate::error::{AppError, Kind, Problem};
use crate::extract::{Json, Path, Query};
use crate::ids::sha256_hex;
use crate::journal::{self, Entry};
use crate::state::AppState;

/// Greatest file, in bytes.
const MAX_FILE: usize = 20 * 1024 * 1024;
/// Folder of the blobs in which they lie.
const FOLDER: &str = "evidence";

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(read))
        .layer(DefaultBodyLimit::max(MAX_FILE))
}

/// A file that proves a ground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// 64 hexadecimal digits.
    pub sha256: String,
    /// Name of the file as it was uploaded.
    pub name: String,
    /// `application/pdf`, `image/jpeg` or `image/png`.
    pub media: String,
    /// Bytes.
    pub size: i64,
}

impl From<Evidence> for EvidenceView {
    fn from(file: Evidence) -> Self {
        Self {
            sha256: file.sha256,
            name: file.name,
            media: file.media,
            size: file.size,
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Named {
    /// Name of the file.
    name: String,
}

/// What the bytes say that they are; names and headers from outside prove nothing.
fn media(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("application/pdf"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("image/png"),
        _ => None,
    }
}

/// Uploads a file (PDF, JPEG or PNG, at most 20 MiB). The same bytes are kept once.
#[utoipa::path(post, path = "/api/evidence", tag = "draw", params(Named), request_body = Vec<u8>,
    responses((status = 200, body = EvidenceView), (status = 415, body = Problem)))]
async fn upload(
    State(state): State<AppState>,
    actor: Actor,
    Query(named): Query<Named>,
    body: Bytes,
) -> Result<Json<EvidenceView>, AppError> {
    actor.require_any(Right::AskSubstitution)?;
    let media = media(&body).ok_or_else(|| {
        AppError::new(
            Kind::UnsupportedMedia,
            "not_evidence",
            "证明材料须为 PDF、JPEG 或 PNG 文件",
        )
    })?;
    let name: String = named
        .name
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '/' | '\\'))
        .take(120)
        .collect();
    let file = Evidence {
        sha256: sha256_hex(&body),
        name,
        media: media.to_owned(),
        size: i64::try_from(body.len()).unwrap_or(i64::MAX),
    };
    // The bytes first: a row without its file would prove nothing.
    state
        .blob_store
        .keep(FOLDER, &file.sha256, body.to_vec())
        .await?;
    let now = state.now();
    let kept = state
        .db
        .write(move |tx| {
            if store::keep_evidence(tx, &file, &actor, now)? {
                let entry = Entry::by(
                    &actor,
                    now,
                    "evidence.add",
                    format!("evidence/{}", file.sha256),
                )
                .detail(json!({ "media": file.media, "size": file.size }));
                journal::append(tx, &entry)?;
            }
            store::evidence(tx, &file.sha256)?.ok_or_else(|| AppError::not_found("evidence"))
        })
        .await?;
    Ok(Json(kept.into()))
}

/// A file, for those who ask for or decide substitutions, review, or audit; each look is in the
/// journal (S3).
#[utoipa::path(get, path = "/api/evidence/{sha256}", tag = "draw", params(("sha256" = String, Path)),
    responses((status = 200, body = Vec<u8>), (status = 404, body = Problem)))]
async fn read(
    State(state): State<AppState>,
    actor: Actor,
    Path(sha256): Path<String>,
) -> Result<Response, AppError> {
    let now = state.now();
    let (asked, id) = (sha256.clone(), sha256);
    let file = state
        .db
        .write(move |tx| {
            let file =
                store::evidence(tx, &asked)?.ok_or_else(|| AppError::not_found("evidence"))?;
            let departments = store::cited_in(tx, &asked)?;
            if !departments.iter().any(|d| may_see(&actor, d)) {
                return Err(AppError::not_found("evidence"));
            }
            let entry = Entry::by(&actor, now, "evidence.read", format!("evidence/{asked}"));
            journal::append(tx, &entry)?;
            Ok(file)
        })
        .await?;
    let bytes = state.blob_store.read(FOLDER, &id, None).await?;
    let extension = match file.media.as_str() {
        "application/pdf" => "pdf",
        "image/png" => "png",
        _ => "jpg",
    };
    let short = file.sha256.get(..16).unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, file.media.clone()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"evidence-{short}.{extension}\""),
        ),
    ];
    Ok((headers, bytes).into_response())
}

/// Whether explanation and evidence are shown: they can be about somebody's health.
pub(super) fn may_see(actor: &Actor, department: &str) -> bool {
    [
        Right::AskSubstitution,
        Right::ApproveSubstitution,
        Right::OpenDraws,
    ]
    .into_iter()
    .any(|right| actor.may(right, department))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case(b"%PDF-1.7 ...", Some("application/pdf"))]
    #[case(&[0xff, 0xd8, 0xff, 0xe0], Some("image/jpeg"))]
    #[case(&[0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a], Some("image/png"))]
    #[case(b"<html><script>", None)]
    #[case(b"MZ", None)]
    #[case(b"", None)]
    fn a_file_is_what_its_bytes_say(#[case] bytes: &[u8], #[case] expected: Option<&str>) {
        assert_eq!(media(bytes), expected);
    }
}
