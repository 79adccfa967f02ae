"""When somebody is reminded of visits, and of which at once. Pure rules; days and hours are Beijing's, wherever the host is.

One reminder the evening before, of all visits of that account and day. One two hours before a visit, which tells of those too
that begin within the two hours after it: they get none of their own. Who confirmed after the time of a reminder gets none: the
confirmation has just said all. One that is late is still told as long as it is of use.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from common.clock import SHANGHAI

from notify_svc.domain import milliseconds

TOMORROW, SOON = "visit_tomorrow", "visit_soon"

EVENING = time(18)
AHEAD = timedelta(hours=2)
MERGED = timedelta(hours=2)
"""Visits that begin within so much after another one are told with it."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """A confirmed visit of an account. `visit` is common.messages.Visit as plain JSON values.

    queue_number: or the ticket of another line, in which she waits now. stands: it has not been cancelled, exchanged, missed. confirmed_at: when this time was. told: kind of reminder -> the start
    that it told of; a visit that has another time after that is told of again.
    """

    order_id: str
    account_id: str
    starts_at: datetime
    queue_number: int | str
    visit: Mapping[str, Any]
    confirmed_at: datetime
    patient_id: str = ""
    stands: bool = True
    told: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def day(self) -> date:
        return self.starts_at.astimezone(SHANGHAI).date()


@dataclass(frozen=True, slots=True)
class Moved:
    """From `at` on she who has this order waits elsewhere, at the same time: `visit` as an Appointment's, `ticket` of that line."""

    order_id: str
    ticket: str
    visit: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Reminder:
    """What one account is told at `due_at`, and not from `expires_at` on. `id` is the notification's: there is one of it."""

    id: str
    kind: str
    account_id: str
    due_at: datetime
    expires_at: datetime
    appointments: tuple[Appointment, ...]

    @property
    def params(self) -> dict[str, Any]:
        """What the notification's text is made from: the visits in the order of their times."""
        visits = [
            {"order_id": a.order_id, "patient_id": a.patient_id, "queue_number": a.queue_number, "visit": a.visit}
            for a in self.appointments
        ]
        return {"account_id": self.account_id, "visits": visits}


def evening_before(day: date) -> datetime:
    """When visits of this day are told of."""
    return datetime.combine(day - timedelta(days=1), EVENING, SHANGHAI)


def midnight(day: date) -> datetime:
    """When this day begins, and "tomorrow" is wrong of it."""
    return datetime.combine(day, time(0), SHANGHAI)


def first_due(a: Appointment) -> datetime | None:
    """The first time at which a visit must be looked at for its reminders; None if it was confirmed too late for any."""
    times = (evening_before(a.day), a.starts_at - AHEAD)
    return min((at for at in times if a.confirmed_at < at), default=None)


def reminders(appointments: Iterable[Appointment], now: datetime) -> list[Reminder]:
    """What one account is still to be told, the first that is due first. It follows from the visits as they stand now."""
    known = sorted(appointments, key=lambda a: (a.starts_at, a.order_id))
    return sorted([*_tomorrow(known, now), *_soon(known, now)], key=lambda r: (r.due_at, r.id))


def _tomorrow(known: Sequence[Appointment], now: datetime) -> Iterable[Reminder]:
    days: defaultdict[date, list[Appointment]] = defaultdict(list)
    for a in known:
        days[a.day].append(a)
    for day, visits in days.items():
        due_at, expires_at = evening_before(day), midnight(day)
        standing = tuple(a for a in visits if a.stands)
        told = any(TOMORROW in a.told and a.told[TOMORROW].astimezone(SHANGHAI).date() == day for a in visits)
        if not told and now < expires_at and any(a.confirmed_at < due_at for a in standing):
            account_id = standing[0].account_id
            yield Reminder(f"{account_id}:{day}:{TOMORROW}", TOMORROW, account_id, due_at, expires_at, standing)


def _soon(known: Sequence[Appointment], now: datetime) -> Iterable[Reminder]:
    waiting = [a for a in known if a.stands and a.starts_at > now and a.told.get(SOON) != a.starts_at]
    covered = None
    for n, first in enumerate(waiting):
        due_at = first.starts_at - AHEAD
        if (covered is not None and first.starts_at <= covered) or first.confirmed_at >= due_at:
            continue
        covered = first.starts_at + MERGED
        together = tuple(a for a in waiting[n:] if a.starts_at <= covered)
        name = f"{first.order_id}@{milliseconds(first.starts_at)}:{first.account_id}:{SOON}"
        yield Reminder(name, SOON, first.account_id, due_at, first.starts_at, together)


def rest(
    told: Reminder, starts: Mapping[str, datetime], known: Iterable[Appointment], now: datetime
) -> Reminder | None:
    """What is left to be told of a reminder that somebody began to tell: under its own name, of the visits that stand and are
    still to come. starts: of each visit that it was to tell of. None if that is of no use any more.
    """
    left = [a for a in known if a.stands and starts.get(a.order_id) == a.starts_at and a.starts_at > now]
    if not left or (told.kind == TOMORROW and now >= told.expires_at):
        return None
    left.sort(key=lambda a: (a.starts_at, a.order_id))
    expires_at = told.expires_at if told.kind == TOMORROW else left[0].starts_at
    return replace(told, expires_at=expires_at, appointments=tuple(left))


def still(params: Mapping[str, Any], standing: Mapping[str, Appointment]) -> dict[str, Any] | None:
    """The params of a reminder without the visits that do not take place any more, or not at the time that it tells; the others
    with the doctor and the room that they have now.

    standing: by order, those that stand now. None if there is nothing left to tell.
    """
    visits = [
        {**each, "visit": standing[each["order_id"]].visit, "queue_number": standing[each["order_id"]].queue_number}
        for each in params["visits"]
        if _takes_place(each, standing)
    ]
    return {**params, "visits": visits} if visits else None


def _takes_place(told: Mapping[str, Any], standing: Mapping[str, Appointment]) -> bool:
    now_is = standing.get(told["order_id"])
    starts_at = datetime.fromisoformat(told["visit"]["starts_at"])
    return now_is is not None and milliseconds(now_is.starts_at) == milliseconds(starts_at)
