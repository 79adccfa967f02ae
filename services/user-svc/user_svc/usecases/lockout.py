"""Lock-out: whoever tries passwords has to wait longer and longer, for a name that exists and for one that does not alike.

A try counts before it is known whether it is right, so that fifty at once are not fifty guesses; a right one takes the count
away. Only guessing has to wait: who is logged in stays so, and a code opens a locked account. (OWASP Authentication Cheat
Sheet, "Account Lockout".) NIST SP 800-63B-4, 3.2.2, wants an end after a hundred in a row. Here they take most of a day
and go on at four an hour: an end would let anybody who knows a name shut out an owner who has no proved address.
"""

import math
import time
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
from user_svc.store import failures, logins
from user_svc.usecases.contacts import proved
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import network, note

FREE = 5
"""Wrong passwords in a row that have no consequence but the last one's first pause."""
TOLD = 10
"""Of the wrong password that makes this many, the owner is told: once, however many follow."""
LONGEST = timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
"""A count is forgotten this long after its last try, when logins are purged."""

PATIENCE, POLL = 5.0, 0.05
"""Seconds that a try waits for those that are under way, and how often it looks."""
ABANDONED = timedelta(seconds=30)
"""After that a try is under way no longer: its process has died."""

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


def key_of(database: Database, parts: Parts, username: str, rows: Sequence[Any]) -> str:
    """Under what the tries of a name are counted, however it is spelt. rows: of the accounts that have the name, if any.

    Where one of them has a login that lives, the tries of that network; of all other networks together. So strangers do not
    shut her out where she is known. The same statements are asked whether there is such an account or not.
    """
    to = called(username)
    name = to.key if to else _NAME + domain.username_key(username)
    ids = [*(row.id for row in rows), *[""] * domain.MOST_SHARING][: domain.MOST_SHARING]
    with database.reading() as conn:
        known = network.get() in logins.networks_of(conn, ids, database.clock())
    return _key(parts, name, network.get() if known else "")


def own_key(parts: Parts, account_id: str) -> str:
    """Under what the tries are counted of who is logged in to an account: nobody else's."""
    return _key(parts, f"own:{account_id}", "")


def admit(database: Database, parts: Parts, key: str, source: str) -> int:
    """Count a try of a name: how many there are in a row now. Call it before the password is looked at.

    source: the address that asks. Raises TooMany (too_many_tries) while the name rests, or if too much came from there. While
    tries are under way it waits for them, a little: one that turns out right lets the others in.
    """
    if seconds := parts.limiter.full("failures_address", source):
        raise _too_many(seconds)
    deadline = time.monotonic() + PATIENCE
    while True:
        with database.transaction() as tx:
            tries = failures.count_try(tx, key)
            if tries is not None:
                if pause := pause_after(tries):
                    failures.lock(tx, key, tx.now + pause)
                return tries
        while row := _locked(database, key):
            if not row.under_way or row.last_at < database.clock() - ABANDONED or time.monotonic() > deadline:
                raise _too_many(max(1, math.ceil((row.locked_until - database.clock()).total_seconds())))
            time.sleep(POLL)


def _locked(database: Database, key: str) -> Any:
    """The row of a name that was locked, and whose tries nobody has forgiven since; else None."""
    with database.reading() as conn:
        row = failures.standing(conn, key)
    return row if row is not None and row.locked_until is not None else None


def failed(
    database: Database, parts: Parts, key: str, source: str, *, tries: int, rows: Sequence[Any], device: str
) -> None:
    """The try that `admit` has counted was wrong. rows: of the accounts that have the name, if any.

    Does the same work whether there are any: the owners are told by a timer, later.
    """
    parts.limiter.wait("failures_address", source)
    ids = [row.id for row in rows]
    with database.transaction() as tx:
        failures.was_wrong(tx, key)
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
    names = [_NAME + row.username_key, *(to.key for to in mine if to)]
    networks = {"", network.get(), *logins.networks_of(tx.conn, [row.id], tx.now)}
    keys = [_key(parts, name, where) for name in names for where in networks]
    failures.forget(tx, sorted([*keys, own_key(parts, row.id)]))


def tell(tx: Tx, timer: Timer) -> None:
    """Timer: tell the owners that somebody keeps trying."""
    for account_id in timer.payload["accounts"]:
        if store.account(tx.conn, account_id) is not None:
            tx.send(SecurityNoted(mint("sec"), account_id, "locked", tx.now, timer.payload["device"], None, None))


def _key(parts: Parts, name: str, where: str) -> str:
    return parts.vault.index(f"tries:{name}@{where}" if where else f"tries:{name}")


def _too_many(seconds: int) -> TooMany:
    return TooMany("too many tries: wait a little", code="too_many_tries", retry_after=seconds)
