//! 核对名单: looking through both pools before anything is fixed.

use axum::extract::State;
use serde_json::json;

use super::{begin, load, noted, refused, take};
use crate::account::Actor;
use crate::draw::view::DrawView;
use crate::draw::{Step, store};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Looks through both pools: how many stand in each cell, who is kept out and why.
#[utoipa::path(post, path = "/api/draws/{id}/check", operation_id = "check_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn check(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let (frame, excluded) = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Check, now)?;
            let (plan, loaded) = load(tx, &draw, now)?;
            let codes = loaded.codes();
            let pools = loaded.pools(&codes);
            let forecast = ::draw::forecast(&loaded.rules, &pools).map_err(|e| refused(&e))?;
            Ok((
                loaded.frame(&plan, &forecast),
                loaded.excluded(&codes, &forecast),
            ))
        })
        .await?;
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Check, now)?;
        store::checked(tx, &id, &frame, &excluded)?;
        let detail = json!({ "cells": frame.cells.iter().map(|c| c.objects).collect::<Vec<_>>(),
                "inspectors": frame.inspectors, "excluded": excluded.len() });
        noted(tx, &actor, now, "draw.check", &draw, detail)
    })
    .await
}
