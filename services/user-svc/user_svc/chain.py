"""The chain of the trail: each row has its place, and an HMAC over itself and the row before it.

So nobody who can write to the database, but has not the key, can change, take out, insert or swap what was noted without its
showing. Cutting off the end shows in the heads that were seen before: the job that chains remembers the last one, and the log has
them all.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.jsons import encode

from user_svc.store import trail as rows

PAGE = 1000
AUDITED = 100_000
"""The newest rows, which the audit's figures look at; `python -m user_svc.trail_check` looks at all."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place that does not fit, and the row that is there (None: there is no row)."""

    place: int
    row: int | None
    what: str

    def __str__(self) -> str:
        return f"place {self.place}: {self.what}" + (f" (row {self.row})" if self.row is not None else "")


@dataclass(frozen=True, slots=True)
class State:
    """How the chain stands. `loose_seconds`: the age of the oldest row that is not in it yet; None if all are."""

    length: int
    head: str
    loose: int
    loose_seconds: float | None


def link(key: bytes, before: str, place: int, row: Any) -> str:
    """The digest of a row at its place, after the digest `before` ("" for the first)."""
    at = row.at.astimezone(UTC).isoformat()
    said = encode([place, row.id, at, row.act, row.actor, row.about, row.hospital_id, row.network, row.facts])
    return hmac.digest(key, before.encode() + said, hashlib.sha256).hex()


def first_fault(conn: Any, key: bytes, *, after: int = 0, head: str = "") -> Fault | None:
    """Verify the chain from the row that follows `after` on, a page at a time; None if it is whole.

    head: the digest of a former head, which must still be there.
    """
    before = rows.digest_at(conn, after) if after else ""
    if before is None:
        return Fault(after, None, "is missing")
    place, met = after, head in {"", before}
    while page := rows.links(conn, place, PAGE):
        for row in page:
            if fault := misfit(key, place + 1, before, row):
                return fault
            place, before = row.place, row.digest
            met = met or before == head
    return None if met else Fault(place + 1, None, f"the chain ends here, and {head} is nowhere: its end was cut off")


def stand(conn: Any, now: datetime) -> State:
    """How the chain stands."""
    head, (loose, oldest) = rows.chain_head(conn), rows.looseness(conn)
    age = (now - oldest).total_seconds() if oldest else None
    return State(head.place if head else 0, head.digest if head else "", loose, age)


def figures(conn: Any, key: bytes, now: datetime) -> dict[str, Any]:
    """For the audit: how the chain stands, and what is wrong with its newest rows."""
    stands = stand(conn, now)
    fault = first_fault(conn, key, after=max(0, stands.length - AUDITED))
    return {"length": stands.length, "loose_seconds": stands.loose_seconds, "fault": str(fault) if fault else None}


def misfit(key: bytes, place: int, before: str, row: Any) -> Fault | None:
    if row.place != place:
        return Fault(place, None, "is missing")
    if not hmac.compare_digest(row.digest, link(key, before, place, row)):
        return Fault(place, row.id, "is not what was chained here: changed, inserted or swapped")
    return None
