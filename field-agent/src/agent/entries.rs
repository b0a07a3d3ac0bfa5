//! Documents, statements, samples, costs and witnesses of a record (F2).

use std::collections::BTreeMap;

use sync::cells::Value;
use sync::record::Written;

use super::record::{to_scalar, to_value};
use super::{Agent, Loaded};
use crate::api::Problem;
use crate::api::record::{EntryKind, EntryList, EntryView, NewEntry, Scalar};

impl Agent {
    /// The entries of the record, in the order in which they were added.
    pub fn entries(&self, me: &str, task: &str) -> Result<EntryList, Problem> {
        self.with_record(me, task, |open, id| {
            let record = open.record(id)?;
            let mut rows: Vec<EntryView> = KINDS
                .iter()
                .flat_map(|kind| entries_of(record, *kind))
                .collect();
            rows.sort_by(|a, b| (a.at, &a.entry).cmp(&(b.at, &b.entry)));
            Ok(EntryList {
                total: rows.len() as u32,
                rows,
            })
        })
    }

    /// Adds an entry.
    pub fn add_entry(&self, me: &str, task: &str, request: NewEntry) -> Result<EntryView, Problem> {
        let kind = word(request.kind);
        if request.fields.is_empty() || request.fields.keys().any(|f| f == "withdrawn") {
            return Err(Problem::field("bad_entry", "fields", "请填写内容。"));
        }
        let entry = self.entry_id();
        let edits = request
            .fields
            .into_iter()
            .map(|(f, v)| (format!("{kind}/{entry}/{f}"), to_value(v)))
            .collect();
        self.write_cells(me, task, edits)?;
        self.entry(me, task, request.kind, &entry)
    }

    /// Withdraws an entry; it stays in the history.
    pub fn withdraw_entry(
        &self,
        me: &str,
        task: &str,
        kind: EntryKind,
        entry: &str,
    ) -> Result<EntryView, Problem> {
        self.entry(me, task, kind, entry)?;
        self.write_cells(
            me,
            task,
            vec![(
                format!("{}/{entry}/withdrawn", word(kind)),
                Value::Bool(true),
            )],
        )?;
        self.entry(me, task, kind, entry)
    }

    fn entry(
        &self,
        me: &str,
        task: &str,
        kind: EntryKind,
        entry: &str,
    ) -> Result<EntryView, Problem> {
        let found = self.with_record(me, task, |open, id| {
            Ok(entries_of(open.record(id)?, kind)
                .into_iter()
                .find(|e| e.entry == entry))
        })?;
        found.ok_or_else(|| Problem::not_found("no_such_entry", "记录里没有这一条。"))
    }
}

const KINDS: [EntryKind; 5] = [
    EntryKind::Document,
    EntryKind::Statement,
    EntryKind::Sample,
    EntryKind::Cost,
    EntryKind::Witness,
];

fn word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Document => "document",
        EntryKind::Statement => "statement",
        EntryKind::Sample => "sample",
        EntryKind::Cost => "cost",
        EntryKind::Witness => "witness",
    }
}

fn entries_of(record: &Loaded, kind: EntryKind) -> Vec<EntryView> {
    let kind_word = word(kind);
    let view = |entry: &str| {
        let prefix = format!("{kind_word}/{entry}/");
        let cells = record
            .view
            .cells
            .range(prefix.clone()..)
            .take_while(|(path, _)| path.starts_with(&prefix));
        let mut fields = BTreeMap::new();
        let mut first: Option<&Written> = None;
        for (path, written) in cells {
            let Some(shown) = written.first() else {
                continue;
            };
            if first.is_none_or(|f| shown.at < f.at) {
                first = Some(shown);
            }
            fields.insert(path[prefix.len()..].to_owned(), to_scalar(&shown.value));
        }
        let withdrawn = fields.remove("withdrawn") == Some(Scalar::Bool(true));
        let person = first.map_or("", |w| record.person_of(&w.actor));
        EntryView {
            entry: entry.to_owned(),
            kind,
            fields,
            withdrawn,
            person: person.to_owned(),
            name: record.name_of(person),
            at: first.map_or(0, |w| w.at),
        }
    };
    record
        .view
        .entries(kind_word)
        .into_iter()
        .map(view)
        .collect()
}
