//! `/w`: the page on a witness's telephone, or on a terminal of the hall. The script makes or takes the
//! value, hashes it there and sends only the hash.

use askama::Template;
use axum::Router;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use axum::routing::get;
use serde::Deserialize;

use crate::device::normal_code;
use crate::error::AppError;
use crate::extract::{Path, Query};
use crate::portal::scripted;
use crate::state::AppState;
use crate::web::asset;

/// The pages of witnesses.
pub fn router() -> Router<AppState> {
    const FOLDER: [(&str, &str, &str); 4] = [
        (
            "/witness.js",
            "text/javascript",
            include_str!("../../../portal/witness/witness.js"),
        ),
        (
            "/sample.js",
            "text/javascript",
            include_str!("../../../portal/witness/sample.js"),
        ),
        (
            "/sha256.js",
            "text/javascript",
            include_str!("../../../portal/witness/sha256.js"),
        ),
        (
            "/witness.css",
            "text/css",
            include_str!("../../../portal/witness/witness.css"),
        ),
    ];
    let mut router = Router::new()
        .route("/w", get(enter))
        .route("/w/{code}", get(witness));
    for (path, kind, text) in FOLDER {
        router = router.route(path, get(move || async move { asset(kind, text) }));
    }
    router
}

#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(path = "witness/enter.html")]
struct Enter;

/// Where the code of a slip is typed: a terminal of the hall, or a telephone that cannot scan.
async fn enter(Query(asked): Query<Asked>) -> Result<Response, AppError> {
    let code = normal_code(&asked.code);
    if code.is_empty() {
        return scripted(StatusCode::OK, &Enter);
    }
    let code: String = code.chars().take(32).collect();
    Ok(axum::response::IntoResponse::into_response(Redirect::to(
        &format!("/w/{code}?terminal"),
    )))
}

#[derive(Template)]
#[template(path = "witness/witness.html")]
struct WitnessPage {
    code: String,
}

async fn witness(Path(code): Path<String>) -> Result<Response, AppError> {
    let code: String = normal_code(&code).chars().take(32).collect();
    scripted(StatusCode::OK, &WitnessPage { code })
}
