//! What holds for every draw, and for every damage to its transcript.

mod common;

use common::{Case, NONCE, rules};
use draw::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const DISTRICTS: [&str; 3] = ["440303", "440304", "440305"];
const NEEDS: [&str; 3] = ["fire", "food", "lift"];

/// Some of `from`, in order.
fn some_of(
    from: &'static [&'static str],
    least: usize,
) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(from, least..=from.len())
}

fn any_case() -> impl Strategy<Value = Case> {
    let objects = proptest::collection::vec((1u16..=3, 0usize..3, some_of(&NEEDS, 0)), 1..60);
    let inspectors =
        proptest::collection::vec((some_of(&DISTRICTS, 0), some_of(&NEEDS, 0), 0u32..6), 2..12);
    let avoid = proptest::collection::vec((0usize..12, 0usize..60), 0..30);
    let picks = proptest::collection::vec(
        (
            prop_oneof![
                (0u32..30).prop_map(Pick::Number),
                (0u32..=1_000_000).prop_map(Pick::Ppm)
            ],
            0u32..5,
        ),
        3..=3,
    );
    (objects, inspectors, avoid, picks, 2u32..5).prop_map(
        |(objects, inspectors, avoid, picks, team)| Case {
            name: "any",
            rules: rules("示例抽查〔2026〕9号", picks, team, &NEEDS, 25, 6),
            objects: (0..)
                .zip(objects)
                .map(|(n, (cell, d, needs))| (format!("object-{n}"), cell, DISTRICTS[d], needs))
                .collect(),
            inspectors: (0..)
                .zip(inspectors)
                .map(|(n, (d, e, c))| (format!("inspector-{n}"), d, e, c))
                .collect(),
            avoid: avoid
                .into_iter()
                .map(|(i, o)| (format!("inspector-{i}"), format!("object-{o}")))
                .collect(),
            excluded: vec![],
            witnesses: vec![("李代表", "0123456789", true)],
            nonce_revealed: true,
            published: false,
            substitute: false,
        },
    )
}

/// Objects with their teams, by the ids of the register.
type Teams = Vec<(String, Vec<String>)>;

/// Commits and draws, in the words of the register again; `None` where nothing is left to draw.
fn drawn(case: &Case, seed: &str) -> Option<(Teams, Sealed)> {
    let sealed = match commit(&case.rules, &common::KEY, &case.pools()) {
        Ok(sealed) => sealed,
        Err(BuildError::NothingToDraw) => return None,
        Err(e) => panic!("{e}"),
    };
    let openings = std::str::from_utf8(&sealed.openings).unwrap();
    let names: HashMap<String, &str> = openings
        .lines()
        .skip(1)
        .map(|l| {
            let f: Vec<&str> = l.split(',').collect();
            (open(f[2], f[1]), f[1])
        })
        .collect();
    let frame = Frame::read(&sealed.committed(), &sealed.manifest).unwrap();
    let outcome = frame.draw(seed).unwrap();
    let name = |hash: &str| names[hash].to_owned();
    let list = outcome
        .drawn
        .iter()
        .map(|d| {
            (
                name(d.object),
                d.inspectors.iter().map(|i| name(i)).collect(),
            )
        })
        .collect();
    Some((list, sealed))
}

fn any_seed() -> impl Strategy<Value = String> {
    any::<u64>().prop_map(|n| sha256_hex(&n.to_be_bytes()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn teams_are_whole_distinct_eligible_and_nobody_meets_whom_they_must_avoid(case in any_case(), seed in any_seed()) {
        // D1, I3
        let Some((list, sealed)) = drawn(&case, &seed) else { return Ok(()) };
        for (object, team) in &list {
            let (_, _, district, needs) = case.objects.iter().find(|o| o.0 == *object).unwrap();
            let who: Vec<_> = team.iter().map(|i| case.inspectors.iter().find(|x| x.0 == *i).unwrap()).collect();
            prop_assert!(team.len() >= case.rules.team as usize);
            prop_assert!(team.len() <= (case.rules.team as usize).max(needs.len()));
            prop_assert_eq!(team.iter().collect::<HashSet<_>>().len(), team.len());
            prop_assert!(who.iter().all(|i| i.1.contains(district)));
            prop_assert!(needs.iter().all(|n| who.iter().any(|i| i.2.contains(n))));
            prop_assert!(!team.iter().any(|i| case.avoid.contains(&(i.clone(), object.clone()))));
        }
        // Every object is either in the frame or excluded, and the drawn are as many as the forecast says.
        let forecast = forecast(&case.rules, &case.pools()).unwrap();
        prop_assert_eq!(forecast.cells.iter().map(|c| c.drawn).sum::<u64>(), list.len() as u64);
        let lines = |b: &[u8]| b.iter().filter(|c| **c == b'\n').count() - 1;
        prop_assert_eq!(lines(&sealed.objects) + lines(&sealed.excluded), case.objects.len());
    }

    #[test]
    fn the_order_of_registers_does_not_matter(case in any_case(), seed in any_seed()) {
        // D2
        let mut other = case.clone();
        other.objects.reverse();
        other.inspectors.rotate_left(1);
        other.avoid.reverse();
        prop_assert_eq!(drawn(&case, &seed), drawn(&other, &seed));
    }

    #[test]
    fn loads_differ_by_one_at_most_where_nothing_constrains(
        objects in 1usize..80, inspectors in 2usize..12, team in 2u32..4, capacity in 0u32..4, seed in any_seed()
    ) {
        // D1: capacity is soft, so it does not constrain either where all have the same.
        prop_assume!(inspectors >= team as usize);
        let mut case = common::cases().remove(0);
        case.rules.team = team;
        case.rules.cells[0].pick = Pick::Ppm(1_000_000);
        case.objects.truncate(objects);
        case.inspectors.truncate(inspectors);
        case.inspectors.iter_mut().for_each(|i| i.3 = capacity);
        let (list, _) = drawn(&case, &seed).unwrap();
        let mut load: HashMap<String, usize> = case.inspectors.iter().map(|i| (i.0.clone(), 0)).collect();
        list.iter().flat_map(|(_, team)| team).for_each(|i| *load.get_mut(i).unwrap() += 1);
        let (least, most) = (load.values().min().unwrap(), load.values().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", load);
    }

    #[test]
    fn a_larger_number_extends_a_smaller_one(case in any_case(), seed in any_seed(), more in 1u32..10) {
        // D2, D4: reserves are what a larger number would have drawn.
        let Some((list, _)) = drawn(&case, &seed) else { return Ok(()) };
        let mut larger = case.clone();
        for cell in &mut larger.rules.cells {
            cell.pick = match cell.pick { Pick::Number(n) => Pick::Number(n + more), Pick::Ppm(p) => Pick::Ppm((p + more * 50_000).min(1_000_000)) };
        }
        let (larger, _) = drawn(&larger, &seed).unwrap();
        let larger: HashSet<&String> = larger.iter().map(|(o, _)| o).collect();
        prop_assert!(list.iter().all(|(o, _)| larger.contains(o)));
    }

    #[test]
    fn dealing_is_what_the_words_of_the_specification_say(case in any_case(), seed in any_seed()) {
        // D1: SPEC.md §6 played with real cards, one after the other, against the fast way.
        let Some((_, sealed)) = drawn(&case, &seed) else { return Ok(()) };
        let frame = Frame::read(&sealed.committed(), &sealed.manifest).unwrap();
        let outcome = frame.draw(&seed).unwrap();
        let by_hand = by_hand::deal(&sealed, &seed, &outcome, case.rules.team as usize);
        let fast: Vec<Vec<String>> =
            outcome.drawn.iter().map(|d| d.inspectors.iter().map(|i| (*i).to_owned()).collect()).collect();
        prop_assert_eq!(by_hand, fast);
    }
}

/// Dealing as a clerk would do it, with decks laid out on a table.
mod by_hand {
    use super::*;

    pub fn deal(
        sealed: &Sealed,
        seed: &str,
        outcome: &Outcome<'_>,
        team: usize,
    ) -> Vec<Vec<String>> {
        let rows = |b: &[u8]| -> Vec<Vec<String>> {
            let text = String::from_utf8(b.to_vec()).unwrap();
            text.lines()
                .skip(1)
                .map(|l| l.split(',').map(str::to_owned).collect())
                .collect()
        };
        let inspectors: HashMap<String, Vec<String>> = rows(&sealed.inspectors)
            .into_iter()
            .map(|f| (f[0].clone(), f))
            .collect();
        let objects: HashMap<String, Vec<String>> = rows(&sealed.objects)
            .into_iter()
            .map(|f| (f[1].clone(), f))
            .collect();
        let avoid: HashSet<(String, String)> = rows(&sealed.avoid)
            .into_iter()
            .map(|f| (f[0].clone(), f[1].clone()))
            .collect();
        let has = |list: &str, word: &str| list.split(' ').any(|w| w == word);
        let mut table: Vec<String> = Vec::new();
        let mut deck = 0;
        let mut dealt: HashMap<String, u64> = HashMap::new();
        let mut raised = 0;
        let mut out = Vec::new();
        for d in &outcome.drawn {
            let object = &objects[d.object];
            let mut members: Vec<String> = Vec::new();
            let needs: Vec<&str> = object[3].split(' ').filter(|n| !n.is_empty()).collect();
            let mut seats: Vec<Option<&str>> = needs.iter().map(|n| Some(*n)).collect();
            seats.extend(std::iter::repeat_n(None, team));
            for seat in seats {
                match seat {
                    Some(need) if members.iter().any(|m| has(&inspectors[m][3], need)) => continue,
                    None if members.len() >= team => continue,
                    _ => {}
                }
                let fits = |i: &String| {
                    let f = &inspectors[i];
                    has(&f[2], &object[2])
                        && seat.is_none_or(|need| has(&f[3], need))
                        && !avoid.contains(&(i.clone(), d.object.to_owned()))
                        && !members.contains(i)
                };
                let chosen = loop {
                    let room = |i: &String| {
                        dealt.get(i).copied().unwrap_or(0)
                            < inspectors[i][4].parse::<u64>().unwrap() + raised
                    };
                    if let Some(at) = table.iter().position(|i| fits(i) && room(i)) {
                        break table.remove(at);
                    }
                    if inspectors.keys().any(|i| fits(i) && room(i)) {
                        deck += 1;
                        let mut cards: Vec<String> = inspectors.keys().cloned().collect();
                        cards.sort_by_key(|i| ticket(seed, &format!("deck/{deck}"), i));
                        table.extend(cards);
                    } else {
                        raised += 1;
                    }
                };
                *dealt.entry(chosen.clone()).or_default() += 1;
                members.push(chosen);
            }
            out.push(members);
        }
        out
    }
}

static HONEST: LazyLock<Vec<Files>> =
    LazyLock::new(|| common::cases().iter().map(Case::files).collect());

fn names(files: &Files) -> Vec<&'static str> {
    FILES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| files.get(name).is_some())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn any_changed_byte_is_found(
        which in any::<prop::sample::Index>(), file in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(), how in 0..3
    ) {
        // D2
        let mut files = which.get(&HONEST).clone();
        let name = *file.get(&names(&files));
        let honest = files.get(name).unwrap().to_vec();
        let mut bytes = honest.clone();
        let at = at.index(bytes.len());
        match how {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => { bytes.remove(at); }
        }
        prop_assume!(bytes != honest);
        files.insert(name, bytes.clone());
        let found = verify(&files.transcript().unwrap());
        prop_assert!(found.is_err(), "{name} byte {at}");
        // A forger who makes the hashes fit again is found by the draw itself.
        common::rehash(&mut files);
        if files.get(name) == Some(bytes.as_slice()) {
            prop_assert!(verify(&files.transcript().unwrap()).is_err(), "{name} byte {at}, rehashed");
        }
    }

    #[test]
    fn nothing_makes_the_verifier_panic(
        which in any::<prop::sample::Index>(), file in any::<prop::sample::Index>(),
        text in "([0-9a-z,\\n \"{}:]{0,80}|\\PC{0,40}\\n)", at in any::<prop::sample::Index>()
    ) {
        let mut files = which.get(&HONEST).clone();
        let name = *file.get(&names(&files));
        let mut bytes = files.get(name).unwrap().to_vec();
        let at = at.index(bytes.len());
        bytes.splice(at..at, text.bytes());
        files.insert(name, bytes);
        let _ = verify(&files.transcript().unwrap());
        common::rehash(&mut files);
        let _ = verify(&files.transcript().unwrap());
    }
}

#[test]
fn chance_is_the_only_thing_that_decides() {
    // D2: over many seeds every object of a frame is drawn about equally often.
    let case = common::cases().remove(0);
    let sealed = case.sealed();
    let frame = Frame::read(&sealed.committed(), &sealed.manifest).unwrap();
    let mut count: HashMap<&str, u32> = HashMap::new();
    for n in 0..400u32 {
        let outcome = frame
            .draw(&sha256_hex(format!("{NONCE}{n}").as_bytes()))
            .unwrap();
        outcome
            .drawn
            .iter()
            .for_each(|d| *count.entry(d.object).or_default() += 1);
    }
    // 400 draws of 50 out of 105: 190.5 expected, standard deviation 10; six of them are 60.
    assert_eq!(count.len(), 105);
    assert!(count.values().all(|n| (130..=251).contains(n)), "{count:?}");
}
