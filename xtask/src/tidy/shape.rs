//! Shape of files: size, first line, names.

use super::Finding;
use crate::repository::File;

/// STYLE.md 1: a file longer than this holds more than one subject.
const MOST_LINES: usize = 500;

const VAGUE_NAMES: [&str; 5] = ["utils", "helpers", "common", "types", "manager"];

const CODE_ENDINGS: [&str; 6] = [".rs", ".py", ".mjs", ".js", ".css", ".html"];

/// Files over the limit, Rust files without a first line that says what they are for, vague names.
pub(crate) fn check(files: &[File], findings: &mut Vec<Finding>) {
    for file in files {
        let code = CODE_ENDINGS
            .iter()
            .any(|ending| file.path.ends_with(ending));
        let lines = file.text.lines().count();
        if code && lines > MOST_LINES {
            findings.push(Finding::new(
                file,
                lines,
                format!("{lines} lines; at most {MOST_LINES}"),
            ));
        }
        if file.path.ends_with(".rs") {
            check_rust(file, findings);
        }
    }
}

fn check_rust(file: &File, findings: &mut Vec<Finding>) {
    if !file.text.starts_with("//! ") {
        findings.push(Finding::new(
            file,
            1,
            "first line must be `//!` and say what the file is for",
        ));
    }
    if file.stem() == "mod" {
        findings.push(Finding::new(
            file,
            1,
            "use foo.rs + foo/bar.rs instead of mod.rs",
        ));
    }
    let parts = file.path.split(['/', '.']);
    for name in parts.filter(|part| VAGUE_NAMES.contains(part)) {
        findings.push(Finding::new(file, 1, format!("`{name}` names no subject")));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{file, messages};
    use super::*;

    #[test]
    fn a_good_file_passes() {
        let files = [file("crates/a/src/store.rs", "//! Keeps rows.\n")];
        assert_eq!(messages(check, &files), Vec::<String>::new());
    }

    #[test]
    fn each_rule_can_fail() {
        let long = format!("//! Long.\n{}", "\n".repeat(MOST_LINES));
        for (path, text, part) in [
            ("crates/a/src/long.rs", long.as_str(), "at most 500"),
            ("crates/a/static/page.css", long.as_str(), "at most 500"),
            ("crates/a/src/bare.rs", "fn main() {}\n", "first line"),
            ("crates/a/src/web/mod.rs", "//! Web.\n", "mod.rs"),
            ("crates/a/src/utils.rs", "//! All sorts.\n", "`utils`"),
            ("crates/a/src/helpers/day.rs", "//! Days.\n", "`helpers`"),
        ] {
            let found = messages(check, &[file(path, text)]);
            assert!(
                found.iter().any(|message| message.contains(part)),
                "{path}: {found:?}"
            );
        }
    }
}
