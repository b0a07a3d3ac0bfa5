//! Whether a decision can be taken. Pure.

use super::types::Remark;
use crate::account::{Actor, Right};
use crate::error::{AppError, FieldError, Kind};
use crate::task::{TaskRow, TaskState};

/// Greatest length of one remark, in characters.
pub const MAX_REMARK: usize = 1000;
/// Greatest number of remarks in one return.
pub const MAX_REMARKS: usize = 100;
/// Greatest length of all remarks as JSON, in bytes: what the record's cell takes.
const MAX_REMARKS_BYTES: usize = 16_000;

/// Who asks, about a record in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub state: TaskState,
    /// The current round is sealed at the office.
    pub sealed: bool,
    /// Has the right to review in the department.
    pub may_review: bool,
    /// Is one of the team.
    pub own_record: bool,
}

/// Why a decision cannot be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoRight,
    /// S1: nobody reviews their own record.
    OwnRecord,
    NotSealed,
    Returned,
    Accepted,
    Withdrawn,
}

impl Standing {
    /// What `actor` may do about the record of `row`. Inspectors are known to the accounts by name
    /// only, so someone of the same name is kept from deciding as well.
    pub fn of(actor: &Actor, row: &TaskRow, sealed: bool) -> Self {
        Standing {
            state: row.state,
            sealed,
            may_review: actor.may(Right::ReviewRecords, &row.department),
            own_record: row.team.iter().any(|m| m.name == actor.name),
        }
    }

    /// `None`: decide.
    pub fn refusal(&self) -> Option<Refusal> {
        match self.state {
            TaskState::Withdrawn => Some(Refusal::Withdrawn),
            TaskState::Accepted => Some(Refusal::Accepted),
            TaskState::Returned if !self.sealed => Some(Refusal::Returned),
            _ if !self.sealed => Some(Refusal::NotSealed),
            _ if !self.may_review => Some(Refusal::NoRight),
            _ if self.own_record => Some(Refusal::OwnRecord),
            _ => None,
        }
    }
}

impl Refusal {
    /// For the reader.
    pub fn words(self) -> String {
        match self {
            Self::NoRight => "您没有审核该部门检查记录的权限。",
            Self::OwnRecord => "您是该检查组成员，不能审核本人参加的检查。",
            Self::NotSealed => "记录尚未由全体检查人员签字封存，暂不能审核。",
            Self::Returned => "记录已退回检查组，待其修改并重新签字后再审核。",
            Self::Accepted => "记录已审核通过。",
            Self::Withdrawn => "任务已撤销。",
        }
        .to_owned()
    }
}

impl From<Refusal> for AppError {
    fn from(refusal: Refusal) -> Self {
        let (kind, code) = match refusal {
            Refusal::NoRight => (Kind::Forbidden, "forbidden"),
            Refusal::OwnRecord => (Kind::Forbidden, "own_act"),
            Refusal::NotSealed => (Kind::Conflict, "not_sealed"),
            Refusal::Returned => (Kind::Conflict, "already_returned"),
            Refusal::Accepted => (Kind::Conflict, "already_accepted"),
            Refusal::Withdrawn => (Kind::Conflict, "withdrawn"),
        };
        AppError::new(kind, code, refusal.words())
    }
}

/// Refuses a decision on another state of the record than the one that is there (lesson 21).
pub fn check_heads(seen: &[String], now: &[String]) -> Result<(), AppError> {
    let (mut seen, mut now) = (seen.to_vec(), now.to_vec());
    seen.sort();
    now.sort();
    if seen == now {
        return Ok(());
    }
    Err(AppError::conflict(
        "heads_changed",
        "您打开记录之后又收到了新的修改，请刷新查看后再作决定",
    ))
}

/// Refuses a return that does not say what to mend (lesson 26); gives the remarks trimmed.
pub fn check_remarks(remarks: &[Remark]) -> Result<Vec<Remark>, AppError> {
    let given: Vec<Remark> = remarks
        .iter()
        .map(|r| Remark {
            path: r.path.trim().to_owned(),
            text: r.text.trim().to_owned(),
        })
        .filter(|r| !r.text.is_empty())
        .collect();
    let refuse =
        |message: String| Err(AppError::invalid(vec![FieldError::new("remarks", message)]));
    if given.is_empty() {
        return refuse("退回须写明意见：指出哪里需要修改、如何修改".into());
    }
    if given.len() > MAX_REMARKS {
        return refuse(format!("意见最多 {MAX_REMARKS} 条"));
    }
    let plain = |s: &str| {
        s.chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
    };
    for (n, remark) in (1..).zip(&given) {
        if remark.text.chars().count() > MAX_REMARK || remark.path.len() > 160 {
            return refuse(format!("第 {n} 条意见过长，最多 {MAX_REMARK} 字"));
        }
        if !plain(&remark.text) || !plain(&remark.path) {
            return refuse(format!("第 {n} 条意见含有不能保存的控制字符"));
        }
    }
    let bytes = serde_json::to_vec(&given).map_err(AppError::internal)?;
    if bytes.len() > MAX_REMARKS_BYTES {
        return refuse("意见合计过长，请精简后再退回".into());
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: Standing = Standing {
        state: TaskState::Sealed,
        sealed: true,
        may_review: true,
        own_record: false,
    };

    // V2, S1, D6
    #[rstest::rstest]
    #[case::ready(READY, None)]
    #[case::not_signed_by_all(Standing { state: TaskState::Dispatched, sealed: false, ..READY }, Some(Refusal::NotSealed))]
    #[case::with_the_team_again(Standing { state: TaskState::Returned, sealed: false, ..READY }, Some(Refusal::Returned))]
    #[case::accepted_before(Standing { state: TaskState::Accepted, ..READY }, Some(Refusal::Accepted))]
    #[case::dropped(Standing { state: TaskState::Withdrawn, ..READY }, Some(Refusal::Withdrawn))]
    #[case::another_department(Standing { may_review: false, ..READY }, Some(Refusal::NoRight))]
    #[case::own_record(Standing { own_record: true, ..READY }, Some(Refusal::OwnRecord))]
    fn a_decision_can_be_taken(#[case] standing: Standing, #[case] refusal: Option<Refusal>) {
        assert_eq!(standing.refusal(), refusal);
    }

    // V2: lesson 21
    #[rstest::rstest]
    #[case::the_same(&["b", "a"], &["a", "b"], true)]
    #[case::one_more_came(&["a"], &["a", "b"], false)]
    #[case::another(&["a"], &["b"], false)]
    #[case::none_named(&[], &["a"], false)]
    fn a_decision_names_what_it_saw(#[case] seen: &[&str], #[case] now: &[&str], #[case] ok: bool) {
        let owned = |list: &[&str]| list.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>();
        assert_eq!(check_heads(&owned(seen), &owned(now)).is_ok(), ok);
    }

    // V2: lesson 26
    #[rstest::rstest]
    #[case::one(vec![("point/a/p1", "请补拍照片")], true)]
    #[case::about_the_whole(vec![("", "请补充处理意见")], true)]
    #[case::none(vec![], false)]
    #[case::blank(vec![("point/a/p1", "  ")], false)]
    #[case::control_characters(vec![("", "a\u{0}b")], false)]
    fn a_return_says_what_to_mend(#[case] remarks: Vec<(&str, &str)>, #[case] ok: bool) {
        let remarks: Vec<Remark> = remarks
            .into_iter()
            .map(|(path, text)| Remark {
                path: path.into(),
                text: text.into(),
            })
            .collect();
        assert_eq!(check_remarks(&remarks).is_ok(), ok);
    }

    #[test]
    fn too_many_words_are_refused() {
        let remark = |text: String| Remark {
            path: String::new(),
            text,
        };
        assert!(check_remarks(&[remark("字".repeat(MAX_REMARK + 1))]).is_err());
        let many: Vec<Remark> = (0..20).map(|_| remark("字".repeat(900))).collect();
        assert!(
            check_remarks(&many).is_err(),
            "together more than the record's cell takes"
        );
    }
}
