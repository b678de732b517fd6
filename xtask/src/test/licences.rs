//! Licences of all dependencies against deny.toml; with cargo-deny where it is installed.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::Context;

use super::step::Step;
use crate::repository;

/// True when every package that is built has a licence of deny.toml's allow list.
pub(crate) fn check() -> anyhow::Result<bool> {
    if Step::cargo(&["deny", "--version"]).quiet_success() {
        return Step::cargo(&["deny", "check", "bans", "licenses", "sources"]).succeeds();
    }
    println!("cargo-deny is not installed: reading licences from cargo metadata");
    let allowed = allowed()?;
    let metadata = metadata()?;
    let mut success = true;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !satisfied(licence, &allowed) {
            println!("{name}: licence `{licence}` is not in deny.toml");
            success = false;
        }
    }
    println!("{} packages read", packages.len());
    Ok(success)
}

fn allowed() -> anyhow::Result<BTreeSet<String>> {
    let path = repository::root().join("deny.toml");
    let text = std::fs::read_to_string(&path).context("reading deny.toml")?;
    let table: toml::Table = text.parse().context("reading deny.toml")?;
    let list = table
        .get("licenses")
        .and_then(|licenses| licenses.get("allow")?.as_array());
    let list = list.context("deny.toml has no licenses.allow")?;
    Ok(list
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect())
}

fn metadata() -> anyhow::Result<serde_json::Value> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(repository::root())
        .output()
        .context("starting cargo metadata")?;
    anyhow::ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).context("reading cargo metadata")
}

/// Whether an SPDX expression can be met: `MIT OR (Apache-2.0 AND Zlib)`, old style `MIT/Apache-2.0`.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = either(&mut rest, allowed);
    met && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = both(rest, allowed);
    while let ["OR", after @ ..] = *rest {
        *rest = after;
        met |= both(rest, allowed);
    }
    met
}

fn both(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = single(rest, allowed);
    while let ["AND", after @ ..] = *rest {
        *rest = after;
        met &= single(rest, allowed);
    }
    met
}

fn single(rest: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    match *rest {
        ["(", after @ ..] => {
            *rest = after;
            let met = either(rest, allowed);
            if let [")", after @ ..] = *rest {
                *rest = after;
            }
            met
        }
        [name, "WITH", exception, after @ ..] => {
            *rest = after;
            allowed.contains(*name) || allowed.contains(&format!("{name} WITH {exception}"))
        }
        [name, after @ ..] => {
            *rest = after;
            allowed.contains(*name)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_read_as_spdx() {
        let allowed = ["MIT", "Apache-2.0", "Unicode-3.0"]
            .map(str::to_owned)
            .into();
        for (expression, expected) in [
            ("MIT", true),
            ("GPL-3.0", false),
            ("", false),
            ("MIT OR GPL-3.0", true),
            ("GPL-3.0/MIT", true),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-3.0) AND Unicode-3.0", true),
            ("(MIT OR Apache-2.0) AND GPL-3.0", false),
            ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ] {
            assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
        }
    }
}
