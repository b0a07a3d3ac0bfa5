//! Errors at the edge: one status table, RFC 9457 problem+json, a stable `code` for machines and a
//! message in the reader's language that names the thing and the remedy.

use std::fmt;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::DbError;

/// What kind of refusal; decides the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    Malformed,
    /// The request was read, and says something that is not allowed; `fields` says where.
    Invalid,
    /// Nobody is signed in.
    SignedOut,
    /// The account may not do this.
    Forbidden,
    /// No such thing, or none that this account may see.
    NotFound,
    /// The thing is in a state that does not allow this.
    Conflict,
    /// Larger than the limit.
    TooLarge,
    /// Not a kind of file that is taken here.
    UnsupportedMedia,
    /// Too many attempts.
    TooMany,
    /// Our failure; the cause goes to the log, not to the reader.
    Internal,
    /// Cannot be done now, can be tried again later.
    Unavailable,
}

impl Kind {
    /// The one status table.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::SignedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What is wrong with one field of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Name of the field as in the request.
    pub field: String,
    /// What is wrong and what would be right, in Chinese.
    pub message: String,
}

impl FieldError {
    /// For the field of this name.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            message: message.into(),
        }
    }
}

/// An error on its way to the reader.
#[derive(Debug)]
pub struct AppError {
    /// Decides the status.
    pub kind: Kind,
    /// Stable, snake_case.
    pub code: &'static str,
    /// In Chinese, for people.
    pub detail: String,
    /// Per field, where a form was refused.
    pub fields: Vec<FieldError>,
    /// For the log.
    pub cause: Option<String>,
}

impl AppError {
    /// An error of any kind.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            detail: detail.into(),
            fields: Vec::new(),
            cause: None,
        }
    }

    /// The request cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Kind::Malformed, "malformed", detail)
    }

    /// A form was refused, field by field.
    pub fn invalid(fields: Vec<FieldError>) -> Self {
        let detail = fields
            .iter()
            .map(|f| f.message.as_str())
            .collect::<Vec<_>>()
            .join("；");
        Self {
            fields,
            ..Self::new(Kind::Invalid, "invalid", detail)
        }
    }

    /// Nobody is signed in.
    pub fn signed_out() -> Self {
        Self::new(
            Kind::SignedOut,
            "signed_out",
            "尚未登录或登录已过期，请重新登录",
        )
    }

    /// The account may not do this.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, "forbidden", detail)
    }

    /// No such thing; `what` is for the log and the code of the reader's page.
    pub fn not_found(what: &str) -> Self {
        Self {
            cause: Some(what.to_owned()),
            ..Self::new(
                Kind::NotFound,
                "not_found",
                "没有找到，可能已被移走或无权查看",
            )
        }
    }

    /// The thing is in a state that does not allow this.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// Larger than the limit.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(Kind::TooLarge, "too_large", detail)
    }

    /// Our failure.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(
                Kind::Internal,
                "internal",
                "服务器出错，本次操作没有生效，请稍后重试或联系管理员",
            )
        }
    }
}

impl fmt::Display for AppError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)?;
        match &self.cause {
            Some(cause) => write!(f, " ({cause})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AppError {}

impl From<DbError> for AppError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::NoRow => Self::not_found("row"),
            DbError::Duplicate(columns) => Self {
                cause: Some(columns),
                ..Self::conflict("duplicate", "已有相同的记录")
            },
            other => Self::internal(other),
        }
    }
}

impl From<JsonRejection> for AppError {
    fn from(rejection: JsonRejection) -> Self {
        let detail = format!("请求内容不是所要求的 JSON：{}", rejection.body_text());
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large("请求内容过大"),
            StatusCode::UNPROCESSABLE_ENTITY => Self::new(Kind::Invalid, "invalid", detail),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::new(Kind::UnsupportedMedia, "unsupported_media", detail)
            }
            _ => Self::malformed(detail),
        }
    }
}

impl From<QueryRejection> for AppError {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(format!("网址中的查询参数有误：{}", rejection.body_text()))
    }
}

impl From<PathRejection> for AppError {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed(format!("网址有误：{}", rejection.body_text()))
    }
}

/// Seconds after which something that cannot be done now may be tried again.
const RETRY_AFTER: &str = "5";

/// The body of every refusal: RFC 9457 with `code` and, for forms, `fields`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`; `code` tells the kinds apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, for machines.
    pub code: String,
    /// For people.
    pub detail: String,
    /// Where a form was refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        if self.kind == Kind::Internal {
            tracing::error!(code = self.code, cause = self.cause, "request failed");
        } else {
            tracing::debug!(code = self.code, cause = self.cause, "request refused");
        }
        let status = self.kind.status();
        let problem = Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or_default().into(),
            status: status.as_u16(),
            code: self.code.into(),
            detail: self.detail,
            fields: self.fields,
        };
        let mut response = (status, axum::Json(problem)).into_response();
        if self.kind == Kind::Unavailable {
            let pause = HeaderValue::from_static(RETRY_AFTER);
            response.headers_mut().insert(header::RETRY_AFTER, pause);
        }
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}
