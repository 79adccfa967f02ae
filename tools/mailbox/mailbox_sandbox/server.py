"""The mailbox on its sockets: HTTP and SMTP, in threads of this process."""

import logging
import socket
import threading
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from mailbox_sandbox import alibaba, certificate, control, tencent
from mailbox_sandbox.app import create_app, refuse_production
from mailbox_sandbox.box import Box
from mailbox_sandbox.faults import Faults
from mailbox_sandbox.parts import Message
from mailbox_sandbox.receipts import Receipts
from mailbox_sandbox.sms import Office, Templates
from mailbox_sandbox.smtp import MailServer

log = logging.getLogger(__name__)


class _Quiet(WSGIRequestHandler):
    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        """By us (parts.Cut), or by the client: nothing more is said."""
        del error, environ
        self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        log.debug(message, *args) if type == "info" else log.error(message, *args)


class Server:
    """The mailbox, reachable from `start()` to `stop()`. The ports are taken at once (0: any that is free), so `url` and `smtp_port`
    are known.

    receipts: where the providers tell deliveries, with {provider} in it. templates: the texts of SMS (sms.Templates).
    plain: e-mail without TLS, for networks that nobody else is on; else it demands STARTTLS, with a certificate that `ca` signed.
    Raises RefusedInProduction; OSError if a port or the directory is another's; ValueError if the templates are none.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        smtp_port: int = 0,
        *,
        host: str = "127.0.0.1",
        receipts: str = "",
        templates: Path | None = None,
        plain: bool = False,
    ) -> None:
        refuse_production()
        directory = Path(directory)
        self.ca = certificate.authority(directory)
        reached = "127.0.0.1" if host in {"", "0.0.0.0"} else host
        with ExitStack() as undo:
            self.box = undo.enter_context(closing(Box(directory)))
            mail = undo.enter_context(socket.create_server((host, smtp_port)))
            self.smtp_port: int = mail.getsockname()[1]
            self.faults = Faults(self.box)
            self.receipts = Receipts(
                self.box,
                self.faults,
                receipts,
                {"alibaba": alibaba.receipt, "tencent": tencent.receipt},
                {"alibaba": alibaba.accepted, "tencent": tencent.accepted},
            )
            self.office = Office(self.box, self.faults, self.receipts, Templates(templates))
            self._mail = MailServer(self.box, self.faults, mail, None if plain else certificate.context(directory))
            self.app = create_app(self.office, lambda: self._mail.alive and self.receipts.alive)
            listening = undo.enter_context(socket.create_server((host, port), backlog=256))
            self.port: int = listening.getsockname()[1]
            self._http = make_server(
                host, self.port, self.app, threaded=True, request_handler=_Quiet, fd=listening.detach()
            )
            undo.pop_all()
        self.url = f"http://{reached}:{self.port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="http", daemon=True)

    def start(self) -> None:
        self._mail.start()
        self.receipts.start()
        self._thread.start()

    def stop(self) -> None:
        """Answers nobody any more. What arrived is kept; the directory may be used by another one."""
        self.office.stopping.set()
        if self._thread.ident:
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()
        self._mail.stop()
        self.receipts.stop()
        self.box.close()

    def messages(self, to: str = "", channel: str = "", after: int = 0) -> list[Message]:
        """What arrived, oldest first."""
        return self.box.messages(to=control.address(to), channel=channel, after=after)
