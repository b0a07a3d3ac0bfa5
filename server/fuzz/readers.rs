//! The reader of spreadsheets, compiled from its own source: the whole server would take long to build.
#![allow(dead_code, reason = "each target calls one")]

#[path = "../src/sheet/mod.rs"]
pub mod sheet;
#[path = "../src/import/table.rs"]
mod table;

use std::io::{Cursor, Write};

/// A file as somebody chose it: XLSX or CSV.
pub fn read(data: &[u8]) {
    if let Ok(tables) = table::read(data) {
        for row in tables.iter().flat_map(|t| &t.rows) {
            assert!(row.cells.len() <= 200 && row.line > 0);
        }
    }
}

/// An XLSX of which the sheet, the shared texts and the styles are these, parted by a byte 0.
pub fn workbook(data: &[u8]) {
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const REL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
    let relations = |rows: &[(&str, &str)]| {
        let rows: String = rows
            .iter()
            .enumerate()
            .map(|(n, (kind, target))| {
                format!("<Relationship Id=\"r{n}\" Type=\"{REL}/{kind}\" Target=\"{target}\"/>")
            })
            .collect();
        format!("<Relationships xmlns=\"{PACKAGE}/relationships\">{rows}</Relationships>")
    };
    let root = relations(&[("officeDocument", "xl/workbook.xml")]);
    let book_relations = relations(&[
        ("worksheet", "worksheets/sheet1.xml"),
        ("sharedStrings", "sharedStrings.xml"),
        ("styles", "styles.xml"),
    ]);
    let book = format!(
        "<workbook xmlns=\"{MAIN}\" xmlns:r=\"{REL}\"><sheets><sheet name=\"a\" sheetId=\"1\" r:id=\"r0\"/></sheets></workbook>"
    );
    let types = format!("<Types xmlns=\"{PACKAGE}/content-types\"/>");
    let mut parts = data.splitn(3, |b| *b == 0);
    let mut part = || parts.next().unwrap_or_default();
    let files = [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", book_relations.as_bytes()),
        ("xl/worksheets/sheet1.xml", part()),
        ("xl/sharedStrings.xml", part()),
        ("xl/styles.xml", part()),
    ];
    let stored = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        if zip.start_file(name, stored).is_err() || zip.write_all(content).is_err() {
            return;
        }
    }
    if let Ok(file) = zip.finish() {
        read(file.get_ref());
    }
}
