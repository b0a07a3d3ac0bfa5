//! `rules.json`: everything that is decided before the seed exists. SPEC.md §3.1.

use crate::fault::{Fault, What};
use crate::seed::dice_millibits;
use crate::text::{is_hash, is_token};
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
    /// Who draws.
    pub department: String,
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
    /// Inspectors of one team, 2 to 10; the first dealt leads.
    pub team: u32,
    /// What the draw is about.
    pub title: String,
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
    /// Name.
    pub name: String,
    /// Version, from 1.
    pub version: u32,
}

/// Something that at least one member of a team must bring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// Code, `[A-Za-z0-9-]{1,32}`.
    pub code: String,
    /// Name.
    pub name: String,
}

/// What a draw draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Objects and inspectors, both at random 双随机.
    Double,
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
    /// One absolute round of a drand chain; known to the grammar, not yet to this verifier.
    Drand {
        /// Hash of the chain, 64 hexadecimal digits.
        chain: String,
        /// The round.
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

    /// The first of these codes that is no need of these rules.
    pub(crate) fn unlisted_need<'n>(&self, codes: &[&'n str]) -> Option<&'n str> {
        let listed = |code: &str| {
            self.needs
                .binary_search_by(|n| n.code.as_str().cmp(code))
                .is_ok()
        };
        codes.iter().copied().find(|code| !listed(code))
    }

    fn check(&self) -> Result<(), Fault> {
        let bad = |detail: String| Err(Fault::new(FILE, 0, What::Rule, detail));
        if self.algorithm != ALGORITHM {
            return bad(format!("algorithm must be {ALGORITHM:?}"));
        }
        if !is_time(&self.ceremony_at) {
            return bad("ceremony_at must read YYYY-MM-DDTHH:MM:SS+08:00".into());
        }
        for (name, text) in [
            ("department", &self.department),
            ("draw", &self.draw),
            ("title", &self.title),
        ] {
            check_text(name, text, 1)?;
        }
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
        if self.items.is_empty() || self.items.len() > 1000 {
            return bad("items: 1 to 1000".into());
        }
        for item in &self.items {
            check_text("items.code", &item.code, 1)?;
            check_text("items.name", &item.name, 1)?;
        }
        if self.items.windows(2).any(|w| w[0].code >= w[1].code) {
            return bad("items must be in strict order of their codes".into());
        }
        if self.needs.len() > NEEDS_MAX {
            return bad(format!("needs: at most {NEEDS_MAX}"));
        }
        for need in &self.needs {
            check_text("needs.name", &need.name, 1)?;
            if !is_token(need.code.as_bytes(), 32) {
                return bad("needs.code must be 1 to 32 of A-Z a-z 0-9 -".into());
            }
        }
        if self.needs.windows(2).any(|w| w[0].code >= w[1].code) {
            return bad("needs must be in strict order of their codes".into());
        }
        if self.public_from != "draw" && !is_date(&self.public_from) {
            return bad("public_from must be \"draw\" or a date YYYY-MM-DD".into());
        }
        if let Some(fault) = self.seed.last.fault() {
            return Err(fault);
        }
        if !is_hash(self.seed.nonce_sha256.as_bytes()) {
            return bad("seed.nonce_sha256 must be 64 lower-case hexadecimal digits".into());
        }
        if !(2..=10).contains(&self.team) {
            return bad("team: 2 to 10".into());
        }
        Ok(())
    }
}

impl Last {
    fn fault(&self) -> Option<Fault> {
        let bad = |detail: String| Some(Fault::new(FILE, 0, What::Rule, detail));
        let Last::Dice { rolls, sides } = *self else {
            return Some(Fault::new(
                FILE,
                0,
                What::Unsupported,
                "drand as the last source",
            ));
        };
        match dice_millibits(sides) {
            None => bad("dice have 4, 6, 8, 10, 12 or 20 sides".into()),
            Some(_) if rolls > 1000 => bad("at most 1000 rolls".into()),
            Some(bits) if u64::from(rolls) * bits < 64_000 => bad(format!(
                "{rolls} rolls of {sides} sides give less than 64 bits"
            )),
            Some(_) => None,
        }
    }
}

/// Read first, so that a later algorithm is named as such and not as an unknown key.
#[derive(Deserialize)]
struct Version {
    algorithm: String,
}

fn check_text(name: &str, text: &str, min: usize) -> Result<(), Fault> {
    let length = text.chars().count();
    if length < min || length > 200 || text.chars().any(char::is_control) || text.trim() != text {
        let detail = format!(
            "{name}: {min} to 200 characters, no control characters, no space at either end"
        );
        return Err(Fault::new(FILE, 0, What::Rule, detail));
    }
    Ok(())
}

fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(t, s)| {
            if s == b'0' {
                t.is_ascii_digit()
            } else {
                t == s
            }
        })
}

fn is_date(text: &str) -> bool {
    let part = |from: usize, to: usize| {
        text.get(from..to)
            .and_then(|t| t.parse::<u32>().ok())
            .unwrap_or(0)
    };
    if !shaped(text, "0000-00-00") {
        return false;
    }
    let (year, month, day) = (part(0, 4), part(5, 7), part(8, 10));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    shaped(text, "0000-00-00T00:00:00+08:00")
        && is_date(&text[..10])
        && text[11..13] < *"24"
        && text[14..16] < *"60"
        && text[17..19] < *"60"
}
