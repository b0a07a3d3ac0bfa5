//! How often somebody may look themselves up. The salts cannot be guessed; this keeps a flood of questions
//! from the database.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

use crate::config::Config;

/// Questions of one address in a minute.
const A_MINUTE: u32 = 30;
/// A minute in milliseconds.
const MINUTE: i64 = 60_000;
/// More addresses than this are swept.
const KEYS: usize = 10_000;

/// Counts questions by network address.
#[derive(Default)]
pub struct Pace {
    asked: Mutex<HashMap<String, (i64, u32)>>,
}

impl Pace {
    /// Whether one more question from this address is answered now.
    pub fn may(&self, address: &str, now: i64) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() > KEYS {
            asked.retain(|_, (since, _)| now - *since < MINUTE);
        }
        let (since, count) = asked.entry(address.to_owned()).or_insert((now, 0));
        if now - *since >= MINUTE {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= A_MINUTE
    }
}

/// From where a request comes. Behind a proxy that speaks TLS for this server, what it says last.
pub fn address(config: &Config, parts: &Parts) -> String {
    let behind_proxy = config.secure_cookies && config.tls.is_none();
    let told = parts
        .headers
        .get("x-forwarded-for")
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.rsplit(',').next())
        .map(str::trim)
        .filter(|a| behind_proxy && (1..=64).contains(&a.len()));
    let peer = || {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        info.map_or_else(|| "unknown".to_owned(), |info| info.0.ip().to_string())
    };
    told.map_or_else(peer, str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    // S2
    #[test]
    fn thirty_questions_a_minute() {
        let pace = Pace::default();
        for n in 0..30 {
            assert!(pace.may("a", n));
        }
        assert!(!pace.may("a", 31));
        assert!(pace.may("b", 31), "another address is not concerned");
        assert!(pace.may("a", MINUTE), "a minute later");
    }

    #[rstest::rstest]
    #[case::direct(false, "unknown")]
    #[case::behind_a_proxy(true, "203.0.113.9")]
    fn only_a_proxy_is_believed(#[case] behind: bool, #[case] expected: &str) {
        let mut config = Config::local(std::path::Path::new("x"));
        config.secure_cookies = behind;
        let request = axum::http::Request::builder()
            .header("x-forwarded-for", "1.2.3.4, 203.0.113.9")
            .body(())
            .unwrap();
        assert_eq!(address(&config, &request.into_parts().0), expected);
    }
}
