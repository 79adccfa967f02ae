"""Why a wait is not what was told last."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from booking_svc.clinic.visits import ClinicVisit
from booking_svc.store.waits import Told
from booking_svc.usecases.waiting.lines import Seen

LATER = frozenset({"somebody_before", "slower", "paused", "desk_closed", "passed"})
SOONER = frozenset({"ahead_left", "faster", "resumed", "desk_opened"})
"""Stable codes. Besides: moved_line, and `time` if nothing but time has passed."""
_NOTABLE = 90.0
"""Seconds by which a call must move to need a reason."""
_PACE = 0.05
"""The share by which consultations must take longer, or less long."""


@dataclass(frozen=True, slots=True)
class Moved:
    """`seconds`: by how much later the call is expected than was told at `since`; `reasons`, each with how many, where that says
    something.
    """

    since: datetime
    seconds: float
    reasons: Mapping[str, int | None]


def basis_of(visit: ClinicVisit, seen: Seen, pace: float) -> dict[str, Any]:
    """What of an estimate is kept, to say later why it moved. `pace`: seconds that a patient takes."""
    rooms = sorted(desk.room for desk in seen.desks)
    return {"rooms": rooms, "paused": seen.paused, "passes": visit.passes, "pace": round(pace, 1)}


def moved(last: Told, visit: ClinicVisit, seen: Seen, expected: float, pace: float) -> Moved:
    """What has become of what was told last. `expected`: seconds from now."""
    seconds = (seen.now - last.made_at).total_seconds() + expected - last.expected
    found = _reasons(last, visit, seen, pace / last.basis["pace"])
    if seconds > _NOTABLE and not found.keys() & (LATER | {"moved_line"}):
        found["slower"] = None
    elif seconds < -_NOTABLE and not found.keys() & (SOONER | {"moved_line"}):
        found["faster"] = None
    return Moved(last.made_at, seconds, found or {"time": None})


def _reasons(last: Told, visit: ClinicVisit, seen: Seen, pace: float) -> dict[str, int | None]:
    if last.queue_id != visit.queue_id:
        return {"moved_line": None}
    found: dict[str, int | None] = {}
    ahead = seen.ahead_of(visit)
    # who stands before her and was set there since
    newcomers = sum((v.updated_at or last.made_at) > last.made_at for v in seen.waiting[:ahead])
    if visit.passes > last.basis["passes"]:
        found["passed"] = visit.passes
    elif newcomers:
        found["somebody_before"] = newcomers
    if (left := last.ahead + newcomers - ahead) > 0:
        found["ahead_left"] = left
    was, rooms = set(last.basis["rooms"]), {desk.room for desk in seen.desks}
    if rooms - was:
        found["desk_opened"] = len(rooms - was)
    if was - rooms:
        found["desk_closed"] = len(was - rooms)
    if seen.paused != last.basis["paused"]:
        found["paused" if seen.paused else "resumed"] = None
    if abs(pace - 1) > _PACE:
        found["slower" if pace > 1 else "faster"] = None
    return found
