//! The one way in which cells are written: checked, committed, and only then answered.

use sync::cells::{CellError, Value};
use sync::chunk::MAX_CHANGE_BYTES;
use sync::ids::TaskId;
use sync::record::RecordError;

use super::tasks::{Circumstances, state_of};
use super::{Loaded, Open, no_such_task, storage};
use crate::api::Problem;
use crate::api::fault::{CellFault, Fault};
use crate::api::problem::FieldProblem;
use crate::store::changes::{self, NewRow};
use crate::store::delivery;

/// Text of one change is kept below half of what admission takes.
const MAX_CHANGE_TEXT: usize = MAX_CHANGE_BYTES / 2;

fn bad_cell(error: &CellError) -> Problem {
    let (path, detail) = match error {
        CellError::BadValue { path, expected } => (path, expected.as_str()),
        CellError::NoSuchCell(path)
        | CellError::NotYours { path, .. }
        | CellError::WrittenOnce { path }
        | CellError::NotInForm { path } => (path, ""),
    };
    refuse_cell(path, error.into(), detail)
}

pub(super) fn refuse_cell(path: &str, fault: CellFault, detail: &str) -> Problem {
    let mut problem = Problem::field("bad_cell", path, fault.words(detail));
    for field in &mut problem.fields {
        field.code = fault.code();
    }
    problem
}

fn record_problem(error: RecordError) -> Problem {
    match error {
        RecordError::Cell(cell) => bad_cell(&cell),
        other => Problem::internal(&other),
    }
}

/// Answers must be such as the check sheet has; an empty one takes the answer back.
fn check_answer(record: &Loaded, path: &str, value: &Value) -> Result<(), Problem> {
    let parts: Vec<&str> = path.split('/').collect();
    let ["point", item, point, "answer"] = parts.as_slice() else {
        return Ok(());
    };
    let Some(text) = value.as_str().filter(|t| !t.is_empty()) else {
        return Ok(());
    };
    let sheet = record.facts.sheets.iter().find(|s| s.item == *item);
    match sheet.and_then(|s| s.point(point)) {
        Some(p) if !p.accepts(text) => Err(refuse_cell(path, CellFault::NoSuchAnswer, "")),
        _ => Ok(()),
    }
}

/// Why nothing can be written now.
pub(super) fn read_only(record: &Loaded, around: &Circumstances, me: &str) -> Option<&'static str> {
    use crate::api::tasks::TaskState;
    if record.status_of(me) == "relieved" {
        return Some("not_on_team");
    }
    if around.sign_off.is_some() && around.seal(record).is_err() {
        return Some("signing");
    }
    match state_of(record, around) {
        TaskState::Withdrawn => Some("withdrawn"),
        TaskState::Accepted => Some("accepted"),
        TaskState::Sealed => Some("sealed"),
        _ => None,
    }
}

pub(super) fn refuse_read_only(reason: &str) -> Problem {
    let text = match reason {
        "signing" => "正在签字，记录已锁定；要修改请先放弃本次签字。",
        "sealed" => "记录已封存，不能再修改。",
        "accepted" => "记录已审核通过，不能再修改。",
        "withdrawn" => "任务已取消，不能再修改；已经记录的内容仍保存在本机和服务器。",
        _ => "您已被替换，不再参加这次检查，不能修改记录；您此前记录的内容以您的名义保留。",
    };
    let mut problem = Problem::conflict("read_only", text);
    problem.fields.push(FieldProblem {
        field: "reason".into(),
        message: reason.into(),
        code: reason.into(),
    });
    problem
}

impl Open {
    /// Writes cells as `me`, with `also` in the same transaction. When it returns, all is on disk;
    /// when it fails, nothing is, and the record is read again from the log. Returns what stands beside
    /// the cells.
    pub(super) fn write(
        &mut self,
        me: &str,
        id: TaskId,
        now: i64,
        edits: Vec<(String, Value)>,
        also: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()>,
    ) -> Result<Circumstances, Problem> {
        let written = self.try_write(me, id, now, edits, also);
        if written.is_err() {
            // The document in memory may be ahead of the disk now.
            self.records.remove(&id);
        }
        written
    }

    fn try_write(
        &mut self,
        me: &str,
        id: TaskId,
        now: i64,
        edits: Vec<(String, Value)>,
        also: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()>,
    ) -> Result<Circumstances, Problem> {
        let task = id.to_string();
        let around = Circumstances::of(&self.db, &task)?;
        let (author, here) = (self.author(me), self.device_key());
        let record = self.record(id)?;
        if let Some(reason) = read_only(record, &around, me) {
            // The inspection code may be entered for ten days after the check, also when all have
            // signed: such a change stands beside the seal (X2).
            let only_code = edits.iter().all(|(path, _)| path.starts_with("code/"));
            if !(only_code && matches!(reason, "sealed" | "accepted")) {
                return Err(refuse_read_only(reason));
            }
        }
        for (path, value) in &edits {
            check_answer(record, path, value)?;
        }
        let mut written = Vec::new();
        for part in in_parts(edits) {
            written.extend(
                record
                    .doc
                    .edit(&author, now, &part)
                    .map_err(record_problem)?,
            );
        }
        if written.iter().any(|c| c.bytes.len() > MAX_CHANGE_BYTES) {
            return Err(Problem::field(
                "too_long",
                "value",
                "内容太长，请分几次填写。",
            ));
        }
        let actor = author.actor(&id).to_hex_string();
        record.view = record.doc.view();
        record.authors.insert(actor.clone(), author.clone());
        let record = self.records.get(&id).ok_or_else(no_such_task)?;
        let tx = self.db.unchecked_transaction().map_err(storage)?;
        for change in &written {
            let row = NewRow {
                task: &task,
                hash: change.hash,
                author: &author,
                actor: &actor,
                bytes: &change.bytes,
                sig: None,
                delivery: delivery::HERE,
                at: now,
            };
            changes::append(&tx, &row).map_err(storage)?;
        }
        also(&tx).map_err(storage)?;
        if !written.is_empty() {
            Open::write_card_of(&tx, record, &around, &here, now)?;
        }
        // A crash before this line leaves nothing, after it everything.
        tx.commit().map_err(storage)?;
        Ok(around)
    }
}

/// Cuts edits into changes that admission takes.
fn in_parts(edits: Vec<(String, Value)>) -> Vec<Vec<(String, Value)>> {
    let mut parts = vec![Vec::new()];
    let mut size = 0;
    for edit in edits {
        let length = edit.0.len() + edit.1.as_str().map_or(8, str::len);
        if size + length > MAX_CHANGE_TEXT && size > 0 {
            parts.push(Vec::new());
            size = 0;
        }
        size += length;
        if let Some(last) = parts.last_mut() {
            last.push(edit);
        }
    }
    parts.retain(|p| !p.is_empty());
    parts
}
