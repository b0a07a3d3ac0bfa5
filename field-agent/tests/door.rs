//! Who may talk to the agent on its loopback address (S2).

mod common;

use common::*;
use serde_json::json;

async fn status(client: &reqwest::Client, url: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("answers");
    (
        answer.status().as_u16(),
        answer.text().await.unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_launched_browser_of_this_tablet_gets_in() {
    let server = Server::new();
    let tablet = Tablet::new(&server, 1).await;
    let url = tablet.url("/api/state");
    let stranger = reqwest::Client::new();
    assert_eq!(
        status(&stranger, &url, &[]).await.0,
        403,
        "no launch cookie"
    );
    assert_eq!(status(&stranger, &tablet.url("/"), &[]).await.0, 403);
    let launch = tablet.running.as_ref().expect("runs").launch_url.clone();
    assert_eq!(
        status(&stranger, &launch, &[]).await.0,
        403,
        "a launch address works once"
    );
    assert_eq!(
        status(&stranger, &tablet.url("/launch?token="), &[])
            .await
            .0,
        403
    );

    let friend = reqwest::Client::builder()
        .cookie_store(true)
        .build()
        .expect("client");
    let fresh = tablet.running.as_ref().expect("runs").new_launch_url();
    assert_eq!(status(&friend, &fresh, &[]).await.0, 200);
    assert_eq!(status(&friend, &url, &[]).await.0, 200);
    let (refused, body) = status(&friend, &url, &[("host", "evil.example")]).await;
    assert_eq!(refused, 421, "DNS rebinding: {body}");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        assert_eq!(
            status(&friend, &url, &[(name, value)]).await.0,
            403,
            "{name}: {value}"
        );
    }
    let answer = friend.get(&url).send().await.expect("answers");
    let csp = answer
        .headers()
        .get("content-security-policy")
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    assert!(csp.contains("default-src 'self'") && csp.contains("frame-ancestors 'none'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolled_tablet_is_locked_until_a_pin_and_says_how_many_tries_are_left() {
    let server = Server::new();
    server.issue("CODE-1", &["zhang"]);
    let tablet = Tablet::new(&server, 1).await;
    let state = tablet.ok("/api/state").await;
    assert_eq!(
        (state["enrolled"].as_bool(), state["locked"].as_bool()),
        (Some(false), Some(true))
    );
    let (status, body) = tablet
        .post(
            "/api/enrol/lookup",
            json!({"server": "https://server.test", "code": "WRONG"}),
        )
        .await;
    assert_eq!((status, body["code"].as_str()), (422, Some("unknown_code")));
    let (status, body) = tablet
        .post(
            "/api/enrol/lookup",
            json!({"server": "http://server.test", "code": "CODE-1"}),
        )
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (422, Some("bad_server")),
        "no plain HTTP over the network"
    );
    let weak = json!({"server": "https://server.test", "code": "CODE-1", "pins": [{"person": "zhang", "pin": "123456"}]});
    let (status, body) = tablet.post("/api/enrol", weak).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("weak_pin")));
    tablet.enrol("CODE-1", &[("zhang", "135790")]).await;
    let (status, body) = tablet
        .post(
            "/api/enrol/lookup",
            json!({"server": "https://server.test", "code": "X"}),
        )
        .await;
    assert_eq!(
        (status, body["code"].as_str()),
        (409, Some("already_enrolled"))
    );
    for path in ["/api/tasks", "/api/sync", "/api/diagnostics"] {
        assert_eq!(tablet.get(path).await.0, 401, "{path}");
    }
    let (status, body) = tablet
        .post("/api/unlock", json!({"person": "zhang", "pin": "000001"}))
        .await;
    assert_eq!(
        (status, body["tries_left"].as_u64()),
        (401, Some(9)),
        "{body}"
    );
    tablet.unlock("zhang", "135790").await;
    let diagnostics = tablet.ok("/api/diagnostics").await;
    assert!(
        diagnostics["cipher_version"].is_string() && diagnostics["key_store"] == "file",
        "{diagnostics}"
    );
    // F8: nothing of the inspector's work can be read from the folder.
    for entry in std::fs::read_dir(tablet.path()).expect("lists") {
        let path = entry.expect("entry").path();
        if path
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with("store"))
        {
            let bytes = std::fs::read(&path).expect("reads");
            assert!(!bytes.starts_with(b"SQLite format 3"), "{}", path.display());
        }
    }
}
