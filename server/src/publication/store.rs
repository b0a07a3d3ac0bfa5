//! What is due and what was published, in the database. The list joins tasks, seals and
//! publications for reading, so that one statement gives a page.

use chrono::NaiveDate;

use super::{PublicResult, PublicationState, state_on};
use crate::account::{Actor, Scope};
use crate::clock::china_date;
use crate::db::{DbError, Result, Row, Tx};
use crate::error::AppError;
use crate::review::store::scope_text;

/// A published version, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub version: u32,
    /// The bytes that `sha256` covers.
    pub body: String,
    pub sha256: String,
    pub published_at: i64,
}

impl Version {
    /// The content.
    pub fn read(&self) -> std::result::Result<PublicResult, AppError> {
        serde_json::from_str(&self.body).map_err(AppError::internal)
    }
}

/// Keeps a version and brings the index up to it. Returns what was kept.
pub fn insert(
    tx: &mut Tx<'_>,
    actor: &Actor,
    result: &PublicResult,
    reason: &str,
    now: i64,
) -> std::result::Result<Version, AppError> {
    let body = serde_json_canonicalizer::to_string(result).map_err(AppError::internal)?;
    let sha256 = crate::ids::sha256_hex(body.as_bytes());
    tx.execute(
        "INSERT INTO publications (task, version, body, sha256, reason, published_by, published_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &result.task,
            &result.version,
            &body,
            &sha256,
            &reason,
            &actor.account,
            &now,
        ],
    )?;
    tx.execute(
        "INSERT INTO publication_index (task, version, number, object_name, object_code, department,
             inspected_on, published_on, publicity_until, published_at, corrected_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
         ON CONFLICT (task) DO UPDATE SET version = excluded.version, object_name = excluded.object_name,
             object_code = excluded.object_code, corrected_at = excluded.corrected_at",
        &[
            &result.task, &result.version, &result.number, &result.object_name, &result.object_code,
            &result.department, &result.inspected_on.to_string(), &result.published_on.to_string(),
            &result.publicity_until.to_string(), &now,
        ],
    )?;
    Ok(Version {
        version: result.version,
        body,
        sha256,
        published_at: now,
    })
}

/// All versions of a publication, oldest first.
pub fn versions(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Version>> {
    tx.query(
        "SELECT version, body, sha256, published_at FROM publications WHERE task = $1 ORDER BY version",
        &[&task],
        version,
    )
}

/// The newest version.
pub fn newest(tx: &mut Tx<'_>, task: &str) -> Result<Option<Version>> {
    Ok(versions(tx, task)?.pop())
}

fn version(r: &Row<'_>) -> Result<Version> {
    Ok(Version {
        version: r.get(0)?,
        body: r.get(1)?,
        sha256: r.get(2)?,
        published_at: r.get(3)?,
    })
}

/// A row of the list, before what the record says of it.
#[derive(Debug, Clone)]
pub struct Listed {
    pub task: String,
    pub number: String,
    pub object_name: String,
    pub district: String,
    pub department: String,
    pub ended_on: NaiveDate,
    pub published_at: Option<i64>,
    pub publicity_until: Option<NaiveDate>,
    /// The newest version, where there is one.
    pub result: Option<PublicResult>,
}

/// Part of the list.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub task: Option<String>,
    pub state: Option<PublicationState>,
    /// Pattern for `LIKE … ESCAPE '\'` over number and object.
    pub pattern: Option<String>,
    pub scope: Scope,
    pub today: NaiveDate,
    pub offset: u32,
    pub limit: u32,
}

const FROM: &str = "FROM tasks t
     JOIN record_seals f ON f.task = t.id
         AND f.round = (SELECT MIN(round) FROM record_seals WHERE task = t.id)
     LEFT JOIN publication_index i ON i.task = t.id
     LEFT JOIN publications p ON p.task = t.id AND p.version = i.version
     WHERE t.state = 'accepted'
       AND ($1 IS NULL OR t.id = $1)
       AND ($2 IS NULL
            OR ($2 = 'due' AND i.task IS NULL)
            OR ($2 = 'in_publicity' AND i.publicity_until >= $5)
            OR ($2 = 'published' AND i.publicity_until < $5))
       AND ($3 IS NULL OR t.number LIKE $3 ESCAPE '\\' OR t.object_name LIKE $3 ESCAPE '\\')
       AND ($4 IS NULL OR instr($4, ',' || t.department || ',') > 0)";

/// A page of accepted inspections, what is due first, and how many there are in all.
pub fn list(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(Vec<Listed>, i64)> {
    let state = wanted.state.map(|s| match s {
        PublicationState::Due => "due",
        PublicationState::InPublicity => "in_publicity",
        PublicationState::Published => "published",
    });
    let scope = scope_text(&wanted.scope);
    let today = wanted.today.to_string();
    let total = tx.query_one(
        &format!("SELECT COUNT(*) {FROM}"),
        &[&wanted.task, &state, &wanted.pattern, &scope, &today],
        |r| r.get(0),
    )?;
    let rows = tx.query(
        &format!(
            "SELECT t.id, t.number, t.object_name, t.district, t.department, f.ended_at, i.published_at,
                 i.publicity_until, p.body
             {FROM} ORDER BY i.published_at IS NOT NULL, i.published_at DESC, f.ended_at, t.id
             LIMIT $6 OFFSET $7"
        ),
        &[&wanted.task, &state, &wanted.pattern, &scope, &today, &wanted.limit, &wanted.offset],
        listed,
    )?;
    Ok((rows, total))
}

fn listed(r: &Row<'_>) -> Result<Listed> {
    let ended_at: i64 = r.get(5)?;
    let until: Option<String> = r.get(7)?;
    let body: Option<String> = r.get(8)?;
    let bad = |index, expected| DbError::Column { index, expected };
    Ok(Listed {
        task: r.get(0)?,
        number: r.get(1)?,
        object_name: r.get(2)?,
        district: r.get(3)?,
        department: r.get(4)?,
        ended_on: china_date(ended_at),
        published_at: r.get(6)?,
        publicity_until: until
            .map(|d| d.parse())
            .transpose()
            .map_err(|_| bad(7, "date"))?,
        result: body
            .map(|b| serde_json::from_str(&b))
            .transpose()
            .map_err(|_| bad(8, "publication"))?,
    })
}

impl Listed {
    /// Where it stands on this day.
    pub fn state(&self, today: NaiveDate) -> PublicationState {
        state_on(today, self.publicity_until)
    }
}

/// What the public looks for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Pattern for `LIKE … ESCAPE '\'` over number, name and code.
    pub pattern: Option<String>,
    /// Code of a department; empty: all.
    pub department: String,
    pub offset: u32,
    pub limit: u32,
}

const SEARCH: &str =
    "FROM publication_index i JOIN publications p ON p.task = i.task AND p.version = i.version
     WHERE ($1 IS NULL OR i.object_name LIKE $1 ESCAPE '\\' OR i.number LIKE $1 ESCAPE '\\'
            OR i.object_code LIKE $1 ESCAPE '\\')
       AND ($2 = '' OR i.department = $2)";

/// Published results, newest first, and how many there are in all.
pub fn search(tx: &mut Tx<'_>, wanted: &Search) -> Result<(Vec<PublicResult>, i64)> {
    let total = tx.query_one(
        &format!("SELECT COUNT(*) {SEARCH}"),
        &[&wanted.pattern, &wanted.department],
        |r| r.get(0),
    )?;
    let rows = tx.query(
        &format!(
            "SELECT p.body {SEARCH} ORDER BY i.published_on DESC, i.published_at DESC, i.task
             LIMIT $3 OFFSET $4"
        ),
        &[
            &wanted.pattern,
            &wanted.department,
            &wanted.limit,
            &wanted.offset,
        ],
        |r| {
            let body: String = r.get(0)?;
            serde_json::from_str(&body).map_err(|_| DbError::Column {
                index: 0,
                expected: "publication",
            })
        },
    )?;
    Ok((rows, total))
}

/// The newest results with the time of their newest version, for the feed.
pub fn latest(tx: &mut Tx<'_>, limit: u32) -> Result<Vec<(PublicResult, i64)>> {
    tx.query(
        "SELECT p.body, i.corrected_at FROM publication_index i
         JOIN publications p ON p.task = i.task AND p.version = i.version
         ORDER BY i.corrected_at DESC, i.task LIMIT $1",
        &[&limit],
        |r| {
            let body: String = r.get(0)?;
            let result = serde_json::from_str(&body).map_err(|_| DbError::Column {
                index: 0,
                expected: "publication",
            })?;
            Ok((result, r.get(1)?))
        },
    )
}

/// How many results were published in a year.
pub fn published_in(tx: &mut Tx<'_>, year: i32) -> Result<i64> {
    let pattern = format!("{year:04}-%");
    tx.query_one(
        "SELECT COUNT(*) FROM publication_index WHERE published_on LIKE $1",
        &[&pattern],
        |r| r.get(0),
    )
}
