"""Lock-out: whoever tries passwords has to wait longer and longer, for a name that exists and for one that does not alike.

A try counts before it is known whether it is right, so that fifty at once are not fifty guesses; a right one takes the count
away. Only guessing has to wait: who is logged in stays so, and a code opens a locked account. (OWASP Authentication Cheat
Sheet, "Account Lockout".) NIST SP 800-63B-4, 3.2.2, wants an end after a hundred in a row. Here they take most of a day
and go on at four an hour: an end would let anybody who knows a name shut out an owner who has no proved address.
"""

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from common.errors import Invalid, TooMany
from common.ids import mint
from common.messages import SecurityNoted
from common.outbox import Database, Tx
from common.outbox.timers import Timer

from user_svc import domain, store
from user_svc.addresses import Address, address
from user_svc.store import failures
from user_svc.usecases.contacts import proved
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import note

FREE = 5
"""Wrong passwords in a row that have no consequence but the last one's first pause."""
TOLD = 10
"""Of the wrong password that makes this many, the owner is told: once, however many follow."""
LONGEST = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
"""A count is forgotten this long after its last try, when logins are purged."""

TELL = "tell_locked"
"""A timer."""

_NAME = "name:"


def pause_after(tries: int) -> timedelta | None:
    """How long a name rests after so many wrong passwords in a row: 1 s after the fifth, then twice as long each time."""
    return min(timedelta(seconds=2 ** min(tries - FREE, 30)), LONGEST) if tries >= FREE else None


def called(username: str) -> Address | None:
    """The address that stands where a login name is asked for; None for a name: that has no @ and is not digits alone."""
    if domain.is_username(username):
        return None
    try:
        return address(username)
    except Invalid:
        return None


def key_of(parts: Parts, username: str) -> str:
    """Under what a name's tries are counted, however it is spelt."""
    to = called(username)
    return _key(parts, to.key if to else _NAME + domain.username_key(username))


def admit(database: Database, parts: Parts, key: str, source: str) -> int:
    """Count a try of a name: how many there are in a row now. Call it before the password is looked at.

    source: the address that asks. Raises TooMany (too_many_tries) while the name rests, or if too much came from there.
    """
    if seconds := parts.limiter.full("failures_address", source):
        raise _too_many(seconds)
    with database.transaction() as tx:
        tries = failures.count_try(tx, key)
        if tries is None:
            rest = failures.locked_until(tx, key) - tx.now
        elif pause := pause_after(tries):
            failures.lock(tx, key, tx.now + pause)
    if tries is None:
        raise _too_many(math.ceil(rest.total_seconds()))
    return tries


def failed(
    database: Database, parts: Parts, key: str, source: str, *, tries: int, rows: Sequence[Any], device: str
) -> None:
    """The try that `admit` has counted was wrong. rows: of the accounts that have the name, if any.

    Does the same work whether there are any: the owners are told by a timer, later.
    """
    parts.limiter.wait("failures_address", source)
    ids = [row.id for row in rows]
    with database.transaction() as tx:
        about, hospital_id = (ids[0], rows[0].hospital_id) if len(ids) == 1 else (None, None)
        shared: dict[str, Any] = {"accounts": ids} if len(ids) > 1 else {}
        note(
            tx,
            "locked" if tries == TOLD else "login_failed",
            about=about,
            hospital_id=hospital_id,
            tries=tries,
            **shared,
        )
        if tries == TOLD:
            tx.set_timer(TELL, key, tx.now, {"accounts": ids, "device": device})


def forgive(tx: Tx, parts: Parts, row: Any) -> None:
    """An account's owner has shown that it is she: the tries of all its names are forgotten."""
    mine = [proved(row, parts.vault, "email"), proved(row, parts.vault, "sms")]
    failures.forget(tx, [_key(parts, name) for name in (_NAME + row.username_key, *(to.key for to in mine if to))])


def tell(tx: Tx, timer: Timer) -> None:
    """Timer: tell the owners that somebody keeps trying."""
    for account_id in timer.payload["accounts"]:
        if store.account(tx.conn, account_id) is not None:
            tx.send(SecurityNoted(mint("sec"), account_id, "locked", tx.now, timer.payload["device"], None, None))


def _key(parts: Parts, name: str) -> str:
    return parts.vault.index(f"tries:{name}")


def _too_many(seconds: int) -> TooMany:
    return TooMany("too many tries: wait a little", code="too_many_tries", retry_after=seconds)
