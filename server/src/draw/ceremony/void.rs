//! 作废 (D5): the number stays, and what was public. Before the seed at once, after the seed when a
//! second person approves.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{begin, found, noted, take};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::draw::rules::clock_text;
use crate::draw::store::{Draw, NewVoid};
use crate::draw::view::DrawView;
use crate::draw::void::{self, Outcome, VoidAsked, VoidGround};
use crate::draw::{Step, decide, store};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Why a draw is void.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct VoidInput {
    /// Before the seed 4 to 200 characters; after it what happened, 10 to 150.
    reason: String,
    /// After the seed: on which legal ground.
    #[serde(default)]
    ground: Option<VoidGround>,
}

/// Makes a draw void. It keeps its number, and what was public of it stays public (D5). After the seed
/// this only asks for it: `void_asked` waits for a second person.
#[utoipa::path(post, path = "/api/draws/{id}/void", operation_id = "void_draw", tag = "draw", params(("id" = String, Path)),
    request_body = VoidInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn void(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<VoidInput>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Void, now)?;
        match void::decide(draw.seed.is_some(), input.ground, &input.reason)? {
            Outcome::Void(reason) => {
                let detail = json!({ "reason": reason });
                let void = NewVoid {
                    reason: &reason,
                    by: &actor.name,
                    ground: None,
                    approved_by: None,
                    now,
                };
                make_void(tx, &draw, &void)?;
                noted(tx, &actor, now, "draw.void", &draw, detail)
            }
            Outcome::Ask(ground, reason) => {
                let detail = json!({ "ground": ground, "reason": reason });
                let asked = VoidAsked {
                    ground,
                    reason,
                    account: actor.account.clone(),
                    who: actor.name.clone(),
                    at: now,
                };
                void::not_asked(tx, &id)?;
                void::ask(tx, &id, &asked)?;
                noted(tx, &actor, now, "draw.ask_void", &draw, detail)
            }
        }
    })
    .await
}

/// What the second person decides.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct VoidDecision {
    approve: bool,
    /// 0 to 200 characters.
    #[serde(default)]
    remark: String,
}

/// Approves or refuses that a drawn draw becomes void: not who asked for it (S1).
#[utoipa::path(post, path = "/api/draws/{id}/void/decide", operation_id = "decide_void", tag = "draw", params(("id" = String, Path)),
    request_body = VoidDecision,
    responses((status = 200, body = DrawView), (status = 403, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn decide_void(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<VoidDecision>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let remark: String = input.remark.trim().chars().take(200).collect();
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = found(tx, &id)?;
        actor.require(Right::ApprovePlans, &draw.department)?;
        let asked = void::asked(tx, &id)?
            .ok_or_else(|| AppError::conflict("void_not_asked", "没有等待审批的作废申请"))?;
        actor.require_other_than(&asked.account)?;
        decide(draw.state, Step::Void)?;
        void::decided(tx, &id, input.approve, &actor.name, &remark, now)?;
        let reason = format!("{}：{}", asked.ground.zh(), asked.reason);
        let detail = json!({ "asked_by": asked.who, "ground": asked.ground,
            "reason": asked.reason, "remark": remark });
        if !input.approve {
            return noted(tx, &actor, now, "draw.refuse_void", &draw, detail);
        }
        let void = NewVoid {
            reason: &reason,
            by: &asked.who,
            ground: Some(asked.ground.as_str()),
            approved_by: Some(&actor.name),
            now,
        };
        make_void(tx, &draw, &void)?;
        noted(tx, &actor, now, "draw.void", &draw, detail)
    })
    .await
}

/// The draw is void; what was committed says so in its transcript (SPEC.md §9).
fn make_void(tx: &mut Tx<'_>, draw: &Draw, void: &NewVoid<'_>) -> Result<(), AppError> {
    if let Some(commitment) = &draw.commitment {
        let text = ::draw::Void {
            at: clock_text(void.now),
            commitment: commitment.clone(),
            reason: void.reason.to_owned(),
        }
        .to_text()
        .map_err(AppError::internal)?;
        store::keep_files(tx, &draw.id, &[("void.json", &text)])?;
    }
    store::voided(tx, &draw.id, void)?;
    Ok(())
}
