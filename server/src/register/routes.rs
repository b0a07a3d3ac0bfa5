//! `/api/objects`, `/api/inspectors`, `/api/avoidances`, `/api/departments`, `/api/districts`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::inspector::Search;
use super::view::{
    AvoidanceInput, InspectorInput, InspectorView, LeaveInput, ObjectFacets, ObjectInput,
    ObjectRow, ObjectView,
};
use super::{
    Avoidance, AvoidanceKind, Department, Inspector, Leave, NewAvoidance, Object, ObjectFilter,
    Trace, avoidance, departments, find_inspector, find_object, history, inspector, leave, object,
    region,
};
use crate::account::{Actor, Right};
use crate::db::{DbError, Tx};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::journal::{self, Entry};
use crate::state::AppState;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_objects, add_object))
        .routes(routes!(object_facets))
        .routes(routes!(get_object, change_object))
        .routes(routes!(list_inspectors, add_inspector))
        .routes(routes!(get_inspector, change_inspector))
        .routes(routes!(add_leave))
        .routes(routes!(remove_leave))
        .routes(routes!(list_avoidances, add_avoidance))
        .routes(routes!(remove_avoidance))
        .routes(routes!(list_departments))
        .routes(routes!(list_districts))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ObjectQuery {
    district: Option<String>,
    /// Beginning of an industry.
    industry: Option<String>,
    risk_class: Option<String>,
    status: Option<String>,
    /// Free text, also for the counts.
    q: Option<String>,
}

impl ObjectQuery {
    fn filter(self) -> ObjectFilter {
        let list = |value: Option<String>| value.filter(|v| !v.is_empty()).into_iter().collect();
        ObjectFilter {
            districts: list(self.district),
            industries: list(self.industry),
            tags: Vec::new(),
            risk_classes: list(self.risk_class),
            statuses: list(self.status),
            q: self.q.unwrap_or_default(),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Part {
    #[serde(default)]
    offset: u32,
    limit: Option<u32>,
}

/// Objects by name.
#[utoipa::path(get, path = "/api/objects", tag = "register", params(ObjectQuery, Part),
    responses((status = 200, body = Page<ObjectRow>)))]
async fn list_objects(
    State(state): State<AppState>,
    actor: Actor,
    Query(query): Query<ObjectQuery>,
    Query(part): Query<Part>,
) -> Result<Json<Page<ObjectRow>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let (filter, limit) = (query.filter(), part.limit.unwrap_or(50).min(200));
    let (rows, total) = state
        .db
        .read(move |tx| Ok(object::list(tx, &filter, part.offset, limit)?))
        .await?;
    Ok(Json(Page {
        rows: rows.into_iter().map(ObjectRow::from).collect(),
        total,
    }))
}

/// How many objects of the filter have each value.
#[utoipa::path(get, path = "/api/objects/facets", tag = "register", params(ObjectQuery),
    responses((status = 200, body = ObjectFacets)))]
async fn object_facets(
    State(state): State<AppState>,
    actor: Actor,
    Query(query): Query<ObjectQuery>,
) -> Result<Json<ObjectFacets>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let filter = query.filter();
    let facets = state
        .db
        .read(move |tx| {
            Ok(ObjectFacets {
                district: object::facet(tx, &filter, "district")?,
                industry: object::facet(tx, &filter, "industry")?,
                risk_class: object::facet(tx, &filter, "risk_class")?,
                status: object::facet(tx, &filter, "status")?,
            })
        })
        .await?;
    Ok(Json(facets))
}

fn object_view(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<ObjectView, AppError> {
    let object = find_object(tx, id)?.ok_or_else(|| AppError::not_found("object"))?;
    let history = history::of(tx, &format!("object/{id}"))?;
    let year = chrono::Datelike::year(&crate::clock::china_date(now));
    Ok(ObjectView {
        year,
        visits: crate::task::store::visits_of(tx, year, id)?,
        object: object.into(),
        history,
    })
}

/// One object with its history.
#[utoipa::path(get, path = "/api/objects/{id}", tag = "register", params(("id" = String, Path)),
    responses((status = 200, body = ObjectView), (status = 404, body = Problem)))]
async fn get_object(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<ObjectView>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let now = state.now();
    let view = state.db.read(move |tx| object_view(tx, &id, now)).await?;
    Ok(Json(view))
}

/// Enters an object.
#[utoipa::path(post, path = "/api/objects", tag = "register", request_body = ObjectInput,
    responses((status = 201, body = ObjectView), (status = 422, body = Problem)))]
async fn add_object(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<ObjectInput>,
) -> Result<(StatusCode, Json<ObjectView>), AppError> {
    let view = put_object(state, actor, None, input).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Changes an object; what it was is kept.
#[utoipa::path(put, path = "/api/objects/{id}", tag = "register", params(("id" = String, Path)),
    request_body = ObjectInput, responses((status = 200, body = ObjectView), (status = 422, body = Problem)))]
async fn change_object(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<ObjectInput>,
) -> Result<Json<ObjectView>, AppError> {
    Ok(Json(put_object(state, actor, Some(id), input).await?))
}

async fn put_object(
    state: AppState,
    actor: Actor,
    id: Option<String>,
    input: ObjectInput,
) -> Result<ObjectView, AppError> {
    actor.require_any(Right::EditRegisters)?;
    let (new_id, now) = (state.new_id(), state.now());
    state
        .db
        .write(move |tx| {
            let old = match &id {
                None => None,
                Some(id) => {
                    Some(find_object(tx, id)?.ok_or_else(|| AppError::not_found("object"))?)
                }
            };
            let mut new: Object = input.object(old.as_ref()).map_err(AppError::invalid)?;
            if old.is_none() {
                new.id = new_id;
            }
            let trace = trace(&actor, &input.reason, now);
            object::save(tx, old.as_ref(), &new, &trace)
                .map_err(|e| taken(e, "code", "名录库中已有这个代码"))?;
            note(
                tx,
                &actor,
                "object",
                &new.id,
                old.is_some(),
                &input.reason,
                now,
            )?;
            object_view(tx, &new.id, now)
        })
        .await
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct InspectorQuery {
    #[serde(default)]
    department: String,
    #[serde(default)]
    district: String,
    #[serde(default)]
    status: String,
}

/// Inspectors by department and name.
#[utoipa::path(get, path = "/api/inspectors", tag = "register", params(InspectorQuery, Paging),
    responses((status = 200, body = Page<Inspector>)))]
async fn list_inspectors(
    State(state): State<AppState>,
    actor: Actor,
    Query(query): Query<InspectorQuery>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Inspector>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let search = Search {
        department: query.department,
        district: query.district,
        status: query.status,
        pattern: paging.pattern(),
    };
    let (rows, total) = state
        .db
        .read(move |tx| Ok(inspector::list(tx, &search, paging.offset, paging.limit())?))
        .await?;
    Ok(Json(Page { rows, total }))
}

fn inspector_view(tx: &mut Tx<'_>, id: &str) -> Result<InspectorView, AppError> {
    let inspector = find_inspector(tx, id)?.ok_or_else(|| AppError::not_found("inspector"))?;
    let history = history::of(tx, &format!("inspector/{id}"))?;
    let leaves = leave::leaves(tx, id)?;
    let open_tasks = crate::task::store::open_counts(tx)?.get(id).copied();
    Ok(InspectorView {
        inspector,
        leaves,
        open_tasks: open_tasks.unwrap_or(0),
        history,
    })
}

/// One inspector with the history of the row.
#[utoipa::path(get, path = "/api/inspectors/{id}", tag = "register", params(("id" = String, Path)),
    responses((status = 200, body = InspectorView), (status = 404, body = Problem)))]
async fn get_inspector(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<InspectorView>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    Ok(Json(
        state.db.read(move |tx| inspector_view(tx, &id)).await?,
    ))
}

/// Enters an inspector.
#[utoipa::path(post, path = "/api/inspectors", tag = "register", request_body = InspectorInput,
    responses((status = 201, body = InspectorView), (status = 422, body = Problem)))]
async fn add_inspector(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<InspectorInput>,
) -> Result<(StatusCode, Json<InspectorView>), AppError> {
    let view = put_inspector(state, actor, None, input).await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Changes an inspector; what the row was is kept.
#[utoipa::path(put, path = "/api/inspectors/{id}", tag = "register", params(("id" = String, Path)),
    request_body = InspectorInput,
    responses((status = 200, body = InspectorView), (status = 422, body = Problem)))]
async fn change_inspector(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<InspectorInput>,
) -> Result<Json<InspectorView>, AppError> {
    Ok(Json(put_inspector(state, actor, Some(id), input).await?))
}

async fn put_inspector(
    state: AppState,
    actor: Actor,
    id: Option<String>,
    input: InspectorInput,
) -> Result<InspectorView, AppError> {
    actor.require(Right::EditRegisters, &input.department)?;
    let (new_id, now) = (state.new_id(), state.now());
    state
        .db
        .write(move |tx| {
            let old = match &id {
                None => None,
                Some(id) => {
                    let old =
                        find_inspector(tx, id)?.ok_or_else(|| AppError::not_found("inspector"))?;
                    actor.require(Right::EditRegisters, &old.department)?;
                    Some(old)
                }
            };
            let mut new = input.inspector(old.as_ref()).map_err(AppError::invalid)?;
            if old.is_none() {
                new.id = new_id;
            }
            let trace = trace(&actor, &input.reason, now);
            inspector::save(tx, old.as_ref(), &new, &trace)
                .map_err(|e| taken(e, "certificate", "名录库中已有这个执法证号"))?;
            note(
                tx,
                &actor,
                "inspector",
                &new.id,
                old.is_some(),
                &input.reason,
                now,
            )?;
            inspector_view(tx, &new.id)
        })
        .await
}

/// Enters leave or posting: who is away is not drawn for that time (I4).
#[utoipa::path(post, path = "/api/inspectors/{id}/leaves", operation_id = "add_leave", tag = "register",
    params(("id" = String, Path)), request_body = LeaveInput,
    responses((status = 200, body = InspectorView), (status = 422, body = Problem)))]
async fn add_leave(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<LeaveInput>,
) -> Result<Json<InspectorView>, AppError> {
    let (from, until) = input.days().map_err(AppError::invalid)?;
    let (new_id, now) = (state.new_id(), state.now());
    let view = state
        .db
        .write(move |tx| {
            let row = find_inspector(tx, &id)?.ok_or_else(|| AppError::not_found("inspector"))?;
            actor.require(Right::EditRegisters, &row.department)?;
            let new = Leave {
                id: new_id,
                inspector: id.clone(),
                from,
                until,
                reason: input.reason.trim().to_owned(),
                created_by_name: actor.name.clone(),
            };
            if leave::put(tx, &new, now)? {
                // The reason is personal and stays out of the journal.
                let entry = Entry::by(&actor, now, "leave.add", format!("inspector/{id}"))
                    .detail(json!({ "leave": new.id, "from": new.from, "until": new.until }));
                journal::append(tx, &entry)?;
            }
            inspector_view(tx, &id)
        })
        .await?;
    Ok(Json(view))
}

/// Takes a leave back; earlier draws keep it.
#[utoipa::path(delete, path = "/api/leaves/{id}", operation_id = "remove_leave", tag = "register",
    params(("id" = String, Path), Reason),
    responses((status = 200, body = InspectorView), (status = 404, body = Problem)))]
async fn remove_leave(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(why): Query<Reason>,
) -> Result<Json<InspectorView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let gone = leave::find(tx, &id)?.ok_or_else(|| AppError::not_found("leave"))?;
            let row = find_inspector(tx, &gone.inspector)?
                .ok_or_else(|| AppError::not_found("inspector"))?;
            actor.require(Right::EditRegisters, &row.department)?;
            leave::remove(tx, &id, now)?;
            let entry = Entry::by(&actor, now, "leave.remove", format!("inspector/{}", row.id))
                .detail(json!({ "leave": id, "reason": why.reason }));
            journal::append(tx, &entry)?;
            inspector_view(tx, &row.id)
        })
        .await?;
    Ok(Json(view))
}

/// Relations to be avoided.
#[utoipa::path(get, path = "/api/avoidances", tag = "register", params(Paging),
    responses((status = 200, body = Page<Avoidance>)))]
async fn list_avoidances(
    State(state): State<AppState>,
    actor: Actor,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Avoidance>>, AppError> {
    actor.require_any(Right::EditRegisters)?;
    let pattern = paging.pattern();
    let (rows, total) = state
        .db
        .read(move |tx| {
            Ok(avoidance::list(
                tx,
                pattern.as_ref(),
                paging.offset,
                paging.limit(),
            )?)
        })
        .await?;
    Ok(Json(Page { rows, total }))
}

/// Enters a relation between an inspector and an object.
#[utoipa::path(post, path = "/api/avoidances", tag = "register", request_body = AvoidanceInput,
    responses((status = 204), (status = 422, body = Problem)))]
async fn add_avoidance(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<AvoidanceInput>,
) -> Result<StatusCode, AppError> {
    let (id, now) = (state.new_id(), state.now());
    state
        .db
        .write(move |tx| {
            let inspector = find_inspector(tx, &input.inspector)?;
            let object = find_object(tx, &input.object)?;
            let mut wrong = Vec::new();
            if inspector.is_none() {
                wrong.push(FieldError::new("inspector", "请选择名录库中的检查人员"));
            }
            if object.is_none() {
                wrong.push(FieldError::new("object", "请选择名录库中的检查对象"));
            }
            if input.ground.trim().is_empty() {
                wrong.push(FieldError::new("ground", "请写明回避事由"));
            }
            let Some(inspector) = inspector.filter(|_| wrong.is_empty()) else {
                return Err(AppError::invalid(wrong));
            };
            actor.require(Right::EditRegisters, &inspector.department)?;
            let new = NewAvoidance {
                id: id.clone(),
                inspector: inspector.id,
                kind: AvoidanceKind::Object,
                object: Some(input.object),
                legal_person: None,
                ground: input.ground.trim().to_owned(),
                until: input.until.filter(|u| !u.is_empty()),
            };
            avoidance::put(tx, &new, now)?;
            // The ground is personal and stays out of the journal.
            journal::append(
                tx,
                &Entry::by(&actor, now, "avoidance.add", format!("avoidance/{id}")),
            )?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Reason {
    reason: String,
}

/// Ends a relation; earlier draws keep it.
#[utoipa::path(delete, path = "/api/avoidances/{id}", tag = "register",
    params(("id" = String, Path), Reason), responses((status = 204), (status = 404, body = Problem)))]
async fn remove_avoidance(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(why): Query<Reason>,
) -> Result<StatusCode, AppError> {
    let now = state.now();
    state
        .db
        .write(move |tx| {
            let department = avoidance::department_of(tx, &id)?
                .ok_or_else(|| AppError::not_found("avoidance"))?;
            actor.require(Right::EditRegisters, &department)?;
            avoidance::remove(tx, &id, now)?;
            let entry = Entry::by(&actor, now, "avoidance.remove", format!("avoidance/{id}"))
                .detail(json!({ "reason": why.reason }));
            journal::append(tx, &entry)?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All departments.
#[utoipa::path(get, path = "/api/departments", tag = "register",
    responses((status = 200, body = Page<Department>)))]
async fn list_departments(
    State(state): State<AppState>,
    _: Actor,
) -> Result<Json<Page<Department>>, AppError> {
    let rows = state.db.read(|tx| Ok(departments(tx)?)).await?;
    let total = rows.len() as i64;
    Ok(Json(Page { rows, total }))
}

/// A district of our city.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct DistrictRow {
    code: String,
    name: String,
}

/// All districts of our city.
#[utoipa::path(get, path = "/api/districts", tag = "register",
    responses((status = 200, body = Page<DistrictRow>)))]
async fn list_districts(_: Actor) -> Json<Page<DistrictRow>> {
    let rows: Vec<DistrictRow> = region::districts(region::CITY)
        .into_iter()
        .map(|d| DistrictRow {
            code: d.code.to_owned(),
            name: d.name.to_owned(),
        })
        .collect();
    let total = rows.len() as i64;
    Json(Page { rows, total })
}

fn trace(actor: &Actor, reason: &str, now: i64) -> Trace {
    Trace {
        at: now,
        actor: actor.account.clone(),
        actor_name: actor.name.clone(),
        source: "console".into(),
        reason: reason.trim().to_owned(),
    }
}

fn note(
    tx: &mut Tx<'_>,
    actor: &Actor,
    thing: &str,
    id: &str,
    was_there: bool,
    reason: &str,
    now: i64,
) -> Result<(), AppError> {
    let verb = if was_there { "update" } else { "create" };
    let entry = Entry::by(
        actor,
        now,
        &format!("{thing}.{verb}"),
        format!("{thing}/{id}"),
    )
    .detail(json!({ "reason": reason.trim() }));
    journal::append(tx, &entry)?;
    Ok(())
}

fn taken(error: DbError, field: &str, message: &str) -> AppError {
    match error {
        DbError::Duplicate(_) => AppError::invalid(vec![FieldError::new(field, message)]),
        DbError::Constraint(_) => {
            AppError::invalid(vec![FieldError::new("department", "无此部门")])
        }
        other => other.into(),
    }
}
