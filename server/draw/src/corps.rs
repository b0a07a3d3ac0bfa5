//! `inspectors.csv` and `avoid.csv`: who can be dealt to what. SPEC.md §3.3, §3.4, §6.

use crate::fault::{Fault, What};
use crate::objects::{Kind, Objects};
use crate::parallel::{halves, map};
use crate::rules::{Deal, Rules, TEAM_MAX};
use crate::text::{fields, in_order, is_hash, is_token, number, rows, show, token_list};
use std::collections::{BTreeMap, HashMap, HashSet};

pub(crate) const FILE: &str = "inspectors.csv";
pub(crate) const HEADER: &str = "inspector,department,role,unit,group,districts,expertise,capacity";
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

/// Most groups of one department: bounds the time of dealing them.
pub const GROUPS_MAX: usize = 1000;

/// What somebody of the pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Assists, and never counts as a member of the team.
    Expert,
    /// 执法检查人员
    Inspector,
}

impl Role {
    /// As in `inspectors.csv`.
    pub fn name(self) -> &'static str {
        match self {
            Role::Expert => "expert",
            Role::Inspector => "inspector",
        }
    }
}

/// One inspector or expert of the pool.
#[derive(Debug, Clone)]
pub(crate) struct Inspector<'a> {
    /// Blinded id; while a frame is being built, the id of the register.
    pub id: &'a str,
    /// Number of the department in the rules.
    pub department: usize,
    pub role: Role,
    pub unit: &'a str,
    /// Empty: none.
    pub group: &'a str,
    pub districts: Vec<&'a str>,
    /// Needs that this inspector meets.
    pub expertise: Vec<&'a str>,
    pub capacity: u32,
}

/// Those of a pool who are dealt for the same seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Part {
    Inspectors(usize),
    Groups(usize),
    Experts(usize),
}

/// A group that is dealt as one.
pub(crate) struct Group {
    /// `DEPARTMENT/GROUP`
    pub id: String,
    /// Ascending by number.
    pub members: Vec<u32>,
    pub capacity: u32,
}

/// The whole pool, by district and by what they meet. Holders of cards are numbered: first all people, then all groups.
pub(crate) struct Corps<'a> {
    pub all: Vec<Inspector<'a>>,
    pub groups: Vec<Group>,
    by_district: HashMap<(Part, &'a str), Vec<u32>>,
    meeting: HashMap<(usize, &'a str, &'a str), u32>,
    /// Which of the rules' needs each person meets: a bit for each.
    meets: Vec<u64>,
}

/// Why no team can serve an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unservable {
    /// A department with fewer eligible inspectors than its team, or without an eligible group.
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
    pub fn new(all: Vec<Inspector<'a>>, rules: &Rules) -> Corps<'a> {
        let mut by_district: HashMap<(Part, &str), Vec<u32>> = HashMap::new();
        let mut meeting: HashMap<(usize, &str, &str), u32> = HashMap::new();
        let mut grouped: BTreeMap<(usize, &str), Vec<u32>> = BTreeMap::new();
        for (n, i) in (0u32..).zip(&all) {
            let part = match i.role {
                Role::Expert => Part::Experts(i.department),
                Role::Inspector => Part::Inspectors(i.department),
            };
            for district in &i.districts {
                by_district.entry((part, district)).or_default().push(n);
                if i.role == Role::Inspector {
                    for need in &i.expertise {
                        *meeting.entry((i.department, district, need)).or_default() += 1;
                    }
                }
            }
            if !i.group.is_empty() && rules.departments[i.department].deal == Deal::Group {
                grouped.entry((i.department, i.group)).or_default().push(n);
            }
        }
        let mut groups = Vec::new();
        for ((department, name), members) in grouped {
            let rule = &rules.departments[department];
            if !(rule.team.max(1)..=TEAM_MAX).contains(&(members.len() as u32)) {
                continue;
            }
            let of = |m: &u32| &all[*m as usize];
            let holder = (all.len() + groups.len()) as u32;
            for district in &of(&members[0]).districts {
                let acts = |m: &u32| of(m).districts.binary_search(district).is_ok();
                if members.iter().all(acts) {
                    let part = Part::Groups(department);
                    by_district
                        .entry((part, district))
                        .or_default()
                        .push(holder);
                }
            }
            groups.push(Group {
                id: format!("{}/{name}", rule.code),
                capacity: members.iter().map(|m| of(m).capacity).min().unwrap_or(0),
                members,
            });
        }
        let bit = |need: &&str| rules.need_number(need).map_or(0, |n| 1u64 << n);
        let mask = |i: &Inspector<'_>| i.expertise.iter().map(bit).fold(0, |all, bit| all | bit);
        Corps {
            meets: all.iter().map(mask).collect(),
            all,
            groups,
            by_district,
            meeting,
        }
    }

    pub fn read(bytes: &'a [u8], rules: &Rules) -> Result<Corps<'a>, Fault> {
        let mut all: Vec<Inspector<'a>> = Vec::new();
        let mut pairs = 0;
        let mut groups: HashSet<(usize, &str)> = HashSet::new();
        let mut in_groups = vec![0; rules.departments.len()];
        for (n, line) in rows(FILE, bytes, HEADER)? {
            let form = |detail: String| Fault::new(FILE, n, What::Form, detail);
            if !rules.mode.deals() {
                let detail = "where only objects are drawn there is no pool";
                return Err(Fault::new(FILE, n, What::Rule, detail));
            }
            let [
                id,
                department,
                role,
                unit,
                group,
                districts,
                expertise,
                capacity,
            ] = fields::<8>(FILE, n, line)?;
            if !is_hash(id.as_bytes()) {
                return Err(form(
                    "a blinded id is 64 lower-case hexadecimal digits".into(),
                ));
            }
            for (name, token) in [("department", department), ("unit", unit), ("group", group)] {
                let none = name == "group" && token.is_empty();
                if !none && !is_token(token.as_bytes(), 32) {
                    let shown = show(token.as_bytes());
                    return Err(form(format!(
                        "{name} {shown:?} is not 1 to 32 of A-Z a-z 0-9 -"
                    )));
                }
            }
            let role = match role {
                "expert" => Role::Expert,
                "inspector" => Role::Inspector,
                _ => return Err(form("role must be expert or inspector".into())),
            };
            if role == Role::Expert && !group.is_empty() {
                return Err(form("an expert has no group".into()));
            }
            let districts = token_list(districts, 32, DISTRICTS_MAX).map_err(form)?;
            let expertise = token_list(expertise, 32, EXPERTISE_MAX).map_err(form)?;
            let capacity =
                number(capacity.as_bytes(), u64::from(CAPACITY_MAX)).ok_or_else(|| {
                    form(format!(
                        "capacity must be a whole number up to {CAPACITY_MAX}"
                    ))
                })?;
            let Some(department) = rules.department(department) else {
                let detail = format!("the rules list no department {department:?}");
                return Err(Fault::new(FILE, n, What::Unknown, detail));
            };
            if let Some(need) = rules.unlisted_need(&expertise) {
                let detail = format!("the rules list no need {need:?}");
                return Err(Fault::new(FILE, n, What::Unknown, detail));
            }
            in_order(FILE, n, all.last().map(|i| i.id), id)?;
            if !group.is_empty() && groups.insert((department, group)) {
                in_groups[department] += 1;
                if in_groups[department] > GROUPS_MAX {
                    let detail = format!("more than {GROUPS_MAX} groups of one department");
                    return Err(Fault::new(FILE, n, What::TooLarge, detail));
                }
            }
            pairs += districts.len() * (expertise.len() + 1);
            if pairs > PAIRS_MAX {
                let detail = format!("more than {PAIRS_MAX} pairs of a district and a need");
                return Err(Fault::new(FILE, n, What::TooLarge, detail));
            }
            all.push(Inspector {
                id,
                department,
                role,
                unit,
                group,
                districts,
                expertise,
                capacity: capacity as u32,
            });
        }
        Ok(Corps::new(all, rules))
    }

    /// The inspector with this blinded id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.all
            .binary_search_by(|i| i.id.cmp(id))
            .ok()
            .map(|n| n as u32)
    }

    /// Holders of cards of one part who act in a district.
    pub fn in_district<'s>(&'s self, part: Part, district: &'s str) -> &'s [u32] {
        self.by_district
            .get(&(part, district))
            .map_or(&[], Vec::as_slice)
    }

    /// Everybody behind a card.
    pub fn behind(&self, holder: u32) -> &[u32] {
        let n = holder as usize;
        n.checked_sub(self.all.len())
            .map_or(&[], |group| &self.groups[group].members)
    }

    /// How many cards a holder is meant to take.
    pub fn capacity(&self, holder: u32) -> u32 {
        match (holder as usize).checked_sub(self.all.len()) {
            Some(group) => self.groups[group].capacity,
            None => self.all[holder as usize].capacity,
        }
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

    /// The same for the need of this number in the rules.
    pub fn meets_number(&self, inspector: u32, need: usize) -> bool {
        self.meets[inspector as usize] >> need & 1 != 0
    }

    /// Whether every department can send a team to objects of this kind when `avoided` (sorted) may not come.
    pub fn serves(
        &self,
        kind: &Kind<'_>,
        avoided: &[u32],
        rules: &Rules,
    ) -> Result<(), Unservable> {
        if !rules.mode.deals() {
            return Ok(());
        }
        for (department, rule) in rules.departments.iter().enumerate() {
            let needs = rules.needs_of(department, &kind.needs);
            match rule.deal {
                Deal::Person => {
                    self.people_serve(department, kind.district, &needs, avoided, rule.team)?
                }
                Deal::Group => self.group_serves(department, kind.district, &needs, avoided)?,
            }
        }
        Ok(())
    }

    fn people_serve(
        &self,
        department: usize,
        district: &str,
        needs: &[&str],
        avoided: &[u32],
        team: u32,
    ) -> Result<(), Unservable> {
        let its = |i: &u32| {
            let i = &self.all[*i as usize];
            i.department == department && i.role == Role::Inspector
        };
        let lost: Vec<u32> = avoided
            .iter()
            .copied()
            .filter(|i| its(i) && self.acts_in(*i, district))
            .collect();
        let there = self
            .in_district(Part::Inspectors(department), district)
            .len();
        if there < team as usize + lost.len() {
            return Err(Unservable::NoTeam);
        }
        for need in needs {
            let there = self.meeting.get(&(department, district, *need));
            let lost = lost.iter().filter(|i| self.meets(**i, need)).count();
            if there.map_or(0, |n| *n as usize) <= lost {
                return Err(Unservable::NoNeed);
            }
        }
        Ok(())
    }

    fn group_serves(
        &self,
        department: usize,
        district: &str,
        needs: &[&str],
        avoided: &[u32],
    ) -> Result<(), Unservable> {
        let free = |g: &&u32| {
            let members = self.behind(**g);
            !members.iter().any(|m| avoided.binary_search(m).is_ok())
        };
        let there = self.in_district(Part::Groups(department), district);
        let mut eligible = there.iter().filter(free).peekable();
        if eligible.peek().is_none() {
            return Err(Unservable::NoTeam);
        }
        if eligible.any(|g| needs.iter().all(|need| self.group_meets(*g, need))) {
            Ok(())
        } else {
            Err(Unservable::NoNeed)
        }
    }

    /// Whether a member of a group meets a need.
    pub fn group_meets(&self, holder: u32, need: &str) -> bool {
        self.behind(holder).iter().any(|m| self.meets(*m, need))
    }
}

/// Who may not be dealt to which object.
#[derive(Debug, Default, Clone)]
pub(crate) struct Avoid {
    by_object: HashMap<u32, Vec<u32>>,
    /// A bit for each object, set where somebody must avoid it: nearly none is, and this is small and near.
    marks: Vec<u64>,
}

impl Avoid {
    pub fn read(bytes: &[u8], corps: &Corps<'_>, objects: &Objects<'_>) -> Result<Avoid, Fault> {
        let lines = rows(AVOID, bytes, AVOID_HEADER)?;
        let parts = map(&halves(lines.len()), |range| {
            let mut pairs = Vec::with_capacity(range.len());
            // Lines ascend, so those of one inspector follow each other.
            let mut latest = None;
            for at in range.clone() {
                let before = at.checked_sub(1).map(|before| lines[before].1);
                match pair(lines[at], before, corps, objects, &mut latest) {
                    Ok(pair) => pairs.push(pair),
                    Err(fault) => return (pairs, Some(fault)),
                }
            }
            (pairs, None)
        });
        let mut avoid = Avoid::default();
        avoid.by_object.reserve(lines.len());
        for (pairs, fault) in parts {
            for (inspector, object) in pairs {
                avoid.by_object.entry(object).or_default().push(inspector);
                avoid.mark(object);
            }
            if let Some(fault) = fault {
                return Err(fault);
            }
        }
        Ok(avoid)
    }

    /// Inspectors, ascending, that may not be dealt to this object.
    pub fn of(&self, object: u32) -> &[u32] {
        let mark = self.marks.get(object as usize / 64).unwrap_or(&0);
        if mark >> (object % 64) & 1 == 0 {
            return &[];
        }
        self.by_object.get(&object).map_or(&[], Vec::as_slice)
    }

    fn mark(&mut self, object: u32) {
        let at = object as usize / 64;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, 0);
        }
        self.marks[at] |= 1 << (object % 64);
    }

    pub fn has(&self, inspector: u32, object: u32) -> bool {
        self.of(object).binary_search(&inspector).is_ok()
    }

    pub fn add(&mut self, inspector: u32, object: u32) {
        self.mark(object);
        let list = self.by_object.entry(object).or_default();
        if let Err(place) = list.binary_search(&inspector) {
            list.insert(place, inspector);
        }
    }

    pub fn objects(&self) -> impl Iterator<Item = u32> + '_ {
        self.by_object.keys().copied()
    }
}

/// Inspector and object of one line of `avoid.csv`, which follows the line `before`.
fn pair<'a>(
    (n, line): (u64, &'a str),
    before: Option<&str>,
    corps: &Corps<'_>,
    objects: &Objects<'_>,
    latest: &mut Option<(&'a str, u32)>,
) -> Result<(u32, u32), Fault> {
    let [inspector, object] = fields::<2>(AVOID, n, line)?;
    if !is_hash(inspector.as_bytes()) || !is_hash(object.as_bytes()) {
        let detail = "two blinded ids of 64 hexadecimal digits expected";
        return Err(Fault::new(AVOID, n, What::Form, detail));
    }
    let unknown = |which: &str| Fault::new(AVOID, n, What::Unknown, format!("no such {which}"));
    let i = match *latest {
        Some((id, i)) if id == inspector => i,
        _ => corps.find(inspector).ok_or_else(|| unknown("inspector"))?,
    };
    *latest = Some((inspector, i));
    let o = objects.find(object).ok_or_else(|| unknown("object"))?;
    in_order(AVOID, n, before, line)?;
    Ok((i, o))
}
