"""A merchant of WeChat Pay who signs and verifies by hand, so that no library's reading of the protocol stands between."""

import base64
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate
from flask import Flask
from payment_sandbox import wechat
from payment_sandbox.core import Sandbox
from payment_sandbox.parts import Fault, Notice, Trade

ROOT = Path(__file__).parents[3]
PRIVATE = (ROOT / "services/payment-svc/payment_svc/providers/development/wechat_merchant.pem").read_bytes()
PLATFORM = (ROOT / "tools/payment-sandbox/payment_sandbox/keys/wechat_certificate.pem").read_bytes()
MCHID, APPID = "1900006891", "wx5a4db0c9e8f71d26"
SERIAL = "7132D72A03E93CDDF8C03BBD1F37EEDF9CE3D3F6"
APIV3_KEY = b"haoyuan-sandbox-apiv3-key-000001"
PUBLIC_KEY_ID = "PUB_KEY_ID_0119000068912026112200000000000001"
CERTIFICATE = "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"
TRADES, REFUNDS = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
NOTIFY = "http://127.0.0.1:9/notify/wechat"
SIGNATURE_HEADERS = {f"Wechatpay-{name}" for name in ("Timestamp", "Nonce", "Serial", "Signature", "Signature-Type")}
_private, _platform = load_pem_private_key(PRIVATE, None), load_pem_x509_certificate(PLATFORM).public_key()


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> tuple[int, str]:
        return self.status, self.json["code"]

    @property
    def signed(self) -> bool:
        return bool(SIGNATURE_HEADERS & {*self.headers.keys()})


def verified(headers: Mapping[str, str], body: bytes) -> bool:
    """True if the platform signed these bytes, just now. (Under which name, the caller looks.)"""
    if not {*headers.keys()} >= SIGNATURE_HEADERS or headers["Wechatpay-Signature-Type"] != "WECHATPAY2-SHA256-RSA2048":
        return False
    message = f"{headers['Wechatpay-Timestamp']}\n{headers['Wechatpay-Nonce']}\n".encode() + body + b"\n"
    try:
        _platform.verify(base64.b64decode(headers["Wechatpay-Signature"]), message, PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return abs(time.time() - int(headers["Wechatpay-Timestamp"])) <= 300


def unsealed(resource: Mapping[str, str]) -> bytes:
    assert resource["algorithm"] == "AEAD_AES_256_GCM"
    assert len(resource["nonce"]) == 12
    associated = resource["associated_data"].encode()
    return AESGCM(APIV3_KEY).decrypt(resource["nonce"].encode(), base64.b64decode(resource["ciphertext"]), associated)


def sealed_for_platform(text: str) -> str:
    padding = OAEP(mgf=MGF1(algorithm=SHA1()), algorithm=SHA1(), label=None)
    return base64.b64encode(_platform.encrypt(text.encode(), padding)).decode()


def signature(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> str:
    message = f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
    return base64.b64encode(_private.sign(message, PKCS1v15(), SHA256())).decode()


def authorization(method: str, target: str, body: bytes, **instead: str) -> str:
    """`instead`: parts of the header, or `order` of its parts (comma separated) or `signed_target`."""
    timestamp, nonce = instead.get("timestamp", str(int(time.time()))), instead.get("nonce_str", secrets.token_hex(16))
    proof = signature(method, instead.get("signed_target", target), timestamp, nonce, body)
    parts = {"mchid": MCHID, "nonce_str": nonce, "signature": proof, "timestamp": timestamp, "serial_no": SERIAL}
    parts |= {name: value for name, value in instead.items() if name in parts}
    order = instead.get("order", ",".join(parts)).split(",")
    return (
        instead.get("schema", "WECHATPAY2-SHA256-RSA2048") + " " + ",".join(f'{name}="{parts[name]}"' for name in order)
    )


class Merchant:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        app = Flask("test")
        app.register_blueprint(sandbox.vendors["wechat"].blueprint(sandbox))
        self._client = app.test_client()

    def call(self, method: str, target: str, document: Any = None, **how: Any) -> Answer:
        """`how`: `headers` (None removes one), `raw` (the body's bytes), `doubtful` (not verified here), and what `authorization` takes."""
        doubtful = how.pop("doubtful", False)
        body = how.pop("raw", b"" if document is None else json.dumps(document).encode())
        headers = {
            "User-Agent": "test",
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Wechatpay-Serial": PUBLIC_KEY_ID,
            **how.pop("headers", {}),
        }
        headers.setdefault("Authorization", authorization(method, target, body, **how))
        kept = {name: value for name, value in headers.items() if value is not None}
        if "User-Agent" not in kept:  # the test client would put its own
            kept["User-Agent"] = ""
        got = self._client.open(target, method=method, data=body, headers=kept)
        answer = Answer(got.status_code, got.headers, got.data)
        if answer.signed and not doubtful:
            assert verified(answer.headers, answer.body)
        return answer

    # --- what is done all the time -----------------------------------------------------------------------------------

    def create(self, number: str = "ORDER_0001", channel: str = "native", **fields: Any) -> Answer:
        return self.call("POST", f"{TRADES}/{channel}", order(number, channel, **fields))

    def query(self, number: str = "ORDER_0001", **how: Any) -> Answer:
        return self.call("GET", f"{TRADES}/out-trade-no/{number}?mchid={MCHID}", **how)

    def close(self, number: str = "ORDER_0001", **how: Any) -> Answer:
        return self.call("POST", f"{TRADES}/out-trade-no/{number}/close", {"mchid": MCHID}, **how)

    def refund(
        self, number: str = "REFUND_1", order: str = "ORDER_0001", fen: int = 100, total: int = 100, **more: Any
    ) -> Answer:
        return self.call("POST", REFUNDS, refund(number, order, fen, total, **more))

    def refund_state(self, number: str = "REFUND_1") -> Answer:
        return self.call("GET", f"{REFUNDS}/{number}")

    def pay(self, number: str = "ORDER_0001") -> Trade:
        trade = self.sandbox.books.trade("wechat", number)
        assert trade is not None
        return self.sandbox.pay(trade)

    def paid(self, number: str = "ORDER_0001", fen: int = 100, **fields: Any) -> Trade:
        assert self.create(number, amount={"total": fen, "currency": "CNY"}, **fields).status == 200
        return self.pay(number)

    def wait(self, **time_: float) -> None:
        """On the sandbox's clock."""
        self.sandbox.set_clock(advance=timedelta(**time_).total_seconds())

    def fault(self, call: str, name: str, number: str = "*") -> None:
        self.sandbox.faults.plan("wechat", call, Fault(name), number=number)

    def notices(self) -> list[Notice]:
        from payment_sandbox.callbacks import _notice

        return [_notice(row) for row in self.sandbox.books.run("SELECT * FROM notices ORDER BY place")]


def order(number: str = "ORDER_0001", channel: str = "native", **fields: Any) -> dict[str, Any]:
    said = {
        "appid": APPID,
        "mchid": MCHID,
        "description": "挂号费",
        "out_trade_no": number,
        "notify_url": NOTIFY,
        "amount": {"total": 100, "currency": "CNY"},
    }
    if channel == "jsapi":
        said["payer"] = {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}
    if channel == "h5":
        said["scene_info"] = {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}}
    return {name: value for name, value in {**said, **fields}.items() if value is not None}


def refund(
    number: str = "REFUND_1", order: str = "ORDER_0001", fen: int = 100, total: int = 100, **more: Any
) -> dict[str, Any]:
    said = {
        "out_trade_no": order,
        "out_refund_no": number,
        "reason": "退号",
        "notify_url": NOTIFY,
        "amount": {"refund": fen, "total": total, "currency": "CNY"},
    }
    return {name: value for name, value in {**said, **more}.items() if value is not None}


@contextmanager
def merchant_at(directory: Path) -> Iterator[Merchant]:
    """A merchant at a sandbox whose clock stands still, and which delivers nothing by itself."""
    sandbox = Sandbox(directory, [wechat.WeChat()], "http://sandbox.test", speed=0)
    try:
        yield Merchant(sandbox)
    finally:
        sandbox.stop()
