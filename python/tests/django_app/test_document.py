"""The lines for Django in README.md and docs/django.md, followed word for word in a fresh environment."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import django
import pytest
from conftest import Project, until
from test_processes import end, free_port

ROOT = Path(__file__).parents[3]
WHEEL = os.environ.get("HEADCOUNT_WHEEL", "")
#: What stands in the lines for what everybody has of his own.
ENDPOINT, KEY = "https://headcount.example.org", "hc_yours"


def blocks(document: str, heading: str) -> list[tuple[str, str]]:
    """The fenced blocks under a heading, each with its language."""
    text = (ROOT / document).read_text()
    assert text.count(heading) == 1
    section = re.split(r"\n##+ ", text.split(heading)[1])[0]
    return re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)


class Beginner:
    """Somebody with a new virtual environment and a new project, who types what the document says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        kept = ("HEADCOUNT", "DJANGO", "PYTHON", "PIP_NO_INDEX")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(kept)}
        self.environment["PATH"] = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
        self.environment["VIRTUAL_ENV"] = str(folder / "venv")
        self.type(f"pip install --quiet --disable-pip-version-check Django=={django.get_version()}")
        self.type("django-admin startproject mysite .")
        # The package comes from the wheel at hand, and from nowhere else.
        self.environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(Path(WHEEL).parent)}

    def type(self, line: str) -> str:
        """Runs one line in a shell; answers what it printed."""
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout

    def write(self, lines: str) -> None:
        """Adds lines at the end of the settings."""
        with (self.folder / "mysite" / "settings.py").open("a") as settings:
            settings.write(lines)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The development server; answers the address of a page."""
        port = free_port()
        words = ["python", "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        server = subprocess.Popen(words, cwd=self.folder, env=self.environment, stderr=subprocess.DEVNULL)
        try:
            yield f"http://127.0.0.1:{port}/admin/login/"
        finally:
            end(server)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("document", "heading"), [("README.md", "### In a Django project\n"), ("docs/django.md", "## Install\n")]
)
def test_a_page_view_arrives_after_the_lines_of(document: str, heading: str, project: Project, tmp_path: Path) -> None:
    assert Path(WHEEL).is_file(), "HEADCOUNT_WHEEL names the wheel to install"
    found = blocks(document, heading)
    lines = [line for _, text in found for line in text.splitlines()]
    assert [language for language, _ in found] == ["sh", "python", "sh"]
    assert len(lines) <= 10
    beginner = Beginner(tmp_path)
    told = ""
    for language, text in found:
        assert language == "python" or text.count(ENDPOINT) == text.count(KEY)
        if language == "python":
            beginner.write(text)
            continue
        for line in text.splitlines():
            told = beginner.type(line.replace(ENDPOINT, project.url).replace(KEY, project.ingest_key))
    assert told.startswith("sending: stats, tasks, pages\n"), told
    with beginner.serving() as address:
        until(lambda: answers(address), 30)
        until(lambda: project.pages().get(("/admin/login/", "Log in")), 30)
    assert next(row["version"] for row in project.report("versions") if row["installs"]) == "1.4.2"
