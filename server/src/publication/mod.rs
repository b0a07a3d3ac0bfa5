//! Publication 公示 (§二(一)4, §二(三)4; U1–U3, U6): what is due, what the public reads.
//!
//! A publication is a small JSON text about one inspection, made from the record at its sealed
//! heads. It holds the nine categories and nothing else about a finding, and it holds no risk
//! class, no telephone and no citizen's number. Its bytes are kept as they are; their SHA-256 is in
//! the journal. A correction is a new version, and the earlier ones stay readable.

pub mod calendar;
mod category;
pub mod compose;
mod identity;
mod routes;
pub mod store;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::calendar::{Deadline, official};
pub use category::Category;
pub use compose::CannotPublish;
pub use identity::public_code;
pub use routes::router;

/// Working days from the end of the inspection to its publication (U1).
pub const DUE_AFTER: u32 = 20;
/// Working days during which a publication is shown as "in publicity" 公示期 (U1).
pub const PUBLICITY: u32 = 7;

/// The last day on which an inspection that ended on `ended_on` is published in time.
pub fn due(ended_on: NaiveDate) -> Deadline {
    official().deadline(ended_on, DUE_AFTER)
}

/// The last day of the publicity of what is published on `published_on`.
pub fn publicity(published_on: NaiveDate) -> Deadline {
    official().deadline(published_on, PUBLICITY)
}

/// Where a publication stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublicationState {
    /// Accepted, and not published yet.
    Due,
    /// 公示期内
    InPublicity,
    /// Kept after its publicity.
    Published,
}

/// The day's state of what was published with publicity until `until`.
pub fn state_on(today: NaiveDate, until: Option<NaiveDate>) -> PublicationState {
    match until {
        None => PublicationState::Due,
        Some(until) if today <= until => PublicationState::InPublicity,
        Some(_) => PublicationState::Published,
    }
}

/// What the public reads about one inspection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicResult {
    /// Version of this form.
    pub v: u32,
    pub task: String,
    /// Number of the inspection, such as 示例抽查〔2026〕1号-0007.
    pub number: String,
    pub title: String,
    /// Id of the draw from which the inspection came.
    pub draw: String,
    /// From 1; each correction makes the next.
    pub version: u32,
    pub object_name: String,
    /// Credit code; a citizen's number is masked.
    pub object_code: String,
    /// Code and name of the inspecting department.
    pub department: String,
    pub department_name: String,
    /// China date of the end of the visit in the first sealed round.
    #[schema(value_type = String, format = Date)]
    pub inspected_on: NaiveDate,
    #[schema(value_type = String, format = Date)]
    pub published_on: NaiveDate,
    #[schema(value_type = String, format = Date)]
    pub publicity_until: NaiveDate,
    pub items: Vec<PublicItem>,
    pub chain: Chain,
    /// Oldest first; empty in version 1.
    pub corrections: Vec<Correction>,
}

/// One item of the inspection with its results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicItem {
    pub item: String,
    pub name: String,
    /// Version of the check sheet.
    pub version: u32,
    /// In the order of the plan; never empty.
    pub results: Vec<Category>,
}

/// Who inspected, entered, reviewed and published 谁检查、谁录入、谁公示 (U2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chain {
    pub inspected: Vec<PublicPerson>,
    pub entered: Vec<PublicPerson>,
    pub reviewed: PublicPerson,
    pub published: PublicPerson,
}

/// Someone who acted for a department.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PublicPerson {
    pub name: String,
    pub unit: String,
}

/// A later correction, with its reason (U6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Correction {
    /// The version that it made.
    pub version: u32,
    #[schema(value_type = String, format = Date)]
    pub on: NaiveDate,
    pub reason: String,
    pub by: PublicPerson,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    // U1
    #[rstest::rstest]
    #[case::not_yet("2026-11-24", None, PublicationState::Due)]
    #[case::on_the_first_day("2026-11-24", Some("2026-12-03"), PublicationState::InPublicity)]
    #[case::on_the_last_day("2026-12-03", Some("2026-12-03"), PublicationState::InPublicity)]
    #[case::the_day_after("2026-12-04", Some("2026-12-03"), PublicationState::Published)]
    fn a_publication_stands(
        #[case] today: &str,
        #[case] until: Option<&str>,
        #[case] state: PublicationState,
    ) {
        assert_eq!(state_on(date(today), until.map(date)), state);
    }

    #[test]
    fn the_periods_are_those_of_the_plan() {
        // U1
        assert_eq!(due(date("2026-11-02")).date, date("2026-11-30"));
        assert_eq!(publicity(date("2026-11-24")).date, date("2026-12-03"));
    }
}
