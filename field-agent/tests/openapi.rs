//! The committed OpenAPI document is the one that the code describes (T2).

#[test]
fn t2_committed_openapi_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    let fresh = field_agent::api::openapi_json().expect("the document serialises");
    assert!(
        committed == fresh,
        "run `cargo run -p field-agent -- openapi > field-agent/openapi.json`"
    );
}
