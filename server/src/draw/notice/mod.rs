//! The notice 检查通知书 (X1): what an object is told before the visit. One person asks for it, another
//! issues it, and what it said then is kept word for word. Until it is issued, or the whole transcript is
//! public, nothing outside the office says that the object was drawn.

mod compose;
mod routes;
pub mod store;
mod visits;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub use visits::{Visits, visits};

use crate::error::AppError;
use crate::state::AppState;
use crate::task::TaskState;

/// The routes of notices.
pub fn router() -> OpenApiRouter<AppState> {
    routes::router()
}

/// What was done about the newest version of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Waits for somebody else.
    Asked,
    /// 已签发
    Issued,
    /// 退回
    Refused,
}

impl Kept {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Issued => "issued",
            Self::Refused => "refused",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Asked, Self::Issued, Self::Refused]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// Where the notice of a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeState {
    /// 未申请
    None,
    /// 待签发
    Asked,
    /// 已签发
    Issued,
    /// 已退回
    Refused,
    /// 须重新签发: the team has changed since it was asked for.
    Outdated,
}

impl NoticeState {
    /// All, in the order of the work.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Asked,
        Self::Issued,
        Self::Refused,
        Self::Outdated,
    ];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Asked => "asked",
            Self::Issued => "issued",
            Self::Refused => "refused",
            Self::Outdated => "outdated",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// Where a notice stands, by its newest version and whether the team has changed since.
pub const fn standing(newest: Option<Kept>, changed: bool) -> NoticeState {
    match (newest, changed) {
        (None, _) => NoticeState::None,
        (Some(Kept::Refused), _) => NoticeState::Refused,
        (Some(_), true) => NoticeState::Outdated,
        (Some(Kept::Asked), false) => NoticeState::Asked,
        (Some(Kept::Issued), false) => NoticeState::Issued,
    }
}

/// What somebody wants to do with a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// 申请签发
    Ask,
    /// 签发
    Issue,
    /// 退回
    Refuse,
}

/// Whether it can be done now (X1: 审批 before 通知 before 实施).
///
/// # Errors
/// Why not.
pub fn decide(
    act: Act,
    newest: Option<Kept>,
    changed: bool,
    task: TaskState,
) -> Result<(), AppError> {
    if !matches!(task, TaskState::Dispatched | TaskState::Returned) && act != Act::Refuse {
        let text = "检查已经完成或者取消，不再签发通知书";
        return Err(AppError::conflict("task_over", text));
    }
    let (code, text) = match (act, newest, changed) {
        (Act::Ask, Some(Kept::Asked), false) => ("notice_asked", "通知书已申请，正等待签发"),
        (Act::Ask, Some(Kept::Issued), false) => ("notice_issued", "通知书已经签发"),
        (Act::Ask, ..) => return Ok(()),
        (Act::Issue, Some(Kept::Asked), true) => {
            ("team_changed", "申请之后检查人员有了变动，请重新申请签发")
        }
        (Act::Issue | Act::Refuse, Some(Kept::Asked), _) => return Ok(()),
        (Act::Issue | Act::Refuse, ..) => ("notice_not_asked", "通知书没有在等待签发"),
    };
    Err(AppError::conflict(code, text))
}

/// An item of the visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeItem {
    /// Name.
    pub name: String,
    /// Legal bases.
    pub basis: Vec<String>,
}

/// Somebody who comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeMember {
    /// Name.
    pub name: String,
    /// Unit.
    pub unit: String,
    /// Number of the certificate; of experts empty.
    pub certificate: String,
    /// `leader`, `member` or `expert`.
    pub role: String,
}

/// The draw from which a visit comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeDraw {
    /// Id.
    pub id: String,
    /// Number.
    pub number: String,
    /// SHA-256 of the manifest.
    pub commitment: String,
    /// When it was drawn.
    pub drawn_at: i64,
    /// Place of the object in the draw, from 1.
    pub rank: u32,
}

/// What was drawn, as far as an object is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoticeMode {
    /// Object and team.
    Double,
    /// Only the object.
    Objects,
    /// Only the team.
    Inspectors,
    /// Team, order and week; all objects are inspected.
    Census {
        /// The law that prescribes it.
        basis: String,
    },
}

impl NoticeMode {
    /// The mode of a draw.
    pub fn of(mode: &::draw::Mode) -> Self {
        match mode {
            ::draw::Mode::Double => Self::Double,
            ::draw::Mode::Objects { .. } => Self::Objects,
            ::draw::Mode::Inspectors { .. } => Self::Inspectors,
            ::draw::Mode::Census { basis, .. } => Self::Census {
                basis: basis.clone(),
            },
        }
    }
}

/// The opening of the object itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeOpening {
    /// What was blinded.
    pub id: String,
    /// 64 hexadecimal digits.
    pub salt: String,
    /// `SHA-256(salt ‖ LF ‖ id)`.
    pub blinded: String,
}

/// What a notice says. Kept as canonical JSON, of which the hash goes into the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NoticeContent {
    /// Id.
    pub task: String,
    /// Number of the task.
    pub number: String,
    /// 1 for the first notice of a task.
    pub version: u32,
    /// Title of the draw.
    pub title: String,
    /// Names of the departments that inspect, the leading one first.
    pub departments: Vec<String>,
    /// Name of the object.
    pub object_name: String,
    /// Credit code; of a natural person masked.
    pub object_code: String,
    /// Address.
    pub object_address: String,
    /// What was drawn.
    pub mode: NoticeMode,
    /// What is inspected.
    pub items: Vec<NoticeItem>,
    /// China dates, both included.
    pub from: String,
    pub until: String,
    /// The leader first, experts last.
    pub team: Vec<NoticeMember>,
    /// Name and telephone of whom to ask.
    pub contact: String,
    /// What is to be prepared.
    pub materials: String,
    /// How often the object is visited in the year, and how often it may be.
    pub visits: Visits,
    /// From which draw.
    pub draw: NoticeDraw,
    /// The object's own row.
    pub opening: NoticeOpening,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // X1: asked for, issued by another, once; again when somebody else comes.
    #[rstest]
    #[case::first(Act::Ask, None, false, TaskState::Dispatched, None)]
    #[case::twice(
        Act::Ask,
        Some(Kept::Asked),
        false,
        TaskState::Dispatched,
        Some("notice_asked")
    )]
    #[case::after_the_issue(
        Act::Ask,
        Some(Kept::Issued),
        false,
        TaskState::Dispatched,
        Some("notice_issued")
    )]
    #[case::after_a_refusal(Act::Ask, Some(Kept::Refused), false, TaskState::Dispatched, None)]
    #[case::others_come(Act::Ask, Some(Kept::Issued), true, TaskState::Dispatched, None)]
    #[case::others_come_before_the_issue(
        Act::Ask,
        Some(Kept::Asked),
        true,
        TaskState::Dispatched,
        None
    )]
    #[case::second_round(Act::Ask, None, false, TaskState::Returned, None)]
    #[case::cancelled(Act::Ask, None, false, TaskState::Withdrawn, Some("task_over"))]
    #[case::after_the_visit(Act::Ask, None, false, TaskState::Sealed, Some("task_over"))]
    #[case::issue(Act::Issue, Some(Kept::Asked), false, TaskState::Dispatched, None)]
    #[case::issue_unasked(
        Act::Issue,
        None,
        false,
        TaskState::Dispatched,
        Some("notice_not_asked")
    )]
    #[case::issue_twice(
        Act::Issue,
        Some(Kept::Issued),
        false,
        TaskState::Dispatched,
        Some("notice_not_asked")
    )]
    #[case::issue_with_the_wrong_people(
        Act::Issue,
        Some(Kept::Asked),
        true,
        TaskState::Dispatched,
        Some("team_changed")
    )]
    #[case::issue_when_cancelled(
        Act::Issue,
        Some(Kept::Asked),
        false,
        TaskState::Withdrawn,
        Some("task_over")
    )]
    #[case::refuse(Act::Refuse, Some(Kept::Asked), true, TaskState::Dispatched, None)]
    #[case::refuse_what_is_out(
        Act::Refuse,
        Some(Kept::Issued),
        false,
        TaskState::Dispatched,
        Some("notice_not_asked")
    )]
    fn what_can_be_done(
        #[case] act: Act,
        #[case] newest: Option<Kept>,
        #[case] changed: bool,
        #[case] task: TaskState,
        #[case] refused: Option<&str>,
    ) {
        let code = decide(act, newest, changed, task).err().map(|e| e.code);
        assert_eq!(code, refused);
    }

    #[rstest]
    #[case(None, false, NoticeState::None)]
    #[case(Some(Kept::Asked), false, NoticeState::Asked)]
    #[case(Some(Kept::Asked), true, NoticeState::Outdated)]
    #[case(Some(Kept::Issued), true, NoticeState::Outdated)]
    #[case(Some(Kept::Issued), false, NoticeState::Issued)]
    #[case(Some(Kept::Refused), true, NoticeState::Refused)]
    fn where_it_stands(
        #[case] newest: Option<Kept>,
        #[case] changed: bool,
        #[case] state: NoticeState,
    ) {
        assert_eq!(standing(newest, changed), state);
    }
}
