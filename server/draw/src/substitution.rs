//! Substitution 递补 after the draw: the next in the same draw's order, never a free choice. SPEC.md §8. (D4)

use crate::corps::{Avoid, Part, Role};
use crate::fault::{Fault, What};
use crate::frame::Frame;
use crate::outcome::{Drawn, Outcome, SUBSTITUTIONS_HEADER};
use crate::parallel::{both, halves, map};
use crate::text::{fields, is_ground, rows, sha256_hex};
use crate::ticket::Tickets;
use std::collections::{HashMap, HashSet, VecDeque};

pub(crate) const FILE: &str = "substitutions.csv";
/// The ground of what follows from the row before by itself.
const FOLLOW: &str = "follow";

/// What somebody asks for, with blinded ids. The outcome is not theirs to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request<'r> {
    /// An inspector leaves the team of an object.
    Relief {
        object: &'r str,
        inspector: &'r str,
        ground: &'r str,
    },
    /// An object cannot be inspected: the next reserve of its cell takes its place, with its team; without a
    /// reserve it is dropped.
    Replace { object: &'r str, ground: &'r str },
    /// The next reserve of a cell cannot be inspected either.
    Pass { object: &'r str, ground: &'r str },
    /// An avoidance that became known after the seed.
    Avoid {
        object: &'r str,
        inspector: &'r str,
        ground: &'r str,
    },
}

/// Why a request cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The object is not, or no longer, to be inspected.
    #[error("the object is not among those to be inspected now")]
    NoSuchObject,
    /// The inspector is not in the object's team.
    #[error("the inspector is not in the team of this object now")]
    NotInTeam,
    /// The pool holds no such inspector.
    #[error("the pool holds no such inspector")]
    NoSuchInspector,
    /// Not the reserve whose turn it is.
    #[error("this is not the next reserve of its cell")]
    NotNext,
    /// Only objects were drawn.
    #[error("in this draw nobody was dealt who could be relieved")]
    NobodyDealt,
    /// Not a ground.
    #[error("a ground is 1 to 32 of a-z and -, and not \"follow\"")]
    Ground,
}

struct Team {
    members: Vec<u32>,
    experts: Vec<u32>,
    tried: HashSet<u32>,
}

impl Team {
    fn new(members: Vec<u32>, experts: Vec<u32>) -> Team {
        Team {
            tried: members.iter().chain(&experts).copied().collect(),
            members,
            experts,
        }
    }

    fn has(&self, who: u32) -> bool {
        self.members.contains(&who) || self.experts.contains(&who)
    }

    /// Gives somebody's seat to another, or to nobody.
    fn seat(&mut self, leaving: u32, relief: Option<u32>) {
        for list in [&mut self.members, &mut self.experts] {
            let Some(seat) = list.iter().position(|i| *i == leaving) else {
                continue;
            };
            match relief {
                Some(relief) => list[seat] = relief,
                None => {
                    list.remove(seat);
                }
            }
        }
        self.tried.extend(relief);
    }
}

/// A draw with what has been substituted so far.
pub struct Substitutions<'f, 'a> {
    frame: &'f Frame<'a>,
    seed: &'f str,
    avoid: Avoid,
    teams: HashMap<u32, Team>,
    reserves: Vec<VecDeque<u32>>,
    number: u64,
    chain: String,
    text: String,
}

impl<'f, 'a> Substitutions<'f, 'a> {
    /// As drawn. `result` is the text of `result.csv`, to which the first row is chained.
    pub fn new(frame: &'f Frame<'a>, seed: &'f str, outcome: &Outcome<'_>, result: &[u8]) -> Self {
        let mut reserves = vec![VecDeque::new(); frame.rules.cells.len()];
        for r in &outcome.reserves {
            reserves[usize::from(r.cell) - 1].extend(frame.objects.find(r.object));
        }
        let team = |d: &Drawn<'_>| {
            let find = |ids: &[&str]| ids.iter().filter_map(|i| frame.corps.find(i)).collect();
            let row = frame.objects.find(d.object)?;
            Some((row, Team::new(find(&d.inspectors), find(&d.experts))))
        };
        let parts = halves(outcome.drawn.len());
        let (chain, found) = both(
            || sha256_hex(result),
            || {
                map(&parts, |ranks| {
                    let drawn = outcome.drawn[ranks.clone()].iter();
                    drawn.filter_map(team).collect::<Vec<_>>()
                })
            },
        );
        let teams = found.into_iter().flatten().collect();
        Substitutions {
            frame,
            seed,
            avoid: frame.avoid.clone(),
            teams,
            reserves,
            number: 0,
            chain,
            text: format!("{SUBSTITUTIONS_HEADER}\n"),
        }
    }

    /// The text of `substitutions.csv`.
    pub fn to_text(&self) -> &str {
        &self.text
    }

    /// How many rows it has.
    pub fn len(&self) -> u64 {
        self.number
    }

    /// Whether nothing was substituted.
    pub fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// The team of an object now, leader first, blinded; `None` where it is not to be inspected.
    pub fn team(&self, object: &str) -> Option<Vec<&'a str>> {
        Some(self.ids(&self.teams.get(&self.frame.objects.find(object)?)?.members))
    }

    /// The experts of an object now, likewise.
    pub fn experts(&self, object: &str) -> Option<Vec<&'a str>> {
        Some(self.ids(&self.teams.get(&self.frame.objects.find(object)?)?.experts))
    }

    fn ids(&self, people: &[u32]) -> Vec<&'a str> {
        let id = |i: &u32| self.frame.corps.all[*i as usize].id;
        people.iter().map(id).collect()
    }

    /// Follows one request; returns the new rows, without LF.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub fn apply(&mut self, request: Request<'_>) -> Result<Vec<String>, Refusal> {
        let from = self.text.len();
        match request {
            Request::Relief {
                object,
                inspector,
                ground,
            } => {
                self.dealt()?;
                let row = self.open_object(object, ground)?;
                let leaving = self
                    .frame
                    .corps
                    .find(inspector)
                    .ok_or(Refusal::NoSuchInspector)?;
                if !self.teams[&row].has(leaving) {
                    return Err(Refusal::NotInTeam);
                }
                self.relieve(row, leaving, ground);
            }
            Request::Replace { object, ground } => {
                let row = self.open_object(object, ground)?;
                self.replace(row, ground);
            }
            Request::Pass { object, ground } => {
                ground_is_free(ground)?;
                let row = self.frame.objects.find(object).ok_or(Refusal::NotNext)?;
                let cell = usize::from(self.frame.objects.cell(row));
                if self.reserves[cell].front() != Some(&row) {
                    return Err(Refusal::NotNext);
                }
                self.reserves[cell].pop_front();
                self.push("pass", row, "", "", ground);
            }
            Request::Avoid {
                object,
                inspector,
                ground,
            } => {
                self.dealt()?;
                let row = self.open_object(object, ground)?;
                let whom = self
                    .frame
                    .corps
                    .find(inspector)
                    .ok_or(Refusal::NoSuchInspector)?;
                self.avoid.add(whom, row);
                self.push("avoid", row, inspector, "", ground);
                if self.teams[&row].has(whom) {
                    self.relieve(row, whom, FOLLOW);
                }
            }
        }
        Ok(self.text[from..].lines().map(str::to_owned).collect())
    }

    fn dealt(&self) -> Result<(), Refusal> {
        if self.frame.rules.mode.deals() {
            Ok(())
        } else {
            Err(Refusal::NobodyDealt)
        }
    }

    fn open_object(&self, object: &str, ground: &str) -> Result<u32, Refusal> {
        ground_is_free(ground)?;
        let row = self
            .frame
            .objects
            .find(object)
            .ok_or(Refusal::NoSuchObject)?;
        if self.teams.contains_key(&row) {
            Ok(row)
        } else {
            Err(Refusal::NoSuchObject)
        }
    }

    fn replace(&mut self, row: u32, ground: &str) {
        let cell = usize::from(self.frame.objects.cell(row));
        let before = self.teams.remove(&row);
        let Some(next) = self.reserves[cell].pop_front() else {
            self.push("drop", row, "", "", ground);
            return;
        };
        self.push("replace", row, "", self.frame.objects.id_text(next), ground);
        let Some(Team {
            members, experts, ..
        }) = before
        else {
            return;
        };
        let everybody: Vec<u32> = members.iter().chain(&experts).copied().collect();
        self.teams.insert(next, Team::new(members, experts));
        for who in everybody {
            if !self.eligible(who, next) {
                self.seat(next, who, FOLLOW);
            }
        }
        self.complete(next);
    }

    /// Gives a seat to the next in order, then adds who is missing.
    fn relieve(&mut self, row: u32, leaving: u32, ground: &str) {
        let member = self.teams[&row].members.contains(&leaving);
        self.seat(row, leaving, ground);
        if member {
            self.complete(row);
        }
    }

    /// Gives a seat to the next in order; without one the seat is gone.
    fn seat(&mut self, row: u32, leaving: u32, ground: &str) {
        let all = &self.frame.corps.all;
        let (department, role) = (all[leaving as usize].department, all[leaving as usize].role);
        let relief = if role == Role::Inspector {
            let unmet = self.unmet(row, department, Some(leaving));
            let meets = |i: u32| unmet.iter().all(|need| self.frame.corps.meets(i, need));
            let first = self.first(row, Part::Inspectors(department), meets);
            first.or_else(|| self.first(row, Part::Inspectors(department), |_| true))
        } else {
            self.first(row, Part::Experts(department), |_| true)
        };
        if let Some(team) = self.teams.get_mut(&row) {
            team.seat(leaving, relief);
        }
        let id = |i: u32| all[i as usize].id;
        self.push("relief", row, id(leaving), relief.map_or("", id), ground);
    }

    /// The needs of a department for an object that no member of it meets, `but` not counted.
    fn unmet(&self, row: u32, department: usize, but: Option<u32>) -> Vec<&'a str> {
        let corps = &self.frame.corps;
        let its = |i: &&u32| Some(**i) != but && corps.all[**i as usize].department == department;
        let members = &self.teams[&row].members;
        let met = |need: &str| members.iter().filter(its).any(|i| corps.meets(*i, need));
        let mut needs = self
            .frame
            .rules
            .needs_of(department, &self.frame.objects.kind(row).needs);
        needs.retain(|need| !met(need));
        needs
    }

    /// Adds a member for each need that the team does not meet and somebody can.
    fn complete(&mut self, row: u32) {
        for need in &self.frame.objects.kind(row).needs {
            for department in 0..self.frame.rules.departments.len() {
                if !self.unmet(row, department, None).contains(need) {
                    continue;
                }
                let meets = |i: u32| self.frame.corps.meets(i, need);
                if let Some(more) = self.first(row, Part::Inspectors(department), meets) {
                    if let Some(team) = self.teams.get_mut(&row) {
                        team.members.push(more);
                        team.tried.insert(more);
                    }
                    let id = self.frame.corps.all[more as usize].id;
                    self.push("add", row, "", id, FOLLOW);
                }
            }
        }
    }

    /// Whether somebody may be dealt to an object, late avoidances included.
    fn eligible(&self, who: u32, row: u32) -> bool {
        let kind = self.frame.objects.kind(row);
        let corps = &self.frame.corps;
        let fits = corps.all[who as usize].role == Role::Inspector
            || kind.needs.is_empty()
            || kind.needs.iter().any(|need| corps.meets(who, need));
        fits && corps.acts_in(who, kind.district) && !self.avoid.has(who, row)
    }

    /// The smallest ticket of purpose `relief/OBJECT` among the eligible who have not been tried for it.
    fn first(&self, row: u32, part: Part, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let tickets = Tickets::new(
            self.seed,
            &format!("relief/{}", self.frame.objects.id_text(row)),
        );
        let tried = &self.teams[&row].tried;
        let free = |i: &u32| !tried.contains(i) && self.eligible(*i, row) && fits(*i);
        let district = self.frame.objects.kind(row).district;
        let candidates = self.frame.corps.in_district(part, district).iter().copied();
        candidates
            .filter(free)
            .min_by_key(|i| tickets.of(self.frame.corps.all[*i as usize].id.as_bytes()))
    }

    fn push(&mut self, kind: &str, row: u32, out: &str, into: &str, ground: &str) {
        self.number += 1;
        let fields = format!(
            "{},{kind},{},{out},{into},{ground}",
            self.number,
            self.frame.objects.id_text(row)
        );
        self.chain = sha256_hex(format!("{}\n{fields}", self.chain).as_bytes());
        self.text += &format!("{fields},{}\n", self.chain);
    }

    /// Follows `substitutions.csv` again from its first row.
    pub(crate) fn replay(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let rows = rows(FILE, bytes, SUBSTITUTIONS_HEADER)?;
        let mut rest = rows.iter().peekable();
        while let Some((n, line)) = rest.peek().copied().copied() {
            let [_, kind, object, inspector, _, ground, _] = fields::<7>(FILE, n, line)?;
            let request = match kind {
                "relief" => Request::Relief {
                    object,
                    inspector,
                    ground,
                },
                "replace" | "drop" => Request::Replace { object, ground },
                "pass" => Request::Pass { object, ground },
                "avoid" => Request::Avoid {
                    object,
                    inspector,
                    ground,
                },
                _ => {
                    return Err(Fault::new(
                        FILE,
                        n,
                        What::Form,
                        "relief, replace, drop, pass or avoid expected here",
                    ));
                }
            };
            let right = self
                .apply(request)
                .map_err(|e| Fault::new(FILE, n, What::Differs, e.to_string()))?;
            for right in right {
                match rest.next() {
                    Some((_, line)) if *line == right => {}
                    Some((n, _)) => {
                        return Err(Fault::new(
                            FILE,
                            *n,
                            What::Differs,
                            format!("computed: {right}"),
                        ));
                    }
                    None => {
                        let n = rows.len() as u64 + 2;
                        return Err(Fault::new(
                            FILE,
                            n,
                            What::Differs,
                            format!("missing: {right}"),
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

fn ground_is_free(ground: &str) -> Result<(), Refusal> {
    if is_ground(ground.as_bytes()) && ground != FOLLOW {
        Ok(())
    } else {
        Err(Refusal::Ground)
    }
}
