//! A network that can be cut: a small TCP proxy on the loopback between a tablet and the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

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
                // Heard from before it is asked whether there is a network, so that no cut slips between.
                let cut = own.cut.clone().notified_owned();
                if own.up.load(Ordering::SeqCst) {
                    tokio::spawn(carry(socket, server, cut));
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
}

async fn carry(mut socket: TcpStream, server: SocketAddr, cut: OwnedNotified) {
    let carried = async {
        let mut onward = TcpStream::connect(server).await?;
        copy_bidirectional(&mut socket, &mut onward).await
    };
    tokio::select! {
        () = cut => {}
        _ = carried => {}
    }
}
