//! Witnesses 见证人 (D3): entered with name and capacity, they hand in the hash of a value before the
//! list is closed and reveal the value after: on their own telephone, at a terminal of the hall, or on
//! paper. The server never sees a value before the list is closed.

pub mod page;
pub(in crate::draw) mod public;
mod slips;
pub mod store;

pub use public::throttle;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

use crate::error::FieldError;
use crate::state::AppState;

/// The routes of witnesses beside the officer's steps.
pub(super) fn router() -> OpenApiRouter<AppState> {
    public::router().merge(slips::router())
}

/// In which capacity somebody witnesses 身份.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capacity {
    /// 人大代表、政协委员
    Deputy,
    /// 纪检监察人员
    Discipline,
    /// 公证人员
    Notary,
    /// 第三方机构代表
    ThirdParty,
    /// 行业或企业代表
    Trade,
    /// 新闻媒体
    Media,
    /// 社会公众
    #[default]
    Public,
}

impl Capacity {
    /// All, in the order of the form.
    pub const ALL: [Self; 7] = [
        Self::Deputy,
        Self::Discipline,
        Self::Notary,
        Self::ThirdParty,
        Self::Trade,
        Self::Media,
        Self::Public,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deputy => "deputy",
            Self::Discipline => "discipline",
            Self::Notary => "notary",
            Self::ThirdParty => "third_party",
            Self::Trade => "trade",
            Self::Media => "media",
            Self::Public => "public",
        }
    }

    /// The capacity of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.as_str() == word)
    }

    /// As it is read out.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Deputy => "人大代表、政协委员",
            Self::Discipline => "纪检监察人员",
            Self::Notary => "公证人员",
            Self::ThirdParty => "第三方机构代表",
            Self::Trade => "行业、企业代表",
            Self::Media => "新闻媒体",
            Self::Public => "社会公众",
        }
    }
}

/// What a witness did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WitnessState {
    /// Was entered, and has not handed in. Once the list is closed: did not take part in the seed.
    Entered,
    /// Handed in the hash of a value.
    Committed,
    /// Told the value.
    Revealed,
    /// Did not.
    Withheld,
}

impl WitnessState {
    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::Committed => "committed",
            Self::Revealed => "revealed",
            Self::Withheld => "withheld",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Entered,
            Self::Committed,
            Self::Revealed,
            Self::Withheld,
        ]
        .into_iter()
        .find(|s| s.as_str() == word)
    }
}

/// By which way something came from a witness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The witness's own telephone.
    Phone,
    /// A terminal of the hall.
    Terminal,
    /// From paper, by the officer.
    Officer,
}

impl Way {
    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Terminal => "terminal",
            Self::Officer => "officer",
        }
    }

    /// The way of this name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Phone, Self::Terminal, Self::Officer]
            .into_iter()
            .find(|w| w.as_str() == word)
    }
}

/// A witness 见证人 (D3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WitnessView {
    /// From 1, in the order of the list.
    pub position: u32,
    /// Name, as in `seed.txt`.
    pub name: String,
    /// 身份
    pub capacity: Capacity,
    /// `SHA-256(commitment ‖ LF ‖ name ‖ LF ‖ value)`, 64 hexadecimal digits, once handed in.
    pub committed: Option<String>,
    /// When it was handed in, milliseconds since the Unix epoch.
    pub committed_at: Option<i64>,
    /// By which way.
    pub committed_by: Option<Way>,
    /// What was done.
    pub state: WitnessState,
    /// The value, once revealed.
    pub value: Option<String>,
    /// When it was revealed, or noted as withheld.
    pub said_at: Option<i64>,
}

impl WitnessView {
    /// As a line of the closed list; `None` for who was entered and did not hand in.
    pub fn contribution(&self) -> Option<::draw::Witness> {
        Some(::draw::Witness {
            name: self.name.clone(),
            committed: self.committed.clone()?,
            value: self.value.clone(),
        })
    }
}

/// What is wrong with a hash that a witness hands in.
pub(super) fn check_hash(hash: &str) -> Option<FieldError> {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let right = hash.len() == 64 && hash.bytes().all(hex);
    let message = "数值的指纹须为 64 位小写十六进制";
    (!right).then(|| FieldError::new("committed", message))
}

/// What is wrong with a value that a witness reveals.
pub(super) fn check_value(value: &str) -> Option<FieldError> {
    let message = "数值须为 8 到 64 个字母、数字或“-”";
    (!::draw::is_witness_value(value)).then(|| FieldError::new("value", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for c in Capacity::ALL {
            assert_eq!(Capacity::parse(c.as_str()), Some(c));
            assert_eq!(serde_json::to_value(c).unwrap(), c.as_str());
        }
    }

    #[rstest::rstest]
    #[case::right(&"0a".repeat(32), true)]
    #[case::capitals(&"0A".repeat(32), false)]
    #[case::short("0a", false)]
    #[case::not_ascii(&"中".repeat(22), false)]
    fn a_hash_is_64_digits(#[case] hash: &str, #[case] right: bool) {
        assert_eq!(check_hash(hash).is_none(), right);
    }
}
