//! The way to the server over HTTP.

use std::time::Duration;

use crate::ports::{Fetch, FetchAnswer, FetchError, FetchRequest, Fetching};

/// Nothing moved for so long: the transfer has stalled. The whole may take as long as it needs (lesson 33).
const STALL: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);

/// An HTTP client with TLS.
pub struct HttpFetch {
    client: reqwest::Client,
}

impl HttpFetch {
    /// Makes the client once; connections are kept alive. It trusts the authorities of the system.
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::build(reqwest::Client::builder())
    }

    /// A client that trusts these authorities (certificates in PEM) and no others, such as that of a
    /// government network.
    pub fn trusting_only(authorities: &[u8]) -> Result<Self, reqwest::Error> {
        let certificates = reqwest::Certificate::from_pem_bundle(authorities)?;
        Self::build(reqwest::Client::builder().tls_certs_only(certificates))
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, reqwest::Error> {
        let client = builder
            .connect_timeout(CONNECT)
            .read_timeout(STALL)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("field-agent/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(HttpFetch { client })
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, server: &'a str, request: FetchRequest) -> Fetching<'a> {
        Box::pin(send(&self.client, server, request))
    }
}

/// Sends a request and reads the answer up to its limit.
pub(super) async fn send(
    client: &reqwest::Client,
    server: &str,
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
    let mut response = builder
        .body(request.body)
        .send()
        .await
        .map_err(|e| told(&e))?;
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|e| told(&e))? {
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
