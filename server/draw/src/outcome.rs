//! `result.csv`: what was drawn. SPEC.md §5 and §6.

use crate::fault::{Fault, What};
use crate::parallel::{both, each, halves, map, spread};
use crate::text::{line_at, show};
use crate::ticket::Ticket;
use std::io::Write;
use std::ops::Range;

pub(crate) const FILE: &str = "result.csv";
pub(crate) const HEADER: &str = "rank,cell,object,ticket,role,week,inspectors,experts";
pub(crate) const SUBSTITUTIONS_HEADER: &str = "number,kind,object,out,in,ground,chain";

/// An object that is to be inspected, with its team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn<'a> {
    /// Place in the order of tickets over all cells, from 0; the order of dealing.
    pub rank: usize,
    /// Number of the cell, from 1.
    pub cell: u16,
    /// Blinded id.
    pub object: &'a str,
    /// `ticket(seed, "object", object)`.
    pub ticket: Ticket,
    /// Week of a census, from 0.
    pub week: Option<u32>,
    /// Blinded ids; the first leads.
    pub inspectors: Vec<&'a str>,
    /// Blinded ids of experts, who are no members.
    pub experts: Vec<&'a str>,
}

/// An object that stands ready to replace another of its cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserve<'a> {
    /// Place among the reserves of its cell, from 0.
    pub rank: usize,
    /// Number of the cell, from 1.
    pub cell: u16,
    /// Blinded id.
    pub object: &'a str,
    /// `ticket(seed, "object", object)`.
    pub ticket: Ticket,
}

/// The result of a draw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// In the order of rank.
    pub drawn: Vec<Drawn<'a>>,
    /// By cell, then in their order.
    pub reserves: Vec<Reserve<'a>>,
}

/// Rows that are written in one go.
const PIECE: usize = 1 << 10;

/// Pieces that are written while the next ones are put together.
const WAVE: usize = 16;

/// Some rows of `result.csv`, the drawn and then the reserves, and where their text begins in it.
struct Piece {
    rows: Range<usize>,
    at: usize,
}

impl Outcome<'_> {
    /// The text of `result.csv`.
    pub fn to_text(&self) -> Vec<u8> {
        let (pieces, len) = self.pieces();
        let mut text = vec![0; len];
        let mut jobs = Vec::new();
        let mut rest = &mut text[..];
        let mut at = 0;
        for range in halves(pieces.len() * PIECE) {
            let (from, to) = (range.start / PIECE, range.end / PIECE);
            let end = pieces.get(to).map_or(len, |next| next.at);
            let (mine, more) = std::mem::take(&mut rest).split_at_mut(end - at);
            (rest, at) = (more, end);
            jobs.push((&pieces[from..to], mine));
        }
        each(jobs, |(pieces, mut text)| {
            let mut rows = Vec::new();
            for piece in pieces {
                self.write(piece, &mut rows);
                let (place, rest) = std::mem::take(&mut text).split_at_mut(rows.len());
                place.copy_from_slice(&rows);
                text = rest;
            }
        });
        text
    }

    /// Writes `result.csv`. Some rows are written while the next are put together.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_to(&self, writer: &mut impl Write) -> std::io::Result<()> {
        let (pieces, _) = self.pieces();
        let mut waiting: Vec<Vec<u8>> = Vec::new();
        for wave in pieces.chunks(WAVE).chain([&[][..]]) {
            let (next, written) = both(
                || {
                    spread(wave, |piece| {
                        let mut rows = Vec::new();
                        self.write(piece, &mut rows);
                        rows
                    })
                },
                || waiting.iter().try_for_each(|rows| writer.write_all(rows)),
            );
            written?;
            waiting = next;
        }
        Ok(())
    }

    /// That a `result.csv` says this.
    pub(crate) fn is_result(&self, found: &[u8]) -> Result<(), Fault> {
        let (pieces, len) = self.pieces();
        let parts: Vec<&[Piece]> = halves(pieces.len() * PIECE)
            .into_iter()
            .map(|r| &pieces[r.start / PIECE..r.end / PIECE])
            .collect();
        let right = found.len() == len
            && map(&parts, |pieces| {
                let mut rows = Vec::new();
                pieces.iter().all(|piece| {
                    self.write(piece, &mut rows);
                    found[piece.at..][..rows.len()] == rows
                })
            })
            .into_iter()
            .all(|right| right);
        if right {
            Ok(())
        } else {
            same(FILE, found, &self.to_text())
        }
    }

    /// All rows in pieces, of which the first has the header too, and the length of the text.
    fn pieces(&self) -> (Vec<Piece>, usize) {
        let all = self.drawn.len() + self.reserves.len();
        let starts: Vec<usize> = (0..all.max(1)).step_by(PIECE).collect();
        let mut at = 0;
        let pieces = starts.into_iter().map(|from| {
            let rows = from..all.min(from + PIECE);
            let header = if from == 0 { HEADER.len() + 1 } else { 0 };
            let len = header + rows.clone().map(|row| self.row_len(row)).sum::<usize>();
            at += len;
            Piece { rows, at: at - len }
        });
        let pieces = pieces.collect();
        (pieces, at)
    }

    fn row_len(&self, row: usize) -> usize {
        let digits = |n: u64| n.checked_ilog10().unwrap_or(0) as usize + 1;
        let common = |rank: usize, object: &str, role: &str| {
            // Rank, cell, object, ticket, role; four commas between them; the three behind the role; LF.
            digits(rank as u64) + 4 + object.len() + 64 + role.len() + 4 + 3 + 1
        };
        match row.checked_sub(self.drawn.len()) {
            Some(reserve) => {
                let r = &self.reserves[reserve];
                common(r.rank, r.object, RESERVE)
            }
            None => {
                let d = &self.drawn[row];
                let list = |ids: &[&str]| {
                    ids.iter()
                        .map(|id| id.len() + 1)
                        .sum::<usize>()
                        .saturating_sub(1)
                };
                let week = d.week.map_or(0, |week| digits(u64::from(week)));
                common(d.rank, d.object, DRAWN) + week + list(&d.inspectors) + list(&d.experts)
            }
        }
    }

    /// The text of a piece instead of what is there.
    fn write(&self, piece: &Piece, text: &mut Vec<u8>) {
        text.clear();
        if piece.rows.start == 0 {
            text.extend_from_slice(HEADER.as_bytes());
            text.push(b'\n');
        }
        let drawn = self.drawn.len();
        let Range { start, end } = piece.rows;
        for d in &self.drawn[start.min(drawn)..end.min(drawn)] {
            push_row(text, d.rank, d.cell, d.object, &d.ticket, DRAWN);
            if let Some(week) = d.week {
                push_number(text, u64::from(week));
            }
            for list in [&d.inspectors, &d.experts] {
                text.push(b',');
                for (n, id) in list.iter().enumerate() {
                    if n > 0 {
                        text.push(b' ');
                    }
                    text.extend_from_slice(id.as_bytes());
                }
            }
            text.push(b'\n');
        }
        for r in &self.reserves[start.max(drawn) - drawn..end.max(drawn) - drawn] {
            push_row(text, r.rank, r.cell, r.object, &r.ticket, RESERVE);
            text.extend_from_slice(b",,\n");
        }
    }
}

const DRAWN: &str = "drawn";
const RESERVE: &str = "reserve";

fn push_row(text: &mut Vec<u8>, rank: usize, cell: u16, object: &str, ticket: &Ticket, role: &str) {
    push_number(text, rank as u64);
    let digit = |unit: u16| b'0' + (cell / unit % 10) as u8;
    text.extend_from_slice(&[b',', digit(1000), digit(100), digit(10), digit(1), b',']);
    text.extend_from_slice(object.as_bytes());
    text.push(b',');
    let mut digits = [0; 64];
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(ticket) {
        *pair = [byte >> 4, byte & 15].map(|n| n + if n < 10 { b'0' } else { b'a' - 10 });
    }
    text.extend_from_slice(&digits);
    text.push(b',');
    text.extend_from_slice(role.as_bytes());
    text.push(b',');
}

fn push_number(text: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

/// An empty `substitutions.csv`.
pub fn no_substitutions() -> String {
    format!("{SUBSTITUTIONS_HEADER}\n")
}

/// That a file is what it must be, with the first line that differs.
pub(crate) fn same(file: &'static str, found: &[u8], right: &[u8]) -> Result<(), Fault> {
    if found == right {
        return Ok(());
    }
    let at = found.iter().zip(right).take_while(|(a, b)| a == b).count();
    let start = right[..at]
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |n| n + 1);
    let line = right[start..]
        .split(|b| *b == b'\n')
        .next()
        .unwrap_or_default();
    let detail = if line.is_empty() {
        "nothing may follow here".into()
    } else {
        format!("computed: {}", show(line))
    };
    Err(Fault::new(
        file,
        line_at(right, start),
        What::Differs,
        detail,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    // However many there are, rows in pieces are the rows in one.
    #[test]
    fn pieces_make_the_whole() {
        for (drawn, reserves) in [(0, 0), (1, 0), (0, 1), (1023, 1), (1024, 3), (30_000, 2000)] {
            let id = "a".repeat(64);
            let outcome = Outcome {
                drawn: (0..drawn)
                    .map(|rank| Drawn {
                        rank,
                        cell: (rank % 9999) as u16 + 1,
                        object: &id,
                        ticket: [rank as u8; 32],
                        week: (rank % 3 > 0).then_some(rank as u32 % 53),
                        inspectors: vec![&id; rank % 4],
                        experts: vec![&id; rank % 2],
                    })
                    .collect(),
                reserves: (0..reserves)
                    .map(|rank| Reserve {
                        rank,
                        cell: 12,
                        object: &id,
                        ticket: [rank as u8; 32],
                    })
                    .collect(),
            };
            let text = outcome.to_text();
            let lines: Vec<&str> = std::str::from_utf8(&text).unwrap().lines().collect();
            assert_eq!(lines.len(), 1 + drawn + reserves);
            for (n, line) in lines[1..].iter().enumerate() {
                let rank = if n < drawn { n } else { n - drawn };
                assert!(line.starts_with(&format!("{rank},")), "{line}");
                assert_eq!(line.matches(',').count(), 7, "{line}");
            }
            let mut written = Vec::new();
            outcome.write_to(&mut written).unwrap();
            assert_eq!(written, text);
            outcome.is_result(&text).unwrap();
            let mut wrong = text.clone();
            *wrong.last_mut().unwrap() = b'x';
            assert_eq!(
                outcome.is_result(&wrong).unwrap_err().line,
                (drawn + reserves) as u64 + 1
            );
        }
    }
}
