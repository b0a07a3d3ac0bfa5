//! Cells 分层 of a plan: objects by any combination of risk class, district, industry and tag, with how
//! many are drawn of each.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::register::{ObjectFilter, industry, region};

/// Most cells of a plan.
pub(super) const CELLS_MAX: usize = 200;
/// Most values of one condition.
const VALUES_MAX: usize = 50;
/// Most characters of a public label.
const LABEL_MAX: usize = 200;

/// What an object must be to belong to a cell: all that is filled; an object belongs to the first cell that
/// it fits. Nothing filled: all the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CellConditions {
    /// One of `A` to `D`, or an empty text: not graded. Internal, never public.
    pub risk_classes: Vec<String>,
    /// One of these codes (GB/T 2260).
    pub districts: Vec<String>,
    /// Begins with one of these (GB/T 4754), such as `F52`.
    pub industries: Vec<String>,
    /// All of these. Internal.
    pub tags: Vec<String>,
}

impl CellConditions {
    /// As the register filters.
    pub fn filter(&self) -> ObjectFilter {
        ObjectFilter {
            districts: self.districts.clone(),
            industries: self.industries.clone(),
            tags: self.tags.clone(),
            risk_classes: self.risk_classes.clone(),
            statuses: Vec::new(),
            q: String::new(),
        }
    }

    /// Whether it rests on what is not public.
    fn internal(&self) -> bool {
        !self.risk_classes.is_empty() || !self.tags.is_empty()
    }

    fn is_rest(&self) -> bool {
        *self == Self::default()
    }

    /// In words for the office; `alone`: it is the only cell.
    pub fn words(&self, alone: bool) -> String {
        let mut parts = Vec::new();
        if !self.risk_classes.is_empty() {
            let class = |c: &String| match c.as_str() {
                "" => "未评级".to_owned(),
                class => format!("{class} 类"),
            };
            parts.push(
                self.risk_classes
                    .iter()
                    .map(class)
                    .collect::<Vec<_>>()
                    .join("、"),
            );
        }
        parts.extend(self.public_parts());
        if !self.tags.is_empty() {
            parts.push(format!("标签：{}", self.tags.join("＋")));
        }
        if parts.is_empty() {
            return rest(alone).to_owned();
        }
        parts.join("，")
    }

    fn public_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.districts.is_empty() {
            let name = |d: &String| region::name(d).unwrap_or(d).to_owned();
            parts.push(
                self.districts
                    .iter()
                    .map(name)
                    .collect::<Vec<_>>()
                    .join("、"),
            );
        }
        if !self.industries.is_empty() {
            let name = |i: &String| {
                let known = industry::parse(i).and_then(|full| full.split_once(' '));
                known.map_or_else(|| i.clone(), |(_, name)| name.to_owned())
            };
            parts.push(
                self.industries
                    .iter()
                    .map(name)
                    .collect::<Vec<_>>()
                    .join("、"),
            );
        }
        parts
    }
}

/// A cell without conditions.
const fn rest(alone: bool) -> &'static str {
    if alone {
        "全部对象"
    } else {
        "其余对象"
    }
}

/// The public labels of cells, in their order. A cell has one only where it and all before it, whose
/// objects it does not hold, rest on districts and industries alone: otherwise a label would tell of a
/// class who is not in it.
pub fn labels<'c>(cells: impl ExactSizeIterator<Item = &'c CellConditions>) -> Vec<String> {
    let mut internal = false;
    let alone = cells.len() == 1;
    cells
        .map(|cell| {
            internal |= cell.internal();
            if internal {
                return String::new();
            }
            let label = match cell.is_rest() {
                true => rest(alone).to_owned(),
                false => cell.public_parts().join("，"),
            };
            label.chars().take(LABEL_MAX).collect()
        })
        .collect()
}

/// How many of one cell are drawn, as it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanCellInput {
    /// One of `A` to `D`, or an empty text: not graded; no entry: any.
    #[serde(default)]
    pub risk_classes: Vec<String>,
    /// District codes; none: any.
    #[serde(default)]
    pub districts: Vec<String>,
    /// Beginnings of industries; none: any.
    #[serde(default)]
    pub industries: Vec<String>,
    /// Tags, all of which an object must bear.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Parts per million, 0 to 1,000,000; or `number`.
    pub ratio_ppm: Option<u32>,
    /// Objects; or `ratio_ppm`.
    pub number: Option<u32>,
    /// How many more stand ready.
    #[serde(default)]
    pub reserves: u32,
}

impl PlanCellInput {
    /// All objects.
    pub fn all() -> Self {
        Self {
            ratio_ppm: Some(1_000_000),
            ..Self::default()
        }
    }

    /// Its conditions, sorted, without blanks.
    pub fn conditions(&self) -> CellConditions {
        let tidy = |list: &[String]| {
            let mut list: Vec<String> = list.iter().map(|v| v.trim().to_owned()).collect();
            list.sort();
            list.dedup();
            list
        };
        let filled = |list: Vec<String>| list.into_iter().filter(|v| !v.is_empty()).collect();
        CellConditions {
            risk_classes: tidy(&self.risk_classes),
            districts: filled(tidy(&self.districts)),
            industries: filled(tidy(&self.industries)),
            tags: filled(tidy(&self.tags)),
        }
    }
}

/// A cell with its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanCell {
    /// Which objects.
    #[serde(flatten)]
    pub conditions: CellConditions,
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
    /// Public name, or empty.
    pub label: String,
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

/// Says what is wrong with the cells of a form.
pub(super) fn check(cells: &[PlanCellInput], say: &mut impl FnMut(&str, &str)) {
    if cells.is_empty() || cells.len() > CELLS_MAX {
        say("cells", "请设 1 到 200 个分层");
    }
    let conditions: Vec<CellConditions> = cells.iter().map(PlanCellInput::conditions).collect();
    for (n, one) in conditions.iter().enumerate() {
        if conditions[..n].contains(one) {
            say("cells", "有两个分层的条件完全相同");
        }
        if conditions[..n].iter().any(CellConditions::is_rest) {
            say("cells", "没有条件的分层（其余对象）须排在最后");
        }
    }
    for (cell, conditions) in cells.iter().zip(&conditions) {
        let known = |c: &String| matches!(c.as_str(), "" | "A" | "B" | "C" | "D");
        if !conditions.risk_classes.iter().all(known) {
            say("cells", "风险等级须为 A、B、C、D 或未评级");
        }
        let district = |d: &String| region::parse_district(d) == Some(d.as_str());
        if !conditions.districts.iter().all(district) {
            say("cells", "分层条件中有未知的辖区");
        }
        let lists = [
            &conditions.districts,
            &conditions.industries,
            &conditions.tags,
        ];
        if lists
            .iter()
            .any(|l| l.len() > VALUES_MAX || l.iter().any(|v| v.chars().count() > 60))
        {
            say("cells", "分层条件过多或过长");
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
    let nobody = |c: &PlanCellInput| c.ratio_ppm.unwrap_or(0) == 0 && c.number.unwrap_or(0) == 0;
    if cells.iter().all(nobody) {
        say("cells", "至少一个分层要抽取检查对象");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(
        risk: &[&str],
        districts: &[&str],
        industries: &[&str],
        tags: &[&str],
    ) -> CellConditions {
        let list = |of: &[&str]| of.iter().map(|t| (*t).to_owned()).collect();
        CellConditions {
            risk_classes: list(risk),
            districts: list(districts),
            industries: list(industries),
            tags: list(tags),
        }
    }

    // D2: no label tells a class, not even by who is not in a cell.
    #[test]
    fn a_cell_has_a_public_name_only_where_nothing_internal_makes_it() {
        let district = cell(&[], &["440304"], &[], &[]);
        let risk = cell(&["D"], &[], &[], &[]);
        let rest = cell(&[], &[], &[], &[]);
        let tagged = cell(&[], &["440304"], &[], &["餐饮"]);
        let of = |cells: &[&CellConditions]| labels(cells.iter().copied());
        assert_eq!(of(&[&district, &rest]), ["福田区", "其余对象"]);
        assert_eq!(of(&[&district, &risk, &rest]), ["福田区", "", ""]);
        assert_eq!(of(&[&risk, &district]), ["", ""]);
        assert_eq!(of(&[&tagged]), [""]);
        assert_eq!(of(&[&rest]), ["全部对象"]);
        assert_eq!(risk.words(true), "D 类");
        assert_eq!(tagged.words(false), "福田区，标签：餐饮");
        assert_eq!(rest.words(false), "其余对象");
    }

    #[test]
    fn conditions_are_told_in_one_order() {
        let written = PlanCellInput {
            districts: vec!["440304".into(), "440303".into(), "440304".into()],
            tags: vec![" 餐饮 ".into(), String::new()],
            ..PlanCellInput::all()
        };
        let conditions = cell(&[], &["440303", "440304"], &[], &["餐饮"]);
        assert_eq!(written.conditions(), conditions);
    }
}
