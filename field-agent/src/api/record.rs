//! The record: cells, edits, entries, conflicts, what is missing (F2, F5).

use std::collections::BTreeMap;
use std::fmt;

use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{Body, Me};
use super::tasks::TaskState;
use super::{Answer, Shared, blocking};

/// The value of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Scalar {
    Bool(bool),
    Int(i64),
    Str(String),
}

/// As a draft holds it.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(value) => value.fmt(f),
            Scalar::Int(value) => value.fmt(f),
            Scalar::Str(value) => value.fmt(f),
        }
    }
}

/// One value of a cell, by whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CellValue {
    pub value: Scalar,
    /// Id of the author; `server` for what came with the task.
    pub person: String,
    /// Name of the author.
    pub name: String,
    /// The author's tablet's clock when it was written, ms.
    pub at: i64,
    /// Written on this tablet.
    pub here: bool,
    /// The author was relieved since; what they wrote stays under their name (X5).
    pub relieved: bool,
}

/// A cell: the first value is the one shown; more than one different value is a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cell {
    pub values: Vec<CellValue>,
    /// Two different values stand side by side and must be settled before signing.
    pub conflict: bool,
}

/// A step of the record, in the order of the left rail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Certificates shown, start, place, method.
    Arrival,
    /// Check points of every item.
    Points,
    /// Documents, statements, samples, costs, witnesses.
    Evidence,
    /// No fee charged, result categories per item.
    Result,
    /// Handling opinion and the party's opinion, end of the visit.
    Opinion,
    /// Party and inspectors sign.
    SignOff,
}

/// How complete a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepProgress {
    pub step: Step,
    pub done: u32,
    pub total: u32,
    pub conflicts: u32,
}

/// Progress over all check points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    pub points_done: u32,
    pub points_total: u32,
    /// `item/point` of the next open check point.
    pub next_open_point: Option<String>,
    pub steps: Vec<StepProgress>,
    pub conflicts: u32,
}

/// The record as it stands on this tablet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    pub task: String,
    pub state: TaskState,
    /// Number of the open round, from 1.
    pub round: u32,
    /// Why nothing can be written now (`sealed`, `signing`, `not_on_team`, …), if so.
    pub read_only: Option<String>,
    /// Hashes of the newest changes, 64 hex digits each.
    pub heads: Vec<String>,
    /// Cells that team members write, by path.
    pub cells: BTreeMap<String, Cell>,
    pub progress: Progress,
}

/// Cells to write.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EditRequest {
    /// At most 200.
    pub edits: Vec<Edit>,
}

/// One cell and its new value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Edit {
    /// Such as `point/I-01/p3/answer`.
    pub path: String,
    pub value: Scalar,
    /// The values of the cell that the person had on screen. Should somebody else's other value stand
    /// there by now, nothing is written. Left out: whatever stands there is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Vec<Scalar>>,
}

/// Answer to an edit: it is on disk.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EditAnswer {
    pub heads: Vec<String>,
    /// The cells that were written, as they now stand.
    pub cells: BTreeMap<String, Cell>,
    pub progress: Progress,
    pub state: TaskState,
}

/// Kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A document consulted: `title`, `note`.
    Document,
    /// A statement: `speaker`, `capacity`, `text`.
    Statement,
    /// A sample: `name`, `quantity`, `note`.
    Sample,
    /// A third-party cost: `entrusted_by`, `purpose`, `amount_fen`.
    Cost,
    /// A witness at the visit: `name`, `capacity`, `ink` (JSON of strokes).
    Witness,
}

/// An entry to add.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewEntry {
    pub kind: EntryKind,
    /// The fields of the kind.
    pub fields: BTreeMap<String, Scalar>,
}

/// An entry of the record. Its cells are `{kind}/{entry}/{field}` and are changed like any cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntryView {
    /// 16 hex digits.
    pub entry: String,
    pub kind: EntryKind,
    pub fields: BTreeMap<String, Scalar>,
    pub withdrawn: bool,
    pub person: String,
    pub name: String,
    pub at: i64,
}

/// The entries, in the order in which they were added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EntryList {
    pub rows: Vec<EntryView>,
    pub total: u32,
}

/// Where a missing thing is to be found on screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    pub step: Step,
    pub path: Option<String>,
    pub item: Option<String>,
    pub point: Option<String>,
    pub photo: Option<String>,
    pub person: Option<String>,
}

/// Something that stands in the way of signing, or that should be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Missing {
    /// Stable: `answer_missing`, `note_missing`, `photo_missing`, `arrival_missing`, `place_missing`,
    /// `result_missing`, `fee_missing`, `opinion_missing`, `end_missing`, `conflict`, `photo_not_here`,
    /// `member_not_done`, `dependency_missing`, `clock_off`, `code_missing`, `code_other`.
    pub code: String,
    /// What to do, in Chinese.
    pub text: String,
    /// Signing is refused while it stands; otherwise it is only a warning.
    pub blocks: bool,
    pub place: Place,
}

/// The list before signing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MissingList {
    pub rows: Vec<Missing>,
    pub total: u32,
    /// Nothing blocks: signing can begin.
    pub can_sign: bool,
}

/// A conflict to be settled: which of the values is right, or a new one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SettleRequest {
    pub path: String,
    pub value: Scalar,
    /// See [`Edit::seen`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Vec<Scalar>>,
}

/// A cell whose value two people wrote differently.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConflictView {
    pub path: String,
    /// The cell's name in Chinese, such as 检查要点 3 · 答案.
    pub label: String,
    pub values: Vec<CellValue>,
    pub place: Place,
}

/// All conflicts of a record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ConflictList {
    pub rows: Vec<ConflictView>,
    pub total: u32,
}

/// One line of a record's history.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HistoryRow {
    pub path: String,
    pub label: String,
    pub value: Scalar,
    pub person: String,
    pub name: String,
    pub at: i64,
}

/// Who wrote what when, newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HistoryList {
    pub rows: Vec<HistoryRow>,
    pub total: u32,
}

/// The record with every cell, its authors, and how complete each step is.
#[utoipa::path(get, path = "/api/tasks/{task}/record", tag = "record", params(("task" = String, Path)),
    responses((status = 200, body = RecordView), (status = 404, body = super::Problem)))]
pub async fn record(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<RecordView> {
    blocking(agent, move |a| a.record(&me, &task)).await
}

/// Writes cells. When the answer arrives they are on disk (F8, lesson 10).
#[utoipa::path(patch, path = "/api/tasks/{task}/cells", tag = "record", params(("task" = String, Path)), request_body = EditRequest,
    responses((status = 200, body = EditAnswer), (status = 409, description = "`read_only`; `written_meanwhile` with `fields`: see `Edit.seen`", body = super::Problem),
        (status = 422, description = "`bad_cell` with `fields`", body = super::Problem)))]
pub async fn edit(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Body(request): Body<EditRequest>,
) -> Answer<EditAnswer> {
    blocking(agent, move |a| a.edit(&me, &task, request)).await
}

/// The entries of the record.
#[utoipa::path(get, path = "/api/tasks/{task}/entries", tag = "record", params(("task" = String, Path)),
    responses((status = 200, body = EntryList)))]
pub async fn entries(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<EntryList> {
    blocking(agent, move |a| a.entries(&me, &task)).await
}

/// Adds a document, statement, sample, cost or witness.
#[utoipa::path(post, path = "/api/tasks/{task}/entries", tag = "record", params(("task" = String, Path)), request_body = NewEntry,
    responses((status = 200, body = EntryView), (status = 422, body = super::Problem)))]
pub async fn add_entry(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Body(request): Body<NewEntry>,
) -> Answer<EntryView> {
    blocking(agent, move |a| a.add_entry(&me, &task, request)).await
}

/// Withdraws an entry; it stays in the history.
#[utoipa::path(delete, path = "/api/tasks/{task}/entries/{kind}/{entry}", tag = "record",
    params(("task" = String, Path), ("kind" = EntryKind, Path), ("entry" = String, Path)),
    responses((status = 200, body = EntryView), (status = 404, body = super::Problem)))]
pub async fn withdraw_entry(
    State(agent): Shared,
    Me(me): Me,
    Path((task, kind, entry)): Path<(String, EntryKind, String)>,
) -> Answer<EntryView> {
    blocking(agent, move |a| a.withdraw_entry(&me, &task, kind, &entry)).await
}

/// What is missing before signing, each with the place it leads to.
#[utoipa::path(get, path = "/api/tasks/{task}/missing", tag = "record", params(("task" = String, Path)),
    responses((status = 200, body = MissingList)))]
pub async fn missing(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<MissingList> {
    blocking(agent, move |a| a.missing(&me, &task)).await
}

/// Cells that two people wrote differently.
#[utoipa::path(get, path = "/api/tasks/{task}/conflicts", tag = "record", params(("task" = String, Path)),
    responses((status = 200, body = ConflictList)))]
pub async fn conflicts(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<ConflictList> {
    blocking(agent, move |a| a.conflicts(&me, &task)).await
}

/// Settles a conflict: the value replaces all others, which stay in the history.
#[utoipa::path(post, path = "/api/tasks/{task}/conflicts/settle", tag = "record", params(("task" = String, Path)), request_body = SettleRequest,
    responses((status = 200, body = EditAnswer), (status = 409, description = "`no_conflict`", body = super::Problem)))]
pub async fn settle(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
    Body(request): Body<SettleRequest>,
) -> Answer<EditAnswer> {
    blocking(agent, move |a| a.settle(&me, &task, request)).await
}

/// Who wrote what when.
#[utoipa::path(get, path = "/api/tasks/{task}/history", tag = "record", params(("task" = String, Path)),
    responses((status = 200, body = HistoryList)))]
pub async fn history(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<HistoryList> {
    blocking(agent, move |a| a.history(&me, &task)).await
}

/// Marks my part of this round as finished (design §5), so that a colleague can close the record.
#[utoipa::path(post, path = "/api/tasks/{task}/done", tag = "record", params(("task" = String, Path)),
    responses((status = 200, body = EditAnswer)))]
pub async fn done(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<EditAnswer> {
    blocking(agent, move |a| a.done(&me, &task)).await
}
