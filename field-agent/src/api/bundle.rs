//! Encrypted bundle files: records by stick or file where no network is (F6).

use std::io;

use axum::body::Body as Raw;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::Me;
use super::fault::BundleFault;
use super::stream::{reading, written};
use super::{Answer, Problem, Shared, blocking, blocking_raw};
use crate::Agent;

/// Whose a bundle is, or for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundleSource {
    Office,
    /// A colleague's.
    Tablet,
    ThisTablet,
}

/// Somebody for whom a bundle can be sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleParty {
    /// Public key, 64 hex digits.
    pub key: String,
    pub kind: BundleSource,
    /// Names of those who have the tablet.
    pub people: Vec<String>,
}

/// For whom a bundle can be sealed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BundleParties {
    pub rows: Vec<BundleParty>,
}

/// In which forms photos come along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundlePhotos {
    None,
    /// Thumbnails and renditions.
    #[default]
    Small,
    /// The untouched originals of photos too.
    Originals,
    /// Video and sound as well.
    Everything,
}

/// What a bundle is to be.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BundleWish {
    /// Keys, joined by commas.
    pub recipients: String,
    #[serde(default)]
    pub photos: BundlePhotos,
}

/// What a bundle would hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundlePlan {
    /// Records that all chosen may have; for the office alone, those that it has not confirmed.
    pub tasks: u32,
    pub changes: u32,
    pub photos: u32,
    pub clips: u32,
    /// Size of the file without photos, about, in bytes.
    pub bytes_records: u64,
    /// With thumbnails and renditions.
    pub bytes_small: u64,
    /// With originals.
    pub bytes_originals: u64,
    /// With originals, video and sound.
    pub bytes_everything: u64,
}

/// Why changes were kept out; they lie in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleRefusal {
    /// Stable word.
    pub code: String,
    /// In plain Chinese words.
    pub text: String,
}

/// What came for one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleTask {
    pub task: String,
    pub number: String,
    pub object: String,
    /// Changes that are new here.
    pub changes: u32,
    /// Changes that were here.
    pub known: u32,
    /// Changes that wait for others.
    pub waiting: u32,
    /// Statements and signatures, new or not.
    pub statements: u32,
    /// Files of photos and clips that are new here.
    pub photos: u32,
    pub refused: Vec<BundleRefusal>,
}

/// What came of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BundleImported {
    pub source: BundleSource,
    pub people: Vec<String>,
    /// By the maker's clock, ms.
    pub made_at: i64,
    /// The file was read to its end.
    pub whole: bool,
    /// Why not, in plain Chinese words, with what to do.
    pub remark: Option<String>,
    pub remark_code: Option<BundleFault>,
    pub tasks: Vec<BundleTask>,
    /// Records of which this tablet knows nothing: nothing of them was taken in.
    pub tasks_elsewhere: u32,
}

/// For whom this tablet can make a bundle.
#[utoipa::path(get, path = "/api/bundle/parties", tag = "sync", responses((status = 200, body = BundleParties)))]
pub async fn parties(State(agent): Shared, _me: Me) -> Answer<BundleParties> {
    let work = |a: &Agent| a.bundle_parties().map(|rows| BundleParties { rows });
    blocking(agent, work).await
}

/// What a bundle would hold, and how large it would be.
#[utoipa::path(get, path = "/api/bundle/plan", tag = "sync", params(BundleWish), responses((status = 200, body = BundlePlan),
    (status = 409, description = "`bundle_too_many_tasks`", body = Problem)))]
pub async fn plan(
    State(agent): Shared,
    _me: Me,
    Query(wish): Query<BundleWish>,
) -> Answer<BundlePlan> {
    blocking(agent, move |a| a.plan_bundle(&wish)).await
}

/// The bundle as a file.
#[utoipa::path(get, path = "/api/bundle/file", tag = "sync", params(BundleWish),
    responses((status = 200, description = "the file", content_type = "application/octet-stream", body = Vec<u8>)))]
pub async fn file(
    State(agent): Shared,
    _me: Me,
    Query(wish): Query<BundleWish>,
) -> Result<Response, Problem> {
    let (export, name) = blocking_raw(agent.clone(), move |a| {
        Ok((a.begin_bundle(&wish)?, a.bundle_name()))
    })
    .await?;
    let body = written(move |out| {
        agent.write_bundle(&export, out).map_err(|problem| {
            tracing::warn!(%problem, "bundle");
            // The download breaks off; what has gone out is read as a bundle that was cut.
            io::Error::other("bundle")
        })
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, body).into_response())
}

/// Takes a bundle in.
#[utoipa::path(post, path = "/api/bundle/import", tag = "sync",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = BundleImported),
        (status = 400, description = "`not_a_bundle`, `bundle_version`, `bundle_not_for_us`, `bundle_damaged`, `bundle_stranger`", body = Problem)))]
pub async fn import(State(agent): Shared, _me: Me, body: Raw) -> Answer<BundleImported> {
    reading(body, move |input| agent.import_bundle(input))
        .await
        .map(axum::Json)
}
