//! `/api/plan-limits`: how often one object may be visited in a year (X3, K3), and above which share of
//! the scope a plan of general items is warned of; by level, or by department.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::account::{Actor, Right, Scope};
use crate::db::{Result, Tx};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Page, Path};
use crate::journal::{self, Entry};
use crate::register;
use crate::state::AppState;

/// Share of the scope above which general items are warned of, where nothing is set.
const GENERAL_RATIO_PPM: u32 = 200_000;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put))
}

/// The bounds that hold for a department.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Visits of one object in a year, of all departments together; none: no cap.
    pub visits: Option<u32>,
    /// Parts per million of the scope.
    pub general_ratio_ppm: u32,
}

/// Bounds as they are set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct LimitRow {
    /// `city`, `district`, or the code of a department.
    scope: String,
    /// Visits of one object in a year; none: as the level says, or no cap.
    visits: Option<u32>,
    /// Parts per million; none: as the level says, or 20 %.
    general_ratio_ppm: Option<u32>,
}

/// The bounds that hold for a department: its own, else its level's, else the usual.
///
/// # Errors
/// The database.
pub fn limits_of(tx: &mut Tx<'_>, department: &str) -> Result<Limits> {
    let rows = rows(tx)?;
    let level = register::departments(tx)?
        .into_iter()
        .find(|d| d.code == department)
        .map(|d| d.level)
        .unwrap_or_default();
    Ok(effective(&rows, department, &level))
}

fn effective(rows: &[LimitRow], department: &str, level: &str) -> Limits {
    let of = |scope: &str| rows.iter().find(|r| r.scope == scope);
    let first = |value: fn(&LimitRow) -> Option<u32>| {
        of(department)
            .and_then(value)
            .or_else(|| of(level).and_then(value))
    };
    Limits {
        visits: first(|r| r.visits),
        general_ratio_ppm: first(|r| r.general_ratio_ppm).unwrap_or(GENERAL_RATIO_PPM),
    }
}

fn rows(tx: &mut Tx<'_>) -> Result<Vec<LimitRow>> {
    tx.query(
        "SELECT scope, visits, general_ratio_ppm FROM plan_limits ORDER BY scope",
        &[],
        |r| {
            Ok(LimitRow {
                scope: r.get(0)?,
                visits: r.get(1)?,
                general_ratio_ppm: r.get(2)?,
            })
        },
    )
}

/// The bounds as they are set, by level and by department.
#[utoipa::path(get, path = "/api/plan-limits", operation_id = "list_plan_limits", tag = "plan",
    responses((status = 200, body = Page<LimitRow>)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
) -> std::result::Result<Json<Page<LimitRow>>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let rows = state.db.read(|tx| Ok(rows(tx)?)).await?;
    let total = rows.len() as i64;
    Ok(Json(Page { rows, total }))
}

/// Bounds as they are to be.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LimitInput {
    /// 1 to 366 visits of one object in a year.
    visits: Option<u32>,
    /// Parts per million, 0 to 1,000,000.
    general_ratio_ppm: Option<u32>,
    /// Why.
    reason: String,
}

/// Sets the bounds of a level (who approves plans everywhere) or of a department (who approves its plans).
/// They hold for plans that are drawn from now on.
#[utoipa::path(put, path = "/api/plan-limits/{scope}", operation_id = "put_plan_limits", tag = "plan",
    params(("scope" = String, Path)), request_body = LimitInput,
    responses((status = 200, body = Page<LimitRow>), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
async fn put(
    State(state): State<AppState>,
    actor: Actor,
    Path(scope): Path<String>,
    Json(input): Json<LimitInput>,
) -> std::result::Result<Json<Page<LimitRow>>, AppError> {
    let level = matches!(scope.as_str(), "city" | "district");
    if level && actor.scope(Right::ApprovePlans) != Scope::Everywhere {
        let text = "市级、区级的上限由全市的计划审批人员设定";
        return Err(AppError::forbidden(text));
    }
    if !level {
        actor.require(Right::ApprovePlans, &scope)?;
    }
    let mut wrong = Vec::new();
    if input.visits.is_some_and(|n| !(1..=366).contains(&n)) {
        wrong.push(FieldError::new(
            "visits",
            "每年检查次数上限须为 1 到 366，或留空",
        ));
    }
    if input.general_ratio_ppm.is_some_and(|n| n > 1_000_000) {
        wrong.push(FieldError::new("general_ratio_ppm", "比例不能超过 100%"));
    }
    if !(2..=500).contains(&input.reason.trim().chars().count()) {
        wrong.push(FieldError::new("reason", "请写明依据"));
    }
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let rows = state
        .db
        .write(move |tx| {
            if !level && register::department_name(tx, &scope)?.is_none() {
                return Err(AppError::not_found("department"));
            }
            tx.execute(
                "INSERT INTO plan_limits (scope, visits, general_ratio_ppm) VALUES ($1, $2, $3)
                 ON CONFLICT (scope) DO UPDATE SET visits = excluded.visits,
                     general_ratio_ppm = excluded.general_ratio_ppm",
                &[&scope, &input.visits, &input.general_ratio_ppm],
            )?;
            let entry = Entry::by(&actor, now, "plan.limits", format!("plan-limits/{scope}"))
                .detail(json!({ "visits": input.visits,
                    "general_ratio_ppm": input.general_ratio_ppm, "reason": input.reason.trim() }));
            journal::append(tx, &entry)?;
            Ok(rows(tx)?)
        })
        .await?;
    let total = rows.len() as i64;
    Ok(Json(Page { rows, total }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // X3: by level, and a department's own goes before it.
    #[rstest::rstest]
    #[case::own("market", "city", Some(4), 100_000)]
    #[case::by_level("fire", "city", Some(2), 300_000)]
    #[case::nothing_set("street", "district", None, GENERAL_RATIO_PPM)]
    fn the_nearest_bound_holds(
        #[case] department: &str,
        #[case] level: &str,
        #[case] visits: Option<u32>,
        #[case] general_ratio_ppm: u32,
    ) {
        let row = |scope: &str, visits, ratio| LimitRow {
            scope: scope.into(),
            visits,
            general_ratio_ppm: ratio,
        };
        let rows = [
            row("city", Some(2), Some(300_000)),
            row("market", Some(4), Some(100_000)),
        ];
        let expected = Limits {
            visits,
            general_ratio_ppm,
        };
        assert_eq!(effective(&rows, department, level), expected);
    }
}
