//! Plans 计划 (P1): one department, some items, a scope of the object register in cells by risk class,
//! a ratio or number for each. Drafted, submitted, approved by somebody else, locked. A locked plan is
//! what draws are held from, and is never changed.

mod routes;
pub mod store;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;

pub use routes::router;

use crate::error::{AppError, FieldError};

/// Most items of one plan: more are not one visit any longer.
const ITEMS_MAX: usize = 50;

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
        (A::Submit, S::Draft | S::Returned) => Ok(S::Submitted),
        (A::Approve, S::Submitted) => Ok(S::Approved),
        (A::Return, S::Submitted) => Ok(S::Returned),
        (A::Lock, S::Approved) => Ok(S::Locked),
        (A::Draw, S::Locked) => Ok(S::Locked),
        (A::Edit, S::Approved | S::Locked) => Err(AppError::conflict(
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

/// How many of one risk class are drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCellInput {
    /// `A` to `D`; empty: objects without a class. Internal, never public.
    pub risk_class: String,
    /// Parts per million, 0 to 1,000,000; or `number`.
    pub ratio_ppm: Option<u32>,
    /// Objects; or `ratio_ppm`.
    pub number: Option<u32>,
    /// How many more stand ready.
    #[serde(default)]
    pub reserves: u32,
}

/// A plan as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanInput {
    /// 1 to 100 characters.
    pub title: String,
    /// Code.
    pub department: String,
    /// Ids of active items of the department.
    pub items: Vec<String>,
    /// First day of the visits, China date.
    pub from: String,
    /// Last day, China date of the same year.
    pub until: String,
    /// Inspectors of one team, 2 to 10.
    pub team: u32,
    /// Which objects.
    pub scope: PlanScope,
    /// At least one; every class once.
    pub cells: Vec<PlanCellInput>,
}

/// An item in the version that the plan was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanItem {
    /// Id.
    pub id: String,
    /// Code in the item list.
    pub code: String,
    /// Name.
    pub name: String,
    /// Version.
    pub version: u32,
    /// Expertise that a team must bring, in the words of the inspectors' register.
    pub needs: Vec<String>,
}

/// A cell with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanCell {
    /// `A` to `D`, or empty.
    pub risk_class: String,
    /// Parts per million.
    pub ratio_ppm: Option<u32>,
    /// Objects.
    pub number: Option<u32>,
    /// Reserves wanted.
    pub reserves: u32,
    /// Active objects of the scope when the plan was last saved.
    pub objects: i64,
    /// How many would be drawn of them.
    pub drawn: i64,
}

impl PlanCell {
    /// As the draw's rules have it.
    pub fn pick(&self) -> ::draw::Pick {
        match self.number {
            Some(number) => ::draw::Pick::Number(number),
            None => ::draw::Pick::Ppm(self.ratio_ppm.unwrap_or(0)),
        }
    }

    /// How many of `objects` are drawn.
    pub fn expected(&self) -> i64 {
        let objects = u64::try_from(self.objects).unwrap_or(0);
        i64::try_from(self.pick().of(objects)).unwrap_or(i64::MAX)
    }
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    /// Id.
    pub id: String,
    /// Code.
    pub department: String,
    /// The year of the visits.
    pub year: i32,
    /// Title.
    pub title: String,
    /// Items.
    pub items: Vec<PlanItem>,
    /// China date.
    pub from: String,
    /// China date.
    pub until: String,
    /// Inspectors of one team.
    pub team: u32,
    /// Which objects.
    pub scope: PlanScope,
    /// By risk class.
    pub cells: Vec<PlanCell>,
    /// Objects that would be drawn in all.
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

/// The form, field by field; the year.
pub fn check(input: &PlanInput) -> Result<i32, AppError> {
    let mut wrong = Vec::new();
    let mut say = |field: &str, message: &str| wrong.push(FieldError::new(field, message));
    let length = input.title.trim().chars().count();
    if !(1..=100).contains(&length) || input.title.chars().any(char::is_control) {
        say("title", "计划名称须为 1 到 100 个字");
    }
    if input.items.is_empty() || input.items.len() > ITEMS_MAX {
        say("items", "请选择 1 到 50 项抽查事项");
    }
    if input.items.iter().collect::<BTreeSet<_>>().len() != input.items.len() {
        say("items", "同一抽查事项只能选一次");
    }
    if !(2..=10).contains(&input.team) {
        say("team", "每组须有 2 到 10 名执法检查人员");
    }
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
    let scope = &input.scope;
    if scope.q.chars().count() > 100
        || [&scope.districts, &scope.industries, &scope.tags]
            .iter()
            .any(|list| list.len() > 200)
    {
        say("scope", "抽查范围的条件过多");
    }
    check_cells(&input.cells, &mut say);
    match (wrong.is_empty(), from) {
        (true, Some(from)) => Ok(from.year()),
        _ => Err(AppError::invalid(wrong)),
    }
}

fn check_cells(cells: &[PlanCellInput], say: &mut impl FnMut(&str, &str)) {
    if cells.is_empty() {
        say("cells", "至少要有一个分层");
    }
    let classes: BTreeSet<&str> = cells.iter().map(|c| c.risk_class.as_str()).collect();
    if classes.len() != cells.len() {
        say("cells", "同一风险等级只能有一个分层");
    }
    for cell in cells {
        if !matches!(cell.risk_class.as_str(), "" | "A" | "B" | "C" | "D") {
            say("cells", "风险等级须为 A、B、C、D 或空");
        }
        if cell.ratio_ppm.is_some() == cell.number.is_some() {
            say("cells", "每个分层须填写比例或数量中的一项");
        }
        if cell.ratio_ppm.is_some_and(|ppm| ppm > 1_000_000) {
            say("cells", "比例不能超过 100%");
        }
        if cell.reserves > 100_000 || cell.number.is_some_and(|n| n > 10_000_000) {
            say("cells", "数量过大");
        }
    }
    if cells
        .iter()
        .all(|c| c.ratio_ppm.unwrap_or(0) == 0 && c.number.unwrap_or(0) == 0)
    {
        say("cells", "至少一个分层要抽取检查对象");
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

    fn input() -> PlanInput {
        PlanInput {
            title: "食品销售随机抽查".into(),
            department: "market".into(),
            items: vec!["i1".into()],
            from: "2026-01-01".into(),
            until: "2026-11-30".into(),
            team: 2,
            scope: PlanScope::default(),
            cells: vec![PlanCellInput {
                risk_class: "A".into(),
                ratio_ppm: Some(30_000),
                number: None,
                reserves: 5,
            }],
        }
    }

    // P1
    #[rstest]
    #[case::no_title(|p: &mut PlanInput| p.title = " ".into(), "title")]
    #[case::no_items(|p: &mut PlanInput| p.items.clear(), "items")]
    #[case::an_item_twice(|p: &mut PlanInput| p.items.push("i1".into()), "items")]
    #[case::a_team_of_one(|p: &mut PlanInput| p.team = 1, "team")]
    #[case::no_such_day(|p: &mut PlanInput| p.from = "2026-02-30".into(), "from")]
    #[case::backwards(|p: &mut PlanInput| p.until = "2025-12-31".into(), "until")]
    #[case::over_new_year(|p: &mut PlanInput| p.until = "2027-01-31".into(), "until")]
    #[case::no_cells(|p: &mut PlanInput| p.cells.clear(), "cells")]
    #[case::ratio_and_number(|p: &mut PlanInput| p.cells[0].number = Some(1), "cells")]
    #[case::neither(|p: &mut PlanInput| p.cells[0].ratio_ppm = None, "cells")]
    #[case::more_than_all(|p: &mut PlanInput| p.cells[0].ratio_ppm = Some(1_000_001), "cells")]
    #[case::no_such_class(|p: &mut PlanInput| p.cells[0].risk_class = "E".into(), "cells")]
    #[case::a_class_twice(|p: &mut PlanInput| p.cells.push(p.cells[0].clone()), "cells")]
    fn a_form_is_refused_by_field(#[case] spoil: fn(&mut PlanInput), #[case] field: &str) {
        assert_eq!(check(&input()).unwrap(), 2026);
        let mut plan = input();
        spoil(&mut plan);
        let error = check(&plan).unwrap_err();
        assert!(error.fields.iter().any(|f| f.field == field), "{error}");
    }

    #[test]
    fn words_lead_back_to_states() {
        for state in PlanState::ALL {
            assert_eq!(PlanState::parse(state.as_str()), Some(state));
        }
    }
}
