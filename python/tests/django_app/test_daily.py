"""The daily report: what it says, and that it is made once."""

from importlib import metadata
from typing import Any

from conftest import Project, add_token
from django.contrib.auth import get_user_model
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


def test_celery_beat_replaces_the_own_timer(module: Any, settings_of: Any = None) -> None:
    from django.test import override_settings

    assert not module.uses_beat()
    with override_settings(CELERY_BEAT_SCHEDULE={"a": {"task": "headcount.django.tasks.daily_stats", "schedule": 600}}):
        assert module.uses_beat()
