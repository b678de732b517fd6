//! `cargo xtask bench NAME`: runs one benchmark of headcount-bench in a release build.

use std::process::Command;

use anyhow::Context;

use crate::repository;

/// Passes the arguments through; true when the benchmark succeeded.
pub(crate) fn run(name: &str, arguments: &[&str]) -> anyhow::Result<bool> {
    let status = Command::new("cargo")
        .args([
            "run",
            "--release",
            "--package",
            "headcount-bench",
            "--",
            name,
        ])
        .args(arguments)
        .current_dir(repository::root())
        .status()
        .context("starting cargo")?;
    Ok(status.success())
}
