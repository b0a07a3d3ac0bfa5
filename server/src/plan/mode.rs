//! What a plan's draw draws (D1).

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::date;

/// What is drawn. All but the first need their reason in writing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PlanMode {
    /// 双随机: objects and inspectors.
    Double,
    /// 单随机（只抽对象）: the office names the teams after the draw.
    Objects {
        /// Why not both.
        reason: String,
        /// When that is looked at again, China date.
        review_by: String,
    },
    /// 单随机（只抽人员）: the plan names the objects, and all of them are inspected.
    Inspectors {
        /// Why not both.
        reason: String,
        /// When that is looked at again, China date.
        review_by: String,
    },
    /// 普查: all objects, where a law prescribes it; inspectors, order and week are drawn.
    Census {
        /// The law.
        basis: String,
        /// First day of the first week, China date.
        from: String,
        /// 1 to 53.
        weeks: u32,
    },
}

impl PlanMode {
    /// Whether inspectors are dealt by the draw.
    pub const fn deals(&self) -> bool {
        !matches!(self, Self::Objects { .. })
    }

    /// Whether all objects are inspected.
    pub const fn takes_all(&self) -> bool {
        matches!(self, Self::Inspectors { .. } | Self::Census { .. })
    }

    /// First and last day of a census week, from 0, as China dates, within the census.
    pub fn week(&self, week: u32) -> Option<(String, String)> {
        let Self::Census { from, weeks, .. } = self else {
            return None;
        };
        let first = date(from)?.checked_add_days(chrono::Days::new(u64::from(week) * 7))?;
        let last = first.checked_add_days(chrono::Days::new(6))?;
        (week < *weeks).then(|| (first.to_string(), last.to_string()))
    }

    /// The last day of the last week.
    fn census_end(from: NaiveDate, weeks: u32) -> Option<NaiveDate> {
        from.checked_add_days(chrono::Days::new(u64::from(weeks) * 7 - 1))
    }

    /// Field and message of what is wrong, for visits from `from` until `until`.
    pub(super) fn check(
        &self,
        from: Option<NaiveDate>,
        until: Option<NaiveDate>,
        say: &mut impl FnMut(&str, &str),
    ) {
        match self {
            Self::Double => {}
            Self::Objects { reason, review_by } | Self::Inspectors { reason, review_by } => {
                if !(10..=200).contains(&reason.trim().chars().count()) || plain(reason) {
                    say("mode.reason", "单随机须写明理由，10 到 200 个字");
                }
                match (date(review_by), from) {
                    (None, _) => say(
                        "mode.review_by",
                        "请填写复核日期：届时重新评估能否改为双随机",
                    ),
                    (Some(day), Some(from)) if day < from => {
                        say("mode.review_by", "复核日期不能早于检查开始日期");
                    }
                    (Some(day), Some(from)) if day.year() > from.year() + 1 => {
                        say("mode.review_by", "复核日期不能晚于次年年底");
                    }
                    _ => {}
                }
            }
            Self::Census {
                basis,
                from: first,
                weeks,
            } => {
                if !(2..=200).contains(&basis.trim().chars().count()) || plain(basis) {
                    say("mode.basis", "普查须写明规定普查的法律依据，200 字以内");
                }
                if !(1..=53).contains(weeks) {
                    say("mode.weeks", "普查须为 1 到 53 周");
                    return;
                }
                let Some(first) = date(first) else {
                    say("mode.from", "请填写普查第一天");
                    return;
                };
                let last = Self::census_end(first, *weeks);
                if from.is_some_and(|from| first < from)
                    || until.is_some_and(|until| last.is_none_or(|last| last > until))
                {
                    let message = "各周须在检查期间之内：请调整第一天、周数或检查期间";
                    say("mode.from", message);
                }
            }
        }
    }
}

/// Whether a text holds what the rules of a draw do not allow.
fn plain(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn census(from: &str, weeks: u32) -> PlanMode {
        PlanMode::Census {
            basis: "《中华人民共和国特种设备安全法》".into(),
            from: from.into(),
            weeks,
        }
    }

    fn single(reason: &str, review_by: &str) -> PlanMode {
        PlanMode::Objects {
            reason: reason.into(),
            review_by: review_by.into(),
        }
    }

    const WHY: &str = "人员名录尚在核对，暂由科室指派";

    // D1
    #[rstest]
    #[case::double(PlanMode::Double, None)]
    #[case::single(single(WHY, "2026-12-31"), None)]
    #[case::single_without_reason(single("需要", "2026-12-31"), Some("mode.reason"))]
    #[case::single_never_reviewed(single(WHY, ""), Some("mode.review_by"))]
    #[case::reviewed_too_late(single(WHY, "2028-01-01"), Some("mode.review_by"))]
    #[case::reviewed_before_it_begins(single(WHY, "2025-12-31"), Some("mode.review_by"))]
    #[case::census(census("2026-01-05", 47), None)]
    #[case::census_too_long(census("2026-01-05", 48), Some("mode.from"))]
    #[case::census_too_early(census("2025-12-29", 2), Some("mode.from"))]
    #[case::census_in_the_middle_of_a_week(census("2026-01-07", 2), None)]
    #[case::census_of_no_week(census("2026-01-05", 0), Some("mode.weeks"))]
    fn a_mode_needs_its_reason(#[case] mode: PlanMode, #[case] field: Option<&str>) {
        let mut said = Vec::new();
        mode.check(date("2026-01-01"), date("2026-11-30"), &mut |f, _| {
            said.push(f.to_owned());
        });
        assert_eq!(said.first().map(String::as_str), field);
    }

    #[test]
    fn a_week_has_its_days() {
        let mode = census("2026-03-02", 3);
        let days = |from: &str, until: &str| Some((from.to_owned(), until.to_owned()));
        assert_eq!(mode.week(0), days("2026-03-02", "2026-03-08"));
        assert_eq!(mode.week(2), days("2026-03-16", "2026-03-22"));
        assert_eq!(mode.week(3), None);
        assert_eq!(PlanMode::Double.week(0), None);
    }
}
