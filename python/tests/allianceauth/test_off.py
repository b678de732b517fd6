"""Off means off: no file, no thread, no connection, whatever the host does."""

from pathlib import Path

import pytest
from conftest import ASKED, ENDS
from live import PEOPLE, POOLS, Live
from project import EVERYTHING_ON

# Everything that records, and then what there is to see of it.
BUSY = """
import threading, time
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.test import Client
from allianceauth.analytics import tasks
from probe.tasks import probe_event, probe_int
client = Client(raise_request_exception=False)
client.force_login(User.objects.create_user("plain"))
for _ in range(2):
    assert client.get("/dashboard/").status_code == 200
    tasks.analytics_event(namespace="probe", task="t", label="l", value=1, event_type="Stats")
    tasks.analytics_event(category="probe", action="t", label="KeyError")
    probe_int.apply()
    tasks.analytics_daily_stats.apply()
    time.sleep(0.7)
answer = [thread.name for thread in threading.enumerate()]
"""


@pytest.mark.parametrize("version", ENDS)
def test_faults_1_and_2_analytics_disabled_in_the_settings(version, original, google):
    project = original(version)
    project.add_line(f"HEADCOUNT_ENDPOINT = {google.address!r}", "ANALYTICS_DISABLED = True")
    assert project.migrate_and(EVERYTHING_ON + BUSY) == ["MainThread"]
    assert not project.state.exists()
    assert google.requests == []


def test_analytics_disabled_in_the_environment(original, google):
    project = original(ASKED[0])
    project.add_line(f"HEADCOUNT_ENDPOINT = {google.address!r}")
    project.environment["ANALYTICS_DISABLED"] = "1"
    assert project.migrate_and(EVERYTHING_ON + BUSY) == ["MainThread"]
    assert not project.state.exists()
    assert google.requests == []


def test_a_running_install_that_is_disabled_leaves_no_trace(original, google):
    project = original(ASKED[0])
    project.add_line(f"HEADCOUNT_ENDPOINT = {google.address!r}", "ANALYTICS_DISABLED = True")
    live = Live(project, project.migrate_and(EVERYTHING_ON + PEOPLE), google)
    live.serve()
    for _ in range(4):
        assert live.visit("/dashboard/") == 200
    for pool in POOLS:
        live.run_task("allianceauth.analytics.tasks.analytics_daily_stats", pool)
        live.run_task("probe.tasks.probe_event", pool, namespace="probe", task="t", label="l", event_type="Stats")
    told = live.wanted()
    assert len(told) >= 5 and not any(told.values())
    threads = [task.read_text() for pid in live.processes() for task in Path(f"/proc/{pid}/task").glob("*/comm")]
    assert threads and not any("headcount" in name for name in threads)
    assert not project.state.exists()
    assert google.requests == []


def test_with_every_switch_on_the_same_host_sends(original, google):
    project = original(ASKED[0])
    project.add_line(f"HEADCOUNT_ENDPOINT = {google.address!r}")
    threads = project.migrate_and(
        EVERYTHING_ON + BUSY + "from headcount.django import engine\nengine.current().client.flush()"
    )
    assert threads != ["MainThread"]
    assert google.tasks() and google.pages()
