//! A hostile colleague (S2, F6): whoever holds a true device key of the team hands over to another tablet,
//! over the local network and by file, what the table of attacks has. The tablet's record stays as it was,
//! what is refused lies aside and is shown with what to do, the honest rest comes in, and in the end the
//! tablet and the office have the same.
//!
//! `HOSTILE=n` hands over n times as many mutations.

use field_agent::host::RunningAgent;
use serde_json::{Value, json};
use sync::admit::Offered;
use sync::author::Author;
use sync::bundle::BundleWriter;
use sync::ids::{Key, Sha256, TaskId};
use sync::message::{BlobKind, BlobRef, SyncResponse};
use sync::record::RecordDoc;
use sync::signing;
use tests::attacks::{Dice, PHOTO, attack, cell, copy_of, forged, mutated, photo, signed};
use tests::fellow::{Fellow, said};
use tests::link::Link;
use tests::small::{SmallOffice, tablet};
use tests::tablet::Tablet;
use tests::visit::{answer, arrive, conclude, sign_now};
use tests::wire::{NOW, WireTablet};

const INK: &[u8] = br#"{"height":200,"strokes":[[{"t":0,"x":10,"y":20}]],"width":600}"#;

/// What a tablet says of each attack; `None`: it waits for what nobody has.
const TABLE: [(&str, Option<&str>); 28] = [
    ("another's actor", Some("foreign_actor")),
    ("another's name", Some("bad_signature")),
    ("a colleague on my tablet", Some("not_on_team")),
    ("the server", Some("foreign_actor")),
    ("a forged signature", Some("bad_signature")),
    ("no signature", Some("bad_signature")),
    ("a gap", Some("bad_sequence")),
    ("operations too early", Some("bad_sequence")),
    ("operations too late", Some("bad_sequence")),
    ("operations at the end of numbers", Some("malformed")),
    ("a future dependency", None),
    ("a run-length bomb", Some("too_large")),
    ("cut in half", Some("malformed")),
    ("nothing", Some("malformed")),
    ("a whole document", Some("malformed")),
    ("facts", Some("not_allowed")),
    ("the team", Some("not_allowed")),
    ("the form", Some("not_allowed")),
    ("a new round", Some("not_allowed")),
    ("another's done", Some("not_allowed")),
    ("another picture", Some("not_allowed")),
    ("another rendition, put and put over", Some("not_allowed")),
    ("another picture beside it", Some("not_allowed")),
    ("another size", Some("not_allowed")),
    ("a rendition that is no small picture", Some("bad_cell")),
    ("an unknown cell", Some("bad_cell")),
    ("a delete", Some("bad_cell")),
    ("a map", Some("bad_cell")),
];

/// An office, Zhang's tablet, and Li's device key in hostile hands. The network to the office is cut.
struct Basement {
    small: SmallOffice,
    task: TaskId,
    zhang: Tablet,
    running: RunningAgent,
    link: Link,
    /// Li's device as the wire sees it, with the record as the office has it.
    li: WireTablet,
    /// The same of Zhang's, for what somebody would write in his name.
    as_zhang: WireTablet,
    fellow: Fellow,
    _folders: [tempfile::TempDir; 3],
}

impl Basement {
    async fn open() -> anyhow::Result<Basement> {
        let folders = [
            tempfile::tempdir()?,
            tempfile::tempdir()?,
            tempfile::tempdir()?,
        ];
        let small = SmallOffice::open(folders[0].path()).await;
        let task = small.office.task;
        let link = tests::story::link_to(&small.address).await?;
        let (running, zhang) = tablet(folders[1].path()).await;
        let both = [("zhang", "135790"), ("li", "246801")];
        zhang.enrol(&link.url(), "CODE1", &both).await?;
        zhang.unlock("zhang", "135790").await?;
        // Li enrols honestly; the key is taken off the tablet afterwards.
        let (stolen, app) = tablet(folders[2].path()).await;
        app.enrol(&link.url(), "CODE2", &[("li", "246801")]).await?;
        app.unlock("li", "246801").await?;
        app.sync().await?;
        zhang.sync().await?;
        let secret = |of: &RunningAgent| of.agent().nearby_identity().expect("open");
        let li = WireTablet::with(secret(&stolen), "li");
        stolen.stop().await;
        let mut li = small.office.granted_to(li).await;
        let seen = li.write(task, &photo());
        small.office.push(&mut li, seen).await;
        zhang.sync().await?;
        let mut as_zhang = WireTablet::with(secret(&running), "zhang");
        as_zhang.records = li.records.clone();
        link.cut();
        let fellow = Fellow::open(&li.secret, [7; 16]);
        zhang
            .ask(
                reqwest::Method::PUT,
                "/api/nearby",
                Some(json!({"enabled": true})),
            )
            .await?
            .map_err(|r| anyhow::anyhow!("{}", r.detail))?;
        Ok(Basement {
            small,
            task,
            zhang,
            running,
            link,
            li,
            as_zhang,
            fellow,
            _folders: folders,
        })
    }

    /// Zhang's tablet asks the hostile one; what it says of that.
    async fn meet(&self, response: SyncResponse) -> anyhow::Result<Option<String>> {
        self.fellow.says(response);
        let address = self.fellow.address.to_string();
        self.zhang
            .post("/api/nearby/tablets", json!({ "address": address }))
            .await?;
        self.running.agent().nearby_pass(self.fellow.address).await;
        let told = self.zhang.get("/api/nearby").await?;
        let tablets = told["tablets"].as_array().cloned().unwrap_or_default();
        let one = tablets.iter().find(|t| t["address"] == address.as_str());
        Ok(one.and_then(|t| t["error"].as_str().map(str::to_owned)))
    }

    /// Zhang's tablet takes in a file of the hostile one.
    async fn file(&self, response: &SyncResponse) -> anyhow::Result<Value> {
        let to = [signing::public(&self.as_zhang.secret)];
        let bytes = bundle(&self.li, &to, std::slice::from_ref(response))?;
        self.zhang.send_file("/api/bundle/import", bytes).await
    }

    async fn heads(&self) -> anyhow::Result<Value> {
        let path = format!("/api/tasks/{}/record", self.task);
        Ok(self.zhang.get(&path).await?["heads"].clone())
    }

    async fn cells(&self) -> anyhow::Result<Value> {
        let path = format!("/api/tasks/{}/record", self.task);
        Ok(self.zhang.get(&path).await?["cells"].clone())
    }

    /// What lies aside with this word.
    async fn kept_out(&self, code: &str) -> anyhow::Result<Vec<Value>> {
        let told = self.zhang.get("/api/nearby").await?;
        let rows = told["kept_out"].as_array().cloned().unwrap_or_default();
        Ok(rows.into_iter().filter(|r| r["code"] == code).collect())
    }

    /// One attack together with an honest change of the same tablet, for a cell of its own.
    fn with_honest_rest(&mut self, what: &str, note: &str) -> SyncResponse {
        let (author, offered) = attack(what, &self.li, &mut copy_of(&self.as_zhang), self.task);
        let mut honest = self
            .li
            .write(self.task, &cell("point/A1/p2/note", note))
            .remove(0);
        honest.author = 1;
        said(
            self.task,
            vec![author, self.li.author()],
            vec![offered, honest],
        )
    }

    /// The office is in reach again: both have the same, and the office had nothing to refuse.
    async fn ends_well(&self) -> anyhow::Result<()> {
        self.link.restore();
        self.zhang.sync().await?;
        let office = &self.small.office;
        let task = self.task.to_string();
        let read = office.state.db.read(move |tx| {
            let sql = "SELECT bytes FROM record_changes WHERE task = $1 ORDER BY ord";
            Ok(tx.query(sql, &[&task], |r| r.get::<Vec<u8>>(0))?)
        });
        let log = read.await.expect("the log");
        let doc = RecordDoc::from_log(self.task, log.iter().map(Vec::as_slice))?;
        assert_eq!(json!(doc.heads()), self.heads().await?, "the same record");
        assert_eq!(doc.view().text("facts/object_name"), "示例公司0");
        assert_eq!(doc.view().text("handling/opinion"), "张三的意见");
        Ok(())
    }

    /// What Li's tablet has named and nobody has holds up the signing until somebody says why it is not waited
    /// for (§5); then all sign on Zhang's tablet, and the office has the seal.
    async fn seals_without_waiting_for_li(&self) -> anyhow::Result<()> {
        let (zhang, task) = (&self.zhang, self.task.to_string());
        arrive(zhang, &task, "张、李", NOW).await?;
        answer(zhang, &task, |_| true, |_| false).await?;
        // Two notes of Li and Zhang's opinion may stand beside others: one value stays.
        conclude(zhang, &task, false, NOW + 3_600_000).await?;
        // The picture that Li's tablet named and nobody has ever seen is set aside by a person.
        let aside = (format!("photo/{PHOTO}/withdrawn"), json!(true));
        zhang.write(&task, &[aside]).await?;
        let path = format!("/api/tasks/{task}/sign-off");
        let told = zhang.get(&path).await?;
        let rows = told["missing"]["rows"].as_array().cloned();
        let blocks: Vec<Value> = rows
            .into_iter()
            .flatten()
            .filter(|r| r["blocks"] == true)
            .collect();
        assert!(
            blocks
                .iter()
                .any(|r| r["code"] == "dependency_missing" && r["place"]["person"] == "li"),
            "{blocks:?}"
        );
        let waits = |r: &Value| r["place"]["person"] == "li";
        assert!(
            blocks.iter().all(waits),
            "nothing else is missing: {blocks:?}"
        );
        let begun = zhang
            .ask(reqwest::Method::POST, &path, Some(json!({"excluded": []})))
            .await?;
        assert_eq!(begun.err().map(|r| r.code).as_deref(), Some("not_complete"));
        let reason = "其平板交来的内容无法核对";
        let excluded = json!([{"person": "li", "reason": reason}]);
        let signers = [("zhang", "135790"), ("li", "246801")];
        let signers = signers.map(|(p, pin)| (p.to_owned(), pin.to_owned()));
        sign_now(zhang, &task, &signers, excluded).await?;
        let told = zhang.get(&path).await?;
        assert_eq!(told["signers"][1]["excluded_reason"], reason, "{told}");
        zhang.sync().await?;
        let sealed = "SELECT count(*) FROM tasks WHERE state = 'sealed'";
        assert_eq!(self.small.office.count(sealed).await, 1);
        Ok(())
    }

    async fn quarantined(&self) -> i64 {
        let sql = "SELECT count(*) FROM quarantine";
        self.small.office.count(sql).await
    }
}

fn bundle(from: &WireTablet, to: &[Key], parts: &[SyncResponse]) -> anyhow::Result<Vec<u8>> {
    let mut dice = Dice(to.len() as u64 + 99);
    let mut random = |out: &mut [u8]| out.fill_with(|| dice.below(256) as u8);
    let mut writer = BundleWriter::new(Vec::new(), &from.secret, to, NOW, &mut random)?;
    for part in parts {
        writer.message(part)?;
    }
    Ok(writer.finish()?)
}

const OWN: &str = "handling/opinion";

#[tokio::test(flavor = "multi_thread")]
async fn hostile_changes_over_the_local_network_harm_nobody() -> anyhow::Result<()> {
    let mut basement = Basement::open().await?;
    let task = basement.task.to_string();
    let own = (OWN.to_owned(), json!("张三的意见"));
    basement.zhang.write(&task, &[own]).await?;
    for (n, (what, code)) in TABLE.into_iter().enumerate() {
        let note = format!("第 {n} 次");
        let response = basement.with_honest_rest(what, &note);
        assert_eq!(basement.meet(response).await?, None, "{what}");
        check(&basement, what, code, &note).await?;
    }
    basement.ends_well().await?;
    assert_eq!(
        basement.quarantined().await,
        0,
        "nothing of it was passed on"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_changes_in_a_file_harm_nobody() -> anyhow::Result<()> {
    let mut basement = Basement::open().await?;
    let task = basement.task.to_string();
    let own = (OWN.to_owned(), json!("张三的意见"));
    basement.zhang.write(&task, &[own]).await?;
    for (n, (what, code)) in TABLE.into_iter().enumerate() {
        let note = format!("第 {n} 次");
        let response = basement.with_honest_rest(what, &note);
        let told = basement.file(&response).await?;
        let row = &told["tasks"][0];
        assert_eq!((&told["whole"], &row["changes"]), (&json!(true), &json!(1)));
        let refused = row["refused"].as_array().cloned().unwrap_or_default();
        match code {
            Some(code) => {
                let line = refused.iter().find(|r| r["code"] == code);
                let text = line.and_then(|l| l["text"].as_str()).unwrap_or_default();
                assert!(!text.is_empty(), "{what}: {told}");
            }
            None => assert!(row["waiting"].as_u64() > Some(0), "{what}: {told}"),
        }
        check(&basement, what, code, &note).await?;
    }
    basement.ends_well().await?;
    assert_eq!(
        basement.quarantined().await,
        0,
        "nothing of it was passed on"
    );
    Ok(())
}

/// The record is as it was but for the honest rest; what was refused is shown with what to do.
async fn check(
    basement: &Basement,
    what: &str,
    code: Option<&str>,
    note: &str,
) -> anyhow::Result<()> {
    let cells = basement.cells().await?;
    let honest = &cells["point/A1/p2/note"]["values"];
    assert_eq!(honest[0]["value"], note, "{what}: {honest}");
    assert_eq!(honest.as_array().map(Vec::len), Some(1), "{what}");
    assert_eq!(cells[OWN]["values"][0]["value"], "张三的意见", "{what}");
    assert_eq!(cells["point/A1/p1/answer"], Value::Null, "{what}");
    assert_eq!(cells["done/1/zhang"], Value::Null, "{what}");
    if let Some(code) = code {
        let rows = basement.kept_out(code).await?;
        let told = basement.zhang.get("/api/nearby").await?;
        let row = rows
            .first()
            .unwrap_or_else(|| panic!("{what}: not shown: {told}"));
        assert!(
            row["text"]
                .as_str()
                .is_some_and(|t| t.contains('；') || t.contains('，'))
        );
        assert_eq!(
            row["number"].as_str().map(str::is_empty),
            Some(false),
            "{row}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_tells_each_something_else_takes_nobody_with_him() -> anyhow::Result<()> {
    // Two changes with one number: one for the office, one for Zhang, who works on in good faith.
    let mut basement = Basement::open().await?;
    let task = basement.task;
    let mut other = copy_of(&basement.li);
    let for_zhang = basement.li.write(task, &cell("point/A1/p2/note", "给张三"));
    let for_office = other.write(task, &cell("point/A1/p2/note", "给单位"));
    let answer = said(task, vec![basement.li.author()], for_zhang.clone());
    assert_eq!(basement.meet(answer).await?, None);
    let own = (OWN.to_owned(), json!("张三的意见"));
    basement.zhang.write(&task.to_string(), &[own]).await?;
    let pushed = basement.small.office.push(&mut other, for_office).await;
    assert_eq!(pushed.verdicts[0].stored, 1);

    basement.ends_well().await?;
    let cells = basement.cells().await?;
    let note = &cells["point/A1/p2/note"]["values"];
    assert_eq!(note[0]["value"], "给单位", "{note}");
    let rows = basement.kept_out("office:fork").await?;
    assert_eq!(rows.len(), 1, "told: {rows:?}");
    // He says it again: nobody believes it any more.
    let heads = basement.heads().await?;
    let answer = said(task, vec![basement.li.author()], for_zhang);
    assert_eq!(basement.meet(answer).await?, None);
    assert_eq!(basement.heads().await?, heads);
    basement.ends_well().await
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_changes_mutated_by_the_ten_thousand_harm_no_tablet() -> anyhow::Result<()> {
    let times = std::env::var("HOSTILE").ok().and_then(|n| n.parse().ok());
    let mut basement = Basement::open().await?;
    let task = basement.task;
    let own = (OWN.to_owned(), json!("张三的意见"));
    basement.zhang.write(&task.to_string(), &[own]).await?;
    let mut dice = Dice(20_261_125);
    let before = peak_kib();
    for round in 0..20 * times.unwrap_or(1_u32) {
        // Under an epoch of their own: one of them that is right takes no number from what is honest.
        let author = Author {
            epoch: round + 2,
            ..basement.li.author()
        };
        let cells = [
            cell("party/opinion", &format!("第{round}次")),
            cell("point/A1/p1/note", &"一处很长的说明。".repeat(20)),
            (3..=15)
                .map(|n| (format!("point/A1/p{n}/note"), format!("{round}-{n}").into()))
                .collect(),
        ];
        let mut tablet = copy_of(&basement.li);
        let record = tablet.records.get_mut(&task).expect("granted");
        let honest = cells.map(|c| record.edit(&author, NOW, &c).expect("edits"));
        let honest = honest.map(|c| c.expect("a new value").bytes);
        let mut changes: Vec<Offered> = Vec::new();
        for _ in 0..500 {
            let one = dice.below(honest.len());
            changes.push(signed(&tablet, mutated(&honest[one], &mut dice)));
        }
        let note = format!("第 {round} 次");
        let last = basement.li.write(task, &cell("point/A1/p2/note", &note));
        let mut rest = last.clone();
        rest[0].author = 1;
        changes.extend(rest);
        let answer = said(task, vec![author, basement.li.author()], changes);
        // Too much of it is said so; what is honest comes with the next answer at the latest.
        if basement.meet(answer).await?.is_some() {
            let answer = said(task, vec![basement.li.author()], last);
            assert_eq!(basement.meet(answer).await?, None, "round {round}");
        }
        let cells = basement.cells().await?;
        let stands = &cells["point/A1/p2/note"]["values"];
        let mut stands = stands.as_array().into_iter().flatten();
        assert!(stands.any(|v| v["value"] == note.as_str()), "round {round}");
        assert_eq!(cells[OWN]["values"][0]["value"], "张三的意见");
    }
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < 256 * 1024, "{grown} KiB");
    basement.ends_well().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_ever_fills_no_tablet_and_is_not_lost_when_it_was_honest()
-> anyhow::Result<()> {
    let mut basement = Basement::open().await?;
    let task = basement.task;
    let own = (OWN.to_owned(), json!("张三的意见"));
    basement.zhang.write(&task.to_string(), &[own]).await?;
    let honest = copy_of(&basement.li).write(task, &cell("point/A1/p1/note", "x"));
    for round in 0..3_u32 {
        let future = |n: u32| {
            let mut dep = [9; 32];
            dep[..4].copy_from_slice(&(round * 1_000 + n).to_be_bytes());
            signed(
                &basement.li,
                forged(&honest[0].bytes, |deps, _, _| deps.push(dep)),
            )
        };
        let changes = (0..400).map(future).collect();
        let told = basement
            .meet(said(task, vec![basement.li.author()], changes))
            .await?;
        // 500 are kept; beyond, the place in its log stays, so that nothing honest is passed over.
        let full = told.as_ref().is_some_and(|t| t.contains("大量不合格"));
        assert_eq!(full, round > 0, "round {round}: {told:?}");
    }
    assert_eq!(basement.fellow.read_to(), Some(1));
    // Li's honest work and the office go on.
    let run = basement.li.write(task, &cell("point/A1/p3/note", "好"));
    basement
        .meet(said(task, vec![basement.li.author()], run))
        .await?;
    let cells = basement.cells().await?;
    assert_eq!(cells["point/A1/p3/note"]["values"][0]["value"], "好");
    basement.ends_well().await?;
    basement.seals_without_waiting_for_li().await
}

#[tokio::test(flavor = "multi_thread")]
async fn photos_that_are_not_what_they_are_called_are_kept_by_nobody() -> anyhow::Result<()> {
    let mut basement = Basement::open().await?;
    let task = basement.task;
    let own = (OWN.to_owned(), json!("张三的意见"));
    basement.zhang.write(&task.to_string(), &[own]).await?;
    let picture = b"the true picture".to_vec();
    let id = "0123456789abcdef";
    let size = |n: i64| sync::cells::Value::from(n);
    let hash = Sha256::of(&picture).to_string();
    let path = |field: &str| format!("photo/{id}/{field}");
    let cells = [
        (path("rendition_sha256"), hash.as_str().into()),
        (path("rendition_size"), size(picture.len() as i64)),
        (path("thumbnail_sha256"), "11".repeat(32).as_str().into()),
        (path("thumbnail_size"), size(256 << 10)),
    ];
    let mut answer = said(
        task,
        vec![basement.li.author()],
        basement.li.write(task, &cells),
    );
    let of = |sha256: Sha256, size: u64, kind| BlobRef {
        task,
        sha256,
        size,
        kind,
    };
    let offered = vec![
        of(
            Sha256::of(&picture),
            picture.len() as u64,
            BlobKind::Rendition,
        ),
        // As long as a thumbnail may be called, of no record, and of another task.
        of(Sha256([0x11; 32]), 256 << 10, BlobKind::Thumbnail),
        of(Sha256([0x22; 32]), 5, BlobKind::Rendition),
        BlobRef {
            task: TaskId([9; 16]),
            ..of(Sha256::of(&picture), 16, BlobKind::Rendition)
        },
    ];
    answer.offered = offered.clone();
    for wrong in [
        b"the false pictur".to_vec(),
        b"short".to_vec(),
        vec![0; 1 << 20],
        vec![],
    ] {
        basement.fellow.shows(wrong.clone());
        basement.meet(answer.clone()).await?;
        // The same bytes in a file.
        let to = [signing::public(&basement.as_zhang.secret)];
        let mut random = |out: &mut [u8]| out.fill(7);
        let mut writer = BundleWriter::new(Vec::new(), &basement.li.secret, &to, NOW, &mut random)?;
        for blob in &offered {
            writer.blob(blob)?;
            // More than was announced no writer writes; that a reader stops there, `sync` tests.
            let fits = usize::try_from(blob.size)?.min(wrong.len());
            writer.bytes(&wrong[..fits])?;
        }
        let file = writer.finish()?;
        let told = basement.zhang.send_file("/api/bundle/import", file).await?;
        assert_eq!((&told["whole"], &told["tasks"]), (&json!(true), &json!([])));
        let photos = basement
            .zhang
            .get(&format!("/api/tasks/{task}/photos"))
            .await?;
        assert_eq!(photos["rows"][0]["has_rendition"], false, "{photos}");
        assert_eq!(photos["rows"][0]["has_thumbnail"], false, "{photos}");
    }
    basement.fellow.shows(picture.clone());
    basement.meet(answer).await?;
    let shown = format!("/api/tasks/{task}/photos/{id}/rendition");
    assert_eq!(basement.zhang.bytes(&shown).await?, picture);
    Ok(())
}

// F6: a file is read alike wherever it comes: what a picture is the record says, and one that ends early costs
// nothing but itself
#[tokio::test(flavor = "multi_thread")]
async fn office_and_tablet_take_the_same_from_a_file() -> anyhow::Result<()> {
    let mut basement = Basement::open().await?;
    let task = basement.task;
    let pictures = [b"a picture".to_vec(), b"another picture".to_vec()];
    let (mut cells, mut blobs) = (Vec::new(), Vec::new());
    for (picture, id) in pictures
        .iter()
        .zip(["00000000000000a1", "00000000000000a2"])
    {
        let sha256 = Sha256::of(picture);
        let size = picture.len() as u64;
        let name = sha256.to_string();
        cells.push((format!("photo/{id}/sha256"), name.as_str().into()));
        cells.push((format!("photo/{id}/size"), (size as i64).into()));
        blobs.push(BlobRef {
            task,
            sha256,
            size,
            // The record calls both originals.
            kind: BlobKind::Thumbnail,
        });
    }
    let named = basement.li.write(task, &cells);
    let note = basement.li.write(task, &cell("point/A1/p2/note", "一"));
    let who = vec![basement.li.author()];
    let to = [
        signing::public(basement.small.office.state.keys.signing()),
        signing::public(&basement.as_zhang.secret),
    ];
    let mut random = |out: &mut [u8]| out.fill(7);
    let mut writer = BundleWriter::new(Vec::new(), &basement.li.secret, &to, NOW, &mut random)?;
    writer.message(&said(task, who.clone(), named))?;
    writer.blob(&blobs[0])?;
    writer.bytes(&pictures[0])?;
    writer.blob(&blobs[1])?;
    writer.bytes(&pictures[1][..4])?;
    writer.message(&said(task, who, note))?;
    let file = writer.finish()?;

    let officer = basement.small.sign_in("draw_officer").await?;
    let office = officer.put_file("/api/bundles", file.clone()).await?;
    let tablet = &basement.zhang;
    let tablet = tablet.send_file("/api/bundle/import", file).await?;
    for (told, changes, photos) in [
        (&office, "new_changes", "new_photos"),
        (&tablet, "changes", "photos"),
    ] {
        let row = &told["tasks"][0];
        assert_eq!(told["whole"], true, "{told}");
        // Each cell of a photo is a change, and the note behind the picture that ends early.
        assert_eq!(
            (&row[changes], &row[photos]),
            (&json!(5), &json!(1)),
            "{told}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_speaks_of_anothers_log_and_a_false_row_keeps_no_signature_out() -> anyhow::Result<()>
{
    let mut basement = Basement::open().await?;
    let task = basement.task;
    let run = basement.li.write(task, &cell("point/A1/p2/note", "一"));
    let mut answer = said(task, vec![basement.li.author()], run);
    answer.cursor = sync::message::Cursor {
        incarnation: [8; 16],
        seq: u64::MAX,
    };
    let told = basement.meet(answer.clone()).await?;
    assert!(told.is_some_and(|t| t.contains("无法读取")));
    // Of its own log it may say that it is at the end: it harms itself only.
    let other = Fellow::open(&basement.li.secret, [8; 16]);
    other.says(said(task, vec![], vec![]));
    basement.running.agent().nearby_pass(other.address).await;
    answer.cursor = sync::message::Cursor {
        incarnation: basement.fellow.log(),
        seq: 5,
    };
    assert_eq!(basement.meet(answer).await?, None);
    let cells = basement.cells().await?;
    assert_eq!(cells["point/A1/p2/note"]["values"][0]["value"], "一");

    // Nor of another tablet's log, though it names its own as that one does.
    let folder = tempfile::tempdir()?;
    basement.link.restore();
    let (second, app) = tablet(folder.path()).await;
    app.enrol(&basement.link.url(), "CODE3", &[("zhang", "135790")])
        .await?;
    app.unlock("zhang", "135790").await?;
    app.sync().await?;
    basement.zhang.sync().await?;
    basement.link.cut();
    let secret = second.agent().nearby_identity().expect("open");
    second.stop().await;
    let liar = Fellow::open(&basement.li.secret, [9; 16]);
    let mut answer = said(task, vec![], vec![]);
    answer.cursor = sync::message::Cursor {
        incarnation: [9; 16],
        seq: 1_000,
    };
    liar.says(answer);
    basement.running.agent().nearby_pass(liar.address).await;
    let honest = Fellow::open(&secret, [9; 16]);
    honest.says(said(task, vec![], vec![]));
    for _ in 0..2 {
        basement.running.agent().nearby_pass(honest.address).await;
    }
    assert_eq!(honest.read_to(), Some(1), "from the beginning");

    // A party's statement under a false signature, in a row that has the true one's name.
    let statement = sync::signoff::PartyStatement {
        v: 1,
        task,
        subject_sha256: Sha256::of(b"a subject"),
        name: "店长".into(),
        capacity: "现场负责人".into(),
        act: sync::signoff::PartyAct::Signed {
            ink_sha256: Sha256::of(INK),
        },
        device: sync::ids::DeviceId::of(&signing::public(&basement.li.secret)),
        claimed_time: NOW,
        nonce: "00".repeat(16),
    };
    let honest = sync::signoff::Signed::party(&statement, &basement.li.secret, Some(INK.to_vec()));
    let mut forged = honest.clone();
    forged.ink = Some(b"other ink".to_vec());
    for (row, kept) in [(forged, 0_u64), (honest, 1)] {
        let mut response = said(task, vec![], vec![]);
        response.signatures = vec![row];
        let told = basement.file(&response).await?;
        assert_eq!(told["tasks"][0]["statements"], kept, "{told}");
        let bad = told["tasks"][0]["refused"][0]["code"] == "bad_statement";
        assert_eq!(bad, kept == 0, "{told}");
    }
    Ok(())
}

/// Greatest resident memory of this process, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let number = line.and_then(|l| l.split_whitespace().nth(1));
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}
