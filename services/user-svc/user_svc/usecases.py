"""What user-svc can do: one function each."""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from common.clock import SHANGHAI
from common.errors import Conflict, NotFound, Unauthenticated
from common.ids import mint
from common.messages import PatientSaved, UserRegistered
from common.outbox import Database, Tx

from user_svc import domain, identity, store
from user_svc.domain import Account, Patient
from user_svc.limiter import Limiter
from user_svc.passwords import Passwords
from user_svc.vault import Vault

ANYTHING: Any = object()
"""A field that is not to be changed."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the use cases need beyond the database. `sign(account, now)` makes an access token; lives are in seconds."""

    vault: Vault
    passwords: Passwords
    limiter: Limiter
    sign: Callable[[Account, float], str]
    access_seconds: int
    refresh_seconds: int


@dataclass(frozen=True, slots=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int


# --- accounts --------------------------------------------------------------------------------------------------------


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
) -> Account:
    """Make an account. Raises Conflict (username_taken) or Invalid."""
    name, key = domain.check_username(username), domain.username_key(username)
    domain.check_password(password, name)
    granted, language = domain.check_roles(roles, hospital_id), domain.check_locale(locale)
    number = identity.check_phone(phone) if phone else None
    with database.reading() as conn:
        if store.account_by_key(conn, key):
            raise _taken()
    password_hash = parts.passwords.hash(password)
    with database.transaction() as tx:
        account = Account(mint("acc"), name, email, number, language, granted, hospital_id, tx.now)
        values = {
            "id": account.id,
            "username": name,
            "username_key": key,
            "email": email,
            "phone_sealed": _seal_phone(parts.vault, account.id, number),
            "password_hash": password_hash,
            "locale": language,
            "roles": " ".join(granted),
            "hospital_id": hospital_id,
            "created_at": tx.now,
        }
        if not store.add_account(tx, values):
            raise _taken()
        tx.send(UserRegistered(account_id=account.id, username=name, locale=language))
    return account


def ensure_account(
    database: Database,
    parts: Parts,
    *,
    username: str,
    password: str,
    email: str = "",
    roles: Sequence[str] = (),
    hospital_id: str | None = None,
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
                locale=locale,
            )
        except Conflict:  # another process was quicker
            with database.reading() as conn:
                row = store.account_by_key(conn, key)
    account = _account(row, parts.vault)
    if set(roles) <= set(account.roles) and hospital_id == account.hospital_id:
        return account
    if not parts.passwords.verify(row.password_hash, password):
        raise _taken()
    return set_roles(database, parts, account.id, roles=roles, hospital_id=hospital_id)


def get_account(database: Database, parts: Parts, account_id: str) -> Account:
    """Raises NotFound."""
    with database.reading() as conn:
        return _account(store.account(conn, account_id), parts.vault)


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
    database: Database, parts: Parts, account_id: str, *, roles: Sequence[str], hospital_id: str | None
) -> Account:
    """Give an account these roles, in place of those that it had; tokens made from now on carry them.

    Raises NotFound or Invalid.
    """
    granted = domain.check_roles(roles, hospital_id)
    return _change(database, parts, account_id, {"roles": " ".join(granted), "hospital_id": hospital_id})


def _change(database: Database, parts: Parts, account_id: str, values: dict[str, Any]) -> Account:
    with database.transaction() as tx:
        if values and not store.change_account(tx, account_id, values):
            raise _no_account()
        return _account(store.account(tx.conn, account_id), parts.vault)


def _account(row: Any, vault: Vault) -> Account:
    if row is None:
        raise _no_account()
    phone = vault.open(row.phone_sealed, f"{row.id}/phone") if row.phone_sealed else None
    roles = tuple(row.roles.split())
    return Account(row.id, row.username, row.email, phone, row.locale, roles, row.hospital_id, row.created_at)


def _seal_phone(vault: Vault, owner_id: str, phone: str | None) -> str | None:
    return None if phone is None else vault.seal(phone, f"{owner_id}/phone")


def _taken() -> Conflict:
    return Conflict("this username is taken", code="username_taken")


def _no_account() -> NotFound:
    return NotFound("no such account")


# --- logins ----------------------------------------------------------------------------------------------------------


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
    return _tokens(database, parts, _account(row, parts.vault), login_id, secret)


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
    return _tokens(database, parts, _account(row, parts.vault), login_id, renewed)


def _tokens(database: Database, parts: Parts, account: Account, login_id: str, secret: str) -> Tokens:
    return Tokens(parts.sign(account, database.clock().timestamp()), f"{login_id}.{secret}", parts.access_seconds)


def _hash(secret: str) -> str:
    """A fast hash does: what is hashed has 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


# --- patients --------------------------------------------------------------------------------------------------------


def list_patients(database: Database, parts: Parts, account_id: str) -> list[Patient]:
    with database.reading() as conn:
        return [_patient(row, parts.vault) for row in store.patients_of(conn, account_id)]


def add_patient(
    database: Database, parts: Parts, account_id: str, *, name: str, id_type: str, id_number: str, phone: str
) -> Patient:
    """Add a person to book for. Raises Invalid, Conflict (patient_exists, too_many_patients) or NotFound (the account)."""
    today = database.clock().astimezone(SHANGHAI).date()
    number = identity.check_id_number(id_type, id_number, today)
    known_as, reached_at = identity.check_name(name), identity.check_phone(phone)
    index = parts.vault.index(f"{id_type}:{number}")
    with database.transaction() as tx:
        if store.account(tx.conn, account_id, lock=True) is None:
            raise _no_account()
        place = _free_place(store.patients_of(tx.conn, account_id), index)
        added = Patient(mint("pat", account_id), account_id, known_as, id_type, number, reached_at, 1, tx.now)
        values = {
            "id": added.id,
            "account_id": account_id,
            "place": place,
            "id_type": id_type,
            "id_index": index,
            "revision": 1,
            "created_at": tx.now,
            **_sealed(parts.vault, added),
        }
        store.add_patient(tx, values)
        _tell(tx, added)
    return added


def _free_place(others: Sequence[Any], index: str) -> int:
    if any(hmac.compare_digest(row.id_index, index) for row in others):
        raise Conflict("this person is in your list already", code="patient_exists")
    free = set(range(1, domain.MOST_PATIENTS + 1)) - {row.place for row in others}
    if not free:
        raise Conflict(f"an account may have at most {domain.MOST_PATIENTS} people", code="too_many_patients")
    return min(free)


def change_patient(
    database: Database,
    parts: Parts,
    account_id: str,
    patient_id: str,
    *,
    name: str | None = None,
    phone: str | None = None,
) -> Patient:
    """Correct a name or a phone number. The document stays: another document is another person, and numbers that were
    taken for one must not pass to another. Raises NotFound or Invalid.
    """
    with database.transaction() as tx:
        before = _mine(tx, parts.vault, account_id, patient_id)
        after = Patient(
            before.id,
            account_id,
            identity.check_name(name) if name is not None else before.name,
            before.id_type,
            before.id_number,
            identity.check_phone(phone) if phone is not None else before.phone,
            before.revision + 1,
            before.created_at,
        )
        if (after.name, after.phone) == (before.name, before.phone):
            return before
        store.change_patient(tx, patient_id, {"revision": after.revision, **_sealed(parts.vault, after)})
        _tell(tx, after)
    return after


def remove_patient(database: Database, parts: Parts, account_id: str, patient_id: str) -> None:
    """Take a person out of the list; the row stays for what was booked. Raises NotFound."""
    with database.transaction() as tx:
        gone = _mine(tx, parts.vault, account_id, patient_id)
        revision = gone.revision + 1
        store.change_patient(tx, patient_id, {"revision": revision, "place": None, "removed_at": tx.now})
        _tell(tx, gone, revision=revision, removed=True)


def _mine(tx: Tx, vault: Vault, account_id: str, patient_id: str) -> Patient:
    row = store.patient(tx.conn, account_id, patient_id)
    if row is None:
        raise NotFound("no such person in your list")
    return _patient(row, vault)


def _tell(tx: Tx, patient: Patient, *, revision: int | None = None, removed: bool = False) -> None:
    tx.send(
        PatientSaved(
            patient_id=patient.id,
            account_id=patient.account_id,
            revision=revision or patient.revision,
            masked_name=identity.mask_name(patient.name),
            removed=removed,
        )
    )


def _sealed(vault: Vault, patient: Patient) -> dict[str, str]:
    return {
        "name_sealed": vault.seal(patient.name, f"{patient.id}/name"),
        "id_number_sealed": vault.seal(patient.id_number, f"{patient.id}/id_number"),
        "phone_sealed": vault.seal(patient.phone, f"{patient.id}/phone"),
    }


def _patient(row: Any, vault: Vault) -> Patient:
    return Patient(
        row.id,
        row.account_id,
        vault.open(row.name_sealed, f"{row.id}/name"),
        row.id_type,
        vault.open(row.id_number_sealed, f"{row.id}/id_number"),
        vault.open(row.phone_sealed, f"{row.id}/phone"),
        row.revision,
        row.created_at,
    )
