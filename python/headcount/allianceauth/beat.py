"""Spreads the daily report: Alliance Auth's beat entry has all installs report at 02:00 UTC sharp."""

from django.conf import settings
from django.utils.crypto import salted_hmac

TASK = "allianceauth.analytics.tasks.analytics_daily_stats"


def minute_of_day() -> int:
    """A minute that stays the same and that nobody can tell the install by. Asks no database."""
    digest = salted_hmac("headcount.allianceauth.beat", "minute", algorithm="sha256").digest()
    return int.from_bytes(digest[:4], "big") % 1440


def spread() -> None:
    """Moves the entry to the install's own minute, unless local.py says something of its own."""
    from celery.schedules import crontab

    for entry in (getattr(settings, "CELERYBEAT_SCHEDULE", None) or {}).values():
        if entry.get("task") == TASK and entry.get("schedule") == crontab(minute="0", hour="2"):
            hour, minute = divmod(minute_of_day(), 60)
            entry["schedule"] = crontab(minute=str(minute), hour=str(hour))
