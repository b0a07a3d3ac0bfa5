//! State of the tablet, enrolment, unlocking and locking.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, MaybeMe, Me};
use super::{Answer, Shared, blocking};

/// What the tablet shows before anybody has unlocked it, and who has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AgentState {
    /// Id of this agent; the cookies carry it in their names.
    pub agent: String,
    pub version: String,
    /// Whether the tablet has been enrolled at a server.
    pub enrolled: bool,
    /// Address of the server, once enrolled.
    pub server: Option<String>,
    /// Device id, 32 hex digits, once enrolled.
    pub device: Option<String>,
    pub device_name: Option<String>,
    /// No inspector has unlocked this session.
    pub locked: bool,
    /// Who has unlocked this session.
    pub me: Option<InspectorCard>,
    /// Inspectors who have a key slot on this tablet.
    pub inspectors: Vec<InspectorCard>,
    /// When the server last answered a sync, ms.
    pub last_sync_at: Option<i64>,
    /// Records with something the server has not confirmed.
    pub unconfirmed_records: u32,
    /// Photos that the server has not confirmed.
    pub unconfirmed_photos: u32,
    /// Since when something waits for the server: `none`, `one_day`, `three_days` (lesson 24).
    pub warning: String,
    /// Rises with every change that a screen could show; poll it cheaply.
    pub revision: u64,
    /// This tablet's clock, ms.
    pub now: i64,
    /// Server clock minus tablet clock at the last sync, ms; flagged on screen beyond two minutes (lesson 19).
    pub clock_offset_ms: Option<i64>,
    /// Least length of a PIN on this tablet, in characters.
    pub pin_min_length: u32,
    /// When the office had this tablet wipe itself, ms; until it is enrolled again.
    pub wiped_at: Option<i64>,
}

/// One inspector of this tablet, as a card on the unlock screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InspectorCard {
    pub person: String,
    pub name: String,
    pub unit: String,
    /// Number of the enforcement certificate 执法证号.
    pub certificate: String,
    /// Wrong PINs that are still allowed.
    pub tries_left: u32,
    /// Until when the next try is refused, ms.
    pub wait_until: Option<i64>,
}

/// An inspector and the PIN.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct UnlockRequest {
    pub person: String,
    /// Six characters or more.
    pub pin: String,
}

/// The PIN of who has unlocked.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct HandBack {
    pub pin: String,
    /// What the office has refused for good is given up with the tablet.
    #[serde(default)]
    pub give_up_refused: bool,
}

/// Where to enrol, and the one-time code that an administrator issued.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolLookup {
    /// `https://…`, or `http://` for a server on this machine.
    pub server: String,
    pub code: String,
}

/// For whom the code was issued.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolOffer {
    /// The server's name for this tablet.
    pub device_name: String,
    pub inspectors: Vec<EnrolInspector>,
}

/// An inspector for whom the tablet is to make a signing key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolInspector {
    pub person: String,
    pub name: String,
    pub unit: String,
}

/// Enrols the tablet: every inspector of the offer chooses a PIN.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct EnrolRequest {
    pub server: String,
    pub code: String,
    pub pins: Vec<UnlockRequest>,
}

/// A fresh one-time address that opens the app in another window or browser of this machine.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LaunchLink {
    pub url: String,
}

/// State of the tablet; needs no PIN.
#[utoipa::path(get, path = "/api/state", tag = "unlock", responses((status = 200, body = AgentState)))]
pub async fn state(State(agent): Shared, MaybeMe(me): MaybeMe) -> Answer<AgentState> {
    blocking(agent, move |a| a.state(me.as_deref())).await
}

/// Unlocks with a PIN and begins a session (cookie).
#[utoipa::path(post, path = "/api/unlock", tag = "unlock", request_body = UnlockRequest,
    responses((status = 200, body = AgentState), (status = 401, description = "`wrong_pin` with `tries_left`", body = super::Problem),
        (status = 429, description = "`pin_wait` with `retry_after_ms`", body = super::Problem),
        (status = 423, description = "`slot_closed`", body = super::Problem)))]
pub async fn unlock(
    State(agent): Shared,
    Body(request): Body<UnlockRequest>,
) -> Result<Response, super::Problem> {
    let cookie_agent = agent.clone();
    let (token, state) =
        blocking_raw(agent, move |a| a.unlock(&request.person, &request.pin)).await?;
    Ok((
        [cookie_agent.access().session_cookie(&token)],
        axum::Json(state),
    )
        .into_response())
}

/// Puts a store aside that `store_damaged` was said of, and unlocks an empty one under the same keys, so that the tablet
/// can be worked with. The damaged one is kept for `field-agent rescue`; the next sync brings what the office has.
#[utoipa::path(post, path = "/api/store/put-aside", tag = "unlock", request_body = UnlockRequest,
    responses((status = 200, body = AgentState), (status = 401, description = "`wrong_pin` with `tries_left`", body = super::Problem),
        (status = 409, description = "`store_whole`, `keys_lost`, `sync_running`", body = super::Problem),
        (status = 423, description = "`slot_closed`", body = super::Problem)))]
pub async fn put_store_aside(
    State(agent): Shared,
    Body(request): Body<UnlockRequest>,
) -> Result<Response, super::Problem> {
    let cookie_agent = agent.clone();
    let (token, state) = blocking_raw(agent, move |a| {
        a.put_store_aside(&request.person, &request.pin)
    })
    .await?;
    Ok((
        [cookie_agent.access().session_cookie(&token)],
        axum::Json(state),
    )
        .into_response())
}

/// Ends the session of this browser.
#[utoipa::path(post, path = "/api/lock", tag = "unlock", responses((status = 200, body = AgentState)))]
pub async fn lock(State(agent): Shared, headers: HeaderMap) -> Result<Response, super::Problem> {
    let cookie_agent = agent.clone();
    let token = agent.access().session_token(&headers);
    let state = blocking_raw(agent, move |a| a.lock(token.as_deref())).await?;
    Ok((
        [cookie_agent.access().ended_session_cookie()],
        axum::Json(state),
    )
        .into_response())
}

/// Somebody uses the tablet: it does not lock itself yet. What screens load by themselves does not
/// count as use.
#[utoipa::path(post, path = "/api/active", tag = "unlock", responses((status = 204)))]
pub async fn active(_me: Me) -> axum::http::StatusCode {
    axum::http::StatusCode::NO_CONTENT
}

/// Hands the tablet back: its inspectors, keys and records are destroyed, and it can be enrolled anew.
/// The PIN is that of who has unlocked this session.
#[utoipa::path(post, path = "/api/hand-back", tag = "unlock", request_body = HandBack,
    responses((status = 200, body = AgentState), (status = 401, description = "`wrong_pin` with `tries_left`", body = super::Problem),
        (status = 409, description = "`not_all_confirmed`; `recording_open` with `recordings`; `refused_work` and `damaged_kept`: again with `give_up_refused` when that is to be lost", body = super::Problem)))]
pub async fn hand_back(
    State(agent): Shared,
    Me(me): Me,
    Body(request): Body<HandBack>,
) -> Answer<AgentState> {
    blocking(agent, move |a| a.hand_back(&me, &request)).await
}

/// Asks the server for whom the code was issued; uses nothing up.
#[utoipa::path(post, path = "/api/enrol/lookup", tag = "enrol", request_body = EnrolLookup,
    responses((status = 200, body = EnrolOffer), (status = 422, body = super::Problem), (status = 502, body = super::Problem)))]
pub async fn enrol_lookup(
    State(agent): Shared,
    Body(request): Body<EnrolLookup>,
) -> Answer<EnrolOffer> {
    agent.enrol_lookup(request).await.map(axum::Json)
}

/// Makes the device key and each inspector's signing key under the PIN, and registers the public keys.
#[utoipa::path(post, path = "/api/enrol", tag = "enrol", request_body = EnrolRequest,
    responses((status = 200, body = AgentState), (status = 409, description = "`already_enrolled`", body = super::Problem),
        (status = 422, body = super::Problem), (status = 502, body = super::Problem)))]
pub async fn enrol(State(agent): Shared, Body(request): Body<EnrolRequest>) -> Answer<AgentState> {
    agent.enrol(request).await.map(axum::Json)
}

/// Makes a fresh one-time launch address.
#[utoipa::path(post, path = "/api/launch-links", tag = "unlock", responses((status = 200, body = LaunchLink)))]
pub async fn launch_link(State(agent): Shared, _me: Me) -> Answer<LaunchLink> {
    Ok(axum::Json(LaunchLink {
        url: agent.access().new_launch_url(),
    }))
}

use super::blocking_raw;
