//! 掷骰: the dice, rolled last and in public.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::result::compute;
use super::{begin, noted};
use crate::account::Actor;
use crate::draw::view::DrawView;
use crate::draw::{Step, store};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// The dice as they fell.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DiceInput {
    /// As many as were announced, each from 1 to the number of sides.
    rolls: Vec<u32>,
}

/// The dice, rolled last and in public, make the seed; the result follows from it (D2).
#[utoipa::path(post, path = "/api/draws/{id}/dice", operation_id = "dice_draw", tag = "draw", params(("id" = String, Path)),
    request_body = DiceInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn dice(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<DiceInput>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by, rolls) = (id.clone(), actor.clone(), input.rolls.clone());
    // Computed outside of the writing transaction: a large draw takes seconds.
    let result = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Dice)?;
            let all = 1..=draw.sides;
            if rolls.len() != draw.rolls as usize || rolls.iter().any(|r| !all.contains(r)) {
                let message = format!("须填写 {} 次，每次 1 到 {}", draw.rolls, draw.sides);
                return Err(AppError::invalid(vec![FieldError::new("rolls", message)]));
            }
            compute(tx, &draw, rolls)
        })
        .await?;
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Dice)?;
            let nothing = ::draw::no_substitutions();
            let files: [(&str, &[u8]); 3] = [
                ("seed.txt", result.seed_txt.as_bytes()),
                ("result.csv", &result.csv),
                ("substitutions.csv", nothing.as_bytes()),
            ];
            store::keep_files(tx, &id, &files)?;
            store::drawn(tx, &id, &input.rolls, &result.seed, &result.rows, now)?;
            let detail = json!({ "dice": input.rolls, "seed": result.seed,
                "result_sha256": crate::ids::sha256_hex(&result.csv) });
            noted(tx, &actor, now, "draw.draw", &draw, detail)
        })
        .await?;
    Ok(Json(view))
}
