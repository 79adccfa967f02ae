"""A fee is earned when the visit has taken place, or was missed; until then the hospital owes it.

What goes back after that is owed again first: a visit was missed, and then its session was stopped.
"""

from collections.abc import Sequence

from common.envelope import Received
from common.outbox import Tx

from payment_svc.domain import REVENUE, Intent, payable_account
from payment_svc.store import intents, ledger, tenders

EARNED, OWED_AGAIN = "fee_earned", "fee_owed_again"
"""The kinds of the entries; an order has each once at most."""


def note_ended(tx: Tx, received: Sequence[Received]) -> None:
    """VisitCompleted and VisitMissed: what settles the order is earned, once. Free orders have no intent, and of one whose money is
    on its way back nothing is left to earn, however late the message comes.
    """
    orders = {r.message.order_id for r in received}
    paid = [intent for intent in intents.lock_intents(tx, orders).values() if intent.state == "paid"]
    owned = tenders.tenders_of(tx.conn, [intent.order_id for intent in paid])
    for intent in paid:
        amount = sum(tender.amount for tender in owned[intent.order_id] if tender.settles)
        if amount and not ledger.has(tx.conn, f"{EARNED}:{intent.order_id}"):
            sides = {"debit": payable_account("order"), "credit": REVENUE}
            ledger.post(tx, EARNED, intent.order_id, intent, **sides, amount=amount)


def owe_again(tx: Tx, intent: Intent) -> None:
    """The order's money goes back: what was earned is owed again. Done again, it does nothing."""
    earned = ledger.amount_of(tx.conn, f"{EARNED}:{intent.order_id}", REVENUE)
    if earned and not ledger.has(tx.conn, f"{OWED_AGAIN}:{intent.order_id}"):
        sides = {"debit": REVENUE, "credit": payable_account("order")}
        ledger.post(tx, OWED_AGAIN, intent.order_id, intent, **sides, amount=-earned)
