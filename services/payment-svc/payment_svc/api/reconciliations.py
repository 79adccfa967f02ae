"""Reconciliation, for operators: a bill has the money of all hospitals on it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from common.clock import local
from common.web import Idents, MoneySchema, Paged, Routes, Schema, answer, idempotent, money, page_of, principal, roles
from common.web import service as running
from flask import Response
from marshmallow import ValidationError, fields, post_load, validate

from payment_svc.api.schemas import EmptyArgs, PagedByTime
from payment_svc.matching import KINDS
from payment_svc.store.bills import Sum
from payment_svc.store.differences import Difference
from payment_svc.usecases.reconciliation import staff
from payment_svc.usecases.reconciliation.staff import Listed, Sheet

blp = Routes("reconciliations", __name__, url_prefix="/api/v1", description="Bills against books, for operators")

STATES = ("waiting", "open", "closed")
_PATH = "/reconciliations/<provider>/<day>"


class DaysArgs(Paged):
    sort_kinds = (str, str)

    provider = fields.String(load_default=None, validate=validate.Regexp(r"[a-z]{1,20}\Z", error="is no provider"))
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))

    @post_load
    def _read_day(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if data["cursor"]:
            try:
                data["cursor"] = (date.fromisoformat(data["cursor"][0]), data["cursor"][1])
            except ValueError as error:
                raise ValidationError({"cursor": ["is none of ours"]}) from error
        return data


class SheetArgs(PagedByTime):
    """Which of the differences."""

    state = fields.String(load_default=None, validate=validate.OneOf(["open", "explained", "settled"]))


class ExplainArgs(Schema):
    note = Idents.text(
        500,
        required=True,
        metadata={"example": "Alipay's service desk, case 4711: billed twice, corrected on the 24th"},
    )


class DayOut(Schema):
    provider = fields.String(required=True)
    day = fields.Date(required=True, metadata={"description": "Beijing's"})
    state = fields.String(
        required=True,
        metadata={
            "enum": list(STATES),
            "description": "waiting: the bill is not there yet; open: it is, and not all is explained; closed: all is",
        },
    )
    reason = fields.String(required=True, metadata={"description": "why the bill is not there"})
    open_differences = fields.Integer(required=True)
    undecided = fields.Integer(
        required=True, metadata={"description": "things near midnight that another day's bill will decide"}
    )
    fetched_at = fields.DateTime(required=True, format="iso", allow_none=True)
    closed_at = fields.DateTime(required=True, format="iso", allow_none=True)


class DaysOut(Schema):
    items = fields.List(fields.Nested(DayOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class SumOut(Schema):
    count = fields.Integer(required=True)
    amount = fields.Nested(MoneySchema, required=True)


class SideOut(Schema):
    payment = fields.Nested(SumOut, required=True)
    refund = fields.Nested(SumOut, required=True)


class DifferenceOut(Schema):
    id = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": list(KINDS)})
    part = fields.String(required=True, metadata={"enum": ["payment", "refund"]})
    number = fields.String(required=True, metadata={"description": "of the payment, as the provider knows it"})
    refund_number = fields.String(required=True)
    transaction_id = fields.String(required=True)
    order_id = fields.String(required=True, allow_none=True)
    ours = fields.Nested(
        MoneySchema, required=True, allow_none=True, metadata={"description": "what the day's books have of it"}
    )
    theirs = fields.Nested(
        MoneySchema, required=True, allow_none=True, metadata={"description": "what the day's bill has of it"}
    )
    evidence = fields.Dict(
        required=True, metadata={"description": "of both sides, and what the provider said when it was asked"}
    )
    state = fields.String(required=True, metadata={"enum": ["open", "explained", "settled"]})
    note = fields.String(required=True, metadata={"description": "how it was settled, or why it is in order"})
    closed_by = fields.String(required=True, metadata={"description": "the account that explained it"})
    created_at = fields.DateTime(required=True, format="iso")
    updated_at = fields.DateTime(required=True, format="iso")


class SheetOut(DayOut):
    digest = fields.String(required=True, metadata={"description": "SHA-256 of what was downloaded"})
    fee_thousandths = fields.Integer(
        required=True, metadata={"description": "the provider's fees on this bill, in thousandths of a fen"}
    )
    fee = fields.Nested(
        MoneySchema,
        required=True,
        allow_none=True,
        metadata={"description": "what was posted of them; parts of a fen go over to the next day"},
    )
    bill = fields.Nested(SideOut, required=True)
    books = fields.Nested(SideOut, required=True)
    standing = fields.Nested(
        SideOut,
        required=True,
        metadata={"description": "by how much the differences say that the bill is above the books"},
    )
    differences = fields.List(fields.Nested(DifferenceOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


def day_out(listed: Listed | Sheet) -> dict[str, Any]:
    known = listed.day
    return {
        "provider": known.provider,
        "day": known.day.isoformat(),
        "state": known.state,
        "reason": known.reason,
        "open_differences": listed.open,
        "undecided": known.undecided,
        "fetched_at": local(known.fetched_at),
        "closed_at": local(known.closed_at),
    }


def side_out(sums: Mapping[str, Sum]) -> dict[str, Any]:
    return {part: {"count": one.count, "amount": money(one.fen)} for part, one in sums.items()}


def difference_out(one: Difference) -> dict[str, Any]:
    names = (
        "id",
        "kind",
        "part",
        "number",
        "refund_number",
        "transaction_id",
        "order_id",
        "state",
        "note",
        "closed_by",
    )
    return {
        **{name: getattr(one, name) for name in names},
        "ours": None if one.ours is None else money(one.ours),
        "theirs": None if one.theirs is None else money(one.theirs),
        "evidence": dict(one.evidence),
        "created_at": local(one.created_at),
        "updated_at": local(one.updated_at),
    }


def sheet_out(sheet: Sheet, limit: int) -> dict[str, Any]:
    def sort_values(one: Difference) -> list[Any]:
        created: datetime = one.created_at
        return [created.isoformat(), one.id]

    page = page_of(sheet.differences, limit, sort_values, difference_out)
    posted = sheet.day.fee_posted
    return {
        **day_out(sheet),
        "digest": sheet.day.digest,
        "fee_thousandths": sheet.day.fee,
        "fee": None if posted is None else money(posted),
        "bill": side_out(sheet.billed),
        "books": side_out(sheet.booked),
        "standing": side_out(sheet.standing),
        "differences": page["items"],
        "next_cursor": page["next_cursor"],
    }


@blp.get("/reconciliations")
@roles("operator")
@blp.arguments(DaysArgs, location="query")
@blp.response(200, DaysOut)
def list_reconciliations(args: dict[str, Any]) -> dict[str, Any]:
    """The days of all providers, newest first."""
    found = staff.list_days(
        running().database, provider=args["provider"], state=args["state"], after=args["cursor"], limit=args["limit"]
    )
    return page_of(found, args["limit"], lambda one: [one.day.day.isoformat(), one.day.provider], day_out)


@blp.get(_PATH)
@roles("operator")
@blp.arguments(SheetArgs, location="query")
@blp.response(200, SheetOut)
def show_reconciliation(args: dict[str, Any], provider: str, day: str) -> dict[str, Any]:
    """A day: both sides by count and sum, its fees, and its differences with the evidence of both sides, oldest first.

    `bill` - `books` is `standing`, which is what the differences that are not settled come to. `cursor` pages the differences.
    404 reconciliation_not_found.
    """
    sheet = staff.show_day(
        running().database, provider, day, state=args["state"], after=args["cursor"], limit=args["limit"]
    )
    return sheet_out(sheet, args["limit"])


@blp.post(f"{_PATH}/differences/<difference_id>/explain")
@roles("operator")
@idempotent
@blp.arguments(ExplainArgs)
@blp.response(200, DifferenceOut)
def explain_difference(args: dict[str, Any], provider: str, day: str, difference_id: str) -> dict[str, Any]:
    """Say why a difference is in order. The last one closes the day; the same note again changes nothing.

    404 reconciliation_not_found, difference_not_found. 409 difference_settled, difference_explained (otherwise), difference_unasked
    (the provider is still to be asked about it).
    """
    by = principal().account_id
    return difference_out(staff.explain(running().database, by, provider, day, difference_id, args["note"]))


@blp.post(f"{_PATH}/fetch")
@roles("operator")
@idempotent
@blp.arguments(EmptyArgs)
@blp.response(202, DayOut)
def fetch_again(_args: dict[str, Any], provider: str, day: str) -> Response:
    """Have the bill once more, soon, and compare it anew: after the provider has corrected it. 404 reconciliation_not_found."""
    listed = staff.fetch_again(running().database, provider, day)
    return answer(day_out(listed), 202, Location=f"/api/v1/reconciliations/{provider}/{day}")
