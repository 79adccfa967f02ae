"""The sandbox provider's books, for its adapter alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sa
from common.outbox import Tx

from payment_svc.store.tables import insert_ignore, sandbox_plan, sandbox_refunds, sandbox_trades


@dataclass(frozen=True, slots=True)
class SandboxTrade:
    """A trade as the sandbox knows it; `amount` in fen."""

    number: str
    amount: int
    description: str
    expires_at: datetime
    state: Literal["unpaid", "paid", "failed", "closed"]
    transaction_id: str | None
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class SandboxRefund:
    """A refund as the sandbox knows it; `amount` in fen."""

    number: str
    trade_number: str
    amount: int
    state: Literal["accepted", "done", "refused"]
    updated_at: datetime


_trade = sa.select(sandbox_trades).where(sandbox_trades.c.number == sa.bindparam("number"))
_lock_trade = _trade.with_for_update()
_insert_trade = {
    postgres: insert_ignore(sandbox_trades, postgres=postgres).returning(sandbox_trades.c.number)
    for postgres in (True, False)
}
_update_trade = sa.update(sandbox_trades).where(sandbox_trades.c.number == sa.bindparam("this"))


def trade(conn: sa.Connection, number: str, *, lock: bool = False) -> SandboxTrade | None:
    row = conn.execute(_lock_trade if lock else _trade, {"number": number}).one_or_none()
    return SandboxTrade(*row) if row else None


def add_trade(tx: Tx, new: SandboxTrade) -> bool:
    """False if the number is known already; then nothing is changed."""
    values = {
        "number": new.number,
        "amount": new.amount,
        "description": new.description,
        "expires_at": new.expires_at,
        "state": new.state,
    }
    return tx.conn.execute(_insert_trade[tx.postgres], values).one_or_none() is not None


def set_trade(tx: Tx, new: SandboxTrade) -> None:
    """Write how the trade stands now."""
    values = {
        "this": new.number,
        "state": new.state,
        "transaction_id": new.transaction_id,
        "paid_at": new.paid_at,
    }
    tx.conn.execute(_update_trade, values)


def refund(conn: sa.Connection, number: str) -> SandboxRefund | None:
    row = conn.execute(sa.select(sandbox_refunds).where(sandbox_refunds.c.number == number)).one_or_none()
    return SandboxRefund(*row) if row else None


def refunded(conn: sa.Connection, trade_number: str) -> int:
    """Fen of a trade that went back or are on their way."""
    of_trade = sa.and_(sandbox_refunds.c.trade_number == trade_number, sandbox_refunds.c.state != "refused")
    return int(
        conn.execute(sa.select(sa.func.coalesce(sa.func.sum(sandbox_refunds.c.amount), 0)).where(of_trade)).scalar_one()
    )


def add_refund(tx: Tx, new: SandboxRefund) -> None:
    tx.conn.execute(
        sa.insert(sandbox_refunds).values(
            number=new.number,
            trade_number=new.trade_number,
            amount=new.amount,
            state=new.state,
            updated_at=new.updated_at,
        )
    )


def finish_refund(tx: Tx, number: str) -> None:
    tx.conn.execute(
        sa.update(sandbox_refunds).where(sandbox_refunds.c.number == number).values(state="done", updated_at=tx.now)
    )


def totals(conn: sa.Connection) -> tuple[int, int]:
    """Fen that the sandbox took in, and that it gave back."""
    paid = sa.select(sa.func.coalesce(sa.func.sum(sandbox_trades.c.amount), 0)).where(sandbox_trades.c.state == "paid")
    back = sa.select(sa.func.coalesce(sa.func.sum(sandbox_refunds.c.amount), 0)).where(
        sandbox_refunds.c.state == "done"
    )
    return int(conn.execute(paid).scalar_one()), int(conn.execute(back).scalar_one())


_plan = sa.select(sandbox_plan.c.call, sandbox_plan.c.plan)


def plan(conn: sa.Connection) -> dict[str, str]:
    """The planned faults, by call."""
    return dict(conn.execute(_plan).all())


def set_plan(tx: Tx, call: str, what: str) -> None:
    tx.conn.execute(sa.delete(sandbox_plan).where(sandbox_plan.c.call == call))
    tx.conn.execute(sa.insert(sandbox_plan).values(call=call, plan=what))
