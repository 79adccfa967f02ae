"""The whole life of an order in one table: (state, input) -> (next state, what to send).

An input is a message of another service, a patient's wish, or the end of a window. Every pair of state and input is either
in TABLE or, with its reason, in IGNORED; a test proves it, and another walks every interleaving with redelivery against a
model of schedule-svc and payment-svc, for one order and for a pair of which one replaces the other. docs/saga.md is generated
from here.

inputs    what can happen
sends     what a step sends
table     TABLE, and OWED: which command is repeated when its answer is overdue
ignored   IGNORED
moves     advance(): one message, one order, and the one whose place it takes

Three rules explain most rows. A number goes back at once when nobody wants it any more, but when only the payment window
has ended, it goes back after the provider has said that the order can no longer be paid. Money is never left behind: an
order that ends waits for its intent to be closed, or for its refund. Who moves has the new number before the old one goes
back: both orders change in one transaction, and what was paid follows; who is asked for a difference is told at once when there is
nothing left to add it to.
"""

from booking_svc.saga.ignored import IGNORED, IGNORED_PAIRS
from booking_svc.saga.inputs import (
    Accept,
    Cancel,
    Input,
    Missed,
    Replaced,
    ReplacementEnded,
    Served,
    Stop,
    Void,
    WindowEnded,
    input_of,
)
from booking_svc.saga.moves import Outcome, advance, window_of
from booking_svc.saga.sends import Send, order_placed, refund_payment, release_slot, request_payment, reserve_slot
from booking_svc.saga.table import EVENTS, OWED, TABLE, Step

__all__ = [
    "EVENTS",
    "IGNORED",
    "IGNORED_PAIRS",
    "OWED",
    "TABLE",
    "Accept",
    "Cancel",
    "Input",
    "Missed",
    "Outcome",
    "Replaced",
    "ReplacementEnded",
    "Send",
    "Served",
    "Step",
    "Stop",
    "Void",
    "WindowEnded",
    "advance",
    "input_of",
    "order_placed",
    "refund_payment",
    "release_slot",
    "request_payment",
    "reserve_slot",
    "window_of",
]
