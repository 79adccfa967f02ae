"""What goes out for what is told: planned in the same batch, once, since every delivery's id follows from what it tells."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from common.envelope import Received
from common.messages import CodeIssued, SecurityNoted

from notify_svc import templates
from notify_svc.channels import Channel
from notify_svc.delivery import YOUNG, Contact, Delivery, Sealed, deliveries_of
from notify_svc.domain import ROLE, Notification
from notify_svc.kinds import KINDS
from notify_svc.store import MongoStore, MongoTx

_YOUNGEST = 50
"""As many notifications of an account are looked at when its first address comes."""


def tell_person(
    tx: MongoTx, notification: Notification, *, guard: Sequence[str] = (), expires_at: datetime | None = None
) -> None:
    """Put it into the inbox, and plan what goes out beside that.

    guard: the orders that it speaks of, of which one must stand when it is sent. expires_at: when it is of no use any more, where
    its kind does not say so.
    """
    tx.add(notification)
    if notification.recipient.startswith(ROLE):
        return
    concern(tx, notification.recipient)
    if KINDS[notification.kind].channels:
        tx.plans.append((notification, guard, expires_at))


def concern(tx: MongoTx, account_id: str) -> None:
    """Something is kept of this account: not for long, if it has ended. It is looked at after everything is written, as who ends
    it deletes after that is written: whichever comes first, nothing is left.
    """
    if not tx.about:
        tx.last.append(partial(_plan, tx))
    tx.about.add(account_id)


def _plan(tx: MongoTx) -> None:
    contacts = tx.store.contacts.of(tx.about)
    for account_id in sorted(name for name, contact in contacts.items() if contact.gone):
        forget(tx.store, account_id)
    tx.store.deliveries.plan(
        [
            delivery
            for n, guard, expires_at in tx.plans
            if n.recipient in contacts
            for delivery in deliveries_of(n, contacts[n.recipient], tx.now, guard, expires_at)
        ]
    )


def forget(store: MongoStore, account_id: str) -> None:
    """What an account was told and what waits for it goes; the log keeps ids."""
    store.visits.forget_account(account_id)
    store.reminders.forget_account(account_id)
    store.notifications.forget_account(account_id)
    store.deliveries.forget_account(account_id)


def plan_young(tx: MongoTx, account_id: str) -> None:
    """Plan what was told just before the first address was known: the welcome."""
    contact = tx.store.contacts.get(account_id)
    told = tx.store.notifications.newest([account_id], None, _YOUNGEST, unread=False)
    young = [n for n in told if n.created_at > tx.now - YOUNG and KINDS[n.kind].category != "reminders"]
    tx.store.deliveries.plan([d for n in young for d in deliveries_of(n, contact, tx.now, (), None)])


def send_codes(tx: MongoTx, received: Sequence[Received]) -> None:
    """Plan a delivery of its own for each code: to the address in the message, and into no inbox."""
    found = []
    for r in received:
        message: CodeIssued = r.message
        kind = f"code_{message.purpose}"
        sealed = Sealed(
            to=(message.to, f"{message.code_id}/to"),
            code=(message.code, f"{message.code_id}/code"),
            locale=message.locale,
            params=_params(message, "to", "code"),
            version=templates.newest(kind),
        )
        found.append(_own(tx, r, message.code_id, "", kind, message.channel, sealed, message.expires_at))
    tx.at_end(partial(tx.store.deliveries.plan, found))


def tell_former(tx: MongoTx, r: Received) -> None:
    """Tell something about an account at an address that is no longer its own."""
    message: SecurityNoted = r.message
    if message.former is None or message.channel is None:
        return
    kind = f"security_{message.what}"
    contact: Contact = tx.store.contacts.get(message.account_id)
    sealed = Sealed(
        to=(message.former, f"{message.note_id}/former"),
        code=None,
        locale=contact.locale,
        params=_params(message, "former"),
        version=templates.newest(kind),
    )
    name, until = f"{message.note_id}:former", tx.now + KINDS[kind].worth
    former = _own(tx, r, name, message.account_id, kind, message.channel, sealed, until)
    tx.at_end(partial(tx.store.deliveries.plan, [former]))


def _own(
    tx: MongoTx,
    r: Received,
    name: str,
    account_id: str,
    kind: str,
    channel: Channel,
    sealed: Sealed,
    expires_at: datetime,
) -> Delivery:
    return Delivery(
        id=f"{name}:{channel}",
        notification_id=name,
        account_id=account_id,
        kind=kind,
        channel=channel,
        order_id=None,
        created_at=r.time,
        due_at=tx.now,
        expires_at=expires_at,
        sealed=sealed,
    )


def _params(message: Any, *without: str) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(message).items() if name not in without}
