"""What leaves for Google beside what the original sends from the same database: the same words, where it was right."""

import json

import pytest
from conftest import ENDS

# What both do. The original is told to send at once, and to the recorder instead of Google.
ACTS = """
import requests
from allianceauth.analytics import tasks
from allianceauth.analytics.models import AnalyticsTokens
from django.contrib.auth.models import User
from django.test import Client
from probe.tasks import probe_int
really = requests.post
requests.post = lambda url, **more: really(url.replace("https://www.google-analytics.com", GOOGLE), **more)
people = Client(HTTP_ACCEPT_LANGUAGE="de", HTTP_USER_AGENT="ProbeBrowser/1.0")
people.force_login(User.objects.get_or_create(username="plain")[0])
if module:
    module.follow()
assert people.get("/dashboard/").status_code == 200
probe_int.apply()
names = ("category", "action") if IS_THREE else ("namespace", "task")
shape = dict(zip(names, ("metenox.analytics", "send_daily_stats")))
tasks.analytics_event(**shape, label="moons", value=12, event_type="Stats")
tasks.analytics_daily_stats.apply()
if module:
    module.client.flush()
"""
OURS = "from headcount.django import engine\nmodule = engine.current()\n"


def sent(project, google, before):
    """The requests that came of it."""
    google.clear()
    begin = f"GOOGLE = {google.address!r}\nIS_THREE = {project.install.is_three}\n"
    project.run(before + begin + ACTS)
    return list(google.requests)


@pytest.mark.parametrize("version", ENDS)
def test_hits_are_those_of_the_original_where_it_was_right(version, original, google):
    project = original(version)
    project.settings("CELERY_ALWAYS_EAGER = True")
    project.sql("UPDATE analytics_analyticstokens SET send_stats = 1")
    theirs = sent(project, google, "module = None\n")
    old = events(google)
    project.add_line(f"HEADCOUNT_ENDPOINT = {google.address!r}")
    project.migrate()
    project.sql("UPDATE headcount_tokensettings SET send_celery_tasks = 1, send_page_views = 1, is_held = 0")
    ours = sent(project, google, OURS)
    new = events(google)
    assert {one["type"] for one in ours} == {one["type"] for one in theirs}
    assert len(old) >= 6
    for event in old:
        # Fault 9: the original names its own apps as extensions of others.
        task, word = event.get("task", event.get("ea")), event.get("label", event.get("el"))
        if task == "send_extension_stats" and word != "probe":
            continue
        # The original's own tasks are no events, and the sum of apps with the drop-in has one more to hide.
        if event.get("ec") == "allianceauth.analytics" and event["ea"].startswith("send_ga"):
            continue
        # Fault 28: titles named the site; and what a browser is called is reduced to its family.
        right = {name: value for name, value in event.items() if name not in ("dt", "ua")}
        near = max(new, key=lambda other: len(right.items() & other.items()))
        assert right.items() <= near.items()


def events(google):
    """Each event with all that its request says, over both protocols."""
    found = [dict(hit) for hit in google.hits()]
    for one in google.requests:
        if one["path"] != "/mp/collect":
            continue
        body = json.loads(one["body"])
        about = {name: json.dumps(value) for name, value in body.items() if name != "events"}
        found += [one["query"] | about | {"name": event["name"]} | event["params"] for event in body["events"]]
    return found
