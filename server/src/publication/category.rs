//! The nine result categories 检查结果 of §二(三)4 (U3): all that is published about a finding.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One of the nine. An item can have several.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// 未发现问题
    NoProblem,
    /// 未按规定公示应当公示的信息
    NotPublished,
    /// 公示信息隐瞒真实情况、弄虚作假
    FalseInformation,
    /// 通过登记的住所（经营场所）无法联系
    Unreachable,
    /// 发现问题已责令改正
    OrderedToCorrect,
    /// 不配合检查情节严重
    Uncooperative,
    /// 未发现开展本次抽查涉及的经营活动
    NoActivity,
    /// 发现问题待后续处理
    Pending,
    /// 其他
    Other,
}

impl Category {
    /// All, in the order of the plan.
    pub const ALL: [Self; 9] = [
        Self::NoProblem,
        Self::NotPublished,
        Self::FalseInformation,
        Self::Unreachable,
        Self::OrderedToCorrect,
        Self::Uncooperative,
        Self::NoActivity,
        Self::Pending,
        Self::Other,
    ];

    /// The word in records and in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoProblem => "no_problem",
            Self::NotPublished => "not_published",
            Self::FalseInformation => "false_information",
            Self::Unreachable => "unreachable",
            Self::OrderedToCorrect => "ordered_to_correct",
            Self::Uncooperative => "uncooperative",
            Self::NoActivity => "no_activity",
            Self::Pending => "pending",
            Self::Other => "other",
        }
    }

    /// As the public reads it, in the words of the plan.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoProblem => "未发现问题",
            Self::NotPublished => "未按规定公示应当公示的信息",
            Self::FalseInformation => "公示信息隐瞒真实情况、弄虚作假",
            Self::Unreachable => "通过登记的住所（经营场所）无法联系",
            Self::OrderedToCorrect => "发现问题已责令改正",
            Self::Uncooperative => "不配合检查情节严重",
            Self::NoActivity => "未发现开展本次抽查涉及的经营活动",
            Self::Pending => "发现问题待后续处理",
            Self::Other => "其他",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_publications_know_the_same_nine() {
        // U3
        assert_eq!(Category::ALL.map(Category::code), ::sync::cells::CATEGORIES);
        for category in Category::ALL {
            assert_eq!(serde_json::to_value(category).unwrap(), category.code());
        }
    }
}
