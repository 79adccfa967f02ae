"""The WeChat adapter and the payment sandbox, with a socket between them, and a merchant who hears what the sandbox tells."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from payment_sandbox.server import Server
from payment_sandbox.wechat import WeChat
from payment_svc.domain import new_number
from payment_svc.providers import Heard, Paid, RefundOrder, Refused, Trade
from payment_svc.providers.wechat import WechatPay
from payment_svc.settings import Settings

MINUTES = timedelta(minutes=1)


class World:
    """`heard`, `refused`: what came of each callback, in the order of their coming."""

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory, speakers=[WeChat()])
        self.heard: list[Heard] = []
        self.refused: list[str] = []
        self._listening = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._listening.daemon_threads = False
        self.callback_url = f"http://127.0.0.1:{self._listening.server_port}"
        self._thread = threading.Thread(target=self._listening.serve_forever, args=(0.05,))
        self._thread.start()
        self.server.start()
        self.wechat = self.adapter()

    def stop(self) -> None:
        self.server.stop()
        self._listening.shutdown()
        self._listening.server_close()
        self._thread.join()

    def adapter(self, **changes: Any) -> WechatPay:
        """Under the published keys, as development has them."""
        defaults = Settings(wechat_url=self.server.url, callback_url=self.callback_url, provider_timeout=5.0)
        return WechatPay.of(replace(defaults, **changes))

    # --- the control API ---------------------------------------------------------------------------------------------

    def control(self, path: str, document: Any = None, method: str = "POST") -> Any:
        answer = requests.request(method, f"{self.server.url}/_ctl/{path}", json=document or {}, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def options(self, **values: Any) -> None:
        self.control("options", values)

    def fault(self, call: str, name: str, times: int = 1, **more: Any) -> None:
        plan = {"provider": "wechat", "call": call, "fault": name, "times": times} | more
        self.control("faults", {"faults": [plan]})

    def advance(self, by: timedelta) -> None:
        self.control("clock", {"advance": by.total_seconds()})

    def now(self) -> datetime:
        return datetime.fromisoformat(self.control("clock", method="GET")["now"])

    def calls(self) -> list[str]:
        return [call["call"] for call in self.control("calls", method="GET")["calls"]]

    def books(self) -> dict[str, int]:
        found: dict[str, int] = self.control("books", method="GET")["wechat"]
        return found

    # --- people ------------------------------------------------------------------------------------------------------

    def trade(
        self, channel: str = "native", amount: int = 5000, within: timedelta = 15 * MINUTES, **more: Any
    ) -> Trade:
        """As it is stored: fixed before it is asked for."""
        payer = {"jsapi": {"openid": "oPayer0001"}, "h5": {"client_ip": "10.0.0.7"}}.get(channel, {})
        now = self.now()
        return Trade(new_number(now), amount, "协和医院 · 内科 · 王医生", now + within, channel, payer, **more)

    def pay(self, trade: Trade) -> Any:
        return self.control(f"trades/wechat/{trade.number}/pay")

    def paid(self, **about: Any) -> tuple[Trade, Paid]:
        """A trade that was created and paid, and what the query says of it."""
        trade = self.trade(**about)
        self.wechat.create(trade)
        self.pay(trade)
        paid = self.wechat.query(trade)
        assert isinstance(paid, Paid)
        return trade, paid

    def refund_of(self, trade: Trade, paid: Paid, amount: int) -> RefundOrder:
        number = f"R{secrets.token_hex(8)}"
        return RefundOrder(number, trade.number, paid.transaction_id, amount, trade.amount, "停诊")

    # --- callbacks ---------------------------------------------------------------------------------------------------

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, said, kind = world.callback(self.path, dict(self.headers), body)
                self.send_response_only(status)
                self.send_header("Content-Type", kind)
                if status != 204:
                    self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *args: Any) -> None:
                """Nothing: tests' output is for tests."""

        return Handler

    def callback(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, str]:
        assert path == "/api/v1/payments/notify/wechat"
        try:
            self.heard.append(self.wechat.hear(headers, body, datetime.now(UTC)))
        except Refused as refused:
            self.refused.append(refused.reason)
            return self.wechat.refusal(refused.reason)
        return self.wechat.accepted


def until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    """Poll; fail after that time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it has not come"
        time.sleep(0.02)
