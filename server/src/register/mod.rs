//! The two registers 两库: objects 检查对象 and inspectors 执法检查人员, with the relations that must be
//! avoided 回避 and the departments they belong to (O, I).

mod avoidance;
pub mod citizen_id;
pub mod credit_code;
mod department;
mod history;
pub mod industry;
mod inspector;
mod leave;
mod object;
pub mod region;
mod routes;
mod view;

pub use routes::router;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use avoidance::{Avoidance, AvoidanceKind, avoid_pairs};
pub(crate) use avoidance::{NewAvoidance, put as put_avoidance};
pub(crate) use department::put as put_department;
pub use department::{Department, department_name, departments};
pub use history::{Change, RowChange, Trace};
pub(crate) use inspector::save as save_inspector;
pub use inspector::{
    Days, Inspector, PoolInspector, find_inspector, inspector_by_certificate, kept_out,
    pool_inspectors,
};
pub(crate) use leave::put as put_leave;
pub use leave::{Leave, leaves};
pub use object::by_code;
pub use object::{
    FrameObject, Meant, Object, ObjectFilter, count_by_cell, count_by_risk, find_object,
    frame_objects, object_facts,
};
pub(crate) use object::{area_by_name, by_name, save as save_object};

/// How many rows have one value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FacetCount {
    /// The value; empty where there is none.
    pub value: String,
    /// Rows.
    pub count: i64,
}

/// Splits what people write into one cell: commas, semicolons, enumeration commas, spaces, lines.
pub fn words(text: &str) -> Vec<String> {
    let separators = [
        ',', '，', ';', '；', '、', '|', ' ', '\u{3000}', '\n', '\t', '/',
    ];
    let mut words: Vec<String> = text
        .split(separators)
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

/// Kind of an object and its verified code; `kind` as people write it, or empty.
pub(crate) fn identity(kind: &str, code: &str) -> Result<(String, Option<String>), String> {
    match (kind, code) {
        ("区域" | "网格" | "街道", "") => Ok(("area".into(), None)),
        (_, "") => Err("缺少统一社会信用代码；对象为区域时，请在“对象类型”列填“区域”".into()),
        ("个人" | "自然人", _) => {
            let id = citizen_id::CitizenId::parse(code).map_err(|e| e.to_string())?;
            Ok(("person".into(), Some(id.as_str().to_owned())))
        }
        _ => match (
            credit_code::CreditCode::parse(code),
            citizen_id::CitizenId::parse(code),
        ) {
            // Kept as it is written: registers hold codes in small letters beside others that differ
            // from them in nothing else.
            (Ok(_), _) => Ok(("organisation".into(), Some(code.trim().to_owned()))),
            (Err(_), Ok(id)) => Ok(("person".into(), Some(id.as_str().to_owned()))),
            (Err(error), Err(_)) => Err(error.to_string()),
        },
    }
}

fn to_json(words: &[String]) -> String {
    serde_json::Value::from(words).to_string()
}

fn from_json(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}
