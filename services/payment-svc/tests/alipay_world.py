"""Alipay as small as it can be: a server that answers what a test wants it to, with the vendor's signature."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import payment_sandbox
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from payment_svc.providers import RefundOrder, Trade
from payment_svc.providers.alipay import Alipay
from payment_svc.settings import Settings

KEYS = Path(payment_sandbox.__file__).parent / "keys"
VENDOR = load_pem_private_key((KEYS / "alipay.pem").read_bytes(), None)
STRANGER = load_pem_private_key((KEYS / "wechat.pem").read_bytes(), None)
MERCHANT = load_pem_public_key((KEYS / "alipay_merchant_public.pem").read_bytes())
APP_ID, SELLER_ID = Settings().alipay_app_id, Settings().alipay_seller_id

NUMBER = "26112200000000000001"
TRANSACTION = "2026112222001000000000000001"
NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TRADE = Trade(NUMBER, 5000, "内科 挂号费", NOW + timedelta(minutes=15))
ORDER = RefundOrder("261122R0000000000001", NUMBER, TRANSACTION, 2000, 5000, "patient cancelled", sent_before=None)
PAID = {
    "trade_no": TRANSACTION,
    "out_trade_no": NUMBER,
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "50.00",
    "receipt_amount": "50.00",
    "send_pay_date": "2026-11-22 12:03:04",
}
OK = {"code": "10000", "msg": "Success"}


def denied(sub_code: str, code: str = "40004") -> dict[str, str]:
    return {"code": code, "msg": "Business Failed", "sub_code": sub_code, "sub_msg": "不行"}


def sign(text: bytes, key: Any = VENDOR) -> str:
    return base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode()


def sealed(method: str, fields: dict[str, Any], key: Any = VENDOR) -> bytes:
    """An answer as the vendor writes it."""
    inner = json.dumps(fields, ensure_ascii=False).encode()
    name = f"{method.replace('.', '_')}_response".encode()
    return b'{"%s":%s,"sign":"%s"}' % (name, inner, sign(inner, key).encode())


def notice(key: Any = VENDOR, *, empties: bool = False, **changes: str | None) -> bytes:
    """A callback's body; None leaves a field out. `empties`: those without a value are in what is signed."""
    fields: dict[str, str | None] = {
        "notify_id": "n1",
        "notify_type": "trade_status_sync",
        "notify_time": "2026-11-22 12:03:06",
        "charset": "utf-8",
        "version": "1.0",
        "app_id": APP_ID,
        "seller_id": SELLER_ID,
        "out_trade_no": NUMBER,
        "trade_no": TRANSACTION,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "50.00",
        "subject": "内科 & 挂号费 = 50%",
        "gmt_payment": "2026-11-22 12:03:04",
    }
    form = {name: value for name, value in {**fields, **changes}.items() if value is not None}
    told = sorted(
        (name, value) for name, value in form.items() if name not in {"sign", "sign_type"} and (value or empties)
    )
    signed = {"sign": sign("&".join(f"{name}={value}" for name, value in told).encode(), key), "sign_type": "RSA2"}
    return urlencode({**signed, **form}).encode()


Answer = Callable[["Vendor", BaseHTTPRequestHandler, str], None]


class Vendor:
    """`answers`: for each method what it says: fields (signed), bytes (as they are), or a function of the connection."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[dict[str, str]] = []
        self.targets: list[str] = []
        self.released = threading.Event()
        """What hangs waits for it."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.serve(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def methods(self) -> list[str]:
        return [asked["method"].removeprefix("alipay.trade.") for asked in self.asked]

    def biz(self, place: int = -1) -> dict[str, Any]:
        return json.loads(self.asked[place]["biz_content"])

    def serve(self, connection: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(connection.path)
        self.targets.append(connection.path)
        if parts.path != "/gateway.do":
            say(connection, self.answers[parts.path])
            return
        asked = dict(parse_qsl(parts.query, strict_parsing=True))
        self.asked.append(asked)
        method = asked["method"]
        answer = self.answers.get(method, self.answers.get("*"))
        if callable(answer):
            answer(self, connection, method)
        else:
            say(connection, sealed(method, answer) if isinstance(answer, dict) else answer)

    @contextmanager
    def serving(self) -> Iterator["Vendor"]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def say(connection: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    connection.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        connection.send_header(name.replace("_", "-"), value)
    connection.end_headers()
    connection.wfile.write(body)


@cache
def _made(timeout: float) -> Alipay:
    """Reading keys takes longer than most tests."""
    return Alipay.of(Settings(provider_timeout=timeout, public_url="https://h.example"))


def adapter(vendor: Vendor, timeout: float = 5.0) -> Alipay:
    client = copy(_made(timeout)._client)
    client._gateway = f"{vendor.address}/gateway.do"
    return Alipay(client, SELLER_ID)
