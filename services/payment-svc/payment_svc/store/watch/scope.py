"""What an invariant is looked for in, and what breaks it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

MOST = 1000
"""Offenders that one query names. Who has more has other worries than the rest of them."""


@dataclass(frozen=True, slots=True)
class Offender:
    """What breaks an invariant. `about` is its id; `order_id` the order that it is looked at with ("": it is of none)."""

    about: str
    what: str
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: `orders` and `bills` (provider, Beijing day); None is all of them.

    `patience`: how long a thing may be under way. `jobs`: the kinds of the jobs that see to what is under way: `query`, `close`
    (both by attempt), `refund` (by refund), and `confirmed` (by order: a confirmation that waits for its intent). `by_hand`: providers that nobody can ask.
    """

    now: datetime
    patience: timedelta
    jobs: Mapping[str, str]
    by_hand: Collection[str] = ("window",)
    orders: Collection[str] | None = None
    bills: Collection[tuple[str, date]] | None = None

    def of(self, column: sa.ColumnElement[Any] | sa.Column[Any]) -> sa.ColumnElement[bool]:
        """The condition that a row is of these orders."""
        return sa.true() if self.orders is None else column.in_(list(self.orders))

    @property
    def late(self) -> datetime:
        """What has been under way since before then, is so for too long."""
        return self.now - self.patience
