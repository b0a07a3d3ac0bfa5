//! Visits of several people with the real programs: ten inspectors of five departments on one record,
//! several inspectors on one tablet, and what the tablet knows and keeps of place and object.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tests::field::{Drawn, Field, Held};
use tests::office::text;
use tests::story::{self, PIN};
use tests::tablet::Tablet;
use tests::{picture, visit};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The sheets of a task as the tablet has them: code of the item, department, check points.
async fn sheets(tablet: &Tablet, task: &str) -> Vec<Value> {
    let detail = tablet.get(&format!("/api/tasks/{task}")).await.unwrap();
    detail["sheets"].as_array().unwrap().clone()
}

/// A line of the preview whose label begins so.
fn line<'p>(preview: &'p Value, label: &str) -> &'p Value {
    let sections = preview["sections"].as_array().unwrap();
    let mut rows = sections.iter().flat_map(|s| s["rows"].as_array().unwrap());
    rows.find(|row| row["label"].as_str().unwrap().starts_with(label))
        .unwrap_or_else(|| panic!("{label} in {preview}"))
}

async fn preview(tablet: &Tablet, task: &str) -> Value {
    let path = format!("/api/tasks/{task}/preview");
    tablet.get(&path).await.unwrap()
}

/// Arrival to opinion by whoever has the tablet, everything compliant, then all sign on it.
async fn whole_visit(held: &Held, drawn: &Drawn, ended: i64) {
    let (app, task) = (&held.app, drawn.task.as_str());
    visit::arrive(app, task, "检查组", ended - HOUR)
        .await
        .unwrap();
    visit::answer(app, task, |_| true, |_| false).await.unwrap();
    visit::conclude(app, task, false, ended).await.unwrap();
    visit::sign(app, task, &drawn.signers(), json!([]))
        .await
        .unwrap();
    app.sync().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_inspectors_of_five_departments_write_one_record() {
    // J1, J2, F4, F5: each department its own sheets on its own tablet; all ten sign on one
    let data = tempfile::tempdir().unwrap();
    let field = Field::open_joint(data.path()).await.unwrap();
    let drawn = field.tasks().await.unwrap().remove(0);
    let task = drawn.task.as_str();
    assert_eq!(drawn.team.len(), 10);
    let everybody: Vec<&str> = drawn.team.iter().map(|(p, _)| p.as_str()).collect();

    // The closing tablet knows all ten; each department has another one for its two.
    let closing = field.tablet(data.path(), 0, &everybody).await.unwrap();
    let facts = field.task(task).await.unwrap();
    let sheets = sheets(&closing.app, task).await;
    let departments: BTreeSet<&str> = sheets
        .iter()
        .map(|s| s["department"].as_str().unwrap())
        .collect();
    assert_eq!((sheets.len(), departments.len()), (5, 5), "{facts}");
    let mut others = Vec::new();
    for (n, pair) in everybody.chunks(2).enumerate() {
        others.push(field.tablet(data.path(), n + 1, pair).await.unwrap());
    }
    // Nobody has a network while they work.
    for held in others.iter().chain([&closing]) {
        held.link.cut();
    }
    visit::arrive(&closing.app, task, "十名检查人员", story::now())
        .await
        .unwrap();
    let mut first = 1;
    let mut author_of = Vec::new();
    for (n, (held, sheet)) in others.iter().zip(&sheets).enumerate() {
        // Two of one department take turns on their tablet.
        let count = sheet["points"].as_array().unwrap().len();
        let points = first..first + count;
        for (turn, (person, name)) in drawn.team[2 * n..2 * n + 2].iter().enumerate() {
            held.app.unlock(person, PIN).await.unwrap();
            let mine = |at: usize| points.contains(&at) && at % 2 == turn;
            visit::answer(&held.app, task, mine, |_| false)
                .await
                .unwrap();
            for at in points.clone().filter(|at| at % 2 == turn) {
                author_of.push((at, name.clone()));
            }
        }
        let (point, shelf) = (&sheet["points"][0], picture::shelf(n as u32).unwrap());
        let place = format!(
            "{}/{}",
            text(sheet, "item").unwrap(),
            text(point, "point").unwrap()
        );
        held.app
            .photo(task, &place, "现场", "a.jpg", shelf)
            .await
            .unwrap();
        for (person, _) in &drawn.team[2 * n..2 * n + 2] {
            held.app.unlock(person, PIN).await.unwrap();
            let done = format!("/api/tasks/{task}/done");
            held.app.post(&done, json!({})).await.unwrap();
        }
        first += count;
    }
    for held in others.iter().chain([&closing]) {
        held.link.restore();
    }
    for held in &others {
        held.app.sync().await.unwrap();
    }
    closing.app.sync().await.unwrap();
    visit::conclude(&closing.app, task, false, story::now())
        .await
        .unwrap();
    // Nine of ten are not enough.
    let (last, nine) = (drawn.team[9].0.clone(), drawn.signers()[..9].to_vec());
    let unsealed = visit::sign(&closing.app, task, &nine, json!([])).await;
    assert!(unsealed.is_err(), "{unsealed:?}");
    closing.app.sync().await.unwrap();
    assert_eq!(field.task(task).await.unwrap()["state"], "dispatched");
    let path = format!("/api/tasks/{task}/sign-off/inspectors");
    let body = json!({ "person": last, "pin": PIN, "ink": tests::tablet::ink(11) });
    let sealed = closing.app.post(&path, body).await.unwrap();
    assert!(sealed["seal"]["fingerprint"].is_string(), "{sealed}");
    closing.app.sync().await.unwrap();

    let record = field.review(task).await.unwrap();
    assert_eq!(record["state"], "to_review");
    let signatures = record["signatures"].as_array().unwrap();
    let valid = signatures
        .iter()
        .filter(|s| s["role"] == "inspector" && s["state"] == "valid");
    assert_eq!(valid.count(), 10, "{signatures:?}");
    // Every answer stands under who gave it, on the tablet and in the review.
    let answers: Vec<&Value> = record["sheets"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|s| s["points"].as_array().unwrap())
        .collect();
    for (at, name) in &author_of {
        assert_eq!(answers[at - 1]["answers"][0]["person_name"], name.as_str());
    }
    assert_eq!(
        record["photos"].as_array().unwrap().len(),
        5 + extra(&sheets)
    );
    let read = preview(&closing.app, task).await;
    let rows: Vec<&Value> = read["sections"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|s| s["rows"].as_array().unwrap())
        .filter(|row| !row["by"].as_array().unwrap().is_empty())
        .collect();
    let names: BTreeSet<&str> = rows
        .iter()
        .map(|row| row["by"][0]["name"].as_str().unwrap())
        .collect();
    for (_, name) in &drawn.team {
        assert!(names.contains(name.as_str()), "{name} in {names:?}");
    }
    assert_eq!(field.accept(task).await.unwrap()["state"], "accepted");
    field.publish(task).await.unwrap();
    let listed = field
        .publisher
        .get("/api/publications?state=in_publicity")
        .await;
    assert_eq!(listed.unwrap()["total"], 1);
}

/// Photos that check points demand whatever the answer.
fn extra(sheets: &[Value]) -> usize {
    let points = sheets.iter().flat_map(|s| s["points"].as_array().unwrap());
    points.filter(|p| p["photo"] == "always").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_23_two_inspectors_share_one_tablet_without_a_network() {
    // F5, S2: a key slot for each; whoever has unlocked it is the author, offline as well
    let data = tempfile::tempdir().unwrap();
    let field = Field::open(data.path(), &story::PRICES).await.unwrap();
    let drawn = field.tasks().await.unwrap().remove(0);
    let task = drawn.task.as_str();
    let [(a, name_a), (b, name_b)] = [drawn.team[0].clone(), drawn.team[1].clone()];
    let held = field.tablet(data.path(), 1, &[&a, &b]).await.unwrap();
    held.link.cut();
    visit::arrive(&held.app, task, "两人", story::now())
        .await
        .unwrap();
    let sheet = sheets(&held.app, task).await.remove(0);
    let count = sheet["points"].as_array().unwrap().len();
    // They hand it to and fro; both can still open it with the other's session ended.
    for at in 1..=count {
        let person = if at % 2 == 1 { &a } else { &b };
        held.app.post("/api/lock", json!({})).await.unwrap();
        if at == 2 {
            // Each slot has a PIN of its own and counts its own tries.
            let wrong = json!({ "person": person, "pin": "000000" });
            let refused = held.app.ask(Method::POST, "/api/unlock", Some(wrong)).await;
            assert_eq!(refused.unwrap().unwrap_err().code, "wrong_pin");
        }
        held.app.unlock(person, PIN).await.unwrap();
        visit::answer(&held.app, task, |n| n == at, |_| false)
            .await
            .unwrap();
        let record = held.app.get(&format!("/api/tasks/{task}/record")).await;
        let done = record.unwrap()["progress"]["points_done"].clone();
        assert_eq!(done, at, "nothing was lost by switching");
    }
    let read = preview(&held.app, task).await;
    for (n, point) in sheet["points"].as_array().unwrap().iter().enumerate() {
        let label = format!("{}. {}", n + 1, point["content"].as_str().unwrap());
        let by = &line(&read, &label)["by"];
        let expected = if n % 2 == 0 { &name_a } else { &name_b };
        assert_eq!(by[0]["name"], expected.as_str(), "{by}");
        assert_eq!(by.as_array().unwrap().len(), 1);
    }
    // One cannot sign with the other's key: a wrong PIN opens nothing.
    visit::conclude(&held.app, task, false, story::now())
        .await
        .unwrap();
    held.link.restore();
    visit::sign(&held.app, task, &drawn.signers(), json!([]))
        .await
        .unwrap();
    held.app.sync().await.unwrap();
    let record = field.review(task).await.unwrap();
    assert_eq!(record["state"], "to_review");
    let answers = record["sheets"][0]["points"].as_array().unwrap();
    for (n, point) in answers.iter().enumerate() {
        let expected = if n % 2 == 0 { &name_a } else { &name_b };
        assert_eq!(point["answers"][0]["person_name"], expected.as_str());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_22_a_place_says_where_it_comes_from() {
    // F2: source, accuracy and mock flag are kept and shown, with the distance from the registered place
    let data = tempfile::tempdir().unwrap();
    let field = Field::open(data.path(), &story::PRICES).await.unwrap();
    // Registers know where most objects are: the first whose place is known.
    let mut found = None;
    for (n, drawn) in field.tasks().await.unwrap().into_iter().enumerate() {
        let team: Vec<&str> = drawn.team.iter().map(|(p, _)| p.as_str()).collect();
        let held = field.tablet(data.path(), n + 1, &team).await.unwrap();
        let path = format!("/api/tasks/{}", drawn.task);
        let detail = held.app.get(&path).await.unwrap();
        if detail["object"]["lat_e7"].is_i64() {
            found = Some((drawn, held, detail));
            break;
        }
    }
    let (drawn, held, detail) = found.unwrap();
    let task = drawn.task.as_str();
    let at = |word: &str| detail["object"][word].as_i64().unwrap();
    let (lat, lon) = (at("lat_e7"), at("lon_e7"));
    // 0.01 degrees further north are 1,112 m.
    let cells: [(&str, Value); 5] = [
        ("visit/lat_e7", json!(lat + 100_000)),
        ("visit/lon_e7", json!(lon)),
        ("visit/accuracy_cm", json!(1_250)),
        ("visit/place_source", json!("network")),
        ("visit/place_mock", json!(true)),
    ];
    visit::write(&held.app, task, cells).await.unwrap();
    let missing = held
        .app
        .get(&format!("/api/tasks/{task}/missing"))
        .await
        .unwrap();
    let warned = missing["rows"].as_array().unwrap().iter();
    let warned: Vec<&Value> = warned.filter(|m| m["code"] == "place_mock").collect();
    assert_eq!(warned.len(), 1, "{missing}");
    let read = preview(&held.app, task).await;
    let place = line(&read, "地点");
    let words = place["value"].as_str().unwrap();
    for part in ["网络定位", "12 米", "模拟定位", "登记位置正北方向 1112 米"] {
        assert!(words.contains(part), "{part} in {words}");
    }
    held.app.sync().await.unwrap();
    let place = field.review(task).await.unwrap()["visit"]["place"].clone();
    assert_eq!(place["mock"], true);
    assert_eq!(place["source"], "network");
    assert_eq!(place["accuracy_cm"], 1_250);
    assert_eq!(place["direction"], "north");
    let metres = place["distance_m"].as_u64().unwrap();
    assert!(metres.abs_diff(1_112) <= 1, "{place}");
    // Taken again from satellites, nothing of the doubtful one remains.
    let cells: [(&str, Value); 2] = [
        ("visit/place_source", json!("gps")),
        ("visit/place_mock", json!(false)),
    ];
    visit::write(&held.app, task, cells).await.unwrap();
    held.app.sync().await.unwrap();
    let place = field.review(task).await.unwrap()["visit"]["place"].clone();
    assert_eq!(
        (&place["mock"], &place["source"]),
        (&json!(false), &json!("gps"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_brings_its_history_and_its_code_its_countdown() {
    // F1: earlier results by name, offline. X2: the code after a network failure, within ten days
    let data = tempfile::tempdir().unwrap();
    let field = Field::open(data.path(), &story::PRICES).await.unwrap();
    let drawn = field.tasks().await.unwrap().remove(0);
    let task = drawn.task.as_str();
    let (a, b) = (drawn.team[0].0.as_str(), drawn.team[1].0.as_str());
    let held = field.tablet(data.path(), 1, &[a, b]).await.unwrap();
    held.link.cut();
    let ended = story::now() - 2 * DAY;
    let detail = held.app.get(&format!("/api/tasks/{task}")).await.unwrap();
    assert!(detail["history"].as_array().unwrap().is_empty());
    for word in ["district", "industry"] {
        let name = detail["object"][word].as_str().unwrap();
        assert!(
            !name.is_empty() && !name.bytes().any(|b| b.is_ascii_digit()),
            "{name}"
        );
    }
    // A check point without a basis of its own rests on the item's.
    let sheet = &detail["sheets"][0];
    let law = sheet["basis"][0].as_str().unwrap();
    assert!(law.contains("《中华人民共和国价格法》"), "{law}");

    // No network: the reason is written down, everybody signs, the countdown runs.
    let why: [(&str, Value); 2] = [
        ("code/late", json!("network")),
        ("code/reason", json!("地下室没有信号，检查码打不开。")),
    ];
    visit::write(&held.app, task, why).await.unwrap();
    held.link.restore();
    whole_visit(&held, &drawn, ended).await;
    let card = held.app.tasks().await.unwrap();
    let card = card.iter().find(|c| c["task"] == task).unwrap();
    assert_eq!(card["state"], "sealed");
    assert_eq!(card["code"]["days_left"], 8, "{card}");
    assert_eq!(card["code"]["reason_missing"], false);
    let code = field.review(task).await.unwrap()["code"].clone();
    assert_eq!(
        (&code["text"], &code["overdue"]),
        (&json!(""), &json!(false))
    );
    assert_eq!(code["late"], "network");

    // Nothing else can be written under the seal; the code can, and stands beside it.
    let other: [(&str, Value); 2] = [("code/text", json!("x")), ("fee/none", json!(false))];
    assert!(visit::write(&held.app, task, other).await.is_err());
    let wrong = "91440300MA5FAKE99X";
    let enter = |text: String| -> [(&'static str, Value); 3] {
        [
            ("code/text", json!(text)),
            ("code/how", json!("typed")),
            ("code/read_at", json!(story::now())),
        ]
    };
    visit::write(&held.app, task, enter(wrong.to_owned()))
        .await
        .unwrap();
    held.app.sync().await.unwrap();
    let code = field.review(task).await.unwrap()["code"].clone();
    assert_eq!(code["compared"], "other", "{code}");
    let own = detail["object"]["code"].as_str().unwrap();
    let address = format!("https://jcm.example/scan?uscc={own}&v=1");
    visit::write(&held.app, task, enter(address)).await.unwrap();
    held.app.sync().await.unwrap();
    let record = field.review(task).await.unwrap();
    let code = &record["code"];
    assert_eq!(code["compared"], "same", "{code}");
    assert_eq!(
        (&code["after_seal"], &code["in_time"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        record["late"].as_array().unwrap().len(),
        0,
        "expected, so not among the late"
    );
    let valid = record["signatures"].as_array().unwrap().iter();
    assert_eq!(
        valid.filter(|s| s["state"] == "valid").count(),
        3,
        "{}",
        record["signatures"]
    );
    let card = held.app.tasks().await.unwrap();
    let card = card.iter().find(|c| c["task"] == task).unwrap();
    assert_eq!(card["state"], "sealed");
    assert_eq!(
        (&card["code"]["entered"], &card["code"]["days_left"]),
        (&json!(true), &Value::Null)
    );

    // Accepted, published: the next draw of this object tells its team.
    field.accept(task).await.unwrap();
    field.publish(task).await.unwrap();
    let next = field.again(&drawn.object).await.unwrap();
    let persons: Vec<&str> = next.team.iter().map(|(p, _)| p.as_str()).collect();
    let later = field.tablet(data.path(), 2, &persons).await.unwrap();
    later.link.cut();
    let detail = later
        .app
        .get(&format!("/api/tasks/{}", next.task))
        .await
        .unwrap();
    let history = &detail["history"][0];
    assert_eq!(history["results"], json!(["no_problem"]), "{detail}");
    assert_eq!(history["department"], "市场监督管理局");
    assert_eq!(history["items"][0], "明码标价与价格行为检查");
}
