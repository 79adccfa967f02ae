"""What cashiers record: money taken at the counter, and money given back there. And what they look at."""

from datetime import datetime

from common.errors import Conflict, Forbidden, Invalid, NotFound
from common.log import get_logger
from common.outbox import Database, Tx

from payment_svc.domain import PAYABLE, UNSETTLED, Attempt, Caller, Fact, Intent, Refund, next_refund_query
from payment_svc.providers import Abnormal, Absent, Card, Failed, Gateways
from payment_svc.store import intents as store
from payment_svc.store import refunds as refund_store
from payment_svc.usecases.facts import apply_fact
from payment_svc.usecases.outcomes import apply_refund_outcome
from payment_svc.usecases.payments import COUNTER, Payment, whole
from payment_svc.usecases.refunds import REFUND, issue_again, order_of, rest_of, rest_paid_out
from payment_svc.usecases.rooms import Rooms

log = get_logger("payments")
"""Who did what with a refund stays here; who took or handed out money, with its fact."""


def record_receipt(
    database: Database, caller: Caller, payment_id: str, *, amount: int | None, receipt_number: str | None
) -> Payment:
    """The cashier has taken the money: all of it, in cash. `amount` (fen), if given, must be what is owed.

    The same receipt again changes nothing. Raises Conflict when the money must not be taken: then she hands it back.
    """
    with database.transaction() as tx:
        known = store.attempt(tx.conn, payment_id)
        intent = store.lock_intent(tx, known.order_id) if known else None
        attempt = store.attempt(tx.conn, payment_id)
        if intent is None or attempt is None:
            raise NotFound("there is no such payment", code="payment_not_found")
        _own_counter(caller, intent)
        if attempt.method != COUNTER:
            raise Conflict("this is no payment at the counter", code="not_at_the_counter")
        if amount not in (None, attempt.amount):
            raise Invalid(
                "that is not what is owed", errors=[{"field": "amount", "message": f"must be {attempt.amount} fen"}]
            )
        transaction_id = f"{intent.hospital_id}:{receipt_number or attempt.number}"
        if attempt.state != "succeeded":
            _receive(tx, caller, intent, attempt, transaction_id)
        elif receipt_number and store.transaction_of(tx.conn, intent.capture_id or "")[0] != transaction_id:
            raise Conflict("this payment has a receipt already", code="already_paid")
        return whole(
            tx.conn, store.intent(tx.conn, intent.order_id) or intent, store.attempt(tx.conn, payment_id) or attempt
        )


def _receive(tx: Tx, caller: Caller, intent: Intent, attempt: Attempt, transaction_id: str) -> None:
    if intent.state == "paid":
        raise Conflict("the order is paid already: do not take the money", code="already_paid")
    if intent.state != "open" or attempt.state not in PAYABLE:
        raise Conflict("the order can no longer be paid: do not take the money", code="payment_closed")
    if store.is_known(tx.conn, COUNTER, transaction_id):
        raise _receipt_used()
    apply_fact(
        tx,
        Fact(
            COUNTER,
            "payment",
            attempt.number,
            "succeeded",
            "staff",
            tx.now,
            amount=attempt.amount,
            transaction_id=transaction_id,
            evidence={"cashier": caller.account_id},
        ),
    )
    now = store.attempt(tx.conn, attempt.id)
    if now is None or now.state != "succeeded":  # another till has booked this number since: two orders have two locks
        raise _receipt_used()


def _receipt_used() -> Conflict:
    used = [{"field": "receipt_number", "message": "was used for another payment"}]
    return Conflict("this receipt belongs to another payment", code="receipt_used", errors=used)


def retry_refund(database: Database, caller: Caller, refund_id: str) -> Refund:
    """Issue a refused refund again, the same way, under a new number. Raises Conflict unless it is refused and waiting."""
    with database.transaction() as tx:
        intent, refund = _locked(tx, caller, refund_id)
        if refund.state == "failed" and rest_of(tx, refund) < refund.amount:
            raise _differs(tx, refund)  # the provider would give it back in full, on top of what went
        again = issue_again(tx, intent, refund, refund.provider)
    log.info("refund_retried", by=caller.account_id, refund_id=refund_id, retried_as=again.id)
    return again


def _differs(tx: Tx, refund: Refund) -> Conflict:
    detail = "a part of this refund went: pay out the rest at the counter, and say so by `amount`"
    return Conflict(detail, code="refund_differs", rest=rest_of(tx, refund))


def pay_out(database: Database, caller: Caller, refund_id: str, *, amount: int | None = None) -> Refund:
    """The cashier has given the money back: of a payment at the counter, or instead of a refund that its provider refused.

    `amount`: the fen that she handed out, which she must say if a part of it went before. Answers the refund that this settled.
    Raises Conflict while a provider is at it, and for another amount than is owed.
    """
    with database.transaction() as tx:
        intent, refund = _locked(tx, caller, refund_id)
        rest = rest_of(tx, refund)
        if refund.state != "succeeded" and amount not in (None, rest):
            errors = [{"field": "amount", "message": f"must be {rest} fen"}]
            raise Invalid("that is not what is owed", errors=errors)
        if refund.state == "failed" and amount is None and rest < refund.amount:
            raise _differs(tx, refund)
        if refund.state in {"failed", "abnormal"}:
            refund = issue_again(tx, intent, refund, COUNTER)
        if refund.provider != COUNTER:
            code = "refund_in_progress" if refund.state in UNSETTLED else "refund_succeeded"
            raise Conflict("this refund does not wait for the counter", code=code)
        evidence = {"cashier": caller.account_id, "handed_out": rest}
        apply_fact(
            tx,
            Fact(
                COUNTER, "refund", refund.number, "succeeded", "staff", tx.now, amount=refund.amount, evidence=evidence
            ),
        )
        rest_paid_out(tx, intent, refund)
        return refund_store.refund(tx.conn, refund.id) or refund


def send_to_card(
    database: Database, gateways: Gateways, rooms: Rooms, caller: Caller, refund_id: str, card: Card
) -> Refund:
    """An abnormal refund goes to another card of the payer. The card is passed on, and neither kept nor logged.

    Answers the refund, which is asked about on. Raises Conflict with the code that says why not.
    """
    with database.transaction() as tx:
        _, refund = _locked(tx, caller, refund_id)
        if refund.state != "abnormal":
            codes = {"succeeded": "refund_succeeded", "failed": "refund_refused"}
            raise Conflict("this refund waits for no card", code=codes.get(refund.state, "refund_in_progress"))
        order = order_of(tx.conn, refund)
    gateway = gateways.get(refund.provider)
    if gateway is None:
        raise Conflict("nobody here speaks with the provider of this refund", code="provider_missing")
    with rooms.enter(refund.provider, gateway) as entered:
        if not entered:
            raise Conflict("the provider is slow: try again in a moment", code="provider_busy")
        # said before it is done, so that it is known whatever becomes of it; of the card, nothing
        log.info("refund_to_card", by=caller.account_id, refund_id=refund_id)
        outcome = gateway.refund_to_card(order, "", card)  # the adapter asks its provider for the id that it needs
    if isinstance(outcome, Failed | Abnormal | Absent):
        reason = "" if isinstance(outcome, Absent) else outcome.reason
        raise Conflict("the provider does not send it to this card", code="card_refused", reason=reason)
    with database.transaction() as tx:
        store.lock_intent(tx, refund.order_id)
        apply_refund_outcome(tx, refund.provider, refund.number, outcome, "answer")
        now = refund_store.refund(tx.conn, refund_id) or refund
        if now.state == "abnormal":  # what is unknown may have been accepted: then it being abnormal is news again
            refund_store.set_refund(tx, refund_id, "processing")
            tx.set_timer(REFUND, refund_id, tx.now + next_refund_query(0), {"asked": 1})
        return refund_store.refund(tx.conn, refund_id) or now


def _locked(tx: Tx, caller: Caller, refund_id: str) -> tuple[Intent, Refund]:
    known = refund_store.refund(tx.conn, refund_id)
    intent = store.lock_intent(tx, known.order_id) if known else None
    refund = refund_store.refund(tx.conn, refund_id)
    if intent is None or refund is None:
        raise NotFound("there is no such refund", code="refund_not_found")
    _own_counter(caller, intent)
    return intent, refund


def _own_counter(caller: Caller, intent: Intent) -> None:
    if not caller.serves(intent.hospital_id):
        raise Forbidden("this belongs to another hospital", code="other_hospital")


# --- looking ---------------------------------------------------------------------------------------------------------

After = tuple[datetime, str] | None
"""A page starts after this time and id."""


def list_refunds(
    database: Database,
    caller: Caller,
    *,
    state: str | None,
    order_id: str | None,
    waiting: bool,
    after: After,
    limit: int,
) -> list[Refund]:
    """Refunds of the caller's hospital (of all, for operators), oldest first, one more than `limit` if there are more."""
    with database.reading() as conn:
        found = refund_store.list_refunds(
            conn,
            hospital_id=scope_of(caller),
            state=state,
            order_id=order_id,
            waiting=waiting,
            after=after,
            limit=limit,
        )
        return list(found)


def scope_of(caller: Caller) -> str | None:
    """The hospital whose things the caller may see; None: all of them. Raises Forbidden for staff of none."""
    if not caller.operator and not caller.cashier_of:
        raise Forbidden("this account serves no hospital", code="other_hospital")
    return None if caller.operator else caller.cashier_of
