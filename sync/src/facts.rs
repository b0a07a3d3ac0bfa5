//! What a tablet is given to know before it goes: the check sheets, the facts of the object, the team.
//!
//! These travel as JSON beside the record document; the document holds the SHA-256 of each check
//! sheet, so that a record always says by which form it was made (L2, L4).

use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::ids::{Key, Sha256, TaskId};

/// How a check point is answered (L4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AnswerKind {
    /// Compliant, non-compliant or not applicable: 符合 / 不符合 / 不适用.
    Verdict,
    /// A decimal number in `unit`, written as text so that nothing is rounded.
    Number { unit: String },
    /// Free text.
    Text,
    /// One of the listed options.
    Choice { options: Vec<String> },
}

/// Whether a photo or a note is compulsory, and on which answer (L4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    Never,
    #[default]
    Optional,
    OnNonCompliant,
    Always,
}

impl Demand {
    /// Whether the demand is in force once the point has been answered with `answer`.
    pub fn applies(self, answer: &str) -> bool {
        match self {
            Demand::Never | Demand::Optional => false,
            Demand::OnNonCompliant => answer == "non_compliant",
            Demand::Always => !answer.is_empty(),
        }
    }
}

/// One line of a check sheet 检查要点.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckPoint {
    /// Stable within the sheet; `[a-z0-9-]{1,32}`.
    pub id: String,
    /// Position on the sheet, from 1.
    pub no: u32,
    /// What is checked 检查内容.
    pub content: String,
    /// Law, and article where it is certain 检查依据.
    pub basis: String,
    /// What compliance means 检查要求.
    pub requirement: String,
    /// How it is checked 检查方法.
    pub method: String,
    pub answer: AnswerKind,
    #[serde(default)]
    pub photo: Demand,
    #[serde(default)]
    pub note: Demand,
}

impl CheckPoint {
    /// Whether `answer` is one that this point can have. Numbers are plain decimals.
    pub fn accepts(&self, answer: &str) -> bool {
        match &self.answer {
            AnswerKind::Verdict => {
                matches!(answer, "compliant" | "non_compliant" | "not_applicable")
            }
            AnswerKind::Number { .. } => is_decimal(answer) || answer == "not_applicable",
            AnswerKind::Text => !answer.trim().is_empty(),
            AnswerKind::Choice { options } => {
                options.iter().any(|o| o == answer) || answer == "not_applicable"
            }
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    digits.len() <= 20 && all(whole) && all(fraction)
}

/// The check sheet 检查表 of one item, in one version (L4: "one table governs the inspection").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckSheet {
    /// Code of the item; `[A-Za-z0-9-]{1,32}`.
    pub item: String,
    pub name: String,
    /// Code of the department whose item it is.
    pub department: String,
    /// From 1; a change makes the next version.
    pub version: u32,
    /// Legal bases of the item.
    pub basis: Vec<String>,
    pub points: Vec<CheckPoint>,
}

impl CheckSheet {
    /// SHA-256 of the sheet's canonical JSON (RFC 8785), as the record document cites it.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(&canonical::to_vec(self))
    }

    pub fn point(&self, id: &str) -> Option<&CheckPoint> {
        self.points.iter().find(|p| p.id == id)
    }
}

/// What an inspection of this object found before (F1: history of the object).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastInspection {
    /// China date, `YYYY-MM-DD`.
    pub date: String,
    pub department: String,
    pub items: Vec<String>,
    /// Codes of the result categories (U3).
    pub results: Vec<String>,
}

/// The object as the register had it at dispatch. The internal risk class is not among it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectFacts {
    pub id: String,
    pub name: String,
    /// Unified social credit code; a citizen ID comes masked (S3).
    pub code: String,
    pub address: String,
    pub district: String,
    pub responsible: String,
    pub contact: String,
    pub industry: String,
    /// 1e-7 degrees, WGS-84, when known.
    pub lat_e7: Option<i64>,
    pub lon_e7: Option<i64>,
}

/// A public key with which a person signs on one tablet. Keys never leave the tablet (S2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Ed25519 public key of the tablet, which signs the changes that the person makes on it.
    pub device_key: Key,
    /// Ed25519 public key of the person on that tablet, which signs records.
    pub key: Key,
}

/// What a member is to the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Leader,
    Member,
    /// Assists; never counts towards the two and does not sign (I2).
    Expert,
}

/// One member of the drawn team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Inspector's id in the register.
    pub person: String,
    pub name: String,
    pub unit: String,
    /// Number of the enforcement certificate 执法证号.
    pub certificate: String,
    pub role: Role,
    pub keys: Vec<SigningKey>,
}

/// Somebody whose earlier work in the record stands, but who writes and signs no longer: a relieved
/// member, or a member's tablets that were revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    pub member: Member,
    /// When that ended by the server's clock, milliseconds since 1970 UTC.
    pub until: i64,
}

/// The team with its keys, signed by the server so that a tablet can verify colleagues offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    pub task: TaskId,
    /// Grows with every change of team or keys; a tablet keeps the greatest.
    pub version: u64,
    /// The team as it is now, the leader first.
    pub members: Vec<Member>,
    /// Whose work from before is admitted (D4, X5).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<Former>,
}

impl Roster {
    /// All who are or were on the team, each once, with every key that ever was theirs.
    pub fn everyone(&self) -> Vec<Member> {
        let mut all = self.members.clone();
        for former in &self.former {
            match all.iter_mut().find(|m| m.person == former.member.person) {
                Some(member) => member.keys.extend(former.member.keys.iter().cloned()),
                None => all.push(former.member.clone()),
            }
        }
        all
    }

    /// When `person` was relieved, if they are no longer on the team.
    pub fn relieved_at(&self, person: &str) -> Option<i64> {
        if self.members.iter().any(|m| m.person == person) {
            return None;
        }
        let former = self.former.iter().find(|f| f.member.person == person)?;
        Some(former.until)
    }
}

/// All that a tablet needs to know of a task beside its record document (F1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFacts {
    pub task: TaskId,
    /// Number of the task, such as 市监抽查〔2026〕1号-0007.
    pub number: String,
    pub title: String,
    pub department: String,
    pub department_name: String,
    /// China dates between which the visit takes place, both included.
    pub from: String,
    pub until: String,
    /// Text of the notice 抽查通知书, plain.
    pub notice: String,
    pub object: ObjectFacts,
    pub history: Vec<PastInspection>,
    pub sheets: Vec<CheckSheet>,
    /// Address of the public portal, `https://…` without a slash at the end, where the office said one;
    /// else the portal is at the address of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<String>,
}
