"""The processes of an install, each started and ended by the tests, and what answers in Google's place."""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PATIENCE = 60.0


def wait_for(what: str, look: Callable[[], Any], seconds: float = PATIENCE, pause: float = 0.1) -> Any:
    """Looks until there is something to see."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(pause)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Service:
    """One process and what it logs."""

    def __init__(self, command: list[str], log: Path, folder: Path, environment: dict[str, str]) -> None:
        self.log = log
        self._output = log.open("wb")
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def text(self) -> str:
        """What it logged."""
        return self.log.read_text(errors="replace")

    def children(self) -> set[int]:
        """Numbers of the processes that it has forked and that run."""
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def wait_until(self, text: str) -> None:
        """Waits until it logs this."""
        wait_for(f"`{text}` in {self.log}:\n{self.text()[-2000:]}", lambda: text in self.text() or self._gone())
        assert text in self.text(), f"ended early:\n{self.text()[-4000:]}"

    def _gone(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        """Ends it as its supervisor would; only its own group is ever killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(5)
        self._output.close()


class Google:
    """A recorder in Google's place, on loopback."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.status: int | None = None
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                recorder.requests.append(
                    {
                        "path": parts.path,
                        "query": dict(parse_qsl(parts.query)),
                        "type": self.headers.get_content_type(),
                        "body": body.decode(),
                    }
                )
                self.send_response(recorder.status or (204 if parts.path == "/mp/collect" else 200))
                self.send_header("Content-Length", "0")
                self.end_headers()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def events(self) -> list[dict[str, Any]]:
        """GA4 events, each with the request's client, version and measurement id."""
        found = []
        for one in list(self.requests):
            if one["path"] != "/mp/collect":
                continue
            body = json.loads(one["body"])
            version = body["user_properties"].get("allianceauth_version", {}).get("value")
            for event in body["events"]:
                found.append(
                    {
                        "name": event["name"],
                        **event["params"],
                        "client_id": body["client_id"],
                        "version": version,
                        "measurement_id": one["query"]["measurement_id"],
                        "api_secret": one["query"]["api_secret"],
                    }
                )
        return found

    def hits(self) -> list[dict[str, str]]:
        """Hits of Universal Analytics."""
        bodies = [one["body"] for one in list(self.requests) if one["path"] in ("/collect", "/batch")]
        return [dict(parse_qsl(line, keep_blank_values=True)) for body in bodies for line in body.splitlines()]

    def tasks(self) -> list[dict[str, Any]]:
        """Events of tasks and statistics over both protocols, in the words of GA4."""
        old = [hit for hit in self.hits() if hit["t"] == "event"]
        found: list[dict[str, Any]] = []
        for hit in old:
            event = {"namespace": hit["ec"], "task": hit["ea"], "result": hit["el"], "label": ""}
            found.append(event | ({"value": float(hit["ev"])} if "ev" in hit else {}))
        return found + [event for event in self.events() if event["name"] == "celery_event"]

    def pages(self) -> list[tuple[str, str, str]]:
        """Path, title and locale of page views over both protocols."""
        old = [(hit["dp"], hit.get("dt", ""), hit.get("ul", "")) for hit in self.hits() if hit["t"] == "pageview"]
        new = [event for event in self.events() if event["name"] == "page_view"]
        return old + [(e["page_location"], e.get("page_title", ""), e.get("language", "")) for e in new]

    def clear(self) -> None:
        """Forgets what came."""
        self.requests.clear()

    def stop(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
