"""What goes into booking-svc by HTTP, and what comes out."""

import re
import unicodedata
from datetime import datetime
from typing import Any

from common.web import Idents, MoneySchema, Paged, Schema
from marshmallow import fields, post_load, validate

from booking_svc.domain import State

STATES = [str(s) for s in State]


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

    hospital_id = fields.String()
    hospital_name = fields.String()
    department_id = fields.String()
    department_name = fields.String()
    doctor_id = fields.String()
    doctor_name = fields.String()
    doctor_title = fields.String()
    date = fields.Date()
    period = fields.String(metadata={"enum": ["morning", "afternoon", "evening"]})
    starts_at = fields.AwareDateTime(metadata={"description": "the time to arrive"})
    ends_at = fields.AwareDateTime()
    room = fields.String()


class StepSchema(Schema):
    """One step of an order's history. `event` is a stable code."""

    at = fields.AwareDateTime()
    state = fields.String()
    event = fields.String()


class WeightPartSchema(Schema):
    """One part of an entrant's weight, by the hospital's published rules."""

    name = fields.String()
    points = fields.Integer()


class EntrySchema(Schema):
    """What an order has in a draw: its name in the public record, and its weight with each part."""

    draw_at = fields.AwareDateTime()
    pseudonym = fields.String()
    weight = fields.Integer()
    parts = fields.List(fields.Nested(WeightPartSchema))


class SubstituteSchema(Schema):
    """停诊: a session that she may have instead, at no extra charge; `visit` is its earliest free time."""

    session_id = fields.String()
    fee = fields.Nested(MoneySchema)
    visit = fields.Nested(VisitSchema)


class OrderSchema(Schema):
    """An order as its owner sees it."""

    id = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    reason = fields.String(
        allow_none=True, metadata={"description": "why it was rejected, why its refund stalled, or `replacement_ended`"}
    )
    rule = fields.String(allow_none=True, metadata={"description": "the hospital's rule that rejected it"})
    until = fields.AwareDateTime(allow_none=True, metadata={"description": "until when the rule does"})
    session_id = fields.String(required=True)
    slot_id = fields.String(allow_none=True)
    patient_id = fields.String(required=True)
    patient_name = fields.String(allow_none=True, metadata={"description": "masked"})
    queue_number = fields.Integer(allow_none=True)
    waitlist_position = fields.Integer(allow_none=True, metadata={"description": "when it joined the waitlist"})
    auto_book = fields.Boolean()
    entry = fields.Nested(EntrySchema, allow_none=True)
    fee = fields.Nested(MoneySchema, allow_none=True)
    due = fields.Nested(
        MoneySchema,
        allow_none=True,
        metadata={"description": "to be paid by itself: the fee, less what comes from the order that it replaces"},
    )
    paid = fields.Nested(MoneySchema, metadata={"description": "for it, and moved to it"})
    moved = fields.Nested(MoneySchema, metadata={"description": "of that, to the order that took its place"})
    refunded = fields.Nested(MoneySchema)
    visit = fields.Nested(VisitSchema, allow_none=True)
    visit_id = fields.String(
        allow_none=True,
        metadata={"description": "once it is confirmed: its visit on the day, `GET /visits/{visit_id}`"},
    )
    replaces = fields.String(allow_none=True, metadata={"description": "the order whose place it takes"})
    replaced_by = fields.String(allow_none=True, metadata={"description": "the order that took its place"})
    substitutes = fields.List(fields.Nested(SubstituteSchema))
    placed_at = fields.AwareDateTime()
    pay_before = fields.AwareDateTime(allow_none=True)
    accept_before = fields.AwareDateTime(
        allow_none=True, metadata={"description": "until when a freed number, or substitutes, are offered"}
    )
    cancel_before = fields.AwareDateTime(allow_none=True)
    history = fields.List(fields.Nested(StepSchema))


class OrdersQuery(Paged):
    """Filters of the list."""

    sort_kinds = (datetime, str)

    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


class OrdersSchema(Schema):
    """A page of orders."""

    items = fields.List(fields.Nested(OrderSchema))
    next_cursor = fields.String(allow_none=True)


class StoppageRowSchema(Schema):
    """The orders in one state, and what is with us of their money."""

    state = fields.String(metadata={"enum": STATES})
    orders = fields.Integer()
    amount = fields.Nested(MoneySchema)


class StoppageSchema(Schema):
    """The board of a session's stop: before it, what it would concern; after it, what is left to settle."""

    session_id = fields.String(required=True)
    stopped = fields.Boolean(required=True)
    settled = fields.Boolean(required=True, metadata={"description": "stopped, and nothing is left to settle"})
    orders = fields.Integer(metadata={"description": "that have not ended, or are owed the difference to a substitute"})
    amount = fields.Nested(MoneySchema, metadata={"description": "to be given back, or moved to substitutes"})
    states = fields.List(fields.Nested(StoppageRowSchema))
