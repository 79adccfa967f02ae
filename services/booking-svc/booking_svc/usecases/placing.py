"""POST /orders: an order is accepted, and schedule-svc asked for a number."""

import time
from dataclasses import dataclass

from common import ids
from common.errors import Fault, NotFound
from common.outbox import Database
from common.web.idempotency import other_body
from sqlalchemy.exc import IntegrityError

from booking_svc import saga, store
from booking_svc.board import SessionBoard
from booking_svc.domain import Order, State, check_orderable


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A patient's request for a number. `auto_book`: if she waits, a freed number is hers without asking again."""

    account_id: str
    session_id: str
    patient_id: str
    slot_id: str | None = None
    join_waitlist: bool = False
    auto_book: bool = True
    voucher: str | None = None
    idempotency_key: str | None = None
    request_hash: str | None = None


def place_order(database: Database, board: SessionBoard, wish: PlaceOrder) -> Order:
    """Accept an order and ask schedule-svc for a number, in one transaction.

    Ids prove themselves, so what was saved a moment ago is bookable though its event is still on the way. Raises
    NotFound for a session or patient that this platform never made for this account, Conflict for what cannot be had.
    """
    try:
        return _accept(database, board, wish)
    except (Fault, IntegrityError):
        # perhaps a repetition: its key is taken, or the world has changed since. Rare, so it is looked up only now.
        if wish.idempotency_key and (known := _placed_before(database, wish)):
            return known
        raise


def _accept(database: Database, board: SessionBoard, wish: PlaceOrder) -> Order:
    session = board.get(wish.session_id)
    if session is None and not ids.genuine(wish.session_id, "ses"):
        raise NotFound("no such session", code="session_not_found")
    if not ids.genuine(wish.patient_id, "pat", wish.account_id):
        raise NotFound("no such patient of yours", code="patient_not_found")
    if session is not None:
        check_orderable(
            session,
            database.clock(),
            join_waitlist=wish.join_waitlist,
            slot_id=wish.slot_id,
            entitled=wish.voucher is not None,
        )
    return _insert(database, wish)


def _insert(database: Database, wish: PlaceOrder) -> Order:
    now = database.clock()
    order = Order(
        ids.mint("ord", wish.account_id),
        wish.account_id,
        wish.patient_id,
        wish.session_id,
        wish.slot_id,
        wish.join_waitlist,
        now,
        auto_book=wish.auto_book,
        voucher=wish.voucher,
        updated_at=now,
    )
    messages = [saga.order_placed(order), saga.reserve_slot(order)]
    if not store.place(database, order, wish.idempotency_key, wish.request_hash, messages):
        raise NotFound("no such patient of yours", code="patient_not_found")
    return order


def _placed_before(database: Database, wish: PlaceOrder) -> Order | None:
    with database.reading() as conn:
        found = store.get_order_by_key(conn, wish.account_id, wish.idempotency_key or "")
    if found is None:
        return None
    order, request_hash = found
    if request_hash != wish.request_hash:
        raise other_body()
    return order


def wait_decided(database: Database, order: Order, seconds: float) -> Order:
    """The order as soon as its slot is decided, or as it is after `seconds` (RFC 7240 `Prefer: wait`)."""
    deadline = time.monotonic() + seconds
    pause = 0.004
    while time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
        with database.reading() as conn:
            if store.get_state(conn, order.id) != State.RESERVING:
                break
    with database.reading() as conn:
        return store.get_order(conn, order.id) or order
