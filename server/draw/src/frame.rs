//! The committed files, read and held against each other: the ground on which a draw stands. SPEC.md §3.

use crate::corps::{Avoid, Corps, Unservable};
use crate::deal::{Dealer, Dealt};
use crate::fault::{Fault, What};
use crate::manifest;
use crate::objects::{self, Objects};
use crate::outcome::{Drawn, Outcome, Reserve};
use crate::parallel::{both, halves, map};
use crate::rules::{Mode, Rules};
use crate::select::{Chosen, select};
use crate::text::{fields, in_order, is_ground, is_hash, rows};
use crate::transcript::{Committed, commitment};

const EXCLUDED: &str = "excluded.csv";
pub(crate) const EXCLUDED_HEADER: &str = "kind,id,ground";

/// A frame that was read and found sound.
pub struct Frame<'a> {
    pub(crate) rules: Rules,
    pub(crate) objects: Objects<'a>,
    pub(crate) corps: Corps<'a>,
    pub(crate) avoid: Avoid,
    pub(crate) excluded: Excluded<'a>,
    pub(crate) commitment: String,
}

impl<'a> Frame<'a> {
    /// Reads the committed files.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of SPEC.md §9: manifest, rules, objects, inspectors, avoidances,
    /// exclusions, objects that nobody can serve.
    pub fn read(files: &Committed<'a>, manifest: &[u8]) -> Result<Frame<'a>, Fault> {
        // Hashing and reading the frame are the two long steps before the draw: side by side.
        let (hashes, read) = both(
            || manifest::check(manifest, files),
            || {
                let rules = Rules::parse(files.rules)?;
                let (corps, objects) = both(
                    || Corps::read(files.inspectors, &rules),
                    || Objects::read(files.objects, &rules),
                );
                Ok((objects?, corps?, rules))
            },
        );
        hashes?;
        let (objects, corps, rules) = read?;
        let avoid = Avoid::read(files.avoid, &corps, &objects)?;
        let excluded = excluded(files.excluded, &objects, &corps)?;
        let frame = Frame {
            rules,
            objects,
            corps,
            avoid,
            excluded,
            commitment: commitment(manifest),
        };
        frame.check_servable()?;
        Ok(frame)
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The commitment.
    pub fn commitment(&self) -> &str {
        &self.commitment
    }

    /// Objects in the frame.
    pub fn objects(&self) -> usize {
        self.objects.len()
    }

    /// Inspectors in the pool.
    pub fn inspectors(&self) -> usize {
        self.corps.all.len()
    }

    /// The draw: a pure function of this frame and the seed (64 hexadecimal digits, [`crate::seed()`]).
    ///
    /// # Errors
    /// None for a frame that was read.
    pub fn draw(&self, seed: &str) -> Result<Outcome<'a>, Fault> {
        let chosen = select(seed, &self.objects, &self.rules);
        let teams = self.deal(seed, &chosen.drawn)?;
        let all = chosen.drawn.len();
        let parts = map(&halves(all), |ranks| {
            let row = |rank| self.drawn(rank, &chosen.drawn, teams.get(rank));
            ranks.clone().map(row).collect::<Vec<_>>()
        });
        let mut drawn = Vec::with_capacity(all);
        drawn.extend(parts.into_iter().flatten());
        let reserve = |(rank, c): (usize, &Chosen<'a>)| Reserve {
            rank,
            cell: self.objects.cell(c.row) + 1,
            object: c.id,
            ticket: c.ticket,
        };
        let reserves = chosen
            .reserves
            .iter()
            .flat_map(|cell| cell.iter().enumerate().map(reserve))
            .collect();
        Ok(Outcome { drawn, reserves })
    }

    /// Teams in the order of rank; none where nobody is dealt.
    fn deal(&self, seed: &str, drawn: &[Chosen<'a>]) -> Result<Vec<Dealt>, Fault> {
        if !self.rules.mode.deals() {
            return Ok(Vec::new());
        }
        let mut dealer = Dealer::new(seed, &self.rules, &self.objects, &self.corps, &self.avoid);
        drawn
            .iter()
            .map(|c| dealer.team(&self.objects, c))
            .collect()
    }

    fn drawn(&self, rank: usize, all: &[Chosen<'a>], dealt: Option<&Dealt>) -> Drawn<'a> {
        let Chosen {
            row, ticket, id, ..
        } = all[rank];
        let person = |i: &u32| self.corps.all[*i as usize].id;
        let ids = |of: &[u32]| of.iter().map(person).collect();
        let week = match self.rules.mode {
            Mode::Census { weeks, .. } => {
                u32::try_from(rank as u64 * u64::from(weeks) / all.len() as u64).ok()
            }
            _ => None,
        };
        Drawn {
            rank,
            cell: self.objects.cell(row) + 1,
            object: id,
            ticket,
            week,
            inspectors: dealt.map_or(Vec::new(), |d| ids(&d.members)),
            experts: dealt.map_or(Vec::new(), |d| ids(&d.experts)),
        }
    }

    /// That a team exists for every object, so that nothing need be refused after the commitment.
    fn check_servable(&self) -> Result<(), Fault> {
        let kinds: Vec<_> = self
            .objects
            .kinds
            .iter()
            .map(|kind| self.corps.serves(kind, &[], &self.rules))
            .collect();
        let mut first: Option<(u32, Unservable)> = None;
        if kinds.iter().any(Result::is_err) {
            first = (0..self.objects.len() as u32).find_map(|row| {
                let verdict = kinds[self.objects.kind_number(row) as usize];
                verdict.err().map(|why| (row, why))
            });
        }
        let rows: Vec<u32> = self.avoid.objects().collect();
        let parts: Vec<&[u32]> = halves(rows.len()).into_iter().map(|r| &rows[r]).collect();
        let unservable = map(&parts, |rows| {
            let verdict = |row: &u32| {
                let kind = self.objects.kind(*row);
                let served = self.corps.serves(kind, self.avoid.of(*row), &self.rules);
                served.err().map(|why| (*row, why))
            };
            rows.iter().filter_map(verdict).min_by_key(|(row, _)| *row)
        });
        let of_avoided = unservable.into_iter().flatten();
        let first = first
            .into_iter()
            .chain(of_avoided)
            .min_by_key(|(row, _)| *row);
        match first {
            None => Ok(()),
            Some((row, why)) => {
                let detail = match why {
                    Unservable::NoTeam => {
                        "a department has fewer eligible inspectors than its team, or no eligible group"
                    }
                    Unservable::NoNeed => "a need that no eligible inspector meets",
                };
                Err(Fault::new(
                    objects::FILE,
                    Objects::line(row),
                    What::Unservable,
                    detail,
                ))
            }
        }
    }
}

/// Blinded ids that were kept out, each list ascending.
#[derive(Default)]
pub(crate) struct Excluded<'a> {
    pub inspectors: Vec<&'a str>,
    pub objects: Vec<&'a str>,
}

impl Excluded<'_> {
    pub fn len(&self) -> usize {
        self.inspectors.len() + self.objects.len()
    }
}

fn excluded<'a>(
    bytes: &'a [u8],
    objects: &Objects<'_>,
    corps: &Corps<'_>,
) -> Result<Excluded<'a>, Fault> {
    let mut all = Excluded::default();
    let mut last: Option<&str> = None;
    for (n, line) in rows(EXCLUDED, bytes, EXCLUDED_HEADER)? {
        let [kind, id, ground] = fields::<3>(EXCLUDED, n, line)?;
        let of_inspectors = kind == "inspector";
        if !of_inspectors && kind != "object"
            || !is_hash(id.as_bytes())
            || !is_ground(ground.as_bytes())
        {
            let detail =
                "inspector or object, a blinded id and a ground of 1 to 32 of a-z - expected";
            return Err(Fault::new(EXCLUDED, n, What::Form, detail));
        }
        let there = if of_inspectors {
            corps.find(id).is_some()
        } else {
            objects.find(id).is_some()
        };
        if there {
            let detail = "this id stands in frame or pool as well";
            return Err(Fault::new(EXCLUDED, n, What::Duplicate, detail));
        }
        // Kind and id, without the comma behind them.
        let key = &line[..kind.len() + 1 + id.len()];
        in_order(EXCLUDED, n, last, key)?;
        last = Some(key);
        if of_inspectors {
            all.inspectors.push(id);
        } else {
            all.objects.push(id);
        }
    }
    Ok(all)
}
