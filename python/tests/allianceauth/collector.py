"""The real collector, on a data folder of its own."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import requests
from services import Service, free_port, wait_for


class Collector:
    """`headcount serve`, and what its reports say."""

    def __init__(self, folder: Path) -> None:
        self._binary = os.environ["HEADCOUNT_E2E_BINARY"]
        self._data = folder / "data"
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._projects: dict[str, tuple[str, str]] = {}
        self.start()

    def start(self) -> None:
        """Starts it, at the address that it had before."""
        command = [self._binary, "serve", "--listen", f"127.0.0.1:{self._port}", "--data", str(self._data)]
        self._service = Service(command, self._folder / "collector.log", self._folder, {})
        wait_for("the collector", self._is_ready)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=1).status_code == 200
        except requests.ConnectionError:
            return False

    def _ask(self, *arguments: str) -> dict[str, Any]:
        command = [self._binary, *arguments, "--data", str(self._data), "--json"]
        answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return answer

    def project(self, name: str, *flags: str) -> dict[str, Any]:
        """Makes a project, with a token for its reports."""
        made = self._ask("project", "create", f"{name} {len(self._projects)}", *flags)
        token = self._ask("token", "create", "--project", made["project"])["token"]
        self._projects[name] = made["project"], token
        return made

    def report(self, name: str, report: str) -> list[dict[str, Any]]:
        """The rows of a report over the last days."""
        project, token = self._projects[name]
        address = f"{self.url}/api/v1/projects/{project}/reports/{report}"
        answer = requests.get(address, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]

    def events(self, name: str) -> list[dict[str, Any]]:
        """Every event that it keeps of a project, as it exports them."""
        command = [self._binary, "export", "--project", self._projects[name][0], "--data", str(self._data), "-"]
        lines = subprocess.run(command, check=True, capture_output=True).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """Ends it."""
        self._service.stop()
