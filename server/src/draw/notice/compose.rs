//! What a notice says, from the task, its team as it is now, and the draw.

use super::{
    NoticeContent, NoticeDraw, NoticeItem, NoticeMember, NoticeMode, NoticeOpening, visits,
};
use crate::db::Tx;
use crate::draw::openings::{Names, rules};
use crate::draw::store::Draw;
use crate::error::AppError;
use crate::task::store as tasks;

/// Where a visit comes from: read once for all notices of a draw.
pub struct Source {
    /// The draw.
    pub draw: Draw,
    names: Names,
    rules: ::draw::Rules,
}

impl Source {
    /// The draw of a task.
    ///
    /// # Errors
    /// It is not there, or was never committed.
    pub fn of(tx: &mut Tx<'_>, draw: &str) -> Result<Self, AppError> {
        let draw = crate::draw::routes::found(tx, draw)?;
        let names = Names::load(tx, &draw)?
            .ok_or_else(|| AppError::internal(format!("draw {} has no names", draw.id)))?;
        let rules = rules(tx, &draw.id)?
            .ok_or_else(|| AppError::internal(format!("draw {} has no rules", draw.id)))?;
        Ok(Self { draw, names, rules })
    }
}

/// What is written by hand.
#[derive(Debug, Clone, Default)]
pub struct Written<'w> {
    /// Name and telephone of whom to ask.
    pub contact: &'w str,
    /// What is to be prepared.
    pub materials: &'w str,
}

/// The notice of a task as it would be issued now.
///
/// # Errors
/// The database, or a task without its draw.
pub fn compose(
    tx: &mut Tx<'_>,
    source: &Source,
    task: &str,
    version: u32,
    written: &Written<'_>,
) -> Result<NoticeContent, AppError> {
    let facts = tasks::facts(tx, task)?;
    let (rank, object): (u32, String) = tx.query_one(
        "SELECT rank, object FROM tasks WHERE id = $1",
        &[&task],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let named = source
        .names
        .object(&object)
        .ok_or_else(|| AppError::internal(format!("task {task} is of no drawn object")))?;
    let opening = source.names.open(tx, &named)?;
    let team = tasks::members(tx, task)?
        .into_iter()
        .filter(|m| m.status == "active")
        .map(|m| NoticeMember {
            certificate: if m.role == "expert" {
                String::new()
            } else {
                m.certificate
            },
            name: m.name,
            unit: m.unit,
            role: m.role,
        });
    let (mut team, experts): (Vec<_>, Vec<_>) = team.partition(|m| m.role != "expert");
    team.extend(experts);
    let draw = &source.draw;
    Ok(NoticeContent {
        task: task.to_owned(),
        number: facts.number,
        version,
        title: facts.title,
        departments: source
            .rules
            .departments
            .iter()
            .map(|d| d.name.clone())
            .collect(),
        mode: NoticeMode::of(&source.rules.mode),
        object_name: facts.object.name,
        object_code: facts.object.code,
        object_address: facts.object.address,
        items: facts
            .sheets
            .into_iter()
            .map(|s| NoticeItem {
                name: s.name,
                basis: s.basis,
            })
            .collect(),
        visits: visits(tx, &draw.id, &object, &facts.from)?,
        from: facts.from,
        until: facts.until,
        team,
        contact: written.contact.to_owned(),
        materials: written.materials.to_owned(),
        draw: NoticeDraw {
            id: draw.id.clone(),
            number: draw.number.clone(),
            commitment: draw.commitment.clone().unwrap_or_default(),
            drawn_at: draw.drawn_at.unwrap_or_default(),
            rank: rank + 1,
        },
        opening: NoticeOpening {
            id: opening.id,
            salt: opening.salt,
            blinded: opening.blinded,
        },
    })
}
