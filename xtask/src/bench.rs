//! `cargo xtask bench NAME`: runs one benchmark of headcount-bench in a release build; `django` runs in Python.

use std::process::Command;

use anyhow::Context;

use crate::repository;
use crate::test::python;

/// Passes the arguments through; true when the benchmark succeeded.
pub(crate) fn run(name: &str, arguments: &[&str]) -> anyhow::Result<bool> {
    if name == "django" {
        return python::Wheel::build()?.bench(arguments);
    }
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
