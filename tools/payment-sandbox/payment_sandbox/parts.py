"""What the modules are to each other. Each vendor speaks its protocol; books, clock, faults and callbacks are shared."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from flask import Blueprint, Response

TradeState = Literal["unpaid", "paid", "closed"]
RefundState = Literal["processing", "success", "closed", "abnormal"]


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade, by the merchant's number. In fen. `params`: what the merchant asked for, to compare a repetition with.

    `scanned`: the payer has seen it (an Alipay trade does not exist before). `token` is in the payer's link, and cannot be guessed.
    """

    provider: str
    number: str
    channel: str
    amount: int
    subject: str
    params: Mapping[str, Any]
    notify_url: str
    token: str
    created_at: datetime
    expires_at: datetime
    state: TradeState = "unpaid"
    scanned: bool = False
    return_url: str = ""
    payer: str = ""
    transaction_id: str = ""
    paid_at: datetime | None = None
    closed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back: out of trade `trade_number`, by the merchant's `number`; `refund_id` is the vendor's."""

    provider: str
    number: str
    trade_number: str
    refund_id: str
    amount: int
    reason: str
    notify_url: str
    requested_at: datetime
    state: RefundState = "processing"
    done_at: datetime | None = None
    source: str = ""
    """Where it went, if not to where the money came from (an abnormal refund's card)."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the vendor tells the merchant, until she has heard it: `event` is `paid` or `refund`."""

    id: str
    provider: str
    event: Literal["paid", "refund"]
    number: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to tell a notice, signed freshly."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with a call, or with a delivery.

    Before anything happens: `delay` (`seconds`, then as usual), `drop-before` (connection cut), `500`, `502` (an HTML page), `429`,
    `unknown` (Alipay's 20000; WeChat's SYSTEM_ERROR). After it has happened: `drop-after` (connection cut), `500-after`,
    `malformed`, `bad-signature`, `signtest`, `wrong-serial`, `stale`, `unsigned`.
    """

    name: str
    seconds: float = 0.0


BEFORE = ("delay", "drop-before", "500", "502", "429", "unknown")
AFTER = ("drop-after", "500-after", "malformed", "bad-signature", "signtest", "wrong-serial", "stale", "unsigned")


class Books(Protocol):
    """Trades and refunds. `changing()` makes what is done within it one transaction, alone."""

    def changing(self) -> AbstractContextManager[None]: ...
    def add_trade(self, trade: Trade) -> None: ...
    def trade(self, provider: str, number: str) -> Trade | None: ...
    def trade_of(self, provider: str, transaction_id: str) -> Trade | None: ...
    def trade_by_token(self, token: str) -> Trade | None: ...
    def set_trade(self, trade: Trade) -> None: ...
    def trades(self, provider: str) -> list[Trade]: ...
    def add_refund(self, refund: Refund) -> None: ...
    def refund(self, provider: str, number: str) -> Refund | None: ...
    def refund_by_id(self, provider: str, refund_id: str) -> Refund | None: ...
    def refunds_of(self, provider: str, trade_number: str) -> list[Refund]: ...
    def refunds(self, provider: str) -> list[Refund]: ...
    def set_refund(self, refund: Refund) -> None: ...
    def use_nonce(self, provider: str, nonce: str) -> bool:
        """False if it was used before."""
        ...


@dataclass
class Options:
    """What the vendors' documents leave open, or what tests want otherwise. Set by `POST /_ctl/options`."""

    close_paid_code: str = "ORDERPAID"
    """What WeChat answers to the close of a paid order: ORDERPAID, ORDER_PAID, TRADE_ERROR."""
    order_not_exist_code: str = "ORDER_NOT_EXIST"
    longest_expiry_days: int = 7
    immediate_retries: bool = False
    """Alipay: three deliveries at once before the schedule."""
    negative_refunds: bool = True
    """Alipay's bills: refunds below zero."""
    refund_outcome: str = "success"
    """What becomes of refunds: success, processing (until told), closed, abnormal, refused (not accepted at all)."""
    refund_rule_seconds: bool = True
    """Enforce the least time between refunds of one trade (Alipay 3 s, WeChat 60 s), on the sandbox's clock."""
    refund_minutes: float = 0.0
    """How long a WeChat refund is PROCESSING, on the sandbox's clock, before it comes to its end."""
    hold_callbacks: bool = False
    """Keep notices back until `POST /_ctl/callbacks/release`."""
    duplicate_callbacks: int = 0
    """How many times more each accepted notice is delivered."""
    callback_before_answer: bool = False
    """A trade is paid, and its payer's notice delivered, before the create call is answered."""
    balance: int | None = None
    """Fen that the merchant has left for refunds; None: enough."""
    bill_ready: bool = True
    fee_rate: float = 0.006
    """For bills. The fee of a payment is rounded half up to a fen."""
    more: dict[str, Any] = field(default_factory=dict)


class Vendor(Protocol):
    """One provider's protocol. A vendor's routes do their work within `Sandbox.serve`."""

    name: str
    schedule: Sequence[timedelta]
    """How long after a delivery that was not accepted the next one follows."""

    def blueprint(self, sandbox: "Sandbox") -> Blueprint: ...

    def answer(self, status: int, body: bytes, flaw: str | None) -> Response:
        """A call's answer, signed as the vendor does; with the flaw of that name (one of AFTER) in it."""
        ...

    def error(self, fault: str) -> Response:
        """The answer of a vendor that is in trouble: one of BEFORE that answers, or `500-after`."""
        ...

    def delivery(self, sandbox: "Sandbox", notice: Notice, flaw: str | None) -> Delivery:
        """How a notice is told now; with a flaw of AFTER in it, or (WeChat, a refund's) as `xml`: v2's refund notice."""
        ...

    def accepted(self, status: int, body: bytes) -> bool:
        """True if the merchant has heard."""
        ...

    def bill(self, sandbox: "Sandbox", day: date) -> bytes:
        """The file of a day (Beijing), as it is downloaded, with the differences that were planned for it."""
        ...


class Sandbox(Protocol):
    """What vendors work with."""

    options: Options
    url: str
    """Where payers reach it, without a path."""

    @property
    def books(self) -> Books: ...

    def now(self) -> datetime:
        """The sandbox's time, with a zone."""
        ...

    def serve(self, vendor: Vendor, call: str, number: str, work: Callable[[], tuple[int, bytes]]) -> Response:
        """Do `work` (status and body, in one transaction of the books), with whatever fault is planned for `call` of `number`.

        Calls are named alike for both vendors: create, query, close, cancel, refund, query_refund, bill, download, certificates.
        """
        ...

    def notify(self, provider: str, event: Literal["paid", "refund"], number: str, url: str) -> None:
        """Have the merchant told, from now on, by the vendor's schedule. Within `serve` it takes effect with the work's commit."""
        ...

    def link(self, trade: Trade) -> str:
        """The payer's page of a trade."""
        ...

    def pay(self, trade: Trade, payer: str = "") -> Trade:
        """The payer pays it, if that is possible still; answers how it stands then. Tells the merchant."""
        ...

    def finish_refunds(self) -> None:
        """Bring refunds to the end that is due for them by `options` (success, closed, abnormal), telling the merchant if the vendor does."""
        ...

    def bill_changes(self, provider: str, day: date) -> list[Mapping[str, Any]]:
        """The differences planned for a bill: {"do": "drop"|"add"|"amount"|"status"|"day", "number"|"refund_number": ..., ...}."""
        ...
