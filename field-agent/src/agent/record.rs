//! Reading and writing the record (F2, F5).

use std::collections::BTreeMap;

use sync::cells::{self, CellError, Value, Writer};
use sync::chunk::MAX_CHANGE_BYTES;
use sync::ids::TaskId;
use sync::record::{RecordError, Written};

use super::tasks::{Circumstances, state_of};
use super::{Agent, Loaded, Open, completeness, labels, no_such_task, storage};
use crate::api::Problem;
use crate::api::problem::FieldProblem;
use crate::api::record::*;
use crate::store::changes::{self, NewRow};
use crate::store::delivery;

/// Most cells in one request.
const MAX_EDITS: usize = 200;
/// Text of one change is kept below half of what admission takes.
const MAX_CHANGE_TEXT: usize = MAX_CHANGE_BYTES / 2;

pub(super) fn to_value(scalar: Scalar) -> Value {
    match scalar {
        Scalar::Bool(b) => Value::Bool(b),
        Scalar::Int(i) => Value::Int(i),
        Scalar::Str(s) => Value::Str(s),
    }
}

pub(super) fn to_scalar(value: &Value) -> Scalar {
    match value {
        Value::Bool(b) => Scalar::Bool(*b),
        Value::Int(i) => Scalar::Int(*i),
        Value::Str(s) => Scalar::Str(s.clone()),
    }
}

fn bad_cell(error: &CellError) -> Problem {
    let (path, text) = match error {
        CellError::NoSuchCell(path) => (path, "记录里没有这一栏。".to_owned()),
        CellError::BadValue { path, expected } => (path, format!("内容不符合要求（{expected}）。")),
        CellError::NotYours { path, .. } => (path, "这一栏不能由您填写。".to_owned()),
        CellError::NotInForm { path } => (path, "检查表里没有这个项目或检查要点。".to_owned()),
    };
    Problem::field("bad_cell", path.as_str(), text)
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
        Some(p) if !p.accepts(text) => Err(Problem::field(
            "bad_cell",
            path,
            "答案不在这个检查要点允许的范围内。",
        )),
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
        "withdrawn" => "任务已撤回，不能再修改。",
        _ => "您已不在检查组内，不能修改记录。",
    };
    let mut problem = Problem::conflict("read_only", text);
    problem.fields.push(FieldProblem {
        field: "reason".into(),
        message: reason.into(),
    });
    problem
}

impl Open {
    /// Writes cells as `me`, with `also` in the same transaction. When it returns, all is on disk;
    /// when it fails, nothing is, and the record is read again from the log.
    pub(super) fn write(
        &mut self,
        me: &str,
        id: TaskId,
        now: i64,
        edits: Vec<(String, Value)>,
        also: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()>,
    ) -> Result<(), Problem> {
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
    ) -> Result<(), Problem> {
        let task = id.to_string();
        let around = Circumstances::of(&self.db, &task)?;
        let (author, here) = (self.author(me), self.device_key());
        let record = self.record(id)?;
        if let Some(reason) = read_only(record, &around, me) {
            return Err(refuse_read_only(reason));
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
            Open::write_card(&tx, record, &here, now)?;
        }
        // A crash before this line leaves nothing, after it everything.
        tx.commit().map_err(storage)
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

impl Loaded {
    fn cell_value(&self, written: &Written, here: &sync::ids::Key) -> CellValue {
        let author = self.authors.get(&written.actor);
        let person = self.person_of(&written.actor);
        CellValue {
            value: to_scalar(&written.value),
            person: if person.is_empty() {
                "server".into()
            } else {
                person.to_owned()
            },
            name: self.name_of(person),
            at: written.at,
            here: author.is_some_and(|a| a.device == *here),
        }
    }

    pub(super) fn cell(&self, path: &str, here: &sync::ids::Key) -> Option<Cell> {
        let written = self.view.cells.get(path)?;
        let mut values: Vec<CellValue> = Vec::new();
        for w in written {
            let value = self.cell_value(w, here);
            if !values.iter().any(|v| v.value == value.value) {
                values.push(value);
            }
        }
        Some(Cell {
            conflict: values.len() > 1,
            values,
        })
    }
}

fn written_by_members(path: &str) -> bool {
    cells::find(path).is_ok_and(|cell| cell.writer != Writer::Server)
}

impl Agent {
    /// The record as it stands here.
    pub fn record(&self, me: &str, task: &str) -> Result<RecordView, Problem> {
        self.with_record(me, task, |open, id| {
            let around = Circumstances::of(&open.db, task)?;
            let here = open.device_key();
            let record = open.record(id)?;
            let paths = record.view.cells.keys().filter(|p| written_by_members(p));
            Ok(RecordView {
                task: task.to_owned(),
                state: state_of(record, &around),
                round: record.view.round(),
                read_only: read_only(record, &around, me).map(str::to_owned),
                heads: record.doc.heads().iter().map(ToString::to_string).collect(),
                cells: paths
                    .filter_map(|p| Some((p.clone(), record.cell(p, &here)?)))
                    .collect(),
                progress: progress_of(record, &around),
            })
        })
    }

    /// Writes cells; when it returns they are on disk.
    pub fn edit(&self, me: &str, task: &str, request: EditRequest) -> Result<EditAnswer, Problem> {
        if request.edits.is_empty() || request.edits.len() > MAX_EDITS {
            return Err(Problem::field(
                "bad_edits",
                "edits",
                format!("一次应填写 1 至 {MAX_EDITS} 栏。"),
            ));
        }
        let protected = request
            .edits
            .iter()
            .find(|e| e.path.starts_with("done/") || photo_fact(&e.path));
        if let Some(edit) = protected {
            return Err(Problem::field(
                "bad_cell",
                edit.path.as_str(),
                "这一栏由平板自动填写。",
            ));
        }
        let edits = request
            .edits
            .into_iter()
            .map(|e| (e.path, to_value(e.value)))
            .collect();
        self.write_cells(me, task, edits)
    }

    pub(super) fn write_cells(
        &self,
        me: &str,
        task: &str,
        edits: Vec<(String, Value)>,
    ) -> Result<EditAnswer, Problem> {
        let now = self.now();
        let paths: Vec<String> = edits.iter().map(|(path, _)| path.clone()).collect();
        let answer = self.with_record(me, task, |open, id| {
            open.write(me, id, now, edits, |_| Ok(()))?;
            let around = Circumstances::of(&open.db, task)?;
            let here = open.device_key();
            let record = open.record(id)?;
            Ok(EditAnswer {
                heads: record.doc.heads().iter().map(ToString::to_string).collect(),
                cells: paths
                    .into_iter()
                    .filter_map(|p| Some((p.clone(), record.cell(&p, &here)?)))
                    .collect(),
                progress: progress_of(record, &around),
                state: state_of(record, &around),
            })
        })?;
        self.touch();
        self.wake_sync();
        Ok(answer)
    }

    /// Cells with two different values.
    pub fn conflicts(&self, me: &str, task: &str) -> Result<ConflictList, Problem> {
        self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let record = open.record(id)?;
            let rows: Vec<ConflictView> = record
                .view
                .conflicts()
                .into_iter()
                .filter_map(|path| {
                    Some(ConflictView {
                        path: path.to_owned(),
                        label: labels::cell(path, &record.facts, &record.view),
                        values: record.cell(path, &here)?.values,
                        place: labels::place(path),
                    })
                })
                .collect();
            Ok(ConflictList {
                total: rows.len() as u32,
                rows,
            })
        })
    }

    /// Settles a conflict; the other values stay in the history.
    pub fn settle(
        &self,
        me: &str,
        task: &str,
        request: SettleRequest,
    ) -> Result<EditAnswer, Problem> {
        self.with_record(me, task, |open, id| {
            let record = open.record(id)?;
            if record.view.conflicts().contains(&request.path.as_str()) {
                Ok(())
            } else {
                Err(Problem::conflict(
                    "no_conflict",
                    "这一栏没有（或已经没有）不同的填写。",
                ))
            }
        })?;
        self.write_cells(me, task, vec![(request.path, to_value(request.value))])
    }

    /// Marks my part of the round as finished.
    pub fn done(&self, me: &str, task: &str) -> Result<EditAnswer, Problem> {
        let now = self.now();
        let round = self.with_record(me, task, |open, id| Ok(open.record(id)?.view.round()))?;
        self.write_cells(
            me,
            task,
            vec![(format!("done/{round}/{me}"), Value::Int(now))],
        )
    }

    /// Who wrote what when, newest first.
    pub fn history(&self, me: &str, task: &str) -> Result<HistoryList, Problem> {
        self.with_record(me, task, |open, id| {
            let record = open.record(id)?;
            let mut rows = Vec::new();
            for entry in record.doc.history().iter().rev() {
                let person = record.person_of(&entry.actor);
                for put in entry.puts.iter().filter(|p| written_by_members(&p.path)) {
                    rows.push(HistoryRow {
                        path: put.path.clone(),
                        label: labels::cell(&put.path, &record.facts, &record.view),
                        value: to_scalar(&put.value),
                        person: person.to_owned(),
                        name: record.name_of(person),
                        at: entry.at,
                    });
                }
            }
            Ok(HistoryList {
                total: rows.len() as u32,
                rows,
            })
        })
    }

    /// The entries of the record, in the order in which they were added.
    pub fn entries(&self, me: &str, task: &str) -> Result<EntryList, Problem> {
        self.with_record(me, task, |open, id| {
            let record = open.record(id)?;
            let mut rows: Vec<EntryView> = KINDS
                .iter()
                .flat_map(|kind| entries_of(record, *kind))
                .collect();
            rows.sort_by(|a, b| (a.at, &a.entry).cmp(&(b.at, &b.entry)));
            Ok(EntryList {
                total: rows.len() as u32,
                rows,
            })
        })
    }

    /// Adds an entry.
    pub fn add_entry(&self, me: &str, task: &str, request: NewEntry) -> Result<EntryView, Problem> {
        let kind = word(request.kind);
        if request.fields.is_empty() || request.fields.keys().any(|f| f == "withdrawn") {
            return Err(Problem::field("bad_entry", "fields", "请填写内容。"));
        }
        let entry = self.entry_id();
        let edits = request
            .fields
            .into_iter()
            .map(|(f, v)| (format!("{kind}/{entry}/{f}"), to_value(v)))
            .collect();
        self.write_cells(me, task, edits)?;
        self.entry(me, task, request.kind, &entry)
    }

    /// Withdraws an entry; it stays in the history.
    pub fn withdraw_entry(
        &self,
        me: &str,
        task: &str,
        kind: EntryKind,
        entry: &str,
    ) -> Result<EntryView, Problem> {
        self.entry(me, task, kind, entry)?;
        self.write_cells(
            me,
            task,
            vec![(
                format!("{}/{entry}/withdrawn", word(kind)),
                Value::Bool(true),
            )],
        )?;
        self.entry(me, task, kind, entry)
    }

    fn entry(
        &self,
        me: &str,
        task: &str,
        kind: EntryKind,
        entry: &str,
    ) -> Result<EntryView, Problem> {
        let found = self.with_record(me, task, |open, id| {
            Ok(entries_of(open.record(id)?, kind)
                .into_iter()
                .find(|e| e.entry == entry))
        })?;
        found.ok_or_else(|| Problem::not_found("no_such_entry", "记录里没有这一条。"))
    }
}

const KINDS: [EntryKind; 5] = [
    EntryKind::Document,
    EntryKind::Statement,
    EntryKind::Sample,
    EntryKind::Cost,
    EntryKind::Witness,
];

fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Document => "document",
        EntryKind::Statement => "statement",
        EntryKind::Sample => "sample",
        EntryKind::Cost => "cost",
        EntryKind::Witness => "witness",
    }
}

fn entries_of(record: &Loaded, kind: EntryKind) -> Vec<EntryView> {
    let kind_word = word(kind);
    let view = |entry: &str| {
        let prefix = format!("{kind_word}/{entry}/");
        let cells = record
            .view
            .cells
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix));
        let mut fields = BTreeMap::new();
        let mut first: Option<&Written> = None;
        for (path, written) in cells {
            let Some(shown) = written.first() else {
                continue;
            };
            if first.is_none_or(|f| shown.at < f.at) {
                first = Some(shown);
            }
            fields.insert(path[prefix.len()..].to_owned(), to_scalar(&shown.value));
        }
        let withdrawn = fields.remove("withdrawn") == Some(Scalar::Bool(true));
        let person = first.map_or("", |w| record.person_of(&w.actor));
        EntryView {
            entry: entry.to_owned(),
            kind,
            fields,
            withdrawn,
            person: person.to_owned(),
            name: record.name_of(person),
            at: first.map_or(0, |w| w.at),
        }
    };
    record
        .view
        .entries(kind_word)
        .into_iter()
        .map(view)
        .collect()
}

/// Cells of a photo that describe its bytes; only adding a photo writes them.
fn photo_fact(path: &str) -> bool {
    path.starts_with("photo/")
        && !matches!(
            path.rsplit('/').next(),
            Some("caption" | "point" | "withdrawn")
        )
}

pub(super) fn progress_of(record: &Loaded, around: &Circumstances) -> Progress {
    let signers = record.signers();
    let signed = match around.seal(record) {
        Ok(_) => signers.len(),
        Err(missing) => {
            let open = missing
                .iter()
                .filter(|m| matches!(m, sync::signoff::Missing::Signature { .. }))
                .count();
            signers.len().saturating_sub(open)
        }
    };
    completeness::progress(
        &record.facts,
        &record.view,
        signed as u32,
        signers.len() as u32,
    )
}
