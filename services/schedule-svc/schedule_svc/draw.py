"""Draws that anyone can check: commit and reveal, the ranking, the public record. Pure; docs/draws.md is the specification.

The seed is committed to before entries open and revealed after they have closed. The key of the draw follows from the seed
and the list of entrants together, so neither of them alone decides. Whoever has the record can repeat the draw, and
`tools/haoyuan-draw` does so from the specification, without a line of this file.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Literal

import msgspec
from common.clock import local

FORMAT = "haoyuan-draw/1"
SEED_BYTES = 32
MOST_WEIGHT = 1_000_000

DrawPolicy = Literal["lottery", "weighted"]

# Decimal128 (IEEE 754-2008): 34 digits, half to even. Division and ln are correctly rounded, so every machine gets the
# same digits; binary floats promise that for division only.
_DECIMAL128 = Context(prec=34, rounding=ROUND_HALF_EVEN, Emin=-6143, Emax=6144)
_RANGE = Decimal(2**256)


@dataclass(frozen=True, slots=True)
class Entrant:
    """One who takes part. `seq` is her place in the order of entering, from 1, with gaps where others have left."""

    seq: int
    pseudonym: str
    weight: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What is drawn for, and when. `segments`: id, start and free numbers of each time segment, in the order of time."""

    session_id: str
    hospital_id: str
    department_id: str
    doctor_id: str
    date: str
    period: str
    starts_at: datetime
    policy: DrawPolicy
    opens_at: datetime
    closes_at: datetime
    drawn_at: datetime
    segments: Sequence[tuple[str, datetime, int]]

    @property
    def numbers(self) -> int:
        return sum(free for _, _, free in self.segments)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished draw. `ranking` holds the entrants' seqs, the first first; `record` is the public record as JSON."""

    root: str
    ranking: list[int]
    winners: int
    digest: str
    record: bytes


def commitment_to(seed: bytes) -> str:
    """SHA-256 of the seed, in hex: published before entries open, so that the seed cannot be chosen afterwards."""
    return hashlib.sha256(seed).hexdigest()


class Tree:
    """A Merkle hash tree as of RFC 6962, section 2.1: 0x00 before a leaf, 0x01 before a node, so that none passes for the other.

    Built level by level, where a last hash without a partner rises as it is; that is the tree which the RFC defines by
    splitting at the largest power of two.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.size = len(leaves)
        level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
        self._levels = [level]
        while len(level) > 1:
            pairs = zip(level[::2], level[1::2], strict=False)
            above = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
            if len(level) % 2:
                above.append(level[-1])
            self._levels.append(above)
            level = above

    @property
    def root(self) -> bytes:
        return self._levels[-1][0] if self.size else hashlib.sha256(b"").digest()

    def path(self, index: int) -> list[bytes]:
        """The audit path (RFC 6962, section 2.1.1) of the leaf at `index`, from the leaf up. Raises IndexError."""
        if not 0 <= index < self.size:
            raise IndexError(index)
        path = []
        for level in self._levels[:-1]:
            if (sibling := index ^ 1) < len(level):
                path.append(level[sibling])
            index >>= 1
        return path


def leaf(entrant: Entrant) -> bytes:
    """What the tree is built over: `seq:pseudonym:weight`; the pseudonym has no colon."""
    return f"{entrant.seq}:{entrant.pseudonym}:{entrant.weight}".encode()


def tree_of(entrants: Sequence[Entrant]) -> Tree:
    """The tree over the entrants in the order of entering."""
    return Tree([leaf(entrant) for entrant in entrants])


def draw_key(seed: bytes, session_id: str, root: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) under the seed of the session's id and the root of the list."""
    return hmac.digest(seed, session_id.encode() + root, hashlib.sha256)


def uniform(key: bytes, pseudonym: str) -> int:
    """The entrant's own number, uniform in 1 to 2^256: u * 2^256 of the specification."""
    return int.from_bytes(hmac.digest(key, pseudonym.encode(), hashlib.sha256), "big") + 1


def exponential_key(value: int, weight: int) -> Decimal:
    """-ln(u)/w for u = value / 2^256, in decimal128: exponentially distributed with rate w. The smallest keys win.

    P. S. Efraimidis, P. G. Spirakis: Weighted random sampling with a reservoir. Information Processing Letters 97 (2006)
    181-185. Their keys u^(1/w), of which the largest win, are in the same order.
    """
    u = _DECIMAL128.divide(Decimal(value), _RANGE)
    return _DECIMAL128.divide(
        _DECIMAL128.ln(u).copy_negate(), Decimal(weight)
    )  # "-" would round by the thread's own context


def rank(policy: DrawPolicy, key: bytes, entrants: Sequence[Entrant]) -> list[int]:
    """The entrants' seqs in the order of the draw. Equal keys are told apart by the pseudonym, the smaller first."""
    keyed: list[tuple[Any, str, int]]
    if policy == "lottery":
        keyed = [(-uniform(key, e.pseudonym), e.pseudonym, e.seq) for e in entrants]
    else:
        keyed = [(exponential_key(uniform(key, e.pseudonym), e.weight), e.pseudonym, e.seq) for e in entrants]
    keyed.sort()
    return [seq for _, _, seq in keyed]


def run(seed: bytes, terms: Terms, entrants: Sequence[Entrant]) -> Drawn:
    """Draw. The entrants come in the order of entering; in a lottery each has weight 1."""
    root = tree_of(entrants).root
    ranking = rank(terms.policy, draw_key(seed, terms.session_id, root), entrants)
    winners = min(terms.numbers, len(ranking))
    record: dict[str, Any] = {
        "format": FORMAT,
        "session": {
            "id": terms.session_id,
            "hospital_id": terms.hospital_id,
            "department_id": terms.department_id,
            "doctor_id": terms.doctor_id,
            "date": terms.date,
            "period": terms.period,
            "starts_at": _shown(terms.starts_at),
        },
        "policy": terms.policy,
        "opens_at": _shown(terms.opens_at),
        "closes_at": _shown(terms.closes_at),
        "drawn_at": _shown(terms.drawn_at),
        "commitment": commitment_to(seed),
        "seed": seed.hex(),
        "segments": [{"id": id_, "starts_at": _shown(starts), "numbers": free} for id_, starts, free in terms.segments],
        "numbers": terms.numbers,
        "entrants": len(entrants),
        "entries": [(e.seq, e.pseudonym, e.weight) for e in entrants],
        "root": root.hex(),
        "ranking": ranking,
        "winners": winners,
    }
    digest = hashlib.sha256(canonical(record)).hexdigest()
    return Drawn(root.hex(), ranking, winners, digest, canonical(record | {"digest": digest}))


def canonical(document: dict[str, Any]) -> bytes:
    """The document as RFC 8785 (JCS) writes it; for plain ASCII texts and whole numbers, of which a record is made."""
    return msgspec.json.encode(document, order="sorted")


def _shown(time: datetime) -> str:
    shown = local(time) or time
    return shown.isoformat(timespec="milliseconds" if shown.microsecond else "seconds")
