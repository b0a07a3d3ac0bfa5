//! A person at the console, as HTTP requests: sign in, then what their role may do.

use anyhow::{Context, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

/// A signed-in account.
#[derive(Clone)]
pub struct Office {
    base: String,
    client: Client,
    csrf: String,
}

/// A refusal, as problem+json says it.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: StatusCode,
    pub code: String,
    pub detail: String,
}

impl Office {
    /// Signs in.
    pub async fn sign_in(base: &str, login: &str, password: &str) -> anyhow::Result<Office> {
        let client = Client::builder().cookie_store(true).build()?;
        let mut office = Office {
            base: base.to_owned(),
            client,
            csrf: String::new(),
        };
        let session = office
            .post(
                "/api/session",
                json!({ "login": login, "password": password }),
            )
            .await?;
        office.csrf = text(&session, "csrf_token")?;
        Ok(office)
    }

    /// Signs in with a one-time password and sets the lasting one.
    pub async fn first_sign_in(
        base: &str,
        login: &str,
        once: &str,
        password: &str,
    ) -> anyhow::Result<Office> {
        let office = Office::sign_in(base, login, once).await?;
        office
            .post(
                "/api/session/password",
                json!({ "old": once, "new": password }),
            )
            .await?;
        Office::sign_in(base, login, password).await
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None)
            .await?
            .map_err(|r| refused(path, &r))
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, Some(body))
            .await?
            .map_err(|r| refused(path, &r))
    }

    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.ask(Method::PUT, path, Some(body))
            .await?
            .map_err(|r| refused(path, &r))
    }

    /// The refusal that is expected.
    pub async fn refused(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Refusal> {
        match self.ask(method, path, body).await? {
            Err(refusal) => Ok(refusal),
            Ok(answer) => bail!("{path} should have been refused, but answered {answer}"),
        }
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Result<Value, Refusal>> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        request = request.header("x-csrf-token", &self.csrf);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.send().await.with_context(|| path.to_owned())?).await
    }

    /// Uploads a file as the body of the request.
    pub async fn upload(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("x-csrf-token", &self.csrf);
        let request = request
            .header("content-type", "application/octet-stream")
            .body(bytes);
        answer(request.send().await?)
            .await?
            .map_err(|r| refused(path, &r))
    }

    /// Sends a file as the body of a PUT.
    pub async fn put_file(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        let request = self
            .client
            .put(format!("{}{path}", self.base))
            .header("x-csrf-token", &self.csrf)
            .header("content-type", "application/octet-stream")
            .body(bytes);
        answer(request.send().await?)
            .await?
            .map_err(|r| refused(path, &r))
    }

    /// A part of a file: status and bytes.
    pub async fn range(&self, path: &str, range: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let request = self.client.get(format!("{}{path}", self.base));
        let answer = request.header("range", range).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    /// Sends a file of any size from the disk as the body of a PUT.
    pub async fn put_from(&self, path: &str, file: &std::path::Path) -> anyhow::Result<Value> {
        let request = self
            .client
            .put(format!("{}{path}", self.base))
            .header("x-csrf-token", &self.csrf)
            .header("content-type", "application/octet-stream")
            .body(body_of(file).await?);
        answer(request.send().await?)
            .await?
            .map_err(|r| refused(path, &r))
    }

    pub async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let response = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await?
            .error_for_status()?;
        Ok(response.bytes().await?.to_vec())
    }
}

/// Reads an answer of either side: JSON, nothing, or a refusal.
pub async fn answer(response: reqwest::Response) -> anyhow::Result<Result<Value, Refusal>> {
    let status = response.status();
    let body = response.bytes().await?;
    if status.is_success() {
        return Ok(Ok(if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)?
        }));
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let field = |name: &str| problem[name].as_str().unwrap_or_default().to_owned();
    Ok(Err(Refusal {
        status,
        code: field("code"),
        detail: field("detail"),
    }))
}

fn refused(path: &str, refusal: &Refusal) -> anyhow::Error {
    anyhow::anyhow!(
        "{path}: {} {}: {}",
        refusal.status,
        refusal.code,
        refusal.detail
    )
}

/// A text field of an answer.
pub fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    value[name]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no text {name:?} in {value}"))
}

/// A file of any size as a body that is read as it goes.
pub(crate) async fn body_of(file: &std::path::Path) -> anyhow::Result<reqwest::Body> {
    let file = tokio::fs::File::open(file).await?;
    let parts = futures_util::stream::try_unfold(file, |mut file| async move {
        let mut part = vec![0; 256 * 1024];
        let read = file.read(&mut part).await?;
        part.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((part, file)))
    });
    Ok(reqwest::Body::wrap_stream(parts))
}
