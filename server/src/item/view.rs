//! Items as the API shows them.

use serde::{Deserialize, Serialize};
use sync::facts;
use utoipa::ToSchema;

use super::ItemFacts;
use super::store::{Item, Version};

/// How a check point is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerKind {
    /// Compliant, non-compliant, not applicable.
    Verdict,
    /// A decimal number.
    Number {
        /// Its unit.
        unit: String,
    },
    /// Free text.
    Text,
    /// One of some.
    Choice {
        /// Which.
        options: Vec<String>,
    },
}

/// Whether a photo or a note is compulsory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// Not offered.
    Never,
    /// Offered.
    Optional,
    /// When the answer is non-compliant.
    OnNonCompliant,
    /// With every answer.
    Always,
}

/// One line of a check sheet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckPoint {
    /// Stable within the sheet; given from the position when left out.
    #[serde(default)]
    pub id: String,
    /// From 1; given from the position when left out.
    #[serde(default)]
    pub no: u32,
    /// What is checked.
    pub content: String,
    /// Law, and article where it is certain.
    #[serde(default)]
    pub basis: String,
    /// What compliance means.
    #[serde(default)]
    pub requirement: String,
    /// How it is checked.
    #[serde(default)]
    pub method: String,
    /// How it is answered.
    pub answer: AnswerKind,
    /// Whether a photo is compulsory.
    pub photo: Demand,
    /// Whether a note is compulsory.
    pub note: Demand,
}

impl From<facts::Demand> for Demand {
    fn from(demand: facts::Demand) -> Self {
        match demand {
            facts::Demand::Never => Self::Never,
            facts::Demand::Optional => Self::Optional,
            facts::Demand::OnNonCompliant => Self::OnNonCompliant,
            facts::Demand::Always => Self::Always,
        }
    }
}

impl From<Demand> for facts::Demand {
    fn from(demand: Demand) -> Self {
        match demand {
            Demand::Never => Self::Never,
            Demand::Optional => Self::Optional,
            Demand::OnNonCompliant => Self::OnNonCompliant,
            Demand::Always => Self::Always,
        }
    }
}

impl From<facts::AnswerKind> for AnswerKind {
    fn from(kind: facts::AnswerKind) -> Self {
        match kind {
            facts::AnswerKind::Verdict => Self::Verdict,
            facts::AnswerKind::Number { unit } => Self::Number { unit },
            facts::AnswerKind::Text => Self::Text,
            facts::AnswerKind::Choice { options } => Self::Choice { options },
        }
    }
}

impl From<AnswerKind> for facts::AnswerKind {
    fn from(kind: AnswerKind) -> Self {
        match kind {
            AnswerKind::Verdict => Self::Verdict,
            AnswerKind::Number { unit } => Self::Number { unit },
            AnswerKind::Text => Self::Text,
            AnswerKind::Choice { options } => Self::Choice { options },
        }
    }
}

impl From<facts::CheckPoint> for CheckPoint {
    fn from(point: facts::CheckPoint) -> Self {
        Self {
            id: point.id,
            no: point.no,
            content: point.content,
            basis: point.basis,
            requirement: point.requirement,
            method: point.method,
            answer: point.answer.into(),
            photo: point.photo.into(),
            note: point.note.into(),
        }
    }
}

impl CheckPoint {
    /// With its position on the sheet, from 1.
    pub(super) fn at(self, no: u32) -> facts::CheckPoint {
        let id = if self.id.is_empty() {
            format!("p{no}")
        } else {
            self.id
        };
        facts::CheckPoint {
            id,
            no,
            content: self.content,
            basis: self.basis,
            requirement: self.requirement,
            method: self.method,
            answer: self.answer.into(),
            photo: self.photo.into(),
            note: self.note.into(),
        }
    }
}

/// An item in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ItemRow {
    /// UUID.
    pub id: String,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Code of the department.
    pub department: String,
    /// Legal bases.
    pub basis: Vec<String>,
    /// The newest version.
    pub version: u32,
    /// `draft`, `active` or `retired`.
    pub status: String,
    /// How many check points.
    pub points: usize,
    /// Expertise that a team must bring.
    pub needs: Vec<String>,
    /// 重点检查事项.
    pub priority: bool,
}

impl From<Item> for ItemRow {
    fn from(item: Item) -> Self {
        Self {
            id: item.id,
            code: item.facts.code,
            name: item.facts.name,
            department: item.facts.department,
            basis: item.facts.basis,
            version: item.version,
            status: item.status,
            points: item.sheet.points.len(),
            needs: item.facts.needs,
            priority: item.facts.priority,
        }
    }
}

/// One version of an item with its check sheet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ItemVersion {
    /// From 1.
    pub version: u32,
    /// That of the item, for the newest version; `superseded` for earlier ones.
    pub status: String,
    /// What the item is.
    #[serde(flatten)]
    pub facts: ItemFacts,
    /// SHA-256 of the check sheet's canonical JSON, as records cite it.
    pub sheet_sha256: String,
    /// The check sheet.
    pub points: Vec<CheckPoint>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Name of who wrote it.
    pub created_by: String,
    /// Why.
    pub reason: String,
}

/// An item with all its versions, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ItemView {
    /// UUID.
    pub id: String,
    /// Code.
    pub code: String,
    /// The newest.
    pub version: u32,
    /// `draft`, `active` or `retired`.
    pub status: String,
    /// Newest first.
    pub versions: Vec<ItemVersion>,
}

pub(super) fn view(item: Item, versions: Vec<Version>) -> ItemView {
    let versions = versions
        .into_iter()
        .map(|v| ItemVersion {
            status: if v.version == item.version {
                item.status.clone()
            } else {
                "superseded".into()
            },
            version: v.version,
            sheet_sha256: v.sheet.sha256().to_string(),
            facts: v.facts,
            points: v.sheet.points.into_iter().map(CheckPoint::from).collect(),
            created_at: v.created_at,
            created_by: v.created_by,
            reason: v.reason,
        })
        .collect();
    ItemView {
        id: item.id,
        code: item.facts.code,
        version: item.version,
        status: item.status,
        versions,
    }
}
