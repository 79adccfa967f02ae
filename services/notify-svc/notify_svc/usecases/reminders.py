"""Fire the reminders that are due: each once, whatever dies in between.

A turn of an account: (1) what is to be told is kept in its timer, by whoever finds the timer as it was read; (2) it is told, under
an id that follows from what it tells; (3) the visits are marked as told; (4) the timer is set to the next reminder. Whoever dies
in between leaves the kept words behind: after the lease they are told again, under the same id, without the visits that have been
cancelled meanwhile. So what was told with another visit is known even if that one is cancelled before it was marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from common.crash import reach
from common.log import get_logger
from common.metrics import TIMERS_FAILED, TIMERS_FIRED

from notify_svc import domain, templates
from notify_svc import reminders as rules
from notify_svc.domain import Notification, milliseconds
from notify_svc.reminders import Appointment, Reminder
from notify_svc.store import MongoStore, MongoTx
from notify_svc.store.mongo import Document, time_of
from notify_svc.store.reminders import Telling, Timer
from notify_svc.store.visits import appointment
from notify_svc.usecases.planning import tell_person

log = get_logger("reminders")

BATCH = 500
"""Accounts at a time: what they need is in memory at once."""

LOOKBACK = timedelta(days=2)
"""Visits that began longer ago matter to no reminder of today."""

PAUSE = 1.0  # seconds between two looks when nothing is due

LONGEST_BACKOFF = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class _Turn:
    """What is to be done for one account. `telling` is kept in its timer, `reminder` is what still stands of it."""

    timer: Timer
    known: Sequence[Appointment]
    telling: Telling | None
    reminder: Reminder | None
    again_at: datetime | None


def turn(store: MongoStore) -> float:
    """Fire a batch; answers how many seconds there is nothing to do."""
    return 0.0 if fire_due(store) else PAUSE


def fire_due(store: MongoStore, limit: int = BATCH) -> int:
    """Tell what is due, of at most `limit` accounts; answers for how many it could do something. 0: wait a moment."""
    now = store.clock()
    due = store.reminders.due(now, limit)
    if not due:
        return 0
    found = store.visits.of_accounts([timer.account_id for timer in due], now - LOOKBACK)
    turns = [turn for timer in due if (turn := _plan(store, timer, found.get(timer.account_id, ()), now))]
    settled = store.reminders.settle([(t.timer, t.again_at) for t in turns if t.telling is None])
    telling = {t.timer.account_id: t for t in turns if t.telling is not None}
    won = store.reminders.claim({name: (t.timer, t.telling or {}) for name, t in telling.items()}, now)
    reach("effect")
    _carry_out(store, [t for name, t in telling.items() if name in won], now)
    return settled + len(won)


def _plan(store: MongoStore, timer: Timer, documents: Sequence[Document], now: datetime) -> _Turn | None:
    """None for one that cannot be planned: it is put off, and stops nobody else."""
    try:
        known = [appointment(document) for document in documents]
        if timer.telling is not None:
            return _Turn(timer, known, timer.telling, _rest_of(timer, known, now), None)
        waiting = rules.reminders(known, now)
        if not waiting or waiting[0].due_at > now:
            return _Turn(timer, known, None, None, waiting[0].due_at if waiting else None)
        return _Turn(timer, known, _telling_of(waiting[0]), waiting[0], None)
    except Exception as error:  # noqa: BLE001  one account's fault is not everybody's
        _put_off(store, timer, error, now)
        return None


def _telling_of(r: Reminder) -> Telling:
    orders = [[a.order_id, milliseconds(a.starts_at)] for a in r.appointments]
    times = {"due_at": milliseconds(r.due_at), "expires_at": milliseconds(r.expires_at)}
    return {"id": r.id, "kind": r.kind, **times, "orders": orders}


def _rest_of(timer: Timer, known: Sequence[Appointment], now: datetime) -> Reminder | None:
    """What was about to be told when somebody died, as far as it still stands and is of use."""
    t = timer.telling or {}
    begun = Reminder(t["id"], t["kind"], timer.account_id, time_of(t["due_at"]), time_of(t["expires_at"]), ())
    return rules.rest(begun, {order_id: time_of(at) for order_id, at in t["orders"]}, known, now)


def _carry_out(store: MongoStore, turns: Sequence[_Turn], now: datetime) -> None:
    """Steps 2 to 4 for those that are ours."""
    told = _tell(store, turns, now)
    reach("effect")
    store.visits.mark_told(
        [(order_id, str(t.telling["kind"]), at) for t in told if t.telling for order_id, at in t.telling["orders"]]
    )
    reach("effect")
    store.reminders.settle([(_held(t.timer), _next_look(t, now)) for t in told])


def _tell(store: MongoStore, turns: Sequence[_Turn], now: datetime) -> list[_Turn]:
    """All of them in one go, or each by itself if that fails; answers those that were told."""
    try:
        with store.transaction() as tx:
            for turn in turns:
                _add(tx, turn)
    except Exception as error:
        if store.is_transient(error):
            raise
        if len(turns) > 1:
            return [told for turn in turns for told in _tell(store, [turn], now)]
        for turn in turns:
            _put_off(store, _held(turn.timer), error, now)
        return []
    for turn in turns:
        if turn.reminder is not None:
            TIMERS_FIRED.labels(turn.reminder.kind).inc()
    return list(turns)


def _add(tx: MongoTx, turn: _Turn) -> None:
    r = turn.reminder
    if r is None:
        return
    orders = [a.order_id for a in r.appointments]
    notification = Notification(
        id=r.id,
        recipient=r.account_id,
        kind=r.kind,
        version=templates.newest(r.kind),
        params=_named(tx, r.params),
        order_id=orders[0] if len(orders) == 1 else None,
        hospital_id=None,
        created_at=tx.now,
        rank=domain.rank(tx.now, r.id),
    )
    tell_person(tx, notification, guard=orders, expires_at=r.expires_at)


def _named(tx: MongoTx, params: Mapping[str, Any]) -> dict[str, Any]:
    """With the masked name of each visit's patient, where it is known."""
    names = {each["patient_id"]: tx.store.people.name_of(each["patient_id"]) for each in params["visits"]}
    return {**params, "visits": [{**each, "_patient": names[each["patient_id"]]} for each in params["visits"]]}


def _next_look(turn: _Turn, now: datetime) -> datetime | None:
    """When the account has something to be told next, now that this has been."""
    telling = turn.telling or {}
    marks: Mapping[str, datetime] = {order_id: time_of(at) for order_id, at in telling["orders"]}
    known = [_marked(a, str(telling["kind"]), marks) for a in turn.known]
    waiting = rules.reminders(known, now)
    return waiting[0].due_at if waiting else None


def _marked(a: Appointment, kind: str, marks: Mapping[str, datetime]) -> Appointment:
    if a.order_id not in marks:
        return a
    return replace(a, told={**a.told, kind: marks[a.order_id]})


def _held(timer: Timer) -> Timer:
    """The timer as it stands after the claim."""
    return replace(timer, revision=timer.revision + 1)


def _put_off(store: MongoStore, timer: Timer, error: Exception, now: datetime) -> None:
    TIMERS_FAILED.labels("reminders").inc()
    log.error("reminder_failed", account_id=timer.account_id, attempts=timer.attempts + 1, exc_info=error)
    backoff = min(timedelta(seconds=2 ** min(timer.attempts, 10)), LONGEST_BACKOFF)
    store.reminders.put_off(timer, now + backoff)
