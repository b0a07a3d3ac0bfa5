//! `/api/draws/{id}/…`: the steps of the ceremony, one file a step.

mod check;
mod close;
mod commit;
mod dice;
mod result;
mod reveal;
mod void;
mod witness;

use serde_json::{Value, json};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::pools::{self, Loaded};
use super::routes::{found, view};
use super::store::Draw;
use super::view::DrawView;
use super::{Step, decide};
use crate::account::{Actor, Right};
use crate::clock::china_date;
use crate::db::Tx;
use crate::error::AppError;
use crate::journal::{self, Entry};
use crate::plan;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(check::check))
        .routes(routes!(commit::commit))
        .routes(routes!(witness::add_witness))
        .routes(routes!(close::close))
        .routes(routes!(reveal::reveal))
        .routes(routes!(reveal::withhold))
        .routes(routes!(dice::dice))
        .routes(routes!(void::void))
}

/// The draw, where this account holds it and the step can be taken now.
fn begin(tx: &mut Tx<'_>, actor: &Actor, id: &str, step: Step) -> Result<Draw, AppError> {
    let draw = found(tx, id)?;
    actor.require(Right::HoldDraws, &draw.department)?;
    decide(draw.state, step)?;
    Ok(draw)
}

/// Writes the act into the journal and shows the draw as it is after it.
fn noted(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: i64,
    act: &str,
    draw: &Draw,
    detail: Value,
) -> Result<DrawView, AppError> {
    let mut all = json!({ "number": draw.number });
    if let (Some(all), Value::Object(detail)) = (all.as_object_mut(), detail) {
        all.extend(detail);
    }
    let entry = Entry::by(actor, now, act, format!("draw/{}", draw.id)).detail(all);
    journal::append(tx, &entry)?;
    view(tx, &draw.id, now)
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
