"""WeChat's documents of a trade and of a refund become outcomes, if they are about what was asked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from payment_svc.domain import CURRENCY
from payment_svc.providers import (
    Abnormal,
    Closed,
    Failed,
    Paid,
    Processing,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Trade,
    TradeOutcome,
    Unknown,
    Unpaid,
)

T = TypeVar("T")
Document = Mapping[str, Any]
_KEPT_OF_TRADE = (
    "mchid",
    "appid",
    "out_trade_no",
    "transaction_id",
    "trade_type",
    "trade_state",
    "success_time",
    "bank_type",
)
_KEPT_OF_REFUND = ("refund_id", "out_refund_no", "out_trade_no", "transaction_id", "channel", "success_time")
"""What goes into evidence: nothing of the payer (openid, account)."""

_OURS = {name: f"{name} (is WECHAT_{name.upper()} another than when it was made?)" for name in ("mchid", "appid")}
"""Whoever reads why a trade stays unknown must find the setting that was changed while it was open."""


class Unreadable(ValueError):
    """A document lacks what it must have; the text names the field."""


def trade_outcome(document: Document) -> TradeOutcome:
    """How the trade stands. REFUND is said after the first partial refund already. Raises Unreadable."""
    state = _text(document, "trade_state")
    if state in {"SUCCESS", "REFUND"}:
        amount = _amount(document)
        kept = {name: document[name] for name in _KEPT_OF_TRADE if name in document}
        return Paid(
            _text(document, "transaction_id"),
            _fen(amount, "total"),  # not payer_total: coupons are WeChat's business
            _time(document, "success_time"),
            amount.get("currency", CURRENCY),
            kept | {"amount": dict(amount)},
        )
    if state == "NOTPAY":
        return Unpaid()
    return Closed() if state == "CLOSED" else Unknown(f"state {state}")


def refund_outcome(document: Document, state: str) -> RefundOutcome:
    """How the refund stands, `state` being its `status` (answers) or `refund_status` (callbacks). Raises Unreadable."""
    if state == "SUCCESS":
        kept = {name: document[name] for name in _KEPT_OF_REFUND if name in document}
        return Refunded(
            _time(document, "success_time"),
            _fen(_amount(document), "refund"),
            kept | {"amount": dict(_amount(document))},
        )
    if state == "PROCESSING":
        return Processing()
    if state == "CLOSED":
        return Failed("CLOSED")
    return Abnormal("ABNORMAL") if state == "ABNORMAL" else Unknown(f"state {state}")


def about_trade(document: Document, trade: Trade, mchid: str, appid: str) -> TradeOutcome:
    """The outcome, or Unknown if the (genuine) answer is about something else than was asked.

    Money that came as another amount is told as it came: who keeps the books gives it back.
    """
    expected = {"out_trade_no": trade.number, "mchid": mchid, "appid": appid}
    wrong = [_OURS.get(name, name) for name, value in expected.items() if document.get(name) != value]
    outcome = _unless(wrong, lambda: trade_outcome(document))
    amount = document.get("amount")
    if amount is None or isinstance(outcome, Paid | Unknown):  # while nothing is paid it may be left out
        return outcome
    return _unless(_other_amounts(amount, {"total": trade.amount}, trade.currency), lambda: outcome)


def about_refund(document: Document, order: RefundOrder) -> RefundOutcome:
    """The outcome, or Unknown if the (genuine) answer is about something else than was asked."""
    expected = {
        "out_refund_no": order.number,
        "out_trade_no": order.trade_number,
        "transaction_id": order.transaction_id,
    }
    wrong = [name for name, value in expected.items() if document.get(name) != value]
    wrong += _other_amounts(document.get("amount"), {"refund": order.amount, "total": order.total}, order.currency)
    return _unless(wrong, lambda: refund_outcome(document, _text(document, "status")))


def _unless(wrong: list[str], read: Callable[[], T]) -> T | Unknown:
    if wrong:
        return Unknown(f"another's answer: {', '.join(wrong)}")
    try:
        return read()
    except Unreadable as error:
        return Unknown(f"unreadable: {error}")


def _other_amounts(amount: Any, expected: Mapping[str, int], currency: str) -> list[str]:
    if not isinstance(amount, Mapping):
        return ["amount"]
    wrong = [name for name, value in expected.items() if type(amount.get(name)) is not int or amount[name] != value]
    return wrong if amount.get("currency", CURRENCY) == currency else [*wrong, "currency"]


def _amount(document: Document) -> Document:
    amount = document.get("amount")
    if not isinstance(amount, Mapping) or not isinstance(amount.get("currency", CURRENCY), str):
        raise Unreadable("amount")
    return amount


def _fen(amount: Document, name: str) -> int:
    """An int, and no bool or float."""
    value = amount.get(name)
    if type(value) is not int or value < 1:
        raise Unreadable(name)
    return value


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise Unreadable(name)
    return value


def _time(document: Document, name: str) -> datetime:
    try:
        time = datetime.fromisoformat(_text(document, name))
    except ValueError:
        raise Unreadable(name) from None
    if time.tzinfo is None:
        raise Unreadable(name)
    return time
