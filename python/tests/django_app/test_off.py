"""Off means: no file written, no thread started, no connection opened."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FOLDER, Sink, add_token, is_testing, until
from headcount.django.host import Host

PROBE = """
import os, sys, django
django.setup()
from django.test import Client
from headcount import analytics_event
from headcount.django import engine
from site_of_tests import worker
before = len(os.listdir("/proc/self/task"))
for _ in range(3):
    Client().get("/")
    worker.number.apply()
    analytics_event(namespace="a", task="b", label="c", result="d", value=1)
    engine.current().tick()
engine.current().daily()
engine.current().record_daily(now=True)
print(len(os.listdir("/proc/self/task")) - before)
"""


def probe(state: Path, **environment: str) -> int:
    """Runs a busy process and answers how many threads it began."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={
            **os.environ,
            "HEADCOUNT_TEST_STATE": str(state),
            "PYTHONPATH": str(Path(__file__).parent),
            "HEADCOUNT_TEST_FOLDER": str(FOLDER),
            **environment,
        },
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    ("environment", "feeds"),
    [
        ({"HEADCOUNT_TEST_DISABLED": "1"}, True),
        ({"HEADCOUNT_TEST_DEBUG": "1"}, True),
        ({"ANALYTICS_DISABLED": "1"}, True),
        ({"DO_NOT_TRACK": "1"}, True),
        ({}, False),
        ({}, None),
    ],
    ids=["ANALYTICS_DISABLED", "DEBUG", "environment", "DO_NOT_TRACK", "feeds", "no token"],
)
def test_each_switch_alone_leaves_nothing(
    fresh: object, sink: Sink, tmp_path: Path, environment: dict[str, str], feeds: bool | None
) -> None:
    if feeds is not None:
        add_token(endpoint=sink.url, send_stats=feeds, send_celery_tasks=feeds, send_page_views=feeds)
    state = tmp_path / "probed"
    assert probe(state, **environment) == 0
    assert not state.exists()
    assert sink.requests == []


def test_the_probe_itself_records_when_nothing_is_off(fresh: object, sink: Sink, tmp_path: Path) -> None:
    add_token(endpoint=sink.url)
    state = tmp_path / "probed"
    assert probe(state) > 0
    assert state.exists()
    until(lambda: sink.requests)


def test_a_run_of_the_projects_own_tests_is_nobodys_use_of_it() -> None:
    assert is_testing(Host()), "this is a run of pytest"
