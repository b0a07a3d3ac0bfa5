//! `make bench`: prints lines `bench NAME VALUE UNIT`. Figures, not tests. Without a word all of them,
//! else `wire`, `link`, `automerge`, `herd` or `idle`.

use std::time::Instant;

use sync::message::DocChanges;
use tests::figures::{automerge, crowd, idle, link, print, work};
use tests::shaped::{Shape, ShapedLink};
use tests::wire::WireOffice;

/// Tasks and changes of each in the measured sync.
const TASKS: u32 = 200;
const CHANGES: usize = 10;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] => {
            sync_figures().await?;
            link::slow_link("slow_link", None).await?;
            automerge::compare().await?;
            crowd::herd().await?;
            idle::idle().await
        }
        ["wire"] => sync_figures().await,
        ["link"] => link::slow_link("slow_link", None).await,
        ["automerge"] => automerge::compare().await,
        ["herd"] => crowd::herd().await,
        ["idle"] => idle::idle().await,
        // A load for `idle`, in a process of its own.
        ["idle-load", address, tablets] => idle::load(address, tablets.parse()?).await,
        // Both ends of `tests/netns.sh`.
        ["delay", listen, server] => {
            let shape = Shape {
                delay: link::DELAY,
                ..Shape::default()
            };
            ShapedLink::open(listen.parse()?, server.parse()?, shape, 1).await?;
            println!("open");
            std::future::pending().await
        }
        ["link", listen, via, begin] => {
            let way = link::Way {
                listen: listen.parse()?,
                via: via.parse()?,
                begin: begin.into(),
            };
            link::slow_link("slow_link_netns", Some(way)).await
        }
        _ => anyhow::bail!("bench [wire|link|automerge|herd|idle]"),
    }
}

/// A day's work of one tablet in one round trip, and what an idle sync costs.
async fn sync_figures() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let office = WireOffice::open(data.path(), TASKS).await;
    let mut tablet = office.granted(1, "zhang").await;
    let tasks: Vec<_> = tablet.records.keys().copied().collect();
    anyhow::ensure!(
        tasks.len() == TASKS as usize,
        "{} tasks were granted",
        tasks.len()
    );
    let mut request = tablet.request();
    let mut raw = Vec::new();
    for (n, task) in tasks.into_iter().enumerate() {
        let cells: Vec<_> = (1..=CHANGES).map(|p| work(n, p)).collect();
        let changes = tablet.write(task, &cells);
        raw.extend(changes.iter().flat_map(|c| c.bytes.iter().copied()));
        request.docs.push(DocChanges { task, changes });
    }
    let began = Instant::now();
    let (response, up, down) = office.round_trip(&mut tablet, &request).await;
    let took = began.elapsed().as_secs_f64();
    let stored: u32 = response.verdicts.iter().map(|v| v.stored).sum();
    anyhow::ensure!(
        stored as usize == TASKS as usize * CHANGES,
        "{stored} changes were stored"
    );
    let plain = zstd::bulk::compress(&raw, 3)?.len();
    print("sync_200_round_trips", 1, "round trips");
    print("sync_200_up_bytes", up, "B");
    print("sync_200_down_bytes", down, "B");
    print(
        "sync_200_zstd_ratio",
        format!("{:.3}", (up + down) as f64 / plain as f64),
        "of zstd -3",
    );
    print(
        "admit_docs_per_s",
        format!("{:.0}", f64::from(TASKS) / took),
        "documents/s",
    );
    tablet.apply(&response);
    let idle = tablet.request();
    let (_, up, down) = office.round_trip(&mut tablet, &idle).await;
    print("idle_sync_bytes", up + down, "B");
    Ok(())
}
