//! Verifying a transcript: everything is read, computed again and compared, in the order of SPEC.md §10.

use crate::blind;
use crate::fault::Fault;
use crate::frame::Frame;
use crate::outcome::no_substitutions;
use crate::rules::Rules;
use crate::seed::Contributions;
use crate::substitution::Substitutions;
use crate::transcript::{self, DrawnFiles, Transcript};
use crate::void::Void;

/// What a sound transcript says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The rules.
    pub rules: Rules,
    /// SHA-256 of `manifest.txt`.
    pub commitment: String,
    /// What came of chance; `None` for a draw that became void before it had a seed.
    pub chance: Option<Chance>,
    /// Why the draw is void, where it is.
    pub void: Option<Void>,
    /// Objects in the frame.
    pub objects: usize,
    /// Inspectors in the pool.
    pub inspectors: usize,
    /// Objects kept out, each with its ground.
    pub excluded: usize,
    /// Openings that were checked; `None` where there were none to see.
    pub opened: Option<usize>,
}

/// Seed and result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chance {
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
    /// Objects drawn.
    pub drawn: usize,
    /// Reserves.
    pub reserves: usize,
    /// Rows of `substitutions.csv`.
    pub substitutions: u64,
}

/// Verifies a transcript.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(files: &Transcript<'_>) -> Result<Summary, Fault> {
    let frame = Frame::read(&files.committed, files.manifest)?;
    let chance = files
        .drawn
        .map(|drawn| chance(&frame, &drawn))
        .transpose()?;
    let opened = files
        .openings
        .map(|bytes| blind::check(bytes, &frame))
        .transpose()?;
    let void = files
        .void
        .map(|bytes| Void::read(bytes, &frame.commitment))
        .transpose()?;
    Ok(Summary {
        commitment: frame.commitment.clone(),
        chance,
        void,
        objects: frame.objects(),
        inspectors: frame.inspectors(),
        excluded: frame.excluded.len(),
        opened,
        rules: frame.rules,
    })
}

fn chance(frame: &Frame<'_>, files: &DrawnFiles<'_>) -> Result<Chance, Fault> {
    let contributions = Contributions::parse(files.seed, &frame.rules, &frame.commitment)?;
    let seed = transcript::seed(files.seed);
    let outcome = frame.draw(&seed)?;
    outcome.is_result(files.result)?;
    // Where nothing was substituted there is no need to know everybody's team.
    let substitutions = if files.substitutions == no_substitutions().as_bytes() {
        0
    } else {
        let mut substitutions = Substitutions::new(frame, &seed, &outcome, files.result);
        substitutions.replay(files.substitutions)?;
        substitutions.len()
    };
    let withheld = contributions
        .witnesses
        .iter()
        .filter(|w| w.value.is_none())
        .count();
    Ok(Chance {
        witness_list: contributions.list_hash(),
        revealed: contributions.witnesses.len() - withheld,
        withheld,
        millibits: contributions.millibits(),
        drawn: outcome.drawn.len(),
        reserves: outcome.reserves.len(),
        substitutions,
        seed,
    })
}
