"""How the server of the embedded mode ends: with answers that are whole, no thread, and nothing in the log."""

import http.client
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from embedded.serving import Serving

FAR = 60.0
LONG = b"x" * 3_000_000


def test_it_ends_at_once_whole_and_quietly(caplog: pytest.LogCaptureFixture) -> None:
    """Beside a connection that is kept and idle, and one whose answer is under way."""
    asked, go_on = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Length", str(len(LONG)))])
        if environ["PATH_INFO"] == "/slow":
            asked.set()
            assert go_on.wait(FAR)
        return [LONG]

    serving = Serving(app, host="127.0.0.1", port=0, threads=4)
    idle, slow = (http.client.HTTPConnection("127.0.0.1", serving.port, timeout=FAR) for _ in range(2))
    idle.request("GET", "/")
    assert idle.getresponse().read() == LONG
    slow.request("GET", "/slow")
    assert asked.wait(FAR)
    stopping = threading.Thread(target=serving.stop)
    stopping.start()
    go_on.set()
    assert slow.getresponse().read() == LONG
    stopping.join(FAR)
    assert not serving.thread.is_alive()
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING] == []
    with pytest.raises(OSError):
        http.client.HTTPConnection("127.0.0.1", serving.port, timeout=FAR).request("GET", "/")
    idle.close()
    slow.close()
