//! Which objects are drawn: the smallest tickets of each cell. SPEC.md §5.

use crate::objects::Objects;
use crate::parallel::fill;
use crate::rules::Rules;
use crate::ticket::{Ticket, Tickets};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// An object that chance has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub ticket: Ticket,
    pub row: u32,
}

/// What was chosen: the drawn in the order of their tickets over all cells, and each cell's reserves in order.
pub(crate) struct Selection {
    pub drawn: Vec<Chosen>,
    pub reserves: Vec<Vec<Chosen>>,
}

pub(crate) fn select(seed: &str, objects: &Objects<'_>, rules: &Rules) -> Selection {
    let tickets = Tickets::new(seed, "object");
    // Eight bytes of each ticket settle nearly every comparison; the rest is computed again where they do not.
    let mut short: Vec<(u64, u32)> = fill(objects.rows.len(), |from, part| {
        for (row, place) in (from as u32..).zip(part) {
            *place = (head(&tickets.of(objects.id(row))), row);
        }
    });
    let compare = |a: &(u64, u32), b: &(u64, u32)| -> Ordering {
        a.0.cmp(&b.0).then_with(|| {
            tickets
                .of(objects.id(a.1))
                .cmp(&tickets.of(objects.id(b.1)))
        })
    };
    let chosen = |pair: &(u64, u32)| Chosen {
        ticket: tickets.of(objects.id(pair.1)),
        row: pair.1,
    };
    let mut drawn: Vec<Chosen> = Vec::new();
    // How many of each cell are drawn: they stand in front.
    let mut front: Vec<usize> = Vec::with_capacity(rules.cells.len());
    for (cell, range) in rules.cells.iter().zip(&objects.cells) {
        let of = &mut short[range.clone()];
        let n = cell.pick.of(of.len() as u64) as usize;
        smallest(of, n, compare);
        drawn.extend(of[..n].iter().map(chosen));
        front.push(n);
    }
    let more = short_of(rules.district_minimum, objects, &drawn);
    if !more.is_empty() {
        let added = districts(&more, objects, &short, &front, compare);
        drawn.extend(added.iter().map(chosen));
        let added: HashSet<u32> = added.into_iter().map(|(_, row)| row).collect();
        for (n, range) in front.iter_mut().zip(&objects.cells) {
            for at in range.start + *n..range.end {
                if added.contains(&short[at].1) {
                    short.swap(at, range.start + *n);
                    *n += 1;
                }
            }
        }
    }
    let mut reserves = Vec::with_capacity(rules.cells.len());
    for ((cell, range), n) in rules.cells.iter().zip(&objects.cells).zip(front) {
        let rest = &mut short[range.start + n..range.end];
        let most = rest.len().min(cell.reserves as usize);
        smallest(rest, most, compare);
        rest[..most].sort_unstable_by(compare);
        reserves.push(rest[..most].iter().map(chosen).collect());
    }
    drawn.sort_unstable_by_key(|c| c.ticket);
    Selection { drawn, reserves }
}

/// Brings the `n` smallest to the front.
fn smallest(
    all: &mut [(u64, u32)],
    n: usize,
    compare: impl Fn(&(u64, u32), &(u64, u32)) -> Ordering,
) {
    if 0 < n && n < all.len() {
        all.select_nth_unstable_by(n - 1, compare);
    }
}

/// Districts of which less than the minimum is drawn, and how many are wanted.
fn short_of<'a>(minimum: u32, objects: &Objects<'a>, drawn: &[Chosen]) -> HashMap<&'a str, usize> {
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    if minimum > 0 {
        wanted = objects
            .kinds
            .iter()
            .map(|kind| (kind.district, minimum as usize))
            .collect();
        for c in drawn {
            if let Some(n) = wanted.get_mut(objects.kind(c.row).district) {
                *n = n.saturating_sub(1);
            }
        }
        wanted.retain(|_, n| *n > 0);
    }
    wanted
}

/// Of the districts that are short, the smallest tickets of those not drawn.
fn districts(
    more: &HashMap<&str, usize>,
    objects: &Objects<'_>,
    short: &[(u64, u32)],
    front: &[usize],
    compare: impl Fn(&(u64, u32), &(u64, u32)) -> Ordering + Copy,
) -> Vec<(u64, u32)> {
    let mut waiting: HashMap<&str, Vec<(u64, u32)>> = HashMap::new();
    for (n, range) in front.iter().zip(&objects.cells) {
        for pair in &short[range.start + n..range.end] {
            let district = objects.kind(pair.1).district;
            if more.contains_key(district) {
                waiting.entry(district).or_default().push(*pair);
            }
        }
    }
    let mut added = Vec::new();
    for (district, mut of) in waiting {
        let n = more[district].min(of.len());
        smallest(&mut of, n, compare);
        added.extend_from_slice(&of[..n]);
    }
    added
}

fn head(ticket: &Ticket) -> u64 {
    ticket[..8].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}
