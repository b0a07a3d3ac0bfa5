//! Migrations: files `server/migrations/NNNN_name.sql`, applied in the order of their numbers.
//!
//! Numbers may have gaps, and a lower one may arrive after a higher one was applied (steps are
//! written side by side), so the numbers that were applied are kept one by one.

use std::collections::BTreeSet;

use rusqlite::{Connection, TransactionBehavior};

use super::{DbError, Result, Tx};

/// Number, file name without ending, SQL.
const MIGRATIONS: &[(u32, &str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Applies what is missing, each migration in a transaction of its own: a crash between two of
/// them leaves the earlier one applied and noted, and the next start goes on from there.
pub(super) fn run(connection: &mut Connection, now: i64) -> Result<()> {
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS schema_migrations (
             number     INTEGER PRIMARY KEY,
             name       TEXT NOT NULL,
             applied_at INTEGER NOT NULL
         ) STRICT",
    )?;
    let applied = applied(connection)?;
    if let Some(unknown) = applied
        .iter()
        .find(|n| MIGRATIONS.iter().all(|m| m.0 != **n))
    {
        return Err(DbError::FromTheFuture(*unknown));
    }
    for (number, name, sql) in MIGRATIONS.iter().filter(|m| !applied.contains(&m.0)) {
        let mut tx =
            Tx::sqlite(connection.transaction_with_behavior(TransactionBehavior::Immediate)?);
        tx.execute_script(sql)?;
        tx.execute(
            "INSERT INTO schema_migrations (number, name, applied_at) VALUES ($1, $2, $3)",
            &[number, name, &now],
        )?;
        tx.commit()?;
    }
    Ok(())
}

fn applied(connection: &Connection) -> Result<BTreeSet<u32>> {
    let mut statement = connection.prepare("SELECT number FROM schema_migrations")?;
    let numbers = statement.query_map([], |row| row.get(0))?;
    Ok(numbers.collect::<rusqlite::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_applied_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, 1).unwrap();
        run(&mut connection, 2).unwrap();
        assert_eq!(applied(&connection).unwrap().len(), MIGRATIONS.len());
    }

    #[test]
    fn a_database_of_a_newer_program_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, 1).unwrap();
        connection
            .execute(
                "INSERT INTO schema_migrations VALUES (9999, 'later', 0)",
                [],
            )
            .unwrap();
        assert!(matches!(
            run(&mut connection, 2),
            Err(DbError::FromTheFuture(9999))
        ));
    }
}
