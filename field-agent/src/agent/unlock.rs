//! State, unlocking and locking.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::http::StatusCode;
use ed25519_dalek::SigningKey;
use sync::ids::Key;
use zeroize::Zeroizing;

use super::aside::StoreKeys;
use super::status::{Heard, waiting_since};
use super::sync::forget_log_places;
use super::{Agent, Open, damaged, lock, storage};
use crate::api::Problem;
use crate::api::unlock::{AgentState, InspectorCard};
use crate::store::blobs::Blobs;
use crate::store::{self, OpenError, waits};
use crate::vault::slot::Opened;
use crate::vault::{MAX_FAILURES, PIN_MIN, UnlockError};

impl Agent {
    /// What the tablet shows, to whom.
    pub fn state(&self, me: Option<&str>) -> Result<AgentState, Problem> {
        let now = self.now();
        let heard = Heard::of(&lock(&self.vault)).map_err(storage)?;
        let counted = lock(&self.open)
            .as_ref()
            .map(|open| {
                let warning = waiting_since(&open.db, now, heard)?;
                Ok((waits::counts(&open.db)?, warning))
            })
            .transpose();
        let counted = counted.map_err(storage)?;
        let warning = counted.map_or("none", |(_, warning)| warning);
        let counted = counted.map(|(count, _)| count);
        let mut vault = lock(&self.vault);
        let cards = vault
            .cards(now, self.clock.monotonic_ms())
            .map_err(storage)?;
        let inspectors: Vec<InspectorCard> = cards
            .into_iter()
            .map(|c| InspectorCard {
                person: c.person,
                name: c.name,
                unit: c.unit,
                certificate: c.certificate,
                tries_left: MAX_FAILURES.saturating_sub(c.failures),
                wait_until: c.wait_until,
            })
            .collect();
        let text = |key| vault.get(key).map_err(storage);
        let number = |key| vault.get_i64(key).map_err(storage);
        let me = me.and_then(|me| inspectors.iter().find(|i| i.person == me).cloned());
        let count = |n: Option<i64>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
        Ok(AgentState {
            agent: text("agent")?.unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").into(),
            enrolled: text("device")?.is_some(),
            server: text("server")?.or_else(|| self.default_server.clone()),
            device: text("device")?,
            device_name: text("device_name")?,
            locked: me.is_none(),
            me,
            inspectors,
            last_sync_at: heard.last_sync,
            // A closed store cannot be asked: then as it was when it last could be.
            unconfirmed_records: match counted {
                Some((records, _)) => records,
                None => count(number("unconfirmed_records")?),
            },
            unconfirmed_photos: match counted {
                Some((_, photos)) => photos,
                None => count(number("unconfirmed_photos")?),
            },
            warning: warning.to_owned(),
            revision: self.revision.load(Ordering::Relaxed),
            now,
            clock_offset_ms: number("clock_offset_ms")?,
            pin_min_length: PIN_MIN as u32,
            wiped_at: number("wiped_at")?,
        })
    }

    /// Tries a PIN; opens the store if nobody had yet. Returns the session's token.
    pub fn unlock(&self, person: &str, pin: &str) -> Result<(String, AgentState), Problem> {
        let opened = self.try_pin(person, pin)?;
        self.open_store(&opened)?;
        let token = self.access.begin_session(person);
        self.note("unlocked");
        self.wake_urgently();
        Ok((token, self.state(Some(person))?))
    }

    /// Ends a session. Sync goes on (see the module).
    pub fn lock(&self, token: Option<&str>) -> Result<AgentState, Problem> {
        self.access.end_session(token);
        self.note_unconfirmed()?;
        self.state(None)
    }

    /// Opens the slot of `person`, or says what is wrong.
    pub(super) fn try_pin(&self, person: &str, pin: &str) -> Result<Opened, Problem> {
        let now = self.now();
        let monotonic = self.clock.monotonic_ms();
        lock(&self.vault).unlock(person, pin, now, monotonic).map_err(|refused| match refused {
            UnlockError::NoSlot(_) => Problem::not_found("no_such_inspector", "这台平板上没有这位检查人员。"),
            UnlockError::WrongPin { tries_left, wait_ms } => {
                let wait = if wait_ms > 0 { format!("，{} 秒后可再试", wait_ms.div_euclid(1000) + 1) } else { String::new() };
                let detail = format!("PIN 不正确，还可尝试 {tries_left} 次{wait}。");
                let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "wrong_pin", detail);
                problem.tries_left = Some(tries_left);
                problem.retry_after_ms = (wait_ms > 0).then_some(wait_ms);
                problem
            }
            UnlockError::Wait { wait_ms } => {
                let seconds = wait_ms.div_euclid(1000) + 1;
                let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "pin_wait", format!("PIN 输错次数过多，请 {seconds} 秒后再试。"));
                problem.retry_after_ms = Some(wait_ms);
                problem
            }
            UnlockError::Closed => {
                Problem::new(StatusCode::LOCKED, "slot_closed", "PIN 连续输错 10 次，此人在本机的密钥已停用；请联系管理员重新登记。记录没有丢失，同组其他人仍可解锁。")
            }
            UnlockError::Slot(e) => Problem::internal(&e),
            UnlockError::Sqlite(e) => storage(e),
        })
    }

    /// Opens the encrypted store, once per start.
    pub(super) fn open_store(&self, opened: &Opened) -> Result<(), Problem> {
        let mut open = lock(&self.open);
        if open.is_some() {
            return Ok(());
        }
        let db = store::open(&self.data.join("store.sqlite"), &opened.data_key).map_err(
            |e| match e {
                OpenError::NoCipher => Problem::internal(&e),
                OpenError::Sqlite(_) => damaged(&e),
            },
        )?;
        let blobs = Blobs::open(&self.data.join("photos"), &opened.data_key)
            .map_err(|e| Problem::internal(&e))?;
        let bytes_32 = |key: &str| -> Result<[u8; 32], Problem> {
            let value = store::get_meta(&db, key)
                .map_err(storage)?
                .unwrap_or_default();
            <[u8; 32]>::try_from(value.as_slice())
                .map_err(|_| damaged(&format!("{key} is missing")))
        };
        let keys = StoreKeys {
            device_seed: Zeroizing::new(bytes_32("device_seed")?),
            server_key: bytes_32("server_key")?,
        };
        self.keep_keys(&opened.data_key, &keys)?;
        let device = SigningKey::from_bytes(&keys.device_seed);
        let server_key = Key(keys.server_key);
        let epoch = self.settle_epoch(&db)?;
        let opened = Open {
            db,
            blobs: Arc::new(blobs),
            device,
            epoch,
            server_key,
            records: HashMap::new(),
            uses: 0,
        };
        opened.note_pieces()?;
        if let Err(problem) = opened.clear_recordings() {
            tracing::error!(%problem, "pieces of a recording");
        }
        *open = Some(opened);
        drop(open);
        self.note("store opened");
        Ok(())
    }

    /// Every start counts a generation in the store and outside it. When they differ, one of the two
    /// was put back from a copy: a higher epoch gives new actors, so that no sequence number is ever
    /// used twice.
    fn settle_epoch(&self, db: &rusqlite::Connection) -> Result<u32, Problem> {
        let inside = |key: &str| -> Result<Option<i64>, Problem> {
            let value = store::get_meta(db, key).map_err(storage)?;
            Ok(value
                .and_then(|b| String::from_utf8(b).ok())
                .and_then(|t| t.parse().ok()))
        };
        let vault = lock(&self.vault);
        let outside = |key: &str| vault.get_i64(key).map_err(storage);
        let generations = (inside("generation")?, outside("generation")?);
        let known = inside("epoch")?.max(outside("epoch")?);
        let epoch = match (known, generations.0 == generations.1) {
            (None, _) => 0,
            (Some(epoch), true) => epoch,
            (Some(epoch), false) => epoch.saturating_add(1),
        };
        if known.is_some_and(|before| before != epoch) {
            forget_log_places(db).map_err(storage)?;
        }
        let next = generations.0.max(generations.1).unwrap_or(0) + 1;
        // Outside first: a crash between the two makes them differ, and the epoch rises once more,
        // which costs nothing.
        for (key, value) in [("epoch", epoch), ("generation", next)] {
            vault.set(key, &value.to_string()).map_err(storage)?;
        }
        for (key, value) in [("epoch", epoch), ("generation", next)] {
            store::set_meta(db, key, value.to_string().as_bytes()).map_err(storage)?;
        }
        u32::try_from(epoch).map_err(|e| Problem::internal(&e))
    }
}
