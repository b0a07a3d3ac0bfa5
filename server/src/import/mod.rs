//! Import of registers and items from spreadsheets (O4): file → columns → check → apply.
//!
//! Each row is judged alone; a refused row says line, column, value and what would be right, and
//! comes back in a file that can be corrected and imported again. An unreadable file changes
//! nothing. Applying judges again inside the one transaction that writes, so that what was checked
//! a minute ago against another register does no harm; nothing is ever half imported.

mod avoid;
mod columns;
mod inspectors;
mod items;
mod objects;
mod routes;
mod store;
mod table;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use columns::{Column, Mapping, fields};
pub use routes::{handler, router};
pub use table::{MAX_FILE, Table, TableRow, Unreadable, read};

use crate::account::Scope;
use crate::db::Tx;
use crate::error::AppError;
use crate::ids::uuid_v7;
use crate::register::Trace;
use crate::rng::Rng;
use crate::sheet::csv_safe;

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    /// 检查对象名录库
    Objects,
    /// 执法检查人员名录库
    Inspectors,
    /// 抽查事项清单与检查表
    Items,
    /// 回避关系
    #[serde(rename = "avoidances")]
    #[value(alias = "avoidances")]
    Avoid,
}

impl ImportKind {
    pub const ALL: [Self; 4] = [Self::Objects, Self::Inspectors, Self::Items, Self::Avoid];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Inspectors => "inspectors",
            Self::Items => "items",
            Self::Avoid => "avoid",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RowError {
    /// Line of the file, from 1, the header included.
    pub row: u32,
    /// Header of the column.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// What would be right.
    pub message: String,
}

/// A fault of one field; [`Import::refuse`] makes a [`RowError`] of it.
pub(crate) struct Fault {
    field: &'static str,
    message: String,
}

pub(crate) fn fault(field: &'static str, message: impl Into<String>) -> Fault {
    Fault {
        field,
        message: message.into(),
    }
}

/// What came of a file.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    pub columns: Vec<Column>,
    pub rows_total: u32,
    pub accepted: u32,
    pub refused: u32,
    pub errors: Vec<RowError>,
    /// CSV of the refused rows; empty when there are none.
    pub error_file: Vec<u8>,
}

/// What an import works with.
pub struct Import<'a> {
    pub kind: ImportKind,
    pub scope: Scope,
    pub trace: Trace,
    pub rng: &'a dyn Rng,
    /// Called now and then with how many rows are done.
    pub progress: &'a dyn Fn(u64, u64),
    pub(crate) mapping: Mapping,
    pub(crate) errors: Vec<RowError>,
}

/// A file that is to be judged.
pub struct Source<'a> {
    pub kind: ImportKind,
    pub tables: &'a [Table],
    /// Columns that a person mapped; otherwise their headers decide.
    pub chosen: Option<&'a [Column]>,
    /// The departments whose inspectors and items the importer may change (S1).
    pub scope: Scope,
    pub trace: Trace,
    pub rng: &'a dyn Rng,
}

/// Judges all rows of a file and, when `apply`, writes those that are right.
///
/// # Errors
/// When a required column is missing, or the database fails. Nothing is written then.
pub fn run(
    tx: &mut Tx<'_>,
    source: Source<'_>,
    apply: bool,
    progress: &dyn Fn(u64, u64),
) -> Result<Outcome, AppError> {
    let Source {
        kind,
        tables,
        chosen,
        scope,
        trace,
        rng,
    } = source;
    let mut why = String::from("文件中没有表格");
    let fitting = tables
        .iter()
        .find_map(|table| match Mapping::of(kind, table, chosen) {
            Ok(mapping) => Some((table, mapping)),
            Err(missing) => {
                why = missing;
                None
            }
        });
    let (table, mapping) = fitting.ok_or_else(|| AppError::malformed(why))?;
    let mut import = Import {
        kind,
        scope,
        trace,
        rng,
        progress,
        mapping,
        errors: Vec::new(),
    };
    match kind {
        ImportKind::Objects => objects::run(tx, &mut import, table, apply)?,
        ImportKind::Inspectors => inspectors::run(tx, &mut import, table, apply)?,
        ImportKind::Items => items::run(tx, &mut import, table, apply)?,
        ImportKind::Avoid => avoid::run(tx, &mut import, table, apply)?,
    }
    Ok(import.outcome(table))
}

impl Import<'_> {
    /// Refuses what belongs to a department that the importer has no right in.
    pub(crate) fn own(&self, field: &'static str, department: &str) -> Option<Fault> {
        let allowed = match &self.scope {
            Scope::Everywhere => true,
            Scope::In(departments) => departments.iter().any(|d| d == department),
        };
        (!allowed).then(|| fault(field, "属于其他部门，您没有该部门的权限，请由该部门导入"))
    }

    pub(crate) fn get<'r>(&self, row: &'r TableRow, field: &str) -> &'r str {
        self.mapping.get(row, field)
    }

    pub(crate) fn new_id(&self) -> String {
        uuid_v7(self.trace.at, self.rng)
    }

    pub(crate) fn refuse(&mut self, row: &TableRow, faults: Vec<Fault>) {
        for fault in faults {
            self.errors.push(RowError {
                row: row.line,
                column: self.mapping.header(self.kind, fault.field),
                value: self.get(row, fault.field).chars().take(60).collect(),
                message: fault.message,
            });
        }
    }

    fn outcome(mut self, table: &Table) -> Outcome {
        self.errors.sort_by_key(|e| e.row);
        let mut lines: Vec<u32> = self.errors.iter().map(|e| e.row).collect();
        lines.dedup();
        let total = table.rows.len() as u32;
        Outcome {
            rows_total: total,
            accepted: total - lines.len() as u32,
            refused: lines.len() as u32,
            error_file: error_file(table, &self.errors),
            columns: self.mapping.columns,
            errors: self.errors,
        }
    }
}

/// The refused rows as they were, with one more column that says what is wrong.
fn error_file(table: &Table, errors: &[RowError]) -> Vec<u8> {
    if errors.is_empty() {
        return Vec::new();
    }
    let mut writer = csv::Writer::from_writer(b"\xef\xbb\xbf".to_vec());
    let header = table.headers.iter().map(String::as_str).chain(["错误说明"]);
    // Writing into memory does not fail.
    let _ = writer.write_record(header);
    let mut rest = errors;
    for row in &table.rows {
        let own = rest.iter().take_while(|e| e.row == row.line).count();
        let (own, after) = rest.split_at(own);
        rest = after;
        if own.is_empty() {
            continue;
        }
        let said: Vec<String> = own
            .iter()
            .map(|e| format!("{}：{}", e.column, e.message))
            .collect();
        let mut cells: Vec<String> = row.cells.iter().map(|c| csv_safe(c).into_owned()).collect();
        cells.resize(table.headers.len(), String::new());
        cells.push(said.join("；"));
        let _ = writer.write_record(&cells);
    }
    writer.into_inner().unwrap_or_default()
}
