//! Who may talk to the agent: only pages that this tablet's owner opened.
//!
//! The server listens on the loopback interface, which every program and every web page on the
//! tablet can reach. So: the `Host` must be the loopback address that was bound (no DNS rebinding),
//! an `Origin` must be our own, unsafe methods must not come from another site, and every request
//! needs the launch cookie, which only the one-time launch address gives. Cookies do not separate by
//! port, so their names carry the agent's id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::Problem;
use crate::Agent;
use crate::ports::Clock;

const CSP: &str = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; \
    connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A session that nobody uses for so long is ended, in milliseconds.
pub const LOCK_AFTER_MS: i64 = 15 * 60_000;

/// Makes an unguessable token: 64 hex digits.
pub type TokenSource = dyn Fn() -> String + Send + Sync;

/// Tokens and sessions; they live in memory only, so that a restart locks the tablet.
pub struct Access {
    agent: String,
    tokens: Box<TokenSource>,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    used: tokio::sync::Notify,
}

#[derive(Default)]
struct Inner {
    /// `127.0.0.1:PORT`, once bound.
    host: Option<String>,
    launch_links: Vec<String>,
    launched: Vec<String>,
    sessions: HashMap<String, Session>,
}

struct Session {
    person: String,
    /// By the clock that never jumps.
    used_at: i64,
}

impl Access {
    /// `agent` is the agent's id, part of the cookies' names.
    pub fn new(agent: String, tokens: Box<TokenSource>, clock: Arc<dyn Clock>) -> Self {
        Access {
            agent,
            tokens,
            clock,
            inner: Mutex::default(),
            used: tokio::sync::Notify::new(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the address that was bound, such as `127.0.0.1:40123`.
    pub fn bound(&self, host: String) {
        self.inner().host = Some(host);
    }

    /// A fresh address that works once.
    pub fn new_launch_url(&self) -> String {
        let token = (self.tokens)();
        let mut inner = self.inner();
        inner.launch_links.push(token.clone());
        let host = inner.host.clone().unwrap_or_else(|| "localhost".into());
        format!("http://{host}/launch?token={token}")
    }

    /// Begins a session of `person` and returns its token.
    pub fn begin_session(&self, person: &str) -> String {
        let token = (self.tokens)();
        let session = Session {
            person: person.to_owned(),
            used_at: self.clock.monotonic_ms(),
        };
        self.inner().sessions.insert(token.clone(), session);
        token
    }

    /// Ends one session. Returns whether any is left.
    pub fn end_session(&self, token: Option<&str>) -> bool {
        let mut inner = self.inner();
        if let Some(token) = token {
            inner.sessions.remove(token);
        }
        !inner.sessions.is_empty()
    }

    /// Ends every session, as when the tablet is revoked.
    pub fn end_all_sessions(&self) {
        self.inner().sessions.clear();
    }

    /// The token of the session that the request carries.
    pub fn session_token(&self, headers: &HeaderMap) -> Option<String> {
        cookie(headers, &self.session_name())
    }

    /// Who has unlocked the session that the request carries, unless it was left unused for too long.
    /// `uses`: somebody does something, and not a screen that keeps itself up to date.
    pub fn person(&self, headers: &HeaderMap, uses: bool) -> Option<String> {
        let token = self.session_token(headers)?;
        let now = self.clock.monotonic_ms();
        let mut inner = self.inner();
        let session = inner.sessions.get_mut(&token)?;
        if now - session.used_at >= LOCK_AFTER_MS {
            inner.sessions.remove(&token);
            return None;
        }
        if uses {
            session.used_at = now;
        }
        Some(session.person.clone())
    }

    fn session_name(&self) -> String {
        format!("dr_tablet_{}", self.agent)
    }

    fn launch_name(&self) -> String {
        format!("dr_launch_{}", self.agent)
    }

    /// The header that begins a session in the browser.
    pub fn session_cookie(&self, token: &str) -> (HeaderName, String) {
        (
            header::SET_COOKIE,
            format!(
                "{}={token}; Path=/; HttpOnly; SameSite=Strict",
                self.session_name()
            ),
        )
    }

    /// The header that ends it.
    pub fn ended_session_cookie(&self) -> (HeaderName, String) {
        (
            header::SET_COOKIE,
            format!(
                "{}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0",
                self.session_name()
            ),
        )
    }

    /// Uses a launch token up; the answer is the value of the launch cookie.
    fn launch(&self, token: &str) -> Option<String> {
        let fresh = (self.tokens)();
        let mut inner = self.inner();
        let at = inner.launch_links.iter().position(|t| same(t, token))?;
        inner.launch_links.remove(at);
        inner.launched.push(fresh.clone());
        self.used.notify_one();
        Some(fresh)
    }

    /// Waits until a launch address has been used, so that a host can lay a fresh one ready.
    pub async fn launch_used(&self) {
        self.used.notified().await;
    }

    fn is_launched(&self, headers: &HeaderMap) -> bool {
        cookie(headers, &self.launch_name())
            .is_some_and(|value| self.inner().launched.iter().any(|t| same(t, &value)))
    }

    fn right_host(&self, headers: &HeaderMap) -> bool {
        let host = self.inner().host.clone();
        // Without a bound socket the router is called directly, and there is no Host to check.
        host.is_none_or(|bound| header_text(headers, header::HOST) == Some(bound.as_str()))
    }

    fn right_origin(&self, method: &Method, headers: &HeaderMap) -> bool {
        let Some(host) = self.inner().host.clone() else {
            return true;
        };
        if let Some(origin) = header_text(headers, header::ORIGIN) {
            return origin == format!("http://{host}");
        }
        let safe = method.is_safe();
        match header_text(headers, HeaderName::from_static("sec-fetch-site")) {
            Some("same-origin") | None => true,
            Some("none") => safe,
            Some(_) => false,
        }
    }
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(n, _)| *n == name)
        .map(|(_, value)| value.to_owned())
}

/// Compares in a time that does not depend on where the texts differ.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |acc, (x, y)| acc | (x ^ y))
            == 0
}

/// Lets through what comes from the tablet's own pages; answers the launch address.
pub async fn guard(State(agent): State<Arc<Agent>>, request: Request, next: Next) -> Response {
    let access = agent.access();
    let mut response = if !access.right_host(request.headers()) {
        Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong_host",
            "地址不对：请从平板应用打开。",
        )
        .into_response()
    } else if request.uri().path() == "/launch" {
        launch(access, request.uri().query().unwrap_or_default())
    } else if !access.right_origin(request.method(), request.headers()) {
        Problem::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "拒绝来自其他网页的请求。",
        )
        .into_response()
    } else if !access.is_launched(request.headers()) {
        Problem::new(
            StatusCode::FORBIDDEN,
            "not_launched",
            "请从平板应用图标打开，不要直接输入地址。",
        )
        .into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(CSP),
    );
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn launch(access: &Access, query: &str) -> Response {
    let token = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("token="))
        .unwrap_or_default();
    match access.launch(token) {
        Some(value) => (
            StatusCode::SEE_OTHER,
            [
                (
                    header::SET_COOKIE,
                    format!(
                        "{}={value}; Path=/; HttpOnly; SameSite=Strict",
                        access.launch_name()
                    ),
                ),
                (header::LOCATION, "/".to_owned()),
            ],
        )
            .into_response(),
        None => Problem::new(
            StatusCode::FORBIDDEN,
            "launch_used",
            "这个启动地址已经用过或无效，请重新从平板应用图标打开。",
        )
        .into_response(),
    }
}

/// The inspector who has unlocked this session.
pub struct Me(pub String);

impl FromRequestParts<Arc<Agent>> for Me {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, Problem> {
        agent
            .access()
            .person(&parts.headers, !parts.method.is_safe())
            .map(Me)
            .ok_or_else(|| {
                Problem::new(
                    StatusCode::UNAUTHORIZED,
                    "locked",
                    "平板已锁定，请输入 PIN 解锁。",
                )
            })
    }
}

/// The inspector who has unlocked this session, if one has.
pub struct MaybeMe(pub Option<String>);

impl FromRequestParts<Arc<Agent>> for MaybeMe {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        agent: &Arc<Agent>,
    ) -> Result<Self, Self::Rejection> {
        Ok(MaybeMe(agent.access().person(&parts.headers, false)))
    }
}

/// A JSON body whose faults are told as a [`Problem`].
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Agent>> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, agent: &Arc<Agent>) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, agent).await {
            Ok(Json(value)) => Ok(Body(value)),
            Err(refused) => Err(Problem::bad(
                "bad_body",
                format!("请求内容无法读取：{}", refused.body_text()),
            )),
        }
    }
}
