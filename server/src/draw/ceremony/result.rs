//! From the seed to the result: the crate `draw` computes, this puts it into the registers' words.

use std::collections::HashMap;

use crate::db::Tx;
use crate::draw::store::{self, Draw, NewResult};
use crate::draw::view::{DrawnInspector, WitnessView};
use crate::error::AppError;

/// What follows from the committed files and the seed.
pub(super) struct Computed {
    pub seed_txt: String,
    pub seed: String,
    pub csv: Vec<u8>,
    pub rows: Vec<NewResult>,
}

pub(super) fn compute(tx: &mut Tx<'_>, draw: &Draw, rolls: Vec<u32>) -> Result<Computed, AppError> {
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
        last: ::draw::LastValue::Dice {
            sides: draw.sides,
            rolls,
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
