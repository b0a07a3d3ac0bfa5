//! The local network: this tablet is found and answers while its inspectors want it (F6).

mod announce;
mod door;
mod tls;

pub use tls::{TlsTablets, server_config};

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, OriginalUri, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use sync::session::MAX_CHUNK;

use crate::agent::Agent;
use crate::agent::nearby::Denied;

/// How often every known tablet is asked: a colleague's answer is seen soon, and an idle question is small.
const EVERY: Duration = Duration::from_secs(3);
/// Longest body of a question, in bytes: it holds a place in a log, or a port.
const MOST_ASKED: usize = 64 << 10;

/// Serves and asks for as long as the agent lives and its inspectors want it.
pub(super) async fn run(agent: Arc<Agent>, listen: SocketAddr) {
    loop {
        let identity = agent.nearby_identity().filter(|_| agent.nearby_wanted());
        if let Some(device) = identity {
            match tls::server_config(&device) {
                Ok(config) => serve(&agent, listen, config).await,
                Err(error) => tracing::error!(%error, "no certificate for other tablets"),
            }
            agent.nearby_listening(Vec::new());
        }
        tokio::select! {
            () = agent.nearby_changed() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Listens until the wish ends.
async fn serve(agent: &Arc<Agent>, listen: SocketAddr, config: Arc<rustls::ServerConfig>) {
    let listener = match std::net::TcpListener::bind(listen) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(%error, %listen, "other tablets cannot be heard");
            return;
        }
    };
    let Ok(bound) = listener.local_addr() else {
        return;
    };
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let config = axum_server::tls_rustls::RustlsConfig::from_config(config);
    let Ok(server) = axum_server::from_tcp(listener) else {
        return;
    };
    let tls = axum_server::tls_rustls::RustlsAcceptor::new(config).acceptor(door::Door::default());
    let server = server.acceptor(tls);
    let handle = axum_server::Handle::new();
    let app = router(agent.clone()).into_make_service_with_connect_info::<SocketAddr>();
    let serving = tokio::spawn(server.handle(handle.clone()).serve(app));
    let serving = Serving { handle, serving };
    agent.nearby_listening(reachable(bound));
    let announced = announce::Announcement::start(agent.clone(), bound);
    ask_all(agent).await;
    drop(announced);
    drop(serving);
}

/// The open door: closed with all that go in and out when this is dropped, also because the agent stops.
struct Serving {
    handle: axum_server::Handle<SocketAddr>,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.handle.shutdown();
        self.serving.abort();
    }
}

/// Asks every known tablet again and again while it is wanted; one that is slow, or means to be, holds up
/// no other.
async fn ask_all(agent: &Arc<Agent>) {
    let mut passes = tokio::task::JoinSet::new();
    let mut under_way = BTreeSet::new();
    while agent.nearby_wanted() {
        for address in agent.nearby_addresses() {
            if under_way.insert(address) {
                let agent = agent.clone();
                passes.spawn(async move {
                    agent.nearby_pass(address).await;
                    address
                });
            }
        }
        let again = tokio::time::sleep(EVERY);
        tokio::pin!(again);
        loop {
            tokio::select! {
                () = agent.nearby_changed() => break,
                () = &mut again => break,
                Some(done) = passes.join_next() => match done {
                    Ok(address) => drop(under_way.remove(&address)),
                    // A pass that broke down does not say which it was: all are asked anew.
                    Err(_) => {
                        passes.abort_all();
                        under_way.clear();
                    }
                },
            }
        }
    }
}

/// The addresses that a person can type on another tablet.
fn reachable(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![bound];
    }
    let own = if_addrs::get_if_addrs().unwrap_or_default();
    let ips: BTreeSet<IpAddr> = own
        .into_iter()
        .filter(|i| !i.is_loopback() && i.ip().is_ipv4())
        .map(|i| i.ip())
        .collect();
    ips.into_iter()
        .map(|ip| SocketAddr::new(ip, bound.port()))
        .collect()
}

fn router(agent: Arc<Agent>) -> axum::Router {
    axum::Router::new()
        // Whoever comes learns whose certificate it is that was shown, and nothing else.
        .route("/nearby/v1", get(|| async { StatusCode::NO_CONTENT }))
        .route("/nearby/v1/hello", post(hello))
        .route("/nearby/v1/rosters", post(rosters))
        .route("/nearby/v1/sync", post(sync))
        .route("/nearby/v1/blobs/{task}/{sha256}", get(blob))
        .layer(DefaultBodyLimit::max(MOST_ASKED))
        .with_state(agent)
}

fn auth(headers: &HeaderMap) -> String {
    let value = headers.get(axum::http::header::AUTHORIZATION);
    value
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
        .to_owned()
}

/// Path and query as they were signed.
fn asked(uri: &axum::http::Uri) -> String {
    uri.path_and_query()
        .map_or_else(String::new, ToString::to_string)
}

async fn answered<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Denied> + Send + 'static,
) -> Result<T, StatusCode> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
        .map_err(Denied::status)
}

async fn hello(
    State(agent): State<Arc<Agent>>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, auth) = (asked(&uri), auth(&headers));
    let done = answered(move || agent.nearby_hello(from, &path, &body, &auth)).await;
    match done {
        Ok(hello) => axum::Json(hello).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn rosters(
    State(agent): State<Arc<Agent>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, auth) = (asked(&uri), auth(&headers));
    match answered(move || agent.nearby_rosters(&path, &body, &auth)).await {
        Ok(newer) => axum::Json(newer).into_response(),
        Err(status) => status.into_response(),
    }
}

async fn sync(
    State(agent): State<Arc<Agent>>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (path, auth) = (asked(&uri), auth(&headers));
    match answered(move || agent.nearby_serve(&path, &body, &auth)).await {
        Ok(bytes) => bytes.into_response(),
        Err(status) => status.into_response(),
    }
}

#[derive(Deserialize)]
struct Part {
    from: usize,
    length: usize,
}

async fn blob(
    State(agent): State<Arc<Agent>>,
    Path((task, sha256)): Path<(String, String)>,
    Query(part): Query<Part>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let (Ok(task), Ok(sha256)) = (task.parse(), sha256.parse()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (path, auth) = (asked(&uri), auth(&headers));
    let range = (part.from, part.length.min(MAX_CHUNK as usize));
    match answered(move || agent.nearby_blob(&path, &auth, task, sha256, range)).await {
        Ok(bytes) => bytes.into_response(),
        Err(status) => status.into_response(),
    }
}
