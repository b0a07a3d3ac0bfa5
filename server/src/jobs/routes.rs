//! `/api/jobs`: how far a job is.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store;
use crate::account::{Actor, Right};
use crate::error::AppError;
use crate::extract::{Json, Path};
use crate::state::AppState;

/// The routes of jobs.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get))
}

/// A job as its owner sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// UUID.
    pub id: String,
    /// `thing.verb`.
    pub kind: String,
    /// `queued`, `running`, `done` or `failed`.
    pub state: String,
    /// How many steps are done; 0 of 0 while that is not known.
    pub done: u64,
    /// How many steps there are.
    pub total: u64,
    /// What a done job found; its shape depends on the kind.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why it failed, or what the last attempt stumbled over.
    pub error: Option<String>,
}

/// How far a job is. Ask again once a second while it is queued or running.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, body = JobView), (status = 404, body = crate::error::Problem)))]
async fn get(
    actor: Actor,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<JobView>, AppError> {
    let job = state
        .db
        .read(move |tx| Ok(store::find(tx, &id)?))
        .await?
        .filter(|job| job.actor == actor.account || actor.may(Right::ReadJournal, ""))
        .ok_or_else(|| AppError::not_found("job"))?;
    let (done, total) = state.progress.get(&job.id).unwrap_or_default();
    Ok(Json(JobView {
        id: job.id,
        kind: job.kind,
        state: job.state,
        done,
        total,
        result: job.result,
        error: job.error,
    }))
}
