//! What the office's database holds for the sync.

mod aside;
mod blobs;
mod devices;
mod feed;
mod records;

pub use aside::*;
pub use blobs::*;
pub use devices::*;
pub use feed::*;
pub use records::*;

use ::sync::signing::Sig;

use crate::db::{DbError, Result, Row};

/// Reads a value that our own code wrote in its text form.
fn parsed<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> Result<T> {
    let text: String = row.get(index)?;
    text.parse().map_err(|_| DbError::Column {
        index,
        expected: std::any::type_name::<T>(),
    })
}

fn sig(row: &Row<'_>, index: usize) -> Result<Option<Sig>> {
    let bytes: Option<Vec<u8>> = row.get(index)?;
    bytes
        .map(|b| <[u8; 64]>::try_from(b).map(Sig))
        .transpose()
        .map_err(|_| DbError::Column {
            index,
            expected: "signature of 64 bytes",
        })
}

fn to_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
