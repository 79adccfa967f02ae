"""Intents, attempts and facts. Whoever changes anything of an order's money first locks its intent."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from common import ids
from common.jsons import decode, encode
from common.messages import RequestPayment
from common.outbox import Tx

from payment_svc.domain import LIVE, UNANSWERED, Attempt, AttemptState, Fact, Intent
from payment_svc.store.tables import attempts, facts, insert_ignore, intents

# --- intents ---------------------------------------------------------------------------------------------------------


def _intent(row: Any) -> Intent:
    return Intent(
        row.order_id,
        row.account_id,
        row.hospital_id,
        row.amount,
        row.description,
        row.pay_before,
        row.state,
        row.payment_id,
        row.capture_id,
    )


def open_intents(tx: Tx, requests: Iterable[RequestPayment]) -> set[str]:
    """Open an intent for each order that has none; answers the order ids of the new ones."""
    rows = [
        {
            "order_id": r.order_id,
            "account_id": r.account_id,
            "hospital_id": r.hospital_id,
            "amount": r.amount,
            "description": r.description,
            "pay_before": r.pay_before,
            "state": "open",
            "created_at": tx.now,
            "updated_at": tx.now,
        }
        for r in requests
    ]
    return set(
        tx.conn.execute(insert_ignore(intents, postgres=tx.postgres).returning(intents.c.order_id), rows).scalars()
    )


def add_intent(tx: Tx, intent: Intent) -> bool:
    """Write an intent as it is; False if its order has one already, and then nothing is changed."""
    values = {
        "order_id": intent.order_id,
        "account_id": intent.account_id,
        "hospital_id": intent.hospital_id,
        "amount": intent.amount,
        "description": intent.description,
        "pay_before": intent.pay_before,
        "state": intent.state,
        "payment_id": intent.payment_id,
        "capture_id": intent.capture_id,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    insert = insert_ignore(intents, postgres=tx.postgres).returning(intents.c.order_id)
    return tx.conn.execute(insert, values).scalar_one_or_none() is not None


def bury(tx: Tx, order_ids: Sequence[str]) -> None:
    """A tombstone for each order that has no intent yet: closed, so that a request that comes later finds it so."""
    rows = [
        {
            "order_id": order_id,
            "account_id": "",
            "hospital_id": "",
            "amount": 0,
            "description": "",
            "state": "closed",
            "created_at": tx.now,
            "updated_at": tx.now,
        }
        for order_id in order_ids
    ]
    tx.conn.execute(insert_ignore(intents, postgres=tx.postgres), rows)


def name_tombstone(tx: Tx, request: RequestPayment) -> None:
    """Tell a tombstone whose it is, now that the request has come after all."""
    tx.conn.execute(
        sa.update(intents)
        .where(intents.c.order_id == request.order_id, intents.c.amount == 0)
        .values(
            account_id=request.account_id,
            hospital_id=request.hospital_id,
            amount=request.amount,
            description=request.description,
            pay_before=request.pay_before,
        )
    )


_by_order = sa.select(intents).where(intents.c.order_id == sa.bindparam("order_id"))
_lock_by_order = _by_order.with_for_update()
_lock_by_number = (
    sa.select(intents)
    .join(attempts, attempts.c.order_id == intents.c.order_id)
    .where(attempts.c.number == sa.bindparam("number"), attempts.c.method == sa.bindparam("method"))
    .with_for_update(of=intents)
)
_update_intent = sa.update(intents).where(intents.c.order_id == sa.bindparam("this"))


def lock_intents(tx: Tx, order_ids: Iterable[str]) -> dict[str, Intent]:
    """The intents, locked until the end of the transaction, in one order for everybody."""
    query = (
        sa.select(intents)
        .where(intents.c.order_id.in_(sorted(set(order_ids))))
        .order_by(intents.c.order_id)
        .with_for_update()
    )
    return {row.order_id: _intent(row) for row in tx.conn.execute(query)}


def lock_intent(tx: Tx, order_id: str) -> Intent | None:
    row = tx.conn.execute(_lock_by_order, {"order_id": order_id}).one_or_none()
    return _intent(row) if row else None


def lock_intent_of(tx: Tx, method: str, number: str) -> Intent | None:
    """The intent to whose attempt a provider order number belongs, locked."""
    row = tx.conn.execute(_lock_by_number, {"number": number, "method": method}).one_or_none()
    return _intent(row) if row else None


def intent(conn: sa.Connection, order_id: str) -> Intent | None:
    row = conn.execute(_by_order, {"order_id": order_id}).one_or_none()
    return _intent(row) if row else None


def set_intent(tx: Tx, order_id: str, **values: Any) -> None:
    tx.conn.execute(_update_intent, {"this": order_id, "updated_at": tx.now, **values})


# --- attempts --------------------------------------------------------------------------------------------------------


def _attempt(row: Any) -> Attempt:
    return Attempt(
        id=row.id,
        order_id=row.order_id,
        method=row.method,
        number=row.number,
        amount=row.amount,
        state=row.state,
        params=decode(row.params.encode()),
        created_at=row.created_at,
        updated_at=row.updated_at,
        show=decode(row.show.encode()) if row.show else None,
        idempotency_key=row.idempotency_key,
        request_hash=row.request_hash,
        paid_at=row.paid_at,
        reason=row.reason,
        show_until=row.show_until,
        cancelled_at=row.cancelled_at,
    )


_insert_attempt = sa.insert(attempts)
_attempt_by_id = sa.select(attempts).where(attempts.c.id == sa.bindparam("id"))
_attempts_by_order = (
    sa.select(attempts)
    .where(attempts.c.order_id == sa.bindparam("order_id"))
    .order_by(attempts.c.created_at, attempts.c.id)
)
_update_attempt = sa.update(attempts).where(attempts.c.id == sa.bindparam("this"))
_answer_attempt = _update_attempt.where(attempts.c.state.in_(UNANSWERED))
_show_again = _update_attempt.where(attempts.c.state == "pending")


def add_attempt(tx: Tx, attempt: Attempt) -> None:
    values = {
        "id": attempt.id,
        "order_id": attempt.order_id,
        "method": attempt.method,
        "number": attempt.number,
        "amount": attempt.amount,
        "state": attempt.state,
        "params": encode(attempt.params).decode(),
        "idempotency_key": attempt.idempotency_key,
        "request_hash": attempt.request_hash,
        "reason": "",
        "created_at": attempt.created_at,
        "updated_at": attempt.updated_at,
    }
    tx.conn.execute(_insert_attempt, values)


def attempt(conn: sa.Connection, attempt_id: str) -> Attempt | None:
    row = conn.execute(_attempt_by_id, {"id": attempt_id}).one_or_none()
    return _attempt(row) if row else None


def attempt_numbered(conn: sa.Connection, method: str, number: str) -> Attempt | None:
    """The attempt of a provider order number."""
    row = conn.execute(
        sa.select(attempts).where(attempts.c.number == number, attempts.c.method == method)
    ).one_or_none()
    return _attempt(row) if row else None


def attempts_of(conn: sa.Connection, order_id: str) -> list[Attempt]:
    """All attempts of an order, oldest first."""
    return [_attempt(row) for row in conn.execute(_attempts_by_order, {"order_id": order_id})]


def live_attempts(conn: sa.Connection, order_ids: Iterable[str]) -> list[Attempt]:
    """The attempts of these orders from which money may still come."""
    query = (
        sa.select(attempts)
        .where(attempts.c.order_id.in_(list(order_ids)), attempts.c.state.in_(LIVE))
        .order_by(attempts.c.created_at)
    )
    return [_attempt(row) for row in conn.execute(query)]


def set_attempt(tx: Tx, attempt_id: str, state: AttemptState, **values: Any) -> None:
    tx.conn.execute(_update_attempt, {"this": attempt_id, "state": state, "updated_at": tx.now, **values})


def answer_attempt(tx: Tx, attempt: Attempt) -> bool:
    """Keep what a provider answered to a create (state, show, reason). False if things have moved on since it was asked."""
    values = {
        "this": attempt.id,
        "state": attempt.state,
        "show": encode(attempt.show).decode() if attempt.show else None,
        "show_until": attempt.show_until,
        "reason": attempt.reason[:500],
        "updated_at": tx.now,
    }
    return tx.conn.execute(_answer_attempt, values).rowcount == 1


def show_again(tx: Tx, attempt: Attempt) -> bool:
    """Keep what the payer of a pending attempt is shown from now on. False if things have moved on since it was asked for."""
    values = {"this": attempt.id, "show": encode(attempt.show).decode(), "show_until": attempt.show_until}
    return tx.conn.execute(_show_again, {**values, "updated_at": tx.now}).rowcount == 1


def mark_cancelled(tx: Tx, attempt_id: str) -> None:
    """From now on its money counts no more. `updated_at` stays: it says since when the attempt is closing."""
    mark = sa.update(attempts).where(attempts.c.id == attempt_id, attempts.c.cancelled_at.is_(None))
    tx.conn.execute(mark.values(cancelled_at=tx.now))


def turn_to_refund(tx: Tx, attempt_id: str, gap: timedelta) -> datetime | None:
    """Take the turn to ask for a refund of a trade: None if it is ours now, else from when on it is to be had."""
    last = sa.select(attempts.c.refund_asked_at).where(attempts.c.id == attempt_id).with_for_update()
    asked_at = tx.conn.execute(last).scalar_one()
    if asked_at is not None and tx.now < asked_at + gap:
        return asked_at + gap  # type: ignore[no-any-return]
    tx.conn.execute(sa.update(attempts).where(attempts.c.id == attempt_id).values(refund_asked_at=tx.now))
    return None


def return_turn(tx: Tx, attempt_id: str, taken_at: datetime) -> None:
    """What was refused counts for no distance: the next may ask at once. Unless somebody has taken the turn since `taken_at`."""
    ours = sa.and_(attempts.c.id == attempt_id, attempts.c.refund_asked_at == taken_at)
    tx.conn.execute(sa.update(attempts).where(ours).values(refund_asked_at=None))


# --- facts -----------------------------------------------------------------------------------------------------------


_insert_fact = {postgres: insert_ignore(facts, postgres=postgres).returning(facts.c.id) for postgres in (True, False)}


def add_fact(tx: Tx, fact: Fact, intent: Intent | None) -> str | None:
    """Keep a fact; answers its id, or None if it was told before."""
    values = {
        "id": ids.mint("fct", fact.number),
        "provider": fact.provider,
        "kind": fact.kind,
        "number": fact.number,
        "outcome": fact.outcome,
        "transaction_id": fact.transaction_id,
        "amount": fact.amount,
        "currency": fact.currency,
        "source": fact.source,
        "reason": fact.reason,
        "evidence": encode(fact.evidence).decode(),
        "order_id": intent.order_id if intent else None,
        "occurred_at": fact.occurred_at,
        "recorded_at": tx.now,
    }
    new: str | None = tx.conn.execute(_insert_fact[tx.postgres], values).scalar_one_or_none()
    return new


def contradicts(conn: sa.Connection, fact: Fact) -> bool:
    """True if the capture that is known by this transaction is another one: other number, amount or currency."""
    query = sa.select(facts.c.number, facts.c.amount, facts.c.currency).where(
        facts.c.provider == fact.provider, facts.c.transaction_id == fact.transaction_id
    )
    row = conn.execute(query).one_or_none()
    return row is not None and tuple(row) != (fact.number, fact.amount, fact.currency)


def transaction_of(conn: sa.Connection, capture_id: str) -> tuple[str, int]:
    """The provider's transaction and the amount (fen) of a capture."""
    row = conn.execute(sa.select(facts.c.transaction_id, facts.c.amount).where(facts.c.id == capture_id)).one()
    return row.transaction_id, row.amount


def is_known(conn: sa.Connection, provider: str, transaction_id: str) -> bool:
    """True if a capture of this transaction has been told."""
    query = sa.select(facts.c.id).where(facts.c.provider == provider, facts.c.transaction_id == transaction_id)
    return conn.execute(query).one_or_none() is not None
