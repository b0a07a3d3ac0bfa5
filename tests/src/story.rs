//! The whole story through the real HTTP interfaces: registers, plan, draw, tablets, records, review,
//! publication. `make demo` plays it; so does a test.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::link::Link;
use crate::office::{Office, text};
use crate::picture;
use crate::processes::{Process, built};
use crate::tablet::Tablet;
use crate::visit;

/// Everybody's password in the demo.
pub const PASSWORD: &str = "Shuang-Suiji-2026";
/// Everybody's PIN in the demo; each tablet still has a secret of its own.
pub const PIN: &str = "583914";
/// Witnesses of the draw, with the values that they bring.
const WITNESSES: [(&str, &str); 3] = [
    ("人大代表甲", "apple-7731-river"),
    ("纪检监察乙", "MOON-2026-0042"),
    ("市民丙", "kapok-tree-88"),
];
const DICE: [u32; 20] = [3, 7, 1, 10, 4, 4, 9, 2, 6, 8, 5, 1, 7, 3, 10, 9, 2, 6, 4, 8];

/// The last line of `make demo ONCE=1`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    pub objects: u64,
    pub inspectors: u64,
    pub drawn: u64,
    pub records_sealed: u64,
    pub photos_stored: u64,
    pub published: u64,
    pub draw_verified: bool,
    pub signatures_verified: u64,
}

/// A console account of the demo.
pub struct Account {
    pub login: &'static str,
    pub name: &'static str,
    pub role: &'static str,
}

/// One account for each role, all in the department that inspects.
pub const ACCOUNTS: [Account; 7] = [
    Account {
        login: "registrar",
        name: "名录管理员（示例）",
        role: "registrar",
    },
    Account {
        login: "planner",
        name: "计划编制员（示例）",
        role: "planner",
    },
    Account {
        login: "drawer",
        name: "抽取员（示例）",
        role: "draw_officer",
    },
    Account {
        login: "supervisor",
        name: "审核人（示例）",
        role: "supervisor",
    },
    Account {
        login: "publisher",
        name: "公示员（示例）",
        role: "publisher",
    },
    Account {
        login: "auditor",
        name: "审计员（示例）",
        role: "auditor",
    },
    Account {
        login: "tablets",
        name: "平板管理员（示例）",
        role: "administrator",
    },
];

/// A tablet of the demo: its process and the app.
pub struct DemoTablet {
    pub process: Process,
    pub app: Tablet,
    pub link: Link,
}

/// What goes on running after the story.
pub struct Stage {
    pub server: Process,
    pub url: String,
    pub tablets: Vec<DemoTablet>,
    pub outcome: Outcome,
    pub inspectors: Vec<String>,
}

/// Milliseconds since 1970 UTC: the story is played in the present.
#[allow(clippy::disallowed_methods, reason = "the demo is a host")]
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(0)
}

/// The office up to the dispatch: registers imported, a draw held, tasks made, no tablet yet.
pub struct Prepared {
    server: Process,
    pub url: String,
    office: Accounts,
    draw: Value,
    outcome: Outcome,
}

/// The demo's plan: one item of the sample.
pub const PRICES: [&str; 1] = ["SC-05"];
/// Three items of the sample, together 30 check points.
pub const A_LONG_VISIT: [&str; 3] = ["SC-02", "SC-03", "SC-06"];

/// Departments that respond to a joint plan of the sample, each with its item.
pub const RESPONDING: [(&str, &str); 4] = [
    ("xfjy", "XF-01"),
    ("yjgl", "YJ-01"),
    ("sthj", "HJ-01"),
    ("zjjs", "ZJ-01"),
];

/// Plays everything up to the dispatch of a plan with these items of the sample. `tell` hears each
/// step as it begins.
pub async fn prepare(
    data: &Path,
    listen: &str,
    items: &[&str],
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Prepared> {
    prepare_with(data, listen, items, &[], tell).await
}

/// The same with a joint plan (J1): these departments respond, each with its item and two inspectors.
pub async fn prepare_with(
    data: &Path,
    listen: &str,
    items: &[&str],
    responding: &[(&str, &str)],
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Prepared> {
    std::fs::create_dir_all(data)?;
    let mut outcome = Outcome::default();
    tell("启动服务器 · starting the server (embedded SQLite)");
    let (server, url) = start_server(data, listen)?;
    let admin = first_administrator(&server, &url).await?;
    tell("导入名录：检查对象、执法人员、事项、回避关系 · importing registers from XLSX and CSV");
    let office = Accounts::open(&admin, &url, data, &mut outcome, tell).await?;
    tell("编制、批准、锁定计划 · plan: draft, approval by another person, lock");
    let plan = plan(&office, &admin, &url, items, responding).await?;
    tell("公开抽取：封存、见证人、骰子；派发 · draw: commitment, witnesses, dice last; dispatch");
    let draw = hold_draw(&office.drawer, &plan).await?;
    outcome.drawn = draw["result"].as_array().map_or(0, |r| r.len() as u64);
    outcome.draw_verified = verify_draw(&office, &text(&draw, "id")?, data).await?;
    Ok(Prepared {
        server,
        url,
        office,
        draw,
        outcome,
    })
}

/// Plays the rest: two tablets, two records, review, publication.
pub async fn play(
    data: &Path,
    listen: &str,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<Stage> {
    let Prepared {
        server,
        url,
        office,
        draw,
        mut outcome,
    } = prepare(data, listen, &PRICES, tell).await?;
    tell("登记两台平板 · two tablets are enrolled");
    let tasks = visits(&office, &draw).await?;
    let tablets = tablets(&office, &url, &tasks, data).await?;
    for (n, task) in tasks.iter().enumerate() {
        tell(&format!(
            "离线检查第 {} 户：{} · inspection {} without network",
            n + 1,
            task.object,
            n + 1
        ));
        inspect(&tablets, task, n == 1).await?;
    }
    tell("审核：退回一份，整改后再签 · review: one is returned and signed again in a second round");
    outcome.signatures_verified = review(&office, &tablets, &tasks).await?;
    tell("公示 · publication");
    finish(&office, &tasks, &mut outcome).await?;
    let inspectors = tasks
        .iter()
        .flat_map(|t| t.team.iter().map(|(_, name)| name.clone()))
        .collect();
    Ok(Stage {
        server,
        url,
        tablets,
        outcome,
        inspectors,
    })
}

impl Prepared {
    /// Starts two tablets that are not enrolled yet, and issues a code for each; what a browser test
    /// needs to go on, as JSON.
    pub async fn tablets_to_enrol(
        &self,
        data: &Path,
    ) -> anyhow::Result<(Vec<(Process, Link)>, Value)> {
        let tasks = visits(&self.office, &self.draw).await?;
        let (mut processes, mut told) = (Vec::new(), Vec::new());
        for n in 1..=2 {
            let process = start_tablet(data, n)?;
            let code = enrolment_code(&self.office, &tasks, n).await?;
            let link = link_to(&self.url).await?;
            told.push(json!({
                "launch": process.after("launch ")?, "code": code, "server": link.url(),
            }));
            processes.push((process, link));
        }
        let team = |v: &Visit| -> Vec<Value> {
            v.team
                .iter()
                .map(|(person, name)| json!({ "person": person, "name": name }))
                .collect()
        };
        let tasks: Vec<Value> = tasks
            .iter()
            .map(|v| json!({ "task": v.task, "object": v.object, "team": team(v) }))
            .collect();
        let stage = json!({
            "server": self.url, "password": PASSWORD, "pin": PIN, "draw": self.draw["id"],
            "tablets": told, "tasks": tasks,
        });
        Ok((processes, stage))
    }

    /// The server's process, for who keeps it running.
    pub fn into_server(self) -> Process {
        self.server
    }
}

fn start_server(data: &Path, listen: &str) -> anyhow::Result<(Process, String)> {
    let mut command = Command::new(built("server")?);
    command
        .arg("run")
        .arg("--data")
        .arg(data.join("server"))
        .args(["--listen", listen]);
    let server = Process::start(command, &data.join("server.log"), |line| {
        line.starts_with("Listening on")
    })?;
    let url = server.after("Listening on")?;
    Ok((server, url))
}

async fn first_administrator(server: &Process, url: &str) -> anyhow::Result<Office> {
    let at = server
        .said
        .iter()
        .position(|l| l.contains("one-time password"));
    let once = at
        .and_then(|i| server.said.get(i + 1))
        .context("the first run prints a one-time password")?;
    Office::first_sign_in(url, "admin", once.trim(), PASSWORD).await
}

/// Everybody who is signed in.
struct Accounts {
    department: String,
    registrar: Office,
    planner: Office,
    drawer: Office,
    supervisor: Office,
    publisher: Office,
    admin: Office,
}

impl Accounts {
    async fn open(
        admin: &Office,
        url: &str,
        data: &Path,
        outcome: &mut Outcome,
        tell: &(dyn Fn(&str) + Sync),
    ) -> anyhow::Result<Accounts> {
        let sample = data.join("sample");
        let made = Command::new(built("server")?)
            .arg("sample")
            .arg("--out")
            .arg(&sample)
            .output()?;
        ensure!(
            made.status.success(),
            "sample: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        // Whoever imports for several departments needs the role in all of them.
        let registrar = account(admin, url, &ACCOUNTS[0], "").await?;
        for (kind, file) in [
            ("inspectors", "inspectors.xlsx"),
            ("items", "items.xlsx"),
            ("objects", "objects.csv"),
            ("avoidances", "avoid.csv"),
        ] {
            let imported = import(&registrar, kind, &sample.join(file), tell).await?;
            match kind {
                "objects" => outcome.objects = imported,
                "inspectors" => outcome.inspectors = imported,
                _ => {}
            }
        }
        let department = "scjg".to_owned();
        Ok(Accounts {
            planner: account(admin, url, &ACCOUNTS[1], &department).await?,
            drawer: account(admin, url, &ACCOUNTS[2], &department).await?,
            supervisor: account(admin, url, &ACCOUNTS[3], &department).await?,
            publisher: account(admin, url, &ACCOUNTS[4], &department).await?,
            admin: {
                account(admin, url, &ACCOUNTS[5], &department).await?;
                account(admin, url, &ACCOUNTS[6], "").await?
            },
            registrar,
            department,
        })
    }
}

async fn account(
    admin: &Office,
    url: &str,
    account: &Account,
    department: &str,
) -> anyhow::Result<Office> {
    let grants = json!([{ "role": account.role, "department": department }]);
    let form = json!({ "login": account.login, "name": account.name, "grants": grants });
    let made = admin.post("/api/accounts", form).await?;
    let once = text(&made, "one_time_password")?;
    Office::first_sign_in(url, account.login, &once, PASSWORD).await
}

/// Uploads a file, follows the job, returns how many rows were accepted. None may be refused.
async fn import(
    registrar: &Office,
    kind: &str,
    file: &Path,
    tell: &(dyn Fn(&str) + Sync),
) -> anyhow::Result<u64> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
    let started = registrar
        .upload(&format!("/api/imports?kind={kind}&name={name}"), bytes)
        .await?;
    let id = text(&started, "id")?;
    let mut applied = false;
    for _ in 0..1200 {
        let import = registrar.get(&format!("/api/imports/{id}")).await?;
        match import["state"].as_str().unwrap_or_default() {
            "checked" if !applied => {
                registrar
                    .post(&format!("/api/imports/{id}/apply"), json!({}))
                    .await?;
                applied = true;
            }
            "done" => {
                let (accepted, refused) = (&import["accepted"], &import["refused"]);
                ensure!(
                    refused == 0,
                    "{name}: {refused} rows were refused: {import}"
                );
                tell(&format!("    {name}: {accepted}"));
                return accepted.as_u64().context("accepted");
            }
            "failed" => anyhow::bail!("{name}: {import}"),
            _ => {}
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("{name}: the import did not end")
}

async fn plan(
    office: &Accounts,
    admin: &Office,
    url: &str,
    items: &[&str],
    responding: &[(&str, &str)],
) -> anyhow::Result<String> {
    let listed = office.planner.get("/api/items?limit=200").await?;
    let rows = listed["rows"].as_array().context("items")?;
    let id_of = |code: &str| {
        let row = rows.iter().find(|row| row["code"] == code);
        text(row.with_context(|| format!("{code} in the sample"))?, "id")
    };
    let items: Vec<String> = items
        .iter()
        .map(|code| id_of(code))
        .collect::<anyhow::Result<_>>()?;
    let asked: Vec<Value> = responding
        .iter()
        .map(|(department, _)| json!({ "department": department, "team": 2 }))
        .collect();
    let cell = |class: &str, number: u32| json!({ "risk_classes": [class], "number": number, "reserves": 3 });
    let input = json!({
        "title": "2026 年明码标价随机抽查（示例）",
        "department": office.department,
        "items": items,
        "from": "2026-11-01",
        "until": "2026-12-31",
        "team": 2,
        "scope": {},
        "responding": asked,
        "cells": [cell("A", 1), cell("B", 2), cell("C", 3), cell("D", 4)],
    });
    let plan = office.planner.post("/api/plans", input).await?;
    let id = text(&plan, "id")?;
    for (department, item) in responding {
        let login = format!("planner-{department}");
        let grants = json!([{ "role": "planner", "department": department }]);
        let form = json!({ "login": login, "name": "参加部门（示例）", "grants": grants });
        let once = text(
            &admin.post("/api/accounts", form).await?,
            "one_time_password",
        )?;
        let speaks = Office::first_sign_in(url, &login, &once, PASSWORD).await?;
        let agreed = json!({ "agree": true, "items": [id_of(item)?], "team": 2 });
        let path = format!("/api/plans/{id}/departments/{department}/answer");
        speaks.post(&path, agreed).await?;
    }
    office
        .planner
        .post(&format!("/api/plans/{id}/submit"), json!({}))
        .await?;
    let own = office
        .planner
        .refused(
            reqwest::Method::POST,
            &format!("/api/plans/{id}/approve"),
            Some(json!({})),
        )
        .await?;
    ensure!(own.status == 403, "nobody approves their own act: {own:?}");
    office
        .supervisor
        .post(&format!("/api/plans/{id}/approve"), json!({}))
        .await?;
    office
        .supervisor
        .post(&format!("/api/plans/{id}/lock"), json!({}))
        .await?;
    Ok(id)
}

/// Holds the draw of a locked plan, with witnesses and dice, and dispatches it.
pub async fn hold_draw(drawer: &Office, plan: &str) -> anyhow::Result<Value> {
    let input = json!({
        "plan": plan, "title": "明码标价随机抽查（示例）", "ceremony_at": now(), "sides": 10, "rolls": DICE.len(),
        "public_from": "draw",
    });
    let id = text(&drawer.post("/api/draws", input).await?, "id")?;
    let step = |word: &str| format!("/api/draws/{id}/{word}");
    drawer.post(&step("check"), json!({})).await?;
    let early = drawer
        .refused(
            reqwest::Method::POST,
            &step("dice"),
            Some(json!({ "rolls": DICE })),
        )
        .await?;
    ensure!(early.status == 409, "dice before the commitment: {early:?}");
    let committed = drawer.post(&step("commit"), json!({})).await?;
    let commitment = text(&committed, "commitment")?;
    for (name, value) in WITNESSES {
        let hash = Sha256::digest(format!("{commitment}\n{name}\n{value}"));
        drawer
            .post(
                &step("witnesses"),
                json!({ "name": name, "committed": hex::encode(hash) }),
            )
            .await?;
    }
    drawer.post(&step("close"), json!({})).await?;
    for (name, value) in WITNESSES {
        drawer
            .post(&step("reveal"), json!({ "name": name, "value": value }))
            .await?;
    }
    let drawn = drawer.post(&step("dice"), json!({ "rolls": DICE })).await?;
    drawer.post(&step("dispatch"), json!({})).await?;
    Ok(drawn)
}

/// Downloads the transcript as the public does, and has the independent program verify it.
async fn verify_draw(office: &Accounts, draw: &str, data: &Path) -> anyhow::Result<bool> {
    let file = data.join("transcript.zip");
    std::fs::write(
        &file,
        office
            .drawer
            .bytes(&format!("/api/public/draws/{draw}/transcript.zip"))
            .await?,
    )?;
    let said = Command::new(built("verify-draw")?).arg(&file).output()?;
    ensure!(
        said.status.success(),
        "verify-draw: {}",
        String::from_utf8_lossy(&said.stdout)
    );
    Ok(true)
}

/// A drawn object with its team, as the story follows it.
pub struct Visit {
    pub task: String,
    pub object: String,
    /// Id and name, the leader first.
    pub team: Vec<(String, String)>,
}

/// The first two tasks of the draw.
async fn visits(office: &Accounts, draw: &Value) -> anyhow::Result<Vec<Visit>> {
    let listed = office
        .drawer
        .get(&format!("/api/tasks?draw={}&limit=200", text(draw, "id")?))
        .await?;
    let mut visits = Vec::new();
    for row in listed["rows"].as_array().into_iter().flatten().take(2) {
        let team = row["team"].as_array().into_iter().flatten();
        let team = team
            .map(|m| Ok((text(m, "person")?, text(m, "name")?)))
            .collect::<anyhow::Result<_>>()?;
        visits.push(Visit {
            task: text(row, "task")?,
            object: text(row, "object_name")?,
            team,
        });
    }
    ensure!(visits.len() == 2, "two tasks to follow");
    Ok(visits)
}

/// A link that can be cut, to the server at this address.
pub async fn link_to(url: &str) -> anyhow::Result<Link> {
    let port = reqwest::Url::parse(url)?.port().context("port")?;
    Ok(Link::to(([127, 0, 0, 1], port).into()).await?)
}

pub fn start_tablet(data: &Path, n: usize) -> anyhow::Result<Process> {
    let mut command = Command::new(built("field-agent")?);
    command
        .arg("run")
        .arg("--data")
        .arg(data.join(format!("tablet-{n}")))
        // They are on one machine.
        .args(["--listen", "127.0.0.1:0", "--nearby", "127.0.0.1:0"]);
    Process::start(command, &data.join(format!("tablet-{n}.log")), |line| {
        line.starts_with("launch ")
    })
}

/// A code for a tablet that all members of these teams share.
async fn enrolment_code(office: &Accounts, tasks: &[Visit], n: usize) -> anyhow::Result<String> {
    let form = json!({
        "device_name": format!("示例平板 {n}"), "department": office.department, "inspectors": persons(tasks),
    });
    text(
        &office
            .admin
            .post("/api/devices/enrolment-codes", form)
            .await?,
        "code",
    )
}

fn persons(tasks: &[Visit]) -> Vec<&str> {
    let mut persons: Vec<&str> = tasks
        .iter()
        .flat_map(|v| v.team.iter().map(|(id, _)| id.as_str()))
        .collect();
    persons.sort();
    persons.dedup();
    persons
}

async fn tablets(
    office: &Accounts,
    url: &str,
    tasks: &[Visit],
    data: &Path,
) -> anyhow::Result<Vec<DemoTablet>> {
    let mut tablets = Vec::new();
    for n in 1..=2 {
        let code = enrolment_code(office, tasks, n).await?;
        let link = link_to(url).await?;
        let process = start_tablet(data, n)?;
        let app = Tablet::launch(&process.after("launch ")?).await?;
        let pins: Vec<(&str, &str)> = persons(tasks).into_iter().map(|p| (p, PIN)).collect();
        app.enrol(&link.url(), &code, &pins).await?;
        let owner = &tasks[0].team[n - 1].0;
        app.unlock(owner, PIN).await?;
        app.sync().await?;
        tablets.push(DemoTablet { process, app, link });
    }
    Ok(tablets)
}

/// One inspection by two people on two tablets without network.
async fn inspect(tablets: &[DemoTablet], visit: &Visit, found: bool) -> anyhow::Result<()> {
    let [first, second] = tablets else {
        anyhow::bail!("two tablets")
    };
    let (one, two) = (&first.app, &second.app);
    let task = &visit.task;
    one.unlock(&visit.team[0].0, PIN).await?;
    two.unlock(&visit.team[1].0, PIN).await?;
    for tablet in tablets {
        tablet.link.cut();
    }
    let names: Vec<&str> = visit.team.iter().map(|(_, name)| name.as_str()).collect();
    visit::arrive(one, task, &names.join("、"), now()).await?;
    // They share the work; the first point both answer, and differently.
    visit::answer(one, task, |n| n % 2 == 1, |n| found && n == 3).await?;
    visit::answer(two, task, |n| n % 2 == 0, |_| false).await?;
    let point = first_verdict(one, task).await?;
    visit::write(
        two,
        task,
        [(format!("{point}/answer"), json!("non_compliant"))],
    )
    .await?;
    for (n, tablet) in [(1, one), (2, one), (3, two)] {
        let seed = n + if found { 10 } else { 0 };
        let place = point.trim_start_matches("point/");
        tablet
            .photo(
                task,
                place,
                &format!("货架 {n}"),
                "shelf.jpg",
                picture::shelf(seed)?,
            )
            .await?;
    }
    two.post(&format!("/api/tasks/{task}/done"), json!({}))
        .await?;
    for tablet in tablets {
        tablet.link.restore();
    }
    two.sync().await?;
    one.sync().await?;
    let conflicts = one.get(&format!("/api/tasks/{task}/conflicts")).await?;
    ensure!(
        conflicts["total"] == 1,
        "both answers are kept: {conflicts}"
    );
    let path = text(&conflicts["rows"][0], "path")?;
    one.post(
        &format!("/api/tasks/{task}/conflicts/settle"),
        json!({ "path": path, "value": "compliant" }),
    )
    .await?;
    visit::conclude(one, task, found, now()).await?;
    one.post(&format!("/api/tasks/{task}/done"), json!({}))
        .await?;
    let signers = visit
        .team
        .iter()
        .map(|(id, _)| (id.clone(), PIN.to_owned()))
        .collect::<Vec<_>>();
    visit::sign(one, task, &signers, json!([])).await?;
    one.sync().await?;
    Ok(())
}

/// `point/{item}/{point}` of the first check point that is answered by a verdict.
async fn first_verdict(tablet: &Tablet, task: &str) -> anyhow::Result<String> {
    let detail = tablet.get(&format!("/api/tasks/{task}")).await?;
    for sheet in detail["sheets"].as_array().into_iter().flatten() {
        for point in sheet["points"].as_array().into_iter().flatten().step_by(2) {
            if point["answer"]["kind"] == "verdict" {
                return Ok(format!(
                    "point/{}/{}",
                    text(sheet, "item")?,
                    text(point, "point")?
                ));
            }
        }
    }
    anyhow::bail!("a check point with a verdict")
}

/// The supervisor accepts the first record and returns the second, which is mended and signed again.
/// Returns how many signatures of inspectors the office verified in the rounds that were accepted.
async fn review(office: &Accounts, tablets: &[DemoTablet], tasks: &[Visit]) -> anyhow::Result<u64> {
    let supervisor = &office.supervisor;
    let seen = |task: &str| format!("/api/review/{task}");
    let first = supervisor.get(&seen(&tasks[0].task)).await?;
    let valid = valid_signatures(&first)?;
    supervisor
        .post(
            &format!("{}/accept", seen(&tasks[0].task)),
            json!({ "heads": first["heads"] }),
        )
        .await?;
    let second = supervisor.get(&seen(&tasks[1].task)).await?;
    ensure!(
        valid == 2 && valid_signatures(&second)? == 2,
        "two valid signatures on each record"
    );
    let remark = json!([{ "path": "handling/opinion", "text": "请写明复查日期。" }]);
    let body = json!({ "heads": second["heads"], "remarks": remark });
    supervisor
        .post(&format!("{}/return", seen(&tasks[1].task)), body)
        .await?;
    let (tablet, visit) = (&tablets[0].app, &tasks[1]);
    tablet.unlock(&visit.team[0].0, PIN).await?;
    tablet.sync().await?;
    visit::write(
        tablet,
        &visit.task,
        [("handling/deadline", json!("2026-12-04"))],
    )
    .await?;
    visit::write(
        tablet,
        &visit.task,
        [(
            "handling/opinion",
            json!("责令当场改正，2026 年 12 月 4 日复查。"),
        )],
    )
    .await?;
    tablets[1].app.sync().await?;
    tablets[1].app.unlock(&visit.team[1].0, PIN).await?;
    tablets[1]
        .app
        .post(&format!("/api/tasks/{}/done", visit.task), json!({}))
        .await?;
    tablets[1].app.sync().await?;
    tablet.sync().await?;
    tablet
        .post(&format!("/api/tasks/{}/done", visit.task), json!({}))
        .await?;
    let signers = visit
        .team
        .iter()
        .map(|(id, _)| (id.clone(), PIN.to_owned()))
        .collect::<Vec<_>>();
    visit::sign(tablet, &visit.task, &signers, json!([])).await?;
    tablet.sync().await?;
    let again = supervisor.get(&seen(&visit.task)).await?;
    let again_valid = valid_signatures(&again)?;
    ensure!(again_valid >= 2, "the second round is signed");
    supervisor
        .post(
            &format!("{}/accept", seen(&visit.task)),
            json!({ "heads": again["heads"] }),
        )
        .await?;
    Ok(valid + again_valid)
}

/// How many inspectors' signatures the office verified as valid for the present round.
fn valid_signatures(record: &Value) -> anyhow::Result<u64> {
    let rows = record["signatures"].as_array().context("signatures")?;
    let valid = rows
        .iter()
        .filter(|s| s["role"] == "inspector" && s["state"] == "valid");
    Ok(valid.count() as u64)
}

async fn finish(office: &Accounts, tasks: &[Visit], outcome: &mut Outcome) -> anyhow::Result<()> {
    for visit in tasks {
        office
            .publisher
            .post(&format!("/api/publications/{}", visit.task), json!({}))
            .await?;
        let record = office
            .supervisor
            .get(&format!("/api/review/{}", visit.task))
            .await?;
        let photos = record["photos"].as_array().into_iter().flatten();
        outcome.records_sealed += u64::from(!record["sealed"].is_null());
        outcome.photos_stored += photos.filter(|p| p["stored"] == "original").count() as u64;
    }
    let published = office
        .publisher
        .get("/api/publications?state=in_publicity")
        .await?;
    outcome.published = published["total"].as_u64().unwrap_or(0);
    let _ = &office.registrar;
    Ok(())
}
