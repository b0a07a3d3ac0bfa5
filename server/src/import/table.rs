//! Spreadsheets as tables of text: XLSX and UTF-8 CSV, within limits.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use calamine::{Data, Reader, Xlsx};

use crate::sheet::csv_unsafe;

/// Largest file, in bytes.
pub const MAX_FILE: usize = 64 * 1024 * 1024;
/// Largest XLSX once unpacked, in bytes: an XLSX is a zip, and zips can be bombs.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;
/// Most text in all cells of an XLSX together, in bytes.
const MAX_TEXT: usize = 512 * 1024 * 1024;
const MAX_ROWS: usize = 1_000_000;
const MAX_COLUMNS: usize = 200;
/// Longest text of one cell, in characters.
const MAX_CELL: usize = 8_000;
/// Most line breaks in one cell of a CSV. More mean that a quotation mark was opened and not closed,
/// and that the cell has swallowed the rows below it.
const MAX_BREAKS: usize = 50;

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
        // The library's sums may overflow on what an attacker wrote.
        [b'P', b'K', 3, 4, ..] => std::panic::catch_unwind(|| read_xlsx(bytes))
            .unwrap_or_else(|_| Err(Unreadable::BrokenXlsx("内容无法解释".into()))),
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Err(Unreadable::WrongKind("旧版 XLS")),
        [b'%', b'P', b'D', b'F', ..] => Err(Unreadable::WrongKind(" PDF")),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Err(Unreadable::WrongKind(" UTF-16 文本")),
        _ => read_csv(bytes).map(|table| vec![table]),
    }
}

fn read_xlsx(bytes: &[u8]) -> Result<Vec<Table>, Unreadable> {
    let broken = |e: &dyn std::fmt::Display| Unreadable::BrokenXlsx(e.to_string());
    if unpacked_size(bytes, MAX_UNPACKED)? > MAX_UNPACKED {
        return Err(Unreadable::TooLarge);
    }
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(bytes))
        .map_err(|e: calamine::XlsxError| broken(&e))?;
    let mut tables = Vec::new();
    let mut budget = MAX_TEXT;
    for name in book.sheet_names() {
        let rows = sheet_rows(&mut book, &name, &mut budget)?;
        tables.extend(table(name, rows.into_iter()));
    }
    if tables.is_empty() {
        Err(Unreadable::Empty)
    } else {
        Ok(tables)
    }
}

/// Bytes that really come out of the zip, counted up to one more than `limit`: the sizes that it
/// declares may be lies.
fn unpacked_size(bytes: &[u8], limit: u64) -> Result<u64, Unreadable> {
    let broken = |e: &dyn std::fmt::Display| Unreadable::BrokenXlsx(e.to_string());
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
    let mut unpacked = 0;
    for index in 0..zip.len() {
        let entry = zip.by_index(index).map_err(|e| broken(&e))?;
        let mut rest = entry.take(limit + 1 - unpacked);
        unpacked += std::io::copy(&mut rest, &mut std::io::sink()).map_err(|e| broken(&e))?;
        if unpacked > limit {
            break;
        }
    }
    Ok(unpacked)
}

/// The cells as they come, never the rectangle around them: two cells in opposite corners of a
/// sheet would make one of 17 thousand million.
fn sheet_rows(
    book: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    budget: &mut usize,
) -> Result<Vec<TableRow>, Unreadable> {
    let broken = |e: calamine::XlsxError| Unreadable::BrokenXlsx(e.to_string());
    let mut cells = book.worksheet_cells_reader(name).map_err(broken)?;
    let mut rows: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let text = cell_text(&Data::from(cell.get_value().clone()));
        if text.is_empty() {
            continue;
        }
        let column = column as usize;
        if row as usize > MAX_ROWS || column >= MAX_COLUMNS {
            return Err(Unreadable::TooManyCells);
        }
        // One long shared text may be cited by every cell.
        *budget = budget.checked_sub(text.len()).ok_or(Unreadable::TooLarge)?;
        let line = rows.entry(row + 1).or_default();
        if line.len() <= column {
            line.resize(column + 1, String::new());
        }
        line[column] = text;
    }
    Ok(rows
        .into_iter()
        .map(|(line, cells)| TableRow { line, cells })
        .collect())
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
        if swallows_rows(text, &record) {
            return Err(Unreadable::BrokenCsv { line });
        }
        rows.push(TableRow {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            cells: record.iter().map(|c| clean(csv_unsafe(c))).collect(),
        });
    }
    table(String::new(), rows.into_iter()).ok_or(Unreadable::Empty)
}

/// Whether a quotation mark was opened in this record and not closed where it should be: a cell of
/// very many lines, or one that runs to the end of the file.
fn swallows_rows(text: &str, record: &csv::StringRecord) -> bool {
    let breaks = |cell: &str| cell.matches('\n').count();
    let most = record.iter().map(breaks).max().unwrap_or(0);
    let from = record
        .position()
        .and_then(|p| usize::try_from(p.byte()).ok())
        .unwrap_or(0);
    let to_the_end = || {
        // Only the last record can run to the end, and only then is the rest of the text one record.
        let last = record.iter().next_back().unwrap_or_default();
        let raw = text.get(from..).unwrap_or_default();
        last.contains('\n') && text.ends_with(last) && raw.matches('"').count() % 2 == 1
    };
    most > MAX_BREAKS || (most > 0 && to_the_end())
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

    // O4: a row is refused or imported, never swallowed by the one above it
    #[rstest::rstest]
    #[case::opened_in_the_middle(
        "名称,地址\n甲,\"深圳市南山区\n乙,深圳市福田区\n丙,深圳市罗湖区\n",
        true
    )]
    #[case::opened_in_the_last_row("名称,地址\n甲,一\n乙,\"深圳市福田区\n", true)]
    #[case::an_honest_line_break_at_the_end("名称,地址\n甲,一\n乙,\"深圳市\n福田区\"\n", false)]
    #[case::inches_without_quoting("名称,地址\n甲,一\n乙,5\" 管\n", false)]
    fn an_unclosed_quotation_mark_is_found(#[case] text: &str, #[case] broken: bool) {
        let found = read(text.as_bytes());
        assert_eq!(
            matches!(found, Err(Unreadable::BrokenCsv { .. })),
            broken,
            "{found:?}"
        );
    }

    /// A zip with these files in it.
    fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
        use std::io::Write;
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for (name, content) in files {
            zip.start_file(*name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    /// A workbook with one sheet of these cells, written by hand as an attacker would.
    fn workbook(sheet: &str, padding: &[u8]) -> Vec<u8> {
        const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        const REL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let types =
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>";
        let rels = format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"r1\" Type=\"{REL}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
             </Relationships>"
        );
        let root = format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"r1\" Type=\"{REL}/officeDocument\" Target=\"xl/workbook.xml\"/>\
             </Relationships>"
        );
        let book = format!(
            "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{REL}\"><sheets>\
             <sheet name=\"a\" sheetId=\"1\" r:id=\"r1\"/></sheets></workbook>"
        );
        let sheet =
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{sheet}</sheetData></worksheet>");
        zipped(&[
            ("[Content_Types].xml", types.as_bytes()),
            ("_rels/.rels", root.as_bytes()),
            ("xl/workbook.xml", book.as_bytes()),
            ("xl/_rels/workbook.xml.rels", rels.as_bytes()),
            ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
            ("xl/padding.bin", padding),
        ])
    }

    fn text_cell(place: &str, text: &str) -> String {
        format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{text}</t></is></c>")
    }

    // S2: a column that is no number of 32 bits; the library's own sum overflows
    #[test]
    fn a_cell_beyond_all_columns_is_refused() {
        let cell = "<row r=\"1\"><c r=\"ZZZZZZZZ1\"><v>1</v></c></row>";
        assert!(read(&workbook(cell, b"")).is_err());
    }

    // S2: an honest sheet first, so that the hostile ones below fail for the right reason
    #[test]
    fn a_sheet_is_read_by_its_cells() {
        let row = |n: u32, a: &str, c: &str| {
            let (a, c) = (
                text_cell(&format!("A{n}"), a),
                text_cell(&format!("C{n}"), c),
            );
            format!("<row r=\"{n}\">{a}{c}</row>")
        };
        let sheet = row(1, "名称", "地址") + &row(4, "甲", "深圳");
        let tables = read(&workbook(&sheet, b"")).unwrap();
        assert_eq!(tables[0].headers, ["名称", "", "地址"]);
        assert_eq!(
            (tables[0].rows[0].line, tables[0].rows[0].cells.len()),
            (4, 3)
        );
    }

    // S2: bombs
    #[test]
    fn two_cells_in_opposite_corners_are_refused() {
        let near = text_cell("A1", "名称");
        let far = text_cell("XFD1048576", "远");
        let sheet = format!("<row r=\"1\">{near}</row><row r=\"1048576\">{far}</row>");
        assert_eq!(read(&workbook(&sheet, b"")), Err(Unreadable::TooManyCells));
    }

    // S2: bombs
    #[test]
    fn unpacking_stops_at_the_limit() {
        let bomb = workbook("", &[0; 300_000]);
        assert!(bomb.len() < 10_000);
        assert_eq!(unpacked_size(&bomb, 100_000), Ok(100_001));
        assert!(unpacked_size(&bomb, 400_000).unwrap() < 400_000);
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
