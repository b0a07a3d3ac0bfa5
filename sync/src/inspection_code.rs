//! The inspection code 检查码 of an object (X2): what a scan says, and until when a check that could
//! not be scanned has to be entered.

use chrono::{DateTime, Days, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::record::View;

/// Calendar days after the end of the visit within which the code is entered when there was no
/// network or the system had failed; day 0 is the day of the end.
pub const DAYS_TO_ENTER: u64 = 10;

/// How a code compares with the object of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// It names the object's unified social credit code.
    Same,
    /// It names another one.
    Other,
    /// It names none, or the object has none: a person has to compare.
    Unknown,
}

impl Match {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Other => "other",
            Self::Unknown => "unknown",
        }
    }
}

/// Unified social credit codes (GB 32100-2015) in a text, in upper case: runs of exactly 18 of its
/// characters, at least 8 of them digits, so that words of an address are not taken for one.
fn credit_codes(text: &str) -> Vec<String> {
    let own = |c: char| c.is_ascii_digit() || (c.is_ascii_uppercase() && !"IOSVZ".contains(c));
    text.to_ascii_uppercase()
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|run| run.len() == 18 && run.chars().all(own))
        .filter(|run| run.bytes().filter(u8::is_ascii_digit).count() >= 8)
        .map(str::to_owned)
        .collect()
}

/// Compares the text of a code with the object's credit code. The text may be the code itself or
/// anything that holds it, such as an address.
pub fn compare(text: &str, object_code: &str) -> Match {
    let (named, own) = (credit_codes(text), credit_codes(object_code));
    match own.first() {
        Some(own) if named.contains(own) => Match::Same,
        Some(_) if !named.is_empty() => Match::Other,
        _ => Match::Unknown,
    }
}

fn china_date(at: i64) -> Option<NaiveDate> {
    let china = FixedOffset::east_opt(8 * 3600)?;
    Some(
        DateTime::from_timestamp_millis(at)?
            .with_timezone(&china)
            .date_naive(),
    )
}

/// The last China date on which the code can be entered, for a visit that ended at `ended_at`.
pub fn enter_until(ended_at: i64) -> Option<NaiveDate> {
    china_date(ended_at)?.checked_add_days(Days::new(DAYS_TO_ENTER))
}

/// When the code of a record was read or typed in; none while there is no code.
pub fn entered_at(view: &View) -> Option<i64> {
    let there = !view.text("code/text").trim().is_empty();
    there.then(|| view.int("code/read_at")).flatten()
}

/// Until when the code is still to be entered: none while the visit goes on, or when the code is there.
pub fn open_until(view: &View) -> Option<NaiveDate> {
    if entered_at(view).is_some() {
        return None;
    }
    enter_until(view.int("visit/end_at")?)
}

/// Whether the code was there within its time: before the end of the visit, or by the last day.
pub fn in_time(view: &View) -> Option<bool> {
    let read = china_date(entered_at(view)?)?;
    match view.int("visit/end_at") {
        Some(end) => Some(read <= enter_until(end)?),
        None => Some(true),
    }
}

/// Whether a code that came after the visit began lacks its reason.
pub fn reason_missing(view: &View) -> bool {
    let late = match (entered_at(view), view.int("visit/end_at")) {
        (Some(read), Some(end)) => read > end,
        (None, Some(_)) => true,
        _ => false,
    };
    late && (view.text("code/late").is_empty() || view.text("code/reason").trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = "91440300MA5FAKE01X";

    // X2
    #[rstest::rstest]
    #[case::bare(OWN, Match::Same)]
    #[case::small_letters("91440300ma5fake01x", Match::Same)]
    #[case::in_an_address("https://jcm.example/c?uscc=91440300MA5FAKE01X&t=1", Match::Same)]
    #[case::another("https://jcm.example/c/91440300MA5FAKE02Y", Match::Other)]
    #[case::no_code("JCM-2026-000123", Match::Unknown)]
    #[case::longer_run("191440300MA5FAKE01X", Match::Unknown)]
    #[case::a_word("ABCDEFGHJKLMNPQRTU", Match::Unknown)]
    #[case::empty("", Match::Unknown)]
    fn a_code_is_held_against_the_object(#[case] text: &str, #[case] expected: Match) {
        assert_eq!(compare(text, OWN), expected);
    }

    #[test]
    fn an_object_without_a_credit_code_is_compared_by_a_person() {
        assert_eq!(compare(OWN, "4403**********1234"), Match::Unknown);
    }

    // X2: day 0 is the China day of the end
    #[rstest::rstest]
    #[case::late_in_the_evening(1_795_535_940_000, "2026-12-04")] // 2026-11-24 23:59 in China
    #[case::after_midnight(1_795_536_060_000, "2026-12-05")] // 2026-11-25 00:01 in China
    fn ten_calendar_days_are_left(#[case] end: i64, #[case] last: &str) {
        assert_eq!(enter_until(end).unwrap().to_string(), last);
    }
}
