//! `manifest.txt`: one line per committed file; its own SHA-256 is the commitment. SPEC.md §3.6.

use crate::fault::{Fault, What};
use crate::parallel::map;
use crate::text::{lines, sha256_hex};
use crate::transcript::Committed;

pub(crate) const FILE: &str = "manifest.txt";

/// The manifest of the committed files, as `sha256sum avoid.csv excluded.csv …` prints it.
pub(crate) fn render(files: &Committed<'_>) -> String {
    let named = files.named();
    let hashes = map(&named, |(_, bytes)| sha256_hex(bytes));
    named
        .iter()
        .zip(hashes)
        .map(|((name, _), hash)| format!("{hash}  {name}\n"))
        .collect()
}

/// Holds the manifest against the files.
pub(crate) fn check(manifest: &[u8], files: &Committed<'_>) -> Result<(), Fault> {
    let lines = lines(FILE, manifest)?;
    let named = files.named();
    if lines.len() != named.len() {
        return Err(Fault::new(
            FILE,
            0,
            What::Form,
            format!("{} lines expected", named.len()),
        ));
    }
    let hashes = map(&named, |(_, bytes)| sha256_hex(bytes));
    for (((n, line), (name, _)), hash) in lines.iter().zip(named).zip(hashes) {
        let right = line.len() == 66 + name.len()
            && line.is_char_boundary(64)
            && line[64..] == format!("  {name}");
        if !right || !crate::text::is_hash(&line.as_bytes()[..64]) {
            return Err(Fault::new(
                FILE,
                *n,
                What::Form,
                format!("SHA-256, two spaces and {name} expected"),
            ));
        }
        if line[..64] != hash {
            return Err(Fault::new(
                FILE,
                *n,
                What::Hash,
                format!("the SHA-256 of {name} is {hash}"),
            ));
        }
    }
    Ok(())
}
