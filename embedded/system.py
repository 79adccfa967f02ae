"""Builds the five services in one process and runs them."""

import importlib
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from common import ids
from common.broker.inprocess import InProcessBroker
from common.clock import Clock
from common.log import get_logger
from common.outbox import Database, Relay, TimerLoop
from common.platform import SERVICES
from common.service import Service

from audit import app as audit
from embedded.front import Front
from embedded.serving import Serving
from stack import keys, pages
from stack.keeper import Keeper
from stack.lock import sole_user
from stack.mailbox import Mailbox, mailbox, of_notify_svc
from stack.process import free_port, listening
from stack.sandbox import of_payment_svc, payment_sandbox
from stack.server import HttpServer, Server
from stack.stores import local_mongo

log = get_logger("embedded")

STREAM_LISTENERS = 64
"""Live streams of a service at most; each holds a thread."""
HTTP_THREADS = 2 * STREAM_LISTENERS + 32
"""For the streams of booking-svc and notify-svc, and so many always remain for requests."""


class System:
    """The whole platform, running in this process with its data in `directory`.

    port: 0 takes a free one. env: variables on top of the environment. clock: for tests.
    """

    def __init__(
        self, directory: Path, *, port: int = 0, env: Mapping[str, str] | None = None, clock: Clock | None = None
    ) -> None:
        self.directory = directory.absolute()
        self.directory.mkdir(parents=True, exist_ok=True)
        self.secrets = keys.load_or_make(self.directory / "secrets.json")
        self._mongo = local_mongo(self.directory)
        self._env = {**os.environ, **self.secrets, **(env or {})}
        self._clock = clock
        self._port = port or free_port()
        self.sandbox = self._make_sandbox(known=bool(port))
        self.mailbox = self._make_mailbox(known=bool(port))
        self._parts: list[Any] = []
        self._held = ExitStack()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self.broker = InProcessBroker()
        self.services: dict[str, Service] = {}

    def _make_sandbox(self, *, known: bool) -> HttpServer | None:
        """Alipay and WeChat Pay, where nobody takes real money."""
        if self._env.get("APP_ENV") == "production":
            return None
        sandbox = payment_sandbox(self.directory, known=known)
        self._env = {**of_payment_svc(sandbox, self.url), **self._env}
        return sandbox

    def _make_mailbox(self, *, known: bool) -> Mailbox | None:
        """Where letters arrive, unless they are people's own."""
        if self._env.get("APP_ENV") == "production":
            return None
        box = mailbox(self.directory, known=known, url=self.url, token=self._env["RECEIPTS_TOKEN"])
        self._env = {**of_notify_svc(box, self.url), **self._env}
        return box

    @property
    def url(self) -> str:
        """Where it answers, without a path."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def apps(self) -> dict[str, Any]:
        """The web application of each service, and the audit's."""
        return {**{name: service.app for name, service in self.services.items()}, audit.NAME: self._audit.app}

    def start(self) -> None:
        """Start everything; returns when requests are answered."""
        self._held.enter_context(sole_user(self.directory))
        if listening(self._port):
            raise OSError(f"port {self._port} is taken; choose another: make run PORT=8001 (0 takes a free one)")
        ids.use_key(self._env["ID_KEY"])
        for child in self._children:
            child.launch()
        for child in self._children:
            child.wait_ready()
        self._keeper.start()
        self.services = {name: self._build(name) for name in SERVICES}
        self._audit = self._build_audit()
        for service in self.services.values():
            service.migrate()
        for service in self.services.values():
            self.broker.subscribe(service.processor)
        for service in self.services.values():
            self._parts += self._background(service)
        self.broker.start()
        for part in self._parts:
            part.start()
        self._serve()

    def stop(self) -> None:
        """Let requests end, then messages, then stores. What is on its way stays in the outbox for the next start."""
        self._front.closing = True
        for service in self.services.values():
            if service.streams is not None:
                service.streams.close()
        self._serving.stop()
        for part in self._parts:
            part.stop()
        self.broker.stop()
        for service in self.services.values():
            service.store.close()
        self._ended.set()
        self._keeper.join()
        for child in self._children:
            child.stop()
        self._held.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _children(self) -> list[Server]:
        return [self._mongo, *(child for child in (self.sandbox, self.mailbox) if child is not None)]

    def _build(self, name: str) -> Service:
        module = importlib.import_module(f"{name.replace('-', '_')}.app")
        env = {
            **self._env,
            "DATABASE_URL": f"sqlite:///{self.directory}/{name}.db",
            "MONGO_URL": self._mongo.url("notify"),
            "REDIS_URL": "",
            "BROKER_URL": "",
            "STREAM_LISTENERS": str(STREAM_LISTENERS),
        }
        service: Service = module.build(module.Settings.load(env), self._clock)
        return service

    def _build_audit(self) -> audit.Audit:
        books = {"BOOKS_URL": self.sandbox.url} if self.sandbox else {}
        return audit.build(audit.Settings.load({**books, "PLATFORM_URL": self.url, **self._env}))

    def _background(self, service: Service) -> list[Any]:
        loops = [make() for make in service.loops]
        if not isinstance(service.store, Database):
            return loops
        # no grace for other processes: there are none, so what stands in the outbox at the start is ours to send
        relay = Relay(service.store, self.broker.publisher(service.name), sweep_seconds=2.0, grace=timedelta(0))
        if not (service.timers or service.jobs):
            return [relay, *loops]
        return [relay, TimerLoop(service.store, service.timers, service.jobs, service, alone=True), *loops]

    def _serve(self) -> None:
        self._front = front = Front(self.apps, self._missing, pages.folder())
        host = self._env.get("HOST", "127.0.0.1")
        self._serving = Serving(front, host=host, port=self._port, threads=HTTP_THREADS)
        self._port = self._serving.port

    def _keep(self) -> None:
        """The document store, the sandbox and the mailbox are processes of their own: one that dies is started again."""
        keeper = Keeper(self._children, lambda name, text: log.error("died", process=name, fate=text))
        while not self._ended.wait(0.1):
            keeper.tend()

    def _missing(self) -> list[str]:
        return [f"{name}: {what}" for name, service in self.services.items() for what in service.missing()]
