//! What the review shows.

use ::sync::facts::CheckPoint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::publication::Category;

/// Where a record stands in the review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// With the team; what has come is shown.
    Arriving,
    /// Sealed, waiting for a decision.
    ToReview,
    /// Sent back; a new round is open.
    Returned,
    Accepted,
}

/// A record in the queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReviewRow {
    pub task: String,
    pub number: String,
    pub object_name: String,
    /// Codes.
    pub district: String,
    pub department: String,
    pub state: ReviewState,
    pub round: u32,
    /// Names.
    pub team: Vec<String>,
    pub sealed_at: Option<i64>,
    /// When the record last changed at the office.
    pub last_at: Option<i64>,
    pub points_total: u32,
    pub points_answered: u32,
    pub photos: u32,
    /// Points answered as non-compliant.
    pub findings: u32,
    pub conflicts: u32,
    /// Changes that are not under the seal.
    pub late: u32,
    /// Last day on which the result is published in time (U1); none before the first seal.
    pub due_date: Option<String>,
    pub working_days_left: Option<i32>,
}

/// One record in full.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReviewView {
    pub task: String,
    pub number: String,
    pub title: String,
    pub object: ReviewObject,
    pub department: String,
    pub round: u32,
    pub state: ReviewState,
    /// What a decision must name.
    pub heads: Vec<String>,
    /// The seal of the round that is shown; what is shown is the record under it.
    pub sealed: Option<SealView>,
    /// When the newest change came to the office.
    pub received_at: Option<i64>,
    pub due_date: Option<String>,
    pub working_days_left: Option<i32>,
    pub team: Vec<ReviewMember>,
    pub visit: Visit,
    /// The object's inspection code (X2).
    pub code: CodeView,
    pub sheets: Vec<SheetView>,
    pub photos: Vec<PhotoView>,
    /// Video and sound: for the office only, never published (F9).
    pub clips: Vec<ClipView>,
    pub documents: Vec<DocumentView>,
    pub statements: Vec<StatementView>,
    pub samples: Vec<SampleView>,
    pub costs: Vec<CostView>,
    pub witnesses: Vec<RecordWitness>,
    /// Declared that no fee was charged.
    pub fee_none: bool,
    pub handling: Handling,
    pub party: Party,
    pub signatures: Vec<SignatureView>,
    /// Who wrote what when, oldest first.
    pub history: Vec<Step>,
    /// What was written beside the seal, with the difference to what was sealed.
    pub late: Vec<Step>,
    pub rounds: Vec<RoundView>,
    /// Whether this reader may decide now.
    pub may_decide: bool,
    /// If not, why, in Chinese.
    pub why_not: Option<String>,
}

/// The inspected object, from the register at dispatch.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReviewObject {
    pub name: String,
    pub code: String,
    pub address: String,
    pub district: String,
    pub responsible: String,
    pub contact: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SealView {
    pub at: i64,
    /// To compare with the one on the tablet.
    pub fingerprint: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReviewMember {
    pub person: String,
    pub name: String,
    pub unit: String,
    pub certificate: String,
    /// `leader`, `member` or `expert`.
    pub role: String,
    /// `active` or `relieved`.
    pub status: String,
}

/// The visit; times are the tablets' claims.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Visit {
    pub start_at: Option<i64>,
    pub end_at: Option<i64>,
    /// `on_site`, `written` or `online`.
    pub method: Option<String>,
    pub place: Option<Place>,
    pub certificates_shown_at: Option<i64>,
    pub certificates_shown_by: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// 1e-7 degrees, WGS-84.
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
    pub accuracy_cm: Option<i64>,
    /// `gps`, `network` or `manual`.
    pub source: Option<String>,
    /// The system called the place a simulated one.
    pub mock: bool,
    /// Whole metres from the object's registered location, where both are known.
    pub distance_m: Option<u32>,
    /// Direction as seen from there: `north`, `north_east`, … `north_west`.
    pub direction: Option<String>,
    pub note: Option<String>,
}

/// The inspection code 检查码 as it stands, also when it came after the seal: that is what the ten
/// days are for (X2).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CodeView {
    /// What was scanned or typed; empty when nothing is there.
    pub text: String,
    /// `camera`, `picture` or `typed`.
    pub how: Option<String>,
    /// The tablet's clock.
    pub read_at: Option<i64>,
    pub by: String,
    /// Compared with the object's credit code: `same`, `other` or `unknown`.
    pub compared: Option<String>,
    /// Why it was not scanned before the check: `network`, `system`, `emergency` or `other`.
    pub late: Option<String>,
    pub reason: String,
    /// It is not under the seal: it was entered afterwards.
    pub after_seal: bool,
    /// Last China date on which it may be entered; none while the visit goes on.
    pub until: Option<String>,
    /// Whether it was entered by then; none while it is not there.
    pub in_time: Option<bool>,
    /// It is not there and the last day is over.
    pub overdue: bool,
}

/// The check sheet of one item with its answers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SheetView {
    pub item: String,
    pub name: String,
    pub version: u32,
    pub department: String,
    pub points: Vec<PointView>,
    pub results: Vec<Category>,
    pub result_note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PointView {
    /// `point/{item}/{point}`: what a remark names.
    pub path: String,
    pub point: PointFacts,
    /// More than one: an open conflict.
    pub answers: Vec<ValueView>,
    pub notes: Vec<ValueView>,
    /// How a conflict over the answer was settled.
    pub settled: Option<Settled>,
    /// Ids of photos.
    pub photos: Vec<String>,
}

/// A check point as it stands on the sheet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PointFacts {
    pub id: String,
    pub no: u32,
    pub content: String,
    pub basis: String,
    pub requirement: String,
    pub method: String,
    pub answer: AnswerFacts,
    /// `never`, `optional`, `on_non_compliant` or `always`.
    pub photo: String,
    pub note: String,
}

/// How the point is answered: `kind` is `verdict`, `number`, `text` or `choice`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AnswerFacts {
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
}

impl From<&CheckPoint> for PointFacts {
    fn from(point: &CheckPoint) -> Self {
        use ::sync::facts::{AnswerKind as K, Demand as D};
        let demand = |d: D| {
            match d {
                D::Never => "never",
                D::Optional => "optional",
                D::OnNonCompliant => "on_non_compliant",
                D::Always => "always",
            }
            .to_owned()
        };
        let (kind, unit, options) = match &point.answer {
            K::Verdict => ("verdict", None, None),
            K::Number { unit } => ("number", Some(unit.clone()), None),
            K::Text => ("text", None, None),
            K::Choice { options } => ("choice", None, Some(options.clone())),
        };
        PointFacts {
            id: point.id.clone(),
            no: point.no,
            content: point.content.clone(),
            basis: point.basis.clone(),
            requirement: point.requirement.clone(),
            method: point.method.clone(),
            answer: AnswerFacts {
                kind: kind.into(),
                unit,
                options,
            },
            photo: demand(point.photo),
            note: demand(point.note),
        }
    }
}

/// A value with its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValueView {
    pub value: String,
    pub person_name: String,
    /// The author's clock.
    pub at: i64,
    pub device: Option<String>,
    /// Where the author was relieved since.
    pub relieved: Option<Relieved>,
}

/// How a change stands to the relief of its author (D4, X5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relieved {
    /// Written before it.
    Before,
    /// Written after it by the tablet's clock, without knowing of it.
    Unaware,
}

/// Who chose which of several answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Settled {
    pub by: String,
    pub at: i64,
    /// What was given up.
    pub dropped: Vec<ValueView>,
}

/// How much of a photo is at the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stored {
    None,
    Thumbnail,
    Rendition,
    Original,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PhotoView {
    pub id: String,
    /// `point/{item}/{point}`, or empty.
    pub point: String,
    pub caption: String,
    pub taken_at: Option<i64>,
    pub added_at: Option<i64>,
    pub added_by: String,
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub size: Option<i64>,
    pub sha256: String,
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
    pub withdrawn: bool,
    /// The best that is here.
    pub stored: Stored,
    pub thumbnail_url: Option<String>,
    pub rendition_url: Option<String>,
    pub original_url: Option<String>,
}

/// A clip of video or sound (F9).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClipView {
    pub id: String,
    /// `entry`, `identity`, `certificates`, `check` or `refusal`.
    pub kind: String,
    /// Such as `video/mp4`, as the tablet read it from the bytes.
    pub media: String,
    /// `point/{item}/{point}`, or empty.
    pub point: String,
    pub caption: String,
    /// Length as the tablet was told it.
    pub duration_ms: Option<i64>,
    /// By the tablet's clock.
    pub recorded_at: Option<i64>,
    pub added_at: Option<i64>,
    pub added_by: String,
    pub size: Option<i64>,
    pub sha256: String,
    pub withdrawn: bool,
    /// Where it can be played, once all of it is here and its hash was checked.
    pub url: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DocumentView {
    pub title: String,
    pub note: String,
    pub by: String,
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StatementView {
    pub speaker: String,
    pub capacity: String,
    pub text: String,
    pub by: String,
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SampleView {
    pub name: String,
    pub quantity: String,
    pub note: String,
    pub by: String,
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CostView {
    pub entrusted_by: String,
    pub purpose: String,
    pub amount_fen: i64,
    pub by: String,
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RecordWitness {
    pub name: String,
    pub capacity: String,
    /// The witness's own hand (F9).
    pub ink: Option<InkView>,
    pub by: String,
    pub at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Handling {
    pub opinion: String,
    pub measure: String,
    pub deadline: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Party {
    pub opinion: String,
    pub name: String,
    pub capacity: String,
    pub phone: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignerRole {
    Inspector,
    /// The party signed.
    Party,
    /// The party refused to sign.
    Refusal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignatureState {
    /// Covers what is shown.
    Valid,
    /// Covers an earlier state.
    Superseded,
    /// Worth nothing.
    Invalid,
    /// Not here, or what it covers is not all here yet.
    Missing,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignatureView {
    pub signer_name: String,
    pub role: SignerRole,
    pub state: SignatureState,
    /// What was verified, with what outcome, in Chinese.
    pub words: String,
    /// How many changes came after.
    pub superseded_by: Option<u32>,
    pub round: Option<u32>,
    /// The tablet's clock.
    pub claimed_time: Option<i64>,
    pub received_at: Option<i64>,
    /// Of the signed content.
    pub fingerprint: Option<String>,
    pub ink: Option<InkView>,
    pub refusal: Option<Refusal>,
}

/// Handwriting in tenths of a pixel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InkView {
    pub width: i64,
    pub height: i64,
    /// Strokes of points `[x, y]`.
    pub strokes: Vec<Vec<[i64; 2]>>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    pub reason: String,
    pub witness_name: Option<String>,
}

/// One change of the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// The author's clock.
    pub at: i64,
    /// The office's clock.
    pub received_at: i64,
    pub person_name: String,
    pub device_name: Option<String>,
    /// Where the author was relieved since.
    pub relieved: Option<Relieved>,
    pub puts: Vec<StepPut>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StepPut {
    pub path: String,
    /// Where that is, in Chinese.
    pub label: String,
    pub before: Option<String>,
    pub after: String,
    /// A conflict was settled here.
    pub settled: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RoundView {
    pub n: u32,
    pub opened_at: Option<i64>,
    pub remarks: Vec<Remark>,
    pub decision: Option<DecisionView>,
}

/// What a supervisor wants mended, and where (V2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remark {
    /// Path of a check point or of another part of the record; empty: the whole.
    pub path: String,
    pub text: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DecisionView {
    pub by: String,
    pub at: i64,
    pub accepted: bool,
}
