//! Who is told what about the blinded ids, over HTTP: auditors, the object itself, strangers.

use std::io::Cursor;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

#[path = "draws/office.rs"]
mod office;
use office::{DAY, NOW, Office, Person, rolls};

const LATER: &str = "现在还不能告知";

/// A draw that was held and dispatched; all of its transcript is public from 2026-11-26.
struct Held {
    office: Office,
    officer: Person,
    supervisor: Person,
    auditor: Person,
    stranger: Person,
    draw: String,
}

impl Held {
    async fn open() -> Self {
        Self::with("").await
    }

    /// With more in the registers.
    async fn with(sql: &'static str) -> Self {
        let office = Office::open().await;
        let more = move |tx: &mut server::db::Tx<'_>| Ok(tx.execute_script(sql)?);
        office.server.state.db.write(more).await.unwrap();
        let admin = office.administrator().await;
        let planner = office.with_roles(&admin, "planner", &["planner"]).await;
        let supervisor = office
            .with_roles(&admin, "supervisor", &["supervisor"])
            .await;
        let officer = office
            .with_roles(&admin, "officer", &["draw_officer"])
            .await;
        let auditor = office.with_roles(&admin, "auditor", &["auditor"]).await;
        let plan = json!({ "title": "食品销售随机抽查", "department": "market", "items": ["item-1"],
            "from": "2026-01-01", "until": "2026-11-30", "team": 2,
            "scope": { "districts": [], "industries": ["F"], "q": "" },
            "cells": [{ "risk_classes": ["A"], "ratio_ppm": null, "number": 9, "reserves": 3 }] });
        let plan = planner.post("/api/plans", plan).await;
        let plan = plan["id"].as_str().unwrap().to_owned();
        planner
            .post(&format!("/api/plans/{plan}/submit"), json!({}))
            .await;
        for act in ["approve", "lock"] {
            supervisor
                .post(&format!("/api/plans/{plan}/{act}"), json!({}))
                .await;
        }
        let form = json!({ "plan": plan, "title": "食品销售随机抽查", "ceremony_at": NOW, "sides": 6,
            "rolls": 25, "public_from": "2026-11-26" });
        let draw = officer.post("/api/draws", form).await["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let at = |act: &str| format!("/api/draws/{draw}/{act}");
        officer.post(&at("check"), json!({})).await;
        let committed = officer.post(&at("commit"), json!({})).await;
        let hash = draw::witness_commitment(
            committed["commitment"].as_str().unwrap(),
            "市民丙",
            "kapok-tree-88",
        );
        let witness = json!({ "name": "市民丙", "committed": hash });
        officer.post(&at("witnesses"), witness).await;
        officer
            .post(&at("witnesses"), json!({ "name": "迟到者" }))
            .await;
        officer.post(&at("close"), json!({})).await;
        let said = json!({ "name": "市民丙", "value": "kapok-tree-88" });
        officer.post(&at("reveal"), said).await;
        officer.post(&at("dice"), json!({ "rolls": rolls() })).await;
        officer.post(&at("dispatch"), json!({})).await;
        let stranger = office.person();
        Self {
            office,
            officer,
            supervisor,
            auditor,
            stranger,
            draw,
        }
    }

    fn at(&self, act: &str) -> String {
        format!("/api/draws/{}{act}", self.draw)
    }

    /// The first drawn object's task.
    async fn task(&self) -> (String, String) {
        let tasks = self
            .officer
            .get(&format!("/api/tasks?draw={}", self.draw))
            .await;
        let row = &tasks["rows"][0];
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        (text("task"), text("object"))
    }

    async fn slip(&self, object: &str) -> Value {
        let body = json!({ "object": object, "reason": "对象本人来函索取" });
        self.officer.post(&self.at("/object-slips"), body).await
    }

    /// An object of the frame that was neither drawn nor is a reserve.
    async fn not_drawn(&self) -> String {
        let draw = self.draw.clone();
        let of = move |tx: &mut server::db::Tx<'_>| {
            let sql = "SELECT id FROM objects WHERE risk_class = 'A' AND district = '440303'
                 AND industry LIKE 'F%' AND kind = 'organisation'
                 AND id NOT IN (SELECT object FROM draw_results WHERE draw = $1) ORDER BY id";
            Ok(tx.query_one(sql, &[&draw], |r| r.get(0))?)
        };
        self.office.server.state.db.read(of).await.unwrap()
    }

    async fn page(&self, query: &str) -> String {
        let path = format!("/draws/{}/mine?{query}", self.draw);
        String::from_utf8(self.stranger.bytes(&path).await).unwrap()
    }

    async fn sql(&self, sql: String) {
        let run = move |tx: &mut server::db::Tx<'_>| Ok(tx.execute_script(&sql)?);
        self.office.server.state.db.write(run).await.unwrap();
    }
}

/// The query of a link.
fn query(link: &Value) -> String {
    link.as_str().unwrap().split_once('?').unwrap().1.to_owned()
}

fn notice_form(task: &str) -> Value {
    json!({ "tasks": [task], "contact": "张某 0755-00000000", "materials": "营业执照" })
}

#[tokio::test]
async fn an_object_learns_by_its_notice_that_it_was_drawn_and_who_comes() {
    // X1, K3, S1
    let held = Held::open().await;
    let (task, object) = held.task().await;
    let slip = held.slip(&object).await;
    let by_slip = query(&slip["link"]);

    // Nothing says so before the notice: not to the object, in no other words than to those not drawn.
    let other = query(&held.slip(&held.not_drawn().await).await["link"]);
    let (mine, others) = (held.page(&by_slip).await, held.page(&other).await);
    assert!(mine.contains("在名单内") && mine.contains(LATER));
    let between = |page: &str| {
        let start = page.find("抽取结果").unwrap();
        let end = page.find("不相信这个网站").unwrap();
        page[start..end].to_owned()
    };
    assert_eq!(between(&mine), between(&others));

    // Asked for by one, issued by another.
    let path = format!("/api/tasks/{task}/notice");
    let draft = held.officer.get(&path).await;
    assert_eq!(
        (&draft["state"], &draft["link"]),
        (&json!("none"), &Value::Null)
    );
    let wrong = json!({ "tasks": [task], "contact": " " });
    assert_eq!(
        held.officer
            .refused(Method::POST, "/api/notices", wrong)
            .await
            .0,
        422
    );
    let refused = held
        .supervisor
        .refused(Method::POST, "/api/notices", notice_form(&task))
        .await;
    assert_eq!(refused.0, 403);
    held.officer.post("/api/notices", notice_form(&task)).await;
    let asked = held
        .officer
        .refused(Method::POST, "/api/notices", notice_form(&task))
        .await;
    assert_eq!(asked, (409, "notice_asked".into()));
    let tasks = json!({ "tasks": [task] });
    let by_officer = held
        .officer
        .refused(Method::POST, "/api/notices/issue", tasks.clone())
        .await;
    assert_eq!(by_officer.0, 403);
    assert!(
        held.page(&by_slip).await.contains(LATER),
        "asked for is not issued"
    );
    held.supervisor
        .post("/api/notices/issue", tasks.clone())
        .await;
    let twice = held
        .supervisor
        .refused(Method::POST, "/api/notices/issue", tasks)
        .await;
    assert_eq!(twice, (409, "notice_not_asked".into()));

    let notice = held.officer.get(&path).await;
    let content = &notice["content"];
    assert_eq!(notice["state"], "issued");
    assert_eq!(content["team"].as_array().unwrap().len(), 2);
    assert_eq!(content["visits"]["arranged"], 1);
    assert_eq!(content["opening"]["salt"], slip["salt"]);
    assert_eq!(notice["versions"][0]["decided_by_name"], "supervisor");
    let listed = held
        .officer
        .get(&format!("/api/notices?draw={}&state=issued", held.draw))
        .await;
    assert_eq!(
        (&listed["total"], &listed["rows"][0]["task"]),
        (&json!(1), &json!(task))
    );
    let rest = held
        .officer
        .get(&format!("/api/notices?draw={}&state=none", held.draw))
        .await;
    assert_eq!(rest["total"], 8);

    // Who holds the notice sees all; who holds only a salt, as witnesses do, still nothing.
    let by_notice = query(&notice["link"]);
    let page = held.page(&by_notice).await;
    for member in content["team"].as_array().unwrap() {
        assert!(page.contains(member["name"].as_str().unwrap()), "{page}");
        assert!(page.contains(member["certificate"].as_str().unwrap()));
    }
    for part in [
        "抽中，第 1 位",
        "申请回避",
        "0755-00000000",
        "已安排检查",
        "sha256sum",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(held.page(&by_slip).await.contains(LATER));
    let guessed = format!("{by_slip}&code=AAAA-BBBB-CCCC");
    assert!(held.page(&guessed).await.contains(LATER));
    let journal = held.auditor.get("/api/journal?limit=200").await.to_string();
    for act in ["draw.slip", "notice.ask", "notice.issue"] {
        assert!(journal.contains(act), "{act}");
    }
    held.office.server.stop().await;
}

#[tokio::test]
async fn when_others_come_the_notice_is_issued_again() {
    // X1, D4
    let held = Held::open().await;
    let (task, _) = held.task().await;
    let tasks = json!({ "tasks": [task] });
    held.officer.post("/api/notices", notice_form(&task)).await;
    let relieved = format!(
        "UPDATE task_members SET status = 'relieved', relieved_at = 1
         WHERE task = '{task}' AND role = 'member';
         INSERT INTO task_members (task, person, position, name, unit, certificate, role, status, joined_at)
         VALUES ('{task}', 'inspector-x3', 5, '递补检查员', '示例所', '4403-x3', 'member', 'active', 1)"
    );
    held.sql(relieved).await;
    let refused = held
        .supervisor
        .refused(Method::POST, "/api/notices/issue", tasks.clone())
        .await;
    assert_eq!(refused, (409, "team_changed".into()));
    let listed = held.officer.get("/api/notices?state=outdated").await;
    assert_eq!(listed["total"], 1);
    held.officer.post("/api/notices", notice_form(&task)).await;
    held.supervisor
        .post("/api/notices/issue", tasks.clone())
        .await;
    let notice = held.officer.get(&format!("/api/tasks/{task}/notice")).await;
    assert_eq!(
        (&notice["state"], &notice["content"]["version"]),
        (&json!("issued"), &json!(2))
    );
    assert_eq!(notice["versions"][1]["state"], "refused");
    let page = held.page(&query(&notice["link"])).await;
    assert!(page.contains("递补检查员") && page.contains("4403-x3"));
    let why = json!({ "tasks": [task], "reason": "不妥" });
    let settled = held
        .supervisor
        .refused(Method::POST, "/api/notices/refuse", why)
        .await;
    assert_eq!(settled, (409, "notice_not_asked".into()));
    held.office.server.stop().await;
}

#[tokio::test]
async fn on_the_day_of_publication_everybody_learns_the_own_lot() {
    // D2
    let held = Held::open().await;
    let (_, object) = held.task().await;
    let drawn = query(&held.slip(&object).await["link"]);
    let not = query(&held.slip(&held.not_drawn().await).await["link"]);
    let out = query(&held.slip("object-a-0").await["link"]);
    let none = json!({ "object": "object-c-0", "reason": "来函索取" });
    assert_eq!(
        held.officer
            .refused(Method::POST, &held.at("/object-slips"), none)
            .await
            .0,
        404
    );
    held.office.clock.advance(2 * DAY);
    let page = held.page(&drawn).await;
    assert!(page.contains("抽中，第 1 位") && page.contains("通知书签发以后"));
    assert!(!page.contains("示例检查员"), "names go out with the notice");
    assert!(held.page(&not).await.contains("没有抽中"));
    // Kept out, with the ground; and who is in none of the lists at all had no slip.
    let page = held.page(&out).await;
    assert!(page.contains("不参加这次抽取") && page.contains("没有登记所在辖区"));
    held.office.server.stop().await;
}

#[tokio::test]
async fn a_wrong_id_or_salt_tells_nothing() {
    // X1, S2
    let held = Held::open().await;
    let (_, object) = held.task().await;
    let slip = held.slip(&object).await;
    let (id, salt) = (slip["id"].as_str().unwrap(), slip["salt"].as_str().unwrap());
    let wrong = "对不上这次抽取的任何名单";
    let zeros = "0".repeat(64);
    let wrong_salt = held.page(&format!("id={id}&salt={zeros}")).await;
    let wrong_id = held
        .page(&format!("id=91440300MA5X9999XX&salt={salt}"))
        .await;
    assert!(wrong_salt.contains(wrong) && wrong_id.contains(wrong));
    // The same words, whether the id stands in the frame or not.
    let nobody = held
        .page(&format!("id=91440300MA5X9999XX&salt={zeros}"))
        .await;
    let stripped = |page: &str, id: &str| page.replace(id, "ID");
    assert_eq!(
        stripped(&wrong_salt, id),
        stripped(&nobody, "91440300MA5X9999XX")
    );
    let short = held.page("id=x&salt=12").await;
    assert!(short.contains("64 位"));
    let none = held
        .stranger
        .ask(Method::GET, "/draws/none/mine?id=a&salt=b", None)
        .await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    let answer = held
        .stranger
        .ask(Method::GET, &format!("/draws/{}/mine", held.draw), None)
        .await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    // A flood of questions is slowed down.
    let mut last = StatusCode::OK;
    for _ in 0..30 {
        let path = format!("/draws/{}/mine?id={id}&salt={zeros}", held.draw);
        last = held.stranger.ask(Method::GET, &path, None).await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    held.office.clock.advance(60_000);
    assert!(
        held.page(&format!("id={id}&salt={salt}"))
            .await
            .contains("在名单内")
    );
    held.office.server.stop().await;
}

#[tokio::test]
async fn of_natural_persons_neither_number_nor_name_is_shown() {
    // S3
    let held = Held::with(
        "INSERT INTO objects (id, kind, name, code, address, district, industry, responsible, contact,
             risk_class, credit_status, status, tags, changed_at)
         VALUES ('0190b0a0-0000-7000-8000-00000000000a', 'person', '欧阳个体', '11010519491231002X',
             '示例路', '440303', 'F52 零售业', '欧阳个体', '', 'A', '', 'active', '[]', 0)",
    )
    .await;
    let found = held
        .officer
        .get(&held.at("/meant?q=11010519491231002X"))
        .await;
    assert_eq!(found["rows"].as_array().unwrap().len(), 1);
    let slip = held.slip("0190b0a0-0000-7000-8000-00000000000a").await;
    assert_eq!(slip["id"], "0190b0a0-0000-7000-8000-00000000000a");
    let page = held.page(&query(&slip["link"])).await;
    assert!(page.contains("在名单内"));
    let salt = slip["salt"].as_str().unwrap();
    let typed = held
        .page(&format!("id=11010519491231002X&salt={salt}"))
        .await;
    assert!(typed.contains("请不要输入身份证号"));
    for page in [page, typed] {
        assert!(!page.contains("欧阳") && !page.contains("11010519491231002X"));
    }
    held.office.server.stop().await;
}

#[tokio::test]
async fn an_auditor_gets_all_openings_with_a_reason() {
    // D2, K2, S3
    let held = Held::open().await;
    let asked = |person: Person, path: String| async move {
        person.refused(Method::GET, &path, json!({})).await
    };
    let with = |file: &str| {
        held.at(&format!(
            "/{file}?reason=%E5%B9%B4%E5%BA%A6%E5%AE%A1%E8%AE%A1"
        ))
    };
    for file in ["bundle.zip", "names.csv"] {
        let bare = held.at(&format!("/{file}"));
        assert_eq!(
            held.auditor.refused(Method::GET, &bare, json!({})).await.0,
            422
        );
        assert_eq!(
            held.officer
                .refused(Method::GET, &with(file), json!({}))
                .await
                .0,
            403
        );
    }
    let signed_out = asked(held.office.person(), with("bundle.zip")).await;
    assert_eq!(signed_out.0, 401);
    let bundle = held.auditor.bytes(&with("bundle.zip")).await;
    let files = draw::read_zip(Cursor::new(&bundle), 1 << 30).unwrap();
    let summary = draw::verify(&files.transcript().unwrap()).unwrap();
    // 30 objects, 8 inspectors who may be drawn, 2 who are kept out.
    assert_eq!(summary.opened, Some(30 + 8 + 2));
    let names = String::from_utf8(held.auditor.bytes(&with("names.csv")).await).unwrap();
    assert!(
        names.contains("91440300MA5A0001XX,object-a-1,示例食品商行1"),
        "{names}"
    );
    let journal = held.auditor.get("/api/journal?limit=200").await.to_string();
    assert!(journal.contains("draw.open") && journal.contains("年度审计"));
    held.office.server.stop().await;
}

#[tokio::test]
async fn a_witness_looks_behind_some_ids_and_learns_nothing_of_the_result() {
    // D3
    let held = Held::open().await;
    let slips = held.officer.get(&held.at("/slips")).await;
    let code = |name: &str| -> String {
        let all = slips.as_array().or(slips["rows"].as_array()).unwrap();
        let slip = all.iter().find(|s| s["name"] == name).unwrap();
        slip["code"].as_str().unwrap().to_owned()
    };
    let of = |code: String| format!("/api/w/{code}/sample");
    let told = held.stranger.get(&of(code("市民丙"))).await;
    let rows = told["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &told["public"]), (20, &json!(false)));
    for row in rows {
        let text = |name: &str| row[name].as_str().unwrap();
        assert_eq!(draw::open(text("salt"), text("id")), text("blinded"));
        assert_eq!(
            row.as_object().unwrap().len(),
            6,
            "no word of the result: {row}"
        );
        // Nor can it be had with what a witness now holds.
        let page = held
            .page(&format!("id={}&salt={}", text("id"), text("salt")))
            .await;
        assert!(page.contains(LATER) || page.contains("不参加这次抽取"));
    }
    // Who was not on the closed list has no sample; a wrong code has nothing.
    let late = held.stranger.get(&of(code("迟到者"))).await;
    assert_eq!(late["rows"], json!([]));
    let wrong = held
        .stranger
        .refused(Method::GET, &of("ABCDEFGHJKLM".into()), json!({}))
        .await;
    assert_eq!(wrong, (404, "wrong_code".into()));
    // On the day of publication the lists can be searched.
    let list = |name: &str| format!("/api/public/draws/{}/lists/{name}", held.draw);
    let early = held
        .stranger
        .refused(Method::GET, &list("objects.csv"), json!({}))
        .await;
    assert_eq!(early, (409, "not_public_yet".into()));
    held.office.clock.advance(2 * DAY);
    let objects = String::from_utf8(held.stranger.bytes(&list("objects.csv")).await).unwrap();
    let excluded = String::from_utf8(held.stranger.bytes(&list("excluded.csv")).await).unwrap();
    for row in rows {
        let blinded = row["blinded"].as_str().unwrap();
        assert_eq!(
            objects.contains(blinded),
            row["in_frame"].as_bool().unwrap()
        );
        assert_eq!(
            excluded.contains(blinded),
            !row["in_frame"].as_bool().unwrap()
        );
    }
    let sealed = held
        .stranger
        .refused(Method::GET, &list("openings.csv"), json!({}))
        .await;
    assert_eq!(sealed.0, 404);
    held.office.server.stop().await;
}
