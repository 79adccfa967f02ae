"""The sandbox's pages, where a payer pays or fails to, and the control of its faults. Not in production."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from common.clock import SHANGHAI
from common.errors import Invalid, NotFound
from common.web import Routes, public, roles, service
from flask import Response, redirect, render_template, request

from payment_svc.api.schemas import PlanArgs
from payment_svc.providers.sandbox import Sandbox
from payment_svc.store.sandbox import SandboxTrade
from payment_svc.usecases.outcomes import called_back

blp = Routes(
    "sandbox",
    __name__,
    url_prefix="/api/v1/sandbox",
    description="A payment provider to try with",
    template_folder="templates",
)


@blp.get("/pay/<number>")
@public
def show_page(number: str) -> Response:
    """The payer's page: what is to be paid, a button that pays, and one that fails."""
    return _page("sandbox_pay.html", _known(_sandbox().trade(number)))


@blp.post("/pay/<number>")
@public
def pay(number: str) -> Response:
    """The payer presses a button: `action` is `pay` or `fail`. The provider calls back, and shows the result."""
    action = request.form.get("action", "")
    sandbox = _sandbox()
    if action not in {"pay", "fail"}:
        raise Invalid("say what to do", errors=[{"field": "action", "message": "must be pay or fail"}])
    trade = _known(sandbox.pay(number) if action == "pay" else sandbox.decline(number))
    if sandbox.calls_back():
        called_back(service().database, "sandbox", number, sandbox.outcome(trade))
    return redirect(f"/api/v1/sandbox/result/{number}", 303)  # type: ignore[return-value]


@blp.get("/result/<number>")
@public
def show_result(number: str) -> Response:
    """What came of it."""
    return _page("sandbox_result.html", _known(_sandbox().trade(number)))


@blp.post("/_ctl")
@roles("operator")
@blp.arguments(PlanArgs)
@blp.response(200, PlanArgs)
def control(args: dict[str, str]) -> dict[str, str]:
    """Plan what the sandbox does from now on, for tests. Answers the plan of every call."""
    return _sandbox().plan(args)


def _sandbox() -> Sandbox:
    found: Sandbox = service().parts.sandbox
    return found


def _known(trade: SandboxTrade | None) -> SandboxTrade:
    if trade is None:
        raise NotFound("the sandbox knows no such payment", code="payment_not_found")
    return trade


def _page(template: str, trade: SandboxTrade) -> Response:
    nonce = secrets.token_urlsafe(16)
    left = max(trade.expires_at - service().database.clock(), timedelta())
    view: dict[str, Any] = {
        "amount": f"{trade.amount // 100}.{trade.amount % 100:02d}",
        "state": "expired" if trade.state == "unpaid" and not left else trade.state,
        "minutes": int(left.total_seconds()) // 60,
        "seconds": int(left.total_seconds()) % 60,
        "until": _beijing(trade.expires_at),
        "paid_at": _beijing(trade.paid_at) if trade.paid_at else "",
    }
    response = Response(
        render_template(template, nonce=nonce, trade=trade, **view), content_type="text/html; charset=utf-8"
    )
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _beijing(when: datetime) -> str:
    return f"{when.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"
