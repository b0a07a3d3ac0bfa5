//! `/api/items`.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::view::{CheckPoint, view};
use super::{ItemFacts, ItemRow, ItemView, problems, store};
use crate::account::{Actor, Right};
use crate::error::{AppError, FieldError};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::journal::{self, Entry};
use crate::register::department_name;
use crate::state::AppState;

/// The routes of items.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_items, put_item))
        .routes(routes!(get_item))
        .routes(routes!(set_item_status))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ItemSearch {
    /// Code of a department.
    #[serde(default)]
    department: String,
    /// `draft`, `active` or `retired`.
    #[serde(default)]
    status: String,
}

/// The item list.
#[utoipa::path(get, path = "/api/items", tag = "items", params(Paging, ItemSearch),
    responses((status = 200, body = Page<ItemRow>)))]
async fn list_items(
    actor: Actor,
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
    Query(search): Query<ItemSearch>,
) -> Result<Json<Page<ItemRow>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let (rows, total) = state
        .db
        .read(move |tx| {
            Ok(store::list(
                tx,
                &search.department,
                &search.status,
                paging.pattern().as_ref(),
                paging.offset,
                paging.limit(),
            )?)
        })
        .await?;
    Ok(Json(Page {
        rows: rows.into_iter().map(ItemRow::from).collect(),
        total,
    }))
}

/// An item with all its versions.
#[utoipa::path(get, path = "/api/items/{id}", tag = "items", params(("id" = String, Path)),
    responses((status = 200, body = ItemView), (status = 404, body = crate::error::Problem)))]
async fn get_item(
    actor: Actor,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<ItemView>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let found = state
        .db
        .read(move |tx| {
            let item = store::find(tx, &id)?.ok_or_else(|| AppError::not_found("item"))?;
            let versions = store::versions(tx, &id)?;
            Ok(view(item, versions))
        })
        .await?;
    Ok(Json(found))
}

/// An item as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
struct ItemInput {
    #[serde(flatten)]
    facts: ItemFacts,
    /// The check sheet, in its order.
    points: Vec<CheckPoint>,
    /// Why.
    reason: String,
}

/// Makes an item, or the next version of the one with this code. Earlier versions stay (L2).
#[utoipa::path(post, path = "/api/items", tag = "items", request_body = ItemInput,
    responses((status = 200, body = ItemView), (status = 422, body = crate::error::Problem)))]
async fn put_item(
    actor: Actor,
    State(state): State<AppState>,
    Json(input): Json<ItemInput>,
) -> Result<Json<ItemView>, AppError> {
    actor.require(Right::EditItems, &input.facts.department)?;
    let points: Vec<_> = (1..)
        .zip(input.points)
        .map(|(no, point)| point.at(no))
        .collect();
    let mut fields = problems(&input.facts, &points);
    if input.reason.trim().is_empty() {
        fields.push(FieldError::new("reason", "请写明理由"));
    }
    if !fields.is_empty() {
        return Err(AppError::invalid(fields));
    }
    let (new_id, at) = (state.new_id(), state.now());
    let made = state
        .db
        .write(move |tx| {
            if department_name(tx, &input.facts.department)?.is_none() {
                let message = "没有这个部门，请先由系统管理员设立";
                return Err(AppError::invalid(vec![FieldError::new(
                    "department",
                    message,
                )]));
            }
            // An item of another department cannot be taken over by its code.
            if let Some(old) = store::by_code(tx, &input.facts.code)? {
                actor.require(Right::EditItems, &old.facts.department)?;
            }
            let put = store::Put {
                new_id: &new_id,
                facts: &input.facts,
                points: &points,
                at,
                by: &actor.name,
                reason: &input.reason,
            };
            if let Some((id, version)) = store::put(tx, &put)? {
                let entry = Entry::by(&actor, at, "item.version", format!("item/{id}"))
                    .detail(json!({ "version": version, "reason": input.reason }));
                journal::append(tx, &entry)?;
            }
            let item = store::by_code(tx, &input.facts.code)?
                .ok_or_else(|| AppError::not_found("item"))?;
            let versions = store::versions(tx, &item.id)?;
            Ok(view(item, versions))
        })
        .await?;
    Ok(Json(made))
}

/// Whether an item can be planned.
#[derive(Debug, Deserialize, ToSchema)]
struct ItemStatus {
    /// `active` or `retired`.
    status: String,
    /// Why.
    reason: String,
}

/// Retires an item, or makes it active again.
#[utoipa::path(put, path = "/api/items/{id}/status", tag = "items", params(("id" = String, Path)),
    request_body = ItemStatus, responses((status = 204),
        (status = 422, body = crate::error::Problem)))]
async fn set_item_status(
    actor: Actor,
    State(state): State<AppState>,
    Path(id): Path<String>,
    Json(input): Json<ItemStatus>,
) -> Result<StatusCode, AppError> {
    if !matches!(input.status.as_str(), "active" | "retired") {
        let message = "状态只能是 active 或 retired";
        return Err(AppError::invalid(vec![FieldError::new("status", message)]));
    }
    if input.reason.trim().is_empty() {
        return Err(AppError::invalid(vec![FieldError::new(
            "reason",
            "请写明理由",
        )]));
    }
    let now = state.now();
    state
        .db
        .write(move |tx| {
            let item = store::find(tx, &id)?.ok_or_else(|| AppError::not_found("item"))?;
            actor.require(Right::EditItems, &item.facts.department)?;
            store::set_status(tx, &id, &input.status)?;
            let entry = Entry::by(&actor, now, "item.status", format!("item/{id}"))
                .detail(json!({ "from": item.status, "to": input.status, "reason": input.reason }));
            journal::append(tx, &entry)?;
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
