//! Witnesses: entered, with a slip each; they hand in and reveal without an account.

use reqwest::Method;
use serde_json::{Value, json};

use crate::office::{Office, Person};
use crate::{Cast, Draw};

/// The code of a witness's slip.
pub async fn code(cast: &Cast, draw: &Draw, name: &str) -> String {
    let slips = cast.officer.get(&draw.at("/slips")).await;
    let slip = slips.as_array().unwrap().iter().find(|s| s["name"] == name);
    slip.unwrap()["code"].as_str().unwrap().to_owned()
}

async fn enter(cast: &Cast, draw: &Draw, name: &str, capacity: &str) -> String {
    let body = json!({ "name": name, "capacity": capacity });
    cast.officer.post(&draw.at("/witnesses"), body).await;
    code(cast, draw, name).await
}

/// A telephone: no account, no cookie.
async fn hand_in(phone: &Person, code: &str, name: &str, value: &str) -> Value {
    let commitment = phone.get(&format!("/api/w/{code}")).await["commitment"]
        .as_str()
        .unwrap()
        .to_owned();
    let hash = draw::witness_commitment(&commitment, name, value);
    let body = json!({ "committed": hash });
    phone.post(&format!("/api/w/{code}/hand-in"), body).await
}

#[tokio::test]
async fn two_witnesses_hand_in_and_reveal_on_their_telephones() {
    // D3: the server never sees a value before the list is closed.
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    let (officer, phone) = (&cast.officer, cast.office.person());

    // Entered before the commitment, so that slips can be printed the day before.
    let li = enter(&cast, &draw, "李代表", "deputy").await;
    assert_eq!(li.len(), 14);
    let mine = format!("/api/w/{li}");
    let early = phone.get(&mine).await;
    assert_eq!(
        (&early["capacity"], &early["commitment"], &early["state"]),
        (&json!("deputy"), &Value::Null, &json!("entered"))
    );
    let hash = json!({ "committed": "0".repeat(64) });
    assert_eq!(
        phone
            .refused(Method::POST, &format!("{mine}/hand-in"), hash)
            .await,
        (409, "draw_list_closed".into())
    );

    let commitment = cast.commit(&draw).await;
    let wang = enter(&cast, &draw, "王书记", "discipline").await;
    let absent = enter(&cast, &draw, "赵先生", "public").await;
    let handed = hand_in(&phone, &li, "李代表", "kapok-tree-88").await;
    assert_eq!(handed["state"], "committed");
    // A code hands in once, however it is typed.
    let again = json!({ "committed": "1".repeat(64) });
    let typed = li.to_lowercase().replace('-', " ");
    assert_eq!(
        phone
            .refused(Method::POST, &format!("/api/w/{typed}/hand-in"), again)
            .await,
        (409, "witness_has_handed_in".into())
    );
    // The second one uses a terminal of the hall.
    let hash = draw::witness_commitment(&commitment, "王书记", "12345678");
    let body = json!({ "committed": hash, "terminal": true });
    phone.post(&format!("/api/w/{wang}/hand-in"), body).await;
    let shown = officer.get(&draw.at("")).await;
    assert_eq!(shown["witnesses"][1]["committed_by"], "terminal");
    assert_eq!(shown["witnesses"][0]["committed_by"], "phone");

    // A value before the list is closed is refused, and kept nowhere.
    let value = json!({ "value": "kapok-tree-88" });
    let reveal = format!("{mine}/reveal");
    assert_eq!(
        phone.refused(Method::POST, &reveal, value.clone()).await,
        (409, "draw_list_open".into())
    );
    officer.post(&draw.at("/close"), json!({})).await;
    let list = phone.get(&mine).await;
    let expected = draw::list_hash(
        &commitment,
        &[
            ("李代表", list["committed"].as_str().unwrap()),
            ("王书记", hash.as_str()),
        ],
    );
    assert_eq!(list["list_sha256"], expected);
    assert_eq!(list["list"].as_array().unwrap().len(), 2);

    // Who did not hand in is not in the list.
    let late = json!({ "value": "too-late-now" });
    assert_eq!(
        phone
            .refused(Method::POST, &format!("/api/w/{absent}/reveal"), late)
            .await,
        (409, "witness_not_in_list".into())
    );
    let wrong = json!({ "value": "kapok-tree-89" });
    assert_eq!(phone.refused(Method::POST, &reveal, wrong).await.0, 422);
    let revealed = phone.post(&reveal, value.clone()).await;
    assert_eq!(revealed["value"], "kapok-tree-88");
    assert_eq!(
        phone.refused(Method::POST, &reveal, value).await,
        (409, "witness_has_said".into())
    );
    // The other one lost the value: said so in public.
    let withheld = officer
        .post(&draw.at("/withhold"), json!({ "name": "王书记" }))
        .await;
    assert_eq!(withheld["state"], "revealed");

    let dice = json!({ "rolls": crate::office::rolls() });
    officer.post(&draw.at("/dice"), dice).await;
    let summary = cast.verified(&draw).await.chance.unwrap();
    assert_eq!((summary.revealed, summary.withheld), (1, 1));

    // The slips are the officer's alone, and can be printed.
    let others = cast
        .supervisor
        .refused(Method::GET, &draw.at("/slips"), json!({}))
        .await;
    assert_eq!(others.0, 403);
    let page = String::from_utf8(officer.bytes(&draw.at("/slips.html")).await).unwrap();
    assert!(page.contains(&li) && page.contains("data:image/svg+xml;base64,"));
    cast.office.server.stop().await;
}

#[tokio::test]
async fn wrong_codes_are_counted_and_keep_nobody_out() {
    // S2
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    cast.commit(&draw).await;
    let right = enter(&cast, &draw, "李代表", "deputy").await;
    let phone = cast.office.person();
    for _ in 0..60 {
        let answer = phone
            .refused(Method::GET, "/api/w/AAAABBBBCCCC", json!({}))
            .await;
        assert_eq!(answer, (404, "wrong_code".into()));
    }
    let answer = phone
        .refused(Method::GET, "/api/w/AAAABBBBCCCC", json!({}))
        .await;
    assert_eq!(answer, (429, "too_many_attempts".into()));
    assert_eq!(
        phone.get(&format!("/api/w/{right}")).await["name"],
        "李代表"
    );
    cast.office.server.stop().await;
}

#[tokio::test]
async fn a_hash_on_paper_is_entered_by_the_officer() {
    // D3
    let cast = Cast::enter(Office::open().await).await;
    let draw = cast.with_dice().await;
    let officer = &cast.officer;
    enter(&cast, &draw, "陈女士", "third_party").await;
    let hash = "ab".repeat(32);
    let paper = json!({ "name": "陈女士", "committed": hash });
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/hand-in"), paper.clone())
            .await,
        (409, "draw_list_closed".into())
    );
    cast.commit(&draw).await;
    let nobody = json!({ "name": "没有登记", "committed": hash });
    let refused = officer
        .refused(Method::POST, &draw.at("/hand-in"), nobody)
        .await;
    assert_eq!(refused.0, 404);
    let view = officer.post(&draw.at("/hand-in"), paper.clone()).await;
    assert_eq!(view["witnesses"][0]["committed_by"], "officer");
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/hand-in"), paper)
            .await,
        (409, "witness_has_handed_in".into())
    );
    officer.post(&draw.at("/close"), json!({})).await;
    let late = json!({ "name": "后来者", "capacity": "public" });
    assert_eq!(
        officer
            .refused(Method::POST, &draw.at("/witnesses"), late)
            .await,
        (409, "draw_list_closed".into())
    );
    cast.office.server.stop().await;
}
