//! The thread on which requests to the server or to other tablets run.
//!
//! The HTTP client can lose a request that one thread hands to a connection just while another thread finds that
//! connection closed: then neither an answer nor an error ever comes (hyperium/hyper#4122, tokio-rs/tokio#7714),
//! and a tablet under a network that comes and goes would wait for nothing. Where one thread does both, it cannot
//! happen.

use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::HostError;

/// The thread ends when this is dropped, and what runs on it is broken off.
#[derive(Debug)]
pub(super) struct Line {
    thread: Handle,
    _end: oneshot::Sender<()>,
}

impl Line {
    /// # Errors
    /// [`HostError::Client`]: the system has no thread left.
    pub fn start() -> Result<Line, HostError> {
        let no_thread = |e: io::Error| HostError::Client(e.to_string());
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(no_thread)?;
        let thread = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("line".into())
            .spawn(move || runtime.block_on(ended))
            .map_err(no_thread)?;
        Ok(Line { thread, _end: end })
    }

    /// Runs `request` there; who stops waiting breaks it off.
    ///
    /// # Errors
    /// The request panicked.
    pub async fn carry<T: Send + 'static>(
        &self,
        request: impl Future<Output = T> + Send + 'static,
    ) -> io::Result<T> {
        let mut running = JoinSet::new();
        running.spawn_on(request, &self.thread);
        match running.join_next().await {
            Some(done) => done.map_err(io::Error::other),
            None => Err(io::Error::other("nothing runs")),
        }
    }
}
