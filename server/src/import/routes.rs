//! `/api/imports`: upload and check, look, apply, fetch the refused rows.

use std::path::PathBuf;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Kept};
use super::{Column, ImportKind, MAX_FILE, RowError, Source, fields, read, run};
use crate::account::{Actor, Right, Scope};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path, Query};
use crate::jobs::{self, Failure, Handler, Job, Progress};
use crate::journal::{self, Entry};
use crate::register::Trace;
use crate::state::AppState;

const JOB: &str = "import.apply";

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(get))
        .routes(routes!(remap))
        .routes(routes!(apply))
        .routes(routes!(errors))
        .layer(DefaultBodyLimit::max(MAX_FILE))
}

/// What applies an import that was checked.
pub fn handler() -> Handler {
    Handler::new(JOB, apply_now)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Upload {
    kind: ImportKind,
    /// Name of the file.
    name: String,
}

/// A field that the kind of import knows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct FieldView {
    field: String,
    /// The header that we write.
    name: String,
    /// Headers that are understood.
    headers: Vec<String>,
    required: bool,
}

/// An import.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ImportView {
    id: String,
    kind: ImportKind,
    name: String,
    /// `checked`, `applying`, `done` or `failed`.
    state: String,
    columns: Vec<Column>,
    fields: Vec<FieldView>,
    rows_total: u32,
    accepted: u32,
    refused: u32,
    first_errors: Vec<RowError>,
    /// 0 to 1 while it is applied.
    progress: f64,
    /// Why it failed.
    problem: Option<String>,
}

fn view(id: String, kept: Kept, progress: Option<(u64, u64)>) -> ImportView {
    let known = fields(kept.kind).iter().map(|f| FieldView {
        field: f.name.to_owned(),
        name: f.headers[0].to_owned(),
        headers: f.headers.iter().map(|h| (*h).to_owned()).collect(),
        required: f.required,
    });
    let progress = match (kept.state.as_str(), progress) {
        ("done", _) => 1.0,
        (_, Some((done, total))) if total > 0 => done as f64 / total as f64,
        _ => 0.0,
    };
    ImportView {
        id,
        kind: kept.kind,
        name: kept.name,
        state: kept.state,
        columns: serde_json::from_str(&kept.columns).unwrap_or_default(),
        fields: known.collect(),
        rows_total: kept.rows_total,
        accepted: kept.accepted,
        refused: kept.refused,
        first_errors: serde_json::from_str(&kept.errors).unwrap_or_default(),
        progress,
        problem: kept.failure,
    }
}

fn right(kind: ImportKind) -> Right {
    match kind {
        ImportKind::Items => Right::EditItems,
        _ => Right::EditRegisters,
    }
}

fn trace(actor: &Actor, name: &str, now: i64) -> Trace {
    Trace {
        at: now,
        actor: actor.account.clone(),
        actor_name: actor.name.clone(),
        source: name.to_owned(),
        reason: "表格导入".into(),
    }
}

/// Where the file of an import lies until it is done.
fn staged(state: &AppState, id: &str) -> PathBuf {
    state.uploads().join(format!("import-{id}"))
}

/// Uploads a spreadsheet and checks every row. Nothing is written to the register yet.
#[utoipa::path(post, path = "/api/imports", tag = "import", params(Upload), request_body = Vec<u8>,
    responses((status = 200, body = ImportView), (status = 400, body = Problem)))]
async fn upload(
    State(state): State<AppState>,
    actor: Actor,
    Query(upload): Query<Upload>,
    body: Bytes,
) -> Result<Json<ImportView>, AppError> {
    actor.require_any(right(upload.kind))?;
    let (id, now) = (state.new_id(), state.now());
    let name: String = upload
        .name
        .chars()
        .filter(|c| !c.is_control())
        .take(120)
        .collect();
    let bytes = body.clone();
    let tables = tokio::task::spawn_blocking(move || read(&bytes))
        .await
        .map_err(AppError::internal)?;
    let tables = tables.map_err(|e| AppError::malformed(e.to_string()))?;
    let path = staged(&state, &id);
    tokio::fs::write(&path, &body)
        .await
        .map_err(AppError::internal)?;
    let (own, file, kind, row) = (state.clone(), name.clone(), upload.kind, id.clone());
    let checked = state
        .db
        .write(move |tx| {
            let trace = trace(&actor, &file, now);
            let found = run(
                tx,
                Source {
                    kind,
                    tables: &tables,
                    chosen: None,
                    scope: actor.scope(right(kind)),
                    trace,
                    rng: own.rng.as_ref(),
                },
                false,
                &|_, _| {},
            )?;
            store::insert(tx, &row, kind, &file, &actor.account, &found, now)?;
            Ok(store::find(tx, &row)?)
        })
        .await;
    match checked {
        Ok(Some(kept)) => Ok(Json(view(id, kept, None))),
        other => {
            let _ = tokio::fs::remove_file(&path).await;
            Err(other
                .err()
                .unwrap_or_else(|| AppError::internal("import vanished")))
        }
    }
}

/// One import, and how far it is.
#[utoipa::path(get, path = "/api/imports/{id}", tag = "import", params(("id" = String, Path)),
    responses((status = 200, body = ImportView), (status = 404, body = Problem)))]
async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<ImportView>, AppError> {
    let row = id.clone();
    let kept = state.db.read(move |tx| Ok(store::find(tx, &row)?)).await?;
    let kept = kept.ok_or_else(|| AppError::not_found("import"))?;
    actor.require_any(right(kept.kind))?;
    let progress = state.progress.get(&id);
    Ok(Json(view(id, kept, progress)))
}

#[derive(Debug, Deserialize, ToSchema)]
struct Chosen {
    /// Field by header; an empty field: not used.
    columns: std::collections::BTreeMap<String, String>,
}

/// Checks the file again with columns that a person mapped.
#[utoipa::path(post, path = "/api/imports/{id}/mapping", tag = "import", params(("id" = String, Path)),
    request_body = Chosen, responses((status = 200, body = ImportView), (status = 409, body = Problem)))]
async fn remap(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(chosen): Json<Chosen>,
) -> Result<Json<ImportView>, AppError> {
    let bytes = tokio::fs::read(staged(&state, &id))
        .await
        .map_err(|_| AppError::not_found("import"))?;
    let tables = tokio::task::spawn_blocking(move || read(&bytes))
        .await
        .map_err(AppError::internal)?;
    let tables = tables.map_err(|e| AppError::malformed(e.to_string()))?;
    let column = |(header, field): (String, String)| Column {
        header,
        field: Some(field).filter(|f| !f.is_empty()),
        sample: String::new(),
    };
    let columns: Vec<Column> = chosen.columns.into_iter().map(column).collect();
    let (own, row, now) = (state.clone(), id.clone(), state.now());
    let kept = state
        .db
        .write(move |tx| {
            let kept = store::find(tx, &row)?.ok_or_else(|| AppError::not_found("import"))?;
            actor.require_any(right(kept.kind))?;
            let trace = trace(&actor, &kept.name, now);
            let found = run(
                tx,
                Source {
                    kind: kept.kind,
                    tables: &tables,
                    chosen: Some(&columns),
                    scope: actor.scope(right(kept.kind)),
                    trace,
                    rng: own.rng.as_ref(),
                },
                false,
                &|_, _| {},
            )?;
            if !store::checked_again(tx, &row, &found)? {
                return Err(AppError::conflict(
                    "import_state",
                    "这次导入已经在执行或已经结束",
                ));
            }
            store::find(tx, &row)?.ok_or_else(|| AppError::not_found("import"))
        })
        .await?;
    Ok(Json(view(id, kept, None)))
}

/// Writes the rows that are right, in the background; ask for the import to see how far it is.
#[utoipa::path(post, path = "/api/imports/{id}/apply", tag = "import", params(("id" = String, Path)),
    responses((status = 200, body = ImportView), (status = 409, body = Problem)))]
async fn apply(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<ImportView>, AppError> {
    let (row, now) = (id.clone(), state.now());
    let kept = state
        .db
        .write(move |tx| {
            let kept = store::find(tx, &row)?.ok_or_else(|| AppError::not_found("import"))?;
            actor.require_any(right(kept.kind))?;
            if !store::begin(tx, &row)? {
                return Err(AppError::conflict(
                    "import_state",
                    "这次导入已经在执行或已经结束",
                ));
            }
            let departments = match actor.scope(right(kept.kind)) {
                Scope::Everywhere => Value::Null,
                Scope::In(departments) => departments.into(),
            };
            let payload = json!({
                "import": row,
                "actor_name": actor.name,
                "departments": departments,
            });
            jobs::enqueue(tx, &row, JOB, &payload, &actor.account, now)?;
            let entry = Entry::by(&actor, now, "import.apply", format!("import/{row}"))
                .detail(json!({ "kind": kept.kind, "file": kept.name, "accepted": kept.accepted }));
            journal::append(tx, &entry)?;
            store::find(tx, &row)?.ok_or_else(|| AppError::not_found("import"))
        })
        .await?;
    state.wake.notify_one();
    Ok(Json(view(id, kept, None)))
}

async fn apply_now(state: AppState, job: Job, progress: Progress) -> Result<Value, Failure> {
    let id = job.payload["import"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let path = staged(&state, &id);
    let outcome = apply_file(&state, &job, &id, &path, progress).await;
    if let Err(Failure::Final(why)) = &outcome {
        let (row, why, now) = (id.clone(), why.clone(), state.now());
        state
            .db
            .write(move |tx| Ok(store::failed(tx, &row, &why, now)?))
            .await?;
    }
    if !matches!(outcome, Err(Failure::Passing(_))) {
        // The rows are in the register, or the file is of no use; a leftover would only take room.
        let _ = tokio::fs::remove_file(&path).await;
    }
    outcome
}

async fn apply_file(
    state: &AppState,
    job: &Job,
    id: &str,
    path: &std::path::Path,
    progress: Progress,
) -> Result<Value, Failure> {
    let row = id.to_owned();
    let kept = state.db.read(move |tx| Ok(store::find(tx, &row)?)).await?;
    let kept = kept.ok_or_else(|| Failure::Final("没有这次导入".into()))?;
    if kept.state != "applying" {
        return Ok(json!({ "state": kept.state }));
    }
    let bytes = tokio::fs::read(path)
        .await
        .map_err(|e| Failure::Final(format!("上传的文件已不在：{e}")))?;
    let tables = tokio::task::spawn_blocking(move || read(&bytes)).await;
    let tables = tables.map_err(|e| Failure::Passing(e.to_string()))?;
    let tables = tables.map_err(|e| Failure::Final(e.to_string()))?;
    let columns: Vec<Column> = serde_json::from_str(&kept.columns).unwrap_or_default();
    let (own, row, now) = (state.clone(), id.to_owned(), state.now());
    // The rights of the person who asked for it, as they were then.
    let scope = match job.payload.get("departments") {
        Some(Value::Null) => Scope::Everywhere,
        departments => Scope::In(
            departments
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|d| d.as_str().map(str::to_owned))
                .collect(),
        ),
    };
    let trace = Trace {
        at: now,
        actor: job.actor.clone(),
        actor_name: job.payload["actor_name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        source: kept.name,
        reason: "表格导入".into(),
    };
    let found = state
        .db
        .write(move |tx| {
            let tell = |done, total| progress.set(done, total);
            let found = run(
                tx,
                Source {
                    kind: kept.kind,
                    tables: &tables,
                    chosen: Some(&columns),
                    scope,
                    trace,
                    rng: own.rng.as_ref(),
                },
                true,
                &tell,
            )?;
            store::done(tx, &row, &found, now)?;
            let entry = Entry::by_server(now, "import.done", format!("import/{row}"))
                .detail(json!({ "accepted": found.accepted, "refused": found.refused }));
            journal::append(tx, &entry)?;
            Ok(found)
        })
        .await?;
    Ok(json!({ "accepted": found.accepted, "refused": found.refused }))
}

/// The refused rows with what is wrong, as a CSV that can be corrected and imported again.
#[utoipa::path(get, path = "/api/imports/{id}/errors.csv", tag = "import", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/csv", body = String), (status = 404, body = Problem)))]
async fn errors(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let found = state
        .db
        .read(move |tx| {
            let kept = store::find(tx, &id)?.ok_or_else(|| AppError::not_found("import"))?;
            actor.require_any(right(kept.kind))?;
            Ok(store::error_file(tx, &id)?)
        })
        .await?;
    let (_, bytes) = found
        .filter(|(_, bytes)| !bytes.is_empty())
        .ok_or_else(|| AppError::not_found("errors"))?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"refused-rows.csv\"",
        ),
    ];
    Ok((StatusCode::OK, headers, bytes).into_response())
}
