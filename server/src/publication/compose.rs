//! From a sealed and accepted record to what the public reads. Pure.

use ::sync::facts::TaskFacts;
use ::sync::record::View;
use chrono::NaiveDate;

use super::{
    Category, Chain, Correction, PublicItem, PublicPerson, PublicResult, public_code, publicity,
};

/// Version of the published form.
const FORM: u32 = 1;

/// What a publication is made of.
pub struct Material<'a> {
    pub facts: &'a TaskFacts,
    pub draw: &'a str,
    /// The record at its sealed heads.
    pub view: &'a View,
    /// Who wrote in it; ids of persons.
    pub writers: &'a [String],
    pub inspected_on: NaiveDate,
    pub reviewed: Option<PublicPerson>,
}

/// Why something cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotPublish {
    /// D6, U1: review comes first.
    #[error("the record has not been accepted")]
    NotAccepted,
    #[error("item {0} has no result category")]
    NoResult(String),
    #[error("a correction must change something")]
    NothingCorrected,
    #[error("item {0} is not part of this inspection")]
    UnknownItem(String),
}

/// The first version.
pub fn compose(
    material: &Material<'_>,
    published: PublicPerson,
    on: NaiveDate,
) -> Result<PublicResult, CannotPublish> {
    let reviewed = material
        .reviewed
        .clone()
        .ok_or(CannotPublish::NotAccepted)?;
    let facts = material.facts;
    let items = facts.sheets.iter().map(|sheet| {
        let results = results(material.view, &sheet.item);
        if results.is_empty() {
            return Err(CannotPublish::NoResult(sheet.name.clone()));
        }
        let (item, name) = (sheet.item.clone(), sheet.name.clone());
        Ok(PublicItem {
            item,
            name,
            version: sheet.version,
            results,
        })
    });
    Ok(PublicResult {
        v: FORM,
        task: facts.task.to_string(),
        number: facts.number.clone(),
        title: facts.title.clone(),
        draw: material.draw.to_owned(),
        version: 1,
        object_name: facts.object.name.clone(),
        object_code: public_code(&facts.object.code),
        department: facts.department.clone(),
        department_name: facts.department_name.clone(),
        inspected_on: material.inspected_on,
        published_on: on,
        publicity_until: publicity(on).date,
        items: items.collect::<Result<_, _>>()?,
        chain: Chain {
            inspected: team(material.view, |role, status, _| {
                role != "expert" && status == "active"
            }),
            // Whoever was relieved in the middle answers for what they entered (X5).
            entered: team(material.view, |_, _, person| {
                material.writers.iter().any(|w| w == person)
            }),
            reviewed,
            published,
        },
        corrections: Vec::new(),
    })
}

/// The next version, with other categories for some items (U6).
pub fn correct(
    current: &PublicResult,
    changed: &[(String, Vec<Category>)],
    reason: &str,
    by: PublicPerson,
    on: NaiveDate,
) -> Result<PublicResult, CannotPublish> {
    let mut next = current.clone();
    for (item, results) in changed {
        let of_item = next.items.iter_mut().find(|i| i.item == *item);
        let of_item = of_item.ok_or_else(|| CannotPublish::UnknownItem(item.clone()))?;
        let mut results = results.clone();
        results.sort();
        results.dedup();
        if results.is_empty() {
            return Err(CannotPublish::NoResult(of_item.name.clone()));
        }
        of_item.results = results;
    }
    if next.items == current.items {
        return Err(CannotPublish::NothingCorrected);
    }
    next.version += 1;
    next.corrections.push(Correction {
        version: next.version,
        on,
        reason: reason.to_owned(),
        by,
    });
    Ok(next)
}

/// The categories that the record has for an item, in the order of the plan.
pub fn results(view: &View, item: &str) -> Vec<Category> {
    let ticked = |c: &Category| view.is_true(&format!("result/{item}/{}", c.code()));
    Category::ALL.into_iter().filter(ticked).collect()
}

fn team(view: &View, wanted: impl Fn(&str, &str, &str) -> bool) -> Vec<PublicPerson> {
    let text = |person: &str, word: &str| view.text(&format!("team/{person}/{word}")).to_owned();
    let mut people: Vec<(bool, PublicPerson)> = view
        .entries("team")
        .into_iter()
        .filter(|p| wanted(&text(p, "role"), &text(p, "status"), p))
        .map(|p| {
            (
                text(p, "role") != "leader",
                PublicPerson {
                    name: text(p, "name"),
                    unit: text(p, "unit"),
                },
            )
        })
        .collect();
    // The leader stands first.
    people.sort_by_key(|(not_leader, _)| *not_leader);
    people.into_iter().map(|(_, person)| person).collect()
}

#[cfg(test)]
mod tests {
    use ::sync::author::Author;
    use ::sync::record::RecordDoc;

    use super::*;
    use crate::review::sample;

    fn person(name: &str) -> PublicPerson {
        PublicPerson {
            name: name.into(),
            unit: "示例局".into(),
        }
    }

    fn record(cells: &[(&str, bool)]) -> View {
        let (facts, team, server) = (sample::facts(), sample::team(), sample::key(1));
        let (mut doc, _) = RecordDoc::create(&Author::server(server), &facts, &team, 1).unwrap();
        let author = Author {
            device: sample::key(2),
            person: "p-1".into(),
            epoch: 0,
        };
        let edits: Vec<_> = cells
            .iter()
            .map(|(p, v)| ((*p).to_owned(), (*v).into()))
            .collect();
        if !edits.is_empty() {
            doc.edit(&author, 2, &edits).unwrap();
        }
        doc.view()
    }

    fn publish(view: &View, reviewed: bool) -> Result<PublicResult, CannotPublish> {
        let facts = sample::facts();
        let material = Material {
            facts: &facts,
            draw: "d",
            view,
            writers: &["p-1".to_owned()],
            inspected_on: "2026-11-24".parse().unwrap(),
            reviewed: reviewed.then(|| person("审核人")),
        };
        compose(&material, person("公示人"), "2026-11-25".parse().unwrap())
    }

    // U3, D6
    #[rstest::rstest]
    #[case::two_categories(&[("result/SP-01/other", true), ("result/SP-01/ordered_to_correct", true)], true,
        Ok(vec![Category::OrderedToCorrect, Category::Other]))]
    #[case::one_taken_back(&[("result/SP-01/other", false), ("result/SP-01/no_problem", true)], true,
        Ok(vec![Category::NoProblem]))]
    #[case::no_category(&[], true, Err(CannotPublish::NoResult("食品销售检查".into())))]
    #[case::not_accepted(&[("result/SP-01/no_problem", true)], false, Err(CannotPublish::NotAccepted))]
    fn a_result_is_published(
        #[case] cells: &[(&str, bool)],
        #[case] accepted: bool,
        #[case] expected: Result<Vec<Category>, CannotPublish>,
    ) {
        let published = publish(&record(cells), accepted);
        assert_eq!(published.map(|p| p.items[0].results.clone()), expected);
    }

    #[test]
    fn the_chain_says_who_inspected_and_who_entered() {
        // U2
        let result = publish(&record(&[("result/SP-01/no_problem", true)]), true).unwrap();
        let names = |people: &[PublicPerson]| -> Vec<String> {
            people.iter().map(|p| p.name.clone()).collect()
        };
        assert_eq!(names(&result.chain.inspected), ["张甲", "李乙"]);
        assert_eq!(names(&result.chain.entered), ["张甲"]);
        assert_eq!(
            (
                result.chain.reviewed.name.as_str(),
                result.chain.published.name.as_str()
            ),
            ("审核人", "公示人")
        );
    }

    #[test]
    fn telephone_address_and_persons_of_the_object_stay_inside() {
        // U3, S3
        let result = publish(&record(&[("result/SP-01/no_problem", true)]), true).unwrap();
        let text = serde_json::to_string(&result).unwrap();
        let facts = sample::facts();
        for private in [
            &facts.object.contact,
            &facts.object.responsible,
            &facts.object.address,
        ] {
            assert!(!text.contains(private.as_str()), "{private}");
        }
    }

    #[test]
    fn a_correction_is_a_new_version_that_says_why() {
        // U6
        let first = publish(&record(&[("result/SP-01/no_problem", true)]), true).unwrap();
        let on = "2026-11-26".parse().unwrap();
        let change = [(
            "SP-01".to_owned(),
            vec![Category::Other, Category::Pending, Category::Other],
        )];
        let second = correct(&first, &change, "录入有误", person("公示人"), on).unwrap();
        assert_eq!(second.version, 2);
        assert_eq!(
            second.items[0].results,
            [Category::Pending, Category::Other]
        );
        assert_eq!(second.corrections[0].reason, "录入有误");
        assert_eq!(
            (second.published_on, second.publicity_until),
            (first.published_on, first.publicity_until)
        );
    }

    // U6
    #[rstest::rstest]
    #[case::nothing(vec![], CannotPublish::NothingCorrected)]
    #[case::the_same(vec![("SP-01", vec![Category::NoProblem])], CannotPublish::NothingCorrected)]
    #[case::no_category(vec![("SP-01", vec![])], CannotPublish::NoResult("食品销售检查".into()))]
    #[case::another_item(vec![("X", vec![Category::Other])], CannotPublish::UnknownItem("X".into()))]
    fn a_correction_is_refused(
        #[case] change: Vec<(&str, Vec<Category>)>,
        #[case] expected: CannotPublish,
    ) {
        let first = publish(&record(&[("result/SP-01/no_problem", true)]), true).unwrap();
        let change: Vec<_> = change.into_iter().map(|(i, c)| (i.to_owned(), c)).collect();
        let on = "2026-11-26".parse().unwrap();
        assert_eq!(
            correct(&first, &change, "理由", person("甲"), on).unwrap_err(),
            expected
        );
    }
}
