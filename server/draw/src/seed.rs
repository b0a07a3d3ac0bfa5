//! `seed.txt`: the chance of the draw and who gave it. SPEC.md §4.

use crate::drand::is_round_signature;
use crate::fault::{Fault, What};
use crate::rules::{Last, Rules};
use crate::text::{is_hash, is_name, is_token, lines, number, sha256_hex, show};

pub(crate) const FILE: &str = "seed.txt";

/// Most witnesses of one draw.
pub const WITNESSES_MAX: usize = 200;

/// A witness who committed to a value before anybody revealed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Name, see [`crate::is_name`].
    pub name: String,
    /// [`witness_commitment`] of the value.
    pub committed: String,
    /// The value, `[A-Za-z0-9-]{8,64}`; `None` where it was withheld.
    pub value: Option<String>,
}

/// The contributions to a seed, in the announced order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contributions {
    /// The commitment: SHA-256 of `manifest.txt`.
    pub commitment: String,
    /// In the order of the closed list.
    pub witnesses: Vec<Witness>,
    /// SHA-256 of the server's nonce, as in the rules.
    pub nonce_sha256: String,
    /// The nonce, 64 hexadecimal digits; `None` where it was withheld.
    pub nonce: Option<String>,
    /// What came into being last.
    pub last: LastValue,
}

/// The last source as it came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LastValue {
    /// The dice as they fell.
    Dice {
        /// Sides of each die.
        sides: u32,
        /// Each roll, from 1.
        rolls: Vec<u32>,
    },
    /// A round of drand quicknet.
    Drand {
        /// Its number.
        round: u64,
        /// 96 hexadecimal digits.
        signature: String,
    },
}

/// What a witness hands in before the list is closed:
/// `SHA-256(commitment ‖ LF ‖ name ‖ LF ‖ value)`, no LF at the end.
pub fn witness_commitment(commitment: &str, name: &str, value: &str) -> String {
    sha256_hex(format!("{commitment}\n{name}\n{value}").as_bytes())
}

/// Whether `value` can be a witness's value: `[A-Za-z0-9-]{8,64}`.
pub fn is_witness_value(value: &str) -> bool {
    value.len() >= 8 && is_token(value.as_bytes(), 64)
}

/// What is shown when the list of witnesses is closed: SHA-256 over the line of the commitment and a line
/// `NAME SHA256` for each, in order.
pub fn list_hash(commitment: &str, committed: &[(&str, &str)]) -> String {
    let mut text = format!("{commitment}\n");
    for (name, hash) in committed {
        text += &format!("{name} {hash}\n");
    }
    sha256_hex(text.as_bytes())
}

/// Chance in one roll of a fair die, in thousandths of a bit, rounded down.
pub fn dice_millibits(sides: u32) -> Option<u64> {
    match sides {
        4 => Some(2000),
        6 => Some(2584),
        8 => Some(3000),
        10 => Some(3321),
        12 => Some(3584),
        20 => Some(4321),
        _ => None,
    }
}

impl Contributions {
    /// The text of `seed.txt`; its SHA-256 is the seed.
    pub fn to_text(&self) -> String {
        let mut text = format!("commitment {}\n", self.commitment);
        for w in &self.witnesses {
            text += &match &w.value {
                Some(value) => format!("witness {} {} {value}\n", w.name, w.committed),
                None => format!("withheld {} {}\n", w.name, w.committed),
            };
        }
        text += &match &self.nonce {
            Some(nonce) => format!("server {} {nonce}\n", self.nonce_sha256),
            None => format!("withheld server {}\n", self.nonce_sha256),
        };
        text += &match &self.last {
            LastValue::Dice { sides, rolls } => {
                let rolls: String = rolls.iter().map(|roll| format!(" {roll}")).collect();
                format!("dice {sides}{rolls}\n")
            }
            LastValue::Drand { round, signature } => format!("drand {round} {signature}\n"),
        };
        text
    }

    /// Chance in thousandths of a bit: the last source, and 256 bits where the server's nonce was revealed.
    /// Witnesses' values protect their givers and are not counted, as nobody can measure them.
    pub fn millibits(&self) -> u64 {
        let last = match &self.last {
            LastValue::Dice { sides, rolls } => {
                dice_millibits(*sides).unwrap_or(0) * rolls.len() as u64
            }
            LastValue::Drand { .. } => 256_000,
        };
        last + if self.nonce.is_some() { 256_000 } else { 0 }
    }

    /// [`list_hash`] of these witnesses.
    pub fn list_hash(&self) -> String {
        let list: Vec<_> = self
            .witnesses
            .iter()
            .map(|w| (w.name.as_str(), w.committed.as_str()))
            .collect();
        list_hash(&self.commitment, &list)
    }

    /// Reads `seed.txt` and holds it against the rules and the commitment, line by line.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(bytes: &[u8], rules: &Rules, commitment: &str) -> Result<Contributions, Fault> {
        let lines = lines(FILE, bytes)?;
        let mut rest = lines.iter();
        let end = || {
            Fault::new(
                FILE,
                lines.len() as u64,
                What::Form,
                "ends before the last source",
            )
        };

        let (n, first) = rest.next().ok_or_else(end)?;
        let named = words::<2>(*n, first, "commitment")?[1];
        hash_at(*n, named)?;
        if named != commitment {
            return Err(Fault::new(
                FILE,
                *n,
                What::Commitment,
                format!("SHA-256 of manifest.txt is {commitment}"),
            ));
        }
        let mut witnesses: Vec<Witness> = Vec::new();
        let nonce = loop {
            let (n, line) = rest.next().ok_or_else(end)?;
            if line.starts_with("server ") || line.starts_with("withheld server ") {
                break server_line(*n, line, rules)?;
            }
            if witnesses.len() == WITNESSES_MAX {
                return Err(Fault::new(
                    FILE,
                    *n,
                    What::TooLarge,
                    format!("more than {WITNESSES_MAX} witnesses"),
                ));
            }
            let witness = witness_line(*n, line, commitment)?;
            if witnesses.iter().any(|w| w.name == witness.name) {
                return Err(Fault::new(
                    FILE,
                    *n,
                    What::Duplicate,
                    format!("{} stands twice", witness.name),
                ));
            }
            witnesses.push(witness);
        };
        let (n, line) = rest.next().ok_or_else(end)?;
        let last = match &rules.seed.last {
            Last::Dice { rolls, sides } => dice_line(*n, line, *sides, *rolls)?,
            Last::Drand { round, .. } => drand_line(*n, line, *round)?,
        };
        if let Some((n, _)) = rest.next() {
            return Err(Fault::new(
                FILE,
                *n,
                What::Form,
                "nothing may follow the last source",
            ));
        }
        let seed = Contributions {
            commitment: commitment.to_owned(),
            witnesses,
            nonce_sha256: rules.seed.nonce_sha256.clone(),
            nonce,
            last,
        };
        if seed.millibits() < 128_000 {
            let detail = format!("{} bits of chance, 128 are needed", seed.millibits() / 1000);
            return Err(Fault::new(FILE, 0, What::Entropy, detail));
        }
        Ok(seed)
    }
}

fn words<'a, const N: usize>(
    line: u64,
    text: &'a str,
    keyword: &str,
) -> Result<[&'a str; N], Fault> {
    let parts: Vec<&str> = text.split(' ').take(N + 1).collect();
    match <[&str; N]>::try_from(parts) {
        Ok(parts) if parts[0] == keyword => Ok(parts),
        _ => Err(Fault::new(
            FILE,
            line,
            What::Form,
            format!("{:?} is not a line {keyword:?} here", show(text.as_bytes())),
        )),
    }
}

/// A word that must be a HASH.
fn hash_at(line: u64, word: &str) -> Result<(), Fault> {
    if is_hash(word.as_bytes()) {
        return Ok(());
    }
    let detail = format!(
        "{:?} is not 64 lower-case hexadecimal digits",
        show(word.as_bytes())
    );
    Err(Fault::new(FILE, line, What::Form, detail))
}

fn witness_line(n: u64, line: &str, commitment: &str) -> Result<Witness, Fault> {
    let (name, committed, value) = if line.starts_with("withheld ") {
        let [_, name, committed] = words::<3>(n, line, "withheld")?;
        (name, committed, None)
    } else {
        let [_, name, committed, value] = words::<4>(n, line, "witness")?;
        (name, committed, Some(value))
    };
    if !is_name(name) {
        return Err(Fault::new(
            FILE,
            n,
            What::Form,
            format!("{:?} cannot be a name here", show(name.as_bytes())),
        ));
    }
    hash_at(n, committed)?;
    if let Some(value) = value {
        if !is_witness_value(value) {
            return Err(Fault::new(
                FILE,
                n,
                What::Form,
                "a value is 8 to 64 of A-Z a-z 0-9 -",
            ));
        }
        if witness_commitment(commitment, name, value) != committed {
            return Err(Fault::new(
                FILE,
                n,
                What::Reveal,
                format!("the value of {name} is not what was committed"),
            ));
        }
    }
    Ok(Witness {
        name: name.to_owned(),
        committed: committed.to_owned(),
        value: value.map(str::to_owned),
    })
}

fn server_line(n: u64, line: &str, rules: &Rules) -> Result<Option<String>, Fault> {
    let (committed, nonce) = if line.starts_with("withheld ") {
        (words::<3>(n, line, "withheld")?[2], None)
    } else {
        let [_, committed, nonce] = words::<3>(n, line, "server")?;
        (committed, Some(nonce))
    };
    // The form of the whole line comes before what it says.
    hash_at(n, committed)?;
    nonce.map_or(Ok(()), |nonce| hash_at(n, nonce))?;
    if committed != rules.seed.nonce_sha256 {
        return Err(Fault::new(
            FILE,
            n,
            What::Reveal,
            "the rules name another hash of the server's nonce",
        ));
    }
    match nonce {
        Some(nonce) if sha256_hex(nonce.as_bytes()) != committed => Err(Fault::new(
            FILE,
            n,
            What::Reveal,
            "the server's nonce is not what was committed",
        )),
        nonce => Ok(nonce.map(str::to_owned)),
    }
}

fn dice_line(n: u64, line: &str, sides: u32, wanted: u32) -> Result<LastValue, Fault> {
    let form = |detail: String| Err(Fault::new(FILE, n, What::Form, detail));
    let mut parts = line.split(' ');
    if parts.next() != Some("dice") {
        return form("a line of dice is expected here".into());
    }
    if parts.next().and_then(|s| number(s.as_bytes(), 20)) != Some(u64::from(sides)) {
        return form(format!("the rules say dice of {sides} sides"));
    }
    let mut rolls = Vec::new();
    for part in parts {
        match number(part.as_bytes(), u64::from(sides)) {
            Some(roll) if roll > 0 => rolls.push(roll as u32),
            _ => {
                return form(format!(
                    "{:?} is no roll of {sides} sides",
                    show(part.as_bytes())
                ));
            }
        }
    }
    if rolls.len() != wanted as usize {
        return form(format!(
            "the rules say {wanted} rolls, {} are here",
            rolls.len()
        ));
    }
    Ok(LastValue::Dice { sides, rolls })
}

fn drand_line(n: u64, line: &str, wanted: u64) -> Result<LastValue, Fault> {
    let [_, round, signature] = words::<3>(n, line, "drand")?;
    if number(round.as_bytes(), u64::MAX) != Some(wanted) {
        let detail = format!("the rules say round {wanted}");
        return Err(Fault::new(FILE, n, What::Form, detail));
    }
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if signature.len() != 96 || !signature.bytes().all(hex) {
        let detail = "a signature is 96 lower-case hexadecimal digits";
        return Err(Fault::new(FILE, n, What::Form, detail));
    }
    if !is_round_signature(wanted, signature) {
        let detail = format!("this is not the signature of round {wanted} of drand quicknet");
        return Err(Fault::new(FILE, n, What::Drand, detail));
    }
    Ok(LastValue::Drand {
        round: wanted,
        signature: signature.to_owned(),
    })
}
