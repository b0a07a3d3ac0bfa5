//! A server whose clock starts at a given moment and goes on from there, for browser tests of what
//! depends on the time. Lines `now MILLIS` on standard input set the clock; the end of the input ends it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use clap::Parser;
use server::clock::{Clock, SystemClock};
use server::config::Settings;
use server::host;
use server::rng::SystemRng;

#[derive(Parser)]
struct Arguments {
    /// Folder for everything.
    #[arg(long)]
    data: PathBuf,
    /// What the clock says at the start, milliseconds since the Unix epoch.
    #[arg(long)]
    now: i64,
    /// SQL to fill the registers with.
    #[arg(long)]
    registers: PathBuf,
}

struct Shifted(AtomicI64);

impl Shifted {
    fn set(&self, now: i64) {
        self.0.store(now - SystemClock.now(), Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn now(&self) -> i64 {
        SystemClock.now() + self.0.load(Ordering::SeqCst)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let clock = Arc::new(Shifted(AtomicI64::new(0)));
    clock.set(arguments.now);
    let mut config = Settings {
        data: Some(arguments.data),
        listen: Some(([127, 0, 0, 1], 0).into()),
        no_drand: Some(true),
        ..Settings::default()
    }
    .finish()?;
    config.program = std::env::current_exe()?.with_file_name("server");
    let running = host::start(config, clock.clone(), Arc::new(SystemRng)).await?;
    let sql = std::fs::read_to_string(&arguments.registers)?;
    let filled = running
        .state
        .db
        .write(move |tx| Ok(tx.execute_script(&sql)?));
    filled.await?;
    let first = running
        .first_administrator
        .as_ref()
        .context("a new folder")?;
    println!("Sign in as {} with the one-time password", first.login);
    println!("one-time password {}", first.one_time_password);
    println!("Listening on {}", running.url());
    tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if let Some(now) = line
                .strip_prefix("now ")
                .and_then(|n| n.trim().parse().ok())
            {
                clock.set(now);
                println!("clock {now}");
            }
        }
    })
    .await?;
    running.stop().await;
    Ok(())
}
