//! Verifying a transcript: everything is read, computed again and compared, in the order of SPEC.md §9.

use crate::blind;
use crate::fault::Fault;
use crate::frame::Frame;
use crate::outcome::{self, same};
use crate::rules::Rules;
use crate::seed::Contributions;
use crate::substitution::Substitutions;
use crate::transcript::{self, Transcript};

/// What a sound transcript says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The rules.
    pub rules: Rules,
    /// SHA-256 of `manifest.txt`.
    pub commitment: String,
    /// SHA-256 of `seed.txt`.
    pub seed: String,
    /// Hash of the closed list of witnesses, as it was shown.
    pub witness_list: String,
    /// Witnesses who revealed their value, and who withheld it.
    pub revealed: usize,
    /// See `revealed`.
    pub withheld: usize,
    /// Chance in the seed, in thousandths of a bit; witnesses not counted.
    pub millibits: u64,
    /// Objects in the frame.
    pub objects: usize,
    /// Inspectors in the pool.
    pub inspectors: usize,
    /// Objects kept out, each with its ground.
    pub excluded: usize,
    /// Objects drawn.
    pub drawn: usize,
    /// Reserves.
    pub reserves: usize,
    /// Rows of `substitutions.csv`.
    pub substitutions: u64,
    /// Openings that were checked; `None` where there were none to see.
    pub opened: Option<usize>,
}

/// Verifies a transcript.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(files: &Transcript<'_>) -> Result<Summary, Fault> {
    let frame = Frame::read(&files.committed, files.manifest)?;
    let contributions = Contributions::parse(files.seed, &frame.rules, &frame.commitment)?;
    let seed = transcript::seed(files.seed);
    let outcome = frame.draw(&seed)?;
    same(outcome::FILE, files.result, &outcome.to_text())?;
    let mut substitutions = Substitutions::new(&frame, &seed, &outcome, files.result);
    substitutions.replay(files.substitutions)?;
    let opened = files
        .openings
        .map(|bytes| blind::check(bytes, &frame))
        .transpose()?;
    let withheld = contributions
        .witnesses
        .iter()
        .filter(|w| w.value.is_none())
        .count();
    Ok(Summary {
        commitment: frame.commitment.clone(),
        witness_list: contributions.list_hash(),
        revealed: contributions.witnesses.len() - withheld,
        withheld,
        millibits: contributions.millibits(),
        objects: frame.objects(),
        inspectors: frame.inspectors(),
        excluded: frame.excluded.len(),
        drawn: outcome.drawn.len(),
        reserves: outcome.reserves.len(),
        substitutions: substitutions.len(),
        opened,
        rules: frame.rules,
        seed,
    })
}
