//! Where a tablet is, as a person types it or as the QR code on its screen says it.

use std::net::SocketAddr;

use ::sync::ids::Key;

/// How the text of the QR code begins.
const SCHEME: &str = "double-random:tablet?";
/// A tablet has few addresses.
const MOST: usize = 8;

/// A tablet as it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meant {
    /// Whose certificate must be shown there; `None` when only an address was typed.
    pub key: Option<Key>,
    pub addresses: Vec<SocketAddr>,
}

/// The text of the QR code: `double-random:tablet?key=HEX&at=IP:PORT`, `at` once for each address.
pub(super) fn link(key: &Key, addresses: &[SocketAddr]) -> String {
    let at = addresses.iter().take(MOST).map(|a| format!("&at={a}"));
    format!("{SCHEME}key={key}{}", at.collect::<String>())
}

impl Meant {
    /// Reads `ip:port`, or the text of a QR code.
    pub(super) fn parse(text: &str) -> Option<Meant> {
        let text = text.trim();
        let Some(fields) = text.strip_prefix(SCHEME) else {
            let addresses = vec![text.parse().ok()?];
            return Some(Meant {
                key: None,
                addresses,
            });
        };
        let (mut key, mut addresses) = (None, Vec::new());
        for field in fields.split('&') {
            match field.split_once('=') {
                Some(("key", hex)) => key = Some(hex.parse().ok()?),
                Some(("at", address)) => addresses.push(address.parse().ok()?),
                // What a later program may add.
                _ => {}
            }
        }
        let few = (1..=MOST).contains(&addresses.len());
        (few && key.is_some()).then_some(Meant { key, addresses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn what_the_code_says_is_read_back() {
        let key = Key([7; 32]);
        let addresses: Vec<SocketAddr> = ["192.168.1.20:40123", "[fe80::1]:9"]
            .iter()
            .filter_map(|a| a.parse().ok())
            .collect();
        let read = Meant::parse(&link(&key, &addresses));
        let key = Some(key);
        let meant = Some(Meant { key, addresses });
        assert_eq!(read, meant);
        let later = link(&Key([7; 32]), &meant.as_ref().expect("there").addresses) + "&new&more=1&";
        assert_eq!(Meant::parse(&later), meant, "what a later program adds");
    }

    #[rstest]
    #[case("")]
    #[case("kitchen")]
    #[case("192.168.1.20")]
    #[case("double-random:tablet?at=192.168.1.20:1")]
    #[case("double-random:tablet?key=00&at=192.168.1.20:1")]
    #[case("https://server.test/#enrol=CODE")]
    fn what_is_neither_is_refused(#[case] text: &str) {
        assert_eq!(Meant::parse(text), None);
        // The key alone says nothing of where.
        assert_eq!(Meant::parse(&link(&Key([7; 32]), &[])), None);
    }

    #[test]
    fn a_typed_address_names_no_tablet() {
        let read = Meant::parse(" 192.168.1.20:40123 ").map(|m| (m.key, m.addresses.len()));
        assert_eq!(read, Some((None, 1)));
    }
}
