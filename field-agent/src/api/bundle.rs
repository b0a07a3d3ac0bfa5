//! Encrypted bundle files: records by stick or file where no network is (F6).

use std::io::{self, Read, Write};
use std::sync::Arc;

use axum::body::{Body as Raw, Bytes};
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use utoipa::{IntoParams, ToSchema};

use super::access::Me;
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
    /// Everything, the untouched originals too.
    Originals,
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
    /// Size of the file without photos, about, in bytes.
    pub bytes_records: u64,
    /// With thumbnails and renditions.
    pub bytes_small: u64,
    /// With originals.
    pub bytes_originals: u64,
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
    /// Photo files that are new here.
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
#[utoipa::path(get, path = "/api/bundle/plan", tag = "sync", params(BundleWish), responses((status = 200, body = BundlePlan)))]
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
    let (out, rows) = mpsc::channel::<io::Result<Bytes>>(8);
    tokio::task::spawn_blocking(move || {
        let failed = out.clone();
        if let Err(problem) = agent.write_bundle(&export, ToBody(out)) {
            tracing::warn!(%problem, "bundle");
            // The download breaks off; what has gone out is read as a bundle that was cut.
            let _ = failed.blocking_send(Err(io::Error::other("bundle")));
        }
    });
    let stream = futures_util::stream::unfold(rows, |mut rows| async move {
        rows.recv().await.map(|row| (row, rows))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Raw::from_stream(stream)).into_response())
}

/// Takes a bundle in.
#[utoipa::path(post, path = "/api/bundle/import", tag = "sync",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = BundleImported),
        (status = 400, description = "`not_a_bundle`, `bundle_version`, `bundle_not_for_us`, `bundle_damaged`, `bundle_stranger`", body = Problem)))]
pub async fn import(State(agent): Shared, _me: Me, body: Raw) -> Answer<BundleImported> {
    let (rows, input) = mpsc::channel::<Bytes>(8);
    let reading = tokio::task::spawn_blocking(move || {
        let agent: Arc<Agent> = agent;
        agent.import_bundle(FromBody {
            rows: input,
            rest: Bytes::new(),
        })
    });
    let mut chunks = body.into_data_stream();
    while let Some(Ok(bytes)) = futures_util::StreamExt::next(&mut chunks).await {
        if rows.send(bytes).await.is_err() {
            break;
        }
    }
    drop(rows);
    match reading.await {
        Ok(told) => told.map(axum::Json),
        Err(failed) => Err(Problem::internal(&failed)),
    }
}

/// Writes into an answer's body; waits when the reader is slow.
struct ToBody(mpsc::Sender<io::Result<Bytes>>);

impl Write for ToBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads from a request's body as it comes.
struct FromBody {
    rows: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl Read for FromBody {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match self.rows.blocking_recv() {
                Some(bytes) => self.rest = bytes,
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(out.len());
        out[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}
