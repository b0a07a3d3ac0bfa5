//! What holds for every draw, and for every damage to its transcript.

mod common;

use common::{Case, NONCE, Person, inspector, rules};
use draw::*;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const DISTRICTS: [&str; 3] = ["440303", "440304", "440305"];
const NEEDS: [&str; 3] = ["fire", "food", "lift"];
const CODES: [&str; 2] = [common::MARKET, "police"];

/// Some of `from`, in order.
fn some_of(
    from: &'static [&'static str],
    least: usize,
) -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(from, least..=from.len())
}

fn any_case() -> impl Strategy<Value = Case> {
    let objects = proptest::collection::vec((1u16..=3, 0usize..3, some_of(&NEEDS, 0)), 1..60);
    let person = (
        some_of(&DISTRICTS, 1),
        some_of(&NEEDS, 0),
        0u32..6,
        0usize..2,
        prop_oneof![3 => Just(Role::Inspector), 1 => Just(Role::Expert)],
        proptest::sample::select(vec!["", "g1", "g2", "g3"]),
    );
    let inspectors = proptest::collection::vec(person, 4..24);
    let departments = proptest::collection::vec(
        (
            2u32..4,
            prop_oneof![2 => Just(Deal::Person), 1 => Just(Deal::Group)],
            0u32..3,
        ),
        1..3,
    );
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
    (objects, inspectors, avoid, picks, departments, 0u32..4).prop_map(
        |(objects, inspectors, avoid, picks, departments, minimum)| Case {
            name: "any",
            rules: {
                let mut rules = rules("示例抽查〔2026〕9号", picks, 2, &NEEDS, 25, 6);
                rules.district_minimum = minimum;
                for need in &mut rules.needs[1..] {
                    need.department = CODES[departments.len() - 1].into();
                }
                rules.departments = CODES
                    .iter()
                    .zip(&departments)
                    .map(|(code, (team, deal, experts))| Department {
                        deal: *deal,
                        experts: *experts,
                        ..common::department(code, *team)
                    })
                    .collect();
                rules
            },
            objects: (0..)
                .zip(objects)
                .map(|(n, (cell, d, needs))| (format!("object-{n}"), cell, DISTRICTS[d], needs))
                .collect(),
            inspectors: (0..)
                .zip(inspectors)
                .map(
                    |(n, (districts, expertise, capacity, which, role, group))| Person {
                        department: CODES[which % departments.len()],
                        role,
                        group: if role == Role::Expert { "" } else { group },
                        ..inspector(format!("inspector-{n}"), districts, expertise, capacity)
                    },
                )
                .collect(),
            avoid: avoid
                .into_iter()
                .map(|(i, o)| (format!("inspector-{i}"), format!("object-{o}")))
                .collect(),
            excluded: vec![],
            witnesses: vec![("李代表", "0123456789", true)],
            nonce_revealed: true,
            published: false,
            substitute: |_, _| (),
            void: None,
        },
    )
}

/// Objects with their teams, by the ids of the register.
type Teams = Vec<(String, Vec<String>, Vec<String>)>;

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
                d.experts.iter().map(|i| name(i)).collect(),
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
        for (object, team, experts) in &list {
            let (_, _, district, needs) = case.objects.iter().find(|o| o.0 == *object).unwrap();
            let person = |i: &String| case.inspectors.iter().find(|x| x.id == *i).unwrap();
            let all: HashSet<_> = team.iter().chain(experts).collect();
            prop_assert_eq!(all.len(), team.len() + experts.len());
            prop_assert!(all.iter().all(|i| person(i).districts.contains(district)));
            prop_assert!(!all.iter().any(|i| case.avoid.contains(&((*i).clone(), object.clone()))));
            prop_assert!(experts.iter().all(|i| person(i).role == Role::Expert));
            for department in &case.rules.departments {
                let who: Vec<_> = team.iter().map(person).filter(|i| i.department == department.code).collect();
                let own = case.rules.needs.iter().filter(|n| n.department == department.code);
                let needs: Vec<_> = own.filter(|n| needs.contains(&n.code.as_str())).collect();
                prop_assert!(who.len() >= department.team as usize);
                prop_assert!(who.iter().all(|i| i.role == Role::Inspector));
                prop_assert!(needs.iter().all(|n| who.iter().any(|i| i.expertise.contains(&n.code.as_str()))));
                match department.deal {
                    Deal::Person => prop_assert!(who.len() <= (department.team as usize).max(needs.len())),
                    Deal::Group => {
                        let group = case.inspectors.iter().filter(|i| i.department == department.code
                            && i.role == Role::Inspector && i.group == who[0].group);
                        prop_assert_eq!(group.count(), who.len());
                        prop_assert!(!who[0].group.is_empty() && who.iter().all(|i| i.group == who[0].group));
                    }
                }
            }
        }
        // Every object is either in the frame or excluded, and the drawn are as many as the forecast says.
        let forecast = forecast(&case.rules, &case.pools()).unwrap();
        prop_assert!(forecast.cells.iter().map(|c| c.drawn).sum::<u64>() <= list.len() as u64);
        if case.rules.district_minimum == 0 {
            prop_assert_eq!(forecast.cells.iter().map(|c| c.drawn).sum::<u64>(), list.len() as u64);
        }
        for d in &forecast.districts {
            let of = |o: &String| case.objects.iter().any(|x| x.0 == *o && x.2 == d.district);
            prop_assert!(list.iter().filter(|(o, _, _)| of(o)).count() as u64 >= d.least);
        }
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
        case.rules.departments[0].team = team;
        case.rules.cells[0].pick = Pick::Ppm(1_000_000);
        case.objects.truncate(objects);
        case.inspectors.truncate(inspectors);
        case.inspectors.iter_mut().for_each(|i| i.capacity = capacity);
        let (list, _) = drawn(&case, &seed).unwrap();
        let mut load: HashMap<String, usize> = case.inspectors.iter().map(|i| (i.id.clone(), 0)).collect();
        list.iter().flat_map(|(_, team, _)| team).for_each(|i| *load.get_mut(i).unwrap() += 1);
        let (least, most) = (load.values().min().unwrap(), load.values().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", load);
    }

    #[test]
    fn a_larger_number_extends_a_smaller_one(case in any_case(), seed in any_seed(), more in 1u32..10) {
        // D2, D4: reserves are what a larger number would have drawn.
        // A minimum fills up what a smaller number leaves open, so it need not.
        let mut case = case;
        case.rules.district_minimum = 0;
        let Some((list, _)) = drawn(&case, &seed) else { return Ok(()) };
        let mut larger = case.clone();
        for cell in &mut larger.rules.cells {
            cell.pick = match cell.pick { Pick::Number(n) => Pick::Number(n + more), Pick::Ppm(p) => Pick::Ppm((p + more * 50_000).min(1_000_000)) };
        }
        let (larger, _) = drawn(&larger, &seed).unwrap();
        let larger: HashSet<&String> = larger.iter().map(|(o, _, _)| o).collect();
        prop_assert!(list.iter().all(|(o, _, _)| larger.contains(o)));
    }

    #[test]
    fn dealing_is_what_the_words_of_the_specification_say(case in any_case(), seed in any_seed()) {
        // D1: SPEC.md §6 played with real cards, one after the other, against the fast way.
        let Some((_, sealed)) = drawn(&case, &seed) else { return Ok(()) };
        let frame = Frame::read(&sealed.committed(), &sealed.manifest).unwrap();
        let outcome = frame.draw(&seed).unwrap();
        let text = |ids: &[&str]| ids.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
        let fast: Vec<_> = outcome.drawn.iter().map(|d| (text(&d.inspectors), text(&d.experts))).collect();
        prop_assert_eq!(by_hand::deal(&sealed, &seed, &outcome, &case.rules), fast);
        let selected: Vec<&str> = outcome.drawn.iter().map(|d| d.object).collect();
        let reserves: Vec<&str> = outcome.reserves.iter().map(|r| r.object).collect();
        prop_assert_eq!(by_hand::select(&sealed, &seed, &case.rules), (text(&selected), text(&reserves)));
    }
}

/// The draw as a clerk would do it, with lists and with decks laid out on a table.
mod by_hand {
    use super::*;

    /// Lines of a file as fields.
    fn rows(b: &[u8]) -> Vec<Vec<String>> {
        let text = String::from_utf8(b.to_vec()).unwrap();
        let fields = |l: &str| l.split(',').map(str::to_owned).collect();
        text.lines().skip(1).map(fields).collect()
    }

    fn has(list: &str, word: &str) -> bool {
        list.split(' ').any(|w| w == word)
    }

    fn words(list: &str) -> Vec<&str> {
        list.split(' ').filter(|w| !w.is_empty()).collect()
    }

    /// The drawn in order of rank, and the reserves.
    pub fn select(sealed: &Sealed, seed: &str, rules: &Rules) -> (Vec<String>, Vec<String>) {
        let mut all = rows(&sealed.objects);
        all.sort_by_key(|f| ticket(seed, "object", &f[1]));
        let mut drawn: Vec<&Vec<String>> = Vec::new();
        for cell in &rules.cells {
            let of: Vec<_> = all.iter().filter(|f| f[0] == cell.cell).collect();
            drawn.extend(&of[..cell.pick.of(of.len() as u64) as usize]);
        }
        let districts: HashSet<&String> = all.iter().map(|f| &f[2]).collect();
        for district in districts {
            for f in all.iter().filter(|f| f[2] == *district) {
                let there = drawn.iter().filter(|d| d[2] == *district).count();
                if there < rules.district_minimum as usize && !drawn.contains(&f) {
                    drawn.push(f);
                }
            }
        }
        let id = |f: &&Vec<String>| f[1].clone();
        let mut reserves = Vec::new();
        for cell in &rules.cells {
            let rest = all
                .iter()
                .filter(|f| f[0] == cell.cell && !drawn.contains(f));
            reserves.extend(rest.map(|f| f[1].clone()).take(cell.reserves as usize));
        }
        drawn.sort_by_key(|f| ticket(seed, "object", &f[1]));
        (drawn.iter().map(id).collect(), reserves)
    }

    /// A table with the decks of those who are dealt for the same seats.
    #[derive(Default)]
    struct Table {
        cards: Vec<String>,
        decks: u32,
        dealt: HashMap<String, u64>,
        raised: u64,
    }

    impl Table {
        /// The first card that fits and whose holder has room; `holders` with their capacity.
        fn take(
            &mut self,
            seed: &str,
            holders: &HashMap<String, u64>,
            fits: impl Fn(&str) -> bool,
        ) -> Option<String> {
            if !holders.keys().any(|h| fits(h)) {
                return None;
            }
            loop {
                let room =
                    |h: &String| self.dealt.get(h).copied().unwrap_or(0) < holders[h] + self.raised;
                if let Some(at) = self.cards.iter().position(|h| fits(h) && room(h)) {
                    let card = self.cards.remove(at);
                    *self.dealt.entry(card.clone()).or_default() += 1;
                    return Some(card);
                }
                if holders.keys().any(|h| fits(h) && room(h)) {
                    self.decks += 1;
                    let deck = format!("deck/{}", self.decks);
                    let mut cards: Vec<String> = holders.keys().cloned().collect();
                    cards.sort_by_key(|h| ticket(seed, &deck, h));
                    self.cards.extend(cards);
                } else {
                    self.raised += 1;
                }
            }
        }
    }

    pub fn deal(
        sealed: &Sealed,
        seed: &str,
        outcome: &Outcome<'_>,
        rules: &Rules,
    ) -> Vec<(Vec<String>, Vec<String>)> {
        let by_id = |b: &[u8], column: usize| -> HashMap<String, Vec<String>> {
            let named = |f: Vec<String>| (f[column].clone(), f);
            rows(b).into_iter().map(named).collect()
        };
        let people = by_id(&sealed.inspectors, 0);
        let objects = by_id(&sealed.objects, 1);
        let pair = |f: Vec<String>| (f[0].clone(), f[1].clone());
        let avoid: HashSet<_> = rows(&sealed.avoid).into_iter().map(pair).collect();
        let eligible = |i: &str, object: &Vec<String>| {
            has(&people[i][5], &object[2]) && !avoid.contains(&(i.to_owned(), object[1].clone()))
        };
        let meets = |i: &str, need: &str| has(&people[i][6], need);
        let mut out: Vec<(Vec<String>, Vec<String>)> =
            vec![Default::default(); outcome.drawn.len()];
        for department in &rules.departments {
            let its = |role: &str| -> HashMap<String, u64> {
                let ours = |f: &&Vec<String>| f[1] == department.code && f[2] == role;
                let capacity = |f: &Vec<String>| (f[0].clone(), f[7].parse().unwrap());
                people.values().filter(ours).map(capacity).collect()
            };
            let (inspectors, experts) = (its("inspector"), its("expert"));
            let mut groups: HashMap<String, Vec<String>> = HashMap::new();
            for i in inspectors.keys().filter(|i| !people[*i][4].is_empty()) {
                let id = format!("{}/{}", department.code, people[i][4]);
                groups.entry(id).or_default().push(i.clone());
            }
            groups.retain(|_, m| (department.team as usize..=10).contains(&m.len()));
            let least = |m: &Vec<String>| m.iter().map(|i| inspectors[i]).min().unwrap();
            let of_groups = groups.iter().map(|(g, m)| (g.clone(), least(m))).collect();
            let (mut table, mut beside) = (Table::default(), Table::default());
            for (d, (team, assisting)) in outcome.drawn.iter().zip(&mut out) {
                let object = &objects[d.object];
                let all = words(&object[3]);
                let own = |need: &&&str| {
                    rules
                        .needs
                        .iter()
                        .any(|n| n.code == **need && n.department == department.code)
                };
                let needs: Vec<&str> = all.iter().filter(own).copied().collect();
                if department.deal == Deal::Group {
                    let fits = |g: &str| {
                        groups[g].iter().all(|i| eligible(i, object))
                            && needs.iter().all(|n| groups[g].iter().any(|i| meets(i, n)))
                    };
                    let group = table.take(seed, &of_groups, fits).unwrap();
                    let mut members = groups[&group].clone();
                    members.sort_by_key(|i| ticket(seed, "deck/1", i));
                    team.extend(members);
                } else {
                    let mut members: Vec<String> = Vec::new();
                    let mut seats: Vec<Option<&str>> = needs.iter().map(|n| Some(*n)).collect();
                    seats.extend(std::iter::repeat_n(None, department.team as usize));
                    for seat in seats {
                        match seat {
                            Some(need) if members.iter().any(|m| meets(m, need)) => continue,
                            None if members.len() >= department.team as usize => continue,
                            _ => {}
                        }
                        let fits = |i: &str| {
                            eligible(i, object)
                                && seat.is_none_or(|need| meets(i, need))
                                && !members.iter().any(|m| m == i)
                        };
                        let card = table.take(seed, &inspectors, fits).unwrap();
                        members.push(card);
                    }
                    team.extend(members);
                }
                for _ in 0..department.experts {
                    let fits = |i: &str| {
                        eligible(i, object)
                            && (all.is_empty() || all.iter().any(|need| meets(i, need)))
                            && !assisting.iter().any(|m| m == i)
                    };
                    assisting.extend(beside.take(seed, &experts, fits));
                }
            }
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
        // Nothing but its own text stands for the reason in `void.json`.
        .filter(|name| files.get(name).is_some() && *name != "void.json")
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
        // A forger who makes the hashes fit again is found by the draw itself, where it was drawn; else by the
        // commitment that was published.
        if files.transcript().unwrap().drawn.is_none() {
            return Ok(());
        }
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
