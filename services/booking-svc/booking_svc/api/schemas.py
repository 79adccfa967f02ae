"""What goes into booking-svc by HTTP, and what comes out."""

import re
import unicodedata
from datetime import datetime
from typing import Any

from common.web import Idents, MoneySchema, Paged, Schema
from marshmallow import fields, post_load, validate

from booking_svc.domain import REFUND_REFUSED, REFUSALS, REPLACEMENT_ENDED, VOID_REASONS, State
from booking_svc.saga import EVENTS

STATES = [str(s) for s in State]
REASONS = [*REFUSALS, REPLACEMENT_ENDED, REFUND_REFUSED]


def void_reason() -> fields.String:
    """Why a number is void."""
    words = (
        "why the number is void, its fee going back: she came too late, or the clinic ended before her turn; else null"
    )
    return fields.String(required=True, allow_none=True, metadata={"enum": [*VOID_REASONS, None], "description": words})


class PlaceOrderSchema(Schema):
    """A request for a number. Without `slot_id` the earliest time with a free number is taken."""

    session_id = Idents.id(required=True)
    slot_id = Idents.id(load_default=None, allow_none=True)
    patient_id = Idents.id(required=True)
    join_waitlist = fields.Boolean(load_default=False, truthy={True}, falsy={False})
    auto_book = fields.Boolean(
        load_default=True,
        truthy={True},
        falsy={False},
        metadata={"description": "a number freed for her on the waitlist is hers without asking again"},
    )
    voucher = Idents.text(
        64,
        load_default=None,
        allow_none=True,
        metadata={"description": "from the hospital: opens a number that is set aside, or adds weight in a draw"},
    )

    @post_load
    def _as_issued(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """A voucher is read out and typed in: its digits count, however they are grouped, and full-width ones too."""
        digits = re.sub("[^0-9]", "", unicodedata.normalize("NFKC", data["voucher"] or ""))
        if digits:
            data["voucher"] = "-".join(digits[i : i + 4] for i in range(0, len(digits), 4))
        return data


class MoveSchema(Schema):
    """The session to have instead. Without `slot_id` the earliest time with a free number is taken."""

    session_id = Idents.id(required=True)
    slot_id = Idents.id(load_default=None, allow_none=True)


class VisitSchema(Schema):
    """Where and when to be."""

    hospital_id = fields.String(required=True)
    hospital_name = fields.String(required=True)
    department_id = fields.String(required=True)
    department_name = fields.String(required=True)
    doctor_id = fields.String(required=True)
    doctor_name = fields.String(required=True)
    doctor_title = fields.String(required=True)
    date = fields.Date(required=True)
    period = fields.String(required=True, metadata={"enum": ["morning", "afternoon", "evening"]})
    starts_at = fields.AwareDateTime(required=True, metadata={"description": "the time to arrive"})
    ends_at = fields.AwareDateTime(required=True)
    room = fields.String(required=True)


class StepSchema(Schema):
    """One step of an order's history. `event` is a stable code."""

    at = fields.AwareDateTime(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    event = fields.String(required=True, metadata={"enum": list(EVENTS)})


class WeightPartSchema(Schema):
    """One part of an entrant's weight, by the hospital's published rules."""

    name = fields.String(required=True, metadata={"enum": ["base", "clean_credit", "follow_up", "referral"]})
    points = fields.Integer(required=True)


class EntrySchema(Schema):
    """What an order has in a draw: its name in the public record, and its weight with each part."""

    draw_at = fields.AwareDateTime(required=True)
    pseudonym = fields.String(required=True)
    weight = fields.Integer(required=True)
    parts = fields.List(fields.Nested(WeightPartSchema), required=True)


class SubstituteSchema(Schema):
    """停诊: a session that she may have instead, at no extra charge; `visit` is its earliest free time."""

    session_id = fields.String(required=True)
    fee = fields.Nested(MoneySchema, required=True)
    visit = fields.Nested(VisitSchema, required=True)


class OrderSchema(Schema):
    """An order as its owner sees it."""

    id = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "enum": [*REASONS, None],
            "description": "why it was rejected, that its refund was refused, or that the order that it was to replace has ended",
        },
    )
    rule = fields.String(
        required=True, allow_none=True, metadata={"description": "the hospital's rule that rejected it"}
    )
    until = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "until when the rule does"})
    void_reason = void_reason()
    session_id = fields.String(required=True)
    slot_id = fields.String(required=True, allow_none=True)
    patient_id = fields.String(required=True)
    patient_name = fields.String(required=True, allow_none=True, metadata={"description": "masked"})
    queue_number = fields.Integer(required=True, allow_none=True)
    waitlist_position = fields.Integer(
        required=True, allow_none=True, metadata={"description": "when it joined the waitlist"}
    )
    auto_book = fields.Boolean(required=True)
    entry = fields.Nested(EntrySchema, required=True, allow_none=True)
    fee = fields.Nested(MoneySchema, required=True, allow_none=True)
    due = fields.Nested(
        MoneySchema,
        required=True,
        allow_none=True,
        metadata={"description": "to be paid by itself: the fee, less what comes from the order that it replaces"},
    )
    paid = fields.Nested(MoneySchema, required=True, metadata={"description": "for it, and moved to it"})
    moved = fields.Nested(
        MoneySchema, required=True, metadata={"description": "of that, to the order that took its place"}
    )
    refunded = fields.Nested(MoneySchema, required=True)
    visit = fields.Nested(VisitSchema, required=True, allow_none=True)
    visit_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "once it is confirmed: its visit on the day, `GET /visits/{visit_id}`"},
    )
    replaces = fields.String(required=True, allow_none=True, metadata={"description": "the order whose place it takes"})
    replaced_by = fields.String(
        required=True, allow_none=True, metadata={"description": "the order that took its place"}
    )
    substitutes = fields.List(fields.Nested(SubstituteSchema), required=True)
    placed_at = fields.AwareDateTime(required=True)
    pay_before = fields.AwareDateTime(required=True, allow_none=True)
    accept_before = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "until when a freed number, or substitutes, are offered"},
    )
    cancel_before = fields.AwareDateTime(required=True, allow_none=True)
    history = fields.List(fields.Nested(StepSchema), required=True)


class OrdersQuery(Paged):
    """Filters of the list."""

    sort_kinds = (datetime, str)

    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


class OrdersSchema(Schema):
    """A page of orders."""

    items = fields.List(fields.Nested(OrderSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class StoppageRowSchema(Schema):
    """The orders in one state, and what is with us of their money."""

    state = fields.String(required=True, metadata={"enum": STATES})
    orders = fields.Integer(required=True)
    amount = fields.Nested(MoneySchema, required=True)


class StoppageSchema(Schema):
    """The board of a session's stop: before it, what it would concern; after it, what is left to settle."""

    session_id = fields.String(required=True)
    stopped = fields.Boolean(required=True)
    settled = fields.Boolean(required=True, metadata={"description": "stopped, and nothing is left to settle"})
    orders = fields.Integer(
        required=True, metadata={"description": "that have not ended, or are owed the difference to a substitute"}
    )
    amount = fields.Nested(
        MoneySchema, required=True, metadata={"description": "to be given back, or moved to substitutes"}
    )
    states = fields.List(fields.Nested(StoppageRowSchema), required=True)
