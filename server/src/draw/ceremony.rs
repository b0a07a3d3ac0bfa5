//! `/api/draws/{id}/…`: the steps of the ceremony, one handler each.

use std::collections::HashMap;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::pools::{self, Loaded};
use super::routes::{department_name, found, view};
use super::store::{self, Draw, NewResult};
use super::view::{DrawView, DrawnInspector, WitnessState, WitnessView};
use super::{Step, decide};
use crate::account::{Actor, Right};
use crate::clock::china_date;
use crate::db::{DbError, Tx};
use crate::error::{AppError, FieldError, Problem};
use crate::extract::{Json, Path};
use crate::journal::{self, Entry};
use crate::plan;
use crate::state::AppState;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(check))
        .routes(routes!(commit))
        .routes(routes!(add_witness))
        .routes(routes!(close))
        .routes(routes!(reveal))
        .routes(routes!(withhold))
        .routes(routes!(dice))
        .routes(routes!(void))
}

/// The draw, where this account holds it and the step can be taken now.
fn begin(tx: &mut Tx<'_>, actor: &Actor, id: &str, step: Step) -> Result<Draw, AppError> {
    let draw = found(tx, id)?;
    actor.require(Right::HoldDraws, &draw.department)?;
    decide(draw.state, step)?;
    Ok(draw)
}

/// Writes the act into the journal and shows the draw as it is after it.
fn noted(
    tx: &mut Tx<'_>,
    actor: &Actor,
    now: i64,
    act: &str,
    draw: &Draw,
    detail: Value,
) -> Result<DrawView, AppError> {
    let mut all = json!({ "number": draw.number });
    if let (Some(all), Value::Object(detail)) = (all.as_object_mut(), detail) {
        all.extend(detail);
    }
    let entry = Entry::by(actor, now, act, format!("draw/{}", draw.id)).detail(all);
    journal::append(tx, &entry)?;
    view(tx, &draw.id, now)
}

fn load(tx: &mut Tx<'_>, draw: &Draw, now: i64) -> Result<(plan::PlanView, Loaded), AppError> {
    let plan = plan::store::find(tx, &draw.plan)?.ok_or_else(|| AppError::not_found("plan"))?;
    let department = department_name(tx, &draw.department)?;
    let today = china_date(now).to_string();
    let loaded = pools::load(tx, &plan, draw, &department, &today)?;
    Ok((plan, loaded))
}

fn refused(error: &::draw::BuildError) -> AppError {
    let why = match error {
        ::draw::BuildError::NothingToDraw => {
            "名单中没有可抽取的对象：请检查计划的范围、比例和执法检查人员名录".to_owned()
        }
        ::draw::BuildError::Entry { id, why } => format!("名录中的 {id} 不能写入抽取档案：{why}"),
        ::draw::BuildError::Rules(fault) => format!("抽取规则有误：{fault}"),
    };
    AppError::conflict("draw_cannot_be_held", why)
}

/// Looks through both pools: how many stand in each cell, who is kept out and why.
#[utoipa::path(post, path = "/api/draws/{id}/check", operation_id = "check_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn check(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let (frame, excluded) = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Check)?;
            let (plan, loaded) = load(tx, &draw, now)?;
            let codes = loaded.codes();
            let pools = loaded.pools(&codes);
            let forecast = ::draw::forecast(&loaded.rules, &pools).map_err(|e| refused(&e))?;
            Ok((
                loaded.frame(&plan, &forecast),
                loaded.excluded(&codes, &forecast),
            ))
        })
        .await?;
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Check)?;
            store::checked(tx, &id, &frame, &excluded)?;
            let detail = json!({ "cells": frame.cells.iter().map(|c| c.objects).collect::<Vec<_>>(),
                "inspectors": frame.inspectors, "excluded": excluded.len() });
            noted(tx, &actor, now, "draw.check", &draw, detail)
        })
        .await?;
    Ok(Json(view))
}

/// Commits to rules and pools: from here on nothing of them can be changed, and no chance exists yet
/// (D2). Refused when the registers have changed since the pools were checked.
#[utoipa::path(post, path = "/api/draws/{id}/commit", operation_id = "commit_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn commit(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by) = (id.clone(), actor.clone());
    let (sealed, names, frame) = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Commit)?;
            let (plan, loaded) = load(tx, &draw, now)?;
            let key = key(&draw)?;
            let codes = loaded.codes();
            let pools = loaded.pools(&codes);
            let forecast = ::draw::forecast(&loaded.rules, &pools).map_err(|e| refused(&e))?;
            let frame = Some(loaded.frame(&plan, &forecast));
            if frame != draw.frame {
                return Err(changed());
            }
            let sealed = ::draw::commit(&loaded.rules, &key, &pools).map_err(|e| refused(&e))?;
            Ok((sealed, names_of(&loaded, &codes, &key), frame))
        })
        .await?;
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Commit)?;
            if frame != draw.frame {
                return Err(changed());
            }
            let mut files = sealed.committed().named().to_vec();
            files.push(("manifest.txt", &sealed.manifest));
            files.push(("openings.csv", &sealed.openings));
            files.push(("names.tsv", names.as_bytes()));
            store::keep_files(tx, &id, &files)?;
            store::committed(tx, &id, &sealed.commitment, now)?;
            let detail = json!({ "commitment": sealed.commitment,
                "nonce_sha256": draw.nonce_sha256() });
            noted(tx, &actor, now, "draw.commit", &draw, detail)
        })
        .await?;
    Ok(Json(view))
}

fn changed() -> AppError {
    AppError::conflict(
        "registers_changed",
        "核对之后名录有了变化，请重新核对名单再封存",
    )
}

fn key(draw: &Draw) -> Result<[u8; 32], AppError> {
    draw.salt_key
        .as_slice()
        .try_into()
        .map_err(AppError::internal)
}

/// Who is behind each blinded id, with the names of that day: sealed, for showing the result.
fn names_of(loaded: &Loaded, codes: &[String], key: &[u8; 32]) -> String {
    let blinder = ::draw::Blinder::new(key);
    let clean = |text: &str| text.replace(['\t', '\n', '\r'], " ");
    let mut text = String::new();
    for n in loaded.named(codes) {
        let blinded = blinder.blind(n.kind, n.code).hash;
        let (kind, name, place) = (n.kind.name(), clean(n.name), clean(n.place));
        text.push_str(&format!("{blinded}\t{kind}\t{}\t{name}\t{place}\n", n.id));
    }
    text
}

/// A witness and the hash of a value that nobody else knows yet.
#[derive(Debug, Deserialize, ToSchema)]
struct WitnessInput {
    /// 1 to 20 of Latin letters, digits, `-`, `·` and Han characters.
    name: String,
    /// `SHA-256(commitment ‖ LF ‖ name ‖ LF ‖ value)`, 64 lower-case hexadecimal digits.
    committed: String,
}

/// Enters a witness with the hash of a value (D3).
#[utoipa::path(post, path = "/api/draws/{id}/witnesses", operation_id = "add_witness", tag = "draw",
    params(("id" = String, Path)), request_body = WitnessInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn add_witness(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<WitnessInput>,
) -> Result<Json<DrawView>, AppError> {
    let mut wrong = Vec::new();
    if !::draw::is_name(&input.name) {
        let message = "姓名须为 1 到 20 个汉字、字母、数字、“-”或“·”，不能有空格";
        wrong.push(FieldError::new("name", message));
    }
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if input.committed.len() != 64 || !input.committed.bytes().all(hex) {
        wrong.push(FieldError::new(
            "committed",
            "数值的指纹须为 64 位小写十六进制",
        ));
    }
    if !wrong.is_empty() {
        return Err(AppError::invalid(wrong));
    }
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Witness)?;
            if store::witnesses(tx, &id)?.len() >= ::draw::WITNESSES_MAX {
                return Err(AppError::conflict(
                    "too_many_witnesses",
                    "见证人已满 200 人",
                ));
            }
            store::add_witness(tx, &id, &input.name, &input.committed).map_err(|e| match e {
                DbError::Duplicate(_) => AppError::conflict(
                    "witness_twice",
                    format!(
                        "{}已经登记；同名的见证人请加以区别，如“{}-2”",
                        input.name, input.name
                    ),
                ),
                other => other.into(),
            })?;
            let detail = json!({ "witness": input.name, "committed": input.committed });
            noted(tx, &actor, now, "draw.witness", &draw, detail)
        })
        .await?;
    Ok(Json(view))
}

/// Closes the list of witnesses; its hash is shown before anybody reveals.
#[utoipa::path(post, path = "/api/draws/{id}/close", operation_id = "close_draw", tag = "draw", params(("id" = String, Path)),
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn close(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Close)?;
            let witnesses = store::witnesses(tx, &id)?;
            let list: Vec<(&str, &str)> = witnesses
                .iter()
                .map(|w| (w.name.as_str(), w.committed.as_str()))
                .collect();
            let hash = ::draw::list_hash(draw.commitment.as_deref().unwrap_or_default(), &list);
            store::closed(tx, &id, &hash, now)?;
            let detail = json!({ "witnesses": list.len(), "list_sha256": hash });
            noted(tx, &actor, now, "draw.close", &draw, detail)?;
            all_said(tx, &actor, now, &draw)
        })
        .await?;
    Ok(Json(view))
}

/// Once every witness has revealed or withheld, the server reveals its nonce.
fn all_said(tx: &mut Tx<'_>, actor: &Actor, now: i64, draw: &Draw) -> Result<DrawView, AppError> {
    let waiting = |w: &WitnessView| w.state == WitnessState::Committed;
    if store::witnesses(tx, &draw.id)?.iter().any(waiting) {
        return view(tx, &draw.id, now);
    }
    store::revealed(tx, &draw.id, now)?;
    noted(
        tx,
        actor,
        now,
        "draw.reveal_nonce",
        draw,
        json!({ "nonce": draw.nonce }),
    )
}

/// The value behind a witness's hash.
#[derive(Debug, Deserialize, ToSchema)]
struct RevealInput {
    /// Name as in the list.
    name: String,
    /// 8 to 64 of `A-Z a-z 0-9 -`.
    value: String,
}

/// A witness reveals the value.
#[utoipa::path(post, path = "/api/draws/{id}/reveal", operation_id = "reveal_draw", tag = "draw", params(("id" = String, Path)),
    request_body = RevealInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn reveal(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<RevealInput>,
) -> Result<Json<DrawView>, AppError> {
    if !::draw::is_witness_value(&input.value) {
        let message = "数值须为 8 到 64 个字母、数字或“-”";
        return Err(AppError::invalid(vec![FieldError::new("value", message)]));
    }
    said(state, actor, id, input.name, Some(input.value)).await
}

/// Who did not reveal.
#[derive(Debug, Deserialize, ToSchema)]
struct WithholdInput {
    /// Name as in the list.
    name: String,
}

/// Notes that a witness did not reveal; it stays in the seed's text.
#[utoipa::path(post, path = "/api/draws/{id}/withhold", operation_id = "withhold_draw", tag = "draw",
    params(("id" = String, Path)), request_body = WithholdInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn withhold(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<WithholdInput>,
) -> Result<Json<DrawView>, AppError> {
    said(state, actor, id, input.name, None).await
}

async fn said(
    state: AppState,
    actor: Actor,
    id: String,
    name: String,
    value: Option<String>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Reveal)?;
            let witnesses = store::witnesses(tx, &id)?;
            let Some(witness) = witnesses.iter().find(|w| w.name == name) else {
                return Err(AppError::not_found("witness"));
            };
            if witness.state != WitnessState::Committed {
                return Err(AppError::conflict(
                    "witness_has_said",
                    format!("{name}已经揭晓或已记为未揭晓，不能更改"),
                ));
            }
            if let Some(value) = &value {
                let commitment = draw.commitment.as_deref().unwrap_or_default();
                if ::draw::witness_commitment(commitment, &name, value) != witness.committed {
                    let message =
                        format!("这个数值与{name}事先交来的指纹不符，请核对大小写和连字符");
                    return Err(AppError::invalid(vec![FieldError::new("value", message)]));
                }
            }
            store::witness_said(tx, &id, &name, value.as_deref())?;
            let act = if value.is_some() {
                "draw.reveal"
            } else {
                "draw.withhold"
            };
            noted(
                tx,
                &actor,
                now,
                act,
                &draw,
                json!({ "witness": name, "value": value }),
            )?;
            all_said(tx, &actor, now, &draw)
        })
        .await?;
    Ok(Json(view))
}

/// The dice as they fell.
#[derive(Debug, Deserialize, ToSchema)]
struct DiceInput {
    /// As many as were announced, each from 1 to the number of sides.
    rolls: Vec<u32>,
}

/// The dice, rolled last and in public, make the seed; the result follows from it (D2).
#[utoipa::path(post, path = "/api/draws/{id}/dice", operation_id = "dice_draw", tag = "draw", params(("id" = String, Path)),
    request_body = DiceInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn dice(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<DiceInput>,
) -> Result<Json<DrawView>, AppError> {
    let now = state.now();
    let (asked, by, rolls) = (id.clone(), actor.clone(), input.rolls.clone());
    // Computed outside of the writing transaction: a large draw takes seconds.
    let result = state
        .db
        .read(move |tx| {
            let draw = begin(tx, &by, &asked, Step::Dice)?;
            let all = 1..=draw.sides;
            if rolls.len() != draw.rolls as usize || rolls.iter().any(|r| !all.contains(r)) {
                let message = format!("须填写 {} 次，每次 1 到 {}", draw.rolls, draw.sides);
                return Err(AppError::invalid(vec![FieldError::new("rolls", message)]));
            }
            compute(tx, &draw, rolls)
        })
        .await?;
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Dice)?;
            let nothing = ::draw::no_substitutions();
            let files: [(&str, &[u8]); 3] = [
                ("seed.txt", result.seed_txt.as_bytes()),
                ("result.csv", &result.csv),
                ("substitutions.csv", nothing.as_bytes()),
            ];
            store::keep_files(tx, &id, &files)?;
            store::drawn(tx, &id, &input.rolls, &result.seed, &result.rows, now)?;
            let detail = json!({ "dice": input.rolls, "seed": result.seed,
                "result_sha256": crate::ids::sha256_hex(&result.csv) });
            noted(tx, &actor, now, "draw.draw", &draw, detail)
        })
        .await?;
    Ok(Json(view))
}

struct Computed {
    seed_txt: String,
    seed: String,
    csv: Vec<u8>,
    rows: Vec<NewResult>,
}

fn compute(tx: &mut Tx<'_>, draw: &Draw, rolls: Vec<u32>) -> Result<Computed, AppError> {
    let mut file = |name: &str| {
        store::file(tx, &draw.id, name)?
            .ok_or_else(|| AppError::internal(format!("draw {}: {name} is missing", draw.id)))
    };
    let (avoid, excluded) = (file("avoid.csv")?, file("excluded.csv")?);
    let (inspectors, objects) = (file("inspectors.csv")?, file("objects.csv")?);
    let (rules, manifest, names) = (
        file("rules.json")?,
        file("manifest.txt")?,
        file("names.tsv")?,
    );
    let committed = ::draw::Committed {
        avoid: &avoid,
        excluded: &excluded,
        inspectors: &inspectors,
        objects: &objects,
        rules: &rules,
    };
    let witnesses = store::witnesses(tx, &draw.id)?;
    let frame = ::draw::Frame::read(&committed, &manifest).map_err(AppError::internal)?;
    let witness = |w: WitnessView| ::draw::Witness {
        name: w.name,
        committed: w.committed,
        value: w.value,
    };
    let seed_txt = ::draw::Contributions {
        commitment: frame.commitment().to_owned(),
        witnesses: witnesses.into_iter().map(witness).collect(),
        nonce_sha256: draw.nonce_sha256(),
        nonce: Some(draw.nonce.clone()),
        rolls,
        sides: draw.sides,
    }
    .to_text();
    // What is about to be kept for ever is read as a stranger would read it.
    ::draw::Contributions::parse(seed_txt.as_bytes(), frame.rules(), frame.commitment())
        .map_err(AppError::internal)?;
    let seed = ::draw::seed(seed_txt.as_bytes());
    let outcome = frame.draw(&seed).map_err(AppError::internal)?;
    let names = String::from_utf8(names).map_err(AppError::internal)?;
    let rows = rows_of(&outcome, &names)?;
    Ok(Computed {
        seed_txt,
        seed,
        csv: outcome.to_text(),
        rows,
    })
}

/// The result in the words of the registers.
fn rows_of(outcome: &::draw::Outcome<'_>, names: &str) -> Result<Vec<NewResult>, AppError> {
    let by_hash: HashMap<&str, Vec<&str>> = names
        .lines()
        .filter_map(|line| Some((line.get(..64)?, line.get(65..)?.split('\t').collect())))
        .collect();
    let named = |hash: &str| match by_hash.get(hash).map(Vec::as_slice) {
        Some([_, id, name, place]) => {
            Ok(((*id).to_owned(), (*name).to_owned(), (*place).to_owned()))
        }
        _ => Err(AppError::internal(format!("nobody is behind {hash}"))),
    };
    let mut rows = Vec::with_capacity(outcome.drawn.len() + outcome.reserves.len());
    let mut push = |role, cell, rank: usize, hash: &str, ticket: &[u8], team| {
        let (object, name, district) = named(hash)?;
        rows.push(NewResult {
            role,
            cell,
            rank: u32::try_from(rank).map_err(AppError::internal)?,
            object,
            blinded: hash.to_owned(),
            name,
            district,
            ticket: hex::encode(ticket),
            team,
        });
        Ok::<_, AppError>(())
    };
    for d in &outcome.drawn {
        let person = |hash: &&str| {
            let (id, name, unit) = named(hash)?;
            Ok(DrawnInspector { id, name, unit })
        };
        let team = d
            .inspectors
            .iter()
            .map(person)
            .collect::<Result<Vec<_>, AppError>>()?;
        push("drawn", d.cell, d.rank, d.object, &d.ticket, team)?;
    }
    for r in &outcome.reserves {
        push("reserve", r.cell, r.rank, r.object, &r.ticket, Vec::new())?;
    }
    Ok(rows)
}

/// Why a draw is void.
#[derive(Debug, Deserialize, ToSchema)]
struct VoidInput {
    /// 4 to 1000 characters; after the seed a legal ground, 10 at least.
    reason: String,
}

/// Makes a draw void. It keeps its number, and what was public of it stays public (D5).
#[utoipa::path(post, path = "/api/draws/{id}/void", operation_id = "void_draw", tag = "draw", params(("id" = String, Path)),
    request_body = VoidInput,
    responses((status = 200, body = DrawView), (status = 409, body = Problem)))]
async fn void(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(input): Json<VoidInput>,
) -> Result<Json<DrawView>, AppError> {
    let reason = input.reason.trim().to_owned();
    let now = state.now();
    let view = state
        .db
        .write(move |tx| {
            let draw = begin(tx, &actor, &id, Step::Void)?;
            let (least, message) = match draw.seed {
                None => (4, "请写明作废的理由（至少 4 个字），理由会永久公开"),
                Some(_) => (
                    10,
                    "种子产生以后，作废须写明法定理由（至少 10 个字），理由会永久公开",
                ),
            };
            if !(least..=1000).contains(&reason.chars().count()) {
                return Err(AppError::invalid(vec![FieldError::new("reason", message)]));
            }
            store::voided(tx, &id, &reason, &actor.name, now)?;
            noted(
                tx,
                &actor,
                now,
                "draw.void",
                &draw,
                json!({ "reason": reason }),
            )
        })
        .await?;
    Ok(Json(view))
}
