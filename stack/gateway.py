"""nginx in front of local services: the configuration of deploy/gateway with the ports and folders of this run."""

import os
import re
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from stack.process import Command, Process
from stack.server import Server, program

CONFIGURATION = Path(__file__).resolve().parent.parent / "deploy" / "gateway" / "nginx.conf"
_MARK = "# (stack)"


class Gateway(Server):
    """The one way in, on `port` of the loopback."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        return answers(self.port, "/healthz")


def answers(port: int, path: str) -> bool:
    """True if GET `path` on the loopback answers 200 within 5 s."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def local(directory: Path, port: int, apis: Mapping[str, int]) -> Gateway:
    """Nginx on `port` with its files under `directory`, `apis` the port of every service's api.

    Raises ServersUnavailable without nginx.
    """
    binary, home = program("nginx"), (directory / "gateway").absolute()
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "nginx.conf"
    configuration.write_text(render(CONFIGURATION.read_text(), home, port, apis))
    # Root's workers would become another user, who may not be able to reach this folder.
    directives = f"daemon off; pid {home}/pid;" + (" user root;" if os.geteuid() == 0 else "")
    command = Command(
        [binary, "-e", "stderr", "-c", str(configuration), "-g", directives],
        env={"PATH": os.environ.get("PATH", "")},
        death_signal=Command.stop_signal,  # killed, its master would leave the workers behind
    )
    return Gateway(Process("gateway", command, directory / "logs" / "gateway.log"), port)


def render(template: str, home: Path, port: int, apis: Mapping[str, int]) -> str:
    """The configuration with every marked line made local. Raises ValueError for a marked line that nothing fits.

    A service that `apis` leaves out gets the discard port: it answers 502 as if it were down.
    """

    def localise(line: str) -> str:
        if _MARK not in line:
            return line
        local_line = re.sub(r"\bserver ([\w-]+):8000;", lambda hit: f"server 127.0.0.1:{apis.get(hit[1], 9)};", line)
        local_line = local_line.replace("/tmp/", f"{home}/").replace("listen 8080", f"listen 127.0.0.1:{port}")  # noqa: S108
        if local_line == line:
            raise ValueError(f"marked, yet nothing to replace: {line.strip()}")
        return local_line

    return "\n".join(map(localise, template.splitlines())) + "\n"
