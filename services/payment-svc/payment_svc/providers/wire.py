"""One HTTP exchange within bounds: a time that covers dialling, the request, headers and body, and a most of bytes.

http.client waits anew for every few bytes, so a vendor (or whoever stands between) that trickles keeps it waiting for ever. Here
what is left of the time is what each wait may last. Nothing is followed, unpacked or repeated; proxies and trusted certificates are
those of the environment (HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE). How long a name server may take is the resolver's to say.
"""

import io
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPErrorProcessor, HTTPHandler, HTTPSHandler, Request, build_opener


class TooMuch(HTTPException):
    """The answer is longer than it may be; no more of it was read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whatever its status. Its headers are found without regard to case."""

    status: int
    headers: Message
    body: bytes


def exchange(
    url: str,
    *,
    within: float,
    most: int,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Reply:
    """Ask, and read the whole answer `within` seconds. Raises OSError or HTTPException when it is late, cut, larger than `most` bytes
    or not to be had.
    """
    request = Request(url, body, dict(headers or {}), method=method)  # noqa: S310  # settings and adapters let http(s) through, and nothing else
    read = bytearray()
    with _opened(request, within) as response:
        while chunk := response.read1(1 << 16):
            read += chunk
            if len(read) > most:
                raise TooMuch
        if response.length:
            raise IncompleteRead(bytes(read), response.length)
    return Reply(response.status, response.headers, bytes(read))


def _opened(request: Request, within: float) -> HTTPResponse:
    try:
        response: HTTPResponse = build_opener(_Plain, _Tls, _AsItIs).open(request, timeout=within)
    except URLError as error:
        raise (error.reason if isinstance(error.reason, OSError) else error) from None
    return response


class _Timed(HTTPConnection):
    """A connection for one exchange; its `timeout` is the time for all of it, from now on."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._until = time.monotonic() + float(self.timeout or 0)
        self._create_connection = self._dial
        self.response_class = self._answer  # type: ignore[assignment]  # it is called, and nothing else

    def left(self) -> float:
        """Seconds. Raises TimeoutError when none are."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for this call is over")
        return left

    def send(self, data: Any) -> None:
        if self.sock is not None:
            self.sock.settimeout(self.left())
        super().send(data)

    def _dial(self, address: tuple[str, int], *_: Any) -> socket.socket:
        """The first of the host's addresses that answers; each may take its share of what is left."""
        found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
        refused: OSError = OSError("the host has no address")
        for tried, (*_kind, there) in enumerate(found):
            try:
                sock = socket.create_connection((str(there[0]), int(there[1])), self.left() / (len(found) - tried))
            except OSError as error:
                refused = error
            else:
                sock.settimeout(self.left())
                return sock
        raise refused

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]  # http.client's own; TLS is begun right after it
        self.sock.settimeout(self.left())

    def _answer(self, sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        response = HTTPResponse(sock, *args, **kwargs)
        response.fp = io.BufferedReader(_Hasty(self, sock, response.fp.detach()))
        return response


class _TimedTls(_Timed, HTTPSConnection):
    pass


class _Hasty(io.RawIOBase):
    """Reads from a socket, each time no longer than its connection's time lasts."""

    def __init__(self, connection: _Timed, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._connection, self._sock, self._raw = connection, sock, raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._connection.left())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Plain(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Timed, req)


class _Tls(HTTPSHandler):
    def https_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_TimedTls, req)


class _AsItIs(HTTPErrorProcessor):
    """No status is an error, and none leads anywhere else."""

    def http_response(self, request: Request, response: HTTPResponse) -> HTTPResponse:
        del request
        return response

    https_response = http_response
