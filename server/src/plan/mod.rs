//! Plans 计划 (P1): departments with their items, a scope of the object register in cells, a ratio or
//! number for each, and what is drawn (D1). Drafted by the lead, confirmed by the departments that respond
//! (J1), submitted, approved by somebody else, locked. A locked plan is what draws are held from, and is
//! never changed.

mod advice;
mod cell;
mod departments;
mod form;
mod limits;
mod mode;
mod routes;
pub mod store;
mod view;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use cell::{CellConditions, PlanCell, PlanCellInput, labels};
pub use departments::{Deal, DepartmentState, PlanDepartment};
pub use form::{Exemption, ExemptionGround, PlanDepartmentInput, PlanInput, PlanScope, check};
pub use limits::{Limits, limits_of};
pub use mode::PlanMode;
pub use view::{PlanItem, PlanView, PlanWarning};

use crate::error::AppError;
use crate::state::AppState;

/// The routes of plans.
pub fn router() -> utoipa_axum::router::OpenApiRouter<AppState> {
    routes::router()
        .merge(departments::router())
        .merge(limits::router())
}

/// Where a plan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// 草稿
    Draft,
    /// 待批准
    Submitted,
    /// 已退回: to be mended like a draft.
    Returned,
    /// 已批准
    Approved,
    /// 已锁定
    Locked,
}

impl PlanState {
    /// All states, in the order of the flow.
    pub const ALL: [Self; 5] = [
        Self::Draft,
        Self::Submitted,
        Self::Returned,
        Self::Approved,
        Self::Locked,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Approved => "approved",
            Self::Locked => "locked",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    const fn zh(self) -> &'static str {
        match self {
            Self::Draft => "草稿",
            Self::Submitted => "待批准",
            Self::Returned => "已退回",
            Self::Approved => "已批准",
            Self::Locked => "已锁定",
        }
    }
}

/// What somebody wants to do with a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanAct {
    /// Change its text.
    Edit,
    /// A department that responds confirms or declines (J1).
    Answer,
    /// Ask for approval.
    Submit,
    /// 批准
    Approve,
    /// 退回
    Return,
    /// 锁定
    Lock,
    /// Hold a draw from it.
    Draw,
}

/// The state that an act leads to, or why it cannot be done now (P1, D6).
pub fn decide(state: PlanState, act: PlanAct) -> Result<PlanState, AppError> {
    use {PlanAct as A, PlanState as S};
    match (act, state) {
        (A::Edit, S::Draft | S::Returned) => Ok(S::Draft),
        (A::Answer, S::Draft | S::Returned) => Ok(state),
        (A::Submit, S::Draft | S::Returned) => Ok(S::Submitted),
        (A::Approve, S::Submitted) => Ok(S::Approved),
        (A::Return, S::Submitted) => Ok(S::Returned),
        (A::Lock, S::Approved) => Ok(S::Locked),
        (A::Draw, S::Locked) => Ok(S::Locked),
        (A::Edit | A::Answer, S::Approved | S::Locked) => Err(AppError::conflict(
            "plan_locked",
            format!("计划{}，不能再增加、减少检查或更改范围", state.zh()),
        )),
        (A::Draw, _) => Err(AppError::conflict(
            "plan_not_locked",
            format!("计划{}，须批准并锁定后才能发起抽取", state.zh()),
        )),
        _ => Err(AppError::conflict(
            "plan_state",
            format!("计划现在的状态是“{}”，不能进行这一步", state.zh()),
        )),
    }
}

/// A China date as text.
pub fn date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (date.to_string() == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // P1, D6
    #[rstest]
    #[case::a_draft_is_changed(PlanState::Draft, PlanAct::Edit, Ok(PlanState::Draft))]
    #[case::a_returned_plan_is_changed(PlanState::Returned, PlanAct::Edit, Ok(PlanState::Draft))]
    #[case::not_while_it_waits(PlanState::Submitted, PlanAct::Edit, Err("plan_state"))]
    #[case::not_after_approval(PlanState::Approved, PlanAct::Edit, Err("plan_locked"))]
    #[case::never_once_locked(PlanState::Locked, PlanAct::Edit, Err("plan_locked"))]
    #[case::a_draft_is_confirmed(PlanState::Draft, PlanAct::Answer, Ok(PlanState::Draft))]
    #[case::not_confirmed_after_that(PlanState::Submitted, PlanAct::Answer, Err("plan_state"))]
    #[case::a_locked_plan_is_not_declined(PlanState::Locked, PlanAct::Answer, Err("plan_locked"))]
    #[case::a_draft_is_submitted(PlanState::Draft, PlanAct::Submit, Ok(PlanState::Submitted))]
    #[case::a_draft_is_not_approved(PlanState::Draft, PlanAct::Approve, Err("plan_state"))]
    #[case::submitted_is_approved(PlanState::Submitted, PlanAct::Approve, Ok(PlanState::Approved))]
    #[case::submitted_is_returned(PlanState::Submitted, PlanAct::Return, Ok(PlanState::Returned))]
    #[case::approved_is_not_returned(PlanState::Approved, PlanAct::Return, Err("plan_state"))]
    #[case::approved_is_locked(PlanState::Approved, PlanAct::Lock, Ok(PlanState::Locked))]
    #[case::submitted_is_not_locked(PlanState::Submitted, PlanAct::Lock, Err("plan_state"))]
    #[case::no_draw_before_the_lock(PlanState::Approved, PlanAct::Draw, Err("plan_not_locked"))]
    #[case::a_draw_from_a_locked_plan(PlanState::Locked, PlanAct::Draw, Ok(PlanState::Locked))]
    fn steps_follow_each_other(
        #[case] state: PlanState,
        #[case] act: PlanAct,
        #[case] expected: Result<PlanState, &str>,
    ) {
        assert_eq!(decide(state, act).map_err(|e| e.code), expected);
    }

    #[test]
    fn words_lead_back_to_states() {
        for state in PlanState::ALL {
            assert_eq!(PlanState::parse(state.as_str()), Some(state));
        }
    }
}
