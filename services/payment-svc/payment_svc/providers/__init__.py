"""The seam to whoever takes the money. One adapter per provider; the rest of the service knows only this.

An adapter translates, and guards what is said of the provider: it checks signatures, and that an answer belongs to what was
asked (number, amount, currency, merchant). Whatever is not surely one of the definite outcomes is `Unknown`: timeouts, 5xx,
rate limits, unreadable or unsigned answers. Calls raise nothing but bugs, and none may take longer than 30 s.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, Protocol

from payment_svc.domain import CURRENCY

# --- what providers are asked ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trade:
    """What a provider is asked to take. Persisted before the first call and never recomputed: WeChat refuses the same
    number with other parameters. `amount` in fen; nobody can pay after `expires_at`.

    `channel` is how the payer gets there, one of the adapter's `channels`; `payer` what the channel must know of her: `openid`
    (jsapi), `client_ip` (h5), `return_url` (page, wap).
    """

    number: str
    amount: int
    description: str
    expires_at: datetime
    channel: str = ""
    payer: Mapping[str, str] = field(default_factory=dict)
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What a provider is asked to give back, out of `total`, the capture `transaction_id` of trade `trade_number`. In fen.

    `amount` may be a part: other parts of the same capture go back, or stay, under numbers of their own. `sent_before`: how long ago
    its number was sent for the first time; None if it surely never was. A refusal may be of the repetition alone.
    """

    number: str
    trade_number: str
    transaction_id: str
    amount: int
    total: int
    reason: str
    currency: str = CURRENCY
    sent_before: timedelta | None = field(default=timedelta(0), compare=False)


# --- what they answer --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """The trade exists, or will when the payer follows; `show` is what she needs:

    {"type": "qr", "text": ...}, {"type": "link", "url": ...}, {"type": "jsapi", "params": {...}}, {"type": "counter", "code": ...}.
    `fresh_for`: after that time it must be created anew, with the same parameters; None: it stays good while the trade does.
    """

    show: Mapping[str, Any]
    fresh_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Unpaid:
    """The trade exists and may still be paid."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Money came: `amount` in fen, as the provider says it, at the provider's time. It may have gone back since, by refunds."""

    transaction_id: str
    amount: int
    paid_at: datetime
    currency: str = CURRENCY
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reversed:
    """Money came, and the provider has given all of it back because we cancelled the trade (alipay.trade.cancel, action=refund)."""

    paid: Paid
    reversed_at: datetime


@dataclass(frozen=True, slots=True)
class Closed:
    """The trade can no longer be paid, and never was: the provider's word, or what an adapter knows for sure."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The provider refused, for good: this number will never be paid, or this refund never made."""

    reason: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The provider knows nothing of the number now. It may yet, if a call is under way, or before `gone_after`."""


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money has gone back, at the provider's time. `amount` in fen, if the provider says it; None: what was asked for."""

    refunded_at: datetime
    amount: int | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Processing:
    """The refund was accepted and is not done."""


@dataclass(frozen=True, slots=True)
class Abnormal:
    """The refund was accepted and cannot reach the payer (a dead card): staff must act, and the same number may yet succeed."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows what happened, or nothing did. Ask again, with the same number."""

    reason: str


CreateOutcome = Shown | Failed | Paid | Unknown
"""Paid: a repetition was refused, because the first one was heard and its payer has paid."""
TradeOutcome = Paid | Reversed | Unpaid | Closed | Failed | Absent | Unknown
RefundOutcome = Refunded | Processing | Abnormal | Failed | Absent | Unknown


# --- what they say unasked ---------------------------------------------------------------------------------------------


class Refused(Exception):
    """A callback that is not to be believed, or not for us. `reason` is a stable code, and all that may be logged of it:

    stale, serial, signature, probe, headers, unreadable, merchant, other.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Heard:
    """A callback that surely is the provider's. `outcome` None: it says nothing that moves money (it is kept all the same).

    `notify_id` is the provider's, and the same when it repeats itself. `number`: of the trade or of the refund, by `kind`.
    """

    notify_id: str
    kind: Literal["payment", "refund"]
    number: str
    outcome: TradeOutcome | RefundOutcome | None


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line of a day's bill. Amounts in fen and above zero; `fee` in thousandths of a fen (WeChat bills five decimals of a
    yuan), below zero if it came back with a refund. `refund_number` is empty for payments. `at` is when the payment was made, or the
    refund asked for. `status` in the provider's words.
    """

    kind: Literal["payment", "refund"]
    number: str
    refund_number: str
    transaction_id: str
    amount: int
    fee: int
    at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class Bill:
    """A day's bill, verified and read. `content` is what was downloaded, as evidence; `digest` its SHA-256 in hexadecimal."""

    lines: Sequence[BillLine]
    content: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class NotReady:
    """The bill is not made yet, or could not be had or believed: try again later."""

    reason: str


BillOutcome = Bill | NotReady
"""An empty day is a Bill without lines. It must be the provider's word, never a failed download."""


@dataclass(frozen=True, slots=True)
class Card:
    """The payer's bank card, for a refund that cannot go the way it came. Passed on encrypted, neither kept nor logged."""

    bank: str
    number: str = field(repr=False)
    holder: str = field(repr=False)


# --- the adapters ------------------------------------------------------------------------------------------------------


class Provider(Protocol):
    """One way to take money and to give it back. Every call is idempotent by its number."""

    by_hand: bool
    """True if staff, and no machine, settle it: there is nobody to query."""
    refund_gap: timedelta
    """The least time between two refunds of one trade."""
    reverses: bool
    """True if `cancel` gives back what was paid. Else it does no more than `close`, and nothing is ever cancelled."""

    @property
    def channels(self) -> Sequence[str]:
        """How its payers get there; the first if nothing is said. Empty: there is only one way."""

    def create(self, trade: Trade) -> CreateOutcome:
        """Make the trade payable; again, with the same parameters, answers the same."""

    def query(self, trade: Trade) -> TradeOutcome: ...

    def close(self, trade: Trade) -> TradeOutcome:
        """Make sure that the trade can no longer be paid: Closed, or Paid because it was. The rest is tried again."""

    def cancel(self, trade: Trade) -> TradeOutcome:
        """End a trade that `close` gets no answer about; if it was paid meanwhile, the provider may give the money back (Reversed)."""

    def gone_after(self, trade: Trade, closing_since: datetime) -> datetime:
        """From then on `Absent` means that the trade can no longer be paid."""

    def refund(self, order: RefundOrder) -> RefundOutcome: ...

    def query_refund(self, order: RefundOrder) -> RefundOutcome:
        """Absent: it was not accepted, and may be sent again under the same number."""


class Gateway(Provider, Protocol):
    """A provider across the network: it calls back, and bills."""

    accepted: tuple[int, bytes, str]
    """What a callback that was kept is answered: status, body, content type."""
    bill_ready: time
    """From when on (Beijing) a day's bill can be had, on the day after."""

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
        """Believe a callback. `headers` without regard to case. Calls nobody. Raises Refused, and nothing else."""

    def refusal(self, reason: str) -> tuple[int, bytes, str]:
        """What a callback that was refused, or could not be kept, is answered: status, body, content type."""

    def bill(self, day: date) -> BillOutcome:
        """All that came and went back on that day (Beijing)."""

    def refund_to_card(self, order: RefundOrder, refund_id: str, card: Card) -> RefundOutcome:
        """An abnormal refund goes to another card of the payer. `refund_id` is the provider's. Failed: it does not do that."""


Providers = Mapping[str, Provider]
"""By method. What is not in it cannot be paid with."""
Gateways = Mapping[str, Gateway]
