//! Documents keep step with the code: decisions, fuzz targets, commands that README names.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::Finding;
use crate::fields;
use crate::repository::File;

const SUBCOMMANDS: [&str; 5] = ["test", "tidy", "bench", "fields", "size"];

/// Numbering of docs/decisions, links and `cargo xtask` commands in Markdown, a target per decoder.
pub(crate) fn check(files: &[File], findings: &mut Vec<Finding>) {
    decisions(files, findings);
    commands(files, findings);
    links(files, findings);
    fuzz_targets(files, findings);
    fields(files, findings);
}

/// The pages that tell what is sent show the dictionary as it is.
fn fields(files: &[File], findings: &mut Vec<Finding>) {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let Some(dictionary) = find(fields::DICTIONARY) else {
        return;
    };
    for page in fields::PAGES.into_iter().filter_map(find) {
        let message = match fields::renewed(&page.text, &dictionary.text) {
            Ok(renewed) if renewed == page.text => continue,
            Ok(_) => "differs from the dictionary: run `cargo xtask fields`".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        findings.push(Finding::new(page, 1, message));
    }
}

fn decisions(files: &[File], findings: &mut Vec<Finding>) {
    let mut pages: Vec<&File> = files
        .iter()
        .filter(|file| file.path.starts_with("docs/decisions/"))
        .collect();
    pages.sort_by_key(|file| &file.path);
    for (index, page) in pages.iter().enumerate() {
        let wanted = format!("{:03}-", index + 1);
        let name = page.path.rsplit('/').next().unwrap_or_default();
        if !name.starts_with(&wanted) || !name.ends_with(".md") {
            findings.push(Finding::new(
                page,
                1,
                format!("decisions count up: expected {wanted}*.md"),
            ));
        }
        if !page.text.starts_with("# ") {
            findings.push(Finding::new(page, 1, "a decision starts with its title"));
        }
    }
}

fn commands(files: &[File], findings: &mut Vec<Finding>) {
    let command = Regex::new(r"cargo xtask ([a-z-]+)").expect("the pattern is constant");
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        for (number, line) in file.lines() {
            for found in command.captures_iter(line) {
                let name = &found[1];
                if !SUBCOMMANDS.contains(&name) {
                    let message = format!("`cargo xtask {name}` does not exist");
                    findings.push(Finding::new(file, number, message));
                }
            }
        }
    }
}

fn links(files: &[File], findings: &mut Vec<Finding>) {
    let link = Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").expect("the pattern is constant");
    for file in files.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, line) in file.lines() {
            for found in link.captures_iter(line) {
                let path = crate::repository::root().join(folder).join(&found[1]);
                if !path.exists() {
                    let message = format!("link to `{}`, which does not exist", &found[1]);
                    findings.push(Finding::new(file, number, message));
                }
            }
        }
    }
}

/// Every public decoder of the protocol crate is called by a fuzz target, every target is registered.
fn fuzz_targets(files: &[File], findings: &mut Vec<Finding>) {
    let decoder =
        Regex::new(r"^pub fn (decode\w*|reduce|split\w*)\(").expect("the pattern is constant");
    let targets: Vec<&File> = files
        .iter()
        .filter(|file| file.path.starts_with("fuzz/fuzz_targets/"))
        .collect();
    let called: String = targets.iter().map(|file| file.text.as_str()).collect();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with("crates/headcount-protocol/src/"))
    {
        for (number, line) in file.code_lines() {
            let Some(found) = decoder.captures(line) else {
                continue;
            };
            let call = format!("{}::{}(", module_name(file), &found[1]);
            if !called.contains(&call) {
                findings.push(Finding::new(
                    file,
                    number,
                    format!("no fuzz target calls `{call}..)`"),
                ));
            }
        }
    }
    let manifest = files.iter().find(|file| file.path == "fuzz/Cargo.toml");
    let registered: BTreeSet<&str> = manifest
        .iter()
        .flat_map(|file| file.text.lines())
        .filter_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'))
        .collect();
    for target in targets {
        let path = target.path.trim_start_matches("fuzz/");
        if !registered.contains(path) {
            findings.push(Finding::new(target, 1, "not registered in fuzz/Cargo.toml"));
        }
    }
}

/// The top module of a file of a crate: `src/ga4/body.rs` belongs to `ga4`.
fn module_name(file: &File) -> &str {
    let inside = file
        .path
        .split_once("/src/")
        .map_or("", |(_, inside)| inside);
    inside.split(['/', '.']).next().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::super::{file, messages};
    use super::*;

    #[test]
    fn decisions_count_up_without_gaps() {
        let first = || file("docs/decisions/001-store.md", "# Store\n");
        assert_eq!(messages(decisions, &[first()]), Vec::<String>::new());
        let gap = [first(), file("docs/decisions/003-clock.md", "# Clock\n")];
        assert_eq!(
            messages(decisions, &gap),
            ["decisions count up: expected 002-*.md"]
        );
        let untitled = [file("docs/decisions/001-store.md", "Store\n")];
        assert_eq!(
            messages(decisions, &untitled),
            ["a decision starts with its title"]
        );
    }

    #[test]
    fn commands_of_documents_exist() {
        let good = [file("README.md", "run `cargo xtask test --quick`")];
        assert_eq!(messages(commands, &good), Vec::<String>::new());
        let bad = [file("README.md", "run `cargo xtask check`")];
        assert_eq!(
            messages(commands, &bad),
            ["`cargo xtask check` does not exist"]
        );
    }

    #[test]
    fn links_lead_somewhere() {
        let good = [file(
            "README.md",
            "[style](STYLE.md) [web](https://example.org)",
        )];
        assert_eq!(messages(links, &good), Vec::<String>::new());
        let bad = [file("docs/install.md", "[gone](gone.md#part)")];
        assert_eq!(
            messages(links, &bad),
            ["link to `gone.md`, which does not exist"]
        );
    }

    #[test]
    fn decoders_have_fuzz_targets() {
        let decoder = || {
            file(
                "crates/headcount-protocol/src/ga4.rs",
                "pub fn decode(x: u8) {}\n",
            )
        };
        let found = messages(fuzz_targets, &[decoder()]);
        assert_eq!(found, ["no fuzz target calls `ga4::decode(..)`"]);
        let target = || file("fuzz/fuzz_targets/ga4.rs", "ga4::decode(1);\n");
        assert_eq!(
            messages(fuzz_targets, &[decoder(), target()]),
            ["not registered in fuzz/Cargo.toml"]
        );
        let manifest = file("fuzz/Cargo.toml", "path = \"fuzz_targets/ga4.rs\"\n");
        assert_eq!(
            messages(fuzz_targets, &[decoder(), target(), manifest]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn every_page_that_tells_what_is_sent_follows_the_dictionary() {
        let dictionary = "[[field]]\nname = \"app\"\nkind = \"text\"\nbounds = \"short\"\n";
        let empty = "<!-- made by `cargo xtask fields` from dictionary.toml -->\n\
                     <!-- end of what is made -->\n";
        assert!(fields::PAGES.contains(&"docs/django.md"));
        for page in fields::PAGES {
            let found = |text: &str| {
                let files = [file(fields::DICTIONARY, dictionary), file(page, text)];
                messages(super::fields, &files)
            };
            let made = fields::renewed(empty, dictionary).unwrap();
            assert_eq!(found(&made), Vec::<String>::new());
            let differs = "differs from the dictionary: run `cargo xtask fields`";
            assert_eq!(found(&made.replace("short", "long")), [differs]);
            assert_eq!(found("# A page by hand\n").len(), 1);
        }
    }
}
