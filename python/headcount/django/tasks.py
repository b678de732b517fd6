"""The daily report for those who run Celery beat. Found by Celery's autodiscovery."""

from celery import shared_task

from headcount.django import engine


@shared_task(name="headcount.django.tasks.daily_stats", ignore_result=True)
def daily_stats() -> None:
    """Makes the daily report once the install's own minute of the day has come; run it every few minutes."""
    module = engine.current()
    if module is not None:
        module.record_daily(now=False)
