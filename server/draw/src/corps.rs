//! `inspectors.csv` and `avoid.csv`: who can be dealt to what. SPEC.md §3.3, §3.4, §6.

use crate::fault::{Fault, What};
use crate::objects::{Kind, Objects};
use crate::rules::Rules;
use crate::text::{fields, in_order, is_hash, is_token, number, rows, show, token_list};
use std::collections::HashMap;

pub(crate) const FILE: &str = "inspectors.csv";
pub(crate) const HEADER: &str = "inspector,unit,districts,expertise,capacity";
pub(crate) const AVOID: &str = "avoid.csv";
pub(crate) const AVOID_HEADER: &str = "inspector,object";

/// Most districts of one inspector.
pub const DISTRICTS_MAX: usize = 128;
/// Most needs that one inspector meets.
pub const EXPERTISE_MAX: usize = 32;
/// Most pairs of a district and a need (or none) over all inspectors: bounds time and memory of dealing.
pub const PAIRS_MAX: usize = 16_000_000;
/// Most objects that an inspector can be meant to take.
pub const CAPACITY_MAX: u32 = 1_000_000;

/// One inspector of the pool.
#[derive(Debug, Clone)]
pub(crate) struct Inspector<'a> {
    /// Blinded id; while a frame is being built, the id of the register.
    pub id: &'a str,
    pub unit: &'a str,
    pub districts: Vec<&'a str>,
    /// Needs that this inspector meets.
    pub expertise: Vec<&'a str>,
    pub capacity: u32,
}

/// All inspectors, by district and by what they meet.
pub(crate) struct Corps<'a> {
    pub all: Vec<Inspector<'a>>,
    by_district: HashMap<&'a str, Vec<u32>>,
    meeting: HashMap<(&'a str, &'a str), u32>,
}

/// Why no team can serve an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unservable {
    /// Fewer eligible inspectors than a team.
    NoTeam,
    /// A need that nobody eligible meets.
    NoNeed,
}

impl Unservable {
    /// The ground in `excluded.csv`.
    pub fn ground(self) -> &'static str {
        match self {
            Unservable::NoTeam => "no-team",
            Unservable::NoNeed => "no-need",
        }
    }
}

impl<'a> Corps<'a> {
    pub fn new(all: Vec<Inspector<'a>>) -> Corps<'a> {
        let mut by_district: HashMap<&str, Vec<u32>> = HashMap::new();
        let mut meeting: HashMap<(&str, &str), u32> = HashMap::new();
        for (n, inspector) in (0u32..).zip(&all) {
            for district in &inspector.districts {
                by_district.entry(district).or_default().push(n);
                for need in &inspector.expertise {
                    *meeting.entry((district, need)).or_default() += 1;
                }
            }
        }
        Corps {
            all,
            by_district,
            meeting,
        }
    }

    pub fn read(bytes: &'a [u8], rules: &Rules) -> Result<Corps<'a>, Fault> {
        let mut all: Vec<Inspector<'a>> = Vec::new();
        let mut pairs = 0;
        for (n, line) in rows(FILE, bytes, HEADER)? {
            let form = |detail: String| Fault::new(FILE, n, What::Form, detail);
            let [id, unit, districts, expertise, capacity] = fields::<5>(FILE, n, line)?;
            if !is_hash(id.as_bytes()) {
                return Err(form(
                    "a blinded id is 64 lower-case hexadecimal digits".into(),
                ));
            }
            in_order(FILE, n, all.last().map(|i| i.id), id)?;
            if !is_token(unit.as_bytes(), 32) {
                return Err(form(format!(
                    "unit {:?} is not 1 to 32 of A-Z a-z 0-9 -",
                    show(unit.as_bytes())
                )));
            }
            let districts = token_list(districts, 32, DISTRICTS_MAX).map_err(form)?;
            let expertise = token_list(expertise, 32, EXPERTISE_MAX).map_err(form)?;
            if let Some(need) = rules.unlisted_need(&expertise) {
                return Err(Fault::new(
                    FILE,
                    n,
                    What::Unknown,
                    format!("the rules list no need {need:?}"),
                ));
            }
            let capacity =
                number(capacity.as_bytes(), u64::from(CAPACITY_MAX)).ok_or_else(|| {
                    form(format!(
                        "capacity must be a whole number up to {CAPACITY_MAX}"
                    ))
                })?;
            pairs += districts.len() * (expertise.len() + 1);
            if pairs > PAIRS_MAX {
                let detail = format!("more than {PAIRS_MAX} pairs of a district and a need");
                return Err(Fault::new(FILE, n, What::TooLarge, detail));
            }
            all.push(Inspector {
                id,
                unit,
                districts,
                expertise,
                capacity: capacity as u32,
            });
        }
        Ok(Corps::new(all))
    }

    /// The inspector with this blinded id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.all
            .binary_search_by(|i| i.id.cmp(id))
            .ok()
            .map(|n| n as u32)
    }

    pub fn in_district(&self, district: &str) -> &[u32] {
        self.by_district.get(district).map_or(&[], Vec::as_slice)
    }

    pub fn acts_in(&self, inspector: u32, district: &str) -> bool {
        self.all[inspector as usize]
            .districts
            .binary_search(&district)
            .is_ok()
    }

    pub fn meets(&self, inspector: u32, need: &str) -> bool {
        self.all[inspector as usize]
            .expertise
            .binary_search(&need)
            .is_ok()
    }

    /// Whether a team of `team` exists for objects of this kind when `avoided` (sorted) may not come.
    pub fn serves(&self, kind: &Kind<'_>, avoided: &[u32], team: u32) -> Result<(), Unservable> {
        let lost: Vec<u32> = avoided
            .iter()
            .copied()
            .filter(|i| self.acts_in(*i, kind.district))
            .collect();
        if self.in_district(kind.district).len() < team as usize + lost.len() {
            return Err(Unservable::NoTeam);
        }
        for need in &kind.needs {
            let there = self
                .meeting
                .get(&(kind.district, *need))
                .copied()
                .unwrap_or(0) as usize;
            if there <= lost.iter().filter(|i| self.meets(**i, need)).count() {
                return Err(Unservable::NoNeed);
            }
        }
        Ok(())
    }
}

/// Who may not be dealt to which object.
#[derive(Debug, Default, Clone)]
pub(crate) struct Avoid {
    by_object: HashMap<u32, Vec<u32>>,
}

impl Avoid {
    pub fn read(bytes: &[u8], corps: &Corps<'_>, objects: &Objects<'_>) -> Result<Avoid, Fault> {
        let mut avoid = Avoid::default();
        let mut last = None;
        for (n, line) in rows(AVOID, bytes, AVOID_HEADER)? {
            let [inspector, object] = fields::<2>(AVOID, n, line)?;
            if !is_hash(inspector.as_bytes()) || !is_hash(object.as_bytes()) {
                return Err(Fault::new(
                    AVOID,
                    n,
                    What::Form,
                    "two blinded ids of 64 hexadecimal digits expected",
                ));
            }
            in_order(AVOID, n, last, line)?;
            last = Some(line);
            let unknown =
                |which: &str| Fault::new(AVOID, n, What::Unknown, format!("no such {which}"));
            let i = corps.find(inspector).ok_or_else(|| unknown("inspector"))?;
            let o = objects.find(object).ok_or_else(|| unknown("object"))?;
            avoid.by_object.entry(o).or_default().push(i);
        }
        Ok(avoid)
    }

    /// Inspectors, ascending, that may not be dealt to this object.
    pub fn of(&self, object: u32) -> &[u32] {
        self.by_object.get(&object).map_or(&[], Vec::as_slice)
    }

    pub fn has(&self, inspector: u32, object: u32) -> bool {
        self.of(object).binary_search(&inspector).is_ok()
    }

    pub fn add(&mut self, inspector: u32, object: u32) {
        let list = self.by_object.entry(object).or_default();
        if let Err(place) = list.binary_search(&inspector) {
            list.insert(place, inspector);
        }
    }

    pub fn objects(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_object.keys().copied()
    }
}
