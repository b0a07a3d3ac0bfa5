//! A slip 名单凭条 for any object of a draw, drawn or not: its id and salt, with which it finds itself in
//! the committed lists. It says nothing about the result.

use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Names, mine_path};
use crate::account::{Actor, Right};
use crate::db::Tx;
use crate::draw::routes::{department_name, found};
use crate::draw::store::Draw;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path, Query};
use crate::journal::{self, Entry};
use crate::register::{self, region};
use crate::state::AppState;
use crate::web::{address, qr_svg};

/// Rows of a search.
const FOUND: usize = 20;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(make))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Sought {
    /// Part of the name, or the whole credit code.
    #[serde(default)]
    q: String,
}

/// An object that a draw was meant for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
struct MeantObject {
    /// Id in the register.
    object: String,
    /// Name on the day of the commitment.
    object_name: String,
    /// Name of the district; empty where there was none.
    district_name: String,
}

/// What a search found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct MeantObjects {
    /// At most 20.
    rows: Vec<MeantObject>,
    /// Whether there are more.
    more: bool,
}

/// Objects of frame and excluded, by name or credit code.
#[utoipa::path(get, path = "/api/draws/{id}/meant", operation_id = "meant_draw", tag = "draw",
    params(("id" = String, Path), Sought),
    responses((status = 200, body = MeantObjects), (status = 409, body = Problem)))]
async fn search(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Query(sought): Query<Sought>,
) -> Result<Json<MeantObjects>, AppError> {
    let words: String = sought.q.trim().chars().take(100).collect();
    let found = state
        .db
        .read(move |tx| {
            let (_, names) = sealed(tx, &actor, &id)?;
            if words.is_empty() {
                return Ok(MeantObjects {
                    rows: vec![],
                    more: false,
                });
            }
            let by_code = register::by_code(tx, &words)?.map(|object| object.id);
            let hit =
                |n: &super::Named<'_>| n.name.contains(&words) || by_code.as_deref() == Some(n.id);
            let mut rows: Vec<MeantObject> = names
                .objects()
                .filter(hit)
                .take(FOUND + 1)
                .map(|n| MeantObject {
                    object: n.id.to_owned(),
                    object_name: n.name.to_owned(),
                    district_name: district_name(n.place),
                })
                .collect();
            let more = rows.len() > FOUND;
            rows.truncate(FOUND);
            Ok(MeantObjects { rows, more })
        })
        .await?;
    Ok(Json(found))
}

/// Whom a slip is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SlipInput {
    /// Id in the register.
    object: String,
    /// Who asked for it, 2 to 200 characters; it goes into the journal.
    reason: String,
}

/// A slip to be printed and handed to the object, to nobody else.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
struct SlipView {
    /// Number of the draw.
    number: String,
    /// Its title.
    title: String,
    /// Name of the department.
    department_name: String,
    /// SHA-256 of the manifest.
    commitment: String,
    /// When it was committed.
    committed_at: i64,
    /// Name of the object.
    object_name: String,
    /// What was blinded: the credit code or, of persons and areas, the register's id.
    id: String,
    /// 64 hexadecimal digits.
    salt: String,
    /// `SHA-256(salt ‖ LF ‖ id)`.
    blinded: String,
    /// The page where the object finds itself.
    link: String,
    /// The same as a QR code.
    qr_svg: String,
    /// When it was made, and by whom.
    made_at: i64,
    made_by_name: String,
}

/// Makes the slip of an object; the journal says for whom and why.
#[utoipa::path(post, path = "/api/draws/{id}/object-slips", operation_id = "make_slip", tag = "draw",
    params(("id" = String, Path)), request_body = SlipInput,
    responses((status = 200, body = SlipView), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
async fn make(
    State(state): State<AppState>,
    actor: Actor,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(input): Json<SlipInput>,
) -> Result<Json<SlipView>, AppError> {
    let reason = input.reason.trim().to_owned();
    if !(2..=200).contains(&reason.chars().count()) {
        let message = "请写明由谁索取（2 到 200 个字），会记入操作日志";
        return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
    }
    let now = state.now();
    let config = state.config.clone();
    let slip = state
        .db
        .write(move |tx| {
            let (draw, names) = sealed(tx, &actor, &id)?;
            let named = names
                .object(&input.object)
                .ok_or_else(|| AppError::not_found("object"))?;
            let opening = names.open(tx, &named)?;
            let entry = Entry::by(&actor, now, "draw.slip", format!("draw/{id}"))
                .detail(json!({ "number": draw.number, "object": input.object, "reason": reason }));
            journal::append(tx, &entry)?;
            let path = mine_path(&draw.id, &opening.id, &opening.salt, None);
            let link = address(&config, &headers, &path);
            Ok(SlipView {
                qr_svg: qr_svg(&link)?,
                link,
                department_name: department_name(tx, &draw.department)?,
                number: draw.number,
                title: draw.title,
                commitment: draw.commitment.unwrap_or_default(),
                committed_at: draw.committed_at.unwrap_or_default(),
                object_name: opening.name,
                id: opening.id,
                salt: opening.salt,
                blinded: opening.blinded,
                made_at: now,
                made_by_name: actor.name.clone(),
            })
        })
        .await?;
    Ok(Json(slip))
}

/// The draw with its names, for who holds it or may open it.
fn sealed(tx: &mut Tx<'_>, actor: &Actor, id: &str) -> Result<(Draw, Names), AppError> {
    let draw = found(tx, id)?;
    if !actor.may(Right::HoldDraws, &draw.department) {
        actor.require(Right::OpenDraws, &draw.department)?;
    }
    let names = Names::load(tx, &draw)?
        .ok_or_else(|| AppError::conflict("draw_not_committed", "封存以后才能出具名单凭条"))?;
    Ok((draw, names))
}

fn district_name(code: &str) -> String {
    region::name(code).unwrap_or(code).to_owned()
}
