//! Faults as a table (F8): at every write of every step the tablet is killed, loses power, or finds its
//! disk full. After each: start again, everything that was confirmed on screen is there, and the
//! inspection ends with a sealed record at the office.
//!
//! `FAULTS=all` tries every operation of every step; otherwise a part of them, chosen so that each
//! step meets each fault near its beginning, its middle and its commit.

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use faulty_disk::Disk;
use serde_json::{Value, json};

const ZHANG: (&str, &str) = ("zhang", "135790");
const LI: (&str, &str) = ("li", "246801");

/// Whether the step was confirmed on screen.
type Step = for<'a> fn(&'a Tablet, &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    PowerCut,
    DiskFull,
}

const FAULTS: [Fault; 3] = [Fault::Killed, Fault::PowerCut, Fault::DiskFull];

/// From where a step starts.
#[derive(Clone, Copy)]
enum From {
    /// All cells are written, nothing of them is at the office.
    Filled,
    /// The sign-off has begun and the party has signed.
    PartySigned,
}

fn write_one<'a>(
    tablet: &'a Tablet,
    task: &'a str,
) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    Box::pin(async move {
        let edits = json!({"edits": [{"path": "handling/measure", "value": "责令改正"}]});
        let (status, body) = tablet
            .patch(&format!("/api/tasks/{task}/cells"), edits)
            .await;
        told(status, &body)
    })
}

fn add_photo<'a>(
    tablet: &'a Tablet,
    task: &'a str,
) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    Box::pin(async move {
        let (status, body) = tablet.add_photo(task, jpeg(120, 90, 7), "SP-01/p1").await;
        told(status, &body)
    })
}

const RECORDING: &str = "00112233445566aa";

/// A film in two pieces, and kept: each is a promise of its own.
fn record<'a>(
    tablet: &'a Tablet,
    task: &'a str,
) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    Box::pin(async move {
        let base = format!("/api/tasks/{task}/recordings/{RECORDING}");
        for (n, bytes) in [mp4(90_000, 1), vec![7; 80_000]].iter().enumerate() {
            let path = format!("{base}/{n}?kind=check");
            let (status, body) = tablet.put_bytes(&path, bytes).await;
            if !told(status, &body) {
                return false;
            }
        }
        let about = json!({"kind": "check"});
        let (status, body) = tablet.post(&format!("{base}/keep"), about).await;
        told(status, &body)
    })
}

fn sync<'a>(tablet: &'a Tablet, _task: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    Box::pin(async move { tablet.sync().await.is_none() })
}

fn restart<'a>(
    tablet: &'a Tablet,
    _task: &'a str,
) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    // The store was opened before; a lock and an unlock count what is open and wake the sync.
    Box::pin(async move {
        let (status, _) = tablet.post("/api/lock", json!({})).await;
        let (person, pin) = ZHANG;
        let unlock = json!({"person": person, "pin": pin});
        let (again, _) = tablet.post("/api/unlock", unlock).await;
        status == 200 && again == 200
    })
}

fn begin<'a>(tablet: &'a Tablet, task: &'a str) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    Box::pin(async move {
        let (status, body) = tablet
            .post(&format!("/api/tasks/{task}/sign-off"), json!({}))
            .await;
        told(status, &body)
    })
}

fn inspector<'a>(
    tablet: &'a Tablet,
    task: &'a str,
) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
    Box::pin(async move { sign(tablet, task, ZHANG).await })
}

/// Every refusal has words (lesson 32).
fn told(status: u16, body: &Value) -> bool {
    assert!(
        status == 200 || body["detail"].as_str().is_some_and(|d| !d.is_empty()),
        "{status}: {body}"
    );
    status == 200
}

async fn sign(tablet: &Tablet, task: &str, (person, pin): (&str, &str)) -> bool {
    let body = json!({"person": person, "pin": pin, "ink": ink()});
    let path = format!("/api/tasks/{task}/sign-off/inspectors");
    let (status, body) = tablet.post(&path, body).await;
    told(status, &body)
}

async fn party(tablet: &Tablet, task: &str) {
    let body = json!({"kind": "signed", "name": "王五", "capacity": "店长", "ink": ink()});
    let path = format!("/api/tasks/{task}/sign-off/party");
    let (status, body) = tablet.post(&path, body).await;
    assert_eq!(status, 200, "{body}");
}

/// A tablet at the beginning of a step, from which each row of the table gets a copy.
struct Stage {
    server: Arc<Server>,
    folder: Arc<tempfile::TempDir>,
    task: String,
}

async fn stage(from: From) -> Stage {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let mut tablet = Tablet::new(&server, 1).await;
    tablet.enrol("CODE-1", &[ZHANG, LI]).await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    assert_eq!(tablet.sync().await, None);
    tablet.fill(&task).await;
    if matches!(from, From::PartySigned) {
        assert!(begin(&tablet, &task).await);
        party(&tablet, &task).await;
    }
    tablet.kill().await;
    Stage {
        server,
        folder: tablet.dir.clone(),
        task,
    }
}

impl Stage {
    /// The tablet on its own copy, at its own server, on a disk that can be broken.
    async fn begin(&self) -> (Arc<Server>, Tablet, Disk) {
        let server = self.server.fork();
        let dir = Arc::new(tempfile::tempdir().expect("dir"));
        copy_folder(self.folder.path(), dir.path());
        let disk = Disk::watch(dir.path()).expect("watches");
        let tablet = Tablet::in_folder(&server, dir, 40).await;
        tablet.unlock(ZHANG.0, ZHANG.1).await;
        (server, tablet, disk)
    }

    /// How many operations the step has.
    async fn operations(&self, step: Step) -> u64 {
        let (_server, tablet, disk) = self.begin().await;
        let before = disk.operations();
        assert!(step(&tablet, &self.task).await, "the step works");
        disk.operations() - before
    }
}

/// What a screen shows of the record.
async fn on_screen(tablet: &Tablet, task: &str) -> (Value, usize, usize) {
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    let sign_off = tablet.ok(&format!("/api/tasks/{task}/sign-off")).await;
    let mut cells = record["cells"].clone();
    for cell in cells.as_object_mut().expect("cells").values_mut() {
        *cell = cell["values"][0]["value"].clone();
    }
    (
        cells,
        photos["rows"].as_array().map_or(0, Vec::len),
        sign_off["signatures"].as_array().map_or(0, Vec::len),
    )
}

async fn row(stage: &Stage, step: Step, fault: Fault, operation: u64) {
    let task = &stage.task;
    let (server, mut tablet, disk) = stage.begin().await;
    let before = on_screen(&tablet, task).await;
    match fault {
        Fault::DiskFull => disk.full_at(operation),
        _ => disk.die_at(operation),
    }
    let confirmed = step(&tablet, task).await;
    let shown = match confirmed && !disk.was_hit() {
        true => Some(on_screen(&tablet, task).await),
        false => None,
    };
    match fault {
        Fault::DiskFull => {
            // Room is made, and nothing needs to be started anew; then it is, all the same.
            disk.works_again();
            tablet.unlock(ZHANG.0, ZHANG.1).await;
            let now = on_screen(&tablet, task).await;
            still_there(&before, &now);
            tablet.kill().await;
        }
        Fault::Killed => {
            tablet.kill().await;
            disk.works_again();
        }
        Fault::PowerCut => {
            tablet.kill().await;
            disk.cut_power(operation.wrapping_mul(7_919)).expect("cuts");
        }
    }
    tablet.start().await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    let now = on_screen(&tablet, task).await;
    still_there(shown.as_ref().unwrap_or(&before), &now);
    if confirmed {
        assert_confirmed(step, &before, &now);
    }
    finish(&server, &tablet, task).await;
}

/// Nothing that was shown is gone.
fn still_there(before: &(Value, usize, usize), now: &(Value, usize, usize)) {
    for (path, value) in before.0.as_object().expect("cells") {
        assert_eq!(&now.0[path], value, "{path}");
    }
    assert!(now.1 >= before.1, "photos: {} of {}", now.1, before.1);
    assert!(now.2 >= before.2, "signatures: {} of {}", now.2, before.2);
}

fn assert_confirmed(step: Step, before: &(Value, usize, usize), now: &(Value, usize, usize)) {
    let is = |other: Step| std::ptr::fn_addr_eq(step, other);
    if is(write_one) {
        assert_eq!(now.0["handling/measure"], "责令改正");
    }
    if is(add_photo) {
        assert_eq!(now.1, before.1 + 1, "the photo");
    }
    if is(record) {
        assert_eq!(now.0[&format!("clip/{RECORDING}/size")], 170_000);
    }
    if is(inspector) {
        assert_eq!(now.2, before.2 + 1, "the signature");
    }
}

/// The story ends well: all sign, all of it reaches the office.
async fn finish(server: &Server, tablet: &Tablet, task: &str) {
    // What was broken off is whole as far as it goes.
    let recordings = tablet.ok(&format!("/api/tasks/{task}/recordings")).await;
    for one in recordings["rows"].as_array().expect("rows") {
        let path = format!("/api/tasks/{task}/recordings/{RECORDING}/keep");
        let (status, clip) = tablet.post(&path, one["about"].clone()).await;
        assert_eq!((status, &clip["size"]), (200, &one["size"]), "{clip}");
    }
    let base = format!("/api/tasks/{task}/sign-off");
    if tablet.ok(&base).await["subject_sha256"].is_null() {
        assert!(begin(tablet, task).await, "the sign-off begins");
    }
    let signed = |state: &Value, what: &str| state["signatures"].to_string().contains(what);
    let state = tablet.ok(&base).await;
    if state["party"].is_null() {
        party(tablet, task).await;
    }
    for who in [ZHANG, LI] {
        let state = tablet.ok(&base).await;
        if !signed(&state, &format!("\"{}\"", who.0)) {
            assert!(sign(tablet, task, who).await, "{} signs", who.0);
        }
    }
    server.lose_answers.store(0, Ordering::SeqCst);
    for _ in 0..3 {
        assert_eq!(tablet.sync().await, None);
    }
    assert!(server.sealed(task, 1), "sealed at the office");
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(record["heads"], json!(server.heads(task)));
    let status = tablet.ok("/api/sync").await;
    assert_eq!(status["records"]["confirmed"], 1, "{status}");
}

fn all() -> bool {
    std::env::var("FAULTS").is_ok_and(|v| v == "all")
}

/// Which operations of a step are tried.
fn chosen(count: u64) -> Vec<u64> {
    if all() {
        return (1..=count).collect();
    }
    let mut some = vec![1, 2, count / 2, count.saturating_sub(1), count];
    some.retain(|n| (1..=count).contains(n));
    some.sort_unstable();
    some.dedup();
    some
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_at_whatever_write_nothing_confirmed_is_lost() {
    let table: [(&str, From, Step); 7] = [
        ("an answer is written", From::Filled, write_one),
        ("a photo is added", From::Filled, add_photo),
        ("a film is recorded", From::Filled, record),
        ("the record is sent", From::Filled, sync),
        ("locked and unlocked", From::Filled, restart),
        ("a sign-off begins", From::Filled, begin),
        ("an inspector signs", From::PartySigned, inspector),
    ];
    let (filled, signed) = (stage(From::Filled).await, stage(From::PartySigned).await);
    let stages = [Arc::new(filled), Arc::new(signed)];
    let gate = Arc::new(tokio::sync::Semaphore::new(4));
    let mut rows = tokio::task::JoinSet::new();
    for (name, from, step) in table {
        let stage = stages[from as usize].clone();
        let count = stage.operations(step).await;
        for fault in FAULTS {
            for operation in chosen(count) {
                let (stage, gate) = (stage.clone(), gate.clone());
                rows.spawn(async move {
                    let _permit = gate.acquire().await;
                    let told = format!("{name}; {fault:?} at operation {operation} of {count}");
                    let done = tokio::spawn(async move {
                        row(&stage, step, fault, operation).await;
                    });
                    (told, done.await.is_ok())
                });
            }
        }
    }
    let mut failed = Vec::new();
    let mut tried = 0;
    while let Some(row) = rows.join_next().await {
        let (told, well) = row.expect("a row");
        tried += 1;
        if !well {
            failed.push(told);
        }
    }
    failed.sort();
    assert!(
        failed.is_empty(),
        "{} of {tried} rows:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

/// A tablet that is enrolled while its disk fails: it is enrolled or it is not, and then it can be with
/// another code and for other people.
async fn enrolment_row(fault: Fault, operation: u64) {
    let server = Server::new();
    server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let dir = Arc::new(tempfile::tempdir().expect("dir"));
    let disk = Disk::watch(dir.path()).expect("watches");
    let mut tablet = Tablet::in_folder(&server, dir, 50).await;
    match fault {
        Fault::DiskFull => disk.full_at(operation),
        _ => disk.die_at(operation),
    }
    let pin = |(person, pin): (&str, &str)| json!({"person": person, "pin": pin});
    let body =
        json!({"server": "https://server.test", "code": "CODE-1", "pins": [pin(ZHANG), pin(LI)]});
    let (status, body) = tablet.post("/api/enrol", body).await;
    let confirmed = told(status, &body) && !disk.was_hit();
    tablet.kill().await;
    match fault {
        Fault::PowerCut => disk.cut_power(operation.wrapping_mul(7_919)).expect("cuts"),
        _ => disk.works_again(),
    }
    tablet.start().await;
    let enrolled = tablet.ok("/api/state").await["enrolled"] == true;
    assert!(enrolled || !confirmed, "what was confirmed stands");
    let who = if enrolled {
        ZHANG
    } else {
        server.issue("CODE-2", &["li"]);
        tablet.enrol("CODE-2", &[LI]).await;
        let state = tablet.ok("/api/state").await;
        assert_eq!(
            state["inspectors"].as_array().map(Vec::len),
            Some(1),
            "{state}"
        );
        LI
    };
    tablet.unlock(who.0, who.1).await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/tasks").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_during_enrolment_it_can_be_done_anew() {
    let count = {
        let server = Server::new();
        server.issue("CODE-1", &["zhang", "li"]);
        let dir = Arc::new(tempfile::tempdir().expect("dir"));
        let disk = Disk::watch(dir.path()).expect("watches");
        let tablet = Tablet::in_folder(&server, dir, 50).await;
        let before = disk.operations();
        tablet.enrol("CODE-1", &[ZHANG, LI]).await;
        disk.operations() - before
    };
    for fault in FAULTS {
        for operation in (1..=count).step_by(if all() { 1 } else { 7 }) {
            println!("{fault:?} at operation {operation} of {count}");
            enrolment_row(fault, operation).await;
        }
    }
}

/// What the network and the office do to a tablet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    AnswerLost,
    AnswerHalved,
    Status(u32),
    ForeignCertificate,
    Offline,
    ClockBy(i64),
    ServerRestored,
    ServerEmptied,
}

#[rstest::rstest]
#[case::answer_lost(Outside::AnswerLost)]
#[case::answer_halved(Outside::AnswerHalved)]
#[case::error_500(Outside::Status(500))]
#[case::error_502(Outside::Status(502))]
#[case::error_507(Outside::Status(507))]
#[case::error_413(Outside::Status(413))]
#[case::too_many_429(Outside::Status(429))]
#[case::foreign_certificate(Outside::ForeignCertificate)]
#[case::offline(Outside::Offline)]
#[case::clock_hours_ahead(Outside::ClockBy(5 * HOUR))]
#[case::clock_hours_back(Outside::ClockBy(-5 * HOUR))]
#[case::clock_years_ahead(Outside::ClockBy(3 * YEAR))]
#[case::clock_years_back(Outside::ClockBy(-3 * YEAR))]
#[case::server_from_a_backup(Outside::ServerRestored)]
#[case::server_from_nothing(Outside::ServerEmptied)]
#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_outside_the_story_ends_well(#[case] outside: Outside) {
    let stage = stage(From::Filled).await;
    let task = &stage.task;
    let (server, mut tablet, _disk) = stage.begin().await;
    let backup = server.fork();
    assert!(add_photo(&tablet, task).await);
    // The fault meets each request of the way in turn.
    for turn in 0..4 {
        match outside {
            Outside::AnswerLost => server.lose_answers.store(1, Ordering::SeqCst),
            Outside::AnswerHalved => server.halve_answers.store(1, Ordering::SeqCst),
            Outside::Status(code) => server.status.store(code, Ordering::SeqCst),
            Outside::ForeignCertificate => server.foreign_certificate.store(true, Ordering::SeqCst),
            Outside::Offline => server.offline.store(true, Ordering::SeqCst),
            Outside::ClockBy(ms) => tablet.clock.set(START + ms * (turn + 1) / 4),
            Outside::ServerRestored if turn == 2 => server.put_back(&backup),
            Outside::ServerEmptied if turn == 2 => server.restore_from_an_empty_backup(),
            _ => {}
        }
        let error = tablet.sync().await;
        match outside {
            Outside::Status(_) | Outside::ForeignCertificate | Outside::Offline => {
                assert!(error.is_some(), "the fault is told");
                assert_eq!(server.changes(task), 1, "nothing went through");
            }
            Outside::ClockBy(_) => assert_eq!(error, None),
            _ => {}
        }
        let text = format!("{turn}");
        tablet.write(task, "handling/measure", json!(text)).await;
        tablet.kill_and_start().await;
        tablet.unlock(ZHANG.0, ZHANG.1).await;
        assert_eq!(on_screen(&tablet, task).await.0["handling/measure"], text);
    }
    for flag in [&server.foreign_certificate, &server.offline] {
        flag.store(false, Ordering::SeqCst);
    }
    server.status.store(0, Ordering::SeqCst);
    server.halve_answers.store(0, Ordering::SeqCst);
    finish(&server, &tablet, task).await;
    assert_eq!(server.text(task, "handling/measure"), "3");
    assert_eq!(server.stored().len(), 3, "the photo in its three forms");
}

const HOUR: i64 = 3_600_000;
const YEAR: i64 = 365 * 24 * HOUR;
