//! `server`: the program of the office.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use server::account;
use server::clock::SystemClock;
use server::config::Settings;
use server::import::{self, ImportKind};
use server::journal::{self, Entry};
use server::register::Trace;
use server::rng::SystemRng;
use server::sample::{self, Size};
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
    /// Import a spreadsheet (XLSX or UTF-8 CSV); the last line is `imported N, refused M`.
    Import {
        /// What it holds.
        kind: ImportKind,
        /// The spreadsheet.
        file: PathBuf,
        /// Where to write the refused rows, with what is wrong.
        #[arg(long)]
        errors: Option<PathBuf>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Write fictitious registers as spreadsheets, to try the software with.
    Sample {
        /// Folder for the files.
        #[arg(long)]
        out: PathBuf,
        /// The same seed makes the same registers.
        #[arg(long, default_value_t = Size::default().seed)]
        seed: u64,
        /// How many objects.
        #[arg(long, default_value_t = Size::default().objects,
            value_parser = clap::value_parser!(u32).range(1..=100_000))]
        objects: u32,
    },
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
        Command::Import {
            kind,
            file,
            errors,
            settings,
        } => import_file(kind, file, errors, settings).await,
        Command::Sample { out, seed, objects } => sample::write(&out, Size { seed, objects }),
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

async fn import_file(
    kind: ImportKind,
    file: PathBuf,
    errors: Option<PathBuf>,
    settings: Settings,
) -> anyhow::Result<()> {
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    let tables = import::read(&bytes).map_err(|e| anyhow::anyhow!("{}: {e}", file.display()))?;
    let state = AppState::open(
        settings.finish()?,
        Arc::new(SystemClock),
        Arc::new(SystemRng),
    )
    .await?;
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (rng, now) = (state.rng.clone(), state.now());
    let found = state
        .db
        .write(move |tx| {
            let trace = Trace {
                at: now,
                actor: "cli".into(),
                actor_name: "命令行".into(),
                source: name.clone(),
                reason: "表格导入".into(),
            };
            let found = import::run(
                tx,
                import::Source {
                    kind,
                    tables: &tables,
                    chosen: None,
                    scope: account::Scope::Everywhere,
                    trace,
                    rng: rng.as_ref(),
                },
                true,
                &|_, _| {},
            )?;
            let mut entry = Entry::by_server(now, "import.done", format!("import/{name}")).detail(
                serde_json::json!({
                    "kind": kind, "accepted": found.accepted, "refused": found.refused,
                }),
            );
            entry.origin = "cli".into();
            journal::append(tx, &entry)?;
            Ok(found)
        })
        .await?;
    for error in found.errors.iter().take(20) {
        println!(
            "第 {} 行，{}“{}”：{}",
            error.row, error.column, error.value, error.message
        );
    }
    if found.errors.len() > 20 {
        println!("… 共 {} 处，全部见错误文件（--errors）", found.errors.len());
    }
    if let Some(path) = errors.filter(|_| found.refused > 0) {
        std::fs::write(&path, &found.error_file).with_context(|| path.display().to_string())?;
    }
    println!("imported {}, refused {}", found.accepted, found.refused);
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
