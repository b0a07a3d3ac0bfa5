//! The minutes 抽取记录 (D3): who was there in which capacity, what was read out, the time of every
//! step, corrections, attachments; a page to print and to sign.

mod print;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::routes::{found, visible};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::journal::{self, Entry};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get, put))
        .routes(routes!(print::print))
}

/// Somebody who was there and is no witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Present {
    /// Name, 1 to 40 characters.
    pub name: String,
    /// In which capacity, up to 40 characters.
    pub capacity: String,
    /// Unit, up to 60 characters.
    pub unit: String,
}

/// What the office adds to what the server knows itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Minutes {
    /// 地点, up to 100 characters.
    pub place: String,
    /// 主持人, up to 40 characters.
    pub host: String,
    /// 记录人, up to 40 characters.
    pub recorder: String,
    /// Others who were there, at most 50.
    pub present: Vec<Present>,
    /// What else happened or was read out, up to 4000 characters.
    pub notes: String,
}

fn load(tx: &mut Tx<'_>, draw: &str) -> Result<Minutes, AppError> {
    let found = tx.query_opt(
        "SELECT place, host, recorder, present, notes FROM draw_minutes WHERE draw = $1",
        &[&draw],
        |r| {
            let present: String = r.get(3)?;
            Ok(Minutes {
                place: r.get(0)?,
                host: r.get(1)?,
                recorder: r.get(2)?,
                present: serde_json::from_str(&present).unwrap_or_default(),
                notes: r.get(4)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

fn check(input: &Minutes) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut at_most = |field: &str, text: &str, most: usize| {
        if text.chars().count() > most {
            wrong.push(FieldError::new(field, format!("不超过 {most} 字")));
        }
    };
    at_most("place", &input.place, 100);
    at_most("host", &input.host, 40);
    at_most("recorder", &input.recorder, 40);
    at_most("notes", &input.notes, 4000);
    for person in &input.present {
        at_most("present", &person.name, 40);
        at_most("present", &person.capacity, 40);
        at_most("present", &person.unit, 60);
    }
    let nameless = input.present.iter().any(|p| p.name.trim().is_empty());
    if input.present.len() > 50 || nameless {
        wrong.push(FieldError::new("present", "到场人员须有姓名，最多 50 人"));
    }
    wrong
}

/// What was entered for the minutes.
#[utoipa::path(get, path = "/api/draws/{id}/minutes", operation_id = "read_minutes", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = Minutes)))]
async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Minutes>, AppError> {
    let minutes = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            load(tx, &id)
        })
        .await?;
    Ok(Json(minutes))
}

/// Enters what the minutes say beside what the server knows; each version is in the journal by hash.
#[utoipa::path(put, path = "/api/draws/{id}/minutes", operation_id = "write_minutes", tag = "draw", params(("id" = String, Path)),
    request_body = Minutes, responses((status = 200, body = Minutes), (status = 422, body = Problem)))]
async fn put(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<Minutes>,
) -> Result<Json<Minutes>, AppError> {
    let wrong = check(&input);
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let kept = state
        .db
        .write(move |tx| {
            let draw = found(tx, &id)?;
            actor.require(Right::HoldDraws, &draw.department)?;
            let before = serde_json::to_vec(&load(tx, &id)?).map_err(AppError::internal)?;
            let after = serde_json::to_vec(&input).map_err(AppError::internal)?;
            let present = serde_json::to_string(&input.present).map_err(AppError::internal)?;
            tx.execute(
                "INSERT INTO draw_minutes (draw, place, host, recorder, present, notes, by_name, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (draw) DO UPDATE SET place = excluded.place, host = excluded.host,
                     recorder = excluded.recorder, present = excluded.present,
                     notes = excluded.notes, by_name = excluded.by_name, at = excluded.at",
                &[
                    &id,
                    &input.place,
                    &input.host,
                    &input.recorder,
                    &present,
                    &input.notes,
                    &actor.name,
                    &now,
                ],
            )?;
            let entry = Entry::by(&actor, now, "draw.minutes", format!("draw/{id}"))
                .before(&before)
                .after(&after)
                .detail(json!({ "number": draw.number }));
            journal::append(tx, &entry)?;
            Ok(input)
        })
        .await?;
    Ok(Json(kept))
}
