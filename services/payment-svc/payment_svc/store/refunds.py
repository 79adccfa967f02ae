"""Refunds. A failed one that was issued again shows its successor as `retried_as`, moved money its former order."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from common.outbox import Tx

from payment_svc.domain import Refund, RefundState
from payment_svc.store.tables import REFUND_WAITS, intents, ledger_lines, refunds, tenders

_successor = refunds.alias("successor")
_before = tenders.alias("before")
_whole = (
    sa.select(refunds, _successor.c.id.label("retried_as"), _before.c.order_id.label("from_order_id"))
    .outerjoin(_successor, _successor.c.retry_of == refunds.c.id)
    .join(tenders, tenders.c.id == refunds.c.tender_id)
    .outerjoin(_before, _before.c.id == tenders.c.moved_from)
)


def _refund(row: Any) -> Refund:
    return Refund(
        id=row.id,
        order_id=row.order_id,
        tender_id=row.tender_id,
        payment_id=row.payment_id,
        capture_id=row.capture_id,
        provider=row.provider,
        number=row.number,
        amount=row.amount,
        purpose=row.purpose,
        state=row.state,
        created_at=row.created_at,
        updated_at=row.updated_at,
        reason=row.reason,
        failure=row.failure,
        retry_of=row.retry_of,
        retried_as=row.retried_as,
        from_order_id=row.from_order_id,
    )


_insert = sa.insert(refunds)
_update = sa.update(refunds).where(refunds.c.id == sa.bindparam("this"))
_by_id = _whole.where(refunds.c.id == sa.bindparam("id"))
_by_number = _whole.where(refunds.c.number == sa.bindparam("number"), refunds.c.provider == sa.bindparam("provider"))
_by_tender = _whole.where(refunds.c.tender_id == sa.bindparam("tender_id")).order_by(refunds.c.created_at, refunds.c.id)


def add_refund(tx: Tx, refund: Refund) -> None:
    """Raises IntegrityError unless it is what its tender gave for it, and that goes back by no other refund."""
    values = {
        "id": refund.id,
        "order_id": refund.order_id,
        "payment_id": refund.payment_id,
        "capture_id": refund.capture_id,
        "tender_id": refund.tender_id,
        "provider": refund.provider,
        "number": refund.number,
        "amount": refund.amount,
        "purpose": refund.purpose,
        "state": refund.state,
        "reason": refund.reason,
        "failure": "",
        "retry_of": refund.retry_of,
        "created_at": refund.created_at,
        "updated_at": refund.updated_at,
    }
    tx.conn.execute(_insert, values)


def refund(conn: sa.Connection, refund_id: str) -> Refund | None:
    row = conn.execute(_by_id, {"id": refund_id}).one_or_none()
    return _refund(row) if row else None


def refund_numbered(conn: sa.Connection, provider: str, number: str) -> Refund | None:
    """The refund of a provider refund number."""
    row = conn.execute(_by_number, {"number": number, "provider": provider}).one_or_none()
    return _refund(row) if row else None


def refunds_of(conn: sa.Connection, tender_id: str) -> list[Refund]:
    """All refunds of a tender, in the order in which they were issued."""
    return [_refund(row) for row in conn.execute(_by_tender, {"tender_id": tender_id})]


def refunds_for(conn: sa.Connection, order_id: str) -> dict[str, list[Refund]]:
    """The refunds that give an order's own money back (not its surplus), by tender, in the order in which they were issued."""
    found: dict[str, list[Refund]] = {}
    query = _whole.where(refunds.c.order_id == order_id, refunds.c.purpose == "order")
    for row in conn.execute(query.order_by(refunds.c.created_at, refunds.c.id)):
        found.setdefault(row.tender_id, []).append(_refund(row))
    return found


WENT_OTHERWISE = "refund_differs"
"""The kind of the ledger's entry of what went back instead of what was asked for, named for its refund."""


def went_otherwise(conn: sa.Connection, refund_id: str) -> int:
    """Fen that went back by a refund that was to be more; 0 if there is no such thing."""
    line = sa.select(ledger_lines.c.amount).where(
        ledger_lines.c.entry_id == f"{WENT_OTHERWISE}:{refund_id}", ledger_lines.c.amount > 0
    )
    return conn.execute(line).scalar_one_or_none() or 0


def set_refund(tx: Tx, refund_id: str, state: RefundState, **values: Any) -> None:
    tx.conn.execute(_update, {"this": refund_id, "state": state, "updated_at": tx.now, **values})


def list_refunds(
    conn: sa.Connection,
    *,
    hospital_id: str | None,
    state: str | None,
    order_id: str | None,
    waiting: bool = False,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Refund]:
    """Refunds, oldest first, `limit` + 1 of them at most. `hospital_id` None: of all hospitals. `waiting`: for a person."""
    query = _whole.order_by(refunds.c.created_at, refunds.c.id).limit(limit + 1)
    if hospital_id is not None:
        query = query.join(intents, intents.c.order_id == refunds.c.order_id).where(
            intents.c.hospital_id == hospital_id
        )
    if state is not None:
        query = query.where(refunds.c.state == state)
    if order_id is not None:
        query = query.where(refunds.c.order_id == order_id)
    if waiting:
        query = query.where(REFUND_WAITS, sa.or_(refunds.c.state != "failed", _successor.c.id.is_(None)))
    if after is not None:
        query = query.where(
            sa.or_(refunds.c.created_at > after[0], sa.and_(refunds.c.created_at == after[0], refunds.c.id > after[1]))
        )
    return [_refund(row) for row in conn.execute(query)]
