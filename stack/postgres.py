"""PostgreSQL: a role and a database of its own for everyone who asks."""

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from signal import SIGINT

import psycopg
from psycopg import sql

from stack.process import Command, Process, finish, free_port
from stack.server import Runner, Server, ServersUnavailable, program

FOLDER = "/usr/lib/postgresql/*/bin"  # Debian keeps the programs out of PATH
# Durable as in production; enough connections for every process of a test that runs the system.
OPTIONS = {"max_connections": "200", "shared_buffers": "128MB"}


class Postgres(Server):
    """A PostgreSQL server on the loopback, its superuser `postgres`."""

    def __init__(self, runner: Runner, port: int, password: str) -> None:
        super().__init__(runner, port)
        self._password = password

    def _connect(self, database: str = "postgres") -> psycopg.Connection:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user="postgres",
            password=self._password,
            dbname=database,
            autocommit=True,
            connect_timeout=3,
        )

    def ready(self) -> bool:
        try:
            self._connect().close()
        except psycopg.Error:
            return False
        return True

    def url(self, name: str) -> str:
        """For SQLAlchemy, of the database and role `name`."""
        return f"postgresql+psycopg://{name}:{self._password}@127.0.0.1:{self.port}/{name}"

    def add_database(self, name: str) -> str:
        """Make a role and a database that is open to it alone, unless they exist. Returns the URL."""
        who = sql.Identifier(name)
        with self._connect() as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(who, sql.Literal(self._password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(who, who))
                connection.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(who))
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop the database and its role, whoever is connected."""
        who = sql.Identifier(name)
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(who))
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(who))


def local(directory: Path, password: str) -> Postgres:
    """A server of the installed binaries with its data under `directory`. Raises ServersUnavailable without them."""
    binary, port = program("postgres", FOLDER), free_port()
    return Postgres(_LocalPostgres(binary, directory, port, password), port, password)


class _LocalPostgres(Process):
    """Makes the cluster before its first start. PostgreSQL refuses to run as root, so root runs it as another user."""

    def __init__(self, binary: str, directory: Path, port: int, password: str) -> None:
        user = _substitute_for_root()
        self.home = _home(directory / "postgres", user)
        self._password = password
        options = OPTIONS | {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        command = Command(
            [
                binary,
                "-D",
                str(self._data),
                *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
            ],
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
            cwd=self.home,
            user=user,
            stop_signal=SIGINT,  # "fast": clients are disconnected; SIGTERM would wait for them
        )
        super().__init__("postgres", command, directory / "logs" / "postgres.log")

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def start(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._make_cluster()
        super().start()

    def _make_cluster(self) -> None:
        password_file = self.home / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._password)
        _give(password_file, self.command.user)
        initdb = str(Path(self.command.argv[0]).resolve().with_name("initdb"))
        options = [
            "--username=postgres",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
        ]
        command = replace(self.command, argv=[initdb, "-D", str(self._data), "--no-sync", *options])
        making = Process("initdb", command, self.log)
        making.start()
        finish([making], seconds=60)
        password_file.unlink()


def _substitute_for_root() -> str | None:
    """The user as whom PostgreSQL runs when we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise ServersUnavailable("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")


def _give(path: Path, user: str | None) -> None:
    if user is not None:
        shutil.chown(path, user)


def _home(wanted: Path, user: str | None) -> Path:
    """A folder for PostgreSQL's own user: the one wanted, or, if that user cannot get there (below a closed home), one elsewhere."""
    wanted.mkdir(parents=True, exist_ok=True)
    if user is None:
        return wanted
    _give(wanted, user)
    if (
        subprocess.run(
            ["test", "-x", str(wanted)], user=user, group=pwd.getpwnam(user).pw_gid, extra_groups=[], check=False
        ).returncode
        == 0
    ):
        return wanted
    name = hashlib.sha256(str(wanted.resolve()).encode()).hexdigest()[:16]
    other = Path(tempfile.gettempdir()) / f"haoyuan-postgres-{name}"
    other.mkdir(mode=0o700, exist_ok=True)
    if other.stat().st_uid not in (0, pwd.getpwnam(user).pw_uid):
        raise ServersUnavailable(f"{other} belongs to somebody else")
    _give(other, user)
    return other
