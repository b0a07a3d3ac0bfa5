//! Fictitious registers for the demo, from a seeded generator: the same seed makes the same bytes.
//! They are written as the spreadsheets that our own import takes. All names are invented and say so.

mod items;
mod objects;
mod people;

use std::path::Path;

use anyhow::Context;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

use crate::rng::SeededRng;
use crate::rng::{Rng, bytes};

/// Stands above every table.
const NOTICE: &str = "示例数据，全部为虚构，与任何真实单位和个人无关";

/// How much is made.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub seed: u64,
    pub objects: u32,
}

impl Default for Size {
    fn default() -> Self {
        Size {
            seed: 2026,
            objects: 5_200,
        }
    }
}

/// A table with headers.
pub(crate) struct Sheet {
    pub headers: Vec<&'static str>,
    pub rows: Vec<Vec<String>>,
}

/// Writes `objects.csv`, `inspectors.xlsx`, `items.xlsx` and `avoid.csv` into `folder`.
pub fn write(folder: &Path, size: Size) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let rng = SeededRng::new(size.seed);
    let objects = objects::sheet(&rng, size.objects);
    let inspectors = people::inspectors(&rng);
    let avoid = people::avoidances(&inspectors, &objects);
    csv(&folder.join("objects.csv"), &objects)?;
    xlsx(&folder.join("inspectors.xlsx"), &inspectors)?;
    xlsx(&folder.join("items.xlsx"), &items::sheet())?;
    csv(&folder.join("avoid.csv"), &avoid)
}

fn csv(path: &Path, sheet: &Sheet) -> anyhow::Result<()> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(b"\xef\xbb\xbf".to_vec());
    writer.write_record([NOTICE])?;
    writer.write_record(&sheet.headers)?;
    for row in &sheet.rows {
        writer.write_record(row)?;
    }
    std::fs::write(path, writer.into_inner()?).with_context(|| path.display().to_string())
}

fn xlsx(path: &Path, sheet: &Sheet) -> anyhow::Result<()> {
    let mut book = Workbook::new();
    // Otherwise the workbook carries the moment of writing, and no two are alike.
    let made = ExcelDateTime::from_ymd(2026, 1, 1)?;
    book.set_properties(&DocProperties::new().set_creation_datetime(&made));
    let page = book.add_worksheet();
    page.write_string(0, 0, NOTICE)?;
    for (column, header) in (0u16..).zip(&sheet.headers) {
        page.write_string(1, column, *header)?;
    }
    for (line, row) in (2u32..).zip(&sheet.rows) {
        for (column, text) in (0u16..).zip(row).filter(|(_, text)| !text.is_empty()) {
            page.write_string(line, column, text)?;
        }
    }
    book.save(path).with_context(|| path.display().to_string())
}

/// A number below `below`, which is small: the bias of the remainder does not matter here.
pub(crate) fn pick(rng: &dyn Rng, below: usize) -> usize {
    u32::from_be_bytes(bytes::<4>(rng)) as usize % below
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::{ImportKind, Source, read, run};
    use crate::register::Trace;

    #[test]
    fn the_same_seed_makes_the_same_files() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        let size = Size {
            objects: 300,
            ..Size::default()
        };
        write(&a, size).unwrap();
        // Longer than the second in which a workbook counts its time.
        std::thread::sleep(std::time::Duration::from_millis(1_100));
        write(&b, size).unwrap();
        for name in ["objects.csv", "avoid.csv", "inspectors.xlsx", "items.xlsx"] {
            assert_eq!(
                std::fs::read(a.join(name)).unwrap(),
                std::fs::read(b.join(name)).unwrap()
            );
        }
    }

    #[test]
    fn no_two_inspectors_share_a_name_and_no_two_objects_a_code() {
        let rng = SeededRng::new(1);
        let people = people::inspectors(&rng).rows;
        let names: std::collections::HashSet<_> = people.iter().map(|row| &row[0]).collect();
        assert_eq!(names.len(), 120 + 6);
        let objects = objects::sheet(&rng, 12_000).rows;
        let codes: std::collections::HashSet<_> = objects.iter().map(|row| &row[1]).collect();
        assert_eq!(codes.len(), 12_000);
        for code in codes {
            crate::register::credit_code::CreditCode::parse(code).unwrap();
        }
    }

    #[tokio::test]
    async fn every_row_of_the_sample_is_accepted() {
        // O1, O4, I1, I3, L1, L4
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Size::default()).unwrap();
        let db = crate::db::Db::open(&folder.path().join("test.db"), 0).unwrap();
        for (kind, file, least) in [
            (ImportKind::Inspectors, "inspectors.xlsx", 126),
            (ImportKind::Items, "items.xlsx", 96),
            (ImportKind::Objects, "objects.csv", 5_200),
            (ImportKind::Avoid, "avoid.csv", 10),
        ] {
            let tables = read(&std::fs::read(folder.path().join(file)).unwrap()).unwrap();
            let found = db
                .write(move |tx| {
                    let trace = Trace {
                        at: 1,
                        actor: "a".into(),
                        actor_name: "a".into(),
                        source: file.into(),
                        reason: "r".into(),
                    };
                    let rng = SeededRng::new(1);
                    let source = Source {
                        kind,
                        tables: &tables,
                        chosen: None,
                        scope: crate::account::Scope::Everywhere,
                        trace,
                        rng: &rng,
                    };
                    run(tx, source, true, &|_, _| {})
                })
                .await
                .unwrap();
            assert_eq!(found.errors, [], "{file}");
            assert!(found.accepted >= least, "{file}: {}", found.accepted);
        }
        let items = db
            .read(|tx| Ok(crate::item::list_active(tx)?))
            .await
            .unwrap();
        assert_eq!(items.len(), 12);
        assert!(
            items
                .iter()
                .all(|i| (8..=25).contains(&i.sheet.points.len()))
        );
    }
}
