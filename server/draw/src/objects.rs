//! `objects.csv`, the frame: read in parallel, held as offsets into the text. SPEC.md §3.2.
//!
//! Millions of rows: no String per row, one pass over the bytes, sixteen bytes kept of each. District and needs,
//! of which there are few different ones, are kept once as a [`Kind`] and named by number.

use crate::fault::{Fault, What};
use crate::index::{Index, start_of};
use crate::parallel::{each, halves};
use crate::rules::{OBJECT_NEEDS_MAX, Rules};
use crate::text::{check_line, end_of_file, is_hash, is_token, line_at, show, token_list};
use std::collections::HashMap;
use std::ops::Range;

pub(crate) const FILE: &str = "objects.csv";
pub(crate) const HEADER: &str = "cell,object,district,needs";
/// `CCCC,` and the id: what rows are sorted by.
const KEY: usize = 5 + 64;
/// The shortest line: the key, a district of one letter, no needs, LF.
const LINE_MIN: usize = KEY + 4;
/// Offsets are kept in four bytes.
const TEXT_MAX: u64 = 1 << 32;

/// District and needs that some objects share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind<'a> {
    pub district: &'a str,
    pub needs: Vec<&'a str>,
}

/// The frame. Its objects are the rows of the file, from 0.
pub(crate) struct Objects<'a> {
    ids: Ids<'a>,
    /// Index of each object's kind.
    kind_of: Vec<u32>,
    pub kinds: Vec<Kind<'a>>,
    /// Rows of each cell of the rules, one behind the other.
    pub cells: Vec<Range<usize>>,
    index: Index,
}

/// The blinded ids.
pub(crate) struct Ids<'a> {
    text: &'a [u8],
    /// Where each starts in the text.
    at: Vec<u32>,
}

impl<'a> Ids<'a> {
    pub fn of(&self, row: u32) -> &'a [u8] {
        id_at(self.text, self.at[row as usize])
    }
}

impl<'a> Objects<'a> {
    pub fn read(text: &'a [u8], rules: &Rules) -> Result<Objects<'a>, Fault> {
        end_of_file(FILE, text)?;
        if text.len() as u64 > TEXT_MAX {
            let detail = format!("more than {TEXT_MAX} bytes");
            return Err(Fault::new(FILE, 0, What::TooLarge, detail));
        }
        let body = header(text)?;
        let ranges = chunks(text, body);
        let most: Vec<usize> = ranges.iter().map(|r| r.len() / LINE_MIN).collect();
        let bound = most.iter().sum();
        // Zeroed memory that is never written costs nothing.
        let (mut at, mut kind_of, mut starts) = (vec![0; bound], vec![0; bound], vec![0; bound]);
        let parts = {
            let mut rest = (&mut at[..], &mut kind_of[..], &mut starts[..]);
            let mut jobs = Vec::new();
            for (range, most) in ranges.into_iter().zip(&most) {
                let (a, b, c) = rest;
                let (at, a) = a.split_at_mut(*most);
                let (kind_of, b) = b.split_at_mut(*most);
                let (starts, c) = c.split_at_mut(*most);
                rest = (a, b, c);
                jobs.push((
                    range,
                    Slots {
                        at,
                        kind_of,
                        starts,
                    },
                ));
            }
            each(jobs, |(range, slots)| Part::read(text, range, rules, slots))
        };
        let mut kinds: Vec<Kind<'a>> = Vec::new();
        let mut known: HashMap<&'a [u8], u32> = HashMap::new();
        let mut firsts: Vec<(u16, usize)> = Vec::new();
        let (mut len, mut from) = (0, 0);
        for (part, most) in parts.into_iter().zip(most) {
            if len > 0 && part.len > 0 {
                order(text, at[len - 1], at[from])?;
            }
            if let Some(fault) = part.fault {
                return Err(fault);
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
            if from > 0 {
                for kind in &mut kind_of[from..from + part.len] {
                    *kind = names[*kind as usize];
                }
                at.copy_within(from..from + part.len, len);
                kind_of.copy_within(from..from + part.len, len);
                starts.copy_within(from..from + part.len, len);
            }
            firsts.extend(part.cells.iter().map(|(cell, row)| (*cell, row + len)));
            len += part.len;
            from += most;
        }
        at.truncate(len);
        kind_of.truncate(len);
        starts.truncate(len);
        let cells = cells(rules.cells.len(), &firsts, len);
        let ids = Ids { text, at };
        match Index::new(&ids, &cells, &starts) {
            Ok(index) => Ok(Objects {
                ids,
                kind_of,
                kinds,
                cells,
                index,
            }),
            Err(row) => {
                let id = String::from_utf8_lossy(ids.of(row));
                let detail = format!("object {id} stands in another cell too");
                Err(Fault::new(
                    FILE,
                    Objects::line(row),
                    What::Duplicate,
                    detail,
                ))
            }
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kind_of.len()
    }

    /// The blinded id of a row.
    pub fn id(&self, row: u32) -> &'a [u8] {
        self.ids.of(row)
    }

    /// The same as text.
    pub fn id_text(&self, row: u32) -> &'a str {
        std::str::from_utf8(self.id(row)).unwrap_or_default()
    }

    /// Index of a row's cell in the rules.
    pub fn cell(&self, row: u32) -> u16 {
        self.cells.partition_point(|c| c.end <= row as usize) as u16
    }

    /// Index of a row's kind.
    pub fn kind_number(&self, row: u32) -> u32 {
        self.kind_of[row as usize]
    }

    pub fn kind(&self, row: u32) -> &Kind<'a> {
        &self.kinds[self.kind_of[row as usize] as usize]
    }

    /// Line of a row in the file.
    pub fn line(row: u32) -> u64 {
        u64::from(row) + 2
    }

    /// The row with this id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.index.find(&self.ids, id.as_bytes())
    }
}

/// The rows of each cell, from where each cell that has some begins.
fn cells(n: usize, firsts: &[(u16, usize)], len: usize) -> Vec<Range<usize>> {
    let mut cells = Vec::with_capacity(n);
    let mut firsts = firsts.iter().peekable();
    let mut from = 0;
    for cell in 0..n {
        // A cell that goes on in the next part begins there a second time.
        while firsts.next_if(|(c, _)| usize::from(*c) == cell).is_some() {}
        let to = firsts.peek().map_or(len, |(_, row)| *row);
        cells.push(from..to);
        from = to;
    }
    cells
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

fn id_at(text: &[u8], at: u32) -> &[u8] {
    &text[at as usize..at as usize + 64]
}

/// That the key before `next` comes after the key before `last`.
fn order(text: &[u8], last: u32, next: u32) -> Result<(), Fault> {
    let key = |at: u32| &text[at as usize - 5..at as usize + 64];
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

/// Where one thread puts what it reads.
struct Slots<'s> {
    at: &'s mut [u32],
    kind_of: &'s mut [u32],
    /// First 64 bits of each id.
    starts: &'s mut [u64],
}

/// What one thread has read.
struct Part<'a> {
    /// How many rows.
    len: usize,
    kinds: Vec<(&'a [u8], Kind<'a>)>,
    known: HashMap<&'a [u8], u32>,
    /// Cells, each with its first row.
    cells: Vec<(u16, usize)>,
    fault: Option<Fault>,
}

/// What stands behind the key, with its LF, where it is shorter than this.
const SUFFIX: usize = 32;
type Suffix = [u128; 2];

/// Kinds seen lately, by so many bits of a number made of their text.
const LATELY: u32 = 12;

struct Lately(Vec<(Suffix, u32)>);

impl Lately {
    fn place(suffix: Suffix) -> usize {
        let [a, b] = suffix.map(|s| (s ^ s >> 64) as u64);
        ((a ^ b.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - LATELY)) as usize
    }

    fn find(&self, suffix: Suffix) -> Option<u32> {
        let (known, kind) = self.0[Lately::place(suffix)];
        (known == suffix).then_some(kind)
    }

    fn keep(&mut self, suffix: Suffix, kind: u32) {
        self.0[Lately::place(suffix)] = (suffix, kind);
    }
}

impl<'a> Part<'a> {
    fn read(text: &'a [u8], range: Range<usize>, rules: &Rules, slots: Slots<'_>) -> Part<'a> {
        let mut part = Part {
            len: 0,
            kinds: Vec::new(),
            known: HashMap::new(),
            cells: Vec::new(),
            fault: None,
        };
        let mut lately = Lately(vec![([0; 2], 0); 1 << LATELY]);
        let mut at = range.start;
        let (mut cell, mut last) = ([0; 5], 0);
        while at < range.end {
            // Nearly every line: the cell of the line before, a larger id, a kind that was seen.
            let quick = text[at..].first_chunk().and_then(quick);
            let (kind, end) = match quick {
                Some(line) if line.cell == cell && line.start > last => {
                    (lately.find(line.suffix), line.end)
                }
                _ => (None, 0),
            };
            let (kind, end) = match kind {
                Some(kind) => (kind, end),
                None => {
                    let before = part.len.checked_sub(1).map(|n| slots.at[n]);
                    let end = line_end(&text[at..range.end]);
                    match part.line(text, at, end, before, rules) {
                        Ok(kind) => {
                            if let Some(line) = quick {
                                lately.keep(line.suffix, kind);
                            }
                            (kind, end)
                        }
                        Err(fault) => {
                            part.fault = Some(Fault {
                                line: line_at(text, at),
                                ..fault
                            });
                            break;
                        }
                    }
                }
            };
            let id = &text[at + 5..at + KEY];
            cell.copy_from_slice(&text[at..at + 5]);
            last = id.first_chunk().map_or(0, start_of);
            slots.at[part.len] = (at + 5) as u32;
            slots.kind_of[part.len] = kind;
            slots.starts[part.len] = last;
            part.len += 1;
            at += end + 1;
        }
        part
    }

    /// Checks a line, of which nothing is known, and the order after the one `before`; the number of its kind.
    fn line(
        &mut self,
        text: &'a [u8],
        at: usize,
        end: usize,
        before: Option<u32>,
        rules: &Rules,
    ) -> Result<u32, Fault> {
        let line = &text[at..at + end];
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
        let kind = match self.known.get(suffix) {
            Some(kind) => *kind,
            None => {
                check_line(FILE, 0, line)?;
                let kind = self.kinds.len() as u32;
                self.kinds.push((suffix, kind_of(suffix, rules)?));
                self.known.insert(suffix, kind);
                kind
            }
        };
        if let Some(before) = before {
            order(text, before, (at + 5) as u32)?;
        }
        if self.cells.last().is_none_or(|(last, _)| *last != cell) {
            self.cells.push((cell, self.len));
        }
        Ok(kind)
    }
}

/// Length of the first line.
fn line_end(rest: &[u8]) -> usize {
    rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
}

/// A line of the usual shape. Whether its cell and its suffix are any good is not known yet.
#[derive(Clone, Copy)]
struct Quick {
    cell: [u8; 5],
    /// First 64 bits of the id.
    start: u64,
    /// What is behind the key, its LF included, then zeros.
    suffix: Suffix,
    /// Length of the line.
    end: usize,
}

fn quick(bytes: &[u8; KEY + 1 + SUFFIX]) -> Option<Quick> {
    let (cell, rest) = bytes.split_first_chunk::<5>()?;
    let (id, rest) = rest.split_first_chunk::<64>()?;
    let (comma, rest) = rest.split_first()?;
    let (a, rest) = rest.split_first_chunk()?;
    let (a, b) = (
        u128::from_le_bytes(*a),
        u128::from_le_bytes(*rest.first_chunk()?),
    );
    if *comma != b',' || cell[4] != b',' || !is_hash(id) {
        return None;
    }
    let (suffix, end) = match (line_feed(a), line_feed(b)) {
        (Some(n), _) => ([a & (u128::MAX >> (120 - 8 * n)), 0], n),
        (None, Some(n)) => ([a, b & (u128::MAX >> (120 - 8 * n))], 16 + n),
        (None, None) => return None,
    };
    Some(Quick {
        cell: *cell,
        start: start_of(id.first_chunk()?),
        suffix,
        end: KEY + 1 + end as usize,
    })
}

/// Place of the first LF among sixteen bytes.
fn line_feed(bytes: u128) -> Option<u32> {
    const ONES: u128 = u128::MAX / 255;
    // A byte that was LF is zero now; the lowest zero byte is the lowest whose highest bit survives this.
    let zero = bytes ^ (ONES * b'\n' as u128);
    let found = zero.wrapping_sub(ONES) & !zero & (ONES << 7);
    (found != 0).then(|| found.trailing_zeros() / 8)
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
