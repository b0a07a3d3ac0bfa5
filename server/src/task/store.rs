//! Tasks in the database.

use std::collections::HashMap;

use ::sync::facts::{Role, TaskFacts};

use super::dispatch::facts_text;
use super::{Dispatch, DrawnTask, TaskItem, TaskMember, TaskRow, TaskState};
use crate::account::Scope;
use crate::db::{DbError, Result, Row, Tx};
use crate::error::AppError;
use crate::sync::worker::Summary;

/// Makes the rows of a task.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    common: &Dispatch,
    one: &DrawnTask,
    facts: &TaskFacts,
    now: i64,
) -> std::result::Result<(), AppError> {
    let task = facts.task.to_string();
    let (from, until) = one.days(common);
    let inserted = tx.execute(
        "INSERT INTO tasks (id, draw, rank, number, title, department, object, object_name, district,
             from_date, until_date, state, round, facts, roster_version, dispatched_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'dispatched', 1, $12, 1, $13)",
        &[
            &task, &common.draw, &one.rank, &facts.number, &common.title, &common.department,
            &one.object.id, &one.object.name, &one.object.district, &from, &until,
            &facts_text(facts)?, &now,
        ],
    );
    match inserted {
        Err(DbError::Duplicate(_)) => {
            return Err(AppError::conflict(
                "already_dispatched",
                "这次抽取的任务已经派发过，不能重复派发",
            ));
        }
        other => other?,
    };
    for sheet in &common.sheets {
        tx.execute(
            "INSERT INTO task_items (task, item, name, version) VALUES ($1, $2, $3, $4)",
            &[&task, &sheet.item, &sheet.name, &sheet.version],
        )?;
    }
    for (position, member) in (0u32..).zip(&one.team) {
        let role = match member.role {
            Role::Leader => "leader",
            Role::Member => "member",
            Role::Expert => "expert",
        };
        tx.execute(
            "INSERT INTO task_members (task, person, position, name, unit, certificate, role, status)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'active')",
            &[&task, &member.person, &position, &member.name, &member.unit, &member.certificate, &role],
        )?;
    }
    Ok(())
}

/// Tasks of these persons that are not finished.
pub(super) fn open_tasks_of(tx: &mut Tx<'_>, persons: &[String]) -> Result<Vec<String>> {
    let mut tasks = Vec::new();
    for person in persons {
        tasks.extend(tx.query::<String>(
            "SELECT t.id FROM tasks t JOIN task_members m ON m.task = t.id
             WHERE m.person = $1 AND m.status = 'active' AND t.state IN ('dispatched', 'sealed', 'returned')
             ORDER BY t.dispatched_at, t.rank",
            &[person],
            |r| r.get(0),
        )?);
    }
    tasks.sort();
    tasks.dedup();
    Ok(tasks)
}

/// Tasks on whose roster the tablet stands.
pub(super) fn tasks_with_device(tx: &mut Tx<'_>, device: &str) -> Result<Vec<String>> {
    tx.query(
        "SELECT DISTINCT m.task FROM task_members m JOIN device_inspectors d ON d.person = m.person
         WHERE d.device = $1 AND m.status = 'active' ORDER BY m.task",
        &[&device],
        |r| r.get(0),
    )
}

/// How many tasks each person still has to carry out: the workload of a draw counts them (I4).
pub fn open_counts(tx: &mut Tx<'_>) -> Result<HashMap<String, u32>> {
    let mut counts = HashMap::new();
    tx.for_each(
        "SELECT m.person, COUNT(*) FROM task_members m JOIN tasks t ON t.id = m.task
         WHERE m.status = 'active' AND t.state IN ('dispatched', 'returned') GROUP BY m.person",
        &[],
        |r| {
            counts.insert(r.get(0)?, r.get(1)?);
            Ok(())
        },
    )?;
    Ok(counts)
}

/// How many visits each object has in a year by the tasks whose time begins in it, of all departments;
/// those that were dropped do not count (K3, X3).
pub fn visits_in(tx: &mut Tx<'_>, year: i32) -> Result<HashMap<String, u32>> {
    let (from, until) = (format!("{year}-01-01"), format!("{year}-12-31"));
    let mut counts = HashMap::new();
    tx.for_each(
        "SELECT object, COUNT(*) FROM tasks
         WHERE state <> 'withdrawn' AND from_date BETWEEN $1 AND $2 GROUP BY object",
        &[&from, &until],
        |r| {
            counts.insert(r.get(0)?, r.get(1)?);
            Ok(())
        },
    )?;
    Ok(counts)
}

/// The visits of one object in a year, as [`visits_in`] counts them.
pub fn visits_of(tx: &mut Tx<'_>, year: i32, object: &str) -> Result<u32> {
    let (from, until) = (format!("{year}-01-01"), format!("{year}-12-31"));
    tx.query_one(
        "SELECT COUNT(*) FROM tasks
         WHERE object = $1 AND state <> 'withdrawn' AND from_date BETWEEN $2 AND $3",
        &[&object, &from, &until],
        |r| r.get(0),
    )
}

/// Which tasks are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub task: Option<String>,
    pub state: Option<TaskState>,
    pub department: Option<String>,
    pub district: Option<String>,
    pub draw: Option<String>,
    /// Pattern for `LIKE … ESCAPE '\'` over number and object.
    pub pattern: Option<String>,
    pub scope: Option<Scope>,
    pub offset: u32,
    pub limit: u32,
}

const FROM: &str = "FROM tasks t LEFT JOIN record_docs r ON r.task = t.id
     JOIN departments d ON d.code = t.department
     WHERE ($1 IS NULL OR t.id = $1) AND ($2 IS NULL OR t.state = $2)
       AND ($3 IS NULL OR t.department = $3) AND ($4 IS NULL OR t.district = $4)
       AND ($5 IS NULL OR t.draw = $5)
       AND ($6 IS NULL OR t.number LIKE $6 ESCAPE '\\' OR t.object_name LIKE $6 ESCAPE '\\')
       AND ($7 IS NULL OR instr($7, ',' || t.department || ',') > 0 OR EXISTS (
            SELECT 1 FROM draws w JOIN plan_departments p ON p.plan = w.plan
            WHERE w.id = t.draw AND instr($7, ',' || p.department || ',') > 0))";

/// A page of tasks, and how many there are in all.
pub fn list(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(Vec<TaskRow>, i64)> {
    let state = wanted.state.map(TaskState::as_str);
    let scope = match &wanted.scope {
        Some(Scope::In(departments)) => Some(format!(",{},", departments.join(","))),
        Some(Scope::Everywhere) | None => None,
    };
    let total = tx.query_one(
        &format!("SELECT count(*) {FROM}"),
        &[
            &wanted.task,
            &state,
            &wanted.department,
            &wanted.district,
            &wanted.draw,
            &wanted.pattern,
            &scope,
        ],
        |r| r.get(0),
    )?;
    let mut rows = tx.query(
        &format!(
            "SELECT t.id, t.number, t.title, t.department, d.name, t.object, t.object_name, t.district,
                 t.from_date, t.until_date, t.state, t.round, t.dispatched_at, r.changed_at, r.summary,
                 t.draw
             {FROM} ORDER BY t.dispatched_at DESC, t.draw, t.rank LIMIT $8 OFFSET $9"
        ),
        &[
            &wanted.task, &state, &wanted.department, &wanted.district, &wanted.draw,
            &wanted.pattern, &scope, &wanted.limit, &wanted.offset,
        ],
        row,
    )?;
    for row in &mut rows {
        row.items = items(tx, &row.task)?;
        row.team = members(tx, &row.task)?;
    }
    Ok((rows, total))
}

fn row(r: &Row<'_>) -> Result<TaskRow> {
    let state: String = r.get(10)?;
    let summary: Option<String> = r.get(14)?;
    let summary: Summary = summary
        .and_then(|s| serde_json::from_str(&s).ok())
        .unwrap_or_default();
    Ok(TaskRow {
        draw: r.get(15)?,
        task: r.get(0)?,
        number: r.get(1)?,
        title: r.get(2)?,
        department: r.get(3)?,
        department_name: r.get(4)?,
        object: r.get(5)?,
        object_name: r.get(6)?,
        district: r.get(7)?,
        from: r.get(8)?,
        until: r.get(9)?,
        state: TaskState::parse(&state).ok_or(DbError::Column {
            index: 10,
            expected: "task state",
        })?,
        round: r.get(11)?,
        items: Vec::new(),
        team: Vec::new(),
        points: summary.points,
        answered: summary.answered,
        photos: summary.photos,
        findings: summary.findings,
        conflicts: summary.conflicts,
        dispatched_at: r.get(12)?,
        changed_at: r.get(13)?,
    })
}

/// The items of a task with the version of their check sheets.
pub fn items(tx: &mut Tx<'_>, task: &str) -> Result<Vec<TaskItem>> {
    tx.query(
        "SELECT item, name, version FROM task_items WHERE task = $1 ORDER BY item",
        &[&task],
        |r| {
            Ok(TaskItem {
                item: r.get(0)?,
                name: r.get(1)?,
                version: r.get(2)?,
            })
        },
    )
}

/// The team of a task, also those who were relieved.
pub fn members(tx: &mut Tx<'_>, task: &str) -> Result<Vec<TaskMember>> {
    tx.query(
        "SELECT m.person, m.name, m.unit, m.certificate, m.role, m.status, m.joined_at,
             m.relieved_at,
             (SELECT count(*) FROM device_inspectors i JOIN devices d ON d.id = i.device
              WHERE i.person = m.person AND d.revoked_at IS NULL)
         FROM task_members m WHERE m.task = $1 ORDER BY m.status, m.position",
        &[&task],
        |r| {
            Ok(TaskMember {
                person: r.get(0)?,
                name: r.get(1)?,
                unit: r.get(2)?,
                certificate: r.get(3)?,
                role: r.get(4)?,
                status: r.get(5)?,
                joined_at: r.get(6)?,
                relieved_at: r.get(7)?,
                tablets: r.get(8)?,
            })
        },
    )
}

/// The facts that went to the tablets.
pub fn facts(tx: &mut Tx<'_>, task: &str) -> std::result::Result<TaskFacts, AppError> {
    let text: Option<String> =
        tx.query_opt("SELECT facts FROM tasks WHERE id = $1", &[&task], |r| {
            r.get(0)
        })?;
    let text = text.ok_or_else(|| AppError::not_found("task"))?;
    serde_json::from_str(&text).map_err(AppError::internal)
}
