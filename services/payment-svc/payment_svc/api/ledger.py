"""The ledger, for staff: entries, balances, days, and a table for spreadsheets."""

import csv
from collections.abc import Iterator
from datetime import date
from io import StringIO
from typing import Any

from common.clock import local
from common.web import Idents, MoneySchema, Routes, Schema, money, page_of, roles
from common.web import service as running
from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema

from payment_svc.api.schemas import LedgerOut, PagedByTime, by_time, caller, entry_out
from payment_svc.store.ledger import AccountDay, Entry
from payment_svc.usecases import ledger
from payment_svc.usecases.ledger import Days

blp = Routes("ledger", __name__, url_prefix="/api/v1", description="The ledger, for staff")

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
MOST_DAYS = 366
_sane = validate.Range(EARLIEST, LATEST)


def _in_order(first: date | None, last: date | None, most: int | None = None) -> None:
    """Raises ValidationError."""
    if first and last and last < first:
        raise ValidationError({"to": ["is before from"]})
    if most and first and last and (last - first).days >= most:
        raise ValidationError({"to": [f"is more than {most} days after from"]})


class LedgerArgs(PagedByTime):
    order_id = Idents.id(load_default=None)
    day = fields.Date(load_default=None, validate=_sane, metadata={"description": "this day alone (Beijing)"})
    first = fields.Date(data_key="from", load_default=None, validate=_sane, metadata={"description": "a Beijing day"})
    last = fields.Date(data_key="to", load_default=None, validate=_sane, metadata={"description": "the last day"})

    @validates_schema
    def _one_way_to_say_it(self, data: dict[str, Any], **_: Any) -> None:
        if data.get("day") and (data.get("first") or data.get("last")):
            raise ValidationError({"day": ["stands alone, without from and to"]})
        _in_order(data.get("first"), data.get("last"))


class DaysArgs(Schema):
    first = fields.Date(data_key="from", required=True, validate=_sane, metadata={"description": "a Beijing day"})
    last = fields.Date(data_key="to", required=True, validate=_sane, metadata={"description": "the last day"})

    @validates_schema
    def _not_too_many(self, data: dict[str, Any], **_: Any) -> None:
        _in_order(data.get("first"), data.get("last"), MOST_DAYS)


class ExportArgs(DaysArgs):
    order_id = Idents.id(load_default=None)


class AccountDayOut(Schema):
    day = fields.Date(required=True)
    account = fields.String(required=True, metadata={"example": "clearing:wechat"})
    opening = fields.Nested(MoneySchema, required=True, metadata={"description": "debit above zero, credit below"})
    debit = fields.Nested(MoneySchema, required=True, metadata={"description": "what was debited, never below zero"})
    credit = fields.Nested(MoneySchema, required=True, metadata={"description": "what was credited, never below zero"})
    closing = fields.Nested(MoneySchema, required=True, metadata={"description": "opening + debit - credit"})


class AccountDaysOut(Schema):
    items = fields.List(fields.Nested(AccountDayOut), required=True)


@blp.get("/ledger")
@roles("cashier", "operator")
@blp.arguments(LedgerArgs, location="query")
@blp.response(200, LedgerOut)
def show_ledger(args: dict[str, Any]) -> dict[str, Any]:
    """Entries, oldest first, and balances per account: of one's hospital, or of all for operators.

    Of one `day`, or of the days `from` .. `to`, if that is asked for; balances are those at the end of the last day. Days are Beijing's.
    """
    days = Days(args["day"] or args["first"], args["day"] or args["last"])
    balances, entries = ledger.read_ledger(
        running().database, caller(), days, order_id=args["order_id"], after=args["cursor"], limit=args["limit"]
    )
    shown = [{"account": account, "balance": money(fen)} for account, fen in balances.items()]
    return {"balances": shown, **page_of(entries, args["limit"], by_time, entry_out)}


@blp.get("/ledger/balances")
@roles("cashier", "operator")
@blp.arguments(DaysArgs, location="query")
@blp.response(200, AccountDaysOut)
def show_days(args: dict[str, Any]) -> dict[str, Any]:
    """Each account day by day: of one's hospital, or of all for operators. An account's days without movement are left out.

    Days are Beijing's, at most 366 of them, both ends included.
    """
    found = ledger.read_days(running().database, caller(), Days(args["first"], args["last"]))
    return {"items": [_day_out(one) for one in found]}


@blp.get("/ledger/export")
@roles("cashier", "operator")
@blp.arguments(ExportArgs, location="query")
@blp.response(200, content_type="text/csv", description="RFC 4180, UTF-8 with a byte order mark; a row for each line")
def export_ledger(args: dict[str, Any]) -> Response:
    """The entries of these days as CSV, a row for each line of an entry: of one's hospital, or of all for operators.

    Amounts in fen and in yuan, debit above zero; times and days are Beijing's. Text that a spreadsheet would take for a formula
    stands behind an apostrophe.
    """
    days = Days(args["first"], args["last"])
    entries = ledger.export(running().database, caller(), days, order_id=args["order_id"])
    response = Response(_csv(entries), content_type="text/csv; charset=utf-8")
    name = f"ledger-{args['first']}-{args['last']}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _day_out(one: AccountDay) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "account": one.account,
        "opening": money(one.opening),
        "debit": money(one.debit),
        "credit": money(one.credit),
        "closing": money(one.opening + one.debit - one.credit),
    }


_COLUMNS = ("entry_id", "kind", "created_at", "order_id", "hospital_id", "account", "amount_fen", "amount_yuan")


def _csv(entries: Iterator[Entry]) -> Iterator[str]:
    """The file in pieces, one for each entry."""
    yield "\ufeff" + _rows([_COLUMNS])
    for entry in entries:
        about = (entry.id, entry.kind, str(local(entry.created_at)), entry.order_id, entry.hospital_id)
        yield _rows([(*map(harmless, (*about, account)), str(fen), yuan(fen)) for account, fen in entry.lines])


def _rows(rows: list[tuple[str, ...]]) -> str:
    piece = StringIO()
    csv.writer(piece, lineterminator="\r\n").writerows(rows)
    return piece.getvalue()


def harmless(text: str) -> str:
    """Text that no spreadsheet runs: https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} else text


def yuan(fen: int) -> str:
    """-5005 -> -50.05; never by way of a float."""
    return f"{'-' * (fen < 0)}{abs(fen) // 100}.{abs(fen) % 100:02d}"
