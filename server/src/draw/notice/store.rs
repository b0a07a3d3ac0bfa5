//! Notices in the database.

use super::{Kept, NoticeContent, NoticeState, standing};
use crate::account::Actor;
use crate::db::{DbError, Param, Result, Row, Tx};
use crate::task::TaskState;

/// A version of a notice.
#[derive(Debug, Clone)]
pub struct Notice {
    /// From 1.
    pub version: u32,
    /// What was done about it.
    pub state: Kept,
    /// Canonical JSON of [`NoticeContent`].
    pub content: String,
    /// SHA-256 of it.
    pub sha256: String,
    /// What stands in the QR code beside the opening.
    pub code: String,
    /// How often the team had changed by then.
    pub team_changes: i64,
    /// Account id.
    pub asked_by: String,
    /// Name.
    pub asked_by_name: String,
    /// When.
    pub asked_at: i64,
    /// Name of who issued or refused it.
    pub decided_by_name: Option<String>,
    /// When.
    pub decided_at: Option<i64>,
    /// Why it was refused.
    pub reason: Option<String>,
}

const COLUMNS: &str = "version, state, content, sha256, code, team_changes, asked_by, asked_by_name, \
     asked_at, decided_by_name, decided_at, reason";

fn notice(r: &Row<'_>) -> Result<Notice> {
    Ok(Notice {
        version: r.get(0)?,
        state: kept(r, 1)?,
        content: r.get(2)?,
        sha256: r.get(3)?,
        code: r.get(4)?,
        team_changes: r.get(5)?,
        asked_by: r.get(6)?,
        asked_by_name: r.get(7)?,
        asked_at: r.get(8)?,
        decided_by_name: r.get(9)?,
        decided_at: r.get(10)?,
        reason: r.get(11)?,
    })
}

fn kept(r: &Row<'_>, index: usize) -> Result<Kept> {
    Kept::parse(&r.get::<String>(index)?).ok_or(DbError::Column {
        index,
        expected: "state of a notice",
    })
}

/// All versions of the notice of a task, the newest first.
pub fn versions(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Notice>> {
    let sql = format!("SELECT {COLUMNS} FROM notices WHERE task = $1 ORDER BY version DESC");
    tx.query(&sql, &[&task], notice)
}

/// Whether any version of the notice of a task was issued.
pub fn is_issued(tx: &mut Tx<'_>, task: &str) -> Result<bool> {
    tx.query_one(
        "SELECT EXISTS (SELECT 1 FROM notices WHERE task = $1 AND state = 'issued')",
        &[&task],
        |r| r.get(0),
    )
}

/// Whether this is the code of an issued notice of a task.
pub fn code_fits(tx: &mut Tx<'_>, task: &str, code: &str) -> Result<bool> {
    tx.query_one(
        "SELECT EXISTS (SELECT 1 FROM notices WHERE task = $1 AND code = $2 AND state = 'issued')",
        &[&task, &code],
        |r| r.get(0),
    )
}

/// The task that a notice is of.
#[derive(Debug, Clone)]
pub struct OfTask {
    /// Id.
    pub task: String,
    /// Number.
    pub number: String,
    /// Id of the draw.
    pub draw: String,
    /// Code.
    pub department: String,
    /// Where it stands.
    pub state: TaskState,
    /// How often its team has changed.
    pub team_changes: i64,
}

/// A task, as far as its notice is concerned.
pub fn task(tx: &mut Tx<'_>, id: &str) -> Result<Option<OfTask>> {
    tx.query_opt(
        "SELECT t.id, t.number, t.draw, t.department, t.state,
             (SELECT COUNT(m.joined_at) + COUNT(m.relieved_at) FROM task_members m WHERE m.task = t.id)
         FROM tasks t WHERE t.id = $1",
        &[&id],
        |r| {
            Ok(OfTask {
                task: r.get(0)?,
                number: r.get(1)?,
                draw: r.get(2)?,
                department: r.get(3)?,
                state: TaskState::parse(&r.get::<String>(4)?).ok_or(DbError::Column {
                    index: 4,
                    expected: "task state",
                })?,
                team_changes: r.get(5)?,
            })
        },
    )
}

/// Keeps what was asked for.
pub fn ask(
    tx: &mut Tx<'_>,
    of: &OfTask,
    content: &NoticeContent,
    text: &str,
    code: &str,
    actor: &Actor,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO notices (task, version, state, content, sha256, code, team_changes, asked_by,
             asked_by_name, asked_at)
         VALUES ($1, $2, 'asked', $3, $4, $5, $6, $7, $8, $9)",
        &[
            &of.task,
            &content.version,
            &text,
            &crate::ids::sha256_hex(text.as_bytes()),
            &code,
            &of.team_changes,
            &actor.account,
            &actor.name,
            &now,
        ],
    )?;
    Ok(())
}

/// Issues or refuses the version that waits.
pub fn settle(
    tx: &mut Tx<'_>,
    task: &str,
    state: Kept,
    reason: Option<&str>,
    actor: &Actor,
    now: i64,
) -> Result<()> {
    tx.execute(
        "UPDATE notices SET state = $2, reason = $3, decided_by = $4, decided_by_name = $5,
             decided_at = $6
         WHERE task = $1 AND state = 'asked'",
        &[
            &task,
            &state.as_str(),
            &reason,
            &actor.account,
            &actor.name,
            &now,
        ],
    )?;
    Ok(())
}

/// Which notices a list is of.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this draw only.
    pub draw: Option<String>,
    /// In this state only.
    pub state: Option<NoticeState>,
    /// Of this department only.
    pub department: Option<String>,
    /// Pattern on number and object.
    pub pattern: Option<String>,
    /// `,a,b,` for `instr`; `None`: everywhere.
    pub scope: Option<String>,
    /// Rows to pass over.
    pub offset: u32,
    /// Rows at most.
    pub limit: u32,
}

/// A row of a list, before it has the names of its team.
pub struct Listed {
    /// Id of the task.
    pub task: String,
    /// Its number.
    pub number: String,
    /// Name of the object.
    pub object_name: String,
    /// Code.
    pub district: String,
    /// Id of the draw.
    pub draw: String,
    /// Code.
    pub department: String,
    /// China date.
    pub from: String,
    /// China date.
    pub until: String,
    /// Where the notice stands.
    pub state: NoticeState,
    /// Newest version; 0 where there is none.
    pub version: u32,
    /// Who asked.
    pub asked_by_name: Option<String>,
    /// When.
    pub asked_at: Option<i64>,
    /// Who issued or refused.
    pub decided_by_name: Option<String>,
    /// When.
    pub decided_at: Option<i64>,
    /// Why it was refused.
    pub reason: Option<String>,
}

const FROM: &str = "FROM (SELECT t.id, t.number, t.object_name, t.district, t.draw, t.department,
             t.from_date, t.until_date, t.rank,
             n.version, n.state, n.asked_by_name, n.asked_at, n.decided_by_name, n.decided_at, n.reason,
             n.team_changes <> (SELECT COUNT(m.joined_at) + COUNT(m.relieved_at)
                 FROM task_members m WHERE m.task = t.id) AS changed
         FROM tasks t LEFT JOIN notices n ON n.task = t.id
             AND n.version = (SELECT MAX(version) FROM notices WHERE task = t.id)
         WHERE t.state <> 'withdrawn' AND ($1 IS NULL OR t.draw = $1)
             AND ($3 IS NULL OR t.department = $3)
             AND ($4 IS NULL OR t.number LIKE $4 ESCAPE '\\' OR t.object_name LIKE $4 ESCAPE '\\')
             AND ($5 IS NULL OR EXISTS (SELECT 1 FROM draws w JOIN plan_departments p ON p.plan = w.plan
                 WHERE w.id = t.draw AND instr($5, ',' || p.department || ',') > 0))) l
     WHERE ($2 IS NULL OR $2 = CASE
         WHEN l.state IS NULL THEN 'none'
         WHEN l.state <> 'refused' AND l.changed THEN 'outdated'
         ELSE l.state END)";

/// A page of tasks with their notices, of the newest draw first (ids grow with time), by rank, and how many there are in all.
pub fn list(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(Vec<Listed>, i64)> {
    let state = wanted.state.map(NoticeState::as_str);
    let params: [&dyn Param; 7] = [
        &wanted.draw,
        &state,
        &wanted.department,
        &wanted.pattern,
        &wanted.scope,
        &wanted.limit,
        &wanted.offset,
    ];
    let total = tx.query_one(&format!("SELECT COUNT(*) {FROM}"), &params[..5], |r| {
        r.get(0)
    })?;
    let sql = format!(
        "SELECT l.id, l.number, l.object_name, l.district, l.draw, l.department, l.from_date,
             l.until_date, l.version, l.state, l.asked_by_name, l.asked_at, l.decided_by_name,
             l.decided_at, l.reason, COALESCE(l.changed, 0)
         {FROM} ORDER BY l.draw DESC, l.rank, l.id LIMIT $6 OFFSET $7"
    );
    let rows = tx.query(&sql, &params, |r| {
        let newest = match r.get::<Option<String>>(9)? {
            Some(_) => Some(kept(r, 9)?),
            None => None,
        };
        Ok(Listed {
            task: r.get(0)?,
            number: r.get(1)?,
            object_name: r.get(2)?,
            district: r.get(3)?,
            draw: r.get(4)?,
            department: r.get(5)?,
            from: r.get(6)?,
            until: r.get(7)?,
            version: r.get::<Option<u32>>(8)?.unwrap_or_default(),
            state: standing(newest, r.get(15)?),
            asked_by_name: r.get(10)?,
            asked_at: r.get(11)?,
            decided_by_name: r.get(12)?,
            decided_at: r.get(13)?,
            reason: r.get(14)?,
        })
    })?;
    Ok((rows, total))
}
