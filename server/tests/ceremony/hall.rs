//! The big screen, minutes, attachments: what is public of a ceremony, and what is kept of it.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::office::{Office, rolls};
use crate::{Cast, Draw};

/// Reads server-sent events until one has been told.
struct Screen(reqwest::Response, String);

impl Screen {
    async fn open(cast: &Cast, draw: &Draw) -> Self {
        let answer = cast
            .stranger
            .ask(Method::GET, &draw.public("/events"), None)
            .await;
        assert_eq!(answer.status(), StatusCode::OK);
        let kind = answer.headers()["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        Self(answer, String::new())
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.1.find("\n\n") {
                let event: String = self.1.drain(..end + 2).collect();
                if let Some(data) = event.lines().find_map(|l| l.strip_prefix("data: ")) {
                    return Some(serde_json::from_str(data).unwrap());
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.0.chunk());
            let chunk = chunk.await.expect("an event within a minute").ok()??;
            self.1.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn screens_follow_live_without_an_account_and_see_no_name() {
    // D2, D3
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    let before = cast
        .stranger
        .ask(Method::GET, &draw.public("/hall"), None)
        .await;
    assert_eq!(before.status(), StatusCode::NOT_FOUND);
    let commitment = cast.commit(&draw).await;
    let mut screen = Screen::open(&cast, &draw).await;
    let first = screen.next().await.unwrap();
    assert_eq!(first["commitment"], commitment.as_str());
    assert_eq!(
        (&first["to_draw"], &first["nonce"]),
        (&json!(9), &Value::Null)
    );

    let witness = json!({ "name": "李代表", "capacity": "deputy" });
    cast.officer.post(&draw.at("/witnesses"), witness).await;
    let entered = screen.next().await.unwrap();
    assert_eq!(entered["witnesses"][0]["state"], "entered");
    // The code of the slip is not for the hall.
    let code = crate::witnesses::code(&cast, &draw, "李代表").await;
    assert!(!entered.to_string().contains(&code.replace('-', "")));

    let hash = draw::witness_commitment(&commitment, "李代表", "kapok-tree-88");
    let phone = cast.office.person();
    let body = json!({ "committed": hash });
    phone.post(&format!("/api/w/{code}/hand-in"), body).await;
    assert_eq!(
        screen.next().await.unwrap()["witnesses"][0]["state"],
        "committed"
    );
    cast.officer.post(&draw.at("/close"), json!({})).await;
    assert_eq!(screen.next().await.unwrap()["state"], "closed");
    let body = json!({ "value": "kapok-tree-88" });
    phone.post(&format!("/api/w/{code}/reveal"), body).await;
    assert_eq!(screen.next().await.unwrap()["state"], "revealed");
    for (n, value) in (1..).zip(rolls()) {
        let body = json!({ "roll": n, "value": value });
        cast.officer.post(&draw.at("/rolls"), body).await;
        let told = screen.next().await.unwrap();
        assert_eq!(told["thrown"].as_array().unwrap().len(), n);
    }
    let drawn = cast.stranger.get(&draw.public("/hall")).await;
    assert_eq!(drawn["result"].as_array().unwrap().len(), 9);
    assert_eq!(drawn["result"][0]["rank"], 1);
    let text = drawn.to_string();
    for secret in ["示例食品", "示例检查员", "91440300", "object-a"] {
        assert!(!text.contains(secret), "the hall shows {secret}");
    }
    // Its page and the code that leads telephones to the check.
    let page = cast
        .stranger
        .bytes(&format!("/draws/{}/hall", draw.id))
        .await;
    assert!(String::from_utf8(page).unwrap().contains("/hall.js"));
    let qr = cast.stranger.bytes(&draw.public("/verify.svg")).await;
    assert!(String::from_utf8(qr).unwrap().contains("<svg"));
    // A server that stops ends the streams, at once.
    let stopping = cast.office.server.stop();
    tokio::time::timeout(Duration::from_secs(9), stopping)
        .await
        .expect("stops in time");
    assert!(screen.next().await.is_none());
}

#[tokio::test]
async fn photos_and_video_are_attached_and_their_hashes_are_public() {
    // D3
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    cast.commit(&draw).await;
    let officer = &cast.officer;
    let at = draw.at("/attachments");
    let put = |person: &crate::office::Person, name: &str, bytes: Vec<u8>| {
        let request = person.client.put(format!(
            "{}{at}?name={name}&note=%E4%BC%9A%E5%9C%BA",
            person.url
        ));
        request
            .header("x-csrf-token", &person.csrf)
            .body(bytes)
            .send()
    };
    let photo = b"not really a photo".to_vec();
    let answer = put(&cast.supervisor, "hall.jpg", photo.clone())
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        put(officer, "hall.jpg", Vec::new()).await.unwrap().status(),
        400
    );
    let answer = put(officer, "hall.jpg", photo.clone()).await.unwrap();
    let list: Value = answer.json().await.unwrap();
    let sha256 = draw::sha256_hex(&photo);
    assert_eq!(
        (&list[0]["sha256"], &list[0]["media"], &list[0]["stored"]),
        (&json!(sha256), &json!("image/jpeg"), &json!(true))
    );
    assert_eq!(
        put(officer, "again.jpg", photo.clone())
            .await
            .unwrap()
            .status(),
        409
    );
    // A long video stays elsewhere; its hash is here.
    let bad = json!({ "name": "全程录像.mp4", "sha256": "xyz" });
    assert_eq!(officer.refused(Method::POST, &at, bad).await.0, 422);
    let video = json!({ "name": "全程录像.mp4", "note": "存于档案室", "sha256": "AB".repeat(32), "size": 9_000_000_000_i64 });
    cast.office.clock.advance(1000);
    let list = officer.post(&at, video).await;
    assert_eq!(list[1]["sha256"], "ab".repeat(32));
    let id = list[0]["id"].as_str().unwrap();
    assert_eq!(officer.bytes(&format!("{at}/{id}")).await, photo);
    let elsewhere = list[1]["id"].as_str().unwrap();
    let none = officer
        .ask(Method::GET, &format!("{at}/{elsewhere}"), None)
        .await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    // The hashes are public, the pictures of people are not.
    let html = cast.stranger.bytes(&format!("/draws/{}", draw.id)).await;
    let html = String::from_utf8(html).unwrap();
    assert!(html.contains(&sha256) && html.contains(&"ab".repeat(32)));
    let private = cast
        .stranger
        .ask(Method::GET, &format!("{at}/{id}"), None)
        .await;
    assert_eq!(private.status(), StatusCode::UNAUTHORIZED);
    cast.office.server.stop().await;
}

#[tokio::test]
async fn the_minutes_say_who_was_there_and_when_what_happened() {
    // D3
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    let commitment = cast.commit(&draw).await;
    let officer = &cast.officer;
    let witness = json!({ "name": "李代表", "capacity": "deputy" });
    officer.post(&draw.at("/witnesses"), witness).await;
    officer.post(&draw.at("/close"), json!({})).await;
    officer
        .post(&draw.at("/dice"), json!({ "rolls": rolls() }))
        .await;
    let at = draw.at("/minutes");
    let minutes = json!({ "place": "一号会议室", "host": "陈主任", "recorder": "林书记员",
        "present": [{ "name": "周<b>", "capacity": "法制审核", "unit": "法规处" }],
        "notes": "宣读了回避要求。" });
    assert_eq!(
        cast.supervisor
            .refused(Method::PUT, &at, minutes.clone())
            .await
            .0,
        403
    );
    let nameless = json!({ "place": "", "host": "", "recorder": "", "notes": "",
        "present": [{ "name": " ", "capacity": "", "unit": "" }] });
    assert_eq!(officer.refused(Method::PUT, &at, nameless).await.0, 422);
    officer.put(&at, minutes.clone()).await;
    assert_eq!(officer.get(&at).await, minutes);
    let html = officer.bytes(&draw.at("/minutes.html")).await;
    let html = String::from_utf8(html).unwrap();
    for text in [
        "一号会议室",
        "陈主任",
        "周&#60;b&#62;",
        "宣读了回避要求",
        &commitment,
        "人大代表、政协委员",
        "未提交指纹，不在名单内",
        "2026-11-24 10:00:00",
        "第 25 次掷骰",
        "主持人：",
    ] {
        assert!(html.contains(text), "{text}: {html}");
    }
    let private = cast
        .stranger
        .ask(Method::GET, &draw.at("/minutes.html"), None)
        .await;
    assert_eq!(private.status(), StatusCode::UNAUTHORIZED);
    cast.office.server.stop().await;
}
