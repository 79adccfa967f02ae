"""Settling differences: of numbers that are nobody's the bill itself is the fact; about numbers of ours its provider is asked.

What the provider answers becomes a fact like any other and goes the same way, to a booking or back to the payer. A bill is a list
that somebody made of it: where it says otherwise than the answer, the next round finds that, and staff look into it.
"""

from collections.abc import Callable, Iterator
from datetime import date, datetime

from common.outbox import Database, Tx

from payment_svc.matching import arrived
from payment_svc.providers import Gateway, Paid, Refunded, RefundOutcome, TradeOutcome, Unknown
from payment_svc.store import differences
from payment_svc.store import intents as attempts
from payment_svc.store import refunds as refund_store
from payment_svc.store.differences import Difference
from payment_svc.usecases.outcomes import apply_outcome, apply_refund_outcome, trade_of
from payment_svc.usecases.refunds import order_of

PAYMENTS = ("local_not_paid", "missing_in_bill")
"""Payments of ours that one side does not have: the provider is asked."""
ASKED = ("missing_local", *PAYMENTS, "refund_missing", "refund_extra")
PAGE = 200
"""Differences that are in memory at once."""


def settle(
    database: Database, gateway: Gateway | None, provider: str, day: date, at_it: Callable[[Tx], None]
) -> tuple[int, int]:
    """Answers how many differences were booked or asked about, and how many questions nobody answered.

    `at_it` keeps others from taking the day up meanwhile.
    """
    done = asked = 0
    for difference in _waiting(database, provider, day):
        asked += 1
        if difference.kind == "missing_local":
            done += _book(database, difference, at_it)
        elif difference.kind in PAYMENTS:
            done += _ask_payment(database, gateway, difference, at_it)
        else:
            done += _ask_refund(database, gateway, difference, at_it)
    return done, asked - done


def _waiting(database: Database, provider: str, day: date) -> Iterator[Difference]:
    after = ""
    while True:
        with database.reading() as conn:
            page = differences.to_ask(conn, provider, day, ASKED, after=after, limit=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def _book(database: Database, difference: Difference, at_it: Callable[[Tx], None]) -> bool:
    """A fact of nobody: its money waits in suspense."""
    line = difference.evidence["bill"]
    with database.transaction() as tx:
        if difference.transaction_id:
            evidence = {"bill": difference.day, "status": line["status"]}
            paid = Paid(
                difference.transaction_id, line["amount"], datetime.fromisoformat(line["at"]), evidence=evidence
            )
            apply_outcome(tx, difference.provider, difference.number, paid, "bill")
        answer = "booked" if difference.transaction_id else "the line names no transaction"
        differences.asked(tx, difference, answer)
        at_it(tx)
    return True


def _ask_payment(
    database: Database, gateway: Gateway | None, difference: Difference, at_it: Callable[[Tx], None]
) -> bool:
    """What is billed we had not heard of, or what we took for paid is on no bill."""
    with database.reading() as conn:
        attempt = attempts.attempt_numbered(conn, difference.provider, difference.number)
    outcome: TradeOutcome | None = None
    if attempt is not None:
        outcome = gateway.query(trade_of(attempt)) if gateway else Unknown("the provider is not set up")
    with database.transaction() as tx:
        if outcome is not None:
            apply_outcome(tx, difference.provider, difference.number, outcome, "query")
        answered = _keep_answer(tx, difference, outcome)
        at_it(tx)
    return answered


def _ask_refund(
    database: Database, gateway: Gateway | None, difference: Difference, at_it: Callable[[Tx], None]
) -> bool:
    """Bill and books do not have the same refund, or not in the same state. One that only the bill knows, and that arrived, went out:
    it is a fact of nobody, as if it had been called back.
    """
    with database.reading() as conn:
        refund = refund_store.refund_numbered(conn, difference.provider, difference.refund_number)
        order = order_of(conn, refund) if refund else None
    outcome: RefundOutcome | None = None
    if order is not None:
        outcome = gateway.query_refund(order) if gateway else Unknown("the provider is not set up")
    with database.transaction() as tx:
        if outcome is not None:
            apply_refund_outcome(tx, difference.provider, difference.refund_number, outcome, "query")
        elif gone := _gone(difference):
            number = difference.refund_number or difference.number
            apply_refund_outcome(tx, difference.provider, number, gone, "bill")
        answered = _keep_answer(tx, difference, outcome)
        at_it(tx)
    return answered


def _gone(difference: Difference) -> Refunded | None:
    """What a bill says that went out, if it says so."""
    line = difference.evidence.get("bill")
    if line is None or not arrived(line["status"]):
        return None
    return Refunded(datetime.fromisoformat(line["at"]), line["amount"], evidence={"bill": difference.day})


def _keep_answer(tx: Tx, difference: Difference, outcome: TradeOutcome | RefundOutcome | None) -> bool:
    """True if there was one. The provider need not be asked about numbers that are not ours: it would refuse."""
    if isinstance(outcome, Unknown):
        return False
    differences.asked(tx, difference, type(outcome).__name__ if outcome else "not our number")
    return True
