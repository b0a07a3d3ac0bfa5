//! The queue, records in full and decisions in the database. The queue joins tasks, records and
//! seals for reading, so that one statement gives a page.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ::sync::author::Author;
use ::sync::cells::Value;
use ::sync::chunk::Chunk;
use ::sync::record::RecordDoc;

use super::assemble::{Material, only_code};
use super::trail::{Writer, Writers};
use super::types::{Relieved, Remark, ReviewRow, ReviewState};
use super::{Decision, state_of};
use crate::account::{Actor, Scope};
use crate::clock::china_date;
use crate::db::{Result, Row, Tx};
use crate::error::AppError;
use crate::publication::{PublicPerson, calendar, due};
use crate::state::AppState;
use crate::sync::seal;
use crate::sync::store::{self as records, FeedKind};
use crate::sync::worker::Summary;
use crate::task::store::{Wanted, list as tasks};
use crate::task::{TaskState, keep_server_change};

/// Part of the queue.
#[derive(Debug, Clone)]
pub struct Queue {
    pub state: Option<ReviewState>,
    /// Pattern for `LIKE … ESCAPE '\'` over number and object.
    pub pattern: Option<String>,
    pub scope: Scope,
    pub offset: u32,
    pub limit: u32,
    pub today: chrono::NaiveDate,
}

/// `,a,b,` for `instr`; `None`: everywhere.
pub fn scope_text(scope: &Scope) -> Option<String> {
    match scope {
        Scope::In(departments) => Some(format!(",{},", departments.join(","))),
        Scope::Everywhere => None,
    }
}

const FROM: &str = "FROM tasks t JOIN record_docs r ON r.task = t.id
     LEFT JOIN record_seals s ON s.task = t.id AND s.round = t.round
     LEFT JOIN record_seals f ON f.task = t.id
         AND f.round = (SELECT MIN(round) FROM record_seals WHERE task = t.id)
     WHERE t.state <> 'withdrawn'
       AND (t.state <> 'dispatched'
            OR EXISTS (SELECT 1 FROM record_changes c WHERE c.task = t.id AND c.via_device <> ''))
       AND ($1 IS NULL OR t.state = $1)
       AND ($2 IS NULL OR t.number LIKE $2 ESCAPE '\\' OR t.object_name LIKE $2 ESCAPE '\\')
       AND ($3 IS NULL OR instr($3, ',' || t.department || ',') > 0)";

/// A page of the queue, the most urgent first, and how many there are in all.
pub fn queue(
    tx: &mut Tx<'_>,
    wanted: &Queue,
) -> std::result::Result<(Vec<ReviewRow>, i64), AppError> {
    let state = wanted.state.map(|s| match s {
        ReviewState::Arriving => TaskState::Dispatched.as_str(),
        ReviewState::ToReview => TaskState::Sealed.as_str(),
        ReviewState::Returned => TaskState::Returned.as_str(),
        ReviewState::Accepted => TaskState::Accepted.as_str(),
    });
    let scope = scope_text(&wanted.scope);
    let total = tx.query_one(
        &format!("SELECT COUNT(*) {FROM}"),
        &[&state, &wanted.pattern, &scope],
        |r| r.get(0),
    )?;
    let found = tx.query(
        &format!(
            "SELECT t.id, t.number, t.object_name, t.district, t.department, t.state, t.round,
                 r.changed_at, r.summary, r.heads, s.sealed_at, s.heads, f.ended_at
             {FROM} ORDER BY f.ended_at IS NULL, f.ended_at, r.changed_at DESC, t.id LIMIT $4 OFFSET $5"
        ),
        &[&state, &wanted.pattern, &scope, &wanted.limit, &wanted.offset],
        |r| Ok((queue_row(r, wanted.today)?, r.get::<String>(9)?, r.get::<Option<String>>(11)?)),
    )?;
    let mut rows = Vec::with_capacity(found.len());
    for (mut row, heads, sealed) in found {
        if sealed.is_some_and(|sealed| sealed != heads) {
            row.late = late(tx, &row.task, row.round)?;
        }
        row.team = tx.query(
            "SELECT name FROM task_members WHERE task = $1 AND status = 'active' ORDER BY position",
            &[&row.task],
            |r| r.get(0),
        )?;
        rows.push(row);
    }
    Ok((rows, total))
}

fn queue_row(r: &Row<'_>, today: chrono::NaiveDate) -> Result<ReviewRow> {
    let state: String = r.get(5)?;
    let summary: String = r.get(8)?;
    let summary: Summary = serde_json::from_str(&summary).unwrap_or_default();
    let ended: Option<i64> = r.get(12)?;
    let due = ended.map(|at| due(china_date(at)).date);
    Ok(ReviewRow {
        task: r.get(0)?,
        number: r.get(1)?,
        object_name: r.get(2)?,
        district: r.get(3)?,
        department: r.get(4)?,
        state: state_of(TaskState::parse(&state).unwrap_or(TaskState::Dispatched)),
        round: r.get(6)?,
        team: Vec::new(),
        sealed_at: r.get(10)?,
        last_at: r.get(7)?,
        points_total: summary.points,
        points_answered: summary.answered,
        photos: summary.photos,
        findings: summary.findings,
        conflicts: summary.conflicts,
        late: 0,
        due_date: due.map(|d| d.to_string()),
        working_days_left: due.map(|d| calendar::official().days_left(today, d)),
    })
}

/// How many changes are beside the seal of this round.
fn late(tx: &mut Tx<'_>, task: &str, round: u32) -> std::result::Result<u32, AppError> {
    let seal = records::seals(tx, task)?
        .into_iter()
        .find(|s| s.round == round);
    let late = match (seal, seal::load(tx, task)?) {
        (Some(seal), Some((record, _))) => {
            let late = record.since(&seal.heads);
            let history = record.history();
            let beside = history.iter().filter(|e| late.contains(&e.change));
            beside.filter(|e| !only_code(e)).count()
        }
        _ => 0,
    };
    Ok(u32::try_from(late).unwrap_or(u32::MAX))
}

/// The sealed record, and its round, whose party holds this secret.
pub fn copy_of(tx: &mut Tx<'_>, secret: &str) -> Result<Option<(String, u32)>> {
    tx.query_opt(
        "SELECT task, round FROM record_copies WHERE secret = $1",
        &[&secret],
        |r| Ok((r.get(0)?, r.get(1)?)),
    )
}

/// Everything about one record that lies in `scope`.
pub fn material(
    tx: &mut Tx<'_>,
    task: &str,
    scope: Option<Scope>,
) -> std::result::Result<Material, AppError> {
    let wanted = Wanted {
        task: Some(task.to_owned()),
        scope,
        limit: 1,
        ..Wanted::default()
    };
    let row = tasks(tx, &wanted)?
        .0
        .pop()
        .ok_or_else(|| AppError::not_found("task"))?;
    let (record, _) = seal::load(tx, task)?.ok_or_else(|| AppError::not_found("record"))?;
    let team_ever = records::team_ever(tx, task)?;
    Ok(Material {
        facts: crate::task::store::facts(tx, task)?,
        writers: writers(tx, task, &row)?,
        signers: records::team(tx, task, true)?,
        signatures: records::signatures(tx, task)?,
        seals: records::seals(tx, task)?,
        decisions: decisions(tx, task)?,
        stored: stored(tx, task, &record)?,
        team_ever,
        record,
        row,
    })
}

fn writers(tx: &mut Tx<'_>, task: &str, row: &crate::task::TaskRow) -> Result<Writers> {
    let mut devices: HashMap<::sync::ids::Key, Option<String>> = HashMap::new();
    let mut writers = Writers::new();
    for change in records::changes(tx, task, 0, i64::MAX)? {
        let Author { device, person, .. } = change.author;
        let device_name = match devices.entry(device) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => {
                let name = records::device_by_key(tx, &device)?.map(|d| d.name);
                new.insert(name).clone()
            }
        };
        let member = row.team.iter().find(|m| m.person == person);
        let person_name = match member {
            Some(member) => member.name.clone(),
            None if person.is_empty() => "系统".to_owned(),
            None => person.clone(),
        };
        let received_at = change.received_at;
        let relieved = member.and_then(|m| m.relieved_at).map(|at| {
            let claimed = Chunk::parse(&change.bytes).map_or(i64::MIN, |c| c.time);
            if claimed > at {
                Relieved::Unaware
            } else {
                Relieved::Before
            }
        });
        writers.insert(
            change.hash,
            Writer {
                person,
                person_name,
                device_name,
                received_at,
                relieved,
            },
        );
    }
    Ok(writers)
}

/// Which blobs of the record's photos are whole.
fn stored(tx: &mut Tx<'_>, task: &str, record: &RecordDoc) -> Result<HashMap<String, bool>> {
    let mut stored = HashMap::new();
    for blob in crate::sync::worker::named_blobs(&record.view()) {
        let sha256 = blob.sha256.to_string();
        let is_here = records::blob(tx, task, &sha256, None)?.is_some_and(|b| b.stored);
        stored.insert(sha256, is_here);
    }
    Ok(stored)
}

/// The decisions on a record, oldest round first.
pub fn decisions(tx: &mut Tx<'_>, task: &str) -> Result<Vec<Decision>> {
    tx.query(
        "SELECT round, verdict = 'accepted', decided_by_name, decided_by_unit, decided_at
         FROM review_decisions WHERE task = $1 ORDER BY round",
        &[&task],
        |r| {
            Ok(Decision {
                round: r.get(0)?,
                accepted: r.get(1)?,
                by: PublicPerson {
                    name: r.get(2)?,
                    unit: r.get(3)?,
                },
                at: r.get(4)?,
            })
        },
    )
}

/// Name of a department; its code when it is not known.
pub fn department_name(tx: &mut Tx<'_>, code: &str) -> Result<String> {
    let name = tx.query_opt(
        "SELECT name FROM departments WHERE code = $1",
        &[&code],
        |r| r.get(0),
    )?;
    Ok(name.unwrap_or_else(|| code.to_owned()))
}

/// The signed-in person as the public will read them: the department that they belong to, or for
/// which they act.
pub fn public_person(tx: &mut Tx<'_>, actor: &Actor, department: &str) -> Result<PublicPerson> {
    let unit = department_name(tx, actor.department.as_deref().unwrap_or(department))?;
    Ok(PublicPerson {
        name: actor.name.clone(),
        unit,
    })
}

/// What a decision says.
pub struct Verdict<'a> {
    pub accepted: bool,
    pub remarks: &'a [Remark],
}

/// Keeps a decision and moves the task on. Tells the tablets.
pub fn decide(
    tx: &mut Tx<'_>,
    state: &AppState,
    actor: &Actor,
    material: &Material,
    verdict: &Verdict<'_>,
) -> std::result::Result<(), AppError> {
    let task = &material.row.task;
    let by = public_person(tx, actor, &material.row.department)?;
    let remarks = serde_json::to_string(verdict.remarks).map_err(AppError::internal)?;
    let word = if verdict.accepted {
        TaskState::Accepted
    } else {
        TaskState::Returned
    };
    tx.execute(
        "INSERT INTO review_decisions (task, round, verdict, heads, remarks, decided_by,
             decided_by_name, decided_by_unit, decided_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        &[
            task,
            &material.row.round,
            &word.as_str(),
            &records::heads_text(&material.record.heads()),
            &remarks,
            &actor.account,
            &by.name,
            &by.unit,
            &state.now(),
        ],
    )?;
    let mut round = material.row.round;
    if !verdict.accepted {
        round += 1;
        open_round(tx, state, material, round, remarks)?;
    }
    tx.execute(
        "UPDATE tasks SET state = $2, round = $3 WHERE id = $1",
        &[task, &word.as_str(), &round],
    )?;
    records::tell_team(tx, task, "", FeedKind::State, "")?;
    Ok(())
}

/// Opens a round by a change of the server's own in the record. It stands on everything that is
/// here, so late changes are taken in, and it names them.
fn open_round(
    tx: &mut Tx<'_>,
    state: &AppState,
    material: &Material,
    round: u32,
    remarks: String,
) -> std::result::Result<(), AppError> {
    /// As many hashes as the cell takes.
    const MAX_NAMED: usize = 110;
    let late = material
        .seal()
        .map(|s| material.record.since(&s.heads))
        .unwrap_or_default();
    let named: Vec<String> = late
        .iter()
        .take(MAX_NAMED)
        .map(ToString::to_string)
        .collect();
    let late = serde_json::to_string(&named).map_err(AppError::internal)?;
    let now = state.now();
    let cells = [
        (format!("round/{round}/opened_at"), Value::Int(now)),
        (format!("round/{round}/remarks"), Value::Str(remarks)),
        (format!("round/{round}/late"), Value::Str(late)),
    ];
    let server = Author::server(state.keys.key());
    let mut record = material.record.clone();
    let change = record
        .edit(&server, now, &cells)
        .map_err(AppError::internal)?;
    let change = change.ok_or_else(|| AppError::internal("the round was open already"))?;
    let ord = keep_server_change(tx, state, &record, &server, &change)?;
    let reference = format!("{ord}-{ord}");
    Ok(records::tell_team(
        tx,
        &material.row.task,
        "",
        FeedKind::Changes,
        &reference,
    )?)
}
