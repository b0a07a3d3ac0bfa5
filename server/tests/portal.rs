//! The public portal as a citizen meets it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use server::clock::ManualClock;
use server::config::Config;
use server::publication::{Category, Chain, PublicItem, PublicPerson, PublicResult, store};
use server::rng::SeededRng;
use server::state::AppState;
use tower::ServiceExt;

const NOW: i64 = 1_795_500_000_000;
const TASK: &str = "0190b0a0-0000-7000-8000-000000000001";

async fn office(data: &std::path::Path) -> axum::Router {
    let clock = Arc::new(ManualClock::new(NOW));
    let state = AppState::open(Config::local(data), clock, Arc::new(SeededRng::new(7)))
        .await
        .unwrap();
    state
        .db
        .write(|tx| {
            tx.execute_script(&format!(
                "INSERT INTO departments (code, name, level) VALUES ('SCJG', '示例局', 'city');
                 INSERT INTO accounts (id, login, name, password_hash, must_change_password, status, created_at)
                     VALUES ('a', 'a', 'a', '', 0, 'active', 0);
                 INSERT INTO tasks (id, draw, rank, number, title, department, object, object_name, district,
                     from_date, until_date, state, round, facts, roster_version, dispatched_at)
                     VALUES ('{TASK}', 'd', 0, 'n', 't', 'SCJG', 'o', 'o', '440304', '', '', 'accepted', 1,
                     '{{\"risk_class\":\"D\",\"contact\":\"0755-00000000\"}}', 1, 0);"
            ))?;
            let actor = server::account::Actor {
                account: "a".into(), login: "a".into(), name: "a".into(), department: None,
                grants: vec![], origin: "test".into(),
            };
            store::insert(tx, &actor, &result(), "", NOW)?;
            Ok(())
        })
        .await
        .unwrap();
    server::router::app(state).unwrap()
}

fn result() -> PublicResult {
    let person = |name: &str| PublicPerson {
        name: name.into(),
        unit: "示例局".into(),
    };
    PublicResult {
        v: 1,
        task: TASK.into(),
        number: "示例抽查〔2026〕1号-0001".into(),
        title: "示例".into(),
        draw: "d".into(),
        version: 1,
        object_name: "=示例<b>公司".into(),
        object_code: "91440300MA5EXAMPL1".into(),
        department: "SCJG".into(),
        department_name: "示例局".into(),
        inspected_on: "2026-11-20".parse().unwrap(),
        published_on: "2026-11-24".parse().unwrap(),
        publicity_until: "2026-12-03".parse().unwrap(),
        items: vec![PublicItem {
            item: "A1".into(),
            name: "示例检查".into(),
            version: 1,
            results: vec![Category::OrderedToCorrect],
        }],
        chain: Chain {
            inspected: vec![person("张甲")],
            entered: vec![person("李乙")],
            reviewed: person("审核人"),
            published: person("公示人"),
        },
        corrections: vec![],
    }
}

async fn get(router: &axum::Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 22)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_citizen_finds_a_result_and_nothing_internal() {
    // U2, U3, U5, L3, T2
    let data = tempfile::tempdir().unwrap();
    let router = office(data.path()).await;
    let page = format!("/results/{TASK}");
    let json = format!("{page}.json");
    for path in [
        "/",
        "/results",
        "/results?q=%E7%A4%BA%E4%BE%8B",
        &page,
        &json,
        "/items",
        "/draws",
        "/open",
        "/open/results.csv",
        "/open/results.json",
        "/open/items.csv",
        "/open/items.json",
        "/open/draws.json",
        "/feed.atom",
    ] {
        let (status, text) = get(&router, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        for internal in ["risk_class", "风险", "0755-00000000"] {
            assert!(!text.contains(internal), "{path} shows {internal}");
        }
    }
    let (_, text) = get(&router, &page).await;
    for part in [
        "发现问题已责令改正",
        "张甲",
        "李乙",
        "审核人",
        "公示人",
        "公示期内",
    ] {
        assert!(text.contains(part), "{part}");
    }
    assert!(!text.contains("<b>公司"), "names are escaped");
    let (_, csv) = get(&router, "/open/results.csv").await;
    assert!(
        csv.contains(",'=示例"),
        "S2: no formula reaches a spreadsheet"
    );
}

#[tokio::test]
async fn an_address_that_leads_nowhere_says_so_and_searches_are_bounded() {
    // U5
    let data = tempfile::tempdir().unwrap();
    let router = office(data.path()).await;
    for path in [
        "/nowhere",
        "/results/none",
        "/items/none",
        "/draws/none",
        "/draws/none/verify",
        "/verify/..%2Fportal.css",
        "/verify/none.js",
        "/results/x?version=9",
    ] {
        assert_eq!(get(&router, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, text) = get(&router, "/results?q=%3Cscript%3E%25&page=4000000000").await;
    assert_eq!(status, StatusCode::OK);
    assert!(!text.contains("<script>"));
    assert!(text.contains("找到 0 条"));
}

#[tokio::test]
async fn the_page_that_verifies_has_its_own_script_and_no_other() {
    // D2, S2
    let data = tempfile::tempdir().unwrap();
    let router = office(data.path()).await;
    let policy = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        let policy = &response.headers()["content-security-policy"];
        policy.to_str().unwrap().to_owned()
    };
    assert!(
        policy("/verify")
            .await
            .contains("script-src 'self'; worker-src 'self'; connect-src 'self'")
    );
    assert!(!policy("/").await.contains("script-src"));
    let (_, page) = get(&router, "/verify").await;
    assert!(page.contains("<script type=\"module\" src=\"/verify/page.js\"></script>"));
    assert_eq!(page.matches("<script").count(), 1);
    // Without a script it says how else, and both texts are there.
    assert!(page.contains("verify-draw transcript.zip"));
    let (status, by_hand) = get(&router, "/verify/by-hand.md").await;
    assert!(status == StatusCode::OK && by_hand.contains("sha256sum"));
    let (status, specification) = get(&router, "/verify/spec.md").await;
    assert!(status == StatusCode::OK && specification.contains("double-random/1"));
}
