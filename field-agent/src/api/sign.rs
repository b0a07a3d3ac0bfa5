//! Sign-off on one closing tablet (F4, design §5).

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, Me};
use super::record::{MissingList, Scalar};
use super::{Answer, Shared, blocking};

/// How far signing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignStage {
    /// Not begun: see `missing`.
    NotBegun,
    /// Begun; the party signs or refuses first.
    Party,
    /// The inspectors sign.
    Inspectors,
    /// All have signed.
    Sealed,
}

/// A member as the sign-off shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Signer {
    pub person: String,
    pub name: String,
    pub certificate: String,
    /// `leader`, `member` or `expert`.
    pub role: String,
    /// Experts and relieved members do not sign.
    pub signs: bool,
    pub can_sign_here: bool,
    /// Has written on a tablet other than this one.
    pub used_own_tablet: bool,
    /// Some of the member's work is here that stands on what is not here.
    pub incomplete: bool,
    /// When the member marked their part as finished, ms.
    pub done_at: Option<i64>,
    /// Reason why work on the member's own tablet is not waited for.
    pub excluded_reason: Option<String>,
    pub signed_at: Option<i64>,
}

/// Ink as vector strokes; what was drawn is what is hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ink {
    /// Size of the pad in CSS pixels, 1 to 10,000.
    pub width: u32,
    pub height: u32,
    /// At most 500 strokes and 20,000 points in all.
    pub strokes: Vec<Vec<InkPoint>>,
}

/// A point of a stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InkPoint {
    /// Tenths of a CSS pixel.
    pub x: i32,
    pub y: i32,
    /// Milliseconds since the first point of the ink.
    pub t: u32,
}

/// What the party said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PartyStatement {
    /// The party signs by ink.
    Signed {
        name: String,
        /// Such as 法定代表人, 店长.
        capacity: String,
        ink: Ink,
    },
    /// The party refuses: reason and witness.
    Refused {
        reason: String,
        witness_name: String,
        witness_capacity: String,
    },
}

/// The party's statement as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartyView {
    pub statement: PartyStatement,
    pub at: i64,
    pub sha256: String,
}

/// A member whose own tablet is not waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Exclusion {
    pub person: String,
    /// Why; stands in every statement.
    pub reason: String,
}

/// Begins signing: the heads are fixed from here on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BeginSignOff {
    #[serde(default)]
    pub excluded: Vec<Exclusion>,
}

/// An inspector's signature: ink, and the PIN that opens the key.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct InspectorSignature {
    pub person: String,
    pub pin: String,
    pub ink: Ink,
}

/// A signature that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    pub person: String,
    pub name: String,
    pub role: String,
    pub signed_at: i64,
    /// `valid`, `superseded` (valid for the state it signed, changed since), `not_here_yet` or `invalid`.
    pub state: String,
    /// How many changes came after the signed state.
    pub superseded_by: u32,
    pub round: u32,
}

/// The seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seal {
    pub round: u32,
    pub sealed_at: i64,
    /// First 8 and last 4 hex digits of `subject_sha256`, in groups of four.
    pub fingerprint: String,
    pub subject_sha256: String,
}

/// Sign-off as it stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignOff {
    pub task: String,
    pub round: u32,
    pub stage: SignStage,
    pub missing: MissingList,
    pub signers: Vec<Signer>,
    pub party: Option<PartyView>,
    pub signatures: Vec<SignatureView>,
    /// Of the fixed heads, once begun.
    pub subject_sha256: Option<String>,
    pub seal: Option<Seal>,
}

/// A section of the readable record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewSection {
    pub title: String,
    pub rows: Vec<PreviewRow>,
}

/// A line of the readable record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewRow {
    pub label: String,
    pub value: String,
    /// Note or remark below the value.
    pub note: Option<String>,
    /// `good`, `bad` or `neutral`.
    pub tone: String,
    /// Photos that belong to the line.
    pub photos: Vec<String>,
    pub raw: Option<Scalar>,
    /// Who wrote what stands here.
    pub by: Vec<PreviewAuthor>,
    /// Handwriting that belongs to the line.
    pub ink: Option<Ink>,
}

/// Whose words a line holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewAuthor {
    pub person: String,
    pub name: String,
    /// The author's tablet's clock, ms.
    pub at: i64,
    /// Was relieved since; what they wrote stays under their name (X5).
    pub relieved: bool,
}

/// The record as it will read 《双随机抽查记录表》.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    pub title: String,
    pub number: String,
    pub sections: Vec<PreviewSection>,
}

/// How far signing is and what is missing.
#[utoipa::path(get, path = "/api/tasks/{task}/sign-off", tag = "sign-off", params(("task" = String, Path)),
    responses((status = 200, body = SignOff)))]
pub async fn sign_off(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<SignOff> {
    blocking(agent, move |a| a.sign_off(&me, &task)).await
}

/// The record as it will read.
#[utoipa::path(get, path = "/api/tasks/{task}/preview", tag = "sign-off", params(("task" = String, Path)),
    responses((status = 200, body = Preview)))]
pub async fn preview(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<Preview> {
    blocking(agent, move |a| a.preview(&me, &task)).await
}

/// Begins signing: fixes the heads. Refused with `not_complete` and the list of what is missing.
#[utoipa::path(post, path = "/api/tasks/{task}/sign-off", tag = "sign-off", params(("task" = String, Path)), request_body = BeginSignOff,
    responses((status = 200, body = SignOff), (status = 409, description = "`not_complete` with `missing`", body = super::Problem)))]
pub async fn begin(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Body(request): Body<BeginSignOff>,
) -> Answer<SignOff> {
    blocking(agent, move |a| a.begin_sign_off(&me, &task, request)).await
}

/// Abandons signing before the seal: the record can be written again, given signatures stay in the log as superseded.
#[utoipa::path(delete, path = "/api/tasks/{task}/sign-off", tag = "sign-off", params(("task" = String, Path)),
    responses((status = 200, body = SignOff), (status = 409, description = "`sealed`", body = super::Problem)))]
pub async fn cancel(State(agent): Shared, Me(me): Me, Path(task): Path<String>) -> Answer<SignOff> {
    blocking(agent, move |a| a.cancel_sign_off(&me, &task)).await
}

/// The party's ink, or its refusal.
#[utoipa::path(post, path = "/api/tasks/{task}/sign-off/party", tag = "sign-off", params(("task" = String, Path)), request_body = PartyStatement,
    responses((status = 200, body = SignOff), (status = 409, body = super::Problem), (status = 422, body = super::Problem)))]
pub async fn party(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Body(request): Body<PartyStatement>,
) -> Answer<SignOff> {
    blocking(agent, move |a| a.party_statement(&me, &task, request)).await
}

/// One inspector signs, by ink and PIN. The last one seals the record.
#[utoipa::path(post, path = "/api/tasks/{task}/sign-off/inspectors", tag = "sign-off", params(("task" = String, Path)), request_body = InspectorSignature,
    responses((status = 200, body = SignOff), (status = 401, description = "`wrong_pin` with `tries_left`", body = super::Problem),
        (status = 409, body = super::Problem), (status = 422, body = super::Problem)))]
pub async fn inspector(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Body(request): Body<InspectorSignature>,
) -> Answer<SignOff> {
    blocking(agent, move |a| a.inspector_signature(&me, &task, request)).await
}
