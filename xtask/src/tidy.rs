//! `cargo xtask tidy`: the rules of ARCHITECTURE.md and STYLE.md that a program can check.

pub(crate) mod arrows;
pub(crate) mod calls;
pub(crate) mod documents;
pub(crate) mod shape;
pub(crate) mod templates;
pub(crate) mod words;

use crate::repository::{self, File};
use crate::size;

/// One breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl Finding {
    fn new(file: &File, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: file.path.clone(),
            line,
            message: message.into(),
        }
    }
}

/// Prints every finding; true when there is none.
pub(crate) fn run() -> anyhow::Result<bool> {
    let files = repository::files()?;
    let mut findings = check(&files);
    let crates = size::client_crates()?.len();
    if crates > size::MAX_CRATES {
        findings.push(Finding {
            path: "crates/headcount-client/Cargo.toml".to_owned(),
            line: 1,
            message: format!("{crates} crates in a host, at most {}", size::MAX_CRATES),
        });
    }
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    println!("tidy: the module brings {crates} crates into a host");
    println!("tidy: {} files, {} findings", files.len(), findings.len());
    Ok(findings.is_empty())
}

/// All rules over all files, in order of path and line.
fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    arrows::check(files, &mut findings);
    calls::check(files, &mut findings);
    shape::check(files, &mut findings);
    templates::check(files, &mut findings);
    words::check(files, &mut findings);
    documents::check(files, &mut findings);
    findings.sort();
    findings
}

#[cfg(test)]
fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

#[cfg(test)]
fn messages(rule: fn(&[File], &mut Vec<Finding>), files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    rule(files, &mut findings);
    findings
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}
