//! Tablets of one task sync with each other where there is no server in reach (F6).
//!
//! Each tablet *pulls*: it asks another for what came into its log since the last time, with the same
//! messages as to the server, and takes it in by the same admission. What it takes in keeps its
//! author's signature, is handed on to other tablets, and goes to the server like its own. So a chain
//! of tablets converges, and who passes something on can neither forge nor be blamed.
//!
//! Who may talk to whom is what the server signed: a tablet answers only keys of the rosters that it
//! holds, about the tasks on whose roster the asker stands, and asks only tablets whose certificate
//! holds such a key.

mod address;
mod originals;
mod pull;
mod serve;

pub use serve::Denied;
pub(super) use serve::{MOST_BYTES, log_after};

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use ::sync::author::Author;
use ::sync::facts::Roster;
use ::sync::ids::{Key, Sha256, TaskId};
use serde::{Deserialize, Serialize};

use self::pull::Failed;
use super::copy::qr_svg;
use super::sync::kept_out;
use super::{Agent, Open, lock, storage};
use crate::api::Problem;
use crate::api::nearby::{KeptOut, Nearby, NearbyTablet};
use crate::store::{self, changes, tasks};

/// Most addresses that are kept: a hall full of tablets, not a network full of them.
const MOST_TABLETS: usize = 32;
/// Most lines about what was kept out, and characters of a name in one.
const MOST_KEPT_OUT: usize = 50;
const MOST_NAME: usize = 40;
/// Most bytes of rosters in one answer, and tasks in one question. What is left over is asked for by a further one.
const ROSTER_BYTES: usize = 512 << 10;
const MOST_ROSTERS: usize = 250;
const WANTED: &str = "nearby";

/// How a tablet became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// It announces itself on the local network.
    Announced,
    /// It asked this tablet first.
    Called,
    /// Its address was typed or scanned.
    Typed,
}

/// A tablet in reach; nothing of it needs to survive a restart.
#[derive(Debug, Clone)]
struct Tablet {
    found_by: FoundBy,
    /// Whose certificate was shown there last.
    key: Option<Key>,
    /// Whose certificate must be shown there: it was scanned together with the address.
    expected: Option<Key>,
    name: String,
    people: Vec<String>,
    last_success_at: Option<i64>,
    error: Option<Failed>,
    /// It has asked for everything that is in the log here.
    has_all: bool,
}

/// What is known of other tablets.
#[derive(Default)]
pub(super) struct NearbyState {
    tablets: BTreeMap<SocketAddr, Tablet>,
    /// Where this tablet listens, once it does.
    listening: Vec<SocketAddr>,
    /// Up to where each tablet has asked.
    asked: BTreeMap<Key, u64>,
    /// Held while a tablet is asked, so that one that is known by two addresses is asked once.
    turns: BTreeMap<Key, Arc<tokio::sync::Mutex<()>>>,
    /// Which tablets were asked in vain for an original that somebody wants.
    without: BTreeMap<Sha256, BTreeSet<Key>>,
}

/// The path under which another tablet signs its request: it names the tablet that is asked, so that
/// whoever hears a request can show it to nobody else.
fn to(path: &str, asked: &Key) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}to={asked}")
}

/// What one tablet tells another before they exchange anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Names the log; another one when the store was restored from a copy.
    pub incarnation: String,
    pub name: String,
    /// Inspectors of the tablet.
    pub people: Vec<String>,
}

/// What the asker tells: where it listens itself, so that it can be asked back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knock {
    pub port: Option<u16>,
}

/// A roster as the server signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRoster {
    /// Canonical JSON.
    pub roster: String,
    /// Hex.
    pub sig: String,
}

impl NearbyState {
    /// Whether one more address can be kept. Anybody on the network can announce himself: who never
    /// answered as a colleague gives way, first what was only heard of, to a person's word anything.
    fn room_for(&mut self, found_by: FoundBy) -> bool {
        if self.tablets.len() < MOST_TABLETS {
            return true;
        }
        let gives_way = |t: &Tablet| {
            t.found_by != FoundBy::Typed
                && (t.last_success_at.is_none() || found_by == FoundBy::Typed)
                && (t.found_by == FoundBy::Announced || found_by != FoundBy::Announced)
        };
        let heard = self.tablets.iter().filter(|(_, t)| gives_way(t));
        let least =
            heard.min_by_key(|(_, t)| (t.last_success_at, t.found_by != FoundBy::Announced));
        let least = least.map(|(address, _)| *address);
        least.is_some_and(|address| self.tablets.remove(&address).is_some())
    }

    /// The lock of a tablet's turn.
    fn turn_of(&mut self, key: Key) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.entry(key).or_default().clone()
    }
}

impl Open {
    /// Names this tablet's log: its device in its epoch, since a restored store counts its rows anew.
    fn incarnation(&self) -> [u8; 16] {
        let text = format!(
            "double-random/log/v1\n{}\n{}",
            self.device_key(),
            self.epoch
        );
        let hash = Sha256::of(text.as_bytes());
        hash.0.first_chunk().copied().unwrap_or_default()
    }

    /// The rosters of tasks that were not withdrawn.
    pub(super) fn rosters(&self) -> Result<Vec<(TaskId, Roster)>, Problem> {
        let rows = tasks::rosters(&self.db).map_err(storage)?;
        let read = |(task, roster): (String, Vec<u8>)| {
            Some((task.parse().ok()?, serde_json::from_slice(&roster).ok()?))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// The versions of the rosters of these tasks, as far as they were not withdrawn.
    fn roster_versions(&self, of: &[TaskId]) -> Result<BTreeMap<String, u64>, Problem> {
        let mut versions = BTreeMap::new();
        for task in of {
            let task = task.to_string();
            let row = tasks::get(&self.db, &task).map_err(storage)?;
            let row = row.filter(|row| !row.withdrawn);
            let roster = row.and_then(|r| serde_json::from_slice::<Roster>(&r.roster).ok());
            versions.extend(roster.map(|roster| (task, roster.version)));
        }
        Ok(versions)
    }

    /// The rosters that are newer here than `known` to a tablet, of tasks on whose roster it stands today.
    fn newer_rosters(
        &self,
        asker: &Key,
        known: &BTreeMap<String, u64>,
    ) -> Result<Vec<SignedRoster>, Problem> {
        let mut newer = Vec::new();
        for task in self.shared_with(asker)? {
            let task = task.to_string();
            let Some(version) = known.get(&task) else {
                continue;
            };
            let row = tasks::get(&self.db, &task).map_err(storage)?;
            let signed = row.and_then(|row| {
                let is_newer =
                    serde_json::from_slice::<Roster>(&row.roster).ok()?.version > *version;
                let sig = hex::encode(row.roster_sig.filter(|_| is_newer)?);
                let roster = String::from_utf8(row.roster).ok()?;
                Some(SignedRoster { roster, sig })
            });
            newer.extend(signed);
        }
        Ok(newer)
    }

    /// Tasks on whose roster a tablet stands today.
    pub(super) fn shared_with(&self, device: &Key) -> Result<BTreeSet<TaskId>, Problem> {
        let stands = |roster: &Roster| {
            let mut keys = roster.members.iter().flat_map(|m| &m.keys);
            keys.any(|k| k.device_key == *device)
        };
        let rosters = self.rosters()?.into_iter();
        Ok(rosters.filter(|(_, r)| stands(r)).map(|(t, _)| t).collect())
    }

    /// Keys of all colleagues' tablets.
    pub(super) fn colleagues(&self) -> Result<BTreeSet<Key>, Problem> {
        let own = self.device_key();
        let rosters = self.rosters()?;
        let members = rosters.iter().flat_map(|(_, r)| &r.members);
        let keys = members.flat_map(|m| &m.keys).map(|k| k.device_key);
        Ok(keys.filter(|k| *k != own).collect())
    }
}

impl Agent {
    /// Whether the inspectors want this tablet to be found, and it can be.
    pub fn nearby_wanted(&self) -> bool {
        let wanted = |open: &mut Open| store::get_meta(&open.db, WANTED).map_err(storage);
        self.with_open(wanted).is_ok_and(|w| w.is_some())
    }

    /// The device's key, by which other tablets know this one; `None` while the store is closed.
    pub fn nearby_identity(&self) -> Option<ed25519_dalek::SigningKey> {
        lock(&self.open).as_ref().map(|open| open.device.clone())
    }

    /// Where this tablet listens now; empty when it stopped.
    pub fn nearby_listening(&self, addresses: Vec<SocketAddr>) {
        lock(&self.nearby_state).listening = addresses;
        self.touch();
    }

    /// A tablet announced itself, asked first, or its address was entered.
    pub fn nearby_found(&self, address: SocketAddr, found_by: FoundBy) {
        self.know_tablet(address, found_by, None);
    }

    /// Remembers an address, and whose certificate must be shown there if that is known.
    fn know_tablet(&self, address: SocketAddr, found_by: FoundBy, expected: Option<Key>) {
        let mut state = lock(&self.nearby_state);
        if state.listening.contains(&address) {
            return;
        }
        if let Some(known) = state.tablets.get_mut(&address) {
            // What a person typed or scanned stays, whatever else is heard about the address. Who calls has
            // shown who it is.
            let called = (FoundBy::Called, FoundBy::Called);
            if found_by == FoundBy::Typed || (known.found_by, found_by) == called {
                known.found_by = found_by;
                known.expected = expected;
                known.key = known.key.filter(|k| expected.is_none_or(|e| e == *k));
                known.error = None;
            }
        } else if state.room_for(found_by) {
            let tablet = Tablet {
                found_by,
                key: None,
                expected,
                name: String::new(),
                people: Vec::new(),
                last_success_at: None,
                error: None,
                has_all: false,
            };
            state.tablets.insert(address, tablet);
        }
        drop(state);
        self.touch();
    }

    /// A tablet said goodbye.
    pub fn nearby_gone(&self, address: SocketAddr) {
        let mut state = lock(&self.nearby_state);
        if state
            .tablets
            .get(&address)
            .is_some_and(|t| t.found_by != FoundBy::Typed)
        {
            state.tablets.remove(&address);
        }
        drop(state);
        self.touch();
    }

    /// Every address to ask.
    pub fn nearby_addresses(&self) -> Vec<SocketAddr> {
        lock(&self.nearby_state).tablets.keys().copied().collect()
    }

    /// What a screen shows.
    pub(crate) fn nearby(&self) -> Result<Nearby, Problem> {
        let enabled = self.nearby_wanted();
        let own = self.with_open(|open| Ok(open.device_key()))?;
        let kept_out = self.kept_out_nearby()?;
        let state = lock(&self.nearby_state);
        let shown = |(address, tablet): (&SocketAddr, &Tablet)| NearbyTablet {
            address: address.to_string(),
            found_by: tablet.found_by,
            name: tablet.name.clone(),
            people: tablet.people.clone(),
            last_success_at: tablet.last_success_at,
            error: tablet.error.as_ref().map(|f| f.text.clone()),
            error_code: tablet.error.as_ref().map(|f| f.code.clone()),
            has_all: tablet.has_all,
        };
        let link = (!state.listening.is_empty()).then(|| address::link(&own, &state.listening));
        Ok(Nearby {
            enabled,
            addresses: state.listening.iter().map(ToString::to_string).collect(),
            qr_svg: link.as_deref().map(qr_svg).transpose()?,
            link,
            tablets: state.tablets.iter().map(shown).collect(),
            kept_out,
        })
    }

    /// What other tablets handed over and was not taken in.
    fn kept_out_nearby(&self) -> Result<Vec<KeptOut>, Problem> {
        self.with_open(|open| {
            let rows = changes::kept_out(&open.db, MOST_KEPT_OUT).map_err(storage)?;
            let mut told = Vec::new();
            for row in rows {
                let known = match row.task.parse::<TaskId>() {
                    Ok(task) => open.record(task).ok(),
                    Err(_) => None,
                };
                let author: Option<Author> = minicbor::decode(&row.author).ok();
                let person = match (&known, author) {
                    (Some(record), Some(author)) => record.name_of(&author.person),
                    _ => String::new(),
                };
                told.push(KeptOut {
                    number: known
                        .as_ref()
                        .map_or_else(String::new, |r| r.facts.number.clone()),
                    object: known.map_or_else(String::new, |r| r.facts.object.name.clone()),
                    task: row.task,
                    person: person.chars().take(MOST_NAME).collect(),
                    text: kept_out(&row.code).to_owned(),
                    code: row.code,
                    count: row.count,
                    at: row.at,
                });
            }
            Ok(told)
        })
    }

    /// Lets colleagues' tablets find this one, or no longer.
    pub(crate) fn set_nearby(&self, enabled: bool) -> Result<Nearby, Problem> {
        self.with_open(|open| {
            if enabled {
                store::set_meta(&open.db, WANTED, b"1").map_err(storage)
            } else {
                store::clear_meta(&open.db, WANTED).map_err(storage)
            }
        })?;
        if !enabled {
            let mut state = lock(&self.nearby_state);
            state.tablets.clear();
            state.without.clear();
        }
        self.nearby_change.notify_one();
        self.nearby()
    }

    /// Adds a tablet by what was typed or scanned: an address, or the QR code that it shows.
    pub(crate) fn add_nearby(&self, text: &str) -> Result<Nearby, Problem> {
        let meant = address::Meant::parse(text).ok_or_else(|| {
            Problem::bad(
                "bad_address",
                "地址应为“数字地址:端口”，如 192.168.1.20:40123；对方平板的“同步”页上可以看到，也可以扫描那里的二维码。",
            )
        })?;
        if let Some(key) = meant.key {
            let (own, colleagues) =
                self.with_open(|open| Ok((open.device_key(), open.colleagues()?)))?;
            if key == own {
                return Err(Problem::conflict(
                    "own_tablet",
                    "这是本平板自己的二维码，请扫描对方平板上的。",
                ));
            }
            if !colleagues.contains(&key) {
                return Err(Problem::conflict(
                    "not_a_colleague",
                    "这台平板不在任何共同任务的检查组名单内，没有与它交换任何内容。如对方刚加入，请先联网取得最新名单。",
                ));
            }
        }
        for address in meant.addresses {
            self.know_tablet(address, FoundBy::Typed, meant.key);
        }
        self.nearby_change.notify_one();
        self.nearby()
    }

    /// Waits until the wish to be found changed, or an address was entered.
    pub async fn nearby_changed(&self) {
        self.nearby_change.notified().await;
    }
}
