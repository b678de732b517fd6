"""Nothing is lost and nothing is doubled: a collector that goes away, and processes that are killed under load."""

import os
import re
import signal
import threading
import time
from collections import Counter

import pytest
import requests
from services import wait_for

#: How often a web worker and a child of Celery's are killed, in turn.
ROUNDS = 4
#: Tasks that are queued before each kill.
TASKS = 150
#: What is marked while the collector is down has numbers from here on.
FIRST_WHILE_DOWN = 1_000_000


@pytest.fixture(scope="module")
def kept(live, collector):
    """A running install that also sends to an own collector; answers how to read what that holds."""
    name = f"loss {live.name}"
    live.add_collector(collector, name)
    time.sleep(2)
    return lambda: collector.events(name)


def marked(events):
    """How often each marked event was counted."""
    count = Counter()
    for event in events:
        if event.get("task") == "marked":
            count[event["label"]] += event["count"]
    return count


def test_a_collector_that_was_down_gets_every_event_once_when_it_is_back(live, kept, collector):
    collector.stop()
    pages = range(FIRST_WHILE_DOWN, FIRST_WHILE_DOWN + 6)
    tasks = range(FIRST_WHILE_DOWN, FIRST_WHILE_DOWN + 12)
    notes = live.project.folder / "down"
    for number in pages:
        assert live.visit(f"/probe/marked/{number}/") == 200
    for pool, numbers in (("threads", tasks[:6]), ("prefork", tasks[6:])):
        live.run_tasks("probe.tasks.probe_marked", [{"file": str(notes), "number": n} for n in numbers], pool)
    live.eventually("all tasks", lambda: len(numbers_in(notes)()) == len(tasks))
    time.sleep(2)
    collector.start()
    wanted = Counter([*(f"page {number}" for number in pages), *(f"task {number}" for number in tasks)])
    live.eventually("what waited", lambda: marked(kept()) >= wanted, 60)
    time.sleep(2)
    assert marked(kept()) == wanted
    assert len({event["id"] for event in kept()}) == len(kept())


def numbers_in(notes):
    """Reads what tasks noted."""
    return lambda: [int(line) for line in notes.read_text().split()] if notes.exists() else []


class Load:
    """People who open pages one after the other, until told to stop."""

    def __init__(self, url):
        self.came, self.broken = [], []
        self._url = url
        self._done = threading.Event()
        self._people = [threading.Thread(target=self._browse, args=(number,)) for number in range(2)]
        for person in self._people:
            person.start()

    def _browse(self, number):
        while not self._done.is_set():
            number += 2
            try:
                answer = requests.get(f"{self._url}/probe/marked/{number}/", timeout=10)
                (self.came if answer.status_code == 200 else self.broken).append(number)
            except requests.RequestException:
                self.broken.append(number)

    def stop(self):
        self._done.set()
        for person in self._people:
            person.join()


def test_kill_9_under_load_loses_nothing_that_was_acknowledged_and_doubles_nothing(live, kept):
    log_before = len(live.servers["prefork"].text())
    views_before = sum("path" in event for event in kept())
    ends_before = sum(event["count"] for event in kept() if event.get("task") == "probe_marked")
    notes = live.project.folder / "marked"
    killed = {"web": 0, "prefork": 0}
    queued = 0
    ran = numbers_in(notes)
    load = Load(live.url)
    for _ in range(ROUNDS):
        for victim in killed:
            numbers = range(queued, queued + TASKS)
            queued += TASKS
            tasks = [{"file": str(notes), "number": number} for number in numbers]
            live.run_tasks("probe.tasks.probe_marked", tasks, "prefork")
            # In the middle of them: some ran, most wait.
            wait_for("the first of them", lambda: len(ran()) >= queued - TASKS + 20, pause=0.005)
            child = sorted(live.servers[victim].children())[0]
            os.kill(child, signal.SIGKILL)
            killed[victim] += 1
            live.eventually("another one", lambda v=victim, c=child: len(live.servers[v].children() - {c}) == 2)
    load.stop()
    # A task that a killed child was running is Celery's to lose.
    live.eventually("the tasks", lambda: len(ran()) >= queued - killed["prefork"])

    def acknowledged():
        return {f"page {number}" for number in load.came} | {f"task {number}" for number in ran()}

    live.eventually("all that was acknowledged", lambda: acknowledged() <= marked(kept()).keys(), 40)
    time.sleep(2)
    events = kept()
    seen = {label: times for label, times in marked(events).items() if int(label.split()[1]) < FIRST_WHILE_DOWN}
    assert [label for label, times in seen.items() if times != 1] == [], "doubled"
    unsure = {f"page {number}" for number in load.broken} | {f"task {n}" for n in set(range(queued)) - set(ran())}
    assert seen.keys() - acknowledged() <= unsure
    assert len({event["id"] for event in events}) == len(events)
    views = sum(event.get("path") == "/probe/marked/<int:number>/" for event in events) - views_before
    assert len(load.came) <= views <= len(load.came) + len(load.broken)
    ends = Counter()
    for event in events:
        if event.get("task") == "probe_marked":
            ends[event["result"]] += event["count"]
    logged = len(re.findall(r"probe_marked\[[^]]+\] succeeded", live.servers["prefork"].text()[log_before:]))
    assert logged <= ends["Success"] - ends_before <= queued
    assert ends["WorkerLostError"] <= killed["prefork"]
    print(
        f"{live.name}: {sum(killed.values())} killed; pages: {len(load.came)} acknowledged, {len(load.broken)} broken, "
        f"{views} counted; tasks: {queued} queued, {len(ran())} ran, {logged} logged, {dict(ends)} counted"
    )
