"""Passwords are changed by who knows the old one, and reset by who has a proved address of the account."""

from typing import Any

from common.outbox import Database

from user_svc import store
from user_svc.addresses import Address
from user_svc.password_rules import check_password
from user_svc.usecases import codes, lockout
from user_svc.usecases.contacts import proved, warn
from user_svc.usecases.logins import end_all
from user_svc.usecases.owners import account_of, choose, no_account, prove_owner
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import note


def change_password(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    new_password: str,
    old_password: str | None = None,
    own_code: str | None = None,
    login_id: str = "",
    source: str = "",
    device: str = "",
) -> None:
    """Give an account another password, or its first; all its logins end but the one that asks (login_id).

    Raises Invalid, and what `owners.prove_owner` raises.
    """
    with database.reading() as conn:
        row = store.account(conn, account_id)
    if row is None:
        raise no_account()
    _check(parts, row, new_password)
    proof = prove_owner(
        database,
        parts,
        account_id,
        password=old_password,
        code=own_code,
        names=("old_password", "own_code"),
        source=source,
        device=device,
    )
    hashed = parts.passwords.hash(new_password)
    with database.transaction() as tx:
        row = proof.use(tx, parts)
        store.change_account(tx, account_id, {"password_hash": hashed})
        end_all(tx, account_id, but=login_id)
        note(tx, "password_changed", actor=account_id, about=account_id, hospital_id=row.hospital_id)
        warn(tx, parts, account_id, "password_changed", device=device)


def reset_password(
    database: Database,
    parts: Parts,
    to: Address,
    *,
    code: str,
    new_password: str,
    username: str | None = None,
    device: str = "",
) -> None:
    """Give the account that has this address another password; all its logins end, and its lock-out.

    Raises Invalid (wrong_code, or for the password) and Conflict (several_accounts); the code is spent by success alone.
    """
    code_id = codes.check(database, parts, "reset", to, code)
    with database.reading() as conn:
        found = choose(store.accounts_at(conn, to.channel, parts.vault.indexes(to.key)), username)
    _check(parts, found, new_password)
    hashed = parts.passwords.hash(new_password)
    with database.transaction() as tx:
        row = store.account(tx.conn, found.id, lock=True)
        has = proved(row, parts.vault, to.channel) if row is not None else None
        if has is None or has.key != to.key:  # given up while we made the hash
            raise codes.wrong_code()
        codes.spend(tx, code_id)
        store.change_account(tx, row.id, {"password_hash": hashed})
        end_all(tx, row.id)
        lockout.forgive(tx, parts, row)
        note(tx, "password_reset", about=row.id, hospital_id=row.hospital_id, by=to.channel)
        warn(tx, parts, row.id, "password_reset", device=device)


def _check(parts: Parts, row: Any, password: str) -> None:
    account = account_of(row, parts.vault)
    about = [account.username, account.email, account.phone or ""]
    check_password(password, shortest=parts.shortest_password, about=about, field="new_password")
