//! Dispatch 派发: from the result of a draw to tasks on tablets (F1).

use ::sync::author::Author;
use ::sync::canonical;
use ::sync::facts::{CheckSheet, Member, ObjectFacts, PastInspection, TaskFacts};
use ::sync::ids::TaskId;
use ::sync::record::{NewChange, RecordDoc};
use ::sync::signing;
use serde_json::json;

use super::store;
use crate::account::Actor;
use crate::db::Tx;
use crate::error::AppError;
use crate::journal;
use crate::state::AppState;
use crate::sync::store as records;
use crate::sync::worker::Summary;

/// What a whole dispatch has in common.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// Id of the draw.
    pub draw: String,
    /// Number of the draw, such as 示例抽查〔2026〕1号.
    pub number: String,
    pub title: String,
    pub department: String,
    pub department_name: String,
    /// China dates between which the visits take place, both included.
    pub from: String,
    pub until: String,
    /// The check sheets of the items, in the version that the draw names.
    pub sheets: Vec<CheckSheet>,
}

/// One drawn object with its drawn team.
#[derive(Debug, Clone)]
pub struct DrawnTask {
    /// Rank in the draw, from 0; the task's number ends in rank + 1.
    pub rank: u32,
    pub object: ObjectFacts,
    pub history: Vec<PastInspection>,
    /// In the order of dealing, the leader first. Keys are filled in from the enrolled tablets.
    pub team: Vec<Member>,
    /// First and last day of this visit, where it has days of its own: the week of a census.
    pub days: Option<(String, String)>,
}

impl DrawnTask {
    /// First and last day of the visit, China dates.
    pub fn days<'d>(&'d self, common: &'d Dispatch) -> (&'d str, &'d str) {
        match &self.days {
            Some((from, until)) => (from, until),
            None => (&common.from, &common.until),
        }
    }
}

/// Makes the tasks of a draw with their record documents, and tells the tablets of the teams.
/// Returns how many were made.
///
/// # Errors
/// When a task of this draw and object exists already: a draw is dispatched once (D6).
pub fn dispatch(
    tx: &mut Tx<'_>,
    state: &AppState,
    actor: &Actor,
    common: &Dispatch,
    drawn: Vec<DrawnTask>,
) -> Result<usize, AppError> {
    let now = state.now();
    let count = drawn.len();
    for one in drawn {
        make(tx, state, common, &one, 1)?;
    }
    let entry = journal::Entry::by(actor, now, "draw.dispatch", format!("draw/{}", common.draw))
        .detail(json!({ "number": common.number, "tasks": count }));
    journal::append(tx, &entry)?;
    Ok(count)
}

/// Makes one task with its record document, and tells the tablets of its team. `turn` counts the
/// objects that stood at this place of the draw, from 1: the drawn one, then those that replaced it.
pub fn make(
    tx: &mut Tx<'_>,
    state: &AppState,
    common: &Dispatch,
    one: &DrawnTask,
    turn: u32,
) -> Result<TaskId, AppError> {
    let now = state.now();
    let task: TaskId = state.new_id().parse().map_err(AppError::internal)?;
    let mut facts = facts_of(common, task, one, turn);
    facts.portal = state.config.public_url.clone();
    store::insert(tx, common, one, &facts, now)?;
    let server = Author::server(state.keys.key());
    let (record, root) =
        RecordDoc::create(&server, &facts, &one.team, now).map_err(AppError::internal)?;
    keep_server_change(tx, state, &record, &server, &root)?;
    for device in records::team_devices(tx, &task.to_string(), "")? {
        records::grant(tx, &device, &task.to_string())?;
    }
    Ok(task)
}

fn facts_of(common: &Dispatch, task: TaskId, one: &DrawnTask, turn: u32) -> TaskFacts {
    let place = format!("{}-{:04}", common.number, one.rank + 1);
    let number = match turn {
        0 | 1 => place,
        later => format!("{place}-{later}"),
    };
    let (from, until) = one.days(common);
    let mut facts = TaskFacts {
        task,
        notice: String::new(),
        number,
        title: common.title.clone(),
        department: common.department.clone(),
        department_name: common.department_name.clone(),
        from: from.to_owned(),
        until: until.to_owned(),
        object: one.object.clone(),
        history: one.history.clone(),
        sheets: common.sheets.clone(),
        portal: None,
    };
    facts.notice = notice_of(&facts, &one.team);
    facts
}

/// The notice of a task with the team as it is.
pub(super) fn notice_of(facts: &TaskFacts, team: &[Member]) -> String {
    let items: Vec<String> = facts.sheets.iter().map(|s| s.name.clone()).collect();
    let team: Vec<(String, String, String)> = team
        .iter()
        .map(|m| (m.unit.clone(), m.name.clone(), m.certificate.clone()))
        .collect();
    super::notice(
        &facts.number,
        &facts.object.name,
        &items,
        &facts.from,
        &facts.until,
        &team,
    )
}

/// Keeps a change that the server itself made in `record`, signed with the server's key, and the
/// record as it is after it. Tells nobody: the caller knows whom.
pub fn keep_server_change(
    tx: &mut Tx<'_>,
    state: &AppState,
    record: &RecordDoc,
    server: &Author,
    change: &NewChange,
) -> Result<i64, AppError> {
    let now = state.now();
    let sig = signing::sign(state.keys.signing(), signing::CHANGE, &change.hash.0);
    let chunk = ::sync::chunk::Chunk::parse(&change.bytes).map_err(AppError::internal)?;
    let logged = records::LoggedChange {
        hash: change.hash,
        author: server.clone(),
        bytes: change.bytes.clone(),
        sig: Some(sig),
        received_at: now,
        via_device: String::new(),
    };
    let task = record.task();
    let ord = records::append_change(tx, &task, &logged, chunk.seq)?;
    let summary =
        serde_json::to_string(&Summary::of(&record.view())).map_err(AppError::internal)?;
    records::save_doc(
        tx,
        &task.to_string(),
        &record.save(),
        &record.heads(),
        &summary,
        now,
    )?;
    Ok(ord)
}

/// Gives a newly enrolled tablet the open tasks of its inspectors, and tells the other tablets of
/// those teams that there is a new key on the roster.
pub fn grant_to_device(tx: &mut Tx<'_>, device: &str, persons: &[String]) -> Result<(), AppError> {
    for task in store::open_tasks_of(tx, persons)? {
        raise_roster(tx, &task)?;
        records::grant(tx, device, &task)?;
        records::tell_team(tx, &task, device, records::FeedKind::Grant, "")?;
    }
    Ok(())
}

/// A tablet is revoked: the other tablets of its inspectors' teams hear that its keys are off the roster,
/// also of tasks that are finished or cancelled, since tablets trust each other by any roster that they hold.
pub fn take_from_device(tx: &mut Tx<'_>, device: &str) -> Result<(), AppError> {
    for task in store::tasks_with_device(tx, device)? {
        raise_roster(tx, &task)?;
        records::tell_team(tx, &task, device, records::FeedKind::Grant, "")?;
    }
    Ok(())
}

fn raise_roster(tx: &mut Tx<'_>, task: &str) -> Result<(), AppError> {
    tx.execute(
        "UPDATE tasks SET roster_version = roster_version + 1 WHERE id = $1",
        &[&task],
    )?;
    Ok(())
}

/// The facts of a task in the one form in which they are stored and sent.
pub(super) fn facts_text(facts: &TaskFacts) -> Result<String, AppError> {
    String::from_utf8(canonical::to_vec(facts)).map_err(AppError::internal)
}
