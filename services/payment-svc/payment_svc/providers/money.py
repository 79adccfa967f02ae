"""Yuan, as vendors write them, and fen, as we keep them: by string arithmetic, never through a float.

Answers and bills name amounts in yuan with up to two decimals; fees in bills have up to five, which are thousandths of a fen.
"""

import re

_AMOUNT = re.compile(r"([+-]?)(\d{1,15})(?:\.(\d{1,20}))?", re.ASCII)


def yuan(fen: int) -> str:
    """1234 -> "12.34"."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fen(text: str) -> int:
    """`12.34` -> 1234. Raises ValueError for what is no amount, or has a part of a fen."""
    return _scaled(text, 2)


def thousandths(text: str) -> int:
    """Yuan -> thousandths of a fen: "0.01234" -> 1234. Raises ValueError for what is no amount, or is finer."""
    return _scaled(text, 5)


def _scaled(text: str, places: int) -> int:
    found = _AMOUNT.fullmatch(text)
    decimals = (found[3] or "").rstrip("0") if found else ""
    if found is None or len(decimals) > places:
        raise ValueError(f"{text[:40]!r} is no amount with {places} decimals")
    units = int(found[2] + decimals.ljust(places, "0"))
    return -units if found[1] == "-" else units
