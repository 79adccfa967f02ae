"""Redis and the document store: a Mongo-wire server of PyPI over SQLite where there is no MongoDB."""

import os
import sys
from pathlib import Path
from socket import create_connection

import pymongo
import redis
from pymongo.errors import PyMongoError

from stack.process import Command, Process, free_port
from stack.server import Server, program


class Redis(Server):
    """A Redis server on the loopback."""

    def ready(self) -> bool:
        try:
            with create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")  # -LOADING while it reads its data
        except OSError:
            return False

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def clear(self, database: int) -> None:
        """Forget all that this database holds."""
        with redis.Redis(port=self.port, db=database) as client:
            client.flushdb()


class Mongo(Server):
    """A server that speaks MongoDB's protocol on the loopback."""

    def _client(self) -> pymongo.MongoClient[dict[str, object]]:
        return pymongo.MongoClient(
            f"mongodb://127.0.0.1:{self.port}", serverSelectionTimeoutMS=2000, directConnection=True
        )

    def ready(self) -> bool:
        try:
            with self._client() as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def url(self, database: str) -> str:
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    def drop_database(self, database: str) -> None:
        with self._client() as client:
            client.drop_database(database)


class LocalMongo(Mongo):
    """As Mongo, by package nx-27017, which takes a dead run's pid file for a living one's when that pid is in use again."""

    def __init__(self, process: Process, port: int, pid_file: Path) -> None:
        super().__init__(process, port)
        self._pid_file = pid_file

    def launch(self) -> None:
        if not self.alive:
            self._pid_file.unlink(missing_ok=True)
        super().launch()


def local_redis(directory: Path) -> Redis:
    """A server of the installed binary with its data under `directory`. Raises ServersUnavailable without it."""
    port, home = free_port(), directory / "redis"
    home.mkdir(parents=True, exist_ok=True)
    options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(home), "--save", "", "--appendonly", "yes"]
    command = Command([program("redis-server"), *options], env={"PATH": os.environ.get("PATH", "")})
    return Redis(Process("redis", command, directory / "logs" / "redis.log"), port)


def local_mongo(directory: Path) -> Mongo:
    """The server of package nx-27017, one SQLite file a database under `directory`."""
    port, home = free_port(), directory / "mongo"
    home.mkdir(parents=True, exist_ok=True)
    binary = program("nx-27017", str(Path(sys.executable).parent))
    options = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", str(home), "--pid-file", str(home / "pid")]
    options += ["--log-file", os.devnull]  # what it logs there it prints too
    # After a kill -9 the file would name a process id that by now may be somebody else's, and it would not start.
    command = Command([binary, *options], files={home / "pid": ""})
    return LocalMongo(Process("mongo", command, directory / "logs" / "mongo.log"), port, home / "pid")
