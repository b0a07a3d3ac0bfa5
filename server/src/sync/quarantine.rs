//! The quarantine 隔离区: what was refused, from which tablet, why, and what to do.

use ::sync::admit::Offered;
use ::sync::author::Author;
use ::sync::signing::Sig;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::held::{self, HeldCell, Lookup};
use super::seal;
use super::store::{self, FeedKind, LoggedChange};
use super::worker::{Fate, Job, Outcome};
use crate::account::{Actor, Right};
use crate::db::{DbError, Tx};
use crate::error::{AppError, FieldError};
use crate::extract::{Json, Paging, Path, Query};
use crate::journal;
use crate::state::AppState;

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(release))
        .routes(routes!(discard))
}

/// One refused change or signature.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QuarantineRow {
    pub id: String,
    pub task: String,
    pub number: Option<String>,
    pub object_name: Option<String>,
    /// The tablet that brought it.
    pub device: String,
    pub device_name: Option<String>,
    /// In whose name it was written; whether it was them the signature says.
    pub person: Option<String>,
    pub person_name: Option<String>,
    /// The tablet on which it was written, by the key that it names.
    pub author_device_name: Option<String>,
    /// The party's name in a statement of the party.
    pub party: Option<String>,
    /// By the author's clock; nothing when it cannot be read.
    pub written_at: Option<i64>,
    /// Place among the author's changes, 0 for a signature.
    pub seq: i64,
    /// What it writes, in the words of the record; nothing when it cannot be read.
    pub cells: Vec<HeldCell>,
    /// How many cells it writes, also beyond those of `cells`.
    pub cells_total: u32,
    /// `change` or `signature`.
    pub kind: String,
    /// Stable word.
    pub code: String,
    /// What to do, for a person.
    pub remedy: String,
    /// For the support, in English.
    pub detail: String,
    pub bytes: i64,
    pub received_at: i64,
    /// `held`, `released` or `discarded`.
    pub state: String,
    pub decided_by: Option<String>,
    pub decided_at: Option<i64>,
    pub reason: Option<String>,
    /// Whether it can be released as it is.
    pub releasable: bool,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct QuarantinePage {
    rows: Vec<QuarantineRow>,
    total: i64,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// `held` (when left out), `released` or `discarded`.
    state: Option<String>,
}

/// What a person can do about it; the console has the same in the reader's language, by code.
pub(super) fn remedy(code: &str) -> &'static str {
    match code {
        "device_revoked" => {
            "该平板已停用。内容如属停用前的真实检查记录，可核实后放行；否则写明原因后作废。"
        }
        "not_on_team" => {
            "作者不在该任务的检查组，或未在该平板登记。请核对派发与登记；补登后可放行。"
        }
        "fork" => {
            "该平板曾用备份恢复，或有人复制了它的数据，出现了重复编号。平板会自动以新编号重新提交；本条留存备查。"
        }
        "exhausted" => {
            "核验这项内容耗时或占用内存过多。如属真实检查记录，可在系统空闲时放行重试；再次失败请联系技术支持。"
        }
        "too_large" => {
            "一项修改超出允许的大小，正常的平板不会产生。请检查该平板上的程序是否被改动；本条留存备查。"
        }
        "bad_signature" => {
            "签名与作者不符，内容可能被篡改。请与检查人员当面核实，必要时停用该平板。"
        }
        "foreign_actor" => "这台平板以他人的身份写入。请与双方检查人员核实，必要时停用该平板。",
        "bad_statement" => {
            "签字与签字人、检查组或内容不符。请与签字人核实后重新签字；必要时停用该平板。"
        }
        "relieved" => {
            "作者已被替换，且在得知替换之后仍有写入。这些内容不属于检查记录；请与其本人核实原因，留存备查。"
        }
        ::sync::message::QUARANTINE_FULL => {
            "隔离区里这台平板的内容已满，这部分没有接收，仍在平板上。请先处理隔离区，再导入一次或等平板自动重试。"
        }
        "record_full" => "记录的修改次数已达上限。请先审核并退回开启新一轮。",
        "not_allowed" => {
            "写入了检查人员无权填写的栏目（如任务事实、他人的完成标记）。请检查该平板上的程序；本条留存备查。"
        }
        "bad_cell" => {
            "记录表中没有这一栏，或内容不符合要求，可能是平板程序版本不同。请升级后重新同步；其余内容不受影响。"
        }
        "bad_sequence" => {
            "修改的编号与其前后不衔接。请升级平板程序后重新同步；若反复出现，请停用并检查该平板。"
        }
        "would_break" => {
            "并入后记录将无法读取，因此没有并入。请联系技术支持检查该平板；记录本身完好。"
        }
        _ => {
            "内容已损坏或不是记录的修改，可能是传输或存储出错。请升级平板程序后重新同步；本条留存备查。"
        }
    }
}

/// What a released change may have been refused for. Anything else would break the record.
fn releasable(code: &str, kind: &str) -> bool {
    kind == "change" && matches!(code, "device_revoked" | "not_on_team" | "exhausted")
}

/// What was refused, tablet by tablet and record by record in the order of writing; what was decided last first.
#[utoipa::path(get, path = "/api/quarantine", tag = "quarantine", params(Filter, Paging),
    responses((status = 200, body = QuarantinePage)))]
async fn list(
    State(state): State<AppState>,
    actor: Actor,
    Query(filter): Query<Filter>,
    Query(paging): Query<Paging>,
) -> Result<Json<QuarantinePage>, AppError> {
    actor.require_any(Right::ReleaseQuarantine)?;
    let wanted = filter.state.unwrap_or_else(|| "held".into());
    let page = state.db.read(move |tx| {
        let total = tx.query_one(
            "SELECT count(*) FROM quarantine WHERE state = $1",
            &[&wanted],
            |r| r.get(0),
        )?;
        let (limit, offset) = (paging.limit(), paging.offset);
        let mut found = tx.query(LIST, &[&wanted, &limit, &offset], listed)?;
        let mut lookup = Lookup::default();
        for (row, bytes) in &mut found {
            tell(tx, &mut lookup, row, bytes)?;
        }
        let rows = found.into_iter().map(|(row, _)| row).collect();
        Ok(QuarantinePage { rows, total })
    });
    Ok(Json(page.await?))
}

const LIST: &str = "SELECT q.id, q.task, t.number, t.object_name, q.device, d.name, q.kind, q.code, q.detail,
        q.bytes, q.received_at, q.state, q.decided_by, q.decided_at, q.reason, q.author_person, q.seq, a.name
    FROM quarantine q LEFT JOIN tasks t ON t.id = q.task LEFT JOIN devices d ON d.id = q.device
        LEFT JOIN devices a ON a.key = q.author_key
    WHERE q.state = $1
    ORDER BY q.decided_at DESC, COALESCE(d.name, ''), q.device, t.number, q.task, q.author_key, q.author_person,
        q.author_epoch, q.seq, q.received_at, q.id
    LIMIT $2 OFFSET $3";

/// A row as it is stored, and its bytes.
fn listed(r: &crate::db::Row<'_>) -> Result<(QuarantineRow, Vec<u8>), DbError> {
    let (kind, code, person): (String, String, String) = (r.get(6)?, r.get(7)?, r.get(15)?);
    let bytes: Vec<u8> = r.get(9)?;
    let row = QuarantineRow {
        id: r.get(0)?,
        task: r.get(1)?,
        number: r.get(2)?,
        object_name: r.get(3)?,
        device: r.get(4)?,
        device_name: r.get(5)?,
        person: (!person.is_empty()).then_some(person),
        person_name: None,
        author_device_name: r.get(17)?,
        party: None,
        written_at: None,
        seq: r.get(16)?,
        cells: Vec::new(),
        cells_total: 0,
        remedy: remedy(&code).to_owned(),
        releasable: releasable(&code, &kind),
        kind,
        code,
        detail: r.get(8)?,
        bytes: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        received_at: r.get(10)?,
        state: r.get(11)?,
        decided_by: r.get(12)?,
        decided_at: r.get(13)?,
        reason: r.get(14)?,
    };
    Ok((row, bytes))
}

/// Adds what the bytes say, and names.
fn tell(
    tx: &mut Tx<'_>,
    lookup: &mut Lookup,
    row: &mut QuarantineRow,
    bytes: &[u8],
) -> Result<(), DbError> {
    let said = match row.kind.as_str() {
        "change" => held::change(bytes, lookup.sheets(tx, &row.task)),
        _ => held::statement(bytes),
    };
    row.written_at = said.written_at;
    row.party = said.party;
    row.cells = said.cells;
    row.cells_total = said.cells_total;
    row.person = row.person.take().or(said.signer);
    if let Some(person) = &row.person {
        row.person_name = lookup.name(tx, &row.task, person)?;
    }
    Ok(())
}

#[derive(Debug, Deserialize, ToSchema)]
struct Decision {
    reason: String,
}

impl Decision {
    fn reason(self) -> Result<String, AppError> {
        let reason = self.reason.trim().to_owned();
        if reason.is_empty() {
            return Err(AppError::invalid(vec![FieldError::new(
                "reason",
                "请写明理由",
            )]));
        }
        Ok(reason)
    }
}

/// Discards: the bytes are kept, marked as of no account.
#[utoipa::path(post, path = "/api/quarantine/{id}/discard", tag = "quarantine", params(("id" = String, Path)),
    request_body = Decision, responses((status = 204), (status = 409, body = crate::error::Problem)))]
async fn discard(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(decision): Json<Decision>,
) -> Result<StatusCode, AppError> {
    actor.require_any(Right::ReleaseQuarantine)?;
    let (reason, now) = (decision.reason()?, state.now());
    state
        .db
        .write(move |tx| decide(tx, &actor, &id, "discarded", &reason, now))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Releases a change into its record: all checks but the one that held it are made again. A tablet signs the
/// newest of several changes for all of them, so those of the same author before it, and those after it up
/// to the one whose signature covers it, go with it: all of them or none.
#[utoipa::path(post, path = "/api/quarantine/{id}/release", tag = "quarantine", params(("id" = String, Path)),
    request_body = Decision, responses((status = 204), (status = 409, body = crate::error::Problem)))]
async fn release(
    State(state): State<AppState>,
    actor: Actor,
    Path(id): Path<String>,
    Json(decision): Json<Decision>,
) -> Result<StatusCode, AppError> {
    actor.require_any(Right::ReleaseQuarantine)?;
    let (reason, now) = (decision.reason()?, state.now());
    let key = state.keys.key();
    let released = state.db.read(move |tx| prepare(tx, &id, key)).await?;
    let judged = state.admission.judge(&released.job).await;
    let done = judged.map_err(AppError::internal)?;
    let came_in = |o: &Outcome| matches!(o.fate, Fate::Admitted | Fate::Known);
    if let Some(outcome) = done.outcomes.iter().find(|o| !came_in(o)) {
        let word = outcome.code.map_or("waiting", ::sync::admit::Code::word);
        let detail = match outcome.fate {
            Fate::Waiting => "它所依据的其他修改还没有并入记录".to_owned(),
            _ => format!("{word}：{}", remedy(word)),
        };
        let detail = format!("仍不能并入记录：{detail}");
        return Err(AppError::conflict("still_refused", detail));
    }
    state
        .db
        .write(move |tx| {
            let text = released.job.task.to_string();
            if store::doc(tx, &text)?.is_none_or(|(_, now)| now != released.heads) {
                return Err(AppError::conflict(
                    "changed",
                    "记录刚刚有新内容，请刷新后再试",
                ));
            }
            let mut ords = Vec::new();
            for (held, outcome) in released.changes.into_iter().zip(&done.outcomes) {
                if outcome.fate == Fate::Admitted {
                    let change = LoggedChange {
                        received_at: now,
                        ..held.change
                    };
                    ords.push(store::append_change(
                        tx,
                        &released.job.task,
                        &change,
                        held.seq,
                    )?);
                }
                decide(tx, &actor, &held.id, "released", &reason, now)?;
            }
            if let (Some(first), Some(last)) = (ords.first(), ords.last()) {
                store::save_doc(tx, &text, &done.cache, &done.heads, &done.summary, now)?;
                store::name_blobs(tx, &text, &done.blobs)?;
                store::tell_team(tx, &text, "", FeedKind::Changes, &format!("{first}-{last}"))?;
                seal::settle(tx, &text, now)?;
            }
            Ok(())
        })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is released together, in the order in which it was written.
struct Released {
    changes: Vec<Held>,
    job: Job,
    /// Heads of the record when it was read.
    heads: String,
}

struct Held {
    id: String,
    code: String,
    /// Place among its author's changes.
    seq: u64,
    change: LoggedChange,
}

fn held_change(r: &crate::db::Row<'_>) -> Result<(String, String, LoggedChange), DbError> {
    let bad = |index| DbError::Column {
        index,
        expected: "id in hex",
    };
    let (hash, key): (String, String) = (r.get(2)?, r.get(3)?);
    let sig: Option<Vec<u8>> = r.get(7)?;
    let change = LoggedChange {
        hash: hash.parse().map_err(|_| bad(2))?,
        author: Author {
            device: key.parse().map_err(|_| bad(3))?,
            person: r.get(4)?,
            epoch: r.get(5)?,
        },
        bytes: r.get(6)?,
        sig: sig.and_then(|s| <[u8; 64]>::try_from(s).ok()).map(Sig),
        received_at: 0,
        via_device: r.get(8)?,
    };
    Ok((r.get(0)?, r.get(1)?, change))
}

fn prepare(tx: &mut Tx<'_>, id: &str, server: ::sync::ids::Key) -> Result<Released, AppError> {
    let row = tx.query_opt(
        "SELECT task, kind, code FROM quarantine WHERE id = $1 AND state = 'held'",
        &[&id],
        |r| {
            Ok((
                r.get::<String>(0)?,
                r.get::<String>(1)?,
                r.get::<String>(2)?,
            ))
        },
    )?;
    let (task, kind, code) =
        row.ok_or_else(|| AppError::conflict("decided", "该条已经处理，或不存在"))?;
    if !releasable(&code, &kind) {
        return Err(AppError::conflict("not_releasable", remedy(&code)));
    }
    let found = tx.query(
        "SELECT q.id, q.code, q.hash, q.author_key, q.author_person, q.author_epoch, q.bytes, q.sig, q.device
         FROM quarantine q JOIN quarantine one ON one.id = $1 AND q.task = one.task AND q.author_key = one.author_key
              AND q.author_person = one.author_person AND q.author_epoch = one.author_epoch
         WHERE q.state = 'held' AND q.kind = 'change'",
        &[&id],
        held_change,
    )?;
    let held = found.into_iter().filter_map(|(id, code, change)| {
        let seq = ::sync::chunk::Chunk::parse(&change.bytes).ok()?.seq;
        Some(Held {
            id,
            code,
            seq,
            change,
        })
    });
    let changes = covered_together(held.collect(), id)
        .ok_or_else(|| AppError::conflict("not_releasable", remedy("malformed")))?;
    let (cache, heads) = store::doc(tx, &task)?.ok_or_else(|| AppError::not_found("task"))?;
    let (devices, _) = store::writers(tx, &task)?;
    let job = Job {
        task: task.parse().map_err(AppError::internal)?,
        cache,
        server,
        devices,
        // The person who releases vouches for the device.
        revoked: Vec::new(),
        authors: changes
            .iter()
            .take(1)
            .map(|h| h.change.author.clone())
            .collect(),
        changes: changes
            .iter()
            .map(|h| Offered {
                author: 0,
                bytes: h.change.bytes.clone(),
                sig: h.change.sig,
            })
            .collect(),
    };
    Ok(Released {
        changes,
        job,
        heads,
    })
}

/// Of one author's held changes those that come in with `id`: up to the first signed one from it on. `None`
/// when it is not among them, since its bytes are no change.
fn covered_together(mut held: Vec<Held>, id: &str) -> Option<Vec<Held>> {
    held.retain(|h| h.id == id || releasable(&h.code, "change"));
    held.sort_by_key(|h| h.seq);
    let at = held.iter().position(|h| h.id == id)?;
    let signed = held[at..].iter().position(|h| h.change.sig.is_some());
    held.truncate(at + signed.unwrap_or(0) + 1);
    Some(held)
}

fn decide(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &str,
    to: &str,
    reason: &str,
    now: i64,
) -> Result<(), AppError> {
    let changed = tx.execute(
        "UPDATE quarantine SET state = $2, decided_by = $3, decided_at = $4, reason = $5
         WHERE id = $1 AND state = 'held'",
        &[&id, &to, &actor.account, &now, &reason],
    )?;
    if changed == 0 {
        return Err(AppError::conflict("decided", "该条已经处理，或不存在"));
    }
    let entry = journal::Entry::by(
        actor,
        now,
        &format!("quarantine.{to}"),
        format!("quarantine/{id}"),
    )
    .detail(json!({ "reason": reason }));
    journal::append(tx, &entry)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::sync::admit::Code;

    /// Every word that can stand in the quarantine.
    fn words() -> Vec<&'static str> {
        let codes = [
            Code::BadSignature,
            Code::Malformed,
            Code::TooLarge,
            Code::ForeignActor,
            Code::NotOnTeam,
            Code::DeviceRevoked,
            Code::Fork,
            Code::BadSequence,
            Code::BadCell,
            Code::NotAllowed,
            Code::RecordFull,
            Code::WouldBreak,
            Code::Exhausted,
            Code::Relieved,
        ];
        let mut words: Vec<&str> = codes.iter().map(|c| c.word()).collect();
        words.push("bad_statement");
        words.push(::sync::message::QUARANTINE_FULL);
        words
    }

    // F7: each reason says what to do, in the words of its own, in both languages of the console
    fn held(id: &str, seq: u64, code: &str, signed: bool) -> Held {
        let author = Author {
            device: ::sync::ids::Key([1; 32]),
            person: "zhang".into(),
            epoch: 1,
        };
        let change = LoggedChange {
            hash: ::sync::ids::Sha256([0; 32]),
            author,
            bytes: Vec::new(),
            sig: signed.then_some(Sig([0; 64])),
            received_at: 0,
            via_device: String::new(),
        };
        Held {
            id: id.into(),
            code: code.into(),
            seq,
            change,
        }
    }

    #[rstest::rstest]
    #[case::the_first_of_a_run("a", Some("abc"))]
    #[case::its_last("c", Some("abc"))]
    #[case::of_the_next_run("d", Some("abcde"))]
    #[case::one_that_is_no_change("x", None)]
    fn what_one_signature_covers_goes_together(#[case] id: &str, #[case] together: Option<&str>) {
        let rows = vec![
            held("e", 5, "device_revoked", true),
            held("c", 3, "device_revoked", true),
            held("a", 1, "not_on_team", false),
            held("b", 2, "device_revoked", false),
            held("d", 4, "device_revoked", false),
            held("f", 4, "bad_cell", true),
        ];
        let found = covered_together(rows, id);
        let ids = found.map(|rows| rows.iter().map(|h| h.id.as_str()).collect::<String>());
        assert_eq!(ids.as_deref(), together);
    }

    #[test]
    fn every_reason_has_a_remedy_in_chinese_and_english() {
        let mut remedies: Vec<&str> = words().into_iter().map(remedy).collect();
        remedies.sort_unstable();
        remedies.dedup();
        assert_eq!(
            remedies.len(),
            words().len(),
            "no two reasons read the same"
        );
        for text in [
            include_str!("../../console/src/i18n/zh-CN/places.ts"),
            include_str!("../../console/src/i18n/en/places.ts"),
        ] {
            let (_, after) = text.split_once("remedy: {").expect("remedies");
            for word in words() {
                assert!(after.contains(&format!("    {word}: '")), "{word}");
            }
        }
    }
}
