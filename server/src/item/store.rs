//! Rows of items and their versions.

use sync::facts::{CheckPoint, CheckSheet};

use super::{ActiveItem, ItemFacts, sheet_of};
use crate::db::{DbError, Result, Row, Tx};

/// An item with its newest facts.
#[derive(Debug, Clone)]
pub struct Item {
    /// UUID.
    pub id: String,
    /// The newest.
    pub version: u32,
    /// `draft`, `active` or `retired`.
    pub status: String,
    /// Of the newest version.
    pub facts: ItemFacts,
    /// Of the newest version.
    pub sheet: CheckSheet,
}

/// A version as it was written.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub version: u32,
    pub facts: ItemFacts,
    pub sheet: CheckSheet,
    pub created_at: i64,
    pub created_by: String,
    pub reason: String,
}

const NEWEST: &str = "SELECT i.id, i.version, i.status, v.facts, v.sheet FROM items i
     JOIN item_versions v ON v.item = i.id AND v.version = i.version";

fn parsed<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> Result<T> {
    serde_json::from_str(&row.get::<String>(index)?).map_err(|_| DbError::Column {
        index,
        expected: std::any::type_name::<T>(),
    })
}

fn item(row: &Row<'_>) -> Result<Item> {
    Ok(Item {
        id: row.get(0)?,
        version: row.get(1)?,
        status: row.get(2)?,
        facts: parsed(row, 3)?,
        sheet: parsed(row, 4)?,
    })
}

/// The item with this id, in its newest version.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Item>> {
    tx.query_opt(&format!("{NEWEST} WHERE i.id = $1"), &[&id], item)
}

pub(crate) fn by_code(tx: &mut Tx<'_>, code: &str) -> Result<Option<Item>> {
    tx.query_opt(&format!("{NEWEST} WHERE i.code = $1"), &[&code], item)
}

/// The item for planning and drawing, if it is active.
pub fn active(tx: &mut Tx<'_>, id: &str) -> Result<Option<ActiveItem>> {
    Ok(find(tx, id)?
        .filter(|item| item.status == "active")
        .map(|item| ActiveItem {
            id: item.id,
            code: item.facts.code,
            name: item.facts.name,
            department: item.facts.department,
            version: item.version,
            needs: item.facts.needs,
            priority: item.facts.priority,
        }))
}

/// The active list with facts and check sheets, by department and code: what the public sees (L3).
pub fn list_active(tx: &mut Tx<'_>) -> Result<Vec<Item>> {
    tx.query(
        &format!("{NEWEST} WHERE i.status = 'active' ORDER BY i.department, i.code"),
        &[],
        item,
    )
}

/// The check sheet of one version.
pub fn sheet(tx: &mut Tx<'_>, item: &str, version: u32) -> Result<Option<CheckSheet>> {
    tx.query_opt(
        "SELECT sheet FROM item_versions WHERE item = $1 AND version = $2",
        &[&item, &version],
        |row| parsed(row, 0),
    )
}

pub(super) fn versions(tx: &mut Tx<'_>, item: &str) -> Result<Vec<Version>> {
    tx.query(
        "SELECT version, facts, sheet, created_at, created_by, reason FROM item_versions
         WHERE item = $1 ORDER BY version DESC",
        &[&item],
        |row| {
            Ok(Version {
                version: row.get(0)?,
                facts: parsed(row, 1)?,
                sheet: parsed(row, 2)?,
                created_at: row.get(3)?,
                created_by: row.get(4)?,
                reason: row.get(5)?,
            })
        },
    )
}

pub(super) fn list(
    tx: &mut Tx<'_>,
    department: &str,
    status: &str,
    pattern: Option<&String>,
    offset: u32,
    limit: u32,
) -> Result<(Vec<Item>, i64)> {
    const CONDITION: &str = "($1 = '' OR i.department = $1) AND ($2 = '' OR i.status = $2)
         AND ($3 IS NULL OR i.code LIKE $3 ESCAPE '\\' OR v.facts LIKE $3 ESCAPE '\\')";
    let total = tx.query_one(
        &format!(
            "SELECT COUNT(*) FROM items i JOIN item_versions v
                 ON v.item = i.id AND v.version = i.version WHERE {CONDITION}"
        ),
        &[&department, &status, &pattern],
        |row| row.get(0),
    )?;
    let rows = tx.query(
        &format!("{NEWEST} WHERE {CONDITION} ORDER BY i.department, i.code LIMIT $4 OFFSET $5"),
        &[&department, &status, &pattern, &limit, &offset],
        item,
    )?;
    Ok((rows, total))
}

pub(super) fn set_status(tx: &mut Tx<'_>, id: &str, status: &str) -> Result<()> {
    tx.execute(
        "UPDATE items SET status = $2 WHERE id = $1",
        &[&id, &status],
    )?;
    Ok(())
}

/// A new version of an item, or a new item.
#[derive(Debug, Clone)]
pub(crate) struct Put<'a> {
    /// For a new item.
    pub new_id: &'a str,
    pub facts: &'a ItemFacts,
    pub points: &'a [CheckPoint],
    pub at: i64,
    pub by: &'a str,
    pub reason: &'a str,
}

/// Writes the next version and makes the item active; `None` when the newest version says the same
/// already. What earlier versions say stays (L2).
pub(crate) fn put(tx: &mut Tx<'_>, put: &Put<'_>) -> Result<Option<(String, u32)>> {
    let old = by_code(tx, &put.facts.code)?;
    if let Some(old) = &old
        && old.facts == *put.facts
        && old.sheet.points == put.points
        && old.status == "active"
    {
        return Ok(None);
    }
    let version = old.as_ref().map_or(1, |old| old.version + 1);
    let id = old.map_or_else(|| put.new_id.to_owned(), |old| old.id);
    tx.execute(
        "INSERT INTO items (id, code, department, version, status) VALUES ($1, $2, $3, $4, 'active')
         ON CONFLICT (id) DO UPDATE SET department = excluded.department,
             version = excluded.version, status = 'active'",
        &[&id, &put.facts.code, &put.facts.department, &version],
    )?;
    let sheet = sheet_of(put.facts, version, put.points.to_vec());
    let json = |value: serde_json::Result<String>| value.map_err(|e| DbError::Task(e.to_string()));
    tx.execute(
        "INSERT INTO item_versions (item, version, facts, sheet, created_at, created_by, reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &id,
            &version,
            &json(serde_json::to_string(put.facts))?,
            &json(serde_json::to_string(&sheet))?,
            &put.at,
            &put.by,
            &put.reason,
        ],
    )?;
    Ok(Some((id, version)))
}
