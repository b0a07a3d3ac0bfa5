//! What earlier inspections of an object found (F1): it goes with the task to the tablets.

use ::sync::facts::{PastInspection, TaskFacts};
use serde::Deserialize;

use crate::clock::china_date;
use crate::db::Tx;
use crate::error::AppError;
use crate::publication::compose::results;
use crate::sync::{seal, store as records};

/// Most inspections that go along, the newest first.
const MOST: i64 = 20;

/// What is read of a published result.
#[derive(Deserialize)]
struct Published {
    items: Vec<PublishedItem>,
}

#[derive(Deserialize)]
struct PublishedItem {
    name: String,
    results: Vec<crate::publication::Category>,
}

/// The accepted inspections of `object`, by any department, the newest first. What was published
/// counts, with its corrections; else the record as it was sealed.
///
/// # Errors
/// The database, or a record that cannot be read.
pub fn of_object(tx: &mut Tx<'_>, object: &str) -> Result<Vec<PastInspection>, AppError> {
    let rows = tx.query(
        "SELECT t.id, t.facts, s.ended_at,
             (SELECT p.body FROM publications p WHERE p.task = t.id ORDER BY p.version DESC LIMIT 1)
         FROM tasks t JOIN record_seals s ON s.task = t.id
             AND s.round = (SELECT MIN(round) FROM record_seals WHERE task = t.id)
         WHERE t.object = $1 AND t.state = 'accepted'
         ORDER BY s.ended_at DESC, t.id LIMIT $2",
        &[&object, &MOST],
        |r| {
            Ok((
                r.get::<String>(0)?,
                r.get::<String>(1)?,
                r.get::<i64>(2)?,
                r.get::<Option<String>>(3)?,
            ))
        },
    )?;
    let mut history = Vec::with_capacity(rows.len());
    for (task, facts, ended_at, published) in rows {
        let facts: TaskFacts = serde_json::from_str(&facts).map_err(AppError::internal)?;
        let (items, found) = match published {
            Some(body) => from_publication(&body)?,
            None => from_record(tx, &task, &facts)?,
        };
        history.push(PastInspection {
            date: china_date(ended_at).to_string(),
            department: facts.department_name,
            items,
            results: found,
        });
    }
    Ok(history)
}

type Found = (Vec<String>, Vec<String>);

fn from_publication(body: &str) -> Result<Found, AppError> {
    let published: Published = serde_json::from_str(body).map_err(AppError::internal)?;
    let mut found: Vec<_> = published
        .items
        .iter()
        .flat_map(|item| item.results.iter().copied())
        .collect();
    found.sort();
    found.dedup();
    let names = published.items.into_iter().map(|item| item.name).collect();
    Ok((names, found.iter().map(|c| c.code().to_owned()).collect()))
}

fn from_record(tx: &mut Tx<'_>, task: &str, facts: &TaskFacts) -> Result<Found, AppError> {
    let names = facts.sheets.iter().map(|s| s.name.clone()).collect();
    let seal = records::seals(tx, task)?.pop();
    let (Some(seal), Some((record, _))) = (seal, seal::load(tx, task)?) else {
        return Ok((names, Vec::new()));
    };
    let view = record.view_at(&seal.heads).map_err(AppError::internal)?;
    let mut found: Vec<_> = facts
        .sheets
        .iter()
        .flat_map(|sheet| results(&view, &sheet.item))
        .collect();
    found.sort();
    found.dedup();
    Ok((names, found.iter().map(|c| c.code().to_owned()).collect()))
}
