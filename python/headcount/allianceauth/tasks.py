"""Stands in for `allianceauth.analytics.tasks`: the function add-on apps call, and the tasks under their old names.

Imports no models: add-ons import it while models load.
"""

from typing import Any

from celery import shared_task

import headcount
from headcount.allianceauth import queued
from headcount.django import engine

__all__ = [
    "analytics_daily_stats",
    "analytics_event",
    "send_ga_tracking_celery_event",
    "send_ga_tracking_web_view",
]

_OLD = "allianceauth.analytics.tasks."

#: Records an event: `namespace, task, label, result, value, event_type`, or until 3.x `category, action, label, value,
#: event_type`. Returns at once, never raises, asks no database and no broker.
analytics_event = headcount.analytics_event


@shared_task(name=f"{_OLD}analytics_daily_stats", ignore_result=True)
def analytics_daily_stats() -> None:
    """Records the daily statistics. Alliance Auth's beat entry runs it."""
    module = engine.current()
    if module is None or module.disabled:
        return
    module.follow()
    if module.client.wants("stats"):
        module.client.record_stats(**module.host.daily_stats())


@shared_task(name=f"{_OLD}send_ga_tracking_celery_event", ignore_result=True)
def send_ga_tracking_celery_event(*args: Any, **kwargs: Any) -> int:
    """Records an event that the original had queued for sending when this app took its place."""
    return queued.take(queued.event(args, kwargs))


@shared_task(name=f"{_OLD}send_ga_tracking_web_view", ignore_result=True)
def send_ga_tracking_web_view(*args: Any, **kwargs: Any) -> int:
    """Records a page view that the original of Alliance Auth 3 had queued for sending."""
    return queued.take(queued.page(args, kwargs))
