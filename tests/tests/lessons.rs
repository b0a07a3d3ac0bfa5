//! Each of the 33 ways in which others lost data has a test that carries its number, and the table of what
//! is taken out to see it fail (`make lessons`) names lines that stand in the sources and tests that exist.

use std::collections::BTreeSet;

use lessons::{LESSONS, faults, lesson_of, root, table, tests};

#[test]
fn each_lesson_has_a_test() {
    let tests = tests(&root()).expect("reads");
    let found: BTreeSet<u32> = tests.keys().filter_map(|test| lesson_of(test)).collect();
    let missing: Vec<u32> = (1..=LESSONS).filter(|n| !found.contains(n)).collect();
    assert!(missing.is_empty(), "no test for lessons {missing:?}");
}

#[test]
fn what_is_taken_out_for_each_test_stands_in_the_sources() {
    let rows = table(&root()).expect("reads");
    let faults = faults(&root(), &rows).expect("reads");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
