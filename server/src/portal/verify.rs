//! The page on which a draw is verified in the visitor's own browser (D2), and its built script.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use super::pages::{HTML, missing};
use super::{answer, answer_under};
use crate::draw::public::{self, PublicDraw};
use crate::error::AppError;
use crate::extract::Path;
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "portal/verify/dist"]
#[allow_missing = true]
struct Built;

/// The only page of the portal with a script: its own, and a worker that fetches the transcript from here.
const POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
     style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "verify.html")]
struct Verify {
    d: Option<PublicDraw>,
}

fn page(d: Option<PublicDraw>) -> Result<Response, AppError> {
    let html = Verify { d }.render().map_err(AppError::internal)?;
    Ok(answer_under(POLICY, StatusCode::OK, HTML, html))
}

/// Verifies the transcript of a draw; without JavaScript it says how else.
pub(super) async fn of_draw(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let now = state.now();
    let found = state.db.read(move |tx| public::draw(tx, &id, now)).await?;
    // What became void before its commitment has nothing to verify.
    match found.filter(|d| d.commitment.is_some()) {
        Some(d) => page(Some(d)),
        None => Ok(missing()),
    }
}

/// Verifies a transcript that the visitor has.
pub(super) async fn of_any() -> Result<Response, AppError> {
    page(None)
}

/// `page.js`, `worker.js` and what they import.
pub(super) async fn built(Path(name): Path<String>) -> Response {
    let Some(file) = Built::get(&name) else {
        return missing();
    };
    // The names stay the same from version to version, so a browser has to ask each time.
    let headers = [
        (header::CONTENT_TYPE, file.metadata.mimetype().to_owned()),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
    ];
    (headers, file.data.into_owned()).into_response()
}

const TEXT: &str = "text/plain; charset=utf-8";

/// What anybody needs to write a verifier.
pub(super) async fn specification() -> Response {
    answer(StatusCode::OK, TEXT, include_str!("../../draw/SPEC.md"))
}

/// How to verify with the commands of any system.
pub(super) async fn by_hand() -> Response {
    answer(
        StatusCode::OK,
        TEXT,
        include_str!("../../../docs/verify-by-hand.md"),
    )
}
