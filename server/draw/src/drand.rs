//! Rounds of drand quicknet as the last source of chance. SPEC.md §3.1, §4.1.
//!
//! A league of independent organisations signs the number of each round with a key that none of them holds alone: nobody
//! knows a round before its time, and everybody can check it afterwards.

use drand_verify::{G2PubkeyRfc, Pubkey};

/// Hash of the chain quicknet: scheme `bls-unchained-g1-rfc9380`, a round every 3 seconds.
pub const QUICKNET: &str = "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971";
const PUBLIC_KEY: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a";
const GENESIS: i64 = 1_692_803_367;
const PERIOD: i64 = 3;
const ROUND_MAX: u64 = 1_000_000_000_000;

/// When a round (1 to 10¹²) comes into being, seconds since 1970 in UTC.
pub fn round_at(round: u64) -> Option<i64> {
    let number = (1..=ROUND_MAX).contains(&round).then_some(round)?;
    Some(GENESIS + PERIOD * (i64::try_from(number).ok()? - 1))
}

/// The first round that comes into being at or after this time, seconds since 1970 in UTC.
pub fn first_round_after(seconds: i64) -> u64 {
    let since = (seconds - GENESIS).max(0).cast_unsigned();
    (since.div_ceil(PERIOD.cast_unsigned()) + 1).min(ROUND_MAX)
}

/// Whether `signature` (96 hexadecimal digits) is that of this round.
pub fn is_round_signature(round: u64, signature: &str) -> bool {
    let point = |text: &str| hex::decode(text).unwrap_or_default();
    let Some(key) = <[u8; 96]>::try_from(point(PUBLIC_KEY))
        .ok()
        .and_then(|key| G2PubkeyRfc::from_fixed(key).ok())
    else {
        return false;
    };
    key.verify(round, b"", &point(signature)).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::real(
        123,
        "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92",
        true
    )]
    #[case::another_round(
        124,
        "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92",
        false
    )]
    #[case::another_digit(
        123,
        "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc93",
        false
    )]
    #[case::no_point(123, "00", false)]
    #[case::nothing(123, "", false)]
    fn a_round_is_verified_without_network(
        #[case] round: u64,
        #[case] signature: &str,
        #[case] right: bool,
    ) {
        // D2
        assert_eq!(is_round_signature(round, signature), right);
    }

    #[test]
    fn rounds_have_their_time() {
        assert_eq!(round_at(1), Some(1_692_803_367));
        assert_eq!(round_at(123), Some(1_692_803_733));
        assert_eq!((round_at(0), round_at(u64::MAX)), (None, None));
        for (at, round) in [
            (0, 1),
            (1_692_803_367, 1),
            (1_692_803_368, 2),
            (1_692_803_370, 2),
            (1_692_803_733, 123),
        ] {
            assert_eq!(first_round_after(at), round, "{at}");
        }
    }
}
