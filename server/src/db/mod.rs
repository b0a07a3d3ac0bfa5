//! The database layer: all SQL is written once, in the part that SQLite and PostgreSQL share.
//!
//! `Db::read` and `Db::write` run a closure inside one transaction on a blocking thread. Store
//! functions are plain functions over `&mut Tx`. Placeholders are `$1`, `$2`, …; times are
//! milliseconds since the Unix epoch (UTC) or `YYYY-MM-DD` text in China time; JSON is text.
//!
//! Never wait for the network inside a closure: read, close, talk, open, apply, close.

mod cell;
mod migrate;
mod pool;
mod tx;

pub use cell::{Cell, FromCell, Param};
pub use pool::Db;
pub use tx::{Row, Tx};

/// What the database can answer instead of rows.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// `query_one` found none.
    #[error("no such row")]
    NoRow,
    /// A UNIQUE or PRIMARY KEY constraint; the text names the columns.
    #[error("already exists: {0}")]
    Duplicate(String),
    /// A FOREIGN KEY, CHECK or NOT NULL constraint.
    #[error("constraint: {0}")]
    Constraint(String),
    /// A column holds something else than the program expects.
    #[error("column {index}: expected {expected}")]
    Column {
        /// Counted from 0.
        index: usize,
        /// Name of the Rust type.
        expected: &'static str,
    },
    /// The database was written by a newer program.
    #[error("the database has migration {0}, which this program does not know: start a newer one")]
    FromTheFuture(u32),
    /// Everything else: I/O, a full disk, a mistake in the SQL.
    #[error("database: {0}")]
    Sqlite(rusqlite::Error),
    /// The closure panicked; its transaction was rolled back.
    #[error("database task failed: {0}")]
    Task(String),
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        match &error {
            rusqlite::Error::SqliteFailure(code, message) => {
                let text = message.clone().unwrap_or_default();
                match code.extended_code {
                    ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
                        Self::Duplicate(text)
                    }
                    _ if code.code == rusqlite::ErrorCode::ConstraintViolation => {
                        Self::Constraint(text)
                    }
                    _ => Self::Sqlite(error),
                }
            }
            _ => Self::Sqlite(error),
        }
    }
}

/// Result of store functions.
pub type Result<T> = std::result::Result<T, DbError>;
