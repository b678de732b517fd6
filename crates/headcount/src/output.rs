//! What the user reads: results on standard output, messages on standard error.
#![expect(clippy::print_stderr, reason = "the one place that prints")]

use std::fmt::Display;
use std::io::Write as _;

use anyhow::Context as _;
use serde::Serialize;

/// How results are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON object instead of text.
    pub(crate) json: bool,
}

impl Output {
    /// Prints a result: `value` as one line of JSON with `--json`, else `text`.
    pub(crate) fn result(self, value: &impl Serialize, text: impl Display) -> anyhow::Result<()> {
        let line = if self.json {
            serde_json::to_string(value).context("writing the result as JSON")?
        } else {
            text.to_string()
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}")
            .and_then(|()| out.flush())
            .context("writing to standard output")
    }
}

/// A line for the person at the terminal, beside results and logs.
pub(crate) fn message(text: impl Display) {
    eprintln!("{text}");
}

/// One line that says what failed and why.
pub(crate) fn failure(error: &anyhow::Error) {
    eprintln!("headcount: {error:#}");
}
