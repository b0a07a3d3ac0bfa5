//! What the core asks of its host: time, randomness, a secret of the device, a way to fetch.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;

use sync::ids::Key;

/// The time. A host gives the system's clock, a test one that it moves.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970 UTC by this tablet's clock, which may be wrong (lesson 19).
    fn now_ms(&self) -> i64;

    /// Milliseconds of a clock that never jumps, for pauses.
    fn monotonic_ms(&self) -> i64 {
        self.now_ms()
    }
}

/// Randomness for keys, nonces and ids.
pub trait Random: Send {
    /// Fills `out` with unpredictable bytes.
    fn fill(&mut self, out: &mut [u8]);
}

/// A secret that is bound to this device and mixed into every PIN.
pub trait KeyStore: Send + Sync {
    /// The device's secret, made when there is none yet.
    fn device_secret(&self, random: &mut dyn Random) -> std::io::Result<[u8; 32]>;
    /// Destroys the secret: what it protected opens no more.
    fn forget(&self) -> std::io::Result<()>;
    /// `host` when the operating system guards the secret, `file` when it lies beside the store.
    fn kind(&self) -> &'static str;
}

/// How much room is left where `path` lies, in bytes; `None` when the host cannot tell.
pub trait Space: Send + Sync {
    #[allow(missing_docs)]
    fn free_bytes(&self, path: &Path) -> Option<u64>;

    /// Takes `bytes` of room for `file` before it is written.
    ///
    /// # Errors
    /// [`std::io::ErrorKind::StorageFull`] when there is not so much.
    fn reserve(&self, file: &std::fs::File, bytes: u64) -> std::io::Result<()>;
}

/// A request to the server.
#[derive(Debug, Clone, Default)]
pub struct FetchRequest {
    /// `GET`, `HEAD`, `POST` or `PATCH`.
    pub method: &'static str,
    /// Path below the server's address, such as `/sync/v1`.
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The answer's body may have at most so many bytes.
    pub limit: usize,
}

/// The server's answer.
#[derive(Debug, Clone, Default)]
pub struct FetchAnswer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl FetchAnswer {
    /// The first header of that (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection: no network, no such host, refused.
    #[error("no connection: {0}")]
    Offline(String),
    /// Nothing moved for too long (lesson 33: a stall, not the total time).
    #[error("stalled: {0}")]
    Stalled(String),
    /// The server's certificate is not to be trusted.
    #[error("certificate: {0}")]
    Certificate(String),
    /// The answer is larger than its limit or breaks HTTP.
    #[error("bad answer: {0}")]
    BadAnswer(String),
}

/// The answer that is being waited for.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<FetchAnswer, FetchError>> + Send + 'a>>;

/// A way to the server.
pub trait Fetch: Send + Sync {
    /// Sends `request` to `server` (scheme and authority) and waits for the whole answer.
    fn fetch<'a>(&'a self, server: &'a str, request: FetchRequest) -> Fetching<'a>;
}

/// The answer of another tablet that is being waited for, with the key that its certificate holds.
pub type FetchingNearby<'a> =
    Pin<Box<dyn Future<Output = Result<(Key, FetchAnswer), FetchError>> + Send + 'a>>;

/// A way to other tablets on the local network.
pub trait OtherTablets: Send + Sync {
    /// Sends `request` to the tablet at `address`, if its certificate's key is one of `trusted`, and waits
    /// for the whole answer.
    fn fetch<'a>(
        &'a self,
        address: SocketAddr,
        trusted: BTreeSet<Key>,
        request: FetchRequest,
    ) -> FetchingNearby<'a>;
}
