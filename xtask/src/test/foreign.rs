//! Tests that need a browser or other people's clients: installs those, builds the real binary, runs e2e/.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::step::Step;
use super::tally::{self, Tally};
use crate::repository;

/// apt's index servers fail now and then; a third failure is not chance.
const APT_TRIES: u32 = 3;

/// What playwright-core and the clients' packages ask of node.
const NODE_MAJOR: u32 = 20;
/// Installed from npm where the system's node is older: Debian 12 has 18.
const NODE_PACKAGE: &str = "node-linux";
const NODE_VERSION: &str = "22";

/// Where each thing that e2e/ needs is found.
pub(crate) struct Workshop {
    binary: PathBuf,
    chromium: PathBuf,
    /// The node that runs the tests.
    node: PathBuf,
    /// The folder of npm packages.
    packages: PathBuf,
    python: PathBuf,
    screenshots: PathBuf,
}

impl Workshop {
    /// Builds the binary and installs missing packages, saying so. Wants `programs` there.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let build = Step::cargo(&["build", "--release", "--package", "headcount"]);
        anyhow::ensure!(build.succeeds()?, "the release build failed");
        let cache = cache_folder()?;
        let target = repository::target_folder();
        let screenshots = target.join("e2e-screenshots");
        std::fs::create_dir_all(&screenshots).context("making the folder of screenshots")?;
        Ok(Self {
            binary: target.join("release/headcount"),
            chromium: find("chromium").context("chromium is not on the PATH")?,
            node: node(&cache)?,
            packages: node_packages(&cache)?,
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
        self.node(file).tests(tally::node)
    }

    /// The same with the interpreter that has Django and the wheel.
    pub(crate) fn test_django(&self, file: &str, python: &Path) -> anyhow::Result<Tally> {
        self.node(file)
            .environment("HEADCOUNT_E2E_DJANGO", python)
            .tests(tally::node)
    }

    /// Signing in through a provider: a debug build of the binary with the feature, most of which the tests
    /// with all features have built before, and the testkit's provider as a process.
    pub(crate) fn test_oidc(&self) -> anyhow::Result<Tally> {
        let build = Step::cargo(&[
            "build",
            "--package",
            "headcount",
            "--package",
            "headcount-testkit",
            "--features",
            "headcount/oidc,headcount-testkit/oidc",
            "--bin",
            "headcount",
            "--example",
            "oidc_provider",
        ]);
        anyhow::ensure!(build.succeeds()?, "the build with a provider failed");
        let debug = repository::target_folder().join("debug");
        self.node("oidc.test.mjs")
            .environment("HEADCOUNT_E2E_BINARY", debug.join("headcount"))
            .environment(
                "HEADCOUNT_E2E_PROVIDER",
                debug.join("examples/oidc_provider"),
            )
            .tests(tally::node)
    }

    fn node(&self, file: &str) -> Step {
        Step::program(
            &self.node,
            &["--test", "--test-reporter=spec", &format!("e2e/{file}")],
        )
        .environment("HEADCOUNT_E2E_BINARY", &self.binary)
        .environment("HEADCOUNT_E2E_CHROMIUM", &self.chromium)
        .environment("HEADCOUNT_E2E_NODE", &self.packages)
        .environment("HEADCOUNT_E2E_PYTHON", &self.python)
        .environment("HEADCOUNT_E2E_SCREENSHOTS", &self.screenshots)
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

/// Installs what tests need beyond Rust and a C compiler through apt, where it is missing, saying so.
pub(crate) fn programs() -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for (program, package) in [
        ("chromium", "chromium"),
        ("node", "nodejs"),
        ("npm", "npm"),
        ("python3", "python3"),
        // Examples of documents, and the proof that a switched-off module makes no system call.
        ("curl", "curl"),
        ("strace", "strace"),
        ("c++", "g++"),
        ("redis-server", "redis-server"),
        // Alliance Auth's driver of MariaDB is built from its source.
        ("mariadb_config", "libmariadb-dev"),
        // The server without a service, and what dumps its tables.
        ("mariadb-install-db", "mariadb-server-core"),
        ("mariadb-dump", "mariadb-client"),
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

/// The system's node, or where that is too old one from npm.
fn node(cache: &Path) -> anyhow::Result<PathBuf> {
    let new_enough =
        format!("process.exit(parseInt(process.versions.node) < {NODE_MAJOR} ? 1 : 0)");
    if Step::program("node", &["--eval", &new_enough]).quiet_success() {
        return find("node").context("node is not on the PATH");
    }
    let kind = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => anyhow::bail!("npm has no node for {other}: install node {NODE_MAJOR} or newer"),
    };
    let folder = cache.join(format!("node-{NODE_VERSION}"));
    let package = format!("{NODE_PACKAGE}-{kind}");
    let node = folder.join("node_modules").join(&package).join("bin/node");
    if !node.is_file() {
        println!("installing with npm: {package}, the system's node is too old");
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let wanted = format!("{package}@{NODE_VERSION}");
        let words = [
            "install",
            "--no-save",
            "--no-audit",
            "--no-fund",
            "--prefix",
            ".",
        ];
        let installed = Step::program("npm", &[words.as_slice(), &[&wanted]].concat())
            .folder(&folder)
            .succeeds()?;
        anyhow::ensure!(installed, "npm install {wanted} failed");
    }
    Ok(node)
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
