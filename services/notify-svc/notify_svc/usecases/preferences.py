"""What people want to hear beside their inbox, and when."""

from collections.abc import Mapping, Sequence

from common.errors import NotFound

from notify_svc import unsubscribe
from notify_svc.delivery import Contact
from notify_svc.store import MongoStore


def shown(store: MongoStore, account_id: str) -> Contact:
    """Everything is wanted, at any time, until somebody says otherwise."""
    return store.contacts.get(account_id)


def change(
    store: MongoStore, account_id: str, wants: Mapping[str, Mapping[str, bool]], quiet: Sequence[str] | None
) -> Contact:
    """Change what is named. quiet: from and to, as HH:MM; empty: none any more; None: as they were."""
    store.contacts.prefer(account_id, wants, quiet)
    return store.contacts.get(account_id)


def category_of(token: str) -> str:
    """What a link in an e-mail would switch off. Raises NotFound for one that is none of ours."""
    return _read(token)[2]


def switch_off(store: MongoStore, token: str) -> str:
    """Do what the link says, and answer what that was; again changes nothing. Raises NotFound."""
    account_id, channel, category = _read(token)
    store.contacts.prefer(account_id, {channel: {category: False}}, None)
    return category


def _read(token: str) -> tuple[str, str, str]:
    told = unsubscribe.read(token)
    if told is None:
        raise NotFound("this link is none of ours: switch letters off in your account", code="token_not_found")
    return told
