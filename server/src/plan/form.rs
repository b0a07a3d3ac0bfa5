//! A plan as it is written, and what is wrong with it, field by field.

use std::collections::BTreeSet;

use chrono::Datelike;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cell::{self, PlanCellInput};
use super::{Deal, PlanMode, date};
use crate::error::{AppError, FieldError};

/// Most items of one department in a plan: more are not one visit any longer.
pub(super) const ITEMS_MAX: usize = 50;
/// Most departments, the lead included.
const DEPARTMENTS_MAX: usize = ::draw::DEPARTMENTS_MAX;
/// Most objects that a plan names itself.
const NAMED_MAX: usize = 20_000;
/// How often an object may be drawn in a year unless the plan says otherwise (P2).
const YEARLY_DRAWS: u32 = 2;

/// Which objects of the register a plan is about: all that fit every filled part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanScope {
    /// District codes (GB/T 2260); empty: any.
    #[serde(default)]
    pub districts: Vec<String>,
    /// Beginnings of industry codes (GB/T 4754), such as `F52`; empty: any.
    #[serde(default)]
    pub industries: Vec<String>,
    /// Tags 标签, all of which an object must bear; empty: any.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Words in the name; empty: any.
    #[serde(default)]
    pub q: String,
}

impl PlanScope {
    /// As the register filters.
    pub fn filter(&self) -> crate::register::ObjectFilter {
        crate::register::ObjectFilter {
            districts: self.districts.clone(),
            industries: self.industries.clone(),
            tags: self.tags.clone(),
            risk_classes: Vec::new(),
            statuses: Vec::new(),
            q: self.q.trim().to_owned(),
        }
    }
}

/// A department that responds, as the lead proposes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanDepartmentInput {
    /// Code.
    pub department: String,
    /// Ids of its active items; may be left to the department.
    #[serde(default)]
    pub items: Vec<String>,
    /// Its inspectors in one team, 2 to 10.
    pub team: u32,
    /// Experts on top, 0 to 5.
    #[serde(default)]
    pub experts: u32,
    /// What is dealt.
    #[serde(default)]
    pub deal: Deal,
}

/// Why the yearly cap of visits does not apply (X3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExemptionGround {
    /// 投诉举报
    Complaint,
    /// 转办交办、数据监测等线索
    Referral,
    /// 上级专项部署
    SpecialOrder,
    /// 整改复查
    FollowUp,
    /// 重点领域、高风险
    HighRisk,
}

/// An exemption from the yearly cap of visits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exemption {
    /// Named ground.
    pub ground: ExemptionGround,
    /// The order, number or matter it rests on, 4 to 200 characters.
    pub note: String,
}

/// A plan as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanInput {
    /// 1 to 100 characters.
    pub title: String,
    /// Code of the department that leads.
    pub department: String,
    /// Ids of active items of that department.
    pub items: Vec<String>,
    /// First day of the visits, China date.
    pub from: String,
    /// Last day, China date of the same year.
    pub until: String,
    /// Inspectors of the lead in one team, 2 to 10.
    pub team: u32,
    /// Experts of the lead on top, 0 to 5.
    #[serde(default)]
    pub experts: u32,
    /// What the lead deals.
    #[serde(default)]
    pub deal: Deal,
    /// Departments that respond (J1).
    #[serde(default)]
    pub responding: Vec<PlanDepartmentInput>,
    /// What is drawn.
    #[serde(default = "double")]
    pub mode: PlanMode,
    /// Which objects; not used where the plan names them.
    #[serde(default)]
    pub scope: PlanScope,
    /// Where objects are drawn: at least one; each object belongs to the first that it fits. Where all
    /// are inspected: none.
    #[serde(default)]
    pub cells: Vec<PlanCellInput>,
    /// At least so many objects of each district are drawn; 0: no such rule.
    #[serde(default)]
    pub district_minimum: u32,
    /// How often one object may be drawn in this year, by all draws, 1 to 12 (P2).
    #[serde(default = "yearly_draws")]
    pub yearly_draws: u32,
    /// Why the yearly cap of visits does not apply; none: it applies.
    #[serde(default)]
    pub exemption: Option<Exemption>,
    /// Codes or ids of the objects, where only inspectors are drawn.
    #[serde(default)]
    pub objects: Vec<String>,
    /// Why the plan goes beyond what is usual; needed where a warning asks for it.
    #[serde(default)]
    pub reason: String,
}

const fn double() -> PlanMode {
    PlanMode::Double
}

const fn yearly_draws() -> u32 {
    YEARLY_DRAWS
}

impl PlanInput {
    /// Brings what the mode decides: all objects in one cell where all are inspected, none named where
    /// they are drawn.
    pub fn settled(mut self) -> Self {
        if self.mode.takes_all() {
            self.cells = vec![PlanCellInput::all()];
            self.district_minimum = 0;
        }
        match self.mode {
            PlanMode::Inspectors { .. } => self.scope = PlanScope::default(),
            _ => self.objects.clear(),
        }
        self.reason = self.reason.trim().to_owned();
        self
    }
}

/// The form, field by field; the year. `input` is settled.
pub fn check(input: &PlanInput) -> Result<i32, AppError> {
    let mut wrong = Vec::new();
    let mut say = |field: &str, message: &str| wrong.push(FieldError::new(field, message));
    let length = input.title.trim().chars().count();
    if !(1..=100).contains(&length) || input.title.chars().any(char::is_control) {
        say("title", "计划名称须为 1 到 100 个字");
    }
    if input.items.is_empty() {
        say("items", "请选择 1 到 50 项抽查事项");
    }
    check_items("items", &input.items, &mut say);
    check_part("", input.team, input.experts, &mut say);
    check_responding(input, &mut say);
    let (from, until) = (date(&input.from), date(&input.until));
    if from.is_none() {
        say("from", "开始日期须为 YYYY-MM-DD");
    }
    if until.is_none() {
        say("until", "结束日期须为 YYYY-MM-DD");
    }
    if let (Some(from), Some(until)) = (from, until) {
        if until < from {
            say("until", "结束日期不能早于开始日期");
        } else if until.year() != from.year() {
            say("until", "年度计划的检查期间须在同一年内");
        }
    }
    input.mode.check(from, until, &mut say);
    let scope = &input.scope;
    if scope.q.chars().count() > 100
        || [&scope.districts, &scope.industries, &scope.tags]
            .iter()
            .any(|list| list.len() > 200)
    {
        say("scope", "抽查范围的条件过多");
    }
    cell::check(&input.cells, &mut say);
    if input.district_minimum > 10_000 {
        say("district_minimum", "每个辖区的最低抽取数过大");
    }
    if !(1..=12).contains(&input.yearly_draws) {
        say("yearly_draws", "同一对象每年最多被抽中的次数须为 1 到 12");
    }
    if let Some(exemption) = &input.exemption
        && !(4..=200).contains(&exemption.note.trim().chars().count())
    {
        say("exemption", "请写明豁免所依据的文件或事项，4 到 200 个字");
    }
    if matches!(input.mode, PlanMode::Inspectors { .. })
        && !(1..=NAMED_MAX).contains(&input.objects.len())
    {
        say("objects", "请列出要检查的对象，1 到 20000 户");
    }
    if input.reason.chars().count() > 500 {
        say("reason", "特殊情况说明不超过 500 字");
    }
    match (wrong.is_empty(), from) {
        (true, Some(from)) => Ok(from.year()),
        _ => Err(AppError::invalid(wrong)),
    }
}

/// Says what is wrong with a list of items.
pub(super) fn check_items(field: &str, items: &[String], say: &mut impl FnMut(&str, &str)) {
    if items.len() > ITEMS_MAX {
        say(field, "请选择 1 到 50 项抽查事项");
    }
    if items.iter().collect::<BTreeSet<_>>().len() != items.len() {
        say(field, "同一抽查事项只能选一次");
    }
}

/// Says what is wrong with a department's part; `before` stands before the names of the fields.
pub(super) fn check_part(before: &str, team: u32, experts: u32, say: &mut impl FnMut(&str, &str)) {
    if !(2..=::draw::TEAM_MAX).contains(&team) {
        say(&format!("{before}team"), "每组须有 2 到 10 名执法检查人员");
    }
    if experts > ::draw::EXPERTS_MAX {
        say(&format!("{before}experts"), "每组专家不超过 5 名");
    }
}

fn check_responding(input: &PlanInput, say: &mut impl FnMut(&str, &str)) {
    if input.responding.len() >= DEPARTMENTS_MAX {
        say("responding", "参加的部门连同牵头部门不超过 10 个");
    }
    let mut codes = BTreeSet::from([input.department.as_str()]);
    let mut seats = input.team + input.experts;
    for (n, one) in input.responding.iter().enumerate() {
        let before = format!("responding.{n}.");
        if !codes.insert(&one.department) {
            say("responding", "同一部门只能参加一次");
        }
        check_items(&format!("{before}items"), &one.items, say);
        check_part(&before, one.team, one.experts, say);
        seats = seats.saturating_add(one.team).saturating_add(one.experts);
    }
    if seats > 50 {
        say("responding", "每个对象的检查人员和专家合计不超过 50 人");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn input() -> PlanInput {
        PlanInput {
            title: "食品销售随机抽查".into(),
            department: "market".into(),
            items: vec!["i1".into()],
            from: "2026-01-01".into(),
            until: "2026-11-30".into(),
            team: 2,
            experts: 0,
            deal: Deal::Person,
            responding: vec![responding()],
            mode: PlanMode::Double,
            scope: PlanScope::default(),
            cells: vec![PlanCellInput {
                risk_classes: vec!["A".into()],
                ratio_ppm: Some(30_000),
                reserves: 5,
                ..PlanCellInput::default()
            }],
            district_minimum: 0,
            yearly_draws: 2,
            exemption: None,
            objects: Vec::new(),
            reason: String::new(),
        }
    }

    fn responding() -> PlanDepartmentInput {
        PlanDepartmentInput {
            department: "fire".into(),
            items: Vec::new(),
            team: 2,
            experts: 1,
            deal: Deal::Group,
        }
    }

    // P1, D1, J1, X3
    #[rstest]
    #[case::no_title(|p: &mut PlanInput| p.title = " ".into(), "title")]
    #[case::no_items(|p: &mut PlanInput| p.items.clear(), "items")]
    #[case::an_item_twice(|p: &mut PlanInput| p.items.push("i1".into()), "items")]
    #[case::a_team_of_one(|p: &mut PlanInput| p.team = 1, "team")]
    #[case::six_experts(|p: &mut PlanInput| p.experts = 6, "experts")]
    #[case::no_such_day(|p: &mut PlanInput| p.from = "2026-02-30".into(), "from")]
    #[case::backwards(|p: &mut PlanInput| p.until = "2025-12-31".into(), "until")]
    #[case::over_new_year(|p: &mut PlanInput| p.until = "2027-01-31".into(), "until")]
    #[case::no_cells(|p: &mut PlanInput| p.cells.clear(), "cells")]
    #[case::ratio_and_number(|p: &mut PlanInput| p.cells[0].number = Some(1), "cells")]
    #[case::neither(|p: &mut PlanInput| p.cells[0].ratio_ppm = None, "cells")]
    #[case::more_than_all(|p: &mut PlanInput| p.cells[0].ratio_ppm = Some(1_000_001), "cells")]
    #[case::no_such_class(|p: &mut PlanInput| p.cells[0].risk_classes = vec!["E".into()], "cells")]
    #[case::no_such_district(|p: &mut PlanInput| p.cells[0].districts = vec!["999999".into()], "cells")]
    #[case::a_cell_twice(|p: &mut PlanInput| p.cells.push(p.cells[0].clone()), "cells")]
    #[case::behind_the_rest(|p: &mut PlanInput| p.cells.insert(0, PlanCellInput::all()), "cells")]
    #[case::drawn_without_bound(|p: &mut PlanInput| p.yearly_draws = 0, "yearly_draws")]
    #[case::exempt_without_note(|p: &mut PlanInput| p.exemption = Some(Exemption {
        ground: ExemptionGround::Complaint, note: "无".into() }), "exemption")]
    #[case::the_lead_responds(|p: &mut PlanInput| p.responding[0].department = "market".into(), "responding")]
    #[case::too_many_departments(|p: &mut PlanInput| for n in 0..9 {
        p.responding.push(PlanDepartmentInput { department: format!("d{n}"), ..responding() });
    }, "responding")]
    #[case::too_many_seats(|p: &mut PlanInput| for n in 0..5 {
        p.responding.push(PlanDepartmentInput { department: format!("d{n}"), team: 10, ..responding() });
    }, "responding")]
    #[case::a_team_of_eleven(|p: &mut PlanInput| p.responding[0].team = 11, "responding.0.team")]
    #[case::nobody_named(|p: &mut PlanInput| p.mode = PlanMode::Inspectors {
        reason: "上级交办名单，只能随机抽取检查人员".into(), review_by: "2026-12-31".into() }, "objects")]
    fn a_form_is_refused_by_field(#[case] spoil: fn(&mut PlanInput), #[case] field: &str) {
        assert_eq!(check(&input()).unwrap(), 2026);
        let mut plan = input();
        spoil(&mut plan);
        let error = check(&plan.settled()).unwrap_err();
        assert!(error.fields.iter().any(|f| f.field == field), "{error}");
    }

    #[test]
    fn where_all_are_inspected_there_is_one_cell() {
        let mut plan = input();
        plan.district_minimum = 3;
        plan.objects = vec!["x".into()];
        plan.mode = PlanMode::Census {
            basis: "《示例法》".into(),
            from: "2026-03-02".into(),
            weeks: 4,
        };
        let settled = plan.settled();
        assert_eq!(settled.cells, [PlanCellInput::all()]);
        assert_eq!((settled.district_minimum, settled.objects.len()), (0, 0));
    }
}
