//! `/api/draws/{id}/dispatch` 派发: the drawn objects become tasks of their teams.

use axum::extract::State;
use sync::facts::{CheckSheet, Member, Role};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::routes::{department_name, found, view};
use super::store::{self, Draw};
use super::substitute::standing;
use super::view::{DrawView, DrawnInspector};
use super::{Step, decide, void};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::item;
use crate::plan::{self, PlanView};
use crate::register;
use crate::state::AppState;
use crate::task::{self, Dispatch, DrawnTask};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(dispatch))
}

/// Sends the drawn tasks to the tablets of their teams; once (D6).
#[utoipa::path(post, path = "/api/draws/{id}/dispatch", operation_id = "dispatch_draw", tag = "draw",
    params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn dispatch(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let app = state.clone();
    let view = state
        .db
        .write(move |tx| {
            let draw = found(tx, &id)?;
            actor.require(Right::Dispatch, &draw.department)?;
            decide(draw.state, Step::Dispatch)?;
            void::not_asked(tx, &id)?;
            let common = common(tx, &draw)?;
            let tasks = tasks(tx, &id)?;
            store::dispatched(tx, &id, now)?;
            task::dispatch(tx, &app, &actor, &common, tasks)?;
            view(tx, &id, now)
        })
        .await?;
    Ok(Json(view))
}

/// What all tasks of a draw have in common.
pub(super) fn common(tx: &mut Tx<'_>, draw: &Draw) -> Result<Dispatch, AppError> {
    let plan = plan::store::find(tx, &draw.plan)?.ok_or_else(|| AppError::not_found("plan"))?;
    Ok(Dispatch {
        draw: draw.id.clone(),
        number: draw.number.clone(),
        title: draw.title.clone(),
        department_name: department_name(tx, &draw.department)?,
        department: draw.department.clone(),
        from: plan.from.clone(),
        until: plan.until.clone(),
        sheets: sheets(tx, &plan)?,
    })
}

/// The check sheets in the versions of the plan.
fn sheets(tx: &mut Tx<'_>, plan: &PlanView) -> Result<Vec<CheckSheet>, AppError> {
    let mut sheets = Vec::with_capacity(plan.items.len());
    for i in &plan.items {
        let sheet = item::sheet(tx, &i.id, i.version)?.ok_or_else(|| {
            AppError::internal(format!(
                "item {} version {} has no check sheet",
                i.code, i.version
            ))
        })?;
        sheets.push(sheet);
    }
    Ok(sheets)
}

fn tasks(tx: &mut Tx<'_>, id: &str) -> Result<Vec<DrawnTask>, AppError> {
    let rows = standing(tx, id)?;
    let without = rows.iter().filter(|row| row.inspectors.len() < 2).count();
    if without > 0 {
        return Err(AppError::conflict(
            "teams_missing",
            format!("还有 {without} 个检查对象没有检查组：每个对象至少须有两名执法检查人员"),
        ));
    }
    let mut tasks = Vec::with_capacity(rows.len());
    for row in rows {
        let object = register::object_facts(tx, &row.object)?
            .ok_or_else(|| AppError::internal(format!("object {} is not there", row.object)))?;
        let history = task::history::of_object(tx, &row.object)?;
        let mut team = Vec::with_capacity(row.inspectors.len() + row.experts.len());
        for (n, person) in row.inspectors.into_iter().enumerate() {
            let role = if n == 0 { Role::Leader } else { Role::Member };
            team.push(member(tx, person, role)?);
        }
        for person in row.experts {
            team.push(member(tx, person, Role::Expert)?);
        }
        tasks.push(DrawnTask {
            rank: row.rank - 1,
            object,
            history,
            team,
            days: row.week.map(|week| (week.from, week.until)),
        });
    }
    Ok(tasks)
}

fn member(tx: &mut Tx<'_>, person: DrawnInspector, role: Role) -> Result<Member, AppError> {
    let certificate = register::find_inspector(tx, &person.id)?
        .map(|i| i.certificate)
        .unwrap_or_default();
    Ok(Member {
        role,
        person: person.id,
        name: person.name,
        unit: person.unit,
        certificate,
        keys: Vec::new(),
    })
}
