"""Installs, services and projects that the tests share."""

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from collector import Collector  # noqa: E402
from databases import MariaServer, sqlite_in  # noqa: E402
from installs import VERSIONS, Install, cache_folder, make  # noqa: E402
from live import PEOPLE, Live  # noqa: E402
from project import EVERYTHING_ON, Project, Redis  # noqa: E402
from services import Google  # noqa: E402

# These run under the Python of an install; other runs of this repository's tests pass them by.
collect_ignore_glob = [] if importlib.util.find_spec("allianceauth") else ["*"]

#: The versions that are tested.
ASKED = os.environ.get("HEADCOUNT_AA_VERSIONS", "").split() or list(VERSIONS)

#: The ends of the line, on which everything is tried; on the version in between only what differs there.
ENDS = [version for version in ASKED if not version.startswith("4.")]
#: What runs for real: every version on SQLite, and the current one on MariaDB too.
RUNNING = [(version, "sqlite") for version in ASKED] + [(ASKED[0], "mariadb")]


@pytest.fixture(scope="session")
def maria() -> Iterator[MariaServer]:
    """A server of MariaDB's."""
    server = MariaServer()
    yield server
    server.stop()


@pytest.fixture
def google() -> Iterator[Google]:
    """What answers in Google's place."""
    recorder = Google()
    yield recorder
    recorder.stop()


@pytest.fixture(scope="session")
def installs() -> Callable[[str], Install]:
    """Installs by version."""
    return make


@pytest.fixture
def new_project(tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    """Makes projects, and ends their processes."""
    made: list[Project] = []
    with Redis(tmp_path / "redis") as redis:

        def new(version: str) -> Project:
            redis.empty()
            made.append(Project(make(version), tmp_path / str(len(made)), redis))
            return made[-1]

        yield new
        for project in made:
            project.stop()


def with_tables(project: Project) -> Project:
    """Gives a project the tables that its version makes without the drop-in; they are made once and kept."""
    project.static()
    template = cache_folder() / f"tables-{project.install.version}{project.database.suffix}"
    if template.exists():
        project.database.fill(template)
    else:
        project.migrate()
        project.database.keep(template)
    return project


@pytest.fixture
def original(new_project: Callable[[str], Project]) -> Callable[[str], Project]:
    """A project of a version as it was before the drop-in."""
    return lambda version: with_tables(new_project(version))


@pytest.fixture(scope="session")
def collector(tmp_path_factory) -> Iterator[Collector]:
    """The real collector."""
    running = Collector(tmp_path_factory.mktemp("collector"))
    yield running
    running.stop()


@pytest.fixture(scope="session", params=RUNNING, ids="-".join)
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A running install of each kind, with all feeds going to a recorder in Google's place."""
    version, database = request.param
    new_database = sqlite_in
    if database == "mariadb":
        maria = request.getfixturevalue("maria")
        new_database = lambda _: maria.new()  # noqa: E731
    folder = tmp_path_factory.mktemp("live")
    with Redis(folder / "redis") as redis:
        project = with_tables(Project(make(version), folder, redis, new_database))
        google = Google()
        project.add_line(f"HEADCOUNT_ENDPOINT = {google.address!r}", 'SITE_NAME = "myauth"')
        project.settings('CELERYBEAT_SCHEDULE["analytics_daily_stats"]["schedule"] = 2.0')
        running = Live(project, project.migrate_and(EVERYTHING_ON + PEOPLE), google)
        try:
            running.serve()
            yield running
        finally:
            project.stop()
            google.stop()
