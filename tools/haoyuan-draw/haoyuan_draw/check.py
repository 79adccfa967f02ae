"""Repeats a draw, and compares what comes of it with what the record says."""

import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Any

from haoyuan_draw.merkle import root_of
from haoyuan_draw.record import Entry, Record

DECIMAL128 = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144)


@dataclass(frozen=True)
class Known:
    """What the verifier knows from elsewhere, and from earlier: what was published before the draw, or said in a receipt."""

    commitment: str | None = None
    root: str | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `found` says what was, in words."""

    name: str
    ok: bool
    found: str


@dataclass(frozen=True)
class Result:
    """What one entrant got, and why. `key` is None in a lottery, where `u` alone decides."""

    rank: int
    entry: Entry
    u: Decimal
    key: Decimal | None
    segment: str | None
    """The start of the segment in which a number is hers; None: she won none."""


@dataclass(frozen=True)
class Verdict:
    checks: list[Check]
    results: list[Result]
    """In the order of the draw as repeated here."""

    @property
    def verified(self) -> bool:
        return all(check.ok for check in self.checks)

    def of(self, pseudonym: str) -> Result | None:
        """What became of this entrant; None if there is no such one."""
        return next((r for r in self.results if r.entry.pseudonym == pseudonym), None)


def verify(record: Record, known: Known | None = None) -> Verdict:
    """Repeat the draw from the seed and the list, and compare everything."""
    known = known or Known()
    root = root_of([entry.leaf for entry in record.entries])
    results = repeat(record, root)
    checks = [*_on_paper(record), *_from_elsewhere(record, known)]
    checks.append(_same("root", "the hash of the list of entrants", record.root, root.hex()))
    ranking = [result.entry.seq for result in results]
    place = next((i for i, (a, b) in enumerate(zip(ranking, record.ranking, strict=False)) if a != b), None)
    if len(ranking) != len(record.ranking):
        found = f"{len(record.ranking)} are ranked, {len(ranking)} have entered"
    elif place is not None:
        found = f"rank {place + 1} belongs to entrant {ranking[place]}, not {record.ranking[place]}"
    else:
        found = f"the order of all {len(ranking)} is as drawn from the seed and the list"
    checks.append(Check("ranking", ranking == record.ranking, found))
    return Verdict(checks, results)


def repeat(record: Record, root: bytes) -> list[Result]:
    """The draw itself: everybody, the first first."""
    key = hmac.digest(record.seed, record.session["id"].encode("ascii") + root, "sha256")
    keyed: list[tuple[Decimal, str, Entry, Decimal]] = []
    for entry in record.entries:
        h = int.from_bytes(hmac.digest(key, entry.pseudonym.encode("ascii"), "sha256"), "big")
        exact = Decimal(h + 1)
        u = DECIMAL128.divide(exact, Decimal(2**256))
        order = exact.copy_negate() if record.policy == "lottery" else exponential(u, entry.weight)
        keyed.append((order, entry.pseudonym, entry, u))
    keyed.sort(key=lambda one: one[:2])
    starts = _segments_by_rank(record)
    return [
        Result(rank, entry, u, None if record.policy == "lottery" else order, next(starts, None))
        for rank, (order, _, entry, u) in enumerate(keyed, 1)
    ]


def exponential(u: Decimal, weight: int) -> Decimal:
    """-ln(u)/w in decimal128."""
    return DECIMAL128.divide(DECIMAL128.ln(u).copy_negate(), Decimal(weight))


def _segments_by_rank(record: Record) -> Iterator[str]:
    """The start of the segment that each winner's number belongs to: in the order of the draw from the earliest on."""
    for segment in record.segments:
        for _ in range(segment.numbers):
            yield segment.starts_at


def digest_of(document: dict[str, Any]) -> str:
    """SHA-256 of the record without its digest, as RFC 8785 writes it."""
    rest = {name: value for name, value in document.items() if name != "digest"}
    written = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(written.encode("utf-8")).hexdigest()


def _on_paper(record: Record) -> Iterator[Check]:
    """What can be said without drawing."""
    yield _same("commitment", "the SHA-256 of the seed", record.commitment, sha256(record.seed).hexdigest())
    yield _same("digest", "the hash of the whole record", record.digest, digest_of(dict(record.document)))
    opens, closes, drawn = (datetime.fromisoformat(t) for t in (record.opens_at, record.closes_at, record.drawn_at))
    found = f"entries from {record.opens_at} to {record.closes_at}, drawn {record.drawn_at}"
    yield Check("times", opens <= closes <= drawn, found)
    yield Check("list", *_list_in_order(record))
    yield Check("counts", *_counts(record))


def _from_elsewhere(record: Record, known: Known) -> Iterator[Check]:
    for name in ("commitment", "root", "digest"):
        if (expected := getattr(known, name)) is not None:
            yield _same(f"{name}_known", f"the {name} that you know", getattr(record, name), expected)


def _list_in_order(record: Record) -> tuple[bool, str]:
    entries = record.entries
    for before, entry in pairwise(entries):
        if entry.seq <= before.seq:
            return False, f"entrant {entry.seq} stands behind entrant {before.seq}"
    if len({entry.pseudonym for entry in entries}) < len(entries):
        return False, "a pseudonym stands in the list twice"
    if record.policy == "lottery" and any(entry.weight != 1 for entry in entries):
        return False, "in a lottery everybody has weight 1"
    return True, f"{len(entries)} entrants in the order of entering, each once"


def _counts(record: Record) -> tuple[bool, str]:
    numbers = sum(segment.numbers for segment in record.segments)
    winners = min(numbers, len(record.entries))
    starts = [datetime.fromisoformat(segment.starts_at) for segment in record.segments]
    if (record.numbers, record.entrants, record.winners) != (numbers, len(record.entries), winners):
        return False, f"there are {numbers} numbers, {len(record.entries)} entrants, {winners} winners"
    if any(later <= earlier for earlier, later in pairwise(starts)):
        return False, "the segments are not in the order of time"
    return (
        True,
        f"{numbers} numbers in {len(record.segments)} segments, {len(record.entries)} entrants, {winners} winners",
    )


def _same(name: str, what: str, said: str, found: str) -> Check:
    return Check(name, said == found, f"{what} is {found}" + ("" if said == found else f", not {said}"))


def last_winner(record: Record, verdict: Verdict) -> Result | None:
    """The winner who came last: whoever is before her has won."""
    totals = list(accumulate(segment.numbers for segment in record.segments)) or [0]
    winners = min(totals[-1], len(verdict.results))
    return verdict.results[winners - 1] if winners else None
