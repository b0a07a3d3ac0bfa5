//! The committed files, read and held against each other: the ground on which a draw stands. SPEC.md §3.

use crate::corps::{Avoid, Corps, Unservable};
use crate::deal::Dealer;
use crate::fault::{Fault, What};
use crate::manifest;
use crate::objects::{self, Objects};
use crate::outcome::{Drawn, Outcome, Reserve};
use crate::parallel::both;
use crate::rules::{Mode, Rules};
use crate::select::select;
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
        let mut dealer = Dealer::new(seed, &self.rules, &self.objects, &self.corps, &self.avoid);
        let cell = |row: u32| self.objects.cell(row);
        let all = chosen.drawn.len() as u64;
        let mut drawn = Vec::with_capacity(chosen.drawn.len());
        for (rank, c) in chosen.drawn.into_iter().enumerate() {
            let mut row = Drawn {
                rank,
                cell: cell(c.row) + 1,
                object: self.objects.id_text(c.row),
                ticket: c.ticket,
                week: None,
                inspectors: Vec::new(),
                experts: Vec::new(),
            };
            if let Mode::Census { weeks, .. } = self.rules.mode {
                row.week = u32::try_from(rank as u64 * u64::from(weeks) / all).ok();
            }
            if self.rules.mode.deals() {
                let dealt = dealer.team(&self.objects, c.row)?;
                let ids = |of: Vec<u32>| {
                    let id = |i: u32| self.corps.all[i as usize].id;
                    of.into_iter().map(id).collect()
                };
                (row.inspectors, row.experts) = (ids(dealt.members), ids(dealt.experts));
            }
            drawn.push(row);
        }
        let reserve = |(rank, c): (usize, &crate::select::Chosen)| Reserve {
            rank,
            cell: cell(c.row) + 1,
            object: self.objects.id_text(c.row),
            ticket: c.ticket,
        };
        let reserves = chosen
            .reserves
            .iter()
            .flat_map(|cell| cell.iter().enumerate().map(reserve))
            .collect();
        Ok(Outcome { drawn, reserves })
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
        for row in self.avoid.objects() {
            let verdict =
                self.corps
                    .serves(self.objects.kind(row), self.avoid.of(row), &self.rules);
            if let Err(e) = verdict
                && first.is_none_or(|(other, _)| row < other)
            {
                first = Some((row, e));
            }
        }
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
