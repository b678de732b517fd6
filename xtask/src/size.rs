//! `cargo xtask size`: what the module adds to its host, in crates and in bytes of a stripped release build.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::repository;

/// Most crates the module may bring into a host without features; tidy fails above it.
pub(crate) const MAX_CRATES: usize = 75;

const HELLO: &str = "fn main() {\n    println!(\"hello\");\n}\n";
/// Uses recording, delivery and the spool, so that the linker keeps them.
const MODULE: &str = "\
use headcount_client::{Client, Config, Task};

fn main() {
    let client = Client::open(Config::new(\"state\").app(\"hello\", \"1.0\"));
    client.record_task(&Task { namespace: \"hello\", task: \"world\", result: \"Success\", ..Task::default() });
    println!(\"hello\");
}
";

/// Prints crates and bytes; true when the crates are within their limit.
pub(crate) fn run() -> anyhow::Result<bool> {
    let crates = client_crates()?;
    println!("crates: {} (at most {MAX_CRATES})", crates.len());
    let hello = built("hello", HELLO, "")?;
    let path = repository::root().join("crates/headcount-client");
    let dependency = format!(
        "headcount-client = {{ path = {:?} }}\n",
        path.display().to_string()
    );
    let module = built("module", MODULE, &dependency)?;
    println!(
        "stripped hello-world: {hello} bytes, with the module: {module} bytes, added: {:.2} MB",
        (module.saturating_sub(hello)) as f64 / 1e6
    );
    Ok(crates.len() <= MAX_CRATES)
}

/// Every crate that the module without features brings into a host, itself included.
pub(crate) fn client_crates() -> anyhow::Result<BTreeSet<String>> {
    let told = Command::new("cargo")
        .args(["tree", "--package", "headcount-client", "--edges", "normal"])
        .args([
            "--no-default-features",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(repository::root())
        .output()
        .context("starting cargo")?;
    anyhow::ensure!(
        told.status.success(),
        "cargo tree failed: {}",
        String::from_utf8_lossy(&told.stderr)
    );
    let text = String::from_utf8_lossy(&told.stdout);
    let name = |line: &str| {
        line.split_whitespace()
            .take(2)
            .collect::<Vec<_>>()
            .join(" ")
    };
    Ok(text
        .lines()
        .map(name)
        .filter(|name| !name.is_empty())
        .collect())
}

/// Builds a program of its own beside the workspace and answers its size in bytes.
fn built(name: &str, main: &str, dependency: &str) -> anyhow::Result<u64> {
    let target = repository::target_folder().join("size");
    let folder = target.join(name);
    fs::create_dir_all(folder.join("src"))?;
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\n{dependency}\n[workspace]\n\n[profile.release]\nlto = \"thin\"\nstrip = true\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::write(folder.join("src/main.rs"), main)?;
    // The same versions as the workspace has.
    fs::copy(
        repository::root().join("Cargo.lock"),
        folder.join("Cargo.lock"),
    )?;
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet", "--target-dir"])
        .arg(target.join("build"))
        .current_dir(&folder)
        .status()
        .context("starting cargo")?;
    anyhow::ensure!(status.success(), "building {name} failed");
    bytes(&target.join("build/release").join(name))
}

fn bytes(path: &Path) -> anyhow::Result<u64> {
    let data = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(data.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_stays_small() {
        let crates = client_crates().unwrap();
        assert!(
            crates
                .iter()
                .any(|name| name.starts_with("headcount-client "))
        );
        assert!(
            crates.len() <= MAX_CRATES,
            "{} crates: {crates:?}",
            crates.len()
        );
    }
}
