"""Logins: a password for the first tokens, then each refresh token for the next, once."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from common.errors import Unauthenticated
from common.outbox import Database

from user_svc import domain, store
from user_svc.domain import Account
from user_svc.usecases.accounts import account_of
from user_svc.usecases.parts import Parts


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int


def log_in(database: Database, parts: Parts, *, username: str, password: str) -> Tokens:
    """Begin a family of refresh tokens. Raises Unauthenticated, in the same words and after the same work, whether the
    name is unknown or the password wrong.
    """
    with database.reading() as conn:
        row = store.account_by_key(conn, domain.username_key(username))
    right = parts.passwords.verify(row.password_hash if row else None, password)
    if row is None or not right:
        raise Unauthenticated("the username or the password is wrong", code="bad_credentials")
    renewed = parts.passwords.hash(password) if parts.passwords.outdated(row.password_hash) else None
    login_id, secret = secrets.token_hex(12), secrets.token_urlsafe(32)
    with database.transaction() as tx:
        if renewed:
            store.change_account(tx, row.id, {"password_hash": renewed})
        login = {
            "id": login_id,
            "account_id": row.id,
            "token_hash": _hash(secret),
            "created_at": tx.now,
            "refreshed_at": tx.now,
        }
        store.add_login(tx, {**login, "expires_at": tx.now + timedelta(seconds=parts.refresh_seconds)})
    return _tokens(database, parts, account_of(row, parts.vault), login_id, secret)


def refresh(database: Database, parts: Parts, refresh_token: str) -> Tokens:
    """Change a refresh token for a new pair. An old one again means that somebody has a copy: its family ends.

    Raises Unauthenticated.
    """
    login_id, _, secret = refresh_token.partition(".")
    renewed = secrets.token_urlsafe(32)
    with database.transaction() as tx:  # the end of a family must be committed, so the refusal comes after it
        expires_at = tx.now + timedelta(seconds=parts.refresh_seconds)
        account_id = store.rotate_login(tx, login_id, _hash(secret), _hash(renewed), expires_at)
        row = store.account(tx.conn, account_id) if account_id else None
        if row is None:
            store.end_login(tx, login_id)
    if row is None:
        raise Unauthenticated("the refresh token is not valid (any more): log in again", code="refresh_token_invalid")
    return _tokens(database, parts, account_of(row, parts.vault), login_id, renewed)


def _tokens(database: Database, parts: Parts, account: Account, login_id: str, secret: str) -> Tokens:
    return Tokens(parts.sign(account, database.clock().timestamp()), f"{login_id}.{secret}", parts.access_seconds)


def _hash(secret: str) -> str:
    """A fast hash does: what is hashed has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
