//! 10,000 tablets that poll once a minute over connections that stay open.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use reqwest::Client;
use sync::message::pack;

use super::crowd::{idle_request, prepare, round_trip, secret};
use super::print;
use crate::processes::{Process, built};

const TABLETS: u32 = 10_000;
/// Every tablet polls once in so long.
const POLL: Duration = Duration::from_secs(60);
/// Processor time is counted over so long.
const WINDOW: Duration = Duration::from_secs(30);

/// The server's share of one core.
pub async fn idle() -> anyhow::Result<()> {
    #[allow(
        clippy::disallowed_methods,
        reason = "the server that runs has the system's clock"
    )]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let data = tempfile::tempdir()?;
    let tablets = TABLETS.min(allowed()?);
    prepare(data.path(), tablets, i64::try_from(now.as_millis())?).await?;
    let mut command = Command::new(built("server")?);
    command
        .args(["run", "--no-drand", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path());
    let log = data.path().join("server.log");
    let server = Process::start(command, &log, |line| line.contains("http://"))?;
    let address = server
        .said
        .iter()
        .find_map(|l| l.split_whitespace().find(|w| w.starts_with("http://")))
        .context("an address")?
        .trim_end_matches('/')
        .to_owned();
    let mut load = Command::new(std::env::current_exe()?);
    load.args(["idle-load", &address, &tablets.to_string()]);
    let mut load = Process::start(load, &data.path().join("load.log"), |line| line == "open")?;
    let (before, since) = (processor(server.id())?, Instant::now());
    tokio::time::sleep(WINDOW).await;
    let used = processor(server.id())? - before;
    let took = since.elapsed().as_secs_f64();
    // Polls that were answered wrongly end the load.
    ensure!(load.is_running()?, "the load ended: see what it said");
    let share = used / took * 100.0 * f64::from(TABLETS) / f64::from(tablets);
    print("idle_10k_cpu_pct", format!("{share:.1}"), "% of one core");
    print("idle_connections", tablets, "connections");
    Ok(())
}

/// Polls in the name of so many tablets, forever.
pub async fn load(address: &str, tablets: u32) -> anyhow::Result<()> {
    let mut polls = tokio::task::JoinSet::new();
    let (opened, mut wait) = tokio::sync::mpsc::channel::<()>(64);
    for n in 0..tablets {
        let (address, opened) = (address.to_owned(), opened.clone());
        polls.spawn(async move {
            // A tenth of the minute to open all connections, then evenly over each minute.
            let start = POLL.mul_f64(f64::from(n) / f64::from(tablets));
            tokio::time::sleep(start / 3).await;
            let client = Client::builder().pool_idle_timeout(None).build()?;
            let (secret, first) = (secret(n), pack(&idle_request(None))?);
            let cursor = round_trip(&client, &address, &secret, first).await?.cursor;
            drop(opened);
            tokio::time::sleep(start * 2 / 3).await;
            loop {
                tokio::time::sleep(POLL).await;
                let body = pack(&idle_request(Some(cursor)))?;
                round_trip(&client, &address, &secret, body).await?;
            }
            #[allow(unreachable_code, reason = "tells the type")]
            anyhow::Ok(())
        });
    }
    drop(opened);
    // Until all have dropped theirs, and the second round of each is under way.
    let _ = wait.recv().await;
    // Lines, so that whoever waits knows that this goes on.
    for _ in 0..4 {
        println!("opening");
        tokio::time::sleep(POLL / 6).await;
    }
    println!("open");
    match polls.join_next().await {
        Some(ended) => ended?,
        None => Ok(()),
    }
}

/// How many connections a process here may have, less what else it needs.
fn allowed() -> anyhow::Result<u32> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find(|l| l.starts_with("Max open files"))
        .context("a limit")?;
    let soft = line.split_whitespace().nth(3).context("a number")?;
    Ok(soft
        .parse::<u32>()
        .map_or(TABLETS, |n| n.saturating_sub(200)))
}

/// Seconds of processor time that a process has used.
fn processor(id: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .context("fields")?
        .split_whitespace()
        .collect();
    let ticks: f64 = fields.get(11).context("user")?.parse::<f64>()?
        + fields.get(12).context("system")?.parse::<f64>()?;
    Ok(ticks / 100.0)
}
