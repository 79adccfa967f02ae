"""Who listens to live streams in scenarios: over HTTP, through the gateway."""

import contextlib
import json
import socket
import threading
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit


class Ear:
    """Listens in a thread. `events`: what was heard; `over`: the stream has ended."""

    def __init__(self, url: str, path: str, token: str, last: str = "") -> None:
        self.events: list[tuple[str, Any]] = []
        self.last, self.over = last, False
        place = urlsplit(url)
        self._connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
        headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last} if last else {})}
        self._connection.connect()
        self._socket = self._connection.sock
        self._connection.request("GET", f"/api/v1{path}", headers=headers)
        self._response = self._connection.getresponse()
        self.status, self.headers = self._response.status, self._response.headers
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        name = ""
        try:
            for line in iter(self._response.readline, b""):
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "id":
                    self.last = value
                elif field == "event":
                    name = value
                elif field == "data":
                    self.events.append((name, json.loads(value)))
        except (OSError, HTTPException, ValueError, AttributeError):  # it was cut, or we have closed it
            pass
        self.over = True

    def told(self, name: str) -> list[Any]:
        """The data of the events of this name."""
        return [data for heard, data in self.events if heard == name]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(30)
        self._response.close()
        self._connection.close()


class Wall:
    """A board on a wall: comes again whenever it is cut off, and speaks each call once. `spoken`: (ticket, room), in order."""

    def __init__(self, url: str, session: str, token: str) -> None:
        self.spoken: list[tuple[str, str]] = []
        self.seen: dict[str, Any] = {}
        self.cut = 0
        self._serial = 0
        self._where = (url, f"/sessions/{session}/queue/stream", token)
        self._ear: Ear | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        heard = 0
        while not self._ended.wait(0.02):
            if self._ear is None or self._ear.over:
                self.cut += self._ear is not None
                self._hang_up()
                with contextlib.suppress(OSError, HTTPException):
                    self._ear, heard = Ear(*self._where), 0
                continue
            for data in self._ear.told("queue")[heard:]:
                heard += 1
                self._show(data)

    def _show(self, board: dict[str, Any]) -> None:
        self.seen = board
        for call in reversed(board["called"]):
            if call["serial"] > self._serial:
                self._serial = call["serial"]
                self.spoken.append((call["ticket"], call["room"]))

    def _hang_up(self) -> None:
        if self._ear is not None:
            self._ear.close()
            self._ear = None

    def close(self) -> None:
        self._ended.set()
        self._thread.join(30)
        self._hang_up()
