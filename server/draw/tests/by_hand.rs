//! The third verifier: the shell commands of `docs/verify-by-hand.md`, taken out of the text and run. It verifies every
//! golden transcript and refuses every manipulation with the same first reason as this crate. (D2)

mod common;

use draw::{FILES, Files};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// What the public interface of drand answers for the round of the golden transcript.
const DRAND: &str = r#"{"round":123,"randomness":"","signature":"SIGNATURE"}"#;

/// The code blocks of the text, in their order.
fn script() -> String {
    let text = include_str!("../../../docs/verify-by-hand.md");
    let mut script = String::new();
    let mut inside = false;
    for line in text.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => script += &format!("{line}\n"),
            _ => {}
        }
    }
    script
}

/// What a run has to say at its end.
struct Run {
    name: String,
    files: Files,
    says: String,
}

fn runs() -> Vec<Run> {
    let cases = common::cases();
    let verified = cases.iter().map(|case| Run {
        name: case.name.into(),
        files: case.files(),
        says: "核对通过".into(),
    });
    let refused = common::tampered::tamperings().into_iter().map(|t| {
        let base = cases.iter().find(|case| case.name == t.base).unwrap();
        let (file, line, what) = t.refused;
        // The line of a JSON text may be left 0 (SPEC.md §10).
        let json = file.ends_with(".json") && what.code() == "form";
        Run {
            name: t.name.into(),
            files: t.apply(&base.files()),
            says: format!(
                "不通过 {file} {} {}",
                if json { 0 } else { line },
                what.code()
            ),
        }
    });
    verified.chain(refused).collect()
}

/// Runs the script over a transcript in a folder of its own; what it says last, or what is wrong with the script.
fn last_word(at: &Path, script: &Path, drand: &Path, files: &Files) -> String {
    std::fs::create_dir(at).unwrap();
    for (name, _) in FILES {
        if let Some(bytes) = files.get(name) {
            std::fs::write(at.join(name), bytes).unwrap();
        }
    }
    let output = Command::new("sh").arg(script).arg(at).arg(drand).output();
    let output = output.unwrap();
    std::fs::remove_dir_all(at).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    if !complaints.is_empty() {
        return complaints;
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.lines().last().unwrap_or_default().to_owned()
}

#[test]
fn the_commands_of_the_text_agree_with_this_crate() {
    let folder = tempfile::tempdir().unwrap();
    let (sh, drand) = (
        folder.path().join("verify.sh"),
        folder.path().join("drand.json"),
    );
    std::fs::write(&sh, script()).unwrap();
    std::fs::write(&drand, DRAND.replace("SIGNATURE", common::SIGNATURE)).unwrap();
    let left = Mutex::new(runs().into_iter().enumerate());
    let wrong = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((n, run)) = next else { break };
                    let said =
                        last_word(&folder.path().join(n.to_string()), &sh, &drand, &run.files);
                    if said != run.says {
                        wrong
                            .lock()
                            .unwrap()
                            .push(format!("{}: {said}; not {}", run.name, run.says));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
