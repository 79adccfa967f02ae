"""Keep where people are reached, and forget those who are gone."""

from collections.abc import Sequence
from functools import partial

from common.envelope import Received
from common.messages import AccountDeleted, ContactChanged
from common.vault import Unreadable, Vault

from notify_svc import templates
from notify_svc.channels import Channel
from notify_svc.delivery import Contact
from notify_svc.domain import Notification, rank
from notify_svc.store import MongoStore, MongoTx
from notify_svc.usecases import planning


def keep(tx: MongoTx, received: Sequence[Received], vault: Vault) -> None:
    """Keep the addresses as they come: sealed. What is heard late changes nothing."""
    same = partial(_same, vault)
    for r in received:
        message: ContactChanged = r.message
        addresses = {"email": message.email, "sms": message.phone}
        tx.at_end(
            partial(tx.store.contacts.change, message.account_id, message.revision, message.locale, addresses, same)
        )
        tx.last.append(partial(planning.plan_young, tx, message.account_id))


def _same(vault: Vault, account_id: str, channel: str, before: str, now: str) -> bool:
    """Whether they are one address, which looks another each time that it is sealed."""
    if before == now or not (before and now):
        return before == now
    context = f"{account_id}/{'phone' if channel == 'sms' else 'email'}"
    try:
        return vault.open(before, context) == vault.open(now, context)
    except Unreadable:
        return False


def forget(tx: MongoTx, received: Sequence[Received]) -> None:
    """An account has ended: its addresses, what it was told and what waits for it go at once; the log keeps ids."""
    for r in received:
        message: AccountDeleted = r.message
        tx.at_end(partial(tx.store.contacts.forget, message.account_id))
        tx.at_end(partial(tx.store.people.forget_account, message.account_id, message.patient_ids))
        planning.concern(tx, message.account_id)


def address_is_dead(store: MongoStore, contact: Contact, channel: Channel) -> None:
    """Nobody is there: its owner hears of it once, in her inbox and by what else she has; what waits for it is skipped."""
    account_id, now = contact.account_id, store.clock()
    name = f"{account_id}:address_dead:{channel}:{contact.revision}"
    params = {"account_id": account_id, "channel": channel}
    version = templates.newest("address_dead")
    told = Notification(name, account_id, "address_dead", version, params, None, None, now, rank(now, name))
    with store.transaction() as tx:  # told first: who dies in between tells it again, under the same id
        planning.tell_person(tx, told)
    store.contacts.mark_dead(account_id, channel, contact.addresses[channel])
