"""Celery workers over Redis, given the same tasks in turns: how many they do a second by the wall's clock."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from celery import Celery

#: Tasks at the head of a block that are not timed: the worker wakes up.
HEAD = 20
PATIENCE = 120.0


class Broker:
    """A Redis server of its own, and a block of one task that can be queued again and again."""

    def __init__(self, folder: Path, task: str, size: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.size = size
        self.to_the_end: list[float] = []
        self.port = port
        self.url = f"redis://127.0.0.1:{port}/0"
        command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self._store = redis.Redis(port=port)
        waited(self._answers, "Redis")
        with Celery("sender", broker=self.url) as sender:
            for _ in range(size):
                sender.send_task(task)
        self._store.rename("celery", "block")

    def _answers(self) -> bool:
        try:
            return bool(self._store.ping())
        except redis.ConnectionError:
            return False

    def is_idle(self) -> bool:
        """Whether nothing is queued, at any priority, nor taken and unfinished."""
        return not self._store.keys("celery*") and not self._store.hlen("unacked")

    def rate(self) -> float:
        """Queues the block; answers the tasks a second until its queue is empty.

        `to_the_end` gets the same until all is done that the tasks themselves queued.
        """
        self._store.copy("block", "celery")
        waited(lambda: self._store.llen("celery") <= self.size - HEAD, "the first tasks")
        began, left = time.perf_counter(), self._store.llen("celery")
        waited(lambda: not self._store.llen("celery"), "the last tasks")
        rate = left / (time.perf_counter() - began)
        waited(self.is_idle, "an idle worker")
        self.to_the_end.append(left / (time.perf_counter() - began))
        return rate

    def stop(self) -> None:
        """Ends it."""
        self._server.terminate()
        self._server.wait()


def waited(holds: Callable[[], Any], what: str) -> None:
    """Waits for something in steps of two milliseconds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.002)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, its threads and its living children."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    own = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own + sum(cpu_seconds(int(child)) for child in children)
