"""The pages on which a payer pays, or fails to. No script; nothing from elsewhere; in Chinese and English."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from payment_sandbox.clock import BEIJING
from payment_sandbox.core import Sandbox
from payment_sandbox.parts import Trade

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
MERCHANT = ("号源挂号（测试商户）", "Haoyuan Registration (test merchant)")

WORDS = {
    "title": ("模拟支付", "Simulated payment"),
    "wechat": ("微信支付 · 模拟", "WeChat Pay · simulated"),
    "alipay": ("支付宝 · 模拟", "Alipay · simulated"),
    "sandbox": ("模拟环境，不会产生真实扣款", "This is a sandbox: no real money moves"),
    "amount": ("支付金额", "Amount"),
    "merchant": ("收款方", "Pay to"),
    "subject": ("商品", "For"),
    "number": ("商户单号", "Order number"),
    "until": ("请在此前支付", "Pay before"),
    "left": ("剩余时间", "Time left"),
    "paid_at": ("支付时间", "Paid at"),
    "transaction": ("交易单号", "Transaction"),
    "pay": ("确认支付", "Pay"),
    "fail": ("支付失败", "Fail"),
    "back": ("返回商户", "Back to the merchant"),
    "close": ("可以关闭此页，回到挂号页面。", "You may close this page and go back to your registration."),
    "tried": ("支付失败，没有扣款。可以再试一次。", "The payment failed; nothing was taken. You may try again."),
    "paid": ("支付成功", "Paid"),
    "closed": ("订单已关闭，无法支付", "This order is closed and cannot be paid"),
    "expired": ("支付时间已过，无法支付", "The time to pay is over"),
    "unknown": ("没有这笔交易", "There is no such payment"),
}


def blueprint(sandbox: Sandbox) -> Blueprint:
    """`/pay/<token>`: opening it is the scan of the QR code."""
    pages = Blueprint("payer", __name__)

    @pages.get("/pay/<token>")
    def show(token: str) -> Response:
        trade = sandbox.books.trade_by_token(token)
        return _page(sandbox, sandbox.scan(trade) if trade else None, tried=request.args.get("tried") == "1")

    @pages.post("/pay/<token>")
    def press(token: str) -> AnyResponse:
        trade = sandbox.books.trade_by_token(token)
        action = request.form.get("action")
        if trade is None or action not in {"pay", "fail"}:
            return _page(sandbox, trade, status=400 if trade else 404)
        if action == "pay":
            sandbox.pay(trade)
        # Whoever reloads what she sees then does not press again.
        tried = "&tried=1" if action == "fail" else ""
        return redirect(f"/pay/{token}?lang={_language()}{tried}", 303)

    return pages


def _page(sandbox: Sandbox, trade: Trade | None, *, status: int = 200, tried: bool = False) -> Response:
    language = _language()
    say: Callable[[str], str] = lambda word: WORDS[word][language == "en"]  # noqa: E731 - a name for the template
    common = {"say": say, "language": language, "merchant": MERCHANT[language == "en"]}
    if trade is None:
        text, status = render_template("unknown.html", **common), 404 if status == 200 else status
    else:
        text = render_template("pay.html", **common, **_shown(sandbox, trade, language), tried=tried)
    response = Response(text, status, content_type="text/html; charset=utf-8")
    response.headers["Content-Language"] = language
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept-Language"
    return response


def _shown(sandbox: Sandbox, trade: Trade, language: str) -> dict[str, object]:
    left = max((trade.expires_at - sandbox.now()).total_seconds(), 0.0)
    state = "expired" if trade.state == "unpaid" and not sandbox.payable(trade) else trade.state
    wait = sandbox.clock.wait(trade.expires_at.timestamp())
    return {
        "trade": trade,
        "state": state,
        "amount": f"{trade.amount // 100}.{trade.amount % 100:02d}",
        "until": _beijing(trade.expires_at),
        "left": _duration(int(left), language),
        # Looks again when the time is over, and not sooner: a page that reloads itself is a nuisance to those who listen to it.
        "refresh": int(wait) + 1 if state == "unpaid" and wait is not None and wait < 86_400 else None,
        "paid_at": _beijing(trade.paid_at) if trade.paid_at else "",
        "back": trade.return_url if urlsplit(trade.return_url).scheme in {"http", "https"} else "",
    }


def _duration(seconds: int, language: str) -> str:
    """As people say it: the two greatest units."""
    units = (("天", "d", 86_400), ("小时", "h", 3600), ("分", "min", 60), ("秒", "s", 1))
    parts: list[str] = []
    for chinese, english, length in units:
        count, seconds = divmod(seconds, length)
        if count or parts or length == 1:
            parts.append(f"{count} {english}" if language == "en" else f"{count} {chinese}")
    return " ".join(parts[:2])


def _beijing(when: datetime) -> str:
    return f"{when.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def _language() -> str:
    """`zh-CN` or `en`: as `lang` asks, else as the browser does."""
    asked = request.args.get("lang", "")
    if asked in {"zh-CN", "en"}:
        return asked
    known = (spoken[:2].lower() for spoken in request.accept_languages.values())  # best first
    return {"en": "en"}.get(next((word for word in known if word in {"zh", "en"}), ""), "zh-CN")
