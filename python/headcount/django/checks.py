"""System checks: a setting that cannot work is explained before it is missed."""

import os
from typing import Any
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning, register

from headcount.django import engine

MIDDLEWARE = "headcount.django.middleware.AnalyticsMiddleware"


@register("analytics")
def check_settings(**_: Any) -> list[CheckMessage]:
    """Looks at the settings and the state folder; asks no database."""
    module = engine.current()
    if module is None:
        return []
    found: list[CheckMessage] = [*switches(), *endpoint()]
    if module.host.is_disabled():
        return found
    if settings.DEBUG and not module.host.is_debug():
        found.append(
            Info(
                "Analytics is off because DEBUG is on.",
                hint="ANALYTICS_ENABLE_DEBUG = True sends from a debug install too.",
                id="analytics.I001",
            )
        )
    found += folder(module)
    found += middleware()
    found += tokens_model()
    return found


def middleware() -> list[CheckMessage]:
    """Where the app is the project's own choice, so is the middleware; Alliance Auth gets it without a line."""
    if not apps.is_installed("headcount.django") or MIDDLEWARE in settings.MIDDLEWARE:
        return []
    return [
        Info(
            "Page views are not counted: the middleware is missing.",
            hint=f'MIDDLEWARE += ["{MIDDLEWARE}"] counts them.',
            id="analytics.I002",
        )
    ]


def tokens_model() -> list[CheckMessage]:
    """HEADCOUNT_TOKENS_MODEL is an installed model."""
    label = getattr(settings, "HEADCOUNT_TOKENS_MODEL", None)
    if not label:
        return []
    try:
        apps.get_model(label)
    except (LookupError, ValueError) as error:
        return [
            Error(
                f"HEADCOUNT_TOKENS_MODEL is {label!r}, which is no installed model: {error}",
                hint='Name it as "app_label.ModelName", or leave the setting out: then no tokens are counted.',
                id="analytics.E003",
            )
        ]
    return []


def switches() -> list[CheckMessage]:
    """A text such as "False" would switch on what it means to leave off."""
    found: list[CheckMessage] = []
    for name in ("ANALYTICS_DISABLED", "ANALYTICS_ENABLE_DEBUG"):
        value = getattr(settings, name, False)
        if not isinstance(value, bool):
            found.append(
                Error(
                    f"{name} is {value!r}, which counts as {bool(value)}.",
                    hint=f"Set {name} to True or False.",
                    id="analytics.E001",
                )
            )
    return found


def endpoint() -> list[CheckMessage]:
    """HEADCOUNT_ENDPOINT is a base URL."""
    value = getattr(settings, "HEADCOUNT_ENDPOINT", None)
    if not value:
        return []
    parts = urlsplit(str(value))
    if parts.scheme in ("http", "https") and parts.netloc:
        return []
    return [
        Error(
            f"HEADCOUNT_ENDPOINT is {value!r}, which is no URL.",
            hint="Give the collector's address, such as https://headcount.example.org.",
            id="analytics.E002",
        )
    ]


def folder(module: engine.Engine) -> list[CheckMessage]:
    """The state folder can be made and written."""
    path = module.host.state()
    place = next(place for place in (path, *path.absolute().parents) if place.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return []
    return [
        Warning(
            f"The analytics state folder {path} cannot be written: nothing can be recorded.",
            hint="Point HEADCOUNT_STATE to a folder that all processes of this install can write.",
            id="analytics.W001",
        )
    ]
