//! Ten days off grid (lesson 9). Three tablets of one inspection, no office in reach for ten days: what
//! they record goes by the local network and by file, one of them is lost with the ship's boat, the record
//! is sealed in the basement, and the office hears of all of it by files alone, both ways. Real agents, the
//! real office, one clock for all that the story moves.

use std::sync::Arc;

use field_agent::host::RunningAgent;
use serde_json::{Value, json};
use tests::link::Link;
use tests::office::Office;
use tests::small::{Calendar, SmallOffice, tablet_by};
use tests::tablet::Tablet;
use tests::visit::{arrive, conclude, sign, write};

const DAY: i64 = 86_400_000;
const BOTH: [(&str, &str); 2] = [("zhang", "135790"), ("li", "246801")];

struct Held {
    running: RunningAgent,
    app: Tablet,
    link: Link,
    who: (&'static str, &'static str),
    folder: tempfile::TempDir,
}

impl Held {
    async fn enrolled(
        small: &SmallOffice,
        calendar: &Calendar,
        code: &str,
        people: &[(&'static str, &'static str)],
    ) -> anyhow::Result<Held> {
        let folder = tempfile::tempdir()?;
        let link = tests::story::link_to(&small.address).await?;
        let (running, app) = tablet_by(folder.path(), Arc::new(calendar.clone())).await;
        app.enrol(&link.url(), code, people).await?;
        app.unlock(people[0].0, people[0].1).await?;
        app.sync().await?;
        Ok(Held {
            running,
            app,
            link,
            who: people[0],
            folder,
        })
    }

    /// A new day: it was locked over night.
    async fn morning(&self) -> anyhow::Result<()> {
        self.app.unlock(self.who.0, self.who.1).await.map(drop)
    }

    /// Where colleagues' tablets reach it.
    async fn open_nearby(&self) -> anyhow::Result<String> {
        let on = Some(json!({ "enabled": true }));
        let put = self.app.ask(reqwest::Method::PUT, "/api/nearby", on);
        put.await?.map_err(|r| anyhow::anyhow!("{}", r.detail))?;
        for _ in 0..6_000 {
            let told = self.app.get("/api/nearby").await?;
            if let Some(link) = told["link"].as_str() {
                return Ok(link.to_owned());
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        anyhow::bail!("the tablet does not listen")
    }

    /// Scans the code on a colleague's screen and reads that tablet's log.
    async fn meet(&self, link: &str) -> anyhow::Result<()> {
        self.app
            .post("/api/nearby/tablets", json!({ "address": link }))
            .await?;
        let at = link.rsplit("at=").next().unwrap_or_default().parse()?;
        self.running.agent().nearby_pass(at).await;
        Ok(())
    }

    async fn record(&self, task: &str) -> anyhow::Result<Value> {
        self.app.get(&format!("/api/tasks/{task}/record")).await
    }

    /// A file for tablets or the office, with everything.
    async fn file_for(&self, kind: &str) -> anyhow::Result<Vec<u8>> {
        let parties = self.app.get("/api/bundle/parties").await?;
        let rows = parties["rows"].as_array().cloned().unwrap_or_default();
        let keys: Vec<&str> = rows
            .iter()
            .filter(|r| r["kind"] == kind)
            .filter_map(|r| r["key"].as_str())
            .collect();
        let keys = keys.join(",");
        self.app
            .bytes(&format!(
                "/api/bundle/file?recipients={keys}&photos=originals"
            ))
            .await
    }

    async fn device(&self) -> anyhow::Result<String> {
        let told = self.app.get("/api/diagnostics").await?;
        Ok(told["device"].as_str().unwrap_or_default().to_owned())
    }
}

fn answer(n: usize, value: &str) -> (String, Value) {
    (format!("point/A1/p{n}/answer"), json!(value))
}

async fn shown(supervisor: &Office, task: &str) -> anyhow::Result<Value> {
    supervisor.get(&format!("/api/review/{task}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn lesson_09_ten_days_off_grid_lose_nothing() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let small = SmallOffice::open(data.path()).await;
    let task = small.office.task.to_string();
    let calendar = Calendar::default();
    // The closing tablet, Li's own, and a second one of Zhang's.
    let closing = Held::enrolled(&small, &calendar, "CODE1", &BOTH).await?;
    let lis = Held::enrolled(&small, &calendar, "CODE2", &BOTH[1..]).await?;
    let second = Held::enrolled(&small, &calendar, "CODE3", &BOTH[..1]).await?;
    for held in [&closing, &lis, &second] {
        held.app.sync().await?;
    }
    for held in [&closing, &lis, &second] {
        held.link.cut();
    }
    let day = async |n: i64| {
        calendar.advance(n * DAY);
        small.office.clock.advance(n * DAY);
    };

    // Day 1: Zhang and Li work apart, each with a photo.
    day(1).await;
    lis.morning().await?;
    second.morning().await?;
    for n in 1..=10 {
        lis.app.write(&task, &[answer(n, "compliant")]).await?;
    }
    let of_li = lis
        .app
        .photo(&task, "A1/p3", "甲板", "a.jpg", tests::picture::shelf(1)?)
        .await?;
    for n in 11..=20 {
        second.app.write(&task, &[answer(n, "compliant")]).await?;
    }
    second
        .app
        .photo(&task, "A1/p12", "机舱", "b.jpg", tests::picture::shelf(2)?)
        .await?;

    // Day 3: they meet on a hotspot; Zhang wants to see Li's photo as it was taken.
    day(2).await;
    lis.morning().await?;
    second.morning().await?;
    let done = format!("/api/tasks/{task}/done");
    lis.app.post(&done, json!({})).await?;
    let code = lis.open_nearby().await?;
    second.open_nearby().await?;
    second.meet(&code).await?;
    second
        .app
        .post(&format!("/api/tasks/{task}/photos/{of_li}/wish"), json!({}))
        .await?;
    second.meet(&code).await?;
    let heads = lis.record(&task).await?["heads"].clone();
    let original = lis
        .app
        .bytes(&format!("/api/tasks/{task}/photos/{of_li}/original"))
        .await?;

    // The same night Li's tablet goes over board.
    lis.running.stop().await;
    drop(lis.folder);

    // Day 5: by file to the closing tablet, which is on another ship.
    day(2).await;
    second.morning().await?;
    closing.morning().await?;
    second.app.post(&done, json!({})).await?;
    let file = second.file_for("tablet").await?;
    let told = closing.app.send_file("/api/bundle/import", file).await?;
    assert_eq!(told["whole"], true, "{told}");
    assert_eq!(told["tasks"][0]["photos"], 6, "both photos whole: {told}");
    let here = closing.record(&task).await?;
    assert_eq!(
        here["cells"]["point/A1/p3/answer"]["values"][0]["person"],
        "li"
    );
    let got = closing
        .app
        .bytes(&format!("/api/tasks/{task}/photos/{of_li}/original"))
        .await?;
    assert_eq!(got, original, "of a tablet that is gone");
    assert!(!heads.as_array().is_none_or(Vec::is_empty));

    // Day 7: in the basement. Li's tablet cannot bring anything any more, and all of it is here.
    day(2).await;
    closing.morning().await?;
    let now = calendar.now();
    arrive(&closing.app, &task, "张、李", now).await?;
    conclude(&closing.app, &task, false, now + 3_600_000).await?;
    let signers = BOTH.map(|(p, pin)| (p.to_owned(), pin.to_owned()));
    sign(&closing.app, &task, &signers, json!([])).await?;

    // Day 10: a stick reaches the office. No tablet has talked to it since the first day.
    day(3).await;
    closing.morning().await?;
    let supervisor = small.sign_in("supervisor").await?;
    let officer = small.sign_in("draw_officer").await?;
    let stick = closing.file_for("office").await?;
    let told = officer.put_file("/api/bundles", stick.clone()).await?;
    assert_eq!(told["whole"], true, "{told}");
    assert_eq!(told["tasks"][0]["new_photos"], 6, "{told}");
    assert_eq!(told["tasks"][0]["refused"], json!([]), "{told}");
    let again = officer.put_file("/api/bundles", stick).await?;
    assert_eq!(again["tasks"][0]["new_changes"], 0, "{again}");

    // The supervisor returns it, and the answer goes back by stick.
    let seen = shown(&supervisor, &task).await?;
    assert_eq!(seen["state"], "to_review", "{seen}");
    let remarks = json!([{ "path": "point/A1/p12/answer", "text": "请补充机舱的说明。" }]);
    let back = json!({ "heads": seen["heads"], "remarks": remarks });
    supervisor
        .post(&format!("/api/review/{task}/return"), back)
        .await?;
    let device = closing.device().await?;
    let plan = officer
        .get(&format!("/api/devices/{device}/bundle/plan"))
        .await?;
    assert_eq!(plan["tasks"], 1, "{plan}");
    let path = format!("/api/devices/{device}/bundle?photos=none");
    let file = officer.bytes(&path).await?;
    let told = closing.app.send_file("/api/bundle/import", file).await?;
    assert_eq!(
        (&told["source"], &told["whole"]),
        (&json!("office"), &json!(true)),
        "{told}"
    );
    let record = closing.record(&task).await?;
    assert_eq!(record["round"], 2, "{}", record["round"]);

    // Second round, still by file only.
    day(1).await;
    closing.morning().await?;
    write(
        &closing.app,
        &task,
        [("point/A1/p12/note", json!("机舱通风已测，记录在案。"))],
    )
    .await?;
    // At the office too it is another day.
    let password = tests::story::PASSWORD;
    let supervisor = Office::sign_in(&small.address, "supervisor", password).await?;
    let officer = Office::sign_in(&small.address, "draw_officer", password).await?;
    // Both say on this tablet that they have nothing elsewhere for this round.
    for (person, pin) in [BOTH[1], BOTH[0]] {
        closing.app.unlock(person, pin).await?;
        closing.app.post(&done, json!({})).await?;
    }
    sign(&closing.app, &task, &signers, json!([])).await?;
    let stick = closing.file_for("office").await?;
    let told = officer.put_file("/api/bundles", stick).await?;
    assert_eq!(told["whole"], true, "{told}");
    let seen = shown(&supervisor, &task).await?;
    assert_eq!(seen["state"], "to_review", "{seen}");
    let heads = json!({ "heads": seen["heads"] });
    supervisor
        .post(&format!("/api/review/{task}/accept"), heads)
        .await?;
    let publisher = small.sign_in("publisher").await?;
    publisher
        .post(&format!("/api/publications/{task}"), json!({}))
        .await?;
    let published = publisher
        .get("/api/publications?state=in_publicity")
        .await?;
    assert_eq!(published["total"], 1, "{published}");

    // And the tablets that are left, once the network is back, have nothing to add and miss nothing.
    for held in [&closing, &second] {
        held.link.restore();
        held.morning().await?;
        held.app.sync().await?;
    }
    assert_eq!(
        closing.record(&task).await?["heads"],
        second.record(&task).await?["heads"]
    );
    let count = |sql| small.office.count(sql);
    assert_eq!(count("SELECT count(*) FROM quarantine").await, 0);
    assert_eq!(
        count("SELECT count(*) FROM blobs WHERE stored_at IS NULL").await,
        0
    );
    Ok(())
}
