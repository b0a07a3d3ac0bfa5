//! An office of the draw stories: a real server with a fictitious register, and people at screens.

#![allow(dead_code, reason = "each story uses a part of it")]

use std::sync::Arc;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use server::clock::ManualClock;
use server::config::Config;
use server::host::{self, RunningServer};
use server::rng::SeededRng;

/// 2026-11-24 10:00 in China.
pub const NOW: i64 = 1_795_485_600_000;
/// Everybody's password.
pub const PASSWORD: &str = "a password of mine 1";
pub const DAY: i64 = 86_400_000;

pub struct Office {
    pub server: RunningServer,
    pub clock: Arc<ManualClock>,
    _folder: tempfile::TempDir,
}

/// Somebody at a screen.
pub struct Person {
    pub client: Client,
    pub url: String,
    pub csrf: String,
}

impl Office {
    /// An office whose scope holds 50 objects in two risk classes, with 8 inspectors who may be drawn.
    pub async fn open() -> Self {
        Self::open_at(NOW, |_| ()).await
    }

    /// The same at another time, with another configuration.
    pub async fn open_at(now: i64, configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(now));
        let mut config = Config::local(folder.path());
        configure(&mut config);
        let server = host::start(config, clock.clone(), Arc::new(SeededRng::new(7)))
            .await
            .unwrap();
        server
            .state
            .db
            .write(|tx| Ok(tx.execute_script(include_str!("registers.sql"))?))
            .await
            .unwrap();
        Self {
            server,
            clock,
            _folder: folder,
        }
    }

    pub fn person(&self) -> Person {
        let client = Client::builder().cookie_store(true).build().unwrap();
        Person {
            client,
            url: self.server.url(),
            csrf: String::new(),
        }
    }

    pub async fn administrator(&self) -> Person {
        let mut admin = self.person();
        let once = self
            .server
            .first_administrator
            .clone()
            .unwrap()
            .one_time_password;
        admin.sign_in("admin", &once).await;
        admin.choose_password(&once).await;
        admin
    }

    /// Somebody with these roles in the department of the tests.
    pub async fn with_roles(&self, admin: &Person, login: &str, roles: &[&str]) -> Person {
        self.with_roles_in("market", admin, login, roles).await
    }

    /// Somebody with these roles in a department, or in all.
    pub async fn with_roles_in(
        &self,
        department: &str,
        admin: &Person,
        login: &str,
        roles: &[&str],
    ) -> Person {
        let grants: Vec<Value> = roles
            .iter()
            .map(|r| json!({ "role": r, "department": department }))
            .collect();
        let home = Some(department).filter(|d| !d.is_empty());
        let form = json!({ "login": login, "name": login, "department": home,
            "grants": grants, "status": "active" });
        let made = admin.post("/api/accounts", form).await;
        let once = made["one_time_password"].as_str().unwrap().to_owned();
        let mut person = self.person();
        person.sign_in(login, &once).await;
        person.choose_password(&once).await;
        person
    }
}

impl Person {
    pub async fn sign_in(&mut self, login: &str, password: &str) {
        let body = json!({ "login": login, "password": password });
        let session = self.post("/api/session", body).await;
        self.csrf = session["csrf_token"].as_str().unwrap().to_owned();
    }

    pub async fn choose_password(&mut self, once: &str) {
        let body = json!({ "old": once, "new": PASSWORD });
        let answer = self
            .ask(Method::POST, "/api/session/password", Some(body))
            .await;
        assert!(answer.status().is_success());
    }

    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Response {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.url))
            .header("x-csrf-token", &self.csrf);
        if let Some(body) = body {
            request = request.json(&body);
        }
        request.send().await.unwrap()
    }

    pub async fn done(response: reqwest::Response) -> Value {
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }

    pub async fn get(&self, path: &str) -> Value {
        Self::done(self.ask(Method::GET, path, None).await).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Value {
        Self::done(self.ask(Method::POST, path, Some(body)).await).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Value {
        Self::done(self.ask(Method::PUT, path, Some(body)).await).await
    }

    /// Status and code of a refusal.
    pub async fn refused(&self, method: Method, path: &str, body: Value) -> (u16, String) {
        let answer = self.ask(method, path, Some(body)).await;
        let status = answer.status().as_u16();
        let problem: Value = answer.json().await.unwrap();
        (
            status,
            problem["code"].as_str().unwrap_or_default().to_owned(),
        )
    }

    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.bytes().await.unwrap().to_vec()
    }
}

/// 25 rolls of a die.
pub fn rolls() -> Vec<u32> {
    (0..25).map(|n| (n * 5 + n / 4) % 6 + 1).collect()
}
