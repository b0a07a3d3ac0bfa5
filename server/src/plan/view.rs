//! A plan as it is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Exemption, Limits, PlanCell, PlanDepartment, PlanMode, PlanScope, PlanState};

/// An item in the version that the plan was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanItem {
    /// Id.
    pub id: String,
    /// Code in the item list.
    pub code: String,
    /// Name.
    pub name: String,
    /// Code of the department whose item it is.
    pub department: String,
    /// Version.
    pub version: u32,
    /// Expertise that a team must bring, in the words of the inspectors' register.
    pub needs: Vec<String>,
    /// 重点检查事项.
    pub priority: bool,
}

/// Something about a plan that is not usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanWarning {
    /// `many_departments`, `many_inspectors`, `general_ratio`.
    pub code: String,
    /// In words.
    pub text: String,
    /// Whether the plan must say why before it is submitted.
    pub needs_reason: bool,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    /// Id.
    pub id: String,
    /// Code of the department that leads.
    pub department: String,
    /// All that take part, the lead first.
    pub departments: Vec<PlanDepartment>,
    /// The year of the visits.
    pub year: i32,
    /// Title.
    pub title: String,
    /// What is drawn.
    pub mode: PlanMode,
    /// Items of all departments, by code.
    pub items: Vec<PlanItem>,
    /// China date.
    pub from: String,
    /// China date.
    pub until: String,
    /// Which objects.
    pub scope: PlanScope,
    /// How many objects the plan names itself.
    pub named: i64,
    /// In the order in which objects are put into them.
    pub cells: Vec<PlanCell>,
    /// Least objects of each district.
    pub district_minimum: u32,
    /// How often one object may be drawn in the year.
    pub yearly_draws: u32,
    /// Why the yearly cap of visits does not apply.
    pub exemption: Option<Exemption>,
    /// The bounds that hold for the lead.
    pub limits: Limits,
    /// What is not usual.
    pub warnings: Vec<PlanWarning>,
    /// Why, where a warning asks for it.
    pub reason: String,
    /// Objects that would be drawn in all, by the cells alone.
    pub planned: i64,
    /// Where it stands.
    pub state: PlanState,
    /// Why it was returned the last time.
    pub return_reason: Option<String>,
    /// Account.
    pub drafted_by: String,
    /// Name at that time.
    pub drafted_by_name: String,
    /// Milliseconds since the Unix epoch, like the others.
    pub drafted_at: i64,
    /// When it was submitted the last time.
    pub submitted_at: Option<i64>,
    /// Name.
    pub approved_by_name: Option<String>,
    /// When.
    pub approved_at: Option<i64>,
    /// Name.
    pub locked_by_name: Option<String>,
    /// When.
    pub locked_at: Option<i64>,
}

impl PlanView {
    /// Whether several departments inspect together 跨部门联合.
    pub fn joint(&self) -> bool {
        self.departments.len() > 1
    }

    /// Inspectors of one team, of all departments.
    pub fn inspectors(&self) -> u32 {
        self.departments.iter().map(|d| d.team).sum()
    }
}
