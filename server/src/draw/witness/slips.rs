//! The slips that witnesses are given: link, QR, code in groups.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use base64::Engine;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{Capacity, WitnessState, store};
use crate::account::{Actor, Right};
use crate::draw::routes::found;
use crate::draw::store::Draw;
use crate::error::{AppError, Problem};
use crate::extract::{Json, Path};
use crate::portal::printed;
use crate::state::AppState;
use crate::web::{address, qr_svg};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(slips))
        .routes(routes!(print))
}

/// A witness's slip.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct Slip {
    /// From 1, in the order of the list.
    position: u32,
    name: String,
    capacity: Capacity,
    state: WitnessState,
    /// 12 characters in groups of four.
    code: String,
    /// The short link.
    link: String,
    /// The link as a QR code, SVG.
    qr_svg: String,
}

async fn load(
    state: &AppState,
    actor: Actor,
    id: String,
    headers: &HeaderMap,
) -> Result<(Draw, Vec<Slip>), AppError> {
    let (draw, list, codes) = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            actor.require(Right::HoldDraws, &draw.department)?;
            Ok((draw, store::list(tx, &id)?, store::codes(tx, &id)?))
        })
        .await?;
    let mut slips = Vec::with_capacity(codes.len());
    for (position, code) in codes {
        let Some(witness) = list.iter().find(|w| w.position == position) else {
            continue;
        };
        let link = address(&state.config, headers, &format!("/w/{code}"));
        slips.push(Slip {
            position,
            name: witness.name.clone(),
            capacity: witness.capacity,
            state: witness.state,
            qr_svg: qr_svg(&link)?,
            link,
            code: grouped(&code),
        });
    }
    Ok((draw, slips))
}

impl Slip {
    /// The QR code for a `data:` address.
    fn qr_base64(&self) -> String {
        base64::engine::general_purpose::STANDARD.encode(&self.qr_svg)
    }
}

/// In groups of four, as people read it.
fn grouped(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let groups: Vec<String> = chars.chunks(4).map(|g| g.iter().collect()).collect();
    groups.join("-")
}

/// The witnesses' short links, for the officer who hands them out.
#[utoipa::path(get, path = "/api/draws/{id}/slips", operation_id = "slips_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = Vec<Slip>), (status = 403, body = Problem)))]
async fn slips(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<Slip>>, AppError> {
    Ok(Json(load(&state, actor, id, &headers).await?.1))
}

#[derive(Template)]
#[template(path = "print/slips.html")]
struct SlipsPage {
    number: String,
    title: String,
    terminal: String,
    slips: Vec<Slip>,
}

/// The slips as a page to print.
#[utoipa::path(get, path = "/api/draws/{id}/slips.html", operation_id = "slips_page", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/html", body = String), (status = 403, body = Problem)))]
async fn print(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, AppError> {
    let (draw, slips) = load(&state, actor, id, &headers).await?;
    printed(&SlipsPage {
        number: draw.number,
        title: draw.title,
        terminal: address(&state.config, &headers, "/w"),
        slips,
    })
}
