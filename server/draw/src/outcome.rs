//! `result.csv`: what was drawn. SPEC.md §5 and §6.

use crate::fault::{Fault, What};
use crate::text::{line_at, show};
use crate::ticket::Ticket;

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

impl Outcome<'_> {
    /// The text of `result.csv`.
    pub fn to_text(&self) -> Vec<u8> {
        let row = 7 + 5 + 65 + 65 + 6 + 2 * 65;
        let mut text = Vec::with_capacity(64 + (self.drawn.len() + self.reserves.len()) * row);
        text.extend_from_slice(HEADER.as_bytes());
        text.push(b'\n');
        for d in &self.drawn {
            push_row(&mut text, d.rank, d.cell, d.object, &d.ticket, "drawn");
            if let Some(week) = d.week {
                text.extend_from_slice(week.to_string().as_bytes());
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
        for r in &self.reserves {
            push_row(&mut text, r.rank, r.cell, r.object, &r.ticket, "reserve");
            text.extend_from_slice(b",,\n");
        }
        text
    }
}

fn push_row(text: &mut Vec<u8>, rank: usize, cell: u16, object: &str, ticket: &Ticket, role: &str) {
    text.extend_from_slice(format!("{rank},{cell:04},").as_bytes());
    text.extend_from_slice(object.as_bytes());
    text.push(b',');
    for byte in ticket {
        text.push(b"0123456789abcdef"[usize::from(byte >> 4)]);
        text.push(b"0123456789abcdef"[usize::from(byte & 15)]);
    }
    text.push(b',');
    text.extend_from_slice(role.as_bytes());
    text.push(b',');
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
