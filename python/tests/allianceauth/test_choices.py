"""Which feeds are on after an install or an upgrade: never one that an operator switched off."""

import pytest
from conftest import ASKED

FEEDS = """
from headcount.allianceauth.tokens import all_tokens
answer = [[t.token[:2], t.send_stats, t.send_celery_tasks, t.send_page_views] for t in all_tokens()]
"""


SAID = """
from django.contrib.auth.models import User
from django.test import Client
from allianceauth.analytics.models import AnalyticsTokens
admin = Client()
admin.force_login(User.objects.create_superuser("admin"))
numbers = AnalyticsTokens.objects.order_by("-pk").values_list("pk", flat=True)
answer = admin.get(f"/admin/analytics/analyticstokens/{numbers[0]}/change/").content.decode()
"""


@pytest.mark.parametrize("version", ASKED)
def test_fault_4_everything_is_on_in_a_fresh_install(version, new_project):
    project = new_project(version)
    project.add_line()
    expected = [["UA" if version.startswith("3.") else "G-", True, True, True]]
    if version.startswith("4."):
        # Universal Analytics, which 4.x keeps beside the token that took its place.
        expected.insert(0, ["UA", False, False, False])
    assert project.migrate_and(FEEDS) == expected


def existing(project, sql):
    """An install that ran without the drop-in, with what its operator did, which then gets the line."""
    project.sql(sql)
    before = project.tables()["analytics_analyticstokens"]
    project.add_line()
    feeds = project.migrate_and(FEEDS)
    assert project.tables()["analytics_analyticstokens"] == before
    return feeds


def says(project, words):
    """Whether the page of the latest token says why something is off."""
    return words in project.run(SAID)


@pytest.mark.parametrize(
    ("sql", "feeds"),
    [
        # As set up by 5.x, and as its operator may have left it or chosen it: that cannot be told apart.
        ("", ["G-", False, False, False]),
        # Switched on by the operator. Page views and task events were never asked about.
        ("UPDATE analytics_analyticstokens SET send_stats = 1", ["G-", True, False, False]),
    ],
)
def test_off_stays_off_where_5_5_ran_before(sql, feeds, original):
    project = original("5.5.0")
    assert existing(project, sql) == [feeds]
    assert says(project, "what was off is still off")


@pytest.mark.parametrize(
    ("sql", "feeds"),
    [
        ("", ["UA", True, True, True]),
        ("UPDATE analytics_analyticstokens SET send_page_views = 0", ["UA", True, True, False]),
        (
            "UPDATE analytics_analyticstokens SET send_page_views = 0, send_celery_tasks = 0, send_stats = 0",
            ["UA", False, False, False],
        ),
    ],
)
def test_the_choices_of_3_8_stay(sql, feeds, original):
    assert existing(original("3.8.1"), sql) == [feeds]


def test_a_deleted_token_stays_deleted(original):
    for version in ASKED:
        sql = "DELETE FROM analytics_analyticstokens_ignore_paths;" if version.startswith("3.") else ""
        assert existing(original(version), sql + "DELETE FROM analytics_analyticstokens") == []


def copy(old, new):
    """Takes a database over into another install."""
    old.database.keep(old.folder / "taken-over")
    new.database.fill(old.folder / "taken-over")


KEPT = [["UA", False, False, False], ["G-", True, True, True]]
DELETED = "DELETE FROM analytics_analyticstokens_ignore_paths; DELETE FROM analytics_analyticstokens"


def upgraded(new_project, original, sql, *, line_from):
    """The database of 3.8.1 under 5.5.0; the line comes with 3.8.1, with the upgrade, or after it."""
    old = original("3.8.1")
    if line_from == "before":
        old.add_line()
        old.migrate()
    old.sql(sql)
    new = new_project("5.5.0")
    copy(old, new)
    if line_from == "after":
        new.migrate()
    new.add_line()
    return new, new.migrate_and(FEEDS)


@pytest.mark.parametrize(
    ("sql", "feeds"),
    [
        (
            "UPDATE analytics_analyticstokens SET send_page_views = 0",
            [["UA", False, False, False], ["G-", True, True, False]],
        ),
        (DELETED, [["G-", False, False, False]]),
    ],
)
def test_an_upgrade_with_the_line_keeps_the_choices(sql, feeds, new_project, original):
    assert upgraded(new_project, original, sql, line_from="with")[1] == feeds


def test_fault_6_an_upgrade_does_not_opt_in_who_had_deleted_the_token(new_project, original):
    project, found = upgraded(new_project, original, DELETED, line_from="after")
    (token,) = project.sql("SELECT send_stats FROM analytics_analyticstokens")
    assert token["send_stats"] == 1, "the original is on again"
    assert found == [["G-", False, False, False]]
    assert says(project, "first token was deleted")


def test_fault_5_the_documented_page_switches_off_what_an_upgrade_put_beside_it(new_project, original):
    project, found = upgraded(new_project, original, "", line_from="before")
    assert found == KEPT
    late = new_project("5.5.0")
    copy(project, late)
    late.sql(
        "UPDATE analytics_analyticstokens SET send_stats = 0 WHERE type = 'GA-U';"
        "DROP TABLE headcount_tokensettings; DROP TABLE headcount_installsettings;"
        "DELETE FROM django_migrations WHERE app = 'headcount'"
    )
    late.add_line()
    assert late.migrate_and(FEEDS) == [["UA", False, False, False], ["G-", False, False, False]]
    assert says(late, "which the documentation points at, has daily statistics off")


CHOOSES = """
from django.contrib.auth.models import User
from django.test import Client
from headcount.django import engine
admin = Client()
admin.force_login(User.objects.create_superuser("admin"))
tokens = "/admin/analytics/analyticstokens/"
team = {"name": "Team", "type": "GA-V4", "endpoint": "", "token": "G-1", "secret": "s"}
own = {"name": "Own", "type": "HEADCOUNT", "endpoint": "http://127.0.0.1:9", "token": "hc_1", "secret": ""}
for path, values in (("2/change/", team | {"send_page_views": "on", "ignore_paths": "^/fleet/17/"}),
                     ("add/", own | {"send_celery_tasks": "on", "ignore_paths": ""})):
    assert admin.post(tokens + path, values).status_code == 302
engine.current().stop()
"""
WHOLE = """
from dataclasses import asdict
from headcount.django import engine
host = engine.current().host
answer = [[asdict(token) for token in host.tokens()], host.identity().as_truth(), host.is_off()]
"""


def test_fault_5_an_upgrade_under_the_drop_in_keeps_every_choice(new_project, original):
    old = original("4.13.1")
    old.add_line()
    before = old.migrate_and(CHOOSES + WHOLE)
    switches = ("send_stats", "send_celery_tasks", "send_page_views")
    assert [[token[name] for name in switches] for token in before[0]] == [[False, False, False], [False, False, True], [False, True, False]]
    assert before[2], "everything is stopped"
    rows = {table: rows for table, (_, rows) in old.tables().items()}
    new = new_project("5.5.0")
    copy(old, new)
    new.add_line()
    assert new.migrate_and(WHOLE) == before
    assert {table: rows for table, (_, rows) in new.tables().items()} == rows
    assert new.sql("SELECT 1 FROM django_migrations WHERE app = 'analytics' AND name LIKE '0012%'")


@pytest.mark.parametrize("version", ASKED)
def test_the_fixture_that_disables_analytics_disables_all_of_it(version, new_project):
    project = new_project(version)
    project.add_line()
    found = project.migrate_and("call_command('loaddata', 'disable_analytics', verbosity=0)" + FEEDS)
    assert found and all(feeds[1:] == [False, False, False] for feeds in found)
