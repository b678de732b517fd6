"""Databases of installs: a file of SQLite's, or a schema of a MariaDB server that the tests start. Never a system's."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from services import Service, wait_for

#: Debian keeps servers where only root's PATH leads.
SERVERS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


class Database(Protocol):
    """What a project asks of its database, past Django."""

    #: How names of kept tables end.
    suffix: str

    def setting(self) -> str:
        """The line for local.py."""

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Runs one statement, as an operator's own tool would; answers its rows."""

    def keep(self, template: Path) -> None:
        """Writes everything to a file."""

    def fill(self, template: Path) -> None:
        """Becomes what the file holds."""


class Sqlite:
    """A file."""

    suffix = ".sqlite3"

    def __init__(self, file: Path) -> None:
        self.file = file

    def setting(self) -> str:
        engine = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(self.file), "OPTIONS": {"timeout": 30}}
        return f'DATABASES["default"] = {engine!r}'

    def query(self, sql: str) -> list[dict[str, Any]]:
        connection = sqlite3.connect(self.file, timeout=30)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()

    def keep(self, template: Path) -> None:
        self.query("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copy(self.file, template)

    def fill(self, template: Path) -> None:
        shutil.copy(template, self.file)


class MariaServer:
    """One server for the whole run, reached by its socket alone."""

    def __init__(self) -> None:
        # Not below pytest's folder: the path of a socket may have about a hundred bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="headcount-mariadb-"))
        self.socket = self.folder / "socket"
        self._made = 0
        data = self.folder / "data"
        # As root it must be told to stay root; the data belongs to who runs the tests.
        common = ["--no-defaults", f"--datadir={data}", *(["--user=root"] if os.geteuid() == 0 else [])]
        make = [_program("mariadb-install-db"), *common, "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(make, check=True, stdin=subprocess.DEVNULL, capture_output=True)
        # What a power cut would take is nobody's here.
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin"]
        command = [_program("mariadbd"), *common, *fast, "--skip-networking", f"--socket={self.socket}"]
        command += [f"--pid-file={self.folder / 'pid'}", "--character-set-server=utf8mb4"]
        self._service = Service(command, self.folder / "log", self.folder, {})
        try:
            wait_for("mariadb", self._is_ready)
        except AssertionError:
            self._service.stop()
            raise AssertionError(self._service.text()[-4000:]) from None

    def _is_ready(self) -> bool:
        done = subprocess.run([*self.client("mariadb"), "-e", "SELECT 1"], capture_output=True)
        return done.returncode == 0

    def client(self, program: str) -> list[str]:
        """The beginning of a client's command line."""
        return [_program(program), "--no-defaults", f"--socket={self.socket}", "--user=root"]

    def new(self) -> "MariaSchema":
        """An empty schema of its own."""
        self._made += 1
        name = f"alliance_auth_{self._made}"
        subprocess.run([*self.client("mariadb"), "-e", f"CREATE DATABASE {name}"], check=True, capture_output=True)
        return MariaSchema(self, name)

    def stop(self) -> None:
        """Ends it and removes its data."""
        self._service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class MariaSchema:
    """One schema of the server."""

    suffix = ".sql"

    def __init__(self, server: MariaServer, name: str) -> None:
        self.server = server
        self.name = name

    def setting(self) -> str:
        engine: dict[str, Any] = {"ENGINE": "django.db.backends.mysql", "NAME": self.name, "USER": "root"}
        engine |= {"HOST": str(self.server.socket), "OPTIONS": {"charset": "utf8mb4"}}
        return f'DATABASES["default"] = {engine!r}'

    def query(self, sql: str) -> list[dict[str, Any]]:
        import MySQLdb
        from MySQLdb.cursors import DictCursor

        connection = MySQLdb.connect(
            unix_socket=str(self.server.socket), user="root", database=self.name, cursorclass=DictCursor
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                rows = list(cursor.fetchall())
            connection.commit()
            return rows
        finally:
            connection.close()

    def keep(self, template: Path) -> None:
        with template.open("wb") as out:
            subprocess.run([*self.server.client("mariadb-dump"), self.name], check=True, stdout=out)

    def fill(self, template: Path) -> None:
        with template.open("rb") as dump:
            subprocess.run([*self.server.client("mariadb"), self.name], check=True, stdin=dump)


def _program(name: str) -> str:
    found = shutil.which(name, path=SERVERS)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: apt-get install mariadb-server-core mariadb-client")
    return found


#: Makes the database of a project that is to live in this folder.
NewDatabase = Callable[[Path], Database]


def sqlite_in(folder: Path) -> Database:
    """A file of SQLite's."""
    return Sqlite(folder / "auth.sqlite3")
