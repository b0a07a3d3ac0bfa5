//! Which objects are drawn: the smallest tickets of each cell. SPEC.md §5.

use crate::objects::Objects;
use crate::parallel::fill;
use crate::rules::Rules;
use crate::ticket::{Ticket, Tickets};
use std::cmp::Ordering;

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
    let mut selection = Selection {
        drawn: Vec::new(),
        reserves: Vec::new(),
    };
    for (cell, range) in rules.cells.iter().zip(&objects.cells) {
        let of = &mut short[range.clone()];
        let n = cell.pick.of(of.len() as u64) as usize;
        let with_reserves = of.len().min(n + cell.reserves as usize);
        if 0 < with_reserves && with_reserves < of.len() {
            of.select_nth_unstable_by(with_reserves - 1, compare);
        }
        let of = &mut of[..with_reserves];
        of.sort_unstable_by(compare);
        let full = |pair: &(u64, u32)| Chosen {
            ticket: tickets.of(objects.id(pair.1)),
            row: pair.1,
        };
        selection.drawn.extend(of[..n].iter().map(full));
        selection.reserves.push(of[n..].iter().map(full).collect());
    }
    selection.drawn.sort_unstable_by_key(|c| c.ticket);
    selection
}

fn head(ticket: &Ticket) -> u64 {
    ticket[..8].iter().fold(0, |n, b| n << 8 | u64::from(*b))
}
