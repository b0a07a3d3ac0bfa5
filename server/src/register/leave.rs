//! Leave of inspectors 休假、外派 (I4): from when until when, and why.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inspector::Days;
use crate::db::{Result, Row, Tx};

/// A time in which somebody is not drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Leave {
    /// UUID.
    pub id: String,
    /// Inspector's id.
    pub inspector: String,
    /// First day, China date.
    pub from: String,
    /// Last day; `None`: until further notice.
    pub until: Option<String>,
    /// Why; seen by the office only.
    pub reason: String,
    /// Name of who entered it.
    pub created_by_name: String,
}

const COLUMNS: &str = "l.id, l.inspector, l.from_date, l.until_date, l.reason, l.created_by_name";

fn leave(row: &Row<'_>) -> Result<Leave> {
    Ok(Leave {
        id: row.get(0)?,
        inspector: row.get(1)?,
        from: row.get(2)?,
        until: row.get(3)?,
        reason: row.get(4)?,
        created_by_name: row.get(5)?,
    })
}

/// Whether somebody with these leaves is not drawn: on leave on the day of the draw, or for at least half
/// of the days on which the visits can still take place.
pub(super) fn away(leaves: &[Leave], days: Days<'_>) -> bool {
    let covers = |l: &Leave, day: &str| {
        l.from.as_str() <= day && l.until.as_deref().is_none_or(|until| until >= day)
    };
    if leaves.iter().any(|l| covers(l, days.today)) {
        return true;
    }
    let date = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let first = days.from.max(days.today);
    let (Some(from), Some(until)) = (date(first), date(days.until)) else {
        return false;
    };
    let all: Vec<String> = from
        .iter_days()
        .take_while(|day| *day <= until)
        .map(|day| day.to_string())
        .collect();
    let missed = all
        .iter()
        .filter(|day| leaves.iter().any(|l| covers(l, day)))
        .count();
    missed > 0 && missed * 2 >= all.len()
}

/// Leaves of a department's people that are not over before `from`, begin until `until`, and stand.
pub(super) fn of_department(
    tx: &mut Tx<'_>,
    department: &str,
    from: &str,
    until: &str,
) -> Result<Vec<Leave>> {
    tx.query(
        &format!(
            "SELECT {COLUMNS} FROM inspector_leaves l JOIN inspectors i ON i.id = l.inspector
             WHERE i.department = $1 AND l.removed_at IS NULL AND (l.from_date <= $3 OR l.from_date <= $2)
               AND (l.until_date IS NULL OR l.until_date >= $2)"
        ),
        &[&department, &from, &until],
        leave,
    )
}

/// Leaves of one person that stand, the latest first.
pub fn leaves(tx: &mut Tx<'_>, inspector: &str) -> Result<Vec<Leave>> {
    tx.query(
        &format!(
            "SELECT {COLUMNS} FROM inspector_leaves l
             WHERE l.inspector = $1 AND l.removed_at IS NULL ORDER BY l.from_date DESC, l.id"
        ),
        &[&inspector],
        leave,
    )
}

/// One leave that stands.
pub(super) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Leave>> {
    tx.query_opt(
        &format!(
            "SELECT {COLUMNS} FROM inspector_leaves l WHERE l.id = $1 AND l.removed_at IS NULL"
        ),
        &[&id],
        leave,
    )
}

/// Enters a leave, unless the same one stands already. Whether it was new.
pub(crate) fn put(tx: &mut Tx<'_>, new: &Leave, now: i64) -> Result<bool> {
    let known: Option<String> = tx.query_opt(
        "SELECT id FROM inspector_leaves WHERE inspector = $1 AND from_date = $2
           AND COALESCE(until_date, '') = COALESCE($3, '') AND removed_at IS NULL",
        &[&new.inspector, &new.from, &new.until],
        |row| row.get(0),
    )?;
    if known.is_some() {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO inspector_leaves (id, inspector, from_date, until_date, reason, created_by_name,
             created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &new.id,
            &new.inspector,
            &new.from,
            &new.until,
            &new.reason,
            &new.created_by_name,
            &now,
        ],
    )?;
    Ok(true)
}

/// The row stays, so that earlier draws can be explained.
pub(super) fn remove(tx: &mut Tx<'_>, id: &str, now: i64) -> Result<()> {
    tx.execute(
        "UPDATE inspector_leaves SET removed_at = $2 WHERE id = $1",
        &[&id, &now],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // I4
    #[rstest::rstest]
    #[case::on_the_day_of_the_draw("2026-03-01", Some("2026-03-02"), true)]
    #[case::over_before("2026-02-01", Some("2026-02-28"), false)]
    #[case::some_days_of_the_time("2026-03-10", Some("2026-03-12"), false)]
    #[case::half_of_the_time("2026-03-16", Some("2026-03-31"), true)]
    #[case::from_soon_without_end("2026-03-05", None, true)]
    #[case::after_the_visits("2026-04-01", None, false)]
    fn who_is_away_is_not_drawn(
        #[case] from: &str,
        #[case] until: Option<&str>,
        #[case] out: bool,
    ) {
        let leave = Leave {
            id: "l".into(),
            inspector: "i".into(),
            from: from.into(),
            until: until.map(str::to_owned),
            reason: "培训".into(),
            created_by_name: "甲".into(),
        };
        let days = Days {
            today: "2026-03-01",
            from: "2026-01-01",
            until: "2026-03-31",
        };
        assert_eq!(away(&[leave], days), out);
        assert!(!away(&[], days));
    }
}
