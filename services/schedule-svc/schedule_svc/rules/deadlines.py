"""The moments that follow from a rule set and a session. Times are aware; days are those of Asia/Shanghai."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from common.clock import SHANGHAI

from schedule_svc.rules.ruleset import Deadline, RuleSet
from schedule_svc.rules.workdays import workdays_before

OFFER_SHARE = 10
"""An offer lasts a tenth of the time that is left until the session begins."""


def at_local(day: date, time_of_day: str) -> datetime:
    """That moment of Shanghai, in UTC."""
    return datetime.combine(day, time.fromisoformat(time_of_day), SHANGHAI).astimezone(UTC)


def before(deadline: Deadline, starts_at: datetime) -> datetime:
    """The last moment that a deadline leaves; never after the start."""
    if deadline.hours is not None:
        return starts_at - timedelta(hours=deadline.hours)
    day = starts_at.astimezone(SHANGHAI).date()
    if deadline.workdays is not None:
        day = workdays_before(day, deadline.workdays)
    else:
        day -= timedelta(days=deadline.days or 0)
    return min(at_local(day, deadline.at or "00:00"), starts_at)


def cancel_before(rules: RuleSet, starts_at: datetime) -> datetime:
    """退号: a patient may give a number back until then."""
    return before(rules.cancel, starts_at)


def waitlist_closes(rules: RuleSet, starts_at: datetime) -> datetime:
    """候补: nobody waits, and nobody is offered a number, from then on."""
    return before(rules.waitlist.closes, starts_at)


def asides_end(rules: RuleSet, starts_at: datetime) -> datetime:
    """What is set aside for channels and not used by then is public."""
    return starts_at - timedelta(hours=rules.asides_end_hours)


def hold_seconds(rules: RuleSet, now: datetime, ends_at: datetime) -> int:
    """How long a number of a segment is held unpaid: never longer than one can check in with it (报到)."""
    left = int((ends_at - now).total_seconds())
    return max(0, min(rules.hold_minutes * 60, left))


def offer_seconds(rules: RuleSet, now: datetime, starts_at: datetime) -> int:
    """How long one who waits has to take an offer: the shorter, the nearer the session, and never beyond its start."""
    left = int((starts_at - now).total_seconds())
    waitlist = rules.waitlist
    wanted = min(max(left // OFFER_SHARE, waitlist.offer_least_minutes * 60), waitlist.offer_most_minutes * 60)
    return max(0, min(wanted, left))


def rest(rules: RuleSet, uniform: Callable[[float, float], float]) -> timedelta:
    """How long a freed number rests. `uniform(a, b)` draws evenly between a and b, as random.SystemRandom's."""
    return timedelta(seconds=uniform(rules.rest.least_seconds, rules.rest.most_seconds))
