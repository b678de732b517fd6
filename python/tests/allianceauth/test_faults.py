"""Faults of the original that an install cannot show us any more, each named by its number in the list of them.

Faults 1 and 2 are in test_off.py, 4, 5 and 6 in test_choices.py, 3, 7 to 10, 12, 13, 20 and 23 to 25 in test_live.py;
of 14, 19, 26 and 30 tests of the Django app tell, which shares the code.
"""

import json

import pytest
from conftest import ENDS, with_tables
from installs import make
from project import EVERYTHING_ON, Project, Redis
from services import Google

SEEN = """
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from allianceauth.analytics.models import AnalyticsIdentifier
from allianceauth.analytics.tasks import analytics_event
from headcount.django import engine
from probe.tasks import probe_int
answer = {}
module = engine.current()
admin = Client()
admin.force_login(User.objects.create_superuser("admin"))
entry = settings.CELERYBEAT_SCHEDULE["analytics_daily_stats"]["schedule"]
answer["clock"] = [sorted(entry.hour), sorted(entry.minute)]
answer["page"] = admin.get("/admin/analytics/analyticstokens/1/change/").content.decode()
answer["secret"] = AnalyticsTokens.objects.values().get().get("secret")
module.follow()
def cost():
    with CaptureQueriesContext(connection) as queries:
        answer.setdefault("statuses", []).append(Client().get("/probe/plain/").status_code)
        probe_int.apply()
        analytics_event(namespace="probe", task="t", label="l", value=1, event_type="Stats")
    return [query["sql"] for query in queries]
answer["queries"] = cost()
module.client.flush()
AnalyticsIdentifier.objects.all().delete()
cost()
module.follow()
answer["new_identifier"] = str(AnalyticsIdentifier.objects.get().identifier)
try:
    from allianceauth.analytics.models import AnalyticsPath
    AnalyticsTokens.objects.get().ignore_paths.add(AnalyticsPath.objects.create(ignore_path="("))
except ImportError:
    TokenSettings.objects.update(ignore_paths="(")
module.follow()
cost()
answer["refused"] = module.refused
module.client.flush()
"""
MANY = """
from headcount.django import engine
from allianceauth.analytics.tasks import analytics_event
engine.current().follow()
for number in range(40):
    analytics_event(namespace="probe", task="many", label=f"label {chr(97 + number % 26)}", value=number)
answer = engine.current().client.flush()
"""
FIXTURE = (
    """
from django.core.management import call_command
from headcount.django import engine
from allianceauth.analytics.tasks import analytics_event
call_command("loaddata", "disable_analytics", verbosity=0)
"""
    + EVERYTHING_ON
    + """
# The fixture of 3.8 gives the tracking id of the team's token the type of a measurement id.
AnalyticsTokens.objects.filter(token__startswith="UA-").update(type="GA-U")
engine.current().follow()
analytics_event(namespace="probe", task="shared", label="x", value=1, event_type="Stats")
answer = [engine.current().client.flush(), engine.current().client.doctor()]
"""
)


# Somebody records three events, and looks at the token's page after the module has tried to send them.
GONE = """
from django.contrib.auth.models import User
from django.test import Client
from headcount.django import engine
from allianceauth.analytics.tasks import analytics_event
module = engine.current()
module.follow()
def told():
    flushed = module.client.flush()
    admin = Client()
    admin.force_login(User.objects.get(username="admin"))
    page = admin.get("/admin/analytics/analyticstokens/1/change/").content.decode()
    return [flushed["waiting"], module.client.status()["lost"].get("too_old", 0), page]
"""
SENT_TO_NOBODY = (
    GONE
    + """
for number in range(3):
    analytics_event(namespace="probe", task="gone", label=f"label {number}", value=number, event_type="Stats")
answer = told()
"""
)
# Time goes by: what waits is made as old as it would be then.
TWO_WEEKS_LATER = (
    GONE
    + """
import sqlite3
answer = [told()]
spool = sqlite3.connect(module.host.state() / "spool.sqlite")
with spool:
    spool.execute("UPDATE events SET at_ms = at_ms - 15 * 86400000")
    spool.execute("UPDATE facts SET value = 0 WHERE name = 'expired_at_ms'")
spool.close()
answer.append(told())
"""
)


class Seen:
    """What one install did, and what came to Google's place meanwhile."""

    def __init__(self, project: Project) -> None:
        self.google = Google()
        project.add_line(f"HEADCOUNT_ENDPOINT = {self.google.address!r}", 'SITE_NAME = "myauth"')
        # Nobody listens there: what is recorded needs no broker.
        project.settings('BROKER_URL = "redis://127.0.0.1:1/0"')
        self.answer = project.migrate_and(EVERYTHING_ON + SEEN)
        self.first = list(self.google.requests)
        self.google.clear()
        self.flushed = project.run(MANY)
        self.many = list(self.google.requests)
        self.google.clear()
        self.fixture = project.run(FIXTURE)
        self.after_fixture = list(self.google.requests)
        self.google.status = 410
        self.refused = project.run(SENT_TO_NOBODY)
        self.google.stop()
        self.vanished, self.later = project.run(TWO_WEEKS_LATER)


@pytest.fixture(scope="module", params=ENDS)
def seen(request, tmp_path_factory):
    """One run for all tests of a version."""
    folder = tmp_path_factory.mktemp("faults")
    with Redis(folder / "redis") as redis:
        return Seen(with_tables(Project(make(request.param), folder, redis)))


def test_fault_11_many_events_go_with_one_request(seen):
    assert len(seen.many) <= 3, "GA4 takes 25 events, v1 takes 20 hits a request"
    assert seen.flushed["waiting"] == 0


def test_fault_15_installs_do_not_report_all_at_once(seen):
    assert seen.answer["clock"] != [[2], [0]]


def test_fault_16_events_carry_their_moment(seen):
    bodies = [json.loads(one["body"]) for one in seen.first if one["path"] == "/mp/collect"]
    events = [event for body in bodies for event in body["events"]]
    assert all("timestamp_micros" in event["params"] for event in events)


def test_fault_17_the_secret_is_not_shown(seen):
    assert "send_page_views" in seen.answer["page"]
    assert not seen.answer["secret"] or seen.answer["secret"] not in seen.answer["page"]


def test_faults_18_and_27_no_query_for_a_page_a_task_or_an_event(seen):
    ours = [sql for sql in seen.answer["queries"] if "analytics_" in sql or "headcount_" in sql]
    assert ours == []


def test_fault_21_no_browser_is_invented_for_a_client_that_names_none(seen):
    assert seen.first
    assert "Chrome" not in str(seen.first)


def test_fault_22_a_deleted_identifier_or_a_broken_pattern_stops_no_page(seen):
    assert seen.answer["statuses"] == [200, 200, 200]
    assert seen.answer["new_identifier"]
    assert [reason.split(":")[0] for _, reason in seen.answer["refused"]] == ["ignore_paths"]


def test_fault_28_titles_do_not_name_the_site(seen):
    assert "Probe" in str(seen.first)
    assert "myauth" not in str(seen.first)


def test_fault_29_a_host_that_is_gone_for_ever_costs_nothing_that_is_not_told(seen):
    for waiting, lost, page in (seen.refused, seen.vanished):
        assert (waiting, lost) == (3, 0), "kept: nobody knows yet that it is for ever"
        assert "Failed tries since" in page and "too_old" not in page
    assert "410 kept, sent again later" in seen.refused[2]
    assert "no answer" in seen.vanished[2]
    waiting, lost, page = seen.later
    assert (waiting, lost) == (0, 3)
    assert "3 (too_old: waited for 14 days)" in page


def test_fault_31_the_identifier_of_the_fixture_is_nobodys(seen):
    assert seen.after_fixture, seen.fixture
    assert "ab33e241fbf042b6aa77c7655a768af7" not in str(seen.after_fixture)
