//! Plans in the database.

use super::{PlanCell, PlanInput, PlanItem, PlanScope, PlanState, PlanView};
use crate::account::{Actor, Scope};
use crate::db::{DbError, Param, Result, Row, Tx};

const COLUMNS: &str = "id, department, year, title, from_date, until_date, team, scope, state, \
     return_reason, drafted_by, drafted_by_name, drafted_at, submitted_at, approved_by_name, \
     approved_at, locked_by_name, locked_at";

/// Which plans a list is of.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In this state only.
    pub state: Option<PlanState>,
    /// Of this year only.
    pub year: Option<i32>,
    /// Pattern on the title.
    pub pattern: Option<String>,
    /// Departments that may be seen; `None`: all.
    pub departments: Option<Vec<String>>,
    /// Rows to pass over.
    pub offset: u32,
    /// Rows at most.
    pub limit: u32,
}

/// `None` for everywhere, for lists.
pub fn departments(scope: Scope) -> Option<Vec<String>> {
    match scope {
        Scope::Everywhere => None,
        Scope::In(departments) => Some(departments),
    }
}

/// A page of plans, newest first, and how many there are.
pub fn list(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(Vec<PlanView>, i64)> {
    let state = wanted.state.map(PlanState::as_str);
    let scope = wanted
        .departments
        .as_ref()
        .map(|list| format!(",{},", list.join(",")));
    let params: [&dyn Param; 6] = [
        &state,
        &wanted.year,
        &wanted.pattern,
        &scope,
        &wanted.limit,
        &wanted.offset,
    ];
    let filter = "($1 IS NULL OR state = $1) AND ($2 IS NULL OR year = $2) \
         AND ($3 IS NULL OR title LIKE $3 ESCAPE '\\') \
         AND ($4 IS NULL OR instr($4, ',' || department || ',') > 0)";
    let sql = format!("SELECT COUNT(*) FROM plans WHERE {filter}");
    let total = tx.query_one(&sql, &params[..4], |r| r.get(0))?;
    let sql = format!(
        "SELECT {COLUMNS} FROM plans WHERE {filter} ORDER BY drafted_at DESC, id LIMIT $5 OFFSET $6"
    );
    let mut rows = tx.query(&sql, &params, plan)?;
    for row in &mut rows {
        fill(tx, row)?;
    }
    Ok((rows, total))
}

/// One plan.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<PlanView>> {
    let sql = format!("SELECT {COLUMNS} FROM plans WHERE id = $1");
    let Some(mut found) = tx.query_opt(&sql, &[&id], plan)? else {
        return Ok(None);
    };
    fill(tx, &mut found)?;
    Ok(Some(found))
}

/// Accounts that had a hand in the text.
pub fn hands(tx: &mut Tx<'_>, id: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT account FROM plan_hands WHERE plan = $1",
        &[&id],
        |r| r.get(0),
    )
}

/// A new draft.
pub fn insert(
    tx: &mut Tx<'_>,
    id: &str,
    input: &PlanInput,
    year: i32,
    actor: &Actor,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO plans (id, department, year, title, from_date, until_date, team, scope, state,
             drafted_by, drafted_by_name, drafted_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', $9, $10, $11)",
        &[
            &id,
            &input.department,
            &year,
            &input.title,
            &input.from,
            &input.until,
            &input.team,
            &json(&input.scope),
            &actor.account,
            &actor.name,
            &now,
        ],
    )?;
    hand(tx, id, &actor.account)
}

/// Another text of a draft, without items and cells.
pub fn update(tx: &mut Tx<'_>, id: &str, input: &PlanInput, year: i32, by: &str) -> Result<()> {
    tx.execute(
        "UPDATE plans SET department = $2, year = $3, title = $4, from_date = $5, until_date = $6,
             team = $7, scope = $8, state = 'draft' WHERE id = $1",
        &[
            &id,
            &input.department,
            &year,
            &input.title,
            &input.from,
            &input.until,
            &input.team,
            &json(&input.scope),
        ],
    )?;
    hand(tx, id, by)
}

/// Replaces items and cells of a draft.
pub fn set_parts(tx: &mut Tx<'_>, id: &str, items: &[PlanItem], cells: &[PlanCell]) -> Result<()> {
    tx.execute("DELETE FROM plan_items WHERE plan = $1", &[&id])?;
    tx.execute("DELETE FROM plan_cells WHERE plan = $1", &[&id])?;
    for (position, i) in (0i64..).zip(items) {
        tx.execute(
            "INSERT INTO plan_items (plan, position, item, code, name, version, needs)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                &id,
                &position,
                &i.id,
                &i.code,
                &i.name,
                &i.version,
                &json(&i.needs),
            ],
        )?;
    }
    for (position, c) in (0i64..).zip(cells) {
        tx.execute(
            "INSERT INTO plan_cells (plan, position, risk_class, ratio_ppm, number, reserves, objects)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[&id, &position, &c.risk_class, &c.ratio_ppm, &c.number, &c.reserves, &c.objects],
        )?;
    }
    Ok(())
}

/// Submitted by.
pub fn submitted(tx: &mut Tx<'_>, id: &str, by: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE plans SET state = 'submitted', submitted_by = $2, submitted_at = $3,
             return_reason = NULL WHERE id = $1",
        &[&id, &by, &now],
    )?;
    hand(tx, id, by)
}

/// Returned with a reason.
pub fn returned(tx: &mut Tx<'_>, id: &str, reason: &str) -> Result<()> {
    tx.execute(
        "UPDATE plans SET state = 'returned', return_reason = $2, submitted_at = NULL WHERE id = $1",
        &[&id, &reason],
    )?;
    Ok(())
}

/// Approved by.
pub fn approved(tx: &mut Tx<'_>, id: &str, by: &Actor, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE plans SET state = 'approved', approved_by = $2, approved_by_name = $3,
             approved_at = $4 WHERE id = $1",
        &[&id, &by.account, &by.name, &now],
    )?;
    Ok(())
}

/// Locked by.
pub fn locked(tx: &mut Tx<'_>, id: &str, by: &Actor, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE plans SET state = 'locked', locked_by_name = $2, locked_at = $3 WHERE id = $1",
        &[&id, &by.name, &now],
    )?;
    Ok(())
}

fn hand(tx: &mut Tx<'_>, id: &str, account: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO plan_hands (plan, account) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        &[&id, &account],
    )?;
    Ok(())
}

fn plan(r: &Row<'_>) -> Result<PlanView> {
    let scope: String = r.get(7)?;
    let state: String = r.get(8)?;
    Ok(PlanView {
        id: r.get(0)?,
        department: r.get(1)?,
        year: r.get(2)?,
        title: r.get(3)?,
        items: Vec::new(),
        from: r.get(4)?,
        until: r.get(5)?,
        team: r.get(6)?,
        scope: serde_json::from_str::<PlanScope>(&scope).map_err(|_| DbError::Column {
            index: 7,
            expected: "PlanScope",
        })?,
        cells: Vec::new(),
        planned: 0,
        state: PlanState::parse(&state).ok_or(DbError::Column {
            index: 8,
            expected: "PlanState",
        })?,
        return_reason: r.get(9)?,
        drafted_by: r.get(10)?,
        drafted_by_name: r.get(11)?,
        drafted_at: r.get(12)?,
        submitted_at: r.get(13)?,
        approved_by_name: r.get(14)?,
        approved_at: r.get(15)?,
        locked_by_name: r.get(16)?,
        locked_at: r.get(17)?,
    })
}

fn fill(tx: &mut Tx<'_>, plan: &mut PlanView) -> Result<()> {
    plan.items = tx.query(
        "SELECT item, code, name, version, needs FROM plan_items WHERE plan = $1 ORDER BY position",
        &[&plan.id],
        |r| {
            let needs: String = r.get(4)?;
            Ok(PlanItem {
                id: r.get(0)?,
                code: r.get(1)?,
                name: r.get(2)?,
                version: r.get(3)?,
                needs: serde_json::from_str(&needs).map_err(|_| DbError::Column {
                    index: 4,
                    expected: "list",
                })?,
            })
        },
    )?;
    plan.cells = tx.query(
        "SELECT risk_class, ratio_ppm, number, reserves, objects FROM plan_cells
         WHERE plan = $1 ORDER BY position",
        &[&plan.id],
        |r| {
            let mut cell = PlanCell {
                risk_class: r.get(0)?,
                ratio_ppm: r.get(1)?,
                number: r.get(2)?,
                reserves: r.get(3)?,
                objects: r.get(4)?,
                drawn: 0,
            };
            cell.drawn = cell.expected();
            Ok(cell)
        },
    )?;
    plan.planned = plan.cells.iter().map(|c| c.drawn).sum();
    Ok(())
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
