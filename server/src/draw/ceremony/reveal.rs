//! 揭晓: after the list was closed, witnesses tell their values, or are noted as not having done so.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::close::all_said;
use super::{By, begin, note, take};
use crate::account::Actor;
use crate::db::Tx;
use crate::draw::Step;
use crate::draw::store::Draw;
use crate::draw::view::DrawView;
use crate::draw::witness::{self, Way, WitnessState, check_value};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// The value behind a witness's hash.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct RevealInput {
    /// Name as in the list.
    name: String,
    /// 8 to 64 of `A-Z a-z 0-9 -`.
    value: String,
}

/// A witness reveals the value, by word of mouth; the officer enters it.
#[utoipa::path(post, path = "/api/draws/{id}/reveal", operation_id = "reveal_draw", tag = "draw", params(("id" = String, Path)),
    request_body = RevealInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn reveal(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<RevealInput>,
) -> Result<Json<DrawView>, AppError> {
    if let Some(wrong) = check_value(&input.value) {
        return Err(AppError::invalid(vec![wrong]));
    }
    entered(state, actor, id, input.name, Some(input.value)).await
}

/// Who did not reveal.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WithholdInput {
    /// Name as in the list.
    name: String,
}

/// Notes that a witness did not reveal; it stays in the seed's text.
#[utoipa::path(post, path = "/api/draws/{id}/withhold", operation_id = "withhold_draw", tag = "draw",
    params(("id" = String, Path)), request_body = WithholdInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn withhold(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<WithholdInput>,
) -> Result<Json<DrawView>, AppError> {
    entered(state, actor, id, input.name, None).await
}

async fn entered(
    state: AppState,
    actor: Actor,
    id: String,
    name: String,
    value: Option<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Reveal, now)?;
        let by = By::Officer(&actor);
        said(tx, &by, &draw, &name, value.as_deref(), Way::Officer, now)?;
        super::view(tx, &id, now)
    })
    .await
}

/// A witness of the closed list says the value, or is noted as not saying it: once.
pub(in crate::draw) fn said(
    tx: &mut Tx<'_>,
    by: &By<'_>,
    draw: &Draw,
    name: &str,
    value: Option<&str>,
    way: Way,
    now: i64,
) -> Result<(), AppError> {
    let list = witness::store::list(tx, &draw.id)?;
    let Some(who) = list.iter().find(|w| w.name == name) else {
        return Err(AppError::not_found("witness"));
    };
    match who.state {
        WitnessState::Committed => {}
        WitnessState::Entered => {
            return Err(AppError::conflict(
                "witness_not_in_list",
                format!("{name}在截止前没有提交指纹，不在名单之内"),
            ));
        }
        WitnessState::Revealed | WitnessState::Withheld => {
            return Err(AppError::conflict(
                "witness_has_said",
                format!("{name}已经揭晓或已记为未揭晓，不能更改"),
            ));
        }
    }
    if let Some(value) = value {
        let commitment = draw.commitment.as_deref().unwrap_or_default();
        let hash = ::draw::witness_commitment(commitment, name, value);
        if who.committed.as_deref() != Some(hash.as_str()) {
            let message = format!("这个数值与{name}事先交来的指纹不符，请核对大小写和连字符");
            return Err(AppError::invalid(vec![FieldError::new("value", message)]));
        }
    }
    witness::store::said(tx, &draw.id, name, value, way, now)?;
    let act = match value {
        Some(_) => "draw.reveal",
        None => "draw.withhold",
    };
    let detail = json!({ "witness": name, "value": value, "way": way });
    note(tx, by, now, act, draw, detail)?;
    all_said(tx, by, now, draw)
}
