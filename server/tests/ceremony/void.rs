//! Void, not repeat.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::Cast;
use crate::last_source::{ROUND, ROUND_AT, SIGNATURE, before_the_round};
use crate::office::{Office, rolls};

#[tokio::test]
async fn a_draw_void_before_the_commitment_keeps_its_number_in_public() {
    // D5: numbers without gaps, each with its reason.
    let cast = Cast::enter(Office::open().await).await;
    let first = cast.with_dice().await;
    // Nothing of a draw is public before its commitment …
    let page = |id: &str| format!("/draws/{id}");
    let missing = cast.stranger.ask(Method::GET, &page(&first.id), None).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
    let refused = cast
        .officer
        .refused(Method::POST, &first.at("/void"), json!({ "reason": "改" }))
        .await;
    assert_eq!(refused.0, 422);
    let reason = json!({ "reason": "场地停电，改期举行" });
    cast.officer.post(&first.at("/void"), reason).await;
    // … but that it was there, and why it is void.
    let second = cast.with_dice().await;
    cast.commit(&second).await;
    let listed = cast.stranger.get("/api/public/draws").await;
    assert_eq!(listed["total"], 2);
    let void = &listed["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|d| d["state"] == "void");
    assert_eq!(void.unwrap()["void_reason"], "场地停电，改期举行");
    assert_eq!(void.unwrap()["commitment"], Value::Null);
    for (draw, beside) in [(&first, "〔2026〕2号"), (&second, "〔2026〕1号")] {
        let html = cast.stranger.bytes(&page(&draw.id)).await;
        let html = String::from_utf8(html).unwrap();
        assert!(html.contains(beside) && html.contains("场地停电"), "{html}");
    }
    let none = cast
        .stranger
        .ask(Method::GET, &first.public("/transcript.zip"), None)
        .await;
    assert_eq!(none.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        cast.officer.get(&second.at("")).await["before"]["id"],
        first.id
    );
    assert_eq!(
        cast.officer.get(&first.at("")).await["after"]["id"],
        second.id
    );
    cast.office.server.stop().await;
}

#[tokio::test]
async fn a_draw_void_between_commitment_and_seed_verifies() {
    // D5
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    let commitment = cast.commit(&draw).await;
    cast.officer.post(&draw.at("/close"), json!({})).await;
    let roll = json!({ "roll": 1, "value": 3 });
    cast.officer.post(&draw.at("/rolls"), roll).await;
    let reason = json!({ "reason": "骰子有缺损，\n改期 举行" });
    let view = cast.officer.post(&draw.at("/void"), reason).await;
    assert_eq!(view["void"]["reason"], "骰子有缺损， 改期 举行");
    assert_eq!(cast.verified(&draw).await.commitment, commitment);
    assert_eq!(
        cast.officer
            .refused(
                Method::POST,
                &draw.at("/rolls"),
                json!({ "roll": 2, "value": 3 })
            )
            .await,
        (409, "draw_not_revealed".into())
    );
    let hall = cast.stranger.get(&draw.public("/hall")).await;
    assert_eq!(hall["state"], "void");
    cast.office.server.stop().await;
}

#[tokio::test]
async fn after_the_seed_a_legal_ground_and_a_second_person_are_needed() {
    // D5, S1
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    cast.commit(&draw).await;
    let officer = &cast.officer;
    officer.post(&draw.at("/close"), json!({})).await;
    let dice = json!({ "rolls": rolls() });
    let seed = officer.post(&draw.at("/dice"), dice).await["seed"].clone();
    let at = draw.at("/void");
    for body in [
        json!({ "reason": "抽中的对象太远，重新抽一次" }),
        json!({ "reason": "不满意", "ground": "ordered" }),
        json!({ "reason": "抽中的对象太远，重新抽一次", "ground": "too_far" }),
    ] {
        assert_eq!(officer.refused(Method::POST, &at, body).await.0, 422);
    }
    let nothing = json!({ "approve": true });
    let decide = draw.at("/void/decide");
    assert_eq!(
        cast.supervisor
            .refused(Method::POST, &decide, nothing.clone())
            .await,
        (409, "void_not_asked".into())
    );
    let ask = json!({ "ground": "pools_wrong", "reason": "名单漏掉了整个南山区的对象" });
    let asked = officer.post(&at, ask.clone()).await;
    assert_eq!(
        (&asked["state"], &asked["void_asked"]["ground"]),
        (&json!("drawn"), &json!("pools_wrong"))
    );
    assert_eq!(
        officer.refused(Method::POST, &at, ask.clone()).await,
        (409, "void_asked".into())
    );
    // Nothing is sent out while that is open.
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/dispatch"), json!({}))
            .await,
        (409, "void_asked".into())
    );
    // Not who asked, not without the right.
    assert_eq!(
        officer
            .refused(Method::POST, &decide, nothing.clone())
            .await
            .0,
        403
    );
    let no = json!({ "approve": false, "remark": "核对后没有遗漏" });
    let refused = cast.supervisor.post(&decide, no).await;
    assert_eq!(
        (&refused["state"], &refused["void_asked"]),
        (&json!("drawn"), &Value::Null)
    );
    officer.post(&at, ask).await;
    let void = cast.supervisor.post(&decide, nothing).await;
    assert_eq!(void["state"], "void");
    assert_eq!(void["void"]["approved_by"], "supervisor");
    // Its seed and result stay, and it verifies as what it is.
    assert!(cast.verified(&draw).await.void.is_some());
    assert_eq!(cast.seed(&draw).await, seed.as_str().unwrap());
    let next = cast.with_dice().await;
    cast.commit(&next).await;
    let html = cast.stranger.bytes(&format!("/draws/{}", next.id)).await;
    let html = String::from_utf8(html).unwrap();
    assert!(
        html.contains(seed.as_str().unwrap()),
        "the void draw's seed beside its successor"
    );
    cast.office.server.stop().await;
}

#[tokio::test]
async fn who_asks_cannot_approve_with_another_role() {
    // S1
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    cast.commit(&draw).await;
    cast.officer.post(&draw.at("/close"), json!({})).await;
    let dice = json!({ "rolls": rolls() });
    cast.officer.post(&draw.at("/dice"), dice).await;
    let mut admin = cast.office.person();
    admin.sign_in("admin", "a password of mine 1").await;
    let both = cast
        .office
        .with_roles(&admin, "both", &["draw_officer", "supervisor"])
        .await;
    let ask = json!({ "ground": "ordered", "reason": "市监察委 2026 年第 3 号决定" });
    both.post(&draw.at("/void"), ask).await;
    assert_eq!(
        both.refused(
            Method::POST,
            &draw.at("/void/decide"),
            json!({ "approve": true })
        )
        .await,
        (403, "own_act".into())
    );
    cast.office.server.stop().await;
}

#[tokio::test]
async fn a_void_draws_seed_is_completed_when_its_round_comes() {
    // D5: nobody makes a draw void and hides what it would have been.
    let (cast, draw) = before_the_round(Vec::new()).await;
    let commitment = cast.commit(&draw).await;
    cast.officer.post(&draw.at("/close"), json!({})).await;
    let reason = json!({ "reason": "会场临时疏散" });
    cast.officer.post(&draw.at("/void"), reason).await;
    let next = cast
        .define(json!({ "drand_round": ROUND + 60, "ceremony_at": ROUND_AT }))
        .await;
    cast.office.clock.set(ROUND_AT + 1000);
    let text = json!({ "text": SIGNATURE });
    let view = cast.officer.post(&draw.at("/drand"), text).await;
    assert_eq!(
        (&view["state"], &view["drawn"]),
        (&json!("void"), &json!(9))
    );
    assert_eq!(view["after"]["id"], next.id);
    let summary = cast.verified(&draw).await;
    assert_eq!(summary.commitment, commitment);
    assert!(summary.void.is_some());
    assert_eq!(cast.seed(&draw).await, view["seed"].as_str().unwrap());
    // It is void all the same.
    assert_eq!(
        cast.officer
            .refused(Method::POST, &draw.at("/dispatch"), json!({}))
            .await,
        (409, "draw_not_drawn".into())
    );
    cast.office.server.stop().await;
}
