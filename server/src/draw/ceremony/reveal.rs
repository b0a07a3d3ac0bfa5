//! 揭晓: after the list was closed, witnesses tell their values, or are noted as not having done so.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::close::all_said;
use super::{begin, noted};
use crate::account::Actor;
use crate::draw::view::{DrawView, WitnessState};
use crate::draw::{Step, store};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// The value behind a witness's hash.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RevealInput {
    /// Name as in the list.
    name: String,
    /// 8 to 64 of `A-Z a-z 0-9 -`.
    value: String,
}

/// A witness reveals the value.
#[utoipa::path(post, path = "/api/draws/{id}/reveal", operation_id = "reveal_draw", tag = "draw", params(("id" = String, Path)),
    request_body = RevealInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn reveal(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<RevealInput>,
) -> Result<Json<DrawView>, AppError> {
    if !::draw::is_witness_value(&input.value) {
        let message = "数值须为 8 到 64 个字母、数字或“-”";
        return Err(AppError::invalid(vec![FieldError::new("value", message)]));
    }
    said(state, actor, id, input.name, Some(input.value)).await
}

/// Who did not reveal.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WithholdInput {
    /// Name as in the list.
    name: String,
}

/// Notes that a witness did not reveal; it stays in the seed's text.
#[utoipa::path(post, path = "/api/draws/{id}/withhold", operation_id = "withhold_draw", tag = "draw",
    params(("id" = String, Path)), request_body = WithholdInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn withhold(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<WithholdInput>,
) -> Result<Json<DrawView>, AppError> {
    said(state, actor, id, input.name, None).await
}

async fn said(
    state: AppState,
    actor: Actor,
    id: String,
    name: String,
    value: Option<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Reveal)?;
            let witnesses = store::witnesses(tx, &id)?;
            let Some(witness) = witnesses.iter().find(|w| w.name == name) else {
                return Err(AppError::not_found("witness"));
            };
            if witness.state != WitnessState::Committed {
                return Err(AppError::conflict(
                    "witness_has_said",
                    format!("{name}已经揭晓或已记为未揭晓，不能更改"),
                ));
            }
            if let Some(value) = &value {
                let commitment = draw.commitment.as_deref().unwrap_or_default();
                if ::draw::witness_commitment(commitment, &name, value) != witness.committed {
                    let message =
                        format!("这个数值与{name}事先交来的指纹不符，请核对大小写和连字符");
                    return Err(AppError::invalid(vec![FieldError::new("value", message)]));
                }
            }
            store::witness_said(tx, &id, &name, value.as_deref())?;
            let act = if value.is_some() {
                "draw.reveal"
            } else {
                "draw.withhold"
            };
            noted(
                tx,
                &actor,
                now,
                act,
                &draw,
                json!({ "witness": name, "value": value }),
            )?;
            all_said(tx, &actor, now, &draw)
        })
        .await?;
    Ok(Json(view))
}
