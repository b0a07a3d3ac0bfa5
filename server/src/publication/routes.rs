//! `/api/publications`.

use axum::extract::State;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::calendar::official;
use super::compose::{self, Material, compose, correct};
use super::store::{self, Listed, Wanted};
use super::{CannotPublish, Category, PublicPerson, PublicResult, PublicationState, due};
use crate::account::{Actor, Right, Scope};
use crate::db::Tx;
use crate::error::{AppError, FieldError};
use crate::extract::{Json, Paging, Path, Query};
use crate::journal;
use crate::review;
use crate::state::AppState;

/// The routes of the publication.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(preview))
        .routes(routes!(publish))
        .routes(routes!(amend))
}

/// Greatest length of a correction's reason, in characters.
const MAX_REASON: usize = 500;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    state: Option<PublicationState>,
}

/// An accepted inspection on its way to the public.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PublicationRow {
    pub task: String,
    pub number: String,
    pub object_name: String,
    /// Codes.
    pub district: String,
    pub department: String,
    pub state: PublicationState,
    /// China dates.
    pub ended_on: String,
    pub due_date: String,
    /// The due date was counted partly in a year whose holidays are not known yet.
    pub due_provisional: bool,
    /// Negative: overdue. Counts only while due.
    pub working_days_left: Option<i32>,
    pub published_at: Option<i64>,
    pub publicity_until: Option<String>,
    pub publicity_days_left: Option<i32>,
    /// Of all items, in the order of the plan.
    pub results: Vec<Category>,
    pub version: Option<u32>,
    pub public_url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PublicationPage {
    rows: Vec<PublicationRow>,
    total: i64,
}

/// What the public reads, or will read.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PublicationPreview {
    /// In the order of the page.
    fields: Vec<PublicField>,
    items: Vec<super::PublicItem>,
    published_at: Option<i64>,
    public_url: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct PublicField {
    name: String,
    value: String,
}

/// Other categories for some items, and why.
#[derive(Debug, Deserialize, ToSchema)]
struct CorrectionRequest {
    reason: String,
    items: Vec<CorrectedItem>,
}

#[derive(Debug, Deserialize, ToSchema)]
struct CorrectedItem {
    item: String,
    results: Vec<Category>,
}

/// Accepted inspections: what is due first, the most urgent on top.
#[utoipa::path(get, path = "/api/publications", tag = "publication", params(Filter, Paging),
    responses((status = 200, body = PublicationPage)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<PublicationPage>, AppError> {
    actor.require_any(Right::ReadRecords)?;
    let wanted = Wanted {
        task: None,
        state: filter.state,
        pattern: paging.pattern(),
        scope: actor.scope(Right::ReadRecords),
        today: state.today(),
        offset: paging.offset,
        limit: paging.limit(),
    };
    let page = state
        .db
        .read(move |tx| {
            let (listed, total) = store::list(tx, &wanted)?;
            let rows = listed
                .into_iter()
                .map(|l| row(tx, l, wanted.today))
                .collect::<Result<_, _>>()?;
            Ok(PublicationPage { rows, total })
        })
        .await?;
    Ok(Json(page))
}

fn row(tx: &mut Tx<'_>, listed: Listed, today: NaiveDate) -> Result<PublicationRow, AppError> {
    let state = listed.state(today);
    let due = due(listed.ended_on);
    let mut results: Vec<Category> = match &listed.result {
        Some(result) => result
            .items
            .iter()
            .flat_map(|i| i.results.clone())
            .collect(),
        None => {
            let material = review::store::material(tx, &listed.task, None)?;
            let view = material.legal_view()?;
            material
                .facts
                .sheets
                .iter()
                .flat_map(|s| compose::results(&view, &s.item))
                .collect()
        }
    };
    results.sort();
    results.dedup();
    let is = |wanted| (state == wanted).then_some(());
    let left = |until| official().days_left(today, until);
    Ok(PublicationRow {
        state,
        ended_on: listed.ended_on.to_string(),
        due_date: due.date.to_string(),
        due_provisional: due.provisional,
        working_days_left: is(PublicationState::Due).map(|()| left(due.date)),
        published_at: listed.published_at,
        publicity_until: listed.publicity_until.map(|d| d.to_string()),
        publicity_days_left: is(PublicationState::InPublicity)
            .and(listed.publicity_until)
            .map(left),
        results,
        version: listed.result.as_ref().map(|r| r.version),
        public_url: listed.result.as_ref().map(|r| public_url(&r.task)),
        task: listed.task,
        number: listed.number,
        object_name: listed.object_name,
        district: listed.district,
        department: listed.department,
    })
}

/// Where the public reads it.
pub fn public_url(task: &str) -> String {
    format!("/results/{task}")
}

/// Exactly what the public reads, or will read.
#[utoipa::path(get, path = "/api/publications/{task}/preview", tag = "publication",
    params(("task" = String, Path)),
    responses((status = 200, body = PublicationPreview), (status = 409, body = crate::error::Problem)))]
async fn preview(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
) -> Result<Json<PublicationPreview>, AppError> {
    actor.require_any(Right::ReadRecords)?;
    let today = state.today();
    let shown = state
        .db
        .read(move |tx| {
            // Also asks for the right to see the record.
            let material =
                review::store::material(tx, &task, Some(actor.scope(Right::ReadRecords)))?;
            let (result, published_at) = match store::newest(tx, &task)? {
                Some(version) => (version.read()?, Some(version.published_at)),
                None => (first_version(tx, &actor, &material, today)?, None),
            };
            Ok(PublicationPreview {
                fields: fields(&result),
                items: result.items,
                published_at,
                public_url: published_at.map(|_| public_url(&task)),
            })
        })
        .await?;
    Ok(Json(shown))
}

fn fields(result: &PublicResult) -> Vec<PublicField> {
    let people = |people: &[PublicPerson]| {
        let names: Vec<String> = people
            .iter()
            .map(|p| format!("{}（{}）", p.name, p.unit))
            .collect();
        names.join("、")
    };
    let mut fields = vec![
        ("抽查编号", result.number.clone()),
        ("抽查任务", result.title.clone()),
        ("检查对象", result.object_name.clone()),
        ("统一社会信用代码", result.object_code.clone()),
        ("检查机关", result.department_name.clone()),
        ("检查日期", result.inspected_on.to_string()),
    ];
    let of_items = result.items.iter().map(|item| {
        let names: Vec<&str> = item.results.iter().map(|c| c.name()).collect();
        (item.name.as_str(), names.join("；"))
    });
    fields.extend(of_items);
    fields.extend([
        ("谁检查", people(&result.chain.inspected)),
        ("谁录入", people(&result.chain.entered)),
        (
            "谁审核",
            people(std::slice::from_ref(&result.chain.reviewed)),
        ),
        (
            "谁公示",
            people(std::slice::from_ref(&result.chain.published)),
        ),
        ("公示期至", result.publicity_until.to_string()),
    ]);
    fields
        .into_iter()
        .map(|(name, value)| PublicField {
            name: name.to_owned(),
            value,
        })
        .collect()
}

/// Publishes the result of an accepted inspection.
#[utoipa::path(post, path = "/api/publications/{task}", tag = "publication", params(("task" = String, Path)),
    responses((status = 200, body = PublicationRow),
        (status = 409, description = "`not_accepted`, `already_published`", body = crate::error::Problem)))]
async fn publish(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
) -> Result<Json<PublicationRow>, AppError> {
    actor.require_any(Right::Publish)?;
    let (today, now) = (state.today(), state.now());
    let published = state
        .db
        .write(move |tx| {
            let material = review::store::material(tx, &task, Some(actor.scope(Right::Publish)))?;
            if store::newest(tx, &task)?.is_some() {
                return Err(AppError::conflict(
                    "already_published",
                    "该结果已经公示；如有错误请作更正",
                ));
            }
            let result = first_version(tx, &actor, &material, today)?;
            let kept = store::insert(tx, &actor, &result, "", now)?;
            record(tx, &actor, "result.publish", &result, &kept, now)?;
            listed_row(tx, &task, today)
        })
        .await?;
    Ok(Json(published))
}

/// Corrects what was published: a new version beside the old ones (U6).
#[utoipa::path(post, path = "/api/publications/{task}/corrections", tag = "publication",
    params(("task" = String, Path)), request_body = CorrectionRequest,
    responses((status = 200, body = PublicationRow), (status = 422, body = crate::error::Problem)))]
async fn amend(
    State(state): State<AppState>,
    actor: Actor,
    Path(task): Path<String>,
    Json(request): Json<CorrectionRequest>,
) -> Result<Json<PublicationRow>, AppError> {
    actor.require_any(Right::Publish)?;
    let reason = check_reason(&request.reason)?;
    let changed: Vec<_> = request
        .items
        .into_iter()
        .map(|i| (i.item, i.results))
        .collect();
    let (today, now) = (state.today(), state.now());
    let corrected = state
        .db
        .write(move |tx| {
            let material = review::store::material(tx, &task, Some(actor.scope(Right::Publish)))?;
            let current = store::newest(tx, &task)?
                .ok_or_else(|| AppError::conflict("not_published", "该结果尚未公示，无需更正"))?
                .read()?;
            let by = review::store::public_person(tx, &actor, &material.row.department)?;
            let next = correct(&current, &changed, &reason, by, today)?;
            let kept = store::insert(tx, &actor, &next, &reason, now)?;
            record(tx, &actor, "result.correct", &next, &kept, now)?;
            listed_row(tx, &task, today)
        })
        .await?;
    Ok(Json(corrected))
}

fn check_reason(reason: &str) -> Result<String, AppError> {
    let reason = reason.trim();
    let refuse = |message: String| Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    if reason.is_empty() {
        return refuse("更正须写明理由，理由会一并公示".into());
    }
    if reason.chars().count() > MAX_REASON || reason.chars().any(char::is_control) {
        return refuse(format!("更正理由须为一段不超过 {MAX_REASON} 字的文字"));
    }
    Ok(reason.to_owned())
}

fn first_version(
    tx: &mut Tx<'_>,
    actor: &Actor,
    material: &review::Material,
    today: NaiveDate,
) -> Result<PublicResult, AppError> {
    let accepted = material.decisions.iter().find(|d| d.accepted);
    let task = &material.row.task;
    let material_of_page = Material {
        facts: &material.facts,
        draw: &draw_of(tx, task)?,
        view: &material.legal_view()?,
        writers: &material.sealed_writers(),
        inspected_on: material.ended_on().ok_or(CannotPublish::NotAccepted)?,
        reviewed: accepted.map(|d| d.by.clone()),
    };
    let by = review::store::public_person(tx, actor, &material.row.department)?;
    Ok(compose(&material_of_page, by, today)?)
}

fn draw_of(tx: &mut Tx<'_>, task: &str) -> Result<String, AppError> {
    Ok(
        tx.query_one("SELECT draw FROM tasks WHERE id = $1", &[&task], |r| {
            r.get(0)
        })?,
    )
}

fn listed_row(tx: &mut Tx<'_>, task: &str, today: NaiveDate) -> Result<PublicationRow, AppError> {
    let wanted = Wanted {
        task: Some(task.to_owned()),
        state: None,
        pattern: None,
        scope: Scope::Everywhere,
        today,
        offset: 0,
        limit: 1,
    };
    let found = store::list(tx, &wanted)?.0.pop();
    row(
        tx,
        found.ok_or_else(|| AppError::not_found("publication"))?,
        today,
    )
}

/// The journal holds the hash of what the public reads, so that outsiders can hold us to it (K2).
fn record(
    tx: &mut Tx<'_>,
    actor: &Actor,
    act: &str,
    result: &PublicResult,
    kept: &store::Version,
    now: i64,
) -> Result<(), AppError> {
    let entry = journal::Entry::by(actor, now, act, format!("task/{}", result.task))
        .after(kept.body.as_bytes())
        .detail(json!({ "number": result.number, "version": kept.version, "sha256": kept.sha256 }));
    journal::append(tx, &entry)?;
    Ok(())
}

impl From<CannotPublish> for AppError {
    fn from(error: CannotPublish) -> Self {
        match error {
            CannotPublish::NotAccepted => {
                Self::conflict("not_accepted", "记录尚未审核通过，不能公示")
            }
            CannotPublish::NoResult(item) => Self::invalid(vec![FieldError::new(
                "items",
                format!("“{item}”没有检查结果类别"),
            )]),
            CannotPublish::NothingCorrected => {
                Self::invalid(vec![FieldError::new("items", "更正内容与现有公示相同")])
            }
            CannotPublish::UnknownItem(item) => Self::invalid(vec![FieldError::new(
                "items",
                format!("本次检查没有事项 {item}"),
            )]),
        }
    }
}
