//! The golden vectors: they verify, and this code still makes them byte for byte.

mod common;

use draw::*;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

fn read(name: &str) -> Files {
    let mut files = Files::default();
    for (file, _) in FILES {
        if let Ok(bytes) = std::fs::read(folder(name).join(file)) {
            files.insert(file, bytes);
        }
    }
    files
}

#[test]
fn every_vector_verifies() {
    // D2
    for case in common::cases() {
        let files = read(case.name);
        let summary = verify(&files.transcript().unwrap())
            .unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
        assert_eq!(summary.rules, case.rules);
        let withheld = case.witnesses.iter().filter(|w| !w.2).count();
        match summary.chance {
            Some(chance) => assert_eq!(chance.withheld, withheld),
            None => assert_eq!(case.void, Some(common::Voided::BeforeSeed)),
        }
        assert_eq!(summary.void.is_some(), case.void.is_some());
        assert_eq!(summary.opened.is_some(), case.published);
    }
}

#[test]
fn transcript_bytes_never_change() {
    // D2: a transcript must verify for as long as somebody may doubt it.
    for case in common::cases() {
        let (golden, now) = (read(case.name), case.files());
        for (file, _) in FILES {
            assert_eq!(
                golden.get(file).map(text),
                now.get(file).map(text),
                "{} {file}",
                case.name
            );
        }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn vectors_show_what_they_are_named_for() {
    let case = |name: &str| {
        common::cases()
            .into_iter()
            .find(|c| c.name == name)
            .unwrap()
            .files()
    };
    let has = |files: &Files, file: &str, what: &str| text(files.get(file).unwrap()).contains(what);
    // D1, D2
    let files = case("needs-avoidance-capacity");
    assert!(has(&files, "excluded.csv", ",no-team\n") && has(&files, "excluded.csv", ",no-need\n"));
    assert!(has(&files, "excluded.csv", ",not-active\n"));
    assert!(capacity_is_exceeded(&files));
    // D4
    let files = case("reserves-substitutions");
    for kind in [
        ",relief,",
        ",replace,",
        ",drop,",
        ",pass,",
        ",avoid,",
        ",add,",
    ] {
        assert!(has(&files, "substitutions.csv", kind), "{kind}");
    }
    let files = case("joint");
    for what in [",relief,", ",add,", ",replace,"] {
        assert!(has(&files, "substitutions.csv", what), "{what}");
    }
    // D1
    let files = case("census");
    for week in 0..4 {
        assert!(has(&files, "result.csv", &format!(",drawn,{week},")));
    }
    assert_eq!(
        text(case("objects-only").get("inspectors.csv").unwrap())
            .lines()
            .count(),
        1
    );
    let files = case("groups");
    assert!(has(&files, "excluded.csv", ",no-team\n") && has(&files, "excluded.csv", ",no-need\n"));
    let result = text(case("groups").get("result.csv").unwrap()).to_owned();
    let of = |line: &str| {
        line.split(',')
            .nth(6)
            .unwrap_or_default()
            .split(' ')
            .count()
    };
    let sizes: Vec<usize> = result.lines().skip(1).map(of).collect();
    assert!(sizes.contains(&5), "{sizes:?}");
    // D3
    assert!(has(&case("drand"), "seed.txt", "\ndrand 123 "));
    assert!(has(
        &case("withheld-witness"),
        "seed.txt",
        "\nwithheld Smith-J "
    ));
    assert!(has(
        &case("withheld-server-openings"),
        "seed.txt",
        "\nwithheld server "
    ));
}

/// Whether somebody was dealt more objects than their capacity.
fn capacity_is_exceeded(files: &Files) -> bool {
    let result = text(files.get("result.csv").unwrap());
    text(files.get("inspectors.csv").unwrap())
        .lines()
        .skip(1)
        .any(|line| {
            let capacity: usize = line.rsplit(',').next().unwrap().parse().unwrap();
            result.matches(&line[..64]).count() > capacity
        })
}

#[test]
fn every_opening_leads_into_the_draw() {
    // D2: who is given id and salt finds the blinded id with sha256sum.
    let case = common::cases()
        .into_iter()
        .find(|c| c.name == "reserves-substitutions")
        .unwrap();
    let files = case.files();
    let sealed = case.sealed();
    let mut transcript = files.transcript().unwrap();
    transcript.openings = Some(&sealed.openings);
    let all = case.objects.len() + case.inspectors.len() + case.excluded.len();
    assert_eq!(verify(&transcript).unwrap().opened, Some(all));
    let forged = String::from_utf8(sealed.openings.clone())
        .unwrap()
        .replacen("object,91440300-0", "object,91440300-1", 1);
    transcript.openings = Some(forged.as_bytes());
    assert_eq!(verify(&transcript).unwrap_err().file, "openings.csv");
}

#[test]
fn an_archive_comes_back_as_it_went() {
    let files = common::cases()[0].files();
    let named: Vec<_> = FILES
        .iter()
        .filter_map(|(name, _)| Some((*name, files.get(name)?)))
        .collect();
    let zip = write_zip(&named).unwrap();
    let back = read_zip(std::io::Cursor::new(&zip), 1 << 30).unwrap();
    assert!(verify(&back.transcript().unwrap()).is_ok());
    assert_eq!(zip, write_zip(&named).unwrap());
}
