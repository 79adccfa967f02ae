"""Tenders, and the moves that made them. Written under the lock of the order's intent."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from payment_svc.domain import Move, Part, Tender
from payment_svc.store.tables import facts, moves, tenders


def _tender(row: Any) -> Tender:
    return Tender(
        id=row.id,
        order_id=row.order_id,
        capture_id=row.capture_id,
        payment_id=row.payment_id,
        provider=row.provider,
        amount=row.amount,
        moved_from=row.moved_from,
        created_at=row.created_at,
        moved=row.moved,
        returned=row.returned,
    )


_insert = sa.insert(tenders)
_give = (
    sa.update(tenders)
    .where(tenders.c.id == sa.bindparam("this"), tenders.c.moved == 0, tenders.c.returned == 0)
    .values(moved=sa.bindparam("on"), returned=sa.bindparam("back"), updated_at=sa.bindparam("at"))
)
_oldest_first = (tenders.c.created_at, tenders.c.id)


def add_tender(tx: Tx, tender: Tender) -> None:
    """Raises IntegrityError unless it is all of a new capture, or exactly what `moved_from` passed on."""
    values = {
        "id": tender.id,
        "order_id": tender.order_id,
        "capture_id": tender.capture_id,
        "payment_id": tender.payment_id,
        "provider": tender.provider,
        "amount": tender.amount,
        "captured": None if tender.moved_from else tender.amount,
        "moved_from": tender.moved_from,
        "moved": 0,
        "returned": 0,
        "created_at": tender.created_at,
        "updated_at": tender.created_at,
    }
    tx.conn.execute(_insert, values)


def give_on(tx: Tx, tender: Tender, *, moved: int) -> None:
    """`moved` fen of a tender are for another order from now on, the rest is for the payer. Raises ValueError if it is spent."""
    values = {"this": tender.id, "on": moved, "back": tender.amount - moved, "at": tx.now}
    if tx.conn.execute(_give, values).rowcount != 1:
        raise ValueError(f"tender {tender.id} was given on before")


def tenders_of(conn: sa.Connection, order_ids: Collection[str]) -> dict[str, list[Tender]]:
    """The tenders of each of these orders that has any, oldest first."""
    found: dict[str, list[Tender]] = {}
    query = sa.select(tenders).where(tenders.c.order_id.in_(order_ids)).order_by(*_oldest_first)
    for row in conn.execute(query):
        found.setdefault(row.order_id, []).append(_tender(row))
    return found


def tender_of_capture(conn: sa.Connection, provider: str, transaction_id: str) -> Tender | None:
    """The tender that is all of a capture; None if the transaction is unknown, or nobody's."""
    query = (
        sa.select(tenders)
        .join(facts, facts.c.id == tenders.c.capture_id)
        .where(facts.c.provider == provider, facts.c.transaction_id == transaction_id, tenders.c.moved_from.is_(None))
    )
    row = conn.execute(query).one_or_none()
    return _tender(row) if row else None


def parts_of(conn: sa.Connection, payment_id: str) -> list[Part]:
    """Where the money of a payment is, oldest tenders first: the parts sum to what the payment brought."""
    query = sa.select(tenders).where(tenders.c.payment_id == payment_id).order_by(*_oldest_first)
    known = [_tender(row) for row in conn.execute(query)]
    orders = {tender.id: tender.order_id for tender in known}
    return [
        Part(t.order_id, orders.get(t.moved_from or ""), t.amount if t.settles else t.returned, t.settles)
        for t in known
        if t.settles or t.returned
    ]


def add_move(tx: Tx, move: Move) -> None:
    """Raises IntegrityError if that order's money was moved before."""
    values = {
        "from_order_id": move.from_order_id,
        "order_id": move.order_id,
        "amount": move.amount,
        "returned": move.returned,
        "created_at": tx.now,
    }
    tx.conn.execute(sa.insert(moves), values)


def move_from(conn: sa.Connection, from_order_id: str) -> Move | None:
    """The move of that order's money, if it was moved."""
    row = conn.execute(sa.select(moves).where(moves.c.from_order_id == from_order_id)).one_or_none()
    return Move(row.from_order_id, row.order_id, row.amount, row.returned) if row else None
