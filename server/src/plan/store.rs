//! Plans in the database.

use super::{
    CellConditions, Deal, DepartmentState, PlanCell, PlanDepartment, PlanDepartmentInput,
    PlanInput, PlanItem, PlanState, PlanView, advice, labels, limits_of,
};
use crate::account::{Actor, Scope};
use crate::db::{Cell, DbError, Param, Result, Row, Tx};

const COLUMNS: &str = "id, department, year, title, from_date, until_date, scope, state, return_reason, \
     drafted_by, drafted_by_name, drafted_at, submitted_at, approved_by_name, approved_at, \
     locked_by_name, locked_at, mode, district_minimum, yearly_draws, exemption, reason";

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
         AND ($4 IS NULL OR EXISTS (SELECT 1 FROM plan_departments d
              WHERE d.plan = plans.id AND instr($4, ',' || d.department || ',') > 0))";
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
        "INSERT INTO plans (id, department, year, title, from_date, until_date, scope, state,
             drafted_by, drafted_by_name, drafted_at, mode, district_minimum, yearly_draws, exemption,
             reason)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'draft', $8, $9, $10, $11, $12, $13, $14, $15)",
        &[
            &id,
            &input.department,
            &year,
            &input.title,
            &input.from,
            &input.until,
            &json(&input.scope),
            &actor.account,
            &actor.name,
            &now,
            &json(&input.mode),
            &input.district_minimum,
            &input.yearly_draws,
            &input.exemption.as_ref().map(json),
            &input.reason,
        ],
    )?;
    hand(tx, id, &actor.account)
}

/// Another text of a draft, without its parts.
pub fn update(tx: &mut Tx<'_>, id: &str, input: &PlanInput, year: i32, by: &str) -> Result<()> {
    tx.execute(
        "UPDATE plans SET department = $2, year = $3, title = $4, from_date = $5, until_date = $6,
             scope = $7, state = 'draft', mode = $8, district_minimum = $9, yearly_draws = $10,
             exemption = $11, reason = $12 WHERE id = $1",
        &[
            &id,
            &input.department,
            &year,
            &input.title,
            &input.from,
            &input.until,
            &json(&input.scope),
            &json(&input.mode),
            &input.district_minimum,
            &input.yearly_draws,
            &input.exemption.as_ref().map(json),
            &input.reason,
        ],
    )?;
    hand(tx, id, by)
}

/// Replaces the departments of a draft. Those that respond are asked anew: they had agreed to another text.
pub fn set_departments(tx: &mut Tx<'_>, id: &str, input: &PlanInput) -> Result<()> {
    tx.execute("DELETE FROM plan_departments WHERE plan = $1", &[&id])?;
    let lead = PlanDepartmentInput {
        department: input.department.clone(),
        items: Vec::new(),
        team: input.team,
        experts: input.experts,
        deal: input.deal,
    };
    for (position, one) in (0i64..).zip([&lead].into_iter().chain(&input.responding)) {
        let state = match position {
            0 => DepartmentState::Leads,
            _ => DepartmentState::Asked,
        };
        tx.execute(
            "INSERT INTO plan_departments (plan, position, department, team, experts, deal, state, note)
             VALUES ($1, $2, $3, $4, $5, $6, $7, '')",
            &[
                &id,
                &position,
                &one.department,
                &one.team,
                &one.experts,
                &one.deal.as_str(),
                &state.as_str(),
            ],
        )?;
    }
    // Items of departments that take part no longer.
    tx.execute(
        "DELETE FROM plan_items WHERE plan = $1 AND department NOT IN
             (SELECT department FROM plan_departments WHERE plan = $1)",
        &[&id],
    )?;
    Ok(())
}

/// Keeps what a department that was asked has answered.
pub fn answered(tx: &mut Tx<'_>, id: &str, answer: &PlanDepartment, by: &str) -> Result<()> {
    tx.execute(
        "UPDATE plan_departments SET team = $3, experts = $4, deal = $5, state = $6, note = $7,
             answered_by_name = $8, answered_at = $9 WHERE plan = $1 AND department = $2",
        &[
            &id,
            &answer.department,
            &answer.team,
            &answer.experts,
            &answer.deal.as_str(),
            &answer.state.as_str(),
            &answer.note,
            &answer.answered_by_name,
            &answer.answered_at,
        ],
    )?;
    hand(tx, id, by)
}

/// Replaces the items of one department of a draft.
pub fn set_items(tx: &mut Tx<'_>, id: &str, department: &str, items: &[PlanItem]) -> Result<()> {
    tx.execute(
        "DELETE FROM plan_items WHERE plan = $1 AND department = $2",
        &[&id, &department],
    )?;
    for (position, i) in (0i64..).zip(items) {
        tx.execute(
            "INSERT INTO plan_items (plan, position, item, code, name, version, needs, department,
                 priority)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                &id,
                &position,
                &i.id,
                &i.code,
                &i.name,
                &i.version,
                &json(&i.needs),
                &department,
                &i.priority,
            ],
        )?;
    }
    Ok(())
}

/// Replaces the cells of a draft.
pub fn set_cells(tx: &mut Tx<'_>, id: &str, cells: &[PlanCell]) -> Result<()> {
    tx.execute("DELETE FROM plan_strata WHERE plan = $1", &[&id])?;
    for (position, c) in (0i64..).zip(cells) {
        tx.execute(
            "INSERT INTO plan_strata (plan, position, conditions, ratio_ppm, number, reserves, objects)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                &id,
                &position,
                &json(&c.conditions),
                &c.ratio_ppm,
                &c.number,
                &c.reserves,
                &c.objects,
            ],
        )?;
    }
    Ok(())
}

/// Replaces the objects that a draft names.
pub fn set_objects(tx: &mut Tx<'_>, id: &str, objects: &[String]) -> Result<()> {
    tx.execute("DELETE FROM plan_objects WHERE plan = $1", &[&id])?;
    let rows: Vec<(&str, &String)> = objects.iter().map(|object| (id, object)).collect();
    tx.insert_many(
        "INSERT INTO plan_objects (plan, object) VALUES ($1, $2)",
        &rows,
        |(plan, object)| vec![Cell::Text(plan), Cell::Text(object)],
    )?;
    Ok(())
}

/// Ids of the objects that a plan names, ascending.
pub fn objects(tx: &mut Tx<'_>, id: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT object FROM plan_objects WHERE plan = $1 ORDER BY object",
        &[&id],
        |r| r.get(0),
    )
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

/// A column that holds JSON.
fn parsed<T: serde::de::DeserializeOwned>(r: &Row<'_>, index: usize) -> Result<T> {
    serde_json::from_str(&r.get::<String>(index)?).map_err(|_| DbError::Column {
        index,
        expected: std::any::type_name::<T>(),
    })
}

fn plan(r: &Row<'_>) -> Result<PlanView> {
    let state: String = r.get(7)?;
    let exemption = match r.get::<Option<String>>(20)? {
        None => None,
        Some(_) => Some(parsed(r, 20)?),
    };
    Ok(PlanView {
        id: r.get(0)?,
        department: r.get(1)?,
        departments: Vec::new(),
        year: r.get(2)?,
        title: r.get(3)?,
        mode: parsed(r, 17)?,
        items: Vec::new(),
        from: r.get(4)?,
        until: r.get(5)?,
        scope: parsed(r, 6)?,
        named: 0,
        cells: Vec::new(),
        district_minimum: r.get(18)?,
        yearly_draws: r.get(19)?,
        exemption,
        limits: super::Limits {
            visits: None,
            general_ratio_ppm: 0,
        },
        warnings: Vec::new(),
        reason: r.get(21)?,
        planned: 0,
        state: PlanState::parse(&state).ok_or(DbError::Column {
            index: 7,
            expected: "PlanState",
        })?,
        return_reason: r.get(8)?,
        drafted_by: r.get(9)?,
        drafted_by_name: r.get(10)?,
        drafted_at: r.get(11)?,
        submitted_at: r.get(12)?,
        approved_by_name: r.get(13)?,
        approved_at: r.get(14)?,
        locked_by_name: r.get(15)?,
        locked_at: r.get(16)?,
    })
}

fn fill(tx: &mut Tx<'_>, plan: &mut PlanView) -> Result<()> {
    plan.departments = tx.query(
        "SELECT department, team, experts, deal, state, note, answered_by_name, answered_at
         FROM plan_departments WHERE plan = $1 ORDER BY position",
        &[&plan.id],
        department,
    )?;
    plan.items = tx.query(
        "SELECT item, code, name, version, needs, department, priority FROM plan_items
         WHERE plan = $1 ORDER BY code",
        &[&plan.id],
        |r| {
            Ok(PlanItem {
                id: r.get(0)?,
                code: r.get(1)?,
                name: r.get(2)?,
                version: r.get(3)?,
                needs: parsed(r, 4)?,
                department: r.get(5)?,
                priority: r.get(6)?,
            })
        },
    )?;
    plan.cells = tx.query(
        "SELECT conditions, ratio_ppm, number, reserves, objects FROM plan_strata
         WHERE plan = $1 ORDER BY position",
        &[&plan.id],
        |r| {
            let mut cell = PlanCell {
                conditions: parsed::<CellConditions>(r, 0)?,
                ratio_ppm: r.get(1)?,
                number: r.get(2)?,
                reserves: r.get(3)?,
                objects: r.get(4)?,
                drawn: 0,
                label: String::new(),
            };
            cell.drawn = cell.expected();
            Ok(cell)
        },
    )?;
    let labels = labels(plan.cells.iter().map(|c| &c.conditions));
    for (cell, label) in plan.cells.iter_mut().zip(labels) {
        cell.label = label;
    }
    plan.named = tx.query_one(
        "SELECT COUNT(*) FROM plan_objects WHERE plan = $1",
        &[&plan.id],
        |r| r.get(0),
    )?;
    plan.planned = plan.cells.iter().map(|c| c.drawn).sum();
    plan.limits = limits_of(tx, &plan.department)?;
    plan.warnings = advice::warnings(plan);
    Ok(())
}

fn department(r: &Row<'_>) -> Result<PlanDepartment> {
    let (deal, state): (String, String) = (r.get(3)?, r.get(4)?);
    Ok(PlanDepartment {
        department: r.get(0)?,
        team: r.get(1)?,
        experts: r.get(2)?,
        deal: Deal::parse(&deal).ok_or(DbError::Column {
            index: 3,
            expected: "Deal",
        })?,
        state: DepartmentState::parse(&state).ok_or(DbError::Column {
            index: 4,
            expected: "DepartmentState",
        })?,
        note: r.get(5)?,
        answered_by_name: r.get(6)?,
        answered_at: r.get(7)?,
    })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
