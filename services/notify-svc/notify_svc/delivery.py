"""A delivery: one notification on its way to one address. Pure rules: what is planned, and what still stands in its way.

States: waiting -> taken -> handed -> sent (-> delivered, if the provider says so), or failed, unsure, skipped with a reason.
A crash in `taken` is safe: it is taken anew after its lease. `handed` is written right before the provider is called: after a
crash there the provider is asked, and where it cannot be asked the delivery is `unsure` and never sent again by itself.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal

from common.clock import SHANGHAI

from notify_svc.channels import Channel
from notify_svc.domain import Notification, rank
from notify_svc.kinds import CHANNELS, KINDS, OPTIONAL

State = Literal["waiting", "taken", "handed", "sent", "delivered", "failed", "unsure", "skipped"]

STATES: tuple[State, ...] = ("waiting", "taken", "handed", "sent", "delivered", "failed", "unsure", "skipped")

ENDED: frozenset[State] = frozenset({"sent", "delivered", "failed", "unsure", "skipped"})

YOUNG = timedelta(minutes=10)
"""What was told this long ago at most is sent to an address that becomes known only now: the welcome."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What goes to an address that came with its message and belongs to no contact: codes, former addresses. All of it goes
    when the delivery has ended. `to` and `code`: sealed text and its context.
    """

    to: tuple[str, str]
    code: tuple[str, str] | None
    locale: str
    params: Mapping[str, Any]
    version: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a provider, or one look at what became of it. `outcome`: handed, sent, refused, later, unknown, absent."""

    at: datetime
    provider: str
    outcome: str
    code: str = ""
    why: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """`due_at`: when it is next to be looked at: sent, or, if taken or handed, the end of the lease.

    guard: orders of which one must still stand. refused_by: providers that will never carry it. resent: how often staff wanted
    it sent anew. handed_to: the contact's address, sealed, that a provider has perhaps sent it to: it is asked about that one.
    holder: the claim that may change it now.
    """

    id: str
    notification_id: str
    account_id: str
    kind: str
    channel: Channel
    order_id: str | None
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    guard: tuple[str, ...] = ()
    sealed: Sealed | None = None
    state: State = "waiting"
    reason: str = ""
    provider: str = ""
    reference: str = ""
    masked_to: str = ""
    handed_to: str = ""
    attempts: tuple[Attempt, ...] = ()
    refused_by: tuple[str, ...] = ()
    tries: int = 0
    resent: int = 0
    holder: str = ""
    ended_at: datetime | None = None

    @property
    def lane(self) -> int:
        return KINDS[self.kind].lane

    @property
    def rank(self) -> str:
        """What the log is sorted by."""
        return rank(self.created_at, self.id)

    @property
    def key(self) -> str:
        """The letter's: the same for a provider until staff want it sent anew."""
        return f"{self.id}:{self.resent}" if self.resent else self.id


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Beijing time; over midnight if it ends before it begins."""

    begin: time
    end: time

    def until(self, now: datetime) -> datetime | None:
        """When the quiet hours of now end; None outside of them."""
        local = now.astimezone(SHANGHAI)
        at = local.time()
        over_midnight = self.end <= self.begin
        quiet = (at >= self.begin or at < self.end) if over_midnight else self.begin <= at < self.end
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if over_midnight and at >= self.begin else 0)
        return datetime.combine(day, self.end, SHANGHAI)


def _everything() -> dict[str, dict[str, bool]]:
    return {channel: dict.fromkeys(OPTIONAL, True) for channel in CHANNELS}


@dataclass(frozen=True, slots=True)
class Contact:
    """Where an account's owner is reached, and what she wants. `addresses`: sealed, by channel. `dead`: nobody is there."""

    account_id: str
    revision: int = 0
    locale: str = "zh-CN"
    addresses: Mapping[str, str] = field(default_factory=dict)
    dead: frozenset[str] = frozenset()
    wants: Mapping[str, Mapping[str, bool]] = field(default_factory=_everything)
    quiet: QuietHours | None = None
    gone: bool = False

    def takes(self, kind: str, channel: str) -> str:
        """Why nothing of this kind goes there: a reason, or "" if it does."""
        if not self.addresses.get(channel):
            return "no_address"
        if channel in self.dead:
            return "address_dead"
        category = KINDS[kind].category
        if KINDS[kind].optional and not self.wants[channel][category]:
            return "opted_out"
        return ""


def deliveries_of(
    n: Notification, contact: Contact, now: datetime, guard: Iterable[str], expires_at: datetime | None
) -> Iterator[Delivery]:
    """What goes out for a notification, by today's addresses and wishes. Nothing that would come too late."""
    kind = KINDS[n.kind]
    if kind.unless and n.params.get(kind.unless):
        return
    until = expires_at or _end_of(n, now)
    if until <= now:
        return
    dead = n.params.get("channel") if n.kind == "address_dead" else None  # it is not told where nobody is
    for channel in kind.channels:
        if channel != dead and not contact.takes(n.kind, channel):
            yield Delivery(
                id=f"{n.id}:{channel}",
                notification_id=n.id,
                account_id=n.recipient,
                kind=n.kind,
                channel=channel,
                order_id=n.order_id,
                created_at=n.created_at,
                due_at=now,
                expires_at=until,
                guard=tuple(guard),
            )


def _end_of(n: Notification, now: datetime) -> datetime:
    kind = KINDS[n.kind]
    said = n.params.get(kind.until) if kind.until else None
    if isinstance(said, str):
        return datetime.fromisoformat(said)
    try:
        return n.created_at.replace(tzinfo=n.created_at.tzinfo or UTC) + kind.worth
    except OverflowError:  # a message from the edge of time
        return now


def pause_after(tries: int) -> timedelta:
    """Until the next try: doubling, with jitter, so that what failed together does not come back together."""
    doublings: int = 2 ** min(max(tries - 1, 0), 12)
    return min(FIRST_PAUSE * doublings, LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing


def masked(address: str, channel: str) -> str:
    """An address as staff may see it."""
    if channel == "email":
        name, _, domain = address.rpartition("@")
        return f"{name[:1] if len(name) > 1 else ''}***@{domain}"  # one letter would be all of it
    return f"{address[:-8]}****{address[-4:]}" if len(address) >= 11 else "****"
