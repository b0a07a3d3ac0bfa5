//! Teams that change, as the wire sees it: what a relieved inspector's tablet still brings and hears,
//! and what a new member's tablet is told.

use ed25519_dalek::SigningKey as Secret;
use serde_json::json;
use server::task::team;
use sync::admit::Code;
use sync::cells::Value;
use sync::facts::{Member, Role, Roster};
use sync::ids::DeviceId;
use sync::message::{DocChanges, OfficeState, SyncResponse};
use sync::signing;
use tests::small::{SmallOffice, tablet};
use tests::visit::write;
use tests::wire::{WireOffice, WireTablet};

const ANSWER: &str = "point/A1/p1/answer";

fn cell(path: &str, value: &str) -> (String, Value) {
    (path.to_owned(), value.into())
}

/// Wang, with device 3, takes the seat of Zhang; with it the lead.
async fn relieve_zhang(office: &WireOffice) {
    let (own, task) = (office.state.clone(), office.task.to_string());
    let done = office.state.db.write(move |tx| {
        let key = signing::public(&Secret::from_bytes(&[3; 32]));
        let id = DeviceId::of(&key).to_string();
        tx.execute(
            "INSERT INTO devices (id, key, name, department, version, enrolled_at, unsynced, feed_seq)
             VALUES ($1, $2, 'wang', 'SCJG', '0', 0, 0, 0)",
            &[&id, &key.to_string()],
        )?;
        let signing_key = signing::public(&Secret::from_bytes(&[103; 32])).to_string();
        tx.execute(
            "INSERT INTO device_inspectors (device, person, key, enrolled_at) VALUES ($1, 'wang', $2, 0)",
            &[&id, &signing_key],
        )?;
        let member = |person: &str, role| Member {
            person: person.into(),
            name: person.into(),
            unit: "示例所".into(),
            certificate: "1".into(),
            role,
            keys: vec![],
        };
        let team = [member("wang", Role::Leader), member("li", Role::Member)];
        team::set_team(tx, &own, &task, &team)
    });
    done.await.expect("the team changed");
}

fn roster(response: &SyncResponse) -> Roster {
    let grant = response.grants.last().expect("a grant");
    serde_json::from_slice(&grant.roster).expect("a roster")
}

#[tokio::test]
async fn a_relieved_tablet_brings_what_it_has_and_hears_nothing_later() {
    // D4, X5
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let mut li = office.granted(2, "li").await;
    let before = li.write(office.task, &[cell(ANSWER, "compliant")]);
    office.push(&mut li, before).await;
    let unsent = zhang.write(
        office.task,
        &[
            cell("point/A1/p2/answer", "compliant"),
            cell("point/A1/p2/note", "替换前"),
        ],
    );
    relieve_zhang(&office).await;
    let after = li.write(office.task, &[cell("point/A1/p3/answer", "compliant")]);
    office.push(&mut li, after).await;

    // One round trip: the work is taken in, and the tablet hears why it ends.
    let answer = office.push(&mut zhang, unsent).await;
    assert_eq!(answer.verdicts[0].stored, 2, "{:?}", answer.verdicts);
    let view = zhang.record().view();
    assert_eq!(view.text("team/zhang/status"), "relieved");
    assert_eq!(view.text("team/wang/role"), "leader");
    assert_eq!(view.text(ANSWER), "compliant", "what the relief stands on");
    assert_eq!(view.text("point/A1/p3/answer"), "", "nothing later");
    let roster = roster(&answer);
    assert_eq!(roster.former[0].member.person, "zhang");
    assert!(roster.members.iter().all(|m| m.person != "zhang"));

    // Whoever writes on nevertheless is refused, and it is put aside, not lost.
    let late = zhang.write(office.task, &[cell("point/A1/p4/answer", "compliant")]);
    let answer = office.push(&mut zhang, late).await;
    assert_eq!(answer.verdicts[0].held[0].code, Some(Code::Relieved));
    assert_eq!(
        office
            .count("SELECT count(*) FROM quarantine WHERE code = 'relieved'")
            .await,
        1
    );
    // Colleagues go on; the tablet of the relieved is not told.
    let more = li.write(office.task, &[cell("point/A1/p5/answer", "compliant")]);
    office.push(&mut li, more).await;
    let idle = zhang.request();
    let answer = office.sync(&mut zhang, &idle).await;
    assert!(
        answer.docs.is_empty() && answer.grants.is_empty(),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_new_member_is_told_everything_and_admits_the_work_of_the_relieved() {
    // D4, X5
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let work = zhang.write(office.task, &[cell(ANSWER, "non_compliant")]);
    office.push(&mut zhang, work).await;
    relieve_zhang(&office).await;
    let mut wang = WireTablet::new(3, "wang");
    let request = wang.request();
    let answer = office.sync(&mut wang, &request).await;
    let roster = roster(&answer);
    let former = &roster.former[0];
    assert_eq!(former.member.person, "zhang");
    assert_eq!(former.until, tests::wire::NOW);
    let known = roster.everyone();
    for author in answer.authors.iter().filter(|a| !a.is_server()) {
        let member = known.iter().find(|m| m.person == author.person).unwrap();
        assert!(member.keys.iter().any(|k| k.device_key == author.device));
    }
    let view = wang.record().view();
    assert_eq!(view.text(ANSWER), "non_compliant");
    let facts: serde_json::Value = serde_json::from_slice(&answer.grants[0].facts).unwrap();
    let notice = facts["notice"].as_str().unwrap();
    assert!(
        notice.contains("wang") && !notice.contains("zhang"),
        "{notice}"
    );
    let own = wang.write(office.task, &[cell("point/A1/p2/answer", "compliant")]);
    assert_eq!(office.push(&mut wang, own).await.verdicts[0].stored, 1);
}

#[tokio::test]
async fn a_photo_of_the_relieved_is_brought_and_not_read() {
    // D4, S3
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let photo = b"not a picture, and nobody looks".to_vec();
    let sha256 = sync::ids::Sha256::of(&photo);
    let path = |word: &str| format!("photo/0123456789abcdef/{word}");
    let named = zhang.write(
        office.task,
        &[
            (path("sha256"), sha256.to_string().into()),
            (path("size"), (photo.len() as i64).into()),
        ],
    );
    relieve_zhang(&office).await;
    office.push(&mut zhang, named).await;
    let at = format!("/blobs/{}/{sha256}", office.task);
    let length = photo.len().to_string();
    let headers = [("upload-offset", "0"), ("upload-length", length.as_str())];
    let sent = office
        .send(&zhang.secret, "PATCH", &at, &headers, photo)
        .await;
    assert!(sent.status().is_success(), "{}", sent.status());
    let read = office.send(&zhang.secret, "GET", &at, &[], vec![]).await;
    assert_eq!(read.status(), 404);
    let li = Secret::from_bytes(&[2; 32]);
    let read = office.send(&li, "GET", &at, &[], vec![]).await;
    assert!(read.status().is_success());
}

#[tokio::test]
async fn lesson_25_what_was_withdrawn_is_answered_and_does_not_come_back() {
    // D4
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let work = zhang.write(office.task, &[cell(ANSWER, "compliant")]);
    let task = office.task;
    let cancelled = office
        .state
        .db
        .write(move |tx| Ok(team::cancel(tx, &task, tests::wire::NOW)?));
    cancelled.await.unwrap();
    let mut request = zhang.request();
    request.docs = vec![DocChanges {
        task,
        changes: work,
    }];
    // Sent again and again, by a tablet that has not heard of it and by one whose cursor was lost.
    for forgets in [false, false, true] {
        if forgets {
            request.cursor = None;
        }
        let (answer, ..) = office.round_trip(&mut zhang, &request).await;
        assert_eq!(answer.verdicts[0].stored, 1);
        assert!(
            answer
                .states
                .iter()
                .any(|s| s.state == OfficeState::Withdrawn),
            "the answer says so: {:?}",
            answer.states
        );
    }
    for (what, sql) in [
        (
            "the task",
            "SELECT count(*) FROM tasks WHERE state = 'withdrawn'",
        ),
        ("in all", "SELECT count(*) FROM tasks"),
        (
            "its work",
            "SELECT count(*) FROM record_changes WHERE via_device <> ''",
        ),
    ] {
        assert_eq!(office.count(sql).await, 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_25_a_cancelled_task_stays_so_when_a_tablet_of_its_team_is_revoked() {
    // D4, X6
    let (data, one) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let SmallOffice { office, address } = SmallOffice::open(data.path()).await;
    let (id, task) = (office.task, office.task.to_string());
    let (_running, zhang) = tablet(one.path()).await;
    zhang
        .enrol(&address, "CODE3", &[("zhang", "135790")])
        .await
        .unwrap();
    zhang.unlock("zhang", "135790").await.unwrap();
    zhang.sync().await.unwrap();
    write(&zhang, &task, [("point/A1/p1/answer", json!("compliant"))])
        .await
        .unwrap();
    zhang.sync().await.unwrap();
    let cancel = move |tx: &mut server::db::Tx<'_>| Ok(team::cancel(tx, &id, tests::wire::NOW)?);
    office.state.db.write(cancel).await.unwrap();
    zhang.sync().await.unwrap();
    assert_eq!(zhang.tasks().await.unwrap()[0]["state"], "withdrawn");

    // Li's tablet is lost: the team gets a later roster, which opens nothing.
    let lost = DeviceId::of(&signing::public(&Secret::from_bytes(&[2; 32]))).to_string();
    let revoke = move |tx: &mut server::db::Tx<'_>| {
        server::device::store::revoke(tx, &lost, "丢失", tests::wire::NOW)?;
        server::task::take_from_device(tx, &lost)
    };
    office.state.db.write(revoke).await.unwrap();
    let mut wire = WireTablet::new(1, "zhang");
    let request = wire.request();
    let told = office.sync(&mut wire, &request).await;
    assert_eq!(told.grants.len(), 1, "{:?}", told.grants);
    zhang.sync().await.unwrap();
    let card = zhang.tasks().await.unwrap().remove(0);
    assert_eq!(card["state"], "withdrawn", "{card}");
    let refused = write(&zhang, &task, [("point/A1/p2/answer", json!("compliant"))]).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("任务已取消"), "{refused}");
    // What it wrote before is kept, here and there.
    let path = format!("/api/tasks/{task}/record");
    let record = zhang.get(&path).await.unwrap();
    assert!(
        record["cells"].to_string().contains("point/A1/p1/answer"),
        "{record}"
    );
}

#[tokio::test]
async fn lesson_25_with_each_roster_the_office_says_where_the_task_stands() {
    // D4, X6: also to a tablet that would take a grant alone for an open task
    let data = tempfile::tempdir().unwrap();
    let office = WireOffice::open(data.path(), 1).await;
    let mut zhang = office.granted(1, "zhang").await;
    let task = office.task;
    let cancel = move |tx: &mut server::db::Tx<'_>| Ok(team::cancel(tx, &task, tests::wire::NOW)?);
    office.state.db.write(cancel).await.unwrap();
    let request = zhang.request();
    office.sync(&mut zhang, &request).await;
    let lost = DeviceId::of(&signing::public(&Secret::from_bytes(&[2; 32]))).to_string();
    let revoke = move |tx: &mut server::db::Tx<'_>| {
        server::device::store::revoke(tx, &lost, "丢失", tests::wire::NOW)?;
        server::task::take_from_device(tx, &lost)
    };
    office.state.db.write(revoke).await.unwrap();
    let request = zhang.request();
    let told = office.sync(&mut zhang, &request).await;
    assert_eq!(told.grants.len(), 1);
    assert_eq!(told.states.len(), 1, "{:?}", told.states);
    assert_eq!(told.states[0].state, OfficeState::Withdrawn);
}
