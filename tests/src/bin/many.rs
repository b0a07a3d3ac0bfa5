//! An office and a tablet with many tasks and photos, for tests of what a screen does with so much. Prints
//! `many {json}` once all is there and ends with its standard input.

use std::collections::BTreeMap;

use anyhow::Context;
use clap::Parser;
use serde_json::json;
use tests::picture;
use tests::small::{SmallOffice, tablet};

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 500)]
    tasks: u32,
    /// In all records together.
    #[arg(long, default_value_t = 5_000)]
    photos: usize,
    /// Of these, in one record.
    #[arg(long, default_value_t = 60)]
    in_one: usize,
}

const PIN: &str = "135790";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let any_port = ([127, 0, 0, 1], 0).into();
    let office = SmallOffice::open_on(folders[0].path(), arguments.tasks, any_port).await;
    let (agent, app) = tablet(folders[1].path()).await;
    let pins = [("zhang", PIN), ("li", PIN)];
    app.enrol(&office.address, "CODE1", &pins).await?;
    app.unlock("zhang", PIN).await?;
    app.sync().await?;
    let mut tasks: Vec<String> = Vec::new();
    while tasks.len() < arguments.tasks as usize {
        let page = app
            .get(&format!("/api/tasks?limit=200&offset={}", tasks.len()))
            .await?;
        let rows = page["rows"].as_array().context("rows")?;
        let ids = rows.iter().filter_map(|t| t["task"].as_str());
        let before = tasks.len();
        tasks.extend(ids.map(str::to_owned));
        anyhow::ensure!(tasks.len() > before, "only {before} tasks came");
    }
    // What is on the screens of this test are the office's photos and few others: small ones do.
    let shelf = small(&picture::shelf(1)?, 320)?;
    let speck = small(&picture::shelf(2)?, 24)?;
    let (first, others) = tasks.split_first().context("no tasks")?;
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    for n in 0..arguments.photos {
        let (task, picture) = match others.get(n % others.len().max(1)) {
            Some(other) if n >= arguments.in_one => (other, &speck),
            _ => (first, &shelf),
        };
        let mut picture = picture.clone();
        // Every photo is another.
        picture.extend_from_slice(&n.to_be_bytes());
        let count = at.entry(task).or_default();
        let point = *count % 20 + 1;
        *count += 1;
        app.photo(task, &format!("A1/p{point}"), "货架", "a.jpg", picture)
            .await?;
    }
    let about = json!({
        "launch": agent.agent().access().new_launch_url(),
        "pin": PIN,
        "first": first,
        "tasks": tasks.len(),
        "photos": arguments.photos,
    });
    println!("many {about}");
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()))
        .await??;
    Ok(())
}

/// The picture as a JPEG so many pixels wide.
fn small(picture: &[u8], width: u32) -> anyhow::Result<Vec<u8>> {
    let picture = image::load_from_memory(picture)?.thumbnail(width, width);
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg)?;
    Ok(bytes.into_inner())
}
