//! Encrypted bundle files at the office (F6, lesson 9): what a tablet that has no network brings on a
//! stick, and what the office gives to it.
//!
//! A tablet's bundle goes the way of its network requests: [`super::receive`] judges it in the child,
//! [`super::blobs`] checks every hash. Nothing comes in that the network would not have let in.

mod export;
mod import;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::AppState;

/// The addresses of the console.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(import::import))
        .routes(routes!(export::plan))
        .routes(routes!(export::file))
}

/// Why something was kept out; it lies in quarantine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct BundleRefusal {
    /// Stable word.
    pub code: String,
    /// What to do, for a person.
    pub remedy: String,
}

/// What came for one record.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct BundleTask {
    pub task: String,
    /// Empty when there is no such task.
    pub number: String,
    pub object_name: String,
    /// Changes that are stored, now or before.
    pub changes: u32,
    /// Of these, new ones.
    pub new_changes: u32,
    /// Changes that wait for others.
    pub waiting: u32,
    pub signatures: u32,
    /// Photo files that are stored, now or before.
    pub photos: u32,
    /// Of these, new ones.
    pub new_photos: u32,
    /// Photo files that no record names, or that are not what their name says.
    pub photos_left_out: u32,
    /// Photo files that could not be stored now, such as for want of room: the same file can be imported
    /// again.
    pub photos_not_now: u32,
    pub refused: Vec<BundleRefusal>,
}

/// What came of a bundle.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BundleImported {
    pub device: String,
    pub device_name: String,
    /// The tablet has been revoked: its changes are in quarantine.
    pub revoked: bool,
    /// By the tablet's clock, ms.
    pub made_at: i64,
    /// The file was read to its end, and whatever could be taken is stored.
    pub whole: bool,
    /// `cut_off`, `damaged`, `too_many_tasks`, `unknown_version`, or `not_now` (something could not be stored now; the same
    /// file again brings it), when it was not.
    pub remark: Option<String>,
    pub tasks: Vec<BundleTask>,
}

/// In which forms photos come along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BundlePhotos {
    None,
    /// Thumbnails and renditions.
    #[default]
    Small,
    /// The untouched originals too.
    Originals,
    /// Video and sound as well, which no tablet gets by network.
    Everything,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BundleWish {
    #[serde(default)]
    #[param(inline)]
    photos: BundlePhotos,
}

/// What a bundle for a tablet would hold.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BundlePlan {
    pub tasks: i64,
    pub changes: i64,
    pub photos: i64,
    pub clips: i64,
    /// Size of the file without photos, about, in bytes.
    pub bytes_records: u64,
    pub bytes_small: u64,
    pub bytes_originals: u64,
    pub bytes_everything: u64,
}
