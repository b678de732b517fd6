"""The steps of docs/django.md, followed word for word in a new project."""

import os
import re
import subprocess
import sys
from pathlib import Path

from conftest import Project

DOCUMENT = Path(__file__).parents[3] / "docs" / "django.md"

VISIT = """
import os, django
django.setup()
from django.test import Client
from headcount.django import engine
from headcount.django.models import AnalyticsTokens
AnalyticsTokens.objects.create(name="Mine", endpoint=os.environ["ENDPOINT"], token=os.environ["TOKEN"])
assert Client().get("/admin/login/").status_code == 200
assert engine.current().client.flush()["delivered"] >= 1
"""


def blocks(language: str) -> list[str]:
    """The fenced blocks of the section `Install`."""
    section = DOCUMENT.read_text().split("## Install")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def test_the_steps_work_in_a_new_project(project: Project, tmp_path: Path) -> None:
    bin_folder = Path(sys.executable).parent
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEADCOUNT")},
        "PATH": f"{bin_folder}:{os.environ['PATH']}",
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "ENDPOINT": project.url,
        "TOKEN": project.ingest_key,
    }

    def run(*words: str) -> None:
        subprocess.run(words, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)

    run("django-admin", "startproject", "mysite", ".")
    settings = tmp_path / "mysite" / "settings.py"
    (lines,) = blocks("python")
    text = settings.read_text().replace("DEBUG = True", "DEBUG = False")
    settings.write_text(text + 'ALLOWED_HOSTS = ["testserver"]\n' + lines)
    for command in "\n".join(blocks("sh")).splitlines():
        # What runs here was installed from the wheel already.
        if not command.startswith("pip install"):
            run("sh", "-c", command)
    run(sys.executable, "-c", VISIT)
    assert sum(project.pages().values()) == 1
    assert next(row["version"] for row in project.report("versions") if row["installs"]) == "1.4.2"
