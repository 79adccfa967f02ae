"""Keep where people are reached, and forget those who are gone."""

from collections.abc import Sequence
from functools import partial

from common.envelope import Received
from common.messages import AccountDeleted, ContactChanged

from notify_svc.store import MongoTx
from notify_svc.usecases import planning, visits


def keep(tx: MongoTx, received: Sequence[Received]) -> None:
    """Keep the addresses as they come: sealed. What is heard late changes nothing."""
    for r in received:
        message: ContactChanged = r.message
        addresses = {"email": message.email, "sms": message.phone}
        tx.at_end(partial(tx.store.contacts.change, message.account_id, message.revision, message.locale, addresses))
        tx.last.append(partial(planning.plan_young, tx, message.account_id))


def forget(tx: MongoTx, received: Sequence[Received]) -> None:
    """An account has ended: its addresses, what it was told and what waits for it go at once; the log keeps ids."""
    for r in received:
        message: AccountDeleted = r.message
        tx.at_end(partial(tx.store.contacts.forget, message.account_id))
        visits.forget_account(tx, message.account_id)
        tx.last.append(partial(tx.store.notifications.forget_account, message.account_id))
        tx.last.append(partial(tx.store.deliveries.forget_account, message.account_id))
