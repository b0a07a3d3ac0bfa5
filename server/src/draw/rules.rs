//! From a plan to the rules of its draw: what is committed beside the pools.

use std::collections::{BTreeMap, BTreeSet};

use ::draw::{ALGORITHM, Mode, Openings, Rules, SeedRules};

use super::store::Draw;
use crate::clock;
use crate::plan::{PlanMode, PlanView};

/// Codes of the needs of a plan's items, by department and words.
pub fn needs(plan: &PlanView) -> BTreeMap<(String, String), String> {
    let asked: BTreeSet<(String, String)> = plan
        .items
        .iter()
        .flat_map(|i| i.needs.iter().map(|n| (i.department.clone(), n.clone())))
        .collect();
    (1..)
        .zip(asked)
        .map(|(n, need)| (need, format!("n{n:02}")))
        .collect()
}

/// The rules of a draw; `names` are those of the plan's departments in their order.
pub fn rules(
    plan: &PlanView,
    draw: &Draw,
    names: &[String],
    needs: &BTreeMap<(String, String), String>,
) -> Rules {
    let deals = plan.mode.deals();
    let mut needs: Vec<::draw::Need> = needs
        .iter()
        .map(|((department, word), code)| ::draw::Need {
            code: code.clone(),
            department: department.clone(),
            name: word.clone(),
        })
        .collect();
    needs.sort_by(|a, b| a.code.cmp(&b.code));
    Rules {
        algorithm: ALGORITHM.into(),
        ceremony_at: clock_text(draw.ceremony_at),
        cells: (1..)
            .zip(&plan.cells)
            .map(|(n, c)| ::draw::Cell {
                cell: format!("{n:04}"),
                label: c.label.clone(),
                pick: c.pick(),
                reserves: c.reserves,
            })
            .collect(),
        departments: plan
            .departments
            .iter()
            .zip(names)
            .map(|(d, name)| ::draw::Department {
                code: d.department.clone(),
                deal: d.deal.rule(),
                experts: if deals { d.experts } else { 0 },
                name: name.clone(),
                team: if deals { d.team } else { 0 },
            })
            .collect(),
        district_minimum: plan.district_minimum,
        draw: draw.number.clone(),
        items: plan
            .items
            .iter()
            .map(|i| ::draw::Item {
                code: i.code.clone(),
                department: i.department.clone(),
                name: i.name.clone(),
                priority: i.priority,
                version: i.version,
            })
            .collect(),
        mode: mode(&plan.mode),
        needs,
        openings: Openings::Sealed,
        public_from: draw.public_from.clone(),
        seed: SeedRules {
            last: draw.last().rules(),
            nonce_sha256: draw.nonce_sha256(),
        },
        title: draw.title.clone(),
    }
}

fn mode(mode: &PlanMode) -> Mode {
    let text = |t: &String| t.trim().to_owned();
    match mode {
        PlanMode::Double => Mode::Double,
        PlanMode::Objects { reason, review_by } => Mode::Objects {
            reason: text(reason),
            review_by: review_by.clone(),
        },
        PlanMode::Inspectors { reason, review_by } => Mode::Inspectors {
            reason: text(reason),
            review_by: review_by.clone(),
        },
        PlanMode::Census { basis, from, weeks } => Mode::Census {
            basis: text(basis),
            from: from.clone(),
            weeks: *weeks,
        },
    }
}

/// China time as the rules have it.
pub(super) fn clock_text(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.with_timezone(&clock::china())
        .format("%Y-%m-%dT%H:%M:%S+08:00")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_the_time_of_china() {
        assert_eq!(clock_text(1_795_000_000_000), "2026-11-18T19:06:40+08:00");
    }
}
