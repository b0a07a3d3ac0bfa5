//! Open data and the feed (T2, U5).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};

use super::answer;
use crate::draw::public;
use crate::error::AppError;
use crate::extract::Query;
use crate::item;
use crate::publication::PublicResult;
use crate::publication::store::{self as publications, Search};
use crate::state::AppState;

/// Rows in one answer.
const ROWS: u32 = 1000;
const CSV: &str = "text/csv; charset=utf-8";
const JSON: &str = "application/json";

#[derive(Debug, Default, Deserialize)]
pub(super) struct From {
    #[serde(default)]
    offset: u32,
}

#[derive(Serialize)]
struct Part<T> {
    rows: Vec<T>,
    total: i64,
}

fn json<T: Serialize>(rows: Vec<T>, total: i64) -> Result<Response, AppError> {
    let text = serde_json::to_string(&Part { rows, total }).map_err(AppError::internal)?;
    Ok(answer(StatusCode::OK, JSON, text))
}

async fn published(state: &AppState, from: &From) -> Result<(Vec<PublicResult>, i64), AppError> {
    let search = Search {
        offset: from.offset,
        limit: ROWS,
        ..Search::default()
    };
    state
        .db
        .read(move |tx| Ok(publications::search(tx, &search)?))
        .await
}

pub(super) async fn results_json(
    State(state): State<AppState>,
    Query(from): Query<From>,
) -> Result<Response, AppError> {
    let (rows, total) = published(&state, &from).await?;
    json(rows, total)
}

pub(super) async fn results_csv(
    State(state): State<AppState>,
    Query(from): Query<From>,
) -> Result<Response, AppError> {
    let (rows, _) = published(&state, &from).await?;
    let header = [
        "抽查编号",
        "检查对象",
        "统一社会信用代码",
        "检查机关",
        "检查日期",
        "抽查事项",
        "检查结果",
        "公示日期",
        "公示期至",
        "版本",
    ];
    let lines = rows.iter().flat_map(|r| {
        r.items.iter().map(move |i| {
            let results: Vec<&str> = i.results.iter().map(|c| c.name()).collect();
            vec![
                r.number.clone(),
                r.object_name.clone(),
                r.object_code.clone(),
                r.department_name.clone(),
                r.inspected_on.to_string(),
                i.name.clone(),
                results.join("；"),
                r.published_on.to_string(),
                r.publicity_until.to_string(),
                r.version.to_string(),
            ]
        })
    });
    csv(&header, lines)
}

#[derive(Serialize)]
struct OpenItem {
    code: String,
    name: String,
    department: String,
    version: u32,
    basis: Vec<String>,
    object_kind: String,
    method: String,
    points: Vec<::sync::facts::CheckPoint>,
}

async fn active(state: &AppState) -> Result<Vec<OpenItem>, AppError> {
    let items = state.db.read(|tx| Ok(item::list_active(tx)?)).await?;
    let open = items.into_iter().map(|i| OpenItem {
        code: i.facts.code,
        name: i.facts.name,
        department: i.facts.department,
        version: i.version,
        basis: i.facts.basis,
        object_kind: i.facts.object_kind,
        method: i.facts.method,
        points: i.sheet.points,
    });
    Ok(open.collect())
}

pub(super) async fn items_json(State(state): State<AppState>) -> Result<Response, AppError> {
    let items = active(&state).await?;
    let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
    json(items, total)
}

pub(super) async fn items_csv(State(state): State<AppState>) -> Result<Response, AppError> {
    let items = active(&state).await?;
    let header = [
        "事项编码",
        "事项名称",
        "部门",
        "版本",
        "检查依据",
        "检查对象",
        "检查方式",
    ];
    csv(
        &header,
        items.into_iter().map(|i| {
            vec![
                i.code,
                i.name,
                i.department,
                i.version.to_string(),
                i.basis.join("；"),
                i.object_kind,
                i.method,
            ]
        }),
    )
}

pub(super) async fn draws_json(
    State(state): State<AppState>,
    Query(from): Query<From>,
) -> Result<Response, AppError> {
    let now = state.now();
    let (rows, total) = state
        .db
        .read(move |tx| public::draws(tx, ROWS, from.offset, now))
        .await?;
    json(rows, total)
}

/// With a byte order mark, which spreadsheets need to read Chinese; a cell that would be a formula
/// starts with an apostrophe (S2).
fn csv(header: &[&str], lines: impl Iterator<Item = Vec<String>>) -> Result<Response, AppError> {
    let mut writer = csv::Writer::from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(header).map_err(AppError::internal)?;
    for line in lines {
        let safe = line.into_iter().map(|cell| {
            if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
                format!("'{cell}")
            } else {
                cell
            }
        });
        writer.write_record(safe).map_err(AppError::internal)?;
    }
    let bytes = writer.into_inner().map_err(AppError::internal)?;
    Ok(answer(StatusCode::OK, CSV, bytes))
}

/// The newest results and corrections, RFC 4287.
pub(super) async fn feed(State(state): State<AppState>) -> Result<Response, AppError> {
    let latest = state
        .db
        .read(|tx| Ok(publications::latest(tx, 50)?))
        .await?;
    let time = |at: i64| {
        let at = DateTime::from_timestamp_millis(at).unwrap_or_default();
        at.to_rfc3339_opts(SecondsFormat::Secs, true)
    };
    let updated = time(latest.first().map_or(0, |(_, at)| *at));
    let name = escape(&state.config.name);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"zh-CN\">\
         <title>双随机抽查结果</title><id>urn:double-random:{name}</id><updated>{updated}</updated>\
         <link rel=\"self\" href=\"/feed.atom\"/>"
    );
    for (result, at) in &latest {
        let names: Vec<String> = result
            .items
            .iter()
            .map(|i| {
                format!(
                    "{}：{}",
                    i.name,
                    i.results
                        .iter()
                        .map(|c| c.name())
                        .collect::<Vec<_>>()
                        .join("；")
                )
            })
            .collect();
        xml.push_str(&format!(
            "<entry><id>urn:uuid:{}</id><title>{}</title><updated>{}</updated><author><name>{}</name></author>\
             <link href=\"/results/{}\"/><summary>{}</summary></entry>",
            result.task, escape(&result.object_name), time(*at), escape(&result.department_name), result.task,
            escape(&names.join("。"))
        ));
    }
    xml.push_str("</feed>\n");
    Ok(answer(
        StatusCode::OK,
        "application/atom+xml; charset=utf-8",
        xml,
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
