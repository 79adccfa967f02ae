"""What SMS providers tell of deliveries later. A receipt is better evidence than our own: it ends what is unsure."""

from collections.abc import Iterable

from common.log import get_logger
from common.vault import Unreadable, Vault

from notify_svc.channels.answers import mainland
from notify_svc.delivery import Delivery
from notify_svc.receipts import Receipt
from notify_svc.store import MongoStore
from notify_svc.usecases import contacts

log = get_logger("receipts")

_OPEN = frozenset({"handed", "sent", "unsure"})
"""States that a receipt ends. One that comes again, or after another, changes nothing."""

_AGAIN = frozenset({"waiting", "taken"})
"""It is about to be sent anew, since the provider did not list it: a receipt by our key says that it was sent after all."""


def take(store: MongoStore, vault: Vault, provider: str, receipts: Iterable[Receipt]) -> int:
    """Note what each says; answers how many are of deliveries of ours. Others than ours are none of our business.

    Raises what the store raises when it is away: the provider comes again with all of them.
    """
    known = 0
    for receipt in receipts:
        for delivery in _deliveries(store, provider, receipt):
            known += 1
            _note(store, delivery, receipt)
            if receipt.nobody:
                _nobody_is_there(store, vault, delivery, receipt)
    return known


def _deliveries(store: MongoStore, provider: str, receipt: Receipt) -> list[Delivery]:
    """By the provider's name of it; by our key where the answer with that name never came."""
    found = store.deliveries.referred_to(provider, receipt.reference) if receipt.reference else []
    if found or not receipt.key:
        return found
    for delivery_id in (receipt.key, receipt.key.rpartition(":")[0]):  # one that staff sent anew has a number after it
        delivery = store.deliveries.get(delivery_id) if delivery_id else None
        if delivery is not None and (delivery.provider, delivery.key) == (provider, receipt.key):
            return [delivery]
    return []


def _note(store: MongoStore, delivery: Delivery, receipt: Receipt) -> None:
    overtaken = delivery.state in _AGAIN and receipt.delivered and receipt.key == delivery.key
    if delivery.state not in _OPEN and not overtaken:
        return
    changed = store.deliveries.change(
        delivery,
        state="delivered" if receipt.delivered else "failed",
        reason="" if receipt.delivered else f"receipt: {receipt.code}"[:200],
        reference=delivery.reference or receipt.reference,
        holder="",
        sealed=None,
        handed_to="",
        ended_at=store.clock(),
    )
    if changed is None:
        log.info("receipt_overtaken", delivery_id=delivery.id)


def _nobody_is_there(store: MongoStore, vault: Vault, delivery: Delivery, receipt: Receipt) -> None:
    """The number is dead, if it is still hers: its owner hears of it once, by what else she has."""
    contact = store.contacts.get(delivery.account_id)
    sealed = contact.addresses.get("sms")
    if not sealed or "sms" in contact.dead:
        return
    try:
        phone = vault.open(sealed, f"{delivery.account_id}/phone")
    except Unreadable:
        log.warning("receipt_address_unreadable", delivery_id=delivery.id)
        return
    if _digits(phone) != _digits(receipt.phone):
        return
    contacts.address_is_dead(store, contact, "sms")


def _digits(phone: str) -> str:
    """A number in the one form in which numbers can be compared: providers leave out our own country, or its sign."""
    plain = phone.removeprefix("+").removeprefix("00")
    return mainland(phone) or mainland(f"+{plain}") or plain
