//! The real program is killed with SIGKILL while it writes (F8).

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{Server, jpeg, mp4};
use serde_json::{Value, json};

struct Program {
    child: Child,
    base: String,
    client: reqwest::Client,
}

impl Program {
    async fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_field-agent"))
            .args(["run", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let mut line = |word: &str| {
            let text = lines.next().expect("a line").expect("text");
            text.strip_prefix(word)
                .map(str::to_owned)
                .unwrap_or_else(|| panic!("{word:?} expected, not {text:?}"))
        };
        let base = format!("http://{}", line("listening "));
        let launch = line("launch ");
        let client = reqwest::Client::builder()
            .cookie_store(true)
            .build()
            .expect("client");
        client.get(launch).send().await.expect("launches");
        Program {
            child,
            base,
            client,
        }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self
            .client
            .post(format!("{}{path}", self.base))
            .json(&body)
            .send()
            .await
            .expect("answers");
        let status = answer.status();
        let body: Value = answer.json().await.expect("json");
        assert!(status.is_success(), "{path}: {body}");
        body
    }

    async fn get(&self, path: &str) -> Value {
        self.client
            .get(format!("{}{path}", self.base))
            .send()
            .await
            .expect("answers")
            .json()
            .await
            .expect("json")
    }

    /// Writes a cell; `None` when the program died before it answered.
    async fn write(&self, task: &str, value: &str) -> Option<()> {
        let body = json!({"edits": [{"path": "handling/measure", "value": value}]});
        let url = format!("{}/api/tasks/{task}/cells", self.base);
        let answer = self.client.patch(url).json(&body).send().await.ok()?;
        answer.status().is_success().then_some(())
    }
}

impl Program {
    /// Adds a photo that no other is like; its id, or `None` when the program died before it answered.
    async fn add_photo(&self, task: &str, n: u32) -> Option<String> {
        let file = reqwest::multipart::Part::bytes(jpeg(100 + n % 100, 80 + n / 100, 7))
            .file_name("shelf.jpg");
        let form = reqwest::multipart::Form::new()
            .text("point", "SP-01/p1")
            .part("file", file);
        let url = format!("{}/api/tasks/{task}/photos", self.base);
        let answer = self.client.post(url).multipart(form).send().await.ok()?;
        assert!(answer.status().is_success(), "{}", answer.status());
        let photo: Value = answer.json().await.ok()?;
        photo["photo"].as_str().map(str::to_owned)
    }
}

impl Program {
    /// Hands over a piece of a recording; `None` when the program died before it answered.
    async fn piece(&self, task: &str, recording: &str, n: usize, bytes: &[u8]) -> Option<()> {
        let path = format!("/api/tasks/{task}/recordings/{recording}/{n}?kind=check");
        let request = self.client.put(format!("{}{path}", self.base));
        let answer = request.body(bytes.to_vec()).send().await.ok()?;
        assert!(answer.status().is_success(), "{}", answer.status());
        Some(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tablet of zhang and li with one task, not running.
struct Idle {
    _server: std::sync::Arc<Server>,
    task: String,
    dir: tempfile::TempDir,
    unlock: Value,
}

async fn enrolled() -> Idle {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let address = server.listen().await;
    let dir = tempfile::tempdir().expect("dir");
    let unlock = json!({"person": "zhang", "pin": "135790"});
    {
        let program = Program::start(dir.path()).await;
        let pins = json!([unlock, {"person": "li", "pin": "246801"}]);
        program
            .post(
                "/api/enrol",
                json!({"server": address, "code": "CODE-1", "pins": pins}),
            )
            .await;
        program.post("/api/unlock", unlock.clone()).await;
        for _ in 0..1_200 {
            if program.get("/api/tasks").await["total"] == 1 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Idle {
        _server: server,
        task,
        dir,
        unlock,
    }
}

/// Kills the program after `ms` without a chance to tidy up.
fn kill_after(program: &Program, ms: u64) -> std::thread::JoinHandle<()> {
    let pid = program.child.id();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(ms));
        let pid = i32::try_from(pid)
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_confirmed_survives_kill_9() {
    let Idle {
        _server,
        task,
        dir,
        unlock,
    } = enrolled().await;
    let (mut confirmed, mut under_way) = (String::new(), String::new());
    for round in 0..6_u64 {
        let mut program = Program::start(dir.path()).await;
        program.post("/api/unlock", unlock.clone()).await;
        let record = program.get(&format!("/api/tasks/{task}/record")).await;
        let stands = record["cells"]["handling/measure"]["values"][0]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        // What was confirmed stands, or the one write that was under way when the program died.
        assert!(
            stands == confirmed || stands == under_way,
            "round {round}: {confirmed:?} was confirmed, {under_way:?} under way, {stands:?} stands"
        );
        confirmed = stands;
        let killer = kill_after(&program, 40 + round * 37);
        for n in 1.. {
            under_way = format!("{round}-{n}");
            if program.write(&task, &under_way).await.is_none() {
                break;
            }
            confirmed.clone_from(&under_way);
        }
        let _ = killer.join();
        let _ = program.child.wait();
    }
    assert!(!confirmed.is_empty());
    // Only the owner reads what lies beside the store in plain.
    use std::os::unix::fs::PermissionsExt;
    for name in ["device.secret", "launch-url"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_that_were_confirmed_survive_kill_9() {
    let Idle {
        _server,
        task,
        dir,
        unlock,
    } = enrolled().await;
    let mut confirmed: Vec<String> = Vec::new();
    let mut photos = 0_u32;
    for round in 0..6_u64 {
        let mut program = Program::start(dir.path()).await;
        program.post("/api/unlock", unlock.clone()).await;
        let there = program.get(&format!("/api/tasks/{task}/photos")).await;
        let there = there["rows"].as_array().expect("photos");
        let there: Vec<&str> = there.iter().filter_map(|p| p["photo"].as_str()).collect();
        for photo in &confirmed {
            assert!(there.contains(&photo.as_str()), "round {round}: {photo}");
        }
        // Whatever is listed is whole, confirmed or not.
        for photo in &there {
            for form in ["original", "rendition", "thumbnail"] {
                let path = format!("/api/tasks/{task}/photos/{photo}/{form}");
                let answer = program.client.get(format!("{}{path}", program.base)).send();
                let answer = answer.await.expect("answers");
                assert_eq!(answer.status(), 200, "round {round}: {path}");
                assert!(!answer.bytes().await.expect("bytes").is_empty(), "{path}");
            }
        }
        confirmed = there.into_iter().map(str::to_owned).collect();
        let killer = kill_after(&program, 60 + round * 53);
        loop {
            photos += 1;
            match program.add_photo(&task, photos).await {
                Some(photo) => confirmed.push(photo),
                None => break,
            }
        }
        let _ = killer.join();
        let _ = program.child.wait();
    }
    assert!(!confirmed.is_empty());
}

// F9: nobody loses minute 9 of a recording
#[tokio::test(flavor = "multi_thread")]
async fn every_piece_of_a_recording_that_was_answered_survives_kill_9() {
    let Idle {
        _server,
        task,
        dir,
        unlock,
    } = enrolled().await;
    let piece = |n: usize| match n {
        0 => mp4(150_000, 3),
        n => vec![n as u8; 90_000 + n],
    };
    let mut answered = 0;
    for round in 0..6_u64 {
        let recording = format!("{round:016x}");
        let mut program = Program::start(dir.path()).await;
        program.post("/api/unlock", unlock.clone()).await;
        let killer = kill_after(&program, 60 + round * 53);
        let mut known = 0;
        while program
            .piece(&task, &recording, known, &piece(known))
            .await
            .is_some()
        {
            known += 1;
        }
        let _ = killer.join();
        let _ = program.child.wait();

        let program = Program::start(dir.path()).await;
        program.post("/api/unlock", unlock.clone()).await;
        let list = program.get(&format!("/api/tasks/{task}/recordings")).await;
        let rows = list["rows"].as_array().expect("rows");
        if known == 0 && rows.is_empty() {
            continue;
        }
        // The one that was under way may be there too.
        let here = rows[0]["pieces"].as_u64().expect("a number") as usize;
        assert!(
            here == known || here == known + 1,
            "{known} answered, {here} here"
        );
        let path = format!("/api/tasks/{task}/recordings/{recording}/keep");
        let clip = program.post(&path, rows[0]["about"].clone()).await;
        let whole: Vec<u8> = (0..here).flat_map(piece).collect();
        assert_eq!(clip["sha256"], sync::ids::Sha256::of(&whole).to_string());
        answered += known;
    }
    assert!(answered > 0);
}
