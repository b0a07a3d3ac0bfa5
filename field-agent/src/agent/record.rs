//! Reading and writing the record (F2, F5).

use sync::cells::{self, Value, Writer};
use sync::record::Written;

use super::photos::check_point_exists;
use super::tasks::{Circumstances, state_of};
use super::write::{read_only, refuse_cell};
use super::{Agent, Loaded, completeness, labels};
use crate::api::Problem;
use crate::api::fault::CellFault;
use crate::api::problem::FieldProblem;
use crate::api::record::*;
use crate::store::drafts;

/// Most cells in one request.
const MAX_EDITS: usize = 200;

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
            relieved: !person.is_empty() && self.status_of(person) == "relieved",
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

/// Refuses what would put something over a value that the person has not seen (F5): not one of those
/// on screen, and not their own of this tablet, as after an answer that was lost.
fn check_seen(
    record: &Loaded,
    here: &sync::ids::Key,
    me: &str,
    edits: &[Edit],
) -> Result<(), Problem> {
    let unseen = |edit: &&Edit| {
        let standing = record.cell(&edit.path, here).map_or(vec![], |c| c.values);
        edit.seen.as_ref().is_some_and(|seen| {
            let news = |v: &CellValue| {
                let own = v.here && v.person == me;
                !own && v.value != edit.value && !seen.contains(&v.value)
            };
            standing.iter().any(news)
        })
    };
    let fields: Vec<FieldProblem> = edits
        .iter()
        .filter(unseen)
        .map(|edit| FieldProblem {
            field: edit.path.clone(),
            message: WRITTEN_MEANWHILE.into(),
            code: "written_meanwhile".into(),
        })
        .collect();
    if fields.is_empty() {
        return Ok(());
    }
    let mut problem = Problem::conflict("written_meanwhile", WRITTEN_MEANWHILE);
    problem.fields = fields;
    Err(problem)
}

const WRITTEN_MEANWHILE: &str = "同事刚刚在这一栏写了别的内容，没有被覆盖；请看过后再填。";

/// Something is said of a photo or clip only where it is in the record, and of a check point only where it
/// is on a check sheet.
fn check_evidence(record: &Loaded, edit: &Edit) -> Result<(), Problem> {
    let mut parts = edit.path.split('/');
    let (Some(kind @ ("photo" | "clip")), Some(id), Some(field)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Ok(());
    };
    if record.view.text(&format!("{kind}/{id}/sha256")).is_empty() {
        let (code, words) = match kind {
            "photo" => ("no_such_photo", "记录里没有这张照片。"),
            _ => ("no_such_clip", "记录里没有这段录像或录音。"),
        };
        return Err(Problem::field(code, &edit.path, words));
    }
    match (field, &edit.value) {
        ("point", Scalar::Str(point)) => check_point_exists(record, &edit.path, point),
        _ => Ok(()),
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
            .find(|e| e.path.starts_with("done/") || file_fact(&e.path));
        if let Some(edit) = protected {
            return Err(refuse_cell(&edit.path, CellFault::NotYours, ""));
        }
        self.write_seen(me, task, request.edits)
    }

    pub(super) fn write_cells(
        &self,
        me: &str,
        task: &str,
        edits: Vec<(String, Value)>,
    ) -> Result<EditAnswer, Problem> {
        let edits = edits.into_iter().map(|(path, value)| Edit {
            path,
            value: to_scalar(&value),
            seen: None,
        });
        self.write_seen(me, task, edits.collect())
    }

    /// Writes cells, and none of them when somebody else wrote one that the person has not seen.
    fn write_seen(&self, me: &str, task: &str, edits: Vec<Edit>) -> Result<EditAnswer, Problem> {
        let now = self.now();
        let paths: Vec<String> = edits.iter().map(|e| e.path.clone()).collect();
        let values: Vec<(String, Value)> = edits
            .iter()
            .map(|e| (e.path.clone(), to_value(e.value.clone())))
            .collect();
        let answer = self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let record = open.record(id)?;
            (edits.iter()).try_for_each(|edit| check_evidence(record, edit))?;
            check_seen(record, &here, me, &edits)?;
            let around = open.write(me, id, now, values, |db| {
                edits.iter().try_for_each(|edit| {
                    drafts::saved(db, me, task, &edit.path, &edit.value.to_string())
                })
            })?;
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
        let SettleRequest { path, value, seen } = request;
        self.write_seen(me, task, vec![Edit { path, value, seen }])
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
}

/// Cells of a photo or clip that describe its bytes; only adding it writes them.
fn file_fact(path: &str) -> bool {
    cells::find(path).is_ok_and(|cell| cell.is_written_once())
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
