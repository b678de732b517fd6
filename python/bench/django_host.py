"""What the module costs a Django host: each number beside the same host without it, in the same run.

Prints a table and fails when a ratio is beyond its bound. Times are medians of many short blocks, taken in turns,
so that what else the machine does falls on both sides alike.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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
from headcount import analytics_event
from headcount.django import engine
from headcount.django.models import AnalyticsTokens

BODY = (
    "<!doctype html><html><head><title>Dashboard | myshop</title></head><body>" + "<p>row</p>" * 1200 + "</body></html>"
)


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY)


urlpatterns = [path("dashboard/", page)]


class Taker:
    """Takes native batches and counts their events."""

    def __init__(self) -> None:
        import gzip

        self.events = 0
        taker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                events = json.loads(body)["events"]
                taker.events += sum(event.get("count", 1) for event in events)
                receipt = json.dumps({"accepted": len(events), "duplicates": 0, "rejected": []}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(receipt)))
                self.end_headers()
                self.wfile.write(receipt)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()


def block(act: Callable[[], Any], times: int) -> float:
    """Seconds of one call, over a block of calls."""
    began = time.perf_counter()
    for _ in range(times):
        act()
    return (time.perf_counter() - began) / times


def paired(first: Callable[[], Any], second: Callable[[], Any], times: int, rounds: int) -> tuple[float, float]:
    """Median seconds of a call of either, in turns."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for index, act in ((0, first), (1, second)) if number % 2 else ((1, second), (0, first)):
            seconds[index].append(block(act, times))
    return statistics.median(seconds[0]), statistics.median(seconds[1])


class Table:
    """Lines of results, and whether all bounds held."""

    def __init__(self) -> None:
        self.holds = True

    def line(self, name: str, ours: str, reference: str, bound: str, holds: bool) -> None:
        self.holds = self.holds and holds
        print(f"{name:<34} {ours:>12} {reference:>12}   {bound:<34} {'holds' if holds else 'FAILS'}", flush=True)


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
        bare, counted = paired(lambda: ask(handlers[0]), lambda: ask(handlers[1]), 20, 120)
    added = (counted - bare) * 1e6
    table.line(
        "request of 12 kB, us",
        f"{counted * 1e6:.1f}",
        f"{bare * 1e6:.1f}",
        f"added {added:.1f} us, bound 60",
        added < 60,
    )
    table.line("queries added to 50 requests", str(len(queries)), "0", "bound 0", len(queries) == 0)


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

    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(60):
        seconds[0].append(block(ours, 500))
        seconds[1].append(block(reference, 500))
        # The ring is emptied once a second; a burst of half a millisecond is what hosts make.
        time.sleep(0.02)
    mine, theirs = statistics.median(seconds[0]), statistics.median(seconds[1])
    ratio = mine / theirs
    table.line(
        "analytics_event / labelled counter, us",
        f"{mine * 1e6:.2f}",
        f"{theirs * 1e6:.2f}",
        f"ratio {ratio:.2f}, bound 1",
        ratio < 1,
    )
    end = time.monotonic() + 60
    while module.client.flush()["waiting"] and time.monotonic() < end:
        time.sleep(0.1)
    arrived = taker.events - before
    table.line("events that arrived", str(arrived), str(sent), "all", arrived == sent)


def tasks(table: Table) -> None:
    """Tasks a CPU second of real workers over Redis, in turns with the signals and without.

    CPU seconds of the worker and its children, since other programs on the machine do not count in them: a worker
    that is never idle does as many tasks a second as its CPU time allows.
    """
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(["redis-server", "--port", str(port), "--save", ""], stdout=subprocess.DEVNULL)
    broker = f"redis://127.0.0.1:{port}/0"
    try:
        rates: dict[bool, list[float]] = {True: [], False: []}
        for number in range(10):
            on = number % 4 in (0, 3)
            rates[on].append(rate(broker, on))
    finally:
        server.terminate()
        server.wait()
    with_signals, without = statistics.median(rates[True]), statistics.median(rates[False])
    ratio = with_signals / without
    name = "Celery tasks a CPU second (prefork)"
    table.line(name, f"{with_signals:.0f}", f"{without:.0f}", f"ratio {ratio:.3f}, bound 0.98", ratio >= 0.98)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its living children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)


def rate(broker: str, on: bool, count: int = 4000) -> float:
    """Tasks a CPU second of one worker with two children."""
    import redis
    from celery import Celery

    store = redis.Redis.from_url(broker)
    store.flushall()
    sender = Celery("sender", broker=broker)
    for _ in range(count):
        sender.send_task("site_of_tests.worker.nothing")
    environment = {**os.environ, "HEADCOUNT_TEST_BROKER": broker, "PYTHONPATH": str(TESTS)}
    if not on:
        environment["HEADCOUNT_TEST_DISABLED"] = "1"
    words = ["-A", "site_of_tests.worker", "worker", "--pool", "prefork", "-c", "2", "--loglevel", "error"]
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", *words, "--without-gossip", "--without-mingle"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # From the first tasks on, so that the start of the worker does not count.
        while store.llen("celery") > count - 400:
            time.sleep(0.005)
        before, left = cpu_seconds(process.pid), store.llen("celery")
        while store.llen("celery") > 0:
            time.sleep(0.005)
        return left / (cpu_seconds(process.pid) - before)
    finally:
        process.terminate()
        process.wait()


def main() -> int:
    call_command("migrate", verbosity=0)
    taker = Taker()
    AnalyticsTokens.objects.create(name="Bench", endpoint=taker.url, token="hc_bench")
    module = engine.current()
    assert module is not None
    module.look()
    print(f"{'':<34} {'with':>12} {'without':>12}")
    table = Table()
    requests(table)
    events(table, taker, module)
    if "--no-celery" not in sys.argv:
        tasks(table)
    module.close()
    return 0 if table.holds else 1


if __name__ == "__main__":
    sys.exit(main())
