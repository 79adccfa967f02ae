"""Logins: a password or a code for the first tokens, then each refresh token for the next, once.

A login is a family of refresh tokens, of which the newest is good. An older one means that somebody has a copy (RFC 9700,
4.14.2): the family ends, whoever holds it, and its owner is told. But answers get lost on the way to telephones, and who
did not get one comes back with the old token. She gets the same answer again if she is back within `AGAIN`, with the same
device, from the same network, and while the newest token has not been used: it follows from the old one under our key, so
there are never two that are good. A thief gains nothing by that which the token was not good for a moment before, and is
found out as ever when both go on.

The access tokens of a login that has ended are good until they expire: services ask nobody.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from common.errors import NotFound, Unauthenticated
from common.outbox import Database, Tx
from common.outbox.timers import Timer

from user_svc import domain, store
from user_svc.addresses import Address
from user_svc.store import failures
from user_svc.store import logins as rows
from user_svc.usecases import codes, lockout, trail
from user_svc.usecases.contacts import proved, warn
from user_svc.usecases.owners import account_of, choose
from user_svc.usecases.parts import Parts

AGAIN = timedelta(minutes=1)
"""Longer than all tries of our pages together, each of which may lose its answer (web/src/api/send.ts, session.ts)."""

PURGE = "purge_logins"
"""A timer."""

_OLD_HANDLE = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Login:
    id: str
    device: str
    network: str
    created_at: datetime
    last_used_at: datetime


def log_in(
    database: Database, parts: Parts, *, username: str, password: str, source: str = "", device: str = ""
) -> Tokens:
    """Log in by a username, or by an e-mail address or phone number that is proved, and the account's password.

    source: the address that asks. device: what it is, in a few words. Raises TooMany as `lockout.admit` does, and
    Unauthenticated (bad_credentials) in the same words and after the same work, whether there is such an account or not.
    """
    candidates = _called(database, parts, username)
    key = lockout.key_of(database, parts, username, candidates)
    tries = lockout.admit(database, parts, key, source)
    found = _whose(parts, candidates, password)
    if found is None:
        lockout.failed(database, parts, key, source, tries=tries, rows=candidates, device=device)
        raise _wrong()
    renewed = parts.passwords.hash(password) if parts.passwords.outdated(found.password_hash) else None
    with database.transaction() as tx:
        row = store.account(tx.conn, found.id, lock=True)
        if row is None or row.password_hash != found.password_hash:  # changed while we looked at the old one
            raise _wrong()
        if renewed:
            store.change_account(tx, row.id, {"password_hash": renewed})
        return _begin(tx, parts, row, device, by="password")


def log_in_by_code(
    database: Database, parts: Parts, to: Address, *, code: str, username: str | None = None, device: str = ""
) -> Tokens:
    """Log in by a code that was sent to an address which the account's owner has proved.

    Raises Invalid (wrong_code), and Conflict (several_accounts) if two accounts have the address and no username says which:
    only who has the code hears of that, and it is still good.
    """
    code_id = codes.check(database, parts, "login", to, code)
    with database.transaction() as tx:
        having = store.accounts_at(tx.conn, to.channel, parts.vault.indexes(to.key))
        row = store.account(tx.conn, choose(having, username).id, lock=True)
        has = proved(row, parts.vault, to.channel) if row is not None else None
        if has is None or has.key != to.key:  # given up, or ended, a moment ago
            raise codes.wrong_code()
        codes.spend(tx, code_id)
        return _begin(tx, parts, row, device, by="code")


def _called(database: Database, parts: Parts, username: str) -> list[Any]:
    """The accounts that this may be the login name of, the oldest first."""
    to = lockout.called(username)
    with database.reading() as conn:
        if to:
            return list(store.accounts_at(conn, to.channel, parts.vault.indexes(to.key)))[: domain.MOST_SHARING]
        row = store.account_by_key(conn, domain.username_key(username))
    return [row] if row else []


def _whose(parts: Parts, candidates: Sequence[Any], password: str) -> Any:
    """The first account whose password it is, or None; after as many verifications as there can be accounts."""
    stored = [*(row.password_hash for row in candidates), *[None] * domain.MOST_SHARING][: domain.MOST_SHARING]
    right = [parts.passwords.verify(password_hash, password) for password_hash in stored]
    return next((row for row, is_right in zip(candidates, right, strict=False) if is_right), None)


def _begin(tx: Tx, parts: Parts, row: Any, device: str, *, by: str) -> Tokens:
    """A new family for an account whose owner has shown that it is she."""
    handle, secret = secrets.token_hex(12), secrets.token_urlsafe(32)
    lockout.forgive(tx, parts, row)
    login = {"id": _id_of(handle), "account_id": row.id, "created_at": tx.now}
    rows.add_login(tx, {**login, **_renewed(tx, parts, secret, device)})
    trail.note(tx, "logged_in", actor=row.id, about=row.id, hospital_id=row.hospital_id, by=by)
    return _tokens(tx, parts, row, login["id"], handle, secret)


def refresh(database: Database, parts: Parts, refresh_token: str, *, device: str = "") -> Tokens:
    """Change a refresh token for a new pair; the access token has the roles that the account has now.

    Raises Unauthenticated. An old token ends its family, but for an answer that was lost: see above.
    """
    handle, _, secret = refresh_token.partition(".")
    following = parts.vault.index(f"refresh:{handle}:{secret}")
    with database.transaction() as tx:  # the end of a family must be committed, so the refusal comes after it
        renewed = _renewed(tx, parts, following, device)
        found = rows.rotate_login(tx, _ids_of(handle), _hash(secret), renewed)
        found = found or _lost_answer(tx, handle, following, device)
        row = store.account(tx.conn, found.account_id) if found else None
        if found and row is None:
            rows.end_logins(tx, [found.id])
        if row is not None:
            return _tokens(tx, parts, row, found.id, handle, following)
        if found is None and (login := rows.login(tx, _ids_of(handle))):
            _end_copied(tx, parts, login, device)
    raise Unauthenticated("the refresh token is not valid (any more): log in again", code="refresh_token_invalid")


def _lost_answer(tx: Tx, handle: str, following: str, device: str) -> Any:
    """The login that was renewed a moment ago with what follows from this token, by the same device in the same network."""
    login = rows.login(tx, _ids_of(handle))
    if login is None or _hash(following) != login.token_hash or tx.now - login.refreshed_at > AGAIN:
        return None
    return login if (login.device, login.network) == (device, trail.network.get()) else None


def _end_copied(tx: Tx, parts: Parts, login: Any, device: str) -> None:
    rows.end_logins(tx, [login.id])
    trail.note(tx, "token_reused", about=login.account_id, login=login.id)
    warn(tx, parts, login.account_id, "token_reused", device=device)


def log_out(database: Database, refresh_token: str) -> None:
    """End the login that a refresh token, new or old, belongs to. What is none ends nothing, and nobody is told that."""
    with database.transaction() as tx:
        login = rows.login(tx, _ids_of(refresh_token.partition(".")[0]))
        if login:
            _end_one(tx, login)


def end_login(database: Database, account_id: str, login_id: str) -> None:
    """End one of one's own logins. Raises NotFound."""
    with database.transaction() as tx:
        login = rows.login(tx, [login_id])
        if login is None or login.account_id != account_id:
            raise NotFound("there is no such login", code="login_not_found")
        _end_one(tx, login)


def _end_one(tx: Tx, login: Any) -> None:
    rows.end_logins(tx, [login.id])
    trail.note(tx, "logged_out", actor=login.account_id, about=login.account_id, login=login.id)


def log_out_everywhere(database: Database, parts: Parts, account_id: str, *, device: str = "") -> None:
    """End all of one's own logins."""
    with database.transaction() as tx:
        if end_all(tx, account_id):
            trail.note(tx, "logins_ended", actor=account_id, about=account_id)
            warn(tx, parts, account_id, "logins_ended", device=device)


def end_all(tx: Tx, account_id: str, *, but: str = "") -> int:
    """End an account's logins, but for one if it is given (`principal().login_id`); answers how many."""
    return rows.end_logins(tx, [row.id for row in rows.logins_of(tx.conn, account_id, tx.now) if row.id != but])


def list_logins(database: Database, account_id: str, after: Sequence[Any] | None, limit: int) -> list[Login]:
    """An account's logins that live, the newest first. after: `created_at` and id of the last one that was shown."""
    with database.reading() as conn:
        found = rows.logins_of(conn, account_id, database.clock(), after, limit)
    return [Login(row.id, row.device, row.network, row.created_at, row.refreshed_at) for row in found]


def purge(tx: Tx, timer: Timer) -> None:
    """Timer, daily: forget the logins that are over, and the names that nobody tries any more."""
    rows.purge(tx)
    failures.purge(tx, tx.now - lockout.FORGOTTEN)
    tx.set_timer(PURGE, timer.key, tx.now + timedelta(days=1))


def _renewed(tx: Tx, parts: Parts, secret: str, device: str) -> dict[str, Any]:
    return {
        "token_hash": _hash(secret),
        "refreshed_at": tx.now,
        "expires_at": tx.now + timedelta(seconds=parts.refresh_seconds),
        "device": device,
        "network": trail.network.get(),
    }


def _tokens(tx: Tx, parts: Parts, row: Any, login_id: str, handle: str, secret: str) -> Tokens:
    access_token = parts.sign(account_of(row, parts.vault), login_id, tx.now.timestamp())
    return Tokens(access_token, f"{handle}.{secret}", parts.access_seconds)


def _id_of(handle: str) -> str:
    """The id of the login whose tokens begin with `handle`. Ids are shown; a handle has who had a token of the family."""
    return f"log_{_hash(handle)[:24]}"


def _ids_of(handle: str) -> list[str]:
    """As `_id_of`. Of logins from before ids were shown, the handle was the id."""
    return [_id_of(handle), *([handle] if _OLD_HANDLE.fullmatch(handle) else [])]


def _hash(secret: str) -> str:
    """A fast hash does: what is hashed cannot be guessed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _wrong() -> Unauthenticated:
    return Unauthenticated("the username or the password is wrong", code="bad_credentials")
