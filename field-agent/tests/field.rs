//! The tablet in the field: without network, through cuts and restarts, to the seal.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::*;
use serde_json::{Value, json};
use sync::message::BlobKind;

const ZHANG: (&str, &str) = ("zhang", "135790");
const LI: (&str, &str) = ("li", "246801");

/// One tablet that both inspectors share, with one task.
async fn shared_tablet() -> (Arc<Server>, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    let tablet = Tablet::new(&server, 1).await;
    tablet.enrol("CODE-1", &[ZHANG, LI]).await;
    tablet.unlock(ZHANG.0, ZHANG.1).await;
    assert_eq!(tablet.sync().await, None);
    (server, tablet, task)
}

/// Two tablets, one each.
async fn two_tablets() -> (Arc<Server>, Tablet, Tablet, String) {
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    server.issue("CODE-1", &["zhang", "li"]);
    server.issue("CODE-2", &["li"]);
    let (first, second) = (Tablet::new(&server, 1).await, Tablet::new(&server, 2).await);
    first.enrol("CODE-1", &[ZHANG, LI]).await;
    second.enrol("CODE-2", &[LI]).await;
    first.unlock(ZHANG.0, ZHANG.1).await;
    second.unlock(LI.0, LI.1).await;
    assert_eq!(
        (first.sync().await, second.sync().await, first.sync().await),
        (None, None, None)
    );
    (server, first, second, task)
}

async fn sign_all(tablet: &Tablet, task: &str) -> serde_json::Value {
    let base = format!("/api/tasks/{task}/sign-off");
    let (status, body) = tablet.post(&base, json!({})).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = tablet
        .post(
            &format!("{base}/party"),
            json!({"kind": "signed", "name": "王五", "capacity": "店长", "ink": ink()}),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    let mut last = body;
    for (person, pin) in [ZHANG, LI] {
        let (status, body) = tablet
            .post(
                &format!("{base}/inspectors"),
                json!({"person": person, "pin": pin, "ink": ink()}),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        last = body;
    }
    last
}

// F1, F2, F4, F7: a whole inspection on one shared tablet, most of it without network
#[tokio::test(flavor = "multi_thread")]
async fn an_inspection_from_enrolment_to_the_seal() {
    let (server, tablet, task) = shared_tablet().await;
    server.offline.store(true, Ordering::SeqCst);
    let list = tablet.ok("/api/tasks").await;
    assert_eq!(
        (
            list["total"].as_u64(),
            list["rows"][0]["state"].as_str(),
            list["rows"][0]["days_left"].as_i64()
        ),
        (Some(1), Some("todo"), Some(4))
    );
    let detail = tablet.ok(&format!("/api/tasks/{task}")).await;
    assert_eq!(
        detail["sheets"][0]["points"].as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(detail["card"]["team"][1]["can_sign_here"], true);

    tablet.fill(&task).await;
    let (status, photo) = tablet.add_photo(&task, jpeg(640, 480, 3), "SP-01/p1").await;
    assert_eq!(status, 200, "{photo}");
    assert_eq!(photo["thumbnail_delivery"], "on_this_tablet");
    let missing = tablet.ok(&format!("/api/tasks/{task}/missing")).await;
    assert_eq!(missing["can_sign"], true, "{missing}");
    let signed = sign_all(&tablet, &task).await;
    assert_eq!(signed["stage"], "sealed", "{signed}");
    assert_eq!(
        signed["seal"]["fingerprint"].as_str().map(str::len),
        Some(14)
    );
    let (status, refused) = tablet
        .patch(
            &format!("/api/tasks/{task}/cells"),
            json!({"edits": [{"path": "fee/none", "value": false}]}),
        )
        .await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("read_only")),
        "a sealed record is not written"
    );

    assert_eq!(tablet.sync().await.as_deref(), Some("offline"));
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert!(server.sealed(&task, 1), "the server verifies the same seal");
    assert_eq!(
        server.stored(),
        [BlobKind::Thumbnail, BlobKind::Rendition, BlobKind::Original]
    );
    let status = tablet.ok("/api/sync").await;
    assert_eq!(
        status["records"],
        json!({"on_this_tablet": 0, "sent": 0, "confirmed": 1, "elsewhere": 0}),
        "{status}"
    );
    assert_eq!(
        status["photos"],
        json!({"on_this_tablet": 0, "sent": 0, "confirmed": 1, "elsewhere": 0}),
        "{status}"
    );
    server.accept(&task);
    tablet.sync().await;
    assert_eq!(
        tablet.ok("/api/tasks").await["rows"][0]["state"],
        "accepted"
    );
}

// F8, lesson 10: what was answered is on disk, whatever happens next
#[tokio::test(flavor = "multi_thread")]
async fn lesson_10_the_process_may_be_killed_behind_the_camera() {
    let (server, mut tablet, task) = shared_tablet().await;
    server.offline.store(true, Ordering::SeqCst);
    tablet
        .write(&task, "point/SP-01/p1/answer", json!("non_compliant"))
        .await;
    tablet
        .write(&task, "point/SP-01/p1/note", json!("许可证已过期"))
        .await;
    let (status, photo) = tablet.add_photo(&task, jpeg(300, 200, 5), "SP-01/p1").await;
    assert_eq!(status, 200, "{photo}");
    tablet.kill_and_start().await;
    let (status, _) = tablet.get(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(status, 401, "a restart locks the tablet");
    tablet.unlock(LI.0, LI.1).await;
    let record = tablet.ok(&format!("/api/tasks/{task}/record")).await;
    assert_eq!(
        record["cells"]["point/SP-01/p1/note"]["values"][0]["value"],
        "许可证已过期"
    );
    assert_eq!(
        record["cells"]["point/SP-01/p1/note"]["values"][0]["name"],
        "张三"
    );
    let (status, original) = tablet
        .bytes(&format!(
            "/api/tasks/{task}/photos/{}/original",
            photo["photo"].as_str().expect("id")
        ))
        .await;
    assert_eq!(
        (status, original),
        (200, jpeg(300, 200, 5)),
        "the original bytes are untouched"
    );
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert_eq!(server.text(&task, "point/SP-01/p1/note"), "许可证已过期");
}

// F5: a colleague's note arrives while one is being typed; neither is put over the other unseen
#[tokio::test(flavor = "multi_thread")]
async fn what_a_colleague_wrote_meanwhile_is_not_written_over_unseen() {
    let (_server, first, second, task) = two_tablets().await;
    let note = "point/SP-01/p3/note";
    let write = |value: &str, seen: &[&str]| json!({"edits": [{"path": note, "value": value, "seen": seen}]});
    let (cells, record) = (
        format!("/api/tasks/{task}/cells"),
        format!("/api/tasks/{task}/record"),
    );
    let standing = |record: &Value| record["cells"][note]["values"].to_string();
    let (status, body) = first.patch(&cells, write("货架", &[])).await;
    assert_eq!(status, 200, "{body}");
    // Of what one wrote here oneself nothing need be said: an answer may have been lost.
    let (status, body) = first.patch(&cells, write("货架底层", &[])).await;
    assert_eq!(status, 200, "{body}");
    for tablet in [&first, &second] {
        assert_eq!(tablet.sync().await, None);
    }
    let (status, body) = second.patch(&cells, write("仓库", &[])).await;
    let code = body["fields"][0]["code"].as_str();
    assert_eq!((status, code), (409, Some("written_meanwhile")), "{body}");
    assert_eq!(body["fields"][0]["field"], note);
    let shown = standing(&second.ok(&record).await);
    assert!(
        shown.contains("货架底层") && !shown.contains("仓库"),
        "{shown}"
    );
    // One unseen cell, and nothing of the request is written.
    let both = json!({"edits": [{"path": "handling/opinion", "value": "整改"}, {"path": note, "value": "仓库", "seen": []}]});
    assert_eq!(second.patch(&cells, both).await.0, 409);
    let after = second.ok(&record).await;
    assert_eq!(after["cells"]["handling/opinion"], Value::Null);
    let (status, body) = second.patch(&cells, write("仓库", &["货架底层"])).await;
    assert_eq!(status, 200, "{body}");
    assert!(standing(&second.ok(&record).await).contains("仓库"));
}

// F5: who settles has seen all that stands there
#[tokio::test(flavor = "multi_thread")]
async fn a_third_answer_is_not_settled_away_unseen() {
    let (_server, first, second, task) = two_tablets().await;
    let (note, base) = (
        "point/SP-01/p3/note",
        format!("/api/tasks/{task}/conflicts"),
    );
    first.write(&task, note, json!("一")).await;
    second.write(&task, note, json!("二")).await;
    for tablet in [&second, &first, &second] {
        assert_eq!(tablet.sync().await, None);
    }
    let settle = |seen: &[&str]| json!({"path": note, "value": "一", "seen": seen});
    let (status, body) = first.post(&format!("{base}/settle"), settle(&["一"])).await;
    let code = body["code"].as_str();
    assert_eq!((status, code), (409, Some("written_meanwhile")), "{body}");
    assert_eq!(first.ok(&base).await["total"], 1);
    let (status, body) = first
        .post(&format!("{base}/settle"), settle(&["一", "二"]))
        .await;
    assert_eq!(status, 200, "{body}");
}

// F5: both answered the same point; both answers are shown, one is chosen before signing
#[tokio::test(flavor = "multi_thread")]
async fn two_tablets_that_differ_keep_both_answers_until_one_is_chosen() {
    let (server, first, second, task) = two_tablets().await;
    first.fill(&task).await;
    second
        .write(&task, "point/SP-01/p3/answer", json!("non_compliant"))
        .await;
    second
        .write(&task, "point/SP-01/p3/note", json!("货架底层"))
        .await;
    for tablet in [&second, &first, &second] {
        assert_eq!(tablet.sync().await, None);
    }
    let conflicts = first.ok(&format!("/api/tasks/{task}/conflicts")).await;
    assert_eq!(conflicts["total"], 1, "{conflicts}");
    let names: Vec<&str> = conflicts["rows"][0]["values"]
        .as_array()
        .expect("values")
        .iter()
        .filter_map(|v| v["name"].as_str())
        .collect();
    assert!(
        names.contains(&"张三") && names.contains(&"李四"),
        "{conflicts}"
    );
    let (status, refused) = first
        .post(&format!("/api/tasks/{task}/sign-off"), json!({}))
        .await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (409, Some("not_complete"))
    );
    let codes: Vec<&str> = refused["missing"]
        .as_array()
        .expect("list")
        .iter()
        .filter_map(|m| m["code"].as_str())
        .collect();
    assert!(
        codes.contains(&"conflict") && codes.contains(&"member_not_done"),
        "{refused}"
    );

    let (status, body) = first
        .post(
            &format!("/api/tasks/{task}/conflicts/settle"),
            json!({"path": "point/SP-01/p3/answer", "value": "compliant"}),
        )
        .await;
    assert_eq!(
        (status, body["progress"]["conflicts"].as_u64()),
        (200, Some(0)),
        "{body}"
    );
    let (status, body) = second
        .post(&format!("/api/tasks/{task}/done"), json!({}))
        .await;
    assert_eq!(status, 200, "{body}");
    for tablet in [&second, &first, &second] {
        assert_eq!(tablet.sync().await, None);
    }
    assert_eq!(sign_all(&first, &task).await["stage"], "sealed");
    assert_eq!((first.sync().await, second.sync().await), (None, None));
    assert!(server.sealed(&task, 1));
    assert_eq!(
        second.ok("/api/tasks").await["rows"][0]["state"],
        "sealed",
        "the colleague's tablet shows the seal"
    );
    let heads = |v: &serde_json::Value| v["heads"].clone();
    assert_eq!(
        heads(&first.ok(&format!("/api/tasks/{task}/record")).await),
        heads(&second.ok(&format!("/api/tasks/{task}/record")).await)
    );
}

// F4, lesson 26: a return with remarks opens a round that is signed anew
#[tokio::test(flavor = "multi_thread")]
async fn a_returned_record_is_opened_again_with_its_remarks() {
    let (server, tablet, task) = shared_tablet().await;
    tablet.fill(&task).await;
    sign_all(&tablet, &task).await;
    tablet.sync().await;
    server.return_record(
        &task,
        2,
        r#"[{"path":"point/SP-01/p2","text":"请复测温度"}]"#,
    );
    assert_eq!(tablet.sync().await, None);
    let card = &tablet.ok("/api/tasks").await["rows"][0];
    assert_eq!(
        (
            card["state"].as_str(),
            card["round"].as_u64(),
            card["remarks"].as_u64()
        ),
        (Some("returned"), Some(2), Some(1)),
        "{card}"
    );
    let detail = tablet.ok(&format!("/api/tasks/{task}")).await;
    assert_eq!(detail["rounds"][1]["remarks"][0]["text"], "请复测温度");
    tablet
        .write(&task, "point/SP-01/p2/answer", json!("3.5"))
        .await;
    let first_round = tablet.ok(&format!("/api/tasks/{task}/sign-off")).await;
    assert_eq!(
        first_round["signatures"][0]["state"], "superseded",
        "what changed after a signature is shown"
    );
    assert_eq!(sign_all(&tablet, &task).await["seal"]["round"], 2);
    tablet.sync().await;
    assert!(server.sealed(&task, 2));
}

// F4: the party refuses; a wrong PIN signs nothing; nobody signs before the party
#[tokio::test(flavor = "multi_thread")]
async fn the_party_comes_first_and_a_refusal_needs_reason_and_witness() {
    let (server, tablet, task) = shared_tablet().await;
    tablet.fill(&task).await;
    let base = format!("/api/tasks/{task}/sign-off");
    assert_eq!(tablet.post(&base, json!({})).await.0, 200);
    let sign = json!({"person": "zhang", "pin": ZHANG.1, "ink": ink()});
    let (status, body) = tablet
        .post(&format!("{base}/inspectors"), sign.clone())
        .await;
    assert_eq!((status, body["code"].as_str()), (409, Some("party_first")));
    let refusal = |reason: &str| json!({"kind": "refused", "reason": reason, "witness_name": "赵六", "witness_capacity": "社区工作人员"});
    assert_eq!(
        tablet.post(&format!("{base}/party"), refusal(" ")).await.0,
        422
    );
    assert_eq!(
        tablet
            .post(&format!("{base}/party"), refusal("不认可结论"))
            .await
            .0,
        200
    );
    let (status, body) = tablet
        .post(
            &format!("{base}/inspectors"),
            json!({"person": "zhang", "pin": "999999", "ink": ink()}),
        )
        .await;
    assert_eq!(
        (status, body["code"].as_str(), body["tries_left"].as_u64()),
        (401, Some("wrong_pin"), Some(9))
    );
    let (status, body) = tablet.post(&format!("{base}/inspectors"), json!({"person": "zhang", "pin": ZHANG.1, "ink": {"width": 5, "height": 5, "strokes": []}})).await;
    assert_eq!((status, body["code"].as_str()), (422, Some("ink_missing")));
    assert_eq!(
        tablet
            .post(&format!("{base}/inspectors"), sign.clone())
            .await
            .0,
        200
    );
    let (status, body) = tablet.post(&format!("{base}/inspectors"), sign).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (409, Some("already_signed")),
        "never after the PIN"
    );
    // A signature can be abandoned before the seal; then the record is open again.
    assert_eq!(tablet.delete(&base).await.0, 200);
    tablet.write(&task, "handling/opinion", json!("改写")).await;
    assert_eq!(
        tablet.ok(&base).await["signatures"][0]["state"],
        "superseded"
    );
    assert_eq!(sign_all(&tablet, &task).await["stage"], "sealed");
    tablet.sync().await;
    assert!(server.sealed(&task, 1));
}

// F3: what a camera roll may hold
#[tokio::test(flavor = "multi_thread")]
async fn photos_of_every_kind_are_taken_or_refused_by_name() {
    let (_server, tablet, task) = shared_tablet().await;
    let (status, body) = tablet
        .add_photo(&task, b"not a photo at all".to_vec(), "")
        .await;
    assert_eq!((status, body["code"].as_str()), (415, Some("not_a_photo")));
    if let Some(heif) = sample("small.heif") {
        let (status, body) = tablet.add_photo(&task, heif, "").await;
        assert_eq!(
            (status, body["code"].as_str()),
            (415, Some("heif_not_supported"))
        );
        assert!(
            body["detail"].as_str().is_some_and(|d| d.contains("JPEG")),
            "{body}"
        );
    }
    let (status, body) = tablet.add_photo(&task, jpeg(20, 20, 1), "SP-01/p9").await;
    assert_eq!((status, body["code"].as_str()), (422, Some("bad_point")));
    for name in [
        "landscape_orientation_6.jpg",
        "gps_1.jpg",
        "invalid_exif.jpg",
    ] {
        let Some(bytes) = sample(name) else { continue };
        let (status, photo) = tablet.add_photo(&task, bytes.clone(), "SP-01/p3").await;
        assert_eq!(status, 200, "{name}: {photo}");
        if name.starts_with("landscape") {
            assert!(photo["width"].as_i64() > photo["height"].as_i64());
        }
        if name.starts_with("gps") {
            assert!(
                photo["taken_at"].is_i64() && photo["lat_e7"].is_i64(),
                "{photo}"
            );
        }
        let id = photo["photo"].as_str().expect("id");
        assert_eq!(
            tablet
                .bytes(&format!("/api/tasks/{task}/photos/{id}/original"))
                .await,
            (200, bytes.clone())
        );
        // lesson 1: the same upload again is the same photo
        let (_, again) = tablet.add_photo(&task, bytes, "SP-01/p3").await;
        assert_eq!(again["photo"], photo["photo"]);
    }
    let (status, body) = tablet.add_photo(&task, jpeg(40, 30, 9), "SP-01/p1").await;
    assert_eq!(status, 200);
    let id = body["photo"].as_str().expect("id").to_owned();
    for (path, value, code) in [
        (format!("photo/{id}/point"), "SP-01/p9", "bad_point"),
        ("photo/nowhere/caption".into(), "后厨", "no_such_photo"),
    ] {
        let edits = json!({"edits": [{"path": path, "value": value}]});
        let cells = format!("/api/tasks/{task}/cells");
        let (status, body) = tablet.patch(&cells, edits).await;
        assert_eq!((status, body["code"].as_str()), (422, Some(code)), "{body}");
        assert_eq!(body["fields"][0]["field"], path);
    }
    for (field, value) in [("caption", "后厨"), ("point", "SP-01/p3")] {
        let cell = format!("photo/{id}/{field}");
        tablet.write(&task, &cell, json!(value)).await;
        let rows = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
        let now = (rows["rows"].as_array().expect("rows").iter()).find(|p| p["photo"] == *id);
        assert_eq!(now.expect("photo")[field], value);
    }
    assert_eq!(
        tablet
            .delete(&format!("/api/tasks/{task}/photos/{id}"))
            .await
            .1["withdrawn"],
        true
    );
}

// F2: entries are added, shown, withdrawn
#[tokio::test(flavor = "multi_thread")]
async fn documents_statements_samples_costs_and_witnesses_are_recorded() {
    let (_server, tablet, task) = shared_tablet().await;
    let entries = format!("/api/tasks/{task}/entries");
    for (kind, fields) in [
        ("document", json!({"title": "营业执照", "note": "副本"})),
        (
            "statement",
            json!({"speaker": "王五", "capacity": "店长", "text": "情况属实"}),
        ),
        ("sample", json!({"name": "酱油", "quantity": "2 瓶"})),
        (
            "cost",
            json!({"entrusted_by": "市场监督管理局", "purpose": "检测", "amount_fen": 12_050}),
        ),
        ("witness", json!({"name": "赵六", "capacity": "人大代表"})),
    ] {
        let (status, body) = tablet
            .post(&entries, json!({"kind": kind, "fields": fields}))
            .await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(
            (body["kind"].as_str(), body["name"].as_str()),
            (Some(kind), Some("张三"))
        );
    }
    let list = tablet.ok(&entries).await;
    assert_eq!(list["total"], 5);
    let first = list["rows"][0]["entry"].as_str().expect("id");
    assert_eq!(
        tablet
            .delete(&format!("{entries}/document/{first}"))
            .await
            .1["withdrawn"],
        true
    );
    let (status, body) = tablet
        .post(
            &entries,
            json!({"kind": "document", "fields": {"colour": "red"}}),
        )
        .await;
    assert_eq!((status, body["code"].as_str()), (422, Some("bad_cell")));
    let preview = tablet.ok(&format!("/api/tasks/{task}/preview")).await;
    assert!(
        preview.to_string().contains("120.50 元") && !preview.to_string().contains("营业执照"),
        "{preview}"
    );
}

// S2: bad input is told by field and never a 500
#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_its_place() {
    let (_server, tablet, task) = shared_tablet().await;
    let cells = format!("/api/tasks/{task}/cells");
    for (path, value, why) in [
        ("facts/number", json!("x"), "not_yours"),
        ("team/zhang/role", json!("leader"), "not_yours"),
        ("nothing/like/this", json!(1), "no_such_cell"),
        ("point/SP-01/p1/answer", json!("maybe"), "no_such_answer"),
        ("point/SP-01/p2/answer", json!("warm"), "no_such_answer"),
        ("point/SP-99/p1/answer", json!("compliant"), "not_in_form"),
        ("visit/start_at", json!("now"), "bad_value"),
        ("done/1/zhang", json!(1), "not_yours"),
        ("photo/0123456789abcdef/sha256", json!("00"), "not_yours"),
        ("point/SP-01/p1/note", json!("a\u{0}b"), "bad_value"),
        ("handling/opinion", json!("长".repeat(5000)), "bad_value"),
    ] {
        let (status, body) = tablet
            .patch(&cells, json!({"edits": [{"path": path, "value": value}]}))
            .await;
        assert_eq!(
            (status, body["code"].as_str()),
            (422, Some("bad_cell")),
            "{path}: {body}"
        );
        assert_eq!(body["fields"][0]["field"], path);
        assert_eq!(body["fields"][0]["code"], why, "{path}");
    }
    // One bad cell and nothing of the request is written.
    let (status, _) = tablet
        .patch(
            &cells,
            json!({"edits": [{"path": "fee/none", "value": true}, {"path": "v", "value": 2}]}),
        )
        .await;
    assert_eq!(status, 422);
    assert_eq!(
        tablet.ok(&format!("/api/tasks/{task}/record")).await["cells"],
        json!({})
    );
    for (path, want) in [
        ("/api/tasks/not-an-id/record", 404),
        ("/api/tasks/00000000-0000-0000-0000-000000000000", 404),
        ("/api/none", 404),
    ] {
        assert_eq!(tablet.get(path).await.0, want, "{path}");
    }
    assert_eq!(tablet.patch(&cells, json!({"edits": []})).await.0, 422);
    assert_eq!(tablet.patch(&cells, json!("?")).await.0, 400);
    // Long texts are cut into changes that admission takes.
    let edits: Vec<_> = ["p1", "p2", "p3"]
        .iter()
        .map(|p| json!({"path": format!("point/SP-01/{p}/note"), "value": "长".repeat(1300)}))
        .collect();
    let mut many = Vec::new();
    for _ in 0..8 {
        let (_, body) = tablet
            .post(
                &format!("/api/tasks/{task}/entries"),
                json!({"kind": "statement", "fields": {"text": "述".repeat(2600)}}),
            )
            .await;
        many.push(json!({"path": format!("statement/{}/text", body["entry"].as_str().expect("id")), "value": "说".repeat(2600)}));
    }
    many.extend(edits);
    let (status, body) = tablet.patch(&cells, json!({"edits": many})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(tablet.sync().await, None);
    assert_eq!(tablet.ok("/api/sync").await["records"]["confirmed"], 1);
}

// S1, F8: a task is for its team only; an unlocked session ends with lock
#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_others_is_not_shown_and_locking_ends_the_session() {
    let (server, tablet, task) = shared_tablet().await;
    let foreign = server.dispatch(2, &["li", "wang"]);
    tablet.sync().await;
    assert_eq!(
        tablet.ok("/api/tasks").await["total"],
        1,
        "zhang is not on the second team"
    );
    assert_eq!(
        tablet.get(&format!("/api/tasks/{foreign}/record")).await.0,
        404
    );
    assert_eq!(
        tablet
            .patch(
                &format!("/api/tasks/{foreign}/cells"),
                json!({"edits": [{"path": "fee/none", "value": true}]})
            )
            .await
            .0,
        404
    );
    assert_eq!(tablet.post("/api/lock", json!({})).await.0, 200);
    assert_eq!(
        tablet.get(&format!("/api/tasks/{task}/record")).await.0,
        401
    );
    tablet.unlock(LI.0, LI.1).await;
    assert_eq!(tablet.ok("/api/tasks").await["total"], 2);
}

// F4, F5: nobody signs a record that changes under the pen; who is not waited for is named
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_while_signing_stops_the_signing_and_exclusions_are_named() {
    let (server, first, second, task) = two_tablets().await;
    first.fill(&task).await;
    let base = format!("/api/tasks/{task}/sign-off");
    assert_eq!(first.post(&base, json!({})).await.0, 200);
    second
        .write(&task, "point/SP-01/p3/note", json!("后来补充"))
        .await;
    assert_eq!((second.sync().await, first.sync().await), (None, None));
    let party = json!({"kind": "signed", "name": "王五", "capacity": "店长", "ink": ink()});
    let (status, body) = first.post(&format!("{base}/party"), party).await;
    assert_eq!(
        (status, body["code"].as_str()),
        (409, Some("record_changed")),
        "{body}"
    );
    assert_eq!(first.delete(&base).await.0, 200);
    let (status, body) = first.post(&base, json!({})).await;
    let missing = body["missing"].as_array().into_iter().flatten();
    let blocks: Vec<_> = missing.filter(|m| m["blocks"] == true).collect();
    assert_eq!((status, blocks.len()), (409, 1), "{body}");
    assert_eq!(blocks[0]["code"], "member_not_done");
    let nameless = json!({"excluded": [{"person": "li", "reason": " "}]});
    assert_eq!(first.post(&base, nameless).await.0, 422);
    let excluded = json!({"excluded": [{"person": "li", "reason": "平板没电，内容已当面核对"}]});
    let (status, body) = first.post(&base, excluded).await;
    assert_eq!(
        (status, body["signers"][1]["excluded_reason"].is_string()),
        (200, true),
        "{body}"
    );
    assert_eq!(sign_all(&first, &task).await["stage"], "sealed");
    first.sync().await;
    assert!(server.sealed(&task, 1));
    // What the colleague writes without knowing of the seal is kept, and visibly not covered by it.
    second
        .write(&task, "point/SP-01/p1/note", json!("封存之后"))
        .await;
    assert_eq!((second.sync().await, first.sync().await), (None, None));
    let after = first.ok(&base).await;
    assert_eq!(after["signatures"][0]["state"], "superseded", "{after}");
    assert_eq!(after["signatures"][0]["superseded_by"], 1);
}

// D4: a cancelled task stays cancelled
#[tokio::test]
async fn lesson_25_a_later_roster_opens_no_cancelled_task() {
    let (server, tablet, task) = shared_tablet().await;
    server.withdraw(&task);
    assert_eq!(tablet.sync().await, None);
    server.raise_roster(&task);
    assert_eq!(tablet.sync().await, None);
    let (_, list) = tablet.get("/api/tasks").await;
    assert_eq!(list["rows"][0]["state"], "withdrawn", "{list}");
    let (status, refused) = tablet
        .patch(
            &format!("/api/tasks/{task}/cells"),
            json!({"edits": [{"path": "point/SP-01/p1/answer", "value": "compliant"}]}),
        )
        .await;
    assert_eq!(
        (status, &refused["fields"][0]["message"]),
        (409, &json!("withdrawn")),
        "{refused}"
    );
}

// F7: what a full quarantine has no room for stays here, and everything else goes on
#[tokio::test]
async fn what_the_full_quarantine_does_not_take_is_kept_and_offered_again() {
    let (server, first, second, task) = two_tablets().await;
    let (refused, other) = ("handling/opinion", "point/SP-01/p1/answer");
    first.write(&task, refused, json!("先写的")).await;
    second.write(&task, other, json!("compliant")).await;
    assert_eq!(second.sync().await, None);
    *server.refuse_cell.lock().unwrap() = Some(refused.to_owned());
    server.quarantine_full.store(true, Ordering::SeqCst);
    assert_eq!(first.sync().await, None, "the round trip is not refused");
    let record = first.get(&format!("/api/tasks/{task}/record")).await.1;
    assert_eq!(
        record["cells"][other]["values"][0]["value"], "compliant",
        "the feed goes on"
    );
    let row = first.get("/api/sync").await.1["rows"][0].clone();
    assert!(
        row["error"].as_str().is_some_and(|e| e.contains("隔离区")),
        "{row}"
    );
    assert_eq!(row["error_code"], "quarantine_full");
    assert_eq!(
        (&row["delivery"], &row["changes"]["sent"]),
        (&json!("sent"), &json!(1)),
        "{row}"
    );
    // Its own further work, here and of others, is still written.
    first
        .write(&task, "point/SP-01/p3/answer", json!("compliant"))
        .await;
    server.quarantine_full.store(false, Ordering::SeqCst);
    *server.refuse_cell.lock().unwrap() = None;
    assert_eq!(first.sync().await, None);
    let row = first.get("/api/sync").await.1["rows"][0].clone();
    assert_eq!(
        (&row["delivery"], &row["error"]),
        (&json!("confirmed"), &json!(null)),
        "{row}"
    );
    assert_eq!(server.text(&task, refused), "先写的");
}

// F6: what goes by file stays unconfirmed until the office says so itself, signatures too
#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_the_office_is_no_receipt() {
    let (server, tablet, task) = shared_tablet().await;
    tablet.fill(&task).await;
    sign_all(&tablet, &task).await;
    assert_eq!(tablet.sync().await, None);
    let key = tablet.agent().nearby_identity().expect("open");
    let file = server.file_for(&sync::signing::public(&key));
    // The office's disk is put back from a copy that has nothing of it; the tablet has just heard so.
    server.restore_from_an_empty_backup();
    server.cut_after.store(1, Ordering::SeqCst);
    assert_eq!(tablet.sync().await.as_deref(), Some("offline"));
    let here =
        async || tablet.ok("/api/sync").await["rows"][0]["changes"]["on_this_tablet"].clone();
    let before = here().await;
    assert_eq!(before, 19, "16 cells and three signatures");
    let (status, told) = tablet.import(&file).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(here().await, before);
    server.cut_after.store(-1, Ordering::SeqCst);
    assert_eq!(tablet.sync().await, None);
    assert!(server.sealed(&task, 1));
    assert_eq!(here().await, 0);
}
