"""The project's Celery app and its tasks."""

import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_of_tests.settings")

from celery import Celery, Task
from django.conf import settings

app = Celery("site_of_tests", broker=settings.CELERY_BROKER_URL)
app.conf.task_ignore_result = True
app.conf.broker_connection_retry_on_startup = True
app.autodiscover_tasks(lambda: settings.INSTALLED_APPS)


class ProbeError(Exception):
    """Raised on purpose."""


@app.task
def number() -> int:
    return 42


@app.task
def nothing() -> None:
    return None


@app.task
def truth() -> bool:
    return True


@app.task
def failing() -> None:
    raise ProbeError("a secret in the message")


@app.task(bind=True, max_retries=2)
def retried(self: Task) -> int:
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    return 7


@app.task
def slow() -> None:
    time.sleep(0.2)
