"""What is wrong with the original module of Alliance Auth, numbered as in the list of its faults: not here."""

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from conftest import Project, Sink, add_token, delivered_before, until
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from headcount import analytics_event
from headcount.django.models import AnalyticsIdentifier, AnalyticsTokens
from site_of_tests import worker


def bodies(sink: Sink) -> list[dict[str, Any]]:
    """Native batches a sink got."""
    return [json.loads(body) for path, _, body in sink.requests if path == "/api/v1/batch"]


def test_fault_01_and_02_disabled_stops_all_three_feeds_and_calls_of_apps(fresh: Any, sink: Sink) -> None:
    module = fresh(ANALYTICS_DISABLED=True)
    add_token(endpoint=sink.url)
    Client().get("/")
    worker.number.apply()
    analytics_event(namespace="a", task="b", label="c", event_type="Stats")
    assert not module.record_daily(now=True)
    module.client.flush()
    assert sink.requests == []
    assert not module.host.state().exists()


@pytest.mark.parametrize("off", ["send_stats", "send_celery_tasks", "send_page_views"])
def test_fault_03_three_feeds_are_switched_one_by_one(module: Any, sink: Sink, off: str) -> None:
    add_token(endpoint=sink.url, **{off: False})
    Client().get("/")
    worker.number.apply()
    module.record_daily(now=True)
    module.client.flush()
    kinds = {event["type"] for batch in bodies(sink) for event in batch["events"]}
    gone = {"send_stats": "stats", "send_celery_tasks": "task", "send_page_views": "page"}[off]
    assert kinds == {"stats", "task", "page"} - {gone}


def test_fault_04_a_new_token_sends_until_switched_off(module: Any) -> None:
    token = add_token(endpoint="http://127.0.0.1:9")
    assert (token.send_stats, token.send_celery_tasks, token.send_page_views) == (True, True, True)


def test_fault_06_a_deleted_token_stays_deleted(module: Any) -> None:
    add_token(endpoint="http://127.0.0.1:9").delete()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    assert not AnalyticsTokens.objects.exists()
    assert not module.is_wanted()


def test_fault_07_and_30_a_call_with_defaults_arrives(module: Any, project: Project) -> None:
    add_token(project)
    module.look()
    analytics_event(namespace="indy_hub", task="sell_order")
    module.client.flush()
    assert project.tasks() == {("indy_hub", "sell_order"): (1, 0)}


def test_fault_08_neither_call_shape_raises_and_both_arrive(module: Any, project: Project) -> None:
    add_token(project)
    module.look()
    analytics_event(namespace="new", task="t", label="", result="Success", value=1)
    analytics_event(category="old", action="t", label="Success", value=1)
    module.client.flush()
    assert set(project.tasks()) == {("new", "t"), ("old", "t")}


def test_fault_09_only_apps_of_others_are_reported(module: Any) -> None:
    assert {name for name, _ in module.host.apps()}.isdisjoint({"admin", "auth", "analytics", "shop", "sessions"})


def test_fault_10_the_identifier_page_opens(module: Any) -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    identifier = AnalyticsIdentifier.get_solo()
    assert isinstance(str(identifier), str)
    assert client.get("/admin/analytics/analyticsidentifier/").status_code == 200
    assert client.get("/admin/analytics/analyticsidentifier/1/change/").status_code == 200


def test_fault_11_many_events_are_one_request(module: Any, sink: Sink) -> None:
    add_token(endpoint=sink.url)
    module.look()
    delivered_before(module.client)
    for _ in range(200):
        analytics_event(namespace="a", task="b", label="c", result="Success", value=1)
    module.record_daily(now=True)
    module.client.flush()
    assert len(sink.requests) == 2
    assert len(bodies(sink)[1]["events"]) == 2, "equal task events leave as one with their number"


@pytest.mark.parametrize("status", [500, 503])
def test_fault_12_nothing_is_lost_while_a_collector_fails(module: Any, sink: Sink, status: int) -> None:
    add_token(endpoint=sink.url)
    module.look()
    sink.status = status
    analytics_event(namespace="a", task="b", label="c", result="Success", value=1)
    assert module.client.flush()["waiting"] == 1
    sink.status = 200
    assert module.client.flush()["waiting"] == 0
    ids = [[event["id"] for event in batch["events"]] for batch in bodies(sink)]
    assert ids[0] == ids[1], "the same event again, so that it counts once"


def test_fault_12_nothing_is_lost_while_a_collector_is_down(module: Any, project: Project) -> None:
    token = add_token(endpoint="http://127.0.0.1:9")
    Client().get("/")
    assert module.client.flush()["waiting"] == 1
    token.endpoint, token.token = project.url, project.ingest_key
    token.save()
    assert module.client.flush()["waiting"] == 0
    assert project.pages() == {("/", "Home"): 1}


def test_fault_13_and_24_a_hanging_collector_holds_no_request_and_no_task(module: Any, sink: Sink) -> None:
    sink.pause = 3.0
    add_token(endpoint=sink.url)
    client = Client()
    client.get("/")
    began = time.monotonic()
    for _ in range(20):
        client.get("/")
        worker.number.apply()
        analytics_event(namespace="a", task="b", label="c", result="Success", value=1)
    assert time.monotonic() - began < 2.0
    sink.pause = 0.0


def test_fault_14_the_secret_is_in_no_page_and_no_preview(module: Any) -> None:
    token = add_token(type="GA-V4", token="G-1", secret="very-secret-word", endpoint="http://127.0.0.1:9")
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    client.get("/")
    until(lambda: module.client.preview())
    page = client.get(f"/admin/analytics/analyticstokens/{token.pk}/change/").content.decode()
    assert "very-secret-word" not in page
    assert "very-secret-word" not in json.dumps([module.client.preview(), module.client.ledger()])


def test_fault_15_installs_report_at_minutes_of_their_own(tmp_path: Path) -> None:
    import headcount

    moments = set()
    for number in range(4):
        client = headcount.Client()
        client.open(tmp_path / str(number))
        client.init()
        client.add_token("Team", "headcount", "http://127.0.0.1:9", "hc_1")
        moments.add(client.doctor()["next_daily_at"][11:16])
    assert len(moments) > 1


def test_fault_16_late_events_keep_their_moment(module: Any, sink: Sink) -> None:
    add_token(type="GA-V4", token="G-1", secret="s", endpoint=sink.url)
    before = time.time()
    Client().get("/")
    after = time.time()
    time.sleep(0.5)
    module.client.flush()
    event = json.loads(sink.requests[0][2])["events"][0]
    assert before - 1 <= event["params"]["timestamp_micros"] / 1e6 <= after + 0.1


def test_fault_17_the_secret_is_kept_when_the_form_comes_back_empty(module: Any) -> None:
    token = add_token(type="GA-V4", token="G-1", secret="kept", endpoint="http://127.0.0.1:9")
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    form = {"name": "Other", "type": "GA-V4", "endpoint": "", "token": "G-1", "secret": "", "ignore_paths": ""}
    assert client.post(f"/admin/analytics/analyticstokens/{token.pk}/change/", form).status_code == 302
    token.refresh_from_db()
    assert (token.name, token.secret) == ("Other", "kept")


def test_fault_18_and_27_no_query_for_a_page_or_a_task(module: Any) -> None:
    add_token(endpoint="http://127.0.0.1:9")
    client = Client(raise_request_exception=False)
    client.get("/")
    with CaptureQueriesContext(connection) as queries:
        for path in ("/", "/data/", "/moved/", "/missing/", "/broken/"):
            client.get(path)
        worker.number.apply()
    assert len(queries) == 0


def test_fault_19_a_body_nobody_asked_about_is_not_read(module: Any) -> None:
    from headcount.django.middleware import record

    class Untouchable:
        status_code = 200
        headers = {"Content-Type": "text/html"}

        @property
        def content(self) -> bytes:
            raise AssertionError("the body was read")

    add_token(endpoint="http://127.0.0.1:9", send_page_views=False)
    module.look()
    from django.test import RequestFactory

    record(RequestFactory().get("/"), Untouchable())
    assert module.client.status()["waiting"] == 0


def test_fault_20_only_pages_that_were_opened_are_page_views(module: Any, project: Project) -> None:
    add_token(project)
    client = Client(raise_request_exception=False)
    for path in ("/data/", "/moved/", "/wp-login.php", "/broken/"):
        client.get(path)
    client.post("/")
    module.client.flush()
    assert project.pages() == {}


def test_fault_21_no_browser_is_made_up(module: Any, sink: Sink) -> None:
    add_token(type="GA-U", token="UA-1-1", endpoint=sink.url)
    Client().get("/")
    worker.number.apply()
    module.client.flush()
    hits = [parse_qs(line) for _, _, body in sink.requests for line in body.decode().splitlines()]
    assert len(hits) == 2
    assert not any("Chrome" in str(hit) for hit in hits)


def test_fault_22_pages_are_served_whatever_is_broken(module: Any) -> None:
    add_token(endpoint="http://127.0.0.1:9", ignore_paths="(")
    client = Client()
    assert client.get("/").status_code == 200
    AnalyticsIdentifier.objects.all().delete()
    time.sleep(1.1)
    assert client.get("/").status_code == 200
    module.look()
    assert AnalyticsIdentifier.objects.count() == 1
    assert not module.client.wants("pages"), "what was to be ignored is not sent by mistake"


def test_fault_23_true_is_one(module: Any, sink: Sink) -> None:
    add_token(type="GA-U", token="UA-1-1", endpoint=sink.url)
    worker.truth.apply()
    module.client.flush()
    hit = parse_qs(sink.requests[0][2].decode().splitlines()[0])
    assert hit["ev"] == ["1"]


def test_fault_25_own_tasks_are_not_counted(module: Any, project: Project) -> None:
    from headcount.django.tasks import daily_stats

    add_token(project)
    daily_stats.apply()
    module.client.flush()
    assert project.tasks() == {}


@pytest.mark.parametrize(
    ("kind", "path"), [("GA-U", "/batch"), ("GA-V4", "/mp/collect?"), ("HEADCOUNT", "/api/v1/batch")]
)
def test_fault_26_each_type_speaks_its_own_protocol(module: Any, sink: Sink, kind: str, path: str) -> None:
    add_token(type=kind, token="X-1", secret="s", endpoint=sink.url)
    Client().get("/")
    module.client.flush()
    assert [asked.startswith(path) for asked, _, _ in sink.requests] == [True]


def test_fault_28_neither_title_nor_path_names_the_install(module: Any, sink: Sink) -> None:
    add_token(endpoint=sink.url)
    Client().get("/")
    Client().get("/names/anna/")
    module.client.flush()
    sent = json.dumps(bodies(sink))
    assert "myshop" not in sent
    assert "anna" not in sent


@pytest.mark.parametrize("status", [404, 410])
def test_fault_29_what_an_endpoint_that_is_gone_does_not_take_is_kept(module: Any, sink: Sink, status: int) -> None:
    token = add_token(type="GA-U", token="UA-1-1", endpoint=sink.url)
    module.look()
    sink.status = status
    analytics_event(namespace="a", task="b", label="c", result="Success", value=1)
    assert module.client.flush()["waiting"] == 1
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    page = client.get(f"/admin/analytics/analyticstokens/{token.pk}/change/").content.decode()
    assert f"{status} kept, sent again later" in page
    token.delete()
    status_now = module.client.status()
    assert (status_now["waiting"], status_now["lost"]["switched_off"] >= 1) == (0, True)


def test_fault_31_two_installs_never_share_an_identity(module: Any) -> None:
    first = AnalyticsIdentifier.get_solo()
    AnalyticsIdentifier.objects.all().delete()
    second = AnalyticsIdentifier.get_solo()
    assert (first.identifier, first.secret) != (second.identifier, second.secret)


def test_google_hits_go_to_the_own_collector_where_the_settings_say_so(fresh: Any, sink: Sink) -> None:
    module = fresh(HEADCOUNT_ENDPOINT=sink.url)
    add_token(type="GA-U", token="UA-1-1")
    Client().get("/")
    assert module.client.flush()["waiting"] == 0
    assert len(sink.requests) == 1
