"""nginx in front of local services: the configuration of deploy/gateway with the ports and folders of this run."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from stack.pages import WITHOUT, folder
from stack.process import Command, Process
from stack.server import HttpServer, program

CONFIGURATION = Path(__file__).resolve().parent.parent / "deploy" / "gateway" / "nginx.conf"
_MARK = "# (stack)"


def local(directory: Path, port: int, apis: Mapping[str, int], pages: Path | None = None) -> HttpServer:
    """Nginx on `port` with its files under `directory`, `apis` the port of every service's api, `pages` those of web/dist by itself.

    Raises ServersUnavailable without nginx.
    """
    binary, home = program("nginx"), (directory / "gateway").absolute()
    home.mkdir(parents=True, exist_ok=True)
    configuration = home / "nginx.conf"
    text = render(CONFIGURATION.read_text(), home, port, apis, pages or folder())
    # Root's workers would become another user, who may not be able to reach this folder.
    directives = f"daemon off; pid {home}/pid;" + (" user root;" if os.geteuid() == 0 else "")
    command = Command(
        [binary, "-e", "stderr", "-c", str(configuration), "-g", directives],
        env={"PATH": os.environ.get("PATH", "")},
        files={configuration: text},
        death_signal=Command.stop_signal,  # killed, its master would leave the workers behind
    )
    return HttpServer(Process("gateway", command, directory / "logs" / "gateway.log"), port, "/healthz")


def render(template: str, home: Path, port: int, apis: Mapping[str, int], pages: Path = WITHOUT) -> str:
    """The configuration with every marked line made local. Raises ValueError for a marked line that nothing fits.

    A service that `apis` leaves out gets the discard port: it answers 502 as if it were down.
    """

    def localise(line: str) -> str:
        if _MARK not in line:
            return line
        local_line = re.sub(r"\bserver ([\w-]+):8000;", lambda hit: f"server 127.0.0.1:{apis.get(hit[1], 9)};", line)
        local_line = local_line.replace("/tmp/", f"{home}/").replace("listen 8080", f"listen 127.0.0.1:{port}")  # noqa: S108
        local_line = local_line.replace("root /usr/share/nginx/html", f'root "{pages}"')
        if local_line == line:
            raise ValueError(f"marked, yet nothing to replace: {line.strip()}")
        return local_line

    return "\n".join(map(localise, template.splitlines())) + "\n"
