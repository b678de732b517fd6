"""Tasks with every kind of end."""

from typing import Any

from allianceauth.analytics.tasks import analytics_event
from celery import shared_task


class ProbeError(Exception):
    """An exception whose message must not leave."""


@shared_task
def probe_int(number: int = 42) -> int:
    return number


@shared_task
def probe_none() -> None:
    return None


@shared_task
def probe_bool() -> bool:
    return True


@shared_task
def probe_fail() -> None:
    raise ProbeError("password=hunter2")


@shared_task(bind=True, max_retries=2)
def probe_retry(self: Any) -> int:
    if self.request.retries < 1:
        raise self.retry(countdown=0)
    return 7


@shared_task(name="custom.name.without.module")
def probe_named() -> int:
    return 1


@shared_task
def probe_event(**keywords: Any) -> None:
    """What add-ons do in their own daily task."""
    analytics_event(**keywords)
