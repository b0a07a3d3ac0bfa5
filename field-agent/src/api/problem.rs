//! Errors as a person and a program read them: RFC 9457 `application/problem+json`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, with a stable `code` for programs and a `detail` in Chinese for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`.
    pub r#type: String,
    /// The HTTP status in words.
    pub title: String,
    pub status: u16,
    /// Stable, snake_case; the user interface may translate by it.
    pub code: String,
    /// What happened and what to do, in Chinese.
    pub detail: String,
    /// Which fields of the request are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// After a wrong PIN: how many tries are left before the slot is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
    /// When it makes sense to try again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<i64>,
    /// What stands in the way of signing, each with the place it leads to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<super::record::Missing>,
    /// Recordings that stand in the way of handing the tablet back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<super::recordings::OpenRecording>,
}

/// One wrong field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Name of the field, or the path of the cell.
    pub field: String,
    /// In Chinese.
    pub message: String,
    /// Stable: a word of `CellFault` for a cell, else the code of the problem or its reason.
    pub code: String,
}

impl Problem {
    /// A problem with the given status, code and Chinese text.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Problem {
            r#type: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            code: code.into(),
            detail: detail.into(),
            fields: Vec::new(),
            tries_left: None,
            retry_after_ms: None,
            missing: Vec::new(),
            recordings: Vec::new(),
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 404: no such thing on this tablet.
    pub fn not_found(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: not in this state.
    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: understood, and refused because of the content of `field`.
    pub fn field(code: &str, field: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message.clone());
        problem.fields.push(FieldProblem {
            field: field.into(),
            message,
            code: code.into(),
        });
        problem
    }

    /// 500: something of ours failed; `cause` goes to the log only.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "平板内部出错，已记入诊断日志；请重试，仍不行请联系管理员。",
        )
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}
