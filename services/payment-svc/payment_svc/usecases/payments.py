"""What patients ask for: attempts to pay an intent."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from common import ids
from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.outbox import Database, Tx

from payment_svc.domain import LEAST_TIME, MOST_ATTEMPTS, PAYABLE, UNANSWERED, Attempt, Caller, Intent, Part, new_number
from payment_svc.providers import Failed, Provider, Providers
from payment_svc.store import intents as store
from payment_svc.store import tenders
from payment_svc.usecases.outcomes import ask_again, record_created, record_shown_again, trade_of
from payment_svc.usecases.rooms import Rooms

COUNTER = "window"
"""The method of the cashier's counter."""


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt as people look at it: with what its order owes, and where its money is now."""

    intent: Intent
    attempt: Attempt
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Way:
    """How the caller wants to pay. `openid`: who she is within WeChat; `client_ip`: where she calls from; `return_path`: where on
    our pages, which begin with `public_url`, the provider's page leads her afterwards.
    """

    method: str
    channel: str | None = None
    openid: str | None = None
    return_path: str | None = None
    client_ip: str = ""
    public_url: str = ""


_RETURNING = ("page", "wap")
"""Channels that lead away from our pages, and back."""
_POLL = 0.05  # seconds between looks for an intent that is under way


def start_payment(
    database: Database,
    providers: Providers,
    rooms: Rooms,
    caller: Caller,
    order_id: str,
    way: Way,
    *,
    key: str,
    request_hash: str,
    wait: float,
) -> Payment:
    """An attempt to pay the order in that `way`, shown to the payer. The same `key` answers the same attempt.

    Waits up to `wait` seconds for an intent that must be on its way. Raises NotFound for another's order, Conflict with the
    code that says why it cannot be paid, Invalid for a way that is not to be had or a key used for something else.
    """
    provider = providers.get(way.method)
    if provider is None:
        raise Invalid(
            "this method is not to be had here",
            code="method_not_available",
            errors=[{"field": "method", "message": "is not available"}],
        )
    channel, payer = _channel(provider, way)
    asked = _Asked(caller, order_id, way.method, channel, payer, key, request_hash, online=not provider.by_hand)
    with database.transaction() as tx:
        found = _attempt(tx, asked)
    if found is None:
        _await_intent(database, caller, order_id, wait)
        with database.transaction() as tx:
            found = _attempt(tx, asked)
    if found is None:
        raise NotFound("there is no such order", code="order_not_found")
    intent, attempt = found
    attempt = _show(database, provider, rooms, attempt)
    if attempt.state == "failed":
        raise Conflict("the provider refused this payment", code="payment_refused", reason=attempt.reason)
    return find_payment(database, caller, attempt.id) if attempt.state == "succeeded" else Payment(intent, attempt, ())


def _show(database: Database, provider: Provider, rooms: Rooms, attempt: Attempt) -> Attempt:
    """Have the provider make what the payer is shown: once, and again with the same parameters when it has gone stale.

    If so many of its calls are under way that it must be slow, the attempt stays as it is, and its job sees to it.
    """
    stale = attempt.state == "pending" and attempt.show_until is not None and database.clock() >= attempt.show_until
    if attempt.state not in UNANSWERED and not stale:
        return attempt
    with rooms.enter(attempt.method, provider) as entered:
        if not entered:
            return attempt
        outcome = provider.create(trade_of(attempt))
    with database.transaction() as tx:
        if not stale:
            return record_created(tx, attempt, outcome)
        shown = record_shown_again(tx, attempt, outcome)
    if isinstance(outcome, Failed) and shown.state == "closing":
        raise Conflict("this payment is closed: start another one", code="payment_refused", reason=outcome.reason)
    return shown


def _channel(provider: Provider, way: Way) -> tuple[str, dict[str, str]]:
    """How the payer gets there, and what the provider must know of her. Raises Invalid, which names what does not fit."""
    channel = way.channel or next(iter(provider.channels), "")
    if way.channel and way.channel not in provider.channels:
        raise _misfit("channel", f"must be one of: {', '.join(provider.channels)}" if provider.channels else "has none")
    if way.openid and channel != "jsapi":
        raise _misfit("openid", "is for the channel jsapi alone")
    if way.return_path and channel not in _RETURNING:
        raise _misfit("return_path", f"is for the channels {' and '.join(_RETURNING)} alone")
    if channel == "jsapi":
        if not way.openid:
            raise _misfit("openid", "the channel jsapi needs it")
        return channel, {"openid": way.openid}
    if channel == "h5":
        return channel, {"client_ip": way.client_ip}
    if channel in _RETURNING:
        return channel, {"return_url": f"{way.public_url.rstrip('/')}{way.return_path or '/'}"}
    return channel, {}


def _misfit(field: str, message: str) -> Invalid:
    return Invalid("that does not go together", errors=[{"field": field, "message": message}])


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
    """What the caller asks for. `online`: the provider is across the network, and will have to be asked what became of it."""

    caller: Caller
    order_id: str
    method: str
    channel: str
    payer: Mapping[str, str]
    key: str
    request_hash: str
    online: bool

    def like(self, attempt: Attempt) -> bool:
        """True if the attempt is to be paid in this very way; the payer's address may change as she walks."""
        before = (attempt.method, attempt.params.get("channel", ""), _who(attempt.params.get("payer", {})))
        return before == (self.method, self.channel, _who(self.payer))


def _who(payer: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in payer.items() if name != "client_ip"}


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
        if not asked.key and asked.like(known) and known.state in PAYABLE:
            return intent, known
    if len(attempts) >= MOST_ATTEMPTS:
        raise Conflict("too many attempts to pay this order", code="too_many_attempts")
    attempt = _new_attempt(tx.now, asked, intent, pay_before)
    store.add_attempt(tx, attempt)
    if asked.online:
        ask_again(tx, attempt, 0)
    return intent, attempt


def _new_attempt(now: datetime, asked: _Asked, intent: Intent, pay_before: datetime) -> Attempt:
    number = new_number(now)
    expires_at = max(pay_before, now + LEAST_TIME) if asked.online else pay_before
    params = {
        "number": number,
        "amount": intent.amount,
        "description": intent.description,
        "expires_at": expires_at.isoformat(),
        "channel": asked.channel,
        "payer": dict(asked.payer),
    }
    return Attempt(
        id=ids.mint("pay", intent.account_id),
        order_id=intent.order_id,
        method=asked.method,
        number=number,
        amount=intent.amount,
        state="created",
        params=params,
        created_at=now,
        updated_at=now,
        idempotency_key=asked.key or None,
        request_hash=asked.request_hash,
    )


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
