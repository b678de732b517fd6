"""Real servers: gunicorn with preloading, a Celery worker with forked children, children killed under load."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from conftest import FOLDER, Project, add_token, until
from django.db import connection
from django.test.utils import CaptureQueriesContext
from headcount.django.models import AnalyticsTokens
from headcount.django.turns import Turns


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(module: Any, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "HEADCOUNT_TEST_FOLDER": str(FOLDER),
        "HEADCOUNT_TEST_STATE": str(module.host.state()),
        **more,
    }


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/data/", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(30)


@pytest.fixture
def gunicorn(module: Any, project: Project) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    add_token(project)
    port = free_port()
    words = ["--preload", "--workers", "2", "--bind", f"127.0.0.1:{port}", "site_of_tests.wsgi"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *words], env=environment(module), stderr=subprocess.DEVNULL
    )
    until(lambda: answers(port), 30)
    yield process, port
    end(process)


def opened(port: int, times: int) -> int:
    """Opens a page; answers how often it came."""
    came = 0
    for _ in range(times):
        try:
            with urlopen(f"http://127.0.0.1:{port}/users/5/", timeout=10) as answer:
                came += answer.status == 200
        except OSError:
            time.sleep(0.05)
    return came


def test_forked_workers_count_each_page_once_though_one_is_killed(
    module: Any, project: Project, gunicorn: tuple[subprocess.Popen[bytes], int]
) -> None:
    process, port = gunicorn
    came = opened(port, 60)
    time.sleep(1)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    came += opened(port, 60)
    end(process)
    until(lambda: module.client.flush()["waiting"] == 0)
    assert project.pages() == {("/users/<int:pk>/", "User"): came}


def test_a_switch_counts_in_every_worker_within_two_seconds(
    module: Any, project: Project, gunicorn: tuple[subprocess.Popen[bytes], int]
) -> None:
    process, port = gunicorn
    assert opened(port, 20) == 20
    # By SQL, as another machine would: no signal tells this one.
    AnalyticsTokens.objects.update(send_page_views=False)
    until(lambda: not module.client.wants("pages"), seconds=2)
    assert opened(port, 20) == 20
    end(process)
    module.client.flush()
    assert sum(project.pages().values()) <= 20


def test_processes_of_a_machine_take_turns_in_asking_the_database(module: Any) -> None:
    add_token(endpoint="http://127.0.0.1:9")
    module.look()
    file = module.host.state() / "looked"
    one, other = Turns(file), Turns(file)
    assert one.is_mine()
    assert not one.is_mine() and not other.is_mine()
    time.sleep(1)
    assert not other.is_mine(), "who looked last has the first word"
    assert one.is_mine() and one.is_again()
    for age in (1.5, -3600):
        then = time.time() - age
        os.utime(file, (then, then))
        assert other.is_mine(), "the other one is gone, or the clock was set back"
    assert not one.is_mine() and not one.is_again()


def test_a_look_that_finds_nothing_new_asks_for_the_plain_rows_alone(module: Any) -> None:
    token = add_token(endpoint="http://127.0.0.1:9")
    module._look_for_news()
    # The first look made the identifier, which is news.
    module._look_for_news()
    with CaptureQueriesContext(connection) as queries:
        module._look_for_news()
    assert len(queries) == 2
    # By SQL, as another machine would: no signal tells this process.
    AnalyticsTokens.objects.filter(pk=token.pk).update(send_stats=False)
    module._look_for_news()
    assert not module.client.wants("stats") and module.client.wants("pages")
    # Somebody else made the state folder follow: what was said last is not believed.
    rows = module._rows()
    assert not module.turns.is_news(rows)
    module.look()
    assert module.turns.is_news(rows)


@pytest.fixture
def broker() -> Iterator[str]:
    port = free_port()
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    yield f"redis://127.0.0.1:{port}/0"
    end(server)


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_celery_worker_counts_each_task_once_though_a_child_is_killed(
    module: Any, project: Project, broker: str, pool: str
) -> None:
    from celery import Celery

    add_token(project)
    words = ["--pool", pool, "--concurrency", "2", "--loglevel", "error", "--without-gossip", "--without-mingle"]
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "site_of_tests.worker", "worker", *words],
        env=environment(module, HEADCOUNT_TEST_BROKER=broker),
    )
    sender = Celery("sender", broker=broker)

    def send(name: str, times: int) -> None:
        for _ in range(times):
            sender.send_task(f"site_of_tests.worker.{name}")

    def recorded(name: str) -> int:
        module.client.flush()
        return project.tasks().get(("site_of_tests.worker", name), (0, 0))[0]

    try:
        send("number", 100)
        send("failing", 10)
        send("retried", 5)
        until(lambda: recorded("number") == 100 and recorded("retried") == 10, 60)
        if pool == "prefork":
            send("truth", 20)
            time.sleep(2)
            os.kill(children(process.pid)[0], signal.SIGKILL)
        else:
            send("truth", 20)
        send("nothing", 50)
        until(lambda: recorded("nothing") == 50, 60)
    finally:
        end(process)
    until(lambda: module.client.flush()["waiting"] == 0)
    space = "site_of_tests.worker"
    tasks = {name: counts for (_, name), counts in project.tasks().items()}
    assert tasks["number"] == (100, 0), space
    assert tasks["failing"] == (10, 10)
    assert tasks["truth"] == (20, 0)
    assert tasks["nothing"] == (50, 0)
