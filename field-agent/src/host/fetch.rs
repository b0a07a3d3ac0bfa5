//! The way to the server over HTTP.

use std::time::Duration;

use super::HostError;
use super::line::Line;
use crate::ports::{Fetch, FetchAnswer, FetchError, FetchRequest, Fetching};

/// When a transfer has stalled. The whole may take as long as it needs (lesson 33).
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Nothing moved for so long: no byte of what was sent was acknowledged, none of an answer came.
    pub stall: Duration,
    /// What the system has taken to send passes at this rate at least, in bytes a second; slower than
    /// any link on which a chunk of 8 KiB is worth the trouble.
    pub floor: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            stall: Duration::from_secs(30),
            floor: 250,
        }
    }
}

impl Patience {
    /// How long the first byte of an answer may take to a request of so many bytes.
    fn for_answer(&self, bytes: usize) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.stall + Duration::from_secs(1) * bytes / self.floor.max(1)
    }
}

const CONNECT: Duration = Duration::from_secs(10);

/// An HTTP client with TLS.
pub struct HttpFetch {
    client: reqwest::Client,
    patience: Patience,
    line: Line,
}

impl HttpFetch {
    /// Makes the client once; connections are kept alive. It trusts the authorities of the system.
    ///
    /// # Errors
    /// [`HostError::Client`], as of the others here.
    pub fn new() -> Result<Self, HostError> {
        Self::build(reqwest::Client::builder(), Patience::default())
    }

    /// A client with other limits to its patience.
    pub fn with(patience: Patience) -> Result<Self, HostError> {
        Self::build(reqwest::Client::builder(), patience)
    }

    /// A client that trusts these authorities (certificates in PEM) and no others, such as that of a
    /// government network.
    pub fn trusting_only(authorities: &[u8]) -> Result<Self, HostError> {
        let certificates = reqwest::Certificate::from_pem_bundle(authorities).map_err(no_client)?;
        let builder = reqwest::Client::builder().tls_certs_only(certificates);
        Self::build(builder, Patience::default())
    }

    fn build(builder: reqwest::ClientBuilder, patience: Patience) -> Result<Self, HostError> {
        let client = builder
            .connect_timeout(CONNECT)
            // Of what TCP sends, acknowledgements are the progress.
            .tcp_user_timeout(patience.stall)
            .tcp_keepalive(patience.stall / 3)
            .tcp_keepalive_interval(patience.stall / 6)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("field-agent/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(no_client)?;
        Ok(HttpFetch {
            client,
            patience,
            line: Line::start()?,
        })
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, server: &'a str, request: FetchRequest) -> Fetching<'a> {
        let (client, patience, server) = (self.client.clone(), self.patience, server.to_owned());
        Box::pin(send(&self.line, client, patience, server, request))
    }
}

/// Sends a request and reads the answer up to its limit.
pub(super) async fn send(
    line: &Line,
    client: reqwest::Client,
    patience: Patience,
    server: String,
    request: FetchRequest,
) -> Result<FetchAnswer, FetchError> {
    let exchange = exchange(client, patience, server, request);
    let carried = line.carry(exchange).await;
    carried.map_err(|e| FetchError::Offline(e.to_string()))?
}

async fn exchange(
    client: reqwest::Client,
    patience: Patience,
    server: String,
    request: FetchRequest,
) -> Result<FetchAnswer, FetchError> {
    let method = request
        .method
        .parse::<reqwest::Method>()
        .map_err(|e| FetchError::BadAnswer(e.to_string()))?;
    let mut builder = client.request(method, format!("{server}{}", request.path));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let stalled = |_| FetchError::Stalled("nothing moved".into());
    let within = patience.for_answer(request.body.len());
    let sent = tokio::time::timeout(within, builder.body(request.body).send());
    let mut response = sent.await.map_err(stalled)?.map_err(|e| told(&e))?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    let mut body = Vec::new();
    while let Some(part) = tokio::time::timeout(patience.stall, response.chunk())
        .await
        .map_err(stalled)?
        .map_err(|e| told(&e))?
    {
        if body.len() + part.len() > request.limit {
            return Err(FetchError::BadAnswer(format!(
                "more than {} bytes",
                request.limit
            )));
        }
        body.extend_from_slice(&part);
    }
    Ok(FetchAnswer {
        status,
        headers,
        body,
    })
}

fn no_client(error: reqwest::Error) -> HostError {
    HostError::Client(error.to_string())
}

fn told(error: &reqwest::Error) -> FetchError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    if text.contains("certificate") {
        FetchError::Certificate(text)
    } else if error.is_timeout() {
        FetchError::Stalled(text)
    } else if error.is_connect() || error.is_request() || error.is_body() {
        FetchError::Offline(text)
    } else {
        FetchError::BadAnswer(text)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use reqwest::dns::{Addrs, Name, Resolve, Resolving};

    use super::*;

    /// Resolves every name to nothing, and notes on which thread.
    #[derive(Clone, Default)]
    struct Nowhere(Arc<Mutex<Vec<Option<String>>>>);

    impl Resolve for Nowhere {
        fn resolve(&self, _name: Name) -> Resolving {
            let asked = self.0.clone();
            Box::pin(async move {
                let thread = std::thread::current().name().map(str::to_owned);
                asked.lock().unwrap().push(thread);
                let none: Addrs = Box::new(std::iter::empty());
                Ok(none)
            })
        }
    }

    // F7
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn lesson_11_requests_run_on_one_thread() {
        let nowhere = Nowhere::default();
        let builder = reqwest::Client::builder().dns_resolver(nowhere.clone());
        let fetch = Arc::new(HttpFetch::build(builder, Patience::default()).unwrap());
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let fetch = fetch.clone();
            asking.spawn(async move {
                let request = FetchRequest {
                    method: "GET",
                    path: "/".into(),
                    limit: 1,
                    ..FetchRequest::default()
                };
                fetch.fetch("http://office.test", request).await
            });
        }
        while let Some(answer) = asking.join_next().await {
            let answer = answer.unwrap();
            assert!(matches!(answer, Err(FetchError::Offline(_))), "{answer:?}");
        }
        let threads = nowhere.0.lock().unwrap();
        assert_eq!(threads.len(), 20);
        for thread in threads.iter() {
            assert_eq!(thread.as_deref(), Some("line"), "one thread for all");
        }
    }
}
