//! Speed of the tablet: prints lines `bench NAME VALUE UNIT`.
//!
//! A tap is one edit through the real loopback server, from request to answer, durable, while the
//! background sync sends what was tapped before; beside it a bare durable insert of the same bytes
//! into the same kind of store.

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Seeded, Server, TestClock, jpeg};
use field_agent::host::{self, Config, RunningAgent};
use field_agent::store;
use serde_json::json;

const TASKS: u16 = 500;
const TAPS: usize = 2_000;
const WARM_UP: usize = 100;

fn print(name: &str, value: f64, unit: &str) {
    println!("bench {name} {value:.2} {unit}");
}

fn p99(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let at = times.len() * 99 / 100;
    times.get(at).map_or(0.0, |t| t.as_secs_f64() * 1000.0)
}

struct App {
    agent: RunningAgent,
    client: reqwest::Client,
}

impl App {
    async fn start(dir: &std::path::Path, server: &Arc<Server>, seed: u64) -> Self {
        let config = Config {
            background_sync: true,
            ..Config::new(dir)
        };
        let agent = host::start_with(
            config,
            Arc::new(TestClock::new()),
            Box::new(Seeded(seed)),
            server.clone(),
        )
        .await
        .expect("starts");
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .expect("client");
        client
            .get(&agent.launch_url)
            .send()
            .await
            .expect("launches");
        App { agent, client }
    }

    async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: serde_json::Value,
    ) -> serde_json::Value {
        let url = format!("http://{}{path}", self.agent.addr);
        let request = self.client.request(method.clone(), url);
        let request = if method == reqwest::Method::GET {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.expect("answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.expect("json")
    }

    async fn unlock(&self) {
        self.send(
            reqwest::Method::POST,
            "/api/unlock",
            json!({"person": "zhang", "pin": "135790"}),
        )
        .await;
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let server = Server::new();
    let first = server.dispatch_many(TASKS, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let dir = tempfile::tempdir().expect("dir");
    let app = App::start(dir.path(), &server, 1).await;
    let pins = json!([{"person": "zhang", "pin": "135790"}, {"person": "li", "pin": "246801"}]);
    app.send(
        reqwest::Method::POST,
        "/api/enrol",
        json!({"server": "https://server.test", "code": "CODE-1", "pins": pins}),
    )
    .await;
    app.unlock().await;
    // The background sync brings the tasks, and goes on while taps are measured.
    while app
        .send(reqwest::Method::GET, "/api/tasks", json!(null))
        .await["total"]
        != TASKS
    {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let cells = format!("/api/tasks/{first}/cells");
    let mut taps = Vec::new();
    for tap in 0..TAPS + WARM_UP {
        let answer = ["compliant", "non_compliant", "not_applicable"][tap % 3];
        let point = [1, 3][tap % 2];
        let body =
            json!({"edits": [{"path": format!("point/SP-01/p{point}/answer"), "value": answer}]});
        let since = Instant::now();
        app.send(reqwest::Method::PATCH, &cells, body).await;
        if tap >= WARM_UP {
            taps.push(since.elapsed());
        }
    }
    let insert = bare_inserts();
    let tap = p99(taps);
    print("tap_p99_ms", tap, "ms");
    print("bare_insert_p99_ms", insert, "ms");
    print("tap_insert_ratio", tap / insert, "x");

    let since = Instant::now();
    app.send(
        reqwest::Method::GET,
        &format!("/api/tasks/{first}/record"),
        json!(null),
    )
    .await;
    print(
        "open_record_2000_changes_warm_ms",
        since.elapsed().as_secs_f64() * 1000.0,
        "ms",
    );

    let photo = jpeg(4000, 3000, 7);
    let form = reqwest::multipart::Form::new()
        .part("file", reqwest::multipart::Part::bytes(photo))
        .text("point", "SP-01/p1");
    let since = Instant::now();
    let url = format!("http://{}/api/tasks/{first}/photos", app.agent.addr);
    let answer = app
        .client
        .post(url)
        .multipart(form)
        .send()
        .await
        .expect("answers");
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap_or_default()
    );
    print(
        "photo_12mp_ms",
        since.elapsed().as_secs_f64() * 1000.0,
        "ms",
    );
    app.agent.stop().await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let since = Instant::now();
    let app = App::start(dir.path(), &server, 2).await;
    app.unlock().await;
    let list = app
        .send(reqwest::Method::GET, "/api/tasks?limit=200", json!(null))
        .await;
    print(
        "agent_start_500_ms",
        since.elapsed().as_secs_f64() * 1000.0,
        "ms",
    );
    assert_eq!(list["total"], TASKS);
    let since = Instant::now();
    app.send(
        reqwest::Method::GET,
        &format!("/api/tasks/{first}/record"),
        json!(null),
    )
    .await;
    print(
        "open_record_2000_changes_cold_ms",
        since.elapsed().as_secs_f64() * 1000.0,
        "ms",
    );
    app.agent.stop().await;
}

/// The same number of bytes as a tap writes, one transaction each, in a store of the same kind.
fn bare_inserts() -> f64 {
    let dir = tempfile::tempdir().expect("dir");
    let db = store::open(&dir.path().join("bare.sqlite"), &[1; 32]).expect("opens");
    db.execute_batch("CREATE TABLE bare (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
        .expect("creates");
    let mut times = Vec::new();
    for n in 0..TAPS + WARM_UP {
        let since = Instant::now();
        db.execute("INSERT INTO bare(bytes) VALUES (?1)", [vec![n as u8; 300]])
            .expect("inserts");
        if n >= WARM_UP {
            times.push(since.elapsed());
        }
    }
    p99(times)
}
