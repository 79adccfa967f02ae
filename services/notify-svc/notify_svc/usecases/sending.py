"""Send what is due: each delivery at most once wherever the provider can be asked or knows our key, whatever dies in between.

The steps of one: (1) it is taken; (2) the state of things is looked at again; (3) it is handed, which is written with the provider's
name; (4) the provider is called; (5) what it said is written. A crash before 3 sends nothing; after it, the provider is asked.
"""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from common.log import get_logger
from common.vault import Unreadable, Vault

from notify_svc import reminders, unsubscribe
from notify_svc.channels import Absent, Carrier, Channel, Later, Letter, Outcome, Refused, Sent, Unknown
from notify_svc.channels.answers import ALARM
from notify_svc.circuits import Circuits
from notify_svc.delivery import Attempt, Contact, Delivery, State, masked, pause_after
from notify_svc.domain import Notification, rank
from notify_svc.kinds import KINDS, URGENT
from notify_svc.letters import compose
from notify_svc.metrics import ALARMS, DELIVERIES
from notify_svc.store import MongoStore
from notify_svc.usecases import contacts

log = get_logger("sending")

BATCH = 200
"""Deliveries in memory at once, at most."""

MOST_SHOWN = 30
"""Attempts of one delivery in the log: the last of them."""

NOBODY = "address: "
"""The reason begins with it while all that have refused say that nobody is there. One alone may err: its interface may be for numbers
at home, or its list old. When there is nobody else to ask, the address is dead.
"""

LEASE = timedelta(minutes=2)
"""For what takes no call of a provider. A call has its own time beside it."""

ASK_AFTER = timedelta(seconds=10)
ASK_FOR = timedelta(minutes=30)
ASKED_AT_ONCE = 4
"""Deliveries of a channel that one process asks about at once: others do not wait for a provider that does not answer."""

STALLED = 30.0
"""Seconds from taking to calling after which the call is not made: somebody else may hold the delivery before it ends."""


class _Stopped(Exception):
    """It is not to be sent."""

    def __init__(self, state: State, reason: str) -> None:
        super().__init__(reason)
        self.state, self.reason = state, reason


class _Lost(Exception):
    """Somebody else holds the delivery now: nothing more is done here."""


@dataclass
class Post:
    """What sending needs. `most`: letters for each provider and second. `call`: the longest that a provider is waited for."""

    store: MongoStore
    vault: Vault
    carriers: Sequence[Carrier]
    most: Mapping[str, int]
    call: timedelta
    public_url: str
    mail_from: str
    circuits: Circuits = field(default_factory=Circuits)
    _asking: Counter[Channel] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def due(self, channel: Channel) -> list[Callable[[], bool]]:
        """What is to be done now: `send` of what fits into a second, the urgent first, and after these `recover` of what was left
        behind, of which few are asked about at once.
        """
        deliveries, now = self.store.deliveries, self.store.clock()
        mine = [c for c in self.carriers if c.channel == channel]
        most = max((self.most[c.name] for c in mine), default=BATCH)
        rest = {c.name for c in mine if self.circuits.rests_until(c.name, now)}
        waiting = [] if rest and len(rest) == len(mine) else deliveries.due(channel, now, min(BATCH, most))
        urgent = [d for d in waiting if d.lane == URGENT]
        left = deliveries.left_behind(channel, now, BATCH)
        taken = [d for d in left if d.state == "taken"]
        handed = [d for d in left if d.state == "handed" and d.provider not in rest]
        left = [*taken, *handed[: max(ASKED_AT_ONCE - self._asking[channel], 0)]]
        others = waiting[len(urgent) :]
        return [
            *(partial(self.send, d) for d in urgent),
            *(partial(self.recover, d) for d in left),
            *(partial(self.send, d) for d in others),
        ]

    # --- one delivery

    def send(self, waiting: Delivery) -> bool:
        """Send it if it is still to be sent. False if no provider has room in this second.

        Raises what the store raises when it is away; the lease makes good what was begun.
        """
        now = self.store.clock()
        d = self.store.deliveries.change(waiting, state="taken", holder=secrets.token_hex(8), due_at=now + LEASE)
        if d is None:
            return True
        began = time.monotonic()
        try:
            contact = self._contact(d)
            quiet = self._look(d, contact, now)
            if quiet is not None:
                self._wait(d, quiet)
                return True
            return self._carry(d, contact, self._letter(d, contact), began)
        except _Stopped as stopped:
            self._end(d, stopped.state, stopped.reason)
        except _Lost:
            log.warning("delivery_lost", delivery_id=d.id)
        except Exception as error:
            if self.store.is_transient(error):
                raise
            log.exception("delivery_failed", delivery_id=d.id)
            self._end(d, "failed", f"error: {type(error).__name__}")  # one that was handed by then is asked about
        return True

    def recover(self, left: Delivery) -> bool:
        """Go on with one that somebody took and did not bring to an end. False if its provider has no room in this second."""
        now = self.store.clock()
        if left.state == "taken":
            self.store.deliveries.change(left, state="waiting", holder="", due_at=now)
            return True
        if self.circuits.rests_until(left.provider, now):
            return True
        if left.provider in self.most and not self.store.rates.take(left.provider, self.most[left.provider], now):
            return False
        with self._lock:
            self._asking[left.channel] += 1
        try:
            self._recover_handed(left, now)
        finally:
            with self._lock:
                self._asking[left.channel] -= 1
        return True

    def _recover_handed(self, left: Delivery, now: datetime) -> None:
        d = self.store.deliveries.change(left, holder=secrets.token_hex(8), due_at=now + LEASE + self.call)
        if d is None:
            return
        try:
            self._ask(d)
        except Exception as error:
            if self.store.is_transient(error):
                raise
            reason = error.reason if isinstance(error, _Stopped) else f"error: {type(error).__name__}"
            self._end(d, "unsure", reason)

    # --- the state of things

    def _contact(self, d: Delivery) -> Contact | None:
        """None for what brings its own address."""
        return self.store.contacts.get(d.account_id) if d.sealed is None else None

    def _look(self, d: Delivery, contact: Contact | None, now: datetime) -> datetime | None:
        """Until when it must wait, if so. Raises _Stopped if it is not to be sent at all."""
        if now >= d.expires_at:
            raise _Stopped("failed", "expired")
        if contact is None:
            return None
        if reason := contact.takes(d.kind, d.channel):
            raise _Stopped("skipped", reason)
        kind = KINDS[d.kind]
        quiet = contact.quiet.until(now) if contact.quiet and kind.optional and not kind.at_once else None
        if quiet is not None and quiet >= d.expires_at:
            raise _Stopped("skipped", "quiet_hours")
        return quiet

    def _letter(self, d: Delivery, contact: Contact | None) -> Letter:
        """Raises _Stopped if there is nothing to say, or no way to say it."""
        try:
            told, to, locale = self._what_and_where(d, contact)
        except Unreadable as error:
            raise _Stopped("failed", "unreadable") from error
        kind = KINDS[d.kind]
        way_out = ""
        if kind.optional and d.channel == "email":
            way_out = unsubscribe.url_of(self.public_url, d.account_id, d.channel, kind.category)
        try:
            return compose(told, d.channel, to=to, key=d.key, locale=locale, unsubscribe=way_out, sender=self.mail_from)
        except Exception as error:
            log.exception("letter_failed", delivery_id=d.id)
            raise _Stopped("failed", f"template: {type(error).__name__}") from error

    def _what_and_where(self, d: Delivery, contact: Contact | None) -> tuple[Notification, str, str]:
        if d.sealed is not None:
            params = dict(d.sealed.params)
            if d.sealed.code is not None:
                params["code"] = self.vault.open(*d.sealed.code)
            told = _notification(d.notification_id, d.account_id, d.kind, d.sealed.version, params, d.created_at)
            return told, self.vault.open(*d.sealed.to), d.sealed.locale
        if contact is None or d.channel not in contact.addresses:
            raise _Stopped("skipped", "no_address")
        found = self.store.notifications.get(d.notification_id)
        if found is None:
            raise _Stopped("skipped", "forgotten")
        return self._as_it_stands(d, found), self._opened(d, contact.addresses[d.channel]), contact.locale

    def _opened(self, d: Delivery, address: str) -> str:
        name = {"email": "email", "sms": "phone"}[d.channel]
        return self.vault.open(address, f"{d.account_id}/{name}")

    def _handed(self, d: Delivery) -> Letter:
        """The letter that a provider perhaps has, as far as it is asked about it: by the address that it was handed over with."""
        if d.sealed is None and not d.handed_to:
            raise _Stopped("unsure", "no_address")  # the account has ended since
        try:
            to = self.vault.open(*d.sealed.to) if d.sealed is not None else self._opened(d, d.handed_to)
        except Unreadable as error:
            raise _Stopped("unsure", "unreadable") from error
        return Letter(d.key, d.channel, to, d.kind, locale="", subject="", text="")

    def _as_it_stands(self, d: Delivery, n: Notification) -> Notification:
        """A reminder without the visits that do not take place any more. Raises _Stopped if it is obsolete."""
        kind = KINDS[d.kind]
        order_id = n.params.get(kind.state_of) if kind.overtaken_by else None
        if order_id and kind.overtaken_by & self.store.notifications.kinds_told_of(order_id):
            raise _Stopped("skipped", "overtaken")
        if kind.followed_by and self.store.notifications.is_followed(n, kind.followed_by):
            raise _Stopped("skipped", "overtaken")
        if not d.guard:
            return n
        standing = self.store.visits.standing(d.guard)
        if "visits" in n.params:
            params = reminders.still(n.params, standing)
            if params is not None:
                return replace(n, params=params)
        elif standing:
            return n
        raise _Stopped("skipped", "no_longer_stands")

    # --- providers

    def _carry(self, d: Delivery, contact: Contact | None, letter: Letter, began: float) -> bool:
        """Offer it to one provider after the other, until one has it, perhaps has it, or all have refused."""
        able = [c for c in self.carriers if c.channel == d.channel and c.carries(d.kind, letter.locale)]
        rests: list[datetime] = []
        full = busy = False
        for carrier in able:
            now = self.store.clock()
            if carrier.name in d.refused_by:
                continue
            if until := self.circuits.rests_until(carrier.name, now):
                rests.append(until)
                continue
            if not self.store.rates.take(carrier.name, self.most[carrier.name], now):
                full = True
                rests.append(now.replace(microsecond=0) + timedelta(seconds=1))
                break  # the next one takes over when this one fails, and not when it is in demand
            d, outcome = self._call(d, contact, carrier, letter, began)
            if isinstance(outcome, Sent | Unknown):
                self._settle(d, outcome)
                return True
            if isinstance(outcome, Later):
                busy = True
                rests.append(now + max(timedelta(seconds=outcome.seconds), pause_after(d.tries + 1)))
        if not rests:
            if contact is not None and d.reason.startswith(NOBODY):
                contacts.address_is_dead(self.store, contact, d.channel)
            self._end(d, "failed", d.reason or "no_carrier")
            return True
        tries = d.tries + 1 if busy else d.tries
        self._wait(d, max(min(rests), self.store.clock()), tries=tries)
        return not full

    def _call(
        self, d: Delivery, contact: Contact | None, carrier: Carrier, letter: Letter, began: float
    ) -> tuple[Delivery, Outcome]:
        """Hand it over and note what was said. Of a refusal and of a busy provider the delivery is ours again after that."""
        now = self.store.clock()
        attempt = Attempt(now, carrier.name, "handed")
        handed = self._change(
            d,
            state="handed",
            provider=carrier.name,
            due_at=now + LEASE + self.call,
            attempts=(*d.attempts[-MOST_SHOWN + 1 :], attempt),
            masked_to=masked(letter.to, d.channel),
            handed_to=contact.addresses[d.channel] if contact is not None else "",
        )
        outcome: Outcome = Later("stalled", "this process was held up")
        if time.monotonic() - began < STALLED:
            outcome = carrier.send(letter)
            if isinstance(outcome, Unknown) or (isinstance(outcome, Later) and not outcome.address):
                self.circuits.failed(carrier.name, self.store.clock())
            else:
                self.circuits.answered(carrier.name)
        DELIVERIES.labels(d.channel, carrier.name, type(outcome).__name__.lower()).inc()
        if getattr(outcome, "why", "").startswith(ALARM):
            ALARMS.labels(carrier.name).inc()
        if isinstance(outcome, Refused):
            all_say_so = outcome.address and (not d.refused_by or d.reason.startswith(NOBODY))
            reason = f"{NOBODY}{outcome.code}" if all_say_so else outcome.code
            refused_by, said = (*d.refused_by, carrier.name), _told(handed, outcome)
            return self._change(handed, state="taken", attempts=said, refused_by=refused_by, reason=reason), outcome
        if isinstance(outcome, Later):
            return self._change(handed, state="taken", attempts=_told(handed, outcome)), outcome
        return handed, outcome

    def _settle(self, handed: Delivery, outcome: Sent | Unknown) -> None:
        attempts = _told(handed, outcome)
        if isinstance(outcome, Sent):
            self._end(handed, "sent", "", attempts=attempts, reference=outcome.reference)
        else:
            self._change(handed, attempts=attempts, due_at=self.store.clock() + ASK_AFTER)

    def _ask(self, d: Delivery) -> None:
        """What became of one that was handed over without an answer?"""
        now = self.store.clock()
        handed_at = d.attempts[-1].at
        carrier = next((c for c in self.carriers if c.name == d.provider), None)
        if carrier is None:
            raise _Stopped("unsure", "no_carrier")
        found = carrier.find(self._handed(d), handed_at)
        match found:
            case Sent(reference):
                self._end(d, "sent", "", attempts=_told(d, found), reference=reference)
            case Absent():
                self._change(d, state="waiting", holder="", handed_to="", due_at=now, attempts=_told(d, found))
            case Unknown() if now - handed_at < ASK_FOR:
                self._change(d, due_at=now + ASK_AFTER + (now - handed_at) / 2)
            case _:
                self._end(d, "unsure", "unanswered")

    # --- what is written

    def _change(self, d: Delivery, **changes: object) -> Delivery:
        changed = self.store.deliveries.change(d, **changes)
        if changed is None:
            raise _Lost
        return changed

    def _wait(self, d: Delivery, until: datetime, tries: int | None = None) -> None:
        due_at = min(until, d.expires_at)  # then it is looked at for the last time
        tries = d.tries if tries is None else tries
        self.store.deliveries.change(d, state="waiting", holder="", handed_to="", due_at=due_at, tries=tries)

    def _end(
        self,
        d: Delivery,
        state: State,
        reason: str,
        attempts: tuple[Attempt, ...] | None = None,
        reference: str = "",
    ) -> None:
        """The end of it, and of what was sealed for it."""
        changed = self.store.deliveries.change(
            d,
            state=state,
            reason=reason,
            attempts=d.attempts if attempts is None else attempts,
            reference=reference,
            holder="",
            sealed=None,
            handed_to="",
            ended_at=self.store.clock(),
        )
        if changed is not None:
            DELIVERIES.labels(d.channel, d.provider, state).inc()


def _told(d: Delivery, outcome: Outcome | Absent) -> tuple[Attempt, ...]:
    """The attempts, the last of them with what was said of it."""
    last = replace(
        d.attempts[-1],
        outcome=type(outcome).__name__.lower(),
        code=getattr(outcome, "code", ""),
        why=getattr(outcome, "why", "")[:500],
        reference=getattr(outcome, "reference", ""),
    )
    return (*d.attempts[:-1], last)


def _notification(
    name: str, recipient: str, kind: str, version: int, params: Mapping[str, object], at: datetime
) -> Notification:
    return Notification(name, recipient, kind, version, params, None, None, at, rank(at, name))
