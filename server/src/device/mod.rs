//! Tablets: enrolment by a one-time code, the fleet, revocation (S2, X6).
//!
//! A code stands for one tablet and its inspectors. It is shown once; only its hash is kept. The
//! tablet makes its keys itself and registers the public halves; private keys never leave it.

mod enrol;
mod routes;
pub mod store;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rng::{Rng, bytes};

pub use enrol::router as enrol_router;
pub use routes::router;

/// How long an enrolment code is good for, in milliseconds.
pub const CODE_LIFE: i64 = 24 * 60 * 60 * 1000;

/// A tablet in the list of the fleet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceRow {
    pub device: String,
    pub name: String,
    pub department: String,
    pub version: String,
    pub inspectors: Vec<DeviceInspector>,
    pub enrolled_at: i64,
    pub last_contact_at: Option<i64>,
    /// Changes, signatures and photos that the tablet had not had confirmed at its last contact.
    pub unsynced: i64,
    pub free_bytes: Option<i64>,
    /// Device clock minus server clock, milliseconds.
    pub clock_offset_ms: Option<i64>,
    pub revoked_at: Option<i64>,
    pub revoked_reason: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DeviceInspector {
    pub person: String,
    pub name: String,
    pub unit: String,
}

/// A code of 12 characters in groups of four, without letters that look alike: 60 bits.
pub fn new_code(rng: &dyn Rng) -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let letters: Vec<u8> = bytes::<12>(rng)
        .iter()
        .map(|b| ALPHABET[usize::from(b & 31)])
        .collect();
    let group = |i: usize| String::from_utf8_lossy(&letters[i..i + 4]).into_owned();
    [group(0), group(4), group(8)].join("-")
}

/// The code as people type it: without regard to case, spaces and hyphens.
pub fn normal_code(typed: &str) -> String {
    typed
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn a_code_is_read_back_however_it_is_typed() {
        let code = new_code(&SeededRng::new(1));
        assert_eq!(code.len(), 14);
        assert_eq!(
            normal_code(&code),
            normal_code(&code.to_lowercase().replace('-', " "))
        );
        assert_ne!(code, new_code(&SeededRng::new(2)));
    }
}
