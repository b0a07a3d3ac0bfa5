//! Identifiers.

use crate::rng::{Rng, bytes};

/// A UUIDv7 as lower-case text with hyphens: sorts by the time it was made.
pub fn uuid_v7(now: i64, rng: &dyn Rng) -> String {
    let millis = u64::try_from(now).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes::<10>(rng))
        .into_uuid()
        .to_string()
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(data: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SeededRng;

    #[test]
    fn ids_sort_by_time_and_differ_within_a_millisecond() {
        let rng = SeededRng::new(1);
        let (a, b, c) = (
            uuid_v7(1000, &rng),
            uuid_v7(1000, &rng),
            uuid_v7(1001, &rng),
        );
        assert!(a != b && a < c && b < c);
        assert_eq!(a.len(), 36);
        assert_eq!(&a[14..15], "7");
    }
}
