//! The public portal 公示 (U5, L3, D5, T2): pages that work without JavaScript, open data, and the page
//! that verifies a draw in the visitor's browser (D2).
//!
//! It reads what was published and nothing else: results come from the published versions, never
//! from records or registers, so what is internal (risk classes, telephones) cannot get here.

mod draws;
pub(crate) mod filters;
mod mine;
mod open;
pub mod pace;
mod pages;
mod verify;

use askama::Template;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::draw::{hall, witness};
use crate::error::AppError;
use crate::state::AppState;
use crate::web::asset;

pub(crate) use pages::missing;

/// The pages need no script, no frame and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// Pages with a script of ours: telephones of witnesses, the big screen.
const SCRIPTED: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Pages to print; their QR codes stand in the page.
const PRINTED: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
     frame-ancestors 'none'";

/// The portal's addresses.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(pages::home))
        .route("/results", get(pages::results))
        .route("/results/{task}", get(pages::result))
        .route("/items", get(pages::items))
        .route("/items/{code}", get(pages::item))
        .route("/draws", get(draws::draws))
        .route("/draws/{id}", get(pages::draw))
        .route("/draws/{id}/verify", get(verify::of_draw))
        .route("/verify", get(verify::of_any))
        .route("/verify/spec.md", get(verify::specification))
        .route("/verify/by-hand.md", get(verify::by_hand))
        .route("/verify/{name}", get(verify::built))
        .route("/draws/{id}/mine", get(mine::mine))
        .route("/open", get(pages::open))
        .route("/open/results.csv", get(open::results_csv))
        .route("/open/results.json", get(open::results_json))
        .route("/open/items.csv", get(open::items_csv))
        .route("/open/items.json", get(open::items_json))
        .route("/open/draws.json", get(open::draws_json))
        .route("/feed.atom", get(open::feed))
        .route("/portal.css", get(css))
        .route(
            "/print.css",
            get(|| async { asset("text/css", include_str!("../../portal/print/print.css")) }),
        )
        .merge(hall::pages())
        .merge(witness::page::router())
        .fallback(|| async { pages::missing() })
}

async fn css() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/css; charset=utf-8"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    (headers, include_str!("../../portal/portal.css")).into_response()
}

/// A page or file with the portal's headers. Short caching keeps a rush away from the database.
fn answer(status: StatusCode, kind: &'static str, body: impl IntoResponse) -> Response {
    answer_under(POLICY, status, kind, body)
}

fn answer_under(
    policy: &'static str,
    status: StatusCode,
    kind: &'static str,
    body: impl IntoResponse,
) -> Response {
    let cache = if status == StatusCode::OK {
        "public, max-age=60"
    } else {
        "no-store"
    };
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, cache),
    ];
    (status, headers, body).into_response()
}

/// A page that works with a script of ours; never cached.
pub(crate) fn scripted(status: StatusCode, template: &impl Template) -> Result<Response, AppError> {
    uncached(status, SCRIPTED, template)
}

/// A page for one person; never cached.
pub(crate) fn private(status: StatusCode, template: &impl Template) -> Result<Response, AppError> {
    uncached(status, PRINTED, template)
}

/// A page to print; never cached.
pub(crate) fn printed(template: &impl Template) -> Result<Response, AppError> {
    uncached(StatusCode::OK, PRINTED, template)
}

fn uncached(
    status: StatusCode,
    policy: &'static str,
    template: &impl Template,
) -> Result<Response, AppError> {
    let html = template.render().map_err(AppError::internal)?;
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((status, headers, html).into_response())
}
