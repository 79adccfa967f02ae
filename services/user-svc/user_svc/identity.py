"""What identifies a person: documents, phone numbers, and how they are shown (never in clear).

The resident ID number is GB 11643: six digits of region, eight of the birth date, three of order (odd: a man), one check digit.
The residence permits of people from Hong Kong, Macau and Taiwan (since 2018) and the foreigners' permanent residence card (of
2023, National Immigration Administration: 9, province, country) are built alike. python-stdnum knows the check digit of all of
them, and none of the travel permits.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from stdnum.cn import ric
from stdnum.exceptions import ValidationError

from user_svc.domain import Sex, bad

ID_TYPES = ("resident_id", "passport", "permit")

_PROVINCES = frozenset(
    [*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83]
)
_OLDEST_YEARS = 130

_BUILT_ALIKE = re.compile(r"[0-9]{17}[0-9X]")
_LIKE_AN_ID = re.compile(r"[0-9]{17}.")
_FOREIGNER = "9"
_RESIDENCE_PERMITS = ("810000", "820000", "830000")
_PASSPORT = re.compile(r"[A-Z0-9]{5,17}")
_PERMIT = re.compile(r"[A-Z0-9]{8,18}")
_HOME_RETURN = re.compile(r"[HM][0-9]+")
"""港澳居民来往内地通行证: H or M, eight digits of the person, and on older cards two that count the cards."""
_HOME_RETURN_DIGITS, _PERSONAL = (8, 10), 9
_MAINLAND_PHONE = re.compile(r"(?:\+?86)?(1[3-9]\d{9})", re.ASCII)
_FOREIGN_PHONE = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_SEPARATORS = re.compile(r"[ \-()]")


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a person beside the number; None: nobody has said."""

    born: date | None = field(default=None, repr=False)
    sex: Sex | None = None


def check_id_number(id_type: str, given: str, today: date) -> str:
    """The number in its one written form. Raises Invalid naming the field. `today` is the date in Beijing."""
    check = _CHECKS.get(id_type)
    if check is None:
        raise bad("id_type", f"must be one of: {', '.join(ID_TYPES)}")
    return check(given.strip().upper(), today)


def _resident_id(number: str, today: date) -> str:
    # Not ric.validate(): it wants the county to have existed in the year of birth, and refuses people whose number was
    # given to them later, when they first registered.
    if not _BUILT_ALIKE.fullmatch(number):
        raise bad("id_number", "18 digits, the last may be X")
    _check_digit(number)
    if int(number[:2]) not in _PROVINCES:
        raise bad("id_number", "no such region")
    _check_birth_date(number, today)
    return number


def _check_digit(number: str) -> None:
    if number[-1] != ric.calc_check_digit(number):
        raise bad("id_number", "the check digit does not fit: please look at it again")


def _check_birth_date(number: str, today: date) -> None:
    born = told_by(number).born
    if born is None or not _possible(born, today):
        raise bad("id_number", "no such date of birth")


def _possible(born: date, today: date) -> bool:
    return born <= today and born.year >= today.year - _OLDEST_YEARS


def _passport(number: str, _today: date) -> str:
    if not _PASSPORT.fullmatch(number) or not any(c.isdigit() for c in number):
        raise bad("id_number", "a passport's number has 5 to 17 letters and digits")
    return number


def _permit(number: str, today: date) -> str:
    """Strict where the form is known: another form is another authority's, of which any may come."""
    if not _PERMIT.fullmatch(number) or not any(c.isdigit() for c in number):
        raise bad("id_number", "a permit's number has 8 to 18 letters and digits")
    if _LIKE_AN_ID.fullmatch(number):
        _check_digit(number)
        if not number.startswith((_FOREIGNER, *_RESIDENCE_PERMITS)):
            raise bad("id_number", "no such permit; the number of a resident ID is a resident_id")
        _check_birth_date(number, today)
    elif _HOME_RETURN.fullmatch(number) and len(number) - 1 not in _HOME_RETURN_DIGITS:
        raise bad("id_number", "H or M, and 8 digits (10 on older cards)")
    return number


_CHECKS: dict[str, Callable[[str, date], str]] = {"resident_id": _resident_id, "passport": _passport, "permit": _permit}


def told_by(number: str) -> About:
    """What a number itself tells of its owner, where it is built as GB 11643 says."""
    if not _BUILT_ALIKE.fullmatch(number):
        return About()
    try:
        born = ric.get_birth_date(number)
    except ValidationError:
        return About()
    return About(born, "male" if int(number[16]) % 2 else "female")


def check_about(number: str, born: date | None, sex: Sex | None, today: date) -> About:
    """What is known of the owner of a checked number. Raises Invalid naming the field that cannot be, or says otherwise than the
    number does.
    """
    told = told_by(number)
    if born is not None and told.born not in (None, born):
        raise bad("birth_date", "does not agree with the document's number")
    if sex is not None and told.sex not in (None, sex):
        raise bad("sex", "does not agree with the document's number")
    if born is not None and not _possible(born, today):
        raise bad("birth_date", "no such date of birth")
    return About(told.born or born, told.sex or sex)


def written_forms(id_type: str, number: str) -> list[str]:
    """The texts by which this document's owner may be known, today's first: one document is one person, whichever type it was
    given as, and however often it was renewed.
    """
    plain = f"{id_type}:{number}"
    if _BUILT_ALIKE.fullmatch(number) and number.startswith(_RESIDENCE_PERMITS):
        return [f"resident_id:{number}", f"permit:{number}"]
    if id_type == "permit" and _HOME_RETURN.fullmatch(number) and len(number) > _PERSONAL:
        return [f"permit:{number[:_PERSONAL]}", plain]
    return [plain]


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
