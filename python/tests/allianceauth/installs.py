"""Makes real Alliance Auth installs from PyPI, each version in a virtual environment outside the repository.

python3 installs.py [--wheel FILE] [--test] [VERSION ...]

Makes what is missing, puts the wheel in, and runs the tests of this folder under the first of them.
"""

import argparse
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
VERSIONS = ("5.5.0", "3.8.1", "4.13.1")
# What the tests themselves need, beside Alliance Auth, in its environment.
TEST_PACKAGES = ("gunicorn==27.0.1", "requests-mock==1.12.1", "pytest==9.2.0")
# Alliance Auth 3.8.1 runs on Django 4.0, which Python 3.12 is the last to start.
PYTHONS = ("python3.11", "python3.12", "python3.10", "python3")


@dataclass(frozen=True)
class Install:
    """A virtual environment with one version of Alliance Auth."""

    version: str
    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def is_three(self) -> bool:
        """Whether it is the last line with page views and task events of its own."""
        return self.version.startswith("3.")

    def program(self, name: str) -> Path:
        """A program of the environment, for example `celery`."""
        return self.folder / "bin" / name


def cache_folder() -> Path:
    """Where installs are kept, so that a fresh clone does not make them again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "headcount" / "alliance-auth"


def make(version: str) -> Install:
    """Makes the install of a version unless it is there with the same packages."""
    install = Install(version, cache_folder() / version)
    packages = [f"allianceauth=={version}", *TEST_PACKAGES]
    constraints = HERE / f"constraints-{version}.txt"
    wanted = "\n".join(packages) + (constraints.read_text() if constraints.exists() else "")
    note = install.folder / "installed"
    if note.exists() and note.read_text() == wanted:
        return install
    shutil.rmtree(install.folder, ignore_errors=True)
    install.folder.parent.mkdir(parents=True, exist_ok=True)
    _run(_python(), "-m", "venv", str(install.folder))
    pip = [str(install.python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    # 3.x asks pkg_resources for its version; later setuptools do not bring it.
    _run(*pip, "setuptools<81", "wheel")
    limits = ["--constraint", str(constraints)] if constraints.exists() else []
    _run(*pip, *limits, *packages)
    note.write_text(wanted)
    return install


def put_in(install: Install, wheel: Path) -> None:
    """Installs our wheel, in place of the one that was there."""
    flags = ["--quiet", "--no-deps", "--force-reinstall"]
    _run(str(install.python), "-m", "pip", "--disable-pip-version-check", "install", *flags, str(wheel))


def _python() -> str:
    for name in PYTHONS:
        found = shutil.which(name)
        if found and subprocess.run([found, "-m", "venv", "--help"], capture_output=True).returncode == 0:
            return found
    raise SystemExit("no Python with the venv module is on the PATH")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wheel", type=Path)
    parser.add_argument("--test", action="store_true")
    parser.add_argument("versions", nargs="*", default=VERSIONS)
    arguments = parser.parse_args()
    made = [make(version) for version in arguments.versions]
    for install in made:
        if arguments.wheel:
            put_in(install, arguments.wheel)
    if arguments.test:
        asked = {"HEADCOUNT_AA_VERSIONS": " ".join(arguments.versions), "PYTHONDONTWRITEBYTECODE": "1"}
        pytest = ["-m", "pytest", "-q", "--tb=short", "--rootdir=.", "--confcutdir=.", "-p", "no:cacheprovider"]
        python = str(made[0].python)
        os.chdir(HERE)
        os.execve(python, [python, *pytest], os.environ | asked)


if __name__ == "__main__":
    main()
