//! The minutes as a page: every step in the order of time, and lines to sign.

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Minutes, load};
use crate::account::Actor;
use crate::clock::china;
use crate::draw::attachments::{self, Attachment};
use crate::draw::rolls::{self, RollView};
use crate::draw::routes::{department_name, found, visible};
use crate::draw::store::{self, Draw};
use crate::draw::witness::{self, WitnessState, WitnessView};
use crate::error::{AppError, Problem};
use crate::extract::Path;
use crate::portal::printed;
use crate::state::AppState;

/// A step with its time, as it was read out.
struct Line {
    at: String,
    what: String,
}

#[derive(Template)]
#[template(path = "print/minutes.html")]
struct MinutesPage {
    draw: Draw,
    department: String,
    minutes: Minutes,
    ceremony: String,
    witnesses: Vec<WitnessView>,
    thrown: Vec<RollView>,
    attachments: Vec<Attachment>,
    steps: Vec<Line>,
    drawn: i64,
    reserves: i64,
    objects: u64,
    inspectors: u64,
    printed: String,
}

/// The minutes as a page to print and sign.
#[utoipa::path(get, path = "/api/draws/{id}/minutes.html", operation_id = "minutes_page", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/html", body = String), (status = 409, body = Problem)))]
pub(super) async fn print(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Response, AppError> {
    let now = state.now();
    let page = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            let (witnesses, thrown) = (witness::store::list(tx, &id)?, rolls::thrown(tx, &id)?);
            let (drawn, reserves) = store::counts(tx, &id)?;
            let frame = draw.frame.as_ref();
            Ok(MinutesPage {
                department: department_name(tx, &draw.department)?,
                minutes: load(tx, &id)?,
                ceremony: clock(draw.ceremony_at),
                attachments: attachments::all(tx, &id)?,
                steps: steps(&draw, &witnesses, &thrown, drawn),
                drawn,
                reserves,
                objects: frame.map_or(0, |f| f.cells.iter().map(|c| c.objects).sum()),
                inspectors: frame.map_or(0, |f| f.inspectors),
                printed: clock(now),
                witnesses,
                thrown,
                draw,
            })
        })
        .await?;
    printed(&page)
}

/// China time to the second.
fn clock(millis: i64) -> String {
    chrono::DateTime::from_timestamp_millis(millis)
        .unwrap_or_default()
        .with_timezone(&china())
        .format("%Y-%m-%d %H:%M:%S")
        .to_string()
}

/// Every step in the order of time.
fn steps(draw: &Draw, witnesses: &[WitnessView], thrown: &[RollView], drawn: i64) -> Vec<Line> {
    let mut all: Vec<(i64, u8, String)> = Vec::new();
    let mut step = |at: Option<i64>, order: u8, what: String| {
        if let Some(at) = at {
            all.push((at, order, what));
        }
    };
    let commitment = draw.commitment.as_deref().unwrap_or_default();
    step(Some(draw.created_at), 0, "发起抽取，取得编号".into());
    step(
        draw.committed_at,
        1,
        format!("封存规则和名单，宣读封存指纹 {commitment}"),
    );
    for w in witnesses {
        let hash = w.committed.as_deref().unwrap_or_default();
        step(
            w.committed_at,
            2,
            format!("{}提交数值的指纹 {hash}", w.name),
        );
        let said = match (w.state, &w.value) {
            (WitnessState::Revealed, Some(value)) => format!("{}揭晓数值 {value}", w.name),
            _ => format!("{}没有揭晓，记为“未揭晓”", w.name),
        };
        step(w.said_at, 4, said);
    }
    let list = draw.witness_list_sha256.as_deref().unwrap_or_default();
    step(
        draw.closed_at,
        3,
        format!("截止见证人名单，宣读名单的指纹 {list}"),
    );
    step(
        draw.revealed_at,
        5,
        format!("数值全部揭晓，服务器随机数 {}", draw.nonce),
    );
    for r in thrown {
        step(Some(r.at), 6, format!("第 {} 次掷骰：{}", r.roll, first(r)));
        for (n, m) in r.mistakes.iter().enumerate() {
            let now = r.mistakes.get(n + 1).map_or(r.value, |next| next.value);
            let what = format!(
                "更正第 {} 次掷骰：误填 {}，实为 {now}；原因：{}（{}）",
                r.roll, m.value, m.reason, m.by
            );
            step(Some(m.corrected_at), 6, what);
        }
    }
    let seed = draw.seed.as_deref().unwrap_or_default();
    let source = match (&draw.drand_signature, draw.drand_round) {
        (Some(signature), Some(round)) => format!("取得 drand 第 {round} 轮 {signature}；"),
        _ => String::new(),
    };
    step(
        draw.drawn_at,
        7,
        format!("{source}产生种子 {seed}，算出结果，抽中 {drawn} 户"),
    );
    all.sort_by_key(|(at, order, _)| (*at, *order));
    let mut lines: Vec<Line> = all
        .into_iter()
        .map(|(at, _, what)| Line {
            at: clock(at),
            what,
        })
        .collect();
    if let Some(void) = &draw.void {
        lines.push(Line {
            at: void.at.clone(),
            what: format!("作废：{}（{}）", void.reason, void.who),
        });
    }
    lines
}

/// As it was entered first.
fn first(roll: &RollView) -> u32 {
    roll.mistakes.first().map_or(roll.value, |m| m.value)
}
