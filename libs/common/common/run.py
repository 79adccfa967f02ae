"""Runs one service: `python -m common.run migrate|worker|dlq <svc>`, and `common.run:api('<svc>')` for gunicorn.

Every process may start in any order: it waits, and says what for, until the servers that it needs are there.
"""

import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask

from common import ids
from common.broker.consumer import RabbitConsumer
from common.broker.publisher import RabbitPublisher
from common.broker.topology import is_away, queue_names, settle, unsettled
from common.log import configure, get_logger
from common.outbox import Database, Relay, TimerLoop
from common.platform import SERVICES
from common.probes import serve_probes
from common.service import Service
from common.settings import BadSettings

log = get_logger("run")


def load(name: str) -> Service:
    """Build service `name` ("booking-svc") from the environment. Exits with every fault if that does not do."""
    module = importlib.import_module(f"{name.replace('-', '_')}.app")
    try:
        settings = module.Settings.load(os.environ)
        configure(name, settings.log_format, settings.log_level)
        ids.use_key(settings.id_key)
        service: Service = module.build(settings)
    except BadSettings as error:
        sys.exit(f"{name}: {error}")
    return service


def api(name: str) -> Flask:
    """The WSGI application; publishes what it commits from this very process."""
    service = load(name)
    wait_for_everybody(service)
    if isinstance(service.store, Database):
        relay = Relay(service.store, _publisher(service), sweep_seconds=None)
        relay.start()
    return service.app


def wait_for_everybody(service: Service) -> None:
    """Let the service not be ready while another one's queues do not exist: a first start, in any order, loses nothing.

    A broker that is away does not count: nothing is published to it, and orders are taken in meanwhile.
    """
    own, settled = service.missing, False

    def missing() -> list[str]:
        nonlocal settled
        found = own()
        if not settled:
            try:
                late = unsettled(service.settings.broker_url, SERVICES)
            except Exception as error:
                if not is_away(error):
                    raise
                return found
            settled = not late
            found = [*found, *(f"queues of {other}" for other in late)]
        return found

    service.missing = missing


def migrate(service: Service) -> int:
    """Bring the database and the service's queues up to date; waits for both.

    The queues come with the migration, because one that does not exist yet misses what is published meanwhile; api and
    worker are not ready before the migrations of all services have run.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _wait_until("database", service.migrate, service.store.is_transient)
    settings, types = service.settings, service.processor.types

    def settle_queues() -> None:
        settle(settings.broker_url, service.name, types, settings.partitions, service.intakes, service.outlets)

    _wait_until("broker", settle_queues, is_away)
    log.info("migrated")
    return 0


def worker(service: Service) -> int:
    """Consume, relay, fire timers; until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    wait_for_everybody(service)
    started: list[Any] = []
    serve_probes(service, started)
    while (missing := service.missing()) and not stop.wait(1.0):
        log.info("waiting_for", missing=missing)
    if not stop.is_set():
        started += _parts(service)
        for part in started:
            part.start()
        log.info("worker_started", parts=[type(part).__name__ for part in started])
        stop.wait()
    for part in started:
        part.stop()
    log.info("worker_stopped")
    return 0


def _parts(service: Service) -> list[Any]:
    settings = service.settings
    queues = queue_names(service.name, settings.partitions) if service.subscriptions or service.intakes else []
    queues += [intake.queue for intake in service.intakes]
    parts: list[Any] = [
        RabbitConsumer(settings.broker_url, queue, service.processor, partitions=settings.partitions)
        for queue in queues
    ]
    if isinstance(service.store, Database):
        parts.append(Relay(service.store, _publisher(service)))
        if service.timers or service.jobs:
            parts.append(TimerLoop(service.store, service.timers, service.jobs, service))
    return parts + [make() for make in service.loops]


def _publisher(service: Service) -> RabbitPublisher:
    return RabbitPublisher(service.settings.broker_url, service.name, outlets=service.outlets)


def _wait_until(
    what: str, action: Callable[[], None], is_away: Callable[[BaseException], bool], patience: float = 300.0
) -> None:
    """Do `action` as soon as `what` is there. Raises its last error after `patience` seconds."""
    deadline = time.monotonic() + patience
    while True:
        try:
            action()
        except Exception as error:
            if not is_away(error) or time.monotonic() > deadline:
                raise
            log.info("waiting_for", missing=[what], error=str(error).partition("\n")[0][:200])
            time.sleep(1.0)
        else:
            return


def main(argv: list[str]) -> int:
    """The command line."""
    if len(argv) < 2 or argv[0] not in {"migrate", "worker", "dlq"}:
        print("usage: python -m common.run migrate|worker|dlq <svc> ...", file=sys.stderr)  # noqa: T201  usage goes to the terminal
        return 2
    command, name, *rest = argv
    service = load(name)
    if command == "dlq":
        from common.broker.dlq import main as dlq

        return dlq(service.processor, rest)
    return migrate(service) if command == "migrate" else worker(service)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
