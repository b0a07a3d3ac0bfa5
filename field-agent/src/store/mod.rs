//! The encrypted store: everything that a tablet must not lose and must not give away.

pub mod blobs;
pub mod migrate;
