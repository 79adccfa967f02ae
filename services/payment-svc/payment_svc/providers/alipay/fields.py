"""What answers and callbacks have in common: how their fields are read, and what a trade's say of its money."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.clock import SHANGHAI

from payment_svc.domain import CURRENCY
from payment_svc.providers import Closed, Paid, TradeOutcome, Unpaid
from payment_svc.providers.money import fen

_EVIDENCE = (
    "trade_status", "total_amount", "receipt_amount", "send_pay_date", "gmt_payment", "gmt_refund", "gmt_close",
    "refund_fee", "out_biz_no", "notify_id", "app_id", "seller_id",
)  # fmt: skip
"""What a fact keeps of a trade: nothing of the buyer."""
_WHEN_PAID = ("send_pay_date", "gmt_payment")
_SAME = ("CNY", "RMB")


def text(fields: Mapping[str, Any], name: str) -> str:
    """A field as text; empty if there is none, or it is something else."""
    value = fields.get(name)
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def moment(written: str) -> datetime | None:
    """Alipay's times are Beijing's, without saying so: 2026-11-22 20:00:00, sometimes with milliseconds. None if it is none."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)


def evidence(fields: Mapping[str, Any], *more: str) -> dict[str, str]:
    return {name: said for name in (*_EVIDENCE, *more) if (said := text(fields, name))}


def trade_outcome(fields: Mapping[str, Any], now: datetime) -> TradeOutcome | None:
    """What a trade's fields say of it; None for a status that we do not know. Raises ValueError if they do not say how much.

    `now` stands for the time of payment where Alipay leaves it out.
    """
    status = text(fields, "trade_status")
    if status in {"TRADE_SUCCESS", "TRADE_FINISHED"} or (status == "TRADE_CLOSED" and _money_came(fields)):
        return _paid(fields, now)
    if status == "TRADE_CLOSED":
        return Closed()
    return Unpaid() if status == "WAIT_BUYER_PAY" else None


def _money_came(fields: Mapping[str, Any]) -> bool:
    """A closed trade that was paid has been given back whole; one that was not has no time of payment, and amounts of zero."""
    times = any(text(fields, name) for name in (*_WHEN_PAID, "gmt_refund"))
    return times or any(text(fields, name).strip("0.") for name in ("receipt_amount", "refund_fee"))


def _paid(fields: Mapping[str, Any], now: datetime) -> Paid:
    transaction_id, amount = text(fields, "trade_no"), fen(text(fields, "total_amount"))
    if not transaction_id or amount <= 0:
        raise ValueError("a payment without its number or amount")
    paid_at = next((at for name in _WHEN_PAID if (at := moment(text(fields, name)))), now)
    currency = text(fields, "trans_currency")
    return Paid(
        transaction_id,
        amount,
        paid_at,
        currency=CURRENCY if not currency or currency in _SAME else currency,
        evidence=evidence(fields),
    )
