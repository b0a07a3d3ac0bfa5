//! 截止: the list of witnesses is closed, before anybody reveals.

use axum::extract::State;
use serde_json::json;

use super::{begin, noted};
use crate::account::Actor;
use crate::db::Tx;
use crate::draw::routes::view;
use crate::draw::store::Draw;
use crate::draw::view::{DrawView, WitnessState, WitnessView};
use crate::draw::{Step, store};
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Closes the list of witnesses; its hash is shown before anybody reveals.
#[utoipa::path(post, path = "/api/draws/{id}/close", operation_id = "close_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn close(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Close)?;
            let witnesses = store::witnesses(tx, &id)?;
            let list: Vec<(&str, &str)> = witnesses
                .iter()
                .map(|w| (w.name.as_str(), w.committed.as_str()))
                .collect();
            let hash = ::draw::list_hash(draw.commitment.as_deref().unwrap_or_default(), &list);
            store::closed(tx, &id, &hash, now)?;
            let detail = json!({ "witnesses": list.len(), "list_sha256": hash });
            noted(tx, &actor, now, "draw.close", &draw, detail)?;
            all_said(tx, &actor, now, &draw)
        })
        .await?;
    Ok(Json(view))
}

/// Once every witness has revealed or withheld, the server reveals its nonce.
pub(super) fn all_said(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: i64,
    draw: &Draw,
) -> Result<DrawView, AppError> {
    let waiting = |w: &WitnessView| w.state == WitnessState::Committed;
    if store::witnesses(tx, &draw.id)?.iter().any(waiting) {
        return view(tx, &draw.id, now);
    }
    store::revealed(tx, &draw.id, now)?;
    noted(
        tx,
        actor,
        now,
        "draw.reveal_nonce",
        draw,
        json!({ "nonce": draw.nonce }),
    )
}
