//! What auditors get: the transcript together with all openings, and the names of that day. Each look
//! has a reason and is in the journal (K2, S3).

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::draw::routes::{found, zip_response};
use crate::draw::store::{self, Draw};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Path, Query};
use crate::journal::{self, Entry};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(bundle))
        .routes(routes!(names))
}

/// Why the sealed part of a draw is looked at.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Why {
    /// 4 to 500 characters; it goes into the journal.
    #[serde(default)]
    reason: String,
}

/// The transcript with all openings, as a verifier takes it: `verify-draw` checks each of them.
#[utoipa::path(get, path = "/api/draws/{id}/bundle.zip", operation_id = "bundle_draw", tag = "draw",
    params(("id" = String, Path), Why),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn bundle(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(why): Query<Why>,
) -> Result<Response, AppError> {
    let now = state.now();
    let (draw, files) = state
        .db
        .write(move |tx| {
            let (draw, openings) = opened(tx, &actor, &id, &why, "bundle.zip", now)?;
            let mut files = store::transcript(tx, &id)?;
            files.push(("openings.csv".into(), openings));
            Ok((draw, files))
        })
        .await?;
    zip_response(&draw, files).await
}

/// Who is behind each blinded id, with the names of the day of the commitment. No part of the
/// transcript: nothing is computed from it.
#[utoipa::path(get, path = "/api/draws/{id}/names.csv", operation_id = "names_draw", tag = "draw",
    params(("id" = String, Path), Why),
    responses((status = 200, content_type = "text/csv", body = String),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn names(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(why): Query<Why>,
) -> Result<Response, AppError> {
    let now = state.now();
    let (openings, names) = state
        .db
        .write(move |tx| {
            let (_, openings) = opened(tx, &actor, &id, &why, "names.csv", now)?;
            let names = store::file(tx, &id, "names.tsv")?.unwrap_or_default();
            Ok((openings, names))
        })
        .await?;
    let csv = tokio::task::spawn_blocking(move || sheet(&openings, &names))
        .await
        .map_err(AppError::internal)??;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"names.csv\"",
        ),
    ];
    Ok((headers, csv).into_response())
}

/// Notes the look in the journal and gives the openings.
fn opened(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &str,
    why: &Why,
    file: &str,
    now: i64,
) -> Result<(Draw, Vec<u8>), AppError> {
    let draw = found(tx, id)?;
    actor.require(Right::OpenDraws, &draw.department)?;
    let reason = why.reason.trim();
    if !(4..=500).contains(&reason.chars().count()) {
        let message = "请写明调取的理由（4 到 500 个字），理由会记入操作日志";
        return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    }
    let openings = store::file(tx, id, "openings.csv")?
        .ok_or_else(|| AppError::conflict("draw_not_committed", "封存以后才有开封表"))?;
    let entry = Entry::by(actor, now, "draw.open", format!("draw/{id}"))
        .detail(json!({ "number": draw.number, "file": file, "reason": reason }));
    journal::append(tx, &entry)?;
    Ok((draw, openings))
}

/// With a byte order mark, which spreadsheets need to read Chinese; a cell that would be a formula
/// starts with an apostrophe (S2).
fn sheet(openings: &[u8], names: &[u8]) -> Result<Vec<u8>, AppError> {
    let openings = std::str::from_utf8(openings).map_err(AppError::internal)?;
    let names = std::str::from_utf8(names).map_err(AppError::internal)?;
    let opens: HashMap<String, &str> = openings
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut fields = line.split(',').skip(1);
            let (id, salt) = (fields.next()?, fields.next()?);
            Some((::draw::open(salt, id), id))
        })
        .collect();
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    writer
        .write_record(["类别", "匿名编号", "编号", "名录编号", "名称", "辖区或单位"])
        .map_err(AppError::internal)?;
    for line in names.lines() {
        let mut parts = line.split('\t');
        let mut next = || parts.next().unwrap_or_default();
        let (blinded, kind) = (next(), next());
        let (id, name, place) = (next(), next(), next());
        let kind = if kind == "object" {
            "检查对象"
        } else {
            "检查人员"
        };
        let code = opens.get(blinded).copied().unwrap_or_default();
        let row = [kind, blinded, code, id, name, place].map(|cell| {
            if cell.starts_with(['=', '+', '-', '@']) {
                format!("'{cell}")
            } else {
                cell.to_owned()
            }
        });
        writer.write_record(row).map_err(AppError::internal)?;
    }
    writer.into_inner().map_err(AppError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_beside_the_ids_that_were_blinded() {
        let salt = "5".repeat(64);
        let blinded = ::draw::open(&salt, "91440300MA5A0001XX");
        let openings = format!("kind,id,salt\nobject,91440300MA5A0001XX,{salt}\n");
        let names = format!("{blinded}\tobject\to-1\t=示例商行\t440303\n");
        let csv = String::from_utf8(sheet(openings.as_bytes(), names.as_bytes()).unwrap()).unwrap();
        let line = format!("检查对象,{blinded},91440300MA5A0001XX,o-1,'=示例商行,440303");
        assert!(csv.contains(&line), "{csv}");
    }
}
