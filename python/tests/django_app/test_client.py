"""The class `Client` and the compiled half."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import headcount
import pytest
from conftest import Project, Sink, delivered_before, until


@pytest.fixture
def client(tmp_path: Path) -> Any:
    made = headcount.Client()
    made.open(tmp_path / "state", app="shopfloor", app_version="1.0")
    made.init()
    yield made
    made.shutdown()


def test_signatures_are_those_of_the_typed_interface(tmp_path: Path) -> None:
    # Importing the Django half outside a project fails, and it has no separate interface to compare with.
    unchecked = tmp_path / "unchecked"
    unchecked.write_text("headcount\\.django.*\nheadcount\\.allianceauth.*\n")
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nignore_missing_imports = True\n")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy.stubtest",
            "headcount",
            "--allowlist",
            str(unchecked),
            "--mypy-config-file",
            str(config),
        ],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_package_is_typed(tmp_path: Path) -> None:
    # Django and Celery come without types; what is ours is checked strictly.
    config = tmp_path / "mypy.ini"
    lifted = ("disallow_subclassing_any", "disallow_untyped_decorators", "warn_return_any", "disallow_any_generics")
    lines = ["[mypy]", "strict = True", "ignore_missing_imports = True", *(f"{name} = False" for name in lifted)]
    config.write_text("\n".join([*lines, ""]))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(config), "-p", "headcount"],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_everything_recorded_arrives(client: Any, project: Project) -> None:
    client.add_token("Team", "headcount", project.url, project.ingest_key)
    assert client.record_stats(users=4, tokens=2, apps=["plain", ("memberaudit", "3.1.0")], deployment="docker")
    assert client.record_task("shop", "sync", "Success", "", 12)
    assert client.record_page("/dashboard/", "Dashboard", "en", "Firefox/132.0")
    assert client.record_stat("shop.analytics", "daily", "moons", 3)
    assert client.flush()["waiting"] == 0
    assert project.pages() == {("/dashboard/", "Dashboard"): 1}
    assert project.tasks() == {("shop", "sync"): (1, 0)}
    assert {row["app"] for row in project.report("apps")} == {"plain", "memberaudit"}
    assert [row["label"] for row in project.report("app-stats")] == ["moons"]
    assert project.total("users") == 4


def test_both_shapes_of_analytics_event_arrive(client: Any, project: Project) -> None:
    client.add_token("Team", "headcount", project.url, project.ingest_key)
    client.analytics_event(namespace="new", task="t", label="l", result="Success", value=2, event_type="Celery")
    client.analytics_event(category="old", action="t", label="Success", value=2, event_type="Celery")
    client.analytics_event(namespace="short", task="t")
    client.analytics_event("by", "place", "l", "Success", 1, "Celery")
    client.analytics_event(namespace="metenox.analytics", task="send", label="moons", value=9, event_type="Stats")
    client.flush()
    assert set(project.tasks()) == {("new", "t"), ("old", "t"), ("short", "t"), ("by", "place")}
    assert [row["namespace"] for row in project.report("app-stats")] == ["metenox.analytics"]


def test_nothing_a_caller_passes_raises(client: Any) -> None:
    client.add_token("Team", "headcount", "http://127.0.0.1:9", "hc_1")

    class Unprintable:
        def __str__(self) -> str:
            raise ValueError("on purpose")

    odd = [None, 1, 2.5, b"bytes", [], {}, object(), Unprintable(), "\udcff", "x" * 100_000, 10**400, float("nan")]
    before = client.refused()
    for value in odd:
        for name in ("namespace", "task", "label", "result", "value", "event_type", "category", "action", "unknown"):
            client.analytics_event(**{name: value})
        client.analytics_event(value, value, value, value, value, value, value, value)
        client.record_task(value, value, value, value, value)
        client.record_page(value, value, value, value)
        client.record_stat(value, value, value, value)
        client.record_stats(users=value, apps=value, deployment=value)
    assert client.refused() > before, "what could not be understood is counted"


def test_a_closed_client_takes_calls_and_keeps_nothing() -> None:
    closed = headcount.Client()
    closed.analytics_event(namespace="a", task="b")
    assert closed.record_page("/") is False
    assert closed.wants("pages") is False
    with pytest.raises(headcount.Error, match="not open"):
        closed.status()


def test_what_cannot_work_is_refused_with_its_reason(client: Any) -> None:
    for call in (
        lambda: client.add_token("Team", "ftp", "http://127.0.0.1:9", "t"),
        lambda: client.add_token("Team", "ga4", "http://127.0.0.1:9", "t"),
        lambda: client.set_feeds(7, "stats"),
        lambda: client.set_feeds(7, "clicks"),
    ):
        with pytest.raises(headcount.Error):
            call()


def test_other_threads_run_while_a_collector_is_slow(client: Any, sink: Sink) -> None:
    client.add_token("Team", "headcount", sink.url, "hc_1")
    sink.pause = 1.0
    client.record_page("/")
    worker = threading.Thread(target=client.flush)
    worker.start()
    until(lambda: worker.is_alive())
    longest, last = 0.0, time.monotonic()
    while worker.is_alive():
        time.sleep(0.01)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    assert longest < 0.5, "the interpreter was held while an answer was awaited"


def test_events_of_parent_and_forked_children_arrive_once(client: Any, project: Project) -> None:
    client.add_token("Team", "headcount", project.url, project.ingest_key)
    for _ in range(5):
        client.record_task("parent", "t", "Success")
    children = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            for _ in range(25):
                client.record_task("child", "t", "Success")
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
    client.record_task("parent", "t", "Success")
    until(lambda: client.flush()["waiting"] == 0)
    assert project.tasks() == {("parent", "t"): (6, 0), ("child", "t"): (100, 0)}


def test_a_killed_process_loses_nothing_it_recorded(client: Any, project: Project) -> None:
    client.add_token("Team", "headcount", project.url, project.ingest_key)
    pid = os.fork()
    if pid == 0:
        for _ in range(50):
            client.record_task("killed", "t", "Success")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
    client.flush()
    assert project.tasks() == {("killed", "t"): (50, 0)}


def test_the_daily_callback_is_asked_by_the_worker_or_the_host(client: Any, project: Project, tmp_path: Path) -> None:
    client.add_token("Team", "headcount", project.url, project.ingest_key)
    assert client.record_daily(lambda: {"users": 3}, now=True)
    assert not client.record_daily(lambda: {"users": 4}, now=True)
    client.flush()
    assert project.total("users") == 3
    with pytest.raises(ValueError, match="on purpose"):
        other = headcount.Client()
        other.open(tmp_path / "other")
        other.init()
        other.add_token("Team", "headcount", project.url, project.ingest_key)

        def raising() -> None:
            raise ValueError("on purpose")

        other.record_daily(raising, now=True)


def test_off_on_and_forget(client: Any, project: Project) -> None:
    client.add_token("Team", "headcount", project.url, project.ingest_key)
    delivered_before(client)
    client.record_page("/waits/")
    client.off()
    assert client.record_page("/off/") is False
    assert client.doctor()["stopped_by"] == "off"
    client.on()
    client.record_page("/on/")
    until(lambda: client.preview())
    assert "/on/" in client.preview()[0]["body"]
    client.flush()
    assert set(project.pages()) == {("/on/", "")}
    assert client.ledger()["broken_at"] is None
    assert client.ledger()["entries"][-1]["status"] == 200
    before = client.init()
    assert client.forget()["asked"] == 1
    assert client.init() != before
