//! Bad links between real tablets and the real server (F7).

use std::time::{Duration, Instant};

use field_agent::host::{HttpFetch, Patience};
use field_agent::ports::{Fetch, FetchError, FetchRequest};
use serde_json::{Value, json};
use tests::picture;
use tests::shaped::{Shape, ShapedLink};
use tests::small::{SmallOffice, tablet};
use tests::tablet::Tablet;
use tests::visit::arrive;
use tests::wire::NOW;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Bytes that go up may be at most so many times what is needed.
const MOST: f64 = 1.8;

// F7, lesson 3: what came of a chunk that was cut is not sent again
#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_over_a_link_that_is_cut_again_and_again() {
    let (data, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let office = SmallOffice::open_on(data.path(), 3, ([127, 0, 0, 1], 0).into()).await;
    let server = office
        .address
        .trim_start_matches("http://")
        .parse()
        .unwrap();
    let link = ShapedLink::to(server, Shape::default(), 5).await.unwrap();
    let (_running, app) = tablet(store.path()).await;
    let pins = [("zhang", "135790"), ("li", "246801")];
    app.enrol(&link.url(), "CODE1", &pins).await.unwrap();
    app.unlock("zhang", "135790").await.unwrap();
    app.sync().await.unwrap();
    link.set_open(false);
    for (n, task) in app.tasks().await.unwrap().iter().enumerate() {
        let task = task["task"].as_str().unwrap();
        arrive(&app, task, "张、李", NOW).await.unwrap();
        for point in 1..=20 {
            let cell = (format!("point/A1/p{point}/answer"), json!("compliant"));
            app.write(task, &[cell]).await.unwrap();
        }
        let photo = picture::shelf(n as u32).unwrap();
        app.photo(task, "A1/p1", "货架", "a.jpg", photo)
            .await
            .unwrap();
    }
    // Photos of some 200 KiB do not fit between two cuts.
    let shape = Shape {
        rate: Some(2_000_000),
        cut_within: Some(60_000),
        ..Shape::default()
    };
    link.become_another(shape, server);
    link.take_counts();
    link.set_open(true);
    app.sync().await.unwrap();
    let (up, _, cuts) = link.take_counts();
    let needed = office
        .office
        .count(
            "SELECT (SELECT CAST(sum(size) AS BIGINT) FROM blobs WHERE stored_at IS NOT NULL)
                + (SELECT CAST(sum(length(bytes)) AS BIGINT) FROM record_changes WHERE author_person <> '')",
        )
        .await;
    let stored = office
        .office
        .count("SELECT count(*) FROM blobs WHERE stored_at IS NOT NULL");
    assert_eq!(stored.await, 9, "three forms of three photos");
    assert!(cuts >= 5, "{cuts} cuts");
    let ratio = up as f64 / needed as f64;
    assert!(
        ratio <= MOST,
        "{up} bytes went up for {needed}, with {cuts} cuts: {ratio:.2}"
    );
}

/// What the tablet says of its sync, once it rests and `holds`.
async fn at_rest(app: &Tablet, holds: impl Fn(&Value) -> bool) -> Value {
    let mut status = Value::Null;
    for _ in 0..1_200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        status = app.get("/api/sync").await.unwrap();
        if status["phase"] == "idle" && holds(&status) {
            break;
        }
    }
    status
}

// F7: originals and clips only on links that the user allows
#[tokio::test(flavor = "multi_thread")]
async fn originals_wait_for_a_fast_link_and_the_tablet_says_so() {
    let (data, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let office = SmallOffice::open(data.path()).await;
    let server = office.address.trim_start_matches("http://");
    let server = server.parse().unwrap();
    let link = ShapedLink::to(server, Shape::default(), 5).await.unwrap();
    let (_running, app) = tablet(store.path()).await;
    let pins = [("zhang", "135790"), ("li", "246801")];
    app.enrol(&link.url(), "CODE1", &pins).await.unwrap();
    app.unlock("zhang", "135790").await.unwrap();
    app.sync().await.unwrap();
    link.set_open(false);
    let task = office.office.task.to_string();
    arrive(&app, &task, "张、李", NOW).await.unwrap();
    let photo = picture::shelf(1).unwrap();
    app.photo(&task, "A1/p1", "货架", "a.jpg", photo)
        .await
        .unwrap();
    let video = [
        b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm".as_slice(),
        &[7; 300_000],
    ];
    app.clip(&task, "check", "", video.concat()).await.unwrap();
    let kinds = async || {
        let stored = "SELECT count(*) FROM blobs WHERE stored_at IS NOT NULL AND kind IN ('original', 'clip')";
        let small = "SELECT count(*) FROM blobs WHERE stored_at IS NOT NULL AND kind IN ('thumbnail', 'rendition')";
        (
            office.office.count(small).await,
            office.office.count(stored).await,
        )
    };

    let policy = async |originals: &str| {
        let body = Some(json!({ "originals": originals }));
        let done = app.ask(reqwest::Method::PUT, "/api/sync/policy", body);
        done.await.unwrap().expect("chosen")
    };

    // A slow link: what is small goes, and the rest says why it does not.
    policy("fast").await;
    let slow = Shape {
        rate: Some(50_000),
        ..Shape::default()
    };
    link.become_another(slow, server);
    link.set_open(true);
    app.post("/api/sync/now", json!({})).await.unwrap();
    let waits = |s: &Value| s["originals_wait"] == "slow_link" && s["bytes_left"] == 0;
    let status = at_rest(&app, waits).await;
    assert_eq!(
        (&status["originals"], &status["originals_wait"]),
        (&json!("fast"), &json!("slow_link")),
        "{status}"
    );
    let rate = status["bytes_per_second"].as_u64().unwrap();
    assert!(rate < 64 * 1024, "{status}");
    // The photo may have gone while the link was measured; the clip is larger than what that takes.
    let clips = "SELECT count(*) FROM blobs WHERE stored_at IS NOT NULL AND kind = 'clip'";
    assert_eq!((kinds().await.0, office.office.count(clips).await), (2, 0));

    // A fast one, and a person asks.
    link.become_another(Shape::default(), server);
    app.sync().await.unwrap();
    assert_eq!(kinds().await, (2, 2));
    assert_eq!(
        app.get("/api/sync").await.unwrap()["originals_wait"],
        Value::Null
    );

    // Chosen by hand: on no link, then on any.
    policy("never").await;
    let photo = picture::shelf(2).unwrap();
    app.photo(&task, "A1/p1", "货架", "a.jpg", photo)
        .await
        .unwrap();
    app.post("/api/sync/now", json!({})).await.unwrap();
    let status = at_rest(&app, |s| {
        s["originals_wait"] == "not_allowed" && s["bytes_left"] == 0
    })
    .await;
    assert_eq!(status["originals_wait"], "not_allowed", "{status}");
    assert_eq!(kinds().await, (4, 2));
    link.become_another(slow, server);
    policy("any").await;
    app.sync().await.unwrap();
    assert_eq!(kinds().await, (4, 3));
}

/// A server that reads so many bytes each 50 ms, or none, and answers once it has read all.
async fn slow_server(bytes: usize, each: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut read = 0;
            while read < bytes {
                tokio::time::sleep(Duration::from_millis(50)).await;
                let mut part = vec![0; each];
                if each > 0 {
                    read += socket.read(&mut part).await.unwrap_or(bytes);
                }
            }
            let answer = b"HTTP/1.1 204 No Content\r\nupload-offset: 9\r\n\r\n";
            socket.write_all(answer).await.unwrap();
        }
    });
    address
}

// F7
#[tokio::test(flavor = "multi_thread")]
async fn lesson_33_a_slow_upload_goes_on_and_a_stalled_one_ends() {
    let patience = Patience {
        stall: Duration::from_secs(1),
        floor: 3_000,
    };
    let fetch = HttpFetch::with(patience).unwrap();
    let request = FetchRequest {
        method: "PATCH",
        path: "/blobs/x".into(),
        body: vec![1; 60_000],
        limit: 1_000,
        ..FetchRequest::default()
    };
    let slow = slow_server(60_000, 600).await;
    let began = Instant::now();
    let answer = fetch.fetch(&slow, request.clone()).await.unwrap();
    assert_eq!(answer.status, 204);
    assert!(began.elapsed() > 4 * patience.stall, "it was slow indeed");
    let stalled = slow_server(60_000, 0).await;
    let ended = fetch.fetch(&stalled, request);
    let ended = tokio::time::timeout(Duration::from_secs(60), ended).await;
    let ended = ended.expect("it ends");
    assert!(matches!(ended, Err(FetchError::Stalled(_))), "{ended:?}");
}
