"""/_ctl: what tests and demonstrations do to the sandbox. Anybody who reaches it may: it is a toy on loopback."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date, datetime
from typing import Any, Literal

from flask import Blueprint, Response, jsonify, request
from marshmallow import ValidationError
from werkzeug.exceptions import BadRequest

from payment_sandbox import asked
from payment_sandbox.core import NotPossible, Sandbox
from payment_sandbox.parts import Fault, Refund, RefundState, Trade


class Problem(Exception):
    """What cannot be done, and why: status, a stable code, words, and the fields that are wrong."""

    def __init__(self, status: int, code: str, detail: str, errors: Any = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, errors


def problem(status: int, code: str, detail: str, errors: Any = None) -> Response:
    """As RFC 9457 has it."""
    body = {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
    response = jsonify(body | ({"errors": errors} if errors else {}))
    response.status_code, response.content_type = status, "application/problem+json"
    return response


def blueprint(sandbox: Sandbox) -> Blueprint:
    """All of it."""
    control = Blueprint("control", __name__, url_prefix="/_ctl")
    control.register_error_handler(Problem, lambda p: problem(p.status, p.code, p.detail, p.errors))
    control.register_error_handler(NotPossible, lambda e: problem(409, "not_possible", str(e)))
    _trades(control, sandbox)
    _refunds(control, sandbox)
    _settings(control, sandbox)
    _callbacks(control, sandbox)
    _records(control, sandbox)
    _bills(control, sandbox)
    return control


def _trades(control: Blueprint, sandbox: Sandbox) -> None:
    @control.get("/trades/<provider>/<number>")
    def trade(provider: str, number: str) -> Any:
        return shown(_trade(sandbox, provider, number), sandbox)

    @control.post("/trades/<provider>/<number>/<any(scan, pay, fail):action>")
    def act(provider: str, number: str, action: Literal["scan", "pay", "fail"]) -> Any:
        payer = body(asked.Pay()).get("payer", "")
        with sandbox.books.changing():
            found = _trade(sandbox, provider, number)
            if not sandbox.payable(found):
                state = "expired" if found.state == "unpaid" else found.state
                raise NotPossible(f"the trade is {state}")
            if action == "pay":
                found = sandbox.pay(found, payer)
            if action == "scan":
                found = sandbox.scan(found)
        return shown(found, sandbox)


def _refunds(control: Blueprint, sandbox: Sandbox) -> None:
    @control.get("/refunds/<provider>/<number>")
    def refund(provider: str, number: str) -> Any:
        return shown(_refund(sandbox, provider, number), sandbox)

    @control.post("/refunds/<provider>/<number>")
    def end(provider: str, number: str) -> Any:
        state: RefundState = body(asked.End())["state"]
        return shown(sandbox.end_refund(_refund(sandbox, provider, number), state), sandbox)


def _settings(control: Blueprint, sandbox: Sandbox) -> None:
    @control.route("/options", methods=["GET", "POST"])
    def options() -> Any:
        if request.method == "POST":
            sandbox.set_options(body(asked.Changes()))
        return asdict(sandbox.options)

    @control.route("/faults", methods=["GET", "POST", "DELETE"])
    def faults() -> Any:
        if request.method == "DELETE":
            sandbox.faults.forget()
        if request.method == "POST":
            _plan(sandbox, body(asked.Plans()))
        return sandbox.faults.shown()

    @control.route("/clock", methods=["GET", "POST"])
    def clock() -> Any:
        if request.method == "POST":
            sandbox.set_clock(**body(asked.Time()))
        return {"now": sandbox.now().isoformat(), "speed": sandbox.clock.speed}

    @control.post("/reset")
    def reset() -> Any:
        sandbox.reset()
        return {}


def _plan(sandbox: Sandbox, plans: Mapping[str, Any]) -> None:
    with sandbox.books.changing():
        for plan in plans["faults"]:
            _known(sandbox, plan["provider"], 400)
            fault = Fault(plan["fault"], plan["seconds"])
            sandbox.faults.plan(plan["provider"], plan["call"], fault, number=plan["number"], times=plan["times"])
        if plans.get("random"):
            drawn = plans["random"]
            sandbox.faults.at_random(drawn["rate"], drawn["seed"], drawn["faults"])


def _callbacks(control: Blueprint, sandbox: Sandbox) -> None:
    @control.get("/callbacks")
    def callbacks() -> Any:
        return {"callbacks": sandbox.callbacks.shown()}

    @control.post("/callbacks/release")
    def release() -> Any:
        return {"callbacks": sandbox.release_callbacks(**body(asked.Release()))}

    @control.post("/callbacks/repeat")
    def repeat() -> Any:
        wanted = body(asked.Repeat())
        _known(sandbox, wanted["provider"], 400)
        notice = sandbox.callbacks.last(wanted["provider"], wanted["number"], wanted.get("event"))
        if not notice:
            raise Problem(404, "callback_not_found", "nothing was to be told about that number")
        return {"attempts": [asdict(attempt) for attempt in sandbox.callbacks.repeat(notice, wanted["times"])]}

    @control.post("/callbacks/xml")
    def xml() -> Any:
        refund = _refund(sandbox, "wechat", body(asked.Xml())["number"])
        return {"attempts": [asdict(sandbox.tell_in_xml(refund))]}


def _records(control: Blueprint, sandbox: Sandbox) -> None:
    @control.route("/calls", methods=["GET", "DELETE"])
    def calls() -> Any:
        if request.method == "DELETE":
            sandbox.books.run("DELETE FROM calls")
        rows = sandbox.books.run('SELECT at, provider, "call", number, status, fault FROM calls ORDER BY place')
        wanted = {name: request.args[name] for name in ("provider", "call", "number") if name in request.args}
        found = [dict(row) for row in rows]
        return {"calls": [call for call in found if all(call[name] == value for name, value in wanted.items())]}

    @control.get("/books")
    def books() -> Any:
        full = request.args.get("full") == "1"
        with sandbox.books.changing():
            return {name: _sums(sandbox, name, full=full) for name in sandbox.vendors}


def _sums(sandbox: Sandbox, provider: str, *, full: bool) -> dict[str, Any]:
    trades, refunds = sandbox.books.trades(provider), sandbox.books.refunds(provider)
    sums: dict[str, Any] = {
        "taken_in": sum(trade.amount for trade in trades if trade.state == "paid"),
        "given_back": sum(refund.amount for refund in refunds if refund.state == "success"),
        "trades": len(trades),
        "refunds": len(refunds),
    }
    if full:
        sums["trade_list"] = [shown(trade, sandbox) for trade in trades]
        sums["refund_list"] = [shown(refund, sandbox) for refund in refunds]
    return sums


def _bills(control: Blueprint, sandbox: Sandbox) -> None:
    @control.route("/bills/<provider>/<day>", methods=["GET", "POST", "DELETE"])
    def bills(provider: str, day: str) -> Any:
        _known(sandbox, provider)
        when = _day(day)
        if request.method == "POST":
            sandbox.change_bill(provider, when, body(asked.Bill())["changes"])
        if request.method == "DELETE":
            sandbox.forget_bill(provider, when)
        return {"changes": sandbox.bill_changes(provider, when)}


def body(schema: asked.Asked) -> dict[str, Any]:
    """What was asked for, as the schema has it. An empty body is an empty object. Raises Problem."""
    try:
        sent = request.get_json(force=True) if request.get_data() else {}
    except BadRequest as error:
        raise Problem(400, "not_json", "the body is not JSON") from error
    if not isinstance(sent, dict):
        raise Problem(400, "invalid", "the body must be an object")
    try:
        return dict(schema.load(sent))
    except ValidationError as error:
        raise Problem(400, "invalid", "see errors", error.messages) from error


def shown(thing: Trade | Refund, sandbox: Sandbox) -> dict[str, Any]:
    """All fields; times in ISO 8601; a trade with its payer's link."""
    values = {field.name: getattr(thing, field.name) for field in fields(thing)}
    plain = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}
    return plain | ({"link": sandbox.link(thing)} if isinstance(thing, Trade) else {})


def _known(sandbox: Sandbox, provider: str, status: int = 404) -> None:
    if provider not in sandbox.vendors:
        raise Problem(status, "provider_unknown", f"there is no {provider!r}; there are {', '.join(sandbox.vendors)}")


def _trade(sandbox: Sandbox, provider: str, number: str) -> Trade:
    _known(sandbox, provider)
    found = sandbox.books.trade(provider, number)
    if found is None:
        raise Problem(404, "trade_not_found", f"{provider} has no trade {number}")
    return found


def _refund(sandbox: Sandbox, provider: str, number: str) -> Refund:
    _known(sandbox, provider)
    found = sandbox.books.refund(provider, number)
    if found is None:
        raise Problem(404, "refund_not_found", f"{provider} has no refund {number}")
    return found


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Problem(404, "day_unknown", "a day is YYYY-MM-DD") from error
