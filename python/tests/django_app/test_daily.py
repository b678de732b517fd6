"""The daily report: what it says, and that it is made once."""

import time
from importlib import metadata
from pathlib import Path
from typing import Any

import headcount
from conftest import Project, add_token, until
from django.contrib.auth import get_user_model
from django.test import Client
from headcount.django import tasks
from site_of_tests.shop.models import Key


def test_reports_show_what_django_counts(module: Any, project: Project) -> None:
    for number in range(3):
        get_user_model().objects.create(username=f"u{number}")
    Key.objects.all().delete()
    Key.objects.create(name="a")
    add_token(project)
    assert module.record_daily(now=True)
    module.client.flush()
    assert project.total("users") == 3
    assert project.total("tokens") == 1
    versions = {row["version"]: row["installs"] for row in project.report("versions") if row["installs"]}
    assert versions == {"7.1": 1}


def test_a_wrong_model_of_tokens_costs_only_its_own_number(fresh: Any, project: Project) -> None:
    module = fresh(HEADCOUNT_TOKENS_MODEL="shop.Nothing")
    get_user_model().objects.create(username="u")
    add_token(project)
    assert module.record_daily(now=True)
    module.client.flush()
    assert project.total("users") == 1


def test_a_day_has_one_report_whoever_makes_it(module: Any, project: Project) -> None:
    add_token(project)
    assert module.record_daily(now=True)
    assert not module.record_daily(now=True)
    assert not module.record_daily(now=False)
    tasks.daily_stats()
    assert module.client.flush()["delivered"] == 1


def test_apps_carry_the_versions_of_their_distributions(module: Any) -> None:
    from django.apps import apps

    found = dict(module.host.apps())
    assert "shop" not in found, "apps of the project itself would name the install"
    assert "auth" not in found
    assert found == {
        config.label: metadata.version("celery") for config in apps.get_app_configs() if config.name == "celery"
    }


def test_celery_beat_replaces_the_own_timer(module: Any) -> None:
    from django.test import override_settings

    assert not module.uses_beat()
    with override_settings(CELERY_BEAT_SCHEDULE={"a": {"task": "headcount.django.tasks.daily_stats", "schedule": 600}}):
        assert module.uses_beat()


def test_the_own_timer_makes_the_report_when_the_minute_of_this_install_has_come(module: Any, project: Project) -> None:
    get_user_model().objects.create(username="u")
    add_token(project)
    module.look()
    for _ in range(3000):
        if module.client.doctor()["next_daily_at"] < time.strftime("%Y-%m-%dT%H:%M", time.gmtime()):
            break
        # The minute follows from the identity: another install has another one.
        module.host.set_identity(module.host.new_identity())
        module.look()
    module.daily_at = 0.0
    Client().get("/data/")
    until(lambda: module.client.status()["last_daily_day"])
    module.client.flush()
    assert project.total("users") == 1


def test_machines_that_share_the_database_count_as_one_install(module: Any, project: Project, tmp_path: Path) -> None:
    add_token(project)
    for machine in ("a", "b"):
        client = headcount.Client()
        client.open(tmp_path / machine)
        client.mirror(module.truth())
        assert client.record_page("/shared/")
        client.flush()
    (row,) = project.report("pages")
    assert (row["views"], row["installs"]) == (2, 1)
