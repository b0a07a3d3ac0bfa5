//! What anybody may see of draws, without an account (D2, D5): the commitment from the moment it
//! exists, the whole transcript when the rules say.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::attachments::{self, Attachment};
use super::rolls::{self, RollView};
use super::routes::neighbour;
use super::store::{self, Draw};
use super::substitute::{PublicSubstitution, public_rows};
use super::view::{Neighbour, VoidView};
use super::witness::{self, WitnessView};
use super::{DrawState, is_public};
use crate::clock::china_date;
use crate::db::Tx;
use crate::error::{AppError, Problem};
use crate::extract::{Json, Page, Paging, Path, Query};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(transcript))
}

/// A draw as the public sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicDraw {
    /// Id.
    pub id: String,
    /// Number, such as 市场监督管理局抽查〔2026〕1号.
    pub number: String,
    /// Title.
    pub title: String,
    /// Name of the department.
    pub department_name: String,
    /// Where it stands.
    pub state: DrawState,
    /// SHA-256 of `manifest.txt`; none of a draw that became void before it was committed.
    pub commitment: Option<String>,
    /// When it was committed, milliseconds since the Unix epoch.
    pub committed_at: Option<i64>,
    /// SHA-256 of `seed.txt`, once drawn.
    pub seed: Option<String>,
    /// When it was drawn.
    pub drawn_at: Option<i64>,
    /// How many objects were drawn.
    pub drawn: i64,
    /// `draw` or the China date from which the transcript is public.
    pub public_from: String,
    /// Whether it is now.
    pub public: bool,
    /// Why it is void.
    pub void_reason: Option<String>,
    /// What was substituted afterwards, once the transcript is public.
    pub substitutions: Vec<PublicSubstitution>,
}

/// Committed and void draws, newest first, and how many there are.
///
/// # Errors
/// The database.
pub fn draws(
    tx: &mut Tx<'_>,
    limit: u32,
    offset: u32,
    now: i64,
) -> Result<(Vec<PublicDraw>, i64), AppError> {
    let (draws, total) = store::public(tx, limit, offset)?;
    let rows = draws
        .into_iter()
        .map(|draw| shown(tx, draw, now))
        .collect::<Result<_, _>>()?;
    Ok((rows, total))
}

/// One draw that was committed, or became void before, by its id or its number.
///
/// # Errors
/// The database.
pub fn draw(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<Option<PublicDraw>, AppError> {
    match store::find_public(tx, id)? {
        Some(draw) => shown(tx, draw, now).map(Some),
        None => Ok(None),
    }
}

fn shown(tx: &mut Tx<'_>, draw: Draw, now: i64) -> Result<PublicDraw, AppError> {
    let (drawn, _) = store::counts(tx, &draw.id)?;
    let substitutions = match public_now(&draw, now) {
        true => store::file(tx, &draw.id, "substitutions.csv")?.unwrap_or_default(),
        false => Vec::new(),
    };
    Ok(PublicDraw {
        substitutions: public_rows(&substitutions)?,
        department_name: super::routes::department_name(tx, &draw.department)?,
        public: public_now(&draw, now),
        id: draw.id,
        number: draw.number,
        title: draw.title,
        state: draw.state,
        commitment: draw.commitment,
        committed_at: draw.committed_at,
        seed: draw.seed,
        drawn_at: draw.drawn_at,
        drawn,
        public_from: draw.public_from,
        void_reason: draw.void.map(|v| v.reason),
    })
}

/// What went on in a draw, for its page (D3, D5).
pub struct Story {
    /// In the order of the list.
    pub witnesses: Vec<WitnessView>,
    /// SHA-256 of the closed list.
    pub list_sha256: Option<String>,
    /// The rolls so far.
    pub thrown: Vec<RollView>,
    /// How many rolls were announced, of how many sides; 0 with drand.
    pub dice: (u32, u32),
    /// The announced drand round.
    pub drand_round: Option<i64>,
    /// When it comes into being, milliseconds since the Unix epoch.
    pub drand_at: Option<i64>,
    /// Its signature, once it came.
    pub drand_signature: Option<String>,
    /// Photos and video, by hash.
    pub attachments: Vec<Attachment>,
    /// The void draw of the same plan before this one.
    pub before: Option<Neighbour>,
    /// Of a void draw: its successor.
    pub after: Option<Neighbour>,
    /// Of a void draw: when, in words, and who approved it after the seed.
    pub void: Option<VoidView>,
}

/// What went on in a draw.
///
/// # Errors
/// The database, or no such draw.
pub fn story(tx: &mut Tx<'_>, id: &str) -> Result<Story, AppError> {
    let draw = super::routes::found(tx, id)?;
    let (before, after) = store::neighbours(tx, &draw)?;
    Ok(Story {
        witnesses: witness::store::list(tx, id)?,
        thrown: rolls::thrown(tx, id)?,
        attachments: attachments::all(tx, id)?,
        before: before.map(|d| neighbour(tx, d)).transpose()?,
        after: after.map(|d| neighbour(tx, d)).transpose()?,
        drand_at: draw.last().known_at(),
        list_sha256: draw.witness_list_sha256,
        dice: (draw.rolls, draw.sides),
        drand_round: draw.drand_round,
        drand_signature: draw.drand_signature,
        void: draw.void,
    })
}

fn public_now(draw: &Draw, now: i64) -> bool {
    let today = china_date(now).to_string();
    draw.commitment.is_some()
        && is_public(
            draw.state,
            draw.drawn_at.is_some(),
            &draw.public_from,
            &today,
        )
}

/// Committed and void draws, newest first. No account needed.
#[utoipa::path(get, path = "/api/public/draws", operation_id = "list_public_draws", tag = "public", params(Paging),
    responses((status = 200, body = Page<PublicDraw>)))]
async fn list(
    State(state): State<AppState>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<PublicDraw>>, AppError> {
    let now = state.now();
    let (rows, total) = state
        .db
        .read(move |tx| draws(tx, paging.limit(), paging.offset, now))
        .await?;
    Ok(Json(Page { rows, total }))
}

/// The transcript, once it is public. No account needed.
#[utoipa::path(get, path = "/api/public/draws/{id}/transcript.zip", operation_id = "transcript_public_draw", tag = "public",
    params(("id" = String, Path)),
    responses((status = 200, content_type = "application/zip", body = Vec<u8>),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
async fn transcript(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let now = state.now();
    let (draw, files) = state
        .db
        .read(move |tx| {
            let draw = super::routes::found(tx, &id)?;
            if draw.commitment.is_none() {
                return Err(AppError::not_found("draw"));
            }
            if !public_now(&draw, now) {
                let when = match draw.public_from.as_str() {
                    "draw" => "抽取以后立即公开".to_owned(),
                    date => format!("自 {date} 起公开"),
                };
                return Err(AppError::conflict(
                    "not_public_yet",
                    format!("抽取档案{when}"),
                ));
            }
            Ok((draw, store::transcript(tx, &id)?))
        })
        .await?;
    super::routes::zip_response(&draw, files).await
}
