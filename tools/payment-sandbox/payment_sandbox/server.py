"""The sandbox on a socket: threads of this process, HTTP/1.1 with connections that stay, TLS if wanted.

It is its own small server because it must do what others rightly don't: give the application the request's path byte by byte
(signatures are over it), and reset a connection in the middle of an answer when that is planned.
"""

import io
import logging
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from werkzeug.test import run_wsgi_app

from payment_sandbox.app import LONGEST_BODY, create_app, refuse_production, vendors
from payment_sandbox.core import Sandbox
from payment_sandbox.parts import Vendor

IDLE = 75.0  # seconds that a connection may say nothing
LONGEST_STOP = 10.0  # seconds that requests under way are waited for

log = logging.getLogger(__name__)


class _Connection(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE
    wbufsize = -1  # an answer goes out in one piece
    disable_nagle_algorithm = True
    server: Any

    def answer(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            chunks, status, headers = run_wsgi_app(self.server.app, self._environ(body), buffered=True)
        except ConnectionAbortedError:
            self._cut()
            return
        except Exception:
            log.exception("%s %s", self.command, self.path)
            self.send_error(500)
            return
        content = b"".join(chunks)
        self.send_response_only(int(status.split()[0]), status.partition(" ")[2])
        for name, value in headers.items():
            if name.lower() not in {"content-length", "connection"}:
                self.send_header(name, value)
        if not status.startswith(("204", "304")):
            self.send_header("Content-Length", str(len(content)))
        if "Date" not in headers:
            self.send_header("Date", self.date_time_string())
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = answer  # noqa: N815 - http.server's names

    def _body(self) -> bytes | None:
        """None: it was refused, or never came."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdigit() or int(length) > LONGEST_BODY:
            self.close_connection = True
            self.send_error(413 if length.isdigit() and int(length) > LONGEST_BODY else 411)
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):  # the client left in the middle of a sentence
            self.close_connection = True
            return None
        return body

    def _environ(self, body: bytes) -> dict[str, Any]:
        target = self.requestline.split()[1]  # as sent; `self.path` has been tidied up
        path, _, query = target.partition("?")
        secure = isinstance(self.connection, ssl.SSLSocket)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": target,
            "REQUEST_URI": target,
            "SERVER_NAME": self.server.host,
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if secure else "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = f"HTTP_{name.upper().replace('-', '_')}"
            if key not in {"HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"} and "_" not in name:
                environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def _cut(self) -> None:
        """Close without an answer, and so that the client's kernel hears of a reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.rfile.close()  # which `finish` leaves open if the client is gone before her answer

    def handle_expect_100(self) -> bool:
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        log.debug(format, *args)


class Server:
    """The sandbox, reachable from `start()` to `stop()`. The port is taken at once (0: any that is free), so `url` is known.

    `url`: where payers reach it, if that is elsewhere. Raises RefusedInProduction; OSError
    if the port or the directory is another's.
    """

    def __init__(
        self,
        directory: Path,
        port: int = 0,
        url: str = "",
        *,
        host: str = "127.0.0.1",
        ssl_context: ssl.SSLContext | None = None,
        speed: float | None = None,
        speakers: Sequence[Vendor] | None = None,
    ) -> None:
        refuse_production()
        self.host, self._tls = host, ssl_context
        self._listening = socket.create_server((host, port), backlog=256)
        self.port: int = self._listening.getsockname()[1]
        reached = "127.0.0.1" if host in {"", "0.0.0.0"} else host
        self.address = (reached, self.port)
        self.url = url.rstrip("/") or f"{'https' if ssl_context else 'http'}://{reached}:{self.port}"
        with ExitStack() as undo:
            undo.callback(self._listening.close)
            self.sandbox = Sandbox(Path(directory), vendors() if speakers is None else speakers, self.url, speed)
            undo.callback(self.sandbox.stop)
            self.app = create_app(self.sandbox)
            undo.pop_all()
        self._open: dict[object, socket.socket] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name=f"sandbox:{self.port}", daemon=True)

    def start(self) -> None:
        """Answers from now on, and delivers what is to be told."""
        self.sandbox.start()
        self._thread.start()

    def stop(self) -> None:
        """Answers nobody any more. What was accepted is kept; the directory may be used by another one."""
        if self._stopping:
            return
        self.sandbox.stopping.set()
        with self._changed:
            self._stopping = True
            for connection in self._open.values():
                _shut(connection)
        if self._thread.ident:
            socket.create_connection(self.address).close()  # wakes accept()
            self._thread.join()
        self._listening.close()
        with self._changed:
            self._changed.wait_for(lambda: not self._open, LONGEST_STOP)
        self.sandbox.stop()

    def _accept(self) -> None:
        while not self._stopping:
            try:
                connection, address = self._listening.accept()
            except OSError as scarce:  # too many files are open, or the client is gone
                log.warning("no connection: %r", scarce)
                self.sandbox.stopping.wait(0.1)
                continue
            key = object()
            with self._changed:
                if self._stopping:
                    connection.close()
                    return
                self._open[key] = connection
            threading.Thread(target=self._serve, args=(key, connection, address), daemon=True).start()

    def _serve(self, key: object, connection: socket.socket, address: Any) -> None:
        try:
            if self._tls:
                connection.settimeout(IDLE)
                secure = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                with self._changed:
                    self._open[key] = connection = secure  # stop() must reach it still
                secure.do_handshake()
            _Connection(connection, address, self)  # type: ignore[arg-type]  # it needs no more of a server than this one is
        except OSError as gone:  # the client, or TLS with it
            log.debug("connection lost: %r", gone)
        finally:
            connection.close()
            with self._changed:
                del self._open[key]
                self._changed.notify_all()


def _shut(connection: socket.socket) -> None:
    try:
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # TLS's own would pull the object away under its reader
    except OSError as gone:
        log.debug("gone already: %r", gone)
