//! What comes last: dice roll by roll, or one round of drand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};

use crate::office::{Office, rolls};
use crate::{Cast, Draw};

/// Round 123 of quicknet, and when it came into being.
pub const ROUND: u64 = 123;
pub const ROUND_AT: i64 = 1_692_803_733_000;
pub const SIGNATURE: &str = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";

/// An office a few minutes before the round, and a draw that rests on it.
pub async fn before_the_round(drand: Vec<String>) -> (Cast, Draw) {
    let office = Office::open_at(ROUND_AT - 300_000, |config| config.drand = drand).await;
    let cast = Cast::enter(office).await;
    let ceremony = ROUND_AT - 240_000;
    let draw = cast
        .define(json!({ "drand_round": ROUND, "ceremony_at": ceremony }))
        .await;
    (cast, draw)
}

fn told() -> String {
    json!({ "round": ROUND, "randomness": "00", "signature": SIGNATURE }).to_string()
}

#[tokio::test]
async fn dice_are_kept_roll_by_roll_and_corrected_in_the_open() {
    // D3
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    let officer = &cast.officer;
    let at = draw.at("/rolls");
    let roll = |n: u32, value: u32| json!({ "roll": n, "value": value });
    // Dice before the reveals could be steered.
    cast.commit(&draw).await;
    assert_eq!(
        officer.refused(Method::POST, &at, roll(1, 3)).await,
        (409, "draw_not_revealed".into())
    );
    officer.post(&draw.at("/close"), json!({})).await;

    let values = rolls();
    let view = officer.post(&at, roll(1, 6)).await;
    assert_eq!(view["thrown"][0]["value"], 6);
    for (body, status, code) in [
        (roll(1, 2), 409, "roll_order"), // twice, as a nervous hand does
        (roll(3, 2), 409, "roll_order"),
        (roll(2, 7), 422, "invalid"),
        (roll(2, 0), 422, "invalid"),
    ] {
        assert_eq!(
            officer.refused(Method::POST, &at, body).await,
            (status, code.into())
        );
    }
    let correct = draw.at("/rolls/correct");
    let why =
        |n: u32, value: u32, reason: &str| json!({ "roll": n, "value": value, "reason": reason });
    for (body, status) in [
        (why(1, values[0], ""), 422),
        (why(1, 6, "看错了点数"), 422), // it says so already
        (why(2, 5, "看错了点数"), 409),
    ] {
        assert_eq!(
            officer.refused(Method::POST, &correct, body).await.0,
            status
        );
    }
    let view = officer
        .post(&correct, why(1, values[0], "看错了点数"))
        .await;
    assert_eq!(view["thrown"][0]["value"], values[0]);
    assert_eq!(view["thrown"][0]["mistakes"][0]["value"], 6);
    // All at once is no way around what was entered.
    let all = json!({ "rolls": values });
    assert_eq!(
        officer.refused(Method::POST, &draw.at("/dice"), all).await,
        (409, "roll_order".into())
    );
    for (n, value) in (2..).zip(&values[1..]) {
        let view = officer.post(&at, roll(n, *value)).await;
        // The big screen sees each as it falls.
        let hall = cast.stranger.get(&draw.public("/hall")).await;
        assert_eq!(hall["thrown"].as_array().unwrap().len(), n as usize);
        assert_eq!(view["state"] == "drawn", n == 25, "{n}");
    }
    // After the last roll the result is there, and nothing can be corrected.
    assert_eq!(
        officer
            .refused(Method::POST, &correct, why(2, 1, "不满意结果"))
            .await,
        (409, "draw_not_revealed".into())
    );
    let seed = cast.seed(&draw).await;
    assert_eq!(officer.get(&draw.at("")).await["seed"], seed);
    let minutes = officer.bytes(&draw.at("/minutes.html")).await;
    let minutes = String::from_utf8(minutes).unwrap();
    assert!(
        minutes.contains("更正第 1 次掷骰：误填 6，实为"),
        "{minutes}"
    );
    assert!(minutes.contains("看错了点数"));
    cast.office.server.stop().await;
}

#[tokio::test]
async fn a_round_from_a_file_completes_the_seed() {
    // D2: verified without the network.
    let (cast, draw) = before_the_round(Vec::new()).await;
    let officer = &cast.officer;
    cast.commit(&draw).await;
    officer.post(&draw.at("/close"), json!({})).await;
    let at = draw.at("/drand");
    let text = |text: &str| json!({ "text": text });
    assert_eq!(
        officer.refused(Method::POST, &at, text(&told())).await,
        (409, "drand_not_yet".into())
    );
    let dice = json!({ "roll": 1, "value": 1 });
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/rolls"), dice)
            .await,
        (409, "another_last_source".into())
    );
    cast.office.clock.set(ROUND_AT);
    let other = told().replace("123", "124");
    let forged = SIGNATURE.replace("b75c", "b75d");
    for wrong in ["", "{}", &other, &forged, &SIGNATURE[2..]] {
        assert_eq!(officer.refused(Method::POST, &at, text(wrong)).await.0, 422);
    }
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/drand/fetch"), json!({}))
            .await,
        (409, "drand_off".into())
    );
    let drawn = officer.post(&at, text(&told())).await;
    assert_eq!(
        (&drawn["state"], &drawn["drand_signature"]),
        (&json!("drawn"), &json!(SIGNATURE))
    );
    assert_eq!(cast.seed(&draw).await, drawn["seed"].as_str().unwrap());
    assert_eq!(
        officer.refused(Method::POST, &at, text(&told())).await,
        (409, "draw_not_revealed".into())
    );
    cast.office.server.stop().await;
}

/// A node of drand on the loopback; what it says is decided by the test.
async fn node(body: impl Fn(u64) -> Option<String> + Send + Sync + 'static) -> String {
    let body = Arc::new(body);
    let answer = move |Path((chain, round)): Path<(String, u64)>| {
        let said = (chain == draw::QUICKNET).then(|| body(round)).flatten();
        async move { said.ok_or(axum::http::StatusCode::NOT_FOUND) }
    };
    let router = Router::new().route("/{chain}/public/{round}", get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/")
}

#[tokio::test]
async fn a_round_is_fetched_from_the_first_node_that_tells_the_truth() {
    // D2
    let up = Arc::new(AtomicBool::new(false));
    let works = up.clone();
    let nodes = vec![
        "http://127.0.0.1:1".to_owned(),
        node(|_| Some("x".repeat(5000))).await,
        node(|_| Some(told().replace("b75c", "b75d"))).await,
        node(|_| Some(told().replace("123", "7"))).await,
        node(move |_| works.load(Ordering::SeqCst).then(told)).await,
    ];
    let (cast, draw) = before_the_round(nodes).await;
    cast.commit(&draw).await;
    cast.officer.post(&draw.at("/close"), json!({})).await;
    let at = draw.at("/drand/fetch");
    assert_eq!(
        cast.officer.refused(Method::POST, &at, json!({})).await,
        (409, "drand_not_yet".into())
    );
    cast.office.clock.set(ROUND_AT + 1000);
    assert_eq!(
        cast.officer.refused(Method::POST, &at, json!({})).await,
        (409, "drand_unreachable".into())
    );
    up.store(true, Ordering::SeqCst);
    let drawn = cast.officer.post(&at, json!({})).await;
    assert_eq!(drawn["drand_signature"], SIGNATURE);
    cast.verified(&draw).await;
    cast.office.server.stop().await;
}

#[tokio::test]
async fn a_round_that_could_be_known_is_refused_when_it_is_announced() {
    // D2
    let office = Office::open_at(ROUND_AT - 300_000, |_| ()).await;
    let cast = Cast::enter(office).await;
    let form = |more: Value| {
        let mut form = json!({ "plan": cast.plan, "title": "示例", "public_from": "draw",
            "ceremony_at": ROUND_AT - 240_000 });
        form.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        form
    };
    for more in [
        json!({ "drand_round": 1 }),
        json!({ "drand_round": ROUND, "sides": 6, "rolls": 25 }),
        json!({ "drand_round": ROUND, "ceremony_at": ROUND_AT - 59_000 }),
        json!({ "drand_round": 5_000_000 }),
        json!({}),
    ] {
        let refused = cast
            .officer
            .refused(Method::POST, "/api/draws", form(more.clone()))
            .await;
        assert_eq!(refused.0, 422, "{more}");
    }
    // Announced in time, but committed too late.
    let draw = cast
        .define(json!({ "drand_round": ROUND, "ceremony_at": ROUND_AT - 240_000 }))
        .await;
    cast.officer.post(&draw.at("/check"), json!({})).await;
    cast.office.clock.set(ROUND_AT - 59_000);
    assert_eq!(
        cast.officer
            .refused(Method::POST, &draw.at("/commit"), json!({}))
            .await,
        (409, "drand_too_near".into())
    );
    cast.office.server.stop().await;
}

#[tokio::test]
async fn reveals_that_come_too_late_make_the_draw_void() {
    // D2, D5
    let (cast, draw) = before_the_round(Vec::new()).await;
    let officer = &cast.officer;
    let commitment = cast.commit(&draw).await;
    let hash = draw::witness_commitment(&commitment, "李代表", "kapok-tree-88");
    let witness = json!({ "name": "李代表", "capacity": "deputy", "committed": hash });
    officer.post(&draw.at("/witnesses"), witness).await;
    officer.post(&draw.at("/close"), json!({})).await;
    cast.office.clock.set(ROUND_AT - 59_999);
    let reveal = json!({ "name": "李代表", "value": "kapok-tree-88" });
    for (act, body) in [
        ("/reveal", reveal),
        ("/withhold", json!({ "name": "李代表" })),
    ] {
        assert_eq!(
            officer.refused(Method::POST, &draw.at(act), body).await,
            (409, "drand_too_near".into())
        );
    }
    assert_eq!(officer.get(&draw.at("")).await["must_be_void"], true);
    let hall = cast.stranger.get(&draw.public("/hall")).await;
    assert_eq!(hall["must_be_void"], true);
    cast.office.clock.set(ROUND_AT);
    let text = json!({ "text": told() });
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/drand"), text.clone())
            .await,
        (409, "draw_not_revealed".into())
    );
    let reason = json!({ "reason": "数值没有及时揭晓" });
    let void = officer.post(&draw.at("/void"), reason).await;
    assert_eq!(void["state"], "void");
    // Its values were never all known: nothing can complete it.
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/drand"), text)
            .await,
        (409, "draw_not_revealed".into())
    );
    let summary = cast.verified(&draw).await;
    assert_eq!(summary.commitment, commitment);
    cast.office.server.stop().await;
}
