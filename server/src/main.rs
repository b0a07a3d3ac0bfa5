//! `server`: the program of the office.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use server::account;
use server::clock::SystemClock;
use server::config::Settings;
use server::journal::{self, Entry};
use server::rng::SystemRng;
use server::state::AppState;
use server::{host, router};

/// Double Random (双随机): random inspections that the public can verify.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server until Ctrl-C or SIGTERM.
    Run {
        #[command(flatten)]
        settings: Settings,
        /// JSON file with the same settings; flags and environment win.
        #[arg(long, env = "DR_CONFIG")]
        config: Option<PathBuf>,
    },
    /// Print the OpenAPI description.
    Openapi,
    /// Judge changes from tablets; the server starts this itself.
    #[command(hide = true)]
    AdmitWorker,
    /// Give an account a one-time password, when nobody can sign in any more.
    ResetPassword {
        /// Name to sign in with.
        login: String,
        #[command(flatten)]
        settings: Settings,
    },
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DR_LOG")
        .unwrap_or_else(|_| "info,tower_http=warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::AdmitWorker) {
        // Before there is a runtime: its threads would count against the limit on memory.
        return exit(server::sync::worker::run());
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    exit(runtime.block_on(run(arguments.command)))
}

fn exit(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Run { settings, config } => {
            let file = config.as_deref().map(Settings::from_file).transpose()?;
            serve(settings.or(file.unwrap_or_default())).await
        }
        Command::AdmitWorker => server::sync::worker::run(),
        Command::Openapi => {
            print!("{}", router::openapi_json()?);
            Ok(())
        }
        Command::ResetPassword { login, settings } => reset_password(login, settings).await,
    }
}

async fn serve(settings: Settings) -> anyhow::Result<()> {
    let running = host::start(
        settings.finish()?,
        Arc::new(SystemClock),
        Arc::new(SystemRng),
    )
    .await?;
    if let Some(first) = &running.first_administrator {
        println!(
            "First run. Sign in as {} with the one-time password",
            first.login
        );
        println!("    {}", first.one_time_password);
        println!("It is shown only now and must be changed at the first sign-in.");
    }
    println!("Listening on {}", running.url());
    host::asked_to_stop().await?;
    println!("Stopping");
    running.stop().await;
    Ok(())
}

async fn reset_password(login: String, settings: Settings) -> anyhow::Result<()> {
    let state = AppState::open(
        settings.finish()?,
        Arc::new(SystemClock),
        Arc::new(SystemRng),
    )
    .await?;
    let password = account::one_time_password(state.rng.as_ref());
    let (secret, rng, now) = (password.clone(), state.rng.clone(), state.now());
    let account = state
        .db
        .write(move |tx| {
            let account = account::reset_password(tx, &login, &secret, rng.as_ref())?;
            let mut entry =
                Entry::by_server(now, "account.reset", format!("account/{}", account.id));
            entry.origin = "cli".into();
            journal::append(tx, &entry)?;
            Ok(account)
        })
        .await?;
    println!(
        "{} signs in with the one-time password {password}",
        account.login
    );
    Ok(())
}
