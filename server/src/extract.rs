//! Extractors whose refusals are problem+json like every other.

use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::error::AppError;

/// A JSON body, in and out.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(AppError))]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query of the address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(AppError))]
pub struct Query<T>(pub T);

/// The variables in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(AppError))]
pub struct Path<T>(pub T);

/// Which part of a list is wanted.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many rows to pass over.
    #[serde(default)]
    pub offset: u32,
    /// How many rows at most; 50 when left out, never more than 200.
    pub limit: Option<u32>,
    /// Free text to look for.
    #[serde(default)]
    pub q: String,
}

impl Paging {
    /// The limit that is used.
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(50).min(200)
    }

    /// `q` as a pattern for `LIKE … ESCAPE '\'`; `None` when nothing is looked for.
    pub fn pattern(&self) -> Option<String> {
        like_pattern(&self.q)
    }
}

/// A pattern that finds `text` anywhere; `None` when there is nothing to look for.
pub fn like_pattern(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| {
        let escaped = text
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        format!("%{escaped}%")
    })
}

/// Part of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows asked for.
    pub rows: Vec<T>,
    /// How many there are in all.
    pub total: i64,
}
