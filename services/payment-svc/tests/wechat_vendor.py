"""WeChat Pay as a tiny server of the tests' own, with keys of its own: it checks our signatures, and answers what it is told to."""

import functools
import gzip
import hashlib
import json
import re
import secrets
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from payment_svc.providers import RefundOrder, Trade
from payment_svc.providers.wechat import WechatPay
from payment_svc.settings import Settings

MCHID, APPID, APIV3_KEY = "1900001234", "wx0123456789abcdef", "k" * 32
KEY_ID = "PUB_KEY_ID_0119000012342026112200000000000001"
NUMBER, TRANSACTION = "20261122ABCDEF", "4200000000202611220000000001"
EXPIRES = datetime(2026, 11, 22, 8, 15, 30, 123456, tzinfo=UTC)
TRADE = Trade(NUMBER, 5000, "协和医院 · 内科", EXPIRES)
REFUND = RefundOrder("20261122REFUND", NUMBER, TRANSACTION, 2000, 5000, "停诊")
PAID_AT = "2026-11-22T16:01:02+08:00"


@functools.cache
def key(name: str) -> rsa.RSAPrivateKey:
    """`merchant`, `wechat`, `old`, `forger`: made once, they take a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@functools.cache
def certificate(name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1 + len(name), tzinfo=UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key(name).public_key())
    made = made.serial_number(0x0A0B << 144 | int.from_bytes(name.encode()))  # starts with a zero in hexadecimal
    return made.not_valid_before(start).not_valid_after(start + timedelta(days=1825)).sign(key(name), SHA256())


def serial(name: str) -> str:
    return f"{certificate(name).serial_number:040X}"


def private_pem(name: str) -> str:
    return key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(name: str) -> str:
    return key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def certificate_pem(*names: str) -> str:
    return "".join(certificate(name).public_bytes(Encoding.PEM).decode() for name in names)


def settings(url: str = "http://127.0.0.1:9", **changes: Any) -> Settings:
    values = {
        "wechat_url": url,
        "wechat_mchid": MCHID,
        "wechat_appid": APPID,
        "wechat_serial": "A" * 40,
        "wechat_private_key": private_pem("merchant"),
        "wechat_apiv3_key": APIV3_KEY,
        "wechat_public_key": public_pem("wechat"),
        "wechat_public_key_id": KEY_ID,
        "public_url": "https://haoyuan.example",
    }
    return Settings(**values | changes)


def signed(body: bytes, *, by: str = "wechat", name: str = KEY_ID, at: float | None = None) -> dict[str, str]:
    """The headers with which WeChat vouches for a body."""
    stamp, nonce = str(int(time.time() if at is None else at)), secrets.token_hex(16)
    signature = key(by).sign(f"{stamp}\n{nonce}\n".encode() + body + b"\n", PKCS1v15(), SHA256())
    return {
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": name,
        "Wechatpay-Signature": b64encode(signature).decode(),
        "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
    }


def notice(event: str, resource: Mapping[str, Any], *, secret: str = APIV3_KEY, **changes: Any) -> bytes:
    """A callback's body. `changes` to its resource are made after it was encrypted."""
    nonce, aad = secrets.token_hex(6), "transaction"
    ciphertext = AESGCM(secret.encode()).encrypt(nonce.encode(), json.dumps(resource).encode(), aad.encode())
    sealed = {
        "original_type": "transaction",
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": b64encode(ciphertext).decode(),
        "associated_data": aad,
        "nonce": nonce,
    }
    document = {
        "id": "notice-1",
        "create_time": PAID_AT,
        "event_type": event,
        "resource_type": "encrypt-resource",
        "summary": "支付成功",
        "resource": sealed | changes,
    }
    return json.dumps(document, ensure_ascii=False).encode()


def trade_document(**changes: Any) -> dict[str, Any]:
    """A paid trade, as a query and a callback tell of it."""
    document = {
        "mchid": MCHID,
        "appid": APPID,
        "out_trade_no": NUMBER,
        "transaction_id": TRANSACTION,
        "trade_type": "NATIVE",
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
        "bank_type": "OTHERS",
        "attach": "",
        "success_time": PAID_AT,
        "payer": {"openid": "oSecretOfThePayer"},
        "amount": {"total": 5000, "payer_total": 4900, "currency": "CNY", "payer_currency": "CNY"},
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


def refund_document(state: str = "PROCESSING", **changes: Any) -> dict[str, Any]:
    """A refund, as WeChat's answers tell of it."""
    document = {
        "refund_id": "50000000382026112200000000001",
        "out_refund_no": REFUND.number,
        "transaction_id": TRANSACTION,
        "out_trade_no": NUMBER,
        "channel": "ORIGINAL",
        "user_received_account": "招商银行信用卡0403",
        "create_time": PAID_AT,
        "success_time": PAID_AT if state == "SUCCESS" else None,
        "status": state,
        "amount": {"total": 5000, "refund": 2000, "payer_total": 5000, "payer_refund": 2000, "currency": "CNY"},
    }
    return {name: value for name, value in (document | changes).items() if value is not None}


@dataclass
class Reply:
    """`signed_by` '': unsigned, `age` seconds ago. `act`: `hang` until the server stops, `cut` the connection, or `half` of the body."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    signed_by: str = "wechat"
    serial: str = KEY_ID
    headers: Mapping[str, str] = field(default_factory=dict)
    age: float = 0
    act: str = ""


def says(document: Any = None, status: int = 200, **rest: Any) -> Reply:
    """As WeChat answers: 2xx signed, errors not."""
    body = b"" if document is None else json.dumps(document, ensure_ascii=False).encode()
    return Reply(status, body, **{"signed_by": "wechat" if 200 <= status < 300 else ""} | rest)


def refuses(status: int, code: str) -> Reply:
    return says({"code": code, "message": "不行"}, status)


@dataclass
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Vendor:
    """Answers one reply after the other, the last one for ever. `forged`: what came with a wrong signature."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [refuses(500, "SYSTEM_ERROR")]
        self.calls: list[Call] = []
        self.forged: list[Call] = []
        self.stopping = threading.Event()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                vendor.answer(self)

            def do_POST(self) -> None:
                vendor.answer(self)

            def log_message(self, *args: Any) -> None:
                """Nothing: tests' output is for tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def adapter(self, **changes: Any) -> WechatPay:
        return WechatPay.of(settings(self.url, **changes))

    def will(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.calls.clear()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        call = Call(handler.command, handler.path, dict(handler.headers), body)
        self.calls.append(call)
        if not _ours(call):
            self.forged.append(call)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        handler.close_connection = True
        if reply.act == "hang":
            self.stopping.wait()
        if reply.act in {"hang", "cut"}:
            return
        handler.send_response_only(reply.status)
        at = time.time() - reply.age
        vouched = signed(reply.body, by=reply.signed_by, name=reply.serial, at=at) if reply.signed_by else {}
        length = {"Content-Length": str(len(reply.body) * (2 if reply.act == "half" else 1))}
        for name, value in ({"Content-Type": reply.content_type} | length | vouched | reply.headers).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(reply.body)


def _ours(call: Call) -> bool:
    """True if the merchant signed what is on the wire."""
    scheme, _, rest = call.headers.get("Authorization", "").partition(" ")
    parts = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    text = f"{call.method}\n{call.path}\n{parts['timestamp']}\n{parts['nonce_str']}\n".encode() + call.body + b"\n"
    try:
        key("merchant").public_key().verify(b64decode(parts["signature"]), text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return (scheme, parts["mchid"], parts["serial_no"]) == ("WECHATPAY2-SHA256-RSA2048", MCHID, "A" * 40)


def zipped(text: bytes, **changes: Any) -> tuple[Reply, Reply]:
    """The two answers that a bill takes: where it is, and the file."""
    link = {
        "hash_type": "SHA1",
        "hash_value": hashlib.sha1(text, usedforsecurity=False).hexdigest(),
        "download_url": "https://api.mch.weixin.qq.com/v3/billdownload/file?token=a%2Fb&tartype=gzip",
    }
    file = Reply(200, gzip.compress(text), content_type="application/octet-stream", signed_by="")
    return says(link | changes), file
