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

mod pull;
mod serve;

pub use serve::Denied;
pub(super) use serve::{MOST_BYTES, log_after};

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ::sync::facts::Roster;
use ::sync::ids::{Key, Sha256, TaskId};
use serde::{Deserialize, Serialize};

use super::{Agent, Open, lock, storage};
use crate::api::Problem;
use crate::api::nearby::{Nearby, NearbyTablet};
use crate::store::{self, tasks};

/// Most addresses that are kept: a hall full of tablets, not a network full of them.
const MOST_TABLETS: usize = 32;
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
    key: Option<Key>,
    name: String,
    people: Vec<String>,
    last_success_at: Option<i64>,
    error: Option<String>,
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

    /// A tablet announced itself, or its address was entered.
    pub fn nearby_found(&self, address: SocketAddr, found_by: FoundBy) {
        let mut state = lock(&self.nearby_state);
        if state.listening.contains(&address) {
            return;
        }
        if state.tablets.len() >= MOST_TABLETS && !state.tablets.contains_key(&address) {
            return;
        }
        state.tablets.entry(address).or_insert(Tablet {
            found_by,
            key: None,
            name: String::new(),
            people: Vec::new(),
            last_success_at: None,
            error: None,
            has_all: false,
        });
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
        let state = lock(&self.nearby_state);
        let shown = |(address, tablet): (&SocketAddr, &Tablet)| NearbyTablet {
            address: address.to_string(),
            found_by: tablet.found_by,
            name: tablet.name.clone(),
            people: tablet.people.clone(),
            last_success_at: tablet.last_success_at,
            error: tablet.error.clone(),
            has_all: tablet.has_all,
        };
        Ok(Nearby {
            enabled,
            addresses: state.listening.iter().map(ToString::to_string).collect(),
            tablets: state.tablets.iter().map(shown).collect(),
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
            lock(&self.nearby_state).tablets.clear();
        }
        self.nearby_change.notify_one();
        self.nearby()
    }

    /// Adds a tablet by its address.
    pub(crate) fn add_nearby(&self, address: &str) -> Result<Nearby, Problem> {
        let address: SocketAddr = address.trim().parse().map_err(|_| {
            Problem::bad(
                "bad_address",
                "地址应为“数字地址:端口”，如 192.168.1.20:40123；对方平板的“同步”页上可以看到。",
            )
        })?;
        self.nearby_found(address, FoundBy::Typed);
        self.nearby_change.notify_one();
        self.nearby()
    }

    /// Waits until the wish to be found changed, or an address was entered.
    pub async fn nearby_changed(&self) {
        self.nearby_change.notified().await;
    }
}
