//! Colleagues' tablets on the local network (F6).

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, Me};
use super::{Answer, Shared, blocking};
use crate::agent::nearby::FoundBy;

/// A colleague's tablet in reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NearbyTablet {
    /// `ip:port`
    pub address: String,
    pub found_by: FoundBy,
    /// Name of the tablet; empty until it has answered.
    pub name: String,
    /// Inspectors of the tablet.
    pub people: Vec<String>,
    /// When its log was last read to the end.
    pub last_success_at: Option<i64>,
    /// In plain Chinese words.
    pub error: Option<String>,
    /// A word of `NearbyFault`, or the code of a problem of this tablet itself.
    pub error_code: Option<String>,
    /// It has asked for everything that is on this tablet.
    pub has_all: bool,
}

/// What is known of other tablets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Nearby {
    /// Whether this tablet may be found and asked.
    pub enabled: bool,
    /// Where it listens, `ip:port`, to be typed or scanned on another tablet.
    pub addresses: Vec<String>,
    /// What the QR code says: where it listens and which tablet it is.
    pub link: Option<String>,
    /// The QR code for a colleague to scan.
    pub qr_svg: Option<String>,
    pub tablets: Vec<NearbyTablet>,
    /// What was handed over and not taken in, newest first.
    pub kept_out: Vec<KeptOut>,
}

/// Changes that were handed over and not taken in: they lie in this tablet's quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeptOut {
    pub task: String,
    /// Number of the task.
    pub number: String,
    pub object: String,
    /// In whose name it was; not proven.
    pub person: String,
    /// Stable word.
    pub code: String,
    /// Why, and what to do, in plain Chinese words.
    pub text: String,
    pub count: u32,
    pub at: i64,
}

/// Whether this tablet may be found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct NearbyPolicy {
    pub enabled: bool,
}

/// Where another tablet is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NearbyAddress {
    /// `ip:port`, or what its QR code says: then no other tablet is talked to at that address.
    pub address: String,
}

/// Colleagues' tablets in reach.
#[utoipa::path(get, path = "/api/nearby", tag = "sync", responses((status = 200, body = Nearby)))]
pub async fn nearby(State(agent): Shared, _me: Me) -> Answer<Nearby> {
    blocking(agent, |a| a.nearby()).await
}

/// Lets colleagues' tablets find this one, or no longer.
#[utoipa::path(put, path = "/api/nearby", tag = "sync", request_body = NearbyPolicy, responses((status = 200, body = Nearby)))]
pub async fn set_nearby(
    State(agent): Shared,
    _me: Me,
    Body(policy): Body<NearbyPolicy>,
) -> Answer<Nearby> {
    blocking(agent, move |a| a.set_nearby(policy.enabled)).await
}

/// Adds a tablet by an address that was typed or scanned.
#[utoipa::path(post, path = "/api/nearby/tablets", tag = "sync", request_body = NearbyAddress, responses((status = 200, body = Nearby),
    (status = 400, description = "`bad_address`", body = super::Problem), (status = 409, description = "`own_tablet`, `not_a_colleague`", body = super::Problem)))]
pub async fn add_nearby(
    State(agent): Shared,
    _me: Me,
    Body(tablet): Body<NearbyAddress>,
) -> Answer<Nearby> {
    blocking(agent, move |a| a.add_nearby(&tablet.address)).await
}
