//! Enrolment: how a tablet and its inspectors become known to the server (S2).
//!
//! An administrator issues a one-time code for a tablet and its inspectors. The tablet asks what
//! the code stands for (`POST /enrol/v1/check`), makes its keys, lets each inspector choose a PIN,
//! and registers the public halves (`POST /enrol/v1`). Each key signs for itself, so nobody can
//! register a key that they do not hold. Both bodies are JSON.

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

use crate::ids::{DeviceId, Key};
use crate::signing::{self, Sig};

const PROOF: &str = "application/vnd.double-random.enrol.v1";

/// `POST /enrol/v1/check`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolCheck {
    pub code: String,
}

/// What a code stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolOffer {
    pub device_name: String,
    /// Key of the server; it signs rosters and is the author of root changes.
    pub server_key: Key,
    pub inspectors: Vec<EnrolInspector>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolInspector {
    pub person: String,
    pub name: String,
    pub unit: String,
}

/// `POST /enrol/v1`. A repeated request with the same keys is answered like the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    pub code: String,
    pub device_key: Key,
    /// 128 hex digits, see [`proof`].
    pub device_proof: String,
    pub version: String,
    pub inspectors: Vec<EnrolledKey>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledKey {
    pub person: String,
    pub key: Key,
    /// 128 hex digits, see [`proof`].
    pub proof: String,
}

/// The answer: the tablet is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    pub device: DeviceId,
    pub server_key: Key,
    /// Milliseconds since 1970 UTC.
    pub server_time: i64,
}

/// Proof that `secret` is held: its signature over code, device key and person (empty for the
/// device itself), joined by line feeds.
pub fn proof(secret: &SigningKey, code: &str, device: &Key, person: &str) -> String {
    hex::encode(signing::sign(secret, PROOF, &proof_body(code, device, person)).0)
}

/// Whether `proof` was made by `key`.
pub fn proof_holds(proof: &str, key: &Key, code: &str, device: &Key, person: &str) -> bool {
    let mut sig = [0; 64];
    hex::decode_to_slice(proof, &mut sig).is_ok()
        && signing::verify(key, PROOF, &proof_body(code, device, person), &Sig(sig))
}

fn proof_body(code: &str, device: &Key, person: &str) -> Vec<u8> {
    format!("{code}\n{device}\n{person}").into_bytes()
}
