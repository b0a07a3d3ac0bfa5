//! A network that can be cut: a small TCP proxy on the loopback between a tablet and the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// The link of one tablet.
#[derive(Clone)]
pub struct Link {
    /// Where the tablet finds the server.
    pub addr: SocketAddr,
    up: Arc<AtomicBool>,
    cut: Arc<Notify>,
}

impl Link {
    /// Opens a link to `server`.
    pub async fn to(server: SocketAddr) -> std::io::Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let link = Link {
            addr: listener.local_addr()?,
            up: Arc::new(AtomicBool::new(true)),
            cut: Arc::default(),
        };
        let own = link.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if own.up.load(Ordering::SeqCst) {
                    tokio::spawn(own.clone().carry(socket, server));
                }
            }
        });
        Ok(link)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Cuts what is under way, and lets nothing through.
    pub fn cut(&self) {
        self.up.store(false, Ordering::SeqCst);
        self.cut.notify_waiters();
    }

    pub fn restore(&self) {
        self.up.store(true, Ordering::SeqCst);
    }

    async fn carry(self, mut socket: TcpStream, server: SocketAddr) {
        let cut = self.cut.notified();
        let Ok(mut onward) = TcpStream::connect(server).await else {
            return;
        };
        tokio::select! {
            () = cut => {}
            _ = copy_bidirectional(&mut socket, &mut onward) => {}
        }
    }
}
