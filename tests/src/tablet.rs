//! An inspector with a tablet, as HTTP requests to the agent's loopback API.

use anyhow::{Context, bail};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::office::{Refusal, answer, body_of};

/// The app of one tablet, opened by its launch address.
#[derive(Clone)]
pub struct Tablet {
    base: String,
    client: Client,
}

impl Tablet {
    /// Opens the app.
    pub async fn launch(launch_url: &str) -> anyhow::Result<Tablet> {
        let client = Client::builder().cookie_store(true).build()?;
        let url = reqwest::Url::parse(launch_url)?;
        let base = format!(
            "http://{}:{}",
            url.host_str().unwrap_or("127.0.0.1"),
            url.port().unwrap_or(80)
        );
        let opened = client.get(url).send().await?;
        // The page itself may not be built; the cookie is what counts.
        if opened.status().is_client_error() {
            bail!("launch: {}", opened.status());
        }
        Ok(Tablet { base, client })
    }

    pub async fn enrol(
        &self,
        server: &str,
        code: &str,
        pins: &[(&str, &str)],
    ) -> anyhow::Result<Value> {
        let pins: Vec<Value> = pins
            .iter()
            .map(|(person, pin)| json!({ "person": person, "pin": pin }))
            .collect();
        self.post(
            "/api/enrol",
            json!({ "server": server, "code": code, "pins": pins }),
        )
        .await
    }

    pub async fn unlock(&self, person: &str, pin: &str) -> anyhow::Result<Value> {
        self.post("/api/unlock", json!({ "person": person, "pin": pin }))
            .await
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path, None)
            .await?
            .map_err(|r| refused(path, &r))
    }

    /// A file.
    pub async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let url = format!("{}{path}", self.base);
        let answer = self.client.get(url).send().await?.error_for_status()?;
        Ok(answer.bytes().await?.to_vec())
    }

    /// How many bytes a file has, none of which are kept.
    pub async fn length(&self, path: &str) -> anyhow::Result<u64> {
        let url = format!("{}{path}", self.base);
        let mut answer = self.client.get(url).send().await?.error_for_status()?;
        let mut length = 0;
        while let Some(part) = answer.chunk().await? {
            length += part.len() as u64;
        }
        Ok(length)
    }

    /// Sends a file as the body of a POST.
    pub async fn send_file(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.base);
        let sent = self.client.post(url).body(bytes).send().await?;
        answer(sent).await?.map_err(|r| refused(path, &r))
    }

    /// Sends a file of any size from the disk as the body of a POST.
    pub async fn send_from(&self, path: &str, file: &std::path::Path) -> anyhow::Result<Value> {
        let sent = self
            .client
            .post(format!("{}{path}", self.base))
            .body(body_of(file).await?)
            .send()
            .await?;
        answer(sent).await?.map_err(|r| refused(path, &r))
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.ask(Method::POST, path, Some(body))
            .await?
            .map_err(|r| refused(path, &r))
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Result<Value, Refusal>> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.send().await.with_context(|| path.to_owned())?).await
    }

    /// Writes cells: durable once this returns.
    pub async fn write(&self, task: &str, cells: &[(String, Value)]) -> anyhow::Result<Value> {
        let path = format!("/api/tasks/{task}/cells");
        let edits: Vec<Value> = cells
            .iter()
            .map(|(path, value)| json!({ "path": path, "value": value }))
            .collect();
        let done = self
            .ask(Method::PATCH, &path, Some(json!({ "edits": edits })))
            .await?;
        done.map_err(|r| refused(&path, &r))
    }

    /// Writes a cell over the values that were on screen; `false`: others stand there by now, and
    /// nothing was written.
    pub async fn write_over(
        &self,
        task: &str,
        cell: &str,
        value: &Value,
        seen: &[Value],
    ) -> anyhow::Result<bool> {
        let path = format!("/api/tasks/{task}/cells");
        let edits = json!({ "edits": [{ "path": cell, "value": value, "seen": seen }] });
        match self.ask(Method::PATCH, &path, Some(edits)).await? {
            Ok(_) => Ok(true),
            Err(r) if r.code == "written_meanwhile" => Ok(false),
            Err(r) => Err(refused(&path, &r)),
        }
    }

    /// Takes a photo for a check point; returns its id.
    pub async fn photo(
        &self,
        task: &str,
        point: &str,
        caption: &str,
        name: &str,
        bytes: Vec<u8>,
    ) -> anyhow::Result<String> {
        let path = format!("/api/tasks/{task}/photos");
        let file = Part::bytes(bytes).file_name(name.to_owned());
        let form = Form::new()
            .text("point", point.to_owned())
            .text("caption", caption.to_owned())
            .part("file", file);
        let sent = self
            .client
            .post(format!("{}{path}", self.base))
            .multipart(form)
            .send()
            .await?;
        let photo = answer(sent).await?.map_err(|r| refused(&path, &r))?;
        crate::office::text(&photo, "photo")
    }

    /// Adds a clip of video or sound; returns its id.
    pub async fn clip(
        &self,
        task: &str,
        kind: &str,
        caption: &str,
        bytes: impl Into<reqwest::Body>,
    ) -> anyhow::Result<String> {
        let path = format!("/api/tasks/{task}/clips?kind={kind}&caption={caption}");
        let url = format!("{}{path}", self.base);
        let sent = self.client.post(url).body(bytes).send().await?;
        let clip = answer(sent).await?.map_err(|r| refused(&path, &r))?;
        crate::office::text(&clip, "clip")
    }

    /// The same for one that is made as it goes; its length is told before.
    pub async fn long_clip(
        &self,
        task: &str,
        kind: &str,
        size: u64,
        body: reqwest::Body,
    ) -> anyhow::Result<String> {
        let path = format!("/api/tasks/{task}/clips?kind={kind}");
        let request = self.client.post(format!("{}{path}", self.base));
        let sent = request.header("content-length", size).body(body);
        let clip = answer(sent.send().await?).await?;
        crate::office::text(&clip.map_err(|r| refused(&path, &r))?, "clip")
    }

    /// A part of a file: status and bytes.
    pub async fn range(&self, path: &str, range: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let url = format!("{}{path}", self.base);
        let answer = self.client.get(url).header("range", range).send().await?;
        Ok((answer.status().as_u16(), answer.bytes().await?.to_vec()))
    }

    /// Asks the agent to sync now and waits until everything is confirmed by the server.
    pub async fn sync(&self) -> anyhow::Result<()> {
        let before = self.get("/api/sync").await?["last_success_at"].clone();
        self.post("/api/sync/now", json!({})).await?;
        for _ in 0..2_400 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            let status = self.get("/api/sync").await?;
            if status["last_success_at"] == before {
                continue;
            }
            let phase = status["phase"].as_str().unwrap_or_default();
            let left = |what: &str| {
                let counters = &status[what];
                counters["on_this_tablet"].as_u64().unwrap_or(0)
                    + counters["sent"].as_u64().unwrap_or(0)
            };
            if phase == "idle" && left("records") + left("photos") + left("clips") == 0 {
                return Ok(());
            }
            if phase == "stopped" {
                bail!("sync stopped: {}", status["last_error"]);
            }
        }
        bail!("sync did not finish: {}", self.get("/api/sync").await?)
    }

    /// The first task in the list with this object.
    pub async fn tasks(&self) -> anyhow::Result<Vec<Value>> {
        let list = self.get("/api/tasks?limit=200").await?;
        Ok(list["rows"].as_array().cloned().unwrap_or_default())
    }
}

fn refused(path: &str, refusal: &Refusal) -> anyhow::Error {
    anyhow::anyhow!(
        "tablet {path}: {} {}: {}",
        refusal.status,
        refusal.code,
        refusal.detail
    )
}

/// Ink: two strokes, as a hand leaves them.
pub fn ink(seed: i64) -> Value {
    let stroke = |dx: i64| -> Vec<Value> {
        (0..24).map(|t| json!({ "x": 20 + dx + t * 9, "y": 60 + (t * t * 7 + seed * 13) % 80, "t": t * 16 })).collect()
    };
    json!({ "width": 600, "height": 240, "strokes": [stroke(0), stroke(240)] })
}
