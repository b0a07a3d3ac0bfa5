//! The app itself, embedded from `field-agent/ui/dist`.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use super::Problem;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct App;

const NOT_BUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>双随机 · 平板</title>\
<body style=\"font-family:sans-serif;max-width:40em;margin:4em auto;line-height:1.8\">\
<h1>平板应用还没有构建</h1><p>接口已在运行。要构建界面，请在项目根目录执行：</p>\
<pre>npm ci\nnpm run build --workspace field-agent/ui\ncargo build --workspace --release</pre>\
<p>The tablet app has not been built; run the three commands above and start again.</p></body></html>";

/// Serves a file of the app; unknown addresses get its start page, so that reloading keeps the place.
pub async fn serve(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path == "api" || path.starts_with("api/") {
        return Problem::not_found("no_such_address", "没有这个接口。").into_response();
    }
    match App::get(path).filter(|_| !path.is_empty()) {
        Some(file) => file_response(path, file),
        None if path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.')) =>
        {
            StatusCode::NOT_FOUND.into_response()
        }
        None => match App::get("index.html") {
            Some(file) => file_response("index.html", file),
            None => Html(NOT_BUILT).into_response(),
        },
    }
}

fn file_response(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    let media = HeaderValue::from_str(file.metadata.mimetype())
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // Vite puts a hash into the names below assets/, so these never change.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    (
        [
            (header::CONTENT_TYPE, media),
            (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
        ],
        file.data.into_owned(),
    )
        .into_response()
}
