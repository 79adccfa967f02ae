"""booking-svc's tables and queries. `Connection`: what a use case reads by, for those who must name its type."""

from sqlalchemy import Connection

from booking_svc.store import boards as boards
from booking_svc.store import clinic_tables as clinic_tables
from booking_svc.store import days as days
from booking_svc.store import queues as queues
from booking_svc.store import sagas as sagas
from booking_svc.store import visits as visits
from booking_svc.store import waits as waits
from booking_svc.store.figures import audit_figures, unsettled
from booking_svc.store.orders import (
    get_history,
    get_order,
    get_order_by_key,
    get_state,
    insert_successor,
    list_orders,
    lock_orders,
    lock_orders_of_account,
    lock_orders_of_sessions,
    lock_overdue,
    lock_pairs,
    lock_undrawn,
    lock_unreleased,
    lock_with_heirs,
    mark_released,
    place,
    save_orders,
    successor_of,
    touch,
)
from booking_svc.store.projections import (
    account_of,
    forget_patients,
    get_session,
    is_removed,
    masked_names,
    save_patients,
    save_sessions,
)
from booking_svc.store.sagas import WINDOW
from booking_svc.store.tables import metadata

__all__ = [
    "WINDOW",
    "Connection",
    "account_of",
    "audit_figures",
    "forget_patients",
    "get_history",
    "get_order",
    "get_order_by_key",
    "get_session",
    "get_state",
    "insert_successor",
    "is_removed",
    "list_orders",
    "lock_orders",
    "lock_orders_of_account",
    "lock_orders_of_sessions",
    "lock_overdue",
    "lock_pairs",
    "lock_undrawn",
    "lock_unreleased",
    "lock_with_heirs",
    "mark_released",
    "masked_names",
    "metadata",
    "place",
    "save_orders",
    "save_patients",
    "save_sessions",
    "successor_of",
    "touch",
    "unsettled",
]
