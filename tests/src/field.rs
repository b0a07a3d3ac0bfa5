//! The office after a dispatch, and tablets in the hands of inspectors: what stories of visits begin with.

use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

use crate::link::Link;
use crate::office::{Office, text};
use crate::processes::Process;
use crate::story::{self, PASSWORD, PIN, Prepared};
use crate::tablet::Tablet;

/// The office after the dispatch.
pub struct Field {
    _server: Process,
    pub url: String,
    pub drawer: Office,
    pub supervisor: Office,
    pub publisher: Office,
    pub admin: Office,
    /// Id of the draw.
    pub draw: String,
}

/// A tablet in the hands of some inspectors.
pub struct Held {
    _process: Process,
    pub app: Tablet,
    pub link: Link,
    /// Address that opens its app once more.
    pub launch: String,
}

/// One task as the office has it.
pub struct Drawn {
    pub task: String,
    /// Id of the object.
    pub object: String,
    /// Ids and names of who has to sign, the leader first.
    pub team: Vec<(String, String)>,
}

impl Drawn {
    /// Everybody with the PIN of the demo, for [`crate::visit::sign`].
    pub fn signers(&self) -> Vec<(String, String)> {
        self.team
            .iter()
            .map(|(person, _)| (person.clone(), PIN.to_owned()))
            .collect()
    }
}

impl Field {
    /// A plan with these items of the sample, drawn and dispatched.
    pub async fn open(data: &Path, items: &[&str]) -> anyhow::Result<Field> {
        let prepared = story::prepare(data, "127.0.0.1:0", items, &|_| {}).await?;
        Field::of(prepared).await
    }

    /// A joint plan of five departments with two inspectors each (J1).
    pub async fn open_joint(data: &Path) -> anyhow::Result<Field> {
        let prepared = story::prepare_with(
            data,
            "127.0.0.1:0",
            &story::PRICES,
            &story::RESPONDING,
            &|_| {},
        )
        .await?;
        Field::of(prepared).await
    }

    async fn of(prepared: Prepared) -> anyhow::Result<Field> {
        let url = prepared.url.clone();
        let drawer = Office::sign_in(&url, "drawer", PASSWORD).await?;
        let draws = drawer.get("/api/draws").await?;
        Ok(Field {
            draw: text(&draws["rows"][0], "id")?,
            supervisor: Office::sign_in(&url, "supervisor", PASSWORD).await?,
            publisher: Office::sign_in(&url, "publisher", PASSWORD).await?,
            admin: Office::sign_in(&url, "tablets", PASSWORD).await?,
            drawer,
            _server: prepared.into_server(),
            url,
        })
    }

    /// The tasks of the draw, the newest first.
    pub async fn tasks(&self) -> anyhow::Result<Vec<Drawn>> {
        let path = format!("/api/tasks?draw={}&limit=200", self.draw);
        let listed = self.drawer.get(&path).await?;
        let rows = listed["rows"].as_array().context("tasks")?;
        rows.iter().map(drawn).collect()
    }

    /// A task as the office lists it now.
    pub async fn task(&self, task: &str) -> anyhow::Result<Value> {
        self.drawer.get(&format!("/api/tasks/{task}")).await
    }

    /// The record as the supervisor sees it.
    pub async fn review(&self, task: &str) -> anyhow::Result<Value> {
        self.supervisor.get(&format!("/api/review/{task}")).await
    }

    /// The supervisor accepts what is under the seal.
    pub async fn accept(&self, task: &str) -> anyhow::Result<Value> {
        let heads = json!({ "heads": self.review(task).await?["heads"] });
        self.supervisor
            .post(&format!("/api/review/{task}/accept"), heads)
            .await
    }

    /// The publisher publishes what was accepted.
    pub async fn publish(&self, task: &str) -> anyhow::Result<Value> {
        self.publisher
            .post(&format!("/api/publications/{task}"), json!({}))
            .await
    }

    /// Inspects this object once more: only inspectors are drawn (D1). Returns the new task.
    pub async fn again(&self, object: &str) -> anyhow::Result<Drawn> {
        let planner = Office::sign_in(&self.url, "planner", PASSWORD).await?;
        let items = planner.get("/api/items?limit=200").await?;
        let rows = items["rows"].as_array().context("items")?;
        let item = rows.iter().find(|row| row["code"] == story::PRICES[0]);
        let input = json!({
            "title": "整改复查（示例）", "department": "scjg", "items": [text(item.context("item")?, "id")?],
            "from": "2026-11-01", "until": "2026-12-31", "team": 2, "objects": [object],
            "mode": { "kind": "inspectors", "reason": "整改复查，检查对象已经确定。", "review_by": "2026-12-31" },
            "yearly_draws": 12, "reason": "整改复查，由上次检查的部门进行。",
            "exemption": { "ground": "follow_up", "note": "整改复查（示例）" },
        });
        let plan = text(&planner.post("/api/plans", input).await?, "id")?;
        for (who, step) in [
            (&planner, "submit"),
            (&self.supervisor, "approve"),
            (&self.supervisor, "lock"),
        ] {
            who.post(&format!("/api/plans/{plan}/{step}"), json!({}))
                .await?;
        }
        let draw = text(&story::hold_draw(&self.drawer, &plan).await?, "id")?;
        let path = format!("/api/tasks?draw={draw}&limit=200");
        let listed = self.drawer.get(&path).await?;
        drawn(&listed["rows"][0])
    }

    /// Enrols a new tablet for these persons and signs the first in.
    pub async fn tablet(&self, data: &Path, n: usize, persons: &[&str]) -> anyhow::Result<Held> {
        let form = json!({ "device_name": format!("示例平板 {n}"), "department": "scjg",
            "inspectors": persons });
        let code = self
            .admin
            .post("/api/devices/enrolment-codes", form)
            .await?;
        let link = story::link_to(&self.url).await?;
        let process = story::start_tablet(data, n)?;
        let launch = process.after("launch ")?;
        let app = Tablet::launch(&launch).await?;
        let pins: Vec<(&str, &str)> = persons.iter().map(|p| (*p, PIN)).collect();
        app.enrol(&link.url(), &text(&code, "code")?, &pins).await?;
        app.unlock(persons.first().context("a person")?, PIN)
            .await?;
        app.sync().await?;
        Ok(Held {
            _process: process,
            app,
            link,
            launch,
        })
    }
}

fn drawn(row: &Value) -> anyhow::Result<Drawn> {
    let team = row["team"].as_array().context("team")?.iter();
    let signs = team.filter(|m| m["status"] == "active" && m["role"] != "expert");
    Ok(Drawn {
        task: text(row, "task")?,
        object: text(row, "object")?,
        team: signs
            .map(|m| Ok((text(m, "person")?, text(m, "name")?)))
            .collect::<anyhow::Result<_>>()?,
    })
}
