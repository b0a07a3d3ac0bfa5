//! That draws look like chance: the tests of `make fairness`, with fewer draws. The seeds are fixed, so the figures
//! are, too. (D1, D2)
#![allow(dead_code)]

#[path = "../examples/fairness/stats.rs"]
mod stats;
#[path = "../examples/fairness/study.rs"]
mod study;

use study::Row;

fn fair(rows: &[Row]) {
    for row in rows {
        let p = row.chi.p();
        assert!((0.002..0.998).contains(&p), "{}: p = {p}", row.en);
    }
}

#[test]
fn selection_is_fair() {
    fair(&study::selection(1500).unwrap().0);
    fair(&study::positions(1500).unwrap());
    fair(&study::cells(1500).unwrap());
}

#[test]
fn dealing_is_fair() {
    fair(&study::dealing(600).unwrap());
    fair(&study::modes(400).unwrap());
}

#[test]
fn systematic_sampling_is_found_out() {
    let (rows, picture) = study::systematic(1500);
    for row in rows {
        assert!(row.chi.p() < 1e-9, "{}", row.en);
    }
    assert_eq!(picture.share[100..], [0.0; 5]);
}

// The tails of chi-square as tables give them.
#[test]
fn chi_square_is_that_of_tables() {
    for (square, df, p) in [
        (3.841, 1.0, 0.05),
        (18.307, 10.0, 0.05),
        (124.342, 100.0, 0.05),
        (70.065, 100.0, 0.99),
    ] {
        let found = stats::Chi { square, df }.p();
        assert!((found - p).abs() < 1e-4, "{square} {df}: {found}");
    }
    let all: f64 = stats::hypergeometric(105, 50).iter().sum();
    assert!((all - 1.0).abs() < 1e-6, "{all}");
}
