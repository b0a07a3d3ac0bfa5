//! Departments of a plan (J1): the lead drafts and asks, each that responds answers from its own account,
//! with its own items and team. No plan is submitted before all have agreed.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::form::{check_items, check_part};
use super::{PlanAct, PlanView, decide, routes as plans, store};
use crate::account::{Actor, Right};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(answer))
}

/// What is dealt to an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deal {
    /// Inspectors one by one.
    #[default]
    Person,
    /// A fixed group as one.
    Group,
}

impl Deal {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Group => "group",
        }
    }

    /// The one of this name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Person, Self::Group]
            .into_iter()
            .find(|d| d.as_str() == word)
    }

    /// As the draw's rules have it.
    pub const fn rule(self) -> ::draw::Deal {
        match self {
            Self::Person => ::draw::Deal::Person,
            Self::Group => ::draw::Deal::Group,
        }
    }
}

/// What a department has said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DepartmentState {
    /// 牵头
    Leads,
    /// 待确认
    Asked,
    /// 已确认
    Agreed,
    /// 不参加
    Declined,
}

impl DepartmentState {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Leads => "leads",
            Self::Asked => "asked",
            Self::Agreed => "agreed",
            Self::Declined => "declined",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Leads, Self::Asked, Self::Agreed, Self::Declined]
            .into_iter()
            .find(|s| s.as_str() == word)
    }
}

/// A department that takes part in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanDepartment {
    /// Code.
    pub department: String,
    /// Its inspectors in one team.
    pub team: u32,
    /// Experts on top.
    pub experts: u32,
    /// What is dealt.
    pub deal: Deal,
    /// What it has said.
    pub state: DepartmentState,
    /// With which words.
    pub note: String,
    /// Who answered.
    pub answered_by_name: Option<String>,
    /// When, milliseconds since the Unix epoch.
    pub answered_at: Option<i64>,
}

/// The answer of a department that was asked.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerInput {
    /// Whether it takes part.
    agree: bool,
    /// Up to 200 characters; needed where it does not.
    #[serde(default)]
    note: String,
    /// Ids of its active items.
    #[serde(default)]
    items: Vec<String>,
    /// Its inspectors in one team, 2 to 10.
    team: u32,
    /// Experts on top, 0 to 5.
    #[serde(default)]
    experts: u32,
    /// What is dealt.
    #[serde(default)]
    deal: Deal,
}

/// A department answers whether it takes part, with which items, and how many inspectors it sends (J1).
#[utoipa::path(post, path = "/api/plans/{id}/departments/{department}/answer", operation_id = "answer_plan",
    tag = "plan", params(("id" = String, Path), ("department" = String, Path)), request_body = AnswerInput,
    responses((status = 200, body = PlanView), (status = 409, body = Problem), (status = 422, body = Problem)))]
async fn answer(
    State(state): State<AppState>,
    actor: Actor,
    Path((id, department)): Path<(String, String)>,
    Json(input): Json<AnswerInput>,
) -> Result<Json<PlanView>, AppError> {
    wrong(&input)?;
    let now = state.now();
    let plan = state
        .db
        .write(move |tx| {
            let plan = plans::found(tx, &id)?;
            let asked = plan
                .departments
                .iter()
                .find(|d| d.department == department && d.state != DepartmentState::Leads)
                .ok_or_else(|| AppError::not_found("department"))?;
            // A supervisor speaks for the department as well as who drafts its plans.
            if !actor.may(Right::ApprovePlans, &department) {
                actor.require(Right::EditPlans, &department)?;
            }
            decide(plan.state, PlanAct::Answer)?;
            let state = match input.agree {
                true => DepartmentState::Agreed,
                false => DepartmentState::Declined,
            };
            let answer = PlanDepartment {
                department: department.clone(),
                team: if input.agree { input.team } else { asked.team },
                experts: if input.agree {
                    input.experts
                } else {
                    asked.experts
                },
                deal: input.deal,
                state,
                note: input.note.trim().to_owned(),
                answered_by_name: Some(actor.name.clone()),
                answered_at: Some(now),
            };
            store::answered(tx, &id, &answer, &actor.account)?;
            if input.agree {
                let items = plans::items_of(tx, "items", &department, &input.items)?;
                store::set_items(tx, &id, &department, &items)?;
                plans::check_needs(&plans::found(tx, &id)?)?;
            }
            let act = match input.agree {
                true => "plan.agree",
                false => "plan.decline",
            };
            plans::noted(tx, &actor, now, act, &id)
        })
        .await?;
    Ok(Json(plan))
}

fn wrong(input: &AnswerInput) -> Result<(), AppError> {
    let mut wrong = Vec::new();
    let mut say = |field: &str, message: &str| wrong.push(FieldError::new(field, message));
    let note = input.note.trim().chars().count();
    if note > 200 || (!input.agree && note < 4) {
        say("note", "请写明不参加的理由，4 到 200 个字");
    }
    if input.agree {
        if input.items.is_empty() {
            say("items", "请选择本部门的抽查事项");
        }
        check_items("items", &input.items, &mut say);
        check_part("", input.team, input.experts, &mut say);
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(AppError::invalid(wrong))
    }
}

/// Refuses to submit while a department has not agreed, or has no item.
pub(super) fn all_agreed(plan: &PlanView) -> Result<(), AppError> {
    for one in &plan.departments {
        let refused = |code, text: &str| {
            Err(AppError::conflict(
                code,
                format!("{}{text}", one.department),
            ))
        };
        match one.state {
            DepartmentState::Asked => {
                return refused(
                    "department_not_agreed",
                    " 尚未确认：参加部门须各自确认后才能提交",
                );
            }
            DepartmentState::Declined => {
                return refused("department_declined", " 不参加：请先从计划中移除或再次征询");
            }
            DepartmentState::Leads | DepartmentState::Agreed => {}
        }
        if !plan.items.iter().any(|i| i.department == one.department) {
            return refused("department_without_item", " 没有抽查事项");
        }
    }
    Ok(())
}
