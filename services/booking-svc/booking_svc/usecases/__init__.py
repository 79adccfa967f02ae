"""What booking-svc can do: place and cancel orders, move them by messages and timers, keep its projections.

moving        orders move by messages and timers: the one way in which an order changes
placing       POST /orders
wishes        what a patient, or the staff, may still want of an order: cancel, accept, missed
successors    an order that takes another's place: rescheduling, substitutes
projections   what is kept of sessions, rules and patients; 停诊
leaving       what becomes of the orders of an account that has ended
watching      asks again for what is overdue; visits and ends of queues that nobody has seen to
clinic        the clinic day: visits and queues
"""

from booking_svc.usecases.leaving import LEFT, leave, see_to_account
from booking_svc.usecases.moving import advance, end_window, note_released
from booking_svc.usecases.placing import PlaceOrder, place_order, wait_decided
from booking_svc.usecases.projections import (
    Stoppage,
    note_clinic_rules,
    note_patients,
    note_sessions,
    stop_sessions,
    stoppage,
)
from booking_svc.usecases.successors import Move, reschedule, take_substitute
from booking_svc.usecases.watching import (
    LONG_OVERDUE,
    OVERDUE,
    SEE_TO_VISITS,
    UNPAID,
    WATCH,
    WATCH_EVERY,
    see_to_visits,
    start_watching,
    watch,
)
from booking_svc.usecases.wishes import accept_offer, cancel_order, mark_missed

__all__ = [
    "LEFT",
    "LONG_OVERDUE",
    "OVERDUE",
    "SEE_TO_VISITS",
    "UNPAID",
    "WATCH",
    "WATCH_EVERY",
    "Move",
    "PlaceOrder",
    "Stoppage",
    "accept_offer",
    "advance",
    "cancel_order",
    "end_window",
    "leave",
    "mark_missed",
    "note_clinic_rules",
    "note_patients",
    "note_released",
    "note_sessions",
    "place_order",
    "reschedule",
    "see_to_account",
    "see_to_visits",
    "start_watching",
    "stop_sessions",
    "stoppage",
    "take_substitute",
    "wait_decided",
    "watch",
]
