//! The tablet host as a program.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Parser, Subcommand};
use field_agent::host::{self, Config, SystemClock, SystemRandom};
use field_agent::ports::Clock;
use field_agent::rescue;

#[derive(Parser)]
#[command(
    name = "field-agent",
    version,
    about = "双随机 · 平板 / the tablet of Double Random"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the tablet: prints the one-time address that opens the app.
    Run {
        /// Folder of the encrypted store.
        #[arg(long, env = "FIELD_AGENT_DATA")]
        data: PathBuf,
        /// Loopback address; port 0 takes a free one.
        #[arg(long, env = "FIELD_AGENT_LISTEN", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Where colleagues' tablets reach this one, once its inspectors want that; port 0 takes a free one.
        #[arg(long, env = "FIELD_AGENT_NEARBY", default_value = "0.0.0.0:0")]
        nearby: SocketAddr,
        /// Server to enrol at when the form names none.
        #[arg(long, env = "FIELD_AGENT_SERVER")]
        server: Option<String>,
        /// Trust only servers with a certificate from these authorities (PEM), and none of the system's.
        #[arg(long, env = "FIELD_AGENT_AUTHORITIES")]
        authorities: Option<PathBuf>,
    },
    /// Get out of a damaged tablet what is whole, readable; the PIN is read from standard input.
    Rescue {
        /// Folder of the encrypted store; the agent must not run.
        #[arg(long, env = "FIELD_AGENT_DATA")]
        data: PathBuf,
        /// Whose PIN opens it: the person's id.
        #[arg(long)]
        person: String,
        /// New folder for what comes out. It is readable: look after it.
        #[arg(long)]
        out: PathBuf,
        /// Then put the damaged store aside, so that the tablet can be enrolled anew.
        #[arg(long)]
        put_aside: bool,
    },
    /// Print the OpenAPI document of the tablet API.
    Openapi,
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("FIELD_AGENT_LOG")
                .unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Openapi => {
            std::io::stdout().write_all(field_agent::api::openapi_json()?.as_bytes())?
        }
        Command::Rescue {
            data,
            person,
            out,
            put_aside,
        } => rescue(&data, &person, &out, put_aside)?,
        Command::Run {
            data,
            listen,
            nearby,
            server,
            authorities,
        } => run(Config {
            listen,
            nearby,
            server,
            authorities,
            ..Config::new(data)
        })?,
    }
    Ok(())
}

fn rescue(data: &Path, person: &str, out: &Path, put_aside: bool) -> anyhow::Result<()> {
    let mut pin = String::new();
    eprint!("PIN: ");
    std::io::stdin().read_line(&mut pin)?;
    let (now, mut random) = (SystemClock.now_ms(), SystemRandom::default());
    let report = rescue::rescue(data, person, pin.trim_end(), out, now, &mut random)?;
    let mut told = std::io::stdout();
    writeln!(told, "{}", serde_json::to_string_pretty(&report)?)?;
    if put_aside {
        let aside = rescue::put_aside(data, now, &mut random)?;
        writeln!(told, "aside {}", aside.display())?;
    }
    Ok(())
}

#[tokio::main]
async fn run(config: Config) -> anyhow::Result<()> {
    let link = config.data.join("launch-url");
    let agent = host::start(
        config,
        Arc::new(SystemClock),
        Box::new(SystemRandom::default()),
    )
    .await?;
    // The app's icon reads a fresh address from a file that only this user can read.
    write_private(&link, &agent.new_launch_url())?;
    let mut out = std::io::stdout();
    writeln!(out, "listening {}", agent.addr)?;
    writeln!(out, "launch {}", agent.launch_url)?;
    out.flush()?;
    loop {
        tokio::select! {
            stopped = stop_asked() => break stopped?,
            () = agent.agent().access().launch_used() => write_private(&link, &agent.new_launch_url())?,
        }
    }
    let _ = std::fs::remove_file(&link);
    agent.stop().await;
    Ok(())
}

/// Ctrl-C, or the signal by which a service manager stops a program.
async fn stop_asked() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
    }
}

fn write_private(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
