//! The tablet's agent: the record without network, photos, signatures, sync.
//!
//! [`Agent`] is the core. It opens no socket, starts no thread and reads no clock of its own: a host
//! gives it clock, randomness and a way to fetch, and calls [`api::router`].

pub mod agent;
pub mod api;

pub use agent::Agent;
