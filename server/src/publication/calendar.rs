//! Working days 工作日 by the State Council's notices on holidays: days off, and the weekends on
//! which work is made up for (U1).
//!
//! The facts are in `working-days.csv`; a day that it does not list follows the week. The notice for
//! a year comes in the autumn before, and may also change the last days of December: until it is
//! in the file, days of that year are counted by the week and the result says that it may move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The calendar that this program was built with.
pub fn official() -> &'static Calendar {
    &OFFICIAL
}

static OFFICIAL: LazyLock<Calendar> = LazyLock::new(|| {
    // A test holds the file to its form, so a build that is shipped has no unreadable line.
    Calendar::parse(include_str!("working-days.csv")).unwrap_or_default()
});

/// Which days are worked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Days that do not follow the week, or that a notice names: true when worked.
    named: BTreeMap<NaiveDate, bool>,
    /// Years whose notice is in.
    years: BTreeSet<i32>,
}

/// A line of the file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("working days, line {line}: expected `notice,date,off|work,name`")]
pub struct BadLine {
    /// Counted from 1, the header included.
    pub line: usize,
}

/// The day on which a period of working days ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deadline {
    /// The last day of the period, in China.
    #[schema(value_type = String, format = Date)]
    pub date: NaiveDate,
    /// Counted partly in a year whose notice is not known yet: the date may move.
    pub provisional: bool,
}

impl Calendar {
    /// Reads lines of `notice,date,off|work,name` below a header. Where two notices name the same
    /// day, the later line stands.
    pub fn parse(text: &str) -> Result<Self, BadLine> {
        let mut calendar = Self::default();
        for (number, line) in text.lines().enumerate().skip(1) {
            let bad = || BadLine { line: number + 1 };
            let mut fields = line.splitn(4, ',');
            let mut field = || fields.next().ok_or_else(bad);
            let year: i32 = field()?.parse().map_err(|_| bad())?;
            let date: NaiveDate = field()?.parse().map_err(|_| bad())?;
            let worked = match field()? {
                "work" => true,
                "off" => false,
                _ => return Err(bad()),
            };
            calendar.years.insert(year);
            calendar.named.insert(date, worked);
        }
        Ok(calendar)
    }

    /// Whether the notice for this year is in.
    pub fn knows(&self, year: i32) -> bool {
        self.years.contains(&year)
    }

    /// Whether the day is worked.
    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        let by_week = !matches!(date.weekday(), Weekday::Sat | Weekday::Sun);
        self.named.get(&date).copied().unwrap_or(by_week)
    }

    /// The `days`-th working day after `start`; `start` itself is day 0 and does not count.
    pub fn deadline(&self, start: NaiveDate, days: u32) -> Deadline {
        let mut date = start;
        let mut provisional = false;
        let mut left = days;
        while left > 0 {
            let Some(next) = date.succ_opt() else { break };
            date = next;
            provisional |= !self.knows(date.year());
            left -= u32::from(self.is_working_day(date));
        }
        Deadline { date, provisional }
    }

    /// Working days from `today` to the end of `due`, today not counted: 0 on the day itself.
    /// After it the number is negative, at least -1 also when only days off have passed.
    pub fn days_left(&self, today: NaiveDate, due: NaiveDate) -> i32 {
        if today > due {
            return -self.between(due, today).max(1);
        }
        self.between(today, due)
    }

    /// Working days after `from` up to and including `to`.
    fn between(&self, from: NaiveDate, to: NaiveDate) -> i32 {
        let days = from.iter_days().skip(1).take_while(|day| *day <= to);
        let count = days.filter(|day| self.is_working_day(*day)).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn every_line_of_the_file_can_be_read() {
        let calendar = Calendar::parse(include_str!("working-days.csv")).unwrap();
        assert_eq!(&calendar, official());
        assert!((2018..=2026).all(|year| calendar.knows(year)));
        assert!(!calendar.knows(2027));
    }

    #[test]
    fn the_facts_are_those_of_the_notices() {
        let Ok(folder) = std::fs::read_dir("../../shared/data/working-days") else {
            eprintln!("skipped: no ../shared/data/working-days");
            return;
        };
        for file in folder {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let notice: serde_json::Value = serde_json::from_str(&text).unwrap();
            for day in notice["days"].as_array().unwrap() {
                let on = date(day[0].as_str().unwrap());
                assert_eq!(official().is_working_day(on), day[1] == false, "{on}");
            }
        }
    }

    // U1
    #[rstest::rstest]
    #[case::tuesday("2026-11-24", true)]
    #[case::saturday("2026-11-28", false)]
    #[case::eve_of_the_festival_is_made_up_for_on_a_saturday("2026-02-14", true)]
    #[case::first_day_of_the_festival("2026-02-15", false)]
    #[case::a_monday_inside_the_festival("2026-02-23", false)]
    #[case::made_up_for_after_the_festival("2026-02-28", true)]
    #[case::extended_by_a_second_notice_in_2020("2020-01-31", false)]
    #[case::sunday_before_national_day("2026-09-20", true)]
    #[case::an_unknown_year_follows_the_week("2031-01-01", true)]
    fn a_day_is_worked_or_not(#[case] on: &str, #[case] worked: bool) {
        assert_eq!(official().is_working_day(date(on)), worked);
    }

    // U1: day 0 does not count; holidays do not; make-up Saturdays do.
    #[rstest::rstest]
    #[case::one_day_is_tomorrow("2026-11-24", 1, "2026-11-25", false)]
    #[case::no_days("2026-11-24", 0, "2026-11-24", false)]
    #[case::over_a_weekend("2026-11-27", 1, "2026-11-30", false)]
    #[case::from_a_saturday("2026-11-28", 1, "2026-11-30", false)]
    #[case::twenty_plain_days("2026-11-02", 20, "2026-11-30", false)]
    #[case::twenty_over_spring_festival("2026-02-06", 20, "2026-03-12", false)]
    #[case::seven_with_the_saturday_before_the_festival("2026-02-11", 7, "2026-02-27", false)]
    #[case::seven_over_national_day("2026-09-29", 7, "2026-10-14", false)]
    #[case::into_a_year_without_notice("2026-12-25", 7, "2027-01-05", true)]
    #[case::up_to_the_last_day_that_is_known("2026-12-25", 4, "2026-12-31", false)]
    fn a_period_ends(
        #[case] start: &str,
        #[case] days: u32,
        #[case] ends: &str,
        #[case] provisional: bool,
    ) {
        let expected = Deadline {
            date: date(ends),
            provisional,
        };
        assert_eq!(official().deadline(date(start), days), expected);
    }

    // U1: overdue is visible
    #[rstest::rstest]
    #[case::same_day("2026-11-30", "2026-11-30", 0)]
    #[case::tomorrow("2026-11-29", "2026-11-30", 1)]
    #[case::a_week("2026-11-23", "2026-11-30", 5)]
    #[case::over_the_festival("2026-02-13", "2026-02-28", 6)]
    #[case::yesterday("2026-12-01", "2026-11-30", -1)]
    #[case::only_a_weekend_has_passed("2026-11-28", "2026-11-27", -1)]
    #[case::a_week_late("2026-12-07", "2026-11-30", -5)]
    fn days_are_left(#[case] today: &str, #[case] due: &str, #[case] left: i32) {
        assert_eq!(official().days_left(date(today), date(due)), left);
    }
}
