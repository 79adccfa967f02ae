"""Live streams on the servers that we use: events leave at once, and a server that is told to end does not wait for them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest
import stream_app
from waitress.server import create_server

from embedded.serving import Serving
from stack.process import free_port, listening, wait_until

FAR = 60.0


@pytest.fixture
def get() -> Iterator[Callable[[int, str], HTTPResponse]]:
    """Ask a server; every connection is closed in the end."""
    connections: list[HTTPConnection] = []

    def ask(port: int, path: str) -> HTTPResponse:
        connections.append(HTTPConnection("127.0.0.1", port, timeout=FAR))
        connections[-1].request("GET", path)
        answers.append(connections[-1].getresponse())
        return answers[-1]

    answers: list[HTTPResponse] = []
    yield ask
    for each in (*answers, *connections):
        each.close()


@pytest.fixture
def stream(get: Callable[[int, str], HTTPResponse]) -> Callable[[int], HTTPResponse]:
    """Open a stream, which has begun when it is there."""

    def begun(port: int, path: str = "/stream") -> HTTPResponse:
        response = get(port, path)
        assert response.readline() == b"retry: 2000\n"
        return response

    return begun


def leave(response: HTTPResponse) -> None:
    """Close the connection, of which the answer was to be the last."""
    with socket.fromfd(response.fileno(), socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.shutdown(socket.SHUT_RDWR)


def told(response: HTTPResponse) -> bytes:
    """The data of the next event."""
    for line in iter(response.readline, b""):
        if line.startswith(b"data: "):
            return line[6:].strip()
    return b"over"


@pytest.fixture
def gunicorn(tmp_path: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A gunicorn of one worker with thirty threads: its port and master."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:common.gunicorn_conf"]
    command += ["--bind", f"127.0.0.1:{port}", "stream_app:make()"]
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "WEB_CONCURRENCY": "1", "WEB_THREADS": "30", "PYTHONPATH": paths}
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, env=env, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: listening(port), FAR, "gunicorn")
            yield port, process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.fixture
def waitress() -> Iterator[tuple[int, Serving]]:
    """As embedded mode has it."""
    app = stream_app.make()
    serving = Serving(app, host="127.0.0.1", port=0, threads=30)
    yield serving.port, serving
    app.extensions["service"].streams.close()
    serving.stop()


def test_gunicorn_tells_at_once_and_ends_at_once(
    gunicorn: tuple[int, subprocess.Popen[bytes]],
    get: Callable[[int, str], HTTPResponse],
    stream: Callable[[int], HTTPResponse],
) -> None:
    """Without our hook its worker would wait for the streams until its grace is over, and break them off."""
    port, process = gunicorn
    streams = [stream(port) for _ in range(20)]
    assert get(port, "/publish").read() == b"20"
    assert [told(each) for each in streams] == [b"1"] * 20
    process.send_signal(signal.SIGTERM)
    assert [told(each) for each in streams] == [b'{"reason":"stopping"}'] * 20
    assert [told(each) for each in streams] == [b"over"] * 20
    assert process.wait(FAR) == 0


@pytest.mark.parametrize("server", ["gunicorn", "waitress"])
def test_who_has_gone_keeps_nobodys_place(
    request: pytest.FixtureRequest,
    server: str,
    get: Callable[[int, str], HTTPResponse],
    stream: Callable[..., HTTPResponse],
) -> None:
    """Also where nothing is written, which would fail: a hall's screens that come again at once find their places free."""
    port = request.getfixturevalue(server)[0]
    staying, going = stream(port), [stream(port, "/silent") for _ in range(20)]
    for each in going:
        leave(each)
    wait_until(lambda: get(port, "/count").read() == b"1", FAR, "their places are free")
    assert get(port, "/publish").read() == b"1"
    assert told(staying) == b"1", "who is still there stays"


def test_waitress_tells_at_once_and_ends_at_once(
    get: Callable[[int, str], HTTPResponse], stream: Callable[[int], HTTPResponse]
) -> None:
    app = stream_app.make()
    server = create_server(app, host="127.0.0.1", port=0, threads=8)

    def run() -> None:
        with contextlib.suppress(OSError):  # it is closed while it waits
            server.run()

    threading.Thread(target=run, daemon=True).start()
    port = int(server.effective_port)
    streams = [stream(port) for _ in range(5)]
    assert get(port, "/publish").read() == b"5"
    assert [told(each) for each in streams] == [b"1"] * 5
    app.extensions["service"].streams.close()
    assert [told(each) for each in streams] == [b'{"reason":"stopping"}'] * 5
    server.task_dispatcher.shutdown(timeout=FAR)
    assert not server.task_dispatcher.threads, "no thread is held"
    server.close()
