"""What schedule-svc listens to, and what it does by itself in time."""

from collections.abc import Mapping

from common.messages import CreditChanged, OrderConfirmed, ReleaseSlot, ReserveSlot
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Subscriptions

from schedule_svc.usecases import credit, orders, release, sessions

SUBSCRIPTIONS: Subscriptions = {
    ReserveSlot: orders.serve_orders,
    ReleaseSlot: orders.serve_orders,
    OrderConfirmed: orders.serve_orders,
    CreditChanged: credit.keep_credit,
}
TIMERS: Mapping[str, TimerHandler] = {
    orders.WAITLIST_CLOSES: orders.close_waitlist,
    orders.NUMBER_RESTS: orders.number_has_rested,
    release.RELEASE: release.release,
    release.ASIDES_END: release.end_asides,
    sessions.STOP_SETTLES: sessions.settle_stop,
}
JOBS: Mapping[str, JobHandler] = {}
