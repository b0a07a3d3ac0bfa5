//! Lesson 9: days off grid, and a tablet that is lost. Records go by file from tablet to tablet and to the
//! real office, and back, with nothing lost and nothing twice.

use serde_json::{Value, json};
use tests::small::{SmallOffice, tablet};
use tests::tablet::Tablet;

async fn parties(tablet: &Tablet, kinds: &[&str]) -> anyhow::Result<String> {
    let parties = tablet.get("/api/bundle/parties").await?;
    let rows = parties["rows"].as_array().cloned().unwrap_or_default();
    let of = |r: &&Value| kinds.iter().any(|k| r["kind"] == *k);
    let keys: Vec<&str> = rows
        .iter()
        .filter(of)
        .filter_map(|r| r["key"].as_str())
        .collect();
    Ok(keys.join(","))
}

async fn file(tablet: &Tablet, recipients: &str) -> anyhow::Result<Vec<u8>> {
    let path = format!("/api/bundle/file?recipients={recipients}&photos=originals");
    tablet.bytes(&path).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_09_what_a_lost_tablet_gave_away_by_file_is_at_the_office() -> anyhow::Result<()> {
    let folders = [
        tempfile::tempdir()?,
        tempfile::tempdir()?,
        tempfile::tempdir()?,
    ];
    let small = SmallOffice::open(folders[0].path()).await;
    let task = small.office.task.to_string();
    let link = tests::story::link_to(&small.address).await?;
    let (_running, zhang) = tablet(folders[1].path()).await;
    zhang
        .enrol(
            &link.url(),
            "CODE1",
            &[("zhang", "135790"), ("li", "246801")],
        )
        .await?;
    zhang.unlock("zhang", "135790").await?;
    zhang.sync().await?;

    link.cut();
    // No network from here on: what is recorded leaves the tablet as a file only.
    let answer = ("point/A1/p1/answer".to_owned(), json!("compliant"));
    zhang.write(&task, &[answer]).await?;
    let picture = tests::picture::shelf(1)?;
    zhang
        .photo(&task, "A1/p1", "货架", "a.jpg", picture)
        .await?;
    let bundle = file(&zhang, &parties(&zhang, &["office"]).await?).await?;
    assert!(!bundle.is_empty());

    let officer = small.sign_in("draw_officer").await?;
    let told = officer.put_file("/api/bundles", bundle.clone()).await?;
    assert_eq!(told["whole"], true, "{told}");
    assert!(told["tasks"][0]["new_changes"].as_u64() > Some(0), "{told}");
    assert_eq!(told["tasks"][0]["new_photos"], 3, "{told}");
    assert_eq!(told["tasks"][0]["refused"], json!([]), "{told}");
    // Once more, and cut off: nothing new, nothing broken.
    let again = officer.put_file("/api/bundles", bundle.clone()).await?;
    assert_eq!(again["tasks"][0]["new_changes"], 0, "{again}");
    assert_eq!(again["tasks"][0]["new_photos"], 0, "{again}");
    let cut = officer
        .put_file("/api/bundles", bundle[..bundle.len() - 9].to_vec())
        .await?;
    assert_eq!(
        (&cut["whole"], &cut["remark"]),
        (&json!(false), &json!("cut_off")),
        "{cut}"
    );
    assert_eq!(
        small.office.count("SELECT count(*) FROM quarantine").await,
        0
    );
    assert_eq!(
        small
            .office
            .count("SELECT count(*) FROM blobs WHERE stored_at IS NULL")
            .await,
        0
    );

    // The office's file for the tablet opens on the tablet and nowhere else.
    let device = told["device"].as_str().unwrap_or_default().to_owned();
    let back = officer
        .bytes(&format!("/api/devices/{device}/bundle?photos=originals"))
        .await?;
    let plan = officer
        .get(&format!("/api/devices/{device}/bundle/plan"))
        .await?;
    assert_eq!(plan["tasks"], 1, "{plan}");
    let refused = officer.put_file("/api/bundles", back.clone()).await;
    assert!(
        refused.is_err(),
        "the office cannot open what is not for it"
    );
    let taken = zhang.send_file("/api/bundle/import", back).await?;
    assert_eq!(
        (&taken["source"], &taken["whole"]),
        (&json!("office"), &json!(true)),
        "{taken}"
    );
    assert_eq!(
        taken["tasks"][0]["changes"], 0,
        "everything was there: {taken}"
    );

    // Whoever has not the right takes nothing in.
    let auditor = small.sign_in("auditor").await?;
    assert!(auditor.put_file("/api/bundles", bundle).await.is_err());
    Ok(())
}

/// An office, a tablet that has recorded a photo without network, and its file for the office.
async fn stick(
    folders: &[tempfile::TempDir; 2],
) -> anyhow::Result<(SmallOffice, Vec<u8>, impl Sized)> {
    let small = SmallOffice::open(folders[0].path()).await;
    let task = small.office.task.to_string();
    let link = tests::story::link_to(&small.address).await?;
    let (running, zhang) = tablet(folders[1].path()).await;
    zhang
        .enrol(&link.url(), "CODE3", &[("zhang", "135790")])
        .await?;
    zhang.unlock("zhang", "135790").await?;
    zhang.sync().await?;
    link.cut();
    let answer = ("point/A1/p1/answer".to_owned(), json!("compliant"));
    zhang.write(&task, &[answer]).await?;
    let picture = tests::picture::shelf(1)?;
    zhang
        .photo(&task, "A1/p1", "货架", "a.jpg", picture)
        .await?;
    let bundle = file(&zhang, &parties(&zhang, &["office"]).await?).await?;
    Ok((small, bundle, (running, link)))
}

async fn execute(small: &SmallOffice, sql: &'static str) -> anyhow::Result<u64> {
    let done = small
        .office
        .state
        .db
        .write(move |tx| Ok(tx.execute(sql, &[])?));
    Ok(done.await?.try_into()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_office_cannot_store_now_is_not_called_false() -> anyhow::Result<()> {
    // F6: the officer imports the stick again, and does not hand it back as forged
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let (small, bundle, _running) = stick(&folders).await?;
    let officer = small.sign_in("draw_officer").await?;
    let begun = "INSERT INTO uploads (task, sha256, size, device, received, touched_at)
         SELECT (SELECT min(id) FROM tasks), 'x', 4294967296, id, 4294967296, 0
         FROM devices WHERE name = 'CODE3'";
    assert_eq!(execute(&small, begun).await?, 1);
    let told = officer.put_file("/api/bundles", bundle.clone()).await?;
    let row = &told["tasks"][0];
    assert_eq!(
        (&told["whole"], &told["remark"]),
        (&json!(false), &json!("not_now"))
    );
    assert_eq!(
        (&row["photos_not_now"], &row["photos_left_out"]),
        (&json!(3), &json!(0))
    );
    assert!(
        row["new_changes"].as_u64() > Some(0),
        "what can be stored is: {told}"
    );
    execute(&small, "DELETE FROM uploads").await?;
    let told = officer.put_file("/api/bundles", bundle).await?;
    let row = &told["tasks"][0];
    assert_eq!(
        (&told["whole"], &told["remark"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(
        (&row["photos_not_now"], &row["new_photos"]),
        (&json!(0), &json!(3))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_breaks_off_stands_in_the_journal_with_what_it_brought() -> anyhow::Result<()>
{
    // K2
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let (small, bundle, _running) = stick(&folders).await?;
    let officer = small.sign_in("draw_officer").await?;
    // Where photos are kept there is no folder: nothing of them can be written.
    let uploads = folders[0].path().join("uploads");
    std::fs::remove_dir(&uploads)?;
    std::fs::write(&uploads, "in the way")?;
    let broken = officer.put_file("/api/bundles", bundle.clone()).await;
    assert!(broken.is_err(), "{broken:?}");
    let entry = small.office.state.db.read(|tx| {
        let sql = "SELECT entry FROM journal WHERE act = 'bundle.import'";
        Ok(tx.query_one(sql, &[], |r| r.get::<String>(0))?)
    });
    let entry: Value = serde_json::from_str(&entry.await?)?;
    let detail = &entry["detail"];
    assert_eq!(
        (&detail["whole"], &detail["remark"]),
        (&json!(false), &json!("broken_off"))
    );
    assert!(detail["new_changes"].as_u64() > Some(0), "{entry}");
    let began = "SELECT count(*) FROM journal WHERE act = 'bundle.begin'";
    assert_eq!(small.office.count(began).await, 1);
    // With the folder back the same file brings the rest.
    std::fs::remove_file(&uploads)?;
    std::fs::create_dir(&uploads)?;
    let told = officer.put_file("/api/bundles", bundle).await?;
    assert_eq!(
        (&told["whole"], &told["tasks"][0]["new_photos"]),
        (&json!(true), &json!(3))
    );
    Ok(())
}
