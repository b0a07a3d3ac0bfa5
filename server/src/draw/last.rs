//! The last source of chance: dice, or one round of drand quicknet. It is announced when the draw is
//! defined and comes into being after everything else, so who could still choose has nothing left to
//! choose (D2; SPEC.md §3.1, §4.1).

use super::{DrawInput, Step};
use crate::error::{AppError, FieldError};

/// A drand round must lie at least so long after the last reveal, in milliseconds.
pub const MARGIN: i64 = 60_000;
/// … and at most so long after the announced time of the ceremony.
const LONGEST: i64 = 31 * 86_400_000;

/// What comes last, as the rules announce it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastSource {
    /// 骰子
    Dice {
        /// 4, 6, 8, 10, 12 or 20.
        sides: u32,
        /// How many rolls.
        rolls: u32,
    },
    /// 公共随机信标 drand
    Drand {
        /// Its number.
        round: u64,
    },
}

impl LastSource {
    /// As the rules have it.
    pub fn rules(self) -> ::draw::Last {
        match self {
            Self::Dice { sides, rolls } => ::draw::Last::Dice { rolls, sides },
            Self::Drand { round } => ::draw::Last::Drand {
                chain: ::draw::QUICKNET.to_owned(),
                round,
            },
        }
    }

    /// When a drand round comes into being, milliseconds since the Unix epoch; dice have no time.
    pub fn known_at(self) -> Option<i64> {
        match self {
            Self::Dice { .. } => None,
            Self::Drand { round } => ::draw::round_at(round).map(|seconds| seconds * 1000),
        }
    }

    /// Whether it is too late for anybody to reveal: the round is known already, or will be in less
    /// than [`MARGIN`]. A draw that is not revealed by then can only be made void.
    pub fn too_near(self, now: i64) -> bool {
        self.known_at().is_some_and(|at| now > at - MARGIN)
    }
}

/// Whether a step can be taken now, with this last source.
///
/// # Errors
/// The refusal, in words of the office.
pub fn decide(last: LastSource, step: Step, now: i64) -> Result<(), AppError> {
    match (step, last) {
        (
            Step::Commit | Step::Witness | Step::Close | Step::Reveal,
            LastSource::Drand { round },
        ) if last.too_near(now) => Err(AppError::conflict(
            "drand_too_near",
            format!(
                "约定的 drand 第 {round} 轮已经产生，或 60 秒内就要产生：\
                     此时再接收或揭晓数值，就可能有人挑选结果。这次抽取只能作废，请重新发起"
            ),
        )),
        (Step::Dice, LastSource::Drand { round }) => Err(AppError::conflict(
            "another_last_source",
            format!("规则约定最后的种子来源是 drand 第 {round} 轮，不能改用骰子"),
        )),
        (Step::Drand, LastSource::Dice { .. }) => Err(AppError::conflict(
            "another_last_source",
            "规则约定最后当众掷骰，不能改用 drand",
        )),
        (Step::Drand, LastSource::Drand { round }) if last.known_at() > Some(now) => {
            Err(AppError::conflict(
                "drand_not_yet",
                format!("drand 第 {round} 轮尚未产生，请等到约定的时刻"),
            ))
        }
        _ => Ok(()),
    }
}

/// What the form says of the last source: dice of enough chance, or a round that nobody can know yet.
pub(super) fn check(input: &DrawInput, now: i64, wrong: &mut Vec<FieldError>) {
    let Some(round) = input.drand_round else {
        return check_dice(input, wrong);
    };
    let mut say = |message: String| wrong.push(FieldError::new("drand_round", message));
    if input.sides != 0 || input.rolls != 0 {
        return say("最后的种子来源只能有一个：骰子或 drand".into());
    }
    let Some(at) = (LastSource::Drand { round }).known_at() else {
        return say("drand 轮次须为 1 到 1000000000000".into());
    };
    if at - MARGIN < now {
        say("这一轮 drand 已经产生或马上产生，结果可能已被人知道：请选更晚的一轮".into());
    } else if !(input.ceremony_at.saturating_add(MARGIN)
        ..=input.ceremony_at.saturating_add(LONGEST))
        .contains(&at)
    {
        say("drand 轮次的时刻须在抽取时间之后 60 秒到 31 天之间".into());
    }
}

fn check_dice(input: &DrawInput, wrong: &mut Vec<FieldError>) {
    match ::draw::dice_millibits(input.sides) {
        None => wrong.push(FieldError::new(
            "sides",
            "骰子须为 4、6、8、10、12 或 20 面",
        )),
        Some(bits) if bits * u64::from(input.rolls) < 64_000 || input.rolls > 1000 => {
            let least = 64_000_u64.div_ceil(bits);
            let message = format!(
                "{} 面骰须掷 {least} 到 1000 次（至少 64 比特）",
                input.sides
            );
            wrong.push(FieldError::new("rolls", message));
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ROUND: LastSource = LastSource::Drand { round: 123 };
    const DICE: LastSource = LastSource::Dice {
        sides: 6,
        rolls: 25,
    };
    /// When round 123 came into being.
    const AT: i64 = 1_692_803_733_000;

    // D2: nothing that could be chosen comes after, or shortly before, what nobody can choose.
    #[rstest]
    #[case::a_minute_before(ROUND, Step::Reveal, AT - 60_000, None)]
    #[case::less_than_a_minute(ROUND, Step::Reveal, AT - 59_999, Some("drand_too_near"))]
    #[case::witness_too_late(ROUND, Step::Witness, AT, Some("drand_too_near"))]
    #[case::close_too_late(ROUND, Step::Close, AT + 1, Some("drand_too_near"))]
    #[case::commitment_after_the_round(ROUND, Step::Commit, AT, Some("drand_too_near"))]
    #[case::not_before_its_time(ROUND, Step::Drand, AT - 1, Some("drand_not_yet"))]
    #[case::at_its_time(ROUND, Step::Drand, AT, None)]
    #[case::dice_were_not_announced(ROUND, Step::Dice, AT, Some("another_last_source"))]
    #[case::drand_was_not_announced(DICE, Step::Drand, AT, Some("another_last_source"))]
    #[case::dice_have_no_time(DICE, Step::Reveal, i64::MAX, None)]
    #[case::it_can_always_be_void(ROUND, Step::Void, AT, None)]
    fn an_order_that_could_be_steered_is_refused(
        #[case] last: LastSource,
        #[case] step: Step,
        #[case] now: i64,
        #[case] code: Option<&str>,
    ) {
        assert_eq!(decide(last, step, now).err().map(|e| e.code), code);
    }

    #[rstest]
    #[case::in_time(|_: &mut DrawInput| (), AT - 120_000, None)]
    #[case::known_already(|_: &mut DrawInput| (), AT, Some("drand_round"))]
    #[case::known_in_a_moment(|_: &mut DrawInput| (), AT - 59_000, Some("drand_round"))]
    #[case::with_dice_too(|d: &mut DrawInput| d.sides = 6, AT - 120_000, Some("drand_round"))]
    #[case::before_the_ceremony(|d: &mut DrawInput| d.ceremony_at = AT, AT - 120_000, Some("drand_round"))]
    #[case::months_later(|d: &mut DrawInput| d.drand_round = Some(2_000_000), AT - 120_000, Some("drand_round"))]
    #[case::no_such_round(|d: &mut DrawInput| d.drand_round = Some(0), AT - 120_000, Some("drand_round"))]
    #[case::neither(|d: &mut DrawInput| d.drand_round = None, AT - 120_000, Some("sides"))]
    fn a_round_is_one_that_nobody_knows(
        #[case] spoil: fn(&mut DrawInput),
        #[case] now: i64,
        #[case] field: Option<&str>,
    ) {
        let mut input = DrawInput {
            plan: "p".into(),
            title: "示例".into(),
            ceremony_at: AT - 90_000,
            sides: 0,
            rolls: 0,
            drand_round: Some(123),
            public_from: "draw".into(),
        };
        spoil(&mut input);
        let mut wrong = Vec::new();
        check(&input, now, &mut wrong);
        assert_eq!(wrong.first().map(|f| f.field.as_str()), field);
    }
}
