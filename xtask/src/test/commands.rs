//! Every `headcount` command that README.md and docs/ show exists in the binary, with its flags.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use regex_lite::Regex;

use super::tally::Tally;
use crate::repository;

/// One passed or failed check per command.
pub(crate) fn check(binary: &Path) -> anyhow::Result<Tally> {
    let mut shown = BTreeSet::new();
    for file in repository::files()? {
        let document = file.path == "README.md" || file.path.starts_with("docs/");
        if document && file.path.ends_with(".md") {
            shown.extend(commands(&file.text));
        }
    }
    let mut tally = Tally::default();
    for command in shown {
        let missing = missing_part(binary, &command)?;
        if let Some(part) = &missing {
            println!(
                "documents show `headcount {}`: {part} does not exist",
                command.text()
            );
        }
        tally = tally.plus(Tally::of_check(missing.is_none()));
    }
    Ok(tally)
}

/// A command as documents show it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shown {
    words: Vec<String>,
    flags: Vec<String>,
}

impl Shown {
    fn text(&self) -> String {
        [self.words.as_slice(), self.flags.as_slice()]
            .concat()
            .join(" ")
    }
}

/// Commands in code: `headcount project create "My App" --json`, also behind `cargo run ... --`.
fn commands(text: &str) -> Vec<Shown> {
    let call =
        Regex::new(r"(?:^|[`\s/])(?:headcount|cargo run --release --) ((?:[a-z]+ ?)+)([^`|]*)")
            .expect("the pattern is constant");
    let flag = Regex::new(r"--[a-z][a-z-]*").expect("the pattern is constant");
    let mut fenced = false;
    let mut found = Vec::new();
    // Django's command of the same name is another program.
    let ours = |line: &&str| !line.contains("manage.py headcount");
    for line in text.lines().filter(ours) {
        if line.starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if !fenced && !line.contains("`headcount ") {
            continue;
        }
        for groups in call.captures_iter(line) {
            let words = groups[1].split_whitespace().map(str::to_owned).collect();
            let flags = flag
                .find_iter(&groups[2])
                .map(|flag| flag.as_str().to_owned())
                .collect();
            found.push(Shown { words, flags });
        }
    }
    found
}

/// The first word or flag that `--help` of the command does not know.
fn missing_part(binary: &Path, command: &Shown) -> anyhow::Result<Option<String>> {
    let mut known = Vec::new();
    for word in command.words.iter().take(2) {
        let help = help(binary, &known)?;
        let listed = help
            .lines()
            .any(|line| line.split_whitespace().next() == Some(word.as_str()));
        if listed {
            known.push(word.as_str());
        } else if known.is_empty() {
            return Ok(Some(word.clone()));
        }
    }
    let help = help(binary, &known)?;
    Ok(command
        .flags
        .iter()
        .find(|flag| !help.contains(flag.as_str()))
        .cloned())
}

fn help(binary: &Path, words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(binary)
        .args(words)
        .arg("--help")
        .output()
        .with_context(|| format!("running {}", binary.display()))?;
    anyhow::ensure!(output.status.success(), "{words:?} --help failed");
    String::from_utf8(output.stdout).context("help is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_commands_in_code_only() {
        let text = "With headcount serve one\n`headcount serve --data x`\n```sh\n\
            cargo run --release -- demo --seed 2\n./headcount project create App --json\n```\n";
        let texts: Vec<String> = commands(text).iter().map(Shown::text).collect();
        assert_eq!(
            texts,
            ["serve --data", "demo --seed", "project create --json"]
        );
    }
}
