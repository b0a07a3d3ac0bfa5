//! A tablet with 20 records and 60 photos on a bad link.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;

use super::print;
use crate::picture;
use crate::shaped::{Shape, ShapedLink};
use crate::small::{SmallOffice, tablet};
use crate::visit::arrive;
use crate::wire::NOW;

const RECORDS: u32 = 20;
const PHOTOS: u32 = 3;
/// 64 kbit/s.
pub const RATE: u64 = 8_000;
/// 300 ms, half of it each way.
pub const DELAY: Duration = Duration::from_millis(150);
/// A cut every 20 s, for half a second.
const CUTS: (Duration, Duration) = (Duration::from_secs(20), Duration::from_millis(500));

/// The shape of the slow link, without cuts.
pub fn slow() -> Shape {
    Shape {
        rate: Some(RATE),
        delay: DELAY,
        ..Shape::default()
    }
}

/// Where the measured way goes when it is not a proxy in this process.
pub struct Way {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where the tablet finds it.
    pub via: SocketAddr,
    /// A file that is made when the measuring begins.
    pub begin: std::path::PathBuf,
}

/// What is in the office: changes that tablets brought, thumbnails.
async fn arrived(office: &SmallOffice) -> (i64, i64) {
    let state = &office.office;
    let changes = state.count("SELECT count(*) FROM record_changes WHERE author_person <> ''");
    let thumbnails = state
        .count("SELECT count(*) FROM blobs WHERE kind = 'thumbnail' AND stored_at IS NOT NULL");
    (changes.await, thumbnails.await)
}

/// Time against what the compressed bytes alone need.
pub async fn slow_link(name: &str, way: Option<Way>) -> anyhow::Result<()> {
    let (data, store) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let listen = way
        .as_ref()
        .map_or_else(|| ([127, 0, 0, 1], 0).into(), |w| w.listen);
    let office = SmallOffice::open_on(data.path(), RECORDS, listen).await;
    let server: SocketAddr = office.address.trim_start_matches("http://").parse()?;
    let link = ShapedLink::to(server, Shape::default(), 1).await?;
    let (running, app) = tablet(store.path()).await;
    app.enrol(
        &link.url(),
        "CODE1",
        &[("zhang", "135790"), ("li", "246801")],
    )
    .await?;
    app.unlock("zhang", "135790").await?;
    app.sync().await?;
    link.set_open(false);
    record_all(&app).await?;
    // Everything else rests, so that the first try is made on the slow link.
    let began = Instant::now();
    match &way {
        None => {
            let cuts = Some(CUTS);
            link.become_another(Shape { cuts, ..slow() }, server);
            link.start_cuts();
        }
        Some(way) => {
            link.become_another(Shape::default(), way.via);
            std::fs::write(&way.begin, "")?;
        }
    }
    link.set_open(true);
    link.take_counts();
    app.post("/api/sync/now", json!({})).await?;
    let (changes, thumbnails) = (written(&app).await?, RECORDS * PHOTOS);
    loop {
        let (came, thumbs) = arrived(&office).await;
        if came >= changes && thumbs >= i64::from(thumbnails) {
            break;
        }
        ensure!(
            began.elapsed() < Duration::from_secs(600),
            "{came} changes and {thumbs} thumbnails came: {}",
            app.get("/api/sync").await?
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = began.elapsed().as_secs_f64();
    let needed = compressed(&office).await?;
    let (up, down, cuts) = link.take_counts();
    print(
        &format!("{name}_time_ratio"),
        format!("{:.3}", took / (needed as f64 / RATE as f64)),
        "of what the compressed bytes need",
    );
    print(&format!("{name}_s"), format!("{took:.1}"), "s");
    print(&format!("{name}_compressed_bytes"), needed, "B");
    if way.is_none() {
        print(&format!("{name}_up_bytes"), up, "B");
        print(&format!("{name}_down_bytes"), down, "B");
        print(&format!("{name}_cuts"), cuts, "cuts");
        let early = office.office.count(
            "SELECT CAST((SELECT coalesce(sum(size), 0) FROM blobs WHERE kind <> 'thumbnail' AND stored_at IS NOT NULL)
                 + (SELECT coalesce(sum(u.received), 0) FROM uploads u JOIN blobs b
                    ON b.task = u.task AND b.sha256 = u.sha256 AND b.size = u.size
                    WHERE b.kind <> 'thumbnail') AS BIGINT)",
        );
        print(&format!("{name}_early_bytes"), early.await, "B");
    }
    running.stop().await;
    Ok(())
}

async fn record_all(app: &crate::tablet::Tablet) -> anyhow::Result<()> {
    let mut seed = 0;
    for task in app.tasks().await? {
        let task = crate::office::text(&task, "task")?;
        arrive(app, &task, "张、李", NOW).await?;
        for point in 1..=20 {
            let path = |what| format!("point/A1/p{point}/{what}");
            let answer = (path("answer"), json!("compliant"));
            let note = (
                path("note"),
                json!(format!("第{point}项现场查看，未见异常。")),
            );
            let cells = if point % 4 == 0 {
                vec![answer, note]
            } else {
                vec![answer]
            };
            app.write(&task, &cells).await?;
        }
        for _ in 0..PHOTOS {
            seed += 1;
            app.photo(&task, "A1/p1", "货架", "a.jpg", picture::shelf(seed)?)
                .await?;
        }
    }
    Ok(())
}

/// How many changes this tablet has written.
async fn written(app: &crate::tablet::Tablet) -> anyhow::Result<i64> {
    let status = app.get("/api/sync").await?;
    let rows = status["rows"].as_array().cloned().unwrap_or_default();
    let count = |r: &serde_json::Value| {
        let of = |k: &str| r["changes"][k].as_i64().unwrap_or(0);
        // The first change of each record is the server's.
        of("on_this_tablet") + of("sent") + of("confirmed") - 1
    };
    ensure!(rows.len() == RECORDS as usize, "{} records", rows.len());
    Ok(rows.iter().map(count).sum())
}

/// Changes by zstd -3 as one, thumbnails as they are.
async fn compressed(office: &SmallOffice) -> anyhow::Result<u64> {
    let read = office.office.state.db.read(|tx| {
        let changes: Vec<Vec<u8>> = tx.query(
            "SELECT bytes FROM record_changes WHERE author_person <> ''",
            &[],
            |r| r.get(0),
        )?;
        let thumbnails: i64 = tx.query_one(
            "SELECT CAST(sum(size) AS BIGINT) FROM blobs WHERE kind = 'thumbnail'",
            &[],
            |r| r.get(0),
        )?;
        Ok((changes.concat(), thumbnails))
    });
    let (changes, thumbnails) = read.await.map_err(|e| anyhow::anyhow!("{e:?}"))?;
    let changes = zstd::bulk::compress(&changes, 3)?.len();
    Ok(changes as u64 + u64::try_from(thumbnails)?)
}
