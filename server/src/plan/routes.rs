//! `/api/plans`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Wanted};
use super::{
    PlanAct, PlanCell, PlanCellInput, PlanInput, PlanItem, PlanMode, PlanScope, PlanState,
    PlanView, check, decide, departments,
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
        .routes(routes!(check_objects))
        .routes(routes!(list_objects))
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
    /// Code of the lead.
    department: String,
    /// Codes of all that take part, the lead first.
    departments: Vec<String>,
    /// Those of them that have not answered yet.
    asked: Vec<String>,
    /// What is drawn.
    mode: PlanMode,
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
        asked: p
            .departments
            .iter()
            .filter(|d| d.state == departments::DepartmentState::Asked)
            .map(|d| d.department.clone())
            .collect(),
        departments: p.departments.into_iter().map(|d| d.department).collect(),
        mode: p.mode,
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
    let input = input.settled();
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

/// A scope with cells.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CountInput {
    /// Which objects.
    scope: PlanScope,
    /// In the order in which objects are put into them.
    #[serde(default)]
    cells: Vec<PlanCellInput>,
}

/// How many active objects there are.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ScopeCount {
    /// In the scope.
    objects: i64,
    /// In each of the cells that were sent.
    cells: Vec<i64>,
    /// In none of them.
    rest: i64,
    /// Every risk class that occurs in the scope, by name; the one without a class last.
    risk_classes: Vec<ClassCount>,
}

/// Active objects of one risk class.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ClassCount {
    /// `A` to `D`, or empty.
    risk_class: String,
    /// How many.
    objects: i64,
}

/// Live counts of a scope by its cells and by risk class.
#[utoipa::path(post, path = "/api/plans/count", operation_id = "count_plan", tag = "plan", request_body = CountInput,
    responses((status = 200, body = ScopeCount)))]
async fn count(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<CountInput>,
) -> Result<Json<ScopeCount>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    if input.cells.len() > super::cell::CELLS_MAX {
        let message = "分层过多";
        return Err(AppError::invalid(vec![FieldError::new("cells", message)]));
    }
    let counted = state
        .db
        .read(move |tx| {
            let filter = input.scope.filter();
            let cells: Vec<_> = input
                .cells
                .iter()
                .map(|c| c.conditions().filter())
                .collect();
            let mut counts = register::count_by_cell(tx, &filter, &cells)?;
            let rest = counts.pop().unwrap_or(0);
            let mut classes: Vec<ClassCount> = register::count_by_risk(tx, &filter)?
                .into_iter()
                .map(|(class, objects)| ClassCount {
                    risk_class: class.unwrap_or_default(),
                    objects,
                })
                .collect();
            classes.sort_by_key(|c| (c.risk_class.is_empty(), c.risk_class.clone()));
            Ok(ScopeCount {
                objects: counts.iter().sum::<i64>() + rest,
                cells: counts,
                rest,
                risk_classes: classes,
            })
        })
        .await?;
    Ok(Json(counted))
}

/// Objects that a plan names itself, as they were pasted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NamedInput {
    /// Codes or ids, up to 20,000.
    objects: Vec<String>,
}

/// What was found of them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct NamedView {
    /// In the order in which they were written.
    rows: Vec<NamedRow>,
    /// How many are found and active.
    good: usize,
}

/// One line.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct NamedRow {
    /// As it was written.
    written: String,
    /// Id, where it was found.
    object: Option<String>,
    /// Name, where it was found.
    name: String,
    /// What is wrong with it, in words; empty: nothing.
    problem: String,
}

/// Checks each of the objects that a plan is to name.
#[utoipa::path(post, path = "/api/plans/objects", operation_id = "check_plan_objects", tag = "plan",
    request_body = NamedInput, responses((status = 200, body = NamedView)))]
async fn check_objects(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<NamedInput>,
) -> Result<Json<NamedView>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let rows = state.db.read(move |tx| named(tx, &input.objects)).await?;
    let good = rows.iter().filter(|r| r.problem.is_empty()).count();
    Ok(Json(NamedView { rows, good }))
}

fn named(tx: &mut Tx<'_>, written: &[String]) -> Result<Vec<NamedRow>, AppError> {
    let mut seen = std::collections::HashSet::new();
    let mut rows = Vec::with_capacity(written.len());
    for word in written.iter().take(20_000) {
        let word = word.trim();
        let found = match register::by_code(tx, word)? {
            Some(object) => Some(object),
            None => register::find_object(tx, word)?,
        };
        let problem = match &found {
            None => "名录库中没有这个代码",
            Some(object) if !seen.insert(object.id.clone()) => "重复",
            Some(object) if object.status != "active" => "已注销、吊销或迁出",
            Some(_) => "",
        };
        rows.push(NamedRow {
            written: word.to_owned(),
            name: found.as_ref().map(|o| o.name.clone()).unwrap_or_default(),
            object: found.map(|o| o.id),
            problem: problem.to_owned(),
        });
    }
    Ok(rows)
}

/// Objects that a plan names, with the code under which each is known.
#[utoipa::path(get, path = "/api/plans/{id}/objects", operation_id = "list_plan_objects", tag = "plan",
    params(("id" = String, Path)), responses((status = 200, body = NamedView)))]
async fn list_objects(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<NamedView>, AppError> {
    let rows = state
        .db
        .read(move |tx| {
            let plan = found(tx, &id)?;
            visible(&actor, &plan)?;
            let ids = store::objects(tx, &id)?;
            named(tx, &ids)
        })
        .await?;
    let good = rows.iter().filter(|r| r.problem.is_empty()).count();
    Ok(Json(NamedView { rows, good }))
}

/// Lets only those see a plan who may read in one of its departments.
fn visible(actor: &Actor, plan: &PlanView) -> Result<(), AppError> {
    let may = |d: &departments::PlanDepartment| actor.may(Right::ReadOffice, &d.department);
    if plan.departments.iter().any(may) {
        return Ok(());
    }
    Err(AppError::not_found("plan"))
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
    visible(&actor, &plan)?;
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
    let input = input.settled();
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
            departments::all_agreed(&plan)?;
            let unusual = plan.warnings.iter().find(|w| w.needs_reason);
            if let (Some(warning), true) = (unusual, plan.reason.is_empty()) {
                let message = format!("{}：请在“特殊情况说明”中写明理由", warning.text);
                return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
            }
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

pub(super) fn found(tx: &mut Tx<'_>, id: &str) -> Result<PlanView, AppError> {
    store::find(tx, id)?.ok_or_else(|| AppError::not_found("plan"))
}

/// Writes the act into the journal, with the plan as it is after it, and returns that.
pub(super) fn noted(
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

/// Departments, items in their present version, named objects, and cells with their present counts.
fn set_parts(tx: &mut Tx<'_>, id: &str, input: &PlanInput) -> Result<(), AppError> {
    let unknown = |field: &str| {
        Err(AppError::invalid(vec![FieldError::new(
            field,
            "没有这个部门",
        )]))
    };
    if register::department_name(tx, &input.department)?.is_none() {
        return unknown("department");
    }
    for (n, one) in input.responding.iter().enumerate() {
        if register::department_name(tx, &one.department)?.is_none() {
            return unknown(&format!("responding.{n}.department"));
        }
    }
    store::set_departments(tx, id, input)?;
    let lead = items_of(tx, "items", &input.department, &input.items)?;
    store::set_items(tx, id, &input.department, &lead)?;
    for (n, one) in input.responding.iter().enumerate() {
        let field = format!("responding.{n}.items");
        let items = items_of(tx, &field, &one.department, &one.items)?;
        store::set_items(tx, id, &one.department, &items)?;
    }
    let objects = set_objects(tx, id, input)?;
    let filters: Vec<_> = input
        .cells
        .iter()
        .map(|c| c.conditions().filter())
        .collect();
    let counts = match objects {
        Some(named) => vec![named],
        None => register::count_by_cell(tx, &input.scope.filter(), &filters)?,
    };
    let cell = |(c, objects): (&PlanCellInput, i64)| PlanCell {
        conditions: c.conditions(),
        ratio_ppm: c.ratio_ppm,
        number: c.number,
        reserves: c.reserves,
        objects,
        drawn: 0,
        label: String::new(),
    };
    let cells: Vec<PlanCell> = input.cells.iter().zip(counts).map(cell).collect();
    store::set_cells(tx, id, &cells)?;
    check_needs(&found(tx, id)?)
}

/// Keeps the objects that the plan names, all of which must be known and active; how many.
fn set_objects(tx: &mut Tx<'_>, id: &str, input: &PlanInput) -> Result<Option<i64>, AppError> {
    let rows = named(tx, &input.objects)?;
    let wrong: Vec<FieldError> = rows
        .iter()
        .filter(|r| !r.problem.is_empty())
        .take(20)
        .map(|r| FieldError::new("objects", format!("{}：{}", r.written, r.problem)))
        .collect();
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let ids: Vec<String> = rows.into_iter().filter_map(|r| r.object).collect();
    store::set_objects(tx, id, &ids)?;
    let named = matches!(input.mode, PlanMode::Inspectors { .. });
    Ok(named.then_some(ids.len() as i64))
}

/// Active items of a department by their ids, in their present version.
pub(super) fn items_of(
    tx: &mut Tx<'_>,
    field: &str,
    department: &str,
    ids: &[String],
) -> Result<Vec<PlanItem>, AppError> {
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(found) = item::active(tx, id)?.filter(|i| i.department == department) else {
            let message = "抽查事项须是该部门现行有效的事项";
            return Err(AppError::invalid(vec![FieldError::new(field, message)]));
        };
        items.push(PlanItem {
            id: found.id,
            code: found.code,
            name: found.name,
            department: found.department,
            version: found.version,
            needs: found.needs,
            priority: found.priority,
        });
    }
    Ok(items)
}

/// Refuses more expertise than one object can ask for.
pub(super) fn check_needs(plan: &PlanView) -> Result<(), AppError> {
    let needs: std::collections::BTreeSet<(&str, &str)> = plan
        .items
        .iter()
        .flat_map(|i| i.needs.iter().map(|n| (i.department.as_str(), n.as_str())))
        .collect();
    if needs.len() > ::draw::OBJECT_NEEDS_MAX {
        let message = format!(
            "所选事项合计需要 {} 种业务专长，一次检查最多 {} 种：请减少事项或分为几份计划",
            needs.len(),
            ::draw::OBJECT_NEEDS_MAX
        );
        return Err(AppError::invalid(vec![FieldError::new("items", message)]));
    }
    Ok(())
}
