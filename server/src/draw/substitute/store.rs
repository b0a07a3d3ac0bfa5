//! Requests for substitution, what followed from them, and the files that prove their grounds.

use super::compute::Row;
use super::{Ground, Kind, RequestState, SubstitutionInput};
use crate::account::Actor;
use crate::db::{DbError, Result, Row as DbRow, Tx};

/// A request as it is kept.
#[derive(Debug, Clone)]
pub struct Request {
    pub id: String,
    pub draw: String,
    pub draw_number: String,
    pub department: String,
    pub kind: Kind,
    pub object: String,
    pub object_name: String,
    /// Empty where the kind has none.
    pub person: String,
    pub person_name: String,
    pub ground: Ground,
    pub explanation: String,
    pub evidence: Evidence,
    pub state: RequestState,
    /// Account id.
    pub requested_by: String,
    pub requested_by_name: String,
    pub requested_at: i64,
    pub decided_by: Option<String>,
    pub decided_by_name: Option<String>,
    pub decided_at: Option<i64>,
    pub reason: Option<String>,
}

/// A file that proves a ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub sha256: String,
    pub name: String,
    pub media: String,
    pub size: i64,
}

/// A row of `substitutions.csv` in register ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub number: i64,
    pub request: String,
    pub kind: String,
    pub object: String,
    pub object_name: String,
    pub leaves: String,
    pub leaves_name: String,
    pub comes: String,
    pub comes_name: String,
    pub comes_place: String,
    pub ground: String,
}

/// Which requests are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub id: Option<String>,
    pub draw: Option<String>,
    /// Asked about this object, or bringing it in.
    pub object: Option<String>,
    pub state: Option<RequestState>,
    /// Pattern for `LIKE … ESCAPE '\\'` over object, person and number of the draw.
    pub pattern: Option<String>,
    /// Departments that may be seen; `None`: all.
    pub departments: Option<Vec<String>>,
    pub offset: u32,
    pub limit: u32,
}

const FROM: &str = "FROM substitution_requests q JOIN draws d ON d.id = q.draw
     JOIN evidence e ON e.sha256 = q.evidence
     WHERE ($1 IS NULL OR q.id = $1) AND ($2 IS NULL OR q.draw = $2)
       AND ($3 IS NULL OR q.object = $3 OR EXISTS (SELECT 1 FROM substitution_rows s
            WHERE s.request = q.id AND (s.object = $3 OR s.comes = $3)))
       AND ($4 IS NULL OR q.state = $4)
       AND ($5 IS NULL OR instr($5, ',' || d.department || ',') > 0)
       AND ($6 IS NULL OR q.object_name LIKE $6 ESCAPE '\\' OR q.person_name LIKE $6 ESCAPE '\\'
            OR d.number LIKE $6 ESCAPE '\\')";

/// A page of requests: those that wait first, then the newest; and how many there are.
pub fn list(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(Vec<Request>, i64)> {
    let state = wanted.state.map(RequestState::as_str);
    let scope = wanted
        .departments
        .as_ref()
        .map(|list| format!(",{},", list.join(",")));
    let total = tx.query_one(
        &format!("SELECT count(*) {FROM}"),
        &[
            &wanted.id,
            &wanted.draw,
            &wanted.object,
            &state,
            &scope,
            &wanted.pattern,
        ],
        |r| r.get(0),
    )?;
    let rows = tx.query(
        &format!(
            "SELECT q.id, q.draw, d.number, d.department, q.kind, q.object, q.object_name, q.person,
                 q.person_name, q.ground, q.explanation, e.sha256, e.name, e.media, e.size, q.state,
                 q.requested_by, q.requested_by_name, q.requested_at, q.decided_by,
                 q.decided_by_name, q.decided_at, q.reason
             {FROM} ORDER BY q.state <> 'pending', q.requested_at DESC, q.id LIMIT $7 OFFSET $8"
        ),
        &[
            &wanted.id,
            &wanted.draw,
            &wanted.object,
            &state,
            &scope,
            &wanted.pattern,
            &wanted.limit,
            &wanted.offset,
        ],
        request,
    )?;
    Ok((rows, total))
}

fn request(r: &DbRow<'_>) -> Result<Request> {
    let (kind, ground, state): (String, String, String) = (r.get(4)?, r.get(9)?, r.get(15)?);
    let bad = |index, expected| DbError::Column { index, expected };
    Ok(Request {
        id: r.get(0)?,
        draw: r.get(1)?,
        draw_number: r.get(2)?,
        department: r.get(3)?,
        kind: Kind::parse(&kind).ok_or_else(|| bad(4, "kind"))?,
        object: r.get(5)?,
        object_name: r.get(6)?,
        person: r.get(7)?,
        person_name: r.get(8)?,
        ground: Ground::parse(&ground).ok_or_else(|| bad(9, "ground"))?,
        explanation: r.get(10)?,
        evidence: Evidence {
            sha256: r.get(11)?,
            name: r.get(12)?,
            media: r.get(13)?,
            size: r.get(14)?,
        },
        state: RequestState::parse(&state).ok_or_else(|| bad(15, "request state"))?,
        requested_by: r.get(16)?,
        requested_by_name: r.get(17)?,
        requested_at: r.get(18)?,
        decided_by: r.get(19)?,
        decided_by_name: r.get(20)?,
        decided_at: r.get(21)?,
        reason: r.get(22)?,
    })
}

/// One request.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Request>> {
    let wanted = Wanted {
        id: Some(id.to_owned()),
        limit: 1,
        ..Wanted::default()
    };
    Ok(list(tx, &wanted)?.0.pop())
}

/// Keeps a new request. [`DbError::Duplicate`] where the same is asked for already.
pub fn insert(
    tx: &mut Tx<'_>,
    draw: &str,
    input: &SubstitutionInput,
    names: (&str, &str),
    by: &Actor,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO substitution_requests (id, draw, kind, object, object_name, person, person_name,
             ground, explanation, evidence, state, requested_by, requested_by_name, requested_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', $11, $12, $13)",
        &[
            &input.id,
            &draw,
            &input.kind.as_str(),
            &input.object,
            &names.0,
            &input.person,
            &names.1,
            &input.ground.code(),
            &input.explanation.trim(),
            &input.evidence,
            &by.account,
            &by.name,
            &now,
        ],
    )?;
    Ok(())
}

/// Decides a request that waits; false when it does not wait any more.
pub fn decided(
    tx: &mut Tx<'_>,
    id: &str,
    state: RequestState,
    reason: Option<&str>,
    by: &Actor,
    now: i64,
) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE substitution_requests SET state = $2, reason = $3, decided_by = $4,
             decided_by_name = $5, decided_at = $6
         WHERE id = $1 AND state = 'pending'",
        &[&id, &state.as_str(), &reason, &by.account, &by.name, &now],
    )?;
    Ok(changed > 0)
}

/// Appends the rows that followed, and keeps the file that now holds them.
pub fn append(tx: &mut Tx<'_>, draw: &str, request: &str, rows: &[Row], file: &[u8]) -> Result<()> {
    for row in rows {
        let (leaves, comes) = (row.leaves.as_ref(), row.comes.as_ref());
        let id = |name: Option<&super::compute::Name>| name.map_or(String::new(), |n| n.id.clone());
        let name =
            |name: Option<&super::compute::Name>| name.map_or(String::new(), |n| n.name.clone());
        tx.execute(
            "INSERT INTO substitution_rows (draw, number, request, kind, object, object_name, leaves,
                 leaves_name, comes, comes_name, comes_place, ground)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            &[
                &draw,
                &row.number,
                &request,
                &row.kind,
                &row.object.id,
                &row.object.name,
                &id(leaves),
                &name(leaves),
                &id(comes),
                &name(comes),
                &comes.map_or("", |n| n.place.as_str()),
                &row.ground,
            ],
        )?;
    }
    tx.execute(
        "UPDATE draw_files SET bytes = $2 WHERE draw = $1 AND name = 'substitutions.csv'",
        &[&draw, &file],
    )?;
    Ok(())
}

const ROW: &str = "SELECT number, request, kind, object, object_name, leaves, leaves_name, comes,
     comes_name, comes_place, ground FROM substitution_rows";

fn kept(r: &DbRow<'_>) -> Result<Kept> {
    Ok(Kept {
        number: r.get(0)?,
        request: r.get(1)?,
        kind: r.get(2)?,
        object: r.get(3)?,
        object_name: r.get(4)?,
        leaves: r.get(5)?,
        leaves_name: r.get(6)?,
        comes: r.get(7)?,
        comes_name: r.get(8)?,
        comes_place: r.get(9)?,
        ground: r.get(10)?,
    })
}

/// All rows of a draw in their order.
pub fn rows(tx: &mut Tx<'_>, draw: &str) -> Result<Vec<Kept>> {
    tx.query(
        &format!("{ROW} WHERE draw = $1 ORDER BY number"),
        &[&draw],
        kept,
    )
}

/// The rows that followed from one request.
pub fn rows_of(tx: &mut Tx<'_>, request: &str) -> Result<Vec<Kept>> {
    tx.query(
        &format!("{ROW} WHERE request = $1 ORDER BY number"),
        &[&request],
        kept,
    )
}

/// A file that was uploaded.
pub fn evidence(tx: &mut Tx<'_>, sha256: &str) -> Result<Option<Evidence>> {
    tx.query_opt(
        "SELECT sha256, name, media, size FROM evidence WHERE sha256 = $1",
        &[&sha256],
        |r| {
            Ok(Evidence {
                sha256: r.get(0)?,
                name: r.get(1)?,
                media: r.get(2)?,
                size: r.get(3)?,
            })
        },
    )
}

/// Keeps a file's description; the same bytes only once. False when they were known.
pub fn keep_evidence(tx: &mut Tx<'_>, file: &Evidence, by: &Actor, now: i64) -> Result<bool> {
    let kept = tx.execute(
        "INSERT INTO evidence (sha256, name, media, size, uploaded_by, uploaded_by_name, uploaded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (sha256) DO NOTHING",
        &[
            &file.sha256,
            &file.name,
            &file.media,
            &file.size,
            &by.account,
            &by.name,
            &now,
        ],
    )?;
    Ok(kept > 0)
}

/// Departments whose draws cite a file.
pub fn cited_in(tx: &mut Tx<'_>, sha256: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT DISTINCT d.department FROM substitution_requests q JOIN draws d ON d.id = q.draw
         WHERE q.evidence = $1",
        &[&sha256],
        |r| r.get(0),
    )
}
