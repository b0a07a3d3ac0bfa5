//! The result as it stands after substitutions: what is dispatched, and what can be asked about.

use super::store::{self, Kept};
use crate::db::{Result, Tx};
use crate::draw::store as draws;
use crate::draw::view::{DrawnInspector, ResultRow};

/// The objects that are to be inspected now with their teams, in the order of rank; who replaced
/// another stands at its place.
pub fn standing(tx: &mut Tx<'_>, draw: &str) -> Result<Vec<ResultRow>> {
    let mut rows = draws::result(tx, draw)?;
    for kept in store::rows(tx, draw)? {
        apply(&mut rows, &kept, |object| draws::reserve(tx, draw, object))?;
    }
    Ok(rows)
}

/// One object as it stands now.
pub fn standing_one(tx: &mut Tx<'_>, draw: &str, object: &str) -> Result<Option<ResultRow>> {
    let all = store::rows(tx, draw)?;
    let mut rows = draws::result_of(tx, draw, Some(drawn_at_place_of(&all, object)))?;
    for kept in &all {
        apply(&mut rows, kept, |object| draws::reserve(tx, draw, object))?;
    }
    Ok(rows.into_iter().find(|r| r.object == object))
}

/// The object that was drawn at the place at which another may stand now.
fn drawn_at_place_of<'k>(rows: &'k [Kept], object: &'k str) -> &'k str {
    let replaced = rows.iter().rev().filter(|k| k.kind == "replace");
    replaced.fold(object, |place, k| match k.comes == place {
        true => &k.object,
        false => place,
    })
}

fn apply(
    rows: &mut Vec<ResultRow>,
    kept: &Kept,
    mut reserve: impl FnMut(&str) -> Result<Option<ResultRow>>,
) -> Result<()> {
    let Some(at) = rows.iter().position(|r| r.object == kept.object) else {
        return Ok(());
    };
    let comes = |department: &str| {
        (!kept.comes.is_empty()).then(|| DrawnInspector {
            id: kept.comes.clone(),
            name: kept.comes_name.clone(),
            unit: kept.comes_place.clone(),
            department: department.to_owned(),
        })
    };
    match kept.kind.as_str() {
        "drop" => {
            rows.remove(at);
        }
        "replace" => {
            if let Some(next) = reserve(&kept.comes)? {
                let old = &mut rows[at];
                old.object = next.object;
                old.object_name = next.object_name;
                old.district = next.district;
                old.district_name = next.district_name;
                old.ticket = next.ticket;
            }
        }
        "relief" => {
            let row = &mut rows[at];
            for seats in [&mut row.inspectors, &mut row.experts] {
                let Some(seat) = seats.iter().position(|i| i.id == kept.leaves) else {
                    continue;
                };
                // Who comes is of the same department.
                match comes(&seats[seat].department) {
                    Some(comes) => seats[seat] = comes,
                    None => {
                        seats.remove(seat);
                    }
                }
            }
        }
        "add" => rows[at].inspectors.extend(comes("")),
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(object: &str, team: &[&str]) -> ResultRow {
        ResultRow {
            rank: 1,
            cell: "0001".into(),
            object: object.into(),
            object_name: object.into(),
            district: "440304".into(),
            district_name: String::new(),
            ticket: String::new(),
            inspectors: team.iter().map(|p| person(p)).collect(),
            experts: Vec::new(),
            week: None,
        }
    }

    fn person(id: &str) -> DrawnInspector {
        DrawnInspector {
            id: id.into(),
            name: id.into(),
            unit: "所".into(),
            department: "market".into(),
        }
    }

    #[test]
    fn a_place_leads_back_to_the_object_that_was_drawn() {
        let replace = |object: &str, comes: &str| Kept {
            object: object.into(),
            ..kept("replace", "", comes)
        };
        let rows = [replace("a", "b"), replace("x", "y"), replace("b", "c")];
        assert_eq!(drawn_at_place_of(&rows, "c"), "a");
        assert_eq!(drawn_at_place_of(&rows, "y"), "x");
        assert_eq!(drawn_at_place_of(&rows, "z"), "z");
    }

    fn kept(kind: &str, leaves: &str, comes: &str) -> Kept {
        Kept {
            number: 1,
            request: "r".into(),
            kind: kind.into(),
            object: "a".into(),
            object_name: "a".into(),
            leaves: leaves.into(),
            leaves_name: leaves.into(),
            comes: comes.into(),
            comes_name: comes.into(),
            comes_place: "所".into(),
            ground: "ill".into(),
        }
    }

    // D4: the seat is taken, not the end of the row; the first leads.
    #[rstest::rstest]
    #[case::leader_leaves(kept("relief", "p", "x"), Some(("a", vec!["x", "q"])))]
    #[case::nobody_comes(kept("relief", "p", ""), Some(("a", vec!["q"])))]
    #[case::a_need_is_met(kept("add", "", "x"), Some(("a", vec!["p", "q", "x"])))]
    #[case::the_team_goes_along(kept("replace", "", "b"), Some(("b", vec!["p", "q"])))]
    #[case::dropped(kept("drop", "", ""), None)]
    #[case::only_noted(kept("avoid", "z", ""), Some(("a", vec!["p", "q"])))]
    fn rows_change_what_stands(#[case] kept: Kept, #[case] expected: Option<(&str, Vec<&str>)>) {
        let mut rows = vec![row("a", &["p", "q"])];
        apply(&mut rows, &kept, |o| Ok(Some(row(o, &[])))).unwrap();
        let now = rows.first().map(|r| {
            let team: Vec<&str> = r.inspectors.iter().map(|i| i.id.as_str()).collect();
            (r.object.as_str(), team)
        });
        assert_eq!(now, expected);
    }
}
