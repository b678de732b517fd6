"""A project of Alliance Auth as `allianceauth start` makes it, with its database and its processes."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from databases import NewDatabase, sqlite_in
from installs import Install, cache_folder
from services import Service, free_port, is_open, wait_for

HERE = Path(__file__).parent
LINE = 'INSTALLED_APPS += ["headcount.allianceauth"]'

LOCAL = """
# Added by the tests: loopback instead of a real domain, and files of this folder.
import os
SITE_URL = "http://127.0.0.1:{web_port}"
CSRF_TRUSTED_ORIGINS = [SITE_URL]
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = False
STATIC_ROOT = {static!r}
BROKER_URL = "redis://127.0.0.1:{redis_port}/0"
CACHES["default"]["LOCATION"] = "redis://127.0.0.1:{redis_port}/1"
ESI_SSO_CLIENT_ID = ESI_SSO_CLIENT_SECRET = "none"
ESI_SSO_CALLBACK_URL = SITE_URL + "/sso/callback"
ESI_USER_CONTACT_EMAIL = DEFAULT_FROM_EMAIL = "nobody@example.com"
REGISTRATION_VERIFY_EMAIL = False
for _handler in LOGGING["handlers"].values():
    if _handler.get("class") == "logging.StreamHandler":
        _handler["level"] = "WARNING"
INSTALLED_APPS += ["probe"]
HEADCOUNT_DELIVERY_SECONDS = 0.2
"""
# What an operator does on the token's page to send everything.
EVERYTHING_ON = """
from allianceauth.analytics.models import AnalyticsTokens
from headcount.allianceauth.models import TokenSettings
AnalyticsTokens.objects.update(send_stats=True)
# Universal Analytics is gone: nobody switches on what 4.x kept of it.
living = TokenSettings.objects.exclude(note="universal")
living.update(send_celery_tasks=True, send_page_views=True, is_held=False, note="")
"""

class Redis:
    """A server that keeps nothing. Whoever makes projects has one of his own: no test finds another's messages."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._service = Service([*command, "--dir", str(folder)], folder / "redis.log", folder, {})
        wait_for("redis", lambda: is_open(self.port))

    def empty(self) -> None:
        """Deletes all keys."""
        import redis

        redis.Redis(port=self.port).flushall()

    def stop(self) -> None:
        """Ends it."""
        self._service.stop()

    def __enter__(self) -> "Redis":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Project:
    """One project folder."""

    def __init__(self, install: Install, folder: Path, redis: Redis, new_database: NewDatabase = sqlite_in) -> None:
        self.install = install
        self.folder = folder / "myauth"
        self.redis_port = redis.port
        self.web_port = free_port()
        self.database = new_database(self.folder)
        self.state = self.folder / "state"
        self.environment: dict[str, str] = {}
        self.running: list[Service] = []
        folder.mkdir(parents=True, exist_ok=True)
        self._start()

    def _start(self) -> None:
        path = f"{self.install.folder / 'bin'}:{os.environ['PATH']}"
        command = [str(self.install.program("allianceauth")), "start", "myauth"]
        # It asks the environment for the folders that it writes into supervisor.conf.
        environment = {"PATH": path, "VIRTUAL_ENV": str(self.install.folder)}
        subprocess.run(command, cwd=self.folder.parent, env=os.environ | environment, check=True, capture_output=True)
        (self.folder / "log").mkdir(exist_ok=True)
        local = LOCAL.format(web_port=self.web_port, redis_port=self.redis_port, static=str(self.static_root()))
        self.settings(local, self.database.setting())
        with (self.folder / "myauth" / "urls.py").open("a") as urls:
            urls.write("\nurlpatterns += [path('', include('probe.urls'))]\n")

    def static_root(self) -> Path:
        """Static files are the same for all projects of a version."""
        return cache_folder() / f"static-{self.install.version}"

    def settings(self, *lines: str) -> None:
        """Adds lines to local.py."""
        with self.local().open("a") as local:
            local.write("\n" + "\n".join(lines) + "\n")

    def local(self) -> Path:
        """The operator's settings file."""
        return self.folder / "myauth" / "settings" / "local.py"

    def add_line(self, *more: str) -> None:
        """What an operator does to install the drop-in."""
        self.settings(LINE, f"HEADCOUNT_STATE = {str(self.state)!r}", *more)

    def remove_line(self) -> None:
        """What an operator does to be rid of it."""
        text = self.local().read_text()
        assert LINE in text
        self.local().write_text(text.replace(LINE, ""))

    def variables(self) -> dict[str, str]:
        """The environment of every process of the project."""
        path = os.pathsep.join([str(HERE / "apps"), os.environ.get("HEADCOUNT_PYTHONPATH", "")]).rstrip(os.pathsep)
        return {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "myauth.settings.local", **self.environment}

    def manage(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs manage.py."""
        done = subprocess.run(
            [str(self.install.python), "manage.py", *arguments],
            cwd=self.folder,
            env=os.environ | self.variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert not check or done.returncode == 0, f"manage.py {arguments}:\n{done.stdout[-2000:]}{done.stderr[-6000:]}"
        return done

    def run(self, code: str) -> Any:
        """Runs code with Django set up; answers what it assigned to `answer`."""
        tail = "\nimport json as _json\nprint('\\nANSWER ' + _json.dumps(answer, default=str))"
        out = self.manage("shell", "-c", "answer = None\n" + code + tail).stdout
        return json.loads(out.rsplit("ANSWER ", 1)[1])

    def migrate_and(self, code: str) -> Any:
        """Makes or changes the tables and then runs code, in one process."""
        return self.run(
            f"from django.core.management import call_command\ncall_command('migrate', verbosity=0)\n{code}"
        )

    def migrate(self, *arguments: str) -> None:
        """Makes or changes the tables."""
        self.manage("migrate", "-v0", "--no-input", *arguments)

    def static(self) -> None:
        """Collects the static files that Alliance Auth's pages name by their hashes."""
        if not (self.static_root() / "collected").exists():
            self.manage("collectstatic", "--no-input", "-v0")
            (self.static_root() / "collected").touch()

    def sql(self, statements: str) -> list[dict[str, Any]]:
        """Changes the database past Django, as an operator's own tool does; answers the rows of the last statement."""
        rows: list[dict[str, Any]] = []
        for statement in statements.split(";"):
            if statement.strip():
                rows = self.database.query(statement)
        return rows

    def tables(self) -> dict[str, Any]:
        """Alliance Auth's own analytics tables in SQLite, schema and rows."""
        names = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'analytics_%' AND type = 'table' ORDER BY name"
        return {
            table["name"]: (table["sql"], self.sql(f"SELECT * FROM {table['name']} ORDER BY 1"))
            for table in self.sql(names)
        }

    def start(self, name: str, *command: str) -> Service:
        """Starts a program of the environment."""
        program = str(self.install.program(command[0]))
        log = self.folder / f"{name}.log"
        service = Service([program, *command[1:]], log, self.folder, self.variables())
        self.running.append(service)
        return service

    def web(self, *flags: str) -> Service:
        """Serves the site, two workers that are forked from one that has loaded it."""
        bind = f"127.0.0.1:{self.web_port}"
        flags = ("--workers=2", "--preload", *flags)
        service = self.start("web", "gunicorn", "myauth.wsgi", *flags, "--no-control-socket", "--bind", bind)
        wait_for("gunicorn", lambda: is_open(self.web_port) or service.process.poll() is not None)
        assert service.process.poll() is None, service.text()
        return service

    def worker(self, pool: str = "threads", queues: str = "celery") -> Service:
        """Runs the tasks of these queues."""
        command = ["celery", "-A", "myauth", "worker", f"--pool={pool}", "--concurrency=2", "-l", "INFO"]
        flags = ["-n", f"{pool}@%h", "-Q", queues, "--without-gossip", "--without-mingle"]
        service = self.start(pool, *command, *flags)
        service.wait_until(" ready.")
        return service

    def beat(self) -> Service:
        """Starts tasks by the clock."""
        return self.start("beat", "celery", "-A", "myauth", "beat", "-l", "INFO")

    def stop(self) -> None:
        """Ends all its processes."""
        while self.running:
            self.running.pop().stop()
