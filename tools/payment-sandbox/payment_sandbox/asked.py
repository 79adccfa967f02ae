"""What may be asked of /_ctl: every field, its type and its range. What is not named here is refused."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from payment_sandbox.clock import FASTEST
from payment_sandbox.faults import EVERY, possible

CALLS = (
    *(
        "create",
        "query",
        "close",
        "cancel",
        "refund",
        "query_refund",
        "refund_to_card",
        "bill",
        "download",
        "certificates",
    ),
    "callback",
)
"""What faults can be planned for."""
CHANGES = ("drop", "add", "amount", "status", "day", "truncate", "digest", "columns", "summary")
"""What can be wrong with a bill."""
LONGEST_DELAY = 600.0  # seconds
LONGEST_JUMP = 10 * 366 * 86_400.0
MOST_FEN = 10_000_000_000

_NUMBER = validate.Length(min=1, max=128)
_CELL = validate.Regexp(re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,128}\Z"))
_EVENT = validate.OneOf(["paid", "refund"])


class Asked(Schema):
    """Unknown fields are errors (marshmallow's default). Numbers are numbers, not strings that look like them."""


class Whole(fields.Integer):
    """5, not "5", 5.0 or true."""

    def _validated(self, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Number(fields.Float):
    """5 or 0.5, not "5", true, or infinite."""

    def _validated(self, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._validated(value) or 0.0


class Flag(fields.Boolean):
    """true or false, not "yes" or 1."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        del attr, data, kwargs  # a value is what it is
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Pay(Asked):
    payer = fields.String(validate=validate.Regexp(re.compile(r"[0-9A-Za-z_\-]{1,64}\Z")))


class End(Asked):
    state = fields.String(required=True, validate=validate.OneOf(["success", "closed", "abnormal"]))


class Changes(Asked):
    """parts.Options."""

    close_paid_code = fields.String(validate=validate.OneOf(["ORDERPAID", "ORDER_PAID", "TRADE_ERROR"]))
    order_not_exist_code = fields.String(validate=validate.OneOf(["ORDER_NOT_EXIST", "ORDERNOTEXIST"]))
    longest_expiry_days = Whole(validate=validate.Range(1, 366))
    immediate_retries = Flag()
    negative_refunds = Flag()
    refund_outcome = fields.String(
        validate=validate.OneOf(["success", "processing", "closed", "abnormal", "refused"]),
    )
    refund_rule_seconds = Flag()
    refund_minutes = Number(validate=validate.Range(0, 525_600))
    hold_callbacks = Flag()
    duplicate_callbacks = Whole(validate=validate.Range(0, 1000))
    callback_before_answer = Flag()
    balance = Whole(allow_none=True, validate=validate.Range(0))
    bill_ready = Flag()
    fee_rate = Number(validate=validate.Range(0, 1))
    more = fields.Dict(keys=fields.String())


class Plan(Asked):
    provider = fields.String(required=True)
    call = fields.String(required=True, validate=validate.OneOf(CALLS))
    number = fields.String(load_default="*", validate=_NUMBER)
    times = Whole(load_default=1, validate=validate.Range(1, 1_000_000))
    fault = fields.String(required=True, validate=validate.OneOf(EVERY))
    seconds = Number(load_default=0.0, validate=validate.Range(0, LONGEST_DELAY))

    @validates_schema(skip_on_field_errors=True)
    def fits(self, data: Mapping[str, Any], **_: Any) -> None:
        """A call cannot be delivered twice, and a delivery has no status of ours."""
        if data["fault"] not in possible(data["call"]):
            raise ValidationError(f"a {data['call']} cannot have it", "fault")


class AtRandom(Asked):
    rate = Number(required=True, validate=validate.Range(0, 1))
    seed = Whole(load_default=0)
    faults = fields.List(fields.String(validate=validate.OneOf(EVERY)), required=True, validate=validate.Length(min=1))


class Plans(Asked):
    faults = fields.List(fields.Nested(Plan), load_default=list, validate=validate.Length(max=1000))
    random = fields.Nested(AtRandom)


class Time(Asked):
    advance = Number(validate=validate.Range(0, LONGEST_JUMP))
    speed = Number(validate=validate.Range(0, FASTEST))


class Release(Asked):
    order = fields.String(load_default="as_is", validate=validate.OneOf(["as_is", "reversed", "shuffled"]))
    seed = Whole(load_default=0)


class Repeat(Asked):
    provider = fields.String(required=True)
    number = fields.String(required=True, validate=_NUMBER)
    times = Whole(load_default=1, validate=validate.Range(1, 1000))
    event = fields.String(validate=_EVENT)


class Xml(Asked):
    number = fields.String(required=True, validate=_NUMBER)


class Change(Asked):
    """A difference of a bill, with all that it takes to write that bill."""

    do = fields.String(required=True, validate=validate.OneOf(CHANGES))
    number = fields.String(validate=_CELL)
    refund_number = fields.String(validate=_CELL)
    transaction_id = fields.String(validate=_CELL)
    subject = fields.String(validate=_CELL)
    status = fields.String(validate=_CELL)
    amount = Whole(validate=validate.Range(1, MOST_FEN))
    to = fields.String()

    @validates_schema(skip_on_field_errors=True)
    def enough(self, data: Mapping[str, Any], **_: Any) -> None:
        """Says which line it is about, and what that shall be."""
        do = data["do"]
        if do in {"drop", "amount", "status", "day"} and not {"number", "refund_number"} & data.keys():
            raise ValidationError(f"{do} needs it, or refund_number", "number")
        if do in {"amount", "status"} and do not in data:
            raise ValidationError(f"{do} needs it", do)
        try:
            date.fromisoformat(data.get("to", "2026-11-22"))
        except ValueError as error:
            raise ValidationError("a day is YYYY-MM-DD", "to") from error


class Bill(Asked):
    changes = fields.List(fields.Nested(Change), required=True, validate=validate.Length(1, 1000))
