"""A payment provider of our own, to try and to test with: a page with a pay button, and faults that can be planned.

It keeps its own books, in transactions of its own, as a provider across a network would: what happens there and what we know
of it may differ, and everything between has to cope. It refuses to exist in production.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from common.outbox import Database, Tx

from payment_svc.providers import (
    Absent,
    Closed,
    CreateOutcome,
    Failed,
    Paid,
    Processing,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Shown,
    Trade,
    TradeOutcome,
    Unknown,
    Unpaid,
)
from payment_svc.store import sandbox as books
from payment_svc.store.sandbox import SandboxRefund, SandboxTrade

PLANS: Mapping[str, tuple[str, ...]] = {
    "create": ("ok", "unreachable"),
    "query": ("ok", "unreachable"),
    "close": ("ok", "unreachable", "deaf"),
    "refund": ("succeed", "fail", "processing", "unknown"),
    "callback": ("deliver", "drop"),
}
"""What each call may be planned to do; first what it does unplanned. `unreachable`: nothing happens and nobody knows.
`deaf`: says closed and can be paid nevertheless. `processing`: accepted, done when planned otherwise. `unknown`: as
`processing`, and its answer is lost."""

REFUSED = "sandbox_refused"


class Sandbox:
    """The adapter and the provider in one. Raises ValueError in production."""

    by_hand = False

    def __init__(self, database: Database, *, production: bool) -> None:
        if production:
            raise ValueError("the payment sandbox does not exist in production")
        self._database = database

    # --- what payment-svc asks ---------------------------------------------------------------------------------------

    def create(self, trade: Trade) -> CreateOutcome:
        with self._database.transaction() as tx:
            if self._planned(tx.conn, "create") == "unreachable":
                return Unknown("sandbox unreachable")
            if books.add_trade(tx, _new_trade(trade, "unpaid")):
                return _link(trade)
            known = books.trade(tx.conn, trade.number)
            if known is None or known.state in {"closed", "failed"}:
                return Failed(f"sandbox_{known.state if known else 'gone'}")
            if (known.amount, known.description, known.expires_at) != (
                trade.amount,
                trade.description,
                trade.expires_at,
            ):
                return Failed("sandbox_number_used")
            return _link(trade)

    def query(self, trade: Trade) -> TradeOutcome:
        with self._database.reading() as conn:
            if self._planned(conn, "query") == "unreachable":
                return Unknown("sandbox unreachable")
            return self.outcome(books.trade(conn, trade.number))

    def close(self, trade: Trade) -> TradeOutcome:
        """A number that was never created is closed too: it cannot be created any more."""
        with self._database.transaction() as tx:
            planned = self._planned(tx.conn, "close")
            if planned == "unreachable":
                return Unknown("sandbox unreachable")
            if books.add_trade(tx, _new_trade(trade, "closed")):
                return Closed()
            known = books.trade(tx.conn, trade.number, lock=True)
            if known is None or known.state != "unpaid":
                return self.outcome(known)
            if planned != "deaf":
                books.set_trade(tx, replace(known, state="closed"))
            return Closed()

    def refund(self, order: RefundOrder) -> RefundOutcome:
        """Any part of a trade, as long as there is so much left of it."""
        with self._database.transaction() as tx:
            planned = self._planned(tx.conn, "refund")
            trade = books.trade(tx.conn, order.trade_number, lock=True)
            known = books.refund(tx.conn, order.number)
            if known is not None:
                same = (known.trade_number, known.amount) == (order.trade_number, order.amount)
                return self._progress(tx, known, planned) if same else Failed("sandbox_number_used")
            wrong = trade is None or trade.transaction_id != order.transaction_id or trade.amount != order.total
            if trade is None or wrong or not 0 < order.amount <= trade.amount - books.refunded(tx.conn, trade.number):
                return Failed("sandbox_not_refundable")
            new = SandboxRefund(
                order.number, order.trade_number, order.amount, "refused" if planned == "fail" else "accepted", tx.now
            )
            books.add_refund(tx, new)
            return self._progress(tx, new, planned)

    def query_refund(self, order: RefundOrder) -> RefundOutcome:
        with self._database.transaction() as tx:
            known = books.refund(tx.conn, order.number)
            return Absent() if known is None else self._progress(tx, known, self._planned(tx.conn, "refund"))

    # --- what the payer does, on the sandbox's page --------------------------------------------------------------------

    def trade(self, number: str) -> SandboxTrade | None:
        with self._database.reading() as conn:
            return books.trade(conn, number)

    def pay(self, number: str) -> SandboxTrade | None:
        """The payer pays, if that is possible still; answers how the trade stands then."""
        return self._decide(number, "paid")

    def decline(self, number: str) -> SandboxTrade | None:
        """The payer's bank refuses; this trade will never be paid."""
        return self._decide(number, "failed")

    def calls_back(self) -> bool:
        """False if its callbacks are planned to be lost."""
        with self._database.reading() as conn:
            return self._planned(conn, "callback") == "deliver"

    def plan(self, changes: Mapping[str, str]) -> dict[str, str]:
        """Plan faults; answers what is planned for every call."""
        with self._database.transaction() as tx:
            for call, what in changes.items():
                books.set_plan(tx, call, what)
            return {call: self._planned(tx.conn, call) for call in PLANS}

    @staticmethod
    def outcome(trade: SandboxTrade | None) -> TradeOutcome:
        """A trade as the adapter tells of it."""
        if trade is None:
            return Absent()
        if trade.state == "paid" and trade.transaction_id and trade.paid_at:
            return Paid(trade.transaction_id, trade.amount, trade.paid_at, evidence={"sandbox": trade.number})
        if trade.state == "failed":
            return Failed("sandbox_declined")
        return Closed() if trade.state == "closed" else Unpaid()

    # --- within ------------------------------------------------------------------------------------------------------

    def _decide(self, number: str, state: Literal["paid", "failed"]) -> SandboxTrade | None:
        with self._database.transaction() as tx:
            known = books.trade(tx.conn, number, lock=True)
            if known is None or known.state != "unpaid":
                return known
            if tx.now >= known.expires_at and self._planned(tx.conn, "close") != "deaf":
                return known
            new = replace(known, state=state)
            if state == "paid":
                new = replace(new, transaction_id=f"sbx{secrets.token_hex(12)}", paid_at=tx.now)
            books.set_trade(tx, new)
            return new

    def _progress(self, tx: Tx, known: SandboxRefund, planned: str) -> RefundOutcome:
        """Finish what can be finished, and say what the caller gets to hear of it."""
        if known.state == "refused":
            return Failed(REFUSED)
        if known.state == "done":
            return Refunded(known.updated_at, evidence={"sandbox": known.number})
        if planned == "unknown":
            return Unknown("sandbox unreachable")
        if planned == "processing":
            return Processing()
        books.finish_refund(tx, known.number)
        return Refunded(tx.now, evidence={"sandbox": known.number})

    @staticmethod
    def _planned(conn: Any, call: str) -> str:
        return books.plan(conn).get(call, PLANS[call][0])


def _new_trade(trade: Trade, state: Literal["unpaid", "closed"]) -> SandboxTrade:
    return SandboxTrade(trade.number, trade.amount, trade.description, trade.expires_at, state, None, None)


def _link(trade: Trade) -> Shown:
    return Shown({"type": "link", "url": f"/api/v1/sandbox/pay/{trade.number}"})
