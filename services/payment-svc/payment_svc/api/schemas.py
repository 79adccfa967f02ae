"""What goes in and out, and how domain things look outside."""

from datetime import datetime
from typing import Any

from common.clock import local
from common.web import Idents, MoneySchema, Paged, Principal, Schema, money, principal
from marshmallow import ValidationError, fields, validate, validates_schema

from payment_svc.domain import Caller, Part, Refund
from payment_svc.settings import METHODS
from payment_svc.store.ledger import Entry
from payment_svc.usecases.payments import Payment

CHANNELS = ("qr", "page", "wap", "native", "jsapi", "h5")
ENTRY_KINDS = (
    "capture",
    "moved_out",
    "moved_in",
    "fee_difference",
    "refund_reserved",
    "refund_paid",
    "refund_refused",
    "refund_offset",
    "fee_earned",
    "fee_owed_again",
    "bill_fee",
)
REFUND_STATES = ("reserved", "submitted", "processing", "abnormal", "succeeded", "failed")


def caller() -> Caller:
    """The caller of this request, as far as money is concerned."""
    who: Principal = principal()
    return Caller(who.account_id, who.hospital_id if who.has("cashier") else "", who.has("operator"))


class MethodOut(Schema):
    method = fields.String(required=True, metadata={"enum": list(METHODS)})
    channels = fields.List(
        fields.String(metadata={"enum": list(CHANNELS)}),
        required=True,
        metadata={"description": "how the payer gets there, the default first; none if there is only one way"},
    )


class MethodsOut(Schema):
    items = fields.List(fields.Nested(MethodOut), required=True)


class PayArgs(Schema):
    method = fields.String(required=True, validate=validate.OneOf(METHODS))
    channel = fields.String(
        load_default=None,
        validate=validate.OneOf(CHANNELS),
        metadata={"description": "how the payer gets there; by default the method's first"},
    )
    openid = fields.String(
        load_default=None,
        validate=validate.Regexp(r"[0-9A-Za-z_-]{1,128}\Z", error="is no openid"),
        metadata={"description": "who the payer is within WeChat; for the channel jsapi"},
    )
    return_path = fields.String(
        load_default=None,
        # a path on our own pages: printable ASCII without a backslash, and no second slash that would lead to another host
        validate=validate.Regexp(r"(?!.*//)/[!-\[\]-~]{0,255}\Z", error="must be a path on these pages"),
        metadata={"description": "where the payer comes back to; for the channels page and wap", "example": "/orders"},
    )


class CardArgs(Schema):
    bank = fields.String(
        required=True,
        load_only=True,
        validate=validate.Regexp(r"[0-9A-Z_]{1,32}\Z", error="is no bank's code"),
        metadata={"description": "the provider's code of the bank", "example": "ICBC_DEBIT"},
    )
    number = fields.String(
        required=True, load_only=True, validate=validate.Regexp(r"[0-9]{8,32}\Z", error="is no card's number")
    )
    holder = Idents.text(64, required=True, load_only=True, metadata={"description": "as the bank knows the holder"})


class ReceiptArgs(Schema):
    amount = fields.Nested(
        MoneySchema, load_default=None, metadata={"description": "what was taken; checked against what is owed"}
    )
    receipt_number = fields.String(
        load_default=None,
        validate=validate.Regexp(r"[0-9A-Za-z-]{1,32}\Z", error="1 to 32 letters, digits or dashes"),
        metadata={"example": "R-20261122-17"},
    )


class EmptyArgs(Schema):
    """A body that says nothing."""


class PaidOutArgs(Schema):
    amount = fields.Nested(
        MoneySchema,
        load_default=None,
        metadata={
            "description": "what was handed out; checked against what is owed. Needed only if a part went before"
        },
    )


class PaymentsArgs(Schema):
    order_id = Idents.id(load_default=None)
    code = fields.String(load_default=None, validate=validate.Regexp(r"[0-9A-Z]{6,32}\Z", error="is no counter code"))

    @validates_schema
    def _one_of_them(self, data: dict[str, Any], **_: Any) -> None:
        if not data.get("order_id") and not data.get("code"):
            raise ValidationError({"order_id": ["give order_id or code"]})


class PagedByTime(Paged):
    """Pages in the order of time and id."""

    sort_kinds = (datetime, str)


def by_time(item: Refund | Entry) -> list[Any]:
    """What a page is sorted by."""
    return [item.created_at.isoformat(), item.id]


class ShowSchema(Schema):
    """What the payer must be shown, by its type."""

    type = fields.String(required=True, validate=validate.OneOf(["qr", "link", "jsapi", "counter"]))
    text = fields.String(metadata={"description": "qr: what the code says"})
    url = fields.String(metadata={"description": "link: where to go"})
    params = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "jsapi: for WeChat's payment call"}
    )
    code = fields.String(metadata={"description": "counter: what to say there"})


class PartOut(Schema):
    """A part of what was paid, and where it is."""

    order_id = fields.String(required=True, metadata={"description": "the order that it is for"})
    from_order_id = fields.String(
        required=True, allow_none=True, metadata={"description": "the order that it paid for before, if it has moved"}
    )
    amount = fields.Nested(MoneySchema, required=True)
    state = fields.String(
        required=True,
        metadata={
            "enum": ["settles", "given_back"],
            "description": "settles: it pays for the order; given_back: it is on its way to the payer, or there (see the refunds)",
        },
    )


def part_out(part: Part) -> dict[str, Any]:
    return {
        "order_id": part.order_id,
        "from_order_id": part.from_order_id,
        "amount": money(part.amount),
        "state": "settles" if part.settles else "given_back",
    }


class PaymentOut(Schema):
    id = fields.String(required=True)
    order_id = fields.String(required=True, metadata={"description": "the order that it was made for"})
    method = fields.String(required=True, metadata={"enum": list(METHODS)})
    channel = fields.String(
        required=True,
        metadata={"description": "how the payer gets there; empty if there is only one way", "enum": [*CHANNELS, ""]},
    )
    state = fields.String(
        required=True,
        metadata={
            "enum": ["created", "pending", "unknown", "succeeded", "closing", "closed", "failed"],
            "description": "created, unknown: the provider has not answered yet; pending: can be paid; closing: being closed",
        },
    )
    amount = fields.Nested(MoneySchema, required=True)
    description = fields.String(required=True)
    pay_before = fields.DateTime(required=True, format="iso")
    show = fields.Nested(ShowSchema, required=True, allow_none=True)
    show_until = fields.DateTime(
        required=True,
        format="iso",
        allow_none=True,
        metadata={"description": "then `show` is stale: start the payment again, and the same one shows itself anew"},
    )
    created_at = fields.DateTime(required=True, format="iso")
    paid_at = fields.DateTime(required=True, format="iso", allow_none=True)
    reason = fields.String(required=True, metadata={"description": "why it failed, or is unknown"})
    parts = fields.List(
        fields.Nested(PartOut),
        required=True,
        metadata={"description": "where the money is: it may have moved to another order, all of it or in part"},
    )


def payment_out(payment: Payment) -> dict[str, Any]:
    intent, attempt = payment.intent, payment.attempt
    return {
        "id": attempt.id,
        "order_id": attempt.order_id,
        "method": attempt.method,
        "channel": attempt.params.get("channel", ""),
        "state": attempt.state,
        "amount": money(attempt.amount),
        "description": intent.description,
        "pay_before": local(intent.pay_before),
        "show": attempt.show,
        "show_until": local(attempt.show_until),
        "created_at": local(attempt.created_at),
        "paid_at": local(attempt.paid_at),
        "reason": attempt.reason,
        "parts": [part_out(part) for part in payment.parts],
    }


class PaymentsOut(Schema):
    items = fields.List(fields.Nested(PaymentOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class RefundsArgs(PagedByTime):
    state = fields.String(load_default=None, validate=validate.OneOf(REFUND_STATES))
    order_id = Idents.id(load_default=None)
    waiting = fields.Boolean(
        load_default=False,
        truthy={"true"},
        falsy={"false"},
        metadata={
            "description": "only what waits for a person: to be paid out at the counter, to be repeated since it was refused, or for a card"
        },
    )


class RefundOut(Schema):
    id = fields.String(required=True)
    order_id = fields.String(required=True, metadata={"description": "the order whose money goes back"})
    from_order_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "the order that this money paid for before it moved; its payment is that order's"},
    )
    payment_id = fields.String(required=True)
    method = fields.String(
        required=True, metadata={"enum": list(METHODS), "description": "by which way the money goes back"}
    )
    number = fields.String(required=True, metadata={"description": "the number that the provider knows it by"})
    amount = fields.Nested(MoneySchema, required=True)
    purpose = fields.String(
        required=True,
        metadata={
            "enum": ["order", "surplus"],
            "description": "order: a paid order was cancelled; surplus: it came late, twice or wrong, or a cheaper order took the place of this one",
        },
    )
    state = fields.String(
        required=True,
        metadata={
            "enum": list(REFUND_STATES),
            "description": "reserved, submitted: the provider is being asked; processing: it has accepted, or a cashier must pay it out; "
            "abnormal: it cannot reach the payer, and staff must name a card",
        },
    )
    reason = fields.String(required=True, metadata={"description": "why the money goes back"})
    failure = fields.String(
        required=True, metadata={"description": "why the provider refused, or cannot reach the payer"}
    )
    retry_of = fields.String(
        required=True, allow_none=True, metadata={"description": "the refused refund that this one repeats"}
    )
    retried_as = fields.String(
        required=True, allow_none=True, metadata={"description": "the refund that repeats this refused one"}
    )
    created_at = fields.DateTime(required=True, format="iso")
    updated_at = fields.DateTime(required=True, format="iso")


class RefundsOut(Schema):
    items = fields.List(fields.Nested(RefundOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


def refund_out(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "order_id": refund.order_id,
        "from_order_id": refund.from_order_id,
        "payment_id": refund.payment_id,
        "method": refund.provider,
        "number": refund.number,
        "amount": money(refund.amount),
        "purpose": refund.purpose,
        "state": refund.state,
        "reason": refund.reason,
        "failure": refund.failure,
        "retry_of": refund.retry_of,
        "retried_as": refund.retried_as,
        "created_at": local(refund.created_at),
        "updated_at": local(refund.updated_at),
    }


class BalanceOut(Schema):
    account = fields.String(required=True, metadata={"example": "clearing:window"})
    balance = fields.Nested(MoneySchema, required=True, metadata={"description": "debit above zero, credit below"})


class LineOut(Schema):
    account = fields.String(required=True)
    amount = fields.Nested(
        MoneySchema,
        required=True,
        metadata={"description": "debit above zero, credit below; an entry's lines sum to zero"},
    )


class EntryOut(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": list(ENTRY_KINDS)})
    order_id = fields.String(required=True)
    created_at = fields.DateTime(required=True, format="iso")
    lines = fields.List(fields.Nested(LineOut), required=True)


class LedgerOut(Schema):
    balances = fields.List(fields.Nested(BalanceOut), required=True)
    items = fields.List(fields.Nested(EntryOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


def entry_out(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "order_id": entry.order_id,
        "created_at": local(entry.created_at),
        "lines": [{"account": account, "amount": money(fen)} for account, fen in entry.lines],
    }
