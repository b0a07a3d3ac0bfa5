//! On which links originals and clips travel (F7): a person chooses, the session measures.

use ::sync::session::{self, Session};
use rusqlite::Connection;

use super::super::{Agent, lock, storage};
use crate::api::Problem;
use crate::api::sync::{Originals, OriginalsWait, SyncPolicy, SyncStatus};
use crate::store;

/// Where the store keeps the choice.
const KEY: &str = "originals";

impl Originals {
    fn word(self) -> &'static str {
        match self {
            Originals::Any => "any",
            Originals::Fast => "fast",
            Originals::Never => "never",
        }
    }

    pub(super) fn for_session(self) -> session::Originals {
        match self {
            Originals::Any => session::Originals::Any,
            Originals::Fast => session::Originals::Fast,
            Originals::Never => session::Originals::Never,
        }
    }
}

/// What was chosen on this tablet.
pub(in crate::agent) fn chosen(db: &Connection) -> rusqlite::Result<Originals> {
    let word = store::get_meta(db, KEY)?.unwrap_or_default();
    let all = [Originals::Any, Originals::Fast, Originals::Never];
    let found = all.into_iter().find(|o| o.word().as_bytes() == word);
    Ok(found.unwrap_or_default())
}

impl Agent {
    /// Chooses on which links originals and clips travel.
    pub fn set_sync_policy(&self, policy: SyncPolicy) -> Result<SyncStatus, Problem> {
        self.with_open(|open| {
            store::set_meta(&open.db, KEY, policy.originals.word().as_bytes()).map_err(storage)
        })?;
        if let Some(session) = lock(&self.driver).session.as_mut() {
            session.set_originals(policy.originals.for_session());
        }
        self.touch();
        if policy.originals != Originals::Never {
            self.wake_urgently();
        }
        self.sync_status()
    }

    /// Why originals and clips do not travel now; `None`: they may.
    pub(in crate::agent) fn originals_wait(&self, chosen: Originals) -> Option<OriginalsWait> {
        let driver = lock(&self.driver);
        let may = |session: &Session| session.originals_may_move();
        match chosen {
            Originals::Never => Some(OriginalsWait::NotAllowed),
            _ if driver.session.as_ref().is_none_or(may) => None,
            _ => Some(OriginalsWait::SlowLink),
        }
    }
}
