//! 见证人: who is entered before the list is closed, and hands in the hash of a value.

use axum::extract::State;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{By, begin, note, take};
use crate::account::Actor;
use crate::db::{DbError, Tx};
use crate::device::{new_code, normal_code};
use crate::draw::Step;
use crate::draw::store::Draw;
use crate::draw::view::DrawView;
use crate::draw::witness::{self, Capacity, Way, WitnessState, check_hash};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// A witness, and where it comes on paper the hash of a value that nobody else knows yet.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct WitnessInput {
    /// 1 to 20 of Latin letters, digits, `-`, `·` and Han characters.
    name: String,
    /// 身份
    #[serde(default)]
    capacity: Capacity,
    /// `SHA-256(commitment ‖ LF ‖ name ‖ LF ‖ value)`, 64 lower-case hexadecimal digits. Without it the
    /// witness hands in later, with the code of the slip.
    #[serde(default)]
    committed: Option<String>,
}

/// Enters a witness with name and capacity (D3): from the definition on until the list is closed.
#[utoipa::path(post, path = "/api/draws/{id}/witnesses", operation_id = "add_witness", tag = "draw",
    params(("id" = String, Path)), request_body = WitnessInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn add_witness(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<WitnessInput>,
) -> Result<Json<DrawView>, AppError> {
    let mut wrong = Vec::new();
    if !::draw::is_name(&input.name) {
        let message = "姓名须为 1 到 20 个汉字、字母、数字、“-”或“·”，不能有空格";
        wrong.push(FieldError::new("name", message));
    }
    wrong.extend(input.committed.as_deref().and_then(check_hash));
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let code = normal_code(&new_code(state.rng.as_ref()));
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let step = match input.committed {
            Some(_) => Step::Witness,
            None => Step::Enter,
        };
        let draw = begin(tx, &actor, &id, step, now)?;
        if witness::store::list(tx, &id)?.len() >= ::draw::WITNESSES_MAX {
            let full = "见证人已满 200 人";
            return Err(AppError::conflict("too_many_witnesses", full));
        }
        let (name, capacity) = (&input.name, input.capacity);
        witness::store::enter(tx, &id, name, capacity, &code).map_err(|e| match e {
            DbError::Duplicate(_) => AppError::conflict(
                "witness_twice",
                format!("{name}已经登记；同名的见证人请加以区别，如“{name}-2”"),
            ),
            other => other.into(),
        })?;
        let detail = json!({ "witness": name, "capacity": capacity });
        let by = By::Officer(&actor);
        note(tx, &by, now, "draw.witness", &draw, detail)?;
        if let Some(hash) = &input.committed {
            handed_in(tx, &by, &draw, name, hash, Way::Officer, now)?;
        }
        super::view(tx, &id, now)
    })
    .await
}

/// The hash of a witness's value, from paper.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct HandInInput {
    /// Name as in the list.
    name: String,
    /// As in `WitnessInput`.
    committed: String,
}

/// Enters the hash of a value for a witness who hands it in on paper.
#[utoipa::path(post, path = "/api/draws/{id}/hand-in", operation_id = "hand_in_draw", tag = "draw",
    params(("id" = String, Path)), request_body = HandInInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
pub(super) async fn hand_in(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<HandInInput>,
) -> Result<Json<DrawView>, AppError> {
    if let Some(wrong) = check_hash(&input.committed) {
        return Err(AppError::invalid(vec![wrong]));
    }
    let now = state.now();
    let asked = id.clone();
    take(&state, &asked, move |tx| {
        let draw = begin(tx, &actor, &id, Step::Witness, now)?;
        let (by, hash) = (By::Officer(&actor), &input.committed);
        handed_in(tx, &by, &draw, &input.name, hash, Way::Officer, now)?;
        super::view(tx, &id, now)
    })
    .await
}

/// A witness hands in: once, while the list is open.
pub(in crate::draw) fn handed_in(
    tx: &mut Tx<'_>,
    by: &By<'_>,
    draw: &Draw,
    name: &str,
    hash: &str,
    way: Way,
    now: i64,
) -> Result<(), AppError> {
    let list = witness::store::list(tx, &draw.id)?;
    let Some(who) = list.iter().find(|w| w.name == name) else {
        return Err(AppError::not_found("witness"));
    };
    if who.state != WitnessState::Entered {
        return Err(AppError::conflict(
            "witness_has_handed_in",
            format!("{name}已经提交过指纹，不能更改"),
        ));
    }
    witness::store::committed(tx, &draw.id, name, hash, way, now)?;
    let detail = json!({ "witness": name, "committed": hash, "way": way });
    note(tx, by, now, "draw.hand_in", draw, detail)
}
