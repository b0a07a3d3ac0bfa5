//! Draws 抽取 (D1, D2, D3, D5, D6): the ceremony around the crate `draw`.
//!
//! Define from a locked plan → check the pools → commit (nothing can be changed from here on, and no
//! chance exists yet) → witnesses hand in, the list is closed → they and the server reveal → dice,
//! rolled last, make the seed, and with it the result → dispatch. A draw is numbered when it is
//! defined, never deleted, never repeated; it can be made void with a reason, and stays public.

mod attachments;
mod ceremony;
mod dispatch;
pub mod drand;
pub mod hall;
mod last;
mod minutes;
pub mod notice;
pub mod openings;
mod pools;
pub mod public;
mod rolls;
mod routes;
mod rules;
pub mod store;
pub mod story;
pub mod substitute;
mod teams;
mod view;
pub mod void;
pub mod witness;
pub mod year;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;

pub use view::{DrawView, ResultRow};

use crate::error::{AppError, FieldError};
use crate::state::AppState;

/// The routes of draws.
pub fn router() -> OpenApiRouter<AppState> {
    routes::router()
        .merge(ceremony::router())
        .merge(teams::router())
        .merge(dispatch::router())
        .merge(public::router())
        .merge(substitute::router())
        .merge(witness::router())
        .merge(hall::router())
        .merge(minutes::router())
        .merge(attachments::router())
        .merge(openings::router())
        .merge(notice::router())
        .merge(year::router())
}

/// Where a draw stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrawState {
    /// 已定义
    Defined,
    /// 已核对: the pools were looked through.
    Checked,
    /// 已封存: committed; witnesses hand in.
    Committed,
    /// 见证人已截止: values are being revealed.
    Closed,
    /// 待最后的种子来源: all values are known, the dice or the drand round are not.
    Revealed,
    /// 已抽取
    Drawn,
    /// 已派发
    Dispatched,
    /// 已作废
    Void,
}

impl DrawState {
    /// All states, in the order of the flow.
    pub const ALL: [Self; 8] = [
        Self::Defined,
        Self::Checked,
        Self::Committed,
        Self::Closed,
        Self::Revealed,
        Self::Drawn,
        Self::Dispatched,
        Self::Void,
    ];

    /// The word in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Defined => "defined",
            Self::Checked => "checked",
            Self::Committed => "committed",
            Self::Closed => "closed",
            Self::Revealed => "revealed",
            Self::Drawn => "drawn",
            Self::Dispatched => "dispatched",
            Self::Void => "void",
        }
    }

    /// The state of this name.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    const fn zh(self) -> &'static str {
        match self {
            Self::Defined => "已定义，名单尚未核对",
            Self::Checked => "名单已核对，尚未封存",
            Self::Committed => "已封存，见证人尚未截止",
            Self::Closed => "见证人已截止，数值尚未全部揭晓",
            Self::Revealed => "数值已揭晓，等待最后的种子来源",
            Self::Drawn => "已抽取",
            Self::Dispatched => "已派发",
            Self::Void => "已作废",
        }
    }
}

/// A step of the ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 核对名单
    Check,
    /// 封存
    Commit,
    /// A witness is entered with name and capacity.
    Enter,
    /// A witness hands in the hash of a value.
    Witness,
    /// 截止见证人名单
    Close,
    /// A witness reveals, or is noted as not having done so.
    Reveal,
    /// 掷骰
    Dice,
    /// 指定检查组: where only objects were drawn.
    Name,
    /// The drand round that was announced has come.
    Drand,
    /// 派发
    Dispatch,
    /// 作废
    Void,
}

/// Whether a step can be taken now. The order is fixed (D6): each step needs the one before it, and
/// none is taken twice; but the pools can be checked again until they are committed.
pub fn decide(state: DrawState, step: Step) -> Result<(), AppError> {
    use {DrawState as D, Step as S};
    let (allowed, code, needed): (&[D], _, _) = match step {
        S::Check => (
            &[D::Defined, D::Checked],
            "draw_committed",
            "封存以后名单不能再改",
        ),
        S::Commit => (
            &[D::Checked],
            "draw_not_checked",
            "须先核对名单，且只能封存一次",
        ),
        S::Enter => (
            &[D::Defined, D::Checked, D::Committed],
            "draw_list_closed",
            "截止之前才能登记见证人",
        ),
        S::Witness => (
            &[D::Committed],
            "draw_list_closed",
            "封存之后、截止之前才能提交数值的指纹",
        ),
        S::Close => (
            &[D::Committed],
            "draw_not_committed",
            "封存之后才能截止，且只能截止一次",
        ),
        S::Reveal => (
            &[D::Closed],
            "draw_list_open",
            "见证人名单截止之后才能揭晓数值",
        ),
        S::Dice => (
            &[D::Revealed],
            "draw_not_revealed",
            "所有数值揭晓之后才能掷骰，且只能掷一次",
        ),
        S::Name => (
            &[D::Drawn],
            "draw_not_drawn",
            "抽取之后、派发之前才能指定检查组",
        ),
        S::Drand => (
            &[D::Revealed],
            "draw_not_revealed",
            "所有数值揭晓之后才能使用 drand，且只能用一次",
        ),
        S::Dispatch => (
            &[D::Drawn],
            "draw_not_drawn",
            "抽取之后才能派发，且只能派发一次",
        ),
        S::Void => (
            &[
                D::Defined,
                D::Checked,
                D::Committed,
                D::Closed,
                D::Revealed,
                D::Drawn,
            ],
            "draw_cannot_be_void",
            "已派发或已作废的抽取不能作废",
        ),
    };
    if allowed.contains(&state) {
        return Ok(());
    }
    Err(AppError::conflict(
        code,
        format!("这次抽取{}：{needed}", state.zh()),
    ))
}

/// What is decided for one draw beside what its plan says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawInput {
    /// Id of a locked plan.
    pub plan: String,
    /// 1 to 100 characters.
    pub title: String,
    /// When the ceremony is held, milliseconds since the Unix epoch.
    pub ceremony_at: i64,
    /// Sides of the dice: 4, 6, 8, 10, 12 or 20; 0 with a drand round.
    #[serde(default)]
    pub sides: u32,
    /// Number of rolls, fixed now, so that nobody decides when to stop: at least 64 bits; 0 with a drand round.
    #[serde(default)]
    pub rolls: u32,
    /// Instead of dice, one round of drand quicknet that nobody knows yet: it comes into being 60 seconds to
    /// 31 days after `ceremony_at`.
    #[serde(default)]
    pub drand_round: Option<u64>,
    /// `draw` (all of the transcript is public at once) or a China date.
    pub public_from: String,
}

/// The form, field by field; `now` decides which drand rounds are known already.
pub fn check(input: &DrawInput, now: i64) -> Result<(), AppError> {
    let mut wrong = Vec::new();
    let title = input.title.trim().chars().count();
    if !(1..=100).contains(&title) || input.title.chars().any(char::is_control) {
        wrong.push(FieldError::new("title", "名称须为 1 到 100 个字"));
    }
    last::check(input, now, &mut wrong);
    if input.public_from != "draw" && crate::plan::date(&input.public_from).is_none() {
        wrong.push(FieldError::new(
            "public_from",
            "公开日期须为 YYYY-MM-DD，或抽取后立即公开",
        ));
    }
    let year = chrono::Datelike::year(&crate::clock::china_date(input.ceremony_at));
    if !(2000..=2199).contains(&year) {
        wrong.push(FieldError::new("ceremony_at", "抽取时间有误"));
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(AppError::invalid(wrong))
    }
}

/// The number of a draw 编号; `joint`: several departments inspect together. Both count in one sequence.
pub fn number(lead: &str, joint: bool, year: i32, seq: i64) -> String {
    let kind = if joint { "联合抽查" } else { "抽查" };
    format!("{lead}{kind}〔{year}〕{seq}号")
}

/// Whether all of the transcript is public on this China date.
pub fn is_public(state: DrawState, drawn: bool, public_from: &str, today: &str) -> bool {
    // A void draw that never got a seed has nothing that could warn anybody.
    let finished = drawn || state == DrawState::Void;
    finished && (public_from == "draw" || public_from <= today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    // D6: what may follow what; everything else is refused.
    #[test]
    fn the_order_is_fixed() {
        use {DrawState as D, Step as S};
        let steps = [
            (S::Check, vec![D::Defined, D::Checked]),
            (S::Commit, vec![D::Checked]),
            (S::Enter, vec![D::Defined, D::Checked, D::Committed]),
            (S::Witness, vec![D::Committed]),
            (S::Close, vec![D::Committed]),
            (S::Reveal, vec![D::Closed]),
            (S::Dice, vec![D::Revealed]),
            (S::Name, vec![D::Drawn]),
            (S::Drand, vec![D::Revealed]),
            (S::Dispatch, vec![D::Drawn]),
        ];
        for (step, allowed) in steps {
            for state in D::ALL {
                let may = decide(state, step).is_ok();
                assert_eq!(may, allowed.contains(&state), "{step:?} {state:?}");
            }
        }
    }

    // D5
    #[rstest]
    #[case::before_the_commitment(DrawState::Checked, true)]
    #[case::after_the_seed(DrawState::Drawn, true)]
    #[case::not_once_tasks_are_out(DrawState::Dispatched, false)]
    #[case::not_twice(DrawState::Void, false)]
    fn a_draw_becomes_void(#[case] state: DrawState, #[case] allowed: bool) {
        assert_eq!(decide(state, Step::Void).is_ok(), allowed);
    }

    // D2: a list published before the visits warns those who are on it.
    #[rstest]
    #[case::at_once(DrawState::Drawn, true, "draw", true)]
    #[case::not_before_the_draw(DrawState::Revealed, false, "draw", false)]
    #[case::on_the_day(DrawState::Dispatched, true, "2026-11-24", true)]
    #[case::the_day_before(DrawState::Dispatched, true, "2026-11-25", false)]
    #[case::void_without_seed(DrawState::Void, false, "draw", true)]
    #[case::void_waits_too(DrawState::Void, true, "2026-12-31", false)]
    fn the_transcript_becomes_public(
        #[case] state: DrawState,
        #[case] drawn: bool,
        #[case] from: &str,
        #[case] expected: bool,
    ) {
        assert_eq!(is_public(state, drawn, from, "2026-11-24"), expected);
    }

    // D3
    #[rstest]
    #[case::usual(|_: &mut DrawInput| (), None)]
    #[case::too_few_rolls(|d: &mut DrawInput| d.rolls = 24, Some("rolls"))]
    #[case::too_many_rolls(|d: &mut DrawInput| d.rolls = 1001, Some("rolls"))]
    #[case::odd_dice(|d: &mut DrawInput| d.sides = 7, Some("sides"))]
    #[case::no_title(|d: &mut DrawInput| d.title = String::new(), Some("title"))]
    #[case::no_such_day(|d: &mut DrawInput| d.public_from = "2026-02-30".into(), Some("public_from"))]
    #[case::no_such_time(|d: &mut DrawInput| d.ceremony_at = i64::MAX, Some("ceremony_at"))]
    fn a_form_is_refused_by_field(#[case] spoil: fn(&mut DrawInput), #[case] field: Option<&str>) {
        let mut input = DrawInput {
            plan: "p".into(),
            title: "示例".into(),
            ceremony_at: 1_795_000_000_000,
            sides: 6,
            rolls: 25,
            drand_round: None,
            public_from: "draw".into(),
        };
        spoil(&mut input);
        let wrong = check(&input, 0).err().map(|e| e.fields[0].field.clone());
        assert_eq!(wrong.as_deref(), field);
    }
}
