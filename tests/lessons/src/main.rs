//! Takes each remedy of `remedies.txt` out and sees the test of its lesson fail (`make lessons`).
//!
//! It works on a copy of the tree in `target/lessons/tree`, which is made to equal the sources at each
//! start: whatever becomes of this program, no source is ever left broken. All is built in
//! `target/lessons/target`, so that from one remedy to the next only what it touches is built. In the end,
//! with every remedy back, all the tests must pass there.
//!
//! `lessons 3 12`: those only. `UNDER`: words that are put before each command, such as `nice -n 12`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use lessons::{Remedy, Target, faults, root, table};

/// A test that takes so many seconds hangs. That is no failure at the lesson's sentence.
const PATIENCE: &str = "900";
/// Folders of the copy that hold no sources.
const MADE: [&str; 2] = ["node_modules", "dist"];

type Outcome<T> = Result<T, String>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<bool> {
    let root = root();
    let rows = table(&root).map_err(|e| e.to_string())?;
    let wrong = faults(&root, &rows).map_err(|e| e.to_string())?;
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let mut rows = chosen(rows)?;
    // Crate after crate: less is built between two of them.
    rows.sort_by(|a, b| (&a.edits[0].file, &a.target).cmp(&(&b.edits[0].file, &b.target)));
    let began = Instant::now();
    let tree = Tree::copy(&root).map_err(|e| format!("{}: {e}", tree_of(&root).display()))?;
    let mut seen = Vec::new();
    for row in &rows {
        let outcome = tree.without(row);
        let told = match &outcome {
            Ok(place) => format!("fails at {place}"),
            Err(fault) => format!("NOT PROVED: {fault}"),
        };
        let minutes = began.elapsed().as_secs() / 60;
        println!(
            "{minutes:3} min, {:2} {}: {told}",
            row.lesson, row.taken_out
        );
        seen.push((row, outcome));
    }
    let whole = tree.as_it_is(&rows);
    if let Err(fault) = &whole {
        println!("With every remedy back: {fault}");
    }
    seen.sort_by_key(|(row, _)| (row.lesson, row.line));
    print_table(&seen);
    let proved = seen.iter().filter(|(_, outcome)| outcome.is_ok()).count();
    let lessons: BTreeSet<u32> = rows.iter().map(|r| r.lesson).collect();
    println!(
        "{proved} of {} remedies of {} lessons were missed by their tests when they were taken out; with all of \
         them back the tests {}. {} minutes.",
        rows.len(),
        lessons.len(),
        if whole.is_ok() { "pass" } else { "FAIL" },
        began.elapsed().as_secs().div_ceil(60)
    );
    Ok(proved == rows.len() && whole.is_ok())
}

/// The rows of the lessons that the command line names; of all without any.
fn chosen(rows: Vec<Remedy>) -> Outcome<Vec<Remedy>> {
    let mut wanted = BTreeSet::new();
    for word in std::env::args().skip(1) {
        let lesson: u32 = word
            .parse()
            .map_err(|_| format!("{word:?} is no number of a lesson"))?;
        wanted.insert(lesson);
    }
    let is_wanted = |row: &Remedy| wanted.is_empty() || wanted.contains(&row.lesson);
    let rows: Vec<Remedy> = rows.into_iter().filter(is_wanted).collect();
    match rows.is_empty() {
        true => Err("no lesson has this number".to_owned()),
        false => Ok(rows),
    }
}

fn print_table(seen: &[(&Remedy, Outcome<String>)]) {
    println!("\n| lesson | taken out | failed at |\n|---|---|---|");
    for (row, outcome) in seen {
        let place = match outcome {
            Ok(place) => place.as_str(),
            Err(_) => "NOT PROVED",
        };
        println!("| {} | {} | {place} |", row.lesson, row.taken_out);
    }
}

/// The copy in which remedies are taken out.
struct Tree {
    root: PathBuf,
    target: PathBuf,
}

fn tree_of(root: &Path) -> PathBuf {
    root.join("target/lessons/tree")
}

impl Tree {
    /// Makes the copy equal to the sources: all that git knows or would know. What is equal already keeps
    /// its time, so that it is not built again.
    fn copy(source: &Path) -> std::io::Result<Tree> {
        let root = tree_of(source);
        let mut wanted = BTreeSet::new();
        for name in listed(source)? {
            let (from, to) = (source.join(&name), root.join(&name));
            // Deleted, and git was not told yet.
            if !from.is_file() {
                continue;
            }
            let bytes = fs::read(&from)?;
            if fs::read(&to).ok().as_ref() != Some(&bytes) {
                fs::create_dir_all(to.parent().unwrap_or(&root))?;
                fs::copy(&from, &to)?;
            }
            wanted.insert(to);
        }
        remove_others(&root, &wanted)?;
        let packages = root.join("node_modules");
        if !packages.exists() {
            std::os::unix::fs::symlink(source.join("node_modules"), packages)?;
        }
        Ok(Tree {
            target: source.join("target/lessons/target"),
            root,
        })
    }

    /// Takes a remedy out, has its test run and puts it back; where the test failed.
    fn without(&self, row: &Remedy) -> Outcome<String> {
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        for edit in &row.edits {
            let text = match files.remove(edit.file.as_str()) {
                Some(text) => text,
                None => self.read(&edit.file)?,
            };
            files.insert(&edit.file, edit.apply(&text)?);
        }
        let mut back = Vec::new();
        for (file, text) in files {
            back.push((file, self.read(file)?));
            self.write(file, &text)?;
        }
        let outcome = self
            .build(&row.target)
            .map_err(|told| format!("it does not compile:\n{told}"))
            .and_then(|()| self.must_fail(row));
        for (file, text) in back {
            self.write(file, &text)?;
        }
        outcome
    }

    fn must_fail(&self, row: &Remedy) -> Outcome<String> {
        let tests = BTreeSet::from([row.test.as_str()]);
        let (ended_well, told) = self.test(&row.target, &tests)?;
        if ended_well {
            return Err(format!("{} passes", row.test));
        }
        failed_at(row, &told).ok_or(format!(
            "{} does not fail with {:?}:\n{told}",
            row.test, row.says
        ))
    }

    /// All tests of the rows, with every remedy in its place.
    fn as_it_is(&self, rows: &[Remedy]) -> Outcome<()> {
        let mut tests: BTreeMap<&Target, BTreeSet<&str>> = BTreeMap::new();
        for row in rows {
            tests.entry(&row.target).or_default().insert(&row.test);
        }
        for (target, names) in tests {
            self.build(target)?;
            let (ended_well, told) = self.test(target, &names)?;
            let missing: Vec<_> = names.iter().filter(|n| !passed(&told, n)).collect();
            if !ended_well || !missing.is_empty() {
                return Err(format!("{missing:?} did not pass:\n{told}"));
            }
        }
        Ok(())
    }

    /// Builds all that a test needs, so that its failure is its own.
    fn build(&self, target: &Target) -> Outcome<()> {
        let words: &[&str] = match target {
            Target::Lib => &["test", "--no-run", "--lib"],
            // Stories play with the real programs, and the office judges changes in a process of its own.
            Target::Tests(name) if self.root.join(format!("tests/tests/{name}.rs")).exists() => &[
                "build",
                "--bin",
                "server",
                "--bin",
                "field-agent",
                "--test",
                name,
            ],
            Target::Tests(name) => &["build", "--test", name],
            Target::Browser(_) => {
                let mut npm = self.command("npm");
                npm.args(["run", "--silent", "build", "-w", "tablet"]);
                must_end_well(npm)?;
                &[
                    "build",
                    "--bin",
                    "server",
                    "--bin",
                    "field-agent",
                    "--bin",
                    "play",
                ]
            }
        };
        let mut cargo = self.command("cargo");
        cargo.args(words).args(["--workspace", "--locked"]);
        must_end_well(cargo)
    }

    /// Whether the tests passed, and what they told.
    fn test(&self, target: &Target, names: &BTreeSet<&str>) -> Outcome<(bool, String)> {
        let mut command = self.command("timeout");
        command.arg(PATIENCE);
        if let Target::Browser(file) = target {
            let pattern = Vec::from_iter(names.iter().copied()).join("|");
            command
                .args(["node", "--test", "--test-reporter=tap"])
                .arg(format!("--test-name-pattern={pattern}"))
                .arg(format!("tests/browser/{file}"));
            return output(command);
        }
        command.args(["cargo", "test", "--workspace", "--locked"]);
        match target {
            Target::Tests(name) => command.args(["--test", name]),
            _ => command.arg("--lib"),
        };
        command.args(["--no-fail-fast", "--"]).args(names);
        output(command)
    }

    /// A command in the copy.
    fn command(&self, program: &str) -> Command {
        let under = std::env::var("UNDER").unwrap_or_default();
        let mut words = under.split_whitespace().chain([program]);
        let mut command = Command::new(words.next().unwrap_or(program));
        command
            .args(words)
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target)
            .env("PLAY", self.target.join("debug/play"))
            // Nobody looks at these programs with a debugger: they link faster without.
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "1")
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::null());
        command
    }

    fn read(&self, file: &str) -> Outcome<String> {
        fs::read_to_string(self.root.join(file)).map_err(|e| format!("{file}: {e}"))
    }

    fn write(&self, file: &str, text: &str) -> Outcome<()> {
        fs::write(self.root.join(file), text).map_err(|e| format!("{file}: {e}"))
    }
}

fn must_end_well(command: Command) -> Outcome<()> {
    match output(command)? {
        (true, _) => Ok(()),
        (false, told) => Err(told),
    }
}

/// Runs a command: whether it ended well, and what it wrote.
fn output(mut command: Command) -> Outcome<(bool, String)> {
    let done = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    let told = [done.stdout, done.stderr].concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    Ok((done.status.success(), told))
}

/// The files of the sources, those too that git does not know yet.
fn listed(source: &Path) -> std::io::Result<Vec<String>> {
    let mut git = Command::new("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let told = git.current_dir(source).output()?;
    if !told.status.success() {
        return Err(std::io::Error::other("git ls-files failed"));
    }
    let names = String::from_utf8_lossy(&told.stdout).into_owned();
    let names = names.split('\0').filter(|name| !name.is_empty());
    Ok(names.map(str::to_owned).collect())
}

/// Removes sources of the copy that are sources no more.
fn remove_others(folder: &Path, wanted: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if MADE.iter().any(|made| name == *made) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_others(&path, wanted)?;
        } else if !wanted.contains(&path) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Where the row's test failed with its words; `None`: it did not, or with others.
fn failed_at(row: &Remedy, told: &str) -> Option<String> {
    if let Target::Browser(file) = &row.target {
        let failed = |line: &str| line.trim().starts_with("not ok") && line.contains(&row.test);
        let stack = told.lines().any(failed).then_some(told)?;
        stack.contains(&row.says).then_some(())?;
        let place = format!("{file}:");
        let at = stack.split(&place).skip(1);
        let line = at.map(|rest| rest.split(':').next().unwrap_or_default());
        return Some(format!("tests/browser/{file}:{}", line.last()?));
    }
    let failed = |line: &str| is_of(line, &row.test) && line.ends_with("FAILED");
    told.lines().any(failed).then_some(())?;
    let mut panics = told.split("panicked at ").skip(1);
    let place = |panic: &str| panic.lines().next().map(place_of);
    let said = panics.find(|panic| panic.contains(&row.says));
    match said {
        Some(panic) => place(panic),
        // A test that gives its error back.
        None => told
            .lines()
            .find(|line| line.starts_with("Error: ") && line.contains(&row.says))
            .map(|_| row.test.clone()),
    }
}

/// `file:line` of `file:line:column:`.
fn place_of(text: &str) -> String {
    let parts: Vec<&str> = text.split(':').take(2).collect();
    parts.join(":")
}

fn passed(told: &str, test: &str) -> bool {
    let rust = |line: &str| is_of(line, test) && line.ends_with("... ok");
    let browser = |line: &str| line.starts_with("ok ") && line.contains(test);
    told.lines().any(|line| rust(line) || browser(line))
}

/// Whether the line tells what became of the test.
fn is_of(line: &str, test: &str) -> bool {
    let name = line.strip_prefix("test ").unwrap_or_default();
    let name = name.split(" ...").next().unwrap_or_default();
    // Of one with cases each has a name of its own.
    name.split("::").any(|part| part == test)
}
