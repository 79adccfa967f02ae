"""Accounts: registering, one's own profile, roles."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from common.errors import Conflict, Invalid
from common.ids import mint
from common.messages import UserRegistered
from common.outbox import Database, Tx

from user_svc import addresses, domain, identity, store
from user_svc.addresses import Address, Channel
from user_svc.domain import Account
from user_svc.password_rules import check_password
from user_svc.usecases import codes, contacts
from user_svc.usecases.owners import account_of, no_account
from user_svc.usecases.parts import Parts
from user_svc.usecases.trail import note

ANYTHING: Any = object()
"""A field that is not to be changed."""


def register(
    database: Database,
    parts: Parts,
    *,
    username: str | None = None,
    password: str | None = None,
    email: str = "",
    phone: str | None = None,
    code: str | None = None,
    locale: str = "zh-CN",
    roles: Sequence[str] = (),
    hospital_id: str | None = None,
    doctor_id: str | None = None,
    request_key: str = "",
) -> Account:
    """Make an account: by a username and a password, or by an address and the code that proves it.

    The same request under the same `request_key` answers the account that it made.
    Raises Invalid (also wrong_code) and Conflict: username_taken; contact_taken, to who has the code.
    """
    to, number = _to_prove(email, phone) if code else None, identity.check_phone(phone) if phone else None
    language, granted = domain.check_locale(locale), domain.check_roles(roles, hospital_id, doctor_id)
    asked = f"registration:{request_key}:{username}:{email}:{number}:{language}:{code}"
    request_index = parts.vault.index(asked) if request_key else None
    name = domain.check_username(username) if username else _made_up(request_index)
    if password:
        check_password(password, shortest=parts.shortest_password, about=[username or "", email, number or ""])
    if made := _made_before(database, parts, name, password, request_index):
        return made
    values = {"username": name, "locale": language, "request_index": request_index, "roles": " ".join(granted)}
    values |= {"hospital_id": hospital_id, "doctor_id": doctor_id}
    values["password_hash"] = parts.passwords.hash(password) if password else ""
    try:
        code_id = codes.check(database, parts, "register", to, code) if to and code else None
        with database.transaction() as tx:
            return add(tx, parts, values, [email, number or ""], to, code_id)
    except (Conflict, Invalid):  # or the same request was under way, and has taken the name or the code a moment ago
        if made := _made_before(database, parts, name, password, request_index):
            return made
        raise


def _to_prove(email: str, phone: str | None) -> Address:
    if email and phone:
        raise domain.bad("code", "proves one address: give an email or a phone")
    if not email and not phone:
        raise domain.bad("email", "or a phone is needed: what the code was sent to")
    return addresses.email(email) if email else addresses.phone(phone or "")


def _made_up(request_index: str | None) -> str:
    """A name for who wants none: the same for the same request, so that its repetition finds the account."""
    return f"u{request_index[:16] if request_index else secrets.token_hex(8)}"


def add(
    tx: Tx,
    parts: Parts,
    values: dict[str, Any],
    given: Sequence[str] = ("", ""),
    to: Address | None = None,
    code_id: str | None = None,
    actor: str | None = None,
) -> Account:
    """Add the account and tell of it. given: its e-mail address and phone number; what the code has proved is `to`; actor: who
    makes it, if it is not its owner. Raises Conflict (username_taken).
    """
    account_id, name = mint("acc"), values["username"]
    for channel, text in zip(contacts.NAMES, given, strict=True):
        values |= contacts.unproved(parts.vault, account_id, channel, text)
    if to and code_id:
        codes.spend(tx, code_id)
        values |= contacts.claim(tx, parts, account_id, to)
    key = domain.username_key(name)
    made = {"id": account_id, "username_key": key, "email": "", "created_at": tx.now}
    if store.is_reserved(tx.conn, domain.reserved_key(key)) or not store.add_account(tx, values | made):
        raise _taken()
    contacts.tell(tx, parts, account_id)
    tx.send(UserRegistered(account_id=account_id, username=name, locale=values["locale"]))
    by, hospital_id = to.channel if to else "username", values["hospital_id"]
    note(tx, "registered", actor=actor or account_id, about=account_id, hospital_id=hospital_id, by=by)
    return account_of(store.account(tx.conn, account_id), parts.vault)


def _made_before(
    database: Database, parts: Parts, name: str, password: str | None, request_index: str | None
) -> Account | None:
    """The account of this name if this very request made it; None if there is none. Raises Conflict.

    The chassis' records of requests do not do here: there is no caller yet, and they would keep a fast hash of the password.
    """
    with database.reading() as conn:
        row = store.account_by_key(conn, domain.username_key(name))
    if row is None:
        return None
    if not request_index or row.request_index != request_index:
        raise _taken()
    if not (parts.passwords.verify(row.password_hash, password) if password else not row.password_hash):
        raise _taken()
    return account_of(row, parts.vault)


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
    wanted: dict[str, Any] = {"roles": roles, "hospital_id": hospital_id, "doctor_id": doctor_id}
    key = domain.username_key(username)
    with database.reading() as conn:
        row = store.account_by_key(conn, key)
    if row is None:
        try:
            return register(database, parts, username=username, password=password, email=email, locale=locale, **wanted)
        except Conflict:  # another process was quicker
            with database.reading() as conn:
                row = store.account_by_key(conn, key)
    account = account_of(row, parts.vault)
    if set(roles) <= set(account.roles) and (hospital_id, doctor_id) == (account.hospital_id, account.doctor_id):
        return account
    if not parts.passwords.verify(row.password_hash, password):
        raise _taken()
    return _raise(database, parts, account.id, **wanted)


def _raise(
    database: Database,
    parts: Parts,
    account_id: str,
    roles: Sequence[str],
    hospital_id: str | None,
    doctor_id: str | None,
) -> Account:
    granted = domain.check_roles(roles, hospital_id, doctor_id)
    with database.transaction() as tx:
        changed = {"roles": " ".join(granted), "hospital_id": hospital_id, "doctor_id": doctor_id}
        store.change_account(tx, account_id, changed)
        note(tx, "roles_changed", about=account_id, hospital_id=hospital_id, roles=list(granted))
        return account_of(store.account(tx.conn, account_id), parts.vault)


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
    """Change what is given of one's own account; a phone of None is taken out. Raises NotFound, Invalid, and Conflict
    (contact_verified): an address that is proved gives way to another one that is.
    """
    wanted: dict[Channel, str | None] = {}
    if email is not ANYTHING:
        wanted["email"] = email
    if phone is not ANYTHING:
        wanted["sms"] = None if phone is None else identity.check_phone(phone)
    language = None if locale is ANYTHING else domain.check_locale(locale)
    with database.transaction() as tx:
        row = store.account(tx.conn, account_id, lock=True)
        if row is None:
            raise no_account()
        values = _unproved(parts, row, wanted)
        if language not in (None, row.locale):
            values["locale"] = language
        if values:
            store.change_account(tx, account_id, values)
        if "locale" in values:
            contacts.tell(tx, parts, account_id)
        return account_of(store.account(tx.conn, account_id), parts.vault)


def _unproved(parts: Parts, row: Any, wanted: Mapping[Channel, str | None]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for channel, text in wanted.items():
        proved = contacts.proved(row, parts.vault, channel)
        if proved is None:
            values |= contacts.unproved(parts.vault, row.id, channel, text)
        elif text is None or Address(channel, text).key != proved.key:
            raise Conflict("this address is proved: put another one that is in its place", code="contact_verified")
    return values


def _taken() -> Conflict:
    return Conflict("this username is taken", code="username_taken")
