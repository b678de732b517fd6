"""`manage.py headcount`, and the system checks."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Project, add_token, delivered_before, until
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client


def told(*words: str) -> str:
    out = io.StringIO()
    call_command("headcount", *words, stdout=out)
    return out.getvalue()


def test_doctor_names_the_switch_that_won(module: Any) -> None:
    assert "there is no token" in told("doctor")
    add_token(endpoint="http://127.0.0.1:9", send_stats=False)
    assert "sending: tasks, pages" in told("doctor")
    add_token(endpoint="nonsense")
    assert "cannot work: endpoint" in told("doctor")


def test_a_token_is_added_from_the_command_line(module: Any, project: Project) -> None:
    told("add-token", "--endpoint", project.url, "--token", project.ingest_key)
    assert module.is_wanted()
    Client().get("/")
    module.client.flush()
    assert project.pages() == {("/", "Home"): 1}
    with pytest.raises(CommandError, match="secret: Google Analytics 4 needs"):
        told("add-token", "--type", "GA-V4", "--token", "G-1")
    with pytest.raises(CommandError, match="endpoint: A Headcount collector needs its address"):
        told("add-token", "--token", "hc_1")


def test_preview_status_flush_and_ledger(module: Any, project: Project) -> None:
    add_token(project)
    module.look()
    delivered_before(module.client)
    Client().get("/users/5/")
    until(lambda: module.client.preview())
    assert "/users/<int:pk>/" in told("preview")
    assert "1 events wait" in told("status")
    assert "1 events delivered in 1 requests" in told("flush")
    assert "nothing would be sent now" in told("preview")
    assert "chain whole" in told("ledger")
    assert json.loads(told("status", "--json"))["waiting"] == 0
    assert project.pages() == {("/users/<int:pk>/", "User"): 1}


def test_flush_fails_when_something_still_waits(module: Any) -> None:
    add_token(endpoint="http://127.0.0.1:9")
    Client().get("/")
    with pytest.raises(CommandError, match="1 still wait"):
        told("flush")


def test_stop_resume_and_forget(module: Any, project: Project) -> None:
    add_token(project)
    assert "off" in told("stop")
    assert "everything was stopped" in told("doctor")
    assert told("resume").strip() == "on"
    Client().get("/")
    assert "1 collectors were asked" in told("forget")


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({}, []),
        ({"ANALYTICS_DISABLED": "False"}, ["analytics.E001"]),
        ({"ANALYTICS_ENABLE_DEBUG": 1}, ["analytics.E001"]),
        ({"HEADCOUNT_ENDPOINT": "collector.example"}, ["analytics.E002"]),
        ({"HEADCOUNT_STATE": Path(__file__) / "folder"}, ["analytics.W001"]),
        ({"DEBUG": True}, ["analytics.I001"]),
        ({"MIDDLEWARE": []}, ["analytics.I002"]),
        ({"HEADCOUNT_TOKENS_MODEL": "shop.Key"}, []),
        ({"HEADCOUNT_TOKENS_MODEL": "shop.Nothing"}, ["analytics.E003"]),
        ({"HEADCOUNT_TOKENS_MODEL": "nonsense"}, ["analytics.E003"]),
    ],
)
def test_checks_explain_settings_that_cannot_work(fresh: Any, settings: dict[str, Any], found: list[str]) -> None:
    from django.test import override_settings

    fresh()
    with override_settings(**settings):
        assert [message.id for message in run_checks(tags=["analytics"])] == found


def test_the_tables_are_those_of_the_migrations(module: Any) -> None:
    call_command("makemigrations", "analytics", "--check", "--dry-run", verbosity=0)
