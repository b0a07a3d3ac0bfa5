//! Failed sign-ins, by login and by network address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many failed sign-ins are free within [`WINDOW`].
const FREE: usize = 5;
/// Fifteen minutes in milliseconds.
const WINDOW: i64 = 15 * 60 * 1000;
/// More keys than this are swept.
const KEYS: usize = 10_000;

/// Remembers failures for fifteen minutes. A restart forgets them, which an attacker cannot cause.
pub struct Throttle {
    free: usize,
    failures: Mutex<HashMap<String, Vec<i64>>>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self::after(FREE)
    }
}

impl Throttle {
    /// So many failures are free within fifteen minutes.
    pub fn after(free: usize) -> Self {
        Self {
            free,
            failures: Mutex::default(),
        }
    }

    /// Minutes to wait before the next attempt; `None` when it may be made now.
    pub fn wait(&self, key: &str, now: i64) -> Option<i64> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let recent: Vec<i64> = failures
            .get(key)?
            .iter()
            .copied()
            .filter(|at| now - at < WINDOW)
            .collect();
        let oldest = *recent.get(recent.len().checked_sub(self.free)?)?;
        Some(((oldest + WINDOW - now) / 60_000).max(0) + 1)
    }

    /// Notes a failure.
    pub fn failed(&self, key: &str, now: i64) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() > KEYS {
            failures.retain(|_, times| times.iter().any(|at| now - at < WINDOW));
        }
        let times = failures.entry(key.to_owned()).or_default();
        times.retain(|at| now - at < WINDOW);
        times.push(now);
    }

    /// A success forgives.
    pub fn succeeded(&self, key: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // S2
    #[test]
    fn five_failures_close_the_door_for_a_quarter_of_an_hour() {
        let throttle = Throttle::default();
        for n in 0..5 {
            assert_eq!(throttle.wait("wang", n), None);
            throttle.failed("wang", n);
        }
        assert_eq!(throttle.wait("wang", 5), Some(15));
        assert_eq!(throttle.wait("li", 5), None);
        assert_eq!(throttle.wait("wang", WINDOW), None);
        throttle.succeeded("wang");
        assert_eq!(throttle.wait("wang", 5), None);
    }
}
