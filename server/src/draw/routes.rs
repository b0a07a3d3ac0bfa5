//! `/api/draws`: defining, reading, downloading.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::store::{self, Draw, NewDraw, Wanted};
use super::view::{DrawRow, DrawView, ExcludedRow, Neighbour};
use super::{DrawInput, DrawState, check, is_public, number, rolls, void, witness};
use crate::account::{Actor, Right};
use crate::clock::china_date;
use crate::db::{DbError, Tx};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::journal::{self, Entry};
use crate::plan::{self, PlanAct};
use crate::register::{self, region};
use crate::rng::bytes;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get))
        .routes(routes!(excluded))
        .routes(routes!(transcript))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// In this state only.
    state: Option<DrawState>,
    /// Of this plan only.
    plan: Option<String>,
    /// Of this year only.
    year: Option<i32>,
    /// Code of a department that takes part.
    department: Option<String>,
    /// What is drawn: `double`, `objects`, `inspectors` or `census`.
    mode: Option<String>,
}

/// All draws, newest first, void ones too.
#[utoipa::path(get, path = "/api/draws", operation_id = "list_draws", tag = "draw", params(Filter, Paging),
    responses((status = 200, body = Page<DrawRow>)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<DrawRow>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let wanted = Wanted {
        state: filter.state,
        plan: filter.plan,
        year: filter.year,
        department: filter.department,
        mode: filter.mode,
        pattern: paging.pattern(),
        departments: plan::store::departments(actor.scope(Right::ReadOffice)),
        offset: paging.offset,
        limit: paging.limit(),
    };
    let (rows, total) = state
        .db
        .read(move |tx| Ok(store::list(tx, &wanted)?))
        .await?;
    Ok(Json(Page { rows, total }))
}

/// Defines a draw from a locked plan and numbers it. A plan has one draw that is not void (D5).
#[utoipa::path(post, path = "/api/draws", operation_id = "create_draw", tag = "draw", request_body = DrawInput,
    responses((status = 201, body = DrawView), (status = 409, body = Problem)))]
async fn create(
    State(state): State<AppState>,
    actor: Actor,
    Json(input): Json<DrawInput>,
) -> Result<(StatusCode, Json<DrawView>), AppError> {
    let (id, now) = (state.new_id(), state.now());
    check(&input, now)?;
    let salt_key = bytes::<32>(state.rng.as_ref()).to_vec();
    let nonce = hex::encode(bytes::<32>(state.rng.as_ref()));
    let view = state
        .db
        .write(move |tx| {
            let plan =
                plan::store::find(tx, &input.plan)?.ok_or_else(|| AppError::not_found("plan"))?;
            actor.require(Right::HoldDraws, &plan.department)?;
            plan::decide(plan.state, PlanAct::Draw)?;
            let year = chrono::Datelike::year(&china_date(input.ceremony_at));
            let seq = store::next_seq(tx, &plan.department, year)?;
            let lead = department_name(tx, &plan.department)?;
            let number = number(&lead, plan.joint(), year, seq);
            let new = NewDraw {
                id: &id,
                department: &plan.department,
                year,
                seq,
                number: &number,
                input: &input,
                salt_key,
                nonce: &nonce,
                by: &actor.name,
                now,
            };
            store::insert(tx, &new).map_err(|e| match e {
                DbError::Duplicate(_) => AppError::conflict(
                    "plan_has_draw",
                    "这份计划已有一次抽取；抽取不能重来，只有作废以后才能再次发起",
                ),
                other => other.into(),
            })?;
            let entry = Entry::by(&actor, now, "draw.define", format!("draw/{id}")).detail(
                json!({ "number": number, "plan": input.plan, "sides": input.sides,
                    "rolls": input.rolls, "drand_round": input.drand_round, "public_from": input.public_from }),
            );
            journal::append(tx, &entry)?;
            view(tx, &id, now)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// One draw.
#[utoipa::path(get, path = "/api/draws/{id}", operation_id = "read_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 404, body = Problem)))]
async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            view(tx, &id, now)
        })
        .await?;
    Ok(Json(view))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KeptOutKind {
    /// `object` or `inspector`; left out: both.
    #[serde(default)]
    kind: String,
}

/// Objects and inspectors that were meant and are kept out, with the ground.
#[utoipa::path(get, path = "/api/draws/{id}/excluded", operation_id = "excluded_draw", tag = "draw",
    params(("id" = String, Path), KeptOutKind, Paging), responses((status = 200, body = Page<ExcludedRow>)))]
async fn excluded(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(of): Query<KeptOutKind>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<ExcludedRow>>, AppError> {
    let (rows, total) = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            Ok(store::excluded(
                tx,
                &id,
                &of.kind,
                paging.offset,
                paging.limit(),
            )?)
        })
        .await?;
    Ok(Json(Page { rows, total }))
}

/// The transcript as far as it exists, for the office; without the openings.
#[utoipa::path(get, path = "/api/draws/{id}/transcript.zip", operation_id = "transcript_draw", tag = "draw",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>),
        (status = 409, body = Problem)))]
async fn transcript(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let (draw, files) = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            Ok((draw, store::transcript(tx, &id)?))
        })
        .await?;
    if draw.commitment.is_none() {
        return Err(AppError::conflict(
            "draw_not_committed",
            "封存以后才有抽取档案",
        ));
    }
    zip_response(&draw, files).await
}

pub(super) fn found(tx: &mut Tx<'_>, id: &str) -> Result<Draw, AppError> {
    store::find(tx, id)?.ok_or_else(|| AppError::not_found("draw"))
}

/// Lets only those see a draw who may read in one of its departments.
pub(super) fn visible(tx: &mut Tx<'_>, actor: &Actor, draw: &Draw) -> Result<(), AppError> {
    if actor.may(Right::OpenDraws, &draw.department) {
        return Ok(());
    }
    let plan = plan::store::find(tx, &draw.plan)?.ok_or_else(|| AppError::not_found("plan"))?;
    let may = |d: &plan::PlanDepartment| actor.may(Right::ReadOffice, &d.department);
    if plan.departments.iter().any(may) {
        return Ok(());
    }
    Err(AppError::not_found("draw"))
}

pub(super) fn department_name(tx: &mut Tx<'_>, code: &str) -> Result<String, AppError> {
    Ok(register::department_name(tx, code)?.unwrap_or_else(|| code.to_owned()))
}

/// Everything that is shown of a draw.
pub(super) fn view(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<DrawView, AppError> {
    let draw = found(tx, id)?;
    let plan = plan::store::find(tx, &draw.plan)?.ok_or_else(|| AppError::not_found("plan"))?;
    let (drawn, reserves) = store::counts(tx, id)?;
    let result = match draw.drawn_at {
        None => None,
        Some(_) => {
            let mut rows = store::result(tx, id)?;
            for row in &mut rows {
                row.district_name = district_name(&row.district);
            }
            Some(rows)
        }
    };
    let today = china_date(now).to_string();
    // The nonce is nobody's before all values are revealed, and a void draw's stays as it was.
    let told = draw.revealed_at.is_some();
    let nonce_sha256 = draw.nonce_sha256();
    let (before, after) = store::neighbours(tx, &draw)?;
    let last = draw.last();
    Ok(DrawView {
        now,
        witnesses: witness::store::list(tx, id)?,
        thrown: rolls::thrown(tx, id)?,
        void_asked: void::asked(tx, id)?,
        before: before.map(|d| neighbour(tx, d)).transpose()?,
        after: after.map(|d| neighbour(tx, d)).transpose()?,
        must_be_void: draw.state < DrawState::Revealed && last.too_near(now),
        drand_at: last.known_at(),
        drand_round: draw.drand_round,
        drand_signature: draw.drand_signature,
        closed_at: draw.closed_at,
        revealed_at: draw.revealed_at,
        public: is_public(
            draw.state,
            draw.drawn_at.is_some(),
            &draw.public_from,
            &today,
        ),
        nonce_sha256,
        nonce: told.then(|| draw.nonce.clone()),
        id: draw.id,
        number: draw.number,
        title: draw.title,
        department: draw.department,
        plan: draw.plan,
        plan_title: plan.title,
        state: draw.state,
        items: plan.items,
        mode: plan.mode,
        departments: plan.departments,
        yearly_draws: plan.yearly_draws,
        visit_cap: plan.limits.visits.filter(|_| plan.exemption.is_none()),
        ceremony_at: draw.ceremony_at,
        sides: draw.sides,
        rolls: draw.rolls,
        public_from: draw.public_from,
        frame: draw.frame,
        commitment: draw.commitment,
        committed_at: draw.committed_at,
        witness_list_sha256: draw.witness_list_sha256,
        dice: draw.dice,
        seed: draw.seed,
        drawn_at: draw.drawn_at,
        drawn,
        reserves,
        result,
        dispatched_at: draw.dispatched_at,
        void: draw.void,
    })
}

/// A draw in short, beside another of the same plan.
pub(super) fn neighbour(tx: &mut Tx<'_>, draw: Draw) -> Result<Neighbour, AppError> {
    let (drawn, _) = store::counts(tx, &draw.id)?;
    Ok(Neighbour {
        id: draw.id,
        number: draw.number,
        state: draw.state,
        seed: draw.seed,
        drawn,
        void_reason: draw.void.map(|v| v.reason),
    })
}

fn district_name(code: &str) -> String {
    region::name(code).unwrap_or(code).to_owned()
}

/// The transcript as a download.
pub(super) async fn zip_response(
    draw: &Draw,
    files: Vec<(String, Vec<u8>)>,
) -> Result<Response, AppError> {
    let pack = move || {
        let named: Vec<(&str, &[u8])> = files
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
            .collect();
        ::draw::write_zip(&named)
    };
    let zip = tokio::task::spawn_blocking(pack)
        .await
        .map_err(AppError::internal)?
        .map_err(AppError::internal)?;
    let commitment = draw.commitment.as_deref().unwrap_or_default();
    let short = commitment.get(..16).unwrap_or_default();
    let disposition = format!("attachment; filename=\"draw-{short}.zip\"");
    let headers = [
        (header::CONTENT_TYPE, "application/zip".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, zip).into_response())
}
