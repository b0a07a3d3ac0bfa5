//! Video and sound of a visit (F9) from the tablet to the office: sent last, played from any place by
//! those who may see the record, never in memory as a whole, never public.

use std::path::Path;

use serde_json::json;
use tests::processes::Process;
use tests::small::{SmallOffice, tablet};
use tests::tablet::Tablet;
use tests::visit::{answer, arrive, conclude, sign};
use tests::wire::NOW;

/// Something that calls itself a WebM, of so many bytes.
fn webm(len: usize) -> Vec<u8> {
    let mut bytes = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm....V_VP8".to_vec();
    bytes.extend((bytes.len()..len).map(|i| (i * 31 % 251) as u8));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_reaches_the_review_and_nobody_else() -> anyhow::Result<()> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let small = SmallOffice::open(folders[0].path()).await;
    let task = small.office.task.to_string();
    let (_running, zhang) = tablet(folders[1].path()).await;
    let pins = [("zhang", "135790"), ("li", "246801")];
    zhang.enrol(&small.address, "CODE1", &pins).await?;
    zhang.unlock("zhang", "135790").await?;
    zhang.sync().await?;
    // Longer than one part of the office's store and many chunks of the way.
    let video = webm(9_000_001);
    let caption = "门口说明来意";
    let id = zhang.clip(&task, "entry", caption, video.clone()).await?;
    arrive(&zhang, &task, "张、李", NOW).await?;
    answer(&zhang, &task, |_| true, |_| false).await?;
    conclude(&zhang, &task, false, NOW + 3_600_000).await?;
    let signers = pins.map(|(p, pin)| (p.to_owned(), pin.to_owned()));
    sign(&zhang, &task, &signers, json!([])).await?;
    zhang.sync().await?;
    let stored = "SELECT count(*) FROM blobs WHERE kind = 'clip' AND stored_at IS NOT NULL";
    assert_eq!(small.office.count(stored).await, 1);
    assert_eq!(
        small.office.count("SELECT count(*) FROM quarantine").await,
        0
    );

    let supervisor = small.sign_in("supervisor").await?;
    let view = supervisor.get(&format!("/api/review/{task}")).await?;
    let clip = &view["clips"][0];
    assert_eq!(
        (
            &clip["kind"],
            &clip["media"],
            &clip["caption"],
            &clip["size"]
        ),
        (
            &json!("entry"),
            &json!("video/webm"),
            &json!(caption),
            &json!(9_000_001)
        )
    );
    assert!(!view["sealed"].is_null(), "the clip is under the seal");
    let url = clip["url"].as_str().expect("a place").to_owned();
    assert_eq!(url, format!("/api/records/{task}/clips/{id}"));
    assert_eq!(supervisor.bytes(&url).await?, video);
    for (asked, status, part) in [
        ("bytes=0-1", 206, &video[..2]),
        ("bytes=8388600-8388620", 206, &video[8_388_600..8_388_621]),
        ("bytes=9000000-", 206, &video[9_000_000..]),
        ("bytes=-3", 206, &video[8_999_998..]),
        ("bytes=9000001-", 416, &[]),
    ] {
        let got = supervisor.range(&url, asked).await?;
        assert_eq!((got.0, got.1.as_slice()), (status, part), "{asked}");
    }

    // Who may not see records sees no clip. The party's copy, which it signed, says that
    // there is one; nobody else outside hears of it.
    let officer = small.sign_in("planner").await?;
    assert!(officer.bytes(&url).await.is_err(), "no right to records");
    let public = reqwest::Client::new();
    let page = async |path: &str| -> anyhow::Result<(u16, String)> {
        let answer = public
            .get(format!("{}{path}", small.address))
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    };
    assert_eq!(page(&url).await?.0, 401);
    let copy = zhang.get(&format!("/api/tasks/{task}/copy")).await?;
    let address = copy["url"].as_str().expect("an address");
    let path = address.split_once("/c/").expect("a copy").1;
    let (status, text) = page(&format!("/c/{path}")).await?;
    assert_eq!(status, 200);
    // The party is told that there is one, as it was when it signed.
    assert!(text.contains("录像录音") && text.contains("1 段"), "{text}");
    assert!(!text.contains(caption) && !text.contains(&id), "{text}");
    let file = zhang.bytes(&format!("/api/tasks/{task}/copy.html")).await?;
    let file = String::from_utf8_lossy(&file);
    assert!(file.contains(caption) && !file.contains("<video") && !file.contains(&id));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_handed_in_by_file_is_whole_at_the_office() -> anyhow::Result<()> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let small = SmallOffice::open(folders[0].path()).await;
    let task = small.office.task.to_string();
    let link = tests::story::link_to(&small.address).await?;
    let (_running, zhang) = tablet(folders[1].path()).await;
    let pins = [("zhang", "135790"), ("li", "246801")];
    zhang.enrol(&link.url(), "CODE1", &pins).await?;
    zhang.unlock("zhang", "135790").await?;
    zhang.sync().await?;
    link.cut();
    let video = webm(3_000_000);
    zhang.clip(&task, "refusal", "拒绝", video.clone()).await?;
    let parties = zhang.get("/api/bundle/parties").await?;
    let office = parties["rows"].as_array().into_iter().flatten();
    let mut office = office.filter(|r| r["kind"] == "office");
    let key = office
        .next()
        .and_then(|r| r["key"].as_str())
        .expect("office");
    let path = format!("/api/bundle/file?recipients={key}&photos=everything");
    let bundle = zhang.bytes(&path).await?;
    let officer = small.sign_in("draw_officer").await?;
    // A stick that was pulled out early, then the whole file: it goes on where it stopped.
    let cut = bundle[..bundle.len() - 500_000].to_vec();
    let told = officer.put_file("/api/bundles", cut).await?;
    assert_eq!(told["whole"], false, "{told}");
    let told = officer.put_file("/api/bundles", bundle).await?;
    assert_eq!(told["tasks"][0]["new_photos"], 1, "{told}");
    assert_eq!(told["tasks"][0]["photos_left_out"], 0, "{told}");
    let supervisor = small.sign_in("supervisor").await?;
    let view = supervisor.get(&format!("/api/review/{task}")).await?;
    let url = view["clips"][0]["url"].as_str().expect("here").to_owned();
    assert_eq!(supervisor.bytes(&url).await?, video);

    // The other way, for a tablet that came later: by network no clip comes to a tablet, by file it does.
    let folder = tempfile::tempdir()?;
    let (_running, li) = tablet(folder.path()).await;
    li.enrol(&small.address, "CODE2", &[("li", "246801")])
        .await?;
    li.unlock("li", "246801").await?;
    li.sync().await?;
    let path = format!("/api/tasks/{task}/clips");
    let seen = li.get(&path).await?["rows"][0].clone();
    assert_eq!(seen["here"], false, "{seen}");
    let device = li.get("/api/state").await?["device"].clone();
    let device = device.as_str().expect("enrolled");
    let bundle = format!("/api/devices/{device}/bundle");
    let plan = officer.get(&format!("{bundle}/plan")).await?;
    let size = |of: &str| plan[of].as_u64().expect("a size");
    assert_eq!(plan["clips"], 1, "{plan}");
    assert!(size("bytes_everything") >= size("bytes_originals") + 3_000_000);
    let without = officer.bytes(&format!("{bundle}?photos=originals")).await?;
    li.send_file("/api/bundle/import", without).await?;
    assert_eq!(li.get(&path).await?["rows"][0]["here"], false);
    let whole = officer
        .bytes(&format!("{bundle}?photos=everything"))
        .await?;
    let told = li.send_file("/api/bundle/import", whole).await?;
    assert_eq!(told["tasks"][0]["photos"], 1, "{told}");
    let id = seen["clip"].as_str().expect("an id");
    let file = li.bytes(&format!("{path}/{id}/file")).await?;
    assert_eq!(file, video);
    Ok(())
}

/// Greatest memory of a process so far, in MiB.
fn peak_mib(process: &Process) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kib = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.expect("a peak") / 1024)
}

/// A body of so many bytes that is made as it is read.
fn long_body(parts: u64) -> (u64, reqwest::Body) {
    const PART: usize = 1 << 20;
    let made = (0..parts).map(|n| {
        let mut part = vec![n as u8; PART];
        if n == 0 {
            let head = webm(64);
            part[..64].copy_from_slice(&head);
        }
        Ok::<_, std::io::Error>(part)
    });
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(made));
    (parts * PART as u64, body)
}

async fn unlocked(folder: &Path, address: &str) -> anyhow::Result<(Process, Tablet)> {
    let process = tests::story::start_tablet(folder, 1)?;
    let app = Tablet::launch(&process.after("launch ")?).await?;
    let pins = [("zhang", "135790"), ("li", "246801")];
    app.enrol(address, "CODE1", &pins).await?;
    app.unlock("zhang", "135790").await?;
    Ok((process, app))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_of_200_mib_is_never_in_memory_as_a_whole() -> anyhow::Result<()> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let small = SmallOffice::open(folders[0].path()).await;
    let task = small.office.task.to_string();
    let (process, zhang) = unlocked(folders[1].path(), &small.address).await?;
    zhang.sync().await?;
    let before = peak_mib(&process)?;
    let (size, body) = long_body(200);
    let clip = zhang.long_clip(&task, "check", size, body).await?;
    let file = format!("/api/tasks/{task}/clips/{clip}/file");
    let (status, tail) = zhang.range(&file, "bytes=-2000000").await?;
    assert_eq!((status, tail.len(), tail[0]), (206, 2_000_000, 198));
    // A good part of it goes to the office as well.
    let path = format!("/api/tasks/{task}/clips");
    for _ in 0..1200 {
        let sent = zhang.get(&path).await?["rows"][0]["sent"].as_i64();
        if sent > Some(20 << 20) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let clip = zhang.get(&path).await?["rows"][0].clone();
    assert!(clip["sent"].as_i64() > Some(20 << 20), "{clip}");
    let after = peak_mib(&process)?;
    assert!(
        after < 200 && after < before + 60,
        "{before} MiB, then {after} MiB"
    );
    Ok(())
}
