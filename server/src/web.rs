//! The console's web application under `/console/`, embedded in the program.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

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
