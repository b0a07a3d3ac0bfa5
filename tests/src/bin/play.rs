//! `make demo`: plays the whole story with the real programs, then leaves them running.

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use tests::story::{self, ACCOUNTS, PASSWORD, PIN};

/// Plays the story of Double Random with a real server and two real tablets.
#[derive(Parser)]
struct Arguments {
    /// Folder for everything; must not exist yet.
    #[arg(long, default_value = "demo-data")]
    data: PathBuf,
    /// Address of the server.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// End after the story; the last line is JSON.
    #[arg(long)]
    once: bool,
    /// Stop after the dispatch with two tablets that are not enrolled yet, print what a browser test
    /// needs as JSON, and run until standard input ends.
    #[arg(long, hide = true)]
    stage: bool,
    /// With `--stage`: three items, together 30 check points.
    #[arg(long, hide = true)]
    long_visit: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let data = &arguments.data;
    anyhow::ensure!(
        !data.join("server").exists(),
        "{} holds an earlier demo: remove the folder, or choose another with DEMO_DATA=…",
        data.display()
    );
    // A demo that ends by itself takes any free port, so that it disturbs no other.
    let listen = if arguments.once || arguments.stage {
        "127.0.0.1:0"
    } else {
        &arguments.listen
    };
    let began = Instant::now();
    let tell = |step: &str| println!("[{:6.1} s] {step}", began.elapsed().as_secs_f64());
    if arguments.stage {
        let items: &[&str] = if arguments.long_visit {
            &story::A_LONG_VISIT
        } else {
            &story::PRICES
        };
        let prepared = story::prepare(data, listen, items, &tell).await?;
        let (tablets, stage) = prepared.tablets_to_enrol(data).await?;
        println!("stage {stage}");
        // The lines `cut` and `restore` cut the tablets' network and restore it, `cut 0` that of the
        // first alone; the end of the input ends everything.
        let server = prepared.into_server();
        let links: Vec<_> = tablets.iter().map(|(_, link)| link.clone()).collect();
        tokio::task::spawn_blocking(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                let (word, which) = line.split_once(' ').unwrap_or((&line, ""));
                let which: Option<usize> = which.parse().ok();
                let meant = links
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| which.is_none_or(|w| w == *n));
                for (_, link) in meant {
                    match word {
                        "cut" => link.cut(),
                        "restore" => link.restore(),
                        _ => {}
                    }
                }
            }
        })
        .await?;
        drop((server, tablets));
        return Ok(());
    }
    let stage = story::play(data, listen, &tell).await?;
    tell("完成 · done");
    if arguments.once {
        println!("{}", serde_json::to_string(&stage.outcome)?);
        return Ok(());
    }
    println!("\n{}", serde_json::to_string_pretty(&stage.outcome)?);
    println!("\n管理端 Console   {}/console/", stage.url);
    for account in ACCOUNTS {
        println!("    {:<12} {PASSWORD}    {}", account.login, account.name);
    }
    println!("公众网站 Portal  {}/", stage.url);
    for (n, tablet) in (1..).zip(&stage.tablets) {
        let url = tablet
            .app
            .post("/api/launch-links", serde_json::json!({}))
            .await?;
        println!(
            "平板 Tablet {n}    {}",
            url["url"].as_str().unwrap_or_default()
        );
    }
    println!("    {}    PIN {PIN}", stage.inspectors.join("、"));
    println!("\n以上均为虚构示例。按 Ctrl-C 结束。 All of this is fictitious. Ctrl-C ends it.");
    asked_to_stop().await?;
    Ok(())
}

/// Ctrl-C or SIGTERM: either way the programs that were started end as well.
async fn asked_to_stop() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
