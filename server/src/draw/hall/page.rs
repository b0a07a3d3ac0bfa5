//! The page of the big screen, its script and style, and the code that leads telephones to the check.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::draw::public;
use crate::error::{AppError, Problem};
use crate::extract::Path;
use crate::portal::{missing, scripted};
use crate::state::AppState;
use crate::web::{address, asset, qr_svg};

/// The pages of the hall.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/draws/{id}/hall", get(hall))
        .route(
            "/hall.js",
            get(|| async {
                asset(
                    "text/javascript",
                    include_str!("../../../portal/hall/hall.js"),
                )
            }),
        )
        .route(
            "/hall.css",
            get(|| async { asset("text/css", include_str!("../../../portal/hall/hall.css")) }),
        )
}

#[derive(Template)]
#[template(path = "hall/hall.html")]
struct HallPage {
    id: String,
    number: String,
    title: String,
    department: String,
    address: String,
}

async fn hall(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let now = state.now();
    let Some(draw) = state.db.read(move |tx| public::draw(tx, &id, now)).await? else {
        return Ok(missing());
    };
    let page = HallPage {
        address: address(
            &state.config,
            &headers,
            &format!("/draws/{}/verify", draw.id),
        ),
        id: draw.id,
        number: draw.number,
        title: draw.title,
        department: draw.department_name,
    };
    scripted(StatusCode::OK, &page)
}

/// The address of the check in the visitor's browser as a QR code. No account needed.
#[utoipa::path(get, path = "/api/public/draws/{id}/verify.svg", operation_id = "verify_qr", tag = "public", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String), (status = 404, body = Problem)))]
pub(super) async fn verify_qr(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let now = state.now();
    let draw = state
        .db
        .read(move |tx| public::draw(tx, &id, now))
        .await?
        .ok_or_else(|| AppError::not_found("draw"))?;
    let path = format!("/draws/{}/verify", draw.id);
    let svg = qr_svg(&address(&state.config, &headers, &path))?;
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}
