//! What lies in quarantine, in words: whose it is, when it was written, which cells, as far as it can be read.
//!
//! Nothing of it is proven. A signature may be false and a clock wrong: it is what the bytes say of themselves.

use std::collections::BTreeMap;

use ::sync::chunk::Chunk;
use ::sync::facts::CheckSheet;
use ::sync::signoff::{Signed, StatementKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::db::{Result, Tx};
use crate::review::{cell_label, cell_shown};
use crate::task;

/// Most cells of one change that are told, and most characters of a value: a person looks at it.
const MOST_CELLS: usize = 40;
const MOST_CHARS: usize = 200;
/// The end of the year 9999, in milliseconds since 1970 UTC.
const LAST_MS: i64 = 253_402_300_799_999;

/// A cell that a held change writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HeldCell {
    pub path: String,
    /// In the words of the record.
    pub label: String,
    pub value: String,
}

/// What held bytes say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// By the author's clock, milliseconds.
    pub written_at: Option<i64>,
    /// The inspector in whose name a statement is; a change has its author beside it.
    pub signer: Option<String>,
    /// The party's name, as the statement has it.
    pub party: Option<String>,
    pub cells: Vec<HeldCell>,
    /// How many cells there are, also those that are not told.
    pub cells_total: u32,
}

/// Reads a change; nothing is said of bytes that are none.
pub fn change(bytes: &[u8], sheets: &[CheckSheet]) -> Said {
    let Ok(chunk) = Chunk::parse(bytes) else {
        return Said::default();
    };
    let cells = chunk.ops.iter().take(MOST_CELLS).map(|op| HeldCell {
        label: cell_label(&op.path, sheets),
        value: shortened(&cell_shown(&op.path, &op.value)),
        path: op.path.clone(),
    });
    Said {
        written_at: dated(chunk.time),
        cells: cells.collect(),
        cells_total: u32::try_from(chunk.ops.len()).unwrap_or(u32::MAX),
        ..Said::default()
    }
}

/// A time that is one: between 1970 and the year 9999.
fn dated(ms: i64) -> Option<i64> {
    (0..=LAST_MS).contains(&ms).then_some(ms)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads a statement as it was kept.
pub fn statement(bytes: &[u8]) -> Said {
    let Ok(signed) = minicbor::decode::<Signed>(bytes) else {
        return Said::default();
    };
    let body: serde_json::Value = serde_json::from_slice(&signed.body).unwrap_or_default();
    let text = |at: &str| Some(shortened(body.pointer(at)?.as_str()?));
    Said {
        written_at: body["claimed_time"].as_i64().and_then(dated),
        signer: match signed.kind {
            StatementKind::Inspector => text("/signer/person"),
            StatementKind::Party => None,
        },
        party: match signed.kind {
            StatementKind::Inspector => None,
            StatementKind::Party => text("/name"),
        },
        ..Said::default()
    }
}

/// Names and check sheets of the tasks of one list, each looked up once.
#[derive(Default)]
pub struct Lookup {
    sheets: BTreeMap<String, Vec<CheckSheet>>,
    names: BTreeMap<(String, String), Option<String>>,
}

impl Lookup {
    /// The check sheets of a task, none for one that the office does not know.
    pub fn sheets(&mut self, tx: &mut Tx<'_>, task: &str) -> &[CheckSheet] {
        self.sheets.entry(task.to_owned()).or_insert_with(|| {
            task::store::facts(tx, task).map_or_else(|_| Vec::new(), |f| f.sheets)
        })
    }

    /// The name of a person: as the task has it, else as the register has.
    pub fn name(&mut self, tx: &mut Tx<'_>, task: &str, person: &str) -> Result<Option<String>> {
        let key = (task.to_owned(), person.to_owned());
        if let Some(name) = self.names.get(&key) {
            return Ok(name.clone());
        }
        let name = tx.query_opt(
            "SELECT name FROM task_members WHERE task = $1 AND person = $2
             UNION ALL SELECT name FROM inspectors WHERE id = $2",
            &[&task, &person],
            |r| r.get(0),
        )?;
        self.names.insert(key, name.clone());
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use ::sync::author::Author;
    use ::sync::ids::{Key, Sha256, TaskId};
    use ::sync::record::RecordDoc;
    use ::sync::signing::Sig;

    use super::*;
    use crate::review::sample;

    #[test]
    fn a_change_says_when_it_was_written_and_which_cells() {
        let author = Author {
            device: Key([1; 32]),
            person: "zhang".into(),
            epoch: 0,
        };
        let mut doc = RecordDoc::empty(TaskId([7; 16]));
        let long = "长".repeat(300);
        let cells = [
            ("handling/opinion".to_owned(), long.as_str().into()),
            ("visit/start_at".to_owned(), 1_795_000_000_000_i64.into()),
        ];
        let new = doc.edit(&author, 1_795_000_000_123, &cells);
        let bytes = new.expect("edits").expect("a change").bytes;
        let said = change(&bytes, &sample::facts().sheets);
        assert_eq!(said.written_at, Some(1_795_000_000_123));
        let labels: Vec<&str> = said.cells.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(labels, ["处理意见", "检查开始"]);
        assert_eq!(said.cells[0].value.chars().count(), MOST_CHARS + 1);
        assert_eq!(said.cells_total, 2);
    }

    // S2: a number that is no date would leave the console without its list
    #[rstest::rstest]
    #[case(0, Some(0))]
    #[case(LAST_MS, Some(LAST_MS))]
    #[case(LAST_MS + 1, None)]
    #[case(-1, None)]
    #[case(i64::MAX, None)]
    #[case(i64::MIN, None)]
    fn what_is_no_date_is_not_told_as_one(#[case] ms: i64, #[case] told: Option<i64>) {
        assert_eq!(dated(ms), told);
    }

    #[test]
    fn a_statement_says_who_is_to_have_signed_it() {
        let kept = |kind, body: &str| {
            let signed = Signed {
                task: TaskId([7; 16]),
                kind,
                body: body.as_bytes().to_vec(),
                sig: Sig([0; 64]),
                key: Key([1; 32]),
                ink: None,
            };
            statement(&minicbor::to_vec(signed).expect("encodes"))
        };
        let said = kept(
            StatementKind::Inspector,
            r#"{"signer":{"person":"zhang"},"claimed_time":5}"#,
        );
        assert_eq!(said.signer.as_deref(), Some("zhang"));
        assert_eq!(said.written_at, Some(5));
        let said = kept(StatementKind::Party, r#"{"name":"王某"}"#);
        assert_eq!(
            (said.party.as_deref(), said.written_at),
            (Some("王某"), None)
        );
    }

    // S2: the quarantine holds what is no change at all
    #[test]
    fn of_other_bytes_nothing_is_said() {
        assert_eq!(change(b"\x85\x6f\x4a\x83", &[]), Said::default());
        assert_eq!(statement(&Sha256::of(b"x").0), Said::default());
    }
}
