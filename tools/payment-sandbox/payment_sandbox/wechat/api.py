"""The routes of APIv3, and how they answer.

What the vendor's documents leave open is decided by `Options`, or by these of `Options.more`:
wechat_callbacks ("public_key"; "certificate", "both"), under which key callbacks are signed;
wechat_certificates (true), false: the merchant has a public key only, and no platform certificate is handed out;
wechat_signed_refusals (true), whether answers of 403, 404, 429 and 5xx are signed (400 and 401 never are);
wechat_early_bills (false), true: a day's bill can be had as soon as the day has begun.
"""

import base64
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask import Blueprint, Response, g, request

from payment_sandbox.parts import Delivery, Notice, Sandbox
from payment_sandbox.wechat import bill, notices, orders, refunds
from payment_sandbox.wechat.call import Answer, Call
from payment_sandbox.wechat.identity import (
    CERTIFICATE_SERIAL,
    NAME,
    SIGNERS,
    certificate,
    certificate_pem,
    rfc3339,
)
from payment_sandbox.wechat.refusal import Refusal, dumps, unsigned
from payment_sandbox.wechat.signing import Credentials, admit, credentials, sealed, signed, spoilt, wire_target

JSON = "application/json; charset=utf-8"
FILE = "application/octet-stream"
RETRIES = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)


@dataclass(frozen=True, slots=True)
class Route:
    """`number` is what fault plans know a call by. `careful`: the vendor insists on User-Agent and Accept here."""

    method: str
    path: str
    call: str
    number: Callable[[Call], str]
    work: Callable[[Sandbox, Call], Answer]
    careful: bool = False
    unsigned: bool = False


def certificates(sandbox: Sandbox, call: Call) -> Answer:
    call.query_of()
    if not sandbox.options.more.get("wechat_certificates", True):
        raise Refusal(404, "RESOURCE_NOT_EXISTS", "无可用的平台证书，请使用微信支付公钥")
    return 200, {
        "data": [
            {
                "serial_no": CERTIFICATE_SERIAL,
                "effective_time": rfc3339(certificate().not_valid_before_utc),
                "expire_time": rfc3339(certificate().not_valid_after_utc),
                "encrypt_certificate": sealed(certificate_pem(), "certificate"),
            }
        ]
    }


_ORDERS, _REFUNDS = "/v3/pay/transactions", "/v3/refund/domestic/refunds"
_NUMBER = r"(?P<number>[^/]+)"
ROUTES = (
    Route(
        "POST",
        rf"{_ORDERS}/(?P<channel>native|jsapi|h5|app)",
        "create",
        lambda call: call.said("out_trade_no"),
        orders.create,
    ),
    Route("GET", rf"{_ORDERS}/out-trade-no/{_NUMBER}", "query", lambda call: call.part("number"), orders.query),
    Route(
        "GET",
        rf"{_ORDERS}/id/(?P<transaction_id>[^/]+)",
        "query",
        lambda call: call.part("transaction_id"),
        orders.query,
    ),
    Route("POST", rf"{_ORDERS}/out-trade-no/{_NUMBER}/close", "close", lambda call: call.part("number"), orders.close),
    Route("POST", _REFUNDS, "refund", lambda call: call.said("out_refund_no"), refunds.refund, careful=True),
    Route(
        "GET", rf"{_REFUNDS}/{_NUMBER}", "query_refund", lambda call: call.part("number"), refunds.query, careful=True
    ),
    Route(
        "POST",
        rf"{_REFUNDS}/(?P<refund_id>[^/]+)/apply-abnormal-refund",
        "refund_to_card",
        lambda call: call.said("out_refund_no"),
        refunds.abnormal,
        careful=True,
    ),
    Route("GET", "/v3/certificates", "certificates", lambda _: "", certificates, careful=True),
    Route("GET", "/v3/bill/tradebill", "bill", lambda call: call.query.get("bill_date", ""), bill.apply),
    Route(
        "GET",
        r"/_wechat/bill/(?P<token>[^/]+)",
        "download",
        lambda call: bill.day_of(call.part("token")),
        bill.download,
        unsigned=True,
    ),
)


class WeChat:
    """The protocol, as `parts.Vendor` wants it. It keeps nothing of its own."""

    name = NAME
    schedule: Sequence[timedelta] = tuple(timedelta(seconds=seconds) for seconds in RETRIES)

    def blueprint(self, sandbox: Sandbox) -> Blueprint:
        blueprint = Blueprint("wechat", __name__)
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]

        def view(rest: str = "") -> Response:  # noqa: ARG001 - routes look at the whole path
            return self._respond(sandbox)

        for rule in ("/v3", "/v3/", "/v3/<path:rest>", "/_wechat/<path:rest>"):
            blueprint.add_url_rule(rule, "call", view, methods=methods, provide_automatic_options=False)
        return blueprint

    def answer(self, status: int, body: bytes, flaw: str | None) -> Response:
        route: Route | None = g.get("wechat_route")
        if flaw == "malformed":
            status, body = (200 if status == 204 else status), spoilt(body, flaw)
        headers = {"Request-ID": _request_id()}
        plain = status in {400, 401} or (route is not None and route.unsigned)
        if not plain and (status < 400 or g.get("wechat_signed_refusals", True)):
            headers |= signed(body, g.get("wechat_signer", CERTIFICATE_SERIAL), flaw)
        answer = Response(body, status, headers, content_type=FILE if plain and status == 200 else JSON)
        if status == 204:
            answer.headers.remove("Content-Type")
        return answer

    def error(self, fault: str) -> Response:
        """Trouble is told by machines that have no key: unsigned, and not always in JSON."""
        if fault == "502":
            page = "<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"
            return Response(page, 502, content_type="text/html")
        if fault == "500":
            return Response(b"", 500, content_type="text/plain")
        if fault == "429":
            refusal = Refusal(429, "FREQUENCY_LIMITED", "频率超限，请降低请求频率")
        else:
            refusal = Refusal(500, "SYSTEM_ERROR", "系统异常，请用相同参数重新调用")
        return Response(refusal.body(), refusal.status, {"Request-ID": _request_id()}, content_type=JSON)

    def delivery(self, sandbox: Sandbox, notice: Notice, flaw: str | None) -> Delivery:
        """`flaw` may also be `xml`: a refund in the words of the older protocol."""
        return notices.delivery(sandbox, notice, flaw)

    def accepted(self, status: int, body: bytes) -> bool:  # noqa: ARG002 - what the merchant says besides does not count
        return status in {200, 204}

    def bill(self, sandbox: Sandbox, day: date) -> bytes:
        return bill.packed(sandbox, day)

    def _respond(self, sandbox: Sandbox) -> Response:
        """Find the route and do its work. Unknown paths and methods are answered with nothing at all."""
        matches = [(route, found) for route in ROUTES if (found := re.fullmatch(route.path, request.path))]
        if not matches:
            return _nothing(404)
        fitting = [match for match in matches if match[0].method == request.method]
        if not fitting:
            return _nothing(405)
        route, found = fitting[0]
        call = Call(
            parts=found.groupdict(),
            query=request.args.to_dict(),
            body=request.get_data(),
            serial=request.headers.get("Wechatpay-Serial", ""),
            host=f"{request.scheme}://{request.host}",
        )
        g.wechat_route = route
        g.wechat_signer = call.serial if call.serial in SIGNERS else CERTIFICATE_SERIAL
        g.wechat_signed_refusals = sandbox.options.more.get("wechat_signed_refusals", True)
        proof = _proof(route, call)
        return sandbox.serve(self, route.call, route.number(call), lambda: _work(sandbox, route, call, proof))


def _proof(route: Route, call: Call) -> Credentials | Refusal:
    """Who calls, or why that is not believed. (Before the books are locked: arithmetic takes its time.)"""
    try:
        if route.careful and not (request.headers.get("User-Agent") and request.headers.get("Accept")):
            raise Refusal(400, "INVALID_REQUEST", "Http 头缺少 Accept 或 User-Agent")
        given = credentials(request.headers.get("Authorization", ""))
        admit(given, request.method, wire_target(request.environ), call.body)
        if call.serial and call.serial not in SIGNERS:
            raise Refusal(400, "PARAM_ERROR", "平台证书序列号 Wechatpay-Serial 错误")
        if request.method == "POST" and request.mimetype != "application/json":
            raise Refusal(400, "INVALID_REQUEST", "Content-Type 必须为 application/json")
    except Refusal as refusal:
        return refusal
    return given


def _work(sandbox: Sandbox, route: Route, call: Call, proof: Credentials | Refusal) -> tuple[int, bytes]:
    """Within the books' transaction."""
    try:
        if isinstance(proof, Refusal):
            raise proof
        if not sandbox.books.use_nonce(NAME, proof.nonce_str):
            raise unsigned("nonce_str was used before", "nonce_str")
        status, said = route.work(sandbox, call)
    except Refusal as refusal:
        return refusal.status, refusal.body()
    return status, said if isinstance(said, bytes) else dumps(said)


def _nothing(status: int) -> Response:
    answer = Response(status=status)
    answer.headers.remove("Content-Type")
    return answer


def _request_id() -> str:
    return base64.b32encode(secrets.token_bytes(20)).decode() + "-0"
