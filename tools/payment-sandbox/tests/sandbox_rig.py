"""A vendor that speaks next to no protocol, a merchant that listens, and a sandbox between them: what the core's tests need."""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from flask import Blueprint, Response, request
from payment_sandbox.parts import Delivery, Refund, Trade, Vendor
from payment_sandbox.server import Server

MINUTE = timedelta(minutes=1)


class Stub(Vendor):
    """POST /<name>/<call>/<number> with what the call needs. Says which flaw it was told to have."""

    schedule = (MINUTE, MINUTE * 5)

    def __init__(self, name: str = "wechat") -> None:
        self.name = name

    def blueprint(self, sandbox: Any) -> Blueprint:
        routes = Blueprint(self.name, __name__)

        @routes.post(f"/{self.name}/<call>/<number>")
        def called(call: str, number: str) -> Response:
            said = request.get_json()
            return sandbox.serve(self, call, number, lambda: self._work(sandbox, call, number, said))

        @routes.get(f"/{self.name}/echo/<path:rest>")
        def echo(rest: str) -> dict[str, str]:
            return {"raw": request.environ["RAW_URI"], "request": request.environ["REQUEST_URI"], "path": rest}

        return routes

    def _work(self, sandbox: Any, call: str, number: str, said: dict[str, Any]) -> tuple[int, bytes]:
        now, breaks = sandbox.now(), said.pop("break", False)
        if call == "create":
            sandbox.books.add_trade(a_trade(now, provider=self.name, number=number, **said))
        if call == "refund":
            sandbox.books.add_refund(a_refund(now, provider=self.name, number=number, **said))
            if sandbox.options.balance is not None:
                sandbox.options.balance -= said.get("amount", 100)
        if breaks:
            raise RuntimeError("planned")
        return 200, json.dumps({"number": number}).encode()

    def answer(self, status: int, body: bytes, flaw: str | None) -> Response:
        return Response(body, status, {"Flaw": flaw or ""})

    def error(self, fault: str) -> Response:
        return Response(fault, {"429": 429, "502": 502}.get(fault, 500))

    def delivery(self, sandbox: Any, notice: Any, flaw: str | None) -> Delivery:
        if flaw == "stale":
            raise RuntimeError("the vendor has a defect")
        told = {"id": notice.id, "event": notice.event, "number": notice.number, "flaw": flaw}
        return Delivery({"Content-Type": "application/json"}, json.dumps(told).encode())

    def accepted(self, status: int, body: bytes) -> bool:
        return status == 200 and body == b"success"

    def bill(self, sandbox: Any, day: Any) -> bytes:
        return json.dumps(sandbox.bill_changes(self.name, day)).encode()


def a_trade(now, **more: Any) -> Trade:
    number = more.get("number", "n1")
    default = {
        "provider": "wechat",
        "number": number,
        "channel": "native",
        "amount": 1234,
        "subject": "挂号费",
        "params": {"a": [1, "二"]},
        "notify_url": "",
        "token": f"token-{more.get('provider', 'wechat')}-{number}",
        "created_at": now,
        "expires_at": now + timedelta(minutes=30),
    }
    return Trade(**default | more)


def a_refund(now, **more: Any) -> Refund:
    number = more.get("number", "r1")
    default = {
        "provider": "wechat",
        "number": number,
        "trade_number": "n1",
        "refund_id": f"id-{number}",
        "amount": 100,
        "reason": "退号",
        "notify_url": "",
        "requested_at": now,
    }
    return Refund(**default | more)


@dataclass
class Merchant:
    """Listens for callbacks. `answers` are what it says, one after another; then it accepts."""

    url: str = ""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    heard: list[dict[str, Any]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    gate: threading.Event | None = None
    most_at_once: int = 0
    at_once: int = 0

    def take(self, said: dict[str, Any]) -> tuple[int, bytes]:
        with self.changed:
            self.heard.append(said)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            answer = self.answers.pop(0) if self.answers else (200, b"success")
            self.changed.notify_all()
        if self.gate:
            self.gate.wait(10)
        with self.changed:
            self.at_once -= 1
        return answer

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, 10), f"heard only {self.heard}"
            return list(self.heard)


@contextmanager
def a_merchant():
    merchant = Merchant()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = merchant.take(json.loads(body))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    merchant.url = f"http://127.0.0.1:{server.server_port}/told"
    try:
        yield merchant
    finally:
        if merchant.gate:
            merchant.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Caller:
    """Calls a sandbox over HTTP."""

    def __init__(self, server: Server) -> None:
        self.server, self.url = server, server.url

    def send(self, method: str, path: str, **how: Any) -> requests.Response:
        return requests.request(method, self.url + path, timeout=20, **how)

    def create(self, number: str = "n1", vendor: str = "wechat", **said: Any) -> requests.Response:
        return self.send("POST", f"/{vendor}/create/{number}", json=said)

    def call(self, call: str, number: str = "n1", vendor: str = "wechat", **said: Any) -> requests.Response:
        return self.send("POST", f"/{vendor}/{call}/{number}", json=said)

    def ctl(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.send(method, f"/_ctl{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, body: Any = None, **how: Any) -> tuple[int, str]:
        """Status and code of a refusal."""
        how = how or {"json": body}
        answer = self.send(method, f"/_ctl{path}", **how)
        assert answer.headers["Content-Type"] == "application/problem+json", answer.text
        problem = answer.json()
        assert problem["status"] == answer.status_code
        return answer.status_code, problem["code"]

    def plan(self, fault: str, call: str = "create", provider: str = "wechat", **more: Any) -> None:
        self.ctl("POST", "/faults", {"faults": [{"provider": provider, "call": call, "fault": fault, **more}]})

    def notices(self) -> list[dict[str, Any]]:
        return self.ctl("GET", "/callbacks")["callbacks"]


def eventually(look, seconds: float = 10.0):
    """What `look` answers, once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)
    return found


@contextmanager
def a_server(directory, **how: Any):
    how.setdefault("speakers", [Stub("wechat"), Stub("alipay")])
    server = Server(directory, **how)
    server.start()
    try:
        yield server
    finally:
        server.stop()
