//! A bundle of two gigabytes passes through office and tablet in little memory (lesson 9). Too large for
//! every run: `cargo test --release --workspace --test bundle_large -- --ignored --nocapture`; it needs
//! 7 GB of disk. `PHOTOS=n` takes n photos of 50 MiB instead of 41.

use std::fs::File;
use std::io::BufWriter;
use std::time::Instant;

use sync::bundle::{BundleWriter, MAX_BLOB_BYTES};
use sync::ids::Sha256;
use sync::message::{BlobKind, BlobRef};
use sync::signing;
use tests::attacks::Dice;
use tests::fellow::said;
use tests::small::{SmallOffice, tablet};
use tests::wire::{NOW, WireTablet};

const SIZE: u64 = 50 << 20;
/// Two stretches of a photo and one whole photo at the tablet, and what their buffers round up to.
const MOST_KIB: u64 = 192 * 1024;

/// Photos of [`SIZE`] bytes; 41 of them are two gigabytes.
fn photos() -> u64 {
    let asked = std::env::var("PHOTOS").ok().and_then(|n| n.parse().ok());
    asked.unwrap_or(41)
}

/// Prints how fast so many bytes went, and returns the present moment.
fn told(what: &str, bytes: u64, since: Instant) -> Instant {
    let took = since.elapsed().as_secs_f64();
    println!("bundle_{what}_mb_s {:.0}", bytes as f64 / 1e6 / took);
    Instant::now()
}

/// The stretch of photo `n` that begins at `from`: no two are alike.
fn stretch(n: u64, from: u64) -> Vec<u8> {
    let mut bytes = vec![0x5a; MAX_BLOB_BYTES.min((SIZE - from) as usize)];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    bytes[8..16].copy_from_slice(&from.to_le_bytes());
    bytes
}

fn stretches(n: u64) -> impl Iterator<Item = Vec<u8>> {
    let starts = (0..SIZE).step_by(MAX_BLOB_BYTES);
    starts.map(move |from| stretch(n, from))
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:"));
    let number = line.and_then(|l| l.split_whitespace().nth(1));
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes six gigabytes"]
async fn two_gigabytes_stream_through_office_and_tablet() -> anyhow::Result<()> {
    let folders = [(); 3].map(|()| tempfile::tempdir().expect("a folder"));
    let small = SmallOffice::open(folders[0].path()).await;
    let task = small.office.task;
    let officer = small.sign_in("draw_officer").await?;
    let (_running, zhang) = tablet(folders[1].path()).await;
    let both = [("zhang", "135790"), ("li", "246801")];
    zhang.enrol(&small.address, "CODE1", &both).await?;
    zhang.unlock("zhang", "135790").await?;
    // A colleague's tablet, of which only the device key is needed here.
    let (other, lis) = tablet(folders[2].path()).await;
    lis.enrol(&small.address, "CODE2", &both[1..]).await?;
    lis.unlock("li", "246801").await?;
    lis.sync().await?;
    zhang.sync().await?;
    let li = WireTablet::with(other.agent().nearby_identity().expect("open"), "li");
    other.stop().await;
    let mut li = small.office.granted_to(li).await;

    let mut cells = Vec::new();
    let mut blobs = Vec::new();
    let photos = photos();
    for n in 0..photos {
        let mut hash = sha2::Sha256::default();
        stretches(n).for_each(|s| sha2::Digest::update(&mut hash, &s));
        let sha256 = Sha256(sha2::Digest::finalize(hash).into());
        let name = sha256.to_string();
        cells.push((format!("photo/{n:016x}/sha256"), name.as_str().into()));
        cells.push((format!("photo/{n:016x}/size"), (SIZE as i64).into()));
        blobs.push(BlobRef {
            task,
            sha256,
            size: SIZE,
            kind: BlobKind::Original,
        });
    }
    let changes = li.write(task, &cells);
    let zhang_key = zhang.get("/api/bundle/parties").await?["rows"]
        .as_array()
        .and_then(|rows| rows.iter().find(|r| r["kind"] == "this_tablet")?["key"].as_str())
        .and_then(|k| k.parse().ok());
    let office_key = small.office.state.keys.signing();
    let keys = [
        signing::public(office_key),
        zhang_key.ok_or_else(|| anyhow::anyhow!("no key"))?,
    ];
    let path = folders[2].path().join("large.drb");
    let mut dice = Dice(5);
    let mut random = |out: &mut [u8]| out.fill_with(|| dice.below(256) as u8);
    let began = Instant::now();
    let out = BufWriter::new(File::create(&path)?);
    let mut writer = BundleWriter::new(out, &li.secret, &keys, NOW, &mut random)?;
    writer.message(&said(task, vec![li.author()], changes))?;
    for (n, blob) in (0..).zip(&blobs) {
        writer.blob(blob)?;
        for bytes in stretches(n) {
            writer.bytes(&bytes)?;
        }
    }
    writer.finish()?.into_inner()?.sync_all()?;
    let size = std::fs::metadata(&path)?.len();
    assert!(size > photos * SIZE, "{size}");
    let began = told("written", size, began);

    let before = peak_kib();
    let answer = officer.put_from("/api/bundles", &path).await?;
    assert_eq!(answer["tasks"][0]["new_photos"], photos, "{answer}");
    let began = told("to_office", size, began);
    let office = peak_kib() - before;
    let answer = zhang.send_from("/api/bundle/import", &path).await?;
    assert_eq!(answer["tasks"][0]["photos"], photos, "{answer}");
    let began = told("to_tablet", size, began);
    let tablet = peak_kib() - before;
    // And out of the tablet again.
    let path = format!("/api/bundle/file?recipients={}&photos=originals", keys[1]);
    let length = zhang.length(&path).await?;
    assert!(length > photos * SIZE, "{length}");
    told("from_tablet", length, began);
    let export = peak_kib() - before;
    println!(
        "bundle of {size} bytes: office +{office} KiB, tablet +{tablet} KiB, out of it +{export} KiB over {before} KiB"
    );
    assert!(export < MOST_KIB, "{export} KiB more");
    Ok(())
}
