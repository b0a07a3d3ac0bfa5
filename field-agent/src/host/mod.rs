//! The tablet host: files, the loopback server, the HTTP client, the background task.

mod fetch;
mod keys;
mod line;
mod nearby;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::agent::{Agent, Ports, StartError};
use crate::api;
use crate::ports::{Clock, Fetch, KeyStore, Random, Space};
use crate::vault::slot::PinCost;

pub use fetch::{HttpFetch, Patience};
pub use keys::FileKeyStore;
pub use nearby::{TlsTablets, server_config as tablet_certificate};

/// How long a write may wait for others before a sync begins.
const GATHER: Duration = Duration::from_millis(300);

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct Config {
    /// Folder of vault, store and photos.
    pub data: PathBuf,
    /// Loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where colleagues' tablets reach this one, once its inspectors want that; port 0 takes a free one.
    pub nearby: SocketAddr,
    /// Server to enrol at when the form names none.
    pub server: Option<String>,
    pub pin_cost: PinCost,
    /// File with the certificates (PEM) of the only authorities that a server may have its own from.
    pub authorities: Option<PathBuf>,
    /// Whether the background sync runs by itself. Tests may want to call [`Agent::sync_once`] instead.
    pub background_sync: bool,
}

impl Config {
    /// The usual settings for a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Config {
            data: data.into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            nearby: SocketAddr::from(([0, 0, 0, 0], 0)),
            server: None,
            pin_cost: PinCost::default(),
            authorities: None,
            background_sync: true,
        }
    }
}

/// The system's clock.
#[derive(Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the host is where time comes from"
    )]
    fn now_ms(&self) -> i64 {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> i64 {
        // Counts on while the tablet sleeps, unlike an `Instant`.
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        up.tv_sec.saturating_mul(1_000) + up.tv_nsec / 1_000_000
    }
}

/// The operating system's randomness.
pub struct SystemRandom(rand::rngs::StdRng);

impl Default for SystemRandom {
    fn default() -> Self {
        SystemRandom(rand::make_rng())
    }
}

impl Random for SystemRandom {
    fn fill(&mut self, out: &mut [u8]) {
        rand::Rng::fill_bytes(&mut self.0, out);
    }
}

/// Free space of the file system.
pub struct DiskSpace;

impl Space for DiskSpace {
    fn free_bytes(&self, path: &Path) -> Option<u64> {
        let stat = rustix::fs::statvfs(path).ok()?;
        stat.f_bavail.checked_mul(stat.f_frsize)
    }

    fn reserve(&self, file: &std::fs::File, bytes: u64) -> std::io::Result<()> {
        use rustix::io::Errno;
        match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes) {
            // A file system that cannot reserve says so when it is written.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// An agent that serves its tablet.
pub struct RunningAgent {
    pub addr: SocketAddr,
    /// Opens the app once, and sets the launch cookie.
    pub launch_url: String,
    agent: Arc<Agent>,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<()>,
    background: Option<tokio::task::JoinHandle<()>>,
    nearby: tokio::task::JoinHandle<()>,
}

impl RunningAgent {
    /// The core, for hosts and tests.
    pub fn agent(&self) -> &Arc<Agent> {
        &self.agent
    }

    /// Another one-time launch address.
    pub fn new_launch_url(&self) -> String {
        self.agent.access().new_launch_url()
    }

    /// Stops listening and syncing. Whatever was confirmed is on disk already.
    pub async fn stop(mut self) {
        self.nearby.abort();
        if let Some(background) = self.background.take() {
            background.abort();
            let _ = background.await;
        }
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Connections that a browser keeps open must not hold the tablet up.
        if tokio::time::timeout(Duration::from_millis(500), &mut self.server)
            .await
            .is_err()
        {
            self.server.abort();
        }
    }
}

impl Drop for RunningAgent {
    fn drop(&mut self) {
        if let Some(background) = &self.background {
            background.abort();
        }
        self.nearby.abort();
        self.server.abort();
    }
}

/// Why the host did not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("{0} is not a loopback address: the tablet app must not be reachable from outside")]
    NotLoopback(SocketAddr),
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        addr: SocketAddr,
        source: std::io::Error,
    },
    #[error("HTTP client: {0}")]
    Client(String),
}

/// Starts an agent with the host's files and network.
pub async fn start(
    config: Config,
    clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
) -> Result<RunningAgent, HostError> {
    let fetch = match &config.authorities {
        None => HttpFetch::new(),
        Some(file) => {
            let pem = std::fs::read(file)
                .map_err(|e| HostError::Client(format!("{}: {e}", file.display())))?;
            HttpFetch::trusting_only(&pem)
        }
    };
    start_with(config, clock, random, Arc::new(fetch?)).await
}

/// Starts an agent with another way to the server, such as one that a test can cut.
pub async fn start_with(
    config: Config,
    clock: Arc<dyn Clock>,
    random: Box<dyn Random>,
    fetch: Arc<dyn Fetch>,
) -> Result<RunningAgent, HostError> {
    if !config.listen.ip().is_loopback() {
        return Err(HostError::NotLoopback(config.listen));
    }
    private_folder(&config.data).map_err(|e| HostError::Start(e.into()))?;
    let keys: Arc<dyn KeyStore> = Arc::new(FileKeyStore::new(config.data.join("device.secret")));
    let agent = Agent::new(Ports {
        data: config.data,
        clock,
        random,
        keys,
        space: Arc::new(DiskSpace),
        fetch,
        other_tablets: Arc::new(TlsTablets::new()?),
        pin_cost: config.pin_cost,
        server: config.server,
    })?;
    let listen = |source| HostError::Listen {
        addr: config.listen,
        source,
    };
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .map_err(listen)?;
    let addr = listener.local_addr().map_err(listen)?;
    agent.access().bound(addr.to_string());
    let router = api::router(agent.clone());
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let until = async {
            // A dropped sender stops the server as well.
            let _ = stopped.await;
        };
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(until)
            .await
        {
            tracing::error!(%error, "tablet server");
        }
    });
    let background = config.background_sync.then(|| {
        let agent = agent.clone();
        tokio::spawn(async move {
            tokio::join!(
                sync_in_background(agent.clone()),
                empty_log_in_pauses(agent)
            );
        })
    });
    let nearby = tokio::spawn(nearby::run(agent.clone(), config.nearby));
    let warm = agent.clone();
    tokio::task::spawn_blocking(move || warm.warm_up());
    Ok(RunningAgent {
        addr,
        launch_url: agent.access().new_launch_url(),
        agent,
        stop: Some(stop),
        server,
        background,
        nearby,
    })
}

/// Makes the data folder for this user alone; one that exists stays as it is.
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Starts by itself when the server can be reached, and goes on after every failure.
async fn sync_in_background(agent: Arc<Agent>) {
    loop {
        agent.sync_pass().await;
        match agent.next_pass_in() {
            Some(0) => {}
            Some(ms) => {
                let pause = Duration::from_millis(u64::try_from(ms).unwrap_or(1));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = agent.wait_for_work() => gather(&agent).await,
                }
            }
            None => {
                agent.wait_for_work().await;
                gather(&agent).await;
            }
        }
    }
}

/// The store's log grows with each tap; what empties it is a pause after them.
async fn empty_log_in_pauses(agent: Arc<Agent>) {
    loop {
        agent.wait_for_writing().await;
        tokio::time::sleep(GATHER).await;
        let agent = agent.clone();
        if tokio::task::spawn_blocking(move || agent.empty_log())
            .await
            .is_err()
        {
            // The process is going down.
            return;
        }
    }
}

/// Taps that follow each other travel together; what a person asks for does not wait.
async fn gather(agent: &Agent) {
    if agent.next_pass_in() != Some(0) {
        tokio::time::sleep(GATHER).await;
    }
}
