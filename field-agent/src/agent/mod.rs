//! The core behind the API.
//!
//! After the first unlock since the start the encrypted store stays open, so that sync goes on in the
//! background while the screen is locked; locking ends the session, not the process. A tablet that is
//! switched off holds nothing readable; one that is stolen while running and locked still has the
//! store's key in its memory, as every such device has.
//!
//! Signing keys are never kept: each signature asks for the PIN anew.

mod aside;
pub mod bundle;
pub mod clips;
pub mod completeness;
mod copy;
mod drafts;
pub mod enrol;
mod entries;
pub mod labels;
pub mod nearby;
pub mod photos;
pub mod preview;
mod ready;
pub mod record;
pub mod recordings;
mod sign_off_view;
pub mod signing;
mod slim;
pub mod status;
pub mod sync;
pub mod tasks;
mod team;
mod unlock;
mod wipe;
mod write;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use ::sync::author::Author;
use ::sync::facts::{Roster, TaskFacts};
use ::sync::ids::{Key, TaskId};
use ::sync::record::{RecordDoc, View};
use axum::http::StatusCode;
use ed25519_dalek::SigningKey;
use rusqlite::Connection;

use crate::api::Problem;
use crate::api::access::Access;
use crate::photos::font::StampFont;
use crate::ports::{Clock, Fetch, KeyStore, OtherTablets, Random, Space};
use crate::store::blobs::Blobs;
use crate::store::{changes, tasks as task_rows};
use crate::vault::Vault;
use crate::vault::slot::PinCost;

/// How many records stay in memory.
const OPEN_RECORDS: usize = 8;
const LOG_LINES: usize = 200;

/// What a host gives to the core.
pub struct Ports {
    /// Folder of vault, store and photos.
    pub data: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub random: Box<dyn Random>,
    pub keys: Arc<dyn KeyStore>,
    pub space: Arc<dyn Space>,
    pub fetch: Arc<dyn Fetch>,
    /// The way to colleagues' tablets.
    pub other_tablets: Arc<dyn OtherTablets>,
    pub pin_cost: PinCost,
    /// Where tablets enrol when the request names no server.
    pub server: Option<String>,
}

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("data folder: {0}")]
    Io(#[from] std::io::Error),
    #[error("vault: {0}")]
    Vault(#[from] rusqlite::Error),
    #[error("this SQLite does not encrypt (no answer to PRAGMA cipher_version)")]
    NoCipher,
}

/// One tablet.
pub struct Agent {
    access: Access,
    data: PathBuf,
    clock: Arc<dyn Clock>,
    random: Arc<Mutex<Box<dyn Random>>>,
    keys: Arc<dyn KeyStore>,
    space: Arc<dyn Space>,
    fetch: Arc<dyn Fetch>,
    pin_cost: PinCost,
    default_server: Option<String>,
    vault: Mutex<Vault>,
    open: Mutex<Option<Open>>,
    font: OnceLock<StampFont>,
    revision: AtomicU64,
    wake: Arc<tokio::sync::Notify>,
    /// Something was written while a pass goes on.
    written: tokio::sync::Notify,
    /// A person asked while a pass goes on.
    asked: tokio::sync::Notify,
    /// Something was written since the store's log was emptied last.
    grown: tokio::sync::Notify,
    driver: Mutex<sync::DriverState>,
    nearby_state: Mutex<nearby::NearbyState>,
    nearby_change: tokio::sync::Notify,
    other_tablets: Arc<dyn OtherTablets>,
    /// Pieces of recordings come one after the other.
    recording: Mutex<()>,
    log: Mutex<VecDeque<String>>,
}

/// The open store.
struct Open {
    db: Connection,
    blobs: Arc<Blobs>,
    device: SigningKey,
    epoch: u32,
    /// Key of the server, pinned at enrolment.
    server_key: Key,
    records: HashMap<TaskId, Loaded>,
    uses: u64,
}

/// A record in memory, always equal to what is on disk.
struct Loaded {
    id: TaskId,
    facts: Arc<TaskFacts>,
    roster: Arc<Roster>,
    doc: RecordDoc,
    view: View,
    authors: HashMap<String, Author>,
    used: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Agent {
    /// Opens the vault; nothing else is readable before a PIN.
    pub fn new(mut ports: Ports) -> Result<Arc<Self>, StartError> {
        std::fs::create_dir_all(&ports.data)?;
        let secret = ports.keys.device_secret(ports.random.as_mut())?;
        let vault = Vault::open(
            &ports.data.join("vault.sqlite"),
            secret,
            ports.random.as_mut(),
        )?;
        if vault.cipher_version()?.is_none() {
            return Err(StartError::NoCipher);
        }
        let agent = vault.get("agent")?.unwrap_or_default();
        let random = Arc::new(Mutex::new(ports.random));
        let tokens = random.clone();
        let token = move || {
            let mut bytes = [0; 32];
            lock(&tokens).fill(&mut bytes);
            hex::encode(bytes)
        };
        let agent = Arc::new(Agent {
            access: Access::new(agent, Box::new(token), ports.clock.clone()),
            data: ports.data,
            clock: ports.clock,
            random,
            keys: ports.keys,
            space: ports.space,
            fetch: ports.fetch,
            pin_cost: ports.pin_cost,
            default_server: ports.server,
            vault: Mutex::new(vault),
            open: Mutex::new(None),
            font: OnceLock::new(),
            revision: AtomicU64::new(1),
            wake: Arc::new(tokio::sync::Notify::new()),
            written: tokio::sync::Notify::new(),
            asked: tokio::sync::Notify::new(),
            grown: tokio::sync::Notify::new(),
            driver: Mutex::default(),
            nearby_state: Mutex::default(),
            nearby_change: tokio::sync::Notify::new(),
            other_tablets: ports.other_tablets,
            recording: Mutex::default(),
            log: Mutex::default(),
        });
        let wiping = lock(&agent.vault).is_wiping()?;
        if wiping {
            agent.finish_wiping()?;
        }
        Ok(agent)
    }

    /// Tokens and sessions.
    pub fn access(&self) -> &Access {
        &self.access
    }

    fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    fn fill(&self, out: &mut [u8]) {
        lock(&self.random).fill(out);
    }

    /// A random id of an entry or photo: 16 hex digits.
    fn entry_id(&self) -> String {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        hex::encode(bytes)
    }

    fn font(&self) -> &StampFont {
        self.font.get_or_init(StampFont::find)
    }

    /// Looks for the stamp's font ahead of the first photo. A host calls it when it has time.
    pub fn warm_up(&self) {
        self.font();
    }

    /// Waits until something was written since this was waited for last.
    pub async fn wait_for_writing(&self) {
        self.grown.notified().await;
    }

    /// Empties the store's log into the store. A host calls it in a pause, so that no tap has to.
    pub fn empty_log(&self) {
        let emptied = self.with_open(|open| crate::store::empty_log(&open.db).map_err(storage));
        if let Err(problem) = emptied {
            tracing::debug!(%problem, "the store's log stays as it is");
        }
    }

    /// Something changed that a screen could show.
    fn touch(&self) {
        self.revision.fetch_add(1, Ordering::Relaxed);
    }

    /// A line for the diagnostics: no names, no content.
    fn note(&self, line: &str) {
        tracing::info!("{line}");
        let mut log = lock(&self.log);
        if log.len() >= LOG_LINES {
            log.pop_front();
        }
        log.push_back(format!("{} {line}", self.now()));
    }

    /// Runs `work` on the open store.
    fn with_open<T>(
        &self,
        work: impl FnOnce(&mut Open) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        match lock(&self.open).as_mut() {
            Some(open) => work(open),
            None => Err(locked()),
        }
    }

    /// Runs `work` on a record of which `me` is a team member.
    fn with_record<T>(
        &self,
        me: &str,
        task: &str,
        work: impl FnOnce(&mut Open, TaskId) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let id: TaskId = task.parse().map_err(|_| no_such_task())?;
        self.with_open(|open| {
            // Who was relieved still sees what they did; writing is refused (D4).
            let record = open.record(id)?;
            let roster = &record.roster;
            if !roster.members.iter().any(|m| m.person == me) && roster.relieved_at(me).is_none() {
                return Err(no_such_task());
            }
            work(open, id)
        })
    }
}

impl Open {
    /// The record of a task, from memory or from the log.
    fn record(&mut self, id: TaskId) -> Result<&mut Loaded, Problem> {
        self.uses += 1;
        if !self.records.contains_key(&id) {
            let loaded = self.load(id)?;
            if self.records.len() >= OPEN_RECORDS {
                let oldest = self.records.values().min_by_key(|r| r.used).map(|r| r.id);
                if let Some(oldest) = oldest {
                    self.records.remove(&oldest);
                }
            }
            self.records.insert(id, loaded);
        }
        let uses = self.uses;
        let record = self.records.get_mut(&id).ok_or_else(no_such_task)?;
        record.used = uses;
        Ok(record)
    }

    fn load(&self, id: TaskId) -> Result<Loaded, Problem> {
        let task = id.to_string();
        let row = task_rows::get(&self.db, &task)
            .map_err(storage)?
            .ok_or_else(no_such_task)?;
        let log = changes::log(&self.db, &task).map_err(storage)?;
        let doc = RecordDoc::from_log(id, log.iter().map(Vec::as_slice))
            .map_err(|e| Problem::internal(&e))?;
        let authors = changes::authors(&self.db, &task)
            .map_err(storage)?
            .into_iter()
            .collect();
        Ok(Loaded {
            id,
            facts: Arc::new(serde_json::from_slice(&row.facts).map_err(|e| Problem::internal(&e))?),
            roster: Arc::new(
                serde_json::from_slice(&row.roster).map_err(|e| Problem::internal(&e))?,
            ),
            view: doc.view(),
            doc,
            authors,
            used: 0,
        })
    }

    /// The author that `person` is on this tablet.
    fn author(&self, person: &str) -> Author {
        Author {
            device: ::sync::signing::public(&self.device),
            person: person.to_owned(),
            epoch: self.epoch,
        }
    }

    fn device_key(&self) -> Key {
        ::sync::signing::public(&self.device)
    }
}

impl Loaded {
    /// Name of a person as the team has it.
    fn name_of(&self, person: &str) -> String {
        if person.is_empty() {
            return "服务器".into();
        }
        let named = self.view.text(&format!("team/{person}/name"));
        if !named.is_empty() {
            return named.to_owned();
        }
        let on_roster = self.roster.members.iter().find(|m| m.person == person);
        on_roster.map_or_else(|| person.to_owned(), |m| m.name.clone())
    }

    /// Who wrote with this actor (32 hex digits); empty for the server.
    fn person_of(&self, actor: &str) -> &str {
        self.authors.get(actor).map_or("", |a| a.person.as_str())
    }
}

fn locked() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "locked",
        "平板已锁定，请输入 PIN 解锁。",
    )
}

fn no_such_task() -> Problem {
    Problem::not_found(
        "no_such_task",
        "这台平板上没有这个任务，或者您不在检查组内。",
    )
}

/// A failure of the store as a person can understand it (lesson 32: told, never swallowed).
fn storage(error: rusqlite::Error) -> Problem {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure,
    };
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => damaged(&error),
        Some(DiskFull) => disk_full(),
        Some(SystemIoFailure | CannotOpen) => {
            tracing::error!(%error, "storage");
            Problem::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage_failed",
                "存储写入失败，刚才的内容没有保存；请腾出空间后重试。",
            )
        }
        _ => Problem::internal(&error),
    }
}

/// The store cannot be read (lesson 8); its files stay as they are.
fn damaged(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "store");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "store_damaged",
        "平板上的记录库打不开。文件已原样保留，请不要重装，立即联系管理员导出（field-agent rescue）。",
    )
}

fn disk_full() -> Problem {
    Problem::new(
        StatusCode::INSUFFICIENT_STORAGE,
        "disk_full",
        "平板存储空间不足，刚才的内容没有保存；请删除其他文件腾出空间后重试。",
    )
}

#[cfg(test)]
mod tests;
