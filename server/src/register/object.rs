//! Rows of objects 检查对象 (O1, O2).

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::history::{self, Change, Fields, Trace};
use super::{FacetCount, from_json, industry, region, to_json};
use crate::db::{Param, Result, Row, Tx};
use crate::extract::like_pattern;

/// An object as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Object {
    /// UUID.
    pub id: String,
    /// `organisation`, `person` or `area`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Credit code or citizen ID, verified.
    pub code: Option<String>,
    /// Address.
    pub address: String,
    /// Six digits; `None`: not known.
    pub district: Option<String>,
    /// `F52 零售业`, or empty.
    pub industry: String,
    /// Legal representative or person in charge.
    pub responsible: String,
    /// Telephone.
    pub contact: String,
    /// `A` to `D`; internal.
    pub risk_class: Option<String>,
    /// In the words of the credit platform.
    pub credit_status: String,
    /// `active`, `moved`, `revoked` or `cancelled`.
    pub status: String,
    /// Sorted.
    pub tags: Vec<String>,
    /// 1e-7 degrees, WGS-84.
    pub lat_e7: Option<i64>,
    /// 1e-7 degrees, WGS-84.
    pub lon_e7: Option<i64>,
}

/// Which objects: empty lists and texts mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct ObjectFilter {
    /// Codes of districts.
    pub districts: Vec<String>,
    /// Beginnings of industries: `F`, `F52`, `F52 零售业`.
    pub industries: Vec<String>,
    /// Objects with all of these tags.
    pub tags: Vec<String>,
    /// `A` to `D`, or an empty text: not graded.
    pub risk_classes: Vec<String>,
    /// `active`, …
    pub statuses: Vec<String>,
    /// Part of name, code or address.
    pub q: String,
}

/// Which objects a plan is about.
#[derive(Debug, Clone, Copy)]
pub enum Meant<'m> {
    /// All that fit.
    Fitting(&'m ObjectFilter),
    /// These ids, ascending.
    Named(&'m [String]),
}

/// An object as a frame needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameObject {
    /// UUID.
    pub id: String,
    /// Credit code or citizen ID.
    pub code: Option<String>,
    /// Name.
    pub name: String,
    /// Six digits.
    pub district: Option<String>,
    /// `A` to `D`.
    pub risk_class: Option<String>,
    /// Whether it is neither moved nor revoked nor cancelled.
    pub active: bool,
    /// The first cell that it fits, from 1.
    pub cell: Option<u16>,
}

/// Ids in one statement.
const CHUNK: usize = 500;

/// A condition with its parameters.
struct Condition {
    sql: String,
    params: Vec<Box<dyn Param>>,
}

impl Condition {
    fn of(filter: &ObjectFilter) -> Self {
        let mut all = Self {
            sql: "1 = 1".into(),
            params: Vec::new(),
        };
        all.add(filter);
        all
    }

    fn add(&mut self, filter: &ObjectFilter) {
        let all = self;
        all.one_of("district", &filter.districts);
        all.risk(&filter.risk_classes);
        all.one_of("status", &filter.statuses);
        // A range finds a beginning through the index.
        let ranges: Vec<String> = filter
            .industries
            .iter()
            .map(|start| {
                let from = all.bind(start.clone());
                let to = all.bind(format!("{start}\u{10ffff}"));
                format!("(industry >= {from} AND industry < {to})")
            })
            .collect();
        if !ranges.is_empty() {
            all.and(&format!("({})", ranges.join(" OR ")));
        }
        for tag in &filter.tags {
            let quoted = serde_json::Value::from(tag.as_str()).to_string();
            if let Some(pattern) = like_pattern(&quoted) {
                let bound = all.bind(pattern);
                all.and(&format!("tags LIKE {bound} ESCAPE '\\'"));
            }
        }
        if let Some(pattern) = like_pattern(&filter.q) {
            let bound = all.bind(pattern);
            // A person is found by name, not by parts of the citizen ID.
            all.and(&format!(
                "(name LIKE {bound} ESCAPE '\\' OR address LIKE {bound} ESCAPE '\\'
                  OR (kind <> 'person' AND code LIKE {bound} ESCAPE '\\'))"
            ));
        }
    }

    /// `CASE … END` that is the number of the first of these filters which a row fits, from 1, or NULL.
    /// Its parameters come behind those that are there.
    fn first_of(&mut self, filters: &[ObjectFilter]) -> String {
        if filters.is_empty() {
            return "NULL".into();
        }
        let before = std::mem::take(&mut self.sql);
        let mut case = String::from("CASE");
        for (n, filter) in (1..).zip(filters) {
            self.sql = "1 = 1".into();
            self.add(filter);
            case.push_str(&format!(" WHEN {} THEN {n}", self.sql));
        }
        case.push_str(" END");
        self.sql = before;
        case
    }

    /// Classes; an empty one is: not graded.
    fn risk(&mut self, classes: &[String]) {
        let graded: Vec<String> = classes.iter().filter(|c| !c.is_empty()).cloned().collect();
        match (graded.len() == classes.len(), graded.is_empty()) {
            (true, _) => self.one_of("risk_class", &graded),
            (false, true) => self.and("risk_class IS NULL"),
            (false, false) => {
                let bound: Vec<String> = graded.into_iter().map(|c| self.bind(c)).collect();
                self.and(&format!(
                    "(risk_class IS NULL OR risk_class IN ({}))",
                    bound.join(", ")
                ));
            }
        }
    }

    fn bind(&mut self, value: String) -> String {
        self.params.push(Box::new(value));
        format!("${}", self.params.len())
    }

    fn and(&mut self, sql: &str) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
    }

    fn one_of(&mut self, column: &str, values: &[String]) {
        if values.is_empty() {
            return;
        }
        let bound: Vec<String> = values
            .iter()
            .map(|value| self.bind(value.clone()))
            .collect();
        self.and(&format!("{column} IN ({})", bound.join(", ")));
    }

    fn params(&self) -> Vec<&dyn Param> {
        self.params.iter().map(AsRef::as_ref).collect()
    }
}

const COLUMNS: &str = "id, kind, name, code, address, district, industry, responsible, contact, \
     risk_class, credit_status, status, tags, lat_e7, lon_e7";

fn object(row: &Row<'_>) -> Result<Object> {
    Ok(Object {
        id: row.get(0)?,
        kind: row.get(1)?,
        name: row.get(2)?,
        code: row.get(3)?,
        address: row.get(4)?,
        district: row.get(5)?,
        industry: row.get(6)?,
        responsible: row.get(7)?,
        contact: row.get(8)?,
        risk_class: row.get(9)?,
        credit_status: row.get(10)?,
        status: row.get(11)?,
        tags: from_json(&row.get::<String>(12)?),
        lat_e7: row.get(13)?,
        lon_e7: row.get(14)?,
    })
}

/// Every object that is meant, by id, one after the other; also those that are not active. `cells` in
/// order: an object belongs to the first that it fits.
pub fn frame_objects(
    tx: &mut Tx<'_>,
    meant: Meant<'_>,
    cells: &[ObjectFilter],
    mut each: impl FnMut(FrameObject),
) -> Result<()> {
    let mut run = |mut condition: Condition| {
        let case = condition.first_of(cells);
        let sql = format!(
            "SELECT id, code, name, district, risk_class, status, {case} FROM objects WHERE {} ORDER BY id",
            condition.sql
        );
        tx.for_each(&sql, &condition.params(), |row| {
            each(FrameObject {
                id: row.get(0)?,
                code: row.get(1)?,
                name: row.get(2)?,
                district: row.get(3)?,
                risk_class: row.get(4)?,
                active: row.get::<String>(5)? == "active",
                cell: row.get(6)?,
            });
            Ok(())
        })
    };
    match meant {
        Meant::Fitting(filter) => run(Condition::of(filter)),
        Meant::Named(ids) => {
            for chunk in ids.chunks(CHUNK) {
                let mut condition = Condition::of(&ObjectFilter::default());
                condition.one_of("id", chunk);
                run(condition)?;
            }
            Ok(())
        }
    }
}

/// Active objects of the filter by the first of `cells` that they fit; the last number is of those that
/// fit none.
pub fn count_by_cell(
    tx: &mut Tx<'_>,
    filter: &ObjectFilter,
    cells: &[ObjectFilter],
) -> Result<Vec<i64>> {
    let mut condition = Condition::of(&active(filter));
    let case = condition.first_of(cells);
    let sql = format!(
        "SELECT COALESCE({case}, 0), COUNT(*) FROM objects WHERE {} GROUP BY 1",
        condition.sql
    );
    let mut counts = vec![0; cells.len() + 1];
    tx.for_each(&sql, &condition.params(), |row| {
        let (cell, count): (u32, i64) = (row.get(0)?, row.get(1)?);
        let place = match cell {
            0 => cells.len(),
            n => n as usize - 1,
        };
        if let Some(slot) = counts.get_mut(place) {
            *slot = count;
        }
        Ok(())
    })?;
    Ok(counts)
}

fn active(filter: &ObjectFilter) -> ObjectFilter {
    ObjectFilter {
        statuses: vec!["active".into()],
        ..filter.clone()
    }
}

/// Active objects of the filter per risk class; `None`: not graded.
pub fn count_by_risk(tx: &mut Tx<'_>, filter: &ObjectFilter) -> Result<Vec<(Option<String>, i64)>> {
    let condition = Condition::of(&active(filter));
    let sql = format!(
        "SELECT risk_class, COUNT(*) FROM objects WHERE {} GROUP BY risk_class ORDER BY risk_class",
        condition.sql
    );
    tx.query(&sql, &condition.params(), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Rows of the filter per value of one of the columns `district`, `industry`, `risk_class`, `status`.
pub(super) fn facet(
    tx: &mut Tx<'_>,
    filter: &ObjectFilter,
    column: &'static str,
) -> Result<Vec<FacetCount>> {
    let condition = Condition::of(filter);
    let sql = format!(
        "SELECT COALESCE({column}, ''), COUNT(*) FROM objects WHERE {} GROUP BY 1 ORDER BY 1",
        condition.sql
    );
    tx.query(&sql, &condition.params(), |row| {
        Ok(FacetCount {
            value: row.get(0)?,
            count: row.get(1)?,
        })
    })
}

pub(super) fn list(
    tx: &mut Tx<'_>,
    filter: &ObjectFilter,
    offset: u32,
    limit: u32,
) -> Result<(Vec<Object>, i64)> {
    let condition = Condition::of(filter);
    let total = tx.query_one(
        &format!("SELECT COUNT(*) FROM objects WHERE {}", condition.sql),
        &condition.params(),
        |row| row.get(0),
    )?;
    let sql = format!(
        "SELECT {COLUMNS} FROM objects WHERE {} ORDER BY name, id LIMIT {limit} OFFSET {offset}",
        condition.sql
    );
    Ok((tx.query(&sql, &condition.params(), object)?, total))
}

/// The object with this id.
pub fn find_object(tx: &mut Tx<'_>, id: &str) -> Result<Option<Object>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM objects WHERE id = $1"),
        &[&id],
        object,
    )
}

/// The object with this credit code or citizen ID.
pub fn by_code(tx: &mut Tx<'_>, code: &str) -> Result<Option<Object>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM objects WHERE code = $1"),
        &[&code],
        object,
    )
}

/// The area with this name (areas have no code).
pub(crate) fn area_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Object>> {
    tx.query_opt(
        &format!("SELECT {COLUMNS} FROM objects WHERE kind = 'area' AND name = $1"),
        &[&name],
        object,
    )
}

/// The objects with exactly this name.
pub(crate) fn by_name(tx: &mut Tx<'_>, name: &str) -> Result<Vec<Object>> {
    tx.query(
        &format!("SELECT {COLUMNS} FROM objects WHERE name = $1 LIMIT 3"),
        &[&name],
        object,
    )
}

/// What a tablet may know of an object: no risk class, a citizen ID masked.
pub fn object_facts(tx: &mut Tx<'_>, id: &str) -> Result<Option<sync::facts::ObjectFacts>> {
    Ok(find_object(tx, id)?.map(|object| sync::facts::ObjectFacts {
        code: history::shown_code(&object.kind, object.code.as_deref()),
        district: district_name(object.district.as_deref()),
        id: object.id,
        name: object.name,
        address: object.address,
        responsible: object.responsible,
        contact: object.contact,
        industry: industry::name_of(&object.industry).to_owned(),
        lat_e7: object.lat_e7,
        lon_e7: object.lon_e7,
    }))
}

pub(super) fn district_name(code: Option<&str>) -> String {
    code.and_then(region::name).unwrap_or_default().to_owned()
}

fn fields(object: &Object) -> Fields {
    let degrees = |value: Option<i64>| value.map(|v| v.to_string()).unwrap_or_default();
    vec![
        ("name", object.name.clone()),
        (
            "code",
            history::shown_code(&object.kind, object.code.as_deref()),
        ),
        ("address", object.address.clone()),
        ("district", district_name(object.district.as_deref())),
        ("industry", object.industry.clone()),
        ("responsible", object.responsible.clone()),
        ("contact", object.contact.clone()),
        ("risk_class", object.risk_class.clone().unwrap_or_default()),
        ("credit_status", object.credit_status.clone()),
        ("status", object.status.clone()),
        ("tags", object.tags.join("、")),
        ("lat_e7", degrees(object.lat_e7)),
        ("lon_e7", degrees(object.lon_e7)),
    ]
}

/// What a save did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Saved {
    /// A new row.
    Made,
    /// At least one field differs.
    Changed,
    /// Nothing differs, nothing was written.
    Same,
}

/// Writes the object and its history. `old` is the row that is there now.
pub(crate) fn save(
    tx: &mut Tx<'_>,
    old: Option<&Object>,
    new: &Object,
    trace: &Trace,
) -> Result<Saved> {
    let changes: Vec<Change> = match old {
        Some(old) if old == new => return Ok(Saved::Same),
        Some(old) => history::differences(&fields(old), &fields(new)),
        None => Vec::new(),
    };
    tx.execute(
        "INSERT INTO objects (id, kind, name, code, address, district, industry, responsible,
             contact, risk_class, credit_status, status, tags, lat_e7, lon_e7, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, name = excluded.name,
             code = excluded.code, address = excluded.address, district = excluded.district,
             industry = excluded.industry, responsible = excluded.responsible,
             contact = excluded.contact, risk_class = excluded.risk_class,
             credit_status = excluded.credit_status, status = excluded.status,
             tags = excluded.tags, lat_e7 = excluded.lat_e7, lon_e7 = excluded.lon_e7,
             changed_at = excluded.changed_at",
        &[
            &new.id,
            &new.kind,
            &new.name,
            &new.code,
            &new.address,
            &new.district,
            &new.industry,
            &new.responsible,
            &new.contact,
            &new.risk_class,
            &new.credit_status,
            &new.status,
            &to_json(&new.tags),
            &new.lat_e7,
            &new.lon_e7,
            &trace.at,
        ],
    )?;
    history::note(tx, &format!("object/{}", new.id), trace, &changes)?;
    Ok(if old.is_some() {
        Saved::Changed
    } else {
        Saved::Made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(risk: &[&str], districts: &[&str], industries: &[&str], tags: &[&str]) -> ObjectFilter {
        let list = |of: &[&str]| of.iter().map(|t| (*t).to_owned()).collect();
        ObjectFilter {
            risk_classes: list(risk),
            districts: list(districts),
            industries: list(industries),
            tags: list(tags),
            ..ObjectFilter::default()
        }
    }

    // D1: an object belongs to the first cell that it fits, by any combination of conditions.
    #[tokio::test]
    async fn cells_are_counted_and_filled_alike() {
        let folder = tempfile::tempdir().unwrap();
        let db = crate::db::Db::open(&folder.path().join("test.db"), 0).unwrap();
        let cells = [
            cell(&["C", "D"], &[], &[], &[]),
            cell(&[], &["440303"], &["F52"], &[]),
            cell(&[], &[], &[], &["餐饮"]),
            cell(&["", "A"], &[], &[], &[]),
        ];
        let (counts, rows, named) = db
            .write(move |tx| {
                for (id, district, industry, risk, tags, status) in [
                    ("1", "440303", "F52 零售业", "D", "[]", "active"),
                    ("2", "440303", "F52 零售业", "A", "[\"餐饮\"]", "active"),
                    ("3", "440304", "F52 零售业", "A", "[\"餐饮\"]", "active"),
                    ("4", "440304", "H62 餐饮业", "", "[]", "active"),
                    ("5", "440304", "H62 餐饮业", "B", "[]", "active"),
                    ("6", "440303", "F52 零售业", "D", "[]", "revoked"),
                ] {
                    tx.execute(
                        "INSERT INTO objects (id, kind, name, address, district, industry, responsible,
                             contact, risk_class, credit_status, status, tags, changed_at)
                         VALUES ($1, 'organisation', $1, '', $2, $3, '', '', NULLIF($4, ''), '', $6, $5, 0)",
                        &[&id, &district, &industry, &risk, &tags, &status],
                    )?;
                }
                let mut rows = Vec::new();
                let all = ObjectFilter::default();
                frame_objects(tx, Meant::Fitting(&all), &cells, |o| rows.push((o.id, o.cell)))?;
                let mut named = Vec::new();
                let ids = ["2".to_owned(), "9".to_owned()];
                frame_objects(tx, Meant::Named(&ids), &cells[..1], |o| named.push((o.id, o.cell)))?;
                Ok::<_, crate::error::AppError>((count_by_cell(tx, &all, &cells)?, rows, named))
            })
            .await
            .unwrap();
        assert_eq!(counts, [1, 1, 1, 1, 1]);
        let cells: Vec<Option<u16>> = rows.iter().map(|(_, cell)| *cell).collect();
        assert_eq!(cells, [Some(1), Some(2), Some(3), Some(4), None, Some(1)]);
        assert_eq!(named, [("2".to_owned(), None)]);
    }
}
