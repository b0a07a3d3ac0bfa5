//! Who stands at the tablet's door on the local network. Before a caller has shown a colleague's
//! signature it is anybody: only so many may stand there at a time, and who says nothing goes.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Most connections at a time: a team's tablets have a few each.
const MOST: usize = 48;
/// How long a connection may move no byte.
const SILENCE: Duration = Duration::from_secs(20);

/// Lets in as many as there is room for; the others are closed at once and come again.
#[derive(Clone)]
pub(super) struct Door {
    room: Arc<Semaphore>,
    silence: Duration,
}

impl Default for Door {
    fn default() -> Self {
        Door::with(MOST, SILENCE)
    }
}

impl Door {
    fn with(most: usize, silence: Duration) -> Self {
        Door {
            room: Arc::new(Semaphore::new(most)),
            silence,
        }
    }
}

impl<S> Accept<TcpStream, S> for Door {
    type Stream = Caller;
    type Service = S;
    type Future = Ready<io::Result<(Caller, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let Ok(place) = self.room.clone().try_acquire_owned() else {
            return ready(Err(io::ErrorKind::ConnectionRefused.into()));
        };
        let caller = Caller {
            stream,
            silence: self.silence,
            ends: Box::pin(sleep(self.silence)),
            _place: place,
        };
        ready(Ok((caller, service)))
    }
}

/// A connection that ends when nothing moves on it.
pub(super) struct Caller {
    stream: TcpStream,
    silence: Duration,
    ends: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Caller {
    fn moved<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            let ends = Instant::now() + self.silence;
            self.ends.as_mut().reset(ends);
            return progress;
        }
        match self.ends.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_read(context, out);
        self.moved(context, progress)
    }
}

impl AsyncWrite for Caller {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.moved(context, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    // S2: who says nothing, or comes by the hundred, keeps no colleague out.
    #[tokio::test]
    async fn who_says_nothing_goes_and_makes_room() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let address = listener.local_addr().expect("address");
        let door = Door::with(1, Duration::from_millis(100));
        let silent = TcpStream::connect(address).await.expect("connects");
        let (stream, _) = listener.accept().await.expect("comes");
        let (mut caller, ()) = door.accept(stream, ()).await.expect("has room");
        let _second = TcpStream::connect(address).await.expect("connects");
        let (stream, _) = listener.accept().await.expect("comes");
        assert!(door.accept(stream, ()).await.is_err(), "one at a time");
        let read = caller.read(&mut [0; 8]).await.expect_err("it said nothing");
        assert_eq!(read.kind(), io::ErrorKind::TimedOut);
        drop((silent, caller));
        let _third = TcpStream::connect(address).await.expect("connects");
        let (stream, _) = listener.accept().await.expect("comes");
        assert!(door.accept(stream, ()).await.is_ok(), "there is room again");
    }
}
