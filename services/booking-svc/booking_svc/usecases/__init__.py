"""What booking-svc can do: place and cancel orders, move them by messages and timers, keep its projections.

moving        orders move by messages and timers: the one way in which an order changes
placing       POST /orders
wishes        what a patient, or the staff, may still want of an order: cancel, accept, missed
successors    an order that takes another's place: rescheduling, substitutes
projections   what is kept of sessions and patients; 停诊
watching      asks again for what is overdue
"""

from booking_svc.usecases.moving import advance, end_window, note_released
from booking_svc.usecases.placing import PlaceOrder, place_order, wait_decided
from booking_svc.usecases.projections import Stoppage, note_patients, note_sessions, stop_sessions, stoppage
from booking_svc.usecases.successors import Move, reschedule, take_substitute
from booking_svc.usecases.watching import LONG_OVERDUE, OVERDUE, UNPAID, WATCH, WATCH_EVERY, start_watching, watch
from booking_svc.usecases.wishes import accept_offer, cancel_order, mark_missed

__all__ = [
    "LONG_OVERDUE",
    "OVERDUE",
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
    "mark_missed",
    "note_patients",
    "note_released",
    "note_sessions",
    "place_order",
    "reschedule",
    "start_watching",
    "stop_sessions",
    "stoppage",
    "take_substitute",
    "wait_decided",
    "watch",
]
