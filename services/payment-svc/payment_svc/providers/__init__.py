"""The seam to whoever takes the money. One adapter per provider; the rest of the service knows only this.

An adapter translates, and guards what is said of the provider: it checks signatures, and that an answer belongs to what was
asked (number, amount, currency, merchant). Whatever is not surely one of the definite outcomes is `Unknown`: timeouts, 5xx,
rate limits, unreadable or unsigned answers. Adapters raise nothing but bugs, and no call may take longer than 30 s.

Callbacks and bills come in by the adapter's own routes and readers; what they tell becomes a `domain.Fact` as everything does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from payment_svc.domain import CURRENCY


@dataclass(frozen=True, slots=True)
class Trade:
    """What a provider is asked to take. Persisted before the first call and never recomputed: WeChat refuses the same
    number with other parameters. `amount` in fen; nobody can pay after `expires_at`.
    """

    number: str
    amount: int
    description: str
    expires_at: datetime
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What a provider is asked to give back, out of `total`, the capture `transaction_id` of trade `trade_number`. In fen.

    `amount` may be a part: other parts of the same capture go back, or stay, under numbers of their own.
    """

    number: str
    trade_number: str
    transaction_id: str
    amount: int
    total: int
    reason: str
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class Shown:
    """The trade exists; `show` is what the payer needs: {"type": "link", "url": ...}, {"type": "counter", "code": ...}."""

    show: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unpaid:
    """The trade exists and may still be paid."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Money came: `amount` in fen, as the provider says it, at the provider's time."""

    transaction_id: str
    amount: int
    paid_at: datetime
    currency: str = CURRENCY
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closed:
    """The trade can no longer be paid: the provider's word, or what an adapter knows for sure."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider refused, for good: this number will never be paid, or this refund never made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider knows nothing of the number now. It may yet, if a call is under way."""


@dataclass(frozen=True, slots=True)
class Refunded:
    """Exactly the amount that was asked for has gone back, at the provider's time."""

    refunded_at: datetime
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Processing:
    """The refund was accepted and is not done."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows what happened, or nothing did. Ask again, with the same number."""

    reason: str


CreateOutcome = Shown | Failed | Unknown
TradeOutcome = Paid | Unpaid | Closed | Failed | Absent | Unknown
RefundOutcome = Refunded | Processing | Failed | Absent | Unknown


class Provider(Protocol):
    """One way to take money and to give it back. Every call is idempotent by its number."""

    by_hand: bool
    """True if staff, and no machine, settle it: there is nobody to query."""

    def create(self, trade: Trade) -> CreateOutcome:
        """Make the trade payable; again, with the same parameters, answers the same."""

    def query(self, trade: Trade) -> TradeOutcome: ...

    def close(self, trade: Trade) -> TradeOutcome:
        """Make sure that the trade can no longer be paid: Closed, or Paid because it was. The rest is tried again."""

    def refund(self, order: RefundOrder) -> RefundOutcome: ...

    def query_refund(self, order: RefundOrder) -> RefundOutcome:
        """Absent: it was not accepted, and may be sent again under the same number."""


Providers = Mapping[str, Provider]
"""By method. What is not in it cannot be paid with."""
