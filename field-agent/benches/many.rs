//! 500 tasks and 5,000 photos on one tablet: prints lines `bench NAME VALUE UNIT`.

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{START, Seeded, Server, jpeg};
use field_agent::host::{self, Config};
use field_agent::ports::Clock;
use reqwest::{Client, Method};
use serde_json::{Value, json};

const TASKS: u16 = 500;
const PHOTOS: usize = 5_000;
/// Photos of the record that is opened.
const IN_ONE: usize = 60;
/// Photos that are added side by side.
const AT_A_TIME: usize = 4;
const TAPS: usize = 1_000;

fn print(name: &str, value: f64, unit: &str) {
    println!("bench {name} {value:.2} {unit}");
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1_000.0
}

/// A clock that runs from the day of the tests.
struct Running(Instant);

impl Clock for Running {
    fn now_ms(&self) -> i64 {
        START + self.monotonic_ms()
    }
    fn monotonic_ms(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// The app of an agent.
struct App {
    base: String,
    client: Client,
}

impl App {
    async fn open(launch_url: &str) -> App {
        let client = Client::builder()
            .cookie_store(true)
            .build()
            .expect("client");
        client.get(launch_url).send().await.expect("launches");
        let base = launch_url.split('/').take(3).collect::<Vec<_>>().join("/");
        App { base, client }
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base));
        let request = match method {
            Method::GET => request,
            _ => request.json(&body),
        };
        let answer = request.send().await.expect("answers");
        let status = answer.status();
        let text = answer.text().await.expect("text");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).expect("json")
    }

    async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, Value::Null).await
    }

    async fn unlock(&self) {
        let pin = json!({"person": "zhang", "pin": "135790"});
        self.send(Method::POST, "/api/unlock", pin).await;
    }

    async fn photo(&self, task: &str, bytes: Vec<u8>) {
        let form = reqwest::multipart::Form::new()
            .part("file", reqwest::multipart::Part::bytes(bytes))
            .text("point", "SP-01/p1")
            .text("caption", "货架");
        let url = format!("{}/api/tasks/{task}/photos", self.base);
        let answer = self.client.post(url).multipart(form).send().await;
        let answer = answer.expect("answers");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Until nothing is left to send.
    async fn synced(&self) {
        self.send(Method::POST, "/api/sync/now", json!({})).await;
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_secs(2)).await;
            let status = self.get("/api/sync").await;
            if status["phase"] == "idle" && status["bytes_left"] == 0 {
                return;
            }
        }
        panic!("not all was sent within 20 minutes");
    }

    /// The slowest of several answers.
    async fn slowest(&self, name: &str, path: &str) {
        let mut slowest = 0.0_f64;
        for _ in 0..5 {
            let since = Instant::now();
            self.get(path).await;
            slowest = slowest.max(ms(since));
        }
        print(name, slowest, "ms");
    }
}

async fn start(dir: &Path, server: &Arc<Server>, seed: u64) -> (host::RunningAgent, App) {
    let config = Config {
        nearby: ([127, 0, 0, 1], 0).into(),
        ..Config::new(dir)
    };
    let clock = Arc::new(Running(Instant::now()));
    let agent = host::start_with(config, clock, Box::new(Seeded(seed)), server.clone());
    let agent = agent.await.expect("starts");
    let app = App::open(&agent.launch_url).await;
    (agent, app)
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let server = Server::new();
    let first = server.dispatch_many(TASKS, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let address = server.listen().await;
    let dir = tempfile::tempdir().expect("dir");
    let (agent, app) = start(dir.path(), &server, 1).await;
    let pins = json!([{"person": "zhang", "pin": "135790"}, {"person": "li", "pin": "246801"}]);
    let form = json!({"server": address, "code": "CODE-1", "pins": pins});
    app.send(Method::POST, "/api/enrol", form).await;
    app.unlock().await;
    while app.get("/api/tasks").await["total"] != TASKS {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut tasks = Vec::new();
    for offset in [0, 200, 400] {
        let page = app
            .get(&format!("/api/tasks?limit=200&offset={offset}"))
            .await;
        let rows = page["rows"].as_array().expect("rows");
        tasks.extend(
            rows.iter()
                .map(|t| t["task"].as_str().expect("id").to_owned()),
        );
    }
    let app = Arc::new(app);
    let mut adding = tokio::task::JoinSet::new();
    for n in 0..PHOTOS {
        let task = if n < IN_ONE {
            first.clone()
        } else {
            tasks[n % tasks.len()].clone()
        };
        if adding.len() >= AT_A_TIME {
            adding.join_next().await.expect("one").expect("added");
        }
        let app = app.clone();
        adding.spawn(async move {
            let mut picture = jpeg(160, 120, (n % 250) as u8 + 1);
            // Every photo is another.
            picture.extend_from_slice(&n.to_be_bytes());
            app.photo(&task, picture).await;
        });
    }
    while let Some(added) = adding.join_next().await {
        added.expect("added");
    }
    app.slowest("sync_status_waiting_ms", "/api/sync").await;
    app.synced().await;

    let mut taps = Vec::new();
    for tap in 0..TAPS {
        let task = &tasks[tap * 7 % tasks.len()];
        let value = ["compliant", "non_compliant", "not_applicable"][tap % 3];
        let edit = json!({"edits": [{"path": "point/SP-01/p3/answer", "value": value}]});
        let since = Instant::now();
        app.send(Method::PATCH, &format!("/api/tasks/{task}/cells"), edit)
            .await;
        taps.push(ms(since));
    }
    taps.sort_by(f64::total_cmp);
    print("tap_p99_5000_photos_ms", taps[TAPS * 99 / 100], "ms");
    app.synced().await;
    app.slowest("tasks_list_ms", "/api/tasks?limit=200").await;
    app.slowest("task_ms", &format!("/api/tasks/{first}")).await;
    app.slowest("sync_status_ms", "/api/sync").await;
    app.slowest("record_60_warm_ms", &format!("/api/tasks/{first}/record"))
        .await;
    agent.stop().await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let since = Instant::now();
    let (agent, app) = start(dir.path(), &server, 2).await;
    app.unlock().await;
    let list = app.get("/api/tasks?limit=200").await;
    print("agent_start_5000_photos_ms", ms(since), "ms");
    assert_eq!(list["total"], TASKS);
    let since = Instant::now();
    app.get(&format!("/api/tasks/{first}/record")).await;
    print("open_record_60_ms", ms(since), "ms");
    agent.stop().await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    memory(dir.path(), &address, &first).await;
}

/// The program itself: memory after a sync and a photo of 12 megapixels.
async fn memory(dir: &Path, address: &str, task: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_field-agent"))
        .args([
            "run",
            "--nearby",
            "127.0.0.1:0",
            "--server",
            address,
            "--data",
        ])
        .arg(dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let said = BufReader::new(child.stdout.take().expect("output"));
    let url = said.lines().map_while(Result::ok).find_map(|line| {
        let at = line.find("http://")?;
        Some(line[at..].trim().to_owned())
    });
    let app = App::open(&url.expect("an address")).await;
    app.unlock().await;
    app.synced().await;
    app.photo(task, jpeg(4000, 3000, 9)).await;
    app.synced().await;
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("status");
    for (name, line) in [("agent_rss_mib", "VmRSS:"), ("agent_peak_mib", "VmHWM:")] {
        let kib = status
            .lines()
            .find_map(|l| l.strip_prefix(line))
            .expect("a line");
        let kib: f64 = kib
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number");
        print(name, kib / 1024.0, "MiB");
    }
    // It is the child that was started above.
    let _ = child.kill();
    let _ = child.wait();
}
