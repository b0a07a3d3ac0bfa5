//! The tablet API: an [`axum::Router`] that a host can call with or without a socket.
//!
//! Every answer is JSON but photos, clips and files; every error is a [`Problem`]. A browser first opens the
//! one-time launch address (`/launch?token=…`), which sets a cookie; unlocking with a PIN sets the
//! session cookie. See [`access`].

pub mod access;
pub mod bundle;
pub mod clips;
pub mod copy;
pub mod drafts;
pub mod fault;
pub mod nearby;
pub mod photos;
pub mod problem;
pub mod record;
pub mod recordings;
pub mod sign;
mod stream;
pub mod sync;
pub mod tasks;
pub mod ui;
pub mod unlock;

use std::sync::Arc;

use axum::Json;
use axum::extract::{DefaultBodyLimit, State};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use problem::Problem;

use crate::Agent;

type Shared = State<Arc<Agent>>;
type Answer<T> = Result<Json<T>, Problem>;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Double Random field agent",
        description = "The API between the tablet app and the agent on the same tablet."
    ),
    components(schemas(
        Problem,
        bundle::BundlePhotos,
        photos::PhotoFormKind,
        fault::NearbyFault,
        fault::CellFault
    ))
)]
struct Doc;

fn documented() -> OpenApiRouter<Arc<Agent>> {
    OpenApiRouter::with_openapi(Doc::openapi())
        .routes(routes!(unlock::state))
        .routes(routes!(unlock::unlock))
        .routes(routes!(unlock::lock))
        .routes(routes!(unlock::active))
        .routes(routes!(unlock::put_store_aside))
        .routes(routes!(unlock::hand_back))
        .routes(routes!(unlock::enrol_lookup))
        .routes(routes!(unlock::enrol))
        .routes(routes!(unlock::launch_link))
        .routes(routes!(tasks::tasks))
        .routes(routes!(tasks::task))
        .routes(routes!(record::record))
        .routes(routes!(record::edit))
        .routes(routes!(record::entries, record::add_entry))
        .routes(routes!(record::withdraw_entry))
        .routes(routes!(drafts::drafts, drafts::keep_draft))
        .routes(routes!(record::missing))
        .routes(routes!(record::conflicts))
        .routes(routes!(record::settle))
        .routes(routes!(record::history))
        .routes(routes!(record::done))
        .routes(routes!(photos::photos, photos::add_photo))
        .routes(routes!(photos::withdraw_photo))
        .routes(routes!(photos::photo_bytes))
        .routes(routes!(photos::wish_original, photos::forget_original))
        .routes(routes!(clips::clips, clips::add_clip))
        .routes(routes!(clips::withdraw_clip))
        .routes(routes!(clips::clip_file))
        .routes(routes!(recordings::recordings))
        .routes(routes!(recordings::keep_piece))
        .routes(routes!(recordings::keep_recording))
        .routes(routes!(recordings::discard_recording))
        .routes(routes!(sign::sign_off, sign::begin, sign::cancel))
        .routes(routes!(sign::preview))
        .routes(routes!(sign::party))
        .routes(routes!(sign::inspector))
        .routes(routes!(copy::party_copy))
        .routes(routes!(copy::party_copy_file))
        .routes(routes!(sync::sync_status))
        .routes(routes!(sync::sync_files))
        .routes(routes!(sync::sync_now))
        .routes(routes!(sync::sync_policy))
        .routes(routes!(sync::retry_photo))
        .routes(routes!(sync::diagnostics))
        .routes(routes!(nearby::nearby, nearby::set_nearby))
        .routes(routes!(nearby::add_nearby))
        .routes(routes!(bundle::parties))
        .routes(routes!(bundle::plan))
        .routes(routes!(bundle::file))
        .routes(routes!(bundle::import))
}

/// The OpenAPI document as pretty JSON, as committed in `field-agent/openapi.json`.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    let mut text = documented().into_openapi().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}

/// The whole of the tablet's HTTP interface: API, launch address, embedded app.
pub fn router(agent: Arc<Agent>) -> axum::Router {
    let (router, _) = documented().split_for_parts();
    router
        .layer(DefaultBodyLimit::max(photos::MAX_ORIGINAL + (1 << 20)))
        .fallback(ui::serve)
        .layer(axum::middleware::from_fn_with_state(
            agent.clone(),
            access::guard,
        ))
        .with_state(agent)
}

/// Runs `work` where it may block on disk.
async fn blocking_raw<T: Send + 'static>(
    agent: Arc<Agent>,
    work: impl FnOnce(&Agent) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(move || work(&agent)).await {
        Ok(result) => result,
        Err(failed) => Err(Problem::internal(&failed)),
    }
}

async fn blocking<T: Send + 'static>(
    agent: Arc<Agent>,
    work: impl FnOnce(&Agent) -> Result<T, Problem> + Send + 'static,
) -> Answer<T> {
    blocking_raw(agent, work).await.map(Json)
}
