"""Starts the drop-in: puts our modules in the place of Alliance Auth's, then the engine, then page views."""

from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db import connections
from django.db.models.signals import post_migrate, post_save, pre_migrate

from headcount.allianceauth import standin

# Before any app's models or tasks are imported: apps are made first, in the order of INSTALLED_APPS.
standin.put_in()

MIDDLEWARE = "headcount.allianceauth.middleware.AnalyticsMiddleware"


class AllianceAuthConfig(AppConfig):
    """The app of the one line in local.py; its label names our own tables."""

    name = "headcount.allianceauth"
    label = "headcount"
    verbose_name = "Headcount"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from headcount.allianceauth import beat, repair
        from headcount.allianceauth.host import AllianceAuthHost
        from headcount.allianceauth.tokens import aa_tokens, has_all_switches, loaded
        from headcount.django import checks, engine  # noqa: F401

        repair.identifier_page()
        beat.spread()
        if not has_all_switches():
            # Alliance Auth 3 names its own middleware, which is ours already; who took that line out meant it.
            settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
        engine.start(AllianceAuthHost())
        post_save.connect(loaded, sender=aa_tokens())
        self._judge_migrations()

    def _judge_migrations(self) -> None:
        """Which feeds are on is judged when tables are made or change."""
        from headcount.allianceauth import choices

        before: dict[str, choices.Before] = {}

        def look(using: str, plan: Any, **_: Any) -> None:
            before[using] = choices.look(using, plan)

        def judge(using: str, **_: Any) -> None:
            tables = connections[using].introspection.table_names()
            if choices.OWN_TABLE in tables:
                choices.judge(using, before.pop(using, choices.Before()))

        pre_migrate.connect(look, sender=self, weak=False)
        post_migrate.connect(judge, sender=self, weak=False)
