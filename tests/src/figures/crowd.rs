//! Many tablets at one office.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use ed25519_dalek::SigningKey as Secret;
use reqwest::Client;
use server::db::Tx;
use server::error::AppError;
use sync::cells::Value;
use sync::facts::{Member, Role};
use sync::ids::DeviceId;
use sync::message::{DocChanges, SyncRequest, SyncResponse, pack, unpack};
use sync::signing::{self, RequestAuth};

use super::print;
use crate::wire::{NOW, WireOffice, WireTablet, drawn};

const TABLETS: u32 = 200;
const RECORDS: u32 = 10;
const CHANGES: usize = 10;

/// The key of tablet `n`.
pub fn secret(n: u32) -> Secret {
    let mut bytes = [77; 32];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Secret::from_bytes(&bytes)
}

pub fn person(n: u32) -> String {
    format!("i{n}")
}

/// Enrols tablets, each for one inspector. Their last contact is spread over the ten minutes before
/// `now`, as it is where tablets poll all the time.
pub fn enrol(tx: &mut Tx<'_>, tablets: u32, now: i64) -> Result<(), AppError> {
    for n in 0..tablets {
        let key = signing::public(&secret(n));
        let id = DeviceId::of(&key).to_string();
        let contact = now - i64::from(n % 1_000) * 600;
        tx.execute(
            "INSERT INTO devices (id, key, name, department, version, enrolled_at, unsynced, feed_seq, last_contact_at)
             VALUES ($1, $2, $1, 'SCJG', '0', 0, 0, 0, $3)",
            &[&id, &key.to_string(), &contact],
        )?;
        tx.execute(
            "INSERT INTO device_inspectors (device, person, key, enrolled_at) VALUES ($1, $2, $3, 0)",
            &[&id, &person(n), &key.to_string()],
        )?;
    }
    Ok(())
}

fn team(n: u32) -> Vec<Member> {
    let member = |n: u32, role| Member {
        person: person(n),
        name: person(n),
        unit: "示例所".into(),
        certificate: n.to_string(),
        role,
        keys: vec![],
    };
    vec![member(n, Role::Leader), member(n + 100_000, Role::Member)]
}

/// A signed round trip over HTTP.
pub async fn round_trip(
    client: &Client,
    address: &str,
    secret: &Secret,
    body: Vec<u8>,
) -> anyhow::Result<SyncResponse> {
    let auth = RequestAuth::sign(secret, "POST", "/sync/v1", &body, NOW, [5; 16]);
    let request = client
        .post(format!("{address}/sync/v1"))
        .header("authorization", auth.header());
    let answer = request.body(body).send().await?.error_for_status()?;
    unpack(&answer.bytes().await?).context("an answer")
}

/// Serves an office on the loopback.
pub async fn serve(office: &WireOffice) -> anyhow::Result<String> {
    let app = server::router::app(office.state.clone())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

/// 200 tablets come back at once with 10 records each.
pub async fn herd() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let office = WireOffice::open(data.path(), 0).await;
    office
        .state
        .db
        .write(|tx| enrol(tx, TABLETS, NOW))
        .await
        .map_err(told)?;
    let tasks = (0..TABLETS * RECORDS).map(|rank| {
        let mut task = drawn(rank);
        task.team = team(rank % TABLETS);
        task
    });
    office.dispatch(tasks.collect()).await;
    let address = serve(&office).await?;
    let mut requests = Vec::new();
    for n in 0..TABLETS {
        let mut tablet = office
            .granted_to(WireTablet::with(secret(n), &person(n)))
            .await;
        let mut request = tablet.request();
        let tasks: Vec<_> = tablet.records.keys().copied().collect();
        ensure!(tasks.len() == RECORDS as usize, "{} tasks", tasks.len());
        for task in tasks {
            let changes = tablet.write(task, &work(n));
            request.docs.push(DocChanges { task, changes });
        }
        requests.push((tablet.secret.clone(), pack(&request)?, Client::new()));
    }
    let (address, began) = (Arc::new(address), Instant::now());
    let mut all = tokio::task::JoinSet::new();
    for (secret, body, client) in requests {
        let address = address.clone();
        all.spawn(async move { round_trip(&client, &address, &secret, body).await });
    }
    let mut stored = 0;
    while let Some(answer) = all.join_next().await {
        stored += answer??.verdicts.iter().map(|v| v.stored).sum::<u32>();
    }
    let took = began.elapsed().as_secs_f64();
    let sent = TABLETS * RECORDS * CHANGES as u32;
    ensure!(stored == sent, "{stored} of {sent} changes were stored");
    print("herd_200_tablets_s", format!("{took:.2}"), "s");
    Ok(())
}

fn work(n: u32) -> Vec<(String, Value)> {
    let cell = |p: usize| match p % 4 {
        0 => (
            format!("point/A1/p{p}/note"),
            format!("第{p}项：{n}号货架价签缺失，已告知。").into(),
        ),
        _ => (format!("point/A1/p{p}/answer"), "compliant".into()),
    };
    (1..=CHANGES).map(cell).collect()
}

/// Fills a data folder with so many enrolled tablets.
pub async fn prepare(data: &Path, tablets: u32, now: i64) -> anyhow::Result<()> {
    let office = WireOffice::open(data, 0).await;
    office
        .state
        .db
        .write(move |tx| enrol(tx, tablets, now))
        .await
        .map_err(told)
}

fn told(error: AppError) -> anyhow::Error {
    anyhow::anyhow!("{error:?}")
}

/// A request that brings nothing and asks for nothing new.
pub fn idle_request(cursor: Option<sync::message::Cursor>) -> SyncRequest {
    let mut request = WireTablet::new(1, "zhang").request();
    request.authors.clear();
    request.cursor = cursor;
    request
}
