//! The tablet host: `field-agent openapi` prints the tablet API.

use std::io::Write;

use clap::{Parser, Subcommand};

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
    /// Print the OpenAPI document of the tablet API.
    Openapi,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Openapi => {
            std::io::stdout().write_all(field_agent::api::openapi_json()?.as_bytes())?
        }
    }
    Ok(())
}
