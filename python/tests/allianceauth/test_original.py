"""The original beside the drop-in: it comes back whole, its own tests pass, and its fleet can be moved."""

import re

import pytest
from conftest import ASKED, ENDS
from project import EVERYTHING_ON

WHOSE = """
import allianceauth.analytics.tasks as tasks, probe.models
from django.conf import settings
from celery import current_app
from django.contrib import admin
from allianceauth.analytics.models import AnalyticsTokens
answer = [
    tasks.__name__,
    probe.models.analytics_event.__module__,
    current_app.tasks["allianceauth.analytics.tasks.analytics_daily_stats"].__module__,
    type(admin.site._registry[AnalyticsTokens]).__module__,
    any("headcount" in name for name in settings.MIDDLEWARE),
]
"""


@pytest.mark.parametrize("version", ASKED)
def test_removing_the_line_brings_the_original_back_with_its_tables_untouched(version, original):
    project = original(version)
    before = project.tables()
    project.add_line()
    ours = project.migrate_and(WHOSE)
    assert ours[0] == ours[2] == "headcount.allianceauth.tasks"
    assert ours[3] == "headcount.allianceauth.admin"
    assert ours[4] is not version.startswith("3."), "3.x names its middleware itself, and that name is ours"
    project.remove_line()
    original_again = project.run(WHOSE)
    assert original_again[:3] == ["allianceauth.analytics.tasks"] * 3
    assert original_again[3:] == ["allianceauth.analytics.admin", False]
    assert project.tables() == before
    project.manage("makemigrations", "--check", "--dry-run", "analytics")


# The other tests put it last, as an operator would.
@pytest.mark.parametrize("place", ["first", "middle"])
def test_any_position_in_installed_apps_will_do(place, original):
    project = original("5.5.0")
    number = {"first": 0, "middle": 'INSTALLED_APPS.index("allianceauth.analytics")'}
    line = f'INSTALLED_APPS.insert({number[place]}, "headcount.allianceauth")'
    project.settings(line, f"HEADCOUNT_STATE = {str(project.state)!r}")
    assert project.migrate_and(WHOSE)[3] == "headcount.allianceauth.admin"


def test_alliance_auths_own_tests_of_analytics_pass(original):
    project = original("5.5.0")
    project.add_line()
    done = project.manage("test", "--debug-mode", "--no-input", "allianceauth.analytics", check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    assert re.search(r"Ran 6 tests", done.stderr), done.stderr[-500:]
    assert not project.state.exists(), "a test run leaves the real install's state alone"


SENT = """
from headcount.django import engine
from allianceauth.analytics import tasks
module = engine.current()
module.follow()
shape = {"namespace": "metenox.analytics", "task": "send_daily_stats", "event_type": "Stats"}
tasks.analytics_event(**shape, label="moons", value=12)
tasks.analytics_event(namespace="probe", task="update", result="Success", value=3)
tasks.analytics_daily_stats.apply()
answer = module.client.flush()
"""


@pytest.mark.parametrize("version", ENDS)
def test_a_fleet_moves_by_host_name_to_an_own_collector(version, original, collector):
    project = original(version)
    project.add_line(f"HEADCOUNT_ENDPOINT = {collector.url!r}")
    team = project.migrate_and(EVERYTHING_ON + "answer = AnalyticsTokens.objects.values().get()")
    own = ["--tracking-id", team["token"]]
    if team["type"] == "GA-V4":
        own = ["--measurement-id", team["token"], "--api-secret", team["secret"]]
    collector.project(version, *own)
    answer = project.run(SENT)
    assert (answer["waiting"], answer["troubles"]) == (0, [])
    tasks = collector.report(version, "tasks")
    assert ("probe", "update", 1) in [(row["namespace"], row["task"], row["runs"]) for row in tasks]
    versions = collector.report(version, "versions")
    assert [(row["version"], row["installs"]) for row in versions][-1] == (version, 1)
    if team["type"] == "GA-V4":
        assert len(tasks) == 1
        stats = collector.report(version, "app-stats")
        told = [(row["namespace"], row["label"], row["median"]) for row in stats]
        assert told == [("metenox.analytics", "moons", 12)]
