//! Which objects are drawn: the smallest tickets of each cell. SPEC.md §5.
//!
//! Of millions of tickets a few are wanted, and they are spread evenly: so each is held against a bar that lets a few
//! more pass than are wanted, and only those that pass are kept and sorted. Should too few have passed, which only
//! chance itself can bring about, all are taken.

use crate::objects::Objects;
use crate::parallel::{halves, spread};
use crate::rules::Rules;
use crate::ticket::{Ticket, Tickets, head};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// Rows whose tickets are computed in one go.
const PIECE: usize = 1 << 15;

/// An object that chance has chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen<'a> {
    pub ticket: Ticket,
    /// Blinded.
    pub id: &'a str,
    pub row: u32,
    /// Index of its kind.
    pub kind: u32,
}

/// What was chosen: the drawn in the order of their tickets over all cells, and each cell's reserves in order.
pub(crate) struct Selection<'a> {
    pub drawn: Vec<Chosen<'a>>,
    pub reserves: Vec<Vec<Chosen<'a>>>,
}

pub(crate) fn select<'a>(seed: &str, objects: &Objects<'a>, rules: &Rules) -> Selection<'a> {
    let draw = Draw {
        tickets: Tickets::new(seed, "object"),
        objects,
    };
    let wishes: Vec<Wish> = rules
        .cells
        .iter()
        .zip(&objects.cells)
        .map(|(cell, rows)| {
            let drawn = cell.pick.of(rows.len() as u64) as usize;
            let most = rows.len().min(drawn + cell.reserves as usize);
            let rows = rows.clone();
            Wish { rows, drawn, most }
        })
        .collect();
    let mut cells = draw.smallest(&wishes);
    let mut drawn: Vec<Vec<Chosen<'a>>> = cells
        .iter_mut()
        .zip(&wishes)
        .map(|(cell, wish)| cell.drain(..wish.drawn).collect())
        .collect();
    let more = short_of(rules.district_minimum, objects, &drawn);
    if !more.is_empty() {
        let added = draw.districts(&more, &drawn);
        draw.take_out(&added, &wishes, &mut cells);
        drawn.push(added);
    }
    for (reserves, wish) in cells.iter_mut().zip(&wishes) {
        reserves.truncate(wish.most - wish.drawn);
    }
    Selection {
        drawn: merged(&drawn),
        reserves: cells,
    }
}

/// What is wanted of one cell.
#[derive(Clone)]
struct Wish {
    rows: Range<usize>,
    /// How many are drawn, by the cell's own rule.
    drawn: usize,
    /// And how many together with the reserves.
    most: usize,
}

struct Draw<'d, 'a> {
    tickets: Tickets,
    objects: &'d Objects<'a>,
}

impl<'a> Draw<'_, 'a> {
    /// The wanted of each cell, by ticket.
    fn smallest(&self, wishes: &[Wish]) -> Vec<Vec<Chosen<'a>>> {
        let pieces: Vec<(usize, Range<usize>, u64)> = wishes
            .iter()
            .enumerate()
            .filter(|(_, wish)| wish.most > 0)
            .flat_map(|(cell, wish)| {
                let bar = bar(wish.most, wish.rows.len());
                let pieces = wish.rows.clone().step_by(PIECE);
                pieces.map(move |from| (cell, from..wish.rows.end.min(from + PIECE), bar))
            })
            .collect();
        let passed = spread(&pieces, |(_, rows, bar)| self.below(rows.clone(), *bar));
        let mut cells: Vec<Vec<Chosen<'a>>> = vec![Vec::new(); wishes.len()];
        for ((cell, ..), of) in pieces.iter().zip(passed) {
            cells[*cell].extend(of);
        }
        let cells: Vec<_> = wishes.iter().zip(cells).collect();
        spread(&cells, |(wish, passed)| {
            let passed = if passed.len() < wish.most {
                &self.below(wish.rows.clone(), u64::MAX)
            } else {
                passed
            };
            first(passed, wish.most)
        })
    }

    /// The rows whose tickets begin with 64 bits up to `bar`.
    fn below(&self, rows: Range<usize>, bar: u64) -> Vec<Chosen<'a>> {
        let mut found = Vec::new();
        self.tickets.below(
            bar,
            rows.start as u32..rows.end as u32,
            |row| self.objects.id(row),
            |row, ticket| found.push(self.chosen(row, ticket)),
        );
        found
    }

    /// What will be asked of an object is looked up while its line is at hand: later it would be far away.
    fn chosen(&self, row: u32, ticket: Ticket) -> Chosen<'a> {
        Chosen {
            ticket,
            id: self.objects.id_text(row),
            row,
            kind: self.objects.kind_number(row),
        }
    }

    /// Of the districts that are short, the smallest tickets of those not drawn.
    fn districts(&self, more: &HashMap<&str, usize>, drawn: &[Vec<Chosen<'a>>]) -> Vec<Chosen<'a>> {
        let drawn: HashSet<u32> = drawn.iter().flatten().map(|c| c.row).collect();
        let wanted = |kind: &crate::objects::Kind<'_>| more.contains_key(kind.district);
        let kinds: Vec<bool> = self.objects.kinds.iter().map(wanted).collect();
        let mut waiting: HashMap<&str, Vec<Chosen<'a>>> = HashMap::new();
        for row in 0..self.objects.len() as u32 {
            if kinds[self.objects.kind_number(row) as usize] && !drawn.contains(&row) {
                let chosen = self.chosen(row, self.tickets.of(self.objects.id(row)));
                let district = self.objects.kind(row).district;
                waiting.entry(district).or_default().push(chosen);
            }
        }
        let mut added: Vec<Chosen<'a>> = waiting
            .into_iter()
            .flat_map(|(district, of)| {
                let n = more[district].min(of.len());
                first(&of, n)
            })
            .collect();
        added.sort_unstable_by_key(|c| c.ticket);
        added
    }

    /// Takes what districts have added out of the cells, which hold what is left as reserves.
    fn take_out(&self, added: &[Chosen<'a>], wishes: &[Wish], cells: &mut [Vec<Chosen<'a>>]) {
        let rows: HashSet<u32> = added.iter().map(|c| c.row).collect();
        let mut lost = vec![0; cells.len()];
        for c in added {
            lost[usize::from(self.objects.cell(c.row))] += 1;
        }
        for (cell, lost) in lost.into_iter().enumerate().filter(|(_, lost)| *lost > 0) {
            let mut wish = wishes[cell].clone();
            wish.most = wish.rows.len().min(wish.most + lost);
            let mut again = self.smallest(std::slice::from_ref(&wish));
            cells[cell] = again.swap_remove(0).split_off(wish.drawn);
            cells[cell].retain(|c| !rows.contains(&c.row));
        }
    }
}

/// The first `n` by ticket.
fn first<'a>(of: &[Chosen<'a>], n: usize) -> Vec<Chosen<'a>> {
    // Eight bytes of each ticket settle nearly every comparison.
    let mut order: Vec<(u64, u32)> = (0..).zip(of).map(|(at, c)| (head(&c.ticket), at)).collect();
    let compare = |a: &(u64, u32), b: &(u64, u32)| {
        let ticket = |at: u32| of[at as usize].ticket;
        a.0.cmp(&b.0).then_with(|| ticket(a.1).cmp(&ticket(b.1)))
    };
    if 0 < n && n < order.len() {
        order.select_nth_unstable_by(n - 1, compare);
    }
    order.truncate(n);
    order.sort_unstable_by(compare);
    order.iter().map(|(_, at)| of[*at as usize]).collect()
}

/// How high the bar is for `n` to pass out of `of`, and some more: eight standard deviations.
fn bar(n: usize, of: usize) -> u64 {
    let more = n + 8 * (n.isqrt() + 1) + 64;
    if more >= of {
        return u64::MAX;
    }
    ((more as u128) << 64).div_euclid(of as u128) as u64
}

/// Districts of which less than the minimum is drawn, and how many are wanted.
fn short_of<'a>(
    minimum: u32,
    objects: &Objects<'a>,
    drawn: &[Vec<Chosen<'_>>],
) -> HashMap<&'a str, usize> {
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    if minimum > 0 {
        wanted = objects
            .kinds
            .iter()
            .map(|kind| (kind.district, minimum as usize))
            .collect();
        for c in drawn.iter().flatten() {
            if let Some(n) = wanted.get_mut(objects.kind(c.row).district) {
                *n = n.saturating_sub(1);
            }
        }
        wanted.retain(|_, n| *n > 0);
    }
    wanted
}

/// Lists that ascend by ticket as one. Each core merges what falls between two tickets.
fn merged<'a>(lists: &[Vec<Chosen<'a>>]) -> Vec<Chosen<'a>> {
    let all: usize = lists.iter().map(Vec::len).sum();
    let shares = halves(all).len() as u128;
    // Tickets of the drawn lie below some bar, so it is the lists that say where a share ends.
    let longest = lists.iter().max_by_key(|list| list.len());
    let cut = |share: u128| {
        let list = longest.filter(|list| !list.is_empty())?;
        list.get((list.len() as u128 * share / shares) as usize)
            .map(|c| c.ticket)
    };
    let below = |list: &[Chosen<'a>], cut: Option<Ticket>| {
        cut.map_or(list.len(), |cut| list.partition_point(|c| c.ticket < cut))
    };
    let shares: Vec<u128> = (0..shares).collect();
    let parts = spread(&shares, |share| {
        let mut part: Vec<Chosen<'a>> = Vec::with_capacity(all / shares.len() + 1);
        for list in lists {
            let from = if *share == 0 {
                0
            } else {
                below(list, cut(*share))
            };
            part.extend_from_slice(&list[from..below(list, cut(share + 1))]);
        }
        part.sort_by_key(|c| c.ticket);
        part
    });
    parts.concat()
}
