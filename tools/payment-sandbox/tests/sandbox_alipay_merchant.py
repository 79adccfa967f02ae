"""A merchant who signs by hand, for the tests of the sandbox's Alipay: she shares nothing with it but the published keys."""

import base64
import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from flask import Flask
from payment_sandbox.alipay import Alipay
from payment_sandbox.core import Sandbox
from payment_sandbox.parts import Notice

KEYS = Path(__file__).parents[3] / "services/payment-svc/payment_svc/providers/development"
PRIVATE = load_pem_private_key((KEYS / "alipay_merchant.pem").read_bytes(), None)
ALIPAY = load_pem_public_key((KEYS / "alipay_public.pem").read_bytes())
NOTIFY = "http://merchant.invalid/notify"
LINE = {"subject": "挂号费", "total_amount": "12.30"}


def sign(text):
    return base64.b64encode(PRIVATE.sign(text.encode(), PKCS1v15(), SHA256())).decode()


def is_alipays(text, signature):
    try:
        ALIPAY.verify(base64.b64decode(signature), text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def joined(params, *left_out):
    return "&".join(f"{name}={value}" for name, value in sorted(params.items()) if name not in left_out and value)


def inner_of(body):
    """The signed part of an answer, found as the bytes between its key and its signature."""
    return body[body.index(b":") + 1 : body.rindex(b',"sign":')]


class Merchant:
    """`call` answers the fields of a signed answer, having checked its signature; `raw` whatever came."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.vendor = sandbox.vendors["alipay"]
        app = Flask("sandbox")
        app.register_blueprint(self.vendor.blueprint(sandbox))
        self.http = app.test_client()

    def params(self, method, biz, **more):
        beijing = datetime.now(UTC) + timedelta(hours=8)
        params = {
            "app_id": "2021006891000001",
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing.strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            "biz_content": biz if isinstance(biz, str) else json.dumps(biz, ensure_ascii=False),
            **more,
        }
        params = {name: value for name, value in params.items() if value is not None}
        return {"sign": sign(joined(params, "sign")), **params}

    def raw(self, method, biz, *, post=False, **more):
        return self.send(self.params(method, biz, **more), post=post)

    def send(self, params, *, post=False):
        if post:
            return self.http.post("/gateway.do", data=params)
        return self.http.get("/gateway.do?" + urlencode(params, quote_via=quote_plus))

    def call(self, method, biz=None, *, post=False, **more):
        response = self.raw(method, biz or {}, post=post, **more)
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "text/html;charset=utf-8"
        answer = json.loads(response.data)
        assert is_alipays(inner_of(response.data), answer["sign"])
        (key,) = answer.keys() - {"sign"}
        assert key == f"{method.replace('.', '_')}_response"
        return answer[key]

    def refused(self, params, *, post=False):
        """The sub_code of a refusal by the gateway, which is not signed."""
        response = self.send(params, post=post)
        assert response.status_code == 200
        answer = json.loads(response.data)
        assert answer.keys() == {"error_response"}
        return answer["error_response"]["code"], answer["error_response"]["sub_code"]

    # --- what she does ---------------------------------------------------------------------------------------------------

    def precreate(self, number, **more):
        biz = {"out_trade_no": number, **LINE, "product_code": "QR_CODE_OFFLINE", **more}
        return self.call("alipay.trade.precreate", biz, notify_url=NOTIFY)

    def about(self, method, number, **more):
        return self.call(f"alipay.trade.{method}", {"out_trade_no": number, **more})

    def refund(self, number, amount, request_no=None, **more):
        named = {"out_request_no": request_no} if request_no else {}
        return self.about("refund", number, refund_amount=amount, **named, **more)

    def query_refund(self, number, request_no, **more):
        return self.about("fastpay.refund.query", number, out_request_no=request_no, **more)

    # --- what others do --------------------------------------------------------------------------------------------------

    def trade(self, number):
        return self.sandbox.books.trade("alipay", number)

    def scan(self, number):
        return self.sandbox.scan(self.trade(number))

    def pay(self, number):
        return self.sandbox.pay(self.trade(number))

    def paid(self, number, **more):
        """A trade that was paid."""
        self.precreate(number, **more)
        self.pay(number)
        return self.trade(number)

    def wait(self, **spans):
        self.sandbox.clock.set(advance=timedelta(**spans).total_seconds())

    def notice(self, event, number, flaw=None, identity="2026112200222"):
        """A notice's form, as it would be delivered."""
        notice = Notice(identity, "alipay", event, number, NOTIFY, self.sandbox.now())
        delivery = self.vendor.delivery(self.sandbox, notice, flaw)
        return dict(parse_qsl(delivery.body.decode(), keep_blank_values=True))


@contextmanager
def opened(directory):
    """A merchant at a sandbox whose clock stands still: a stall of the machine is none of its time."""
    sandbox = Sandbox(directory, [Alipay()], "http://sandbox.test", speed=0)
    try:
        yield Merchant(sandbox)
    finally:
        sandbox.stop()


def code(fields):
    """The answer's sub_code, or its code if it has none."""
    return fields.get("sub_code", fields["code"])
