//! Schema migrations by `user_version`: each step runs once, in its own transaction.

use rusqlite::Connection;

/// Brings `db` to the newest schema. A database of a newer version is refused, not touched.
pub fn run(db: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    loop {
        let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = tx.query_row("PRAGMA user_version", [], |r| r.get(0))?;
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        match steps.get(version) {
            Some(step) => {
                tx.execute_batch(step)?;
                tx.pragma_update(None, "user_version", version as i64 + 1)?;
                tx.commit()?;
            }
            None if version == steps.len() => return Ok(()),
            None => {
                let message = format!(
                    "schema version {version} is newer than this program ({})",
                    steps.len()
                );
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH),
                    Some(message),
                ));
            }
        }
    }
}
