//! `/api/w/{code}`: what a witness does without an account. The code of the slip is what they have; it
//! hands in once and reveals once.

use axum::extract::State;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Capacity, Way, WitnessState, WitnessView, check_hash, check_value, store};
use crate::account::origin;
use crate::db::Tx;
use crate::device::normal_code;
use crate::draw::ceremony::reveal::said;
use crate::draw::ceremony::witness::handed_in;
use crate::draw::ceremony::{By, can};
use crate::draw::routes::found;
use crate::draw::store::Draw;
use crate::draw::{DrawState, Step};
use crate::error::{AppError, Kind, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

/// Wrong codes from one network address within a quarter of an hour, before they are not answered any
/// more. A hall has one address for many telephones. Who has a right code is never kept out by others'
/// wrong ones: 60 bits cannot be guessed, with or without a limit.
const WRONG_CODES: usize = 60;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(mine))
        .routes(routes!(hand_in))
        .routes(routes!(reveal))
}

/// A line of the closed list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ListLine {
    name: String,
    committed: String,
    value: Option<String>,
}

/// What a witness sees on the own telephone.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct Mine {
    /// Id of the draw.
    draw: String,
    number: String,
    title: String,
    /// Where the draw stands.
    draw_state: DrawState,
    name: String,
    capacity: Capacity,
    state: WitnessState,
    /// The hash that was handed in.
    committed: Option<String>,
    /// The value, once revealed.
    value: Option<String>,
    commitment: Option<String>,
    /// The closed list and its hash.
    list: Vec<ListLine>,
    list_sha256: Option<String>,
    /// The announced source came too early: nothing can be handed in or revealed any more.
    must_be_void: bool,
    void_reason: Option<String>,
}

/// The witness of a code and where the draw stands. No account needed.
#[utoipa::path(get, path = "/api/w/{code}", operation_id = "witness_mine", tag = "public", params(("code" = String, Path)),
    responses((status = 200, body = Mine), (status = 404, body = Problem), (status = 429, body = Problem)))]
async fn mine(
    State(state): State<AppState>,
    Path(code): Path<String>,
    parts: Parts,
) -> Result<Json<Mine>, AppError> {
    let now = state.now();
    let code = normal_code(&code);
    let seen = state
        .db
        .read(move |tx| match holder(tx, &code)? {
            Some((draw, witness)) => shown(tx, &draw, witness, now).map(Some),
            None => Ok(None),
        })
        .await?;
    seen.map(Json).ok_or_else(|| wrong_code(&state, &parts))
}

/// The hash of a value that stays on the telephone.
#[derive(Debug, Deserialize, ToSchema)]
struct HashInput {
    /// 64 lower-case hexadecimal digits.
    committed: String,
    /// Through a terminal of the hall.
    #[serde(default)]
    terminal: bool,
}

/// Hands in the hash of a value, once, while the list is open. No account needed.
#[utoipa::path(post, path = "/api/w/{code}/hand-in", operation_id = "witness_hand_in", tag = "public", params(("code" = String, Path)),
    request_body = HashInput,
    responses((status = 200, body = Mine), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn hand_in(
    State(state): State<AppState>,
    Path(code): Path<String>,
    parts: Parts,
    Json(input): Json<HashInput>,
) -> Result<Json<Mine>, AppError> {
    if let Some(wrong) = check_hash(&input.committed) {
        return Err(AppError::invalid(vec![wrong]));
    }
    let way = way(input.terminal);
    act(
        &state,
        &code,
        &parts,
        Step::Witness,
        move |tx, by, draw, name, now| handed_in(tx, by, draw, name, &input.committed, way, now),
    )
    .await
}

/// The value, after the list was closed.
#[derive(Debug, Deserialize, ToSchema)]
struct ValueInput {
    /// 8 to 64 of `A-Z a-z 0-9 -`.
    value: String,
    /// Through a terminal of the hall.
    #[serde(default)]
    terminal: bool,
}

/// Reveals the value, once, after the list was closed. No account needed.
#[utoipa::path(post, path = "/api/w/{code}/reveal", operation_id = "witness_reveal", tag = "public", params(("code" = String, Path)),
    request_body = ValueInput,
    responses((status = 200, body = Mine), (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn reveal(
    State(state): State<AppState>,
    Path(code): Path<String>,
    parts: Parts,
    Json(input): Json<ValueInput>,
) -> Result<Json<Mine>, AppError> {
    if let Some(wrong) = check_value(&input.value) {
        return Err(AppError::invalid(vec![wrong]));
    }
    let way = way(input.terminal);
    act(
        &state,
        &code,
        &parts,
        Step::Reveal,
        move |tx, by, draw, name, now| said(tx, by, draw, name, Some(&input.value), way, now),
    )
    .await
}

fn way(terminal: bool) -> Way {
    if terminal { Way::Terminal } else { Way::Phone }
}

async fn act(
    state: &AppState,
    code: &str,
    parts: &Parts,
    step: Step,
    act: impl FnOnce(&mut Tx<'_>, &By<'_>, &Draw, &str, i64) -> Result<(), AppError> + Send + 'static,
) -> Result<Json<Mine>, AppError> {
    let now = state.now();
    let (code, from) = (normal_code(code), origin(parts));
    let done = state
        .db
        .write(move |tx| {
            let Some((draw, witness)) = holder(tx, &code)? else {
                return Ok(None);
            };
            can(&draw, step, now)?;
            let by = By::Witness(&witness.name, &from);
            act(tx, &by, &draw, &witness.name, now)?;
            let (draw, witness) =
                holder(tx, &code)?.ok_or_else(|| AppError::internal("the witness is gone"))?;
            shown(tx, &draw, witness, now).map(Some)
        })
        .await?;
    let mine = done.ok_or_else(|| wrong_code(state, parts))?;
    state.hall.changed(&mine.draw);
    Ok(Json(mine))
}

fn holder(tx: &mut Tx<'_>, code: &str) -> Result<Option<(Draw, WitnessView)>, AppError> {
    match store::by_code(tx, code)? {
        Some((draw, witness)) => Ok(Some((found(tx, &draw)?, witness))),
        None => Ok(None),
    }
}

fn shown(tx: &mut Tx<'_>, draw: &Draw, witness: WitnessView, now: i64) -> Result<Mine, AppError> {
    let list = match draw.witness_list_sha256 {
        None => Vec::new(),
        Some(_) => store::list(tx, &draw.id)?
            .into_iter()
            .filter_map(|w| {
                Some(ListLine {
                    name: w.name,
                    committed: w.committed?,
                    value: w.value,
                })
            })
            .collect(),
    };
    Ok(Mine {
        draw: draw.id.clone(),
        number: draw.number.clone(),
        title: draw.title.clone(),
        draw_state: draw.state,
        name: witness.name,
        capacity: witness.capacity,
        state: witness.state,
        committed: witness.committed,
        value: witness.value,
        commitment: draw.commitment.clone(),
        list,
        list_sha256: draw.witness_list_sha256.clone(),
        must_be_void: draw.state < DrawState::Revealed && draw.last().too_near(now),
        void_reason: draw.void.as_ref().map(|v| v.reason.clone()),
    })
}

/// What somebody with a wrong code is told.
pub(in crate::draw) fn wrong_code(state: &AppState, parts: &Parts) -> AppError {
    let key = format!("w/{}", origin(parts));
    let now = state.now();
    if let Some(minutes) = state.witness_throttle.wait(&key, now) {
        return AppError::new(
            Kind::TooMany,
            "too_many_attempts",
            format!("输错的次数过多，请 {minutes} 分钟后再试，或请工作人员协助"),
        );
    }
    state.witness_throttle.failed(&key, now);
    AppError::new(
        Kind::NotFound,
        "wrong_code",
        "没有这个见证码，请对照纸条核对每一组字符",
    )
}

/// Counts wrong codes.
pub fn throttle() -> crate::account::throttle::Throttle {
    crate::account::throttle::Throttle::after(WRONG_CODES)
}
