"""An order as the API shows it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from common.clock import local
from common.messages import SlotEntered, Substitute, Visit
from common.web import money

from booking_svc import store
from booking_svc.api.blueprint import database
from booking_svc.domain import REFUND_REFUSED, REPLACEMENT_ENDED, VOID_REASONS, Order, State

Steps = Sequence[tuple[datetime, str, str]]
_HAS_A_DAY = frozenset({State.CONFIRMED, State.FULFILLED, State.NO_SHOW})


def show_new(order: Order) -> dict[str, Any]:
    """An order to which nothing has happened yet."""
    return show(order, None, [])


def show_full(order: Order) -> dict[str, Any]:
    """An order with its history and its patient's name."""
    with database().reading() as conn:
        steps = store.get_history(conn, [order.id])[order.id]
        name = store.masked_names(conn, [order.patient_id]).get(order.patient_id)
    return show(order, name, steps)


def show(order: Order, patient_name: str | None, steps: Steps) -> dict[str, Any]:
    return {
        "id": order.id,
        "state": order.state,
        "reason": _reason(order),
        "rule": order.rule,
        "until": local(order.until),
        "void_reason": order.cause if order.cause in VOID_REASONS else None,
        "session_id": order.session_id,
        "slot_id": order.slot_id,
        "patient_id": order.patient_id,
        "patient_name": patient_name,
        "queue_number": order.queue_number,
        "waitlist_position": order.waitlist_position,
        "auto_book": order.auto_book,
        "entry": None if order.entry is None else _show_entry(order.entry),
        "fee": _fen(order.fee),
        "due": _fen(order.due),
        "paid": money(order.paid),
        "moved": money(order.moved),
        "refunded": money(order.refunded),
        "visit": None if order.visit is None else show_place_and_time(order.visit),
        "visit_id": store.visits.visit_id_of(order.id) if order.state in _HAS_A_DAY else None,
        "replaces": order.replaces,
        "replaced_by": order.replaced_by,
        "substitutes": [_show_substitute(s) for s in order.substitutes],
        "placed_at": local(order.placed_at),
        "pay_before": local(order.pay_before),
        "accept_before": local(order.accept_before),
        "cancel_before": local(order.cancel_before),
        "history": [{"at": local(order.placed_at), "state": "reserving", "event": "placed"}]
        + [{"at": local(at), "state": state, "event": event} for at, state, event in steps],
    }


def _reason(order: Order) -> str | None:
    """A stable code. What else may stand there is what a provider said of a refund."""
    known = order.state == State.REJECTED or order.reason in {None, REPLACEMENT_ENDED}
    return order.reason if known else REFUND_REFUSED


def _fen(amount: int | None) -> dict[str, Any] | None:
    return None if amount is None else money(amount)


def _show_entry(entry: SlotEntered) -> dict[str, Any]:
    return {
        "draw_at": local(entry.draw_at),
        "pseudonym": entry.pseudonym,
        "weight": entry.weight,
        "parts": [{"name": part.name, "points": part.points} for part in entry.parts],
    }


def _show_substitute(substitute: Substitute) -> dict[str, Any]:
    return {
        "session_id": substitute.session_id,
        "fee": money(substitute.fee),
        "visit": show_place_and_time(substitute.visit),
    }


def show_place_and_time(visit: Visit) -> dict[str, Any]:
    return {
        **{name: getattr(visit, name) for name in visit.__dataclass_fields__},
        "starts_at": local(visit.starts_at),
        "ends_at": local(visit.ends_at),
    }
