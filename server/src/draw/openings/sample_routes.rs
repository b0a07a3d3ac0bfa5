//! `/api/w/{code}/sample`: what a witness is shown after the draw; and the committed lists to look it up in,
//! once they are public.

use axum::extract::State;
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Sampled, sample};
use crate::device::normal_code;
use crate::draw::routes::found;
use crate::draw::store;
use crate::draw::witness::{public::wrong_code, store as witnesses};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(of_witness))
        .routes(routes!(list))
}

/// The sample of a witness.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct WitnessSample {
    /// Whether `objects.csv` and `excluded.csv` are public now.
    public: bool,
    /// The openings; none before the seed, or for who is not on the closed list.
    rows: Vec<Sampled>,
}

/// The random sample of openings of a witness (SPEC.md §7). No account needed; it says who stands in the
/// committed lists, never who was drawn.
#[utoipa::path(get, path = "/api/w/{code}/sample", operation_id = "witness_sample", tag = "public",
    params(("code" = String, Path)),
    responses((status = 200, body = WitnessSample), (status = 404, body = Problem), (status = 429, body = Problem)))]
async fn of_witness(
    State(state): State<AppState>,
    Path(code): Path<String>,
    parts: Parts,
) -> Result<Json<WitnessSample>, AppError> {
    let (code, now) = (normal_code(&code), state.now());
    // One at a time: a list may hold millions.
    let _turn = state.lookups.acquire().await.map_err(AppError::internal)?;
    let seen = state
        .db
        .read(move |tx| {
            let Some((id, witness)) = witnesses::by_code(tx, &code)? else {
                return Ok(None);
            };
            let draw = found(tx, &id)?;
            let listed = witness.committed.is_some() && draw.witness_list_sha256.is_some();
            let rows = match listed {
                true => sample(tx, &draw, &witness.name)?,
                false => Vec::new(),
            };
            let public = crate::draw::public::draw(tx, &id, now)?.is_some_and(|d| d.public);
            Ok(Some(WitnessSample { public, rows }))
        })
        .await?;
    seen.map(Json).ok_or_else(|| wrong_code(&state, &parts))
}

/// One of the lists of a transcript as it is, once the transcript is public. No account needed.
#[utoipa::path(get, path = "/api/public/draws/{id}/lists/{name}", operation_id = "public_draw_list", tag = "public",
    params(("id" = String, Path), ("name" = String, Path, description = "`objects.csv` or `excluded.csv`")),
    responses((status = 200, content_type = "text/csv", body = String),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn list(
    State(state): State<AppState>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response, AppError> {
    if !matches!(name.as_str(), "objects.csv" | "excluded.csv") {
        return Err(AppError::not_found("list"));
    }
    let now = state.now();
    let bytes = state
        .db
        .read(move |tx| {
            let draw = crate::draw::public::draw(tx, &id, now)?
                .ok_or_else(|| AppError::not_found("draw"))?;
            if !draw.public {
                return Err(AppError::conflict("not_public_yet", "抽取文件还没有公开"));
            }
            store::file(tx, &draw.id, &name)?.ok_or_else(|| AppError::not_found("list"))
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response())
}
