//! Bodies that are too large for the memory: read and written as they go.

use std::io::{self, Write};

use ::sync::bundle::FromChunks;
use axum::body::{Body, Bytes};
use tokio::sync::mpsc;

use super::Problem;

/// A request's body as it comes. One that is cut off ends early.
pub(super) type FromBody = FromChunks<Box<dyn FnMut() -> Option<Bytes> + Send>, Bytes>;

/// Runs `work` where it may block; it reads the body as that comes.
pub(super) async fn reading<T: Send + 'static>(
    body: Body,
    work: impl FnOnce(FromBody) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let (rows, mut input) = mpsc::channel::<Bytes>(8);
    let working = tokio::task::spawn_blocking(move || {
        work(FromBody::new(Box::new(move || input.blocking_recv())))
    });
    let mut chunks = body.into_data_stream();
    while let Some(Ok(bytes)) = futures_util::StreamExt::next(&mut chunks).await {
        if rows.send(bytes).await.is_err() {
            break;
        }
    }
    drop(rows);
    match working.await {
        Ok(told) => told,
        Err(failed) => Err(Problem::internal(&failed)),
    }
}

/// A body that `work` writes where it may block; its error breaks the answer off.
pub(super) fn written(work: impl FnOnce(ToBody) -> io::Result<()> + Send + 'static) -> Body {
    let (out, rows) = mpsc::channel::<io::Result<Bytes>>(8);
    tokio::task::spawn_blocking(move || {
        let failed = out.clone();
        if let Err(error) = work(ToBody(out)) {
            let _ = failed.blocking_send(Err(error));
        }
    });
    Body::from_stream(futures_util::stream::unfold(rows, |mut rows| async move {
        rows.recv().await.map(|row| (row, rows))
    }))
}

/// Writes into an answer's body; waits when the reader is slow.
pub(super) struct ToBody(mpsc::Sender<io::Result<Bytes>>);

impl Write for ToBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
