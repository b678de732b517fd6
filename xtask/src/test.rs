//! `cargo xtask test`: every check and test, each step named as it starts, all numbers summed up.

mod commands;
mod foreign;
mod licences;
pub(crate) mod python;
mod step;
mod tally;

use std::time::Instant;

use anyhow::Context;

use crate::repository;
use crate::tidy;
use foreign::Workshop;
use step::Step;
use tally::Tally;

/// The one feature of the program, off by default.
const WITH_OIDC: &str = "headcount/oidc";

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Also browser and foreign clients; installs what they need.
    Everything,
    /// Only what needs nothing but Rust and a C compiler.
    Quick,
}

/// One line of the closing table.
struct Line {
    name: &'static str,
    tally: Tally,
    seconds: u64,
}

/// The steps run so far.
#[derive(Default)]
struct Run {
    lines: Vec<Line>,
}

/// Runs all steps, also after a failed one; true when nothing failed.
pub(crate) fn run(extent: Extent) -> anyhow::Result<bool> {
    let mut run = Run::default();
    if extent == Extent::Everything {
        run.check("programs", || foreign::programs().map(|()| true));
    }
    run.check("format", || {
        Step::cargo(&["fmt", "--all", "--check"]).succeeds()
    });
    run.check("tidy", tidy::run);
    run.check("licences", licences::check);
    let crates = crates_to_check();
    run.check("clippy", || {
        let words = [
            &["clippy"],
            crates,
            &["--all-targets", "--", "-D", "warnings"],
        ];
        Step::cargo(&words.concat()).succeeds()
    });
    run.check("clippy with all features of the program", || {
        let flags = [
            "clippy",
            "--package",
            "headcount-collector",
            "--package",
            "headcount",
            "--features",
            WITH_OIDC,
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        Step::cargo(&flags).succeeds()
    });
    // Some tests run an example as a host of the module, and not every runner builds them.
    run.check("examples", || {
        Step::cargo(&[&["build", "--examples"], crates].concat()).succeeds()
    });
    run.step("tests", rust_tests);
    run.step("tests with all features of the program", || {
        let flags = [
            "test",
            "--package",
            "headcount-collector",
            "--package",
            "headcount",
            "--features",
            WITH_OIDC,
            "--lib",
            "--bins",
            "--no-fail-fast",
        ];
        Step::cargo(&flags).tests(tally::cargo_test)
    });
    run.step("documentation tests", || {
        Step::cargo(&[&["test", "--doc"], crates].concat()).tests(tally::cargo_test)
    });
    run.check("documentation", || {
        let words = [&["doc", "--no-deps", "--document-private-items"], crates];
        Step::cargo(&words.concat())
            .environment("RUSTDOCFLAGS", "-D warnings")
            .succeeds()
    });
    if extent == Extent::Everything {
        run.everything();
    }
    Ok(run.summary())
}

/// The whole workspace; without a Python beside which to build it, all but the Python extension.
fn crates_to_check() -> &'static [&'static str] {
    if foreign::find("python3").is_some() {
        return &["--workspace"];
    }
    println!("no python3 on the PATH: headcount-python is left out");
    &["--workspace", "--exclude", "headcount-python"]
}

/// cargo-nextest where it is installed, plain cargo test elsewhere.
fn rust_tests() -> anyhow::Result<Tally> {
    if Step::cargo(&["nextest", "--version"]).quiet_success() {
        Step::cargo(&[
            "nextest",
            "run",
            "--workspace",
            "--exclude",
            "headcount-python",
            "--no-fail-fast",
        ])
        .tests(tally::nextest)
    } else {
        println!("cargo-nextest is not installed: using cargo test");
        Step::cargo(&[
            "test",
            "--workspace",
            "--exclude",
            "headcount-python",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])
        .tests(tally::cargo_test)
    }
}

impl Run {
    /// What needs the release binary, a browser or other people's clients.
    fn everything(&mut self) {
        println!("\n== preparing the release build and foreign clients");
        match Workshop::prepare() {
            Ok(workshop) => {
                self.check("fuzz targets", || {
                    Step::cargo(&["check", "--manifest-path", "fuzz/Cargo.toml", "--locked"])
                        .succeeds()
                });
                self.step("commands of documents", || {
                    commands::check(workshop.binary())
                });
                self.step("examples of documents", || {
                    workshop.test("documents.test.mjs")
                });
                self.step("npm clients", || workshop.test("node-clients.test.mjs"));
                self.step("PyPI clients", || workshop.test("python-clients.test.mjs"));
                self.step("browser", || workshop.test("browser.test.mjs"));
                self.step("pages for people", || workshop.test("people.test.mjs"));
                self.step("signing in through a provider", || workshop.test_oidc());
                self.step("every page", || workshop.test("walk.test.mjs"));
                self.step("operator's pages", || workshop.test("operator.test.mjs"));
                self.python(&workshop);
            }
            Err(error) => self.check("preparation", || Err(error)),
        }
    }

    /// The Python package, beside each Django it supports.
    fn python(&mut self, workshop: &Workshop) {
        let wheel = match python::Wheel::build() {
            Ok(wheel) => wheel,
            Err(error) => return self.check("Python wheel", || Err(error)),
        };
        self.check("Python wheel", || wheel.is_small());
        for (name, version) in [("Django 4.2", "4.2"), ("Django 5.2", "5.2")] {
            self.step(name, || wheel.test(version, workshop.binary()));
        }
        self.step("Django admin", || {
            workshop.test_django("django.test.mjs", &wheel.installed("5.2")?)
        });
        self.step("Alliance Auth", || {
            wheel.test_alliance_auth(workshop.binary())
        });
    }

    /// A step that counts as one.
    fn check(&mut self, name: &'static str, action: impl FnOnce() -> anyhow::Result<bool>) {
        self.step(name, || Ok(Tally::of_check(action()?)));
    }

    /// A step with its own numbers; an error counts as one failure.
    fn step(&mut self, name: &'static str, action: impl FnOnce() -> anyhow::Result<Tally>) {
        println!("\n== {name}");
        let start = Instant::now();
        let tally = action()
            .with_context(|| format!("step {name}"))
            .unwrap_or_else(|error| {
                println!("{error:#}");
                Tally::of_check(false)
            });
        let seconds = start.elapsed().as_secs();
        println!(
            "== {name}: {} passed, {} failed ({seconds} s)",
            tally.passed, tally.failed
        );
        self.lines.push(Line {
            name,
            tally,
            seconds,
        });
    }

    /// Prints the table and, as its last line, the sum; true when nothing failed.
    fn summary(&self) -> bool {
        println!("\nSummary of {}", repository::root().display());
        for line in &self.lines {
            let Tally { passed, failed } = line.tally;
            println!(
                "  {:<22} {passed:>5} passed {failed:>4} failed {:>5} s",
                line.name, line.seconds
            );
        }
        let total = self
            .lines
            .iter()
            .fold(Tally::default(), |sum, line| sum.plus(line.tally));
        println!("{} passed, {} failed", total.passed, total.failed);
        total.failed == 0
    }
}
