//! From the seed to the result: the crate `draw` computes, this puts it into the registers' words.

use std::collections::HashMap;

use serde_json::json;

use super::noted;
use crate::account::Actor;
use crate::db::Tx;
use crate::draw::DrawState;
use crate::draw::last::LastSource;
use crate::draw::store::{self, Draw, LastCame, NewResult};
use crate::draw::view::{DrawView, DrawnInspector};
use crate::draw::witness;
use crate::error::AppError;

/// What follows from the committed files and the seed.
pub(super) struct Computed {
    last: LastCame,
    seed_txt: String,
    seed: String,
    csv: Vec<u8>,
    rows: Vec<NewResult>,
}

/// Composes the seed and computes the result.
pub(super) fn compute(tx: &mut Tx<'_>, draw: &Draw, last: LastCame) -> Result<Computed, AppError> {
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
    let witnesses = witness::store::list(tx, &draw.id)?;
    let frame = ::draw::Frame::read(&committed, &manifest).map_err(AppError::internal)?;
    let seed_txt = ::draw::Contributions {
        commitment: frame.commitment().to_owned(),
        witnesses: witnesses
            .iter()
            .filter_map(witness::WitnessView::contribution)
            .collect(),
        nonce_sha256: draw.nonce_sha256(),
        nonce: Some(draw.nonce.clone()),
        last: match (&last, draw.last()) {
            (LastCame::Dice(rolls), LastSource::Dice { sides, .. }) => ::draw::LastValue::Dice {
                sides,
                rolls: rolls.clone(),
            },
            (LastCame::Drand(signature), LastSource::Drand { round }) => ::draw::LastValue::Drand {
                round,
                signature: signature.clone(),
            },
            _ => return Err(AppError::internal("another last source than announced")),
        },
    }
    .to_text();
    // What is about to be kept for ever is read as a stranger would read it.
    ::draw::Contributions::parse(seed_txt.as_bytes(), frame.rules(), frame.commitment())
        .map_err(AppError::internal)?;
    let seed = ::draw::seed(seed_txt.as_bytes());
    let outcome = frame.draw(&seed).map_err(AppError::internal)?;
    let names = String::from_utf8(names).map_err(AppError::internal)?;
    let rows = rows_of(&outcome, &names, &departments_of(&inspectors)?)?;
    Ok(Computed {
        last,
        seed_txt,
        seed,
        csv: outcome.to_text(),
        rows,
    })
}

/// The department of each blinded id of `inspectors.csv`.
fn departments_of(inspectors: &[u8]) -> Result<HashMap<&str, &str>, AppError> {
    let text = std::str::from_utf8(inspectors).map_err(AppError::internal)?;
    let row = |line| {
        let (id, rest) = str::split_once(line, ',')?;
        Some((id, rest.split(',').next()?))
    };
    Ok(text.lines().skip(1).filter_map(row).collect())
}

/// Keeps the seed and the result for ever.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    actor: &Actor,
    draw: &Draw,
    computed: &Computed,
    now: i64,
) -> Result<DrawView, AppError> {
    let nothing = ::draw::no_substitutions();
    let files: [(&str, &[u8]); 3] = [
        ("seed.txt", computed.seed_txt.as_bytes()),
        ("result.csv", &computed.csv),
        ("substitutions.csv", nothing.as_bytes()),
    ];
    store::keep_files(tx, &draw.id, &files)?;
    let Computed {
        last, seed, rows, ..
    } = computed;
    store::drawn(tx, &draw.id, last, seed, rows, now)?;
    let mut detail = json!({ "seed": seed,
        "result_sha256": crate::ids::sha256_hex(&computed.csv) });
    match last {
        LastCame::Dice(rolls) => detail["dice"] = json!(rolls),
        LastCame::Drand(signature) => detail["drand"] = json!(signature),
    }
    let act = match draw.state {
        DrawState::Void => "draw.complete_void",
        _ => "draw.draw",
    };
    noted(tx, actor, now, act, draw, detail)
}

/// The result in the words of the registers.
fn rows_of(
    outcome: &::draw::Outcome<'_>,
    names: &str,
    departments: &HashMap<&str, &str>,
) -> Result<Vec<NewResult>, AppError> {
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
    let mut push =
        |role, cell, rank: usize, hash: &str, ticket: &[u8], week, dealt: [Vec<_>; 2]| {
            let (object, name, district) = named(hash)?;
            let [team, experts] = dealt;
            rows.push(NewResult {
                role,
                cell,
                rank: u32::try_from(rank).map_err(AppError::internal)?,
                object,
                blinded: hash.to_owned(),
                name,
                district,
                ticket: hex::encode(ticket),
                week,
                team,
                experts,
            });
            Ok::<_, AppError>(())
        };
    let people = |ids: &[&str]| -> Result<Vec<DrawnInspector>, AppError> {
        let person = |hash: &&str| {
            let (id, name, unit) = named(hash)?;
            let department = departments
                .get(hash)
                .copied()
                .unwrap_or_default()
                .to_owned();
            Ok(DrawnInspector {
                id,
                name,
                unit,
                department,
            })
        };
        ids.iter().map(person).collect()
    };
    for d in &outcome.drawn {
        let dealt = [people(&d.inspectors)?, people(&d.experts)?];
        push("drawn", d.cell, d.rank, d.object, &d.ticket, d.week, dealt)?;
    }
    for r in &outcome.reserves {
        let nobody = [Vec::new(), Vec::new()];
        push("reserve", r.cell, r.rank, r.object, &r.ticket, None, nobody)?;
    }
    Ok(rows)
}
