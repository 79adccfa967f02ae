"""The HTTP edge of booking-svc.

schemas   what goes in and out
show      an order as the API shows it
orders    a patient's orders
moves     orders that take another's place
staff     what a hospital's staff do: visits that were missed, the board of a stopped session
clinic    the day of the visit: lines, desks, checking in
streams   live queues, for screens that listen
sagas     orders that are not settled, for the operator
waits     waiting times, a session's load, and the planner
"""

from booking_svc.api import clinic, moves, orders, sagas, staff, streams, waits
from booking_svc.api.blueprint import blueprint

__all__ = ["blueprint", "clinic", "moves", "orders", "sagas", "staff", "streams", "waits"]
