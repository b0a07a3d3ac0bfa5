//! Relations that must be avoided 回避 (I3).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::{Result, Tx};

/// What kind of relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AvoidanceKind {
    /// 与检查对象有利害关系.
    Object,
    /// 与法定代表人或负责人有关系: all objects that this person is responsible for.
    LegalPerson,
    /// 近亲属.
    Household,
    /// 曾任职单位.
    FormerEmployer,
}

impl AvoidanceKind {
    /// As it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::LegalPerson => "legal_person",
            Self::Household => "household",
            Self::FormerEmployer => "former_employer",
        }
    }
}

/// A relation, with names to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Avoidance {
    /// UUID.
    pub id: String,
    /// Inspector's id.
    pub inspector: String,
    /// Inspector's name.
    pub inspector_name: String,
    /// `object`, `legal_person`, `household` or `former_employer`.
    pub kind: String,
    /// Object's id.
    pub object: Option<String>,
    /// Object's name, or the name of the person who is responsible for objects.
    pub object_name: String,
    /// Name of the person who is responsible for objects.
    pub legal_person: Option<String>,
    /// Why; seen by the office only.
    pub ground: String,
    /// Last day on which it holds; `None`: without end.
    pub until: Option<String>,
}

/// Inspector and object of every relation that holds today (`YYYY-MM-DD`), also those by the person
/// who is responsible for an object; sorted, without repetition.
pub fn avoid_pairs(
    tx: &mut Tx<'_>,
    department: &str,
    today: &str,
) -> Result<Vec<(String, String)>> {
    tx.query(
        "SELECT a.inspector, a.object FROM avoidances a JOIN inspectors i ON i.id = a.inspector
         WHERE i.department = $1 AND a.object IS NOT NULL AND a.removed_at IS NULL
           AND (a.until IS NULL OR a.until >= $2)
         UNION
         SELECT a.inspector, o.id FROM avoidances a JOIN inspectors i ON i.id = a.inspector
         JOIN objects o ON o.responsible = a.legal_person
         WHERE i.department = $1 AND a.legal_person <> '' AND a.removed_at IS NULL
           AND (a.until IS NULL OR a.until >= $2)
         ORDER BY 1, 2",
        &[&department, &today],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The relation as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct NewAvoidance {
    pub id: String,
    pub inspector: String,
    pub kind: AvoidanceKind,
    pub object: Option<String>,
    pub legal_person: Option<String>,
    pub ground: String,
    pub until: Option<String>,
}

/// Whether the relation was not there yet; ground and end of one that is there are replaced.
pub(crate) fn put(tx: &mut Tx<'_>, new: &NewAvoidance, now: i64) -> Result<bool> {
    let known: Option<String> = tx.query_opt(
        "SELECT id FROM avoidances WHERE inspector = $1 AND kind = $2 AND removed_at IS NULL
           AND COALESCE(object, '') = COALESCE($3, '')
           AND COALESCE(legal_person, '') = COALESCE($4, '')",
        &[
            &new.inspector,
            &new.kind.as_str(),
            &new.object,
            &new.legal_person,
        ],
        |row| row.get(0),
    )?;
    if let Some(id) = known {
        tx.execute(
            "UPDATE avoidances SET ground = $2, until = $3 WHERE id = $1",
            &[&id, &new.ground, &new.until],
        )?;
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO avoidances (id, inspector, kind, object, legal_person, ground, until, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            &new.id,
            &new.inspector,
            &new.kind.as_str(),
            &new.object,
            &new.legal_person,
            &new.ground,
            &new.until,
            &now,
        ],
    )?;
    Ok(true)
}

/// The department of the inspector whom the relation concerns, while it is not removed.
pub(super) fn department_of(tx: &mut Tx<'_>, id: &str) -> Result<Option<String>> {
    tx.query_opt(
        "SELECT i.department FROM avoidances a JOIN inspectors i ON i.id = a.inspector
         WHERE a.id = $1 AND a.removed_at IS NULL",
        &[&id],
        |row| row.get(0),
    )
}

/// The row stays, so that earlier draws can be explained.
pub(super) fn remove(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE avoidances SET removed_at = $2 WHERE id = $1",
        &[&id, &now],
    )?;
    Ok(())
}

pub(super) fn list(
    tx: &mut Tx<'_>,
    pattern: Option<&String>,
    offset: u32,
    limit: u32,
) -> Result<(Vec<Avoidance>, i64)> {
    const FROM: &str = "FROM avoidances a JOIN inspectors i ON i.id = a.inspector
         LEFT JOIN objects o ON o.id = a.object
         WHERE a.removed_at IS NULL AND ($1 IS NULL OR i.name LIKE $1 ESCAPE '\\'
              OR o.name LIKE $1 ESCAPE '\\' OR a.legal_person LIKE $1 ESCAPE '\\')";
    let total = tx.query_one(&format!("SELECT COUNT(*) {FROM}"), &[&pattern], |row| {
        row.get(0)
    })?;
    let rows = tx.query(
        &format!(
            "SELECT a.id, a.inspector, i.name, a.kind, a.object,
                 COALESCE(o.name, a.legal_person, ''), a.legal_person, a.ground, a.until
             {FROM} ORDER BY i.name, a.id LIMIT $2 OFFSET $3"
        ),
        &[&pattern, &limit, &offset],
        |row| {
            Ok(Avoidance {
                id: row.get(0)?,
                inspector: row.get(1)?,
                inspector_name: row.get(2)?,
                kind: row.get(3)?,
                object: row.get(4)?,
                object_name: row.get(5)?,
                legal_person: row.get(6)?,
                ground: row.get(7)?,
                until: row.get(8)?,
            })
        },
    )?;
    Ok((rows, total))
}
