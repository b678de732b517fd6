"""Starts the module when the project's apps are ready."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_delete, post_save


class HeadcountConfig(AppConfig):
    """The Django app, under the label that its tables and admin pages have."""

    name = "headcount.django"
    label = "analytics"
    verbose_name = "Analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from headcount.django import checks, engine  # noqa: F401
        from headcount.django.models import AnalyticsIdentifier, AnalyticsTokens
        from headcount.django.models_host import ModelsHost

        module = engine.start(ModelsHost())

        def saved(**_: Any) -> None:
            from django.db import transaction

            # After the commit, so that what the others read is what is saved here.
            transaction.on_commit(module.look)

        if not module.disabled:
            for model in (AnalyticsIdentifier, AnalyticsTokens):
                for signal in (post_save, post_delete):
                    signal.connect(saved, sender=model, weak=False)
