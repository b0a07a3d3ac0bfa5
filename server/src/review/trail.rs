//! Who wrote what when (V1): the history of a record in people's names.

use std::collections::{BTreeMap, HashMap};

use ::sync::cells::Value;
use ::sync::facts::CheckSheet;
use ::sync::ids::Sha256;
use ::sync::record::{HistoryEntry, View, Written};

use super::labels;
use super::types::{Relieved, Settled, Step, StepPut, ValueView};

/// The author of one change, from the change log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// Empty: the server.
    pub person: String,
    pub person_name: String,
    pub device_name: Option<String>,
    /// The office's clock.
    pub received_at: i64,
    /// Where the author was relieved since.
    pub relieved: Option<Relieved>,
}

/// The authors of a record's changes.
pub type Writers = HashMap<Sha256, Writer>;

/// A value with its author.
pub fn value_view(writers: &Writers, path: &str, written: &Written) -> ValueView {
    let writer = writers.get(&written.change);
    ValueView {
        value: labels::shown(path, &written.value),
        person_name: writer.map_or_else(|| "未知".to_owned(), |w| w.person_name.clone()),
        at: written.at,
        device: writer.and_then(|w| w.device_name.clone()),
        relieved: writer.and_then(|w| w.relieved),
    }
}

/// All distinct values of a cell; two people with the same answer are no conflict.
pub fn values(writers: &Writers, view: &View, path: &str) -> Vec<ValueView> {
    let mut seen: Vec<&Value> = Vec::new();
    let standing = view.cells.get(path).map_or(&[][..], Vec::as_slice);
    let distinct = standing.iter().filter(|w| {
        let new = !seen.contains(&&w.value);
        if new {
            seen.push(&w.value);
        }
        new
    });
    distinct.map(|w| value_view(writers, path, w)).collect()
}

/// Changes in people's names, without what the server wrote.
pub fn steps(entries: &[HistoryEntry], writers: &Writers, sheets: &[CheckSheet]) -> Vec<Step> {
    entries
        .iter()
        .filter_map(|e| step(e, writers, sheets, |put| joined(&put.path, &put.replaced)))
        .collect()
}

/// What was written beside the seal, with what stands under it (F4: never in the sealed view).
pub fn late_steps(
    entries: &[HistoryEntry],
    sealed: &View,
    writers: &Writers,
    sheets: &[CheckSheet],
) -> Vec<Step> {
    let under_seal = |path: &str| {
        let standing = sealed.cells.get(path)?;
        joined(
            path,
            &standing.iter().map(|w| w.value.clone()).collect::<Vec<_>>(),
        )
    };
    entries
        .iter()
        .filter_map(|e| step(e, writers, sheets, |put| under_seal(&put.path)))
        .collect()
}

fn step(
    entry: &HistoryEntry,
    writers: &Writers,
    sheets: &[CheckSheet],
    before: impl Fn(&::sync::record::Put) -> Option<String>,
) -> Option<Step> {
    let writer = writers
        .get(&entry.change)
        .filter(|w| !w.person.is_empty())?;
    let puts = entry.puts.iter().map(|put| StepPut {
        path: put.path.clone(),
        label: labels::label(&put.path, sheets),
        before: before(put),
        after: labels::shown(&put.path, &put.value),
        settled: settles(&put.replaced),
    });
    Some(Step {
        at: entry.at,
        received_at: writer.received_at,
        person_name: writer.person_name.clone(),
        device_name: writer.device_name.clone(),
        relieved: writer.relieved,
        puts: puts.collect(),
    })
}

/// A put over two different values settles a conflict (F5).
fn settles(replaced: &[Value]) -> bool {
    replaced.iter().any(|v| *v != replaced[0])
}

fn joined(path: &str, values: &[Value]) -> Option<String> {
    let mut distinct: Vec<&Value> = values.iter().collect();
    distinct.sort();
    distinct.dedup();
    let texts: Vec<String> = distinct.iter().map(|v| labels::shown(path, v)).collect();
    (!texts.is_empty()).then(|| texts.join(" / "))
}

/// How the last conflict over each cell was settled, and by whom (F5).
pub fn settlements(entries: &[HistoryEntry], writers: &Writers) -> BTreeMap<String, Settled> {
    let mut authors: HashMap<(&str, &Value), &HistoryEntry> = HashMap::new();
    let mut settled = BTreeMap::new();
    for entry in entries {
        for put in &entry.puts {
            if settles(&put.replaced) {
                let given_up = put.replaced.iter().filter(|v| **v != put.value);
                let dropped = given_up.map(|value| {
                    let by = authors
                        .get(&(put.path.as_str(), value))
                        .copied()
                        .unwrap_or(entry);
                    let (change, actor) = (by.change, by.actor.clone());
                    value_view(
                        writers,
                        &put.path,
                        &Written {
                            value: value.clone(),
                            actor,
                            at: by.at,
                            change,
                        },
                    )
                });
                let by = writers
                    .get(&entry.change)
                    .map_or_else(String::new, |w| w.person_name.clone());
                settled.insert(
                    put.path.clone(),
                    Settled {
                        by,
                        at: entry.at,
                        dropped: dropped.collect(),
                    },
                );
            }
            authors.insert((&put.path, &put.value), entry);
        }
    }
    settled
}

#[cfg(test)]
mod tests {
    use ::sync::author::Author;
    use ::sync::record::RecordDoc;

    use super::*;
    use crate::review::sample;

    /// Zhang and Li answered point 1 differently on two tablets; Zhang chose his own.
    fn settled_record() -> (RecordDoc, Writers) {
        let server = Author::server(sample::key(1));
        let (mut zhang_doc, root) =
            RecordDoc::create(&server, &sample::facts(), &sample::team(), 1).unwrap();
        let mut li_doc = zhang_doc.clone();
        let author = |device, person: &str| Author {
            device: sample::key(device),
            person: person.into(),
            epoch: 0,
        };
        let (zhang, li) = (author(2, "p-1"), author(5, "p-2"));
        let answer = |value: &str| vec![("point/SP-01/p1/answer".to_owned(), value.into())];
        let a = zhang_doc
            .edit(&zhang, 10, &answer("compliant"))
            .unwrap()
            .unwrap();
        let b = li_doc
            .edit(&li, 20, &answer("non_compliant"))
            .unwrap()
            .unwrap();
        let log = [root.bytes, a.bytes, b.bytes];
        let mut doc = RecordDoc::from_log(zhang_doc.task(), log.iter().map(Vec::as_slice)).unwrap();
        assert_eq!(doc.view().conflicts(), ["point/SP-01/p1/answer"]);
        let c = doc.edit(&zhang, 30, &answer("compliant")).unwrap().unwrap();
        let writer = |person: &str, name: &str| Writer {
            person: person.into(),
            person_name: name.into(),
            device_name: Some("平板".into()),
            relieved: None,
            received_at: 40,
        };
        let writers = [
            (root.hash, writer("", "系统")),
            (a.hash, writer("p-1", "张甲")),
            (b.hash, writer("p-2", "李乙")),
            (c.hash, writer("p-1", "张甲")),
        ];
        (doc, writers.into_iter().collect())
    }

    #[test]
    fn a_settled_conflict_says_who_chose_and_what_was_given_up() {
        // F5, V1
        let (doc, writers) = settled_record();
        let settled = settlements(&doc.history(), &writers);
        let settled = &settled["point/SP-01/p1/answer"];
        assert_eq!((settled.by.as_str(), settled.at), ("张甲", 30));
        let dropped: Vec<_> = settled
            .dropped
            .iter()
            .map(|d| (d.person_name.as_str(), d.value.as_str(), d.at))
            .collect();
        assert_eq!(dropped, [("李乙", "non_compliant", 20)]);
    }

    #[test]
    fn every_step_has_its_author_and_what_it_replaced() {
        // V1
        let (doc, writers) = settled_record();
        let steps = steps(&doc.history(), &writers, &sample::facts().sheets);
        let told: Vec<_> = steps
            .iter()
            .map(|s| {
                (
                    s.person_name.as_str(),
                    s.puts[0].before.as_deref(),
                    s.puts[0].after.as_str(),
                    s.puts[0].settled,
                )
            })
            .collect();
        assert_eq!(told.len(), 3, "the server's own change is not among them");
        assert!(told.contains(&("张甲", None, "compliant", false)));
        assert!(told.contains(&("李乙", None, "non_compliant", false)));
        assert_eq!(
            told[2],
            ("张甲", Some("compliant / non_compliant"), "compliant", true)
        );
    }

    #[test]
    fn late_changes_are_held_against_the_seal() {
        // F4, V1
        let (mut doc, mut writers) = settled_record();
        let heads = doc.heads();
        let sealed = doc.view();
        let li = Author {
            device: sample::key(5),
            person: "p-2".into(),
            epoch: 0,
        };
        let late = [("point/SP-01/p1/answer".to_owned(), "not_applicable".into())];
        let change = doc.edit(&li, 50, &late).unwrap().unwrap();
        let author = writers
            .values()
            .find(|w| w.person == "p-2")
            .cloned()
            .unwrap();
        writers.insert(change.hash, author);
        let since = doc.since(&heads);
        let entries: Vec<_> = doc
            .history()
            .into_iter()
            .filter(|e| since.contains(&e.change))
            .collect();
        let steps = late_steps(&entries, &sealed, &writers, &sample::facts().sheets);
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].puts[0].before.as_deref(), Some("compliant"));
        assert_eq!(steps[0].puts[0].after, "not_applicable");
    }
}
