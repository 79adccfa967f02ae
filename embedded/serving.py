"""The HTTP server of this process: threads that answer, and one that looks after the connections."""

import threading
import time
from typing import Any

from waitress.server import create_server

PATIENCE = 10.0  # seconds


class Serving:
    """waitress, in threads of its own. port: 0 takes a free one."""

    def __init__(self, app: Any, *, host: str, port: int, threads: int) -> None:
        self._server = create_server(
            app,
            host=host,
            port=port,
            threads=threads,
            ident="haoyuan",
            clear_untrusted_proxy_headers=True,
            channel_request_lookahead=1,  # so that it hears of a client that goes while it is answered: live streams
        )
        self.port = int(self._server.effective_port)
        self.thread = threading.Thread(target=self._server.run, name="http", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Let answers end and go out, then close everything: by the thread that looks at it, under which nothing may be closed."""
        until = time.monotonic() + PATIENCE
        self._server.task_dispatcher.shutdown(timeout=PATIENCE)
        while time.monotonic() < until and any(c.total_outbufs_len for c in [*self._server.active_channels.values()]):
            time.sleep(0.01)
        self._server.trigger.pull_trigger(self._close)
        self.thread.join(PATIENCE)

    def _close(self) -> None:
        for channel in [*self._server.active_channels.values()]:
            channel.handle_close()
        self._server.close()
