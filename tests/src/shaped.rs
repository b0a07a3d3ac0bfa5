//! A bad link on the loopback: a TCP proxy with a rate, a delay and cuts, the same on every run.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::time::Instant;

/// Payload of one packet, and what Ethernet, IP and TCP put around it, in bytes.
const PACKET: usize = 1448;
const AROUND: usize = 66;

/// What a link does to bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shape {
    /// Bytes a second in each direction; `None`: as fast as it goes.
    pub rate: Option<u64>,
    /// How long a byte takes from one end to the other; a new connection takes twice that.
    pub delay: Duration,
    /// Cut every so often, for so long.
    pub cuts: Option<(Duration, Duration)>,
    /// Cut whenever a number of bytes went up that lies below this, another one each time; the link is
    /// back at once.
    pub cut_within: Option<u64>,
}

/// One direction's place in the queue before the narrow part.
#[derive(Default)]
struct Narrow(Mutex<Option<Instant>>);

impl Narrow {
    /// Waits until `bytes` are through.
    async fn pass(&self, bytes: usize, rate: Option<u64>) {
        let Some(rate) = rate else { return };
        let until = {
            let mut free = self.0.lock().await;
            let from = free.map_or_else(Instant::now, |f| f.max(Instant::now()));
            let until = from + Duration::from_secs_f64((bytes + AROUND) as f64 / rate as f64);
            *free = Some(until);
            until
        };
        tokio::time::sleep_until(until).await;
    }
}

/// A shaped link to a server.
#[derive(Clone)]
pub struct ShapedLink {
    /// Where the tablet finds the server.
    pub addr: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    /// What it does now, and where it leads.
    way: std::sync::Mutex<(Shape, SocketAddr)>,
    open: AtomicBool,
    cut: Notify,
    up: Narrow,
    down: Narrow,
    up_bytes: AtomicU64,
    down_bytes: AtomicU64,
    cuts: AtomicU64,
    until_cut: AtomicU64,
    seed: AtomicU64,
}

impl ShapedLink {
    /// Opens a link to `server` on `listen`.
    pub async fn open(
        listen: SocketAddr,
        server: SocketAddr,
        shape: Shape,
        seed: u64,
    ) -> std::io::Result<ShapedLink> {
        let listener = TcpListener::bind(listen).await?;
        let inner = Arc::new(Inner {
            way: std::sync::Mutex::new((shape, server)),
            open: AtomicBool::new(true),
            cut: Notify::new(),
            up: Narrow::default(),
            down: Narrow::default(),
            up_bytes: AtomicU64::new(0),
            down_bytes: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
            until_cut: AtomicU64::new(u64::MAX),
            seed: AtomicU64::new(seed),
        });
        inner.next_cut();
        let addr = listener.local_addr()?;
        let own = inner.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                if own.open.load(Ordering::SeqCst) {
                    tokio::spawn(own.clone().carry(socket));
                }
            }
        });
        Ok(ShapedLink { addr, inner })
    }

    /// A link on the loopback.
    pub async fn to(server: SocketAddr, shape: Shape, seed: u64) -> std::io::Result<ShapedLink> {
        ShapedLink::open(([127, 0, 0, 1], 0).into(), server, shape, seed).await
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Lets bytes through, or cuts what is under way and lets nothing through.
    pub fn set_open(&self, open: bool) {
        self.inner.open.store(open, Ordering::SeqCst);
        if !open {
            self.inner.cut();
        }
    }

    pub fn is_open(&self) -> bool {
        self.inner.open.load(Ordering::SeqCst)
    }

    /// Another link from now on; connections over the former one are cut.
    pub fn become_another(&self, shape: Shape, server: SocketAddr) {
        *self
            .inner
            .way
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = (shape, server);
        self.inner.next_cut();
        self.inner.cut();
    }

    /// Begins to cut as the shape says.
    pub fn start_cuts(&self) {
        let Some((every, length)) = self.inner.way().0.cuts else {
            return;
        };
        let link = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                link.set_open(false);
                tokio::time::sleep(length).await;
                link.set_open(true);
            }
        });
    }

    /// Bytes that were read from the tablet and from the server since the last call, and cuts.
    pub fn take_counts(&self) -> (u64, u64, u64) {
        let take = |n: &AtomicU64| n.swap(0, Ordering::SeqCst);
        let inner = &self.inner;
        (
            take(&inner.up_bytes),
            take(&inner.down_bytes),
            take(&inner.cuts),
        )
    }
}

impl Inner {
    fn way(&self) -> (Shape, SocketAddr) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        self.cut.notify_waiters();
    }

    /// Draws after how many bytes the next cut comes.
    fn next_cut(&self) {
        let Some(within) = self.way().0.cut_within else {
            return;
        };
        let step = |n: u64| {
            n.wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407)
        };
        let seed = step(self.seed.load(Ordering::SeqCst));
        self.seed.store(seed, Ordering::SeqCst);
        self.until_cut
            .store((seed >> 33) % within, Ordering::SeqCst);
    }

    async fn carry(self: Arc<Self>, socket: TcpStream) {
        // Whoever comes between the cut and this line is cut by the next one.
        let cut = self.cut.notified();
        let work = async {
            let (shape, server) = self.way();
            tokio::time::sleep(2 * shape.delay).await;
            let Ok(onward) = TcpStream::connect(server).await else {
                return;
            };
            let _ = (socket.set_nodelay(true), onward.set_nodelay(true));
            let (near_in, near_out) = socket.into_split();
            let (far_in, far_out) = onward.into_split();
            tokio::select! {
                () = self.pump(shape, near_in, far_out, true) => {}
                () = self.pump(shape, far_in, near_out, false) => {}
            }
        };
        tokio::select! {
            () = cut => {}
            () = work => {}
        }
    }

    async fn pump(
        &self,
        shape: Shape,
        mut from: impl AsyncReadExt + Unpin,
        mut to: impl AsyncWriteExt + Unpin,
        up: bool,
    ) {
        let (narrow, counted) = if up {
            (&self.up, &self.up_bytes)
        } else {
            (&self.down, &self.down_bytes)
        };
        let (on_the_way, mut arriving) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        let read = async move {
            let mut packet = vec![0; PACKET];
            while let Ok(n @ 1..) = from.read(&mut packet).await {
                narrow.pass(n, shape.rate).await;
                counted.fetch_add(n as u64, Ordering::SeqCst);
                let at = Instant::now() + shape.delay;
                if on_the_way.send((at, packet[..n].to_vec())).is_err() {
                    return;
                }
                if up && shape.cut_within.is_some() {
                    let left = self.until_cut.load(Ordering::SeqCst);
                    if left < n as u64 {
                        self.next_cut();
                        self.cut();
                        return;
                    }
                    self.until_cut.store(left - n as u64, Ordering::SeqCst);
                }
            }
        };
        let write = async move {
            while let Some((at, bytes)) = arriving.recv().await {
                tokio::time::sleep_until(at).await;
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(read, write);
    }
}
