//! From a plan to a drawn result over HTTP, through a real server: who may do what, in which order,
//! and that a stranger can verify what comes out.

#[path = "draws/office.rs"]
mod office;

use std::collections::BTreeSet;
use std::io::Cursor;

use office::{DAY, NOW, Office, Person, rolls};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

fn plan_form() -> Value {
    json!({ "title": "食品销售随机抽查", "department": "market", "items": ["item-1", "item-2"],
        "from": "2026-01-01", "until": "2026-11-30", "team": 2,
        "scope": { "districts": [], "industries": ["F"], "q": "" },
        "cells": [
            { "risk_classes": ["A"], "ratio_ppm": 100_000, "number": null, "reserves": 3 },
            { "risk_classes": ["B"], "ratio_ppm": null, "number": 6, "reserves": 2 },
        ] })
}

async fn locked_plan(planner: &Person, supervisor: &Person) -> String {
    let plan = planner.post("/api/plans", plan_form()).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    planner
        .post(&format!("/api/plans/{plan}/submit"), json!({}))
        .await;
    supervisor
        .post(&format!("/api/plans/{plan}/approve"), json!({}))
        .await;
    supervisor
        .post(&format!("/api/plans/{plan}/lock"), json!({}))
        .await;
    plan
}

fn draw_form(plan: &str, public_from: &str) -> Value {
    json!({ "plan": plan, "title": "食品销售随机抽查", "ceremony_at": NOW, "sides": 6, "rolls": 25,
        "public_from": public_from })
}

#[tokio::test]
async fn a_plan_is_drafted_approved_by_somebody_else_and_locked() {
    // P1, S1
    let office = Office::open().await;
    let admin = office.administrator().await;
    let planner = office.with_roles(&admin, "planner", &["planner"]).await;
    let both = office
        .with_roles(&admin, "both", &["planner", "supervisor"])
        .await;
    let supervisor = office
        .with_roles(&admin, "supervisor", &["supervisor"])
        .await;

    let counts = planner
        .post(
            "/api/plans/count",
            json!({ "scope": plan_form()["scope"], "cells": plan_form()["cells"] }),
        )
        .await;
    assert_eq!(
        (
            &counts["risk_classes"][0],
            &counts["cells"],
            &counts["rest"]
        ),
        (
            &json!({ "risk_class": "A", "objects": 30 }),
            &json!([30, 18]),
            &json!(2)
        )
    );

    let plan = planner.post("/api/plans", plan_form()).await;
    assert_eq!((&plan["year"], &plan["planned"]), (&json!(2026), &json!(9)));
    assert_eq!(plan["items"][0]["version"], 1);
    let at = |act: &str| format!("/api/plans/{}{act}", plan["id"].as_str().unwrap());
    assert_eq!(
        planner
            .refused(Method::POST, &at("/approve"), json!({}))
            .await
            .0,
        403
    );
    assert_eq!(
        supervisor
            .refused(Method::POST, &at("/approve"), json!({}))
            .await,
        (409, "plan_state".into())
    );
    // Who had a hand in the text does not approve it.
    let mut form = plan_form();
    form["team"] = json!(3);
    assert_eq!(both.put(&at(""), form).await["departments"][0]["team"], 3);
    planner.post(&at("/submit"), json!({})).await;
    assert_eq!(
        both.refused(Method::POST, &at("/approve"), json!({})).await,
        (403, "own_act".into())
    );
    let returned = supervisor
        .post(&at("/return"), json!({ "reason": "每组两人即可" }))
        .await;
    assert_eq!(returned["return_reason"], "每组两人即可");
    planner.put(&at(""), plan_form()).await;
    planner.post(&at("/submit"), json!({})).await;
    supervisor.post(&at("/approve"), json!({})).await;
    assert_eq!(
        planner.refused(Method::PUT, &at(""), plan_form()).await,
        (409, "plan_locked".into())
    );
    let locked = supervisor.post(&at("/lock"), json!({})).await;
    assert_eq!(locked["state"], "locked");
    assert_eq!(
        planner.refused(Method::PUT, &at(""), plan_form()).await,
        (409, "plan_locked".into())
    );
    assert_eq!(planner.get("/api/plans?state=locked").await["total"], 1);
    office.server.stop().await;
}

#[tokio::test]
async fn a_draw_is_held_in_its_order_and_a_stranger_verifies_it() {
    // D1, D2, D3, D5, D6
    let office = Office::open().await;
    let admin = office.administrator().await;
    let planner = office.with_roles(&admin, "planner", &["planner"]).await;
    let supervisor = office
        .with_roles(&admin, "supervisor", &["supervisor"])
        .await;
    let officer = office
        .with_roles(&admin, "officer", &["draw_officer"])
        .await;
    let stranger = office.person();

    // D6: no draw from a plan that is not locked.
    let draft = planner.post("/api/plans", plan_form()).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let early = officer
        .refused(Method::POST, "/api/draws", draw_form(&draft, "draw"))
        .await;
    assert_eq!(early, (409, "plan_not_locked".into()));

    let plan = locked_plan(&planner, &supervisor).await;
    let refused = planner
        .refused(Method::POST, "/api/draws", draw_form(&plan, "draw"))
        .await;
    assert_eq!(refused.0, 403);
    let draw = officer
        .post("/api/draws", draw_form(&plan, "2026-11-26"))
        .await;
    assert_eq!(draw["number"], "市场监督管理局抽查〔2026〕1号");
    let id = draw["id"].as_str().unwrap().to_owned();
    let at = |act: &str| format!("/api/draws/{id}{act}");
    let dice = json!({ "rolls": rolls() });
    for (act, body, code) in [
        ("/commit", json!({}), "draw_not_checked"),
        (
            "/witnesses",
            json!({ "name": "李代表", "committed": "0".repeat(64) }),
            "draw_list_closed",
        ),
        ("/close", json!({}), "draw_not_committed"),
        ("/dice", dice.clone(), "draw_not_revealed"),
        ("/dispatch", json!({}), "draw_not_drawn"),
    ] {
        assert_eq!(
            officer.refused(Method::POST, &at(act), body).await,
            (409, code.into())
        );
    }

    // Who is kept out, and why.
    let checked = officer.post(&at("/check"), json!({})).await;
    let frame = &checked["frame"];
    assert_eq!(frame["inspectors"], 8);
    assert_eq!(frame["cells"][0]["objects"], 27);
    assert_eq!(frame["cells"][1]["drawn"], 6);
    let grounds: BTreeSet<&str> = frame["excluded_by_ground"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["ground"].as_str().unwrap())
        .collect();
    assert_eq!(
        grounds,
        BTreeSet::from([
            "inactive",
            "no_certificate",
            "no_district",
            "no_inspector",
            "on_leave"
        ])
    );
    assert_eq!(officer.get(&at("/excluded")).await["total"], 7);
    let people = officer.get(&at("/excluded?kind=inspector")).await;
    assert_eq!(people["total"], 2);

    // The registers change between check and commitment: look again.
    let sql = |text: &'static str| {
        office
            .server
            .state
            .db
            .write(move |tx| Ok(tx.execute_script(text)?))
    };
    sql("UPDATE objects SET status = 'revoked' WHERE id = 'object-a-20'")
        .await
        .unwrap();
    assert_eq!(
        officer
            .refused(Method::POST, &at("/commit"), json!({}))
            .await,
        (409, "registers_changed".into())
    );
    officer.post(&at("/check"), json!({})).await;
    let committed = officer.post(&at("/commit"), json!({})).await;
    let commitment = committed["commitment"].as_str().unwrap().to_owned();
    assert_eq!(committed["nonce"], Value::Null);
    assert_eq!(
        officer
            .refused(Method::POST, &at("/check"), json!({}))
            .await,
        (409, "draw_committed".into())
    );
    // Public at once: the commitment. Not public: the rest.
    let shown = stranger.get("/api/public/draws").await;
    assert_eq!(shown["rows"][0]["commitment"], commitment.as_str());
    let zip = format!("/api/public/draws/{id}/transcript.zip");
    assert_eq!(
        stranger.ask(Method::GET, &zip, None).await.status(),
        StatusCode::CONFLICT
    );

    // Witnesses hand in, the list is closed, two of three reveal.
    for (name, value) in [
        ("李代表", "k7Qd-2026"),
        ("王委员", "12345678"),
        ("Smith-J", "not-telling"),
    ] {
        let hash = draw::witness_commitment(&commitment, name, value);
        let body = json!({ "name": name, "committed": hash });
        officer.post(&at("/witnesses"), body.clone()).await;
        assert_eq!(
            officer.refused(Method::POST, &at("/witnesses"), body).await,
            (409, "witness_twice".into())
        );
    }
    let bad = json!({ "name": "李 代表", "committed": "xyz" });
    assert_eq!(
        officer
            .refused(Method::POST, &at("/witnesses"), bad)
            .await
            .0,
        422
    );
    let early = json!({ "name": "李代表", "value": "k7Qd-2026" });
    assert_eq!(
        officer
            .refused(Method::POST, &at("/reveal"), early.clone())
            .await,
        (409, "draw_list_open".into())
    );
    let closed = officer.post(&at("/close"), json!({})).await;
    assert_eq!(closed["state"], "closed");
    let wrong = json!({ "name": "李代表", "value": "k7Qd-2027" });
    assert_eq!(
        officer.refused(Method::POST, &at("/reveal"), wrong).await.0,
        422
    );
    officer.post(&at("/reveal"), early.clone()).await;
    assert_eq!(
        officer.refused(Method::POST, &at("/reveal"), early).await,
        (409, "witness_has_said".into())
    );
    assert_eq!(
        officer
            .refused(Method::POST, &at("/dice"), dice.clone())
            .await,
        (409, "draw_not_revealed".into())
    );
    officer
        .post(&at("/withhold"), json!({ "name": "Smith-J" }))
        .await;
    let revealed = officer
        .post(
            &at("/reveal"),
            json!({ "name": "王委员", "value": "12345678" }),
        )
        .await;
    assert_eq!(revealed["state"], "revealed");
    assert_eq!(
        draw::sha256_hex(revealed["nonce"].as_str().unwrap().as_bytes()),
        draw["nonce_sha256"].as_str().unwrap()
    );

    // Dice last.
    let short = json!({ "rolls": rolls()[1..].to_vec() });
    assert_eq!(
        officer.refused(Method::POST, &at("/dice"), short).await.0,
        422
    );
    let drawn = officer.post(&at("/dice"), dice.clone()).await;
    assert_eq!(
        (&drawn["state"], &drawn["drawn"]),
        (&json!("drawn"), &json!(9))
    );
    let result = drawn["result"].as_array().unwrap();
    for row in result {
        let team = row["inspectors"].as_array().unwrap();
        let people: BTreeSet<&str> = team.iter().map(|p| p["id"].as_str().unwrap()).collect();
        assert_eq!(people.len(), 2);
        // The responsible person of every object of this name is a relation of inspector 1 (I3).
        if row["object_name"].as_str().unwrap().contains("亲属") {
            assert!(!people.contains("inspector-1"), "{row}");
        }
    }
    assert_eq!(
        officer.refused(Method::POST, &at("/dice"), dice).await,
        (409, "draw_not_revealed".into())
    );
    // A plan is drawn once.
    assert_eq!(
        officer
            .refused(Method::POST, "/api/draws", draw_form(&plan, "draw"))
            .await,
        (409, "plan_has_draw".into())
    );

    // Tasks of their teams, once (F1).
    let sent = officer.post(&at("/dispatch"), json!({})).await;
    assert_eq!(sent["state"], "dispatched");
    assert_eq!(
        officer
            .refused(Method::POST, &at("/dispatch"), json!({}))
            .await,
        (409, "draw_not_drawn".into())
    );
    let tasks = officer.get(&format!("/api/tasks?draw={id}")).await;
    assert_eq!(tasks["total"], 9);
    assert_eq!(tasks["rows"][0]["team"].as_array().unwrap().len(), 2);

    // A stranger verifies, from the day that the rules name.
    assert_eq!(
        stranger.ask(Method::GET, &zip, None).await.status(),
        StatusCode::CONFLICT
    );
    office.clock.advance(2 * DAY);
    let bytes = stranger.bytes(&zip).await;
    let files = draw::read_zip(Cursor::new(&bytes), 1 << 30).unwrap();
    assert!(files.get("openings.csv").is_none());
    let summary = draw::verify(&files.transcript().unwrap()).unwrap();
    assert_eq!(summary.commitment, commitment);
    let chance = summary.chance.unwrap();
    assert_eq!(chance.seed, drawn["seed"].as_str().unwrap());
    assert_eq!((chance.drawn, chance.revealed, chance.withheld), (9, 2, 1));
    let text = |name: &str| String::from_utf8(files.get(name).unwrap().to_vec()).unwrap();
    // No risk class, no name, no credit code in what is public.
    for name in [
        "rules.json",
        "objects.csv",
        "inspectors.csv",
        "avoid.csv",
        "result.csv",
    ] {
        for secret in [
            "91440300",
            "示例食品",
            "示例检查员",
            "\"A\"",
            "object-a",
            "4403-0",
        ] {
            assert!(!text(name).contains(secret), "{name} shows {secret}");
        }
    }

    office.server.stop().await;
}

#[tokio::test]
async fn a_void_draw_keeps_its_number_and_makes_room_for_its_successor() {
    // D5
    let office = Office::open().await;
    let admin = office.administrator().await;
    let planner = office.with_roles(&admin, "planner", &["planner"]).await;
    let supervisor = office
        .with_roles(&admin, "supervisor", &["supervisor"])
        .await;
    let officer = office
        .with_roles(&admin, "officer", &["draw_officer"])
        .await;
    let auditor = office.with_roles(&admin, "auditor", &["auditor"]).await;
    let plan = locked_plan(&planner, &supervisor).await;
    let draw = officer.post("/api/draws", draw_form(&plan, "draw")).await;
    let at = |act: &str| format!("/api/draws/{}{act}", draw["id"].as_str().unwrap());
    officer.post(&at("/check"), json!({})).await;
    officer.post(&at("/commit"), json!({})).await;
    assert_eq!(
        officer.post(&at("/close"), json!({})).await["state"],
        "revealed"
    );
    officer
        .post(&at("/dice"), json!({ "rolls": rolls() }))
        .await;
    // After the seed only on a legal ground, and when somebody else approves.
    let facts = "市监察委决定：见证程序违法";
    let ask = json!({ "ground": "procedure_breached", "reason": facts });
    officer.post(&at("/void"), ask.clone()).await;
    let void = supervisor
        .post(&at("/void/decide"), json!({ "approve": true }))
        .await;
    let reason = format!("抽取程序违反规定，经有权机关认定：{facts}");
    assert_eq!(
        (&void["state"], &void["void"]["reason"]),
        (&json!("void"), &json!(reason))
    );
    assert_eq!(
        officer.refused(Method::POST, &at("/void"), ask).await,
        (409, "draw_cannot_be_void".into())
    );

    let next = officer.post("/api/draws", draw_form(&plan, "draw")).await;
    assert_eq!(next["number"], "市场监督管理局抽查〔2026〕2号");
    let shown = office.person().get("/api/public/draws").await;
    assert_eq!(shown["rows"][0]["void_reason"], reason);
    // It still verifies.
    let zip = format!(
        "/api/public/draws/{}/transcript.zip",
        draw["id"].as_str().unwrap()
    );
    let bytes = office.person().bytes(&zip).await;
    let files = draw::read_zip(Cursor::new(&bytes), 1 << 30).unwrap();
    assert!(draw::verify(&files.transcript().unwrap()).is_ok());

    // The auditor opens it, and the openings lead into the frame (S3: each look is in the journal).
    let bundle = auditor
        .bytes(&at("/bundle.zip?reason=annual%20audit"))
        .await;
    let files = draw::read_zip(Cursor::new(&bundle), 1 << 30).unwrap();
    let opened = draw::verify(&files.transcript().unwrap()).unwrap().opened;
    assert_eq!(opened, Some(50 + 8 + 2));
    let journal = auditor.get("/api/journal?limit=200").await.to_string();
    for act in [
        "plan.lock",
        "draw.define",
        "draw.commit",
        "draw.draw",
        "draw.void",
        "draw.open",
    ] {
        assert!(journal.contains(act), "{act}");
    }
    office.server.stop().await;
}
