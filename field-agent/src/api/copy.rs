//! The party's copy (X4).

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::Me;
use super::{Answer, Problem, Shared, blocking, blocking_raw};

/// Where the party finds its copy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PartyCopy {
    /// Opens once a tablet has brought the seal to the office.
    pub url: String,
    /// The address as a QR code, SVG.
    pub qr_svg: String,
    pub fingerprint: String,
}

/// The party's copy by QR code.
#[utoipa::path(get, path = "/api/tasks/{task}/copy", tag = "sign-off", params(("task" = String, Path)),
    responses((status = 200, body = PartyCopy), (status = 409, description = "`not_sealed`", body = Problem)))]
pub async fn party_copy(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<PartyCopy> {
    blocking(agent, move |a| a.party_copy(&me, &task)).await
}

/// The party's copy as a file that needs nothing else.
#[utoipa::path(get, path = "/api/tasks/{task}/copy.html", tag = "sign-off", params(("task" = String, Path)),
    responses((status = 200, description = "the file", content_type = "text/html", body = String),
        (status = 409, description = "`not_sealed`", body = Problem)))]
pub async fn party_copy_file(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Result<Response, Problem> {
    let (name, html) = blocking_raw(agent, move |a| a.party_copy_file(&me, &task)).await?;
    let name: String = name.bytes().map(|b| format!("%{b:02X}")).collect();
    Ok((
        [
            (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
            (
                header::CONTENT_DISPOSITION,
                format!("attachment; filename=\"record.html\"; filename*=UTF-8''{name}"),
            ),
            (header::CACHE_CONTROL, "private, no-store".to_owned()),
        ],
        html,
    )
        .into_response())
}
