"""What booking-svc's saga asks for. Each command may come again, with the same answer."""

from collections.abc import Sequence

from common.envelope import Received
from common.errors import InvalidMessage
from common.messages import PaymentClosed, PaymentSucceeded, RequestPayment
from common.outbox import Tx

from payment_svc.domain import Attempt, Intent
from payment_svc.store import intents as store
from payment_svc.store import tenders
from payment_svc.usecases.facts import close_attempts
from payment_svc.usecases.refunds import give_back, tell_again


def request_payment(tx: Tx, received: Sequence[Received]) -> None:
    """Open an intent for each order; where there is one already, say how it stands.

    Raises InvalidMessage for an amount of zero: a free order has nothing to pay.
    """
    requests: dict[str, RequestPayment] = {r.message.order_id: r.message for r in received}
    if free := [r.order_id for r in requests.values() if r.amount == 0]:
        raise InvalidMessage(f"nothing to pay for {', '.join(free)}")
    new = store.open_intents(tx, requests.values())
    known = store.lock_intents(tx, requests.keys() - new) if len(new) < len(requests) else {}
    for intent in known.values():
        if intent.state == "closed" and intent.amount == 0:
            store.name_tombstone(tx, requests[intent.order_id])
        _tell(tx, intent)


def close_payment(tx: Tx, received: Sequence[Received]) -> None:
    """See to it that each order can no longer be paid: at once where nothing could bring money any more, else by jobs.

    A close that overtakes its request is remembered.
    """
    order_ids = {r.message.order_id for r in received}
    intents = store.lock_intents(tx, order_ids)
    if unheard_of := order_ids - intents.keys():
        store.bury(tx, sorted(unheard_of))
        intents |= store.lock_intents(tx, unheard_of)
    live: dict[str, list[Attempt]] = {}
    for attempt in store.live_attempts(tx.conn, order_ids):
        live.setdefault(attempt.order_id, []).append(attempt)
    for intent in intents.values():
        if intent.state != "open":
            _tell(tx, intent)
        elif attempts := live.get(intent.order_id):
            store.set_intent(tx, intent.order_id, state="closing")
            close_attempts(tx, attempts)
        else:
            store.set_intent(tx, intent.order_id, state="closed")
            tx.send(PaymentClosed(intent.order_id))


def _tell(tx: Tx, intent: Intent) -> None:
    """Answer again what was answered before, in the same words. Of a paid order: all that has paid it, also what moved in."""
    if intent.state in {"closed", "moved"}:
        tx.send(PaymentClosed(intent.order_id))
    elif intent.state == "paid" and intent.payment_id:
        paid = store.attempt(tx.conn, intent.payment_id)
        if paid is not None and paid.paid_at is not None:
            tx.send(
                PaymentSucceeded(intent.order_id, intent.account_id, paid.id, intent.amount, paid.method, paid.paid_at)
            )


def refund_payment(tx: Tx, received: Sequence[Received]) -> None:
    """Give back all that settles each order, each tender to its own source, once.

    Raises InvalidMessage for an order that was not paid, or whose money has moved: the saga never asks that.
    """
    reasons: dict[str, str] = {r.message.order_id: r.message.reason for r in received}
    intents = store.lock_intents(tx, reasons)
    owned = tenders.tenders_of(tx.conn, reasons)
    for order_id, reason in reasons.items():
        intent = intents.get(order_id)
        if intent is None or intent.state != "paid":
            raise InvalidMessage(f"{order_id} is not paid, so there is nothing to give back")
        settling = [tender for tender in owned[order_id] if tender.settles]
        for tender in settling:
            give_back(tx, intent, tender, "order", reason)
        if not settling:
            tell_again(tx, intent)
