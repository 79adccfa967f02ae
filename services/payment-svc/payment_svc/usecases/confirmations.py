"""What booking-svc confirms is noted, for the watchdog: who pays shall get what was paid for, and who gets it shall have paid."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.envelope import Received
from common.outbox import Timer, Tx

from payment_svc.store import intents as store
from payment_svc.store.watch.state import confirm

CONFIRMED = "order_confirmed"
"""The kind of the timer of a confirmation that knows no intent, keyed by its order; `at` is when it was heard."""
_LOOK_AGAIN = timedelta(minutes=1)


def note_confirmed(tx: Tx, received: Sequence[Received]) -> None:
    """Note of each intent that its order is confirmed, the first time. Free orders have none.

    A confirmation that comes before its intent (which nobody sends, but a replay may) waits for it.
    """
    orders = [r.message.order_id for r in received if r.message.fee]
    intents = store.lock_intents(tx, orders)
    confirm(tx, list(intents), tx.now)
    for order_id in set(orders) - intents.keys():
        tx.set_timer(CONFIRMED, order_id, tx.now + _LOOK_AGAIN, {"at": tx.now.isoformat()})


def look_again(tx: Tx, timer: Timer) -> None:
    """Has the intent come meanwhile? The watchdog tells of one that does not."""
    if store.lock_intent(tx, timer.key) is None:
        tx.set_timer(CONFIRMED, timer.key, tx.now + _LOOK_AGAIN, timer.payload)
    else:
        confirm(tx, [timer.key], datetime.fromisoformat(timer.payload["at"]))
