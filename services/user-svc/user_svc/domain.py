"""Accounts, roles and the people one books for: what may be said of them. Pure rules."""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from common.errors import Invalid
from common.ids import fingerprint

Locale = Literal["zh-CN", "en"]
LOCALES: tuple[Locale, ...] = ("zh-CN", "en")
Sex = Literal["female", "male"]
SEXES: tuple[Sex, ...] = ("female", "male")

ROLES = ("patient", "doctor", "registrar", "cashier", "hospital_admin", "board", "operator")
PATIENT, DOCTOR, REGISTRAR, CASHIER, HOSPITAL_ADMIN, BOARD, OPERATOR = ROLES
PEOPLE = tuple(role for role in ROLES if role != BOARD)
"""A board is a screen on a wall: it shows queues, and has nobody to book for, no address and nothing to be told."""
HOSPITAL_STAFF = frozenset({DOCTOR, REGISTRAR, CASHIER, HOSPITAL_ADMIN, BOARD})

MOST_PATIENTS = 4
"""People per account, its holder included (the rule of 就诊人)."""

MOST_A_YEAR, YEAR = 12, timedelta(days=365)
"""Different people that one account may put into its list within 365 days: lists are families, not a way to ask about strangers."""

CHILD, GROWN_UP = 14, 18
"""In years: younger, a guardian answers for her data (PIPL, article 31); from then on she may be one (Civil Code, article 17)."""

MOST_SHARING = 2
"""Accounts that one e-mail address or phone number may serve."""

SHORTEST_PASSWORD, SHORTEST_ALONE, LONGEST_PASSWORD = 8, 15, 128
"""In characters. NIST SP 800-63B-4 (3.1.1.2) wants 15 where the password is all that is asked for, which it is here: production
has it so.
"""

_USERNAME = re.compile(r"\w[\w.-]{2,63}")


@dataclass(frozen=True, slots=True)
class Account:
    """Who can log in."""

    id: str
    username: str
    email: str = field(repr=False)
    email_verified: bool
    phone: str | None = field(repr=False)
    phone_verified: bool
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
    born: date | None = field(default=None, repr=False)
    sex: Sex | None = None
    guardian_id: str | None = None
    """Who answers for a child: another patient of the same account."""


def age(born: date, today: date) -> int:
    """In whole years; who was born on 29 February is a year older on 1 March."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def is_child(born: date | None, today: date) -> bool:
    """True if she needs a guardian. Of whom nobody knows when she was born, she is taken for a grown-up."""
    return born is not None and age(born, today) < CHILD


def is_grown_up(born: date | None, today: date) -> bool:
    """True if she may be a guardian, and has none. Of whom nobody knows when she was born, she is taken for one."""
    return born is None or age(born, today) >= GROWN_UP


def bad(name: str, message: str) -> Invalid:
    """The refusal of one field."""
    return Invalid("some fields are wrong", errors=[{"field": name, "message": message}])


def check_username(given: str) -> str:
    """The name as it is kept (NFKC), of who registers. Raises Invalid; digits and what stands between them are refused: they would
    be taken for a phone number.
    """
    name = unicodedata.normalize("NFKC", given)
    if not is_username(name):
        raise bad("username", "3 to 64 letters, digits, points, hyphens or underscores, the first no point or hyphen")
    if not any(c.isalpha() for c in name):
        raise bad("username", "must have letters: a number would be taken for a phone's")
    return name


def is_username(given: str) -> bool:
    """True of what may be a username: 138-1234-5678, too, is that of somebody who registered long ago."""
    name = unicodedata.normalize("NFKC", given)
    return _USERNAME.fullmatch(name) is not None and not name.isdigit()


def username_key(name: str) -> str:
    """What makes a name unique: Alice, ALICE and ａｌｉｃｅ are one. Folding can undo NFKC, so it is done around it."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def reserved_key(username_key: str) -> str:
    """What stands for the name of an account that has ended: nobody else gets it, and nobody can read it. No name is like that."""
    return f"ended:{fingerprint(username_key.encode())}"


def one_form(password: str) -> str:
    """A password as it is hashed: NFKC (UAX 15), so that every keyboard writes the same one."""
    return unicodedata.normalize("NFKC", password)


def check_locale(locale: str) -> Locale:
    if locale not in LOCALES:
        raise bad("locale", f"must be one of: {', '.join(LOCALES)}")
    return locale


def check_roles(wanted: Collection[str], hospital_id: str | None, doctor_id: str | None) -> tuple[str, ...]:
    """The roles that an account gets: everybody is a patient too, but a screen on a wall is nothing else. Raises Invalid.

    Staff of a hospital need to know which, and a doctor who she is there; others belong to none, and are none.
    """
    roles = {*wanted} if BOARD in wanted else {PATIENT, *wanted}
    if unknown := roles.difference(ROLES):
        raise bad("roles", f"unknown: {', '.join(sorted(unknown))}")
    if BOARD in roles and len(roles) > 1:
        raise bad("roles", "a board is a screen on a wall, and nothing else")
    at_a_hospital = not roles.isdisjoint(HOSPITAL_STAFF)
    if at_a_hospital and not hospital_id:
        raise bad("hospital_id", "doctors, registrars, cashiers, hospital_admins and boards belong to a hospital")
    if hospital_id and not at_a_hospital:
        raise bad("hospital_id", "only doctors, registrars, cashiers, hospital_admins and boards belong to a hospital")
    if (DOCTOR in roles) != bool(doctor_id):
        raise bad("doctor_id", "doctors have one, and nobody else")
    return tuple(role for role in ROLES if role in roles)
