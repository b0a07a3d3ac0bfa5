//! Archives from strangers: refused with a reason, in bounded memory. (D2, S2)

mod common;

use draw::*;
use rstest::rstest;
use std::io::Cursor;
use std::time::{Duration, Instant};

#[rstest]
#[case::a_path_upwards("../rules.json")]
#[case::an_absolute_path("/rules.json")]
#[case::a_folder("transcript/rules.json")]
#[case::a_windows_path("..\\rules.json")]
#[case::another_file("setup.exe")]
#[case::other_case("RULES.JSON")]
fn names_that_do_not_belong(#[case] name: &str) {
    let zip = write_zip(&[(name, b"{}")]).unwrap();
    let fault = read_zip(Cursor::new(zip), 1 << 30).unwrap_err();
    assert_eq!(fault.what, What::Archive, "{fault}");
}

#[test]
fn a_bomb_is_not_unpacked() {
    // 3 GiB of zeros in a few MiB would be the usual bomb; 64 MiB against a limit of 4 KiB tells the same.
    let zip = write_zip(&[("manifest.txt", &vec![b'0'; 64 << 20])]).unwrap();
    assert!(zip.len() < 200_000);
    let from = Instant::now();
    let fault = read_zip(Cursor::new(zip), 1 << 30).unwrap_err();
    assert_eq!((fault.file, fault.what), ("manifest.txt", What::TooLarge));
    assert!(from.elapsed() < Duration::from_secs(5));
}

#[test]
fn all_files_together_are_bounded() {
    let zip = write_zip(&[
        ("objects.csv", &vec![b'0'; 1 << 20]),
        ("result.csv", &vec![b'0'; 1 << 20]),
    ])
    .unwrap();
    let fault = read_zip(Cursor::new(zip), 3 << 19).unwrap_err();
    assert_eq!((fault.file, fault.what), ("result.csv", What::TooLarge));
}

#[test]
fn a_broken_archive_is_refused() {
    let files = common::cases()[0].files();
    let named: Vec<_> = FILES
        .iter()
        .filter_map(|(name, _)| Some((*name, files.get(name)?)))
        .collect();
    let zip = write_zip(&named).unwrap();
    assert!(read_zip(Cursor::new(&zip[..zip.len() / 2]), 1 << 30).is_err());
    assert!(read_zip(Cursor::new(b"not an archive"), 1 << 30).is_err());
    for at in (0..zip.len()).step_by(97) {
        let mut broken = zip.clone();
        broken[at] ^= 0x20;
        // Either it is refused, or the byte did not matter and the files are still those that verify.
        if let Ok(files) = read_zip(Cursor::new(&broken), 1 << 30)
            && let Ok(transcript) = files.transcript()
        {
            assert_eq!(
                verify(&transcript).is_ok(),
                FILES
                    .iter()
                    .all(|(n, _)| files.get(n) == common::cases()[0].files().get(n))
            );
        }
    }
}

#[test]
fn a_pool_made_to_exhaust_memory_is_refused_on_both_sides() {
    let mut case = common::cases().remove(0);
    let words = |letter: char, n: usize| -> Vec<&'static str> {
        (100..100 + n)
            .map(|n| &*format!("{letter}{n}").leak())
            .collect()
    };
    let (districts, needs) = (words('d', DISTRICTS_MAX), words('n', EXPERTISE_MAX));
    case.rules.needs = needs
        .iter()
        .map(|code| Need {
            department: common::MARKET.into(),
            code: (*code).to_owned(),
            name: "专长".into(),
        })
        .collect();
    let each = DISTRICTS_MAX * (EXPERTISE_MAX + 1);
    let many = PAIRS_MAX / each + 1;
    case.inspectors = (0..many)
        .map(|n| common::inspector(format!("i-{n}"), districts.clone(), needs.clone(), 1))
        .collect();
    assert!(matches!(
        commit(&case.rules, &common::KEY, &case.pools()),
        Err(BuildError::Entry { .. })
    ));

    let sealed = common::cases().remove(0).sealed();
    let mut ids: Vec<String> = (0..many)
        .map(|n| sha256_hex(n.to_string().as_bytes()))
        .collect();
    ids.sort();
    let rest = format!(
        "market,inspector,u,,{},{},1",
        districts.join(" "),
        needs.join(" ")
    );
    let mut inspectors =
        String::from("inspector,department,role,unit,group,districts,expertise,capacity\n");
    ids.iter()
        .for_each(|id| inspectors += &format!("{id},{rest}\n"));
    let rules = case.rules.to_text().unwrap();
    let mut committed = sealed.committed();
    (committed.rules, committed.inspectors) = (&rules, inspectors.as_bytes());
    let fault = Frame::read(&committed, committed.manifest().as_bytes())
        .err()
        .unwrap();
    assert_eq!(
        (fault.file, fault.line, fault.what),
        ("inspectors.csv", many as u64 + 1, What::TooLarge)
    );
}

#[test]
fn ids_that_begin_alike_do_not_make_the_verifier_slow() {
    // Searching a run of equal beginnings one by one would take 30,000 × 30,000 comparisons of 64 bytes.
    let sealed = common::cases().remove(0).sealed();
    let inspectors = std::str::from_utf8(&sealed.inspectors).unwrap();
    let inspector = &inspectors.lines().nth(1).unwrap()[..64];
    let mut objects = String::from("cell,object,district,needs\n");
    let mut avoid = String::from("inspector,object\n");
    for n in 0..30_000 {
        let id = format!("{:0>64}", format!("{n:08x}"));
        objects += &format!("0001,{id},440304,\n");
        avoid += &format!("{inspector},{id}\n");
    }
    let mut committed = sealed.committed();
    (committed.objects, committed.avoid) = (objects.as_bytes(), avoid.as_bytes());
    let from = Instant::now();
    let frame = Frame::read(&committed, committed.manifest().as_bytes()).unwrap();
    let outcome = frame.draw(&sha256_hex(b"any")).unwrap();
    assert!(
        outcome
            .drawn
            .iter()
            .all(|d| !d.inspectors.contains(&inspector))
    );
    assert!(from.elapsed() < Duration::from_secs(10));
}
