//! Substitution 递补 with the real programs: an inspector is relieved while the tablet is out of reach,
//! objects are replaced until no reserve is left, an avoidance becomes known late; the transcript is
//! verified after each step.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use tests::office::{Office, text};
use tests::picture;
use tests::processes::Process;
use tests::story::{self, PASSWORD, PIN, Prepared};
use tests::tablet::Tablet;
use tests::visit;
use uuid::Uuid;

const EVIDENCE: &[u8] = b"%PDF-1.7 a certificate of illness (sample)";

/// The office after the dispatch.
struct Stage {
    _server: Process,
    url: String,
    drawer: Office,
    supervisor: Office,
    admin: Office,
    draw: String,
    evidence: String,
}

/// A tablet in the hands of some inspectors.
struct Held {
    _process: Process,
    app: Tablet,
    link: tests::link::Link,
}

impl Stage {
    async fn open(data: &Path) -> Stage {
        let prepared: Prepared = story::prepare(data, "127.0.0.1:0", &story::PRICES, &|_| {})
            .await
            .unwrap();
        let url = prepared.url.clone();
        let sign_in = async |login: &str| Office::sign_in(&url, login, PASSWORD).await.unwrap();
        let drawer = sign_in("drawer").await;
        let (supervisor, admin) = (sign_in("supervisor").await, sign_in("tablets").await);
        let draws = drawer.get("/api/draws").await.unwrap();
        let draw = text(&draws["rows"][0], "id").unwrap();
        let kept = drawer
            .upload("/api/evidence?name=illness.pdf", EVIDENCE.to_vec())
            .await
            .unwrap();
        let evidence = text(&kept, "sha256").unwrap();
        Stage {
            _server: prepared.into_server(),
            url,
            drawer,
            supervisor,
            admin,
            draw,
            evidence,
        }
    }

    async fn tasks(&self) -> Vec<Value> {
        let path = format!("/api/tasks?draw={}&limit=200", self.draw);
        let listed = self.drawer.get(&path).await.unwrap();
        listed["rows"].as_array().unwrap().clone()
    }

    async fn task(&self, id: &str) -> Value {
        self.drawer.get(&format!("/api/tasks/{id}")).await.unwrap()
    }

    fn input(&self, kind: &str, object: &str, person: &str, ground: &str) -> Value {
        json!({ "id": fresh_id(), "kind": kind, "object": object, "person": person,
            "ground": ground, "explanation": "附证明材料，情况属实。", "evidence": self.evidence })
    }

    fn at(&self) -> String {
        format!("/api/draws/{}/substitutions", self.draw)
    }

    async fn ask(&self, kind: &str, object: &str, person: &str, ground: &str) -> String {
        let input = self.input(kind, object, person, ground);
        let asked = self.drawer.post(&self.at(), input).await.unwrap();
        assert_eq!(asked["state"], "pending");
        text(&asked, "id").unwrap()
    }

    /// Asked for and approved; what followed.
    async fn substitute(&self, kind: &str, object: &str, person: &str, ground: &str) -> Vec<Value> {
        let id = self.ask(kind, object, person, ground).await;
        let path = format!("/api/substitutions/{id}/approve");
        let done = self.supervisor.post(&path, json!({})).await.unwrap();
        assert_eq!(done["state"], "approved");
        self.verify().await;
        done["followed"].as_array().unwrap().clone()
    }

    async fn refused(&self, kind: &str, object: &str, person: &str, ground: &str) -> String {
        let input = self.input(kind, object, person, ground);
        let at = self.at();
        let refusal = self.drawer.refused(Method::POST, &at, Some(input)).await;
        refusal.unwrap().code
    }

    /// The transcript as a stranger has it; how many rows of substitutions it holds.
    async fn verify(&self) -> u64 {
        let path = format!("/api/public/draws/{}/transcript.zip", self.draw);
        let zip = self.drawer.bytes(&path).await.unwrap();
        let files = draw::read_zip(std::io::Cursor::new(zip), 1 << 30).unwrap();
        let summary = draw::verify(&files.transcript().unwrap()).unwrap();
        summary.chance.unwrap().substitutions
    }

    /// Enrols a new tablet for these persons and signs the first in.
    async fn tablet(&self, data: &Path, n: usize, persons: &[&str]) -> Held {
        let form = json!({ "device_name": format!("示例平板 {n}"), "department": "scjg",
            "inspectors": persons });
        let code = self.admin.post("/api/devices/enrolment-codes", form).await;
        let code = text(&code.unwrap(), "code").unwrap();
        let link = story::link_to(&self.url).await.unwrap();
        let process = story::start_tablet(data, n).unwrap();
        let launch = process.after("launch ").unwrap();
        let app = Tablet::launch(&launch).await.unwrap();
        let pins: Vec<(&str, &str)> = persons.iter().map(|p| (*p, PIN)).collect();
        app.enrol(&link.url(), &code, &pins).await.unwrap();
        app.unlock(persons[0], PIN).await.unwrap();
        app.sync().await.unwrap();
        Held {
            _process: process,
            app,
            link,
        }
    }
}

/// The id of a new request, as a console makes it.
fn fresh_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    Uuid::from_u128(u128::from(NEXT.fetch_add(1, Ordering::Relaxed))).to_string()
}

fn id(member: &Value) -> String {
    text(member, "person").unwrap()
}

fn state_of(tasks: &[Value], task: &str) -> String {
    let card = tasks.iter().find(|c| c["task"] == task);
    card.map_or_else(String::new, |c| text(c, "state").unwrap())
}

fn active(task: &Value) -> Vec<String> {
    let team = task["team"].as_array().unwrap().iter();
    team.filter(|m| m["status"] == "active").map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inspector_is_relieved_in_the_middle() {
    // D4, X5, F4: what was done stays under its author, the next in the draw's order goes on
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::open(data.path()).await;
    let first = stage.tasks().await[0].clone();
    let (task, object) = (
        text(&first, "task").unwrap(),
        text(&first, "object").unwrap(),
    );
    let (a, b) = (id(&first["team"][0]), id(&first["team"][1]));
    let ta = stage.tablet(data.path(), 1, &[&a]).await;
    let tb = stage.tablet(data.path(), 2, &[&b]).await;

    // A begins without a network, and goes on after the relief without knowing of it.
    ta.link.cut();
    visit::arrive(&ta.app, &task, "甲、乙", story::now())
        .await
        .unwrap();
    visit::answer(&ta.app, &task, |n| n <= 2, |_| false)
        .await
        .unwrap();
    let detail = ta.app.get(&format!("/api/tasks/{task}")).await.unwrap();
    let sheet = &detail["sheets"][0];
    let point = format!(
        "{}/{}",
        text(sheet, "item").unwrap(),
        text(&sheet["points"][0], "point").unwrap()
    );
    let shelf = picture::shelf(5).unwrap();
    ta.app
        .photo(&task, &point, "货架", "a.jpg", shelf)
        .await
        .unwrap();

    let asked = stage.ask("relief", &object, &a, "ill").await;
    let approve = format!("/api/substitutions/{asked}/approve");
    let own = stage
        .drawer
        .refused(Method::POST, &approve, Some(json!({})))
        .await
        .unwrap();
    assert_eq!(own.status, 403, "the draw officer has no right to approve");
    assert_eq!(
        stage.refused("relief", &object, &a, "ill").await,
        "already_asked"
    );
    let done = stage.supervisor.post(&approve, json!({})).await.unwrap();
    // The answer was lost; the same again changes nothing.
    let again = stage.supervisor.post(&approve, json!({})).await.unwrap();
    assert_eq!(done, again);
    assert_eq!(stage.verify().await, 1);
    assert_eq!(done["followed"][0]["kind"], "relief");
    let c = text(&done["followed"][0], "comes").unwrap();
    let after = stage.task(&task).await;
    assert_eq!(
        active(&after),
        [c.clone(), b.clone()],
        "the seat is taken, and with it the lead"
    );
    assert_eq!(after["team"][0]["role"], "leader");
    assert_eq!(
        stage.refused("relief", &object, &a, "ill").await,
        "not_in_team"
    );

    visit::answer(&ta.app, &task, |n| n == 3, |_| false)
        .await
        .unwrap();
    ta.link.restore();
    ta.app.sync().await.unwrap();
    let arrived = stage.task(&task).await;
    assert!(arrived["answered"].as_u64().unwrap() >= 3, "{arrived}");
    assert_eq!(arrived["photos"], 1);
    assert_eq!(state_of(&ta.app.tasks().await.unwrap(), &task), "relieved");
    let edit = json!({ "edits": [{ "path": "handling/opinion", "value": "补记" }] });
    let cells = format!("/api/tasks/{task}/cells");
    let refusal = ta
        .app
        .ask(Method::PATCH, &cells, Some(edit))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refusal.code, "read_only");
    assert!(refusal.detail.contains("已被替换"), "{}", refusal.detail);
    assert_eq!(
        stage.refused("replace", &object, "", "closed").await,
        "visit_begun"
    );

    // The new member's tablet is fresh: it admits what A wrote, and shows who wrote it.
    let tc = stage.tablet(data.path(), 3, &[&c, &b]).await;
    let card = tc.app.tasks().await.unwrap();
    let card = card.iter().find(|t| t["task"] == task.as_str()).unwrap();
    assert_eq!(card["photos"], 1, "{card}");
    assert!(card["points_done"].as_u64().unwrap() >= 3, "{card}");
    let team = card["team"].as_array().unwrap();
    let gone = team.iter().find(|m| m["person"] == a.as_str()).unwrap();
    assert_eq!(gone["status"], "relieved");
    assert!(gone["relieved_at"].is_i64());
    // The new tablet says of each cell whose it is, and that A is gone.
    let record = tc.app.get(&format!("/api/tasks/{task}/record")).await;
    let record = record.unwrap();
    let begun = &record["cells"]["visit/start_at"]["values"][0];
    assert_eq!(
        (&begun["person"], &begun["relieved"]),
        (&json!(a), &json!(true))
    );
    let readable = async |app: &Tablet| {
        let path = format!("/api/tasks/{task}/preview");
        app.get(&path).await.unwrap()
    };
    let by_a = |preview: &Value| -> usize {
        let sections = preview["sections"].as_array().unwrap().iter();
        let rows = sections.flat_map(|s| s["rows"].as_array().unwrap());
        rows.filter(|row| {
            let by = row["by"].as_array().unwrap();
            by.iter()
                .any(|one| one["person"] == a.as_str() && one["relieved"] == true)
        })
        .count()
    };
    let before = readable(&tc.app).await;
    assert!(
        by_a(&before) >= 6,
        "arrival and three answers are A's: {before}"
    );
    assert!(before.to_string().contains("原检查人员"), "{before}");
    // A's own tablet shows what A did, under A's name, and nothing can be signed there.
    assert!(by_a(&readable(&ta.app).await) >= 6);
    let begin = format!("/api/tasks/{task}/sign-off");
    let begin = ta
        .app
        .ask(Method::POST, &begin, Some(json!({ "excluded": [] })));
    assert_eq!(begin.await.unwrap().unwrap_err().code, "read_only");
    let photos = tc
        .app
        .get(&format!("/api/tasks/{task}/photos"))
        .await
        .unwrap();
    assert_eq!(photos["rows"][0]["has_rendition"], true, "{photos}");

    // B has heard of it, answers on the own tablet and is done.
    tb.app.sync().await.unwrap();
    visit::answer(&tb.app, &task, |n| n == 4, |_| false)
        .await
        .unwrap();
    tb.app
        .post(&format!("/api/tasks/{task}/done"), json!({}))
        .await
        .unwrap();
    tb.app.sync().await.unwrap();
    tc.app.sync().await.unwrap();
    visit::answer(&tc.app, &task, |n| n > 4, |_| false)
        .await
        .unwrap();
    visit::conclude(&tc.app, &task, false, story::now())
        .await
        .unwrap();
    let signers = [&c, &b].map(|p| (p.clone(), PIN.to_owned()));
    visit::sign(&tc.app, &task, &signers, json!([]))
        .await
        .unwrap();
    tc.app.sync().await.unwrap();
    assert_eq!(stage.task(&task).await["state"], "sealed");
    assert_eq!(
        stage.refused("relief", &object, &b, "ill").await,
        "record_sealed"
    );

    let review = format!("/api/review/{task}");
    let record = stage.supervisor.get(&review).await.unwrap();
    let name = text(&first["team"][0], "name").unwrap();
    let history = record.to_string();
    assert!(history.contains(&name), "A's work is under A's name");
    // The relieved one's work is under the seal, still A's; the two who are there signed, and only they.
    assert_eq!(by_a(&readable(&tc.app).await), by_a(&before));
    let answers = record["sheets"][0]["points"].as_array().unwrap();
    let of_a: Vec<&Value> = answers
        .iter()
        .flat_map(|p| p["answers"].as_array().unwrap())
        .filter(|answer| answer["person_name"] == name.as_str())
        .collect();
    assert_eq!(of_a.len(), 3, "{answers:?}");
    assert!(of_a.iter().all(|answer| answer["relieved"].is_string()));
    let signed = record["signatures"].as_array().unwrap().iter();
    let signed = signed.filter(|s| s["role"] == "inspector" && s["state"] == "valid");
    assert_eq!(signed.count(), 2, "{}", record["signatures"]);
    let heads = json!({ "heads": record["heads"] });
    let accepted = stage
        .supervisor
        .post(&format!("{review}/accept"), heads)
        .await
        .unwrap();
    assert_eq!(accepted["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_replaced_until_no_reserve_is_left() {
    // D4: the next reserve of the cell takes the place with the team; then the task is dropped, publicly
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::open(data.path()).await;
    let result = stage
        .drawer
        .get(&format!("/api/draws/{}", stage.draw))
        .await
        .unwrap();
    let result = result["result"].as_array().unwrap();
    let only = result.iter().find(|r| r["cell"] == "0001").unwrap();
    let object = text(only, "object").unwrap();
    let old = |tasks: &[Value], object: &str| -> Value {
        tasks
            .iter()
            .find(|t| t["object"] == object)
            .unwrap()
            .clone()
    };
    let before = old(&stage.tasks().await, &object);
    let leader = active(&before)[0].clone();
    let tablet = stage.tablet(data.path(), 1, &[&leader]).await;
    let task = text(&before, "task").unwrap();
    assert_eq!(state_of(&tablet.app.tasks().await.unwrap(), &task), "todo");

    tablet.link.cut();
    let followed = stage.substitute("replace", &object, "", "closed").await;
    assert_eq!(followed[0]["kind"], "replace");
    let next = text(&followed[0], "comes").unwrap();
    let tasks = stage.tasks().await;
    assert_eq!(old(&tasks, &object)["state"], "withdrawn");
    let new = old(&tasks, &next);
    assert_eq!(new["state"], "dispatched");
    let number = text(&before, "number").unwrap();
    assert_eq!(text(&new, "number").unwrap(), format!("{number}-2"));
    let cells = json!({ "edits": [{ "path": "handling/opinion", "value": "x" }] });
    // Recorded without a network before the tablet hears of it: kept, here and at the office.
    visit::arrive(&tablet.app, &task, "甲", story::now())
        .await
        .unwrap();
    tablet.link.restore();
    tablet.app.sync().await.unwrap();
    let cards = tablet.app.tasks().await.unwrap();
    assert_eq!(state_of(&cards, &task), "withdrawn");
    if active(&new).contains(&leader) {
        assert_eq!(state_of(&cards, &text(&new, "task").unwrap()), "todo");
    }
    let path = format!("/api/tasks/{task}/cells");
    let refusal = tablet
        .app
        .ask(Method::PATCH, &path, Some(cells))
        .await
        .unwrap();
    assert!(refusal.unwrap_err().detail.contains("已取消"));
    assert_eq!(
        stage.task(&task).await["state"],
        "withdrawn",
        "what comes late revives nothing"
    );

    // Passing over the next reserve has its own ground and approval; only the next can be passed.
    let reserves = stage
        .drawer
        .get(&format!("/api/draws/{}/reserves", stage.draw))
        .await
        .unwrap();
    let rows = reserves["rows"].as_array().unwrap();
    let reserve = rows.iter().find(|r| r["cell"] == "0001").unwrap();
    let passed = text(reserve, "object").unwrap();
    assert_eq!(
        stage.refused("pass", &object, "", "moved").await,
        "not_next"
    );
    let followed = stage.substitute("pass", &passed, "", "moved").await;
    assert_eq!(followed[0]["kind"], "pass");
    let followed = stage.substitute("replace", &next, "", "duplicate").await;
    let last = text(&followed[0], "comes").unwrap();
    let dropped = stage.substitute("replace", &last, "", "cancelled").await;
    assert_eq!(dropped[0]["kind"], "drop");
    let tasks = stage.tasks().await;
    assert_eq!(old(&tasks, &last)["state"], "withdrawn");
    assert_eq!(old(&tasks, &last)["number"], format!("{number}-3"));
    assert_eq!(
        stage.refused("replace", &last, "", "closed").await,
        "not_standing"
    );

    let page = stage
        .drawer
        .bytes(&format!("/draws/{}", stage.draw))
        .await
        .unwrap();
    let page = String::from_utf8(page).unwrap();
    for words in ["递补记录", "已停业或者歇业", "予以跳过", "予以取消"] {
        assert!(page.contains(words), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_avoidance_and_decisions_of_people() {
    // D4, S1
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::open(data.path()).await;
    let tasks = stage.tasks().await;
    let (first, second) = (tasks[0].clone(), tasks[1].clone());
    let object = text(&first, "object").unwrap();
    let (a, b) = (id(&first["team"][0]), id(&first["team"][1]));
    let followed = stage.substitute("avoid", &object, &a, "kinship").await;
    assert_eq!(followed[0]["kind"], "avoid");
    assert_eq!(followed[1]["kind"], "relief");
    let now = stage.task(&text(&first, "task").unwrap()).await;
    assert!(
        !active(&now).contains(&a) && active(&now).contains(&b),
        "{now}"
    );

    // Who asks does not approve, whatever their roles.
    let input = stage.input(
        "relief",
        &text(&second, "object").unwrap(),
        &id(&second["team"][0]),
        "posted",
    );
    let at = stage.at();
    let asked = stage.supervisor.post(&at, input.clone()).await.unwrap();
    assert_eq!(
        asked,
        stage.supervisor.post(&at, input.clone()).await.unwrap(),
        "a lost answer"
    );
    let path = |word: &str| {
        format!(
            "/api/substitutions/{}/{word}",
            asked["id"].as_str().unwrap()
        )
    };
    let refusal = stage
        .supervisor
        .refused(Method::POST, &path("approve"), Some(json!({})))
        .await
        .unwrap();
    assert_eq!(
        (refusal.status.as_u16(), refusal.code.as_str()),
        (403, "own_act")
    );
    let mut other = input;
    other["ground"] = json!("ill");
    let used = stage
        .supervisor
        .refused(Method::POST, &at, Some(other))
        .await
        .unwrap();
    assert_eq!(used.code, "id_used");
    let back = stage
        .supervisor
        .post(&path("withdraw"), json!({}))
        .await
        .unwrap();
    assert_eq!(back["state"], "withdrawn");

    // Refused with a reason, once.
    let id = stage
        .ask(
            "relief",
            &text(&second, "object").unwrap(),
            &id(&second["team"][0]),
            "posted",
        )
        .await;
    let path = |word: &str| format!("/api/substitutions/{id}/{word}");
    let reason = json!({ "reason": "材料没有写明借调的起止时间" });
    let refused = stage
        .supervisor
        .post(&path("refuse"), reason)
        .await
        .unwrap();
    assert_eq!(refused["state"], "refused");
    let late = stage
        .supervisor
        .refused(Method::POST, &path("approve"), Some(json!({})))
        .await
        .unwrap();
    assert_eq!(late.code, "already_decided");
    assert_eq!(stage.verify().await, 2);
    // Explanation and evidence can be about somebody's health: not for everybody in the office (S3).
    let planner = Office::sign_in(&stage.url, "planner", PASSWORD)
        .await
        .unwrap();
    let seen = planner.get("/api/substitutions").await.unwrap();
    assert_eq!(seen["total"], 3, "{seen}");
    for row in seen["rows"].as_array().unwrap() {
        assert_eq!(
            (row["explanation"].as_str(), row["evidence"].is_null()),
            (Some(""), true)
        );
        assert_eq!(row["may_decide"], false);
    }
    let evidence = format!("/api/evidence/{}", stage.evidence);
    assert_eq!(stage.supervisor.bytes(&evidence).await.unwrap(), EVIDENCE);
}

/// Everything answered, concluded and signed on one tablet.
async fn carry_out(tablet: &Held, task: &str, signers: &[&String]) -> String {
    let app = &tablet.app;
    visit::arrive(app, task, "检查组", story::now())
        .await
        .unwrap();
    visit::answer(app, task, |_| true, |_| false).await.unwrap();
    visit::conclude(app, task, false, story::now())
        .await
        .unwrap();
    sign(tablet, task, signers).await
}

async fn sign(tablet: &Held, task: &str, signers: &[&String]) -> String {
    let signers: Vec<(String, String)> = signers
        .iter()
        .map(|p| ((*p).clone(), PIN.to_owned()))
        .collect();
    visit::sign(&tablet.app, task, &signers, json!([]))
        .await
        .unwrap()
}

fn signature_states(record: &Value, name: &str) -> Vec<String> {
    let rows = record["signatures"].as_array().unwrap().iter();
    rows.filter(|s| s["signer_name"] == name)
        .map(|s| text(s, "state").unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_off_that_crosses_a_relief_does_not_seal() {
    // D4, F4: signed without a network while the office relieved one of the signers
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::open(data.path()).await;
    let first = stage.tasks().await[0].clone();
    let (task, object) = (
        text(&first, "task").unwrap(),
        text(&first, "object").unwrap(),
    );
    let (a, b) = (id(&first["team"][0]), id(&first["team"][1]));
    let one = stage.tablet(data.path(), 1, &[&a, &b]).await;
    one.link.cut();
    carry_out(&one, &task, &[&a, &b]).await;
    assert_eq!(state_of(&one.app.tasks().await.unwrap(), &task), "sealed");
    let followed = stage.substitute("relief", &object, &b, "posted").await;
    let c = text(&followed[0], "comes").unwrap();
    one.link.restore();
    one.app.sync().await.unwrap();
    assert_eq!(
        stage.task(&task).await["state"],
        "dispatched",
        "B does not count any more"
    );
    // The tablet says so too: the seal has gone, C has to sign, and nobody goes on with the old one.
    assert_eq!(state_of(&one.app.tasks().await.unwrap(), &task), "to_sign");
    let off = one.app.get(&format!("/api/tasks/{task}/sign-off")).await;
    assert_eq!(off.unwrap()["stage"], "not_begun");

    one.app
        .post(&format!("/api/tasks/{task}/done"), json!({}))
        .await
        .unwrap();
    one.app.sync().await.unwrap();
    let two = stage.tablet(data.path(), 2, &[&c, &a]).await;
    sign(&two, &task, &[&a, &c]).await;
    two.app.sync().await.unwrap();
    assert_eq!(stage.task(&task).await["state"], "sealed");
    let record = stage.supervisor.get(&format!("/api/review/{task}")).await;
    let record = record.unwrap();
    let name = text(&first["team"][1], "name").unwrap();
    assert_eq!(signature_states(&record, &name), ["superseded"]);
    one.app.sync().await.unwrap();
    assert_eq!(state_of(&one.app.tasks().await.unwrap(), &task), "sealed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_round_stays_sealed_when_its_signer_is_relieved() {
    // D4, X5, V2
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::open(data.path()).await;
    let first = stage.tasks().await[0].clone();
    let (task, object) = (
        text(&first, "task").unwrap(),
        text(&first, "object").unwrap(),
    );
    let (a, b) = (id(&first["team"][0]), id(&first["team"][1]));
    let one = stage.tablet(data.path(), 1, &[&a, &b]).await;
    carry_out(&one, &task, &[&a, &b]).await;
    one.app.sync().await.unwrap();
    let review = format!("/api/review/{task}");
    let record = stage.supervisor.get(&review).await.unwrap();
    let body = json!({ "heads": record["heads"],
        "remarks": [{ "path": "handling/opinion", "text": "请写明复查日期。" }] });
    stage
        .supervisor
        .post(&format!("{review}/return"), body)
        .await
        .unwrap();
    // The leader leaves: B signed the first round as a member and the second as one, C leads.
    let followed = stage
        .substitute("relief", &object, &a, "left_service")
        .await;
    let c = text(&followed[0], "comes").unwrap();
    one.app.unlock(&b, PIN).await.unwrap();
    one.app.sync().await.unwrap();
    one.app
        .post(&format!("/api/tasks/{task}/done"), json!({}))
        .await
        .unwrap();
    one.app.sync().await.unwrap();
    let two = stage.tablet(data.path(), 2, &[&c, &b]).await;
    let opinion = [("handling/opinion", json!("保持；2026 年 12 月 4 日复查。"))];
    visit::write(&two.app, &task, opinion).await.unwrap();
    sign(&two, &task, &[&c, &b]).await;
    two.app.sync().await.unwrap();
    let record = stage.supervisor.get(&review).await.unwrap();
    let (left, stayed) = (
        text(&first["team"][0], "name").unwrap(),
        text(&first["team"][1], "name").unwrap(),
    );
    assert_eq!(signature_states(&record, &left), ["superseded"]);
    assert_eq!(signature_states(&record, &stayed), ["superseded", "valid"]);
    let heads = json!({ "heads": record["heads"] });
    let accepted = stage
        .supervisor
        .post(&format!("{review}/accept"), heads)
        .await;
    assert_eq!(accepted.unwrap()["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_at_the_same_time_stand_one_behind_the_other() {
    // D4: the order of approvals is the order of the transcript
    let data = tempfile::tempdir().unwrap();
    let stage = Stage::open(data.path()).await;
    let mut ids = Vec::new();
    for task in stage.tasks().await.iter().take(4) {
        let object = text(task, "object").unwrap();
        ids.push(
            stage
                .ask("relief", &object, &id(&task["team"][0]), "on_leave")
                .await,
        );
    }
    let approvals = ids.iter().map(|id| {
        let (office, path) = (
            stage.supervisor.clone(),
            format!("/api/substitutions/{id}/approve"),
        );
        tokio::spawn(async move { office.post(&path, json!({})).await.unwrap() })
    });
    for approval in approvals.collect::<Vec<_>>() {
        assert_eq!(approval.await.unwrap()["state"], "approved");
    }
    assert_eq!(stage.verify().await, 4);
}
