//! One transaction, whatever the database behind it.

use std::borrow::Cow;

use rusqlite::CachedStatement;

use super::cell::from_sqlite;
use super::{Cell, DbError, FromCell, Param, Result};

/// A transaction. Dropped without commit it rolls back.
pub struct Tx<'c> {
    backend: Backend<'c>,
}

enum Backend<'c> {
    Sqlite(rusqlite::Transaction<'c>),
}

/// One row of an answer, valid while the closure that gets it runs.
pub struct Row<'r> {
    row: &'r rusqlite::Row<'r>,
}

impl Row<'_> {
    /// The column with this index, counted from 0.
    pub fn get<T: FromCell>(&self, index: usize) -> Result<T> {
        let value = self.row.get_ref(index)?;
        from_sqlite(value)
            .and_then(T::from_cell)
            .ok_or(DbError::Column {
                index,
                expected: std::any::type_name::<T>(),
            })
    }
}

impl<'c> Tx<'c> {
    pub(super) fn sqlite(transaction: rusqlite::Transaction<'c>) -> Self {
        Self {
            backend: Backend::Sqlite(transaction),
        }
    }

    pub(super) fn commit(self) -> Result<()> {
        match self.backend {
            Backend::Sqlite(transaction) => Ok(transaction.commit()?),
        }
    }

    fn prepare(&self, sql: &str) -> Result<CachedStatement<'_>> {
        match &self.backend {
            Backend::Sqlite(transaction) => Ok(transaction.prepare_cached(&placeholders(sql))?),
        }
    }

    /// Runs a statement; the number of rows it changed.
    pub fn execute(&mut self, sql: &str, params: &[&dyn Param]) -> Result<usize> {
        let mut statement = self.prepare(sql)?;
        Ok(statement.execute(rusqlite::params_from_iter(params.iter().map(|p| p.cell())))?)
    }

    /// Runs several statements without parameters, as a migration does.
    pub fn execute_script(&mut self, sql: &str) -> Result<()> {
        match &self.backend {
            Backend::Sqlite(transaction) => Ok(transaction.execute_batch(sql)?),
        }
    }

    /// Calls `each` for every row without collecting them: for frames and exports.
    pub fn for_each(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        mut each: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.prepare(sql)?;
        let mut rows =
            statement.query(rusqlite::params_from_iter(params.iter().map(|p| p.cell())))?;
        while let Some(row) = rows.next()? {
            each(&Row { row })?;
        }
        Ok(())
    }

    /// All rows.
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.for_each(sql, params, |row| {
            found.push(map(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The first row, if there is one.
    pub fn query_opt<T>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        map: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut statement = self.prepare(sql)?;
        let mut rows =
            statement.query(rusqlite::params_from_iter(params.iter().map(|p| p.cell())))?;
        match rows.next()? {
            Some(row) => map(&Row { row }).map(Some),
            None => Ok(None),
        }
    }

    /// The first row; [`DbError::NoRow`] when there is none.
    pub fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[&dyn Param],
        map: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.query_opt(sql, params, map)?.ok_or(DbError::NoRow)
    }

    /// Runs one statement for every element of `rows`; `cells` gives its parameters in order.
    pub fn insert_many<T>(
        &mut self,
        sql: &str,
        rows: &[T],
        cells: impl for<'r> Fn(&'r T) -> Vec<Cell<'r>>,
    ) -> Result<usize> {
        let mut statement = self.prepare(sql)?;
        let mut changed = 0;
        for row in rows {
            changed += statement.execute(rusqlite::params_from_iter(cells(row)))?;
        }
        Ok(changed)
    }
}

/// `$1` → `?1`, outside of quoted text. SQLite would take `$1` for a name and number it by its
/// first appearance.
fn placeholders(sql: &str) -> Cow<'_, str> {
    if !sql.contains('$') {
        return Cow::Borrowed(sql);
    }
    let mut quoted = false;
    Cow::Owned(
        sql.chars()
            .map(|c| match c {
                '\'' => {
                    quoted = !quoted;
                    c
                }
                '$' if !quoted => '?',
                _ => c,
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::plain("SELECT 1", "SELECT 1")]
    #[case::out_of_order("a = $2 AND b = $1", "a = ?2 AND b = ?1")]
    #[case::quoted("a = '$1' AND b = $1", "a = '$1' AND b = ?1")]
    fn placeholders_are_rewritten(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(placeholders(sql), expected);
    }
}
