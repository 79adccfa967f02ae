"""payment-svc and the payment sandbox, each on a port of its own: they know of each other what HTTP says."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from common.messages import RequestPayment
from payment_sandbox.server import Server
from payment_svc.app import Settings, build
from payment_world import PATIENT, WINDOW, World
from werkzeug.serving import WSGIRequestHandler, make_server

PATIENCE = 20.0  # seconds
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class _Quiet(WSGIRequestHandler):
    def log(self, *_args: Any) -> None:
        pass


class Door:
    """In front of payment-svc. While it is `shut` callbacks are kept as they came, and nobody hears them."""

    def __init__(self, within: Wsgi) -> None:
        self.within, self.shut = within, False
        self.kept: list[tuple[dict[str, str], bytes]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self.shut or "/notify/" not in environ["PATH_INFO"]:
            return self.within(environ, start_response)
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        self.kept.append((headers | {"Content-Type": environ["CONTENT_TYPE"]}, body))
        start_response("503 Service Unavailable", [("Content-Length", "0")])
        return [b""]


class Merchant(World):
    """Its time is the sandbox's when it begins, and moves when told to."""

    def open(self, folder: Path) -> None:
        self.clock.set(datetime.now(UTC))
        self.vendors = Server(folder / "sandbox")
        self.vendors.start()
        self.door = Door(self.service.app.wsgi_app)
        self.http = make_server("127.0.0.1", 0, self.door, threaded=True, request_handler=_Quiet)
        self.base = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        addresses = {"wechat_url": self.vendors.url, "alipay_url": f"{self.vendors.url}/gateway.do"}
        settings = Settings(app_env="test", database_url=self.url, callback_url=self.base, **addresses)
        made = build(settings)
        made.store.close()
        self.service.parts.providers.update(made.parts.gateways)

    def shut(self) -> None:
        self.vendors.stop()
        self.http.shutdown()
        self._thread.join()
        self.http.server_close()
        self.database.close()

    def request_message(self, order_id: str, **more: Any) -> RequestPayment:
        return replace(super().request_message(order_id, **more), pay_before=self.clock() + WINDOW)

    # --- over HTTP -----------------------------------------------------------------------------------------------------

    def call(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            with urlopen(Request(f"{self.base}/api/v1{path}", body, headers), timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read()

    def start(self, order_id: str, method: str) -> dict[str, Any]:
        """The patient starts a payment."""
        body = json.dumps({"method": method}).encode()
        status, said = self.call(f"/orders/{order_id}/payments", body, PATIENT | {"Content-Type": "application/json"})
        assert status == 201, said
        payment: dict[str, Any] = json.loads(said)
        return payment

    def control(self, path: str, said: Any = None) -> Any:
        body = None if said is None else json.dumps(said).encode()
        with urlopen(Request(f"{self.vendors.url}/_ctl/{path}", body, {"Content-Type": "application/json"})) as answer:
            return json.load(answer)

    def buy(self, payment: dict[str, Any]) -> None:
        """The payer pays at her provider."""
        self.control(f"trades/{payment['method']}/{self.attempt(payment['id']).number}/pay", {})

    def calls(self, method: str) -> list[str]:
        return [call["call"] for call in self.control("calls")["calls"] if call["provider"] == method]

    def books(self, method: str) -> tuple[int, int]:
        """What that provider took in and gave back, in fen."""
        books = self.control("books")[method]
        return books["taken_in"], books["given_back"]

    def check_both(self) -> None:
        """At rest our books are right, and say of each provider what it says itself."""
        self.check_rest()
        balances = self.balances()
        for method in ("alipay", "wechat"):
            took, gave = self.books(method)
            assert balances.get(f"clearing:{method}", 0) == took - gave, method


def until(look: Callable[[], Any], what: str) -> Any:
    """The first true value of `look()`."""
    deadline = time.monotonic() + PATIENCE
    while not (value := look()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return value
