//! The real programs as child processes, ended when they are dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, bail};

/// A program that was started, with what it printed until it was ready.
pub struct Process {
    child: Child,
    /// Lines of its standard output up to readiness.
    pub said: Vec<String>,
}

impl Process {
    /// Starts `command` and reads its output until `ready` says so of a line; its standard error
    /// goes to `log`.
    pub fn start(
        mut command: Command,
        log: &Path,
        ready: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Process> {
        let errors = std::fs::File::create(log).with_context(|| log.display().to_string())?;
        let name = command.get_program().to_string_lossy().into_owned();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors);
        let mut child = command.spawn().with_context(|| format!("start {name}"))?;
        let output = child.stdout.take().context("no standard output")?;
        let (lines, heard) = mpsc::channel();
        std::thread::spawn(move || {
            // Goes on reading, so that the child never blocks on a full pipe.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut process = Process {
            child,
            said: Vec::new(),
        };
        loop {
            let Ok(line) = heard.recv_timeout(Duration::from_secs(60)) else {
                let tail = std::fs::read_to_string(log).unwrap_or_default();
                bail!(
                    "{name} did not become ready; it said: {:?}\n{tail}",
                    process.said
                );
            };
            let done = ready(&line);
            process.said.push(line);
            if done {
                return Ok(process);
            }
        }
    }

    /// The part of a line behind `prefix`.
    pub fn after(&self, prefix: &str) -> anyhow::Result<String> {
        let found = self
            .said
            .iter()
            .find_map(|l| l.trim_start().strip_prefix(prefix));
        found
            .map(|l| l.trim().to_owned())
            .with_context(|| format!("no line {prefix:?} in {:?}", self.said))
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits until the program ends.
    pub fn wait(&mut self) -> anyhow::Result<()> {
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that cargo built beside the running one.
pub fn built(name: &str) -> anyhow::Result<PathBuf> {
    let exe = std::env::current_exe()?;
    exe.ancestors()
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built beside {}", exe.display()))
}
