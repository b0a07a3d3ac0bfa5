//! 作废 (D5): the number stays, and what was public.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{begin, noted};
use crate::account::Actor;
use crate::draw::view::DrawView;
use crate::draw::{Step, store};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Why a draw is void.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct VoidInput {
    /// 4 to 1000 characters; after the seed a legal ground, 10 at least.
    reason: String,
}

/// Makes a draw void. It keeps its number, and what was public of it stays public (D5).
#[utoipa::path(post, path = "/api/draws/{id}/void", operation_id = "void_draw", tag = "draw", params(("id" = String, Path)),
    request_body = VoidInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn void(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<VoidInput>,
) -> Result<Json<DrawView>, AppError> {
    let reason = input.reason.trim().to_owned();
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Void)?;
            let (least, message) = match draw.seed {
                None => (4, "请写明作废的理由（至少 4 个字），理由会永久公开"),
                Some(_) => (
                    10,
                    "种子产生以后，作废须写明法定理由（至少 10 个字），理由会永久公开",
                ),
            };
            if !(least..=1000).contains(&reason.chars().count()) {
                return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
            }
            store::voided(tx, &id, &reason, &actor.name, now)?;
            noted(
                tx,
                &actor,
                now,
                "draw.void",
                &draw,
                json!({ "reason": reason }),
            )
        })
        .await?;
    Ok(Json(view))
}
