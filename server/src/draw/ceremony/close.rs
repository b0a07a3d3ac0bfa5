//! 截止: the list of witnesses is closed, before anybody reveals.

use axum::extract::State;
use serde_json::json;

use super::{By, begin, note, take};
use crate::account::Actor;
use crate::db::Tx;
use crate::draw::store::Draw;
use crate::draw::view::DrawView;
use crate::draw::witness::{self, WitnessState, WitnessView};
use crate::draw::{Step, store};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Closes the list of witnesses; its hash is shown before anybody reveals. Who was entered and did not
/// hand in takes no part in the seed.
#[utoipa::path(post, path = "/api/draws/{id}/close", operation_id = "close_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn close(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Close, now)?;
        let witnesses = witness::store::list(tx, &id)?;
        let list: Vec<(&str, &str)> = witnesses
            .iter()
            .filter_map(|w| Some((w.name.as_str(), w.committed.as_deref()?)))
            .collect();
        let hash = ::draw::list_hash(draw.commitment.as_deref().unwrap_or_default(), &list);
        store::closed(tx, &id, &hash, now)?;
        let detail = json!({ "witnesses": list.len(),
            "did_not_hand_in": witnesses.len() - list.len(), "list_sha256": hash });
        let by = By::Officer(&actor);
        note(tx, &by, now, "draw.close", &draw, detail)?;
        all_said(tx, &by, now, &draw)?;
        super::view(tx, &id, now)
    })
    .await
}

/// Once every witness of the closed list has revealed or withheld, the server reveals its nonce.
pub(in crate::draw) fn all_said(
    tx: &mut Tx<'_>,
    by: &By<'_>,
    now: i64,
    draw: &Draw,
) -> Result<(), AppError> {
    let waiting = |w: &WitnessView| w.state == WitnessState::Committed;
    if witness::store::list(tx, &draw.id)?.iter().any(waiting) {
        return Ok(());
    }
    store::revealed(tx, &draw.id, now)?;
    let detail = json!({ "nonce": draw.nonce });
    note(tx, by, now, "draw.reveal_nonce", draw, detail)
}
