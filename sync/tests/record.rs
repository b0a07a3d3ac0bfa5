//! The record document: cells, conflicts, history.

mod common;

use common::*;
use sync::cells::Value;
use sync::record::{NewChange, RecordDoc};

fn put(
    doc: &mut RecordDoc,
    who: (u8, &str),
    path: &str,
    value: impl Into<Value>,
) -> Option<NewChange> {
    doc.edit(
        &author(who.0, who.1),
        NOW + 1,
        &[(path.into(), value.into())],
    )
    .unwrap()
}

const ZHANG: (u8, &str) = (1, "zhang");
const LI: (u8, &str) = (2, "li");
const ANSWER: &str = "point/A1/p1/answer";

#[test]
fn both_answers_to_one_point_are_kept_until_a_person_settles_it() {
    // F5
    let (root, first) = record();
    let mut zhangs = root.clone();
    let mut lis = root.clone();
    let a = put(&mut zhangs, ZHANG, ANSWER, "compliant").unwrap();
    let b = put(&mut lis, LI, ANSWER, "non_compliant").unwrap();

    let log = [&first.bytes[..], &a.bytes, &b.bytes];
    let mut merged = RecordDoc::from_log(task(), log).unwrap();
    let view = merged.view();
    assert_eq!(view.conflicts(), [ANSWER]);
    let mut values: Vec<_> = view.cells[ANSWER]
        .iter()
        .map(|w| w.value.as_str().unwrap())
        .collect();
    values.sort();
    assert_eq!(values, ["compliant", "non_compliant"]);

    // The order of arrival does not matter, neither to the shown value nor to what is signed.
    let other = RecordDoc::from_log(task(), [&first.bytes[..], &b.bytes, &a.bytes]).unwrap();
    assert_eq!(other.heads(), merged.heads());
    assert_eq!(other.view(), view);
    assert_eq!(other.view().canonical(), view.canonical());

    put(&mut merged, ZHANG, ANSWER, "non_compliant")
        .expect("settling is a change, even to the shown value");
    assert!(merged.view().conflicts().is_empty());
    let settled = merged.history().pop().unwrap();
    assert_eq!(
        settled.puts[0].replaced.len(),
        2,
        "the history shows what was settled"
    );
}

#[test]
fn two_people_who_settle_one_conflict_differently_both_stay_visible() {
    // F5: whichever value each of them chose, also the one that was shown already
    for (zhang_says, li_says) in [
        ("compliant", "non_compliant"),
        ("non_compliant", "compliant"),
    ] {
        let (root, first) = record();
        let a = put(&mut root.clone(), ZHANG, ANSWER, "compliant").unwrap();
        let b = put(&mut root.clone(), LI, ANSWER, "non_compliant").unwrap();
        let merged = RecordDoc::from_log(task(), [&first.bytes[..], &a.bytes, &b.bytes]).unwrap();
        let c = put(&mut merged.clone(), ZHANG, ANSWER, zhang_says).unwrap();
        let d = put(&mut merged.clone(), LI, ANSWER, li_says).unwrap();
        let log = [&first, &a, &b, &c, &d].map(|c| &c.bytes[..]);
        let again = RecordDoc::from_log(task(), log).unwrap();
        assert_eq!(
            again.view().conflicts(),
            [ANSWER],
            "{zhang_says} against {li_says}"
        );
    }
}

#[test]
fn two_equal_answers_are_no_conflict() {
    // F5
    let (root, first) = record();
    let a = put(&mut root.clone(), ZHANG, ANSWER, "compliant").unwrap();
    let b = put(&mut root.clone(), LI, ANSWER, "compliant").unwrap();
    let merged = RecordDoc::from_log(task(), [&first.bytes[..], &a.bytes, &b.bytes]).unwrap();
    assert!(merged.view().conflicts().is_empty());
    assert_eq!(merged.view().cells[ANSWER].len(), 2);
    assert!(put(&mut merged.clone(), ZHANG, ANSWER, "compliant").is_none());
}

#[test]
fn writing_the_same_value_again_makes_no_change() {
    let (mut doc, _) = record();
    assert!(put(&mut doc, ZHANG, ANSWER, "compliant").is_some());
    assert!(put(&mut doc, ZHANG, ANSWER, "compliant").is_none());
}

#[test]
fn an_edit_is_refused_as_a_whole_when_one_cell_is_refused() {
    let (mut doc, _) = record();
    let before = doc.heads();
    for bad in [
        "facts/number",
        "point/A1/p99/answer",
        "point/C3/p1/answer",
        "done/1/li",
        "nonsense",
    ] {
        let value: Value = if bad.starts_with("done") {
            1.into()
        } else {
            "x".into()
        };
        let edits = [
            (ANSWER.to_owned(), "compliant".into()),
            (bad.to_owned(), value),
        ];
        doc.edit(&author(1, "zhang"), NOW, &edits).expect_err(bad);
    }
    assert_eq!(doc.heads(), before);
}

#[test]
fn the_view_at_earlier_heads_is_the_record_as_it_was() {
    // V1, F4: legal output is rendered at the signed heads
    let (mut doc, _) = record();
    put(&mut doc, ZHANG, ANSWER, "compliant");
    let signed = doc.heads();
    let bytes = doc.view().canonical();
    put(&mut doc, LI, ANSWER, "non_compliant");
    assert_eq!(doc.view_at(&signed).unwrap().canonical(), bytes);
    assert_ne!(doc.view().canonical(), bytes);
    assert_eq!(doc.since(&signed).len(), 1);
    assert!(doc.view_at(&[sync::ids::Sha256([7; 32])]).is_err());
}

#[test]
fn who_wrote_what_when_can_be_read() {
    // V1
    let (mut doc, _) = record();
    let change = put(&mut doc, LI, ANSWER, "compliant").unwrap();
    let view = doc.view();
    let written = &view.cells[ANSWER][0];
    assert_eq!(
        written.actor,
        author(2, "li").actor(&task()).to_hex_string()
    );
    assert_eq!(written.at, NOW + 1);
    assert_eq!(written.change, change.hash);
    assert_eq!(RecordDoc::load(task(), &doc.save()).unwrap().view(), view);
}
