//! Witnesses in the database.

use super::{Capacity, Way, WitnessState, WitnessView};
use crate::db::{DbError, Result, Row, Tx};

const COLUMNS: &str =
    "position, name, capacity, committed, committed_at, committed_by, state, value, said_at";

fn witness(r: &Row<'_>) -> Result<WitnessView> {
    let word = |index: usize, expected: &'static str| DbError::Column { index, expected };
    let (capacity, state): (String, String) = (r.get(2)?, r.get(6)?);
    let way: Option<String> = r.get(5)?;
    Ok(WitnessView {
        position: r.get(0)?,
        name: r.get(1)?,
        capacity: Capacity::parse(&capacity).ok_or_else(|| word(2, "Capacity"))?,
        committed: r.get(3)?,
        committed_at: r.get(4)?,
        committed_by: way.as_deref().and_then(Way::parse),
        state: WitnessState::parse(&state).ok_or_else(|| word(6, "WitnessState"))?,
        value: r.get(7)?,
        said_at: r.get(8)?,
    })
}

/// Witnesses in the order of the list.
pub fn list(tx: &mut Tx<'_>, draw: &str) -> Result<Vec<WitnessView>> {
    let sql = format!("SELECT {COLUMNS} FROM draw_witnesses WHERE draw = $1 ORDER BY position");
    tx.query(&sql, &[&draw], witness)
}

/// The draw and the witness that a code belongs to.
pub fn by_code(tx: &mut Tx<'_>, code: &str) -> Result<Option<(String, WitnessView)>> {
    let sql = format!("SELECT {COLUMNS}, draw FROM draw_witnesses WHERE code = $1");
    tx.query_opt(&sql, &[&code], |r| Ok((r.get(9)?, witness(r)?)))
}

/// Codes by position.
pub fn codes(tx: &mut Tx<'_>, draw: &str) -> Result<Vec<(u32, String)>> {
    tx.query(
        "SELECT position, code FROM draw_witnesses WHERE draw = $1 AND code IS NOT NULL ORDER BY position",
        &[&draw],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// Enters a witness at the end of the list. [`DbError::Duplicate`] where the name is there.
pub fn enter(
    tx: &mut Tx<'_>,
    draw: &str,
    name: &str,
    capacity: Capacity,
    code: &str,
) -> Result<()> {
    tx.execute(
        "INSERT INTO draw_witnesses (draw, position, name, capacity, code, state)
         SELECT $1, COALESCE(MAX(position), 0) + 1, $2, $3, $4, 'entered'
         FROM draw_witnesses WHERE draw = $1",
        &[&draw, &name, &capacity.as_str(), &code],
    )?;
    Ok(())
}

/// A witness hands in the hash of a value.
pub fn committed(
    tx: &mut Tx<'_>,
    draw: &str,
    name: &str,
    hash: &str,
    way: Way,
    now: i64,
) -> Result<()> {
    tx.execute(
        "UPDATE draw_witnesses SET state = 'committed', committed = $3, committed_at = $4, committed_by = $5
         WHERE draw = $1 AND name = $2 AND state = 'entered'",
        &[&draw, &name, &hash, &now, &way.as_str()],
    )?;
    Ok(())
}

/// What a witness did after the list was closed.
pub fn said(
    tx: &mut Tx<'_>,
    draw: &str,
    name: &str,
    value: Option<&str>,
    way: Way,
    now: i64,
) -> Result<()> {
    let state = match value {
        Some(_) => WitnessState::Revealed,
        None => WitnessState::Withheld,
    };
    tx.execute(
        "UPDATE draw_witnesses SET state = $3, value = $4, said_at = $5, said_by = $6
         WHERE draw = $1 AND name = $2 AND state = 'committed'",
        &[&draw, &name, &state.as_str(), &value, &now, &way.as_str()],
    )?;
    Ok(())
}
