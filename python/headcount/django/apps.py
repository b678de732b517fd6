"""Starts the module when the project's apps are ready."""

from django.apps import AppConfig


class HeadcountConfig(AppConfig):
    """The Django app, under the label that its tables and admin pages have."""

    name = "headcount.django"
    label = "analytics"
    verbose_name = "Analytics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from headcount.django import checks, engine  # noqa: F401
        from headcount.django.models_host import ModelsHost

        engine.start(ModelsHost())
