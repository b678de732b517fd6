//! Tests that need a browser or other people's clients: installs those, builds the real binary, runs e2e/.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::step::Step;
use super::tally::{self, Tally};
use crate::repository;

/// apt's index servers fail now and then; a third failure is not chance.
const APT_TRIES: u32 = 3;

/// Where each thing that e2e/ needs is found.
pub(crate) struct Workshop {
    binary: PathBuf,
    chromium: PathBuf,
    node: PathBuf,
    python: PathBuf,
    screenshots: PathBuf,
}

impl Workshop {
    /// Builds the binary and installs what is missing, saying so.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let build = Step::cargo(&["build", "--release", "--package", "headcount"]);
        anyhow::ensure!(build.succeeds()?, "the release build failed");
        let cache = cache_folder()?;
        programs()?;
        let target = repository::target_folder();
        let screenshots = target.join("e2e-screenshots");
        std::fs::create_dir_all(&screenshots).context("making the folder of screenshots")?;
        Ok(Self {
            binary: target.join("release/headcount"),
            chromium: find("chromium").context("chromium is not on the PATH")?,
            node: node_packages(&cache)?,
            python: python_packages(&cache)?,
            screenshots,
        })
    }

    /// The path of the release binary.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    /// Runs one test file of e2e/ with node's test runner.
    pub(crate) fn test(&self, file: &str) -> anyhow::Result<Tally> {
        Step::program(
            "node",
            &["--test", "--test-reporter=spec", &format!("e2e/{file}")],
        )
        .environment("HEADCOUNT_E2E_BINARY", &self.binary)
        .environment("HEADCOUNT_E2E_CHROMIUM", &self.chromium)
        .environment("HEADCOUNT_E2E_NODE", &self.node)
        .environment("HEADCOUNT_E2E_PYTHON", &self.python)
        .environment("HEADCOUNT_E2E_SCREENSHOTS", &self.screenshots)
        .tests(tally::node)
    }
}

/// Outside the clone, so that a fresh clone installs nothing twice.
pub(super) fn cache_folder() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("headcount").join("e2e"))
}

/// Installs the missing ones of chromium, node, npm, python, pip and a C++ compiler through apt.
fn programs() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for (program, package) in [
        ("chromium", "chromium"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("python3", "python3"),
        ("c++", "g++"),
        ("redis-server", "redis-server"),
        // Alliance Auth's driver of MariaDB is built from its source.
        ("mariadb_config", "libmariadb-dev"),
        ("pkg-config", "pkg-config"),
        ("python3-config", "python3-dev"),
    ] {
        if find(program).is_none() {
            missing.push(package);
        }
    }
    if !Step::program("python3", &["-m", "pip", "--version"]).quiet_success() {
        missing.push("python3-pip");
    }
    if !Step::program("python3", &["-c", "import ensurepip"]).quiet_success() {
        missing.push("python3-venv");
    }
    if missing.is_empty() {
        return Ok(());
    }
    println!("installing with apt: {}", missing.join(" "));
    let updated = (1..=APT_TRIES).any(|_| apt(&["update", "-qq"]).unwrap_or(false));
    anyhow::ensure!(updated, "apt-get update failed {APT_TRIES} times");
    let install = [
        &["install", "-y", "-qq", "--no-install-recommends"],
        missing.as_slice(),
    ]
    .concat();
    anyhow::ensure!(
        apt(&install)?,
        "apt-get install {} failed",
        missing.join(" ")
    );
    Ok(())
}

fn apt(arguments: &[&str]) -> anyhow::Result<bool> {
    let root = Step::program("test", &["-w", "/var/lib/dpkg"]).quiet_success();
    let step = if root {
        Step::program("apt-get", arguments)
    } else {
        Step::program(
            "sudo",
            &[&["--non-interactive", "apt-get"], arguments].concat(),
        )
    };
    step.environment("DEBIAN_FRONTEND", "noninteractive")
        .succeeds()
}

/// The first program of this name on the PATH.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// npm packages exactly as e2e/package-lock.json names them.
fn node_packages(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join("node");
    install(&folder, &["package.json", "package-lock.json"], |folder| {
        println!("installing with npm: the packages of e2e/package.json");
        Step::program(
            "npm",
            &["ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        )
        .folder(folder)
        .succeeds()
    })?;
    Ok(folder)
}

/// PyPI packages of e2e/requirements.txt, beside no other Python's.
fn python_packages(cache: &Path) -> anyhow::Result<PathBuf> {
    let folder = cache.join("python");
    install(&folder, &["requirements.txt"], |folder| {
        println!("installing with pip: the packages of e2e/requirements.txt");
        let list = folder.join("requirements.txt");
        let words = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        let into = [
            "--root-user-action=ignore",
            "--upgrade",
            "--target",
            ".",
            "--requirement",
        ];
        Step::program(
            "python3",
            &[words.as_slice(), &into, &[&*list.to_string_lossy()]].concat(),
        )
        .folder(folder)
        .succeeds()
    })?;
    Ok(folder)
}

/// Runs the installer unless the folder was installed from the same lists.
fn install(
    folder: &Path,
    lists: &[&str],
    installer: impl FnOnce(&Path) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let done = folder.join("installed");
    let mut wanted = String::new();
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for list in lists {
        let text = std::fs::read_to_string(repository::root().join("e2e").join(list))
            .with_context(|| format!("reading e2e/{list}"))?;
        std::fs::write(folder.join(list), &text).with_context(|| format!("copying {list}"))?;
        wanted.push_str(&text);
    }
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    anyhow::ensure!(
        installer(folder)?,
        "installing into {} failed",
        folder.display()
    );
    std::fs::write(&done, wanted).context("noting what was installed")
}
