//! The console's web application under `/console/`, embedded in the program.

use std::borrow::Cow;

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use crate::config::Config;
use crate::error::AppError;
use crate::state::AppState;

#[derive(RustEmbed)]
#[folder = "console/dist"]
#[allow_missing = true]
struct Console;

const NOT_BUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
    <title>双随机</title><h1>管理端网页尚未构建</h1>\
    <p>请在项目根目录运行 <code>npm ci</code> 和 <code>npm run build -w server/console</code>，\
    再重新启动服务器。</p></html>";

pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route(
            "/console",
            get(|| async { Redirect::permanent("/console/") }),
        )
        .route("/console/", get(|| async { file("index.html") }))
        .route(
            "/console/{*path}",
            get(|Path(path): Path<String>| async move { file(&path) }),
        )
}

/// A file of the console. Paths without one are pages that the application itself draws, unless
/// they look like a file: a missing script must not be answered with a page.
fn file(path: &str) -> Response {
    if let Some(found) = Console::get(path) {
        // Built files under assets/ carry the hash of their content in their name.
        let cache = if path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let kind = found.metadata.mimetype().to_owned();
        return (
            [
                (header::CONTENT_TYPE, kind),
                (header::CACHE_CONTROL, cache.to_owned()),
            ],
            found.data.into_owned(),
        )
            .into_response();
    }
    let page = !path.rsplit('/').next().unwrap_or_default().contains('.');
    if page && Console::get("index.html").is_some() {
        return file("index.html");
    }
    if page || path == "index.html" {
        return (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}

/// A script or style of ours, embedded in the program.
pub(crate) fn asset(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, format!("{kind}; charset=utf-8")),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    (headers, text).into_response()
}

/// A whole address for people's telephones: as configured, or as the browser came here.
pub(crate) fn address(config: &Config, headers: &HeaderMap, path: &str) -> String {
    let base = match &config.public_url {
        Some(url) => Cow::Borrowed(url.as_str()),
        None => {
            let host = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok())
                .unwrap_or("localhost");
            let scheme = if config.secure_cookies {
                "https"
            } else {
                "http"
            };
            Cow::Owned(format!("{scheme}://{host}"))
        }
    };
    format!("{base}{path}")
}

/// A QR code as SVG, dark on white with a quiet zone.
pub(crate) fn qr_svg(text: &str) -> Result<String, AppError> {
    let code = qrcode::QrCode::new(text.as_bytes()).map_err(AppError::internal)?;
    Ok(code
        .render::<qrcode::render::svg::Color<'_>>()
        .min_dimensions(240, 240)
        .build())
}
