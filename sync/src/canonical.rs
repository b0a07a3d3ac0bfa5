//! Canonical JSON (RFC 8785): the one way in which a value is written when it is hashed or signed.

use serde::Serialize;

/// The canonical bytes of `value`.
///
/// # Panics
/// Never for the types of this crate: their maps have string keys and their numbers are integers.
pub fn to_vec<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value)
        .expect("integers, strings and maps with string keys always have a canonical form")
}
