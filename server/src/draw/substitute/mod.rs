//! Substitution 递补 after the draw (D4): an inspector who must avoid or cannot come, an object that is
//! gone, are replaced by whoever is next in the order of the same draw, never by a free choice.
//!
//! Somebody asks, with a ground from a list, an explanation and a file that proves it; somebody else
//! approves. What follows is computed by the crate `draw` and appended to `substitutions.csv`, in the
//! transaction that also changes the tasks and writes the journal; so the order of approvals is the
//! order of the transcript.

mod compute;
mod evidence;
mod follow;
mod ground;
mod routes;
mod standing;
pub mod store;
mod view;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub use ground::Ground;
pub use standing::standing;
pub use view::{FollowedRow, PublicSubstitution, SubstitutionView, public_rows};

use crate::error::{AppError, FieldError};
use crate::state::AppState;
use crate::task::TaskState;
use crate::task::team::Found;

/// The routes of substitutions.
pub fn router() -> OpenApiRouter<AppState> {
    routes::router().merge(evidence::router())
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 替换人员: an inspector leaves the team of an object.
    Relief,
    /// 更换对象: an object cannot be inspected.
    Replace,
    /// 跳过候补: the next reserve of a cell cannot be inspected either.
    Pass,
    /// 补记回避: an avoidance that became known after the seed.
    Avoid,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Relief, Self::Replace, Self::Pass, Self::Avoid];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relief => "relief",
            Self::Replace => "replace",
            Self::Pass => "pass",
            Self::Avoid => "avoid",
        }
    }

    /// The kind of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it names a person.
    pub const fn has_person(self) -> bool {
        matches!(self, Self::Relief | Self::Avoid)
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestState {
    /// 待审批
    Pending,
    /// 已批准, and followed.
    Approved,
    /// 未批准
    Refused,
    /// 已撤回 by who asked.
    Withdrawn,
}

impl RequestState {
    /// All states.
    pub const ALL: [Self; 4] = [
        Self::Pending,
        Self::Approved,
        Self::Refused,
        Self::Withdrawn,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A request as it is handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubstitutionInput {
    /// A UUID made by who asks: the same request sent again is answered like the first time.
    pub id: String,
    /// What.
    pub kind: Kind,
    /// Register id of the object; of `pass` the next reserve of its cell.
    pub object: String,
    /// Register id of the inspector, for `relief` and `avoid`; else empty.
    #[serde(default)]
    pub person: String,
    /// One that the kind has.
    pub ground: Ground,
    /// 4 to 1000 characters.
    pub explanation: String,
    /// SHA-256 of an uploaded file.
    pub evidence: String,
}

/// The form, field by field.
pub fn check(input: &SubstitutionInput) -> Result<(), AppError> {
    let mut wrong = Vec::new();
    if uuid::Uuid::parse_str(&input.id).is_err() {
        wrong.push(FieldError::new("id", "编号须为 UUID"));
    }
    if input.object.is_empty() {
        wrong.push(FieldError::new("object", "请选择检查对象"));
    }
    if input.kind.has_person() == input.person.is_empty() {
        wrong.push(FieldError::new("person", "请选择检查人员"));
    }
    if !input.ground.fits(input.kind) {
        wrong.push(FieldError::new("ground", "这项理由不适用于所申请的事项"));
    }
    let explanation = input.explanation.trim().chars().count();
    if !(4..=1000).contains(&explanation) {
        wrong.push(FieldError::new(
            "explanation",
            "情况说明须为 4 到 1000 个字",
        ));
    }
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if input.evidence.len() != 64 || !input.evidence.bytes().all(hex) {
        wrong.push(FieldError::new("evidence", "请上传证明材料"));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(AppError::invalid(wrong))
    }
}

/// What a request meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// The task of the object, once dispatched.
    pub task: Option<Found>,
    /// Whether the person is in the object's team now.
    pub in_team: bool,
    /// Inspectors in the team now.
    pub inspectors: usize,
}

/// Whether a request can be followed now (D4, X5). What was signed by all is not touched; a visit that
/// has begun ends with its own result and is not exchanged for another object.
pub fn decide(kind: Kind, ground: Ground, now: &Circumstances) -> Result<(), AppError> {
    if ground == Ground::NoTeam && now.inspectors >= 2 {
        return Err(AppError::conflict(
            "team_is_there",
            "检查组仍有两名以上检查人员，不能以此理由更换检查对象",
        ));
    }
    if kind == Kind::Relief && !now.in_team {
        return Err(AppError::conflict(
            "not_in_team",
            "此人现在不在这个检查对象的检查组内",
        ));
    }
    let changes_team = kind == Kind::Relief || kind == Kind::Avoid && now.in_team;
    let Some(task) = &now.task else { return Ok(()) };
    match (kind, task.state) {
        (Kind::Pass, _) => Ok(()),
        (_, TaskState::Withdrawn) => Err(AppError::conflict(
            "task_cancelled",
            "这项任务已经取消，不能再递补",
        )),
        (Kind::Replace, TaskState::Sealed | TaskState::Accepted) => Err(sealed()),
        (_, TaskState::Sealed | TaskState::Accepted) if changes_team => Err(sealed()),
        (Kind::Replace, _) if task.begun && ground != Ground::NoTeam => Err(AppError::conflict(
            "visit_begun",
            "检查已经开始，不能再更换检查对象。对象停业、查无下落的，请检查组在平板上如实记为\
             “通过登记的住所（经营场所）无法联系”或“未发现开展本次抽查涉及的经营活动”，签字后按此结果审核公示",
        )),
        _ => Ok(()),
    }
}

fn sealed() -> AppError {
    AppError::conflict(
        "record_sealed",
        "检查记录已由全体签字封存，不能再更换人员或对象；确需更正的，请先退回记录",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn meets(task: Option<(TaskState, bool)>, in_team: bool) -> Circumstances {
        Circumstances {
            task: task.map(|(state, begun)| Found {
                task: "t".into(),
                rank: 0,
                state,
                begun,
                days: ("2026-11-01".into(), "2026-11-30".into()),
            }),
            in_team,
            inspectors: 2,
        }
    }

    // D4, X5: what can be asked for, by what stands already.
    #[rstest]
    #[case::before_dispatch(Kind::Relief, None, true, None)]
    #[case::not_his_seat(Kind::Relief, None, false, Some("not_in_team"))]
    #[case::waiting(Kind::Relief, Some((TaskState::Dispatched, false)), true, None)]
    #[case::in_the_middle(Kind::Relief, Some((TaskState::Dispatched, true)), true, None)]
    #[case::second_round(Kind::Relief, Some((TaskState::Returned, true)), true, None)]
    #[case::sealed(Kind::Relief, Some((TaskState::Sealed, true)), true, Some("record_sealed"))]
    #[case::accepted(Kind::Relief, Some((TaskState::Accepted, true)), true, Some("record_sealed"))]
    #[case::cancelled(Kind::Relief, Some((TaskState::Withdrawn, false)), true, Some("task_cancelled"))]
    #[case::object_before_dispatch(Kind::Replace, None, false, None)]
    #[case::object_before_the_visit(Kind::Replace, Some((TaskState::Dispatched, false)), false, None)]
    #[case::object_after_the_visit_began(Kind::Replace, Some((TaskState::Dispatched, true)), false, Some("visit_begun"))]
    #[case::object_returned(Kind::Replace, Some((TaskState::Returned, true)), false, Some("visit_begun"))]
    #[case::object_sealed(Kind::Replace, Some((TaskState::Sealed, true)), false, Some("record_sealed"))]
    #[case::object_cancelled(Kind::Replace, Some((TaskState::Withdrawn, false)), false, Some("task_cancelled"))]
    #[case::avoidance_of_a_member(Kind::Avoid, Some((TaskState::Sealed, true)), true, Some("record_sealed"))]
    #[case::avoidance_of_another(Kind::Avoid, Some((TaskState::Sealed, true)), false, None)]
    #[case::avoidance_in_the_middle(Kind::Avoid, Some((TaskState::Dispatched, true)), true, None)]
    #[case::a_reserve(Kind::Pass, None, false, None)]
    fn what_can_be_asked_for(
        #[case] kind: Kind,
        #[case] task: Option<(TaskState, bool)>,
        #[case] in_team: bool,
        #[case] refused: Option<&str>,
    ) {
        let ground = Ground::ALL.into_iter().find(|g| g.fits(kind)).unwrap();
        let code = decide(kind, ground, &meets(task, in_team))
            .err()
            .map(|e| e.code);
        assert_eq!(code, refused);
    }

    // D4: a begun visit whose team has died out is the one exception.
    #[rstest]
    #[case::one_left(1, None)]
    #[case::nobody_left(0, None)]
    #[case::two_left(2, Some("team_is_there"))]
    fn an_object_without_a_team_may_be_replaced(
        #[case] inspectors: usize,
        #[case] refused: Option<&str>,
    ) {
        let mut now = meets(Some((TaskState::Dispatched, true)), false);
        now.inspectors = inspectors;
        let code = decide(Kind::Replace, Ground::NoTeam, &now)
            .err()
            .map(|e| e.code);
        assert_eq!(code, refused);
    }

    // D4: reason, evidence, a ground from the list.
    #[rstest]
    #[case::usual(|_: &mut SubstitutionInput| (), None)]
    #[case::no_id(|i: &mut SubstitutionInput| i.id = "1".into(), Some("id"))]
    #[case::nobody(|i: &mut SubstitutionInput| i.person = String::new(), Some("person"))]
    #[case::a_person_too_many(|i: &mut SubstitutionInput| { i.kind = Kind::Replace; i.ground = Ground::Closed }, Some("person"))]
    #[case::ground_of_another_kind(|i: &mut SubstitutionInput| i.ground = Ground::Closed, Some("ground"))]
    #[case::no_words(|i: &mut SubstitutionInput| i.explanation = " 病 ".into(), Some("explanation"))]
    #[case::no_evidence(|i: &mut SubstitutionInput| i.evidence = String::new(), Some("evidence"))]
    #[case::evidence_by_name(|i: &mut SubstitutionInput| i.evidence = "../../server.key".into(), Some("evidence"))]
    fn a_request_is_refused_by_field(
        #[case] spoil: fn(&mut SubstitutionInput),
        #[case] field: Option<&str>,
    ) {
        let mut input = SubstitutionInput {
            id: "0197a000-0000-7000-8000-000000000001".into(),
            kind: Kind::Relief,
            object: "o".into(),
            person: "p".into(),
            ground: Ground::Ill,
            explanation: "因病住院，附诊断证明".into(),
            evidence: "0".repeat(64),
        };
        spoil(&mut input);
        let wrong = check(&input).err().map(|e| e.fields[0].field.clone());
        assert_eq!(wrong.as_deref(), field);
    }
}
