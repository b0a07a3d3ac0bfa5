//! The item list 一单: inspection items 抽查事项, each with its check sheet 检查表, in versions that are
//! never changed (L1, L2, L4).

mod routes;
mod store;
mod view;

use serde::{Deserialize, Serialize};
use sync::facts::{CheckPoint, CheckSheet};
use utoipa::ToSchema;

pub use routes::router;
pub(crate) use store::{Put, put};
pub use store::{active, find, list_active, sheet};
pub use view::{ItemRow, ItemVersion, ItemView};

use crate::error::FieldError;

/// What an item is, beside its check sheet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemFacts {
    /// `[A-Za-z0-9-]{1,32}`; never changed.
    pub code: String,
    /// Name.
    pub name: String,
    /// Code of the department.
    pub department: String,
    /// Legal bases 依据; without one an item cannot be active (L1).
    pub basis: Vec<String>,
    /// Kind of object 检查对象.
    pub object_kind: String,
    /// What is checked 检查内容.
    pub content: String,
    /// On-site, written, online 检查方式.
    pub method: String,
    /// In words 抽查比例.
    pub ratio: String,
    /// In words 抽查频次.
    pub frequency: String,
    /// City or district 层级, in words.
    pub level: String,
    /// Code in the power or duty list 权力清单/责任清单 (L6).
    pub power_code: String,
    /// Expertise that a team must bring, in the words of the inspectors' register.
    pub needs: Vec<String>,
    /// 重点检查事项: its ratio has no ceiling, and where all objects are inspected the draw sets the order.
    /// Others are general items 一般检查事项.
    #[serde(default)]
    pub priority: bool,
    /// First day; empty: from the start.
    pub valid_from: String,
    /// Last day; empty: without end.
    pub valid_until: String,
}

/// An item that can be planned and drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveItem {
    /// UUID.
    pub id: String,
    /// `[A-Za-z0-9-]{1,32}`.
    pub code: String,
    /// Name.
    pub name: String,
    /// Code of the department.
    pub department: String,
    /// The newest version.
    pub version: u32,
    /// Expertise that a team must bring.
    pub needs: Vec<String>,
    /// 重点检查事项.
    pub priority: bool,
}

/// The check sheet that goes with these facts in this version.
pub fn sheet_of(facts: &ItemFacts, version: u32, points: Vec<CheckPoint>) -> CheckSheet {
    CheckSheet {
        item: facts.code.clone(),
        name: facts.name.clone(),
        department: facts.department.clone(),
        version,
        basis: facts.basis.clone(),
        points,
    }
}

/// What keeps an item from being active (L1, L4); empty when nothing does.
pub fn problems(facts: &ItemFacts, points: &[CheckPoint]) -> Vec<FieldError> {
    let mut fields = Vec::new();
    let code_ok = (1..=32).contains(&facts.code.len())
        && facts
            .code
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !code_ok {
        fields.push(FieldError::new(
            "code",
            "事项编码为 1 至 32 位字母、数字或 -",
        ));
    }
    if facts.name.trim().is_empty() {
        fields.push(FieldError::new("name", "缺少事项名称"));
    }
    if facts.basis.iter().all(|basis| basis.trim().is_empty()) {
        fields.push(FieldError::new(
            "basis",
            "缺少检查依据：没有法律、法规、规章依据的事项不得列入清单",
        ));
    }
    if points.is_empty() {
        fields.push(FieldError::new(
            "points",
            "缺少检查要点：检查表至少要有一项",
        ));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync::facts::{AnswerKind, Demand};

    fn point() -> CheckPoint {
        CheckPoint {
            id: "p1".into(),
            no: 1,
            content: "营业执照是否置于醒目位置".into(),
            basis: String::new(),
            requirement: String::new(),
            method: String::new(),
            answer: AnswerKind::Verdict,
            photo: Demand::Optional,
            note: Demand::Optional,
        }
    }

    // L1: an item without a legal basis cannot be activated
    #[rstest::rstest]
    #[case::whole("SZ-01", &["中华人民共和国食品安全法"], 1, &[])]
    #[case::no_basis("SZ-01", &[], 1, &["basis"])]
    #[case::blank_basis("SZ-01", &[" "], 1, &["basis"])]
    #[case::no_points("SZ-01", &["中华人民共和国食品安全法"], 0, &["points"])]
    #[case::code_with_a_slash("SZ/01", &["中华人民共和国食品安全法"], 1, &["code"])]
    fn what_is_missing_is_named(
        #[case] code: &str,
        #[case] basis: &[&str],
        #[case] points: usize,
        #[case] expected: &[&str],
    ) {
        let facts = ItemFacts {
            code: code.into(),
            name: "食品销售监督检查".into(),
            basis: basis.iter().map(|b| (*b).into()).collect(),
            ..ItemFacts::default()
        };
        let found = problems(&facts, &vec![point(); points]);
        assert_eq!(
            found.iter().map(|f| f.field.as_str()).collect::<Vec<_>>(),
            expected
        );
    }
}
