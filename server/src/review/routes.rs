//! `/api/review`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::assemble::assemble;
use super::decide::{Standing, check_heads, check_remarks};
use super::store::{self, Queue, Verdict};
use super::types::{Remark, ReviewRow, ReviewState, ReviewView};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::error::AppError;
use crate::extract::{Json, Paging, Path, Query};
use crate::journal;
use crate::publication::compose::results;
use crate::state::AppState;

/// The routes of the review and of the photos of records.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(queue))
        .routes(routes!(view))
        .routes(routes!(accept))
        .routes(routes!(give_back))
        .routes(routes!(super::photos::photo))
        .routes(routes!(super::clips::clip))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    state: Option<ReviewState>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ReviewPage {
    rows: Vec<ReviewRow>,
    total: i64,
}

/// What a decision saw.
#[derive(Debug, Deserialize, ToSchema)]
struct Acceptance {
    /// `heads` of the record as it was shown.
    heads: Vec<String>,
}

/// What a return saw, and what is to be mended.
#[derive(Debug, Deserialize, ToSchema)]
struct Return {
    /// `heads` of the record as it was shown.
    heads: Vec<String>,
    /// At least one with a text.
    remarks: Vec<Remark>,
}

/// Records, the most urgent first.
#[utoipa::path(get, path = "/api/review", tag = "review", params(Filter, Paging),
    responses((status = 200, body = ReviewPage)))]
async fn queue(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<ReviewPage>, AppError> {
    actor.require_any(Right::ReadRecords)?;
    let wanted = Queue {
        state: filter.state,
        pattern: paging.pattern(),
        scope: actor.scope(Right::ReadRecords),
        offset: paging.offset,
        limit: paging.limit(),
        today: state.today(),
    };
    let (rows, total) = state.db.read(move |tx| store::queue(tx, &wanted)).await?;
    Ok(Json(ReviewPage { rows, total }))
}

/// One record in full.
#[utoipa::path(get, path = "/api/review/{task}", tag = "review", params(("task" = String, Path)),
    responses((status = 200, body = ReviewView), (status = 404, body = crate::error::Problem)))]
async fn view(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
) -> Result<Json<ReviewView>, AppError> {
    actor.require_any(Right::ReadRecords)?;
    let today = state.today();
    let view = state
        .db
        .read(move |tx| full(tx, &actor, &task, today))
        .await?;
    Ok(Json(view))
}

fn full(
    tx: &mut Tx<'_>,
    actor: &Actor,
    task: &str,
    today: chrono::NaiveDate,
) -> Result<ReviewView, AppError> {
    let material = store::material(tx, task, Some(actor.scope(Right::ReadRecords)))?;
    let standing = Standing::of(actor, &material.row, material.seal().is_some());
    assemble(&material, today, &standing)
}

/// Accepts a sealed record; its publication becomes due.
#[utoipa::path(post, path = "/api/review/{task}/accept", tag = "review", params(("task" = String, Path)),
    request_body = Acceptance, responses((status = 200, body = ReviewView),
        (status = 409, description = "`heads_changed`, `not_sealed`, `already_accepted`, `no_result`",
            body = crate::error::Problem)))]
async fn accept(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
    Json(request): Json<Acceptance>,
) -> Result<Json<ReviewView>, AppError> {
    decide(state, actor, task, request.heads, None)
        .await
        .map(Json)
}

/// Returns a sealed record to its team with remarks; opens the next round.
#[utoipa::path(post, path = "/api/review/{task}/return", tag = "review", params(("task" = String, Path)),
    request_body = Return, responses((status = 200, body = ReviewView),
        (status = 409, description = "`heads_changed`, `not_sealed`, `already_accepted`",
            body = crate::error::Problem)))]
async fn give_back(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
    Json(request): Json<Return>,
) -> Result<Json<ReviewView>, AppError> {
    let remarks = check_remarks(&request.remarks)?;
    decide(state, actor, task, request.heads, Some(remarks))
        .await
        .map(Json)
}

/// One transaction: the state in which a decision is allowed is the state in which it is kept.
async fn decide(
    state: AppState,
    actor: Actor,
    task: String,
    seen: Vec<String>,
    remarks: Option<Vec<Remark>>,
) -> Result<ReviewView, AppError> {
    let db = state.db.clone();
    db.write(move |tx| {
        let material = store::material(tx, &task, Some(actor.scope(Right::ReadRecords)))?;
        if let Some(refusal) = Standing::of(&actor, &material.row, material.seal().is_some()).refusal() {
            return Err(refusal.into());
        }
        let heads: Vec<String> = material.record.heads().iter().map(ToString::to_string).collect();
        check_heads(&seen, &heads)?;
        let act = match &remarks {
            None => {
                every_item_has_a_result(&material)?;
                "record.accept"
            }
            Some(_) => "record.return",
        };
        let verdict = Verdict { accepted: remarks.is_none(), remarks: remarks.as_deref().unwrap_or_default() };
        store::decide(tx, &state, &actor, &material, &verdict)?;
        let entry = journal::Entry::by(&actor, state.now(), act, format!("task/{task}"))
            .detail(json!({ "round": material.row.round, "heads": heads, "remarks": verdict.remarks.len() }));
        journal::append(tx, &entry)?;
        full(tx, &actor, &task, state.today())
    })
    .await
}

/// Acceptance makes the publication due, so there must be something to publish (U3).
fn every_item_has_a_result(material: &super::Material) -> Result<(), AppError> {
    let view = material.legal_view()?;
    let lacking = material
        .facts
        .sheets
        .iter()
        .find(|s| results(&view, &s.item).is_empty());
    match lacking {
        None => Ok(()),
        Some(sheet) => Err(AppError::conflict(
            "no_result",
            format!("“{}”没有填写检查结果类别，请退回补填", sheet.name),
        )),
    }
}
