//! The task list from summary rows, and one task in full.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use sync::facts::{AnswerKind, CheckSheet};
use sync::ids::{Key, TaskId};
use sync::inspection_code as code;
use sync::signoff::{self, Signed};

use super::completeness::{self, demand_word};
use super::{Agent, Loaded, Open, no_such_task, storage};
use crate::api::Problem;
use crate::api::tasks::*;
use crate::store::pieces::{self, Piece};
use crate::store::{changes, queue, recordings, statements, tasks};

const DAY_MS: i64 = 86_400_000;
const CHINA_OFFSET_MS: i64 = 8 * 3_600_000;

/// Days since 1970 of a China date, `YYYY-MM-DD`.
fn day_of(date: &str) -> Option<i64> {
    let date = chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").ok()?;
    Some(
        date.signed_duration_since(chrono::NaiveDate::default())
            .num_days(),
    )
}

fn days_left(until: &str, now: i64) -> i32 {
    let today = (now + CHINA_OFFSET_MS).div_euclid(DAY_MS);
    day_of(until)
        .and_then(|day| i32::try_from(day - today).ok())
        .unwrap_or(0)
}

/// What is known of a record beside its cells.
pub(super) struct Circumstances {
    pub statements: Vec<statements::StatementRow>,
    pub sign_off: Option<statements::SignOffRow>,
    pub accepted: bool,
    pub withdrawn: bool,
}

impl Circumstances {
    pub(super) fn of(db: &Connection, task: &str) -> Result<Self, Problem> {
        let row = tasks::get(db, task)
            .map_err(storage)?
            .ok_or_else(no_such_task)?;
        Ok(Circumstances {
            statements: statements::of_task(db, task).map_err(storage)?,
            sign_off: statements::sign_off(db, task).map_err(storage)?,
            accepted: row.accepted_at.is_some(),
            withdrawn: row.withdrawn,
        })
    }

    /// The seal of the open round, if all have signed.
    pub(super) fn seal(&self, record: &Loaded) -> Result<signoff::Seal, Vec<signoff::Missing>> {
        let rows: Vec<Signed> = self.statements.iter().map(|s| s.signed.clone()).collect();
        let team: Vec<_> = record
            .roster
            .members
            .iter()
            .filter(|m| record.status_of(&m.person) == "active")
            .cloned()
            .collect();
        let seal = signoff::seal(&team, record.view.round(), &rows)?;
        // Signed by the team as it was before a substitution: it does not close the record any more.
        let then = record.doc.view_at(&seal.subject.heads);
        if then.is_ok_and(|v| signoff::team_stands(&v, &team)) {
            return Ok(seal);
        }
        Err(vec![signoff::Missing::Party])
    }
}

/// Where an inspection stands on this tablet.
pub(super) fn state_of(record: &Loaded, around: &Circumstances) -> TaskState {
    if around.withdrawn {
        return TaskState::Withdrawn;
    }
    if around.accepted {
        return TaskState::Accepted;
    }
    if !around.statements.is_empty() && around.seal(record).is_ok() {
        return TaskState::Sealed;
    }
    if around.sign_off.is_some() {
        return TaskState::ToSign;
    }
    if record.view.round() > 1 {
        return TaskState::Returned;
    }
    if !record.begun() {
        return TaskState::Todo;
    }
    let blocked = completeness::missing_cells(&record.facts, &record.view)
        .iter()
        .any(|m| m.blocks);
    if blocked {
        TaskState::UnderWay
    } else {
        TaskState::ToSign
    }
}

/// The card of a record; what depends on the day and on who looks is filled in when it is shown.
pub(super) fn card(
    db: &Connection,
    record: &Loaded,
    around: &Circumstances,
    here: &Key,
    changed_at: i64,
) -> Result<TaskCard, Problem> {
    let (facts, view) = (&record.facts, &record.view);
    let task = record.id.to_string();
    let progress = completeness::progress(facts, view, 0, 0);
    let on_the_way = changes::on_the_way(db, &task).map_err(storage)?;
    let (unconfirmed_photos, unconfirmed_clips) =
        pieces::unconfirmed(db, &task).map_err(storage)?;
    let round = view.round();
    Ok(TaskCard {
        task,
        number: facts.number.clone(),
        title: facts.title.clone(),
        object: facts.object.name.clone(),
        address: facts.object.address.clone(),
        district: facts.object.district.clone(),
        lat_e7: facts.object.lat_e7,
        lon_e7: facts.object.lon_e7,
        items: facts
            .sheets
            .iter()
            .map(|s| ItemName {
                item: s.item.clone(),
                name: s.name.clone(),
            })
            .collect(),
        team: record.team(here),
        until: facts.until.clone(),
        days_left: 0,
        points_done: progress.points_done,
        points_total: progress.points_total,
        state: state_of(record, around),
        round,
        remarks: record.remarks(round).len() as u32,
        conflicts: progress.conflicts,
        photos: view.standing("photo").len() as u32,
        delivery: overall(on_the_way),
        unconfirmed_photos,
        clips: view.standing("clip").len() as u32,
        unconfirmed_clips,
        recordings: 0,
        changed_at,
        code: code_state(record),
    })
}

fn code_state(record: &Loaded) -> CodeState {
    let view = &record.view;
    let text = view.text("code/text");
    CodeState {
        entered: code::entered_at(view).is_some(),
        compared: (!text.is_empty()).then(|| {
            code::compare(text, &record.facts.object.code)
                .word()
                .to_owned()
        }),
        until: code::open_until(view).map(|d| d.to_string()),
        days_left: None,
        reason_missing: code::reason_missing(view),
    }
}

/// The files of a record's photos and clips.
fn pieces_of(record: &Loaded) -> BTreeSet<Piece> {
    let files: [(&str, &str, i64); 4] = [
        ("photo", "thumbnail_sha256", queue::form::THUMBNAIL),
        ("photo", "rendition_sha256", queue::form::RENDITION),
        ("photo", "sha256", queue::form::ORIGINAL),
        ("clip", "sha256", queue::form::CLIP),
    ];
    let mut pieces = BTreeSet::new();
    for (entry, file, form) in files {
        for id in record.view.entries(entry) {
            let text = |f: &str| record.view.text(&format!("{entry}/{id}/{f}")).to_owned();
            pieces.insert(Piece {
                entry: entry.to_owned(),
                id: id.to_owned(),
                form,
                sha256: text(file),
                caption: text("caption"),
                kind: text("kind"),
            });
        }
    }
    pieces
}

/// The least far of a record's parts.
pub(super) fn overall([here, sent, refused]: [bool; 3]) -> Delivery {
    match (refused, here, sent) {
        (true, _, _) => Delivery::Refused,
        (_, true, _) => Delivery::OnThisTablet,
        (_, _, true) => Delivery::Sent,
        _ => Delivery::Confirmed,
    }
}

impl Open {
    /// Notes the files of photos and clips where an earlier version did not.
    pub(super) fn note_pieces(&self) -> Result<(), Problem> {
        let tx = self.db.unchecked_transaction().map_err(storage)?;
        for task in pieces::missing(&tx).map_err(storage)? {
            if let Ok(id) = task.parse() {
                let record = self.load(id)?;
                pieces::keep(&tx, &task, &pieces_of(&record)).map_err(storage)?;
            }
        }
        tx.commit().map_err(storage)
    }

    /// Writes the summary that the task list shows. Belongs into the transaction of what changed.
    pub(super) fn write_card(
        db: &Connection,
        record: &Loaded,
        here: &Key,
        changed_at: i64,
    ) -> Result<TaskCard, Problem> {
        let around = Circumstances::of(db, &record.id.to_string())?;
        Open::write_card_of(db, record, &around, here, changed_at)
    }

    /// The same, where it is known already what stands beside the cells.
    pub(super) fn write_card_of(
        db: &Connection,
        record: &Loaded,
        around: &Circumstances,
        here: &Key,
        changed_at: i64,
    ) -> Result<TaskCard, Problem> {
        let task = record.id.to_string();
        pieces::keep(db, &task, &pieces_of(record)).map_err(storage)?;
        let card = card(db, record, around, here, changed_at)?;
        let json = serde_json::to_string(&card).map_err(|e| Problem::internal(&e))?;
        tasks::set_card(db, &task, &json, changed_at).map_err(storage)?;
        Ok(card)
    }
}

/// Brings the card of a task up to what the server has confirmed, where nothing else of it has changed.
pub(super) fn refresh_delivery(db: &Connection, task: &str) -> Result<(), Problem> {
    let Some(row) = tasks::get(db, task).map_err(storage)? else {
        return Ok(());
    };
    let mut card: TaskCard = serde_json::from_str(&row.card).map_err(|e| Problem::internal(&e))?;
    card.delivery = overall(changes::on_the_way(db, task).map_err(storage)?);
    (card.unconfirmed_photos, card.unconfirmed_clips) =
        pieces::unconfirmed(db, task).map_err(storage)?;
    let json = serde_json::to_string(&card).map_err(|e| Problem::internal(&e))?;
    tasks::set_card(db, task, &json, row.changed_at).map_err(storage)
}

fn for_viewer(card: &mut TaskCard, me: &str, now: i64) {
    card.days_left = days_left(&card.until, now);
    card.code.days_left = card.code.until.as_deref().map(|d| days_left(d, now));
    for member in &mut card.team {
        member.me = member.person == me;
    }
    let relieved = card.team.iter().any(|m| m.me && m.status == "relieved");
    if relieved && card.state != TaskState::Withdrawn {
        card.state = TaskState::Relieved;
    }
}

fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::Returned => 0,
        TaskState::ToSign | TaskState::UnderWay | TaskState::Todo => 1,
        TaskState::Sealed => 2,
        TaskState::Accepted => 3,
        TaskState::Relieved => 4,
        TaskState::Withdrawn => 5,
    }
}

impl Agent {
    /// The tasks of `me`, returned ones first, then by days left.
    pub fn tasks(&self, me: &str, query: &TaskQuery) -> Result<TaskList, Problem> {
        let now = self.now();
        let (stored, recordings) = self.with_open(|open| {
            let recordings = recordings::all(&open.db).map_err(storage)?;
            Ok((tasks::cards(&open.db).map_err(storage)?, recordings))
        })?;
        let mut rows: Vec<TaskCard> = stored
            .iter()
            .filter_map(|(_, json, _)| serde_json::from_str::<TaskCard>(json).ok())
            .filter(|card| card.team.iter().any(|m| m.person == me))
            .collect();
        let mut counts: BTreeMap<u8, StateCount> = BTreeMap::new();
        for card in &mut rows {
            for_viewer(card, me, now);
            card.recordings = recordings.iter().filter(|r| r.task == card.task).count() as u32;
            counts
                .entry(card.state as u8)
                .or_insert(StateCount {
                    state: card.state,
                    count: 0,
                })
                .count += 1;
        }
        if let Some(wanted) = query.state.as_deref().filter(|s| !s.is_empty()) {
            let word = |state: TaskState| {
                serde_json::to_value(state)
                    .ok()
                    .and_then(|v| v.as_str().map(str::to_owned))
            };
            rows.retain(|card| {
                word(card.state).is_some_and(|w| wanted.split(',').any(|s| s.trim() == w))
            });
        }
        if let Some(q) = query.q.as_deref().map(str::trim).filter(|q| !q.is_empty()) {
            let q = q.to_lowercase();
            let has = |text: &str| text.to_lowercase().contains(&q);
            rows.retain(|c| {
                has(&c.object)
                    || has(&c.address)
                    || has(&c.number)
                    || c.items.iter().any(|i| has(&i.name))
            });
        }
        rows.sort_by(|a, b| {
            (rank(a.state), a.days_left, &a.number).cmp(&(rank(b.state), b.days_left, &b.number))
        });
        let total = rows.len() as u32;
        let offset = query.offset.unwrap_or(0) as usize;
        let limit = query.limit.unwrap_or(100).min(200) as usize;
        let rows = rows.into_iter().skip(offset).take(limit).collect();
        Ok(TaskList {
            rows,
            total,
            counts: counts.into_values().collect(),
        })
    }

    /// One task with everything but its record.
    pub fn task(&self, me: &str, task: &str) -> Result<TaskDetail, Problem> {
        let now = self.now();
        self.with_record(me, task, |open, id| {
            let here = open.device_key();
            let around = Circumstances::of(&open.db, task)?;
            let changed_at = tasks::get(&open.db, task)
                .map_err(storage)?
                .map_or(0, |r| r.changed_at);
            open.record(id)?;
            let record = open.records.get(&id).ok_or_else(no_such_task)?;
            let mut card = card(&open.db, record, &around, &here, changed_at)?;
            for_viewer(&mut card, me, now);
            card.recordings = recordings::of_task(&open.db, task).map_err(storage)?.len() as u32;
            Ok(detail(record, card, id))
        })
    }
}

fn detail(record: &Loaded, card: TaskCard, _id: TaskId) -> TaskDetail {
    let facts = &record.facts;
    let object = &facts.object;
    let rounds = (1..=record.view.round()).map(|round| RoundView {
        round,
        opened_at: record.view.int(&format!("round/{round}/opened_at")),
        remarks: record.remarks(round),
    });
    TaskDetail {
        card,
        department: facts.department.clone(),
        department_name: facts.department_name.clone(),
        from: facts.from.clone(),
        notice: facts.notice.clone(),
        object: ObjectView {
            object: object.id.clone(),
            name: object.name.clone(),
            code: object.code.clone(),
            address: object.address.clone(),
            district: object.district.clone(),
            responsible: object.responsible.clone(),
            contact: object.contact.clone(),
            industry: object.industry.clone(),
            lat_e7: object.lat_e7,
            lon_e7: object.lon_e7,
        },
        history: facts
            .history
            .iter()
            .map(|h| PastInspectionView {
                date: h.date.clone(),
                department: h.department.clone(),
                items: h.items.clone(),
                results: h.results.clone(),
            })
            .collect(),
        sheets: facts.sheets.iter().map(sheet).collect(),
        rounds: rounds.collect(),
    }
}

fn sheet(sheet: &CheckSheet) -> CheckSheetView {
    let points = sheet.points.iter().map(|p| CheckPointView {
        point: p.id.clone(),
        no: p.no,
        content: p.content.clone(),
        basis: p.basis.clone(),
        requirement: p.requirement.clone(),
        method: p.method.clone(),
        answer: match &p.answer {
            AnswerKind::Verdict => AnswerKindView::Verdict,
            AnswerKind::Number { unit } => AnswerKindView::Number { unit: unit.clone() },
            AnswerKind::Text => AnswerKindView::Text,
            AnswerKind::Choice { options } => AnswerKindView::Choice {
                options: options.clone(),
            },
        },
        photo: demand_word(p.photo),
        note: demand_word(p.note),
    });
    CheckSheetView {
        item: sheet.item.clone(),
        name: sheet.name.clone(),
        department: sheet.department.clone(),
        version: sheet.version,
        basis: sheet.basis.clone(),
        points: points.collect(),
    }
}
