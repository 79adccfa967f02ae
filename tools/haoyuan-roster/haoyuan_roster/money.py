"""Fees as they are written, in yuan; as they are kept, in fen."""

import re
import unicodedata

from haoyuan_roster.faults import Refused

_YUAN = re.compile(r"[¥￥]?\s*(?P<yuan>[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.(?P<fen>[0-9]{0,2})0*)?\s*元?\Z")


def fen(text: str) -> int:
    """The fen of "50", "12.5", "¥1,200.00" or "80元", exactly. Raises Refused (bad_money): anything else, fractions of a fen too."""
    match = _YUAN.match(unicodedata.normalize("NFKC", text).strip())
    if match is None or len(match["yuan"]) > 12:
        raise Refused("bad_money", "is no amount in yuan such as 50 or 12.50")
    return int(match["yuan"].replace(",", "")) * 100 + int((match["fen"] or "").ljust(2, "0"))
