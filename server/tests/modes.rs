//! Every mode of a draw over HTTP, through a real server: the plan, the departments that respond, the pools
//! with their bounds, the result, the tasks; and each transcript verified by a stranger.

#[path = "draws/office.rs"]
mod office;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use draw::{Files, Rules};
use office::{DAY, NOW, Office, PASSWORD, Person, rolls};
use reqwest::Method;
use serde_json::{Value, json};

/// The office with everybody whom a plan and a draw need.
struct Stage {
    office: Office,
    admin: Person,
    planner: Person,
    supervisor: Person,
    officer: Person,
}

impl Stage {
    async fn open() -> Self {
        let office = Office::open().await;
        office
            .server
            .state
            .db
            .write(|tx| Ok(tx.execute_script(include_str!("draws/modes.sql"))?))
            .await
            .unwrap();
        let admin = office.administrator().await;
        Self {
            planner: office.with_roles(&admin, "planner", &["planner"]).await,
            supervisor: office
                .with_roles(&admin, "supervisor", &["supervisor"])
                .await,
            officer: office
                .with_roles(&admin, "officer", &["draw_officer"])
                .await,
            admin,
            office,
        }
    }

    async fn sign_in_again(&mut self) {
        self.planner.sign_in("planner", PASSWORD).await;
        self.supervisor.sign_in("supervisor", PASSWORD).await;
        self.officer.sign_in("officer", PASSWORD).await;
    }

    async fn sql(&self, text: &'static str) {
        let db = &self.office.server.state.db;
        db.write(move |tx| Ok(tx.execute_script(text)?))
            .await
            .unwrap();
    }

    async fn draft(&self, form: Value) -> String {
        id(&self.planner.post("/api/plans", form).await)
    }

    async fn lock(&self, plan: &str) {
        let at = |act: &str| format!("/api/plans/{plan}/{act}");
        self.planner.post(&at("submit"), json!({})).await;
        self.supervisor.post(&at("approve"), json!({})).await;
        self.supervisor.post(&at("lock"), json!({})).await;
    }

    /// A draw of a locked plan with its pools checked.
    async fn checked(&self, plan: &str) -> Value {
        let form = json!({ "plan": plan, "title": "示例抽取", "ceremony_at": NOW, "sides": 6, "rolls": 25,
            "public_from": "draw" });
        let draw = id(&self.officer.post("/api/draws", form).await);
        self.officer
            .post(&format!("/api/draws/{draw}/check"), json!({}))
            .await
    }

    /// The rest of the ceremony, without witnesses.
    async fn drawn(&self, draw: &str) -> Value {
        let at = |act: &str| format!("/api/draws/{draw}/{act}");
        self.officer.post(&at("commit"), json!({})).await;
        self.officer.post(&at("close"), json!({})).await;
        self.officer
            .post(&at("dice"), json!({ "rolls": rolls() }))
            .await
    }

    async fn held(&self, form: Value) -> Value {
        let plan = self.draft(form).await;
        self.lock(&plan).await;
        let checked = self.checked(&plan).await;
        self.drawn(&id(&checked)).await
    }

    /// The transcript as a stranger downloads and verifies it.
    async fn verified(&self, draw: &str) -> Files {
        let zip = format!("/api/public/draws/{draw}/transcript.zip");
        let bytes = self.office.person().bytes(&zip).await;
        let files = draw::read_zip(Cursor::new(&bytes), 1 << 30).unwrap();
        draw::verify(&files.transcript().unwrap()).unwrap();
        files
    }
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

fn form(cells: Value) -> Value {
    json!({ "title": "示例计划", "department": "market", "items": ["item-1", "item-2"],
        "from": "2026-11-01", "until": "2026-12-31", "team": 2, "scope": { "industries": ["F"] },
        "cells": cells })
}

fn with(mut form: Value, over: Value) -> Value {
    let more = over.as_object().unwrap().clone();
    form.as_object_mut().unwrap().extend(more);
    form
}

fn everybody() -> Value {
    json!([{ "ratio_ppm": 500_000, "number": null, "reserves": 2 }])
}

fn rules(files: &Files) -> Rules {
    Rules::parse(files.get("rules.json").unwrap()).unwrap()
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files.get(name).unwrap().to_vec()).unwrap()
}

fn rows(view: &Value) -> &Vec<Value> {
    view["result"].as_array().unwrap()
}

fn strings<'v>(list: &'v Value, field: &str) -> Vec<&'v str> {
    let all = list.as_array().unwrap().iter();
    all.map(|v| v[field].as_str().unwrap()).collect()
}

fn grounds(frame: &Value, kind: &str) -> BTreeMap<String, u64> {
    let all = frame["excluded_by_ground"].as_array().unwrap().iter();
    all.filter(|g| g["kind"] == kind)
        .map(|g| {
            (
                g["ground"].as_str().unwrap().to_owned(),
                g["count"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn cells_combine_conditions_and_only_public_ones_have_names() {
    // D1, D2, P2
    let stage = Stage::open().await;
    let cells = json!([
        { "districts": ["440303"], "industries": ["F51"], "ratio_ppm": null, "number": 2, "reserves": 1 },
        { "tags": ["重点关注"], "ratio_ppm": 1_000_000, "number": null, "reserves": 0 },
        { "risk_classes": ["A"], "districts": ["440304"], "ratio_ppm": 0, "number": null, "reserves": 0 },
        { "ratio_ppm": 100_000, "number": null, "reserves": 1 },
    ]);
    let wanted = with(
        form(cells),
        json!({ "district_minimum": 8, "yearly_draws": 1 }),
    );
    let plan = stage.draft(wanted.clone()).await;
    let shown = stage.planner.get(&format!("/api/plans/{plan}")).await;
    assert_eq!(
        strings(&shown["cells"], "label"),
        ["罗湖区，批发业", "", "", ""]
    );
    // Behind the first cell only three of the four that bear the tag are left.
    assert_eq!(shown["cells"][1]["objects"], 3);
    stage.lock(&plan).await;
    let checked = stage.checked(&plan).await;
    let frame = &checked["frame"];
    assert_eq!(frame["cells"][1]["label"], "标签：重点关注");
    assert_eq!(frame["departments"][0]["inspectors"], 8);
    let districts = &frame["districts"];
    assert_eq!(strings(districts, "name"), ["罗湖区", "福田区"]);
    assert_eq!(districts[0]["least"], 8);
    let drawn = stage.drawn(&id(&checked)).await;
    let files = stage.verified(&id(&drawn)).await;
    let rules = rules(&files);
    let labels: Vec<&str> = rules.cells.iter().map(|c| c.label.as_str()).collect();
    assert_eq!(labels, ["罗湖区，批发业", "", "", ""]);
    assert_eq!(rules.district_minimum, 8);
    assert!(
        rules
            .items
            .iter()
            .all(|i| !i.priority && i.department == "market")
    );
    for district in ["440303", "440304"] {
        let n = rows(&drawn)
            .iter()
            .filter(|r| r["district"] == district)
            .count();
        assert!(n >= 8, "{district}: {n}");
    }
    assert!(!text(&files, "rules.json").contains("重点"));

    // P2: who was drawn this year is not drawn by the next plan that allows it once.
    let next = stage.draft(wanted).await;
    stage.lock(&next).await;
    let checked = stage.checked(&next).await;
    let before = rows(&drawn).len() as u64;
    assert_eq!(
        grounds(&checked["frame"], "object")["drawn_this_year"],
        before
    );
    let again = stage.drawn(&id(&checked)).await;
    let first: BTreeSet<&str> = rows(&drawn)
        .iter()
        .map(|r| r["object"].as_str().unwrap())
        .collect();
    assert!(
        rows(&again)
            .iter()
            .all(|r| !first.contains(r["object"].as_str().unwrap()))
    );
    let files = stage.verified(&id(&again)).await;
    assert!(text(&files, "excluded.csv").contains(",drawn-this-year\n"));
    stage.office.server.stop().await;
}

#[tokio::test]
async fn a_census_meets_all_objects_each_in_its_week() {
    // D1
    let stage = Stage::open().await;
    let census =
        json!({ "kind": "census", "basis": "《示例法》第一条", "from": "2026-11-30", "weeks": 4 });
    let outside =
        json!({ "kind": "census", "basis": "《示例法》", "from": "2026-12-14", "weeks": 4 });
    let refused = stage.planner.refused(
        Method::POST,
        "/api/plans",
        with(form(json!([])), json!({ "mode": outside })),
    );
    assert_eq!(refused.await.0, 422);
    let drawn = stage
        .held(with(
            form(json!([])),
            json!({ "mode": census, "yearly_draws": 1 }),
        ))
        .await;
    let all = drawn["frame"]["cells"][0]["objects"].as_u64().unwrap();
    assert_eq!(rows(&drawn).len() as u64, all);
    let weeks: BTreeMap<u64, u64> = rows(&drawn).iter().fold(BTreeMap::new(), |mut weeks, row| {
        *weeks
            .entry(row["week"]["week"].as_u64().unwrap())
            .or_default() += 1;
        weeks
    });
    assert_eq!(weeks.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 4]);
    let files = stage.verified(&id(&drawn)).await;
    assert_eq!(rules(&files).cells[0].label, "全部对象");

    // A task's days are those of its week.
    stage
        .officer
        .post(&format!("/api/draws/{}/dispatch", id(&drawn)), json!({}))
        .await;
    let tasks = stage
        .officer
        .get(&format!("/api/tasks?limit=200&draw={}", id(&drawn)))
        .await;
    for row in rows(&drawn) {
        let of = |t: &&Value| t["object"] == row["object"];
        let task = tasks["rows"].as_array().unwrap().iter().find(of).unwrap();
        assert_eq!(
            (&task["from"], &task["until"]),
            (&row["week"]["from"], &row["week"]["until"])
        );
    }
    stage.office.server.stop().await;
}

fn joint() -> Value {
    with(
        form(json!([{ "ratio_ppm": null, "number": 6, "reserves": 2 }])),
        json!({ "experts": 1, "responding": [
            { "department": "fire", "items": [], "team": 2, "experts": 0, "deal": "group" }] }),
    )
}

#[tokio::test]
async fn departments_agree_and_each_deals_from_its_own() {
    // J1, I2, D1
    let stage = Stage::open().await;
    let fire = stage
        .office
        .with_roles_in("fire", &stage.admin, "fire", &["planner"])
        .await;
    let plan = stage.draft(joint()).await;
    let at = |act: &str| format!("/api/plans/{plan}{act}");
    let submit_at = at("/submit");
    let submit = || stage.planner.refused(Method::POST, &submit_at, json!({}));
    assert_eq!(submit().await, (409, "department_not_agreed".into()));
    let list = fire.get("/api/plans").await;
    assert_eq!(list["rows"][0]["asked"], json!(["fire"]));
    let yes =
        json!({ "agree": true, "items": ["item-3"], "team": 2, "experts": 0, "deal": "group" });
    let answer = at("/departments/fire/answer");
    // The lead does not answer for another, nor with another's items.
    assert_eq!(
        stage
            .planner
            .refused(Method::POST, &answer, yes.clone())
            .await
            .0,
        403
    );
    let foreign = with(yes.clone(), json!({ "items": ["item-1"] }));
    assert_eq!(fire.refused(Method::POST, &answer, foreign).await.0, 422);
    let no = json!({ "agree": false, "note": "人手不足，本季度不参加", "team": 2 });
    fire.post(&answer, no).await;
    assert_eq!(submit().await, (409, "department_declined".into()));
    let agreed = fire.post(&answer, yes.clone()).await;
    assert_eq!(agreed["departments"][1]["state"], "agreed");
    assert_eq!(agreed["items"][2]["priority"], true);
    // Another text is asked anew.
    stage
        .planner
        .put(&at(""), with(joint(), json!({ "title": "示例联合计划" })))
        .await;
    assert_eq!(submit().await, (409, "department_not_agreed".into()));
    fire.post(&answer, yes).await;
    stage.lock(&plan).await;

    let checked = stage.checked(&plan).await;
    assert_eq!(checked["number"], "市场监督管理局联合抽查〔2026〕1号");
    let departments = &checked["frame"]["departments"];
    assert_eq!(
        (&departments[0]["experts"], &departments[1]["groups"]),
        (&json!(3), &json!(2))
    );
    let drawn = stage.drawn(&id(&checked)).await;
    for row in rows(&drawn) {
        let departments = strings(&row["inspectors"], "department");
        assert_eq!(&departments[..2], ["market", "market"]);
        let group = strings(&row["inspectors"], "id")[2..]
            .iter()
            .copied()
            .collect::<BTreeSet<_>>();
        let whole = [
            BTreeSet::from(["fire-0", "fire-1"]),
            BTreeSet::from(["fire-2", "fire-3", "fire-4"]),
        ];
        assert!(whole.contains(&group), "{row}");
        assert_eq!(row["experts"].as_array().unwrap().len(), 1);
    }
    let files = stage.verified(&id(&drawn)).await;
    let rules = rules(&files);
    assert_eq!(rules.departments.len(), 2);
    assert_eq!(
        rules
            .needs
            .iter()
            .map(|n| n.department.as_str())
            .collect::<Vec<_>>(),
        ["fire", "market"]
    );
    // Who responds sees the draw.
    assert_eq!(
        fire.get(&format!("/api/draws/{}", id(&drawn))).await["drawn"],
        6
    );
    assert_eq!(fire.get("/api/draws").await["total"], 1);

    stage
        .officer
        .post(&format!("/api/draws/{}/dispatch", id(&drawn)), json!({}))
        .await;
    let tasks = stage
        .officer
        .get(&format!("/api/tasks?draw={}", id(&drawn)))
        .await;
    let task = &tasks["rows"][0];
    assert_eq!(strings(&task["items"], "item"), ["SC-01", "SC-02", "XF-01"]);
    let roles = strings(&task["team"], "role");
    assert_eq!((roles[0], *roles.last().unwrap()), ("leader", "expert"));
    assert_eq!(
        fire.get(&format!("/api/tasks?draw={}", id(&drawn))).await["total"],
        6
    );
    stage.office.server.stop().await;
}

#[tokio::test]
async fn where_only_objects_are_drawn_the_office_names_the_teams() {
    // D1
    let stage = Stage::open().await;
    let mode = json!({ "kind": "objects", "reason": "人员名录尚在核对，暂由科室指派", "review_by": "2027-03-31" });
    let short = json!({ "kind": "objects", "reason": "需要", "review_by": "2027-03-31" });
    let refused = stage.planner.refused(
        Method::POST,
        "/api/plans",
        with(form(everybody()), json!({ "mode": short })),
    );
    assert_eq!(refused.await.0, 422);
    let near = json!({ "industries": ["F"], "districts": ["440303", "440304"] });
    let drawn = stage
        .held(with(
            form(everybody()),
            json!({ "mode": mode, "scope": near }),
        ))
        .await;
    let draw = id(&drawn);
    let at = |act: &str| format!("/api/draws/{draw}/{act}");
    assert!(rows(&drawn).iter().all(|r| r["inspectors"] == json!([])));
    let files = stage.verified(&draw).await;
    assert_eq!(text(&files, "inspectors.csv").lines().count(), 1);
    assert_eq!(
        stage
            .officer
            .refused(Method::POST, &at("dispatch"), json!({}))
            .await,
        (409, "teams_missing".into())
    );
    let of = |district: &str, kin: bool| -> Vec<&str> {
        let fits = |r: &&Value| {
            r["district"] == district && r["object_name"].as_str().unwrap().contains("亲属") == kin
        };
        rows(&drawn)
            .iter()
            .filter(fits)
            .map(|r| r["object"].as_str().unwrap())
            .collect()
    };
    let name = |objects: Vec<&str>, inspectors: [&str; 2]| json!({ "objects": objects, "inspectors": inspectors, "reason": "辖区所负责，人员按排班指定" });
    let (luohu, futian, kin) = (of("440303", false), of("440304", false), of("440303", true));
    assert!(!luohu.is_empty() && !futian.is_empty() && !kin.is_empty());
    for (objects, team) in [
        // Acts in another district; must avoid; knows nothing of food; no valid certificate.
        (futian.clone(), ["inspector-0", "inspector-4"]),
        (kin.clone(), ["inspector-0", "inspector-1"]),
        (luohu.clone(), ["inspector-1", "inspector-3"]),
        (luohu.clone(), ["inspector-0", "inspector-x0"]),
        (luohu.clone(), ["inspector-0", "inspector-0"]),
    ] {
        let refused = stage
            .officer
            .refused(Method::PUT, &at("teams"), name(objects, team))
            .await;
        assert_eq!(refused.0, 422, "{team:?}");
    }
    assert_eq!(
        stage
            .planner
            .refused(
                Method::PUT,
                &at("teams"),
                name(luohu.clone(), ["inspector-0", "inspector-4"])
            )
            .await
            .0,
        403
    );
    let shown = stage
        .officer
        .post(&at("candidates"), json!({ "objects": kin }))
        .await;
    let one = |id: &str| {
        shown["rows"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["id"] == id)
            .unwrap()
    };
    assert_eq!(one("inspector-0")["problem"], "");
    assert!(
        one("inspector-1")["problem"]
            .as_str()
            .unwrap()
            .contains("回避")
    );
    stage
        .officer
        .put(&at("teams"), name(luohu, ["inspector-4", "inspector-0"]))
        .await;
    stage
        .officer
        .put(&at("teams"), name(futian, ["inspector-0", "inspector-2"]))
        .await;
    let named = stage
        .officer
        .put(&at("teams"), name(kin, ["inspector-0", "inspector-6"]))
        .await;
    assert!(
        rows(&named)
            .iter()
            .all(|r| r["inspectors"].as_array().unwrap().len() == 2)
    );
    stage.officer.post(&at("dispatch"), json!({})).await;
    let tasks = stage
        .officer
        .get(&format!("/api/tasks?limit=200&draw={draw}"))
        .await;
    assert_eq!(tasks["total"], rows(&drawn).len());
    let auditor = stage
        .office
        .with_roles(&stage.admin, "auditor", &["auditor"])
        .await;
    assert!(
        auditor
            .get("/api/journal?limit=200")
            .await
            .to_string()
            .contains("辖区所负责")
    );
    stage.verified(&draw).await;
    stage.office.server.stop().await;
}

#[tokio::test]
async fn where_only_inspectors_are_drawn_the_plan_names_the_objects() {
    // D1
    let stage = Stage::open().await;
    let mode = json!({ "kind": "inspectors", "reason": "上级交办名单，只能随机抽取检查人员", "review_by": "2026-12-31" });
    let named = |objects: Value| with(form(json!([])), json!({ "mode": mode, "objects": objects }));
    let written = json!([
        "91440300MA5A0005XX",
        "object-b-3",
        "91440300MA5A0005XX",
        "91440300MA5B0000XX",
        "没有"
    ]);
    let checked = stage
        .planner
        .post("/api/plans/objects", json!({ "objects": written }))
        .await;
    assert_eq!(checked["good"], 2);
    let problems = strings(&checked["rows"], "problem");
    assert_eq!(
        problems,
        ["", "", "重复", "已注销、吊销或迁出", "名录库中没有这个代码"]
    );
    assert_eq!(
        stage
            .planner
            .refused(Method::POST, "/api/plans", named(written))
            .await
            .0,
        422
    );
    let good = json!(["91440300MA5A0005XX", "object-b-3", "object-a-7"]);
    let drawn = stage.held(named(good)).await;
    let objects: BTreeSet<&str> = rows(&drawn)
        .iter()
        .map(|r| r["object"].as_str().unwrap())
        .collect();
    assert_eq!(
        objects,
        BTreeSet::from(["object-a-5", "object-a-7", "object-b-3"])
    );
    assert!(
        rows(&drawn)
            .iter()
            .all(|r| r["inspectors"].as_array().unwrap().len() >= 2)
    );
    let files = stage.verified(&id(&drawn)).await;
    assert!(matches!(rules(&files).mode, draw::Mode::Inspectors { .. }));
    stage.office.server.stop().await;
}

#[tokio::test]
async fn leave_workload_and_the_yearly_cap_keep_out_with_their_ground() {
    // I4, X3, K3
    let mut stage = Stage::open().await;
    let mut registrar = stage
        .office
        .with_roles(&stage.admin, "registrar", &["registrar"])
        .await;
    let leave = json!({ "from": "2026-11-24", "until": "2026-11-25", "reason": "培训" });
    let on_leave = registrar
        .post("/api/inspectors/inspector-2/leaves", leave)
        .await;
    let gone = json!({ "from": "2026-11-20", "until": null, "reason": "借调" });
    let posted = registrar
        .post("/api/inspectors/inspector-3/leaves", gone)
        .await;
    assert_eq!(posted["leaves"].as_array().unwrap().len(), 1);
    let backwards = json!({ "from": "2026-11-25", "until": "2026-11-24", "reason": "培训" });
    let refused = registrar
        .refused(
            Method::POST,
            "/api/inspectors/inspector-2/leaves",
            backwards,
        )
        .await;
    assert_eq!(refused.0, 422);
    stage
        .sql("UPDATE inspectors SET capacity = 2 WHERE id = 'inspector-7'")
        .await;

    let everyone = with(form(everybody()), json!({ "yearly_draws": 12 }));
    let drawn = stage.held(everyone.clone()).await;
    let out = grounds(&drawn["frame"], "inspector");
    assert_eq!(
        out,
        BTreeMap::from([("no_certificate".into(), 1), ("on_leave".into(), 3)])
    );
    assert_eq!(drawn["frame"]["inspectors"], 6);
    let files = stage.verified(&id(&drawn)).await;
    let excluded = text(&files, "excluded.csv");
    assert_eq!(excluded.matches(",on-leave\n").count(), 3);
    stage
        .officer
        .post(&format!("/api/draws/{}/dispatch", id(&drawn)), json!({}))
        .await;

    // The leave is over, another was taken back, and somebody has as many tasks as they can take.
    stage.office.clock.advance(2 * DAY);
    stage.sign_in_again().await;
    registrar.sign_in("registrar", PASSWORD).await;
    let taken = posted["leaves"][0]["id"].as_str().unwrap();
    let back = registrar
        .ask(
            Method::DELETE,
            &format!("/api/leaves/{taken}?reason=提前返岗"),
            None,
        )
        .await;
    assert!(back.status().is_success());
    assert_eq!(on_leave["leaves"][0]["until"], "2026-11-25");
    let limit = json!({ "visits": 1, "general_ratio_ppm": null, "reason": "深府规〔2025〕6号" });
    let city = stage
        .supervisor
        .refused(Method::PUT, "/api/plan-limits/city", limit.clone())
        .await;
    assert_eq!(city.0, 403);
    stage.supervisor.put("/api/plan-limits/market", limit).await;
    let plan = stage.draft(everyone.clone()).await;
    stage.lock(&plan).await;
    let checked = stage.checked(&plan).await;
    let frame = &checked["frame"];
    let out = grounds(frame, "inspector");
    assert_eq!(
        out,
        BTreeMap::from([
            ("no_capacity".into(), 1),
            ("no_certificate".into(), 1),
            ("on_leave".into(), 1)
        ])
    );
    assert_eq!(
        grounds(frame, "object")["visit_cap"],
        rows(&drawn).len() as u64
    );
    let again = stage.drawn(&id(&checked)).await;
    stage.verified(&id(&again)).await;

    // X3: a named ground exempts.
    let exempt = with(
        everyone,
        json!({ "exemption": { "ground": "complaint", "note": "12345 热线转办第 8 号" } }),
    );
    let plan = stage.draft(exempt).await;
    stage.lock(&plan).await;
    let checked = stage.checked(&plan).await;
    assert!(!grounds(&checked["frame"], "object").contains_key("visit_cap"));
    assert_eq!(checked["visit_cap"], Value::Null);
    stage.office.server.stop().await;
}

#[tokio::test]
async fn what_is_not_usual_needs_a_reason() {
    // J1: in principle at most 10 inspectors.
    let stage = Stage::open().await;
    let fire = stage
        .office
        .with_roles_in("fire", &stage.admin, "fire", &["supervisor"])
        .await;
    let large = with(
        joint(),
        json!({ "team": 8, "responding": [
        { "department": "fire", "items": ["item-3"], "team": 3, "experts": 0, "deal": "person" }] }),
    );
    let plan = stage.draft(large.clone()).await;
    let at = |act: &str| format!("/api/plans/{plan}{act}");
    let yes = json!({ "agree": true, "items": ["item-3"], "team": 3 });
    let agreed = fire
        .post(&at("/departments/fire/answer"), yes.clone())
        .await;
    let codes = strings(&agreed["warnings"], "code");
    assert_eq!(codes, ["many_inspectors"]);
    assert_eq!(
        stage
            .planner
            .refused(Method::POST, &at("/submit"), json!({}))
            .await
            .0,
        422
    );
    stage
        .planner
        .put(
            &at(""),
            with(large, json!({ "reason": "大型综合体，需多专业同时进场" })),
        )
        .await;
    fire.post(&at("/departments/fire/answer"), yes).await;
    assert_eq!(
        stage.planner.post(&at("/submit"), json!({})).await["state"],
        "submitted"
    );
    stage.office.server.stop().await;
}
