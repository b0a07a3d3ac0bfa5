//! What somebody has typed and not yet saved (lesson 10). It lies in the encrypted store like all
//! else, one row of `meta` for each place on screen, and is no part of any record.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// A draft of one person, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Task to which it belongs; empty for what belongs to none.
    pub task: String,
    /// Place on screen, such as `cell/handling/opinion`.
    pub place: String,
    pub text: String,
    /// When it was typed, ms by this tablet's clock.
    pub at: i64,
}

#[derive(Serialize, Deserialize)]
struct Row {
    /// Order of typing: an older text that arrives later changes nothing.
    seq: i64,
    at: i64,
    /// Absent once saved or thrown away: the row stays for its `seq`.
    text: Option<String>,
}

fn key(person: &str, task: &str, place: &str) -> String {
    format!("draft/{person}/{task}/{place}")
}

fn row(db: &Connection, key: &str) -> rusqlite::Result<Option<Row>> {
    let bytes = super::get_meta(db, key)?;
    Ok(bytes.and_then(|b| serde_json::from_slice(&b).ok()))
}

fn put(db: &Connection, key: &str, row: &Row) -> rusqlite::Result<()> {
    let bytes = serde_json::to_vec(row)
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    super::set_meta(db, key, &bytes)
}

/// Keeps what was typed, or with no text forgets it; unless something typed later is known.
pub fn keep(
    db: &Connection,
    person: &str,
    draft: (&str, &str),
    text: Option<String>,
    (seq, at): (i64, i64),
) -> rusqlite::Result<()> {
    let key = key(person, draft.0, draft.1);
    if row(db, &key)?.is_some_and(|known| known.seq >= seq) {
        return Ok(());
    }
    put(db, &key, &Row { seq, at, text })
}

/// The cell now holds `text`: a draft that says the same has done its duty.
pub fn saved(
    db: &Connection,
    person: &str,
    task: &str,
    path: &str,
    text: &str,
) -> rusqlite::Result<()> {
    let key = key(person, task, &format!("cell/{path}"));
    match row(db, &key)? {
        Some(row) if row.text.as_deref() == Some(text) => put(db, &key, &Row { text: None, ..row }),
        _ => Ok(()),
    }
}

/// All drafts of a person and the highest `seq`. Rows that only remember a `seq` are cleared away:
/// whoever asks has just begun, and nothing typed before is still on its way.
pub fn of_person(db: &Connection, person: &str) -> rusqlite::Result<(Vec<Draft>, i64)> {
    let (from, until) = (format!("draft/{person}/"), format!("draft/{person}0"));
    let mut drafts = Vec::new();
    let (mut highest, mut done) = (0, Vec::new());
    let mut rows = db.prepare_cached("SELECT key, value FROM meta WHERE key >= ?1 AND key < ?2")?;
    let rows = rows.query_map(params![from, until], |r| {
        Ok((r.get::<_, String>(0)?, r.get::<_, Vec<u8>>(1)?))
    })?;
    for found in rows {
        let (key, value) = found?;
        let held: Option<Row> = serde_json::from_slice(&value).ok();
        highest = highest.max(held.as_ref().map_or(0, |row| row.seq));
        let rest = key.strip_prefix(&from).and_then(|k| k.split_once('/'));
        match (rest, held.and_then(|row| Some((row.text?, row.at)))) {
            (Some((task, place)), Some((text, at))) => drafts.push(Draft {
                task: task.to_owned(),
                place: place.to_owned(),
                text,
                at,
            }),
            _ => done.push(key),
        }
    }
    for key in done {
        super::clear_meta(db, &key)?;
    }
    Ok((drafts, highest))
}
