//! Each of the 33 ways in which others lost data has a test that carries its number.

use std::collections::BTreeSet;
use std::path::Path;

const LESSONS: u32 = 33;
/// What test names look like in Rust and in the browser tests.
const MARKS: [&str; 2] = ["fn lesson_", "test('lesson_"];

fn collect(folder: &Path, found: &mut BTreeSet<u32>) {
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !matches!(
                &*name,
                "target" | "node_modules" | "dist" | "ui" | "console"
            ) {
                collect(&path, found);
            }
        } else if name.ends_with(".rs") || name.ends_with(".mjs") {
            let text = std::fs::read_to_string(&path).expect("reads");
            for mark in MARKS {
                let after = text.match_indices(mark).map(|(at, _)| at + mark.len());
                found.extend(after.filter_map(|at| text.get(at..at + 2)?.parse::<u32>().ok()));
            }
        }
    }
}

#[test]
fn each_lesson_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("root");
    let mut found = BTreeSet::new();
    for part in ["field-agent", "server", "sync", "tests"] {
        collect(&root.join(part), &mut found);
    }
    let missing: Vec<u32> = (1..=LESSONS).filter(|n| !found.contains(n)).collect();
    assert!(missing.is_empty(), "no test for lessons {missing:?}");
}
