"""The original of Alliance Auth beside ours and beside none, in one run, each in a real install from PyPI.

Runs in the environment that `tests/allianceauth/installs.py` makes of 3.8.1, the last version whose original has page
views and task events; of 5.5.0 `analytics_event` is measured. The hits of both sides go to a server on loopback that
answers at once: with TLS and distance the original, which sends each by itself, costs more than shown. `--no-celery`
leaves the workers out, `--quick` starts them less often.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "allianceauth")]

from figures import Table, at_least, in_turns, middle, ratios
from installs import Install, make
from project import Project
from queues import Broker
from taker import Taker

THREE, FIVE = "3.8.1", "5.5.0"
#: Tasks of one round; each makes a second one where the original is on.
BLOCK = 300
#: Rounds between two starts of the workers.
ROUNDS = 3
GOOGLE_IS_NEARBY = """
INSTALLED_APPS += ["nearby"]
NEARBY = {url!r}
"""
NONE = """
ANALYTICS_DISABLED = True
MIDDLEWARE = [name for name in MIDDLEWARE if "analytics" not in name]
"""
#: A new install of 5.x sends nothing until its switch is turned: fault 4 of the original.
SWITCHED_ON = """
from allianceauth.analytics.models import AnalyticsTokens
AnalyticsTokens.objects.update(send_stats=True)
"""


class Lane:
    """One project with its own database and broker, and a process that answers."""

    def __init__(self, install: Install, kind: str, folder: Path) -> None:
        self.taker = Taker()
        self.broker = Broker(folder, "probe.tasks.probe_int", BLOCK)
        self.project = Project(install, folder / kind, self.broker)
        if kind == "ours":
            self.project.add_line(f"HEADCOUNT_ENDPOINT = {self.taker.url!r}", "HEADCOUNT_DELIVERY_SECONDS = 60")
        else:
            self.project.settings(GOOGLE_IS_NEARBY.format(url=self.taker.url))
        if kind == "none":
            self.project.settings(NONE)
        self.project.migrate_and(SWITCHED_ON)
        variables = self.project.variables()
        variables["PYTHONPATH"] += os.pathsep + str(self.project.folder)
        self._process = subprocess.Popen(
            [str(install.python), str(HERE / "lane.py"), install.version],
            cwd=self.project.folder,
            env=os.environ | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, question: str) -> float:
        """What the process answers."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(question, file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                return float(line.removeprefix("ANSWER "))
        raise RuntimeError(f"the process ended at `{question}`")

    def settled(self) -> int:
        """Delivers what waits; answers how many events have arrived so far."""
        self.ask("flush")
        return self.taker.events

    def arrived(self, table: Table, what: str, before: int, sent: int) -> None:
        """Every one of them arrived, once."""
        arrived = self.taker.after(lambda: self.ask("flush"), before + sent) - before
        name = f"{self.project.install.version}: {what} that arrived"
        table.line(name, [str(arrived), "", ""], f"all {sent}", arrived == sent)

    def worker(self) -> None:
        """Starts a worker with two processes."""
        command = ["celery", "-A", "myauth", "worker", "--pool=prefork", "--concurrency=2", "-l", "ERROR"]
        self.project.start("worker", *command, "--without-gossip", "--without-mingle")

    def stop(self) -> None:
        """Ends all its processes."""
        self.project.stop()
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self.broker.stop()


def pages(table: Table, none: Lane, original: Lane, ours: Lane) -> None:
    """What a page view costs its visitor."""
    lanes = [ours, original, none]
    for lane in lanes:
        lane.ask("page 40")
    before = ours.settled()
    # Long enough that waking up does not count; a page of the original takes a hundred times as long.
    times, rounds = 100, 40
    counts = {ours: times, original: times // 20, none: times}
    found = in_turns([lambda lane=lane: lane.ask(f"page {counts[lane]}") for lane in lanes], rounds)
    mine, theirs, bare = (statistics.median(side) * 1e6 for side in found)
    added, added_by_original = (
        statistics.median(one - none for one, none in zip(side, found[2], strict=True)) * 1e6 for side in found[:2]
    )
    table.line(
        "3.8.1: page of 12 kB, us",
        [f"{mine:.0f}", f"{theirs:.0f}", f"{bare:.0f}"],
        f"added {added:.0f} and {added_by_original:.0f} us, {added_by_original / added:.0f} times less; bound 60 us",
        added < 60,
    )
    queries = [lane.ask("queries") for lane in lanes]
    shown = [f"{number:.0f}" for number in queries]
    table.line("3.8.1: its SQL queries", shown, "none added", queries[0] == queries[2])
    ours.arrived(table, "page views", before, times * rounds + 1)


def calls(table: Table, original: Lane, ours: Lane) -> None:
    """What `analytics_event` costs its caller."""
    for lane in (ours, original):
        lane.ask("event 20")
    before, times, rounds = ours.settled(), 50, 40
    found = in_turns([lambda lane=lane: lane.ask(f"event {times}") for lane in (ours, original)], rounds)
    ratio, low, high = middle(ratios(found[1], found[0]))
    mine, theirs = (statistics.median(side) * 1e6 for side in found)
    table.line(
        f"{ours.project.install.version}: analytics_event, us",
        [f"{mine:.2f}", f"{theirs:.1f}", ""],
        f"{ratio:.0f} times less ({low:.0f} to {high:.0f}); bound 100",
        ratio > 100,
    )
    ours.arrived(table, "calls", before, times * rounds)


def tasks(table: Table, lanes: list[Lane], starts: int) -> None:
    """What is left of a worker's throughput; in the second line until all is done that its tasks brought about.

    Each start of the workers is one value: two that do the same differ as long as they live.
    """
    before = lanes[0].settled()
    kinds: list[tuple[str, list[list[float]]]] = [("", [[] for _ in lanes]), (", to the end", [[] for _ in lanes])]
    for _ in range(starts):
        for lane in lanes:
            lane.worker()
            lane.broker.rate()
            lane.broker.to_the_end.clear()
        rates = in_turns([lane.broker.rate for lane in lanes], ROUNDS)
        for (_, found), told in zip(kinds, (rates, [lane.broker.to_the_end for lane in lanes]), strict=True):
            for values, side in zip(found, told, strict=True):
                values.append(statistics.median(side))
        for lane in lanes:
            lane.project.stop()
    for name, (ours, original, none) in kinds:
        mine, low, high = middle(ratios(ours, none))
        theirs, _, _ = middle(ratios(original, none))
        table.line(
            f"3.8.1: tasks a second{name}",
            [f"{statistics.median(side):.0f}" for side in (ours, original, none)],
            f"{mine:.3f} ({low:.3f} to {high:.3f}) and {theirs:.3f} of none; bound 0.98",
            at_least(0.98, mine, high),
        )
    lanes[0].arrived(table, "their events", before, BLOCK * (ROUNDS + 1) * starts)


def main() -> int:
    # Workers and brokers end also when this is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    os.environ["HEADCOUNT_PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE / "apps")])
    table = Table("ours", "original", "none")
    with tempfile.TemporaryDirectory(prefix="headcount-original-") as name:
        for version, kinds in ((THREE, ("ours", "original", "none")), (FIVE, ("ours", "original"))):
            folder = Path(name) / version
            folder.mkdir()
            lanes = [Lane(make(version), kind, folder) for kind in kinds]
            try:
                calls(table, lanes[1], lanes[0])
                if version == THREE:
                    pages(table, lanes[2], lanes[1], lanes[0])
                    if "--no-celery" not in sys.argv:
                        tasks(table, lanes, 2 if "--quick" in sys.argv else 6)
            finally:
                for lane in lanes:
                    lane.stop()
    return 0 if table.holds else 1


if __name__ == "__main__":
    sys.exit(main())
