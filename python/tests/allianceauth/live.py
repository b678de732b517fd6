"""An install that runs: web server, worker, and two people who are signed in."""

import json
import re
import time
from html.parser import HTMLParser
from typing import Any

import requests
from collector import Collector
from project import Project
from services import Google, Service, wait_for

PEOPLE = """
from django.contrib.auth.models import User
from django.test import Client
def cookie(user):
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value
admin = User.objects.create_superuser("admin", "admin@example.com", "adminpass")
plain = User.objects.create_user("plain", "plain@example.com", "plainpass")
answer = [cookie(admin), cookie(plain)]
"""


#: Both of Celery's pools that Alliance Auth names in its supervisor.conf, then and now.
POOLS = ("threads", "prefork")


class Form(HTMLParser):
    """The first form of a page that posts to the page itself: names and values as a browser would send them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._inside = False
        self._select: str | None = None
        self._area: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        name = about.get("name")
        if tag == "form":
            self._inside = (about.get("id") or "").endswith("_form") and about.get("id") != "logout-form"
        elif not self._inside or (name is None and tag != "option"):
            return
        elif tag == "select":
            self._select = name
            self.values.setdefault(name, [])
        elif tag == "option" and self._select and "selected" in about:
            self.values[self._select].append(about.get("value"))
        elif tag == "textarea":
            self._area = name
            self.values[name] = ""
        elif tag == "input" and about.get("type") != "submit":
            if about.get("type") != "checkbox":
                self.values[name] = about.get("value") or ""
            elif "checked" in about:
                self.values[name] = "on"

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.values[self._area] += data.removeprefix("\n")


class Live:
    """Drives a running project from outside, as browsers and operators do."""

    def __init__(self, project: Project, sessions: list[str], google: Google) -> None:
        self.project = project
        self.google = google
        self.name = f"{project.install.version} {project.database.suffix.removeprefix('.')}"
        self.servers: dict[str, Service] = {}
        # What the documentation calls number 1 is number 2 where 4.x kept the token of Universal Analytics.
        self.token = project.sql("SELECT * FROM analytics_analyticstokens ORDER BY id")[-1]
        self.token_page = f"/admin/analytics/analyticstokens/{self.token['id']}/change/"
        self.url = f"http://127.0.0.1:{project.web_port}"
        self._admin, self._plain = sessions

    def _browser(self, session: str, language: str = "en") -> requests.Session:
        browser = requests.Session()
        browser.cookies.set("sessionid", session)
        browser.headers.update({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0"})
        browser.headers["Accept-Language"] = language
        return browser

    def visit(self, path: str, language: str = "en") -> int:
        """A signed-in person opens a page."""
        return self._browser(self._plain, language).get(self.url + path, allow_redirects=False).status_code

    def page(self, path: str) -> requests.Response:
        """An administrator opens a page."""
        return self._browser(self._admin).get(self.url + path, allow_redirects=False)

    def save(self, path: str, **changes: Any) -> str:
        """An administrator changes a form and saves it; None takes a tick out. Answers the page that follows."""
        browser = self._browser(self._admin)
        page = browser.get(self.url + path)
        values = {**Form(page.text).values, **changes}
        sent = {name: value for name, value in values.items() if value is not None}
        saved = browser.post(self.url + path, data=sent, headers={"Referer": self.url + path})
        assert saved.status_code == 200, saved.text[-2000:]
        assert "errorlist" not in saved.text, re.findall(r"errorlist.*?</ul>", saved.text, re.S)
        return saved.text

    def press(self, path: str) -> str:
        """An administrator presses a button that has a form of its own."""
        browser = self._browser(self._admin)
        token = Form(browser.get(self.url + path.rsplit("/", 2)[0] + "/change/").text).values["csrfmiddlewaretoken"]
        done = browser.post(self.url + path, data={"csrfmiddlewaretoken": token}, headers={"Referer": self.url + path})
        assert done.status_code == 200, done.status_code
        return done.text

    def serve(self) -> None:
        """Starts the web server and a worker of each pool. What names no queue is for the first pool."""
        first, second = POOLS if self.project.database.suffix == ".sqlite3" else reversed(POOLS)
        self.servers["web"] = self.project.web()
        self.servers[first] = self.project.worker(first, f"celery,{first}")
        self.servers[second] = self.project.worker(second, second)

    def processes(self) -> set[int]:
        """Numbers of all processes that serve pages and run tasks."""
        threads = self.servers["threads"].process.pid
        return self.servers["web"].children() | self.servers["prefork"].children() | {threads}

    def wanted(self) -> dict[int, list[str]]:
        """Which feeds each process says are wanted, from this call on."""
        told: dict[int, list[str]] = {}
        answers = self.project.folder / f"answers-{time.monotonic_ns()}"

        def ask() -> bool:
            for pool in POOLS:
                # Several at once, so that no child is left without one.
                self.run_tasks("probe.tasks.probe_process", [{"file": str(answers)}] * 4, pool)
            for _ in range(4):
                told.update([self._browser(self._plain).get(f"{self.url}/probe/process/").json()])
            if answers.exists():
                told.update(json.loads(line) for line in answers.read_text().splitlines())
            return self.processes() <= told.keys()

        wait_for("an answer of every process", ask)
        return told

    def run_task(self, name: str, pool: str = "", **keywords: Any) -> None:
        """Queues a task by its name, as another version of Alliance Auth would have; for the first pool without one."""
        self.run_tasks(name, [keywords], pool)

    def run_tasks(self, name: str, several: list[dict[str, Any]], pool: str = "") -> None:
        """Queues a task once for each set of keywords."""
        from celery import Celery

        with Celery(broker=f"redis://127.0.0.1:{self.project.redis_port}/0") as app:
            app.conf.broker_transport_options = {"priority_steps": list(range(10)), "queue_order_strategy": "priority"}
            for keywords in several:
                app.send_task(name, kwargs=keywords, priority=9, queue=pool or "celery")

    def add_collector(self, collector: Collector, name: str) -> int:
        """An administrator adds an own collector beside what is there; answers the number of the token."""
        key = collector.project(name)["ingest_key"]
        new = {"name": name, "type": "HEADCOUNT", "endpoint": collector.url, "token": key, "secret": ""}
        self.save("/admin/analytics/analyticstokens/add/", **new)
        (row,) = self.project.sql(f"SELECT id FROM analytics_analyticstokens WHERE name = '{name}'")
        return int(row["id"])

    def eventually(self, what: str, look: Any, seconds: float = 30.0) -> Any:
        """Waits for what must come."""
        return wait_for(what, look, seconds)
