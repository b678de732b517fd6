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
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [self._binary, "serve", "--listen", f"127.0.0.1:{port}", "--data", str(self._data)]
        self._service = Service(command, folder / "collector.log", folder, {})
        wait_for("the collector", self._is_ready)
        self._projects: dict[str, tuple[str, str]] = {}

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

    def stop(self) -> None:
        """Ends it."""
        self._service.stop()
