"""What schedule-svc listens to, and what it does by itself in time."""

from collections.abc import Mapping

from common.foreign import Intake, Outlet
from common.messages import CreditChanged, OrderConfirmed, ReleaseSlot, ReserveSlot, VisitCompleted
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Subscriptions

from schedule_svc.store.figures import NUMBER_RESTS
from schedule_svc.usecases import credit, draws, intake, orders, planning, release, results, rules, stops, waiting

SUBSCRIPTIONS: Subscriptions = {
    ReserveSlot: orders.serve_orders,
    ReleaseSlot: orders.serve_orders,
    OrderConfirmed: orders.serve_orders,
    VisitCompleted: orders.serve_orders,
    CreditChanged: credit.keep_credit,
}
TIMERS: Mapping[str, TimerHandler] = {
    orders.WAITLIST_CLOSES: orders.close_waitlist,
    NUMBER_RESTS: orders.number_has_rested,
    release.RELEASE: release.release,
    release.ASIDES_END: release.end_asides,
    draws.DRAW: draws.close_and_draw,
    draws.DELIVER: draws.deliver,
    rules.RULES_HOLD: rules.take_effect,
    planning.TELL_SESSIONS: planning.tell_sessions,
    stops.STOP_SETTLES: stops.settle_stop,
    waiting.ROWS_WAIT: waiting.go_on,
}
JOBS: Mapping[str, JobHandler] = {}
INTAKES = (Intake(intake.INTAKE, "schedule-svc.rosters", intake.take, most=1, reused=intake.refuse_reused),)
OUTLETS = (Outlet(results.OUTLET, "roster.unclaimed"),)
"""Hospitals' roster events, and what became of each."""
