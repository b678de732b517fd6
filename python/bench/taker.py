"""A collector that only counts: native batches, hits of Universal Analytics, events of GA4."""

import gzip
import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Taker:
    """Listens on loopback; `events` is how many runs and views the requests so far told of."""

    def __init__(self) -> None:
        self.events = 0
        self._counting = threading.Lock()
        taker = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                receipt = taker.take(self.path, body)
                self.send_response(200)
                self.send_header("Content-Length", str(len(receipt)))
                self.end_headers()
                self.wfile.write(receipt)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def take(self, path: str, body: bytes) -> bytes:
        """Counts what a request tells of; answers the receipt of a native batch, else nothing."""
        if not path.startswith("/api/v1/"):
            self._add(len(json.loads(body)["events"]) if path.startswith("/mp/") else len(body.splitlines()))
            return b""
        events = json.loads(body)["events"]
        # The daily report may fall into any run: its minute is the install's own.
        self._add(sum(event.get("count", 1) for event in events if event["type"] != "stats"))
        return json.dumps({"accepted": len(events), "duplicates": 0, "rejected": []}).encode()

    def _add(self, events: int) -> None:
        with self._counting:
            self.events += events

    def after(self, flush: Callable[[], Any], wanted: int, seconds: float = 60.0) -> int:
        """Flushes until this many events came or the time is over; answers how many came."""
        end = time.monotonic() + seconds
        while self.events < wanted and time.monotonic() < end:
            flush()
            time.sleep(0.1)
        return self.events
