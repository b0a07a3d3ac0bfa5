//! Transcripts made to exhaust whoever verifies them: refused with the reason, in a process that is given 512 MiB of
//! addresses and 60 seconds of processor time and no more. (D2, S2)
#![cfg(target_os = "linux")]

use draw::{Committed, write_zip};
use rstest::rstest;
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Most bytes that these transcripts may have together.
const MAX_MIB: u64 = 160;

fn honest(name: &str) -> Vec<u8> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/joint");
    std::fs::read(vectors.join(name)).unwrap()
}

const NAMES: [&str; 9] = [
    "avoid.csv",
    "excluded.csv",
    "inspectors.csv",
    "manifest.txt",
    "objects.csv",
    "result.csv",
    "rules.json",
    "seed.txt",
    "substitutions.csv",
];

/// An honest transcript with one file replaced, its hashes made to fit.
fn folder(file: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut files: Vec<(&str, Vec<u8>)> = NAMES.iter().map(|name| (*name, honest(name))).collect();
    match files.iter_mut().find(|(name, _)| *name == file) {
        Some(place) => place.1 = bytes.to_vec(),
        None => files.push((file, bytes.to_vec())),
    }
    let get = |name: &str| files.iter().find(|(n, _)| *n == name).unwrap().1.as_slice();
    let manifest = Committed {
        avoid: get("avoid.csv"),
        excluded: get("excluded.csv"),
        inspectors: get("inspectors.csv"),
        objects: get("objects.csv"),
        rules: get("rules.json"),
    }
    .manifest();
    for (name, bytes) in &files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    if file != "manifest.txt" {
        std::fs::write(folder.path().join("manifest.txt"), &manifest).unwrap();
    }
    if file != "seed.txt" {
        let seed = String::from_utf8(honest("seed.txt")).unwrap();
        let rest = &seed[seed.find('\n').unwrap()..];
        let commitment = draw::commitment(manifest.as_bytes());
        let seed = format!("commitment {commitment}{rest}");
        std::fs::write(folder.path().join("seed.txt"), seed).unwrap();
    }
    folder
}

/// What `verify-draw` says within its bounds.
fn refusal(transcript: &Path) -> String {
    let out = Command::new("sh")
        .args(["-c", "ulimit -v 524288; ulimit -t 60; exec \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_verify-draw"))
        .arg(transcript)
        .args(["--max-mib", &MAX_MIB.to_string()])
        .env("MALLOC_ARENA_MAX", "2")
        .output()
        .unwrap();
    let said = String::from_utf8(out.stdout).unwrap();
    let complained = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(1), "{said}{complained}");
    said.lines().last().unwrap_or_default().to_owned()
}

fn cells(n: usize) -> Vec<u8> {
    let rules = String::from_utf8(honest("rules.json")).unwrap();
    let (from, to) = (
        rules.find("\"cells\":[").unwrap() + 9,
        rules.find("],\"ceremony_at\"").unwrap(),
    );
    let cells: Vec<String> = (1..=n)
        .map(|n| format!(r#"{{"cell":"{n:04}","label":"","pick":{{"ppm":1}},"reserves":0}}"#))
        .collect();
    format!("{}{}{}", &rules[..from], cells.join(","), &rules[to..]).into_bytes()
}

fn lines(header: &str, line: impl Fn(u64) -> String, n: u64) -> Vec<u8> {
    let mut text = format!("{header}\n");
    (0..n).for_each(|n| text += &line(n));
    text.into_bytes()
}

const AVOID: &str = "inspector,object";
const EXCLUDED: &str = "kind,id,ground";
const INSPECTORS: &str = "inspector,department,role,unit,group,districts,expertise,capacity";
const OBJECTS: &str = "cell,object,district,needs";
const SUBSTITUTIONS: &str = "number,kind,object,out,in,ground,chain";

#[rstest]
#[case::a_million_cells("rules.json", cells(1_000_000), "rules.json: too-large")]
#[case::as_many_cells_as_fit("rules.json", cells(60_000), "rules.json: rule")]
#[case::brackets("rules.json", vec![b'['; 4 << 20], "rules.json line 1: form")]
#[case::one_text("rules.json", format!("\"{}\"", "x".repeat(4_000_000)).into_bytes(), "rules.json line 1: form")]
#[case::commas("seed.txt", b"\n".repeat(64 << 10), "seed.txt line 1: form")]
#[case::a_manifest_of_lines("manifest.txt", b"\n".repeat(4096), "manifest.txt: form")]
#[case::lines_of_nothing_to_avoid("avoid.csv", lines(AVOID, |_| "\n".into(), 48 << 20), "avoid.csv line 2: form")]
#[case::lines_of_a_comma("excluded.csv", lines(EXCLUDED, |_| ",\n".into(), 24 << 20), "excluded.csv line 2: form")]
#[case::people_without_name("inspectors.csv", lines(INSPECTORS, |_| "\n".into(), 48 << 20), "inspectors.csv line 2: form")]
#[case::objects_without_name("objects.csv", lines(OBJECTS, |_| "\n".into(), 48 << 20), "objects.csv line 2: form")]
#[case::a_line_without_end("objects.csv", lines(OBJECTS, |_| "x".repeat(48 << 20) + "\n", 1), "objects.csv line 2: too-large")]
#[case::a_district_for_each_object("objects.csv", lines(OBJECTS, |n| format!("0001,{n:064x},d{n:x},\n"), 500_000), "avoid.csv line 2: unknown")]
#[case::a_result_of_lines("result.csv", b"\n".repeat(48 << 20), "result.csv line 1: differs")]
#[case::steps_of_nothing("substitutions.csv", lines(SUBSTITUTIONS, |_| "\n".into(), 48 << 20), "substitutions.csv line 2: form")]
#[case::openings_of_nothing("openings.csv", lines("kind,id,salt", |_| "\n".into(), 48 << 20), "openings.csv line 2: form")]
#[case::void_of_brackets("void.json", vec![b'['; 4096], "void.json line 1: form")]
fn a_hostile_file(#[case] file: &str, #[case] bytes: Vec<u8>, #[case] right: &str) {
    let folder = folder(file, &bytes);
    let said = refusal(folder.path());
    assert!(said.starts_with(right) && said.len() < 1000, "{said:.300}");
}

#[test]
fn a_file_larger_than_any_memory() {
    // A hole: nothing of it is on the disk.
    let folder = folder("seed.txt", &honest("seed.txt"));
    let file = File::create(folder.path().join("result.csv")).unwrap();
    file.set_len(1 << 40).unwrap();
    let said = refusal(folder.path());
    assert!(said.starts_with("result.csv: too-large"), "{said}");
}

#[test]
fn something_else_than_a_file() {
    for target in ["/dev/zero", "/etc/hostname"] {
        let folder = folder("seed.txt", &honest("seed.txt"));
        let at = folder.path().join("objects.csv");
        std::fs::remove_file(&at).unwrap();
        std::os::unix::fs::symlink(target, at).unwrap();
        let said = refusal(folder.path());
        assert!(said.starts_with("objects.csv: archive"), "{said}");
    }
}

#[test]
fn archives() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("transcript.zip");
    let zeros = vec![b'0'; 200 << 20];
    let bomb = write_zip(&[("objects.csv", &zeros)]).unwrap();
    assert!(bomb.len() < 1 << 20);
    let many: Vec<(String, &[u8])> = (0..60_000)
        .map(|n| (format!("{n}.csv"), &b""[..]))
        .collect();
    let many: Vec<(&str, &[u8])> = many
        .iter()
        .map(|(name, bytes)| (name.as_str(), *bytes))
        .collect();
    let cases: [(Vec<u8>, &str); 4] = [
        (bomb, "objects.csv: too-large"),
        (write_zip(&many).unwrap(), "TRANSCRIPT.zip: archive"),
        (
            write_zip(&[("../rules.json", b"{}")]).unwrap(),
            "TRANSCRIPT.zip: archive",
        ),
        (b"PK\x05\x06".repeat(1 << 20), "TRANSCRIPT.zip: archive"),
    ];
    for (zip, right) in cases {
        std::fs::write(&at, zip).unwrap();
        let said = refusal(&at);
        assert!(said.starts_with(right) && said.len() < 1000, "{said:.300}");
    }
}
