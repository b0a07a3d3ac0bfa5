//! Looking up an object by its opening: the hash is computed, found in the committed files, and what may
//! be told is gathered.

use super::mine::{Known, Lot, Since, Told, decide};
use super::{Place, ground_words, place_of, rules};
use crate::db::{Result as DbResult, Tx};
use crate::draw::notice::{NoticeContent, NoticeMode, Visits, store as notices, visits};
use crate::draw::public::PublicDraw;
use crate::error::AppError;
use crate::register::{self, region};
use crate::task::{self, TaskMember, TaskState};

/// What somebody holds in hand.
#[derive(Debug, Clone)]
pub struct Held {
    /// What was blinded.
    pub id: String,
    /// 64 hexadecimal digits.
    pub salt: String,
    /// The code of a notice, or empty.
    pub code: String,
}

/// An object that found itself.
#[derive(Debug)]
pub struct Found {
    /// `SHA-256(salt ‖ LF ‖ id)`.
    pub blinded: String,
    /// The name that the register has; nothing of natural persons.
    pub name: Option<String>,
    /// Where the committed files list it.
    pub listed: Listed,
}

/// Where the committed files list an object, with what may be told.
#[derive(Debug)]
pub enum Listed {
    /// In the frame.
    Frame {
        /// Four digits.
        cell: String,
        /// Name of the district.
        district: String,
        /// What was drawn.
        mode: NoticeMode,
        /// What is told of the result.
        told: Told,
        /// The visit, where the object may know of it.
        visit: Option<Box<Visit>>,
    },
    /// Kept out, and why.
    Excluded {
        /// In words.
        ground: &'static str,
    },
}

/// A visit that is to come, or was.
#[derive(Debug)]
pub struct Visit {
    /// Number of the task.
    pub number: String,
    /// Names of the items.
    pub items: Vec<String>,
    /// China dates, both included.
    pub from: String,
    pub until: String,
    /// Who comes, the leader first; empty until it may be told.
    pub team: Vec<TaskMember>,
    /// How often in this year.
    pub visits: Visits,
    /// Whom the notice names for questions and recusal; empty until it may be told.
    pub contact: String,
}

/// Looks an object up in a committed draw; `None` where id and salt lead to no listed object.
///
/// # Errors
/// The database.
pub fn look_up(tx: &mut Tx<'_>, draw: &PublicDraw, held: &Held) -> Result<Option<Found>, AppError> {
    let blinded = ::draw::open(&held.salt, &held.id);
    let listed = match place_of(tx, &draw.id, &blinded)? {
        None => return Ok(None),
        Some(Place::Excluded { ground }) => Listed::Excluded {
            ground: ground_words(&ground),
        },
        Some(Place::Frame { cell, district }) => {
            let (told, visit) = result(tx, draw, &blinded, &held.code)?;
            let rules = rules(tx, &draw.id)?;
            Listed::Frame {
                mode: rules.map_or(NoticeMode::Double, |r| NoticeMode::of(&r.mode)),
                cell,
                district: region::name(&district).unwrap_or(&district).to_owned(),
                told,
                visit: visit.map(Box::new),
            }
        }
    };
    let object = match register::by_code(tx, &held.id)? {
        Some(object) => Some(object),
        None => register::find_object(tx, &held.id)?,
    };
    Ok(Some(Found {
        name: object.filter(|o| o.kind != "person").map(|o| o.name),
        blinded,
        listed,
    }))
}

/// What the draw gave to a blinded id, and to whom it belongs.
fn lot(tx: &mut Tx<'_>, draw: &str, blinded: &str) -> DbResult<Option<(Lot, String)>> {
    tx.query_opt(
        "SELECT role, rank, object FROM draw_results WHERE draw = $1 AND blinded = $2",
        &[&draw, &blinded],
        |r| {
            let (role, rank): (String, u32) = (r.get(0)?, r.get(1)?);
            let lot = match role.as_str() {
                "drawn" => Lot::Drawn(rank + 1),
                _ => Lot::Reserve(rank + 1),
            };
            Ok((lot, r.get(2)?))
        },
    )
}

/// Whether an object went or came by substitution; the newest row is what holds.
fn moved(tx: &mut Tx<'_>, draw: &str, object: &str) -> DbResult<Option<bool>> {
    tx.query_opt(
        "SELECT comes = $2 FROM substitution_rows
         WHERE draw = $1 AND kind IN ('replace', 'drop') AND (object = $2 OR comes = $2)
         ORDER BY number DESC LIMIT 1",
        &[&draw, &object],
        |r| r.get(0),
    )
}

struct OfTask {
    id: String,
    rank: u32,
    state: TaskState,
    number: String,
    from: String,
    until: String,
}

fn task_of(tx: &mut Tx<'_>, draw: &str, object: &str) -> DbResult<Option<OfTask>> {
    tx.query_opt(
        "SELECT id, rank, state, number, from_date, until_date FROM tasks
         WHERE draw = $1 AND object = $2",
        &[&draw, &object],
        |r| {
            let state: String = r.get(2)?;
            Ok(OfTask {
                id: r.get(0)?,
                rank: r.get(1)?,
                state: TaskState::parse(&state).unwrap_or(TaskState::Withdrawn),
                number: r.get(3)?,
                from: r.get(4)?,
                until: r.get(5)?,
            })
        },
    )
}

fn result(
    tx: &mut Tx<'_>,
    draw: &PublicDraw,
    blinded: &str,
    code: &str,
) -> Result<(Told, Option<Visit>), AppError> {
    let mut known = Known {
        state: draw.state,
        drawn: draw.drawn_at.is_some(),
        public: draw.public,
        lot: Lot::NotDrawn,
        since: Since::Nothing,
        issued: false,
        holds_notice: false,
        over: false,
    };
    let Some((lot, object)) = lot(tx, &draw.id, blinded)? else {
        return Ok((decide(&known), None));
    };
    known.lot = lot;
    let task = task_of(tx, &draw.id, &object)?;
    let place = task.as_ref().map_or(0, |t| t.rank + 1);
    known.since = match moved(tx, &draw.id, &object)? {
        None => Since::Nothing,
        Some(false) => Since::Left,
        Some(true) => Since::CameIn(place),
    };
    if let Some(task) = &task {
        known.issued = notices::is_issued(tx, &task.id)?;
        known.holds_notice = !code.is_empty() && notices::code_fits(tx, &task.id, code)?;
        known.over = matches!(task.state, TaskState::Sealed | TaskState::Accepted);
    }
    let told = decide(&known);
    let visit = match (told, task) {
        (Told::Drawn { named, .. }, Some(task)) => Some(visit(tx, &draw.id, &object, task, named)?),
        _ => None,
    };
    Ok((told, visit))
}

fn visit(
    tx: &mut Tx<'_>,
    draw: &str,
    object: &str,
    task: OfTask,
    named: bool,
) -> Result<Visit, AppError> {
    let mut team = Vec::new();
    let mut contact = String::new();
    if named {
        team = task::store::members(tx, &task.id)?;
        team.retain(|m| m.status == "active");
        team.sort_by_key(|m| m.role == "expert");
        let issued = notices::versions(tx, &task.id)?
            .into_iter()
            .find(|n| n.state == crate::draw::notice::Kept::Issued);
        if let Some(issued) = issued {
            let content: NoticeContent =
                serde_json::from_str(&issued.content).map_err(AppError::internal)?;
            contact = content.contact;
        }
    }
    Ok(Visit {
        items: task::store::items(tx, &task.id)?
            .into_iter()
            .map(|i| i.name)
            .collect(),
        visits: visits(tx, draw, object, &task.from)?,
        number: task.number,
        from: task.from,
        until: task.until,
        team,
        contact,
    })
}
