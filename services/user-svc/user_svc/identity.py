"""What identifies a person: documents, phone numbers, and how they are shown (never in clear).

The resident ID number is GB 11643: six digits of region, eight of the birth date, three of order, one check digit.
"""

import re
from collections.abc import Callable
from datetime import date

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from user_svc.domain import bad

ID_TYPES = ("resident_id", "passport", "permit")

_PROVINCES = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83]
)
_OLDEST_YEARS = 130

_PASSPORT = re.compile(r"[A-Z0-9]{5,17}")
_PERMIT = re.compile(r"[A-Z0-9]{8,18}")
_MAINLAND_PHONE = re.compile(r"(?:\+?86)?(1[3-9]\d{9})", re.ASCII)
_FOREIGN_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SEPARATORS = re.compile(r"[ \-()]")


def check_id_number(id_type: str, given: str, today: date) -> str:
    """The number in its one written form. Raises Invalid naming the field. `today` is the date in Beijing."""
    check = _CHECKS.get(id_type)
    if check is None:
        raise bad("id_type", f"must be one of: {', '.join(ID_TYPES)}")
    return check(given.strip().upper(), today)


def _resident_id(number: str, today: date) -> str:
    # Not ric.validate(): it wants the county to have existed in the year of birth, and refuses people whose number was
    # given to them later, when they first registered.
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        raise bad("id_number", "18 digits, the last may be X")
    if number[-1] != ric.calc_check_digit(number):
        raise bad("id_number", "the check digit does not fit: please look at it again")
    if int(number[:2]) not in _PROVINCES:
        raise bad("id_number", "no such region")
    try:
        born = ric.get_birth_date(number)
    except ValidationError as error:
        raise bad("id_number", "no such date of birth") from error
    if born > today or born.year < today.year - _OLDEST_YEARS:
        raise bad("id_number", "no such date of birth")
    return number


def _passport(number: str, _today: date) -> str:
    if not _PASSPORT.fullmatch(number) or not any(c.isdigit() for c in number):
        raise bad("id_number", "a passport's number has 5 to 17 letters and digits")
    return number


def _permit(number: str, _today: date) -> str:
    if not _PERMIT.fullmatch(number) or not any(c.isdigit() for c in number):
        raise bad("id_number", "a permit's number has 8 to 18 letters and digits")
    return number


_CHECKS: dict[str, Callable[[str, date], str]] = {"resident_id": _resident_id, "passport": _passport, "permit": _permit}


def check_phone(given: str) -> str:
    """A mainland mobile number as 11 digits, any other as +<country><number>. Raises Invalid."""
    phone = _SEPARATORS.sub("", given)
    if mainland := _MAINLAND_PHONE.fullmatch(phone):
        return mainland[1]
    if _FOREIGN_PHONE.fullmatch(phone) and not phone.startswith("+86"):
        return phone
    raise bad("phone", "a mobile number of 11 digits, or + and the country's code")


def check_name(given: str) -> str:
    """A person's name without spaces around it. Raises Invalid if it has no letter or characters that do not print."""
    name = " ".join(given.split())
    if not 1 <= len(name) <= 50 or not name.isprintable() or not any(c.isalpha() for c in name):
        raise bad("name", "1 to 50 characters, letters among them")
    return name


def mask_name(name: str) -> str:
    """张三 -> 张*. One star, so that not even the length is told."""
    return f"{name[0]}*"


def mask_id_number(number: str) -> str:
    """110101199003071234 -> 1101**********1234; of a shorter number a quarter stays at each end."""
    shown = min(4, len(number) // 4)
    return f"{number[:shown]}{'*' * (len(number) - 2 * shown)}{number[-shown:]}"


def mask_phone(phone: str) -> str:
    """13812345678 -> 138****5678; at least four digits are hidden, whatever the length."""
    ends = min(4, len(phone) - 4 - 3)
    return f"{phone[:3]}****{phone[len(phone) - ends :] if ends > 0 else ''}"
