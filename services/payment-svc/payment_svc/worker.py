"""What payment-svc does on its own: it takes booking-svc's commands and asks the providers."""

from collections.abc import Mapping

from common.messages import (
    ClosePayment,
    MovePayment,
    OrderConfirmed,
    RefundPayment,
    RequestPayment,
    VisitCompleted,
    VisitMissed,
)
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Subscriptions

from payment_svc.usecases import commands, confirmations, earning, jobs, moves, watchdog
from payment_svc.usecases.facts import CLOSE, QUERY
from payment_svc.usecases.reconciliation import days
from payment_svc.usecases.reconciliation.rounds import BILL
from payment_svc.usecases.refunds import REFUND

SUBSCRIPTIONS: Subscriptions = {
    RequestPayment: commands.request_payment,
    ClosePayment: commands.close_payment,
    RefundPayment: commands.refund_payment,
    MovePayment: moves.move_payment,
    OrderConfirmed: confirmations.note_confirmed,
    **dict.fromkeys((VisitCompleted, VisitMissed), earning.note_ended),
}

TIMERS: Mapping[str, TimerHandler] = {confirmations.CONFIRMED: confirmations.look_again}

JOBS: Mapping[str, JobHandler] = {
    QUERY: jobs.query_attempt,
    CLOSE: jobs.close_attempt,
    REFUND: jobs.give_back,
    watchdog.WATCHDOG: watchdog.watch_money,
    days.RECONCILE: days.make_days,
    BILL: days.see_through,
}
