//! The repository as a list of files with their text; tidy's rules see nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::Context;

/// One text file of the repository.
#[derive(Debug)]
pub(crate) struct File {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The file's name without folder and ending.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.split('.').next().unwrap_or(name)
    }

    /// Lines with their numbers from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// Whether the whole file holds test code only.
    pub(crate) fn is_test(&self) -> bool {
        self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// Lines of product code: no comments, nothing from the first `#[cfg(test)] mod ... {` on.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = if self.is_test() {
            Vec::new()
        } else {
            self.text.lines().collect()
        };
        let tests = lines.windows(2).position(|pair| {
            let [attribute, item] = pair else {
                return false;
            };
            attribute.starts_with("#[cfg(test)]") && item.starts_with("mod ") && item.ends_with('{')
        });
        let end = tests.unwrap_or(lines.len());
        lines
            .into_iter()
            .take(end)
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line))
    }
}

/// The folder that holds the workspace. Cargo tells it when the program starts: a build that several
/// clones share may come from another one of them.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let own = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        own.parent()
            .map_or_else(|| PathBuf::from("."), Path::to_owned)
    });
    &ROOT
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// All text files that git knows or would add.
pub(crate) fn files() -> anyhow::Result<Vec<File>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .context("listing the repository with git")?;
    anyhow::ensure!(
        listed.status.success(),
        "git ls-files failed in {}",
        root().display()
    );
    let names = String::from_utf8(listed.stdout).context("a file name is not UTF-8")?;
    let mut files = Vec::new();
    for path in names.split('\0').filter(|name| !name.is_empty()) {
        let full = root().join(path);
        if !full.is_file() {
            continue; // deleted in the work tree, not yet in git
        }
        let bytes = std::fs::read(&full).with_context(|| format!("reading {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File {
                path: path.to_owned(),
                text,
            });
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_code_ends_where_tests_begin() {
        let text =
            "//! A.\n#[cfg(test)]\nuse b;\nfn c() {}\n#[cfg(test)]\nmod tests {\nfn d() {}\n}\n";
        let file = File {
            path: "crates/a/src/a.rs".to_owned(),
            text: text.to_owned(),
        };
        let lines: Vec<usize> = file.code_lines().map(|(number, _)| number).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
