"""A worker whose thread has died says so to the one who watches it, and is started again."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from common.broker import publisher as publishing
from common.broker.consumer import RabbitConsumer
from common.broker.inprocess import InProcessBroker
from common.broker.publisher import RabbitPublisher
from common.outbox import Database, Relay, TimerLoop
from common.probes import serve_probes
from common.processor import Processor
from delivery_rig import until

from stack.process import free_port

NOWHERE = "amqp://guest:guest@127.0.0.1:1/"


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/probes.db")


def part(kind: str, database: Database) -> Any:
    made = {
        "consumer": lambda: RabbitConsumer(NOWHERE, "alpha-svc", Processor("alpha-svc", database, {})),
        "relay": lambda: Relay(database, InProcessBroker().publisher("alpha-svc"), sweep_seconds=None),
        "publisher": lambda: Relay(database, RabbitPublisher(NOWHERE), sweep_seconds=None),
        "timers": lambda: TimerLoop(database, {}),
    }
    return made[kind]()


def health(port: int) -> tuple[int, list[str]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as response:
            return response.status, json.loads(response.read())["dead"]
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["dead"]


@pytest.mark.parametrize("kind", ["consumer", "relay", "publisher", "timers"])
def test_a_dead_thread_is_told(kind: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    doomed = part(kind, database)
    mortal = doomed._publisher if kind == "publisher" else doomed
    monkeypatch.setattr(mortal._thread, "_target", lambda: None)
    port = free_port()
    serve_probes(SimpleNamespace(settings=SimpleNamespace(worker_port=port), missing=list), [doomed])  # type: ignore[arg-type]
    assert health(port) == (200, [])
    doomed.start()
    until(lambda: health(port) == (503, [type(doomed).__name__]))
    doomed.stop()


@pytest.mark.parametrize("kind", ["consumer", "relay", "publisher", "timers"])
def test_what_runs_or_was_stopped_is_not_dead(kind: str, database: Database) -> None:
    living = part(kind, database)
    living.start()
    assert not living.dead
    living.stop()
    assert not living.dead


def test_a_publisher_that_cannot_even_try_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def fail(*_: Any, **__: Any) -> None:
        tries.append(1)
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(publishing, "_Connection", fail)
    publisher = RabbitPublisher(NOWHERE)
    publisher.start(SimpleNamespace())  # type: ignore[arg-type]
    until(lambda: len(tries) >= 2)
    assert not publisher.dead
    publisher.stop()
