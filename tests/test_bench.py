"""The bench measures rightly: what its parts say of things that are known."""

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from bench import cpu, load, report
from bench.cpu import Usage
from bench.load import Load
from bench.report import Figure


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    served = 0

    def do_GET(self) -> None:
        type(self).served += 1
        self.send_response(200 if self.path == "/good" else 404)
        self.send_header("Content-Length", "2")
        if self.served % 7 == 0:  # as nginx does after some thousand requests
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def port() -> Iterator[int]:
    _Handler.served = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_every_answer_is_counted_across_closed_connections(port: int):
    outcome = load.run(Load(port, [load.get("/good")] * 40, 30, 3, 200), load.once)
    assert (outcome.done, outcome.statuses[200], len(outcome.latencies)) == (40, 40, 40)
    assert _Handler.served == 40
    assert outcome.cpu > 0


def test_a_run_ends_after_its_seconds(port: int):
    outcome = load.run(Load(port, [load.get("/good")], 0.3, 2, 200))
    assert outcome.done == _Handler.served > 2
    assert 0.3 <= outcome.seconds < 5


def test_a_wrong_answer_breaks_the_run(port: int):
    with pytest.raises(AssertionError, match="404"):
        load.run(Load(port, [load.get("/bad")], 0.3, 1, 200))


def test_requests_are_whole():
    request = load.post("/path", {"a": "中"}, "token", extra="Idempotency-Key: k\r\n")
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /path HTTP/1.1\r\n")
    assert f"Content-Length: {len(body)}".encode() in head.split(b"\r\n")
    assert {b"Authorization: Bearer token", b"Idempotency-Key: k"} <= set(head.split(b"\r\n"))


def test_processes_that_have_ended_are_counted_too():
    burn = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    parent = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}], check=True)\nprint('x', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "x\n"
        used = cpu.of_processes({"it": process.pid})
        process.communicate()
    assert 0.4 <= used.groups["it"] < 5


def test_ratios_pair_each_round_with_its_own_limit():
    figure = Figure("x", "1/s", values=[10, 100, 30], limits=[20, 400, 30])
    assert figure.ratio == 0.5
    assert figure.value == 30


def test_a_goal_is_met_or_missed():
    usages = [Usage({"nginx": 1.0, "mongo": 2.0}), Usage({"nginx": 2.0, "mongo": 9.0})]
    missed = report.cpu_figure("x", usages, 2.0)
    met = report.cpu_figure("x", usages, 2.0, without="mongo")
    assert (missed.value, missed.met) == (7.0, False)
    assert (met.value, met.met) == (1.5, True)
    text = report.table([missed, met])
    assert "MISSED" in text.splitlines()[2]
    assert "met" in text.splitlines()[3]
