//! All steps put together.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::get;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::error::AppError;
use crate::jobs::Handler;
use crate::state::AppState;
use crate::{
    account, device, draw, import, item, jobs, journal, plan, portal, publication, register,
    review, sync, task, web,
};

/// Largest body that a handler takes unless its route says otherwise.
const BODY_LIMIT: usize = 2 * 1024 * 1024;

/// Scripts, styles and connections only from here; inline style attributes are what component
/// libraries position their floating parts with. Pages that need more set their own.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
     style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Double Random server",
        description = "Random government inspections that the public can verify. Sign in at \
        POST /api/session; unsafe methods repeat its csrf_token in the header x-csrf-token. \
        Refusals are application/problem+json."
    ),
    components(schemas(crate::error::Problem))
)]
struct Api;

/// What stands in the OpenAPI description: each step's `router()`.
fn described() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(account::router())
        .merge(device::router())
        .merge(draw::router())
        .merge(import::router())
        .merge(item::router())
        .merge(register::router())
        .merge(jobs::router())
        .merge(journal::router())
        .merge(plan::router())
        .merge(publication::router())
        .merge(review::router())
        .merge(sync::bundle::router())
        .merge(sync::quarantine::router())
        .merge(task::router())
}

/// What is no JSON API: web pages and the tablets' protocol.
fn undescribed() -> Router<AppState> {
    Router::new()
        .merge(portal::router())
        .merge(web::router())
        .merge(device::enrol_router())
        .merge(sync::router())
        .merge(review::copy_router())
}

/// The handlers of all kinds of jobs.
pub fn job_handlers() -> Vec<Handler> {
    vec![import::handler()]
}

/// The OpenAPI description as it is committed in `server/openapi.json`.
pub fn openapi_json() -> Result<String, AppError> {
    let mut description = described().into_openapi();
    name_operations(&mut description);
    let json = description.to_pretty_json().map_err(AppError::internal)?;
    Ok(json + "\n")
}

/// Operation ids must be unique; those that come from the handlers' names (`list`, `get`) are not.
fn name_operations(description: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut description.paths.paths {
        let place = path
            .trim_matches('/')
            .replace(['/', '{', '}', '.', '-'], "_");
        for (method, operation) in [
            ("get", &mut item.get),
            ("post", &mut item.post),
            ("put", &mut item.put),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ] {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{place}"));
            }
        }
    }
}

/// Everything that the server answers.
pub fn app(state: AppState) -> Result<Router, AppError> {
    let description = openapi_json()?;
    let (api, _) = described().split_for_parts();
    let describe =
        get(move || async move { ([(header::CONTENT_TYPE, "application/json")], description) });
    let set = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    Ok(api
        .route("/api/openapi.json", describe)
        .route(
            "/api/{*rest}",
            axum::routing::any(|| async { AppError::not_found("route") }),
        )
        .merge(undescribed())
        .with_state(state)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(set(
            header::CONTENT_SECURITY_POLICY,
            CONTENT_SECURITY_POLICY,
        ))
        .layer(set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(header::REFERRER_POLICY, "same-origin"))
        .layer(set(header::X_FRAME_OPTIONS, "DENY"))
        .layer(set(header::CACHE_CONTROL, "no-store"))
        .layer(TraceLayer::new_for_http()))
}

#[cfg(test)]
mod tests {
    // T2: the committed description is that of this program.
    #[test]
    fn openapi_json_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let now = super::openapi_json().unwrap();
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == now,
            "server/openapi.json is old: run UPDATE_OPENAPI=1 cargo test --workspace --lib openapi_json"
        );
    }
}
