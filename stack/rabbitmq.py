"""RabbitMQ: a node of its own name server, cookie and plugins, so that it meets no other node of this machine."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from socket import create_connection
from urllib.parse import quote

from stack.process import Command, Process, free_port, listening, wait_until
from stack.server import Runner, Server, program

FOLDERS = (
    "/usr/lib/rabbitmq/bin",
    "/usr/lib/rabbitmq/lib/*/sbin",
    "/opt/homebrew/sbin",
)  # not Debian's wrapper, which becomes user rabbitmq
PLUGINS = "[rabbitmq_consistent_hash_exchange]."
USER = "haoyuan"
LOGGING = "log.console = true\nlog.console.level = info\nlog.file = false\n"
CTL_SECONDS = 30.0
_GREETING = b"AMQP\x00\x00\x09\x01"


class RabbitMQ(Server):
    """A broker on the loopback. `ctl` runs rabbitmqctl with the arguments given; `load` gives it definitions (JSON)."""

    def __init__(
        self, runner: Runner, port: int, password: str, ctl: Callable[..., None], load: Callable[[str], None]
    ) -> None:
        super().__init__(runner, port)
        self._password = password
        self.ctl = ctl
        self.load = load

    def ready(self) -> bool:
        """Whether it answers an AMQP greeting; it listens long before it does."""
        try:
            with create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(_GREETING)
                return connection.recv(1) == b"\x01"  # a method frame: connection.start
        except OSError:
            return False

    def url(self, vhost: str = "/", user: str = USER, password: str = "") -> str:
        """Where it is reached; as our own user, or as another with his password."""
        who = f"{quote(user, safe='')}:{quote(password or self._password, safe='')}"
        return f"amqp://{who}@127.0.0.1:{self.port}/{quote(vhost, safe='')}"

    def add_vhost(self, name: str) -> str:
        """Make a virtual host: a broker of its own for a test. Returns the URL."""
        self.ctl("add_vhost", name)
        self.ctl("set_permissions", "-p", name, USER, ".*", ".*", ".*")
        return self.url(name)

    def settle(self) -> None:
        """Write down which queues and bindings there are. The broker does so up to two seconds late: a quorum queue that
        is declared and killed within them stays without a leader for ever, and a binding is gone.
        """
        self.ctl("eval", "mnesia:sync_log(), [dets:sync(Table) || Table <- dets:all()].")

    def drop_vhost(self, name: str) -> None:
        self.ctl("delete_vhost", name)


def local(directory: Path, password: str) -> RabbitMQ:
    """A broker of the installed binaries with its data under `directory`. Raises ServersUnavailable without them."""
    port = free_port()
    process = _LocalRabbitMQ(directory, port, password)
    return RabbitMQ(process, port, password, process.ctl, lambda text: process.ctl("import_definitions", stdin=text))


class _LocalRabbitMQ(Process):
    """The broker's process, and its name server's (epmd), which would otherwise become a daemon that outlives us."""

    def __init__(self, directory: Path, port: int, password: str) -> None:
        self._home = (directory / "rabbitmq").absolute()
        self._home.mkdir(parents=True, exist_ok=True)
        self._epmd_port = free_port()
        env = self._environment()
        configuration = (
            f"listeners.tcp.1 = 127.0.0.1:{port}\ndefault_user = {USER}\ndefault_pass = {password}\n{LOGGING}"
        )
        files = {self._home / "enabled_plugins": PLUGINS, self._home / "rabbitmq.conf": configuration}
        logs = directory / "logs"
        epmd = Command([program("epmd", "/usr/lib/erlang/bin"), "-port", str(self._epmd_port)], env=env)
        self._epmd = Process("epmd", epmd, logs / "epmd.log")
        self._rabbitmqctl = program("rabbitmqctl", *FOLDERS)
        super().__init__(
            "rabbitmq", Command([program("rabbitmq-server", *FOLDERS)], env=env, files=files), logs / "rabbitmq.log"
        )

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": home,  # the Erlang cookie lives here
            "ERL_CRASH_DUMP_BYTES": "0",  # a killed broker leaves no dump in whatever folder we were started from
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "haoyuan@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq.conf",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced.config",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the start script becomes the broker instead of staying as its parent
        }

    def start(self) -> None:
        self._epmd.start()
        wait_until(lambda: listening(self._epmd_port), 10, "epmd")
        super().start()

    def stop(self, seconds: float = 15) -> None:
        super().stop(seconds)
        self._epmd.stop()

    def ctl(self, *arguments: str, stdin: str | None = None) -> None:
        """Run rabbitmqctl. Raises ChildProcessError with what it says."""
        done = subprocess.run(
            [self._rabbitmqctl, "--quiet", *arguments],
            env=dict(self.command.env or {}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=CTL_SECONDS,
        )
        if done.returncode:
            raise ChildProcessError(f"rabbitmqctl {' '.join(arguments)}: {done.stderr or done.stdout}")
