//! Tasks 任务: one inspection of one drawn object by its drawn team.
//!
//! A task is made at dispatch 派发, from the result of a draw, together with its record document,
//! so that every tablet starts from one root (design §4). It goes to the tablets of its team through
//! their feeds.

mod dispatch;
pub mod history;
mod routes;
pub mod store;
pub mod team;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use dispatch::{
    Dispatch, DrawnTask, dispatch, grant_to_device, keep_server_change, make, take_from_device,
};
pub use routes::router;

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// With the team.
    Dispatched,
    /// Signed by all, at the office, to be reviewed.
    Sealed,
    /// Sent back with remarks; a new round is open.
    Returned,
    /// Reviewed; its result is to be published.
    Accepted,
    /// Dropped, publicly.
    Withdrawn,
}

impl TaskState {
    pub const ALL: [Self; 5] = [
        Self::Dispatched,
        Self::Sealed,
        Self::Returned,
        Self::Accepted,
        Self::Withdrawn,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dispatched => "dispatched",
            Self::Sealed => "sealed",
            Self::Returned => "returned",
            Self::Accepted => "accepted",
            Self::Withdrawn => "withdrawn",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A task in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskRow {
    pub task: String,
    /// Id of the draw.
    pub draw: String,
    pub number: String,
    pub title: String,
    pub department: String,
    pub department_name: String,
    pub object: String,
    pub object_name: String,
    pub district: String,
    /// China dates, both included.
    pub from: String,
    pub until: String,
    pub state: TaskState,
    pub round: u32,
    pub items: Vec<TaskItem>,
    pub team: Vec<TaskMember>,
    pub points: u32,
    pub answered: u32,
    pub photos: u32,
    pub findings: u32,
    pub conflicts: u32,
    pub dispatched_at: i64,
    /// When the record last changed at the office.
    pub changed_at: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskItem {
    pub item: String,
    pub name: String,
    pub version: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskMember {
    pub person: String,
    pub name: String,
    pub unit: String,
    pub certificate: String,
    /// `leader`, `member` or `expert`.
    pub role: String,
    /// `active` or `relieved`.
    pub status: String,
    /// When they took a seat after the dispatch, milliseconds since the Unix epoch.
    pub joined_at: Option<i64>,
    /// When they were relieved.
    pub relieved_at: Option<i64>,
    /// Tablets on which this person can sign.
    pub tablets: u32,
}

/// The text of the notice 抽查通知书 (X1): what, when, by whom, and the right to ask for recusal.
pub fn notice(
    number: &str,
    object: &str,
    items: &[String],
    from: &str,
    until: &str,
    team: &[(String, String, String)],
) -> String {
    let mut text = format!(
        "{object}：\n\
         根据“双随机、一公开”监管要求，经公开抽取，你单位被列为{number}的检查对象，现将有关事项通知如下：\n\
         一、检查事项：{}。\n\
         二、检查时间：{from}至{until}。\n\
         三、检查人员：\n",
        items.join("、")
    );
    for (unit, name, certificate) in team {
        text.push_str(&format!("　　{unit}　{name}（执法证号 {certificate}）\n"));
    }
    text.push_str(
        "四、请配合检查，准备与检查事项有关的证照、账册、合同等材料。\n\
         五、你单位认为检查人员与本单位有利害关系的，有权申请其回避。\n\
         六、检查不收取任何费用。",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notice_names_items_people_and_the_right_to_recusal() {
        // X1
        let team = [("示例所".to_owned(), "甲".to_owned(), "4403001".to_owned())];
        let text = notice(
            "示例抽查〔2026〕1号",
            "示例公司",
            &["食品销售检查".to_owned()],
            "2026-11-01",
            "2026-11-30",
            &team,
        );
        for part in [
            "食品销售检查",
            "4403001",
            "回避",
            "2026-11-30",
            "不收取任何费用",
        ] {
            assert!(text.contains(part), "{part}");
        }
    }

    #[test]
    fn words_lead_back_to_states() {
        for state in TaskState::ALL {
            assert_eq!(TaskState::parse(state.as_str()), Some(state));
        }
    }
}
