"""Providers for tests: one that says what it is told to say, and one that keeps books as a provider across a network does."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.clock import Clock
from payment_svc.domain import CREATE_GRACE
from payment_svc.providers import (
    Absent,
    Closed,
    Failed,
    Heard,
    Paid,
    Processing,
    Refunded,
    RefundOrder,
    Refused,
    Shown,
    Trade,
    Unknown,
    Unpaid,
)


class Scripted:
    """A provider that says what it was told to say, and remembers what it was asked.

    Its callbacks carry nothing: what they say is what `say["hear"]` says.
    """

    def __init__(self, *channels: str) -> None:
        self.by_hand = False
        self.channels = channels
        self.refund_gap = timedelta()
        self.reverses = True
        self.grace = CREATE_GRACE
        self.accepted = (200, b"thanks", "text/plain")
        self.asked: list[tuple[str, Any]] = []
        self.say: dict[str, Any] = {
            "create": Shown({"type": "link", "url": "/pay"}),
            "query": Unpaid(),
            "close": Closed(),
            "cancel": Unknown("not planned"),
            "refund": Processing(),
            "query_refund": Processing(),
            "hear": Refused("signature"),
            "to_card": Processing(),
        }

    def _answer(self, call: str, about: Any) -> Any:
        self.asked.append((call, about))
        outcome = self.say[call]
        if isinstance(outcome, list):
            outcome = outcome.pop(0)
        if callable(outcome):
            outcome = outcome(about)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def create(self, trade: Any) -> Any:
        return self._answer("create", trade)

    def query(self, trade: Any) -> Any:
        return self._answer("query", trade)

    def close(self, trade: Any) -> Any:
        return self._answer("close", trade)

    def cancel(self, trade: Any) -> Any:
        return self._answer("cancel", trade)

    def refund(self, order: Any) -> Any:
        return self._answer("refund", order)

    def query_refund(self, order: Any) -> Any:
        return self._answer("query_refund", order)

    def gone_after(self, _trade: Any, closing_since: datetime) -> datetime:
        return closing_since + self.grace

    def hear(self, headers: Mapping[str, str], body: bytes, _now: datetime) -> Any:
        return self._answer("hear", (headers, body))

    def refusal(self, reason: str) -> tuple[int, bytes, str]:
        return 400, reason.encode(), "text/plain"

    def refund_to_card(self, order: Any, _refund_id: str, card: Any) -> Any:
        return self._answer("to_card", (order, card))

    def calls(self) -> list[str]:
        return [call for call, _ in self.asked]


@dataclass
class _Trade:
    amount: int
    state: str = "unpaid"
    paid_at: datetime | None = None


class Vendor(Scripted):
    """A provider with books of its own: what it was paid it cannot close, and it gives no more back than came.

    `say` may still plan a call. A callback's body names the payment, `{"id": ..., "number": ...}`.
    """

    def __init__(self, clock: Clock, *channels: str) -> None:
        super().__init__(*channels)
        self.reverses = False
        self._clock, self._lock = clock, threading.Lock()
        self._trades: dict[str, _Trade] = {}
        self._refunds: dict[str, RefundOrder] = {}
        self.say = {
            "create": self._create,
            "query": lambda trade: self.look(trade.number),
            "close": self._close,
            "cancel": self._close,
            "refund": self._refund,
            "query_refund": lambda order: Refunded(clock()) if order.number in self._refunds else Absent(),
            "hear": self._hear,
        }

    def look(self, number: str) -> Any:
        """How the trade stands."""
        with self._lock:
            return self._look(number)

    def pay(self, number: str) -> Any:
        """The payer pays, if that is possible still; answers how the trade stands then."""
        with self._lock:
            trade = self._trades[number]
            if trade.state == "unpaid":
                trade.state, trade.paid_at = "paid", self._clock()
            return self._look(number)

    def books(self) -> tuple[int, int]:
        """What came and what went back, in fen."""
        came = sum(trade.amount for trade in self._trades.values() if trade.state == "paid")
        return came, sum(refund.amount for refund in self._refunds.values())

    def _look(self, number: str) -> Any:
        trade = self._trades.get(number)
        if trade is None:
            return Absent()
        if trade.paid_at is not None:
            return Paid(f"txn-{number}", trade.amount, trade.paid_at)
        return Closed() if trade.state == "closed" else Unpaid()

    def _create(self, trade: Trade) -> Any:
        with self._lock:
            known = self._trades.setdefault(trade.number, _Trade(trade.amount))
            return Failed("ORDER_CLOSED") if known.state == "closed" else Shown({"type": "qr", "text": trade.number})

    def _close(self, trade: Trade) -> Any:
        with self._lock:
            known = self._trades.setdefault(trade.number, _Trade(trade.amount))
            if known.state == "unpaid":
                known.state = "closed"
            return self._look(trade.number)

    def _refund(self, order: RefundOrder) -> Any:
        with self._lock:
            known = self._refunds.get(order.number)
            if known is not None:
                return Refunded(self._clock(), order.amount) if known == order else Failed("DISCORDANT")
            trade = self._trades.get(order.trade_number)
            gone = sum(r.amount for r in self._refunds.values() if r.trade_number == order.trade_number)
            if trade is None or trade.state != "paid" or order.amount > trade.amount - gone:
                return Failed("NOT_SO_MUCH")
            self._refunds[order.number] = order
            return Refunded(self._clock(), order.amount)

    def _hear(self, said: tuple[Any, bytes]) -> Heard:
        about = json.loads(said[1])
        return Heard(about["id"], "payment", about["number"], self.look(about["number"]))
