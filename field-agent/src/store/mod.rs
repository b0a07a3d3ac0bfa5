//! The encrypted store: everything that a tablet must not lose and must not give away.
//!
//! One SQLCipher database with a raw key, WAL and `synchronous=FULL`: when a commit returns, a flat
//! battery cannot take it back. Photos lie beside it ([`blobs`]). A database that does not open is
//! never deleted.

pub mod blobs;
pub mod changes;
pub mod drafts;
pub mod migrate;
pub mod pieces;
pub mod queue;
pub mod recordings;
pub mod slim;
pub mod statements;
pub mod tasks;
pub mod waits;

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension, params};

use crate::vault::slot::derive;

/// Pages that are kept decrypted in memory, in KiB: what a screen of a full tablet reads.
const CACHE_KIB: i64 = 32 * 1024;

/// The log may have so many pages before a write itself must empty it: 16 MiB.
const MOST_LOG_PAGES: i64 = 4_096;

const MIGRATIONS: &[&str] = &[
    include_str!("sql/1.sql"),
    include_str!("sql/2.sql"),
    include_str!("sql/3.sql"),
    include_str!("sql/4.sql"),
    include_str!("sql/5.sql"),
    include_str!("sql/6.sql"),
    include_str!("sql/7.sql"),
    include_str!("sql/8.sql"),
];

/// Why the store did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SQLite that was linked does not encrypt: nothing may be written.
    #[error("this SQLite does not encrypt (no answer to PRAGMA cipher_version)")]
    NoCipher,
    /// Wrong key, or damaged; the file stays as it is.
    #[error("the store does not open: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// Opens or makes the store under `data_key`.
pub fn open(path: &Path, data_key: &[u8; 32]) -> Result<Connection, OpenError> {
    let mut db = Connection::open(path)?;
    set_key(&db, data_key)?;
    if cipher_version(&db)?.is_none() {
        return Err(OpenError::NoCipher);
    }
    db.busy_timeout(Duration::from_secs(5))?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "wal_autocheckpoint", MOST_LOG_PAGES)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "temp_store", "MEMORY")?;
    // A page that was read once is not decrypted again.
    db.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // A statement is planned once and not at each binding, which was a fifth of a tap.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    migrate::run(&mut db, MIGRATIONS)?;
    db.set_prepared_statement_cache_capacity(64);
    Ok(db)
}

/// Moves what is in the log into the store, as far as nobody reads it.
pub fn empty_log(db: &Connection) -> rusqlite::Result<()> {
    db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Gives a connection the store's key; must come before anything else.
pub fn set_key(db: &Connection, data_key: &[u8; 32]) -> rusqlite::Result<()> {
    let key = derive(data_key, "double-random/store/v1");
    db.pragma_update(None, "key", format!("x'{}'", hex::encode(*key)))
}

/// Version of SQLCipher; `None` when the linked SQLite does not encrypt.
pub fn cipher_version(db: &Connection) -> rusqlite::Result<Option<String>> {
    db.query_row("PRAGMA cipher_version", [], |r| r.get(0))
        .optional()
}

/// A fact of the tablet itself.
pub fn get_meta(db: &Connection, key: &str) -> rusqlite::Result<Option<Vec<u8>>> {
    db.prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |r| r.get(0))
        .optional()
}

/// Writes a fact of the tablet itself.
pub fn set_meta(db: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = ?2",
    )?
    .execute(params![key, value])
    .map(drop)
}

/// Facts whose names begin so.
pub fn list_meta(db: &Connection, prefix: &str) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    db.prepare_cached(
        "SELECT key, value FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
    )?
    .query_map([prefix], |r| Ok((r.get(0)?, r.get(1)?)))?
    .collect()
}

/// Forgets a fact of the tablet itself.
pub fn clear_meta(db: &Connection, key: &str) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM meta WHERE key = ?1")?
        .execute([key])
        .map(drop)
}

/// How far something is on its way to the server, as the store keeps it.
pub mod delivery {
    /// On this tablet only.
    pub const HERE: i64 = 0;
    /// Sent, not confirmed.
    pub const SENT: i64 = 1;
    /// Named by a receipt of the server.
    pub const CONFIRMED: i64 = 2;
    /// Refused for good.
    pub const REFUSED: i64 = 3;
}

#[cfg(test)]
mod tests;
