//! What every request can reach.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use chrono::NaiveDate;

use crate::account::throttle::Throttle;
use crate::clock::{Clock, china_date};
use crate::config::Config;
use crate::db::Db;
use crate::draw::hall::Hub;
use crate::draw::witness;
use crate::ids;
use crate::jobs::Progresses;
use crate::keys::ServerKeys;
use crate::portal::pace::Pace;
use crate::rng::{Rng, bytes};
use crate::sync::blobs::BlobStore;
use crate::sync::pool::AdmissionPool;

/// Shared by all handlers and workers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub rng: Arc<dyn Rng>,
    /// How the server runs.
    pub config: Arc<Config>,
    /// The server's key pair.
    pub keys: Arc<ServerKeys>,
    /// Changes when the server is restored from a backup, so that tablets notice (X7).
    pub incarnation: Arc<str>,
    /// The children that judge changes from tablets.
    pub admission: AdmissionPool,
    /// Photos and what else tablets bring.
    pub blob_store: BlobStore,
    /// How far running jobs are.
    pub progress: Progresses,
    /// Failed sign-ins.
    pub throttle: Arc<Throttle>,
    /// Wrong codes of witnesses.
    pub witness_throttle: Arc<Throttle>,
    /// Tells the screens in the hall that a draw went on.
    pub hall: Arc<Hub>,
    /// How often objects look themselves up.
    pub pace: Arc<Pace>,
    /// Those that search a whole frame wait for their turn here.
    pub lookups: Arc<tokio::sync::Semaphore>,
    /// Wakes the job worker.
    pub wake: Arc<tokio::sync::Notify>,
}

impl AppState {
    /// Opens or makes the data folder. Blocks.
    pub async fn open(
        config: Config,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
    ) -> anyhow::Result<Self> {
        let data = config.data.clone();
        for folder in [data.clone(), data.join("blobs"), data.join("uploads")] {
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("data folder {}", folder.display()))?;
        }
        let keys = ServerKeys::open(&data, rng.as_ref())?;
        let blob_store = BlobStore::open(&data.join("blobs"), &data.join("uploads"))?;
        let admission = AdmissionPool::new(config.program.clone());
        let db = Db::open(&data.join("server.db"), clock.now())
            .with_context(|| format!("database in {}", data.display()))?;
        let candidate = hex::encode(bytes::<16>(rng.as_ref()));
        let gap = 1 + i64::from(u32::from_be_bytes(bytes::<4>(rng.as_ref())) >> 12);
        let incarnation: String = db
            .write(move |tx| {
                crate::sync::store::leave_gap(tx, gap)?;
                tx.execute(
                    "INSERT INTO meta (key, value) VALUES ('incarnation', $1)
                     ON CONFLICT (key) DO NOTHING",
                    &[&candidate],
                )?;
                Ok(tx.query_one(
                    "SELECT value FROM meta WHERE key = 'incarnation'",
                    &[],
                    |r| r.get(0),
                )?)
            })
            .await?;
        blob_store.sweep(&db, clock.now()).await?;
        Ok(Self {
            db,
            clock,
            rng,
            config: Arc::new(config),
            keys: Arc::new(keys),
            incarnation: incarnation.into(),
            admission,
            blob_store,
            progress: Progresses::default(),
            throttle: Arc::new(Throttle::default()),
            witness_throttle: Arc::new(witness::throttle()),
            hall: Arc::new(Hub::default()),
            pace: Arc::new(Pace::default()),
            lookups: Arc::new(tokio::sync::Semaphore::new(2)),
            wake: Arc::new(tokio::sync::Notify::new()),
        })
    }

    /// The incarnation in the form of the wire.
    pub fn incarnation_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        // Written by `open` as 32 hex digits.
        let _ = hex::decode_to_slice(self.incarnation.as_bytes(), &mut bytes);
        bytes
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Today in China.
    pub fn today(&self) -> NaiveDate {
        china_date(self.now())
    }

    /// A new UUIDv7.
    pub fn new_id(&self) -> String {
        ids::uuid_v7(self.now(), self.rng.as_ref())
    }

    /// Folder of whole blobs (photos, scans).
    pub fn blobs(&self) -> PathBuf {
        self.config.data.join("blobs")
    }

    /// Folder of photos and video of ceremonies.
    pub fn attachments(&self) -> PathBuf {
        self.config.data.join("attachments")
    }

    /// Folder of files on their way in.
    pub fn uploads(&self) -> PathBuf {
        self.config.data.join("uploads")
    }
}
