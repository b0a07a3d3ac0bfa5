//! What is typed and not yet saved: kept at once, so that a browser that the system kills behind the
//! camera loses nothing (lesson 10).

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, Me};
use super::{Answer, Shared, blocking};

/// Longest draft, in bytes; handwriting that is not signed yet is the longest.
pub const MAX_DRAFT: usize = 256 << 10;

/// One text that is not saved yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DraftView {
    /// Empty for what belongs to no task.
    pub task: String,
    /// Place on screen, such as `cell/handling/opinion`.
    pub place: String,
    pub text: String,
    /// When it was typed, ms by this tablet's clock.
    pub at: i64,
}

/// The drafts of who has unlocked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftList {
    pub rows: Vec<DraftView>,
    /// The next draft needs a higher `seq`.
    pub seq: i64,
}

/// Something typed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DraftPut {
    /// Id of the task, or empty.
    pub task: String,
    /// At most 200 bytes.
    pub place: String,
    /// Absent: forget it. At most 256 KiB.
    pub text: Option<String>,
    /// Order of typing; what is older than the known is passed over.
    pub seq: i64,
}

/// Drafts of who has unlocked, on this tablet only.
#[utoipa::path(get, path = "/api/drafts", tag = "record", responses((status = 200, body = DraftList)))]
pub async fn drafts(State(agent): Shared, Me(me): Me) -> Answer<DraftList> {
    blocking(agent, move |a| a.drafts(&me)).await
}

/// Keeps a draft; an edit that saves the same text forgets it again.
#[utoipa::path(put, path = "/api/drafts", tag = "record", request_body = DraftPut,
    responses((status = 200, body = i64), (status = 422, description = "`bad_draft`", body = super::Problem)))]
pub async fn keep_draft(
    State(agent): Shared,
    Me(me): Me,
    Body(draft): Body<DraftPut>,
) -> Answer<i64> {
    blocking(agent, move |a| a.keep_draft(&me, draft)).await
}
