//! Whole agents and the real office (F4 to F7): whatever order of edits, cuts, meetings on the local
//! network and files, in the end all have the same record, and no value has vanished that nobody had on
//! screen when it was replaced. `sync/tests/converge.rs` says the same of documents alone, by the hundred.
//!
//! `SEEDS=n` plays n interleavings with 2 to 10 tablets; what agents do by themselves meanwhile is theirs.

use std::collections::{BTreeMap, BTreeSet};

use field_agent::host::{self, Config, RunningAgent, SystemClock, SystemRandom};
use field_agent::vault::slot::PinCost;
use serde_json::{Value, json};
use sync::record::RecordDoc;
use tests::attacks::Dice;
use tests::link::Link;
use tests::office::Office;
use tests::small::SmallOffice;
use tests::tablet::Tablet;

const PATHS: [&str; 4] = [
    "point/A1/p1/note",
    "point/A1/p2/note",
    "handling/opinion",
    "party/opinion",
];
/// Steps of each tablet.
const STEPS: usize = 15;

struct Peer {
    running: RunningAgent,
    app: Tablet,
    link: Link,
    /// Where colleagues' tablets reach it.
    nearby: String,
    key: String,
    _folder: tempfile::TempDir,
}

impl Peer {
    async fn enrolled(
        small: &SmallOffice,
        code: &str,
        people: &[(&str, &str)],
    ) -> anyhow::Result<Peer> {
        let folder = tempfile::tempdir()?;
        let link = tests::story::link_to(&small.address).await?;
        let config = Config {
            pin_cost: PinCost {
                m_kib: 64,
                passes: 1,
            },
            nearby: ([127, 0, 0, 1], 0).into(),
            background_sync: false,
            ..Config::new(folder.path())
        };
        let clock = std::sync::Arc::new(SystemClock);
        let running = host::start(config, clock, Box::new(SystemRandom::default())).await?;
        let app = Tablet::launch(&running.launch_url).await?;
        app.enrol(&link.url(), code, people).await?;
        app.unlock(people[0].0, people[0].1).await?;
        running.agent().sync_once().await;
        let on = Some(json!({ "enabled": true }));
        let put = app.ask(reqwest::Method::PUT, "/api/nearby", on);
        put.await?.map_err(|r| anyhow::anyhow!("{}", r.detail))?;
        let nearby = loop {
            let told = app.get("/api/nearby").await?;
            if let Some(address) = told["addresses"][0].as_str() {
                break address.to_owned();
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        };
        let parties = app.get("/api/bundle/parties").await?;
        let rows = parties["rows"].as_array().cloned().unwrap_or_default();
        let own = rows.iter().find(|r| r["kind"] == "this_tablet");
        let key = own.and_then(|r| r["key"].as_str()).unwrap_or_default();
        Ok(Peer {
            running,
            app,
            link,
            nearby,
            key: key.to_owned(),
            _folder: folder,
        })
    }

    async fn meet(&self, other: &Peer) -> anyhow::Result<()> {
        let body = json!({ "address": other.nearby });
        self.app.post("/api/nearby/tablets", body).await?;
        self.running
            .agent()
            .nearby_pass(other.nearby.parse()?)
            .await;
        Ok(())
    }

    async fn file_for(&self, recipient: &str) -> anyhow::Result<Vec<u8>> {
        let path = format!("/api/bundle/file?recipients={recipient}&photos=none");
        self.app.bytes(&path).await
    }
}

struct World {
    small: SmallOffice,
    task: String,
    officer: Office,
    office_key: String,
    peers: Vec<Peer>,
    /// Every value that a screen confirmed, and where.
    confirmed: BTreeMap<String, &'static str>,
    /// Values that somebody replaced who had them on screen.
    replaced: BTreeSet<String>,
}

impl World {
    async fn open(data: &std::path::Path, tablets: usize) -> anyhow::Result<World> {
        let small = SmallOffice::open(data).await;
        let officer = small.sign_in("draw_officer").await?;
        let (zhang, li) = (("zhang", "135790"), ("li", "246801"));
        let mut peers = Vec::new();
        for n in 1..=tablets {
            let people: &[_] = match n {
                1 => &[zhang, li],
                n if n % 2 == 0 => &[li],
                _ => &[zhang],
            };
            peers.push(Peer::enrolled(&small, &format!("CODE{n}"), people).await?);
        }
        for peer in &peers {
            peer.running.agent().sync_once().await;
        }
        let parties = peers[0].app.get("/api/bundle/parties").await?;
        Ok(World {
            task: small.office.task.to_string(),
            office_key: parties["rows"][0]["key"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            small,
            officer,
            peers,
            confirmed: BTreeMap::new(),
            replaced: BTreeSet::new(),
        })
    }

    async fn record(&self, at: usize) -> anyhow::Result<Value> {
        let path = format!("/api/tasks/{}/record", self.task);
        self.peers[at].app.get(&path).await
    }

    async fn put(&mut self, at: usize, path: &'static str, value: &str) -> anyhow::Result<()> {
        // What a colleague wrote may come in between.
        let seen = loop {
            let shown = self.record(at).await?;
            let values = shown["cells"][path]["values"].as_array().cloned();
            let values = values.unwrap_or_default().into_iter();
            let seen: Vec<Value> = values.map(|one| one["value"].clone()).collect();
            let (app, value) = (&self.peers[at].app, json!(value));
            if app.write_over(&self.task, path, &value, &seen).await? {
                break seen;
            }
        };
        for one in seen {
            let seen = one.as_str().unwrap_or_default();
            if seen != value {
                self.replaced.insert(seen.to_owned());
            }
        }
        self.confirmed.insert(value.to_owned(), path);
        Ok(())
    }

    async fn step(&mut self, n: usize, dice: &mut Dice) -> anyhow::Result<()> {
        let (at, other) = (dice.below(self.peers.len()), dice.below(self.peers.len()));
        match dice.below(12) {
            0..4 => {
                let path = PATHS[dice.below(PATHS.len())];
                self.put(at, path, &format!("第 {n} 步")).await?;
            }
            4 => {
                // Somebody settles what two wrote, for one of the values on screen.
                let path = PATHS[dice.below(PATHS.len())];
                let shown = self.record(at).await?;
                let values = shown["cells"][path]["values"].as_array().cloned();
                let values = values.unwrap_or_default();
                if values.len() > 1 {
                    let chosen = values[dice.below(values.len())]["value"].clone();
                    let chosen = chosen.as_str().unwrap_or_default().to_owned();
                    self.put(at, path, &chosen).await?;
                }
            }
            5..7 if at != other => self.peers[at].meet(&self.peers[other]).await?,
            7 => self.peers[at].link.cut(),
            8 => self.peers[at].link.restore(),
            9 => drop(self.peers[at].running.agent().sync_once().await),
            10 if at != other => {
                let file = self.peers[other].file_for(&self.peers[at].key).await?;
                // Now and then the stick is drawn out too early.
                let whole = dice.below(4) > 0;
                let end = if whole {
                    file.len()
                } else {
                    dice.below(file.len())
                };
                let sent = self.peers[at]
                    .app
                    .send_file("/api/bundle/import", file[..end].to_vec());
                assert!(sent.await.is_ok() || !whole, "a whole file is read");
            }
            11 => {
                let file = self.peers[at].file_for(&self.office_key).await?;
                self.officer.put_file("/api/bundles", file).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The network is back, and all talk until nobody has anything new.
    async fn end(&self) -> anyhow::Result<()> {
        for peer in &self.peers {
            peer.link.restore();
        }
        for _ in 0..3 {
            for peer in &self.peers {
                let failed = peer.running.agent().sync_once().await;
                assert!(failed.is_none(), "{failed:?}");
            }
        }
        let office = &self.small.office;
        let task = office.task;
        let id = self.task.clone();
        let read = office.state.db.read(move |tx| {
            let sql = "SELECT bytes FROM record_changes WHERE task = $1 ORDER BY ord";
            Ok(tx.query(sql, &[&id], |r| r.get::<Vec<u8>>(0))?)
        });
        let log = read.await.expect("the log");
        let doc = RecordDoc::from_log(task, log.iter().map(Vec::as_slice))?;
        for at in 0..self.peers.len() {
            let record = self.record(at).await?;
            assert_eq!(record["heads"], json!(doc.heads()), "tablet {at}");
            let status = self.peers[at].app.get("/api/sync").await?;
            assert_eq!(status["records"]["on_this_tablet"], 0, "{status}");
        }
        let view = doc.view();
        for (value, path) in &self.confirmed {
            let standing = view.cells.get(*path).into_iter().flatten();
            let stands = standing
                .filter_map(|w| w.value.as_str())
                .any(|v| v == value);
            assert!(
                stands || self.replaced.contains(value),
                "{value} at {path} vanished, and nobody had seen it"
            );
        }
        let refused = office.count("SELECT count(*) FROM quarantine").await;
        assert_eq!(refused, 0, "all of it was honest");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_all_agree_and_no_value_vanishes_unseen() -> anyhow::Result<()> {
    let seeds = std::env::var("SEEDS").ok().and_then(|n| n.parse().ok());
    for seed in 1..=seeds.unwrap_or(3_u64) {
        let data = tempfile::tempdir()?;
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let tablets = match seed {
            1 => 3,
            2 => 10,
            _ => 2 + dice.below(9),
        };
        let mut world = World::open(data.path(), tablets).await?;
        for n in 0..STEPS * tablets {
            world
                .step(n, &mut dice)
                .await
                .map_err(|e| e.context(format!("seed {seed}, step {n}")))?;
        }
        let ended = world.end().await;
        ended.map_err(|e| e.context(format!("seed {seed}")))?;
    }
    Ok(())
}
