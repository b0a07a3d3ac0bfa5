//! The minutes 抽取记录 (D3): who was there in which capacity, what was read out, the time of every
//! step, corrections, attachments; a page to print and to sign.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::attachments::{self, Attachment};
use super::rolls::{self, RollView};
use super::routes::{department_name, found, visible};
use super::store::{self, Draw};
use super::witness::{self, WitnessState, WitnessView};
use crate::account::{Actor, Right};
use crate::clock::china;
use crate::db::Tx;
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::journal::{self, Entry};
use crate::portal::printed;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get, put))
        .routes(routes!(print))
}

/// Somebody who was there and is no witness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Present {
    /// Name, 1 to 40 characters.
    pub name: String,
    /// In which capacity, up to 40 characters.
    pub capacity: String,
    /// Unit, up to 60 characters.
    pub unit: String,
}

/// What the office adds to what the server knows itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Minutes {
    /// 地点, up to 100 characters.
    pub place: String,
    /// 主持人, up to 40 characters.
    pub host: String,
    /// 记录人, up to 40 characters.
    pub recorder: String,
    /// Others who were there, at most 50.
    pub present: Vec<Present>,
    /// What else happened or was read out, up to 4000 characters.
    pub notes: String,
}

fn load(tx: &mut Tx<'_>, draw: &str) -> Result<Minutes, AppError> {
    let found = tx.query_opt(
        "SELECT place, host, recorder, present, notes FROM draw_minutes WHERE draw = $1",
        &[&draw],
        |r| {
            let present: String = r.get(3)?;
            Ok(Minutes {
                place: r.get(0)?,
                host: r.get(1)?,
                recorder: r.get(2)?,
                present: serde_json::from_str(&present).unwrap_or_default(),
                notes: r.get(4)?,
            })
        },
    )?;
    Ok(found.unwrap_or_default())
}

fn check(input: &Minutes) -> Vec<FieldError> {
    let mut wrong = Vec::new();
    let mut at_most = |field: &str, text: &str, most: usize| {
        if text.chars().count() > most {
            wrong.push(FieldError::new(field, format!("不超过 {most} 字")));
        }
    };
    at_most("place", &input.place, 100);
    at_most("host", &input.host, 40);
    at_most("recorder", &input.recorder, 40);
    at_most("notes", &input.notes, 4000);
    for person in &input.present {
        at_most("present", &person.name, 40);
        at_most("present", &person.capacity, 40);
        at_most("present", &person.unit, 60);
    }
    let nameless = input.present.iter().any(|p| p.name.trim().is_empty());
    if input.present.len() > 50 || nameless {
        wrong.push(FieldError::new("present", "到场人员须有姓名，最多 50 人"));
    }
    wrong
}

/// What was entered for the minutes.
#[utoipa::path(get, path = "/api/draws/{id}/minutes", operation_id = "read_minutes", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = Minutes)))]
async fn get(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Minutes>, AppError> {
    let minutes = state
        .db
        .read(move |tx| {
            let draw = found(tx, &id)?;
            visible(tx, &actor, &draw)?;
            load(tx, &id)
        })
        .await?;
    Ok(Json(minutes))
}

/// Enters what the minutes say beside what the server knows; each version is in the journal by hash.
#[utoipa::path(put, path = "/api/draws/{id}/minutes", operation_id = "write_minutes", tag = "draw", params(("id" = String, Path)),
    request_body = Minutes, responses((status = 200, body = Minutes), (status = 422, body = Problem)))]
async fn put(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<Minutes>,
) -> Result<Json<Minutes>, AppError> {
    let wrong = check(&input);
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let kept = state
        .db
        .write(move |tx| {
            let draw = found(tx, &id)?;
            actor.require(Right::HoldDraws, &draw.department)?;
            let before = serde_json::to_vec(&load(tx, &id)?).map_err(AppError::internal)?;
            let after = serde_json::to_vec(&input).map_err(AppError::internal)?;
            let present = serde_json::to_string(&input.present).map_err(AppError::internal)?;
            tx.execute(
                "INSERT INTO draw_minutes (draw, place, host, recorder, present, notes, by_name, at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                 ON CONFLICT (draw) DO UPDATE SET place = excluded.place, host = excluded.host,
                     recorder = excluded.recorder, present = excluded.present,
                     notes = excluded.notes, by_name = excluded.by_name, at = excluded.at",
                &[
                    &id,
                    &input.place,
                    &input.host,
                    &input.recorder,
                    &present,
                    &input.notes,
                    &actor.name,
                    &now,
                ],
            )?;
            let entry = Entry::by(&actor, now, "draw.minutes", format!("draw/{id}"))
                .before(&before)
                .after(&after)
                .detail(json!({ "number": draw.number }));
            journal::append(tx, &entry)?;
            Ok(input)
        })
        .await?;
    Ok(Json(kept))
}

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
async fn print(
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
