"""Alipay's OpenAPI v2, from the vendor's side. What its documents leave open is set in `Options.more`: see fields.SETTINGS.

fields    yuan, times, deadlines; refusals
signing   RSA2, and who is who
gateway   requests checked, answers signed
trades    precreate, page.pay, wap.pay, query, close
refunds   refund, refund query, cancel
notices   what the merchant is told
bill      the day's bill
"""

from collections.abc import Sequence
from datetime import date, timedelta
from html import escape

from flask import Blueprint, Response, g, has_request_context, request

from payment_sandbox.alipay import bill, notices, refunds, trades
from payment_sandbox.alipay.fields import Call, Refusal
from payment_sandbox.alipay.gateway import Method, about, check, parameters, sealed, written
from payment_sandbox.parts import Delivery, Notice, Sandbox, Vendor

_ORDER = frozenset(
    {
        *(
            "out_trade_no",
            "total_amount",
            "subject",
            "product_code",
            "body",
            "time_expire",
            "timeout_express",
            "seller_id",
        ),
        *(
            "goods_detail",
            "extend_params",
            "business_params",
            "store_id",
            "operator_id",
            "terminal_id",
            "query_options",
        ),
        *("enable_pay_channels", "disable_pay_channels", "merchant_order_no", "ext_user_info", "settle_info"),
    }
)
_PRECREATE = _ORDER | {"qr_code_timeout_express", "buyer_logon_id", "discountable_amount", "undiscountable_amount"}
_PAGE = _ORDER | {"passback_params", "goods_type", "promo_params", "qr_pay_mode", "qrcode_width", "integration_type"}
_WAP = _ORDER | {"passback_params", "goods_type", "promo_params", "quit_url", "auth_token", "specified_channel"}
_ONE = frozenset({"out_trade_no", "trade_no"})
_REFUND = _ONE | {"refund_amount", "refund_reason", "out_request_no", "operator_id", "store_id", "query_options"}
METHODS = {
    method.name: method
    for method in (
        Method("alipay.trade.precreate", "create", trades.precreate, _PRECREATE),
        Method(
            "alipay.trade.page.pay", "create", lambda sandbox, call: _visit(sandbox, "page", call), _PAGE, page=True
        ),
        Method("alipay.trade.wap.pay", "create", lambda sandbox, call: _visit(sandbox, "wap", call), _WAP, page=True),
        Method("alipay.trade.query", "query", trades.query, _ONE | {"query_options"}),
        Method("alipay.trade.close", "close", trades.close, _ONE | {"operator_id"}),
        Method("alipay.trade.cancel", "cancel", refunds.cancel, _ONE),
        Method("alipay.trade.refund", "refund", refunds.refund, _REFUND),
        Method(
            "alipay.trade.fastpay.refund.query",
            "query_refund",
            refunds.query_refund,
            _ONE | {"out_request_no", "query_options"},
        ),
        Method(
            "alipay.data.dataservice.bill.downloadurl.query",
            "bill",
            bill.query,
            frozenset({"bill_type", "bill_date", "secure"}),
        ),
    )
}


def _visit(sandbox: Sandbox, channel: str, call: Call) -> dict[str, str]:
    return {"page": sandbox.link(trades.visit(sandbox, channel, call))}


class Alipay(Vendor):
    """Alipay."""

    name = "alipay"
    schedule: Sequence[timedelta] = tuple(timedelta(minutes=m) for m in (4, 10, 10, 60, 120, 360, 900))

    def blueprint(self, sandbox: Sandbox) -> Blueprint:
        routes = Blueprint("alipay", __name__)
        pages, files = _Pages(), _Files()

        def gateway() -> Response:
            try:
                params = parameters(request.query_string, request.get_data() if request.method == "POST" else b"")
            except Refusal as refusal:
                return self.answer(200, written("error_response", refusal.fields), None)
            method = METHODS.get(params.get("method", ""))
            g.alipay_key = method.key if method else "error_response"
            voice = pages if method and method.page else self
            call, host = method.call if method else "unknown", request.host
            return sandbox.serve(voice, call, about(params, call), lambda: _done(sandbox, params, host))

        def download(token: str) -> Response:
            day = bill.day_of_link(token, sandbox.now())
            number = day.isoformat() if day else ""
            return sandbox.serve(
                files, "download", number, lambda: (200, bill.content(sandbox, day)) if day else (403, b"expired")
            )

        routes.add_url_rule("/gateway.do", view_func=gateway, methods=["GET", "POST"])
        routes.add_url_rule("/_alipay/bill/<token>", view_func=download, methods=["GET"])
        return routes

    def answer(self, status: int, body: bytes, flaw: str | None) -> Response:
        return Response(sealed(body, flaw), status, content_type="text/html;charset=utf-8")

    def error(self, fault: str) -> Response:
        """Alipay itself always answers 200. Another status comes from something in front of it, and so is a page."""
        limited = {
            "code": "40005",
            "msg": "Call Limited",
            "sub_code": "isv.app-call-limited",
            "sub_msg": "应用调用次数超限",
        }
        unknown = {
            "code": "20000",
            "msg": "Service Currently Unavailable",
            "sub_code": "aop.unknow-error",
            "sub_msg": "系统繁忙",
        }
        fields = {"429": limited, "unknown": unknown}.get(fault)
        if fields is None:
            page = f"<html><head><title>{fault[:3]}</title></head><body><h1>{fault[:3]}</h1></body></html>"
            return Response(page, int(fault[:3]), content_type="text/html")
        key = g.get("alipay_key", "error_response") if has_request_context() else "error_response"
        return self.answer(200, written(key, fields), None)

    def delivery(self, sandbox: Sandbox, notice: Notice, flaw: str | None) -> Delivery:
        return notices.delivery(sandbox, notice, flaw)

    def accepted(self, status: int, body: bytes) -> bool:
        return notices.accepted(status, body)

    def bill(self, sandbox: Sandbox, day: date) -> bytes:
        return bill.content(sandbox, day)


def _done(sandbox: Sandbox, params: dict[str, str], host: str) -> tuple[int, bytes]:
    try:
        method, call = check(params, METHODS, host)
    except Refusal as refusal:
        return 200, written("error_response", refusal.fields)
    try:
        fields = {"code": "10000", "msg": "Success", **method.work(sandbox, call)}
    except Refusal as refusal:
        fields = refusal.fields
    if "page" in fields:
        return 302, fields["page"].encode()
    return 200, written(method.key, fields)


class _Pages(Alipay):
    """What a payer's browser gets: the way to her page, or an error that she can read."""

    def answer(self, status: int, body: bytes, flaw: str | None) -> Response:
        if status == 302 and flaw is None:
            return Response(b"", 302, {"Location": body.decode()}, content_type="text/html;charset=utf-8")
        return self._sorry(body.decode() if status == 200 else "")

    def error(self, fault: str) -> Response:
        return self._sorry("") if fault in {"429", "unknown"} else super().error(fault)

    def _sorry(self, details: str) -> Response:
        page = f"<html><head><title>支付宝</title></head><body><h1>抱歉，系统有点累</h1><p>{escape(details)}</p></body></html>"
        return Response(page.encode("gbk"), 200, content_type="text/html;charset=GBK")


class _Files(Alipay):
    """What a link to a bill gives: nothing is signed."""

    def answer(self, status: int, body: bytes, flaw: str | None) -> Response:
        if flaw == "malformed":
            body = body[: len(body) // 2]
        return Response(body, status, content_type="application/zip" if status == 200 else "text/plain")

    def error(self, fault: str) -> Response:
        status = {"unknown": 503}.get(fault) or int(fault[:3])
        return Response(f"<html><body><h1>{status}</h1></body></html>", status, content_type="text/html")
