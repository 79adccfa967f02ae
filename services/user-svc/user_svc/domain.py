"""Accounts, roles and the people one books for: what may be said of them. Pure rules."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from common.errors import Invalid

Locale = Literal["zh-CN", "en"]
LOCALES: tuple[Locale, ...] = ("zh-CN", "en")

ROLES = ("patient", "doctor", "registrar", "cashier", "hospital_admin", "operator")
PATIENT, DOCTOR, REGISTRAR, CASHIER, HOSPITAL_ADMIN, OPERATOR = ROLES
HOSPITAL_STAFF = frozenset({DOCTOR, REGISTRAR, CASHIER, HOSPITAL_ADMIN})

MOST_PATIENTS = 4
"""People per account, its holder included (the rule of 就诊人)."""

SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 128
"""In characters. NIST SP 800-63B asks for length and nothing else."""

_USERNAME = re.compile(r"\w[\w.-]{2,63}")


@dataclass(frozen=True, slots=True)
class Account:
    """Who can log in."""

    id: str
    username: str
    email: str
    phone: str | None = field(repr=False)
    locale: Locale
    roles: tuple[str, ...]
    hospital_id: str | None
    doctor_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Patient:
    """A person to book for. Name, number and phone are in clear here, and masked in every answer."""

    id: str
    account_id: str
    name: str = field(repr=False)
    id_type: str
    id_number: str = field(repr=False)
    phone: str = field(repr=False)
    revision: int
    created_at: datetime


def bad(name: str, message: str) -> Invalid:
    """The refusal of one field."""
    return Invalid("some fields are wrong", errors=[{"field": name, "message": message}])


def check_username(given: str) -> str:
    """The name as it is kept (NFKC). Raises Invalid; digits alone are refused, they would be taken for a phone number."""
    name = unicodedata.normalize("NFKC", given)
    if not _USERNAME.fullmatch(name):
        raise bad("username", "3 to 64 letters, digits, points, hyphens or underscores, the first no point or hyphen")
    if name.isdigit():
        raise bad("username", "must not be digits alone")
    return name


def username_key(name: str) -> str:
    """What makes a name unique: Alice, ALICE and ａｌｉｃｅ are one. Folding can undo NFKC, so it is done around it."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def check_password(password: str, username: str) -> None:
    """Raises Invalid for a password that nobody should have."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise bad("password", f"{SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if username_key(password) == username_key(username):
        raise bad("password", "must not be the username")


def check_locale(locale: str) -> Locale:
    if locale not in LOCALES:
        raise bad("locale", f"must be one of: {', '.join(LOCALES)}")
    return locale


def check_roles(wanted: Iterable[str], hospital_id: str | None, doctor_id: str | None) -> tuple[str, ...]:
    """The roles that an account gets: everybody is a patient too. Raises Invalid.

    Staff of a hospital need to know which, and a doctor who she is there; others belong to none, and are none.
    """
    roles = {PATIENT, *wanted}
    if unknown := roles.difference(ROLES):
        raise bad("roles", f"unknown: {', '.join(sorted(unknown))}")
    at_a_hospital = not roles.isdisjoint(HOSPITAL_STAFF)
    if at_a_hospital and not hospital_id:
        raise bad("hospital_id", "doctors, registrars, cashiers and hospital_admins belong to a hospital")
    if hospital_id and not at_a_hospital:
        raise bad("hospital_id", "only doctors, registrars, cashiers and hospital_admins belong to a hospital")
    if (DOCTOR in roles) != bool(doctor_id):
        raise bad("doctor_id", "doctors have one, and nobody else")
    return tuple(role for role in ROLES if role in roles)
