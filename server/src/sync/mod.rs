//! The office's half of the sync: what tablets bring is judged, kept and passed on (F7, design §4).
//!
//! One request follows [`receive`] (read, judge in a child, apply in one transaction) and
//! [`respond`] (the next stretch of the device's feed). Photos travel apart, in [`blobs`]. Where no network
//! is, [`bundle`] brings the same by file.

pub mod blobs;
pub mod bundle;
mod held;
pub mod pool;
pub mod quarantine;
pub mod receive;
pub mod respond;
mod routes;
pub mod seal;
pub mod store;
pub mod worker;

pub use routes::router;
