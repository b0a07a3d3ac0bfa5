//! What is done with bytes from strangers, once for the fuzzer and once for `tests/corpus.rs`. Each says whether the
//! bytes were accepted; whatever they are, nothing may panic, and what is accepted must come out as it went in.
#![allow(dead_code)]

use draw::{Committed, Contributions, FILES, Fault, Files, Rules};

/// Most bytes that an archive may unpack to here.
pub const UNPACKED_MAX: u64 = 1 << 20;

macro_rules! honest {
    ($name:literal) => {
        [
            (
                "avoid.csv",
                include_bytes!(concat!("../vectors/", $name, "/avoid.csv")).as_slice(),
            ),
            (
                "excluded.csv",
                include_bytes!(concat!("../vectors/", $name, "/excluded.csv")),
            ),
            (
                "inspectors.csv",
                include_bytes!(concat!("../vectors/", $name, "/inspectors.csv")),
            ),
            (
                "manifest.txt",
                include_bytes!(concat!("../vectors/", $name, "/manifest.txt")),
            ),
            (
                "objects.csv",
                include_bytes!(concat!("../vectors/", $name, "/objects.csv")),
            ),
            (
                "result.csv",
                include_bytes!(concat!("../vectors/", $name, "/result.csv")),
            ),
            (
                "rules.json",
                include_bytes!(concat!("../vectors/", $name, "/rules.json")),
            ),
            (
                "seed.txt",
                include_bytes!(concat!("../vectors/", $name, "/seed.txt")),
            ),
            (
                "substitutions.csv",
                include_bytes!(concat!("../vectors/", $name, "/substitutions.csv")),
            ),
        ]
    };
}

type Honest = [(&'static str, &'static [u8]); 9];

const RESERVES: Honest = honest!("reserves-substitutions");
const JOINT: Honest = honest!("joint");
const GROUPS: Honest = honest!("groups");
const CENSUS: Honest = honest!("census");

fn files(honest: &Honest) -> Files {
    let mut files = Files::default();
    for (name, bytes) in honest {
        files.insert(name, bytes.to_vec());
    }
    files
}

fn verified(files: &Files) -> Result<(), Fault> {
    draw::verify(&files.transcript()?).map(|_| ())
}

/// A transcript as .zip.
pub fn parse_transcript_zip(data: &[u8]) -> Result<(), Fault> {
    let files = draw::read_zip(std::io::Cursor::new(data), UNPACKED_MAX)?;
    let all: u64 = FILES
        .iter()
        .filter_map(|(name, _)| files.get(name))
        .map(|f| f.len() as u64)
        .sum();
    assert!(all <= UNPACKED_MAX, "{all} bytes unpacked");
    verified(&files)
}

/// An honest transcript of which some files are others. The first line names it and may say `rehash`, which makes
/// manifest and commitment fit; then follow lines `== FILE`, each with the bytes of that file behind it.
pub fn verify_folder(data: &[u8]) -> Result<(), Fault> {
    let mut parts = data.splitn(2, |b| *b == b'\n');
    let first = parts.next().unwrap_or_default();
    let honest = match first.split(|b| *b == b' ').next() {
        Some(b"joint") => JOINT,
        Some(b"groups") => GROUPS,
        Some(b"census") => CENSUS,
        _ => RESERVES,
    };
    let mut files = files(&honest);
    let mut file: Option<(&str, Vec<u8>)> = None;
    for line in parts
        .next()
        .unwrap_or_default()
        .split_inclusive(|b| *b == b'\n')
    {
        if let Some(name) = line.strip_prefix(b"== ") {
            put(&mut files, file.take());
            let name = std::str::from_utf8(name).unwrap_or_default().trim_end();
            let known = FILES.iter().find(|(known, _)| *known == name);
            file = known.map(|(name, _)| (*name, Vec::new()));
        } else if let Some((_, bytes)) = &mut file {
            bytes.extend_from_slice(line);
        }
    }
    put(&mut files, file);
    if first.ends_with(b" rehash") {
        rehash(&mut files);
    }
    verified(&files)
}

fn put(files: &mut Files, file: Option<(&str, Vec<u8>)>) {
    if let Some((name, mut bytes)) = file {
        if name.ends_with(".json") && bytes.ends_with(b"\n") {
            bytes.pop();
        }
        files.insert(name, bytes);
    }
}

fn rehash(files: &mut Files) {
    let file = |name: &str| files.get(name).unwrap_or_default();
    let committed = Committed {
        avoid: file("avoid.csv"),
        excluded: file("excluded.csv"),
        inspectors: file("inspectors.csv"),
        objects: file("objects.csv"),
        rules: file("rules.json"),
    };
    let manifest = committed.manifest();
    let commitment = draw::commitment(manifest.as_bytes());
    let seed = file("seed.txt").to_vec();
    files.insert("manifest.txt", manifest.into_bytes());
    let rest = seed
        .iter()
        .position(|b| *b == b'\n')
        .map_or(&[][..], |n| &seed[n..]);
    let mut seed = format!("commitment {commitment}").into_bytes();
    seed.extend_from_slice(rest);
    files.insert("seed.txt", seed);
}

/// `seed.txt` of a draw with dice.
pub fn seed_txt(data: &[u8]) -> Result<(), Fault> {
    let rules = Rules::parse(RESERVES[6].1)?;
    let commitment = draw::commitment(RESERVES[3].1);
    let contributions = Contributions::parse(data, &rules, &commitment)?;
    assert_eq!(contributions.to_text().as_bytes(), data);
    Ok(())
}

/// `rules.json`.
pub fn rules_json(data: &[u8]) -> Result<(), Fault> {
    let rules = Rules::parse(data)?;
    assert_eq!(rules.to_text()?, data);
    Ok(())
}

/// `substitutions.csv` of an honest draw.
pub fn substitutions(data: &[u8]) -> Result<(), Fault> {
    let mut files = files(&RESERVES);
    files.insert("substitutions.csv", data.to_vec());
    verified(&files)
}

/// A drand round: its number, a space, its signature. Only the true signature of round 123 may be taken for it.
pub fn drand(data: &[u8]) -> Result<(), Fault> {
    const OF_123: &str = "b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    let text = std::str::from_utf8(data).unwrap_or_default();
    let (round, signature) = text.split_once(' ').unwrap_or((text, ""));
    let round = round.parse().unwrap_or(0);
    let right = draw::is_round_signature(round, signature);
    assert!(!right || round != 123 || signature.eq_ignore_ascii_case(OF_123));
    Ok(())
}
