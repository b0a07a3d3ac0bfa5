//! The list of tasks and one task with its facts (F1).

use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::access::Me;
use super::{Answer, Shared, blocking};

/// Where an inspection stands on this tablet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// Returned by the supervisor with remarks 退回; a new round is open.
    Returned,
    /// Nothing written yet 待办.
    Todo,
    /// Begun 进行中.
    UnderWay,
    /// Signing has begun or nothing is missing any more 待签.
    ToSign,
    /// Signed by all 已封存.
    Sealed,
    /// Accepted by the supervisor 已通过.
    Accepted,
    /// The task was cancelled 已取消: its object is not inspected any more.
    Withdrawn,
    /// The viewer was relieved 已替换; the team goes on without them.
    Relieved,
}

/// How far something is on its way to the server (F7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// On this tablet only.
    OnThisTablet,
    /// Sent, not yet confirmed.
    Sent,
    /// The server's receipt names it, or the server has said that it stores it.
    Confirmed,
    /// Refused for good; `error` says why and what to do.
    Refused,
    /// Not on this tablet, and the server has not said that it has it: on a colleague's.
    Elsewhere,
}

/// An item 抽查事项 of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemName {
    pub item: String,
    pub name: String,
}

/// A member of the drawn team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TeamMember {
    pub person: String,
    pub name: String,
    pub unit: String,
    /// Number of the enforcement certificate 执法证号.
    pub certificate: String,
    /// `leader`, `member` or `expert`.
    pub role: String,
    /// `active` or `relieved`.
    pub status: String,
    pub me: bool,
    /// Has a key slot on this tablet and so can sign here.
    pub can_sign_here: bool,
    /// Has a registered signing key on some tablet.
    pub has_key: bool,
    /// When the member marked their part of this round as finished, ms.
    pub done_at: Option<i64>,
    /// When the member was relieved by the server's clock, ms.
    pub relieved_at: Option<i64>,
}

/// A card of the task list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskCard {
    pub task: String,
    /// Number of the task, such as 市监抽查〔2026〕1号-0007.
    pub number: String,
    pub title: String,
    pub object: String,
    pub address: String,
    pub district: String,
    /// 1e-7 degrees, when known.
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
    pub items: Vec<ItemName>,
    pub team: Vec<TeamMember>,
    /// Last day of the visit, China date.
    pub until: String,
    /// Days from today to `until`; negative when overdue.
    pub days_left: i32,
    pub points_done: u32,
    pub points_total: u32,
    pub state: TaskState,
    pub round: u32,
    /// Remarks of the supervisor that are open in this round.
    pub remarks: u32,
    /// Cells with two different values.
    pub conflicts: u32,
    pub photos: u32,
    pub delivery: Delivery,
    pub unconfirmed_photos: u32,
    /// Clips of video or sound.
    #[serde(default)]
    pub clips: u32,
    #[serde(default)]
    pub unconfirmed_clips: u32,
    /// Recordings on this tablet that were broken off, or are being made.
    #[serde(default)]
    pub recordings: u32,
    /// When the record last changed here, ms.
    pub changed_at: i64,
    /// The object's inspection code (X2).
    #[serde(default)]
    pub code: CodeState,
}

/// How it stands with the inspection code 检查码 of the object (X2).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeState {
    pub entered: bool,
    /// Compared with the object's credit code: `same`, `other` or `unknown`; none while not entered.
    pub compared: Option<String>,
    /// Last China date on which it may be entered; none when it is there, or the visit goes on.
    pub until: Option<String>,
    /// Days from today to `until`; negative when overdue.
    pub days_left: Option<i32>,
    /// It was not scanned before the end of the visit, and the reason is not complete.
    pub reason_missing: bool,
}

/// The list, returned ones first, then by days left.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskList {
    pub rows: Vec<TaskCard>,
    pub total: u32,
    /// How many tasks each state has, before the filter.
    pub counts: Vec<StateCount>,
}

/// Number of tasks in one state.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StateCount {
    pub state: TaskState,
    pub count: u32,
}

/// Filter of the list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
pub struct TaskQuery {
    /// Part of the object's name, address or the number.
    pub q: Option<String>,
    /// Comma-separated states.
    pub state: Option<String>,
    pub offset: Option<u32>,
    /// At most 200; 100 when absent.
    pub limit: Option<u32>,
}

/// The object as the register had it at dispatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectView {
    pub object: String,
    pub name: String,
    pub code: String,
    pub address: String,
    pub district: String,
    pub responsible: String,
    pub contact: String,
    pub industry: String,
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
}

/// What an earlier inspection found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PastInspectionView {
    pub date: String,
    pub department: String,
    pub items: Vec<String>,
    /// Codes of the nine result categories.
    pub results: Vec<String>,
}

/// How a check point is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerKindView {
    /// `compliant`, `non_compliant` or `not_applicable`.
    Verdict,
    Number {
        unit: String,
    },
    Text,
    Choice {
        options: Vec<String>,
    },
}

/// Whether a photo or a note is compulsory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DemandView {
    Never,
    Optional,
    OnNonCompliant,
    Always,
}

/// One line of a check sheet 检查要点.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckPointView {
    pub point: String,
    pub no: u32,
    pub content: String,
    pub basis: String,
    pub requirement: String,
    pub method: String,
    pub answer: AnswerKindView,
    pub photo: DemandView,
    pub note: DemandView,
}

/// The check sheet 检查表 of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckSheetView {
    pub item: String,
    pub name: String,
    pub department: String,
    pub version: u32,
    pub basis: Vec<String>,
    pub points: Vec<CheckPointView>,
}

/// A remark with which the supervisor returned the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RemarkView {
    /// The cell, check point (`point/{item}/{point}`) or "" for the whole record.
    pub path: String,
    pub text: String,
}

/// A round that a return opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoundView {
    pub round: u32,
    pub opened_at: Option<i64>,
    pub remarks: Vec<RemarkView>,
}

/// Everything about a task but its record.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskDetail {
    pub card: TaskCard,
    pub department: String,
    pub department_name: String,
    /// First day of the visit, China date.
    pub from: String,
    /// Text of the notice 抽查通知书.
    pub notice: String,
    pub object: ObjectView,
    pub history: Vec<PastInspectionView>,
    pub sheets: Vec<CheckSheetView>,
    pub rounds: Vec<RoundView>,
}

/// The tasks of the inspector who has unlocked the tablet.
#[utoipa::path(get, path = "/api/tasks", tag = "tasks", params(TaskQuery), responses((status = 200, body = TaskList)))]
pub async fn tasks(
    State(agent): Shared,
    Me(me): Me,
    Query(query): Query<TaskQuery>,
) -> Answer<TaskList> {
    blocking(agent, move |a| a.tasks(&me, &query)).await
}

/// One task: object, history, notice, check sheets with their legal bases, team.
#[utoipa::path(get, path = "/api/tasks/{task}", tag = "tasks", params(("task" = String, Path)),
    responses((status = 200, body = TaskDetail), (status = 404, body = super::Problem)))]
pub async fn task(
    State(agent): Shared,
    Me(me): Me,
    Path(task): Path<String>,
) -> Answer<TaskDetail> {
    blocking(agent, move |a| a.task(&me, &task)).await
}
