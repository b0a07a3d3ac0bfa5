//! What is shown of a draw in the office.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::DrawState;
use super::rolls::RollView;
use super::void::{VoidAsked, VoidGround};
use super::witness::WitnessView;
use crate::plan::{PlanDepartment, PlanItem, PlanMode};

/// A cell of the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrameCell {
    /// Four digits, as in the transcript.
    pub cell: String,
    /// Its conditions in words: for the office only, never in the transcript.
    pub label: String,
    /// Objects in the frame.
    pub objects: u64,
    /// Ratio or number, in words.
    pub pick: String,
    /// How many are drawn.
    pub drawn: u64,
    /// How many stand ready.
    pub reserves: u64,
}

/// How many are kept out for one ground.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroundCount {
    /// `object` or `inspector`.
    pub kind: String,
    /// Objects: `no_district`, `inactive`, `drawn_this_year`, `visit_cap`, `no_inspector` (fewer eligible
    /// inspectors than a team) or `no_expertise` (a need that nobody eligible meets). Inspectors and
    /// experts: `on_leave`, `no_certificate`, `no_capacity`.
    pub ground: String,
    /// How many.
    pub count: u64,
}

/// A district of the frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrameDistrict {
    /// Code (GB/T 2260).
    pub district: String,
    /// Name.
    pub name: String,
    /// Objects in the frame.
    pub objects: u64,
    /// How many of them are drawn at least.
    pub least: u64,
}

/// A department's part of the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrameDepartment {
    /// Code.
    pub department: String,
    /// Inspectors who may be drawn.
    pub inspectors: u64,
    /// Experts who may be drawn.
    pub experts: u64,
    /// Fixed groups of those inspectors.
    pub groups: u64,
    /// Inspectors and experts who are kept out.
    pub excluded: u64,
}

/// The pools as they were checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FrameView {
    /// Cell by cell.
    pub cells: Vec<FrameCell>,
    /// District by district.
    #[serde(default)]
    #[schema(required = true)]
    pub districts: Vec<FrameDistrict>,
    /// Department by department, the lead first.
    #[serde(default)]
    #[schema(required = true)]
    pub departments: Vec<FrameDepartment>,
    /// Inspectors who may be drawn.
    pub inspectors: u64,
    /// Who is kept out, and why.
    pub excluded_by_ground: Vec<GroundCount>,
}

/// A drawn inspector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawnInspector {
    /// Id in the register.
    pub id: String,
    /// Name on that day.
    pub name: String,
    /// Unit on that day.
    pub unit: String,
    /// Code of the department.
    pub department: String,
}

/// A week of a census.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WeekView {
    /// From 1.
    pub week: u32,
    /// First day, China date.
    pub from: String,
    /// Last day.
    pub until: String,
}

/// A drawn object with its team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultRow {
    /// Place in the draw, from 1.
    pub rank: u32,
    /// Four digits.
    pub cell: String,
    /// Id in the register.
    pub object: String,
    /// Name on that day.
    pub object_name: String,
    /// Code (GB/T 2260).
    pub district: String,
    /// Name of the district.
    pub district_name: String,
    /// 64 hexadecimal digits.
    pub ticket: String,
    /// The first leads; nobody where only objects were drawn and the office has named nobody yet.
    pub inspectors: Vec<DrawnInspector>,
    /// Who assists, and never counts.
    pub experts: Vec<DrawnInspector>,
    /// When, in a census.
    pub week: Option<WeekView>,
}

impl ResultRow {
    /// Name of the district, or its code.
    pub fn district_name(&self) -> &str {
        crate::register::region::name(&self.district).unwrap_or(&self.district)
    }
}

/// Why and by whom a draw was made void.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoidView {
    /// China time in words.
    pub at: String,
    /// Who.
    pub who: String,
    /// Why.
    pub reason: String,
    /// After the seed: the legal ground.
    pub ground: Option<VoidGround>,
    /// After the seed: the second person.
    pub approved_by: Option<String>,
}

/// The void draw of the same plan before a draw, or a void draw's successor (D5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Neighbour {
    /// Id.
    pub id: String,
    /// Number.
    pub number: String,
    /// Where it stands.
    pub state: DrawState,
    /// SHA-256 of its seed, once drawn.
    pub seed: Option<String>,
    /// How many were drawn.
    pub drawn: i64,
    /// Once void.
    pub void_reason: Option<String>,
}

/// A draw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawView {
    /// The server's time, milliseconds since the Unix epoch: countdowns go by it.
    pub now: i64,
    /// Id.
    pub id: String,
    /// Number, such as 市场监督管理局抽查〔2026〕1号.
    pub number: String,
    /// Title.
    pub title: String,
    /// Code.
    pub department: String,
    /// Id of the plan.
    pub plan: String,
    /// Title of the plan.
    pub plan_title: String,
    /// Where it stands.
    pub state: DrawState,
    /// Items in the version of the plan.
    pub items: Vec<PlanItem>,
    /// What is drawn.
    pub mode: PlanMode,
    /// All that take part, the lead first.
    pub departments: Vec<PlanDepartment>,
    /// How often one object may be drawn in the year.
    pub yearly_draws: u32,
    /// Visits of one object in a year; none: no cap, or the plan is exempt.
    pub visit_cap: Option<u32>,
    /// Milliseconds since the Unix epoch, like all `…_at`.
    pub ceremony_at: i64,
    /// Sides of the dice.
    pub sides: u32,
    /// Number of rolls.
    pub rolls: u32,
    /// The round of drand quicknet that comes last, instead of dice.
    pub drand_round: Option<i64>,
    /// When that round comes into being.
    pub drand_at: Option<i64>,
    /// Its signature, once it came.
    pub drand_signature: Option<String>,
    /// The last source came before all values were known: nothing is left but to make the draw void.
    pub must_be_void: bool,
    /// `draw` or a China date.
    pub public_from: String,
    /// SHA-256 of the server's nonce.
    pub nonce_sha256: String,
    /// The pools, once checked.
    pub frame: Option<FrameView>,
    /// SHA-256 of `manifest.txt`, once committed.
    pub commitment: Option<String>,
    /// When.
    pub committed_at: Option<i64>,
    /// In the order of the list.
    pub witnesses: Vec<WitnessView>,
    /// Hash of the closed list.
    pub witness_list_sha256: Option<String>,
    /// The server's nonce, once it was revealed.
    pub nonce: Option<String>,
    /// When the list was closed.
    pub closed_at: Option<i64>,
    /// When all values were known.
    pub revealed_at: Option<i64>,
    /// The rolls as they fall, with corrections.
    pub thrown: Vec<RollView>,
    /// The rolls, once all have fallen.
    pub dice: Option<Vec<u32>>,
    /// SHA-256 of `seed.txt`.
    pub seed: Option<String>,
    /// When it was drawn.
    pub drawn_at: Option<i64>,
    /// How many were drawn.
    pub drawn: i64,
    /// How many stand ready.
    pub reserves: i64,
    /// In the order of rank, once drawn.
    pub result: Option<Vec<ResultRow>>,
    /// When tasks were sent.
    pub dispatched_at: Option<i64>,
    /// Whether all of the transcript is public now.
    pub public: bool,
    /// Once void.
    pub void: Option<VoidView>,
    /// Somebody asked to make it void after the seed; a second person has to decide.
    pub void_asked: Option<VoidAsked>,
    /// The void draw of the same plan before this one.
    pub before: Option<Neighbour>,
    /// Of a void draw: its successor.
    pub after: Option<Neighbour>,
}

/// A draw in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DrawRow {
    /// Id.
    pub id: String,
    /// Number.
    pub number: String,
    /// Title.
    pub title: String,
    /// Code of the lead.
    pub department: String,
    /// Codes of all that take part, the lead first.
    pub departments: Vec<String>,
    /// What is drawn.
    pub mode: PlanMode,
    /// Id of the plan.
    pub plan: String,
    /// Where it stands.
    pub state: DrawState,
    /// SHA-256 of `manifest.txt`.
    pub commitment: Option<String>,
    /// How many were drawn.
    pub drawn: i64,
    /// When the ceremony is held.
    pub ceremony_at: i64,
    /// Once void.
    pub void_reason: Option<String>,
}

/// An object or inspector that was kept out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExcludedRow {
    /// `object` or `inspector`.
    pub kind: String,
    /// Id in the register.
    pub id: String,
    /// Name on that day.
    pub name: String,
    /// As in [`GroundCount`].
    pub ground: String,
}

/// The grounds of the transcript in the API's words.
pub fn ground(in_transcript: &str) -> &str {
    match in_transcript {
        "no-district" => "no_district",
        "not-active" => "inactive",
        "no-team" => "no_inspector",
        "no-need" => "no_expertise",
        "drawn-this-year" => "drawn_this_year",
        "visit-cap" => "visit_cap",
        "on-leave" => "on_leave",
        "no-certificate" => "no_certificate",
        "no-capacity" => "no_capacity",
        other => other,
    }
}

/// China time in words.
pub fn china_time(millis: i64) -> String {
    let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
    time.with_timezone(&crate::clock::china())
        .format("%Y年%-m月%-d日 %H:%M")
        .to_string()
}
