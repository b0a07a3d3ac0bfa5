//! Each manipulation of the table is refused with the reason that the table gives, and the table stands in
//! `vectors/tampered.json` for other verifiers. (D2)

mod common;

use common::tampered::{Tampering, tamperings};
use draw::*;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Where and why a transcript is refused, and in words.
fn fault(files: &Files) -> (&'static str, u64, &'static str, String) {
    match files.transcript().and_then(|t| verify(&t)) {
        Ok(_) => ("", 0, "", "it verifies".into()),
        Err(fault) => (fault.file, fault.line, fault.what.code(), fault.to_string()),
    }
}

fn honest() -> HashMap<&'static str, Files> {
    common::cases()
        .into_iter()
        .map(|case| (case.name, case.files()))
        .collect()
}

#[test]
fn each_manipulation_is_refused_with_its_first_reason() {
    let honest = honest();
    let mut wrong = Vec::new();
    for t in tamperings() {
        let (file, line, what, says) = fault(&t.apply(&honest[t.base]));
        let (f, l, w) = t.refused;
        if (file, line, what) != (f, l, w.code()) {
            wrong.push(format!("{}: {says}; not {f} {l} {}", t.name, w.code()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_manifest_that_is_not_written_anew_gives_it_away() {
    let honest = honest();
    let committed = [
        "avoid.csv",
        "excluded.csv",
        "inspectors.csv",
        "objects.csv",
        "rules.json",
    ];
    for t in tamperings()
        .into_iter()
        .filter(|t| t.rehash && committed.contains(&t.file))
    {
        let t = Tampering { rehash: false, ..t };
        let (file, line, what, says) = fault(&t.apply(&honest[t.base]));
        let at = 1 + committed.iter().position(|name| *name == t.file).unwrap() as u64;
        assert_eq!(
            (file, line, what),
            ("manifest.txt", at, "hash"),
            "{}: {says}",
            t.name
        );
    }
}

#[test]
fn the_table_stands_in_the_golden_file() {
    let honest = honest();
    let mut names = Vec::new();
    let mut lines = Vec::new();
    for t in tamperings() {
        let (file, line, what) = t.refused;
        let (before, after) = (&honest[t.base], t.apply(&honest[t.base]));
        let changes: Vec<Value> = FILES
            .iter()
            .filter_map(|(name, _)| change(name, before.get(name), after.get(name)))
            .collect();
        let entry = json!({"name": t.name, "base": t.base, "changes": changes,
            "refused": {"file": file, "line": line, "code": what.code()}});
        assert!(!names.contains(&t.name), "{} stands twice", t.name);
        names.push(t.name);
        lines.push(entry.to_string());
    }
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/tampered.json");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        golden == text,
        "tampered.json is not the table: UPDATE_VECTORS=1 cargo test -p draw --test manipulations"
    );
}

/// How a file is changed: from byte `at`, `delete` bytes give way to `insert` (or to the bytes of `insert_hex`).
fn change(name: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<Value> {
    if before == after {
        return None;
    }
    let Some(after) = after else {
        return Some(json!({"file": name, "missing": true}));
    };
    let before = before.unwrap_or_default();
    let same = |a: &mut dyn Iterator<Item = (&u8, &u8)>| a.take_while(|(x, y)| x == y).count();
    let mut at = same(&mut before.iter().zip(after));
    let shorter = before.len().min(after.len()) - at;
    let mut rest = same(&mut before.iter().rev().zip(after.iter().rev())).min(shorter);
    // Not within a character.
    while at > 0 && before.get(at).is_some_and(|b| b & 0xc0 == 0x80) {
        at -= 1;
    }
    while rest > 0 && before[before.len() - rest] & 0xc0 == 0x80 {
        rest -= 1;
    }
    let insert = &after[at..after.len() - rest];
    let delete = before.len() - rest - at;
    Some(match std::str::from_utf8(insert) {
        Ok(insert) => json!({"file": name, "at": at, "delete": delete, "insert": insert}),
        Err(_) => {
            json!({"file": name, "at": at, "delete": delete, "insert_hex": hex::encode(insert)})
        }
    })
}

#[test]
fn a_missing_file_is_named() {
    let whole = common::cases()[0].files();
    for (name, _) in &FILES[..9] {
        let mut files = Files::default();
        for (other, _) in FILES.iter().filter(|(other, _)| other != name) {
            if let Some(bytes) = whole.get(other) {
                files.insert(other, bytes.to_vec());
            }
        }
        let fault = files.transcript().unwrap_err();
        assert_eq!((fault.file, fault.what), (*name, What::Missing));
    }
}
