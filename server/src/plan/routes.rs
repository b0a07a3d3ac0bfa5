//! `/api/plans`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Wanted};
use super::{
    PlanAct, PlanCell, PlanInput, PlanItem, PlanScope, PlanState, PlanView, check, decide,
};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::journal::{self, Entry};
use crate::state::AppState;
use crate::{item, register};

/// The routes of plans.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(count))
        .routes(routes!(get, change))
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(give_back))
        .routes(routes!(lock))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// In this state only.
    state: Option<PlanState>,
    /// Of this year only.
    year: Option<i32>,
}

/// A plan in a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PlanRow {
    /// Id.
    id: String,
    /// Title.
    title: String,
    /// Code.
    department: String,
    /// Items.
    items: Vec<PlanItem>,
    /// China date.
    from: String,
    /// China date.
    until: String,
    /// Objects that would be drawn in all.
    planned: i64,
    /// Where it stands.
    state: PlanState,
}

/// Plans, newest first.
#[utoipa::path(get, path = "/api/plans", operation_id = "list_plans", tag = "plan", params(Filter, Paging),
    responses((status = 200, body = Page<PlanRow>)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<PlanRow>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let wanted = Wanted {
        state: filter.state,
        year: filter.year,
        pattern: paging.pattern(),
        departments: store::departments(actor.scope(Right::ReadOffice)),
        offset: paging.offset,
        limit: paging.limit(),
    };
    let (plans, total) = state
        .db
        .read(move |tx| Ok(store::list(tx, &wanted)?))
        .await?;
    let row = |p: PlanView| PlanRow {
        id: p.id,
        title: p.title,
        department: p.department,
        items: p.items,
        from: p.from,
        until: p.until,
        planned: p.planned,
        state: p.state,
    };
    Ok(Json(Page {
        rows: plans.into_iter().map(row).collect(),
        total,
    }))
}

/// Drafts a plan.
#[utoipa::path(post, path = "/api/plans", operation_id = "create_plan", tag = "plan", request_body = PlanInput,
    responses((status = 201, body = PlanView), (status = 422, body = Problem)))]
async fn create(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<PlanInput>,
) -> Result<(StatusCode, Json<PlanView>), AppError> {
    let year = check(&input)?;
    actor.require(Right::EditPlans, &input.department)?;
    let (id, now) = (state.new_id(), state.now());
    let plan = state
        .db
        .write(move |tx| {
            store::insert(tx, &id, &input, year, &actor, now)?;
            set_parts(tx, &id, &input)?;
            noted(tx, &actor, now, "plan.draft", &id)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(plan)))
}

/// A scope.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ScopeCount {
    /// Every class that occurs, by name; the one without a class last.
    cells: Vec<ClassCount>,
}

/// Active objects of one risk class.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClassCount {
    /// `A` to `D`, or empty.
    risk_class: String,
    /// How many.
    objects: i64,
}

/// Live counts of a scope by risk class.
#[utoipa::path(post, path = "/api/plans/count", operation_id = "count_plan", tag = "plan", request_body = PlanScope,
    responses((status = 200, body = ScopeCount)))]
async fn count(
    State(state): State<AppState>,
    actor: Actor,
    Json(scope): Json<PlanScope>,
) -> Result<Json<ScopeCount>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let counts = state.db.read(move |tx| counts(tx, &scope)).await?;
    let cells = counts.into_iter().map(|(risk_class, objects)| ClassCount {
        risk_class,
        objects,
    });
    Ok(Json(ScopeCount {
        cells: cells.collect(),
    }))
}

/// One plan.
#[utoipa::path(get, path = "/api/plans/{id}", operation_id = "read_plan", tag = "plan", params(("id" = String, Path)),
    responses((status = 200, body = PlanView), (status = 404, body = Problem)))]
async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<PlanView>, AppError> {
    let plan = state.db.read(move |tx| found(tx, &id)).await?;
    if !actor.may(Right::ReadOffice, &plan.department) {
        return Err(AppError::not_found("plan"));
    }
    Ok(Json(plan))
}

/// Changes a draft. Refused from approval on: a plan is locked then (P1).
#[utoipa::path(put, path = "/api/plans/{id}", operation_id = "change_plan", tag = "plan", params(("id" = String, Path)),
    request_body = PlanInput,
    responses((status = 200, body = PlanView), (status = 409, body = Problem)))]
async fn change(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<PlanInput>,
) -> Result<Json<PlanView>, AppError> {
    let year = check(&input)?;
    actor.require(Right::EditPlans, &input.department)?;
    let now = state.now();
    let plan = state
        .db
        .write(move |tx| {
            let plan = found(tx, &id)?;
            actor.require(Right::EditPlans, &plan.department)?;
            decide(plan.state, PlanAct::Edit)?;
            store::update(tx, &id, &input, year, &actor.account)?;
            set_parts(tx, &id, &input)?;
            noted(tx, &actor, now, "plan.change", &id)
        })
        .await?;
    Ok(Json(plan))
}

/// Asks for approval.
#[utoipa::path(post, path = "/api/plans/{id}/submit", operation_id = "submit_plan", tag = "plan", params(("id" = String, Path)),
    responses((status = 200, body = PlanView), (status = 409, body = Problem)))]
async fn submit(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<PlanView>, AppError> {
    let now = state.now();
    let plan = state
        .db
        .write(move |tx| {
            let plan = found(tx, &id)?;
            actor.require(Right::EditPlans, &plan.department)?;
            decide(plan.state, PlanAct::Submit)?;
            store::submitted(tx, &id, &actor.account, now)?;
            noted(tx, &actor, now, "plan.submit", &id)
        })
        .await?;
    Ok(Json(plan))
}

/// Approves; never by somebody who had a hand in the text (S1).
#[utoipa::path(post, path = "/api/plans/{id}/approve", operation_id = "approve_plan", tag = "plan", params(("id" = String, Path)),
    responses((status = 200, body = PlanView), (status = 403, body = Problem),
        (status = 409, body = Problem)))]
async fn approve(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<PlanView>, AppError> {
    let now = state.now();
    let plan = state
        .db
        .write(move |tx| {
            let plan = found(tx, &id)?;
            actor.require(Right::ApprovePlans, &plan.department)?;
            decide(plan.state, PlanAct::Approve)?;
            for hand in store::hands(tx, &id)? {
                actor.require_other_than(&hand)?;
            }
            store::approved(tx, &id, &actor, now)?;
            noted(tx, &actor, now, "plan.approve", &id)
        })
        .await?;
    Ok(Json(plan))
}

/// Why something goes back.
#[derive(Debug, Deserialize, ToSchema)]
struct ReturnInput {
    /// 1 to 1000 characters.
    reason: String,
}

/// Returns a plan to its author.
#[utoipa::path(post, path = "/api/plans/{id}/return", operation_id = "return_plan", tag = "plan", params(("id" = String, Path)),
    request_body = ReturnInput,
    responses((status = 200, body = PlanView), (status = 409, body = Problem)))]
async fn give_back(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<ReturnInput>,
) -> Result<Json<PlanView>, AppError> {
    let reason = input.reason.trim().to_owned();
    if !(1..=1000).contains(&reason.chars().count()) {
        return Err(AppError::invalid(vec![FieldError::new(
            "reason",
            "请写明退回意见",
        )]));
    }
    let now = state.now();
    let plan = state
        .db
        .write(move |tx| {
            let plan = found(tx, &id)?;
            actor.require(Right::ApprovePlans, &plan.department)?;
            decide(plan.state, PlanAct::Return)?;
            store::returned(tx, &id, &reason)?;
            noted(tx, &actor, now, "plan.return", &id)
        })
        .await?;
    Ok(Json(plan))
}

/// Locks: from here on only draws follow.
#[utoipa::path(post, path = "/api/plans/{id}/lock", operation_id = "lock_plan", tag = "plan", params(("id" = String, Path)),
    responses((status = 200, body = PlanView), (status = 409, body = Problem)))]
async fn lock(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<PlanView>, AppError> {
    let now = state.now();
    let plan = state
        .db
        .write(move |tx| {
            let plan = found(tx, &id)?;
            actor.require(Right::ApprovePlans, &plan.department)?;
            decide(plan.state, PlanAct::Lock)?;
            store::locked(tx, &id, &actor, now)?;
            noted(tx, &actor, now, "plan.lock", &id)
        })
        .await?;
    Ok(Json(plan))
}

fn found(tx: &mut Tx<'_>, id: &str) -> Result<PlanView, AppError> {
    store::find(tx, id)?.ok_or_else(|| AppError::not_found("plan"))
}

/// Writes the act into the journal, with the plan as it is after it, and returns that.
fn noted(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: i64,
    act: &str,
    id: &str,
) -> Result<PlanView, AppError> {
    let plan = found(tx, id)?;
    let text = serde_json_canonicalizer::to_vec(&plan).map_err(AppError::internal)?;
    let entry = Entry::by(actor, now, act, format!("plan/{id}"))
        .after(&text)
        .detail(
            json!({ "title": plan.title, "planned": plan.planned, "reason": plan.return_reason }),
        );
    journal::append(tx, &entry)?;
    Ok(plan)
}

fn counts(tx: &mut Tx<'_>, scope: &PlanScope) -> Result<Vec<(String, i64)>, AppError> {
    let counts = register::count_by_risk(tx, &scope.filter())?;
    let mut counts: Vec<(String, i64)> = counts
        .into_iter()
        .map(|(class, n)| (class.unwrap_or_default(), n))
        .collect();
    counts.sort_by_key(|(class, _)| (class.is_empty(), class.clone()));
    Ok(counts)
}

/// Items in their present version and cells with their present counts.
fn set_parts(tx: &mut Tx<'_>, id: &str, input: &PlanInput) -> Result<(), AppError> {
    let mut items = Vec::new();
    for item in &input.items {
        let Some(found) = item::active(tx, item)?.filter(|i| i.department == input.department)
        else {
            let message = "抽查事项须是本部门现行有效的事项";
            return Err(AppError::invalid(vec![FieldError::new("items", message)]));
        };
        items.push(PlanItem {
            id: found.id,
            code: found.code,
            name: found.name,
            version: found.version,
            needs: found.needs,
        });
    }
    items.sort_by(|a, b| a.code.cmp(&b.code));
    let counts = counts(tx, &input.scope)?;
    let cell = |c: &super::PlanCellInput| PlanCell {
        risk_class: c.risk_class.clone(),
        ratio_ppm: c.ratio_ppm,
        number: c.number,
        reserves: c.reserves,
        objects: counts
            .iter()
            .find(|(class, _)| *class == c.risk_class)
            .map_or(0, |(_, n)| *n),
        drawn: 0,
    };
    let cells: Vec<PlanCell> = input.cells.iter().map(cell).collect();
    Ok(store::set_parts(tx, id, &items, &cells)?)
}
