//! The public portal 公示 (U5, L3, D5, T2): pages that work without JavaScript, open data, and the page
//! that verifies a draw in the visitor's browser (D2).
//!
//! It reads what was published and nothing else: results come from the published versions, never
//! from records or registers, so what is internal (risk classes, telephones) cannot get here.

mod filters;
mod open;
mod pages;
mod verify;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::AppState;

/// The pages need no script, no frame and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
     base-uri 'none'; frame-ancestors 'none'";

/// The portal's addresses.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/", get(pages::home))
        .route("/results", get(pages::results))
        .route("/results/{task}", get(pages::result))
        .route("/items", get(pages::items))
        .route("/items/{code}", get(pages::item))
        .route("/draws", get(pages::draws))
        .route("/draws/{id}", get(pages::draw))
        .route("/draws/{id}/verify", get(verify::of_draw))
        .route("/verify", get(verify::of_any))
        .route("/verify/spec.md", get(verify::specification))
        .route("/verify/by-hand.md", get(verify::by_hand))
        .route("/verify/{name}", get(verify::built))
        .route("/open", get(pages::open))
        .route("/open/results.csv", get(open::results_csv))
        .route("/open/results.json", get(open::results_json))
        .route("/open/items.csv", get(open::items_csv))
        .route("/open/items.json", get(open::items_json))
        .route("/open/draws.json", get(open::draws_json))
        .route("/feed.atom", get(open::feed))
        .route("/portal.css", get(css))
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
