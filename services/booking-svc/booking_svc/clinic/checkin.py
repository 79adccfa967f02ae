"""When one may check in (报到), and what proves that one is here: the desk's word, the code at the door, or a position."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt

from common.errors import Conflict
from common.messages import ClinicRules, Place

EARTH = 6_371_008.8
"""Metres: the mean radius (IUGG)."""
ACCURACY = 100.0
"""Metres: a position may be as wrong as the phone itself says, and no more than this; else every phone would be everywhere."""
CODE_STANDS = timedelta(minutes=5)
TRIES = 5
"""Wrong codes of the door for one visit; then only the desk checks in."""


class Timing(StrEnum):
    """How a check-in stands to its appointment, by the hospital's rules."""

    EARLY = "early"
    IN_TIME = "in_time"
    LATE = "late"
    TOO_LATE = "too_late"


def opens_at(rules: ClinicRules, starts_at: datetime) -> datetime:
    """From when on one may check in for a segment."""
    return starts_at - timedelta(minutes=rules.early_minutes)


def void_after(rules: ClinicRules, starts_at: datetime, ends_at: datetime) -> datetime:
    """The last moment of checking in for a segment: not before it ends, for that is how long she was told to come in."""
    return max(starts_at + timedelta(minutes=rules.late_minutes), ends_at)


def timing(rules: ClinicRules, starts_at: datetime, ends_at: datetime, now: datetime) -> Timing:
    """Of a check-in `now` for a segment from `starts_at` to `ends_at`. On the minute is still in time, and still not too late."""
    if now < opens_at(rules, starts_at):
        return Timing.EARLY
    if now > void_after(rules, starts_at, ends_at):
        return Timing.TOO_LATE
    return Timing.LATE if now > starts_at + timedelta(minutes=rules.grace_minutes) else Timing.IN_TIME


@dataclass(frozen=True, slots=True)
class Code:
    """What stands at the door."""

    text: str


@dataclass(frozen=True, slots=True)
class Position:
    """Where a phone says that it is (WGS 84, degrees), and by how many metres it may be wrong."""

    latitude: float
    longitude: float
    accuracy: float = 0.0


Proof = Code | Position


def metres_between(a: Position, b: Place) -> float:
    """Along a great circle (haversine)."""
    lat_a, lat_b = radians(a.latitude), radians(b.latitude)
    half = sin((lat_b - lat_a) / 2) ** 2
    half += cos(lat_a) * cos(lat_b) * sin(radians(b.longitude - a.longitude) / 2) ** 2
    return 2 * EARTH * asin(min(1.0, sqrt(half)))


def proofs(rules: ClinicRules, tries: int) -> list[str]:
    """How a patient can show that she is here, after so many wrong codes: by nothing when only the desk can check her in."""
    if tries >= TRIES:
        return []
    return ["code"] if rules.place is None else ["code", "position"]


def check_proof(rules: ClinicRules, tries: int, proof: Proof | None) -> None:
    """Raises Conflict: `proof_needed` with what is `possible`, `not_here` (`metres` from the hospital). Says nothing of a code
    but that it may be tried.
    """
    possible = proofs(rules, tries)
    if proof is None or not possible:
        raise _no_proof(possible)
    if isinstance(proof, Position):
        if rules.place is None:
            raise _no_proof(possible)
        away = metres_between(proof, rules.place)
        if away - min(max(proof.accuracy, 0.0), ACCURACY) > rules.place.within_metres:
            raise Conflict("that is not at the hospital", code="not_here", metres=round(away))


def _no_proof(possible: list[str]) -> Conflict:
    return Conflict("show that you are here", code="proof_needed", possible=possible)


@dataclass(frozen=True, slots=True)
class Door:
    """The codes at a hospital's doors: six digits, new every five minutes, the same on all its screens. Nobody stores them."""

    key: str

    def code(self, hospital_id: str, now: datetime) -> tuple[str, datetime]:
        """What stands at the door now, and until when."""
        window = _window(now)
        return self._code(hospital_id, window), datetime.fromtimestamp(0, UTC) + (window + 1) * CODE_STANDS

    def shows(self, hospital_id: str, text: str, now: datetime) -> bool:
        """True for the code of now, and for the one before it: she may have walked slowly."""
        window, told = _window(now), text.strip().encode()
        fits = [hmac.compare_digest(told, self._code(hospital_id, w).encode()) for w in (window, window - 1)]
        return any(fits)

    def _code(self, hospital_id: str, window: int) -> str:
        digest = hmac.digest(self.key.encode(), f"door:{hospital_id}:{window}".encode(), hashlib.sha256)
        return f"{int.from_bytes(digest[:8]) % 1_000_000:06}"


def _window(now: datetime) -> int:
    return (now - datetime.fromtimestamp(0, UTC)) // CODE_STANDS
