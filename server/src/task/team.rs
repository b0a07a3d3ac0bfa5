//! Teams that change after the dispatch (D4, X5): who was relieved, who joined, who leads; and tasks
//! that are cancelled because another object took their place.
//!
//! Who it is that comes is never decided here: the caller brings the team as the draw now has it.

use ::sync::author::Author;
use ::sync::cells::Value;
use ::sync::facts::{Member, Role};
use ::sync::ids::TaskId;
use ::sync::record::member_cells;

use super::dispatch::{facts_text, keep_server_change, notice_of};
use super::{TaskState, store};
use crate::db::{DbError, Result, Tx};
use crate::error::AppError;
use crate::state::AppState;
use crate::sync::seal;
use crate::sync::store::{self as records, FeedKind};

/// A task as a substitution finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Id.
    pub task: String,
    /// Place in the draw, from 0.
    pub rank: u32,
    /// Where it stands.
    pub state: TaskState,
    /// Whether anybody of the team has written into its record.
    pub begun: bool,
    /// China dates between which the visit takes place, both included.
    pub days: (String, String),
}

/// The task of an object in a draw.
pub fn of_object(tx: &mut Tx<'_>, draw: &str, object: &str) -> Result<Option<Found>> {
    tx.query_opt(
        "SELECT t.id, t.rank, t.state,
             EXISTS (SELECT 1 FROM record_changes c WHERE c.task = t.id AND c.via_device <> '')
             OR EXISTS (SELECT 1 FROM record_waiting w WHERE w.task = t.id),
             t.from_date, t.until_date
         FROM tasks t WHERE t.draw = $1 AND t.object = $2",
        &[&draw, &object],
        |r| {
            let state: String = r.get(2)?;
            Ok(Found {
                task: r.get(0)?,
                rank: r.get(1)?,
                state: TaskState::parse(&state).ok_or(DbError::Column {
                    index: 2,
                    expected: "task state",
                })?,
                begun: r.get(3)?,
                days: (r.get(4)?, r.get(5)?),
            })
        },
    )
}

/// How many objects have stood at a place of a draw.
pub fn turns(tx: &mut Tx<'_>, draw: &str, rank: u32) -> Result<u32> {
    tx.query_one(
        "SELECT count(*) FROM tasks WHERE draw = $1 AND rank = $2",
        &[&draw, &rank],
        |r| r.get(0),
    )
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Leader => "leader",
        Role::Member => "member",
        Role::Expert => "expert",
    }
}

/// Gives a task the team that it has now, the leader first: who is not in it any more is relieved,
/// and what they wrote stays under their name; who is new joins. The record says so by a change of
/// the server's own, the notice and the roster follow, and all tablets concerned are told.
///
/// # Errors
/// The database, or a record that cannot be written.
pub fn set_team(
    tx: &mut Tx<'_>,
    state: &AppState,
    task: &str,
    team: &[Member],
) -> std::result::Result<(), AppError> {
    let now = state.now();
    let before = store::members(tx, task)?;
    let heard = records::team_devices(tx, task, "")?;
    let mut cells: Vec<(String, Value)> = Vec::new();
    for old in before.iter().filter(|m| m.status == "active") {
        if team.iter().any(|m| m.person == old.person) {
            continue;
        }
        tx.execute(
            "UPDATE task_members SET status = 'relieved', relieved_at = $3
             WHERE task = $1 AND person = $2",
            &[&task, &old.person, &now],
        )?;
        cells.push((format!("team/{}/status", old.person), "relieved".into()));
    }
    for (position, member) in (0u32..).zip(team) {
        let role = word(member.role);
        match before.iter().find(|m| m.person == member.person) {
            None => {
                tx.execute(
                    "INSERT INTO task_members (task, person, position, name, unit, certificate, role,
                         status, joined_at)
                     VALUES ($1, $2, $3, $4, $5, $6, $7, 'active', $8)",
                    &[
                        &task,
                        &member.person,
                        &position,
                        &member.name,
                        &member.unit,
                        &member.certificate,
                        &role,
                        &now,
                    ],
                )?;
                cells.extend(member_cells(member));
            }
            Some(old) => {
                tx.execute(
                    "UPDATE task_members SET position = $3, role = $4 WHERE task = $1 AND person = $2",
                    &[&task, &member.person, &position, &role],
                )?;
                if old.role != role {
                    cells.push((format!("team/{}/role", member.person), role.into()));
                }
            }
        }
    }
    if cells.is_empty() {
        return Ok(());
    }
    let mut facts = store::facts(tx, task)?;
    facts.notice = notice_of(&facts, team);
    tx.execute(
        "UPDATE tasks SET facts = $2, roster_version = roster_version + 1 WHERE id = $1",
        &[&task, &facts_text(&facts)?],
    )?;
    let span = write(tx, state, task, &cells, now)?;
    for device in records::team_devices(tx, task, "")? {
        if !heard.contains(&device) {
            records::grant(tx, &device, task)?;
        }
    }
    // Also those who were relieved: their tablets must know that they write no longer.
    for device in heard {
        records::tell(tx, &device, FeedKind::Grant, task, "")?;
        records::tell(tx, &device, FeedKind::Changes, task, &span)?;
    }
    Ok(())
}

/// Writes cells as the server; returns the change's place in the log, as feeds name it.
fn write(
    tx: &mut Tx<'_>,
    state: &AppState,
    task: &str,
    cells: &[(String, Value)],
    now: i64,
) -> std::result::Result<String, AppError> {
    let (mut record, _) = seal::load(tx, task)?.ok_or_else(|| AppError::not_found("record"))?;
    let server = Author::server(state.keys.key());
    let change = record
        .edit(&server, now, cells)
        .map_err(AppError::internal)?
        .ok_or_else(|| AppError::internal("the record has this team already"))?;
    let ord = keep_server_change(tx, state, &record, &server, &change)?;
    Ok(format!("{ord}-{ord}"))
}

/// Cancels a task: its object is not inspected any more. What its tablets recorded is kept, there
/// and here; what still comes in is taken into the record and seals nothing.
pub fn cancel(tx: &mut Tx<'_>, task: &TaskId, now: i64) -> Result<()> {
    let task = task.to_string();
    tx.execute(
        "UPDATE tasks SET state = 'withdrawn', withdrawn_at = $2 WHERE id = $1",
        &[&task, &now],
    )?;
    records::tell_team(tx, &task, "", FeedKind::State, "")
}
