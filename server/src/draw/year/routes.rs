//! `/api/draw-years/{year}`.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Figures, PlanCoverage, figures, store};
use crate::account::{Actor, Right, Scope};
use crate::error::AppError;
use crate::extract::{Json, Path, Query};
use crate::review::store::scope_text;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(year))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Of {
    /// Code of a department; without it all that may be seen.
    department: Option<String>,
}

/// A year in draws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct YearView {
    /// The year.
    year: i32,
    /// Years in which there are draws, the newest first.
    years: Vec<i32>,
    /// What was counted.
    figures: Figures,
    /// Locked plans of the year.
    plans: Vec<PlanCoverage>,
}

/// The figures of a year (J3, K1): months, draws of several departments, numbers, plans.
#[utoipa::path(get, path = "/api/draw-years/{year}", operation_id = "read_draw_year", tag = "draw",
    params(("year" = i32, Path), Of), responses((status = 200, body = YearView)))]
async fn year(
    State(state): State<AppState>,
    actor: Actor,
    Path(year): Path<i32>,
    Query(of): Query<Of>,
) -> Result<Json<YearView>, AppError> {
    actor.require_any(Right::ReadOffice)?;
    let scope = match of.department {
        Some(department) => {
            actor.require(Right::ReadOffice, &department)?;
            Scope::In(vec![department])
        }
        None => actor.scope(Right::ReadOffice),
    };
    let scope = scope_text(&scope);
    let view = state
        .db
        .read(move |tx| {
            let draws = store::draws(tx, year, scope.as_deref())?;
            Ok(YearView {
                year,
                years: store::years(tx)?,
                figures: figures(&draws, scope.as_deref()),
                plans: store::plans(tx, year, scope.as_deref())?,
            })
        })
        .await?;
    Ok(Json(view))
}
