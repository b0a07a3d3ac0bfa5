//! The files of a transcript, as bytes. SPEC.md §1.

use crate::manifest;
use crate::text::sha256_hex;

/// What is committed before the seed exists, but for the manifest.
#[derive(Debug, Clone, Copy)]
pub struct Committed<'a> {
    /// `avoid.csv`
    pub avoid: &'a [u8],
    /// `excluded.csv`
    pub excluded: &'a [u8],
    /// `inspectors.csv`
    pub inspectors: &'a [u8],
    /// `objects.csv`
    pub objects: &'a [u8],
    /// `rules.json`
    pub rules: &'a [u8],
}

impl<'a> Committed<'a> {
    /// The files with their names, in the order of the manifest.
    pub fn named(&self) -> [(&'static str, &'a [u8]); 5] {
        [
            ("avoid.csv", self.avoid),
            ("excluded.csv", self.excluded),
            ("inspectors.csv", self.inspectors),
            ("objects.csv", self.objects),
            ("rules.json", self.rules),
        ]
    }

    /// The text of `manifest.txt`.
    pub fn manifest(&self) -> String {
        manifest::render(self)
    }
}

/// The commitment: SHA-256 of `manifest.txt`.
pub fn commitment(manifest: &[u8]) -> String {
    sha256_hex(manifest)
}

/// The seed: SHA-256 of `seed.txt`.
pub fn seed(seed_txt: &[u8]) -> String {
    sha256_hex(seed_txt)
}

/// A whole transcript.
#[derive(Debug, Clone, Copy)]
pub struct Transcript<'a> {
    /// The committed files.
    pub committed: Committed<'a>,
    /// `manifest.txt`
    pub manifest: &'a [u8],
    /// What came of chance; `None` for a draw that became void before.
    pub drawn: Option<DrawnFiles<'a>>,
    /// `openings.csv`, where one may see it.
    pub openings: Option<&'a [u8]>,
    /// `void.json`, where the draw is void.
    pub void: Option<&'a [u8]>,
}

/// The files that follow the commitment.
#[derive(Debug, Clone, Copy)]
pub struct DrawnFiles<'a> {
    /// `seed.txt`
    pub seed: &'a [u8],
    /// `result.csv`
    pub result: &'a [u8],
    /// `substitutions.csv`
    pub substitutions: &'a [u8],
}

/// A file's name and the most bytes it may have.
pub type FileLimit = (&'static str, u64);

/// Every file of a transcript; which may be missing says SPEC.md §1.
pub const FILES: [FileLimit; 11] = [
    ("avoid.csv", 256 << 20),
    ("excluded.csv", 512 << 20),
    ("inspectors.csv", 64 << 20),
    ("manifest.txt", 4 << 10),
    ("objects.csv", 4 << 30),
    ("result.csv", 2 << 30),
    ("rules.json", 4 << 20),
    ("seed.txt", 64 << 10),
    ("substitutions.csv", 64 << 20),
    ("openings.csv", 4 << 30),
    ("void.json", 4 << 10),
];

/// A transcript that holds its bytes, as read from a folder or an archive.
#[derive(Debug, Default, Clone)]
pub struct Files {
    files: std::collections::BTreeMap<&'static str, Vec<u8>>,
}

impl Files {
    /// Keeps a file under one of the names of [`FILES`]; another name is not kept.
    pub fn insert(&mut self, name: &str, bytes: Vec<u8>) {
        if let Some((name, _)) = FILES.iter().find(|(n, _)| *n == name) {
            self.files.insert(name, bytes);
        }
    }

    /// The bytes of a file.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.files.get(name).map(Vec::as_slice)
    }

    /// The transcript.
    ///
    /// # Errors
    /// The first file, in the order of [`FILES`], that is missing or too large.
    pub fn transcript(&self) -> Result<Transcript<'_>, crate::Fault> {
        let after = ["result.csv", "seed.txt", "substitutions.csv"];
        let early = self.get("void.json").is_some() && after.iter().all(|f| self.get(f).is_none());
        for (name, limit) in FILES {
            let optional =
                matches!(name, "openings.csv" | "void.json") || early && after.contains(&name);
            match self.get(name) {
                Some(bytes) if bytes.len() as u64 > limit => {
                    let detail = format!("more than {limit} bytes");
                    return Err(crate::Fault::new(name, 0, crate::What::TooLarge, detail));
                }
                None if !optional => {
                    return Err(crate::Fault::new(
                        name,
                        0,
                        crate::What::Missing,
                        "the file is not there",
                    ));
                }
                _ => {}
            }
        }
        let file = |name: &str| self.get(name).unwrap_or_default();
        Ok(Transcript {
            committed: Committed {
                avoid: file("avoid.csv"),
                excluded: file("excluded.csv"),
                inspectors: file("inspectors.csv"),
                objects: file("objects.csv"),
                rules: file("rules.json"),
            },
            manifest: file("manifest.txt"),
            drawn: (!early).then(|| DrawnFiles {
                seed: file("seed.txt"),
                result: file("result.csv"),
                substitutions: file("substitutions.csv"),
            }),
            openings: self.get("openings.csv"),
            void: self.get("void.json"),
        })
    }
}
