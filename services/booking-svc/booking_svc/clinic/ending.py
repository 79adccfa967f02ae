"""When the day of a queue ends, and what that makes of each visit that has not ended."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from common.messages import ClinicRules

from booking_svc.clinic.checkin import void_after
from booking_svc.clinic.visits import AT_DESK, HERE, ClinicVisit, Move, VisitState

AGAIN = timedelta(minutes=30)
"""How long who is still here has until the end is looked at again."""
LONGEST = timedelta(hours=6)
"""How long after its session a queue is kept for them, unless the hospital closes it later still."""

LET_IN = timedelta(hours=2)
"""How long a queue is kept at least for who was let into it last: also past its last end, when staff open it again for her."""

OPEN = HERE | {VisitState.EXPECTED}

RulesAt = Callable[[datetime], ClinicRules]
"""The hospital's rules that are in force at a time."""


@dataclass(frozen=True, slots=True)
class DayEnd:
    """`over`: nobody can be in time any more; `first`: who never came has missed it; `last`: who is here still goes home."""

    over: datetime
    first: datetime
    last: datetime


def day_end(rules_at: RulesAt, ends_at: datetime | None, visits: Collection[ClinicVisit]) -> DayEnd:
    """Of a queue whose session ends at `ends_at`, and in which `visits` have not ended: their segments count too, for a session may
    have been shortened since, and they may be of another one. Raises ValueError if there is neither.
    """
    ends = max([v.visit.ends_at for v in visits] + ([] if ends_at is None else [ends_at]))
    over = max([ends, *(in_time_until(rules_at, v) for v in visits if v.state == VisitState.EXPECTED)])
    close = timedelta(minutes=rules_at(ends).close_minutes)
    let_in = [v.checked_in_at + LET_IN for v in visits if v.state in HERE and v.checked_in_at is not None]
    last = max([ends + max(LONGEST, close), *let_in])
    return DayEnd(over, min(max(over, ends + close), last), last)


def in_time_until(rules_at: RulesAt, visit: ClinicVisit) -> datetime:
    """The last moment at which she may check in, by the rules of her segment: those that she was shown."""
    starts_at = visit.visit.starts_at
    return void_after(rules_at(starts_at), starts_at, visit.visit.ends_at)


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
