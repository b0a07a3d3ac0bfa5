//! 见证人: who hands in the hash of a value before the list is closed.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{begin, noted};
use crate::account::Actor;
use crate::db::DbError;
use crate::draw::view::DrawView;
use crate::draw::{Step, store};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// A witness and the hash of a value that nobody else knows yet.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WitnessInput {
    /// 1 to 20 of Latin letters, digits, `-`, `·` and Han characters.
    name: String,
    /// `SHA-256(commitment ‖ LF ‖ name ‖ LF ‖ value)`, 64 lower-case hexadecimal digits.
    committed: String,
}

/// Enters a witness with the hash of a value (D3).
#[utoipa::path(post, path = "/api/draws/{id}/witnesses", operation_id = "add_witness", tag = "draw",
    params(("id" = String, Path)), request_body = WitnessInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn add_witness(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<WitnessInput>,
) -> Result<Json<DrawView>, AppError> {
    let mut wrong = Vec::new();
    if !::draw::is_name(&input.name) {
        let message = "姓名须为 1 到 20 个汉字、字母、数字、“-”或“·”，不能有空格";
        wrong.push(FieldError::new("name", message));
    }
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if input.committed.len() != 64 || !input.committed.bytes().all(hex) {
        wrong.push(FieldError::new(
            "committed",
            "数值的指纹须为 64 位小写十六进制",
        ));
    }
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Witness)?;
            if store::witnesses(tx, &id)?.len() >= ::draw::WITNESSES_MAX {
                return Err(AppError::conflict(
                    "too_many_witnesses",
                    "见证人已满 200 人",
                ));
            }
            store::add_witness(tx, &id, &input.name, &input.committed).map_err(|e| match e {
                DbError::Duplicate(_) => AppError::conflict(
                    "witness_twice",
                    format!(
                        "{}已经登记；同名的见证人请加以区别，如“{}-2”",
                        input.name, input.name
                    ),
                ),
                other => other.into(),
            })?;
            let detail = json!({ "witness": input.name, "committed": input.committed });
            noted(tx, &actor, now, "draw.witness", &draw, detail)
        })
        .await?;
    Ok(Json(view))
}
