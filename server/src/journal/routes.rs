//! `/api/journal`.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Chained, note, store};
use crate::account::{Actor, Right};
use crate::error::AppError;
use crate::extract::{Json, Page, Paging, Query};
use crate::sheet::csv_safe;
use crate::state::AppState;

/// The routes of the journal.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(export))
        .routes(routes!(verify))
        .routes(routes!(checkpoint))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// An act (`object.update`) or all acts on a kind of thing (`object`).
    #[serde(default)]
    act: String,
    /// Exactly this subject.
    #[serde(default)]
    subject: String,
}

/// An entry with the hash that covers it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct JournalRow {
    #[serde(flatten)]
    entry: Chained,
    /// SHA-256 of the entry's canonical JSON.
    hash: String,
}

fn row((text, hash): (String, String)) -> Result<JournalRow, AppError> {
    let entry = serde_json::from_str(&text).map_err(AppError::internal)?;
    Ok(JournalRow { entry, hash })
}

/// What was done, newest first.
#[utoipa::path(get, path = "/api/journal", tag = "journal", params(Paging, Filter),
    responses((status = 200, body = Page<JournalRow>)))]
async fn list(
    actor: Actor,
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<JournalRow>>, AppError> {
    actor.require_any(Right::ReadJournal)?;
    let search = store::Search {
        act: filter.act,
        subject: filter.subject,
        pattern: paging.pattern(),
    };
    let (offset, limit) = (paging.offset, paging.limit());
    let (rows, total) = state
        .db
        .read(move |tx| Ok(store::list(tx, &search, offset, limit)?))
        .await?;
    let rows = rows.into_iter().map(row).collect::<Result<_, _>>()?;
    Ok(Json(Page { rows, total }))
}

/// The whole journal as CSV, oldest first: `seq,hash,entry`, the entry as the text that was hashed.
#[utoipa::path(get, path = "/api/journal.csv", tag = "journal",
    responses((status = 200, content_type = "text/csv", body = String)))]
async fn export(actor: Actor, State(state): State<AppState>) -> Result<Response, AppError> {
    actor.require_any(Right::ReadJournal)?;
    let rows = state.db.read(|tx| Ok(store::all(tx)?)).await?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["seq", "at", "actor", "act", "subject", "hash", "entry"])
        .map_err(AppError::internal)?;
    for pair in rows {
        let text = pair.0.clone();
        let JournalRow { entry, hash } = row(pair)?;
        writer
            .write_record([
                entry.seq.to_string().as_str(),
                &entry.at.to_string(),
                &csv_safe(&entry.actor_name),
                &csv_safe(&entry.act),
                &csv_safe(&entry.subject),
                &hash,
                &text,
            ])
            .map_err(AppError::internal)?;
    }
    let body = writer.into_inner().map_err(AppError::internal)?;
    Ok((
        [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (
                header::CONTENT_DISPOSITION,
                "attachment; filename=\"journal.csv\"",
            ),
        ],
        body,
    )
        .into_response())
}

/// Whether the chain is whole.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Verdict {
    /// Every entry has its hash and follows the one before.
    intact: bool,
    /// How many entries were checked.
    size: u64,
    /// RFC 6962 root over them, hex.
    root: String,
    /// The first thing that is wrong.
    problem: Option<String>,
}

/// Walks the whole chain.
#[utoipa::path(get, path = "/api/journal/verify", tag = "journal",
    responses((status = 200, body = Verdict)))]
async fn verify(actor: Actor, State(state): State<AppState>) -> Result<Json<Verdict>, AppError> {
    actor.require_any(Right::ReadJournal)?;
    Ok(Json(
        match state.db.read(|tx| Ok(store::verify(tx)?)).await? {
            Ok(tree) => Verdict {
                intact: true,
                size: tree.size(),
                root: hex::encode(tree.root()),
                problem: None,
            },
            Err(broken) => Verdict {
                intact: false,
                size: 0,
                root: String::new(),
                problem: Some(broken.to_string()),
            },
        },
    ))
}

/// The journal's checkpoint, for everyone: a C2SP signed note. Its key stands in
/// `x-verifier-key`. Refused when the chain is broken: nothing broken is signed.
#[utoipa::path(get, path = "/api/journal/checkpoint", tag = "journal",
    responses((status = 200, content_type = "text/plain", body = String)))]
async fn checkpoint(State(state): State<AppState>) -> Result<Response, AppError> {
    let tree = state
        .db
        .read(|tx| Ok(store::verify(tx)?))
        .await?
        .map_err(|broken| AppError::internal(format!("journal: {broken}")))?;
    let name = &state.config.name;
    let body = note::sign(&note::checkpoint_text(name, &tree), name, &state.keys);
    let key = note::verifier_key(name, &state.keys);
    Ok((
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned())],
        [("x-verifier-key", key)],
        body,
    )
        .into_response())
}
