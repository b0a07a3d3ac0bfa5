//! A day's work of one tablet, 200 records, on the slow link: by our round trip and by automerge's own
//! protocol for the same documents.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::ensure;
use automerge::sync::{Message, State, SyncDoc};
use automerge::{Automerge, Change};
use reqwest::Client;
use sync::message::{DocChanges, pack};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::crowd::{round_trip, serve};
use super::link::slow;
use super::print;
use crate::shaped::ShapedLink;
use crate::wire::WireOffice;

const TASKS: u32 = 200;
const CHANGES: usize = 10;

struct Measured {
    bytes: u64,
    trips: u32,
    seconds: f64,
}

pub async fn compare() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let office = WireOffice::open(data.path(), TASKS).await;
    let address: SocketAddr = serve(&office)
        .await?
        .trim_start_matches("http://")
        .parse()?;
    let mut tablet = office.granted(1, "zhang").await;
    let tasks: Vec<_> = tablet.records.keys().copied().collect();
    let before: Vec<Automerge> = tasks
        .iter()
        .map(|t| Automerge::load(&tablet.records[t].save()))
        .collect::<Result<_, _>>()?;
    let mut request = tablet.request();
    for (n, task) in tasks.iter().enumerate() {
        let cells: Vec<_> = (1..=CHANGES).map(|p| crate::figures::work(n, p)).collect();
        let changes = tablet.write(*task, &cells);
        request.docs.push(DocChanges {
            task: *task,
            changes,
        });
    }
    let mut after = before.clone();
    for (doc, part) in after.iter_mut().zip(&request.docs) {
        for change in &part.changes {
            doc.apply_changes([Change::from_bytes(change.bytes.clone())?])?;
        }
    }

    let link = ShapedLink::to(address, slow(), 1).await?;
    let (client, began) = (Client::new(), Instant::now());
    let answer = round_trip(&client, &link.url(), &tablet.secret, pack(&request)?).await?;
    let seconds = began.elapsed().as_secs_f64();
    let stored: u32 = answer.verdicts.iter().map(|v| v.stored).sum();
    ensure!(
        stored == TASKS * CHANGES as u32,
        "{stored} changes were stored"
    );
    let (up, down, _) = link.take_counts();
    let ours = Measured {
        bytes: up + down,
        trips: 1,
        seconds,
    };
    let theirs = by_automerge(before, after).await?;

    print("direct_bytes", ours.bytes, "B");
    print("automerge_bytes", theirs.bytes, "B");
    let ratio = |a: f64, b: f64| format!("{:.2}", a / b);
    print(
        "automerge_bytes_ratio",
        ratio(theirs.bytes as f64, ours.bytes as f64),
        "x",
    );
    let trips = ratio(f64::from(theirs.trips), f64::from(ours.trips));
    print("automerge_round_trips_ratio", trips, "x");
    print(
        "automerge_time_ratio",
        ratio(theirs.seconds, ours.seconds),
        "x",
    );
    Ok(())
}

/// All documents' messages of one turn in one frame each way, which is the best that it can do.
async fn by_automerge(server: Vec<Automerge>, tablet: Vec<Automerge>) -> anyhow::Result<Measured> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let heads: Vec<_> = tablet.iter().map(|d| d.get_heads()).collect();
    let serving = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let mut side = Side::new(server);
        while let Some(frame) = read(&mut socket).await? {
            side.receive(&frame)?;
            let (answer, _) = side.send();
            write(&mut socket, &answer).await?;
        }
        anyhow::Ok(side.docs)
    });
    let link = ShapedLink::to(address, slow(), 1).await?;
    let began = Instant::now();
    let mut socket = TcpStream::connect(link.addr).await?;
    socket.set_nodelay(true)?;
    let mut side = Side::new(tablet);
    let mut trips = 0;
    let mut took = 0.0;
    loop {
        let (frame, some) = side.send();
        if !some {
            break;
        }
        write(&mut socket, &frame).await?;
        let Some(answer) = read(&mut socket).await? else {
            break;
        };
        trips += 1;
        took = began.elapsed().as_secs_f64();
        side.receive(&answer)?;
    }
    drop(socket);
    let docs = serving.await??;
    let same = docs.iter().zip(&heads).all(|(d, h)| d.get_heads() == *h);
    ensure!(same, "automerge's documents differ");
    let (up, down, _) = link.take_counts();
    Ok(Measured {
        bytes: up + down,
        trips,
        seconds: took,
    })
}

struct Side {
    docs: Vec<Automerge>,
    states: Vec<State>,
}

impl Side {
    fn new(docs: Vec<Automerge>) -> Side {
        let states = docs.iter().map(|_| State::new()).collect();
        Side { docs, states }
    }

    /// A frame: document, length, message; and whether it holds anything.
    fn send(&mut self) -> (Vec<u8>, bool) {
        let mut frame = Vec::new();
        for (n, (doc, state)) in self.docs.iter().zip(&mut self.states).enumerate() {
            if let Some(message) = doc.generate_sync_message(state) {
                let bytes = message.encode();
                frame.extend_from_slice(&(n as u32).to_be_bytes());
                frame.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                frame.extend_from_slice(&bytes);
            }
        }
        let some = !frame.is_empty();
        (frame, some)
    }

    fn receive(&mut self, mut frame: &[u8]) -> anyhow::Result<()> {
        let mut messages = BTreeMap::new();
        while let Some((head, rest)) = frame.split_first_chunk::<8>() {
            let number = |at: usize| {
                u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]) as usize
            };
            let (message, rest) = rest.split_at(number(4));
            messages.insert(number(0), Message::decode(message)?);
            frame = rest;
        }
        for (n, message) in messages {
            self.docs[n].receive_sync_message(&mut self.states[n], message)?;
        }
        Ok(())
    }
}

async fn write(socket: &mut TcpStream, frame: &[u8]) -> std::io::Result<()> {
    socket
        .write_u32(u32::try_from(frame.len()).unwrap_or(0))
        .await?;
    socket.write_all(frame).await
}

async fn read(socket: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let Ok(length) = socket.read_u32().await else {
        return Ok(None);
    };
    let mut frame = vec![0; length as usize];
    socket.read_exact(&mut frame).await?;
    Ok(Some(frame))
}
