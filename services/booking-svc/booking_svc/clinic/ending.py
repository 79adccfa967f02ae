"""When the day of a queue ends, and what that makes of each visit that has not ended."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.messages import ClinicRules

from booking_svc.clinic.checkin import void_after
from booking_svc.clinic.visits import AT_DESK, HERE, ClinicVisit, Move, VisitState

AGAIN = timedelta(minutes=30)
"""How long who is still here has until the end is looked at again."""
LONGEST = timedelta(hours=6)
"""How long after its session a queue is kept for them, unless the hospital closes it later still."""

OPEN = HERE | {VisitState.EXPECTED}


@dataclass(frozen=True, slots=True)
class DayEnd:
    """`over`: nobody can be in time any more; `first`: who never came has missed it; `last`: who is here still goes home."""

    over: datetime
    first: datetime
    last: datetime


def day_end(rules: ClinicRules, ends_at: datetime | None, visits: Collection[ClinicVisit]) -> DayEnd:
    """Of a queue whose session ends at `ends_at`, and in which `visits` have not ended: their segments count too, for a session may
    have been shortened since, and they may be of another one. Raises ValueError if there is neither.
    """
    ends = max([v.visit.ends_at for v in visits] + ([] if ends_at is None else [ends_at]))
    over = max([ends, *(_void_after(rules, v) for v in visits if v.state == VisitState.EXPECTED)])
    last = ends + max(LONGEST, timedelta(minutes=rules.close_minutes))
    return DayEnd(over, min(max(over, ends + timedelta(minutes=rules.close_minutes)), last), last)


def _void_after(rules: ClinicRules, visit: ClinicVisit) -> datetime:
    return void_after(rules, visit.visit.starts_at, visit.visit.ends_at)


def endings(
    visits: Collection[ClinicVisit], *, called: bool, stopped: bool, last: bool
) -> list[tuple[ClinicVisit, Move]]:
    """What the end of the day makes of those who have not ended; the others stay until the last end.

    `called`: somebody was, in this queue. If nobody ever was, the hospital keeps no queue there, and nothing is known of who came;
    yet as long as somebody waits, it may begin late. `stopped`: its session was; who was moved into its line has missed nothing.
    """
    waited_for = called or any(visit.state in HERE for visit in visits)
    found = ((visit, _ending(visit.state, called, stopped, last, waited_for)) for visit in visits)
    return [(visit, move) for visit, move in found if move is not None]


def _ending(state: VisitState, called: bool, stopped: bool, last: bool, waited_for: bool) -> Move | None:
    if state in AT_DESK or state == VisitState.AWAY:
        return Move.FINISH if last else None
    if stopped:
        return Move.VOID
    if not called:
        return Move.LAPSE if last or not waited_for else None
    if state == VisitState.EXPECTED:
        return Move.MISS
    return Move.VOID if last else None
