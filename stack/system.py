"""The five services as they run in production, on private servers: an api and a worker process each, nginx in front.

Beside them the payment sandbox, which is Alipay and WeChat Pay here, and the mailbox, where letters arrive.

with System(directory) as system:
requests.get(f"{system.url}/api/v1/hospitals")
system.kill("booking-svc", "worker")
system.restart("booking-svc", "worker")
"""

import os
import secrets
import shutil
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from stack import gateway, keys, sandbox
from stack.keeper import Keeper
from stack.mailbox import mailbox, of_notify_svc
from stack.process import Command, Process, finish, free_port, stop_all
from stack.server import HttpServer
from stack.servers import RELATIONAL, SERVICES, Realm, Servers, provide

ROLES = ("api", "worker")
_GUNICORN = ("gunicorn", "-c", "python:common.gunicorn_conf")
STREAM = "stream"
"""The role of a process that holds live streams open: the service's api with a thread for each."""
STREAMING = ("booking-svc", "notify-svc")
LISTENERS = 550
MIGRATION_SECONDS = 120.0
SECRETS_OF = {
    "JWT_PRIVATE_KEY": {"user-svc"},
    "DATA_KEY": {"user-svc"},
    "TRAIL_KEY": {"user-svc"},
    "CONTACT_KEY": {"user-svc", "notify-svc"},
    "DOOR_KEY": {"booking-svc"},
    "RECEIPTS_TOKEN": {"notify-svc"},
    "ADMIN_USERNAME": {"user-svc"},
    "ADMIN_PASSWORD": {"user-svc"},
}
"""Who alone has them; all others are everybody's."""


def _silent(_name: str, _text: str) -> None:
    pass


class Part(HttpServer):
    """The api, the worker or the streams of one service."""

    def __init__(self, process: Process, port: int, metrics: Path | None) -> None:
        super().__init__(process, port, "/readyz")
        self._metrics = metrics

    def launch(self) -> None:
        if self._metrics and not self.alive:  # the counters of a former life are not its own
            shutil.rmtree(self._metrics, ignore_errors=True)
            self._metrics.mkdir(parents=True)
        super().launch()

    def revive(self) -> None:
        """Start it after it died by itself. A planned crash (CRASH_AT) happens once."""
        self.process.set_env(CRASH_AT="")
        super().revive()


class System:
    """All services, running. Stop it, or use it as a context manager; nothing but the directory is left behind.

    servers: running ones to share, where it gets a realm of its own; otherwise it starts its own in `directory`.
    port: the gateway's; 0 takes a free one.
    env: variables for every process. env_of: for one service ("booking-svc") or process ("booking-svc worker").
    respawn: start what dies again without being asked.
    """

    def __init__(
        self,
        directory: Path,
        *,
        services: Sequence[str] = SERVICES,
        servers: Servers | None = None,
        port: int = 0,
        env: Mapping[str, str] | None = None,
        env_of: Mapping[str, Mapping[str, str]] | None = None,
        respawn: bool = False,
        say: Callable[[str, str], None] = _silent,
    ) -> None:
        self.directory = directory.absolute()
        self.services = services
        self._shares = servers is not None
        self.servers = servers or provide(
            self.directory, prefer=("local", "docker"), say=lambda text: say("stack", text)
        )
        self.realm: Realm = self.servers.realm(f"r{secrets.token_hex(4)}" if self._shares else "")
        self.secrets = keys.load_or_make(self.directory / "secrets.json")
        self._env, self._env_of = env or {}, env_of or {}
        self._respawn, self._say = respawn, say
        self._undo = ExitStack()
        self._port = port or free_port()
        self.sandbox = sandbox.payment_sandbox(self.directory, known=bool(port)) if "payment-svc" in services else None
        self.mailbox = (
            mailbox(self.directory, known=bool(port), url=self._url, token=self.secrets["RECEIPTS_TOKEN"])
            if "notify-svc" in services
            else None
        )
        roles = [(service, role) for service in services for role in ROLES]
        roles += [(service, STREAM) for service in STREAMING if service in services]
        self._ports = {key: free_port() for key in roles}
        self._parts = {key: self._part(*key) for key in self._ports}
        apis = {service: self._ports[service, "api"] for service in services}
        apis |= {f"{service}-{STREAM}": port for (service, role), port in self._ports.items() if role == STREAM}
        self.audit = self._audit() if {*SERVICES} <= {*services} else None
        if self.audit is not None:
            apis["audit"] = self.audit.port
        self.gateway = gateway.local(self.directory, self._port, apis)

    # --- its processes ---------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The gateway's, without a path."""
        return self.gateway.url

    @property
    def parts(self) -> list[HttpServer]:
        beside = [part for part in (self.sandbox, self.mailbox, self.audit) if part is not None]
        return [*self._parts.values(), *beside, self.gateway]

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def part(self, service: str, role: str) -> Part:
        """One service's "api", "worker" or "stream": its port and process."""
        return self._parts[service, role]

    def kill(self, service: str, role: str) -> None:
        """Kill -9, its children too."""
        self.part(service, role).kill()

    def restart(self, service: str, role: str, **env: str) -> None:
        """Start it again (stop it first if it runs), with changed variables if some are given, and wait until it is ready."""
        part = self.part(service, role)
        part.stop()
        part.process.set_env(**env)
        part.start()

    def env(self, service: str, role: str = "worker") -> dict[str, str]:
        """The whole environment of a process, also for commands of one's own: `python -m common.run dlq ...`."""
        variables = dict(os.environ) | {
            "APP_ENV": "dev",
            "LOG_FORMAT": "console",
            "BROKER_URL": self.realm.broker_url,
            "PORT": str(self._ports[service, "api"]),
            "WORKER_PORT": str(self._ports[service, "worker"]),
            "PYTHONUNBUFFERED": "1",
        }
        if role != "worker":
            variables["PROMETHEUS_MULTIPROC_DIR"] = str(self._metrics(service, role))
        if service in RELATIONAL:
            variables["DATABASE_URL"] = self.realm.database_url(service)
        else:
            variables["MONGO_URL"] = self.realm.mongo_url
        if service == "user-svc":
            variables["REDIS_URL"] = self.realm.redis_url
        if service == "payment-svc" and self.sandbox is not None:
            variables |= sandbox.of_payment_svc(self.sandbox, self._url)
        if service == "notify-svc" and self.mailbox is not None:
            variables |= of_notify_svc(self.mailbox, self._url)
        variables |= {name: value for name, value in self.secrets.items() if service in SECRETS_OF.get(name, {service})}
        return (
            variables
            | dict(self._env)
            | (_of_stream() if role == STREAM else {})
            | dict(self._env_of.get(service, {}))
            | dict(self._env_of.get(f"{service} {role}", {}))
        )

    def _metrics(self, service: str, role: str) -> Path:
        """Where the workers of a gunicorn add up their counters."""
        return self.directory / "metrics" / f"{service}-{role}"

    def _part(self, service: str, role: str) -> Part:
        port = self._ports[service, role]
        process = self._process(f"{service} {role}", _command(service, role, port), self.env(service, role))
        return Part(process, port, self._metrics(service, role) if role != "worker" else None)

    def _audit(self) -> Part:
        """The invariants, live: one process, which remembers what it saw. It needs no secret."""
        port, metrics = free_port(), self.directory / "metrics" / "audit"
        env = dict(os.environ) | {
            "APP_ENV": "dev",
            "JWT_PUBLIC_KEY": self.secrets["JWT_PUBLIC_KEY"],
            "PLATFORM_URL": self._url,
            "BOOKS_URL": self.sandbox.url if self.sandbox is not None else "",
            "WEB_CONCURRENCY": "1",
            "PROMETHEUS_MULTIPROC_DIR": str(metrics),
            "PYTHONUNBUFFERED": "1",
        }
        return Part(
            self._process("audit", [*_GUNICORN, "--bind", f"127.0.0.1:{port}", "audit.app:api()"], env), port, metrics
        )

    def _process(self, name: str, arguments: Sequence[str], env: Mapping[str, str]) -> Process:
        log = self.directory / "logs" / f"{name.replace(' ', '-')}.log"
        return Process(name, Command([sys.executable, "-m", *arguments], env=env), log)

    # --- its life --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until all of it is ready.

        Raises ChildProcessError or TimeoutError with the end of the log in question.
        """
        with ExitStack() as undo:
            if self._shares:
                self.realm.create()
                undo.callback(self.realm.drop)
            else:
                self._say("stack", "starts the servers")
                undo.enter_context(self.servers)
            if self._respawn:
                self._keep(undo)
            undo.callback(self._stop_parts)
            self._say("stack", "runs the migrations")
            if self.mailbox is not None:
                self.mailbox.start()  # whose certificate notify-svc reads when it starts
            self.migrate()
            self._say("stack", "starts the services")
            for part in self.parts:
                part.launch()
            for part in self.parts:
                part.wait_ready()
            self._undo = undo.pop_all()

    def stop(self) -> None:
        """End everything, gracefully where it can be had."""
        self._undo.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def migrate(self) -> None:
        """Bring every service's database up to date, all at a time. Raises ChildProcessError with what one of them said."""
        migrations = [
            self._process(f"{service} migrate", ["common.run", "migrate", service], self.env(service))
            for service in self.services
        ]
        for migration in migrations:
            migration.start()
        finish(migrations, MIGRATION_SECONDS)

    def _stop_parts(self) -> None:
        for part in self.parts:
            part.wanted = False
        stop_all([part.process for part in self.parts], seconds=30)

    def _keep(self, undo: ExitStack) -> None:
        """Tend the parts in a thread, which has to outlive what it starts: it ends after the parts have been stopped."""
        ended, keeper = threading.Event(), Keeper(self.parts, self._say)

        def tend() -> None:
            while not ended.wait(0.1):
                keeper.tend()

        thread = threading.Thread(target=tend, name="keeper", daemon=True)
        thread.start()
        undo.callback(thread.join)
        undo.callback(ended.set)


def _of_stream() -> dict[str, str]:
    """One worker, so that one look into the database serves all; threads for its listeners, and for who asks how it is."""
    return {"WEB_CONCURRENCY": "1", "WEB_THREADS": str(LISTENERS + 50), "STREAM_LISTENERS": str(LISTENERS)}


def _command(service: str, role: str, port: int) -> list[str]:
    if role == "worker":
        return ["common.run", "worker", service]
    return [*_GUNICORN, "--bind", f"127.0.0.1:{port}", f"common.run:api('{service}')"]
