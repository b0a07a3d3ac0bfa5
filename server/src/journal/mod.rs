//! The journal 操作日志 (K2): who did what, when, from where. Append-only, hash-chained, and a
//! transparency log: its checkpoint is a C2SP signed note over the RFC 6962 root of all entries,
//! so that outsiders who hold an earlier checkpoint can hold the office to its word.
//!
//! Each entry is kept as the exact text that was hashed: canonical JSON (RFC 8785) with `seq`,
//! `at`, `actor`, `actor_name`, `act`, `subject`, `before`, `after`, `detail`, `origin` and `prev`
//! (the hash of the entry before it; 64 zeros for the first). Its hash is the SHA-256 of that text.

pub mod merkle;
pub mod note;
mod routes;
mod store;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use routes::router;
pub use store::{append, verify};

use crate::account::Actor;

/// What the chain starts from.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One act, before it has its place in the chain.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Account id, or `server`, or `device:…`.
    pub actor: String,
    /// The name that people know; kept because accounts change theirs.
    pub actor_name: String,
    /// `thing.verb`, such as `object.update`.
    pub act: String,
    /// What it was done to, such as `object/0190…`.
    pub subject: String,
    /// SHA-256 of the thing before.
    pub before: Option<String>,
    /// SHA-256 of the thing after.
    pub after: Option<String>,
    /// What a reader needs to understand the act: reason, counts, numbers. No personal data.
    pub detail: Value,
    /// From where: network address, `console`, `cli`.
    pub origin: String,
}

impl Entry {
    /// An act of a person who is signed in.
    pub fn by(actor: &Actor, at: i64, act: &str, subject: impl Into<String>) -> Self {
        Self {
            actor: actor.account.clone(),
            actor_name: actor.name.clone(),
            origin: actor.origin.clone(),
            ..Self::by_server(at, act, subject)
        }
    }

    /// An act of the server itself.
    pub fn by_server(at: i64, act: &str, subject: impl Into<String>) -> Self {
        Self {
            at,
            actor: "server".into(),
            actor_name: "server".into(),
            act: act.into(),
            subject: subject.into(),
            before: None,
            after: None,
            detail: Value::Null,
            origin: "server".into(),
        }
    }

    /// Hashes what the thing was before.
    #[must_use]
    pub fn before(mut self, bytes: &[u8]) -> Self {
        self.before = Some(crate::ids::sha256_hex(bytes));
        self
    }

    /// Hashes what the thing is now.
    #[must_use]
    pub fn after(mut self, bytes: &[u8]) -> Self {
        self.after = Some(crate::ids::sha256_hex(bytes));
        self
    }

    /// Adds what a reader needs to understand the act.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// An entry in its place: the text that is hashed is its canonical JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Chained {
    /// From 1, without gaps.
    pub seq: i64,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
    /// Account id, `server`, or `device:…`.
    pub actor: String,
    /// The name at that time.
    pub actor_name: String,
    /// `thing.verb`.
    pub act: String,
    /// What it was done to.
    pub subject: String,
    /// SHA-256 of the thing before.
    pub before: Option<String>,
    /// SHA-256 of the thing after.
    pub after: Option<String>,
    /// What a reader needs to understand the act.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// From where.
    pub origin: String,
    /// Hash of the entry before.
    pub prev: String,
}

/// Why the journal cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The text does not have the hash that stands beside it.
    #[error("entry {0}: the text was changed after it was written")]
    Hash(i64),
    /// The text names another predecessor.
    #[error("entry {0}: does not follow the entry before it")]
    Chain(i64),
    /// The text cannot be read, or its columns say something else.
    #[error("entry {0}: cannot be read")]
    Text(i64),
    /// A number is missing.
    #[error("entry {0} is missing")]
    Gap(i64),
}

/// Checks one link of the chain and returns the hash for the next.
pub fn check_link(seq: i64, prev: &str, text: &str, hash: &str) -> Result<String, Broken> {
    let entry: Chained = serde_json::from_str(text).map_err(|_| Broken::Text(seq))?;
    if crate::ids::sha256_hex(text.as_bytes()) != hash {
        return Err(Broken::Hash(seq));
    }
    if entry.prev != prev || entry.seq != seq {
        return Err(Broken::Chain(seq));
    }
    Ok(hash.to_owned())
}
