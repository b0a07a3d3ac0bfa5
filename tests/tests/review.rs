//! Decisions about records that go on living on tablets (V2).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::office::Office;
use tests::shaped::{Shape, ShapedLink};
use tests::small::{SmallOffice, tablet};
use tests::tablet::Tablet;
use tests::visit::{arrive, conclude, sign, write};
use tests::wire::NOW;

struct Case {
    _folders: [tempfile::TempDir; 3],
    _agents: [field_agent::host::RunningAgent; 2],
    office: SmallOffice,
    /// Between the office and the closing tablet.
    link: ShapedLink,
    task: String,
    supervisor: Office,
    /// Of zhang and li; the record was closed on it.
    closing: Tablet,
    /// Of li alone.
    other: Tablet,
}

/// A record with everything that it needs before it is signed.
async fn visited() -> Case {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let office = SmallOffice::open(folders[0].path()).await;
    let supervisor = office.sign_in("supervisor").await.expect("signs in");
    let task = office.office.task.to_string();
    let server = office
        .address
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let link = ShapedLink::to(server, Shape::default(), 1).await.unwrap();
    let (one, closing) = tablet(folders[1].path()).await;
    let (two, other) = tablet(folders[2].path()).await;
    let pins = [("zhang", "135790"), ("li", "246801")];
    closing.enrol(&link.url(), "CODE1", &pins).await.unwrap();
    other
        .enrol(&office.address, "CODE2", &pins[1..])
        .await
        .unwrap();
    closing.unlock("zhang", "135790").await.unwrap();
    other.unlock("li", "246801").await.unwrap();
    for tablet in [&closing, &other] {
        tablet.sync().await.unwrap();
    }
    arrive(&closing, &task, "张、李", NOW).await.unwrap();
    for point in 1..=20 {
        let answer = (format!("point/A1/p{point}/answer"), json!("compliant"));
        write(&closing, &task, [answer]).await.unwrap();
    }
    conclude(&closing, &task, false, NOW + 3_600_000)
        .await
        .unwrap();
    Case {
        _folders: folders,
        _agents: [one, two],
        office,
        link,
        task,
        supervisor,
        closing,
        other,
    }
}

/// A sealed record at the office.
async fn sealed() -> Case {
    let case = visited().await;
    close(&case.closing, &case.task).await;
    case
}

async fn close(tablet: &Tablet, task: &str) {
    let signers = [("zhang", "135790"), ("li", "246801")].map(|(p, pin)| (p.into(), pin.into()));
    sign(tablet, task, &signers, json!([])).await.unwrap();
    tablet.sync().await.unwrap();
}

impl Case {
    async fn shown(&self) -> Value {
        let path = format!("/api/review/{}", self.task);
        self.supervisor.get(&path).await.unwrap()
    }

    fn at(&self, act: &str) -> String {
        format!("/api/review/{}/{act}", self.task)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_21_a_decision_is_about_the_record_that_was_seen() {
    let case = sealed().await;
    let seen = case.shown().await;
    assert_eq!(seen["state"], "to_review");
    let remarks = json!([{ "path": "", "text": "请补充说明。" }]);
    // While the supervisor reads, something late arrives from the other tablet.
    write(
        &case.other,
        &case.task,
        [("handling/measure", json!("后到的内容"))],
    )
    .await
    .unwrap();
    case.other.sync().await.unwrap();
    for (act, body) in [
        (
            "return",
            json!({ "heads": seen["heads"], "remarks": remarks }),
        ),
        ("accept", json!({ "heads": seen["heads"] })),
    ] {
        let refusal = case
            .supervisor
            .refused(Method::POST, &case.at(act), Some(body))
            .await
            .unwrap();
        assert_eq!(
            (refusal.status, refusal.code.as_str()),
            (StatusCode::CONFLICT, "heads_changed"),
            "{act}"
        );
    }
    let now = case.shown().await;
    assert_eq!(
        (&now["state"], &now["round"]),
        (&json!("to_review"), &json!(1))
    );
    assert!(
        !now["late"].as_array().unwrap().is_empty(),
        "the late change is shown"
    );
    // A decision on what is there stands; the same one, sent again, does not hit the resubmission.
    let rejection = json!({ "heads": now["heads"], "remarks": remarks });
    case.supervisor
        .post(&case.at("return"), rejection.clone())
        .await
        .unwrap();
    case.other.sync().await.unwrap();
    let done = format!("/api/tasks/{}/done", case.task);
    case.other.post(&done, json!({})).await.unwrap();
    for tablet in [&case.other, &case.closing] {
        tablet.sync().await.unwrap();
    }
    write(
        &case.closing,
        &case.task,
        [("handling/opinion", json!("已补充说明"))],
    )
    .await
    .unwrap();
    let conflicts = case
        .closing
        .get(&format!("/api/tasks/{}/conflicts", case.task))
        .await
        .unwrap();
    assert_eq!(
        conflicts["rows"].as_array().map(Vec::len),
        Some(0),
        "{conflicts}"
    );
    close(&case.closing, &case.task).await;
    let refusal = case
        .supervisor
        .refused(Method::POST, &case.at("return"), Some(rejection))
        .await
        .unwrap();
    assert_eq!(refusal.code, "heads_changed");
    let again = case.shown().await;
    assert_eq!(
        (&again["state"], &again["round"]),
        (&json!("to_review"), &json!(2))
    );
    assert_eq!(again["handling"]["opinion"], "已补充说明");
    case.supervisor
        .post(&case.at("accept"), json!({ "heads": again["heads"] }))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_26_a_return_says_what_to_mend_and_the_tablet_shows_it() {
    let case = sealed().await;
    let heads = case.shown().await["heads"].clone();
    for remarks in [
        json!([]),
        json!([{ "path": "point/A1/p3", "text": " \n " }]),
    ] {
        let body = json!({ "heads": heads, "remarks": remarks });
        let refusal = case
            .supervisor
            .refused(Method::POST, &case.at("return"), Some(body))
            .await
            .unwrap();
        assert_eq!(
            refusal.status,
            StatusCode::UNPROCESSABLE_ENTITY,
            "{remarks}"
        );
    }
    assert_eq!(case.shown().await["state"], "to_review");
    let remark = json!({ "path": "point/A1/p3", "text": "第三点缺少依据，请补写。" });
    let body = json!({ "heads": heads, "remarks": [remark] });
    case.supervisor
        .post(&case.at("return"), body)
        .await
        .unwrap();
    case.closing.sync().await.unwrap();
    let task = case
        .closing
        .get(&format!("/api/tasks/{}", case.task))
        .await
        .unwrap();
    assert!(
        task.to_string().contains("第三点缺少依据，请补写。"),
        "the remark is shown: {task}"
    );
    assert_eq!(case.closing.tasks().await.unwrap()[0]["state"], "returned");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_party_finds_its_copy_by_the_code_and_nobody_else_can() {
    // X4
    let case = visited().await;
    let at = format!("/api/tasks/{}/copy", case.task);
    let refusal = case.closing.ask(Method::GET, &at, None).await.unwrap();
    assert_eq!(refusal.unwrap_err().code, "not_sealed");
    case.link.set_open(false);
    let signers = [("zhang", "135790"), ("li", "246801")].map(|(p, pin)| (p.into(), pin.into()));
    let fingerprint = sign(&case.closing, &case.task, &signers, json!([]))
        .await
        .unwrap();
    let copy = case.closing.get(&at).await.unwrap();
    let url = copy["url"].as_str().unwrap();
    assert!(url.starts_with(&case.link.url()), "{url}");
    let at_the_office = url.replace(&case.link.url(), &case.office.address);
    // In a basement the tablet gives the file; the page says that the record has not come yet.
    let file = case.closing.bytes(&format!("{at}.html")).await.unwrap();
    let file = String::from_utf8(file).unwrap();
    for words in [fingerprint.as_str(), url, "示例公司0", "责令", "<path d="] {
        assert_eq!(file.contains(words), words != "责令", "{words}");
    }
    let (status, page) = page(&at_the_office).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("这里还没有这份记录"), "{page}");
    case.link.set_open(true);
    case.closing.sync().await.unwrap();
    let (status, shown) = self::page(&at_the_office).await;
    assert_eq!(status, StatusCode::OK);
    for words in [
        fingerprint.as_str(),
        "示例公司0",
        "无异议。",
        "未收取任何费用",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert_eq!(shown.matches("mark good\">有效").count(), 3, "{shown}");
    let (status, _) = self::page(&url.replace("/c/", "/c/0")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    // After a second round the same address shows what counts now, and says so.
    let heads = case.shown().await["heads"].clone();
    let remark = json!({ "path": "handling/opinion", "text": "请补充。" });
    let body = json!({ "heads": heads, "remarks": [remark] });
    case.supervisor
        .post(&case.at("return"), body)
        .await
        .unwrap();
    case.closing.sync().await.unwrap();
    let (_, shown) = self::page(&at_the_office).await;
    assert!(
        shown.contains(&fingerprint) && !shown.contains("重新签字"),
        "what was signed still stands"
    );
    write(
        &case.closing,
        &case.task,
        [("handling/opinion", json!("已经补充。"))],
    )
    .await
    .unwrap();
    close(&case.closing, &case.task).await;
    let (_, shown) = self::page(&at_the_office).await;
    assert!(
        shown.contains("已经补充。") && shown.contains("第 2 轮重新签字"),
        "{shown}"
    );
}

async fn page(url: &str) -> (StatusCode, String) {
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    (answer.status(), answer.text().await.unwrap())
}
