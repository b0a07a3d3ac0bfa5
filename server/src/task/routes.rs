//! `/api/tasks`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Wanted};
use super::{TaskRow, TaskState};
use crate::account::{Actor, Right};
use crate::error::AppError;
use crate::extract::{Json, Paging, Path, Query};
use crate::state::AppState;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    state: Option<TaskState>,
    department: Option<String>,
    district: Option<String>,
    /// Id of a draw.
    draw: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct TaskPage {
    rows: Vec<TaskRow>,
    total: i64,
}

/// Tasks, newest first.
#[utoipa::path(get, path = "/api/tasks", tag = "task", params(Filter, Paging),
    responses((status = 200, body = TaskPage)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<TaskPage>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let wanted = Wanted {
        state: filter.state,
        department: filter.department,
        district: filter.district,
        draw: filter.draw,
        pattern: paging.pattern(),
        scope: Some(actor.scope(Right::ReadOffice)),
        offset: paging.offset,
        limit: paging.limit(),
        ..Wanted::default()
    };
    let (rows, total) = state
        .db
        .read(move |tx| Ok(store::list(tx, &wanted)?))
        .await?;
    Ok(Json(TaskPage { rows, total }))
}

/// One task.
#[utoipa::path(get, path = "/api/tasks/{task}", tag = "task", params(("task" = String, Path)),
    responses((status = 200, body = TaskRow), (status = 404, body = crate::error::Problem)))]
async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
) -> Result<Json<TaskRow>, AppError> {
    let scope = Some(actor.scope(Right::ReadOffice));
    let wanted = Wanted {
        task: Some(task),
        scope,
        limit: 1,
        ..Wanted::default()
    };
    let (rows, _) = state
        .db
        .read(move |tx| Ok(store::list(tx, &wanted)?))
        .await?;
    rows.into_iter()
        .next()
        .map(Json)
        .ok_or_else(|| AppError::not_found("task"))
}
