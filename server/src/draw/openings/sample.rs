//! The witness's sample (D3; SPEC.md §7): which objects a witness is shown is as random as the draw, and
//! differs from witness to witness. It says who stands in the committed lists, never who was drawn.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Names, ground_words, masked_name, place_of};
use crate::db::Tx;
use crate::draw::store::{self, Draw};
use crate::error::AppError;
use crate::register;

/// Objects in a sample.
const SIZE: usize = 20;

/// One object of a witness's sample: enough to hash, and to look up in `objects.csv`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sampled {
    /// Name on the day of the commitment; of a natural person the family name.
    pub name: String,
    /// What was blinded.
    pub id: String,
    /// 64 hexadecimal digits.
    pub salt: String,
    /// `SHA-256(salt ‖ LF ‖ id)`.
    pub blinded: String,
    /// Whether it stands in the frame; else it was kept out.
    pub in_frame: bool,
    /// Why it was kept out, in words; empty for the frame.
    pub ground: String,
}

/// The sample of a witness of this name, ascending by ticket; nothing before the seed.
///
/// # Errors
/// The database, or files of this draw that do not fit together.
pub fn sample(tx: &mut Tx<'_>, draw: &Draw, witness: &str) -> Result<Vec<Sampled>, AppError> {
    let (Some(seed), Some(names)) = (&draw.seed, Names::load(tx, draw)?) else {
        return Ok(Vec::new());
    };
    let objects = store::file(tx, &draw.id, "objects.csv")?.unwrap_or_default();
    let excluded = store::file(tx, &draw.id, "excluded.csv")?.unwrap_or_default();
    let chosen = smallest(seed, witness, ids(&objects, &excluded));
    let mut rows = Vec::with_capacity(chosen.len());
    for blinded in chosen {
        let named = names
            .blinded(&blinded)
            .ok_or_else(|| AppError::internal(format!("nobody is behind {blinded}")))?;
        let opening = names.open(tx, &named)?;
        let ground = match place_of(tx, &draw.id, &blinded)? {
            Some(super::Place::Excluded { ground }) => Some(ground),
            _ => None,
        };
        rows.push(Sampled {
            name: shown_name(tx, &opening.object, opening.name)?,
            id: opening.id,
            salt: opening.salt,
            in_frame: ground.is_none(),
            ground: ground
                .map(|g| ground_words(&g).to_owned())
                .unwrap_or_default(),
            blinded,
        });
    }
    Ok(rows)
}

fn shown_name(tx: &mut Tx<'_>, object: &str, name: String) -> Result<String, AppError> {
    let person = register::find_object(tx, object)?.is_some_and(|o| o.kind == "person");
    Ok(if person { masked_name(&name) } else { name })
}

/// The blinded ids of all objects, of frame and excluded.
fn ids<'f>(objects: &'f [u8], excluded: &'f [u8]) -> impl Iterator<Item = &'f str> {
    let lines = |bytes: &'f [u8]| {
        std::str::from_utf8(bytes)
            .unwrap_or_default()
            .lines()
            .skip(1)
    };
    let framed = lines(objects).filter_map(|line| line.split(',').nth(1));
    let kept_out = lines(excluded)
        .filter_map(|line| line.strip_prefix("object,"))
        .filter_map(|line| line.split(',').next());
    framed.chain(kept_out)
}

fn smallest<'i>(seed: &str, witness: &str, ids: impl Iterator<Item = &'i str>) -> Vec<String> {
    let purpose = format!("sample/{witness}");
    let mut kept: BTreeSet<(::draw::Ticket, &str)> = BTreeSet::new();
    for id in ids {
        let ticket = ::draw::ticket(seed, &purpose, id);
        if kept.len() < SIZE || kept.last().is_some_and(|last| ticket < last.0) {
            kept.insert((ticket, id));
            if kept.len() > SIZE {
                kept.pop_last();
            }
        }
    }
    kept.into_iter().map(|(_, id)| id.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u32) -> String {
        ::draw::sha256_hex(n.to_string().as_bytes())
    }

    // D3: SPEC.md §7, by another way of the same words.
    #[test]
    fn the_sample_is_the_twenty_smallest_tickets_of_its_witness() {
        let (seed, all) = ("5".repeat(64), (0..200).map(hash).collect::<Vec<_>>());
        let of = |witness: &str| smallest(&seed, witness, all.iter().map(String::as_str));
        let mut by_hand: Vec<(String, String)> = all
            .iter()
            .map(|id| {
                let text = format!("{seed}\nsample/市民丙\n{id}");
                (::draw::sha256_hex(text.as_bytes()), id.clone())
            })
            .collect();
        by_hand.sort();
        let expected: Vec<String> = by_hand.into_iter().take(20).map(|(_, id)| id).collect();
        assert_eq!(of("市民丙"), expected);
        assert_ne!(
            of("市民丙"),
            of("李代表"),
            "nobody knows what another will see"
        );
    }

    #[test]
    fn those_who_were_kept_out_can_be_in_it_and_inspectors_cannot() {
        let [a, b, c] = ["a", "b", "c"].map(|c| c.repeat(64));
        let objects = format!("cell,object,district,needs\n0001,{a},440303,\n");
        let excluded = format!("kind,id,ground\ninspector,{b},on-leave\nobject,{c},no-team\n");
        let found: Vec<&str> = ids(objects.as_bytes(), excluded.as_bytes()).collect();
        assert_eq!(found, [a.as_str(), c.as_str()]);
    }
}
