//! The table of what is taken out of the program so that the test of a lesson must fail
//! (`tests/lessons/remedies.txt`). How it is written stands at its head.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many lessons there are.
pub const LESSONS: u32 = 33;

/// Where the table stands in the tree.
const TABLE: &str = "tests/lessons/remedies.txt";
/// The crates whose tests carry lessons.
const PARTS: [&str; 4] = ["field-agent", "server", "sync", "tests"];
/// Folders in which no test is looked for.
const PASSED_OVER: [&str; 6] = ["target", "node_modules", "dist", "ui", "console", "lessons"];
/// How a test's name begins in Rust and in the browser tests.
const MARKS: [&str; 2] = ["fn lesson_", "test('lesson_"];

/// One row: a remedy that is taken out, and the test that must see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remedy {
    /// Line of the table.
    pub line: usize,
    pub lesson: u32,
    /// What is taken out, in a sentence.
    pub taken_out: String,
    pub target: Target,
    /// Name of the test, without its modules.
    pub test: String,
    /// Words of the assertion that fails.
    pub says: String,
    pub edits: Vec<Edit>,
}

/// Where a test is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// Among the unit tests of a crate.
    #[default]
    Lib,
    /// `tests/NAME.rs` of a crate.
    Tests(String),
    /// `tests/browser/NAME`.
    Browser(String),
}

/// Whole lines of a file, and what stands there without the remedy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub file: String,
    pub stands: String,
    pub instead: String,
}

impl Edit {
    /// The text without the remedy.
    ///
    /// # Errors
    /// In words, when the lines do not stand in `text` exactly once.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        let from_a_line_on = |(at, _): &(usize, &str)| *at == 0 || text[..*at].ends_with('\n');
        let found = text.match_indices(&self.stands).filter(from_a_line_on);
        match found.collect::<Vec<_>>().as_slice() {
            [(at, _)] => {
                Ok([&text[..*at], &self.instead, &text[at + self.stands.len()..]].concat())
            }
            found => Err(format!(
                "{} holds these lines {} times:\n{}",
                self.file,
                found.len(),
                self.stands
            )),
        }
    }
}

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .map_or_else(PathBuf::new, Path::to_owned)
}

/// Reads the table.
///
/// # Errors
/// The file cannot be read, or a line is none of the table's.
pub fn table(root: &Path) -> io::Result<Vec<Remedy>> {
    parse(&fs::read_to_string(root.join(TABLE))?)
        .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, format!("{TABLE}: {fault}")))
}

fn parse(text: &str) -> Result<Vec<Remedy>, String> {
    let mut rows: Vec<Remedy> = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        take_line(&mut rows, line, content).ok_or(format!("line {line}: {content}"))?;
    }
    Ok(rows)
}

/// Takes one line into the row that it belongs to; `None`: it belongs to none.
fn take_line(rows: &mut Vec<Remedy>, line: usize, content: &str) -> Option<()> {
    if let Some(row) = head(line, content) {
        rows.push(row);
        return Some(());
    }
    if content.is_empty() || content.starts_with('#') {
        return Some(());
    }
    let row = rows.last_mut()?;
    if let Some(code) = content.strip_prefix('-') {
        let file = row.edits.last()?.file.clone();
        if row.edits.last().is_some_and(|e| !e.instead.is_empty()) {
            row.edits.push(Edit {
                file,
                ..Edit::default()
            });
        }
        let stands = &mut row.edits.last_mut()?.stands;
        stands.push_str(code);
        stands.push('\n');
    } else if let Some(code) = content.strip_prefix('+') {
        let instead = &mut row.edits.last_mut()?.instead;
        instead.push_str(code);
        instead.push('\n');
    } else if let Some(words) = content.strip_prefix("says: ") {
        row.says = words.to_owned();
    } else if let Some(file) = content.strip_prefix("in: ") {
        row.edits.push(Edit {
            file: file.to_owned(),
            ..Edit::default()
        });
    } else {
        (row.target, row.test) = test(content.strip_prefix("test: ")?)?;
    }
    Some(())
}

/// `[12] What is taken out.`
fn head(line: usize, content: &str) -> Option<Remedy> {
    let (lesson, taken_out) = content.strip_prefix('[')?.split_once("] ")?;
    Some(Remedy {
        line,
        lesson: lesson.parse().ok()?,
        taken_out: taken_out.to_owned(),
        ..Remedy::default()
    })
}

/// `--lib NAME`, `--test FILE NAME` or `browser FILE NAME`.
fn test(words: &str) -> Option<(Target, String)> {
    let words: Vec<&str> = words.split(' ').collect();
    let (target, name) = match words.as_slice() {
        ["--lib", name] => (Target::Lib, name),
        ["--test", file, name] => (Target::Tests((*file).to_owned()), name),
        ["browser", file, name] => (Target::Browser((*file).to_owned()), name),
        _ => return None,
    };
    Some((target, (*name).to_owned()))
}

/// All tests that carry the number of a lesson, with the files in which they are.
///
/// # Errors
/// A file or folder that cannot be read.
pub fn tests(root: &Path) -> io::Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for part in PARTS {
        collect(&root.join(part), &mut found)?;
    }
    Ok(found)
}

fn collect(folder: &Path, found: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            if !PASSED_OVER.contains(&&*name) {
                collect(&path, found)?;
            }
        } else if name.ends_with(".rs") || name.ends_with(".mjs") {
            let text = fs::read_to_string(&path)?;
            for mark in MARKS {
                let begins = mark.len() - "lesson_".len();
                let names = text.match_indices(mark).map(|(at, _)| &text[at + begins..]);
                found.extend(names.map(|rest| (name_of(rest), path.clone())));
            }
        }
    }
    Ok(())
}

fn name_of(rest: &str) -> String {
    let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    rest.chars().take_while(is_part).collect()
}

/// The lesson whose number a test's name carries.
#[must_use]
pub fn lesson_of(test: &str) -> Option<u32> {
    test.strip_prefix("lesson_")?.get(..2)?.parse().ok()
}

/// What is wrong with the table, beside the tree as it stands.
///
/// # Errors
/// A file or folder that cannot be read.
pub fn faults(root: &Path, rows: &[Remedy]) -> io::Result<Vec<String>> {
    let tests = tests(root)?;
    let mut faults = Vec::new();
    for row in rows {
        for fault in faults_of(root, row, &tests) {
            faults.push(format!("{TABLE}:{}: {fault}", row.line));
        }
    }
    let named: BTreeSet<&str> = rows.iter().map(|r| r.test.as_str()).collect();
    for test in tests.keys().filter(|test| !named.contains(test.as_str())) {
        faults.push(format!("{TABLE} does not name {test}"));
    }
    for lesson in (1..=LESSONS).filter(|n| rows.iter().all(|r| r.lesson != *n)) {
        faults.push(format!("{TABLE} has nothing for lesson {lesson}"));
    }
    Ok(faults)
}

fn faults_of(root: &Path, row: &Remedy, tests: &BTreeMap<String, PathBuf>) -> Vec<String> {
    let mut faults = Vec::new();
    if lesson_of(&row.test) != Some(row.lesson) {
        faults.push(format!("{} is no test of lesson {}", row.test, row.lesson));
    }
    match tests.get(&row.test) {
        Some(path) if is_there(path, &row.target) => {}
        Some(path) => faults.push(format!("{} is in {}", row.test, path.display())),
        None => faults.push(format!("there is no test {}", row.test)),
    }
    if row.taken_out.is_empty() || row.says.is_empty() || row.edits.is_empty() {
        faults.push("what is taken out, `says:` or `in:` is missing".to_owned());
    }
    for edit in &row.edits {
        if edit.stands == edit.instead || edit.stands.is_empty() {
            faults.push(format!("nothing is taken out of {}", edit.file));
            continue;
        }
        let text = fs::read_to_string(root.join(&edit.file)).map_err(|e| e.to_string());
        faults.extend(text.and_then(|text| edit.apply(&text)).err());
    }
    faults
}

fn is_there(path: &Path, target: &Target) -> bool {
    match target {
        Target::Lib => path.iter().any(|part| part == "src"),
        Target::Tests(name) => path.ends_with(format!("tests/{name}.rs")),
        Target::Browser(name) => path.ends_with(format!("tests/browser/{name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "# a remark\n\n[7] Nothing is kept.\ntest: --test faults lesson_07_x\nsays: kept\nin: a.rs\n- a\n-\n- b\n+ c\n- d\nin: b.rs\n- e\n";

    #[test]
    fn a_row_says_what_is_taken_out_where() {
        let rows = parse(ROW).expect("parses");
        let edit = |file: &str, stands: &str, instead: &str| Edit {
            file: file.into(),
            stands: stands.into(),
            instead: instead.into(),
        };
        let row = Remedy {
            line: 3,
            lesson: 7,
            taken_out: "Nothing is kept.".into(),
            target: Target::Tests("faults".into()),
            test: "lesson_07_x".into(),
            says: "kept".into(),
            edits: vec![
                edit("a.rs", " a\n\n b\n", " c\n"),
                edit("a.rs", " d\n", ""),
                edit("b.rs", " e\n", ""),
            ],
        };
        assert_eq!(rows, [row]);
        for line in ["says: too early", "- a", "[x] y", "[1] a\ntest: --bin b c"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn lines_are_replaced_whole_and_only_when_they_stand_once() {
        let edit = Edit {
            file: "a.rs".into(),
            stands: "  b\n".into(),
            instead: "  c\n".into(),
        };
        assert_eq!(edit.apply("a\n  b\n").as_deref(), Ok("a\n  c\n"));
        for text in ["a  b\n", "  b", "  b\n  b\n", ""] {
            assert!(edit.apply(text).is_err(), "{text:?}");
        }
    }
}
