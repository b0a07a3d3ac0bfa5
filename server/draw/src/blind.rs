//! Blinded ids and their openings. SPEC.md §7.
//!
//! What is published of an object or inspector is `SHA-256(salt ‖ LF ‖ id)` with
//! `salt = HMAC-SHA-256(key of the draw, kind ‖ "/" ‖ id)`: who knows neither key nor salt can neither guess an id from it
//! nor find the same object in two draws; who is given the salt can check it.

use crate::fault::{Fault, What};
use crate::frame::Frame;
use crate::text::{fields, in_order, is_hash, is_token, rows};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub(crate) const FILE: &str = "openings.csv";
pub(crate) const HEADER: &str = "kind,id,salt";

/// Whose id it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// 执法检查人员, or an expert
    Inspector,
    /// 检查对象
    Object,
}

impl Kind {
    /// As in `openings.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Inspector => "inspector",
            Kind::Object => "object",
        }
    }
}

/// An id that was hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blinded {
    /// 64 hexadecimal digits, secret until opened.
    pub salt: String,
    /// 64 hexadecimal digits, published.
    pub hash: String,
}

/// Hides ids with the key of one draw.
#[derive(Clone)]
pub struct Blinder(Hmac<Sha256>);

impl Blinder {
    /// A key of 32 random bytes, used for one draw only.
    pub fn new(key: &[u8; 32]) -> Blinder {
        // HMAC pads its key to one block with zeros itself; a whole block cannot fail to be a key.
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        Blinder(Hmac::<Sha256>::new(&block.into()))
    }

    /// Hides an id (`[A-Za-z0-9-]{1,64}`).
    pub fn blind(&self, kind: Kind, id: &str) -> Blinded {
        let salt = self
            .0
            .clone()
            .chain_update(kind.name())
            .chain_update(b"/")
            .chain_update(id)
            .finalize();
        let salt = hex::encode(salt.into_bytes());
        Blinded {
            hash: open(&salt, id),
            salt,
        }
    }
}

/// The blinded id that an opening leads to.
pub fn open(salt: &str, id: &str) -> String {
    let hash = Sha256::new()
        .chain_update(salt)
        .chain_update(b"\n")
        .chain_update(id)
        .finalize();
    hex::encode(hash)
}

/// Holds openings against a frame; returns how many there are.
pub(crate) fn check(bytes: &[u8], frame: &Frame<'_>) -> Result<usize, Fault> {
    let mut last: Option<&str> = None;
    let rows = rows(FILE, bytes, HEADER)?;
    for (n, line) in &rows {
        let [kind, id, salt] = fields::<3>(FILE, *n, line)?;
        if !matches!(kind, "inspector" | "object")
            || !is_token(id.as_bytes(), 64)
            || !is_hash(salt.as_bytes())
        {
            let detail =
                "\"inspector\" or \"object\", an id and a salt of 64 hexadecimal digits expected";
            return Err(Fault::new(FILE, *n, What::Form, detail));
        }
        let hash = open(salt, id);
        let there = match kind {
            "inspector" => {
                frame.corps.find(&hash).is_some() || kept_out(&frame.excluded.inspectors, &hash)
            }
            _ => frame.objects.find(&hash).is_some() || kept_out(&frame.excluded.objects, &hash),
        };
        if !there {
            return Err(Fault::new(
                FILE,
                *n,
                What::Unknown,
                format!("no such {kind} in this draw: {hash}"),
            ));
        }
        if last.is_some_and(|last| {
            last.rsplit_once(',').map(|l| l.0) == line.rsplit_once(',').map(|l| l.0)
        }) {
            return Err(Fault::new(
                FILE,
                *n,
                What::Duplicate,
                "this id is opened twice",
            ));
        }
        in_order(FILE, *n, last, line)?;
        last = Some(line);
    }
    Ok(rows.len())
}

fn kept_out(ids: &[&str], hash: &str) -> bool {
    ids.binary_search(&hash).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::sha256_hex;

    #[test]
    fn an_opening_is_checked_with_sha256sum() {
        // D2: printf '%s\n%s' "$salt" "$id" | sha256sum
        let b = Blinder::new(&[7; 32]).blind(Kind::Object, "91440300MA5F0001XX");
        assert_eq!(
            b.hash,
            sha256_hex(format!("{}\n91440300MA5F0001XX", b.salt).as_bytes())
        );
        assert_ne!(
            b.salt,
            Blinder::new(&[7; 32])
                .blind(Kind::Inspector, "91440300MA5F0001XX")
                .salt
        );
    }
}
