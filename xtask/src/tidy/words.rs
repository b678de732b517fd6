//! Words that must not stand in the repository: unfinished work, paths of one machine, dead tests.

use super::Finding;
use crate::repository::File;

/// Said in pieces, so that this file does not find itself.
const UNFINISHED: [&str; 8] = [
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("for ", "now"),
    concat!("not impl", "emented"),
    concat!("st", "ub"),
];

const MACHINE_PATHS: [&str; 4] = [
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("/home", "/"),
];

const DEAD_TESTS: [&str; 4] = [
    concat!("#[ig", "nore"),
    concat!("assert!(", "true"),
    concat!("mark.", "skip"),
    concat!("test.", "skip("),
];

const CODE_ENDINGS: [&str; 5] = [".rs", ".py", ".mjs", ".js", ".sh"];

/// Unfinished words and dead tests in code, machine paths anywhere.
pub(crate) fn check(files: &[File], findings: &mut Vec<Finding>) {
    for file in files.iter().filter(|file| !file.path.ends_with(".lock")) {
        let code = CODE_ENDINGS
            .iter()
            .any(|ending| file.path.ends_with(ending));
        for (number, line) in file.lines() {
            for path in MACHINE_PATHS.iter().filter(|path| line.contains(**path)) {
                findings.push(Finding::new(
                    file,
                    number,
                    format!("`{path}` is a path of one machine"),
                ));
            }
            if !code {
                continue;
            }
            for word in UNFINISHED.iter().filter(|word| holds_word(line, word)) {
                findings.push(Finding::new(
                    file,
                    number,
                    format!("`{word}` says unfinished"),
                ));
            }
            for word in DEAD_TESTS.iter().filter(|word| line.contains(**word)) {
                findings.push(Finding::new(
                    file,
                    number,
                    format!("`{word}`: a test that cannot fail"),
                ));
            }
        }
    }
}

/// Whether the word stands on its own, not inside a longer one.
fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let joins = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
        !joins(before) && (word.ends_with('(') || !joins(after))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{file, messages};
    use super::*;

    #[test]
    fn each_word_is_found() {
        for word in UNFINISHED {
            let found = messages(check, &[file("a.rs", &format!("//! A.\nlet x = {word}"))]);
            assert_eq!(found.len(), 1, "{word}: {found:?}");
        }
        for word in DEAD_TESTS {
            assert_eq!(messages(check, &[file("a.rs", word)]).len(), 1, "{word}");
        }
    }

    #[test]
    fn machine_paths_are_found_in_documents_too() {
        for path in MACHINE_PATHS {
            assert_eq!(
                messages(check, &[file("README.md", &format!("see {path}x"))]).len(),
                1
            );
        }
    }

    #[test]
    fn parts_of_longer_words_pass() {
        let text = "//! Stubborn XXXL hackles, stubs.\n";
        assert_eq!(messages(check, &[file("a.rs", text)]), Vec::<String>::new());
    }
}
