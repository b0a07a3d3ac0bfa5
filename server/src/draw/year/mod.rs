//! The year in draws: how many, of which plans, by how many departments together (J3, K1), and that no
//! number is missing (D5).

mod public;
mod routes;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub use public::{PublicListed, PublicYear, Sought, public_year};

use super::DrawState;
use crate::state::AppState;

/// Share of draws that several departments hold together, in parts per million, that a year should have
/// (plan §二(三)3).
const CROSS_TARGET_PPM: u32 = 100_000;

/// The routes of the year.
pub fn router() -> OpenApiRouter<AppState> {
    routes::router()
}

/// A draw, as far as the figures of a year need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearDraw {
    /// Code of the leading department.
    pub department: String,
    /// Number within department and year.
    pub seq: i64,
    /// Where it stands.
    pub state: DrawState,
    /// Whether it was committed.
    pub committed: bool,
    /// The month in which it was drawn or, where it was not, is to be held; 1 to 12.
    pub month: u32,
    /// Whether it has a result.
    pub drawn: bool,
    /// Codes of all departments that inspect.
    pub departments: Vec<String>,
}

/// Draws of one month.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MonthDraws {
    /// 1 to 12.
    pub month: u32,
    /// With a result that stands.
    pub drawn: u32,
    /// Under way or still to be held.
    pub open: u32,
    /// Void.
    pub void: u32,
}

/// A department among those that hold draws together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DepartmentCross {
    /// Code.
    pub department: String,
    /// Draws with a result that it took part in.
    pub draws: u32,
    /// Of these, draws that several departments held together: one a year at least.
    pub cross: u32,
}

/// How much was drawn by several departments together (J3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cross {
    /// Draws with a result that stands.
    pub draws: u32,
    /// Of these, held by several departments together.
    pub cross: u32,
    /// Parts per million.
    pub share_ppm: u32,
    /// What it should be at least, in parts per million.
    pub target_ppm: u32,
    /// Whether it is.
    pub reached: bool,
    /// Each department that took part in a draw.
    pub departments: Vec<DepartmentCross>,
}

/// The numbers of a department in a year: from 1 without gaps (D5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Numbers {
    /// Code.
    pub department: String,
    /// The last number that was given.
    pub last: i64,
    /// Numbers below it that no draw has; must be empty.
    pub missing: Vec<i64>,
    /// Numbers of void draws.
    pub void: Vec<i64>,
    /// Numbers of draws that were never committed, and are not yet void.
    pub preparing: Vec<i64>,
}

/// The figures of a year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// Draws in all.
    pub draws: u32,
    /// With a result that stands.
    pub drawn: u32,
    /// Under way or still to be held.
    pub open: u32,
    /// Void.
    pub void: u32,
    /// Twelve.
    pub months: Vec<MonthDraws>,
    /// Of several departments.
    pub cross: Cross,
    /// Department by department.
    pub numbers: Vec<Numbers>,
}

/// Counts the draws of a year. `scope`, `,a,b,`: of which departments these are all; nothing: of all.
/// Numbers are shown of those only, since of others there are only the draws held together with them.
pub fn figures(draws: &[YearDraw], scope: Option<&str>) -> Figures {
    let mut months: Vec<MonthDraws> = (1..=12)
        .map(|month| MonthDraws {
            month,
            ..MonthDraws::default()
        })
        .collect();
    for draw in draws {
        let Some(month) = months.iter_mut().find(|m| m.month == draw.month) else {
            continue;
        };
        match (draw.state, draw.drawn) {
            (DrawState::Void, _) => month.void += 1,
            (_, true) => month.drawn += 1,
            (_, false) => month.open += 1,
        }
    }
    let sum = |of: fn(&MonthDraws) -> u32| months.iter().map(of).sum();
    let (drawn, open, void) = (sum(|m| m.drawn), sum(|m| m.open), sum(|m| m.void));
    Figures {
        draws: drawn + open + void,
        drawn,
        open,
        void,
        cross: cross(draws),
        numbers: numbers(draws, scope),
        months,
    }
}

fn cross(draws: &[YearDraw]) -> Cross {
    let stands = |d: &&YearDraw| d.drawn && d.state != DrawState::Void;
    let mut departments: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let (mut all, mut together) = (0_u32, 0_u32);
    for draw in draws.iter().filter(stands) {
        let several = u32::from(draw.departments.len() > 1);
        all += 1;
        together += several;
        for department in &draw.departments {
            let of = departments.entry(department).or_default();
            *of = (of.0 + 1, of.1 + several);
        }
    }
    let share_ppm = u64::from(together) * 1_000_000;
    let share_ppm = share_ppm.checked_div(u64::from(all)).unwrap_or(0);
    let share_ppm = u32::try_from(share_ppm).unwrap_or(u32::MAX);
    Cross {
        draws: all,
        cross: together,
        share_ppm,
        target_ppm: CROSS_TARGET_PPM,
        reached: share_ppm >= CROSS_TARGET_PPM,
        departments: departments
            .into_iter()
            .map(|(department, (draws, cross))| DepartmentCross {
                department: department.to_owned(),
                draws,
                cross,
            })
            .collect(),
    }
}

fn numbers(draws: &[YearDraw], scope: Option<&str>) -> Vec<Numbers> {
    let whole = |d: &&YearDraw| scope.is_none_or(|s| s.contains(&format!(",{},", d.department)));
    let mut by: BTreeMap<&str, BTreeMap<i64, &YearDraw>> = BTreeMap::new();
    for draw in draws.iter().filter(whole) {
        by.entry(&draw.department)
            .or_default()
            .insert(draw.seq, draw);
    }
    by.into_iter()
        .map(|(department, given)| {
            let last = given.keys().next_back().copied().unwrap_or(0);
            let there: BTreeSet<i64> = given.keys().copied().collect();
            let with = |fits: fn(&YearDraw) -> bool| -> Vec<i64> {
                let fitting = given.iter().filter(|(_, d)| fits(d));
                fitting.map(|(seq, _)| *seq).collect()
            };
            Numbers {
                department: department.to_owned(),
                last,
                missing: (1..last).filter(|n| !there.contains(n)).collect(),
                void: with(|d| d.state == DrawState::Void),
                preparing: with(|d| !d.committed && d.state != DrawState::Void),
            }
        })
        .collect()
}

/// How far a plan was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanCoverage {
    /// Id.
    pub plan: String,
    /// Title.
    pub title: String,
    /// Code.
    pub department: String,
    /// Id of the draw that is not void.
    pub draw: Option<String>,
    /// Where it stands.
    pub draw_state: Option<DrawState>,
    /// Objects of its frame.
    pub objects: u64,
    /// Objects that were drawn.
    pub drawn: u32,
    /// Tasks that were sent and not dropped.
    pub tasks: u32,
    /// Of these, tasks whose record all have signed.
    pub done: u32,
    /// Of these, tasks whose result is public.
    pub published: u32,
    /// Draws of this plan that became void.
    pub void: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(department: &str, seq: i64, state: DrawState, with: &[&str]) -> YearDraw {
        let drawn = matches!(state, DrawState::Drawn | DrawState::Dispatched);
        YearDraw {
            department: department.into(),
            seq,
            state,
            committed: state != DrawState::Defined,
            month: u32::try_from(seq).unwrap(),
            drawn,
            departments: with.iter().map(|d| (*d).to_owned()).collect(),
        }
    }

    #[test]
    fn a_year_is_counted_by_month() {
        let year = figures(
            &[
                draw("market", 1, DrawState::Dispatched, &["market"]),
                draw("market", 2, DrawState::Void, &["market"]),
                draw("market", 3, DrawState::Committed, &["market"]),
                draw("fire", 1, DrawState::Drawn, &["fire"]),
            ],
            None,
        );
        assert_eq!((year.draws, year.drawn, year.open, year.void), (4, 2, 1, 1));
        assert_eq!(
            (
                year.months[0].drawn,
                year.months[1].void,
                year.months[2].open
            ),
            (2, 1, 1)
        );
        assert_eq!(year.months.len(), 12);
    }

    // J3: at least a tenth of the draws, and each department at least once; what is void does not count.
    #[rstest::rstest]
    #[case::none(10, 0, 0, false)]
    #[case::a_tenth(10, 1, 100_000, true)]
    #[case::just_below(11, 1, 90_909, false)]
    #[case::nothing_drawn(0, 0, 0, false)]
    fn a_tenth_is_held_together(
        #[case] all: i64,
        #[case] together: i64,
        #[case] share_ppm: u32,
        #[case] reached: bool,
    ) {
        let of = |seq: i64| -> &[&str] {
            if seq <= together {
                &["market", "fire"]
            } else {
                &["market"]
            }
        };
        let mut draws: Vec<YearDraw> = (1..=all)
            .map(|seq| YearDraw {
                month: 1,
                ..draw("market", seq, DrawState::Drawn, of(seq))
            })
            .collect();
        draws.push(draw("market", 12, DrawState::Void, &["market", "fire"]));
        let cross = figures(&draws, None).cross;
        assert_eq!((cross.share_ppm, cross.reached), (share_ppm, reached));
        let fire = cross.departments.iter().find(|d| d.department == "fire");
        assert_eq!(fire.map(|d| d.cross), (together > 0).then_some(1));
    }

    // D5
    #[test]
    fn numbers_have_no_gaps_or_the_gap_is_named() {
        let year = figures(
            &[
                draw("market", 1, DrawState::Void, &[]),
                draw("market", 2, DrawState::Drawn, &[]),
                draw("market", 5, DrawState::Defined, &[]),
                draw("fire", 3, DrawState::Drawn, &["fire", "market"]),
            ],
            Some(",market,"),
        );
        assert_eq!(year.numbers.len(), 1, "of others only a part is known");
        let numbers = &year.numbers[0];
        assert_eq!(
            (numbers.last, numbers.missing.as_slice()),
            (5, [3, 4].as_slice())
        );
        assert_eq!(
            (numbers.void.as_slice(), numbers.preparing.as_slice()),
            ([1].as_slice(), [5].as_slice())
        );
    }
}
