//! Two tablets find each other on the local network by mDNS, without anybody typing an address (F6).

mod common;

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use common::*;
use serde_json::json;

/// Whether this machine carries multicast from one socket to another at all; if not, why.
fn multicast() -> std::io::Result<()> {
    // RFC 6762's group, but a port of our own: the question is only what the network carries.
    let group = Ipv4Addr::new(224, 0, 0, 251);
    let hears = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    hears.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    hears.set_read_timeout(Some(Duration::from_secs(2)))?;
    let says = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    says.set_multicast_loop_v4(true)?;
    says.send_to(b"here", (group, hears.local_addr()?.port()))?;
    hears.recv(&mut [0; 8]).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tablets_find_each_other_without_an_address() {
    if let Err(why) = multicast() {
        eprintln!(
            "skipped, and mDNS is not proven here: this machine carries no multicast ({why})"
        );
        return;
    }
    let server = Server::new();
    let task = server.dispatch(1, &["zhang", "li"]);
    let mut tablets = Vec::new();
    for (n, (person, pin)) in [("zhang", "135790"), ("li", "246801")]
        .into_iter()
        .enumerate()
    {
        let code = format!("CODE-{n}");
        server.issue(&code, &[person]);
        let tablet = Tablet::on_network(&server, n as u64 + 1).await;
        tablet.enrol(&code, &[(person, pin)]).await;
        tablet.unlock(person, pin).await;
        tablets.push(tablet);
    }
    for tablet in tablets.iter().chain(&tablets) {
        assert_eq!(tablet.sync().await, None);
    }
    let [zhang, li] = <[Tablet; 2]>::try_from(tablets).unwrap_or_else(|_| panic!("two"));
    server
        .offline
        .store(true, std::sync::atomic::Ordering::SeqCst);
    zhang
        .write(&task, "handling/measure", json!("责令改正"))
        .await;
    for tablet in [&zhang, &li] {
        let (status, body) = tablet.put("/api/nearby", json!({"enabled": true})).await;
        assert_eq!(status, 200, "{body}");
    }
    // Nothing else is done: they announce themselves, ask, and have the same record.
    for _ in 0..1_200 {
        // Whichever heard the other first asked, and so made itself known.
        let (here, there) = (li.ok("/api/nearby").await, zhang.ok("/api/nearby").await);
        let rows = [&here, &there].map(|t| t["tablets"].as_array().expect("rows").clone());
        let rows = rows.concat();
        let met = |r: &serde_json::Value| {
            r["found_by"] == "announced" && r["last_success_at"].is_number()
        };
        if rows.iter().any(met) && li.heads(&task).await == zhang.heads(&task).await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("not found: {}", li.ok("/api/nearby").await);
}
