//! The tablet's agent: the record without network, photos, signatures, sync.
//!
//! [`Agent`] is the core. It opens no socket, starts no thread and reads no clock of its own: a host
//! gives it clock, randomness and a way to fetch, and calls [`api::router`].

#![allow(
    clippy::result_large_err,
    reason = "a Problem is made once per refused request; boxing it would only cost clarity"
)]

#[cfg(test)]
extern crate self as field_agent;

pub mod agent;
pub mod api;
pub mod host;
pub mod photos;
pub mod ports;
pub mod rescue;
pub mod store;
pub mod vault;

pub use agent::Agent;
