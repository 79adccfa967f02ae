"""The payment sandbox as Alipay, over HTTP: its control, a payer's browser, and where its notices arrive."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from payment_sandbox.server import Server
from payment_svc.providers import Heard, Paid, RefundOrder, Refused, Trade
from payment_svc.providers.alipay import Alipay
from payment_svc.settings import Settings

PATIENCE = 20.0  # seconds

_numbers = count(1)


class Rig:
    """A sandbox, and a merchant who listens. `heard` are the notices: what was made of each."""

    def __init__(self, server: Server, listener: str) -> None:
        self.server = server
        settings = Settings(alipay_url=f"{server.url}/gateway.do", callback_url=listener, provider_timeout=5.0)
        self.alipay = Alipay.of(settings)
        self.heard: list[Heard | Refused] = []
        self.bodies: list[bytes] = []

    # --- control -----------------------------------------------------------------------------------------------------

    def control(self, path: str, said: Any = None) -> Any:
        body = None if said is None else json.dumps(said).encode()
        request = Request(f"{self.server.url}/_ctl/{path}", body, {"Content-Type": "application/json"})
        with urlopen(request) as answer:
            return json.load(answer)

    def fault(self, call: str, name: str, times: int = 1, **more: Any) -> None:
        self.control(
            "faults", {"faults": [{"provider": "alipay", "call": call, "fault": name, "times": times, **more}]}
        )

    def options(self, **changes: Any) -> None:
        self.control("options", changes)

    def advance(self, by: timedelta) -> None:
        self.control("clock", {"advance": by.total_seconds()})

    def scan(self, trade: Trade) -> None:
        self.control(f"trades/alipay/{trade.number}/scan", {})

    def pay(self, trade: Trade) -> None:
        self.control(f"trades/alipay/{trade.number}/pay", {})

    @property
    def books(self) -> tuple[int, int]:
        """What Alipay took in and gave back, in fen."""
        books = self.control("books")["alipay"]
        return books["taken_in"], books["given_back"]

    # --- what happens ------------------------------------------------------------------------------------------------

    def trade(self, amount: int = 5000, **changes: Any) -> Trade:
        """Another one, good for a quarter of an hour of the sandbox's time."""
        number = f"261122SANDBOX{next(_numbers):07d}"
        end = self.server.sandbox.now() + timedelta(minutes=15)
        return Trade(number, amount, "内科 挂号费", end.replace(microsecond=0), **changes)

    def paid(self, amount: int = 5000) -> tuple[Trade, Paid]:
        trade = self.trade(amount)
        self.alipay.create(trade)
        self.pay(trade)
        paid = self.alipay.query(trade)
        assert isinstance(paid, Paid)
        return trade, paid

    def order(self, trade: Trade, paid: Paid, amount: int, number: str = "") -> RefundOrder:
        number = number or f"261122REFUND{next(_numbers):08d}"
        about = (number, trade.number, paid.transaction_id, amount, trade.amount, "patient cancelled")
        return RefundOrder(*about, sent_before=None)

    def listen(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
        self.bodies.append(body)
        try:
            self.heard.append(self.alipay.hear(headers, body, datetime.now(UTC)))
        except Refused as refused:
            self.heard.append(refused)
            return self.alipay.refusal(refused.reason)
        return self.alipay.accepted

    def await_heard(self, number: int, *, advancing: timedelta | None = None) -> list[Heard | Refused]:
        """`advancing`: what is awaited comes only when the sandbox's time has come, of an attempt that it may be writing down yet."""
        deadline = time.monotonic() + PATIENCE
        while len(self.heard) < number:
            assert time.monotonic() < deadline, self.heard
            if advancing:
                self.advance(advancing)
            time.sleep(0.02)
        return self.heard


def browse(url: str) -> tuple[int, str]:
    """A payer's browser follows a link: the status, and the page that she sees in the end."""
    try:
        with urlopen(url) as page:
            return page.status, page.url
    except HTTPError as error:
        with error:
            return error.code, url


@contextmanager
def a_rig(directory: Path) -> Iterator[Rig]:
    rigs: list[Rig] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/api/v1/payments/notify/alipay"
            status, said, kind = rigs[0].listen(dict(self.headers), body)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server = Server(directory)
    rigs.append(Rig(server, f"http://127.0.0.1:{listening.server_port}"))
    server.start()
    try:
        yield rigs[0]
    finally:
        server.stop()
        listening.shutdown()
        thread.join()
        listening.server_close()
