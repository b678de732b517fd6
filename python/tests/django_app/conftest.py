"""One Django project and one real collector for all tests."""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

FOLDER = Path(tempfile.mkdtemp(prefix="headcount-django-"))
os.environ["HEADCOUNT_TEST_FOLDER"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "site_of_tests.settings"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
for name in ("ANALYTICS_DISABLED", "DO_NOT_TRACK"):
    os.environ.pop(name, None)
sys.path.insert(0, str(Path(__file__).parent))

import django
from headcount.django.host import Host

#: What it says of a run of a project's own tests. These tests use the module as a project does.
is_testing, Host.is_testing = Host.is_testing, lambda self: False  # type: ignore[method-assign]
django.setup()

from django.core.management import call_command
from django.test.utils import setup_test_environment

setup_test_environment()

BINARY = os.environ.get("HEADCOUNT_E2E_BINARY", "")


class Project:
    """A project of the collector."""

    def __init__(self, url: str, made: dict[str, str], token: str) -> None:
        self.url = url
        self.made = made
        self.token = token

    @property
    def ingest_key(self) -> str:
        return self.made["ingest_key"]

    def report(self, name: str, **query: str) -> list[dict[str, Any]]:
        """The rows of a report of the last days."""
        today = time.strftime("%Y-%m-%d", time.gmtime())
        query = {"from": time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400)), "to": today, **query}
        address = f"{self.url}/api/v1/projects/{self.made['project']}/reports/{name}?{urlencode(query)}"
        with urlopen(Request(address, headers={"Authorization": f"Bearer {self.token}"})) as answer:
            told = json.load(answer)
        return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]

    def pages(self) -> dict[tuple[str, str], int]:
        return {(row["path"], row["title"]): row["views"] for row in self.report("pages")}

    def tasks(self) -> dict[tuple[str, str], tuple[int, int]]:
        return {(row["namespace"], row["task"]): (row["runs"], row["failures"]) for row in self.report("tasks")}

    def total(self, metric: str) -> Any:
        return next(row["value"] for row in self.report("totals") if row["metric"] == metric)


class Collector:
    """The real binary."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = re.search(r"listening on (http://[^\s/]+)", line)
            if found:
                self.url = found[1]
                break
        else:
            raise RuntimeError("the collector did not start")
        threading.Thread(target=self.process.stdout.read, daemon=True).start()

    def project(self) -> Project:
        made = self.command("project", "create", f"p{uuid.uuid4().hex[:12]}")
        token = self.command("token", "create", "--project", made["project"])["token"]
        return Project(self.url, made, token)

    def command(self, *words: str) -> Any:
        done = subprocess.run(
            [BINARY, *words, "--data", str(self.data), "--json"], stdout=subprocess.PIPE, check=True, text=True
        )
        return json.loads(done.stdout)


class Sink:
    """A server that takes down what comes, and answers as it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.pause = 0.0
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                time.sleep(sink.pause)
                sink.requests.append((self.path, dict(self.headers), body))
                receipt = b""
                if self.path == "/api/v1/batch":
                    events = len(json.loads(body)["events"])
                    receipt = json.dumps({"accepted": events, "duplicates": 0, "rejected": []}).encode()
                self.send_response(sink.status)
                self.send_header("Content-Length", str(len(receipt)))
                self.end_headers()
                self.wfile.write(receipt)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="session", autouse=True)
def database() -> None:
    call_command("migrate", verbosity=0)


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    running = Collector(tmp_path_factory.mktemp("collector"))
    yield running
    running.process.terminate()
    assert running.process.wait(30) == 0


@pytest.fixture
def project(collector: Collector) -> Project:
    return collector.project()


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts the module anew on an empty state folder, with empty tables and these settings."""
    from django.contrib.auth import get_user_model
    from django.test import override_settings
    from headcount.django import engine
    from headcount.django.models import AnalyticsIdentifier, AnalyticsTokens
    from headcount.django.models_host import ModelsHost

    AnalyticsTokens.objects.all().delete()
    AnalyticsIdentifier.objects.all().delete()
    get_user_model().objects.all().delete()
    started: list[engine.Engine] = []
    overrides: list[Any] = []

    def start(**settings: Any) -> engine.Engine:
        override = override_settings(HEADCOUNT_STATE=tmp_path / "state", **settings)
        override.enable()
        overrides.append(override)
        before = engine.current()
        if before is not None:
            before.close(0)
        module = engine.start(ModelsHost())
        # Whether today's minute of this install has come is chance; tests make the report themselves.
        module.daily_at = float("inf")
        started.append(module)
        return module

    yield start
    for module in started:
        module.close(0)
    for override in reversed(overrides):
        override.disable()


@pytest.fixture
def module(fresh: Callable[..., Any]) -> Any:
    return fresh()


def add_token(project: Project | None = None, **values: Any) -> Any:
    """A row of the operator's table."""
    from headcount.django.models import AnalyticsTokens

    values = {"name": "Team", "token": "T-1", **values}
    if project is not None:
        values = {**values, "endpoint": project.url, "token": project.ingest_key}
    return AnalyticsTokens.objects.create(**values)


def delivered_before(client: Any) -> None:
    """Delivers one event: what comes next is collected for a minute, not sent at once like a first one."""
    client.record_task("before", "t", "Success")
    assert client.flush()["waiting"] == 0


def until(holds: Callable[[], Any], seconds: float = 10) -> Any:
    """Waits until something holds, and answers it."""
    end = time.monotonic() + seconds
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)
