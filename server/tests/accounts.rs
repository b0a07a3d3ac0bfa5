//! Signing in, rights and the journal, through a real server.

use std::sync::Arc;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use server::clock::ManualClock;
use server::config::Config;
use server::host::{self, RunningServer};
use server::rng::SeededRng;

const NOW: i64 = 1_764_000_000_000;
const HOUR: i64 = 3_600_000;

struct Office {
    server: RunningServer,
    clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

/// A browser: keeps cookies, repeats the token.
struct Browser {
    client: Client,
    url: String,
    csrf: String,
}

impl Office {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(NOW));
        let server = host::start(
            Config::local(folder.path()),
            clock.clone(),
            Arc::new(SeededRng::new(7)),
        )
        .await
        .unwrap();
        Self {
            server,
            clock,
            _folder: folder,
        }
    }

    fn browser(&self) -> Browser {
        let client = Client::builder().cookie_store(true).build().unwrap();
        Browser {
            client,
            url: self.server.url(),
            csrf: String::new(),
        }
    }

    fn first_password(&self) -> String {
        self.server
            .first_administrator
            .clone()
            .unwrap()
            .one_time_password
    }

    /// The administrator, who has changed the one-time password.
    async fn administrator(&self) -> Browser {
        let mut browser = self.browser();
        browser.sign_in("admin", &self.first_password()).await;
        let change = json!({ "old": self.first_password(), "new": "a password of mine 1" });
        let (status, _) = browser
            .send(Method::POST, "/api/session/password", Some(change))
            .await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        browser
    }
}

impl Browser {
    async fn sign_in(&mut self, login: &str, password: &str) -> StatusCode {
        let body = json!({ "login": login, "password": password });
        let (status, session) = self.send(Method::POST, "/api/session", Some(body)).await;
        self.csrf = session["csrf_token"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        status
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("x-csrf-token", &self.csrf);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.send(Method::GET, path, None).await
    }
}

// S1 S2: the first run makes the administrator, who must change the one-time password first
#[tokio::test]
async fn the_first_administrator_changes_the_password_before_anything_else() {
    let office = Office::open().await;
    let mut browser = office.browser();
    assert_eq!(
        browser.sign_in("admin", &office.first_password()).await,
        StatusCode::OK
    );
    let (status, problem) = browser.get("/api/accounts").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::FORBIDDEN, &json!("must_change_password"))
    );

    let administrator = office.administrator().await;
    let (status, list) = administrator.get("/api/accounts").await;
    assert_eq!((status, &list["total"]), (StatusCode::OK, &json!(1)));
    // The other session ended with the old password.
    assert_eq!(
        browser.get("/api/session").await.0,
        StatusCode::UNAUTHORIZED
    );
    office.server.stop().await;
}

// S1
#[tokio::test]
async fn an_account_can_do_what_its_roles_say_and_no_more() {
    let office = Office::open().await;
    let administrator = office.administrator().await;
    let form = json!({ "login": "auditor", "name": "审计员",
        "grants": [{ "role": "auditor", "department": "" }] });
    let (status, made) = administrator
        .send(Method::POST, "/api/accounts", Some(form.clone()))
        .await;
    assert_eq!(status, StatusCode::CREATED);
    let (status, again) = administrator
        .send(Method::POST, "/api/accounts", Some(form))
        .await;
    assert_eq!(
        (status, &again["code"]),
        (StatusCode::CONFLICT, &json!("duplicate"))
    );

    let mut auditor = office.browser();
    let password = made["one_time_password"].as_str().unwrap();
    auditor.sign_in("auditor", password).await;
    let change = json!({ "old": password, "new": "another password 2" });
    auditor
        .send(Method::POST, "/api/session/password", Some(change))
        .await;
    assert_eq!(auditor.get("/api/journal").await.0, StatusCode::OK);
    let form = json!({ "login": "friend", "name": "朋友", "grants": [] });
    let (status, problem) = auditor
        .send(Method::POST, "/api/accounts", Some(form))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::FORBIDDEN, &json!("forbidden"))
    );

    // Disabled: out at once.
    let id = made["account"]["id"].as_str().unwrap();
    let form = json!({ "name": "审计员", "grants": [], "status": "disabled" });
    let path = format!("/api/accounts/{id}");
    assert_eq!(
        administrator.send(Method::PUT, &path, Some(form)).await.0,
        StatusCode::OK
    );
    assert_eq!(
        auditor.get("/api/session").await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        auditor.sign_in("auditor", "another password 2").await,
        StatusCode::UNAUTHORIZED
    );
    office.server.stop().await;
}

// S2: CSRF
#[tokio::test]
async fn an_unsafe_request_without_the_token_is_refused() {
    let office = Office::open().await;
    let mut administrator = office.administrator().await;
    administrator.csrf = "guessed".into();
    let form = json!({ "login": "x1", "name": "某", "grants": [] });
    let (status, problem) = administrator
        .send(Method::POST, "/api/accounts", Some(form))
        .await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::FORBIDDEN, &json!("csrf"))
    );
    assert_eq!(administrator.get("/api/accounts").await.0, StatusCode::OK);
    office.server.stop().await;
}

// S2: sessions that can be ended
#[rstest::rstest]
#[case::working(&[HOUR, HOUR, HOUR], StatusCode::OK)]
#[case::idle(&[3 * HOUR], StatusCode::UNAUTHORIZED)]
#[case::a_long_day(&[HOUR; 12], StatusCode::UNAUTHORIZED)]
#[tokio::test]
async fn a_session_lasts_a_working_day(#[case] pauses: &[i64], #[case] expected: StatusCode) {
    let office = Office::open().await;
    let administrator = office.administrator().await;
    let mut last = StatusCode::OK;
    for pause in pauses {
        office.clock.advance(*pause);
        last = administrator.get("/api/session").await.0;
    }
    assert_eq!(last, expected);
    office.server.stop().await;
}

// S2
#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let office = Office::open().await;
    let administrator = office.administrator().await;
    let (status, _) = administrator
        .send(Method::DELETE, "/api/session", None)
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(
        administrator.get("/api/session").await.0,
        StatusCode::UNAUTHORIZED
    );
    office.server.stop().await;
}

// S2: rate limit
#[tokio::test]
async fn guessing_is_slowed_down() {
    let office = Office::open().await;
    let mut browser = office.browser();
    for _ in 0..5 {
        assert_eq!(
            browser.sign_in("admin", "wrong password").await,
            StatusCode::UNAUTHORIZED
        );
    }
    let right = office.first_password();
    assert_eq!(
        browser.sign_in("admin", &right).await,
        StatusCode::TOO_MANY_REQUESTS
    );
    office.clock.advance(16 * 60_000);
    assert_eq!(browser.sign_in("admin", &right).await, StatusCode::OK);
    office.server.stop().await;
}

// K2: every write leaves a trace, and outsiders get a signed checkpoint
#[tokio::test]
async fn acts_are_journalled_and_the_journal_verifies() {
    let office = Office::open().await;
    let administrator = office.administrator().await;
    let (_, list) = administrator.get("/api/journal?act=account").await;
    let acts: Vec<&str> = list["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["act"].as_str().unwrap())
        .collect();
    assert_eq!(acts, ["account.password", "account.create"]);
    let (_, verdict) = administrator.get("/api/journal/verify").await;
    assert_eq!(verdict["intact"], true);
    let (status, note) = office.browser().get("/api/journal/checkpoint").await;
    let note = note.as_str().unwrap();
    assert_eq!(status, StatusCode::OK);
    assert!(note.starts_with("double-random/journal\n") && note.contains("\n\n— double-random "));
    let (_, csv) = administrator.get("/api/journal.csv").await;
    assert!(csv.as_str().unwrap().contains("account.password"));
    office.server.stop().await;
}

#[tokio::test]
async fn what_does_not_exist_is_a_problem_in_json() {
    let office = Office::open().await;
    let (status, problem) = office.browser().get("/api/nothing").await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    let (status, _) = office.browser().get("/console/assets/missing.js").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    office.server.stop().await;
}
