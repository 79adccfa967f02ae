"""What patients ask for: attempts to pay an intent."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common import ids
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.outbox import Database, Tx

from payment_svc.domain import MOST_ATTEMPTS, PAYABLE, UNANSWERED, Attempt, Caller, Intent, Part, new_number
from payment_svc.providers import Providers
from payment_svc.store import intents as store
from payment_svc.store import tenders
from payment_svc.usecases.outcomes import ask_again, record_created, trade_of

COUNTER = "window"
"""The method of the cashier's counter."""


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt as people look at it: with what its order owes, and where its money is now."""

    intent: Intent
    attempt: Attempt
    parts: Sequence[Part]


_POLL = 0.05  # seconds between looks for an intent that is under way


def start_payment(
    database: Database,
    providers: Providers,
    caller: Caller,
    order_id: str,
    method: str,
    *,
    key: str,
    request_hash: str,
    wait: float,
) -> Payment:
    """An attempt to pay the order by `method`, shown to the payer. The same `key` answers the same attempt.

    Waits up to `wait` seconds for an intent that must be on its way. Raises NotFound for another's order, Conflict with the
    code that says why it cannot be paid, Invalid for a method that is not to be had or a key used for something else.
    """
    provider = providers.get(method)
    if provider is None:
        raise Invalid(
            "this method is not to be had here",
            code="method_not_available",
            errors=[{"field": "method", "message": "is not available"}],
        )
    asked = _Asked(caller, order_id, method, key, request_hash, queried=not provider.by_hand)
    with database.transaction() as tx:
        found = _attempt(tx, asked)
    if found is None:
        _await_intent(database, caller, order_id, wait)
        with database.transaction() as tx:
            found = _attempt(tx, asked)
    if found is None:
        raise NotFound("there is no such order", code="order_not_found")
    intent, attempt = found
    if attempt.state in UNANSWERED:
        outcome = provider.create(trade_of(attempt))
        with database.transaction() as tx:
            attempt = record_created(tx, attempt, outcome)
    if attempt.state == "failed":
        raise Conflict("the provider refused this payment", code="payment_refused", reason=attempt.reason)
    return find_payment(database, caller, attempt.id) if attempt.state == "succeeded" else Payment(intent, attempt, ())


def _await_intent(database: Database, caller: Caller, order_id: str, wait: float) -> None:
    """A moment's patience for an intent: booking-svc asks for it in the same breath as it holds the number."""
    if not ids.genuine(order_id, "ord", caller.account_id):
        raise NotFound("there is no such order", code="order_not_found")
    deadline = time.monotonic() + wait
    while True:
        with database.reading() as conn:
            intent = store.intent(conn, order_id)
        if intent is not None and intent.amount == 0:  # a tombstone
            raise Conflict("the order can no longer be paid", code="payment_closed")
        if intent is not None:
            return
        if time.monotonic() > deadline:
            raise Conflict("there is nothing to pay for this order, or not yet", code="payment_not_ready")
        time.sleep(_POLL)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the caller asks for. `queried`: the provider will have to be asked what became of it."""

    caller: Caller
    order_id: str
    method: str
    key: str
    request_hash: str
    queried: bool


def _attempt(tx: Tx, asked: _Asked) -> tuple[Intent, Attempt] | None:
    """The attempt that was asked for before; else a new one, with its parameters for good. None if no intent is known yet."""
    intent = store.lock_intent(tx, asked.order_id)
    if intent is None or intent.amount == 0:
        return None
    _may_pay(asked, intent)
    attempts = store.attempts_of(tx.conn, intent.order_id)
    if asked.key and (known := _same_key(attempts, asked)):
        return intent, known
    pay_before = _payable_until(intent, tx.now)
    for known in attempts:
        if not asked.key and known.method == asked.method and known.state in PAYABLE:
            return intent, known
    if len(attempts) >= MOST_ATTEMPTS:
        raise Conflict("too many attempts to pay this order", code="too_many_attempts")
    number = new_number(tx.now)
    expires_at = pay_before.isoformat()
    attempt = Attempt(
        id=ids.mint("pay", intent.account_id),
        order_id=intent.order_id,
        method=asked.method,
        number=number,
        amount=intent.amount,
        state="created",
        params={"number": number, "amount": intent.amount, "description": intent.description, "expires_at": expires_at},
        created_at=tx.now,
        updated_at=tx.now,
        idempotency_key=asked.key or None,
        request_hash=asked.request_hash,
    )
    store.add_attempt(tx, attempt)
    if asked.queried:
        ask_again(tx, attempt, 0)
    return intent, attempt


def _may_pay(asked: _Asked, intent: Intent) -> None:
    """Raises NotFound for what is none of the caller's business, Forbidden for who is neither patient nor cashier."""
    caller = asked.caller
    if not caller.sees(intent):
        raise NotFound("there is no such order", code="order_not_found")
    own = intent.account_id == caller.account_id
    if not own and (asked.method != COUNTER or caller.cashier_of != intent.hospital_id):
        raise Forbidden("the patient pays, or the cashier at the counter takes the money", code="wrong_role")


def _same_key(attempts: Sequence[Attempt], asked: _Asked) -> Attempt | None:
    known = next((a for a in attempts if a.idempotency_key == asked.key), None)
    if known is not None and known.request_hash != asked.request_hash:
        raise Invalid(
            "this Idempotency-Key was used for another request",
            code="idempotency_key_reused",
            errors=[{"field": "Idempotency-Key", "message": "belongs to another request"}],
        )
    return known


def _payable_until(intent: Intent, now: datetime) -> datetime:
    if intent.state == "paid":
        raise Conflict("the order is paid already", code="already_paid")
    if intent.state != "open" or intent.pay_before is None:
        raise Conflict("the order can no longer be paid", code="payment_closed")
    if now >= intent.pay_before:
        raise Conflict("the time to pay is over", code="payment_window_over")
    return intent.pay_before


def find_payment(database: Database, caller: Caller, payment_id: str) -> Payment:
    """Raises NotFound for what is not there, or is none of the caller's business."""
    with database.reading() as conn:
        attempt = store.attempt(conn, payment_id)
        intent = store.intent(conn, attempt.order_id) if attempt else None
        if attempt is None or intent is None or not caller.sees(intent):
            raise NotFound("there is no such payment", code="payment_not_found")
        return whole(conn, intent, attempt)


def find_payments(database: Database, caller: Caller, *, order_id: str | None, code: str | None) -> list[Payment]:
    """The attempts of an order, with those whose money has moved there, or the one of a counter code.

    Empty for what is none of the caller's business.
    """
    with database.reading() as conn:
        if code is not None:
            found = store.attempt_numbered(conn, COUNTER, code)
            attempts = [found] if found and order_id in (None, found.order_id) else []
        else:
            attempts = _paying(conn, order_id or "")
        intents = {a.order_id: store.intent(conn, a.order_id) for a in attempts}
        seen = [(intent, a) for a in attempts if (intent := intents[a.order_id]) and caller.sees(intent)]
        return [whole(conn, intent, attempt) for intent, attempt in seen]


def _paying(conn: Any, order_id: str) -> list[Attempt]:
    own = store.attempts_of(conn, order_id)
    known = {attempt.id for attempt in own}
    moved = {t.payment_id for t in tenders.tenders_of(conn, [order_id]).get(order_id, ())} - known
    return [found for payment_id in sorted(moved) if (found := store.attempt(conn, payment_id))] + own


def whole(conn: Any, intent: Intent, attempt: Attempt) -> Payment:
    """The payment with the parts that its money is in now."""
    return Payment(intent, attempt, tenders.parts_of(conn, attempt.id))
