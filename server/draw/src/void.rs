//! `void.json`: that a committed draw is void 作废. SPEC.md §9. (D5)

use crate::fault::{Fault, What};
use crate::text::{is_hash, is_plain, is_time};
use serde::{Deserialize, Serialize};

pub(crate) const FILE: &str = "void.json";

/// Why and when a draw became void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Void {
    /// `YYYY-MM-DDTHH:MM:SS+08:00`.
    pub at: String,
    /// The commitment of the transcript.
    pub commitment: String,
    /// 1 to 200 characters.
    pub reason: String,
}

impl Void {
    /// The canonical text (RFC 8785), without LF at its end.
    ///
    /// # Errors
    /// The first value that is not allowed.
    pub fn to_text(&self) -> Result<Vec<u8>, Fault> {
        let bad = |detail: &str| Err(Fault::new(FILE, 0, What::Rule, detail));
        if !is_time(&self.at) {
            return bad("at must read YYYY-MM-DDTHH:MM:SS+08:00");
        }
        if !is_hash(self.commitment.as_bytes()) {
            return bad("commitment must be 64 lower-case hexadecimal digits");
        }
        if !is_plain(&self.reason, 1) {
            return bad(
                "reason: 1 to 200 characters, no control characters, no space at either end",
            );
        }
        serde_json_canonicalizer::to_vec(self)
            .map_err(|e| Fault::new(FILE, 0, What::Form, e.to_string()))
    }

    /// Reads `void.json` and holds it against the commitment.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub(crate) fn read(bytes: &[u8], commitment: &str) -> Result<Void, Fault> {
        std::str::from_utf8(bytes).map_err(|_| Fault::new(FILE, 0, What::NotText, "not UTF-8"))?;
        let void: Void = serde_json::from_slice(bytes)
            .map_err(|e| Fault::new(FILE, e.line() as u64, What::Form, e.to_string()))?;
        if void.to_text()? != bytes {
            let detail = "not in the canonical form of RFC 8785";
            return Err(Fault::new(FILE, 0, What::NotCanonical, detail));
        }
        if void.commitment != commitment {
            let detail = format!("SHA-256 of manifest.txt is {commitment}");
            return Err(Fault::new(FILE, 0, What::Commitment, detail));
        }
        Ok(void)
    }
}
