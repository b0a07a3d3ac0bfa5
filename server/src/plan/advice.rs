//! What is not usual about a plan: where the rules say 原则上, the plan is not refused but must say why.

use super::{PlanView, PlanWarning};

/// Departments of one draw, in principle (§二(三)1).
const DEPARTMENTS: usize = 5;
/// Inspectors of one team, in principle.
const INSPECTORS: u32 = 10;

/// Everything that is not usual about a plan.
pub fn warnings(plan: &PlanView) -> Vec<PlanWarning> {
    let mut found = Vec::new();
    let mut say = |code: &str, needs_reason, text: String| {
        found.push(PlanWarning {
            code: code.to_owned(),
            text,
            needs_reason,
        });
    };
    let departments = plan.departments.len();
    if departments > DEPARTMENTS {
        let text = format!("参加部门 {departments} 个，原则上不超过 {DEPARTMENTS} 个");
        say("many_departments", true, text);
    }
    let inspectors = plan.inspectors();
    if inspectors > INSPECTORS {
        let text = format!("每个对象的检查人员 {inspectors} 名，原则上不超过 {INSPECTORS} 名");
        say("many_inspectors", true, text);
    }
    // Of priority items the ratio has no ceiling, and where all are inspected a law or a list has set it.
    let general: Vec<&str> = plan
        .items
        .iter()
        .filter(|i| !i.priority)
        .map(|i| i.name.as_str())
        .collect();
    let objects: i64 = plan.cells.iter().map(|c| c.objects).sum();
    let limit = i64::from(plan.limits.general_ratio_ppm);
    let above = plan.planned.saturating_mul(1_000_000) > objects.saturating_mul(limit);
    if !general.is_empty() && !plan.mode.takes_all() && objects > 0 && above {
        let text = format!(
            "一般检查事项（{}）的抽取比例约 {}%，高于 {}%",
            general.join("、"),
            percent(plan.planned, objects),
            percent(limit, 1_000_000),
        );
        say("general_ratio", false, text);
    }
    found
}

fn percent(part: i64, whole: i64) -> String {
    let tenths = part.saturating_mul(1_000) / whole.max(1);
    match tenths % 10 {
        0 => format!("{}", tenths / 10),
        rest => format!("{}.{rest}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        CellConditions, Deal, DepartmentState, Limits, PlanCell, PlanDepartment, PlanItem,
        PlanMode, PlanScope, PlanState,
    };
    use super::*;

    fn plan(departments: usize, team: u32, planned: i64, priority: bool) -> PlanView {
        let department = |n| PlanDepartment {
            department: format!("d{n}"),
            team,
            experts: 0,
            deal: Deal::Person,
            state: DepartmentState::Agreed,
            note: String::new(),
            answered_by_name: None,
            answered_at: None,
        };
        PlanView {
            id: "p".into(),
            department: "d0".into(),
            departments: (0..departments).map(department).collect(),
            year: 2026,
            title: "示例".into(),
            mode: PlanMode::Double,
            items: vec![PlanItem {
                id: "i".into(),
                code: "SC-01".into(),
                name: "示例事项".into(),
                department: "d0".into(),
                version: 1,
                needs: Vec::new(),
                priority,
            }],
            from: "2026-01-01".into(),
            until: "2026-11-30".into(),
            scope: PlanScope::default(),
            named: 0,
            cells: vec![PlanCell {
                conditions: CellConditions::default(),
                ratio_ppm: Some(0),
                number: None,
                reserves: 0,
                objects: 1_000,
                drawn: planned,
                label: String::new(),
            }],
            district_minimum: 0,
            yearly_draws: 2,
            exemption: None,
            limits: Limits {
                visits: None,
                general_ratio_ppm: 200_000,
            },
            warnings: Vec::new(),
            reason: String::new(),
            planned,
            state: PlanState::Draft,
            return_reason: None,
            drafted_by: "a".into(),
            drafted_by_name: "甲".into(),
            drafted_at: 0,
            submitted_at: None,
            approved_by_name: None,
            approved_at: None,
            locked_by_name: None,
            locked_at: None,
        }
    }

    // J1: in principle at most 5 departments and 10 inspectors; general items are limited.
    #[rstest::rstest]
    #[case::usual(5, 2, 200, false, &[])]
    #[case::six_departments(6, 1, 10, false, &["many_departments"])]
    #[case::twelve_inspectors(3, 4, 10, false, &["many_inspectors"])]
    #[case::general_items_above_the_ratio(1, 2, 201, false, &["general_ratio"])]
    #[case::priority_items_have_no_ceiling(1, 2, 1_000, true, &[])]
    fn what_is_not_usual_is_said(
        #[case] departments: usize,
        #[case] team: u32,
        #[case] planned: i64,
        #[case] priority: bool,
        #[case] expected: &[&str],
    ) {
        let found = warnings(&plan(departments, team, planned, priority));
        let codes: Vec<&str> = found.iter().map(|w| w.code.as_str()).collect();
        assert_eq!(codes, expected);
    }

    #[test]
    fn shares_read_as_people_write_them() {
        assert_eq!(percent(201, 1_000), "20.1");
        assert_eq!(percent(200_000, 1_000_000), "20");
    }
}
