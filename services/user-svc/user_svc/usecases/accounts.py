"""Accounts: registering, one's own profile, roles."""

from collections.abc import Sequence
from typing import Any

from common.errors import Conflict, NotFound
from common.ids import mint
from common.messages import UserRegistered
from common.outbox import Database
from common.vault import Vault

from user_svc import domain, identity, store
from user_svc.domain import Account
from user_svc.usecases.parts import Parts

ANYTHING: Any = object()
"""A field that is not to be changed."""


def register(
    database: Database,
    parts: Parts,
    *,
    username: str,
    password: str,
    email: str = "",
    phone: str | None = None,
    locale: str = "zh-CN",
    roles: Sequence[str] = (),
    hospital_id: str | None = None,
    doctor_id: str | None = None,
    request_key: str = "",
) -> Account:
    """Make an account. Raises Conflict (username_taken) or Invalid.

    The same request under the same `request_key` answers the account that it made. The chassis' records of requests
    do not do here: there is no caller yet, and they would keep a fast hash of the password.
    """
    name, language = domain.check_username(username), domain.check_locale(locale)
    domain.check_password(password, name)
    granted, number = domain.check_roles(roles, hospital_id, doctor_id), identity.check_phone(phone) if phone else None
    asked = f"registration:{request_key}:{name}:{email}:{number}:{language}"
    request_index = parts.vault.index(asked) if request_key else None
    if made := _made_before(database, parts, name, password, request_index):
        return made
    password_hash = parts.passwords.hash(password)
    with database.transaction() as tx:
        account = Account(mint("acc"), name, email, number, language, granted, hospital_id, doctor_id, tx.now)
        row = _row(account, parts.vault)
        if not store.add_account(tx, {**row, "password_hash": password_hash, "request_index": request_index}):
            raise _taken()
        tx.send(UserRegistered(account_id=account.id, username=name, locale=language))
    return account


def _made_before(
    database: Database, parts: Parts, name: str, password: str, request_index: str | None
) -> Account | None:
    """The account of this name if this very request made it; None if there is none. Raises Conflict."""
    with database.reading() as conn:
        row = store.account_by_key(conn, domain.username_key(name))
    if row is None:
        return None
    if request_index and row.request_index == request_index and parts.passwords.verify(row.password_hash, password):
        return account_of(row, parts.vault)
    raise _taken()


def ensure_account(
    database: Database,
    parts: Parts,
    *,
    username: str,
    password: str,
    email: str = "",
    roles: Sequence[str] = (),
    hospital_id: str | None = None,
    doctor_id: str | None = None,
    locale: str = "zh-CN",
) -> Account:
    """Make the account unless there is one of that name, and see that it has these roles. For seeds; may be repeated.

    An existing account with the roles is left alone: its owner may have changed the password. Without them it gets
    them only if the password is right, or somebody who took the name first would become an operator. Raises Conflict.
    """
    key = domain.username_key(username)
    with database.reading() as conn:
        row = store.account_by_key(conn, key)
    if row is None:
        try:
            return register(
                database,
                parts,
                username=username,
                password=password,
                email=email,
                roles=roles,
                hospital_id=hospital_id,
                doctor_id=doctor_id,
                locale=locale,
            )
        except Conflict:  # another process was quicker
            with database.reading() as conn:
                row = store.account_by_key(conn, key)
    account = account_of(row, parts.vault)
    if set(roles) <= set(account.roles) and (hospital_id, doctor_id) == (account.hospital_id, account.doctor_id):
        return account
    if not parts.passwords.verify(row.password_hash, password):
        raise _taken()
    return set_roles(database, parts, account.id, roles=roles, hospital_id=hospital_id, doctor_id=doctor_id)


def get_account(database: Database, parts: Parts, account_id: str) -> Account:
    """Raises NotFound."""
    with database.reading() as conn:
        return account_of(store.account(conn, account_id), parts.vault)


def change_account(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    email: str = ANYTHING,
    phone: str | None = ANYTHING,
    locale: str = ANYTHING,
) -> Account:
    """Change what is given of one's own account; a phone of None is taken out. Raises NotFound or Invalid."""
    values: dict[str, Any] = {}
    if email is not ANYTHING:
        values["email"] = email
    if locale is not ANYTHING:
        values["locale"] = domain.check_locale(locale)
    if phone is not ANYTHING:
        number = None if phone is None else identity.check_phone(phone)
        values["phone_sealed"] = _seal_phone(parts.vault, account_id, number)
    return _change(database, parts, account_id, values)


def set_roles(
    database: Database,
    parts: Parts,
    account_id: str,
    *,
    roles: Sequence[str],
    hospital_id: str | None,
    doctor_id: str | None = None,
) -> Account:
    """Give an account these roles, in place of those that it had; tokens made from now on carry them.

    Raises NotFound or Invalid.
    """
    granted = domain.check_roles(roles, hospital_id, doctor_id)
    changed = {"roles": " ".join(granted), "hospital_id": hospital_id, "doctor_id": doctor_id}
    return _change(database, parts, account_id, changed)


def _change(database: Database, parts: Parts, account_id: str, values: dict[str, Any]) -> Account:
    with database.transaction() as tx:
        if values and not store.change_account(tx, account_id, values):
            raise no_account()
        return account_of(store.account(tx.conn, account_id), parts.vault)


def _row(account: Account, vault: Vault) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "username_key": domain.username_key(account.username),
        "email": account.email,
        "phone_sealed": _seal_phone(vault, account.id, account.phone),
        "locale": account.locale,
        "roles": " ".join(account.roles),
        "hospital_id": account.hospital_id,
        "doctor_id": account.doctor_id,
        "created_at": account.created_at,
    }


def account_of(row: Any, vault: Vault) -> Account:
    """The account in a row. Raises NotFound for None."""
    if row is None:
        raise no_account()
    phone = vault.open(row.phone_sealed, f"{row.id}/phone") if row.phone_sealed else None
    roles = tuple(row.roles.split())
    return Account(
        row.id, row.username, row.email, phone, row.locale, roles, row.hospital_id, row.doctor_id, row.created_at
    )


def _seal_phone(vault: Vault, owner_id: str, phone: str | None) -> str | None:
    return None if phone is None else vault.seal(phone, f"{owner_id}/phone")


def _taken() -> Conflict:
    return Conflict("this username is taken", code="username_taken")


def no_account() -> NotFound:
    return NotFound("no such account", code="account_not_found")
