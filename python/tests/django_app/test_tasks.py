"""Ends of Celery tasks, through the real signals."""

from typing import Any

import pytest
from conftest import Project, add_token
from site_of_tests import worker


def run_all() -> None:
    for task in (worker.number, worker.nothing, worker.truth, worker.failing, worker.retried):
        task.apply()


def test_reports_show_how_tasks_ended(module: Any, project: Project) -> None:
    add_token(project)
    run_all()
    module.client.flush()
    space = "site_of_tests.worker"
    assert project.tasks() == {
        (space, "number"): (1, 0),
        (space, "nothing"): (1, 0),
        (space, "truth"): (1, 0),
        (space, "failing"): (1, 1),
        (space, "retried"): (2, pytest.approx(0, abs=1)),
    }
    rows = project.report("tasks")
    assert next(row for row in rows if row["task"] == "failing")["top_exception"] == "ProbeError"
    assert next(row for row in rows if row["task"] == "number")["median_value"] == pytest.approx(42, rel=0.02)


def test_a_switched_off_feed_records_nothing(module: Any, project: Project) -> None:
    add_token(project, send_celery_tasks=False)
    run_all()
    module.client.flush()
    assert project.report("tasks") == []
