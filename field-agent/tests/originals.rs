//! The original of a colleague's photo, from tablet to tablet, when an inspector wants to see it (F6).

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Three inspectors with a tablet each and one task; then the network to the office is gone.
async fn three_tablets() -> (Arc<Server>, Tablet, Tablet, Tablet, String) {
    let server = Server::new();
    let people = [("zhang", "135790"), ("li", "246801"), ("wang", "975310")];
    let task = server.dispatch(1, &people.map(|p| p.0));
    let mut tablets = Vec::new();
    for (n, (person, pin)) in people.into_iter().enumerate() {
        let code = format!("CODE-{n}");
        server.issue(&code, &[person]);
        let tablet = Tablet::new(&server, n as u64 + 1).await;
        tablet.enrol(&code, &[(person, pin)]).await;
        tablet.unlock(person, pin).await;
        tablets.push(tablet);
    }
    for tablet in tablets.iter().chain(&tablets) {
        assert_eq!(tablet.sync().await, None);
    }
    server.offline.store(true, Ordering::SeqCst);
    let mut tablets = tablets.into_iter();
    let mut next = || tablets.next().expect("three");
    (server, next(), next(), next(), task)
}

/// A picture of some megabytes.
fn large() -> Vec<u8> {
    let mut seed = 1_u32;
    let picture = image::RgbImage::from_fn(1600, 1200, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(seed >> 24) as u8, (seed >> 16) as u8, (seed >> 8) as u8])
    });
    let mut out = Vec::new();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 95)
        .encode_image(&picture)
        .expect("encodes");
    assert!(out.len() > 3 << 20, "{}", out.len());
    out
}

/// A network that lets so many bytes through from the other side, then none.
async fn narrow(to: SocketAddr, most: usize) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("address");
    let left = Arc::new(AtomicUsize::new(most));
    let own = left.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let left = own.clone();
            tokio::spawn(async move {
                let onward = TcpStream::connect(to).await.expect("connects");
                let (mut up, mut down) = socket.into_split();
                let (mut answers, mut questions) = onward.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut up, &mut questions).await });
                let mut buffer = vec![0; 16 << 10];
                while let Ok(n @ 1..) = answers.read(&mut buffer).await {
                    let less = |left: usize| Some(left.saturating_sub(n));
                    let was = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
                    if was.is_ok_and(|left| left < n) || down.write_all(&buffer[..n]).await.is_err()
                    {
                        break;
                    }
                }
            });
        }
    });
    (address, left)
}

async fn photo_of(tablet: &Tablet, task: &str, id: &str) -> Value {
    let photos = tablet.ok(&format!("/api/tasks/{task}/photos")).await;
    let rows = photos["rows"].as_array().expect("rows");
    let found = rows.iter().find(|p| p["photo"] == id);
    found.expect("the photo").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_original_comes_when_it_is_asked_for_and_goes_on_where_it_was_cut() {
    // F6: photos as renditions, originals on demand
    let (server, zhang, mut li, _wang, task) = three_tablets().await;
    let original = large();
    let (status, photo) = zhang.add_photo(&task, original.clone(), "SP-01/p1").await;
    assert_eq!(status, 200, "{photo}");
    let id = photo["photo"].as_str().expect("a photo").to_owned();
    let bytes = format!("/api/tasks/{task}/photos/{id}/original");
    let wish = format!("/api/tasks/{task}/photos/{id}/wish");
    let address = zhang.open_nearby().await;
    let (through, left) = narrow(address.parse().expect("address"), usize::MAX >> 1).await;
    let through = through.to_string();

    // The small forms come by themselves, the original does not.
    let _ = li.open_nearby().await;
    assert_eq!(li.pull(&through).await, None);
    let seen = photo_of(&li, &task, &id).await;
    assert_eq!(seen["has_rendition"], true, "{seen}");
    assert_eq!(seen["has_original"], false, "{seen}");
    assert_eq!(li.bytes(&bytes).await.0, 404);

    // Asked for, and cut in the middle: what has come stays, and nobody sees half a picture.
    let (_, none) = li.put("/api/nearby", json!({"enabled": false})).await;
    assert_eq!(none["enabled"], false);
    let (status, refused) = li.post(&wish, json!({})).await;
    assert_eq!((status, &refused["code"]), (409, &json!("nearby_off")));
    let _ = li.open_nearby().await;
    left.store(2_500_000, Ordering::SeqCst);
    let (status, wished) = li.post(&wish, json!({})).await;
    assert_eq!(status, 200, "{wished}");
    assert!(li.pull(&through).await.is_some(), "the network was cut");
    let half = photo_of(&li, &task, &id).await;
    let received = half["original_wish"]["received"].as_i64().expect("some");
    assert_eq!(received, 2 << 20, "whole pieces: {half}");
    assert_eq!(half["has_original"], false);
    assert_eq!(li.bytes(&bytes).await.0, 404);

    // The tablet is switched off and on; the wish stands.
    li.kill_and_start().await;
    li.unlock("li", "246801").await;
    let _ = li.open_nearby().await;
    let again = photo_of(&li, &task, &id).await;
    assert_eq!(again["original_wish"]["received"], received, "{again}");
    // What is left fits, the whole would not.
    left.store(original.len() - (1 << 20), Ordering::SeqCst);
    assert_eq!(li.pull(&through).await, None);
    let whole = photo_of(&li, &task, &id).await;
    assert_eq!(whole["original_wish"], Value::Null, "{whole}");
    assert_eq!(whole["has_original"], true, "{whole}");
    let (status, got) = li.bytes(&bytes).await;
    assert_eq!((status, got == original), (200, true));
    let files = std::fs::read_dir(li.path().join("photos")).expect("lists");
    assert_eq!(files.count(), 3, "its forms, and no pieces");

    // The office has not seen it; it goes there from whoever comes first.
    drop(zhang);
    server.offline.store(false, Ordering::SeqCst);
    assert_eq!(li.sync().await, None);
    assert_eq!(
        server.stored().len(),
        3,
        "all forms of the lost tablet's photo"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_asked_is_said() {
    // Li's tablet between the two others has the small forms only.
    let (_server, zhang, li, wang, task) = three_tablets().await;
    let (_, photo) = zhang.add_photo(&task, jpeg(640, 480, 3), "SP-01/p1").await;
    let id = photo["photo"].as_str().expect("a photo").to_owned();
    let wish = format!("/api/tasks/{task}/photos/{id}/wish");
    let address = zhang.open_nearby().await;
    let middle = li.open_nearby().await;
    let _ = wang.open_nearby().await;
    assert_eq!(li.pull(&address).await, None);
    assert_eq!(wang.pull(&middle).await, None);

    let (status, wished) = wang.post(&wish, json!({})).await;
    assert_eq!(status, 200, "{wished}");
    assert_eq!(wished["original_wish"]["received"], 0, "{wished}");
    assert_eq!(wang.pull(&middle).await, None);
    let told = photo_of(&wang, &task, &id).await;
    assert_eq!(told["original_wish"]["state"], "nobody_has_it", "{told}");

    // Li goes away.
    let (_, off) = li.put("/api/nearby", json!({"enabled": false})).await;
    assert_eq!(off["enabled"], false);
    assert!(wang.pull(&middle).await.is_some());
    let told = photo_of(&wang, &task, &id).await;
    assert_eq!(told["original_wish"]["state"], "nobody_in_reach", "{told}");

    // Thought better of, and wanted after all when Zhang comes by.
    let (status, told) = wang.delete(&wish).await;
    assert_eq!((status, &told["original_wish"]), (200, &Value::Null));
    let (status, _) = wang.post(&wish, json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(wang.pull(&address).await, None);
    let told = photo_of(&wang, &task, &id).await;
    assert_eq!(told["has_original"], true, "{told}");
}
