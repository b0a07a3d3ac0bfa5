//! One writer, a few readers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::{Mutex, Semaphore};

use super::{DbError, Result, Tx, migrate};
use crate::error::AppError;

/// How many reading transactions run at once.
const READERS: usize = 4;

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Arc<Mutex<Connection>>,
    readers: StdMutex<Vec<Connection>>,
    reading: Arc<Semaphore>,
}

impl Db {
    /// Opens or makes the SQLite file and brings it to the newest migration. Blocks.
    pub fn open(path: &Path, now: i64) -> Result<Self> {
        let mut writer = connect(path, true)?;
        migrate::run(&mut writer, now)?;
        Ok(Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                writer: Arc::new(Mutex::new(writer)),
                readers: StdMutex::new(Vec::new()),
                reading: Arc::new(Semaphore::new(READERS)),
            }),
        })
    }

    /// Runs `work` in a transaction that sees one state and changes nothing.
    pub async fn read<T, F>(&self, work: F) -> std::result::Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> std::result::Result<T, AppError> + Send + 'static,
    {
        let permit = Arc::clone(&self.inner.reading)
            .acquire_owned()
            .await
            .map_err(|_| DbError::Task("closed".into()))?;
        let inner = Arc::clone(&self.inner);
        run_blocking(move || {
            let _permit = permit;
            let idle = inner
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            let mut connection = match idle {
                Some(connection) => connection,
                None => connect(&inner.path, false)?,
            };
            let mut tx = Tx::sqlite(connection.transaction().map_err(DbError::from)?);
            let answer = work(&mut tx);
            drop(tx);
            inner
                .readers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
            answer
        })
        .await
    }

    /// Runs `work` in the one writing transaction. `Ok` commits, durably, before this returns;
    /// `Err` and a panic roll back. Runs to its end even if the caller goes away.
    pub async fn write<T, F>(&self, work: F) -> std::result::Result<T, AppError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> std::result::Result<T, AppError> + Send + 'static,
    {
        let mut connection = Arc::clone(&self.inner.writer).lock_owned().await;
        run_blocking(move || {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(DbError::from)?;
            let mut tx = Tx::sqlite(transaction);
            let answer = work(&mut tx)?;
            tx.commit()?;
            Ok(answer)
        })
        .await
    }
}

async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, AppError> + Send + 'static,
) -> std::result::Result<T, AppError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => Err(DbError::Task(error.to_string()).into()),
    }
}

fn connect(path: &Path, writes: bool) -> Result<Connection> {
    let flags = if writes {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE
    };
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.set_prepared_statement_cache_capacity(256);
    // A statement is planned once, not again for each value bound to it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.busy_timeout(std::time::Duration::from_secs(15))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Negative: in KiB.
    connection.pragma_update(None, "cache_size", -32_768)?;
    if !writes {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open(&folder.path().join("test.db"), 0).unwrap();
        (folder, db)
    }

    #[test]
    fn a_statement_is_planned_once() {
        let (folder, _db) = fresh();
        let connection = connect(&folder.path().join("test.db"), false).unwrap();
        let sql = "SELECT seq FROM feed WHERE device = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
        for (device, limit) in [("a", 10), ("a", 20), ("b", 10)] {
            let mut ask = connection.prepare_cached(sql).unwrap();
            let mut rows = ask.query((device, 0, limit)).unwrap();
            assert!(rows.next().unwrap().is_none());
        }
        let ask = connection.prepare_cached(sql).unwrap();
        let planned_again = ask.get_status(rusqlite::StatementStatus::RePrepare);
        assert_eq!(planned_again, 0);
    }

    async fn value(db: &Db) -> Option<String> {
        db.read(|tx| {
            Ok(
                tx.query_opt("SELECT value FROM meta WHERE key = $1", &[&"k"], |r| {
                    r.get(0)
                })?,
            )
        })
        .await
        .unwrap()
    }

    fn put(tx: &mut Tx<'_>) -> Result<usize> {
        tx.execute(
            "INSERT INTO meta (key, value) VALUES ($1, $2)",
            &[&"k", &"v"],
        )
    }

    #[tokio::test]
    async fn a_write_is_seen_by_the_next_read() {
        let (_folder, db) = fresh();
        db.write(|tx| Ok(put(tx)?)).await.unwrap();
        assert_eq!(value(&db).await.as_deref(), Some("v"));
    }

    #[tokio::test]
    async fn an_error_rolls_back() {
        let (_folder, db) = fresh();
        let answer: std::result::Result<(), AppError> = db
            .write(|tx| {
                put(tx)?;
                Err(AppError::not_found("object"))
            })
            .await;
        assert!(answer.is_err());
        assert_eq!(value(&db).await, None);
    }

    #[tokio::test]
    async fn a_panic_rolls_back_and_the_writer_lives_on() {
        let (_folder, db) = fresh();
        let answer: std::result::Result<(), AppError> = db
            .write(|tx| {
                put(tx)?;
                panic!("a mistake in a step");
            })
            .await;
        assert!(answer.is_err());
        assert_eq!(value(&db).await, None);
        db.write(|tx| Ok(put(tx)?)).await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let (_folder, db) = fresh();
        assert!(db.read(|tx| Ok(put(tx)?)).await.is_err());
    }

    #[tokio::test]
    async fn a_duplicate_is_told_apart_from_other_failures() {
        let (_folder, db) = fresh();
        db.write(|tx| Ok(put(tx)?)).await.unwrap();
        db.write(|tx| {
            assert!(matches!(put(tx), Err(DbError::Duplicate(_))));
            Ok(())
        })
        .await
        .unwrap();
    }
}
