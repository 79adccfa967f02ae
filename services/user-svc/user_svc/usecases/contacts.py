"""Where an account's owner is reached: addresses that she has proved, and what others are told of them."""

from typing import Any

from common.errors import Conflict
from common.ids import mint
from common.messages import ContactChanged, SecurityNoted
from common.outbox import Tx
from common.vault import Vault

from user_svc import domain, store
from user_svc.addresses import Address, Channel
from user_svc.store.codes import lock_address
from user_svc.store.told import next_contact_revision
from user_svc.usecases.parts import Parts

NAMES: dict[Channel, Any] = {"email": "email", "sms": "phone"}


def claim(tx: Tx, parts: Parts, account_id: str, to: Address) -> dict[str, Any]:
    """The columns of an address that is proved. Raises Conflict (contact_taken) if it serves as many accounts as it may.

    Only who has proved that the address is hers may hear of that.
    """
    index, name = parts.vault.index(to.key), NAMES[to.channel]
    lock_address(tx, index)
    sharing = store.accounts_at(tx.conn, to.channel, parts.vault.indexes(to.key))
    if len(sharing) >= domain.MOST_SHARING:
        raise Conflict("this address serves as many accounts as it may", code="contact_taken")
    kept = unproved(parts.vault, account_id, to.channel, to.text)
    return kept | {f"{name}_index": index, f"{name}_verified_at": tx.now}


def unproved(vault: Vault, account_id: str, channel: Channel, text: str | None) -> dict[str, Any]:
    """The columns of an address that nobody has proved, or of none: kept for its owner, and used for nothing."""
    name = NAMES[channel]
    sealed = vault.seal(text, f"{account_id}/{name}") if text else None
    columns = {f"{name}_sealed": sealed, f"{name}_index": None, f"{name}_verified_at": None}
    return columns | ({"email": ""} if name == "email" else {})


def kept(row: Any, vault: Vault, channel: Channel) -> str | None:
    """The address of this kind that an account's owner has given, proved or not."""
    name = NAMES[channel]
    sealed = getattr(row, f"{name}_sealed")
    return vault.open(sealed, f"{row.id}/{name}") if sealed else None


def proved(row: Any, vault: Vault, channel: Channel) -> Address | None:
    """The address of this kind that an account's owner has proved.

    The index says which one it was: during an upgrade the release before codes may put another one in its place.
    """
    index = getattr(row, f"{NAMES[channel]}_index")
    text = kept(row, vault, channel) if index else None
    to = Address(channel, text) if text else None
    return to if to and index in vault.indexes(to.key) else None


def tell(tx: Tx, parts: Parts, account_id: str) -> None:
    """Tell where the owner is reached now, and in which language."""
    revision = next_contact_revision(tx, account_id, parts.contacts.prefix)
    row = store.account(tx.conn, account_id)
    sealed = {
        name: parts.contacts.seal(to.text, f"{account_id}/{name}")
        for channel, name in NAMES.items()
        if (to := proved(row, parts.vault, channel))
    }
    tx.send(ContactChanged(account_id, revision, row.locale, sealed.get("email"), sealed.get("phone")))


def warn(tx: Tx, parts: Parts, account_id: str, what: Any, *, former: Address | None = None, device: str = "") -> None:
    """Have the owner told of what concerns the safety of her account; at `former` too, if that address was hers until now."""
    note_id = mint("sec")
    sealed = parts.contacts.seal(former.text, f"{note_id}/former") if former else None
    channel = former.channel if former else None
    tx.send(SecurityNoted(note_id, account_id, what, tx.now, device[:200], channel, sealed))
