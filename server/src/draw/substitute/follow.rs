//! What a substitution does to the tasks, once they are dispatched.

use ::sync::facts::{Member, Role};

use super::compute::{Followed, Name, Team};
use crate::db::Tx;
use crate::draw::dispatch;
use crate::draw::store::Draw;
use crate::error::AppError;
use crate::register;
use crate::state::AppState;
use crate::sync::store as records;
use crate::task::team::Found;
use crate::task::{self, DrawnTask, TaskState, team};

/// Changes the tasks as the rows say: who left is relieved, who came joins, an object that is not
/// inspected loses its task, and the one that takes its place gets one with the team that goes along.
/// Before the dispatch nothing is done: it takes the result as it then stands.
///
/// # Errors
/// The database or a register.
pub fn tasks(
    tx: &mut Tx<'_>,
    state: &AppState,
    draw: &Draw,
    followed: &Followed,
) -> Result<(), AppError> {
    let mut places: Vec<(String, Found)> = Vec::new();
    for row in &followed.rows {
        if !matches!(row.kind.as_str(), "replace" | "drop") {
            continue;
        }
        let Some(found) = team::of_object(tx, &draw.id, &row.object.id)? else {
            continue;
        };
        team::cancel(
            tx,
            &found.task.parse().map_err(AppError::internal)?,
            state.now(),
        )?;
        if let Some(comes) = &row.comes {
            places.push((comes.id.clone(), found));
        }
    }
    for now in &followed.teams {
        let mut members = members(tx, now)?;
        if let Some((_, before)) = places.iter().find(|(object, _)| *object == now.object) {
            if members.is_empty() {
                // Nobody was dealt in this draw: those who were named go along all the same.
                members = records::team(tx, &before.task, true)?;
            }
            make(tx, state, draw, &now.object, before, members)?;
        } else if let Some(found) = team::of_object(tx, &draw.id, &now.object)?
            && found.state != TaskState::Withdrawn
        {
            team::set_team(tx, state, &found.task, &members)?;
        }
    }
    Ok(())
}

fn make(
    tx: &mut Tx<'_>,
    state: &AppState,
    draw: &Draw,
    object: &str,
    before: &Found,
    team: Vec<Member>,
) -> Result<(), AppError> {
    let common = dispatch::common(tx, draw)?;
    let facts = register::object_facts(tx, object)?
        .ok_or_else(|| AppError::internal(format!("object {object} is not there")))?;
    let turn = team::turns(tx, &draw.id, before.rank)? + 1;
    let one = DrawnTask {
        rank: before.rank,
        object: facts,
        history: task::history::of_object(tx, object)?,
        team,
        days: Some(before.days.clone()),
    };
    task::make(tx, state, &common, &one, turn)?;
    Ok(())
}

fn members(tx: &mut Tx<'_>, team: &Team) -> Result<Vec<Member>, AppError> {
    let mut members = Vec::with_capacity(team.inspectors.len() + team.experts.len());
    for (n, person) in team.inspectors.iter().enumerate() {
        let role = if n == 0 { Role::Leader } else { Role::Member };
        members.push(member(tx, person, role)?);
    }
    for person in &team.experts {
        members.push(member(tx, person, Role::Expert)?);
    }
    Ok(members)
}

fn member(tx: &mut Tx<'_>, person: &Name, role: Role) -> Result<Member, AppError> {
    let certificate = register::find_inspector(tx, &person.id)?
        .map(|i| i.certificate)
        .unwrap_or_default();
    Ok(Member {
        person: person.id.clone(),
        name: person.name.clone(),
        unit: person.place.clone(),
        certificate,
        role,
        keys: Vec::new(),
    })
}
