//! What is on this tablet, what was sent, what the server has confirmed (F7).

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, Me};
use super::fault::{FileFault, RecordFault};
use super::tasks::Delivery;
use super::{Answer, Shared, blocking};

/// What the background sync is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncPhase {
    /// The tablet has not been enrolled.
    NotEnrolled,
    /// Nobody has unlocked the tablet since it started, so its store is closed.
    Locked,
    /// Nothing to do; the next look is at `next_try_at`.
    Idle,
    /// Talking to the server.
    Running,
    /// The last try failed; the next is at `next_try_at`.
    BackingOff,
    /// Stopped for good until a person acts: `last_error` says why (lesson 13).
    Stopped,
}

/// Four counters: each thing is in exactly one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counters {
    pub on_this_tablet: u32,
    pub sent: u32,
    pub confirmed: u32,
    /// Not here, and the server has not said that it has it.
    pub elsewhere: u32,
}

/// Why the last try failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SyncError {
    /// Stable: `offline`, `timeout`, `server_error`, `refused`, `revoked`, `bad_answer`, `upgrade_needed`, `disk_full`, …
    pub code: String,
    /// In plain Chinese words, with what to do.
    pub text: String,
    /// Trying again does not help.
    pub permanent: bool,
    pub at: i64,
}

/// One photo on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhotoSync {
    pub photo: String,
    pub caption: String,
    pub thumbnail: Delivery,
    pub rendition: Delivery,
    pub original: Delivery,
    /// Bytes of all three forms together.
    pub bytes_total: i64,
    /// Bytes that the server has acknowledged.
    pub bytes_sent: i64,
    pub error: Option<String>,
    pub error_code: Option<FileFault>,
}

/// One clip on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClipSync {
    pub clip: String,
    /// `entry`, `identity`, `certificates`, `check` or `refusal`.
    pub kind: String,
    pub caption: String,
    pub delivery: Delivery,
    pub bytes_total: i64,
    /// Bytes that the server has acknowledged.
    pub bytes_sent: i64,
    pub error: Option<String>,
    pub error_code: Option<FileFault>,
}

/// One record on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordSync {
    pub task: String,
    pub number: String,
    pub object: String,
    pub delivery: Delivery,
    /// Changes and signatures of this tablet.
    pub changes: Counters,
    /// A photo is as far as the least far of its three forms.
    pub photos: Counters,
    pub clips: Counters,
    /// Photos and clips of which a transfer has failed.
    pub failed: u32,
    /// Why something of it was refused, or was not taken yet, in plain words.
    pub error: Option<String>,
    pub error_code: Option<RecordFault>,
}

/// The files of a record on their way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FilesSync {
    pub photos: Vec<PhotoSync>,
    pub clips: Vec<ClipSync>,
}

/// What the office has refused for good: it waits for nothing but a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedWork {
    /// Changes and signatures. The office keeps them in quarantine, where its administrator decides.
    pub changes: u32,
    /// Photos and clips that the office did not take: they are on this tablet only.
    pub files: u32,
}

/// Everything about sync.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SyncStatus {
    pub phase: SyncPhase,
    pub server: Option<String>,
    pub records: Counters,
    pub photos: Counters,
    pub clips: Counters,
    /// Only records of this tablet that are not wholly confirmed, and those of the last days.
    pub rows: Vec<RecordSync>,
    pub last_success_at: Option<i64>,
    pub last_try_at: Option<i64>,
    pub next_try_at: Option<i64>,
    pub last_error: Option<SyncError>,
    pub originals: Originals,
    /// Why originals and clips that wait do not travel now.
    pub originals_wait: Option<OriginalsWait>,
    /// How fast the link is, bytes a second, once something has moved.
    pub bytes_per_second: Option<u64>,
    /// Bytes that are to be sent and may be sent on this link.
    pub bytes_left: u64,
    /// How long that takes at this speed, in seconds; while bytes move.
    pub seconds_left: Option<u64>,
    /// `none`, `one_day` or `three_days`: how long something has been unconfirmed (lesson 24).
    pub warning: String,
    pub refused: RefusedWork,
    pub free_bytes: Option<u64>,
    pub clock_offset_ms: Option<i64>,
    pub revision: u64,
}

/// On which links originals and clips travel. All else travels on every link: the record with its signatures,
/// thumbnails, and the renditions on which the office reviews.
///
/// `any` unless somebody chooses. Originals come last and in chunks, so they hold nothing up on a slow link, and
/// what is at the office is not lost with the tablet; to keep evidence back is a decision of a person. Nor would
/// `fast` spare mobile data by itself: where much could flow, it lets it flow. What a link costs a browser does
/// not tell reliably, so it is not guessed; who does not want to pay for originals chooses `never`, and is
/// reminded of them as long as they wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Originals {
    #[default]
    Any,
    /// While the link is measured to bear 128 KiB a second, and until it bears less than half of that: spares
    /// the battery, and the link to colleagues who share it.
    Fast,
    Never,
}

/// Why originals and clips wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OriginalsWait {
    /// For a fast link: `bytes_per_second` says what was measured.
    SlowLink,
    /// Somebody chose `never`.
    NotAllowed,
}

/// What may travel.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct SyncPolicy {
    pub originals: Originals,
}

/// For the help desk: no names, no content.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Diagnostics {
    pub version: String,
    pub agent: String,
    pub device: Option<String>,
    pub cipher_version: Option<String>,
    pub schema_version: Option<i64>,
    pub tasks: u32,
    pub changes: u32,
    pub blobs: u32,
    pub store_bytes: u64,
    pub free_bytes: Option<u64>,
    pub now: i64,
    pub clock_offset_ms: Option<i64>,
    /// `file` (0600 beside the store) or `host` (key store of the system).
    pub key_store: String,
    pub font: Option<String>,
    /// Newest last.
    pub log: Vec<String>,
}

/// State of sync, record by record.
#[utoipa::path(get, path = "/api/sync", tag = "sync", responses((status = 200, body = SyncStatus)))]
pub async fn sync_status(State(agent): Shared, _me: Me) -> Answer<SyncStatus> {
    blocking(agent, |a| a.sync_status()).await
}

/// How far the photos and clips of a record are, one by one.
#[utoipa::path(get, path = "/api/sync/tasks/{task}", tag = "sync", params(("task" = String, Path)), responses((status = 200, body = FilesSync)))]
pub async fn sync_files(
    State(agent): Shared,
    _me: Me,
    Path(task): Path<String>,
) -> Answer<FilesSync> {
    blocking(agent, move |a| a.sync_files(&task)).await
}

/// Tries now, whatever the back-off says.
#[utoipa::path(post, path = "/api/sync/now", tag = "sync", responses((status = 200, body = SyncStatus)))]
pub async fn sync_now(State(agent): Shared, _me: Me) -> Answer<SyncStatus> {
    blocking(agent, |a| a.sync_now()).await
}

/// Chooses on which links originals and clips travel.
#[utoipa::path(put, path = "/api/sync/policy", tag = "sync", request_body = SyncPolicy, responses((status = 200, body = SyncStatus)))]
pub async fn sync_policy(
    State(agent): Shared,
    _me: Me,
    Body(policy): Body<SyncPolicy>,
) -> Answer<SyncStatus> {
    blocking(agent, move |a| a.set_sync_policy(policy)).await
}

/// Tries one photo again after it was refused (lesson 4).
#[utoipa::path(post, path = "/api/sync/photos/{task}/{photo}/retry", tag = "sync", params(("task" = String, Path), ("photo" = String, Path)),
    responses((status = 200, body = SyncStatus)))]
pub async fn retry_photo(
    State(agent): Shared,
    _me: Me,
    Path((task, photo)): Path<(String, String)>,
) -> Answer<SyncStatus> {
    blocking(agent, move |a| a.retry_photo(&task, &photo)).await
}

/// Diagnostics to share with the help desk.
#[utoipa::path(get, path = "/api/diagnostics", tag = "sync", responses((status = 200, body = Diagnostics)))]
pub async fn diagnostics(State(agent): Shared, _me: Me) -> Answer<Diagnostics> {
    blocking(agent, |a| a.diagnostics()).await
}
