"""What may be a password: NIST SP 800-63B-4, section 3.1.1.2.

Length counts, and nothing is asked of its composition. Refused is what an attacker tries first: what many people use, what
follows from who one is and where, what runs on by itself. All of it takes time in proportion to the length.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import pairwise

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from user_svc.domain import LONGEST_PASSWORD, bad, one_form

SERVICE_WORDS = ("haoyuan", "号源")

_ROWS = ("qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "1234567890-=")
_BESIDE = frozenset(pair for row in _ROWS for a, b in pairwise(row) for pair in (a + b, b + a))
_DECORATION = re.compile(r"\A[\W\d_]+|[\W\d_]+\Z")
_WORDS = re.compile(r"[^\W_]+")
_SHORTEST_WORD = 3  # characters; in shorter ones of a name there is nothing to recognise


def check_password(password: str, *, shortest: int, about: Iterable[str] = (), field: str = "password") -> None:
    """Raises Invalid, naming `field`, for a password that nobody should have.

    shortest: in characters. about: what is known of its owner: the username, addresses.
    """
    text = one_form(password)
    if not shortest <= len(text) <= LONGEST_PASSWORD:
        raise bad(field, f"{shortest} to {LONGEST_PASSWORD} characters; several words do well")
    if any(unicodedata.category(c) in {"Cn", "Cc"} for c in text):
        # what is unassigned today may get another normal form one day (UAX 15, stabilized strings)
        raise bad(field, "has a character that not every device types alike")
    folded, enough = text.casefold(), (shortest + 1) // 2
    if _is_common(folded, enough):
        raise bad(field, "is one of the passwords that are tried first")
    rest = _without(folded, about)
    if rest != folded and _new_characters(rest) < enough:
        raise bad(field, "is made of your name, your address or the name of this service")
    if _new_characters(_unit(folded)) < enough:
        raise bad(field, "repeats itself, or is a run such as 12345 or qwerty")


def _is_common(folded: str, enough: int) -> bool:
    """True for a common password, also if it is repeated, or all there is beside it are separators and runs."""
    common, core = _common(), _DECORATION.sub("", folded)
    if not common.isdisjoint({folded, _unit(folded), "".join(_WORDS.findall(folded))}):
        return True
    return _unit(core) in common and _new_characters(folded.replace(core, "")) < enough


@cache
def _common() -> frozenset[str]:
    return frozenset(FREQUENCY_LISTS["passwords"])


def _without(folded: str, about: Iterable[str]) -> str:
    """What is left besides the words that are expected of this person here."""
    words = {word for text in (*about, *SERVICE_WORDS) for word in _WORDS.findall(one_form(text).casefold())}
    shortest = {
        word: 2 if word[0] > "\u2e80" else _SHORTEST_WORD for word in words
    }  # two characters are a Chinese word
    for word in sorted(words, key=lambda word: (-len(word), word)):
        if len(word) >= shortest[word]:
            folded = folded.replace(word, "")
    return folded


def _unit(text: str) -> str:
    """The shortest text that this one is a repetition of, its last time perhaps cut off; the text itself if there is none."""
    border = [0] * len(text)
    for i in range(1, len(text)):
        k = border[i - 1]
        while k and text[i] != text[k]:
            k = border[k - 1]
        border[i] = k + (text[i] == text[k])
    period = len(text) - border[-1] if text else 0
    return text[:period] if 2 * period <= len(text) else text


def _new_characters(text: str) -> int:
    """How many characters do not go on with a run of three or more: the next letter or digit, the same, the next key."""
    steps = [abs(ord(a) - ord(b)) <= 1 or a + b in _BESIDE for a, b in pairwise(text)]
    run_on = [
        step and (before or after)
        for before, step, after in zip([False, *steps], steps, [*steps[1:], False], strict=False)
    ]
    return len(text) - sum(run_on)
