"""/_ctl: what tests look at, and what they do to the mailbox. JSON in, JSON out; what is wrong is refused, and changes nothing."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, jsonify, request

from mailbox_sandbox import sms, smtp
from mailbox_sandbox.box import Box
from mailbox_sandbox.faults import CALLS, FAULTS, Faults
from mailbox_sandbox.parts import Message
from mailbox_sandbox.receipts import DEAD, FAILURE, SUCCESS, Receipts

PROVIDERS = ("smtp", "alibaba", "tencent")
LONGEST = 600.0  # seconds


class Wrong(Exception):
    """What was asked is not as it should be."""


def blueprint(box: Box, faults: Faults, receipts: Receipts) -> Blueprint:
    """Everything at /_ctl."""
    pages = Blueprint("control", __name__, url_prefix="/_ctl")
    _messages(pages, box, receipts)
    _faults(pages, faults)

    @pages.errorhandler(Wrong)
    def wrong(error: Wrong) -> tuple[dict[str, str], int]:
        return {"code": "wrong", "detail": str(error)}, 400

    @pages.get("/calls")
    def calls() -> Response:
        return jsonify({"items": box.calls()})

    @pages.route("/options", methods=["GET", "POST"])
    def options() -> Response:
        """Answers all; POST changes those that are named."""
        if request.method == "POST":
            receipts.set(**_options(_body()))
        return jsonify({**asdict(receipts.options), "codes_of_dead_numbers": DEAD})

    return pages


def _messages(pages: Blueprint, box: Box, receipts: Receipts) -> None:
    @pages.get("/messages")
    def messages() -> Response:
        """?to=&channel=&after=<id>: oldest first, at most 1000."""
        after = request.args.get("after", "0")
        if not after.isdecimal():
            raise Wrong("after: an id, which is a whole number")
        found = box.messages(
            to=address(request.args.get("to", "")), channel=request.args.get("channel", ""), after=int(after)
        )
        return jsonify({"items": [shown(message) for message in found]})

    @pages.delete("/messages")
    def throw_away() -> Response:
        box.empty()
        return jsonify({"items": []})

    @pages.post("/messages/<int:number>/receipt")
    def end(number: int) -> Response:
        """Decide what became of an SMS, and tell it (again): {"state": "delivered" or "failed", "code": the provider's}."""
        message, asked = box.message(number), _body()
        if message is None or message.channel != "sms":
            raise Wrong("there is no such SMS")
        state = _one_of(asked, "state", ("delivered", "failed"))
        usual = SUCCESS if state == "delivered" else FAILURE
        receipts.end(number, state, str(asked.get("code") or usual[message.provider]))  # type: ignore[arg-type]
        return jsonify(shown(box.message(number) or message))


def _faults(pages: Blueprint, faults: Faults) -> None:
    @pages.post("/faults")
    def plan() -> Response:
        for planned in _plans(_body()):
            faults.plan(**planned)
        return jsonify({"faults": faults.shown()})

    @pages.get("/faults")
    def planned() -> Response:
        return jsonify({"faults": faults.shown()})

    @pages.delete("/faults")
    def forget() -> Response:
        faults.forget()
        return jsonify({"faults": []})


def _plans(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """{"calls": one or several, "fault": ..., "times": 1, "provider": "", "to": "", "seconds": 0}. Raises Wrong."""
    said = asked.get("calls", ())
    calls = [_one_of({"calls": call}, "calls", CALLS) for call in ([said] if isinstance(said, str) else said)]
    times, seconds = asked.get("times", 1), asked.get("seconds", 0.0)
    if not calls or type(times) is not int or times < 1:
        raise Wrong("calls: at least one; times: a whole number from 1")
    if not isinstance(seconds, int | float) or not 0 <= seconds <= LONGEST:
        raise Wrong(f"seconds: from 0 to {LONGEST:.0f}")
    planned = {
        "fault": _one_of(asked, "fault", FAULTS),
        "provider": _one_of({"provider": "", **asked}, "provider", ("", *PROVIDERS)),
        "to": address(str(asked.get("to", ""))),
        "times": times,
        "seconds": float(seconds),
    }
    return [{"call": call, **planned} for call in calls]


def address(said: str) -> str:
    """An e-mail address or a phone number, as messages are kept under it. "" stays so."""
    return smtp.plain(said) if "@" in said else sms.number(said) or said


def shown(message: Message) -> dict[str, Any]:
    """Everything; a file's content as text, or in base64 if it is none."""
    fields = asdict(message)
    fields["from"] = fields.pop("sender")
    fields["code"] = message.code
    fields["headers"] = [list(header) for header in message.headers]
    fields["files"] = [{"name": f.name, "kind": f.kind, **_content(f.content)} for f in message.files]
    return fields


def _content(content: bytes) -> Mapping[str, str]:
    try:
        return {"text": content.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(content).decode()}


def _body() -> Mapping[str, Any]:
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        raise Wrong("the body must be a JSON object")
    return asked


def _one_of(asked: Mapping[str, Any], name: str, known: Sequence[str]) -> str:
    value = asked.get(name)
    if value not in known:
        raise Wrong(f"{name}: one of {', '.join(filter(None, known))}")
    return str(value)


def _options(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    if unknown := set(asked) - {"receipts", "receipt_seconds", "session_context"}:
        raise Wrong(f"unknown: {', '.join(sorted(unknown))}")
    if "receipts" in asked:
        _one_of(asked, "receipts", ("delivered", "failed", "none"))
    seconds = asked.get("receipt_seconds", 0.0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 1_000_000:
        raise Wrong("receipt_seconds: a number from 0")
    if not isinstance(asked.get("session_context", False), bool):
        raise Wrong("session_context: true or false")
    return asked
