//! Spreadsheets as tables of text: XLSX and UTF-8 CSV, within limits.

use std::io::Cursor;

use calamine::{Data, Reader, Xlsx};

use crate::sheet::csv_unsafe;

/// Largest file, in bytes.
pub const MAX_FILE: usize = 64 * 1024 * 1024;
/// Largest XLSX once unpacked, in bytes: an XLSX is a zip, and zips can be bombs.
const MAX_UNPACKED: u64 = 1024 * 1024 * 1024;
const MAX_ROWS: usize = 1_000_000;
const MAX_COLUMNS: usize = 200;
/// Longest text of one cell, in characters.
const MAX_CELL: usize = 8_000;

/// One sheet: the headers, and each row with its line in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Name of the sheet; empty for a CSV.
    pub name: String,
    pub headers: Vec<String>,
    pub rows: Vec<TableRow>,
}

/// A row; `line` counts from 1 and includes the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRow {
    pub line: u32,
    pub cells: Vec<String>,
}

/// Why a file cannot be read at all; nothing of it is imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("文件为空")]
    Empty,
    #[error("文件超过 64 MiB，请拆分后分批导入")]
    TooLarge,
    #[error("文件行数超过 100 万或列数超过 200，请拆分后分批导入")]
    TooManyCells,
    #[error(
        "文件不是 UTF-8 编码（第 {line} 行起；可能是 GBK）。请在表格软件中另存为“CSV UTF-8”或 XLSX 后再导入"
    )]
    NotUtf8 { line: usize },
    #[error("文件既不是 XLSX 也不是 CSV（识别为{0}）。请另存为 XLSX 或“CSV UTF-8”后再导入")]
    WrongKind(&'static str),
    #[error("XLSX 文件已损坏或不完整，无法打开：{0}。请用表格软件打开后重新保存")]
    BrokenXlsx(String),
    #[error("CSV 第 {line} 行格式有误（可能是引号不成对）")]
    BrokenCsv { line: u64 },
}

/// Reads a file; an XLSX may have several sheets, a CSV is one.
pub fn read(bytes: &[u8]) -> Result<Vec<Table>, Unreadable> {
    match bytes {
        [] => Err(Unreadable::Empty),
        _ if bytes.len() > MAX_FILE => Err(Unreadable::TooLarge),
        [b'P', b'K', 3, 4, ..] => read_xlsx(bytes),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(Unreadable::WrongKind("旧版 XLS")),
        [b'%', b'P', b'D', b'F', ..] => Err(Unreadable::WrongKind(" PDF")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(Unreadable::WrongKind(" UTF-16 文本")),
        _ => read_csv(bytes).map(|table| vec![table]),
    }
}

fn read_xlsx(bytes: &[u8]) -> Result<Vec<Table>, Unreadable> {
    let broken = |e: &dyn std::fmt::Display| Unreadable::BrokenXlsx(e.to_string());
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    let mut unpacked = 0u64;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|e| broken(&e))?;
        unpacked = unpacked.saturating_add(entry.size());
    }
    if unpacked > MAX_UNPACKED {
        return Err(Unreadable::TooLarge);
    }
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes))
        .map_err(|e: calamine::XlsxError| broken(&e))?;
    let mut tables = Vec::new();
    for name in book.sheet_names() {
        let range = book.worksheet_range(&name).map_err(|e| broken(&e))?;
        let (height, width) = range.get_size();
        if height > MAX_ROWS || width > MAX_COLUMNS {
            return Err(Unreadable::TooManyCells);
        }
        let first = range.start().map_or(0, |(row, _)| row);
        let rows = range.rows().zip(first + 1..).map(|(cells, line)| TableRow {
            line,
            cells: cells.iter().map(cell_text).collect(),
        });
        tables.extend(table(name, rows));
    }
    if tables.is_empty() {
        Err(Unreadable::Empty)
    } else {
        Ok(tables)
    }
}

/// Whole numbers without a point, dates as `YYYY-MM-DD`: as people see them.
fn cell_text(cell: &Data) -> String {
    let text = match cell {
        Data::Float(n) if n.fract() == 0.0 && n.abs() < 1e15 => format!("{n:.0}"),
        Data::DateTime(at) => {
            let (year, month, day, ..) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02}")
        }
        Data::Empty | Data::Error(_) => String::new(),
        other => other.to_string(),
    };
    clean(&text)
}

fn read_csv(bytes: &[u8]) -> Result<Table, Unreadable> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let line = bytes[..e.valid_up_to()]
            .iter()
            .filter(|b| **b == b'\n')
            .count()
            + 1;
        Unreadable::NotUtf8 { line }
    })?;
    if text.contains('\0') {
        return Err(Unreadable::WrongKind("二进制文件"));
    }
    let separator = separator(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| Unreadable::BrokenCsv {
            line: e.position().map_or(0, csv::Position::line),
        })?;
        if rows.len() > MAX_ROWS || record.len() > MAX_COLUMNS {
            return Err(Unreadable::TooManyCells);
        }
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(TableRow {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            cells: record.iter().map(|c| clean(csv_unsafe(c))).collect(),
        });
    }
    table(String::new(), rows.into_iter()).ok_or(Unreadable::Empty)
}

/// Comma, semicolon or tab: whichever the first lines have most of; titles stand above the header.
fn separator(text: &str) -> u8 {
    let count = |c: char| {
        text.lines()
            .take(10)
            .map(|l| l.matches(c).count())
            .max()
            .unwrap_or(0)
    };
    let (commas, semicolons, tabs) = (count(','), count(';'), count('\t'));
    if commas >= semicolons && commas >= tabs {
        b','
    } else if semicolons >= tabs {
        b';'
    } else {
        b'\t'
    }
}

fn clean(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    text.chars()
        .filter(|c| !c.is_control() || *c == '\n')
        .take(MAX_CELL)
        .collect()
}

/// The first row with two or more filled cells is the header; rows above it are titles.
fn table(name: String, rows: impl Iterator<Item = TableRow>) -> Option<Table> {
    let mut rows = rows.skip_while(|row| row.cells.iter().filter(|c| !c.is_empty()).count() < 2);
    let headers = rows.next()?.cells;
    let rows = rows
        .filter(|row| row.cells.iter().any(|c| !c.is_empty()))
        .collect();
    Some(Table {
        name,
        headers,
        rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_csv_with_byte_order_mark_titles_and_quotes_is_read() {
        // O4
        let text = "\u{feff}检查对象名录,,\n名称,代码,地址\n\"甲,乙\",1,\"一\n二\"\n,,\n丙,2\n";
        let tables = read(text.as_bytes()).unwrap();
        assert_eq!(tables[0].headers, ["名称", "代码", "地址"]);
        assert_eq!(tables[0].rows.len(), 2);
        assert_eq!(tables[0].rows[0].cells, ["甲,乙", "1", "一\n二"]);
        assert_eq!((tables[0].rows[0].line, tables[0].rows[1].line), (3, 6));
    }

    #[rstest::rstest]
    #[case::gbk(b"\xc3\xfb\xb3\xc6,\xb4\xfa\xc2\xeb\n", "GBK")]
    #[case::old_excel(b"\xd0\xcf\x11\xe0\xa1\xb1", "XLS")]
    #[case::pdf(b"%PDF-1.7", "PDF")]
    #[case::empty(b"", "为空")]
    #[case::broken_xlsx(b"PK\x03\x04 nothing more", "损坏")]
    fn what_cannot_be_read_says_what_to_do(#[case] bytes: &[u8], #[case] word: &str) {
        let error = read(bytes).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
