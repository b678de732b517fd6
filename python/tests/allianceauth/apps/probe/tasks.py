"""Tasks with every kind of end."""

import json
import os
import time
from pathlib import Path
from typing import Any

import headcount
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


@shared_task
def probe_process(file: str) -> None:
    """Notes which feeds this process takes for wanted. Takes its time, so that another process has the next."""
    note(file, [os.getpid(), [feed for feed in ("stats", "tasks", "pages") if headcount.default.wants(feed)]])
    time.sleep(0.05)


@shared_task
def probe_marked(file: str, number: int) -> int:
    """Records an event that is told from all others, then notes that it did."""
    analytics_event(namespace="probe", task="marked", label=f"task {number}", result="success")
    note(file, number)
    return number


def note(file: str, told: Any) -> None:
    """Adds a line, whole although others write too."""
    with Path(file).open("ab", buffering=0) as notes:
        notes.write(json.dumps(told).encode() + b"\n")
