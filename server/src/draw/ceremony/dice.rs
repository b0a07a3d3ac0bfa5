//! 掷骰: the dice, rolled last and in public; each roll is kept as it falls.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::result::{compute, keep};
use super::{begin, noted, take};
use crate::account::Actor;
use crate::draw::Step;
use crate::draw::rolls::{self, Entry};
use crate::draw::store::LastCame;
use crate::draw::view::DrawView;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// One roll.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RollInput {
    /// Which, from 1: the one after those that are there.
    roll: u32,
    /// From 1 to the number of sides.
    value: u32,
}

/// Keeps the next roll as it falls. The last one makes the seed, and the result follows from it (D2).
#[utoipa::path(post, path = "/api/draws/{id}/rolls", operation_id = "roll_draw", tag = "draw", params(("id" = String, Path)),
    request_body = RollInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn roll(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<RollInput>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let RollInput { roll, value } = input;
    // Computed outside of the writing transaction: a large draw takes seconds.
    let (known, result) = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Dice, now)?;
            let known = rolls::thrown(tx, &asked)?;
            Ok(
                match rolls::decide(&draw, known.len(), roll, value, false)? {
                    Entry::Last => {
                        let mut all: Vec<u32> = known.iter().map(|r| r.value).collect();
                        all.push(value);
                        let result = compute(tx, &draw, LastCame::Dice(all))?;
                        (known, Some(result))
                    }
                    Entry::Next | Entry::Correction => (known, None),
                },
            )
        })
        .await?;
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Dice, now)?;
        if rolls::thrown(tx, &id)? != known {
            return Err(AppError::conflict(
                "roll_order",
                "刚刚有人填写或更正了点数，请核对后再填",
            ));
        }
        rolls::keep(tx, &id, roll, value, "", &actor.name, now)?;
        let detail = json!({ "roll": roll, "value": value });
        let view = noted(tx, &actor, now, "draw.roll", &draw, detail)?;
        match &result {
            Some(result) => keep(tx, &actor, &draw, result, now),
            None => Ok(view),
        }
    })
    .await
}

/// A roll that was entered wrong.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct CorrectionInput {
    /// Which, from 1.
    roll: u32,
    /// As it really fell.
    value: u32,
    /// Why, 2 to 200 characters; it stays in the minutes.
    reason: String,
}

/// Corrects a roll, visibly: the mistake stays in the minutes. Not after the last roll.
#[utoipa::path(post, path = "/api/draws/{id}/rolls/correct", operation_id = "correct_roll", tag = "draw",
    params(("id" = String, Path)), request_body = CorrectionInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn correct(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<CorrectionInput>,
) -> Result<Json<DrawView>, AppError> {
    let reason = input.reason.trim().to_owned();
    if !(2..=200).contains(&reason.chars().count()) || reason.chars().any(char::is_control) {
        let message = "请写明更正的原因（2 到 200 字），原因会写进抽取记录";
        return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    }
    let now = state.now();
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Dice, now)?;
        let known = rolls::thrown(tx, &id)?;
        rolls::decide(&draw, known.len(), input.roll, input.value, true)?;
        let before = known.iter().find(|r| r.roll == input.roll).map(|r| r.value);
        if before == Some(input.value) {
            let same = FieldError::new("value", "与已填写的点数相同");
            return Err(AppError::invalid(vec![same]));
        }
        rolls::keep(tx, &id, input.roll, input.value, &reason, &actor.name, now)?;
        let detail = json!({ "roll": input.roll, "was": before, "value": input.value,
            "reason": reason });
        noted(tx, &actor, now, "draw.correct_roll", &draw, detail)
    })
    .await
}

/// The dice as they fell.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DiceInput {
    /// As many as were announced, each from 1 to the number of sides.
    rolls: Vec<u32>,
}

/// All rolls in one step, where they were noted elsewhere; only while none was entered.
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
    let (asked, by, values) = (id.clone(), actor.clone(), input.rolls.clone());
    let result = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Dice, now)?;
            let all = 1..=draw.sides;
            if values.len() != draw.rolls as usize || values.iter().any(|r| !all.contains(r)) {
                let message = format!("须填写 {} 次，每次 1 到 {}", draw.rolls, draw.sides);
                return Err(AppError::invalid(vec![FieldError::new("rolls", message)]));
            }
            compute(tx, &draw, LastCame::Dice(values))
        })
        .await?;
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Dice, now)?;
        if !rolls::thrown(tx, &id)?.is_empty() {
            return Err(AppError::conflict(
                "roll_order",
                "已经开始逐次填写点数，请接着逐次填写",
            ));
        }
        for (roll, value) in (1..).zip(&input.rolls) {
            rolls::keep(tx, &id, roll, *value, "", &actor.name, now)?;
        }
        keep(tx, &actor, &draw, &result, now)
    })
    .await
}
