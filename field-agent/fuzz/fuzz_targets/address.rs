//! What is typed or scanned to reach another tablet, compiled from its own source.
#![no_main]
#![allow(dead_code, reason = "not all of it is used")]

#[path = "../../src/agent/nearby/address.rs"]
mod address;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let read = std::str::from_utf8(data).ok().and_then(address::Meant::parse);
    if let Some(address::Meant {
        key: Some(key),
        addresses,
    }) = read
    {
        let again = address::Meant::parse(&address::link(&key, &addresses));
        assert!(again.is_some_and(|a| a.key == Some(key) && a.addresses == addresses));
    }
});
