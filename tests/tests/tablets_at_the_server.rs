//! Real tablets at the real server, without the steps of the office before it: enrolment, a record on
//! two tablets with a conflict and photos, the seal.

use serde_json::{Value, json};
use tests::picture;
use tests::small::{SmallOffice, tablet};
use tests::visit::{arrive, conclude, sign, write};
use tests::wire::NOW;

fn count(list: &Value) -> usize {
    list["rows"].as_array().map_or(0, Vec::len)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tablets_close_one_record_at_the_real_server() {
    // F1, F2, F3, F4, F5, F7, S2
    let (data, one, two) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let SmallOffice { office, address } = SmallOffice::open(data.path()).await;
    let task = office.task.to_string();
    let (_first, first) = tablet(one.path()).await;
    let (_second, second) = tablet(two.path()).await;
    first
        .enrol(&address, "code1", &[("zhang", "135790"), ("li", "246801")])
        .await
        .unwrap();
    second
        .enrol(&address, "CODE2", &[("li", "246801")])
        .await
        .unwrap();
    first.unlock("zhang", "135790").await.unwrap();
    second.unlock("li", "246801").await.unwrap();
    for tablet in [&first, &second, &first] {
        tablet.sync().await.unwrap();
    }
    assert_eq!(first.tasks().await.unwrap().len(), 1);

    arrive(&first, &task, "张、李", NOW).await.unwrap();
    for point in 1..=20 {
        write(
            &first,
            &task,
            [(format!("point/A1/p{point}/answer"), json!("compliant"))],
        )
        .await
        .unwrap();
    }
    write(
        &second,
        &task,
        [("point/A1/p3/answer", json!("non_compliant"))],
    )
    .await
    .unwrap();
    second
        .photo(&task, "A1/p3", "货架", "a.jpg", picture::shelf(3).unwrap())
        .await
        .unwrap();
    second
        .post(&format!("/api/tasks/{task}/done"), json!({}))
        .await
        .unwrap();
    conclude(&first, &task, true, NOW + 3_600_000)
        .await
        .unwrap();
    for tablet in [&second, &first, &second, &first] {
        tablet.sync().await.unwrap();
    }
    let conflicts = first
        .get(&format!("/api/tasks/{task}/conflicts"))
        .await
        .unwrap();
    assert_eq!(count(&conflicts), 1, "{conflicts}");
    let settled = json!({"path": "point/A1/p3/answer", "value": "non_compliant"});
    first
        .post(&format!("/api/tasks/{task}/conflicts/settle"), settled)
        .await
        .unwrap();
    let photos = first
        .get(&format!("/api/tasks/{task}/photos"))
        .await
        .unwrap();
    assert_eq!(photos["rows"][0]["has_rendition"], true, "{photos}");

    let signers =
        [("zhang", "135790"), ("li", "246801")].map(|(p, pin)| (p.to_owned(), pin.to_owned()));
    let fingerprint = sign(&first, &task, &signers, json!([])).await.unwrap();
    assert_eq!(fingerprint.len(), 14);
    first.sync().await.unwrap();
    second.sync().await.unwrap();
    assert_eq!(
        office.count("SELECT count(*) FROM record_signatures").await,
        3
    );
    assert_eq!(office.count("SELECT count(*) FROM record_seals").await, 1);
    assert_eq!(office.count("SELECT count(*) FROM quarantine").await, 0);
    assert_eq!(
        office
            .count("SELECT count(*) FROM blobs WHERE stored_at IS NOT NULL")
            .await,
        3
    );
    assert_eq!(second.tasks().await.unwrap()[0]["state"], "sealed");
}
