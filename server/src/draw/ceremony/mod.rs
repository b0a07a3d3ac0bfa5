//! `/api/draws/{id}/…`: the steps of the ceremony, one file a step.

mod check;
pub(super) mod close;
mod commit;
mod dice;
mod drand;
mod result;
pub(super) mod reveal;
mod void;
pub(super) mod witness;

use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::pools::{self, Loaded};
use super::routes::{found, view};
use super::store::Draw;
use super::view::DrawView;
use super::{DrawState, Step, decide, last};
use crate::account::{Actor, Right};
use crate::clock::china_date;
use crate::db::Tx;
use crate::error::AppError;
use crate::extract::Json;
use crate::journal::{self, Entry};
use crate::plan;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(check::check))
        .routes(routes!(commit::commit))
        .routes(routes!(witness::add_witness))
        .routes(routes!(witness::hand_in))
        .routes(routes!(close::close))
        .routes(routes!(reveal::reveal))
        .routes(routes!(reveal::withhold))
        .routes(routes!(dice::dice))
        .routes(routes!(dice::roll))
        .routes(routes!(dice::correct))
        .routes(routes!(drand::drand))
        .routes(routes!(drand::fetch))
        .routes(routes!(void::void))
        .routes(routes!(void::decide_void))
}

/// The draw, where this account holds it and the step can be taken now.
fn begin(tx: &mut Tx<'_>, actor: &Actor, id: &str, step: Step, now: i64) -> Result<Draw, AppError> {
    let draw = found(tx, id)?;
    actor.require(Right::HoldDraws, &draw.department)?;
    can(&draw, step, now)?;
    Ok(draw)
}

/// Whether the step can be taken now: the order of steps, and that of the sources of chance.
pub(super) fn can(draw: &Draw, step: Step, now: i64) -> Result<(), AppError> {
    // A void draw's seed is completed where all but the beacon was there (D5).
    let completing = step == Step::Drand && draw.state == DrawState::Void && completable(draw);
    if !completing {
        decide(draw.state, step)?;
    }
    last::decide(draw.last(), step, now)
}

/// Whether a void draw lacks nothing but a drand round that comes by itself.
pub(super) fn completable(draw: &Draw) -> bool {
    draw.revealed_at.is_some() && draw.seed.is_none() && draw.drand_round.is_some()
}

/// Who takes a step.
pub(super) enum By<'a> {
    /// The officer who holds the draw.
    Officer(&'a Actor),
    /// A witness with a code, from this network address.
    Witness(&'a str, &'a str),
}

/// Writes the act into the journal.
pub(super) fn note(
    tx: &mut Tx<'_>,
    by: &By<'_>,
    now: i64,
    act: &str,
    draw: &Draw,
    detail: Value,
) -> Result<(), AppError> {
    let mut all = json!({ "number": draw.number });
    if let (Some(all), Value::Object(detail)) = (all.as_object_mut(), detail) {
        all.extend(detail);
    }
    let subject = format!("draw/{}", draw.id);
    let mut entry = match by {
        By::Officer(actor) => Entry::by(actor, now, act, subject),
        By::Witness(..) => Entry::by_server(now, act, subject),
    };
    if let By::Witness(name, origin) = by {
        entry.actor = "witness".into();
        entry.actor_name = (*name).to_owned();
        entry.origin = (*origin).to_owned();
    }
    journal::append(tx, &entry.detail(all))?;
    Ok(())
}

/// Writes the officer's act into the journal and shows the draw as it is after it.
fn noted(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: i64,
    act: &str,
    draw: &Draw,
    detail: Value,
) -> Result<DrawView, AppError> {
    note(tx, &By::Officer(actor), now, act, draw, detail)?;
    view(tx, &draw.id, now)
}

/// Takes a step in one transaction and tells the screens in the hall.
async fn take(
    state: &AppState,
    id: &str,
    step: impl FnOnce(&mut Tx<'_>) -> Result<DrawView, AppError> + Send + 'static,
) -> Result<Json<DrawView>, AppError> {
    let view = state.db.write(step).await?;
    state.hall.changed(id);
    Ok(Json(view))
}

fn load(tx: &mut Tx<'_>, draw: &Draw, now: i64) -> Result<(plan::PlanView, Loaded), AppError> {
    let plan = plan::store::find(tx, &draw.plan)?.ok_or_else(|| AppError::not_found("plan"))?;
    let today = china_date(now).to_string();
    let loaded = pools::load(tx, &plan, draw, &today)?;
    Ok((plan, loaded))
}

fn refused(error: &::draw::BuildError) -> AppError {
    let why = match error {
        ::draw::BuildError::NothingToDraw => {
            "名单中没有可抽取的对象：请检查计划的范围、比例和执法检查人员名录".to_owned()
        }
        ::draw::BuildError::Entry { id, why } => format!("名录中的 {id} 不能写入抽取档案：{why}"),
        ::draw::BuildError::Rules(fault) => format!("抽取规则有误：{fault}"),
    };
    AppError::conflict("draw_cannot_be_held", why)
}
