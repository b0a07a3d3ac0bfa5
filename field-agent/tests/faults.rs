//! Faults as a table (F8): at every write of every step the tablet is killed, loses power, or finds its
//! disk full. After each: start again, everything that was confirmed on screen is there, and the
//! inspection ends with a sealed record at the office.
//!
//! `FAULTS=all` (`make faults`) tries every operation of every step; otherwise a part of them, chosen so
//! that each step meets each fault near its beginning, its middle and its commit.

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use faulty_disk::Disk;
use field_agent::ports::Clock as _;
use serde_json::{Value, json};

const ZHANG: (&str, &str) = ("zhang", "135790");
const LI: (&str, &str) = ("li", "246801");

/// Whether the step was confirmed on screen.
type Trying<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
type Step = for<'a> fn(&'a Tablet, &'a Stage) -> Trying<'a>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    PowerCut,
    DiskFull,
}

const FAULTS: [Fault; 3] = [Fault::Killed, Fault::PowerCut, Fault::DiskFull];

/// From where a step starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// All cells are written, nothing of them is at the office.
    Filled,
    /// The sign-off has begun.
    Begun,
    /// And the party has signed.
    PartySigned,
    /// Li has worked on another tablet, answered a point differently and added a photo: all of it is at
    /// the office and in a file, nothing of it here.
    Colleague,
    /// It has come.
    Conflict,
    /// The folder was put back from a copy after its later work had reached the office, and all cells were
    /// written once more: as the same tablet, which so cannot speak for itself any longer.
    PutBack,
    /// Accepted 40 days ago, and the office has the photo: its original may leave the tablet.
    Accepted,
}

const STAGES: [From; 7] = [
    From::Filled,
    From::Begun,
    From::PartySigned,
    From::Colleague,
    From::Conflict,
    From::PutBack,
    From::Accepted,
];

fn write_one<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let task = &stage.task;
        let edits = json!({"edits": [{"path": "handling/measure", "value": "责令改正"}]});
        let (status, body) = tablet
            .patch(&format!("/api/tasks/{task}/cells"), edits)
            .await;
        told(status, &body)
    })
}

fn add_photo<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let task = &stage.task;
        let (status, body) = tablet.add_photo(task, jpeg(120, 90, 7), "SP-01/p1").await;
        told(status, &body)
    })
}

const RECORDING: &str = "00112233445566aa";

/// A film in two pieces, and kept: each is a promise of its own.
fn record<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let task = &stage.task;
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

/// Until nothing is left to be said: what is written anew takes more than one round.
fn sync<'a>(tablet: &'a Tablet, _stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        for _ in 0..3 {
            if tablet.sync().await.is_some() {
                return false;
            }
        }
        true
    })
}

fn read_file<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let (status, body) = tablet.import(&stage.file).await;
        told(status, &body) && body["whole"] == true
    })
}

fn keep_draft<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let draft =
            json!({"task": stage.task, "place": "cell/handling/measure", "text": "责令", "seq": 7});
        let (status, body) = tablet.put("/api/drafts", draft).await;
        told(status, &body)
    })
}

fn add_clip<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let (status, body) = tablet
            .add_clip(&stage.task, "check", mp4(300_000, 9), "")
            .await;
        told(status, &body)
    })
}

fn done<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let path = format!("/api/tasks/{}/done", stage.task);
        let (status, body) = tablet.post(&path, json!({})).await;
        told(status, &body)
    })
}

fn settle<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move { settle_all(tablet, &stage.task).await })
}

fn party_signs<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move { party(tablet, &stage.task).await })
}

/// A month later: the first sync makes room.
fn make_room<'a>(tablet: &'a Tablet, _stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move { tablet.sync().await.is_none() })
}

fn restart<'a>(tablet: &'a Tablet, _stage: &'a Stage) -> Trying<'a> {
    // The store was opened before; a lock and an unlock count what is open and wake the sync.
    Box::pin(async move {
        let (status, _) = tablet.post("/api/lock", json!({})).await;
        let (person, pin) = ZHANG;
        let unlock = json!({"person": person, "pin": pin});
        let (again, _) = tablet.post("/api/unlock", unlock).await;
        status == 200 && again == 200
    })
}

fn begin<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move { begin_sign_off(tablet, &stage.task).await })
}

fn inspector<'a>(tablet: &'a Tablet, stage: &'a Stage) -> Trying<'a> {
    Box::pin(async move {
        let task = &stage.task;
        sign(tablet, task, ZHANG).await
    })
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

async fn begin_sign_off(tablet: &Tablet, task: &str) -> bool {
    let path = format!("/api/tasks/{task}/sign-off");
    let (status, body) = tablet.post(&path, json!({})).await;
    told(status, &body)
}

async fn party(tablet: &Tablet, task: &str) -> bool {
    let body = json!({"kind": "signed", "name": "王五", "capacity": "店长", "ink": ink()});
    let path = format!("/api/tasks/{task}/sign-off/party");
    let (status, body) = tablet.post(&path, body).await;
    told(status, &body)
}

/// Settles what two wrote differently; for the answer that lets the inspection end.
async fn settle_all(tablet: &Tablet, task: &str) -> bool {
    let base = format!("/api/tasks/{task}/conflicts");
    let conflicts = tablet.ok(&base).await;
    for row in conflicts["rows"].as_array().expect("rows") {
        let values = row["values"].as_array().expect("values");
        let fit = values.iter().find(|v| v["value"] == "compliant");
        let value = &fit.unwrap_or(&values[0])["value"];
        let body = json!({"path": row["path"], "value": value});
        let (status, body) = tablet.post(&format!("{base}/settle"), body).await;
        if !told(status, &body) {
            return false;
        }
    }
    true
}

/// A tablet at the beginning of a step, from which each row of the table gets a copy.
struct Stage {
    from: From,
    server: Arc<Server>,
    folder: Arc<tempfile::TempDir>,
    task: String,
    /// What a colleague has for this tablet.
    file: Vec<u8>,
    /// The tablet's clock.
    now: i64,
}

async fn stage(from: From) -> Stage {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let mut tablet = Tablet::new(&server, 1).await;
    tablet.enrol("CODE-1", &[ZHANG, LI]).await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    assert_eq!(tablet.sync().await, None);
    let mut file = Vec::new();
    match from {
        From::Colleague | From::Conflict => file = colleague(&server, &tablet, &task).await,
        From::PutBack => put_back(&mut tablet, &task).await,
        _ => tablet.fill(&task).await,
    }
    match from {
        From::Filled | From::Colleague | From::PutBack => {}
        From::Begun => assert!(begin_sign_off(&tablet, &task).await),
        From::PartySigned => {
            assert!(begin_sign_off(&tablet, &task).await);
            assert!(party(&tablet, &task).await);
        }
        From::Conflict => assert_eq!(tablet.sync().await, None),
        From::Accepted => accepted(&server, &tablet, &task).await,
    }
    tablet.kill().await;
    Stage {
        from,
        server,
        folder: tablet.dir.clone(),
        task,
        file,
        now: tablet.clock.now_ms(),
    }
}

/// Li's work on a tablet of her own; a file of it for the first.
async fn colleague(server: &Arc<Server>, tablet: &Tablet, task: &str) -> Vec<u8> {
    server.issue("CODE-2", &["li"]);
    let li = Tablet::new(server, 2).await;
    li.enrol("CODE-2", &[LI]).await;
    li.unlock(LI.0, LI.1).await;
    // Each hears of the other's keys.
    for one in [&li, tablet] {
        assert_eq!(one.sync().await, None);
    }
    tablet.fill(task).await;
    li.write(task, "point/SP-01/p1/answer", json!("non_compliant"))
        .await;
    let (status, body) = li.add_photo(task, jpeg(120, 90, 5), "SP-01/p1").await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = li.post(&format!("/api/tasks/{task}/done"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    let parties = tablet.ok("/api/bundle/parties").await;
    let rows = parties["rows"].as_array().expect("rows");
    let own = rows.iter().find(|r| r["kind"] == "this_tablet");
    let key = own.and_then(|r| r["key"].as_str()).expect("a key");
    let path = format!("/api/bundle/file?recipients={key}&photos=originals");
    let (status, file) = li.bytes(&path).await;
    assert_eq!(status, 200);
    assert_eq!(li.sync().await, None);
    file
}

async fn put_back(tablet: &mut Tablet, task: &str) {
    tablet.kill().await;
    let copy = tempfile::tempdir().expect("dir");
    copy_folder(tablet.path(), copy.path());
    tablet.start().await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    tablet.write(task, "handling/measure", json!("整改")).await;
    assert_eq!(tablet.sync().await, None);
    tablet.kill().await;
    tablet.put_back(copy.path());
    tablet.start().await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    tablet.fill(task).await;
}

async fn accepted(server: &Server, tablet: &Tablet, task: &str) {
    let (status, body) = tablet.add_photo(task, jpeg(120, 90, 7), "SP-01/p1").await;
    assert_eq!(status, 200, "{body}");
    finish(server, tablet, task).await;
    server.accept(task);
    assert_eq!(tablet.sync().await, None);
    tablet.clock.advance(40 * 24 * HOUR);
}

impl Stage {
    /// The tablet on its own copy, at its own server, on a disk that can be broken.
    async fn begin(&self) -> (Arc<Server>, Tablet, Disk) {
        let server = self.server.fork();
        let dir = Arc::new(tempfile::tempdir().expect("dir"));
        copy_folder(self.folder.path(), dir.path());
        let disk = Disk::watch(dir.path()).expect("watches");
        let tablet = Tablet::in_folder(&server, dir, 40).await;
        tablet.clock.set(self.now);
        tablet.unlock(ZHANG.0, ZHANG.1).await;
        (server, tablet, disk)
    }

    /// How many operations the step has.
    async fn operations(&self, step: Step) -> u64 {
        let (_server, tablet, disk) = self.begin().await;
        let before = disk.operations();
        assert!(step(&tablet, self).await, "the step works");
        disk.operations() - before
    }
}

/// What a screen shows of the record: the values of its cells, how many photos, how many signatures.
async fn on_screen(tablet: &Tablet, task: &str) -> (Value, usize, usize) {
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    let sign_off = tablet.ok(&format!("/api/tasks/{task}/sign-off")).await;
    let mut cells = record["cells"].clone();
    for cell in cells.as_object_mut().expect("cells").values_mut() {
        let values = cell["values"].as_array().expect("values").iter();
        *cell = values.map(|v| v["value"].clone()).collect();
    }
    (
        cells,
        photos["rows"].as_array().map_or(0, Vec::len),
        sign_off["signatures"].as_array().map_or(0, Vec::len),
    )
}

/// The fault waits for the operation.
fn meet(disk: &Disk, fault: Fault, operation: u64) {
    match fault {
        Fault::DiskFull => disk.full_at(operation),
        Fault::Killed | Fault::PowerCut => disk.die_at(operation),
    }
}

/// The tablet is off; what the fault leaves on its disk.
fn is_over(disk: &Disk, fault: Fault, operation: u64) {
    match fault {
        Fault::PowerCut => disk.cut_power(operation.wrapping_mul(7_919)).expect("cuts"),
        Fault::Killed | Fault::DiskFull => disk.works_again(),
    }
}

async fn row(stage: &Stage, step: Step, fault: Fault, operation: u64) {
    let task = &stage.task;
    let (server, mut tablet, disk) = stage.begin().await;
    let before = on_screen(&tablet, task).await;
    meet(&disk, fault, operation);
    let confirmed = step(&tablet, stage).await;
    let shown = match confirmed && !disk.was_hit() {
        true => Some(on_screen(&tablet, task).await),
        false => None,
    };
    if fault == Fault::DiskFull {
        // Room is made, and nothing needs to be started anew; then it is, all the same.
        disk.works_again();
        tablet.unlock(ZHANG.0, ZHANG.1).await;
        still_there(&before, &on_screen(&tablet, task).await);
    }
    tablet.kill().await;
    is_over(&disk, fault, operation);
    tablet.start().await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    let now = on_screen(&tablet, task).await;
    still_there(shown.as_ref().unwrap_or(&before), &now);
    if confirmed {
        assert_confirmed(step, &before, &now);
    }
    if stage.from == From::Accepted {
        return has_what_it_says(&server, &tablet, task).await;
    }
    // Colleagues meet before they sign; the others sign without a network.
    if matches!(stage.from, From::Colleague | From::PutBack) {
        assert!(sync(&tablet, stage).await);
    }
    finish(&server, &tablet, task).await;
}

fn shows(screen: &(Value, usize, usize), path: &str, value: &Value) -> bool {
    let values = screen.0[path].as_array();
    values.is_some_and(|v| v.contains(value))
}

/// Nothing that was shown is gone; of two answers one may have been chosen.
fn still_there(before: &(Value, usize, usize), now: &(Value, usize, usize)) {
    for (path, values) in before.0.as_object().expect("cells") {
        let mut values = values.as_array().expect("values").iter();
        assert!(
            values.any(|v| shows(now, path, v)),
            "{path}: {}",
            now.0[path]
        );
    }
    assert!(now.1 >= before.1, "photos: {} of {}", now.1, before.1);
    assert!(now.2 >= before.2, "signatures: {} of {}", now.2, before.2);
}

fn assert_confirmed(step: Step, before: &(Value, usize, usize), now: &(Value, usize, usize)) {
    let is = |other: Step| std::ptr::fn_addr_eq(step, other);
    if is(write_one) {
        assert!(shows(now, "handling/measure", &json!("责令改正")));
    }
    if is(add_photo) || is(read_file) {
        assert_eq!(now.1, before.1 + 1, "the photo");
    }
    if is(record) {
        let path = format!("clip/{RECORDING}/size");
        assert!(shows(now, &path, &json!(170_000)), "the film");
    }
    if is(add_clip) {
        let mut paths = now.0.as_object().expect("cells").keys();
        let film = json!(300_000);
        assert!(
            paths.any(|p| p.starts_with("clip/") && shows(now, p, &film)),
            "the film"
        );
    }
    if is(done) {
        assert!(!now.0["done/1/zhang"].is_null(), "done");
    }
    if is(settle) {
        assert_eq!(now.0["point/SP-01/p1/answer"], json!(["compliant"]));
    }
    if is(inspector) {
        assert_eq!(now.2, before.2 + 1, "the signature");
    }
}

/// The story ends well: all sign, all of it reaches the office.
async fn finish(server: &Server, tablet: &Tablet, task: &str) {
    assert!(settle_all(tablet, task).await, "what differs is settled");
    // What was broken off is whole as far as it goes.
    let recordings = tablet.ok(&format!("/api/tasks/{task}/recordings")).await;
    for one in recordings["rows"].as_array().expect("rows") {
        let path = format!("/api/tasks/{task}/recordings/{RECORDING}/keep");
        let (status, clip) = tablet.post(&path, one["about"].clone()).await;
        assert_eq!((status, &clip["size"]), (200, &one["size"]), "{clip}");
    }
    let base = format!("/api/tasks/{task}/sign-off");
    if tablet.ok(&base).await["subject_sha256"].is_null() {
        assert!(begin_sign_off(tablet, task).await, "the sign-off begins");
    }
    let signed = |state: &Value, what: &str| state["signatures"].to_string().contains(what);
    let state = tablet.ok(&base).await;
    if state["party"].is_null() {
        assert!(party(tablet, task).await, "the party signs");
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

/// The original is here or it is not, as the tablet says; the office has it.
async fn has_what_it_says(server: &Server, tablet: &Tablet, task: &str) {
    for _ in 0..2 {
        assert_eq!(tablet.sync().await, None);
        let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
        let photo = &photos["rows"][0];
        let id = photo["photo"].as_str().expect("id");
        let path = format!("/api/tasks/{task}/photos/{id}/original");
        let (status, bytes) = tablet.bytes(&path).await;
        assert_eq!(photo["has_original"], status == 200, "{photo}");
        assert!(status != 200 || bytes == jpeg(120, 90, 7), "it is whole");
        tablet.clock.advance(2 * 24 * HOUR);
        tablet.unlock(ZHANG.0, ZHANG.1).await;
    }
    assert_eq!(server.stored().len(), 3);
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
    let table: [(&str, From, Step); 16] = [
        ("an answer is written", From::Filled, write_one),
        ("a draft is kept", From::Filled, keep_draft),
        ("a photo is added", From::Filled, add_photo),
        ("a film is recorded", From::Filled, record),
        ("a film is added as a file", From::Filled, add_clip),
        ("one is done", From::Filled, done),
        ("the record is sent", From::Filled, sync),
        ("locked and unlocked", From::Filled, restart),
        ("a colleague's work comes", From::Colleague, sync),
        ("a colleague's file is read", From::Colleague, read_file),
        ("what differs is settled", From::Conflict, settle),
        ("work is written anew", From::PutBack, sync),
        ("a sign-off begins", From::Filled, begin),
        ("the party signs", From::Begun, party_signs),
        ("an inspector signs", From::PartySigned, inspector),
        ("room is made", From::Accepted, make_room),
    ];
    let mut stages = Vec::new();
    for from in STAGES {
        stages.push(Arc::new(stage(from).await));
    }
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
    meet(&disk, fault, operation);
    let pin = |(person, pin): (&str, &str)| json!({"person": person, "pin": pin});
    let body =
        json!({"server": "https://server.test", "code": "CODE-1", "pins": [pin(ZHANG), pin(LI)]});
    let (status, body) = tablet.post("/api/enrol", body).await;
    let confirmed = told(status, &body) && !disk.was_hit();
    tablet.kill().await;
    is_over(&disk, fault, operation);
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

/// A tablet of the first schema that is brought up to today's while its disk fails: everything is there,
/// and the inspection goes on to its seal.
async fn upgrade_row(fault: Fault, operation: u64) {
    let (server, dir) = (Server::new(), Arc::new(tempfile::tempdir().expect("dir")));
    let task = server.dispatch(1, &["zhang", "li"]);
    copy_folder(&schema_1(), dir.path());
    *server.adopt.lock().expect("lock") = Some(enrolled(dir.path()));
    let disk = Disk::watch(dir.path()).expect("watches");
    let mut tablet = Tablet::in_folder(&server, dir, 60).await;
    meet(&disk, fault, operation);
    let unlock = json!({"person": ZHANG.0, "pin": ZHANG.1});
    let (status, body) = tablet.post("/api/unlock", unlock).await;
    told(status, &body);
    tablet.kill().await;
    is_over(&disk, fault, operation);
    tablet.start().await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    let now = on_screen(&tablet, &task).await;
    assert!(shows(&now, "party/opinion", &json!("无异议")), "{}", now.0);
    assert_eq!(now.1, 1, "the photo");
    finish(&server, &tablet, &task).await;
    assert_eq!(server.stored().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_during_an_upgrade_everything_is_there_and_it_is_upgraded() {
    let count = {
        let (server, dir) = (Server::new(), Arc::new(tempfile::tempdir().expect("dir")));
        copy_folder(&schema_1(), dir.path());
        let disk = Disk::watch(dir.path()).expect("watches");
        let tablet = Tablet::in_folder(&server, dir, 60).await;
        let before = disk.operations();
        tablet.unlock(ZHANG.0, ZHANG.1).await;
        disk.operations() - before
    };
    for fault in FAULTS {
        for operation in (1..=count).step_by(if all() { 1 } else { 7 }) {
            println!("{fault:?} at operation {operation} of {count}");
            upgrade_row(fault, operation).await;
        }
    }
}

/// A tablet that is handed back while its disk fails: it is handed back, or it is as it was.
async fn hand_back_row(stage: &Stage, fault: Fault, operation: u64) {
    let (server, mut tablet, disk) = stage.begin().await;
    let before = on_screen(&tablet, &stage.task).await;
    meet(&disk, fault, operation);
    let (status, body) = tablet.post("/api/hand-back", json!({"pin": ZHANG.1})).await;
    let confirmed = told(status, &body) && !disk.was_hit();
    tablet.kill().await;
    is_over(&disk, fault, operation);
    tablet.start().await;
    if tablet.ok("/api/state").await["enrolled"] == true {
        assert!(!confirmed, "what was confirmed stands");
        tablet.unlock(ZHANG.0, ZHANG.1).await;
        still_there(&before, &on_screen(&tablet, &stage.task).await);
        return;
    }
    let left = |name: &str| tablet.path().join(name).exists();
    assert!(!left("store.sqlite") && !left("photos"), "nothing is left");
    server.issue("CODE-9", &["li"]);
    tablet.enrol("CODE-9", &[LI]).await;
    tablet.unlock(LI.0, LI.1).await;
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/tasks").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_while_a_tablet_is_handed_back_it_is_or_it_is_not() {
    let stage = stage(From::Accepted).await;
    let count = {
        let (_server, tablet, disk) = stage.begin().await;
        let before = disk.operations();
        let (status, body) = tablet.post("/api/hand-back", json!({"pin": ZHANG.1})).await;
        assert_eq!(status, 200, "{body}");
        disk.operations() - before
    };
    for fault in FAULTS {
        for operation in (1..=count).step_by(if all() { 1 } else { 7 }) {
            println!("{fault:?} at operation {operation} of {count}");
            hand_back_row(&stage, fault, operation).await;
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
    assert!(add_photo(&tablet, &stage).await);
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
        let now = on_screen(&tablet, task).await;
        assert!(shows(&now, "handling/measure", &json!(text)), "{}", now.0);
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
