"""What payment-svc sends: what became of an order's money."""

from dataclasses import dataclass
from typing import Literal

from common.messages.catalogue import Count, Fen, Id, Text, Time, message

# --- payment-svc -----------------------------------------------------------------------------------------------------

Purpose = Literal["order", "surplus"]
"""Why money went back: the order was cancelled; or nobody owed it: it came late or twice, or a cheaper order took the place."""


@message("payment.payment_succeeded", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentSucceeded:
    """The order is paid: exactly one success counts for an intent, whatever arrives after it is surplus."""

    order_id: Id
    account_id: Id
    payment_id: Id
    amount: Fen
    method: Text
    paid_at: Time


@message("payment.payment_failed", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentFailed:
    """One attempt failed; the order can still be paid by another."""

    order_id: Id
    account_id: Id
    payment_id: Id
    method: Text
    reason: Text


@message("payment.payment_closed", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentClosed:
    """The order can no longer be paid; money that arrives nevertheless is refunded by payment-svc itself."""

    order_id: Id


Cause = Literal["cancelled", "late_or_twice", "amount_mismatch", "fee_difference", "unsaid"]
"""Which of them it was. `unsaid`: surplus of a time when that was not told; nobody says it any more."""


@message("payment.refund_succeeded", 2, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RefundSucceeded:
    """Money went back to its source. `cause`: the order was cancelled; or of surplus, whether it came late or twice, as another
    amount than was asked, or is what a move to a cheaper order has left. `method`: where an order's money came by several, all
    by which it went back, with commas between them.
    """

    order_id: Id
    account_id: Id
    refund_id: Id
    amount: Fen
    purpose: Purpose
    method: Text
    cause: Cause


@message("payment.refund_failed", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class RefundFailed:
    """The provider refused a refund; it waits for staff, who repeat it or pay it out."""

    order_id: Id
    account_id: Id
    refund_id: Id
    amount: Fen
    purpose: Purpose
    reason: Text


@message("payment.payment_moved", 1, sender="payment-svc", subject="order_id")
@dataclass(frozen=True, slots=True)
class PaymentMoved:
    """`amount` of what was paid for `from_order_id` now pays for this order; `returned` is on its way back to the payer."""

    order_id: Id
    from_order_id: Id
    account_id: Id
    amount: Fen
    returned: Fen


@message("payment.money_alarm_raised", 1, sender="payment-svc", subject="alarm_id")
@dataclass(frozen=True, slots=True)
class MoneyAlarmRaised:
    """Something about money that a person must look at. `kind`: a stable code, such as an invariant's name; `about`: at most 20
    ids of orders, payments, refunds and the like, out of `count`. The same alarm again says what has become of it.
    """

    alarm_id: Id
    kind: Text
    count: Count
    about: list[Id]
    at: Time


@message("payment.money_alarm_cleared", 1, sender="payment-svc", subject="alarm_id")
@dataclass(frozen=True, slots=True)
class MoneyAlarmCleared:
    """What an alarm was about is gone."""

    alarm_id: Id
    kind: Text
    at: Time
