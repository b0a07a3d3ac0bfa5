//! `objects.csv`, the frame: read in parallel, held as offsets into the text. SPEC.md §3.2.
//!
//! Millions of rows: no String per row, one pass over the bytes, sixteen bytes kept of each. District and needs,
//! of which there are few different ones, are kept once as a [`Kind`] and named by number.

use crate::fault::{Fault, What};
use crate::parallel::{fill, halves, map};
use crate::rules::{OBJECT_NEEDS_MAX, Rules};
use crate::text::{check_line, end_of_file, is_hash, is_token, line_at, show, token_list};
use std::collections::HashMap;
use std::ops::Range;

pub(crate) const FILE: &str = "objects.csv";
pub(crate) const HEADER: &str = "cell,object,district,needs";
/// `CCCC,` and the id: what rows are sorted by.
const KEY: usize = 5 + 64;

/// One object of the frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Where the blinded id starts in the text.
    at: u64,
    /// Index into the kinds.
    pub kind: u32,
    /// Index into the cells of the rules.
    pub cell: u16,
}

/// District and needs that some objects share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind<'a> {
    pub district: &'a str,
    pub needs: Vec<&'a str>,
}

/// The frame.
pub(crate) struct Objects<'a> {
    text: &'a [u8],
    pub rows: Vec<Row>,
    pub kinds: Vec<Kind<'a>>,
    /// Rows of each cell of the rules.
    pub cells: Vec<Range<usize>>,
    /// First eight bytes of each id with its row, sorted: to find a row by its id.
    index: Vec<(u64, u32)>,
}

impl<'a> Objects<'a> {
    pub fn read(text: &'a [u8], rules: &Rules) -> Result<Objects<'a>, Fault> {
        end_of_file(FILE, text)?;
        let body = header(text)?;
        let parts = map(&chunks(text, body), |range| Part::read(text, range, rules));
        let mut kinds: Vec<Kind<'a>> = Vec::new();
        let mut rows: Vec<Row> = Vec::new();
        let mut known: HashMap<&'a [u8], u32> = HashMap::new();
        for part in parts {
            if let (Some(last), Some(first)) = (rows.last(), part.rows.first()) {
                order(text, last.at, first.at)?;
            }
            let names: Vec<u32> = part
                .kinds
                .into_iter()
                .map(|(suffix, kind)| {
                    *known.entry(suffix).or_insert_with(|| {
                        kinds.push(kind);
                        (kinds.len() - 1) as u32
                    })
                })
                .collect();
            rows.extend(part.rows.iter().map(|r| Row {
                kind: names[r.kind as usize],
                ..*r
            }));
            if let Some(fault) = part.fault {
                return Err(fault);
            }
        }
        if u32::try_from(rows.len()).is_err() {
            return Err(Fault::new(
                FILE,
                0,
                What::TooLarge,
                "more than 4294967295 rows",
            ));
        }
        let mut cells = vec![0..0; rules.cells.len()];
        let mut from = 0;
        for group in rows.chunk_by(|a, b| a.cell == b.cell) {
            cells[usize::from(group[0].cell)] = from..from + group.len();
            from += group.len();
        }
        let index = index(text, &rows);
        let mut objects = Objects {
            text,
            rows,
            kinds,
            cells,
            index,
        };
        objects.distinct()?;
        Ok(objects)
    }

    /// The blinded id of a row.
    pub fn id(&self, row: u32) -> &'a [u8] {
        id_at(self.text, self.rows[row as usize].at)
    }

    /// The same as text.
    pub fn id_text(&self, row: u32) -> &'a str {
        std::str::from_utf8(self.id(row)).unwrap_or_default()
    }

    pub fn kind(&self, row: u32) -> &Kind<'a> {
        &self.kinds[self.rows[row as usize].kind as usize]
    }

    /// Line of a row in the file.
    pub fn line(row: u32) -> u64 {
        u64::from(row) + 2
    }

    /// The row with this id.
    pub fn find(&self, id: &str) -> Option<u32> {
        let id = id.as_bytes();
        let prefix = prefix(id);
        let rest = &self.index[self.place(prefix)..];
        let at = rest.partition_point(|(p, row)| *p == prefix && self.id(*row) < id);
        rest.get(at)
            .filter(|(_, row)| self.id(*row) == id)
            .map(|(_, row)| *row)
    }

    /// The first place of the index that is not below `prefix`. Blinded ids are spread evenly, so the search starts
    /// where an even spread would have it and widens from there: a few steps where halving takes twenty.
    fn place(&self, prefix: u64) -> usize {
        let n = self.index.len();
        let below = |at: usize| self.index[at].0 < prefix;
        let guess = ((u128::from(prefix) * n as u128) >> 64) as usize;
        let (mut low, mut high) = (guess.min(n), guess.min(n));
        let mut step = 64;
        while low > 0 && !below(low - 1) {
            low = low.saturating_sub(step);
            step *= 2;
        }
        let mut step = 64;
        while high < n && below(high) {
            high = (high + step).min(n);
            step *= 2;
        }
        low + self.index[low..high].partition_point(|(p, _)| *p < prefix)
    }

    /// Orders the index also among ids that begin alike (honest ones do not; hostile ones must not make searches
    /// slow), and finds ids that stand in two cells; within a cell the order has shown that there are none.
    fn distinct(&mut self) -> Result<(), Fault> {
        let (text, rows) = (self.text, &self.rows);
        let id = |row: u32| id_at(text, rows[row as usize].at);
        let mut first: Option<u32> = None;
        for group in self
            .index
            .chunk_by_mut(|a, b| a.0 == b.0)
            .filter(|g| g.len() > 1)
        {
            group.sort_by_key(|(_, row)| (id(*row), *row));
            for pair in group.windows(2).filter(|w| id(w[0].1) == id(w[1].1)) {
                first = Some(first.map_or(pair[1].1, |row| row.min(pair[1].1)));
            }
        }
        match first {
            None => Ok(()),
            Some(row) => {
                let detail = format!("object {} stands in another cell too", self.id_text(row));
                Err(Fault::new(
                    FILE,
                    Objects::line(row),
                    What::Duplicate,
                    detail,
                ))
            }
        }
    }
}

fn header(text: &[u8]) -> Result<usize, Fault> {
    let end = text.iter().position(|b| *b == b'\n').unwrap_or(text.len());
    check_line(FILE, 1, &text[..end])?;
    if &text[..end] != HEADER.as_bytes() {
        return Err(Fault::new(
            FILE,
            1,
            What::Header,
            format!("the header is {HEADER:?}"),
        ));
    }
    Ok(end + 1)
}

/// The body in pieces that end at line ends.
fn chunks(text: &[u8], body: usize) -> Vec<Range<usize>> {
    let mut from = body;
    let mut out = Vec::new();
    for range in halves(text.len() - body) {
        let to = body + range.end;
        let to = text[to.max(from)..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(text.len(), |n| to.max(from) + n + 1);
        let to = if range.end == text.len() - body {
            text.len()
        } else {
            to
        };
        out.push(from..to);
        from = to;
    }
    out
}

fn id_at(text: &[u8], at: u64) -> &[u8] {
    &text[at as usize..at as usize + 64]
}

/// That the key before `next` comes after the key before `last`.
fn order(text: &[u8], last: u64, next: u64) -> Result<(), Fault> {
    let key = |at: u64| &text[at as usize - 5..at as usize + 64];
    let (last, this) = (key(last), key(next));
    if last < this {
        return Ok(());
    }
    let what = if last == this {
        What::Duplicate
    } else {
        What::Unsorted
    };
    let why = if last == this {
        "stands twice"
    } else {
        "is out of order"
    };
    Err(Fault::new(
        FILE,
        line_at(text, next as usize),
        what,
        format!("{} {why}", show(this)),
    ))
}

/// First eight bytes of a blinded id.
fn prefix(id: &[u8]) -> u64 {
    let digit = |b: u8| {
        u64::from(
            if b < b'a' {
                b.wrapping_sub(b'0')
            } else {
                b - b'a' + 10
            } & 15,
        )
    };
    id.iter().take(16).fold(0, |n, &b| n << 4 | digit(b))
}

fn index(text: &[u8], rows: &[Row]) -> Vec<(u64, u32)> {
    let mut all: Vec<(u64, u32)> = fill(rows.len(), |from, part| {
        for (n, place) in (from..).zip(part.iter_mut()) {
            *place = (prefix(id_at(text, rows[n].at)), n as u32);
        }
        // Cells are sorted already: the stable sort finds those runs and only merges them.
        part.sort();
    });
    all.sort();
    all
}

/// What one thread has read.
struct Part<'a> {
    rows: Vec<Row>,
    kinds: Vec<(&'a [u8], Kind<'a>)>,
    fault: Option<Fault>,
}

impl<'a> Part<'a> {
    fn read(text: &'a [u8], range: &Range<usize>, rules: &Rules) -> Part<'a> {
        let mut part = Part {
            rows: Vec::with_capacity(range.len() / 77),
            kinds: Vec::new(),
            fault: None,
        };
        let mut known: HashMap<&'a [u8], u32> = HashMap::new();
        let mut latest: (&'a [u8], u32) = (b"\n", 0);
        let mut at = range.start;
        while at < range.end {
            let rest = &text[at..range.end];
            // Most lines are the key and a short suffix: look for their end behind the key first.
            let short = rest
                .iter()
                .skip(KEY)
                .position(|b| *b == b'\n')
                .map(|n| n + KEY);
            let end = match short {
                Some(end) if !rest[..KEY].contains(&b'\n') => end,
                _ => rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
            };
            let line = &rest[..end];
            let read = part.line(line, rules, &mut known, &mut latest);
            let next = (at + 5) as u64;
            let read = read.and_then(|(cell, kind)| {
                if let Some(last) = part.rows.last() {
                    order(text, last.at, next)?;
                }
                Ok(Row {
                    at: next,
                    kind,
                    cell,
                })
            });
            match read {
                Ok(row) => part.rows.push(row),
                Err(fault) => {
                    part.fault = Some(Fault {
                        line: line_at(text, at),
                        ..fault
                    });
                    break;
                }
            }
            at += end + 1;
        }
        part
    }

    fn line(
        &mut self,
        line: &'a [u8],
        rules: &Rules,
        known: &mut HashMap<&'a [u8], u32>,
        latest: &mut (&'a [u8], u32),
    ) -> Result<(u16, u32), Fault> {
        let form = |detail: String| Fault::new(FILE, 0, What::Form, detail);
        let shaped =
            line.len() > KEY && line[4] == b',' && line[KEY] == b',' && is_hash(&line[5..KEY]);
        if !shaped {
            check_line(FILE, 0, line)?;
            return Err(form(format!(
                "{:?} does not read CELL,OBJECT,DISTRICT,NEEDS",
                show(line)
            )));
        }
        let cell = line[..4].iter().try_fold(0u16, |n, b| {
            b.is_ascii_digit().then(|| n * 10 + u16::from(b - b'0'))
        });
        let cell = match cell {
            Some(cell) if (1..=rules.cells.len()).contains(&usize::from(cell)) => cell - 1,
            Some(_) => {
                // The form of the whole line comes before what its fields refer to.
                check_line(FILE, 0, line)?;
                kind_of(&line[KEY + 1..], rules)?;
                let detail = format!("the rules have no cell {}", show(&line[..4]));
                return Err(Fault::new(FILE, 0, What::Unknown, detail));
            }
            None => {
                check_line(FILE, 0, line)?;
                return Err(form(format!(
                    "{:?} is no cell of four digits",
                    show(&line[..4])
                )));
            }
        };
        let suffix = &line[KEY + 1..];
        if suffix != latest.0 {
            let kind = match known.get(suffix) {
                Some(kind) => *kind,
                None => {
                    check_line(FILE, 0, line)?;
                    self.kinds.push((suffix, kind_of(suffix, rules)?));
                    known.insert(suffix, (self.kinds.len() - 1) as u32);
                    (self.kinds.len() - 1) as u32
                }
            };
            *latest = (suffix, kind);
        }
        Ok((cell, latest.1))
    }
}

fn kind_of<'a>(suffix: &'a [u8], rules: &Rules) -> Result<Kind<'a>, Fault> {
    let form = |detail: String| Fault::new(FILE, 0, What::Form, detail);
    let text = std::str::from_utf8(suffix).map_err(|_| form("not UTF-8".into()))?;
    let (district, needs) = text
        .split_once(',')
        .ok_or_else(|| form("4 fields expected".into()))?;
    if !is_token(district.as_bytes(), 32) {
        return Err(form(format!(
            "district {:?} is not 1 to 32 of A-Z a-z 0-9 -",
            show(district.as_bytes())
        )));
    }
    let needs = token_list(needs, 32, OBJECT_NEEDS_MAX).map_err(form)?;
    match rules.unlisted_need(&needs) {
        Some(need) => Err(Fault::new(
            FILE,
            0,
            What::Unknown,
            format!("the rules list no need {need:?}"),
        )),
        None => Ok(Kind { district, needs }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Whatever the ids are, a search finds the place that halving finds.
    #[test]
    fn a_place_is_found_in_even_and_in_crooked_spreads() {
        let even: Vec<u64> = (0..500).map(|n| n * (u64::MAX / 500)).collect();
        let low: Vec<u64> = (0..500).map(|n| n / 3).collect();
        let high: Vec<u64> = low.iter().map(|n| u64::MAX - 200 + n).collect();
        for prefixes in [vec![], vec![7], even, low, high] {
            let index: Vec<(u64, u32)> = prefixes.iter().copied().zip(0..).collect();
            let asked = prefixes
                .iter()
                .flat_map(|p| [p.saturating_sub(1), *p, p.saturating_add(1)]);
            let asked: Vec<u64> = asked.chain([0, 1, u64::MAX / 2, u64::MAX]).collect();
            let objects = Objects {
                text: b"",
                rows: vec![],
                kinds: vec![],
                cells: vec![],
                index,
            };
            for prefix in asked {
                let right = prefixes.partition_point(|p| *p < prefix);
                assert_eq!(objects.place(prefix), right, "{prefix}");
            }
        }
    }
}
