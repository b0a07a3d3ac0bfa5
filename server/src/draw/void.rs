//! 作废 (D5): a draw is never repeated until it pleases. Before the seed the officer may make it void
//! with a reason; after the seed only on a legal ground of this list, and only when a second person
//! approves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::{DbError, Result, Tx};
use crate::error::{AppError, FieldError};

/// A legal ground on which a draw may become void after its seed exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoidGround {
    /// 主持或经办抽取的人员依法应当回避而没有回避
    OfficerShouldAvoid,
    /// 抽取程序违反规定，经有权机关认定
    ProcedureBreached,
    /// 名单或规则有重大错误，足以影响公正
    PoolsWrong,
    /// 抽查事项被依法取消，或依据失效
    ItemRevoked,
    /// 抽查计划被依法撤销或变更
    PlanRevoked,
    /// 上级机关、监察机关、复议机关或法院的决定
    Ordered,
    /// 不可抗力
    ForceMajeure,
}

impl VoidGround {
    /// All, in the order of the form.
    pub const ALL: [Self; 7] = [
        Self::OfficerShouldAvoid,
        Self::ProcedureBreached,
        Self::PoolsWrong,
        Self::ItemRevoked,
        Self::PlanRevoked,
        Self::Ordered,
        Self::ForceMajeure,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OfficerShouldAvoid => "officer_should_avoid",
            Self::ProcedureBreached => "procedure_breached",
            Self::PoolsWrong => "pools_wrong",
            Self::ItemRevoked => "item_revoked",
            Self::PlanRevoked => "plan_revoked",
            Self::Ordered => "ordered",
            Self::ForceMajeure => "force_majeure",
        }
    }

    /// The ground of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|g| g.as_str() == word)
    }

    /// As it is published.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::OfficerShouldAvoid => "主持或经办人员应当回避而未回避",
            Self::ProcedureBreached => "抽取程序违反规定，经有权机关认定",
            Self::PoolsWrong => "名单或规则有重大错误，足以影响公正",
            Self::ItemRevoked => "抽查事项被依法取消或依据失效",
            Self::PlanRevoked => "抽查计划被依法撤销或变更",
            Self::Ordered => "上级机关、监察机关、复议机关或法院决定",
            Self::ForceMajeure => "不可抗力",
        }
    }
}

/// Somebody asked to make a draw void after the seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoidAsked {
    /// The ground.
    pub ground: VoidGround,
    /// What happened.
    pub reason: String,
    /// Account id of who asked: it cannot approve.
    pub account: String,
    /// Name of who asked.
    pub who: String,
    /// When, milliseconds since the Unix epoch.
    pub at: i64,
}

/// What a request to make a draw void leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// At once; there is no seed that could displease.
    Void(String),
    /// A second person decides.
    Ask(VoidGround, String),
}

/// Decides on a request: `seed` says whether the seed exists.
///
/// # Errors
/// The field that is missing or wrong.
pub fn decide(
    seed: bool,
    ground: Option<VoidGround>,
    reason: &str,
) -> std::result::Result<Outcome, AppError> {
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let wrong =
        |field: &str, message: &str| Err(AppError::invalid(vec![FieldError::new(field, message)]));
    let length = reason.chars().count();
    if reason.chars().any(char::is_control) {
        return wrong("reason", "理由中有不能公示的控制字符");
    }
    match (seed, ground) {
        (false, _) if !(4..=200).contains(&length) => {
            wrong("reason", "请写明作废的理由（4 到 200 字），理由会永久公开")
        }
        (false, _) => Ok(Outcome::Void(reason)),
        (true, None) => wrong(
            "ground",
            "种子产生以后，只有法定情形才能作废：请选择是哪一种",
        ),
        (true, Some(_)) if !(10..=150).contains(&length) => wrong(
            "reason",
            "种子产生以后，作废须写明具体事实（10 到 150 字），理由会永久公开",
        ),
        (true, Some(ground)) => Ok(Outcome::Ask(ground, reason)),
    }
}

/// The request that waits for a second person.
pub fn asked(tx: &mut Tx<'_>, draw: &str) -> Result<Option<VoidAsked>> {
    tx.query_opt(
        "SELECT ground, reason, by_account, by_name, at FROM draw_void_requests
         WHERE draw = $1 AND state = 'asked'",
        &[&draw],
        |r| {
            let ground: String = r.get(0)?;
            Ok(VoidAsked {
                ground: VoidGround::parse(&ground).ok_or(DbError::Column {
                    index: 0,
                    expected: "VoidGround",
                })?,
                reason: r.get(1)?,
                account: r.get(2)?,
                who: r.get(3)?,
                at: r.get(4)?,
            })
        },
    )
}

/// Refuses to go on while a second person has to decide whether the draw is void.
pub fn not_asked(tx: &mut Tx<'_>, draw: &str) -> std::result::Result<(), AppError> {
    match asked(tx, draw)? {
        None => Ok(()),
        Some(_) => Err(AppError::conflict(
            "void_asked",
            "已有作废申请在等待另一人审批，批准或不批准之后才能继续",
        )),
    }
}

/// Keeps a request; none waits, see [`not_asked`].
pub fn ask(tx: &mut Tx<'_>, draw: &str, asked: &VoidAsked) -> Result<()> {
    tx.execute(
        "INSERT INTO draw_void_requests (draw, number, ground, reason, by_account, by_name, at, state)
         SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, 'asked'
         FROM draw_void_requests WHERE draw = $1",
        &[
            &draw,
            &asked.ground.as_str(),
            &asked.reason,
            &asked.account,
            &asked.who,
            &asked.at,
        ],
    )?;
    Ok(())
}

/// Keeps what the second person decided.
pub fn decided(
    tx: &mut Tx<'_>,
    draw: &str,
    approved: bool,
    by: &str,
    remark: &str,
    now: i64,
) -> Result<()> {
    let state = if approved { "approved" } else { "refused" };
    tx.execute(
        "UPDATE draw_void_requests SET state = $2, decided_by_name = $3, decided_at = $4, remark = $5
         WHERE draw = $1 AND state = 'asked'",
        &[&draw, &state, &by, &now, &remark],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // D5
    #[rstest]
    #[case::before_the_seed(false, None, "场地停电，改期举行", None)]
    #[case::without_a_word(false, None, "停电", Some("reason"))]
    #[case::too_long_for_the_transcript(false, None, &"长".repeat(201), Some("reason"))]
    #[case::after_the_seed_without_ground(
        true,
        None,
        "见证程序被认定违法，抽取无效",
        Some("ground")
    )]
    #[case::a_ground_without_facts(true, Some(VoidGround::Ordered), "不满意", Some("reason"))]
    #[case::a_ground_with_facts(
        true,
        Some(VoidGround::Ordered),
        "市监察委 2026 年第 3 号决定",
        None
    )]
    fn a_request_is_judged(
        #[case] seed: bool,
        #[case] ground: Option<VoidGround>,
        #[case] reason: &str,
        #[case] field: Option<&str>,
    ) {
        let wrong = decide(seed, ground, reason)
            .err()
            .map(|e| e.fields[0].field.clone());
        assert_eq!(wrong.as_deref(), field);
    }

    #[test]
    fn after_the_seed_somebody_else_decides() {
        let asked = decide(true, Some(VoidGround::PoolsWrong), "名单漏掉了\n整个南山区").unwrap();
        let reason = "名单漏掉了 整个南山区".to_owned();
        assert_eq!(asked, Outcome::Ask(VoidGround::PoolsWrong, reason));
    }

    #[test]
    fn grounds_fit_into_the_transcript_with_their_facts() {
        for ground in VoidGround::ALL {
            assert_eq!(VoidGround::parse(ground.as_str()), Some(ground));
            assert!(ground.zh().chars().count() + 1 + 150 <= 200);
        }
    }
}
