//! A world for the agent's tests: real agents with real loopback servers, a server made of the crate
//! `sync` that keeps everything in memory, a network that can be cut, a clock that can be moved.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod server;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use field_agent::host::{self, Config, RunningAgent};
use field_agent::ports::{Clock, Random};
use field_agent::vault::slot::PinCost;
use serde_json::{Value, json};

pub use server::Server;

/// 2026-11-24 10:00 in China.
pub const START: i64 = 1_795_485_600_000;

/// A clock that tests move.
#[derive(Clone)]
pub struct TestClock {
    now: Arc<AtomicI64>,
    monotonic: Arc<AtomicI64>,
}

impl TestClock {
    pub fn new() -> Self {
        TestClock {
            now: Arc::new(AtomicI64::new(START)),
            monotonic: Arc::default(),
        }
    }

    /// Time passes.
    pub fn advance(&self, ms: i64) {
        self.now.fetch_add(ms, Ordering::SeqCst);
        self.monotonic.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody sets the tablet's clock.
    pub fn set(&self, now: i64) {
        self.now.store(now, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        self.now.fetch_add(1, Ordering::SeqCst)
    }
    fn monotonic_ms(&self) -> i64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}

/// Randomness from a seed, so that runs repeat.
pub struct Seeded(pub u64);

impl Random for Seeded {
    fn fill(&mut self, out: &mut [u8]) {
        for byte in out {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 33) as u8;
        }
    }
}

/// A tablet in somebody's hands.
pub struct Tablet {
    pub running: Option<RunningAgent>,
    pub clock: TestClock,
    pub dir: Arc<tempfile::TempDir>,
    server: Arc<Server>,
    client: reqwest::Client,
    seed: u64,
    /// Where colleagues' tablets reach it.
    nearby: std::net::SocketAddr,
}

const LOOPBACK: std::net::SocketAddr =
    std::net::SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

pub type Reply = (u16, Value);

impl Tablet {
    /// A fresh tablet.
    pub async fn new(server: &Arc<Server>, seed: u64) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("dir"));
        let mut tablet = Tablet {
            running: None,
            clock: TestClock::new(),
            dir,
            server: server.clone(),
            client: reqwest::Client::new(),
            seed,
            nearby: LOOPBACK,
        };
        tablet.start().await;
        tablet
    }

    /// A fresh tablet that listens on all networks of the machine.
    pub async fn on_network(server: &Arc<Server>, seed: u64) -> Self {
        let mut tablet = Tablet::new(server, seed).await;
        tablet.kill().await;
        tablet.nearby = ([0, 0, 0, 0], 0).into();
        tablet.start().await;
        tablet
    }

    /// A tablet on a copy of a folder, such as another device that somebody's backup was put onto.
    pub async fn on_copy(server: &Arc<Server>, folder: &Path, seed: u64) -> Self {
        let dir = Arc::new(tempfile::tempdir().expect("dir"));
        copy_folder(folder, dir.path());
        Tablet::in_folder(server, dir, seed).await
    }

    /// A tablet whose folder is there already.
    pub async fn in_folder(server: &Arc<Server>, dir: Arc<tempfile::TempDir>, seed: u64) -> Self {
        let mut tablet = Tablet {
            running: None,
            clock: TestClock::new(),
            dir,
            server: server.clone(),
            client: reqwest::Client::new(),
            seed,
            nearby: LOOPBACK,
        };
        tablet.start().await;
        tablet
    }

    /// The folder as it was when it was copied, with all that came later gone.
    pub fn put_back(&self, copy: &Path) {
        assert!(self.running.is_none(), "a running tablet is not put back");
        std::fs::remove_dir_all(self.path()).expect("clears");
        copy_folder(copy, self.path());
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Starts the agent on the same folder; nobody has unlocked it.
    pub async fn start(&mut self) {
        self.seed += 1000;
        let config = Config {
            background_sync: false,
            nearby: self.nearby,
            pin_cost: PinCost {
                m_kib: 64,
                passes: 1,
            },
            ..Config::new(self.path())
        };
        let running = host::start_with(
            config,
            Arc::new(self.clock.clone()),
            Box::new(Seeded(self.seed)),
            self.server.clone(),
        )
        .await
        .expect("starts");
        self.client = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .expect("client");
        let launched = self
            .client
            .get(&running.launch_url)
            .send()
            .await
            .expect("launches");
        assert_eq!(launched.status(), 200, "the app's page");
        self.running = Some(running);
    }

    /// The process ends without a chance to tidy up, and starts again.
    pub async fn kill_and_start(&mut self) {
        self.kill().await;
        self.start().await;
    }

    /// The process ends; its files are closed as the system closes them.
    pub async fn kill(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        let agent = Arc::downgrade(running.agent());
        drop(running);
        self.client = reqwest::Client::new();
        for _ in 0..6_000 {
            // The last holder has let go, and its files are closed.
            if agent.strong_count() == 0 && !self.has_open_files() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the agent is still held");
    }

    fn has_open_files(&self) -> bool {
        let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten();
        let mut targets = entries.filter_map(|e| std::fs::read_link(e.ok()?.path()).ok());
        targets.any(|t| t.starts_with(self.path()))
    }

    pub fn agent(&self) -> Arc<field_agent::Agent> {
        self.running.as_ref().expect("runs").agent().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.as_ref().expect("runs").addr)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Reply {
        let answer = request.send().await.expect("the agent answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("body");
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.client.get(self.url(path))).await
    }
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(self.client.post(self.url(path)).json(&body))
            .await
    }
    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(self.client.patch(self.url(path)).json(&body))
            .await
    }
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(self.client.put(self.url(path)).json(&body)).await
    }
    pub async fn put_bytes(&self, path: &str, bytes: &[u8]) -> Reply {
        let request = self.client.put(self.url(path)).body(bytes.to_vec());
        self.send(request).await
    }
    pub async fn delete(&self, path: &str) -> Reply {
        self.send(self.client.delete(self.url(path))).await
    }
    pub async fn bytes(&self, path: &str) -> (u16, Vec<u8>) {
        let answer = self
            .client
            .get(self.url(path))
            .send()
            .await
            .expect("answers");
        (
            answer.status().as_u16(),
            answer.bytes().await.expect("body").to_vec(),
        )
    }

    /// Takes in a bundle file.
    pub async fn import(&self, file: &[u8]) -> Reply {
        let request = self
            .client
            .post(self.url("/api/bundle/import"))
            .body(file.to_vec());
        self.send(request).await
    }

    /// A good answer's body.
    pub async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub async fn enrol(&self, code: &str, pins: &[(&str, &str)]) {
        let (status, body) = self
            .post(
                "/api/enrol/lookup",
                json!({"server": "https://server.test", "code": code}),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        let pins: Vec<Value> = pins
            .iter()
            .map(|(person, pin)| json!({"person": person, "pin": pin}))
            .collect();
        let (status, body) = self
            .post(
                "/api/enrol",
                json!({"server": "https://server.test", "code": code, "pins": pins}),
            )
            .await;
        assert_eq!(status, 200, "{body}");
    }

    pub async fn unlock(&self, person: &str, pin: &str) {
        let (status, body) = self
            .post("/api/unlock", json!({"person": person, "pin": pin}))
            .await;
        assert_eq!(status, 200, "{body}");
    }

    /// Brings everything to the server and back; `None` when it went well.
    pub async fn sync(&self) -> Option<String> {
        self.agent().sync_once().await.map(|e| e.code)
    }

    /// Lets colleagues' tablets reach this one; where it listens.
    pub async fn open_nearby(&self) -> String {
        let (status, body) = self.put("/api/nearby", json!({"enabled": true})).await;
        assert_eq!(status, 200, "{body}");
        for _ in 0..6_000 {
            let nearby = self.ok("/api/nearby").await;
            if let Some(address) = nearby["addresses"][0].as_str() {
                return address.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("the tablet does not listen");
    }

    /// Reads the log of another tablet to its end; its error, if there was one.
    pub async fn pull(&self, address: &str) -> Option<String> {
        let (status, body) = self
            .post("/api/nearby/tablets", json!({"address": address}))
            .await;
        assert_eq!(status, 200, "{body}");
        let at = address.parse().expect("an address");
        self.agent().nearby_pass(at).await;
        let nearby = self.ok("/api/nearby").await;
        let tablets = nearby["tablets"].as_array().expect("tablets");
        let tablet = tablets.iter().find(|t| t["address"] == address);
        let tablet = tablet.expect("known");
        let coded = tablet["error"].is_string() == tablet["error_code"].is_string();
        assert!(coded, "text and code go together: {tablet}");
        tablet["error"].as_str().map(str::to_owned)
    }

    pub async fn heads(&self, task: &str) -> Value {
        self.ok(&format!("/api/tasks/{task}/record")).await["heads"].clone()
    }

    pub async fn write(&self, task: &str, path: &str, value: Value) -> Value {
        let (status, body) = self
            .patch(
                &format!("/api/tasks/{task}/cells"),
                json!({"edits": [{"path": path, "value": value}]}),
            )
            .await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub async fn add_photo(&self, task: &str, bytes: Vec<u8>, point: &str) -> Reply {
        let file = reqwest::multipart::Part::bytes(bytes).file_name("IMG_0001.JPG");
        let form = reqwest::multipart::Form::new()
            .part("file", file)
            .text("point", point.to_owned())
            .text("caption", "门头");
        self.send(
            self.client
                .post(self.url(&format!("/api/tasks/{task}/photos")))
                .multipart(form),
        )
        .await
    }

    /// Hands a clip in; `query` says more, such as `&point=SP-01/p1`.
    pub async fn add_clip(&self, task: &str, kind: &str, bytes: Vec<u8>, query: &str) -> Reply {
        let url = self.url(&format!("/api/tasks/{task}/clips?kind={kind}{query}"));
        self.send(self.client.post(url).body(bytes)).await
    }

    /// A part of a file: status, `Content-Range` and bytes.
    pub async fn range(&self, path: &str, range: &str) -> (u16, String, Vec<u8>) {
        let request = self.client.get(self.url(path)).header("range", range);
        let answer = request.send().await.expect("answers");
        let told = answer.headers().get("content-range");
        let told = told.map_or("", |v| v.to_str().expect("text")).to_owned();
        let status = answer.status().as_u16();
        (status, told, answer.bytes().await.expect("body").to_vec())
    }

    /// Everything that a record of the test task needs before signing.
    pub async fn fill(&self, task: &str) {
        for (path, value) in [
            ("visit/certificates_shown_at", json!(START)),
            ("visit/certificates_shown_by", json!("张三、李四")),
            ("visit/start_at", json!(START)),
            ("visit/method", json!("on_site")),
            ("visit/lat_e7", json!(225_431_000)),
            ("visit/lon_e7", json!(1_140_579_000)),
            ("visit/accuracy_cm", json!(800)),
            ("visit/place_source", json!("gps")),
            ("point/SP-01/p1/answer", json!("compliant")),
            ("point/SP-01/p2/answer", json!("12.5")),
            ("point/SP-01/p3/answer", json!("compliant")),
            ("fee/none", json!(true)),
            ("result/SP-01/no_problem", json!(true)),
            ("handling/opinion", json!("未发现问题，予以归档。")),
            ("party/opinion", json!("无异议")),
            ("visit/end_at", json!(START + 3_600_000)),
        ] {
            self.write(task, path, value).await;
        }
    }
}

/// Copies a folder with what is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes");
    for entry in std::fs::read_dir(from).expect("lists") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copies");
        }
    }
}

/// A tablet of the first schema, with all of an inspection but the inspectors' signatures.
pub fn schema_1() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema_1")
}

/// Persons and keys of a tablet, which its vault shows to anybody.
pub fn enrolled(folder: &Path) -> Vec<(String, sync::ids::Key)> {
    let db = rusqlite::Connection::open(folder.join("vault.sqlite")).expect("opens");
    let mut query = db
        .prepare("SELECT person, public_key FROM slot ORDER BY position")
        .expect("slots");
    let rows = query.query_map([], |r| Ok((r.get(0)?, sync::ids::Key(r.get(1)?))));
    rows.expect("reads").map(|r| r.expect("row")).collect()
}

/// Something that calls itself an MP4, of so many bytes.
pub fn mp4(len: usize, seed: u8) -> Vec<u8> {
    let mut bytes = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    bytes.extend((bytes.len()..len).map(|i| (i * 31 % 251) as u8 ^ seed));
    bytes
}

pub fn ink() -> Value {
    json!({"width": 600, "height": 240, "strokes": [[{"x": 10, "y": 20, "t": 0}, {"x": 400, "y": 220, "t": 90}]]})
}

pub fn jpeg(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let mut out = Vec::new();
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([
            (x as u8).wrapping_mul(seed),
            (y as u8).wrapping_add(seed),
            seed,
        ])
    });
    image::codecs::jpeg::JpegEncoder::new(&mut out)
        .encode_image(&picture)
        .expect("encodes");
    out
}

/// The sample photos lie beside the project; without them a test says so and passes.
pub fn sample(name: &str) -> Option<Vec<u8>> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/data/photos")
        .join(name);
    let found = std::fs::read(&path).ok();
    if found.is_none() {
        eprintln!("skipped: {} is not there", path.display());
    }
    found
}
