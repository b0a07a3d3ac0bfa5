//! How often an object is visited in a year, and how often it may be (X1, X3, K3).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::Tx;
use crate::error::AppError;
use crate::plan::{self, ExemptionGround, limits_of};

/// Visits of one object in one year, of all departments together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Visits {
    /// The year.
    pub year: i32,
    /// Visits that were arranged, this one included, and not dropped.
    pub arranged: u32,
    /// Those of them that are over.
    pub done: u32,
    /// Visits that the year allows; none: no cap was set.
    pub cap: Option<u32>,
    /// Why this visit may go beyond the cap, in words; empty: it may not.
    pub exemption: String,
}

/// The visits of an object in the year of this China date; a visit belongs to the year in which its time
/// begins. The cap is that of the department that leads `draw`.
///
/// # Errors
/// The database.
pub fn visits(tx: &mut Tx<'_>, draw: &str, object: &str, from: &str) -> Result<Visits, AppError> {
    let year = from.get(..4).unwrap_or_default();
    let (first, last) = (format!("{year}-01-01"), format!("{year}-12-31"));
    let (arranged, done) = tx.query_one(
        "SELECT COUNT(*), COUNT(CASE WHEN state IN ('sealed', 'returned', 'accepted') THEN 1 END)
         FROM tasks WHERE object = $1 AND from_date BETWEEN $2 AND $3 AND state <> 'withdrawn'",
        &[&object, &first, &last],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let (department, plan): (String, String) = tx.query_one(
        "SELECT department, plan FROM draws WHERE id = $1",
        &[&draw],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )?;
    let exemption = plan::store::find(tx, &plan)?.and_then(|p| p.exemption);
    Ok(Visits {
        year: year.parse().unwrap_or_default(),
        arranged,
        done,
        cap: limits_of(tx, &department)?.visits,
        exemption: exemption
            .map(|e| format!("{}（{}）", words(e.ground), e.note))
            .unwrap_or_default(),
    })
}

/// A ground of exemption in words.
const fn words(ground: ExemptionGround) -> &'static str {
    match ground {
        ExemptionGround::Complaint => "投诉举报",
        ExemptionGround::Referral => "转办交办、数据监测等线索",
        ExemptionGround::SpecialOrder => "上级专项部署",
        ExemptionGround::FollowUp => "整改复查",
        ExemptionGround::HighRisk => "重点领域、高风险",
    }
}
