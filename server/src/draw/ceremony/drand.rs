//! The announced round of drand quicknet: fetched, pasted or read from a file, and verified here
//! without the network (D2).

use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::result::{compute, keep};
use super::{begin, take};
use crate::account::Actor;
use crate::draw::Step;
use crate::draw::drand::{self, Beacon};
use crate::draw::last::LastSource;
use crate::draw::store::LastCame;
use crate::draw::view::DrawView;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// What a node of drand tells of a round.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct DrandInput {
    /// The JSON of a public node (`{"round":…,"signature":…}`), or the signature alone: 96 hexadecimal digits.
    text: String,
}

/// Takes the announced round, pasted or from a file. The seed is complete with it, and the result
/// follows; also of a draw that became void after all values were known (D5).
#[utoipa::path(post, path = "/api/draws/{id}/drand", operation_id = "drand_draw", tag = "draw", params(("id" = String, Path)),
    request_body = DrandInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn drand(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<DrandInput>,
) -> Result<Json<DrawView>, AppError> {
    let beacon = drand::read(&input.text).map_err(|why| field(&why))?;
    came(state, actor, id, beacon).await
}

/// Fetches the announced round from a public node.
#[utoipa::path(post, path = "/api/draws/{id}/drand/fetch", operation_id = "fetch_drand", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn fetch(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let last = state
        .db
        .read(move |tx| Ok(begin(tx, &by, &asked, Step::Drand, now)?.last()))
        .await?;
    let LastSource::Drand { round } = last else {
        return Err(AppError::internal("a step of drand in a draw with dice"));
    };
    let beacon = drand::fetch(&state.config.drand, round).await?;
    came(state, actor, id, beacon).await
}

fn field(why: &str) -> AppError {
    AppError::invalid(vec![FieldError::new("text", why)])
}

async fn came(
    state: AppState,
    actor: Actor,
    id: String,
    beacon: Beacon,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let result = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Drand, now)?;
            let LastSource::Drand { round } = draw.last() else {
                return Err(AppError::internal("a step of drand in a draw with dice"));
            };
            if let Some(other) = beacon.round.filter(|n| *n != round) {
                return Err(field(&format!(
                    "这是第 {other} 轮，规则约定的是第 {round} 轮"
                )));
            }
            if !::draw::is_round_signature(round, &beacon.signature) {
                return Err(field(&format!(
                    "签名不是 drand 第 {round} 轮的签名，不能使用"
                )));
            }
            compute(tx, &draw, LastCame::Drand(beacon.signature))
        })
        .await?;
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Drand, now)?;
        keep(tx, &actor, &draw, &result, now)
    })
    .await
}
