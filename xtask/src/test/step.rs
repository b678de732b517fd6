//! One command of a test run: what it prints is shown at once and kept for counting.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use anyhow::Context;

use super::tally::Tally;
use crate::repository;

/// A command that runs in the root of the repository.
pub(crate) struct Step {
    command: Command,
}

impl Step {
    pub(crate) fn cargo(arguments: &[&str]) -> Self {
        Self::program("cargo", arguments)
    }

    pub(crate) fn program(name: impl AsRef<OsStr>, arguments: &[&str]) -> Self {
        let mut command = Command::new(name);
        command
            .args(arguments)
            .current_dir(repository::root())
            .stdin(Stdio::null());
        Self { command }
    }

    pub(crate) fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// True when the command is there and succeeds; shows nothing.
    pub(crate) fn quiet_success(mut self) -> bool {
        let silent = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    }

    /// True when the command succeeds.
    pub(crate) fn succeeds(mut self) -> anyhow::Result<bool> {
        let name = self.name();
        let status = self
            .command
            .status()
            .with_context(|| format!("starting {name}"))?;
        Ok(status.success())
    }

    /// The command's own numbers. A command that fails without a failed test counts as one failure.
    pub(crate) fn tests(mut self, read: fn(&str) -> Tally) -> anyhow::Result<Tally> {
        let name = self.name();
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self
            .command
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        let kept = Mutex::new(String::new());
        let (output, errors) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            scope.spawn(|| show(output, &kept));
            scope.spawn(|| show(errors, &kept));
        });
        let status = child
            .wait()
            .with_context(|| format!("waiting for {name}"))?;
        let output = kept
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut tally = read(&output);
        if !status.success() && tally.failed == 0 {
            println!("{name} failed without a failed test: {status}");
            tally.failed = 1;
        }
        Ok(tally)
    }

    fn name(&self) -> String {
        self.command.get_program().to_string_lossy().into_owned()
    }
}

/// Prints lines as they come and keeps them.
fn show(stream: Option<impl Read>, kept: &Mutex<String>) {
    let Some(stream) = stream else { return };
    for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        println!("{line}");
        let mut kept = kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.push_str(&line);
        kept.push('\n');
    }
}
