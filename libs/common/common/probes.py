"""A worker's /healthz, /readyz and /metrics on WORKER_PORT, for the ones who watch it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from common.jsons import encode
from common.metrics import exposition
from common.service import Service


def serve_probes(service: Service, parts: list[Any]) -> None:
    """Serve in a daemon thread. Alive: no part's thread has died; ready: the store is there and parts have started."""
    if not service.settings.worker_port:
        return

    class Probes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._say(200, exposition(), "text/plain; version=0.0.4; charset=utf-8")
            elif self.path == "/healthz":
                dead = [type(p).__name__ for p in parts if getattr(p, "dead", False)]
                self._say(503 if dead else 200, encode({"status": "dead" if dead else "alive", "dead": dead}))
            elif self.path == "/readyz":
                missing = service.missing() or ([] if parts else ["start"])
                self._say(503 if missing else 200, encode({"missing": missing}))
            else:
                self._say(404, b"{}")

        def _say(self, status: int, body: bytes, content_type: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Probes are not news."""

    server = ThreadingHTTPServer(("0.0.0.0", service.settings.worker_port), Probes)
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
