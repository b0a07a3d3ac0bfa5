//! The year in draws as the public reads it: the same figures, without plans and without what is not
//! committed, of which only the number is told.

use super::{Figures, figures, store};
use crate::db::{Param, Tx};
use crate::draw::openings::rules;
use crate::draw::public::{PublicDraw, draw};
use crate::draw::story::mode_word;
use crate::error::AppError;
use crate::register;

/// What a visitor looks for.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// A year.
    pub year: i32,
    /// Code of a department, or empty.
    pub department: String,
    /// Pattern on number and title.
    pub pattern: Option<String>,
    /// Rows to pass over.
    pub offset: u32,
    /// Rows at most.
    pub limit: u32,
}

/// A committed draw in a list.
#[derive(Debug)]
pub struct PublicListed {
    /// The draw.
    pub draw: PublicDraw,
    /// In a word.
    pub mode: &'static str,
    /// How many departments inspect.
    pub departments: usize,
}

/// The year, with a page of its draws.
#[derive(Debug)]
pub struct PublicYear {
    /// Years in which there are draws, the newest first.
    pub years: Vec<i32>,
    /// Departments that hold draws: code and name.
    pub departments: Vec<(String, String)>,
    /// What was counted.
    pub figures: Figures,
    /// Committed and void draws, newest first.
    pub rows: Vec<PublicListed>,
    /// How many there are.
    pub total: i64,
}

/// The draws of a year, newest first, with its figures.
///
/// # Errors
/// The database.
pub fn public_year(tx: &mut Tx<'_>, sought: &Sought, now: i64) -> Result<PublicYear, AppError> {
    let of = (!sought.department.is_empty()).then(|| format!(",{},", sought.department));
    let figures = figures(
        &store::draws(tx, sought.year, of.as_deref())?,
        of.as_deref(),
    );
    let department = (!sought.department.is_empty()).then_some(&sought.department);
    let filter =
        "(commitment IS NOT NULL OR state = 'void') AND year = $1 AND ($2 IS NULL OR EXISTS (
             SELECT 1 FROM plan_departments p
             WHERE p.plan = draws.plan AND p.state <> 'declined' AND p.department = $2))
         AND ($3 IS NULL OR title LIKE $3 ESCAPE '\\' OR number LIKE $3 ESCAPE '\\')";
    let department = department.map(String::as_str);
    let params: [&dyn Param; 5] = [
        &sought.year,
        &department,
        &sought.pattern,
        &sought.limit,
        &sought.offset,
    ];
    let sql = format!("SELECT COUNT(*) FROM draws WHERE {filter}");
    let total = tx.query_one(&sql, &params[..3], |r| r.get(0))?;
    let sql = format!(
        "SELECT id FROM draws WHERE {filter} ORDER BY COALESCE(committed_at, void_at) DESC, id LIMIT $4 OFFSET $5"
    );
    let ids: Vec<String> = tx.query(&sql, &params, |r| r.get(0))?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let rules = rules(tx, &id)?;
        if let Some(draw) = draw(tx, &id, now)? {
            rows.push(PublicListed {
                draw,
                mode: rules.as_ref().map_or("", |r| mode_word(&r.mode)),
                departments: rules.map_or(1, |r| r.departments.len()),
            });
        }
    }
    let holding: Vec<String> = tx.query(
        "SELECT DISTINCT p.department FROM draws d JOIN plan_departments p ON p.plan = d.plan
         WHERE (d.commitment IS NOT NULL OR d.state = 'void') AND p.state <> 'declined' ORDER BY p.department",
        &[],
        |r| r.get(0),
    )?;
    let mut departments = Vec::with_capacity(holding.len());
    for code in holding {
        let name = register::department_name(tx, &code)?.unwrap_or_else(|| code.clone());
        departments.push((code, name));
    }
    Ok(PublicYear {
        years: store::years(tx)?,
        departments,
        figures,
        rows,
        total,
    })
}
