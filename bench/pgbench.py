"""The limit: what PostgreSQL does of the same statements by pgbench, without a line of Python, on copies of the services' tables.

The copies stand in databases of their own on the same server: same columns, indexes, constraints and durability.
"""

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import scripts
from stack import postgres
from stack.server import program
from stack.system import System

_TPS = re.compile(r"tps = ([\d.]+) \(without initial connection time\)")
_LATENCY = re.compile(r"latency average = ([\d.]+) ms")
_CATALOGUE = ("hospitals", "departments", "doctors", "sessions", "slots")


@dataclass(frozen=True)
class Limit:
    """Transactions of a script per second, with `clients` at a time."""

    script: str
    clients: int
    per_second: float
    latency: float
    """Milliseconds, on average."""


class PgBench:
    """Copies of booking-svc's, schedule-svc's and payment-svc's tables, and the scripts that run on them."""

    def __init__(self, system: System, hot_slot: str) -> None:
        self._system = system
        self._scripts = scripts.make(hot_slot)
        for service in sorted({owner for owner, _ in self._scripts.values()}):
            self._copy(service)
            self._psql(service, scripts.PREPARE.get(service, "").encode() + scripts.LEAVE_ALONE)

    def run(self, script: str, seconds: float, clients: int) -> Limit:
        """Run one of the scripts with so many clients at a time. Raises ChildProcessError with what pgbench said."""
        owner, text = self._scripts[script]
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(text)
            file.flush()
            options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(max(1, round(seconds)))]
            said = self._client("pgbench", *options, "-f", file.name, self._url(owner)).decode()
        superuser = _libpq(self._system.servers.postgres.url("postgres"))
        self._client(
            "psql", "-q", "-c", "CHECKPOINT", superuser
        )  # or its pages are written while we measure what follows
        found, latency = _TPS.search(said), _LATENCY.search(said)
        if found is None or latency is None:
            raise ValueError(f"pgbench said no figure:\n{said}")
        return Limit(script, clients, float(found[1]), float(latency[1]))

    def _copy(self, service: str) -> None:
        source = _libpq(self._system.realm.database_url(service))
        self._system.servers.postgres.add_database(_copy_name(service))
        options = ["--no-owner", "--no-acl"]
        self._psql(service, self._client("pg_dump", "--schema-only", *options, source))
        if service == "schedule-svc":
            tables = [part for table in _CATALOGUE for part in ("-t", table)]
            self._psql(service, self._client("pg_dump", "--data-only", *options, *tables, source))

    def _url(self, service: str) -> str:
        return _libpq(self._system.servers.postgres.url(_copy_name(service)))

    def _psql(self, service: str, script: bytes) -> None:
        self._client("psql", "-q", "-v", "ON_ERROR_STOP=1", self._url(service), script=script)

    @staticmethod
    def _client(name: str, *arguments: str, script: bytes = b"") -> bytes:
        binary = program(name, postgres.FOLDER)
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(Path.home())}
        done = subprocess.run([binary, *arguments], env=environment, input=script, capture_output=True, check=False)
        if done.returncode:
            raise ChildProcessError(f"{name}: {done.stderr.decode()[:2000]}")
        return done.stdout


def _libpq(url: str) -> str:
    return url.replace("+psycopg", "")


def _copy_name(service: str) -> str:
    return f"bench_{service.replace('-', '_')}"
