"""The rules of money: the states, what a provider's fact does to them, when to ask again. Pure.

An intent is what an order owes: one per order. An attempt is one try to pay it, with one provider order number. A fact is
what a provider said about money; nothing else moves a state because of money. A capture (a success with money in it) counts
for the intent, or it is surplus and goes back by itself. A tender is a part of a capture, and says whose money it is now: it
settles an order, until it moves to another order or goes back.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from common.clock import SHANGHAI

CURRENCY = "CNY"
MOST_ATTEMPTS = 20
"""Per intent. Each is a thing that could be paid, so there is an end to making them."""

IntentState = Literal["open", "paid", "closing", "closed", "moved"]
"""`moved`: its money now settles another order, which took its place."""
AttemptState = Literal["created", "pending", "unknown", "succeeded", "closing", "closed", "failed"]
RefundState = Literal["reserved", "submitted", "processing", "abnormal", "succeeded", "failed"]
"""`abnormal`: it cannot reach the payer the way it came. It is still in flight; staff send it to a card, or the provider settles it."""
Purpose = Literal["order", "surplus"]

UNANSWERED = frozenset({"created", "unknown"})
"""The provider has not (surely) heard of the attempt: creating it is repeated, with the same number and parameters."""
PAYABLE = UNANSWERED | {"pending"}
LIVE = PAYABLE | {"closing"}
"""Money may still come from these attempts."""
UNSETTLED = frozenset({"reserved", "submitted", "processing", "abnormal"})

_RANK = {"closed": 1, "failed": 2, "succeeded": 3}


@dataclass(frozen=True, slots=True)
class Intent:
    """What an order owes. A tombstone (closed before it was requested) knows its order and nothing else.

    `amount` grows when another order's money moves in; what settles it are its tenders.
    """

    order_id: str
    account_id: str
    hospital_id: str
    amount: int
    description: str
    pay_before: datetime | None
    state: IntentState
    payment_id: str | None = None
    """The attempt that its money came by (the first, if by several), and the capture's fact; set when `paid` or `moved`."""
    capture_id: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to pay. `params` is exactly what the provider is asked, however often it has to be asked."""

    id: str
    order_id: str
    method: str
    number: str
    amount: int
    state: AttemptState
    params: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    show: Mapping[str, Any] | None = None
    idempotency_key: str | None = None
    request_hash: str = ""
    paid_at: datetime | None = None
    reason: str = ""
    show_until: datetime | None = None
    """From then on `show` must be made anew; None: it stays good."""
    cancelled_at: datetime | None = None
    """Since then the provider may be cancelling it, and giving back what comes: its money counts no more."""


@dataclass(frozen=True, slots=True)
class Tender:
    """A part of a capture, and the order that it is for: all of the capture at first, less after a move.

    It settles its order until it is given on, once and as a whole: `moved` fen to the tender of another order, `returned` fen
    to the payer. `moved_from` is the tender that it came out of.
    """

    id: str
    order_id: str
    capture_id: str
    payment_id: str
    provider: str
    amount: int
    moved_from: str | None
    created_at: datetime
    moved: int = 0
    returned: int = 0

    @property
    def settles(self) -> bool:
        return not self.moved and not self.returned


@dataclass(frozen=True, slots=True)
class Part:
    """A part of what a payment brought: `amount` fen that settle the order, or are given back for it."""

    order_id: str
    from_order_id: str | None
    amount: int
    settles: bool


@dataclass(frozen=True, slots=True)
class Move:
    """What was done for a MovePayment: `amount` fen moved from one order to the other, `returned` fen went back to the payer."""

    from_order_id: str
    order_id: str
    amount: int
    returned: int


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back, what a tender gave for it. A refusal is final: staff issue it again, as a new refund."""

    id: str
    order_id: str
    tender_id: str
    payment_id: str
    capture_id: str
    provider: str
    number: str
    amount: int
    purpose: Purpose
    state: RefundState
    created_at: datetime
    updated_at: datetime
    reason: str = ""
    failure: str = ""
    retry_of: str | None = None
    retried_as: str | None = None
    from_order_id: str | None = None
    """The order that this money settled before, if it has moved."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What a provider said of a payment (by its order number) or of a refund (by its refund number).

    `outcome`: `succeeded` (money moved: `amount` fen; a payment's success names its transaction), `failed`; for payments
    `closed` (it can no longer be paid), for refunds `abnormal` (it cannot reach the payer the way it came).
    Raises ValueError when made without what it needs.
    """

    provider: str
    kind: Literal["payment", "refund"]
    number: str
    outcome: Literal["succeeded", "failed", "closed", "abnormal"]
    source: Literal["callback", "query", "answer", "bill", "staff"]
    occurred_at: datetime
    amount: int = 0
    currency: str = CURRENCY
    transaction_id: str | None = None
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        capture = self.kind == "payment" and self.outcome == "succeeded"
        if capture != bool(self.transaction_id):
            raise ValueError("a payment's success names its transaction, and nothing else does")
        if (self.outcome == "succeeded") != (self.amount > 0):
            raise ValueError("a success moves a positive amount, and nothing else does")
        if self.outcome == ("closed" if self.kind == "refund" else "abnormal"):
            raise ValueError("a payment is closed, a refund is abnormal")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as money is concerned. `cashier_of` is the hospital whose counter the caller serves."""

    account_id: str
    cashier_of: str = ""
    operator: bool = False

    def serves(self, hospital_id: str) -> bool:
        """True for the cashiers of that hospital and for operators."""
        return self.operator or bool(hospital_id and self.cashier_of == hospital_id)

    def sees(self, intent: Intent) -> bool:
        return (bool(intent.account_id) and intent.account_id == self.account_id) or self.serves(intent.hospital_id)


Verdict = Literal["counts", "surplus", "mismatch"]


def weigh(intent: Intent, attempt: Attempt, fact: Fact) -> Verdict:
    """What a capture is to its intent. The first right one counts, also while closing; the rest goes back.

    A capture of another amount than was asked never counts: it is kept, and goes back as what it was. Neither does one of an attempt
    that is being cancelled: its provider may give it back by itself, and an order must not be told that it is paid by then.
    """
    if fact.amount != attempt.amount or fact.currency != CURRENCY:
        return "mismatch"
    return "counts" if intent.state in {"open", "closing"} and attempt.cancelled_at is None else "surplus"


def outranks(new: AttemptState, old: AttemptState) -> bool:
    """True if an ended attempt moves from `old` to `new`: success beats failure beats closed, whatever comes first."""
    return _RANK[new] > _RANK.get(old, 0)


def divide(tenders: Iterable[Tender], amount: int) -> list[tuple[Tender, int]]:
    """How much of each tender moves, in their order, so that `amount` fen move in all. What is left of one goes back.

    Raises ValueError if there is not so much.
    """
    parts = []
    for tender in tenders:
        part = min(tender.amount, amount)
        parts.append((tender, part))
        amount -= part
    if amount:
        raise ValueError(f"{amount} fen are missing")
    return parts


TRANSFER = "order_transfer"
"""The ledger account of money between two orders. A move debits it for the one and credits it for the other, at once."""
REVENUE = "revenue"
"""The ledger account of fees that are earned."""
REST = "fee_difference"
"""The reason why money goes back that has not moved with the rest of it."""


def payable_account(purpose: Purpose) -> str:
    """The ledger account that owes the money of such a refund."""
    return "order_payable" if purpose == "order" else "surplus_payable"


def clearing(provider: str) -> str:
    """The ledger account of the money that a provider holds for us (the drawer, for the counter)."""
    return f"clearing:{provider}"


# Crockford's base 32: no I, L, O, U, so that a number can be read out at a counter (https://www.crockford.com/base32.html)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_number(now: datetime) -> str:
    """A provider order or refund number: the Beijing day, then 60 random bits. Fits Alipay and WeChat ([0-9A-Za-z_]{6,32})."""
    return f"{now.astimezone(SHANGHAI):%y%m%d}" + "".join(secrets.choice(_ALPHABET) for _ in range(12))


_SCHEDULE = tuple(timedelta(seconds=s) for s in (5, 30, 60, 180, 300, 600, 1800))
"""WeChat Pay's recommended times between queries of an unpaid order; then it is closed."""


def next_query(asked: int) -> timedelta | None:
    """How long to wait after having asked `asked` times for a payment; None: ask no more, close it."""
    return _SCHEDULE[asked] if asked < len(_SCHEDULE) else None


def next_refund_query(asked: int) -> timedelta:
    """How long to wait after having asked `asked` times for a refund. There is no end to it: it is money."""
    return _SCHEDULE[min(asked, len(_SCHEDULE) - 1)]


def next_close(tried: int) -> timedelta:
    """How long to wait after `tried` fruitless closes: 1, 2, 4 ... 60 s, for ever. A slot waits for the answer."""
    return timedelta(seconds=min(2 ** min(tried, 6), 60))


LEAST_TIME = timedelta(seconds=90)
"""What an attempt with a provider across the network has at least, also where the order's own time ends before. WeChat Pay refuses
less than a minute; the rest is for calls, repetitions and clocks. A close does not wait for it to end, and money until then counts."""


CREATE_GRACE = timedelta(minutes=2)
"""Longer than any call that creates a trade may be under way. A provider that knows nothing of a number may yet hear of it."""
