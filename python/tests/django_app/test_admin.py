"""The operator's pages, as a browser asks for them."""

import sqlite3
import uuid
from typing import Any

import pytest
from conftest import FOLDER, Project, Sink, add_token, delivered_before, until
from django.contrib.auth import get_user_model
from django.test import Client
from headcount.django.models import AnalyticsIdentifier, AnalyticsTokens

FORM = {
    "name": "Team",
    "type": "HEADCOUNT",
    "endpoint": "http://127.0.0.1:9",
    "token": "hc_1",
    "secret": "",
    "send_stats": "on",
    "send_celery_tasks": "on",
    "send_page_views": "on",
    "ignore_paths": "",
}


@pytest.fixture
def operator(module: Any) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    return client


def change(token: Any) -> str:
    return f"/admin/analytics/analyticstokens/{token.pk}/change/"


def test_a_token_is_added_and_every_feed_is_on(operator: Client) -> None:
    page = operator.get("/admin/analytics/analyticstokens/add/").content.decode()
    assert page.count("checked") == 3
    assert operator.post("/admin/analytics/analyticstokens/add/", FORM).status_code == 302
    token = AnalyticsTokens.objects.get()
    assert (token.send_stats, token.send_celery_tasks, token.send_page_views) == (True, True, True)


def test_an_edit_takes_effect_at_once(module: Any, operator: Client) -> None:
    token = add_token(endpoint="http://127.0.0.1:9")
    module.look()
    assert module.client.wants("pages")
    form = {name: value for name, value in FORM.items() if name != "send_page_views"}
    assert operator.post(change(token), form).status_code == 302
    assert not module.client.wants("pages")
    assert module.client.wants("tasks")


def test_an_edit_by_sql_takes_effect_within_two_seconds(module: Any, operator: Client) -> None:
    token = add_token(endpoint="http://127.0.0.1:9")
    operator.get("/")
    until(lambda: module.client.wants("pages"))
    with sqlite3.connect(FOLDER / "db.sqlite3", timeout=20) as other:
        other.execute("UPDATE analytics_analyticstokens SET send_page_views = 0 WHERE id = ?", [token.pk])
    other.close()
    until(lambda: not module.client.wants("pages"), seconds=2)
    with sqlite3.connect(FOLDER / "db.sqlite3", timeout=20) as other:
        other.execute("UPDATE analytics_analyticstokens SET send_page_views = 1 WHERE id = ?", [token.pk])
    other.close()
    until(lambda: module.client.wants("pages"), seconds=2)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"endpoint": "collector"}, "endpoint"),
        ({"endpoint": ""}, "endpoint"),
        ({"type": "GA-V4"}, "secret"),
        ({"ignore_paths": "^/ok/\n("}, "ignore_paths"),
    ],
)
def test_what_cannot_work_is_refused_beside_its_field(operator: Client, wrong: dict[str, str], field: str) -> None:
    page = operator.post("/admin/analytics/analyticstokens/add/", FORM | wrong)
    assert field in page.context["adminform"].form.errors
    assert not AnalyticsTokens.objects.exists()


def test_the_page_shows_what_waits_and_what_left(module: Any, operator: Client, project: Project) -> None:
    token = add_token(project)
    module.look()
    delivered_before(module.client)
    operator.get("/users/5/")
    until(lambda: module.client.preview())
    page = operator.get(change(token)).content.decode()
    assert "Delivery status" in page
    assert "sending: stats, tasks, pages" in page
    assert "/users/&lt;int:pk&gt;/" in page
    assert project.ingest_key not in page.split("What would be sent now")[1].split("<h3>")[0]
    module.client.flush()
    page = operator.get(change(token)).content.decode()
    assert "Nothing waits." in page
    assert "POST /api/v1/batch" in page


def test_stop_deletes_what_waits_and_resume_allows_again(module: Any, operator: Client, sink: Sink) -> None:
    token = add_token(endpoint=sink.url)
    module.look()
    delivered_before(module.client)
    operator.get("/")
    until(lambda: module.client.preview())
    stop = change(token).replace("change", "stop")
    assert operator.get(stop).status_code == 403, "only a button stops"
    assert operator.post(stop).status_code == 302
    assert module.client.status()["waiting"] == 0
    assert not module.is_wanted()
    page = operator.get(change(token)).content.decode()
    assert "Everything is stopped." in page
    history = operator.get(change(token).replace("change", "history")).content.decode()
    assert "off: nothing is recorded or sent" in history, "who stopped it can be seen"
    operator.post(change(token).replace("change", "resume"))
    assert module.is_wanted()
    module.client.flush()
    assert len(sink.requests) == 1, "nothing but what was sent before"


def test_forget_makes_another_install_and_asks_for_the_old_one(module: Any, operator: Client, sink: Sink) -> None:
    token = add_token(endpoint=sink.url)
    module.look()
    before = AnalyticsIdentifier.get_solo().identifier
    forget = change(token).replace("change", "forget")
    assert operator.post(forget, {"confirmed": "on"}).status_code == 302
    after = AnalyticsIdentifier.get_solo().identifier
    assert before != after
    assert [path for path, _, _ in sink.requests] == ["/api/v1/forget"]
    assert str(before) not in sink.requests[0][2].decode(), "the collector knows a pseudonym only"
    module.look()
    assert uuid.UUID(module.client.init()) == after


def test_forget_without_its_tick_does_nothing_and_says_so(module: Any, operator: Client, sink: Sink) -> None:
    token = add_token(endpoint=sink.url)
    module.look()
    assert 'type="checkbox" name="confirmed" required' in operator.get(change(token)).content.decode()
    before = AnalyticsIdentifier.get_solo().identifier
    answer = operator.post(change(token).replace("change", "forget"), follow=True)
    assert "Nothing was forgotten: tick the box" in answer.content.decode()
    assert AnalyticsIdentifier.get_solo().identifier == before
    assert not any(path == "/api/v1/forget" for path, _, _ in sink.requests)
    history = operator.get(change(token).replace("change", "history")).content.decode()
    assert "erase" not in history


def test_buttons_need_the_permission_and_the_form_token(module: Any, operator: Client) -> None:
    token = add_token(endpoint="http://127.0.0.1:9")
    stop = change(token).replace("change", "stop")
    stranger = Client()
    stranger.force_login(get_user_model().objects.create_user("viewer", is_staff=True))
    assert stranger.post(stop).status_code == 403
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(get_user_model().objects.get(username="operator"))
    assert careful.post(stop).status_code == 403
    assert not AnalyticsIdentifier.objects.filter(off=True).exists()


def test_nothing_is_written_by_looking_while_disabled(fresh: Any) -> None:
    module = fresh(ANALYTICS_DISABLED=True)
    token = add_token(endpoint="http://127.0.0.1:9")
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("operator"))
    page = client.get(change(token)).content.decode()
    assert "own setting switches analytics off" in page
    assert client.post(change(token), FORM).status_code == 302
    assert not module.host.state().exists()
