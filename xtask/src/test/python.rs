//! The Python package: one wheel in a release build, installed into an environment per Django, tested and measured.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::foreign::cache_folder;
use super::step::Step;
use super::tally::{self, Tally};
use crate::repository;

/// What a host downloads; the abi3 wheel of a stripped release build has about half of it.
const MAX_WHEEL_BYTES: u64 = 6_000_000;
/// Packages beside Django that tests and benchmark import.
const PACKAGES: [&str; 6] = [
    "celery",
    "redis",
    "gunicorn",
    "pytest",
    "mypy",
    "prometheus_client",
];

/// The built wheel and the folder of the environments, outside the clone.
pub(crate) struct Wheel {
    file: PathBuf,
    cache: PathBuf,
}

impl Wheel {
    /// Builds the wheel with maturin.
    pub(crate) fn build() -> anyhow::Result<Self> {
        let cache = cache_folder()?.join("wheel");
        let tools = environment(&cache.join("tools"), &["maturin>=1.9,<2"])?;
        let out = repository::target_folder().join("wheels");
        if out.exists() {
            std::fs::remove_dir_all(&out).context("removing the last wheel")?;
        }
        let manifest = repository::root().join("python/Cargo.toml");
        let words = ["build", "--release", "--manifest-path"];
        let into = ["--out", &*out.to_string_lossy()];
        let manifest = manifest.to_string_lossy();
        let arguments = [words.as_slice(), &[&*manifest], &into].concat();
        let built = Step::program(tools.join("bin/maturin"), &arguments).succeeds()?;
        anyhow::ensure!(built, "maturin failed");
        let mut files = std::fs::read_dir(&out).context("reading the folder of the wheel")?;
        let file = files.next().context("maturin made no wheel")??.path();
        Ok(Self { file, cache })
    }

    /// Whether it stays below what a host should have to download.
    pub(crate) fn is_small(&self) -> anyhow::Result<bool> {
        let bytes = std::fs::metadata(&self.file).context("the wheel")?.len();
        println!("{}: {bytes} bytes", self.file.display());
        Ok(bytes < MAX_WHEEL_BYTES)
    }

    /// The tests of the drop-in in real installs of Alliance Auth, which their own script makes.
    pub(crate) fn test_alliance_auth(&self, binary: &Path) -> anyhow::Result<Tally> {
        let script = "python/tests/allianceauth/installs.py";
        let wheel = self.file.to_string_lossy();
        Step::program("python3", &[script, "--test", "--wheel", &wheel])
            .environment("HEADCOUNT_E2E_BINARY", binary)
            .tests(tally::pytest)
    }

    /// The tests of the Django app with this Django, against the real binary.
    pub(crate) fn test(&self, django: &str, binary: &Path) -> anyhow::Result<Tally> {
        let python = self.installed(django)?;
        Step::program(
            python,
            &["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"],
        )
        .folder(&repository::root().join("python/tests/django_app"))
        .environment("HEADCOUNT_E2E_BINARY", binary)
        .environment("HEADCOUNT_WHEEL", &self.file)
        .environment("PYTHONDONTWRITEBYTECODE", "1")
        .tests(tally::pytest)
    }

    /// What the module costs a Django host, beside the same host without it; then, unless `--no-original` is
    /// given, what it costs an Alliance Auth, beside the original.
    pub(crate) fn bench(&self, arguments: &[&str]) -> anyhow::Result<bool> {
        let run = |python: &Path, script: &str| {
            let script = repository::root().join("python/bench").join(script);
            Step::program(python, &[&[&*script.to_string_lossy()], arguments].concat())
                .environment("PYTHONDONTWRITEBYTECODE", "1")
                .succeeds()
        };
        let django = run(&self.installed("5.2")?, "django_host.py")?;
        if arguments.contains(&"--no-original") {
            return Ok(django);
        }
        let installs = "python/tests/allianceauth/installs.py";
        let wheel = self.file.to_string_lossy();
        let made = Step::program("python3", &[installs, "--wheel", &wheel]).succeeds()?;
        anyhow::ensure!(made, "installing Alliance Auth failed");
        let python = cache_folder()?.with_file_name("alliance-auth/3.8.1/bin/python");
        Ok(run(&python, "alliance_auth.py")? && django)
    }

    /// The interpreter of an environment with this Django and the wheel.
    pub(crate) fn installed(&self, django: &str) -> anyhow::Result<PathBuf> {
        let framework = format!("Django=={django}.*");
        let packages = [&[framework.as_str()], PACKAGES.as_slice()].concat();
        let folder = environment(&self.cache.join(format!("django-{django}")), &packages)?;
        let python = folder.join("bin/python");
        let words = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ];
        let how = [
            "--force-reinstall",
            "--no-deps",
            &*self.file.to_string_lossy(),
        ];
        let installed = Step::program(&python, &[words.as_slice(), &how].concat()).succeeds()?;
        anyhow::ensure!(installed, "installing the wheel failed");
        Ok(python)
    }
}

/// A virtual environment with these packages; made anew when others are asked for.
fn environment(folder: &Path, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let done = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.to_owned());
    }
    println!("installing with pip: {}", packages.join(" "));
    let place = folder.to_string_lossy();
    let made = Step::program("python3", &["-m", "venv", "--clear", &place]).succeeds()?;
    anyhow::ensure!(made, "python3 -m venv failed");
    let words = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    let python = folder.join("bin/python");
    let installed = Step::program(python, &[words.as_slice(), packages].concat()).succeeds()?;
    anyhow::ensure!(installed, "pip install {} failed", packages.join(" "));
    std::fs::write(&done, wanted).context("noting what was installed")?;
    Ok(folder.to_owned())
}
