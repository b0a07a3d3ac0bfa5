//! Time, passed in.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, FixedOffset, NaiveDate, Offset, Utc};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch, UTC.
    fn now(&self) -> i64;
}

/// The system's clock; only hosts make one.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one place where the server asks the system
    fn now(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
    }
}

/// A clock that stands still until it is moved; for tests and rehearsals.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at this many milliseconds since the Unix epoch.
    pub fn new(now: i64) -> Self {
        Self(AtomicI64::new(now))
    }

    /// Moves the clock; negative values move it back.
    pub fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock.
    pub fn set(&self, now: i64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// China time, UTC+8, all year since 1991.
pub fn china() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).unwrap_or_else(|| Utc.fix())
}

/// The date in China at this moment; the epoch's date for moments that chrono cannot hold.
pub fn china_date(millis: i64) -> NaiveDate {
    DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .with_timezone(&china())
        .date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::evening_utc_is_tomorrow_in_china(1_700_000_000_000, "2023-11-15")] // 22:13 UTC on the 14th
    #[case::epoch(0, "1970-01-01")]
    #[case::beyond_all_calendars(i64::MAX, "1970-01-01")]
    fn dates_are_those_of_china(#[case] millis: i64, #[case] date: &str) {
        assert_eq!(china_date(millis).to_string(), date);
    }
}
