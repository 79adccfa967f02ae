"""Codes that prove an address: asked for by a request, made and sent by a job, good once.

The request does the same whether anybody has the address or not: it notes that a code was asked for, and looks nobody up.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common.errors import Invalid, TooMany
from common.ids import mint
from common.messages import CodeIssued, CodePurpose
from common.outbox import Database, Tx
from common.outbox.timers import Timer

from user_svc import domain, store
from user_svc.addresses import Address
from user_svc.store import codes as rows
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import network

WRONG_CODE = "wrong_code"

SEND, PURGE = "send_code", "purge_codes"
"""Jobs."""

GOOD_FOR, PAUSE, DAY = timedelta(minutes=10), timedelta(minutes=1), timedelta(days=1)
MOST_TRIES, MOST_ELSEWHERE = 5, 10
"""Wrong guesses at a code in the network where it was asked for, and in all others: strangers cannot use up the owner's."""
MOST_A_DAY, MOST_OF_ALL = 10, 30
"""Codes for an address and purpose, to who asks in one network and to all."""
_KEPT = timedelta(days=2)
_FOR_OWNERS = {"login", "reset"}
"""Purposes of which nothing is sent to an address that serves no account."""


def ask(
    database: Database, parts: Parts, purpose: CodePurpose, to: Address, *, locale: str, account_id: str | None = None
) -> None:
    """Have a code sent. Raises TooMany: one a minute for an address and purpose; ten a day of them for a network, thirty for all.

    locale: of the message, unless the account that has the address knows better. account_id: nobody else can use the code.
    """
    index = parts.vault.index(to.key)
    with database.transaction() as tx:
        rows.lock_address(tx, index)
        _pace(rows.codes_since(tx.conn, parts.vault.indexes(to.key), purpose, tx.now - DAY), tx.now)
        code_id = mint("cod")
        asked = {"id": code_id, "purpose": purpose, "channel": to.channel, "to_index": index, "account_id": account_id}
        rest = {"code_hash": "", "created_at": tx.now, "expires_at": tx.now + GOOD_FOR, "tries": 0}
        rest["network"] = network.get()
        rows.add_code(tx, asked | rest)
        sealed = parts.vault.seal(to.text, f"{code_id}/to")
        tx.set_timer(SEND, code_id, tx.now, {"to": sealed, "locale": domain.check_locale(locale)})


def _pace(before: Sequence[Any], now: datetime) -> None:
    free_at = [row.created_at + PAUSE for row in before[:1]]
    here = [row for row in before if row.network == network.get()]
    for asked, most in ((here, MOST_A_DAY), (before, MOST_OF_ALL)):
        free_at += [row.created_at + DAY for row in asked[most - 1 : most]]
    seconds = (max(free_at, default=now) - now).total_seconds()
    if seconds > 0:
        raise TooMany(
            "a code was sent not long ago: wait a little", code="too_many_codes", retry_after=int(seconds) + 1
        )


def send(service: Any, timer: Timer) -> None:
    """Job: make the code and tell it, unless it is for owners of accounts and nobody has the address."""
    database: Database = service.database
    parts: Parts = service.parts
    with database.transaction() as tx:
        tx.cancel_timer(SEND, timer.key)
        row = rows.code(tx.conn, timer.key)
        if row is None or row.expires_at <= tx.now:
            return
        to = Address(row.channel, parts.vault.open(timer.payload["to"], f"{row.id}/to"))
        owners = store.accounts_at(tx.conn, to.channel, parts.vault.indexes(to.key))
        if row.purpose in _FOR_OWNERS and not owners:
            return
        code = f"{secrets.randbelow(10**6):06}"
        if not rows.issue_code(tx, row.id, parts.vault.index(_hashed(row.id, code))):
            return
        tx.send(
            CodeIssued(
                code_id=row.id,
                purpose=row.purpose,
                channel=to.channel,
                to=parts.contacts.seal(to.text, f"{row.id}/to"),
                code=parts.contacts.seal(code, f"{row.id}/code"),
                locale=owners[0].locale if owners and row.purpose in _FOR_OWNERS else timer.payload["locale"],
                expires_at=row.expires_at,
            )
        )


def check(
    database: Database, parts: Parts, purpose: CodePurpose, to: Address, code: str, *, account_id: str | None = None
) -> str:
    """The id of a code that is right, for `spend`; it stays usable until then. A wrong one counts against the newest.

    Raises Invalid (wrong_code), whatever is wrong: the number, its age, its purpose, its owner, or too many tries.
    """
    code_id = find(database, parts, purpose, [to], code, account_id=account_id)
    if code_id is None:
        raise wrong_code()
    return code_id


def find(
    database: Database,
    parts: Parts,
    purpose: CodePurpose,
    addresses: Sequence[Address],
    code: str,
    *,
    account_id: str | None = None,
) -> str | None:
    """As `check`, for a code that was sent to one of several addresses; None if it is wrong."""
    with database.transaction() as tx:  # ends before anybody is refused: a try must count
        right = [_try(tx, parts, purpose, to, code, account_id) for to in addresses]
    return next(filter(None, right), None)


def _try(tx: Tx, parts: Parts, purpose: CodePurpose, to: Address, code: str, account_id: str | None) -> str | None:
    """Somebody else may ask for codes and guess at them: that neither replaces nor burns one that was asked for in this network."""
    for row in rows.newest_codes(tx, parts.vault.indexes(to.key), purpose, account_id, network.get()):
        elsewhere = row.network != network.get()
        burnt = row.tries_elsewhere >= MOST_ELSEWHERE if elsewhere else row.tries >= MOST_TRIES
        if row.used_at or row.expires_at <= tx.now or burnt:
            continue
        if any(hmac.compare_digest(row.code_hash, index) for index in parts.vault.indexes(_hashed(row.id, code))):
            return str(row.id)
        rows.count_try(tx, row.id, elsewhere=elsewhere)
    return None


def spend(tx: Tx, code_id: str) -> None:
    """Use a code up, in the transaction of what it allows. Raises Invalid (wrong_code) if somebody was quicker."""
    if not rows.spend_code(tx, code_id):
        raise wrong_code()


def purge(service: Any, timer: Timer) -> None:
    """Job, daily: forget codes that count for nothing any more."""
    with service.database.transaction() as tx:
        rows.purge_codes(tx, tx.now - _KEPT)
        tx.set_timer(PURGE, timer.key, tx.now + DAY)


def wrong_code() -> Invalid:
    """The one refusal of codes."""
    words = "is wrong, was used, or is too old: ask for another one"
    return Invalid("this code cannot be used", code=WRONG_CODE, errors=[{"field": "code", "message": words}])


def _hashed(code_id: str, code: str) -> str:
    return f"code:{code_id}:{code}"
