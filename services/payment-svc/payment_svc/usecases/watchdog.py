"""The watchdog: the invariants of money (store/watch), looked at for ever, in the worker, by a job of one row.

Each minute it looks at what changed since the last look, at what waits, at what was wrong last time, and at the next slice of
everything, so that everything is looked at once a day. Its work is bounded: after a rush it comes back at once for the rest. How
far it has got, and what it has told, is the job's own payload: who goes on after a crash knows it, and of two that run at once the second
changes nothing.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any

from common import ids
from common.log import get_logger
from common.outbox import Database, Timer, Tx
from prometheus_client import Gauge

from payment_svc.providers import Abnormal, Closed, Failed, Gateways, Paid, Refunded, Refused, Reversed
from payment_svc.store import watch
from payment_svc.store.watch import changes
from payment_svc.store.watch.bills import name_of
from payment_svc.store.watch.changes import Callback, Cursor
from payment_svc.store.watch.scope import Offender, Scope
from payment_svc.store.watch.state import progress
from payment_svc.usecases.alarms import MOST_NAMED, clear_alarm, raise_alarm
from payment_svc.usecases.confirmations import CONFIRMED
from payment_svc.usecases.facts import CLOSE, QUERY
from payment_svc.usecases.refunds import REFUND

log = get_logger("payments")

VIOLATIONS = Gauge(
    "haoyuan_payment_invariant_violations",
    "What breaks an invariant of money",
    ["invariant"],
    multiprocess_mode="mostrecent",
)

WATCHDOG = "watchdog"
"""The kind of the job; it has no key."""
EVERY = timedelta(minutes=1)
SWEEP = timedelta(days=1)
QUIET = timedelta(hours=1)
"""So long nobody is told again that other things break an invariant, or more of them."""
SETTLED = timedelta(seconds=10)
"""Older than a transaction may be under way: what is younger may yet get neighbours of the same time."""
PAGE = 2000
"""Changes of each kind in one look, and orders of one slice: 2.8 million orders a day."""
CHUNK = 500
KEPT = 1000
"""Offenders of an invariant that are looked at again; there may be more, which the daily round finds again."""

JOBS = {"query": QUERY, "close": CLOSE, "refund": REFUND, "confirmed": CONFIRMED}
"""The jobs that see to what is under way, as store/watch asks for them."""

Found = dict[str, dict[str, Offender]]
"""By invariant, by what it is about."""


def start(tx: Tx) -> None:
    """Set the job, unless it is there: what it knows shall survive a migration."""
    if progress(tx, WATCHDOG, "") is None:
        tx.set_timer(WATCHDOG, "", tx.now)


def whole_scope(now: datetime, patience: timedelta) -> Scope:
    """Everything, for the audit."""
    return Scope(now, patience, JOBS)


# --- how far it has got ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Progress:
    """The job's payload. `new`: cursors of what changes. `order`, `callback`, `bill`: those of the round through everything, which
    `began` then; None (or the last bill) at its end. `known`: invariant -> what breaks it -> its order. `told`: invariant -> alarm,
    a digest of what it named, and when that was told.
    """

    run: int
    new: dict[str, Cursor]
    began: datetime
    order: str | None
    callback: Cursor | None
    bill: str
    known: dict[str, dict[str, str]]
    told: dict[str, dict[str, str]]

    @classmethod
    def of(cls, payload: Mapping[str, Any], now: datetime) -> "Progress":
        first = [now.isoformat(), ""]
        new = {name: _cursor(payload.get("new", {}).get(name, first)) for name in (*changes.ORDERS, "callbacks")}
        round_ = payload.get("round", {"began": now.isoformat(), "order": "", "callback": [_EVER, ""], "bill": ""})
        return cls(
            run=payload.get("run", 0),
            new=new,
            began=datetime.fromisoformat(round_["began"]),
            order=round_["order"],
            callback=_cursor(round_["callback"]) if round_["callback"] else None,
            bill=round_["bill"],
            known=dict(payload.get("known", {})),
            told=dict(payload.get("told", {})),
        )

    def payload(self) -> dict[str, Any]:
        return {
            "run": self.run,
            "new": {name: [at.isoformat(), key] for name, (at, key) in self.new.items()},
            "round": {
                "began": self.began.isoformat(),
                "order": self.order,
                "callback": [self.callback[0].isoformat(), self.callback[1]] if self.callback else None,
                "bill": self.bill,
            },
            "known": self.known,
            "told": self.told,
        }


_EVER = datetime(2000, 1, 1, tzinfo=UTC).isoformat()


def _cursor(pair: Sequence[str]) -> Cursor:
    return datetime.fromisoformat(pair[0]), pair[1]


# --- the job ---------------------------------------------------------------------------------------------------------


def watch_money(service: Any, timer: Timer) -> None:
    """Look, say what is new, and be back in a minute. `service` is payment-svc's `Service`."""
    database: Database = service.database
    patience = timedelta(minutes=service.settings.watchdog_minutes)
    now = database.clock()
    ahead = Progress.of(timer.payload, now)
    run = ahead.run
    with database.reading() as conn:
        look = _Look(conn, Scope(now, patience, JOBS), service.parts.gateways, ahead, database.is_transient)
        look.at_everything()
    with database.transaction() as tx:
        there = progress(tx, WATCHDOG, timer.key)
        if there is None or there.get("run", 0) != run:
            return  # somebody else has run it since: this one took longer than its lease
        ahead.run = run + 1
        _tell(tx, ahead, look.found)
        tx.set_timer(WATCHDOG, timer.key, tx.now if look.more else tx.now + EVERY, ahead.payload())
    for name in watch.INVARIANTS:
        VIOLATIONS.labels(name).set(len(look.found[name]))


def _tell(tx: Tx, ahead: Progress, found: Found) -> None:
    """An alarm for each invariant that is broken by something else than when it was told, and for each that holds again."""
    for name in watch.INVARIANTS:
        about = sorted(found[name])
        ahead.known[name] = {one: found[name][one].order_id for one in about[:KEPT]}
        told, mark = ahead.told.get(name), hashlib.sha256("\n".join(about).encode()).hexdigest()[:32]
        if about and (told is None or (told["named"] != mark and tx.now >= _said(told) + QUIET)):
            alarm_id = told["alarm"] if told else ids.mint("alm")
            told = {"alarm": alarm_id, "named": mark, "at": tx.now.isoformat()}
            ahead.told[name] = told
            raise_alarm(tx, told["alarm"], name, len(about), about)
            what = [f"{one}: {found[name][one].what}" for one in about[:MOST_NAMED]]
            log.error("payment_invariant_broken", invariant=name, count=len(about), about=what)
        elif not about and told is not None:
            del ahead.told[name]
            clear_alarm(tx, told["alarm"], name)
            log.info("payment_invariant_holds_again", invariant=name)


def _said(told: Mapping[str, str]) -> datetime:
    return datetime.fromisoformat(told.get("at", _EVER))


# --- looking ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Look:
    """One look. `ahead` is moved on by it; `more`: there was more to look at than fits into one."""

    conn: Any
    scope: Scope
    gateways: Gateways
    ahead: Progress
    is_transient: Callable[[BaseException], bool]
    found: Found = field(default_factory=lambda: {name: {} for name in watch.INVARIANTS})
    more: bool = False

    def at_everything(self) -> None:
        ahead = self.ahead
        if ahead.order is None and ahead.callback is None and self.scope.now >= ahead.began + SWEEP:
            ahead.began, ahead.order, ahead.callback, ahead.bill = self.scope.now, "", _cursor([_EVER, ""]), ""
        for name, check in watch.STANDING.items():
            self._note(name, check, self.scope)
        self._callbacks()
        self._bills()
        self._orders()

    def _note(self, name: str, check: watch.Check, scope: Scope) -> None:
        """What breaks an invariant. Where it cannot be looked at, that is found, order by order, and blinds nothing else."""
        try:
            self.found[name] |= {one.about: one for one in check(self.conn, scope)}
        except Exception as error:  # noqa: BLE001  whatever it is, the other invariants are looked at
            fault = self._fault(error)
        else:
            return
        if scope.orders is not None and len(scope.orders) > 1:
            for order_id in scope.orders:
                self._note(name, check, replace(scope, orders=[order_id]))
            return
        order_id = next(iter(scope.orders or ()), "")
        self.found[name][order_id or name] = Offender(order_id or name, fault, order_id)
        for about, of in self.ahead.known.get(name, {}).items():
            if scope.orders is None or of in scope.orders:  # what broke it is not taken for mended
                self.found[name].setdefault(about, Offender(about, fault, of))

    def _fault(self, error: Exception) -> str:
        """What an offender is called that cannot be read. Raises the error if it is the database's, which comes back."""
        if self.is_transient(error):
            raise error
        return f"cannot be read: {error!r}"[:300]

    def _changed(self, source: str, after: Cursor) -> tuple[list[str], Cursor]:
        try:
            changed, cursor = changes.changed(self.conn, source, after, self.scope.now - SETTLED, PAGE)
        except Exception as error:  # noqa: BLE001  the daily round finds what this source would have told
            name = watch.CALLBACKS if source == "callbacks" else "states_only_advance"
            self.found[name][source] = Offender(source, self._fault(error))
            return [], after
        self.more |= len(changed) == PAGE
        return changed, cursor

    def _orders(self) -> None:
        orders = {order_id for known in self.ahead.known.values() for order_id in known.values()}
        for source in changes.ORDERS:
            changed, self.ahead.new[source] = self._changed(source, self.ahead.new[source])
            orders |= set(changed)
        if self.ahead.order is not None:
            # entries of no order (money of numbers that nobody gave out) go with the slices: they are few
            some = changes.orders_after(self.conn, self.ahead.order, PAGE)
            orders |= {"", *some}
            self.ahead.order = some[-1] if len(some) == PAGE else None
        todo = sorted(orders)
        for start in range(0, len(todo), CHUNK):
            scope = Scope(self.scope.now, self.scope.patience, JOBS, orders=todo[start : start + CHUNK])
            for name, check in watch.OF_ORDERS.items():
                self._note(name, check, scope)

    def _bills(self) -> None:
        """The days that were closed a moment ago, that were wrong, or whose turn it is."""
        closed = {name_of(*bill): bill for bill in changes.closed_bills(self.conn)}
        lately = {name_of(*bill) for bill in changes.closed_bills(self.conn, since=self.scope.now - 2 * EVERY)}
        todo = lately | {name for known in (self.ahead.known.get(n, {}) for n in watch.OF_BILLS) for name in known}
        turn = sorted(name for name in closed if name > self.ahead.bill)[:_BILLS]
        self.ahead.bill = turn[-1] if turn else self.ahead.bill
        todo |= set(turn)
        scope = Scope(self.scope.now, self.scope.patience, JOBS, bills=[closed[name] for name in todo & closed.keys()])
        for name, check in watch.OF_BILLS.items():
            self._note(name, check, scope)

    def _callbacks(self) -> None:
        new, self.ahead.new["callbacks"] = self._changed("callbacks", self.ahead.new["callbacks"])
        known = list(self.ahead.known.get(watch.CALLBACKS, {}))
        old: list[str] = []
        if self.ahead.callback is not None:
            until = self.scope.now - SETTLED
            old, cursor = changes.changed(self.conn, "callbacks", self.ahead.callback, until, CHUNK)
            self.ahead.callback = cursor if len(old) == CHUNK else None
        lately = self.scope.now - SWEEP
        for callback in self._named([*new, *known, *old]):
            fresh = callback.id in new or (callback.id in known and callback.received_at > lately)
            try:
                fault = self._doubt(callback, fresh=fresh)
            except Exception as error:  # noqa: BLE001  the others are looked at
                fault = self._fault(error)
            if fault:
                self.found[watch.CALLBACKS][callback.id] = Offender(callback.id, fault)

    def _named(self, callback_ids: list[str]) -> list[Callback]:
        """The callbacks that can be read."""
        try:
            return changes.callbacks_named(self.conn, callback_ids)
        except Exception as error:  # noqa: BLE001  one of them: each by itself
            fault = self._fault(error)
        if len(callback_ids) > 1:
            return [one for callback_id in callback_ids for one in self._named([callback_id])]
        for callback_id in callback_ids:
            self.found[watch.CALLBACKS][callback_id] = Offender(callback_id, fault)
        return []

    def _doubt(self, callback: Callback, *, fresh: bool) -> str:
        """What is wrong with a callback that took effect; "" if nothing.

        Its body must prove again whose it is, as of its own time, and what it says of money must be a fact. Only under the keys of
        its own time can that be seen: who fails a day after (not `fresh`) may be right under a key that is no longer used, and is passed over.
        """
        gateway = self.gateways.get(callback.provider)
        if not callback.body:
            return "its body is not kept"
        if gateway is None:
            return ""
        headers = dict(loads(callback.headers))
        try:
            heard = gateway.hear(headers, callback.body, _own_time(headers, callback.received_at))
        except Refused as refused:
            return f"is not to be believed any more: {refused.reason}" if fresh and refused.reason != "serial" else ""
        if (heard.kind, heard.number) != (callback.kind, callback.number):
            return f"speaks of {heard.kind} {heard.number}"
        moves = isinstance(heard.outcome, Paid | Reversed | Closed | Failed | Refunded | Abnormal)
        return "tells of money, and no fact does" if moves and not changes.has_fact(self.conn, callback) else ""


_BILLS = 10
"""Days that one slice of the round looks at."""


def _own_time(headers: Mapping[str, str], received_at: datetime) -> datetime:
    """When a callback was signed, where it says so; its freshness was judged by the host's clock when it came."""
    stamp = {name.lower(): value for name, value in headers.items()}.get("wechatpay-timestamp", "")
    return datetime.fromtimestamp(int(stamp), UTC) if stamp.isdigit() else received_at
