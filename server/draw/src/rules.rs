//! `rules.json`: everything that is decided before the seed exists. SPEC.md §3.1.

use crate::drand::{QUICKNET, round_at};
use crate::fault::{Fault, What};
use crate::seed::dice_millibits;
use crate::text::{is_date, is_hash, is_plain, is_time, is_token, seconds_of};
use serde::{Deserialize, Serialize};

/// The one algorithm of this crate. Whatever changes a result gets another name.
pub const ALGORITHM: &str = "double-random/1";
pub(crate) const FILE: &str = "rules.json";

/// Most cells of one draw.
pub const CELLS_MAX: usize = 9999;
/// Most needs of one draw.
pub const NEEDS_MAX: usize = 64;
/// Most needs of one object.
pub const OBJECT_NEEDS_MAX: usize = 16;
/// Most departments of one draw.
pub const DEPARTMENTS_MAX: usize = 10;
/// Most inspectors of one department in a team, and most members of a group.
pub const TEAM_MAX: u32 = 10;
/// Most experts of one department.
pub const EXPERTS_MAX: u32 = 5;
/// Most people of all departments for one object.
const SEATS_MAX: u32 = 50;
/// Most seconds from the ceremony to the drand round.
const DRAND_LATEST: i64 = 31 * 86_400;

/// The rules of one draw, in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// When the ceremony is held: `YYYY-MM-DDTHH:MM:SS+08:00`.
    pub ceremony_at: String,
    /// The strata, numbered `0001`, `0002`, … without gaps.
    pub cells: Vec<Cell>,
    /// Who inspects, each with inspectors of its own; the first leads.
    pub departments: Vec<Department>,
    /// At least so many objects of each district are drawn; 0: no such rule.
    pub district_minimum: u32,
    /// The draw's number, e.g. `市监抽查〔2026〕1号`.
    pub draw: String,
    /// Items 抽查事项, sorted by code.
    pub items: Vec<Item>,
    /// What is drawn.
    pub mode: Mode,
    /// What members of a team must bring, sorted by code; objects and inspectors name the codes.
    pub needs: Vec<Need>,
    /// Whether everybody may see who is behind the blinded ids.
    pub openings: Openings,
    /// When the transcript becomes public: `draw` (at once) or a date `YYYY-MM-DD` in China.
    pub public_from: String,
    /// Where the seed comes from.
    pub seed: SeedRules,
    /// What the draw is about.
    pub title: String,
}

/// A department that takes part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Department {
    /// Code, `[A-Za-z0-9-]{1,32}`.
    pub code: String,
    /// What is dealt to an object.
    pub deal: Deal,
    /// Experts on top, 0 to 5.
    pub experts: u32,
    /// Name.
    pub name: String,
    /// Its inspectors in one team, 2 to 10; of a group at least; 0 where nobody is dealt.
    pub team: u32,
}

/// How a department's inspectors are dealt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deal {
    /// A fixed group as one.
    Group,
    /// One by one.
    Person,
}

/// One stratum. It has no name where it rests on an internal class, which may not be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Four digits.
    pub cell: String,
    /// Public name, or empty.
    pub label: String,
    /// How many objects are drawn.
    pub pick: Pick,
    /// How many more stand ready as reserves.
    pub reserves: u32,
}

/// How many of a cell of `N` objects are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// `n`, or all where there are fewer.
    Number(u32),
    /// ⌈N·ppm / 10⁶⌉, 0 to 1,000,000.
    Ppm(u32),
}

impl Pick {
    /// How many of `n` objects.
    pub fn of(self, n: u64) -> u64 {
        match self {
            Pick::Number(k) => n.min(u64::from(k)),
            Pick::Ppm(ppm) => (n * u64::from(ppm)).div_ceil(1_000_000),
        }
    }
}

/// An item with the version of the list that applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Code in the item list.
    pub code: String,
    /// Code of the department whose item it is.
    pub department: String,
    /// Name.
    pub name: String,
    /// 重点检查事项: its ratio has no ceiling.
    pub priority: bool,
    /// Version, from 1.
    pub version: u32,
}

/// Something that at least one member of a team must bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Code, `[A-Za-z0-9-]{1,32}`.
    pub code: String,
    /// Code of the department whose inspectors must meet it.
    pub department: String,
    /// Name.
    pub name: String,
}

/// What a draw draws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// All objects, where a law prescribes it 普查: inspectors, order and week are drawn.
    Census {
        /// The law.
        basis: String,
        /// First day of the first week, `YYYY-MM-DD`.
        from: String,
        /// Over how many weeks, 1 to 53.
        weeks: u32,
    },
    /// Objects and inspectors, both at random 双随机.
    Double,
    /// Inspectors alone 单随机, for all of the objects that were named otherwise.
    Inspectors {
        /// Why not both.
        reason: String,
        /// When that is looked at again, `YYYY-MM-DD`.
        review_by: String,
    },
    /// Objects alone 单随机: who inspects is decided otherwise.
    Objects {
        /// Why not both.
        reason: String,
        /// When that is looked at again, `YYYY-MM-DD`.
        review_by: String,
    },
}

impl Mode {
    /// Whether inspectors are dealt.
    pub fn deals(&self) -> bool {
        !matches!(self, Mode::Objects { .. })
    }

    /// Whether every object of the frame is drawn.
    pub fn takes_all(&self) -> bool {
        matches!(self, Mode::Census { .. } | Mode::Inspectors { .. })
    }
}

/// Who may see the openings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Openings {
    /// Everybody, with the transcript.
    Published,
    /// Auditors all, every object its own row.
    Sealed,
}

/// The sources of the seed in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedRules {
    /// What comes into being last.
    pub last: Last,
    /// SHA-256 of the server's nonce (64 hexadecimal digits, as text).
    pub nonce_sha256: String,
}

/// The last source, which nobody knows when all others are fixed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Last {
    /// Dice rolled in public: how many rolls, of how many sides.
    Dice {
        /// Number of rolls, fixed before, so that nobody decides when to stop.
        rolls: u32,
        /// 4, 6, 8, 10, 12 or 20.
        sides: u32,
    },
    /// One absolute round of drand quicknet.
    Drand {
        /// [`crate::QUICKNET`].
        chain: String,
        /// The round; see [`crate::round_at`].
        round: u64,
    },
}

impl Rules {
    /// The canonical text (RFC 8785), without LF at its end.
    ///
    /// # Errors
    /// The first rule whose value is not allowed.
    pub fn to_text(&self) -> Result<Vec<u8>, Fault> {
        self.check()?;
        serde_json_canonicalizer::to_vec(self)
            .map_err(|e| Fault::new(FILE, 0, What::Form, e.to_string()))
    }

    /// Reads `rules.json`.
    ///
    /// # Errors
    /// Text that is no such object, is not canonical, or holds a value that is not allowed.
    pub fn parse(bytes: &[u8]) -> Result<Rules, Fault> {
        let form =
            |e: serde_json::Error| Fault::new(FILE, e.line() as u64, What::Form, e.to_string());
        std::str::from_utf8(bytes).map_err(|_| Fault::new(FILE, 0, What::NotText, "not UTF-8"))?;
        let algorithm: Version = serde_json::from_slice(bytes).map_err(form)?;
        if algorithm.algorithm != ALGORITHM {
            let detail = format!(
                "algorithm {:?}; this verifier knows {ALGORITHM:?}",
                algorithm.algorithm
            );
            return Err(Fault::new(FILE, 0, What::Unsupported, detail));
        }
        let rules: Rules = serde_json::from_slice(bytes).map_err(form)?;
        if rules.to_text()? != bytes {
            return Err(Fault::new(
                FILE,
                0,
                What::NotCanonical,
                "not in the canonical form of RFC 8785",
            ));
        }
        Ok(rules)
    }

    /// The number of a need, below [`NEEDS_MAX`].
    pub(crate) fn need_number(&self, code: &str) -> Option<usize> {
        let at = self.needs.binary_search_by(|n| n.code.as_str().cmp(code));
        at.ok().filter(|at| *at < NEEDS_MAX)
    }

    /// The first of these codes that is no need of these rules.
    pub(crate) fn unlisted_need<'n>(&self, codes: &[&'n str]) -> Option<&'n str> {
        let listed = |code: &str| {
            self.needs
                .binary_search_by(|n| n.code.as_str().cmp(code))
                .is_ok()
        };
        codes.iter().copied().find(|code| !listed(code))
    }

    /// The department with this code, by number.
    pub(crate) fn department(&self, code: &str) -> Option<usize> {
        self.departments.iter().position(|d| d.code == code)
    }

    /// Those of these needs (codes of the rules) that a department, by number, must meet.
    pub(crate) fn needs_of<'n>(&self, department: usize, codes: &[&'n str]) -> Vec<&'n str> {
        let whose = |code: &str| {
            let at = self.needs.binary_search_by(|n| n.code.as_str().cmp(code));
            at.ok().map(|at| self.needs[at].department.as_str())
        };
        let code = self.departments[department].code.as_str();
        let its = |need: &&&str| whose(need) == Some(code);
        codes.iter().filter(its).copied().collect()
    }

    /// Every value, in the alphabetical order of the keys; then what the mode demands.
    fn check(&self) -> Result<(), Fault> {
        if self.algorithm != ALGORITHM {
            return bad(format!("algorithm must be {ALGORITHM:?}"));
        }
        if !is_time(&self.ceremony_at) {
            return bad("ceremony_at must read YYYY-MM-DDTHH:MM:SS+08:00");
        }
        self.check_cells()?;
        self.check_departments()?;
        if self.district_minimum > 1_000_000 {
            return bad("district_minimum: at most 1000000");
        }
        check_text("draw", &self.draw, 1)?;
        self.check_items()?;
        self.mode.check()?;
        self.check_needs()?;
        if self.public_from != "draw" && !is_date(&self.public_from) {
            return bad("public_from must be \"draw\" or a date YYYY-MM-DD");
        }
        self.seed.last.check(&self.ceremony_at)?;
        if !is_hash(self.seed.nonce_sha256.as_bytes()) {
            return bad("seed.nonce_sha256 must be 64 lower-case hexadecimal digits");
        }
        check_text("title", &self.title, 1)?;
        self.check_mode()
    }

    fn check_cells(&self) -> Result<(), Fault> {
        if self.cells.is_empty() || self.cells.len() > CELLS_MAX {
            return bad(format!("cells: 1 to {CELLS_MAX}"));
        }
        for (n, cell) in (1..).zip(&self.cells) {
            if cell.cell != format!("{n:04}") {
                return bad(format!("cell number {n} must be named {n:04}"));
            }
            check_text("label", &cell.label, 0)?;
            if matches!(cell.pick, Pick::Ppm(ppm) if ppm > 1_000_000) {
                return bad(format!("cell {}: ppm is at most 1000000", cell.cell));
            }
        }
        Ok(())
    }

    fn check_departments(&self) -> Result<(), Fault> {
        if self.departments.is_empty() || self.departments.len() > DEPARTMENTS_MAX {
            return bad(format!("departments: 1 to {DEPARTMENTS_MAX}"));
        }
        for (n, department) in self.departments.iter().enumerate() {
            if !is_token(department.code.as_bytes(), 32) {
                return bad("departments.code must be 1 to 32 of A-Z a-z 0-9 -");
            }
            if self.department(&department.code) != Some(n) {
                return bad(format!("department {} stands twice", department.code));
            }
            if department.experts > EXPERTS_MAX {
                return bad(format!("experts: at most {EXPERTS_MAX}"));
            }
            check_text("departments.name", &department.name, 1)?;
            if department.team == 1 || department.team > TEAM_MAX {
                return bad(format!("team: 2 to {TEAM_MAX}"));
            }
        }
        let all: u32 = self.departments.iter().map(|d| d.team + d.experts).sum();
        if all > SEATS_MAX {
            return bad(format!("at most {SEATS_MAX} people for one object"));
        }
        Ok(())
    }

    fn check_items(&self) -> Result<(), Fault> {
        if self.items.is_empty() || self.items.len() > 1000 {
            return bad("items: 1 to 1000");
        }
        for item in &self.items {
            check_text("items.code", &item.code, 1)?;
            if self.department(&item.department).is_none() {
                return bad(format!("item {}: no such department", item.code));
            }
            check_text("items.name", &item.name, 1)?;
        }
        if self.items.windows(2).any(|w| w[0].code >= w[1].code) {
            return bad("items must be in strict order of their codes");
        }
        Ok(())
    }

    fn check_needs(&self) -> Result<(), Fault> {
        if self.needs.len() > NEEDS_MAX {
            return bad(format!("needs: at most {NEEDS_MAX}"));
        }
        for need in &self.needs {
            if !is_token(need.code.as_bytes(), 32) {
                return bad("needs.code must be 1 to 32 of A-Z a-z 0-9 -");
            }
            if self.department(&need.department).is_none() {
                return bad(format!("need {}: no such department", need.code));
            }
            check_text("needs.name", &need.name, 1)?;
        }
        if self.needs.windows(2).any(|w| w[0].code >= w[1].code) {
            return bad("needs must be in strict order of their codes");
        }
        Ok(())
    }

    fn check_mode(&self) -> Result<(), Fault> {
        let whole = |cell: &Cell| cell.pick == Pick::Ppm(1_000_000) && cell.reserves == 0;
        if self.mode.takes_all() {
            if !self.cells.iter().all(whole) {
                return bad("in this mode all objects of every cell are drawn, without reserves");
            }
            if self.district_minimum > 0 {
                return bad("in this mode there is no district_minimum");
            }
        }
        let mut teams = self.departments.iter();
        if self.mode.deals() {
            if teams.any(|d| d.team == 0) {
                return bad(format!("team: 2 to {TEAM_MAX}"));
            }
        } else if teams.any(|d| d.team + d.experts > 0) {
            return bad("where only objects are drawn, team and experts are 0");
        }
        Ok(())
    }
}

impl Mode {
    fn check(&self) -> Result<(), Fault> {
        match self {
            Mode::Double => Ok(()),
            Mode::Census { basis, from, weeks } => {
                check_text("basis", basis, 1)?;
                if !is_date(from) {
                    return bad("from must be a date YYYY-MM-DD");
                }
                if !(1..=53).contains(weeks) {
                    return bad("weeks: 1 to 53");
                }
                Ok(())
            }
            Mode::Inspectors { reason, review_by } | Mode::Objects { reason, review_by } => {
                check_text("reason", reason, 1)?;
                if !is_date(review_by) {
                    return bad("review_by must be a date YYYY-MM-DD");
                }
                Ok(())
            }
        }
    }
}

impl Last {
    fn check(&self, ceremony_at: &str) -> Result<(), Fault> {
        match self {
            Last::Dice { rolls, sides } => match dice_millibits(*sides) {
                None => bad("dice have 4, 6, 8, 10, 12 or 20 sides"),
                Some(_) if *rolls > 1000 => bad("at most 1000 rolls"),
                Some(bits) if u64::from(*rolls) * bits < 64_000 => bad(format!(
                    "{rolls} rolls of {sides} sides give less than 64 bits"
                )),
                Some(_) => Ok(()),
            },
            Last::Drand { chain, .. } if chain != QUICKNET => Err(Fault::new(
                FILE,
                0,
                What::Unsupported,
                format!("the drand chain must be quicknet, {QUICKNET}"),
            )),
            Last::Drand { round, .. } => {
                let after = round_at(*round)
                    .zip(seconds_of(ceremony_at))
                    .map(|(round, ceremony)| round - ceremony);
                match after {
                    Some(60..=DRAND_LATEST) => Ok(()),
                    _ => bad("the drand round must come 60 seconds to 31 days after ceremony_at"),
                }
            }
        }
    }
}

fn bad<T>(detail: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(FILE, 0, What::Rule, detail))
}

/// Read first, so that a later algorithm is named as such and not as an unknown key.
#[derive(Deserialize)]
struct Version {
    algorithm: String,
}

fn check_text(name: &str, text: &str, min: usize) -> Result<(), Fault> {
    if is_plain(text, min) {
        return Ok(());
    }
    bad(format!(
        "{name}: {min} to 200 characters, no control characters, no space at either end"
    ))
}
