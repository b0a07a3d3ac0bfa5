//! The encrypted bundle file: the last resort where no network is in reach (F6, lesson 9).
//!
//! It holds the messages that would have gone over a network, sealed for chosen tablets of the team and
//! for the office, and comes in by the same admission. It moves no cursor and is no receipt: what goes by
//! file stays unconfirmed until the office says so itself.

mod export;
mod import;

pub use export::Export;
pub use import::Import;

use std::collections::{BTreeMap, BTreeSet};

use ::sync::ids::Key;

use super::{Agent, Open};
use crate::api::Problem;
use crate::api::bundle::{BundleParty, BundleSource};

impl Open {
    /// Every tablet of colleagues, with the names of those who have it.
    fn colleagues_by_key(&self) -> Result<BTreeMap<Key, BTreeSet<String>>, Problem> {
        let mut people: BTreeMap<Key, BTreeSet<String>> = BTreeMap::new();
        let own = self.device_key();
        for (_, roster) in self.rosters()? {
            for member in roster.members {
                for key in member.keys.iter().filter(|k| k.device_key != own) {
                    let names = people.entry(key.device_key).or_default();
                    names.insert(member.name.clone());
                }
            }
        }
        Ok(people)
    }

    /// Who a key is to this tablet; `None`: nobody whose word counts here.
    fn source(&self, key: &Key) -> Result<Option<(BundleSource, Vec<String>)>, Problem> {
        if *key == self.server_key {
            return Ok(Some((BundleSource::Office, Vec::new())));
        }
        if *key == self.device_key() {
            return Ok(Some((BundleSource::ThisTablet, Vec::new())));
        }
        let people = self.colleagues_by_key()?.remove(key);
        Ok(people.map(|names| (BundleSource::Tablet, names.into_iter().collect())))
    }
}

impl Agent {
    /// For whom this tablet can make a bundle: the office, colleagues' tablets, itself.
    pub(crate) fn bundle_parties(&self) -> Result<Vec<BundleParty>, Problem> {
        self.with_open(|open| {
            let mut parties = vec![BundleParty {
                key: open.server_key.to_string(),
                kind: BundleSource::Office,
                people: Vec::new(),
            }];
            for (key, names) in open.colleagues_by_key()? {
                parties.push(BundleParty {
                    key: key.to_string(),
                    kind: BundleSource::Tablet,
                    people: names.into_iter().collect(),
                });
            }
            parties.push(BundleParty {
                key: open.device_key().to_string(),
                kind: BundleSource::ThisTablet,
                people: Vec::new(),
            });
            Ok(parties)
        })
    }
}
