//! The host of a server: opens its data, listens, works, and stops in good order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use tokio::task::JoinHandle;

use crate::account::{self, FirstAdministrator};
use crate::clock::Clock;
use crate::config::Config;
use crate::rng::Rng;
use crate::state::AppState;
use crate::{jobs, router};

/// How long requests may go on once the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(86_400);

/// A server that listens.
pub struct RunningServer {
    /// Where it really listens, also when port 0 was asked for.
    pub addr: SocketAddr,
    /// What its handlers see.
    pub state: AppState,
    /// Made when there was no account at all.
    pub first_administrator: Option<FirstAdministrator>,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<std::io::Result<()>>,
    worker: jobs::Worker,
    sweeping: JoinHandle<()>,
}

impl RunningServer {
    /// Base address for clients.
    pub fn url(&self) -> String {
        let scheme = if self.state.config.tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.addr)
    }

    /// Takes no new requests, lets those under way end, then the job that runs.
    pub async fn stop(self) {
        self.state.hall.close();
        self.handle.graceful_shutdown(Some(GRACE));
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the listener did not end well"),
            Err(error) => tracing::error!(%error, "the listener did not end well"),
        }
        self.sweeping.abort();
        self.worker.stop().await;
    }
}

/// Opens the data folder, listens and starts the workers.
pub async fn start(
    config: Config,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
) -> anyhow::Result<RunningServer> {
    let state = AppState::open(config, clock, rng).await?;
    let first_administrator = account::first_run(&state).await?;
    let listener = std::net::TcpListener::bind(state.config.listen)
        .with_context(|| format!("cannot listen on {}", state.config.listen))?;
    let addr = listener.local_addr()?;
    let service = router::app(state.clone())?.into_make_service_with_connect_info::<SocketAddr>();
    let handle = Handle::new();
    let serving = match &state.config.tls {
        Some(tls) => {
            let rustls = RustlsConfig::from_pem_file(&tls.cert, &tls.key)
                .await
                .with_context(|| format!("certificate {}", tls.cert.display()))?;
            let server = axum_server::from_tcp_rustls(listener, rustls)?.handle(handle.clone());
            tokio::spawn(server.serve(service))
        }
        None => {
            let server = axum_server::from_tcp(listener)?.handle(handle.clone());
            tokio::spawn(server.serve(service))
        }
    };
    let worker = jobs::start(state.clone(), router::job_handlers()).await?;
    let sweeping = tokio::spawn(sweep_daily(state.clone()));
    Ok(RunningServer {
        sweeping,
        addr,
        state,
        first_administrator,
        handle,
        serving,
        worker,
    })
}

/// Clears uploads that nobody goes on with; the start has just done so.
async fn sweep_daily(state: AppState) {
    loop {
        tokio::time::sleep(DAY).await;
        if let Err(error) = state.blob_store.sweep(&state.db, state.now()).await {
            tracing::warn!(%error, "uploads could not be cleared");
        }
    }
}

/// Waits for SIGTERM or Ctrl-C.
pub async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
