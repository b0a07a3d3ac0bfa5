//! Rows of inspectors 执法检查人员 (I1, I2).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::history::{self, Change, Fields, Trace};
use super::leave::{self, Leave};
use super::object::{Saved, district_name};
use super::{from_json, to_json};
use crate::db::{Result, Row, Tx};

/// An inspector.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inspector {
    /// UUID.
    pub id: String,
    /// Name.
    pub name: String,
    /// `male`, `female` or empty.
    pub sex: String,
    /// Number of the enforcement certificate 执法证号.
    pub certificate: String,
    /// Last day on which it is valid; `None`: no valid certificate known, and then never drawn.
    pub certificate_until: Option<String>,
    /// Code of the department.
    pub department: String,
    /// Team, office or station within it.
    pub unit: String,
    /// Post 职务.
    pub post: String,
    /// Codes of the districts in which they may act; none: the whole city.
    pub districts: Vec<String>,
    /// What they know 业务专长, in the words in which items ask for it.
    pub expertise: Vec<String>,
    /// Languages of work.
    pub languages: Vec<String>,
    /// Open tasks at the same time; `None`: no limit of their own.
    pub capacity: Option<u32>,
    /// Fixed group 固定小组 of the department, which is dealt as one; empty: in none.
    #[serde(default)]
    pub group: String,
    /// An expert assists, and is never drawn as one of the two (I2).
    pub expert: bool,
    /// `active`, `on_leave` or `left`.
    pub status: String,
}

/// An inspector or expert as the pool of a draw needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolInspector {
    /// The row.
    pub row: Inspector,
    /// Why they are kept out; `None`: they may be drawn.
    pub out: Option<&'static str>,
}

const COLUMNS: &str = "id, name, sex, certificate, certificate_until, department, unit, post, \
     districts, expertise, languages, capacity, expert, status, fixed_group";

fn inspector(row: &Row<'_>) -> Result<Inspector> {
    Ok(Inspector {
        id: row.get(0)?,
        name: row.get(1)?,
        sex: row.get(2)?,
        certificate: row.get(3)?,
        certificate_until: row.get(4)?,
        department: row.get(5)?,
        unit: row.get(6)?,
        post: row.get(7)?,
        districts: from_json(&row.get::<String>(8)?),
        expertise: from_json(&row.get::<String>(9)?),
        languages: from_json(&row.get::<String>(10)?),
        capacity: row.get(11)?,
        expert: row.get(12)?,
        status: row.get(13)?,
        group: row.get(14)?,
    })
}

/// The days that a draw is about, China dates.
#[derive(Debug, Clone, Copy)]
pub struct Days<'d> {
    /// Of the draw.
    pub today: &'d str,
    /// First day of the visits.
    pub from: &'d str,
    /// Last day.
    pub until: &'d str,
}

/// All of a department who have not left, experts only where they are wanted, by id: who may be drawn, and
/// who is kept out and why: `on-leave` (I4) or `no-certificate` (I1; an expert needs none).
pub fn pool_inspectors(
    tx: &mut Tx<'_>,
    department: &str,
    experts: bool,
    days: Days<'_>,
) -> Result<Vec<PoolInspector>> {
    let mut leaves: HashMap<String, Vec<Leave>> = HashMap::new();
    for leave in leave::of_department(tx, department, days.today, days.until)? {
        leaves
            .entry(leave.inspector.clone())
            .or_default()
            .push(leave);
    }
    tx.query(
        &format!(
            "SELECT {COLUMNS} FROM inspectors
             WHERE department = $1 AND status <> 'left' AND (expert = 0 OR $2 = 1) ORDER BY id"
        ),
        &[&department, &experts],
        |row| {
            let row = inspector(row)?;
            let own = leaves.get(&row.id).map_or(&[][..], Vec::as_slice);
            Ok(PoolInspector {
                out: kept_out(&row, own, days),
                row,
            })
        },
    )
}

/// Why somebody is not drawn; a certificate must be valid on the day of the draw.
pub fn kept_out(row: &Inspector, leaves: &[Leave], days: Days<'_>) -> Option<&'static str> {
    let valid = row
        .certificate_until
        .as_deref()
        .is_some_and(|until| until >= days.today);
    if row.status != "active" || leave::away(leaves, days) {
        return Some("on-leave");
    }
    (!valid && !row.expert).then_some("no-certificate")
}

/// The inspector with this id.
pub fn find_inspector(tx: &mut Tx<'_>, id: &str) -> Result<Option<Inspector>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM inspectors WHERE id = $1"),
        &[&id],
        inspector,
    )
}

/// The inspector with this certificate.
pub fn inspector_by_certificate(tx: &mut Tx<'_>, number: &str) -> Result<Option<Inspector>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM inspectors WHERE certificate = $1"),
        &[&number],
        inspector,
    )
}

/// Which inspectors; empty text means all.
#[derive(Debug, Clone, Default)]
pub(super) struct Search {
    pub department: String,
    pub district: String,
    pub status: String,
    pub pattern: Option<String>,
}

pub(super) fn list(
    tx: &mut Tx<'_>,
    search: &Search,
    offset: u32,
    limit: u32,
) -> Result<(Vec<Inspector>, i64)> {
    const CONDITION: &str = "($1 = '' OR department = $1) AND ($2 = '' OR status = $2)
         AND ($3 = '' OR districts = '[]' OR districts LIKE '%\"' || $3 || '\"%')
         AND ($4 IS NULL OR name LIKE $4 ESCAPE '\\' OR certificate LIKE $4 ESCAPE '\\'
              OR unit LIKE $4 ESCAPE '\\' OR expertise LIKE $4 ESCAPE '\\'
              OR fixed_group LIKE $4 ESCAPE '\\')";
    let total = tx.query_one(
        &format!("SELECT COUNT(*) FROM inspectors WHERE {CONDITION}"),
        &[
            &search.department,
            &search.status,
            &search.district,
            &search.pattern,
        ],
        |row| row.get(0),
    )?;
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM inspectors WHERE {CONDITION}
             ORDER BY department, name, id LIMIT $5 OFFSET $6"
        ),
        &[
            &search.department,
            &search.status,
            &search.district,
            &search.pattern,
            &limit,
            &offset,
        ],
        inspector,
    )?;
    Ok((rows, total))
}

fn fields(row: &Inspector) -> Fields {
    let districts: Vec<String> = row
        .districts
        .iter()
        .map(|code| district_name(Some(code)))
        .collect();
    vec![
        ("name", row.name.clone()),
        ("sex", row.sex.clone()),
        ("certificate", row.certificate.clone()),
        (
            "certificate_until",
            row.certificate_until.clone().unwrap_or_default(),
        ),
        ("department", row.department.clone()),
        ("unit", row.unit.clone()),
        ("post", row.post.clone()),
        ("districts", districts.join("、")),
        ("expertise", row.expertise.join("、")),
        ("languages", row.languages.join("、")),
        (
            "capacity",
            row.capacity.map(|c| c.to_string()).unwrap_or_default(),
        ),
        ("group", row.group.clone()),
        ("expert", row.expert.to_string()),
        ("status", row.status.clone()),
    ]
}

/// Writes the inspector and their history. `old` is the row that is there now.
pub(crate) fn save(
    tx: &mut Tx<'_>,
    old: Option<&Inspector>,
    new: &Inspector,
    trace: &Trace,
) -> Result<Saved> {
    let changes: Vec<Change> = match old {
        Some(old) if old == new => return Ok(Saved::Same),
        Some(old) => history::differences(&fields(old), &fields(new)),
        None => Vec::new(),
    };
    tx.execute(
        "INSERT INTO inspectors (id, name, sex, certificate, certificate_until, department, unit,
             post, districts, expertise, languages, capacity, expert, status, changed_at, fixed_group)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, sex = excluded.sex,
             certificate = excluded.certificate, certificate_until = excluded.certificate_until,
             department = excluded.department, unit = excluded.unit, post = excluded.post,
             districts = excluded.districts, expertise = excluded.expertise,
             languages = excluded.languages, capacity = excluded.capacity,
             expert = excluded.expert, status = excluded.status, changed_at = excluded.changed_at,
             fixed_group = excluded.fixed_group",
        &[
            &new.id,
            &new.name,
            &new.sex,
            &new.certificate,
            &new.certificate_until,
            &new.department,
            &new.unit,
            &new.post,
            &to_json(&new.districts),
            &to_json(&new.expertise),
            &to_json(&new.languages),
            &new.capacity,
            &new.expert,
            &new.status,
            &trace.at,
            &new.group,
        ],
    )?;
    history::note(tx, &format!("inspector/{}", new.id), trace, &changes)?;
    Ok(if old.is_some() {
        Saved::Changed
    } else {
        Saved::Made
    })
}
