"""What the module costs a Django host: each number beside the same host without it, in the same run.

Prints a table and fails when a ratio is beyond its bound. `--no-celery` leaves the workers out, `--quick` takes fewer
pairs of them.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests" / "django_app"
FOLDER = Path(tempfile.mkdtemp(prefix="headcount-bench-"))
os.environ["HEADCOUNT_TEST_FOLDER"] = str(FOLDER)
os.environ["DJANGO_SETTINGS_MODULE"] = "site_of_tests.settings"
sys.path.insert(0, str(TESTS))

import django

django.setup()

from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import path
from figures import Table, at_least, block, in_turns, middle, ratios, typical
from headcount import analytics_event
from headcount.django import engine
from headcount.django.models import AnalyticsTokens
from queues import Broker, cpu_seconds
from taker import Taker

#: Tasks of one round: short ones, so that both sides of it meet the same load of the machine.
BLOCK = 400
#: Rounds of one pair of workers.
ROUNDS = 8

BODY = (
    "<!doctype html><html><head><title>Dashboard | myshop</title></head><body>" + "<p>row</p>" * 1200 + "</body></html>"
)


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY)


urlpatterns = [path("dashboard/", page)]


def requests(table: Table) -> None:
    ours = "headcount.django.middleware.AnalyticsMiddleware"
    with override_settings(ROOT_URLCONF="__main__"):
        from django.conf import settings

        handlers = []
        for middleware in ([name for name in settings.MIDDLEWARE if name != ours], settings.MIDDLEWARE):
            with override_settings(MIDDLEWARE=middleware):
                handlers.append(WSGIHandler())
        make = RequestFactory().get("/dashboard/", headers={"user-agent": "Mozilla/5.0 Firefox/132.0"}).environ

        def ask(handler: WSGIHandler) -> None:
            response = handler(dict(make), lambda *_: None)
            assert len(response.content) > 12_000
            response.close()

        for handler in handlers:
            ask(handler)
        with CaptureQueriesContext(connection) as queries:
            for _ in range(50):
                ask(handlers[1])
        sides = [lambda handler=handler: typical(lambda: ask(handler), 5) for handler in handlers]
        seconds = in_turns(sides, 500)
    bare, counted = (statistics.median(side) * 1e6 for side in seconds)
    added, _, _ = middle([(one - other) * 1e6 for one, other in zip(seconds[1], seconds[0], strict=True)])
    table.line("request of 12 kB, us", [f"{counted:.1f}", f"{bare:.1f}"], f"added {added:.1f} us, bound 60", added < 60)
    table.line("queries added to 50 requests", [str(len(queries)), "0"], "bound 0", len(queries) == 0)


def events(table: Table, taker: Taker, module: engine.Engine) -> None:
    from prometheus_client import Counter

    counter = Counter("runs", "runs", ["namespace", "task", "result"])
    module.client.flush()
    before = taker.events
    sent = 0

    def ours() -> None:
        nonlocal sent
        sent += 1
        analytics_event(
            namespace="memberaudit", task="update", label="", result="Success", value=1, event_type="Celery"
        )

    def reference() -> None:
        counter.labels("memberaudit", "update", "Success").inc(1)

    def pause() -> float:
        # The ring is emptied once a second; a burst of half a millisecond is what hosts make.
        time.sleep(0.02)
        return 0.0

    rounds = in_turns([lambda: block(ours, 500), lambda: block(reference, 500), pause], 60)
    mine, theirs = (statistics.median(side) * 1e6 for side in rounds[:2])
    ratio, _, _ = middle(ratios(rounds[0], rounds[1]))
    table.line(
        "analytics_event / labelled counter, us",
        [f"{mine:.2f}", f"{theirs:.2f}"],
        f"ratio {ratio:.2f}, bound 1",
        ratio < 1,
    )
    arrived = taker.after(module.client.flush, before + sent) - before
    table.line("events that arrived", [str(arrived), str(sent)], "all", arrived == sent)


class Side:
    """A worker with two processes or threads, with the signals or without, on a queue of its own."""

    def __init__(self, pool: str, *, on: bool) -> None:
        self.broker = Broker(FOLDER, "site_of_tests.worker.nothing", BLOCK)
        environment = {**os.environ, "HEADCOUNT_TEST_BROKER": self.broker.url, "PYTHONPATH": str(TESTS)}
        if not on:
            environment["HEADCOUNT_TEST_DISABLED"] = "1"
        words = ["-A", "site_of_tests.worker", "worker", "--pool", pool, "-c", "2", "--loglevel", "error"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "celery", *words, "--without-gossip", "--without-mingle"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        #: Tasks a CPU second of the worker and its children, by round.
        self.by_cpu: list[float] = []

    def rate(self) -> float:
        """Tasks a second of the wall's clock, over one block."""
        before = cpu_seconds(self.process.pid)
        rate = self.broker.rate()
        self.by_cpu.append(BLOCK / (cpu_seconds(self.process.pid) - before))
        return rate

    def stop(self) -> None:
        """Ends both; the worker delivers what it holds."""
        self.process.terminate()
        self.process.wait()
        self.broker.stop()


def pair(pool: str, first: bool) -> list[Side]:
    """A worker with the signals and one without, awake; the one with them is started first or second."""
    started = {on: Side(pool, on=on) for on in (first, not first)}
    sides = [started[True], started[False]]
    for side in sides:
        side.rate()
        side.by_cpu.clear()
    return sides


def tasks(table: Table, taker: Taker, module: engine.Engine, pool: str, pairs: int) -> None:
    """Workers that differ only in the signals, given the same block of tasks in turns.

    Both of a pair are awake all the time, and idle while the other works. Two workers without any signals differ by
    up to 5 %, as long as they live: where their memory came to lie. So the pair is the unit, not the round.
    """
    before = taker.events
    walls: list[list[float]] = [[], []]
    cpus: list[list[float]] = [[], []]
    for number in range(pairs):
        sides = pair(pool, first=number % 2 == 0)
        try:
            rates = in_turns([side.rate for side in sides], ROUNDS)
        finally:
            for side in sides:
                side.stop()
        for found, side, rate in zip(range(2), sides, rates, strict=True):
            walls[found].append(statistics.median(rate))
            cpus[found].append(statistics.median(side.by_cpu))
    for name, (on, off) in (("second", walls), ("CPU second", cpus)):
        ratio, low, high = middle(ratios(on, off))
        table.line(
            f"Celery tasks a {name}, {pool}",
            [f"{statistics.median(on):.0f}", f"{statistics.median(off):.0f}"],
            f"ratio {ratio:.3f} ({low:.3f} to {high:.3f}), bound 0.98",
            at_least(0.98, ratio, high),
        )
    sent = BLOCK * (ROUNDS + 1) * pairs
    arrived = taker.after(module.client.flush, before + sent) - before
    table.line("their events that arrived", [str(arrived), str(sent)], "all", arrived == sent)


def main() -> int:
    # Workers and brokers end also when this is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    call_command("migrate", verbosity=0)
    taker = Taker()
    AnalyticsTokens.objects.create(name="Bench", endpoint=taker.url, token="hc_bench")
    module = engine.current()
    assert module is not None
    module.look()
    table = Table("with", "without")
    requests(table)
    events(table, taker, module)
    if "--no-celery" not in sys.argv:
        for pool in ("prefork", "threads"):
            tasks(table, taker, module, pool, 4 if "--quick" in sys.argv else 16)
    module.close()
    return 0 if table.holds else 1


if __name__ == "__main__":
    sys.exit(main())
