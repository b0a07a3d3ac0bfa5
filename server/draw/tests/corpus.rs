//! The corpus of the fuzz targets (`fuzz/`), run through what they run. (D2, S2)

#[path = "../fuzz/entry.rs"]
mod entry;

use draw::{FILES, Fault, write_zip};
use std::path::Path;

type Target = fn(&[u8]) -> Result<(), Fault>;

const TARGETS: [(&str, Target); 6] = [
    ("drand", entry::drand),
    ("parse_transcript_zip", entry::parse_transcript_zip),
    ("rules_json", entry::rules_json),
    ("seed_txt", entry::seed_txt),
    ("substitutions", entry::substitutions),
    ("verify_folder", entry::verify_folder),
];

/// Files of a folder, by name.
fn inputs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    all.sort();
    all
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_corpus_and_what_is_near_it() {
    for (name, target) in TARGETS {
        // Archives are made of the vectors: no binary files lie in the repository.
        let all = if name == "parse_transcript_zip" {
            let zips = inputs_of_vectors().into_iter();
            zips.map(|zip| ("archive".to_owned(), zip)).collect()
        } else {
            inputs(&root().join("fuzz/corpus").join(name))
        };
        for (input, bytes) in all {
            let _ = target(&bytes);
            // Cut short, a byte changed, a line twice: cheap ways to where nobody has looked.
            for step in 1..8 {
                let at = bytes.len() * step / 8;
                let _ = target(&bytes[..at]);
                let mut changed = bytes.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << step;
                    let _ = target(&changed);
                }
                let line = bytes[at..]
                    .split_inclusive(|b| *b == b'\n')
                    .nth(1)
                    .unwrap_or_default();
                let _ = target(&[&bytes[..at], line, &bytes[at..]].concat());
            }
            assert!(bytes.len() <= 64 << 10, "{name}/{input} is large");
        }
    }
}

#[test]
fn honest_inputs_are_accepted() {
    let corpus = root().join("fuzz/corpus");
    let read = |name: &str| std::fs::read(corpus.join(name)).unwrap();
    for name in ["plain", "census", "joint", "drand", "objects-only"] {
        entry::rules_json(&read(&format!("rules_json/{name}"))).unwrap();
    }
    entry::seed_txt(&read("seed_txt/dice")).unwrap();
    entry::substitutions(&read("substitutions/none")).unwrap();
    entry::substitutions(&read("substitutions/all")).unwrap();
    entry::verify_folder(b"joint\n").unwrap();
    let vectors = inputs_of_vectors();
    for zip in &vectors {
        entry::parse_transcript_zip(zip).unwrap();
    }
    // Of an archive that was cut or changed, whatever is left.
    let zip = &vectors[0];
    for at in (0..zip.len()).step_by(211) {
        assert!(entry::parse_transcript_zip(&zip[..at]).is_err());
        let mut changed = zip.clone();
        changed[at] = changed[at].wrapping_add(1);
        let _ = entry::parse_transcript_zip(&changed);
    }
}

fn inputs_of_vectors() -> Vec<Vec<u8>> {
    ["plain", "census", "void-before-seed"]
        .iter()
        .map(|name| {
            let folder = inputs(&root().join("vectors").join(name));
            let files: Vec<(&str, &[u8])> = folder
                .iter()
                .filter(|(file, _)| FILES.iter().any(|(known, _)| known == file))
                .map(|(file, bytes)| (file.as_str(), bytes.as_slice()))
                .collect();
            write_zip(&files).unwrap()
        })
        .collect()
}
