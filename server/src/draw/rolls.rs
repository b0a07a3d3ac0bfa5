//! Rolls of the dice, kept one by one as they fall. A mistaken entry is corrected by another entry of
//! the same roll, with the reason; both stay in the minutes (D3).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store::Draw;
use crate::db::{Result, Tx};
use crate::error::{AppError, FieldError};

/// What was entered first for a roll and turned out to be a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mistake {
    /// The value that was wrong.
    pub value: u32,
    /// When it was corrected, milliseconds since the Unix epoch.
    pub corrected_at: i64,
    /// Why.
    pub reason: String,
    /// Who corrected it.
    pub by: String,
}

/// A roll as it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RollView {
    /// From 1.
    pub roll: u32,
    /// From 1 to the number of sides.
    pub value: u32,
    /// When it was first entered, milliseconds since the Unix epoch.
    pub at: i64,
    /// What it was before it was corrected, oldest first.
    pub mistakes: Vec<Mistake>,
}

/// The rolls so far, in their order.
pub fn thrown(tx: &mut Tx<'_>, draw: &str) -> Result<Vec<RollView>> {
    let mut rolls: Vec<RollView> = Vec::new();
    tx.for_each(
        "SELECT roll, value, at, reason, by_name FROM draw_rolls WHERE draw = $1 ORDER BY entry",
        &[&draw],
        |r| {
            let (roll, value, at): (u32, u32, i64) = (r.get(0)?, r.get(1)?, r.get(2)?);
            match rolls.iter_mut().find(|known| known.roll == roll) {
                Some(known) => {
                    known.mistakes.push(Mistake {
                        value: known.value,
                        corrected_at: at,
                        reason: r.get(3)?,
                        by: r.get(4)?,
                    });
                    known.value = value;
                }
                None => rolls.push(RollView {
                    roll,
                    value,
                    at,
                    mistakes: Vec::new(),
                }),
            }
            Ok(())
        },
    )?;
    Ok(rolls)
}

/// Keeps an entry.
pub fn keep(
    tx: &mut Tx<'_>,
    draw: &str,
    roll: u32,
    value: u32,
    reason: &str,
    by: &str,
    now: i64,
) -> Result<()> {
    tx.execute(
        "INSERT INTO draw_rolls (draw, entry, roll, value, reason, by_name, at)
         SELECT $1, COALESCE(MAX(entry), 0) + 1, $2, $3, $4, $5, $6 FROM draw_rolls WHERE draw = $1",
        &[&draw, &roll, &value, &reason, &by, &now],
    )?;
    Ok(())
}

/// What an entry of a roll is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The next roll, others will follow.
    Next,
    /// The last roll: the seed exists.
    Last,
    /// A roll that is there already, entered anew.
    Correction,
}

/// Whether this entry can be made: the next roll in order, or the correction of one that is there.
///
/// # Errors
/// `roll_order` and, for values that the dice do not have, the field.
pub fn decide(
    draw: &Draw,
    known: usize,
    roll: u32,
    value: u32,
    correcting: bool,
) -> std::result::Result<Entry, AppError> {
    if !(1..=draw.sides).contains(&value) {
        let message = format!("点数须为 1 到 {}", draw.sides);
        return Err(AppError::invalid(vec![FieldError::new("value", message)]));
    }
    let (known, next) = (known as u32, known as u32 + 1);
    match (correcting, roll) {
        (true, n) if (1..=known).contains(&n) => Ok(Entry::Correction),
        (true, _) => Err(AppError::conflict(
            "roll_order",
            format!("第 {roll} 次还没有填写，不能更正"),
        )),
        (false, n) if n == next && n == draw.rolls => Ok(Entry::Last),
        (false, n) if n == next && n < draw.rolls => Ok(Entry::Next),
        (false, _) => Err(AppError::conflict(
            "roll_order",
            format!("已填写 {known} 次，现在只能填写第 {next} 次；填错的请用“更正”"),
        )),
    }
}
