//! The readers that fuzzing drives, over the committed corpus and over what comes of it by small changes:
//! none of them panics. `UPDATE_CORPUS=1` writes the honest examples anew.

#[path = "../fuzz/readers.rs"]
mod readers;

use std::path::PathBuf;

type Reader = fn(&[u8]);

const READERS: [(&str, Reader); 17] = [
    ("change", readers::change),
    ("admit", readers::admit),
    ("request", readers::request),
    ("response", readers::response),
    ("message", readers::message),
    ("statement", readers::statement),
    ("facts", readers::facts),
    ("enrol", readers::enrol),
    ("auth", readers::auth),
    ("cells", readers::cells),
    ("bundle", readers::bundle),
    ("blob", readers::blob),
    ("bundle_frames", readers::bundle_frames),
    ("signed_body", readers::signed_body),
    ("clip", readers::clip),
    ("numbers", readers::numbers),
    ("scan", readers::scan),
];

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

#[test]
fn no_reader_panics_on_the_corpus() {
    if std::env::var_os("UPDATE_CORPUS").is_some() {
        for (target, bytes) in readers::examples() {
            std::fs::create_dir_all(folder(target)).expect("makes");
            std::fs::write(folder(target).join("honest"), bytes).expect("writes");
        }
    }
    for (target, reader) in READERS {
        let mut seen = 0;
        for entry in std::fs::read_dir(folder(target)).expect(target) {
            let bytes = std::fs::read(entry.expect("entry").path()).expect("reads");
            seen += 1;
            reader(&bytes);
            // Admission makes a record each time, a bundle opens seals: fewer of their kind.
            let step = if matches!(target, "admit" | "bundle" | "bundle_frames" | "signed_body") {
                7
            } else {
                1
            };
            for at in (0..bytes.len().min(2_000)).step_by(step) {
                reader(&bytes[..at]);
                for flip in [0x01, 0x80, 0xff] {
                    let mut other = bytes.clone();
                    other[at] ^= flip;
                    reader(&other);
                }
            }
        }
        assert!(seen > 0, "{target} has a corpus");
    }
}
