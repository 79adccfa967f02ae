"""Who is called, and what becomes of who is at a desk."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from common.errors import Conflict
from common.outbox import Database, Tx

from booking_svc import store
from booking_svc.clinic.line import place_of, put_behind
from booking_svc.clinic.queue import Desk
from booking_svc.clinic.staff import Staff
from booking_svc.clinic.visits import AT_DESK, ClinicVisit, Move, VisitState
from booking_svc.domain import Order
from booking_svc.saga import Missed, Served
from booking_svc.usecases import moving  # as a module: it needs this package's `following`, so it may be half imported
from booking_svc.usecases.clinic import telling
from booking_svc.usecases.clinic.lining import Line, act_on, line_for
from booking_svc.usecases.waiting import note_called

Outcome = Literal["done", "passed"]
PATIENCE = 5
"""Who has come back from an examination is called by her own doctor alone until `return_places` and so many more calls have been made
in her queue since; then the next desk takes her that comes to her place. A doctor who still works has called her by then."""
TIME_TO_COME = timedelta(seconds=60)
"""What somebody who was called has at least until a pass counts against her: to hear it, get up and walk there takes about a minute,
and whoever clicks three times at an empty desk means the desk, not three calls."""


@dataclass(frozen=True, slots=True)
class Called:
    """What `next` came to. `visit`: who is at the desk now, if anybody waited; `repeated`: she was called before this request."""

    visit: ClinicVisit | None
    desk: Desk
    repeated: bool


# --- next ------------------------------------------------------------------------------------------------------------


def next_visit(
    database: Database,
    staff: Staff,
    session_id: str,
    room: str,
    after: str | None,
    outcome: Outcome = "done",
    call: int | None = None,
) -> Called:
    """Who is at the desk is finished, or passed, and the next one is called, in one step.

    `after` is whom the desk believes to be there (None: nobody), `call` which of her calls that was: if something else is true, nothing
    happens. If the desk has moved on from exactly there, that is a second click: it is answered what the first one was. Who is
    passed is not called again by the same step, even if nobody else waits.
    Raises NotFound(`session_not_found`), Forbidden, Conflict(`desk_moved_on` with `current` and `current_call`, `desk_closed`,
    `queue_paused`, `queue_closed`).
    """
    with database.transaction() as tx:
        seen = store.visits.get_visit(tx.conn, after) if after else None
        orders = store.lock_with_heirs(tx, [seen.order_id]) if seen and seen.order_id else {}
        line = line_for(tx, staff, session_id)
        desk = _desk(line, room)
        leaving = None if desk.visit_id is None else store.visits.get_visit(tx.conn, desk.visit_id)
        if desk.visit_id != after or (leaving is not None and call not in (None, leaving.calls)):
            return _moved_on(desk, after, leaving)
        line.queue.check_going(tx.now)
        if leaving is not None:
            _let_go(line, leaving, orders, outcome, staff.account_id)
        following = _first_for(line, desk, leaving)
        if following is None:
            desk.free(line.now, after)
            line.keep_desk(desk)
        else:
            _call(line, following, desk, after, staff.account_id)
        line.settle()
    return Called(following, desk, repeated=False)


def _desk(line: Line, room: str) -> Desk:
    """Raises Conflict(`desk_closed`) for a room in which nobody serves this queue."""
    desk = line.desks.get(room)
    if desk is None or not desk.is_open:
        raise Conflict("no desk of this queue is open there", code="desk_closed", room=room)
    return desk


def _moved_on(desk: Desk, after: str | None, current: ClinicVisit | None) -> Called:
    if desk.after == after and desk.visit_id != after:
        return Called(current, desk, repeated=True)
    raise Conflict(
        "somebody else is at this desk by now",
        code="desk_moved_on",
        current=desk.visit_id,
        current_call=None if current is None else current.calls,
    )


def _let_go(line: Line, leaving: ClinicVisit, orders: dict[str, Order], outcome: Outcome, by: str) -> None:
    if outcome == "passed":
        _pass(line, leaving, orders, by)
    else:
        _finish(line, leaving, orders, by)


def _first_for(line: Line, desk: Desk, leaving: ClinicVisit | None) -> ClinicVisit | None:
    """Who comes back from an examination goes to the doctor who sent her, as long as that one serves this queue, and calls."""
    here = {d.doctor_id for d in line.desks.values() if d.is_open}
    for visit in line.waiting:
        if leaving is not None and visit.id == leaving.id:
            continue
        if visit.served_by is None or visit.served_by == desk.doctor_id or visit.served_by not in here:
            return visit
        if _waits_in_vain(line, visit):
            return visit
    return None


def _waits_in_vain(line: Line, visit: ClinicVisit) -> bool:
    """She came back so many calls ago that her own doctor, whose desk is open, does not seem to call anybody."""
    calls = store.visits.calls_since_back(line.tx.conn, line.queue.session_id, visit.id)
    return calls >= line.rules.return_places + PATIENCE


def _call(line: Line, visit: ClinicVisit, desk: Desk, after: str | None, by: str, why: str = "") -> None:
    """The one place where visits are called."""
    visit.check(Move.CALL)
    ahead, calls = line.ahead_of(visit), visit.calls + 1
    visit.move(Move.CALL, line.now, by, why, room=desk.room, call=calls, ahead=ahead)
    line.leave(visit)
    visit.room, visit.served_by, visit.called_at = desk.room, desk.doctor_id, line.now
    visit.calls, visit.started_at = calls, None
    desk.take(visit.id, after)
    line.keep(visit)
    line.keep_desk(desk)
    line.queue.first_called_at = line.queue.first_called_at or line.now
    line.tx.send(telling.called(visit, line.now, line.where(visit)))
    note_called(line.tx, visit, line.tx.now)


# --- one visit -------------------------------------------------------------------------------------------------------


def call_visit(database: Database, staff: Staff, visit_id: str, room: str, why: str) -> ClinicVisit:
    """Call her out of turn; or, if she was called already, again, to this room or another one. Raises Conflict(`desk_busy` with
    `current`, `not_possible`, and what next_visit does).
    """
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        line, visit = acting.line, acting.visit
        if visit.state == VisitState.CALLED and visit.room == room:
            _call_again(line, visit, staff.account_id, why)
        else:
            desk = _desk(line, room)
            if desk.visit_id is not None:
                raise Conflict("somebody is at this desk", code="desk_busy", current=desk.visit_id)
            line.queue.check_going(tx.now)
            if visit.state == VisitState.CALLED:
                return_to_line(line, visit, staff.account_id, why)
            _call(line, visit, desk, None, staff.account_id, why)
        line.settle()
    return visit


def _call_again(line: Line, visit: ClinicVisit, by: str, why: str) -> None:
    visit.move(Move.RECALL, line.now, by, why, room=visit.room, call=visit.calls + 1)
    visit.calls += 1
    line.keep(visit)
    line.tx.send(telling.called(visit, line.now, line.where(visit), again=True))


def start_visit(database: Database, staff: Staff, visit_id: str) -> ClinicVisit:
    """She has come in. Again: nothing changes."""
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        line, visit = acting.line, acting.visit
        if visit.state != VisitState.SERVING:
            visit.move(Move.START, line.now, staff.account_id, room=visit.room)
            visit.started_at = line.now
            line.keep(visit)
            line.settle()
    return visit


def pass_visit(database: Database, staff: Staff, visit_id: str) -> ClinicVisit:
    """过号: she was called and did not come. The desk is free; by the hospital's rule she waits further back, or has missed it."""
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        _pass(acting.line, acting.visit, acting.orders, staff.account_id)
        acting.line.settle()
    return acting.visit


def _pass(line: Line, visit: ClinicVisit, orders: dict[str, Order], by: str) -> None:
    """Before her segment has begun, or so soon after the call that nobody could have come, it only sends her back: neither is held
    against her.
    """
    visit.check(Move.PASS)
    back, room = line.rules.passed, visit.room
    now, called_at = line.tx.now, visit.called_at or line.now
    counts = now >= visit.visit.starts_at and now - called_at >= TIME_TO_COME
    if counts and visit.passes >= len(back):
        line.end(visit, Move.MISS, by, "passed")
        _move_order(line.tx, visit, orders, Missed(visit.order_id or "", by))
        return
    places = back[min(visit.passes, len(back) - 1)] if back else 0
    visit.passes += counts
    behind = put_behind(line.waiting, places or len(line.waiting), place_of(visit), line.queue.number())
    # who was called out of turn gains nothing by not coming
    line.stand(visit, max(place_of(visit), behind), Move.PASS, by, room=room, passes=visit.passes)
    _not_called(visit)
    line.passed[visit.id] = len(back) + 1 - visit.passes


def _not_called(visit: ClinicVisit) -> None:
    visit.room = visit.served_by = visit.called_at = visit.started_at = None


def put_back(database: Database, staff: Staff, visit_id: str, why: str) -> ClinicVisit:
    """She was called by mistake, or her doctor had to leave: to where she stood, as if she had not been called."""
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        return_to_line(acting.line, acting.visit, staff.account_id, why)
        acting.line.settle()
    return acting.visit


def return_to_line(line: Line, visit: ClinicVisit, by: str, why: str) -> None:
    """From a desk to where she stood. She is not told anew that she is near."""
    visit.check(Move.PUT_BACK)
    line.stand(visit, place_of(visit), Move.PUT_BACK, by, why, room=visit.room)
    _not_called(visit)
    visit.told_near = True


def send_away(database: Database, staff: Staff, visit_id: str) -> ClinicVisit:
    """To an examination: her desk is free. Again: nothing changes."""
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        line, visit = acting.line, acting.visit
        if visit.state != VisitState.AWAY:
            _note_time(line, visit)
            visit.move(Move.SEND_AWAY, line.now, staff.account_id, room=visit.room)
            line.leave(visit)
            visit.room = None
            line.keep(visit)
            line.settle()
    return visit


def come_back(database: Database, staff: Staff, visit_id: str) -> ClinicVisit:
    """From an examination: she is called after `return_places` others, by the doctor who sent her."""
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        line, visit = acting.line, acting.visit
        visit.check(Move.COME_BACK)
        at = put_behind(line.waiting, line.rules.return_places, place_of(visit), line.queue.number())
        visit.called_at = visit.started_at = None
        line.stand(visit, at, Move.COME_BACK, staff.account_id)
        line.settle()
    return visit


def finish_visit(database: Database, staff: Staff, visit_id: str) -> ClinicVisit:
    """She was seen: her order is fulfilled, and her desk is free. Again: nothing changes."""
    with database.transaction() as tx:
        acting = act_on(tx, staff, visit_id)
        if acting.visit.state != VisitState.DONE:
            _finish(acting.line, acting.visit, acting.orders, staff.account_id)
            acting.line.settle()
    return acting.visit


def _finish(line: Line, visit: ClinicVisit, orders: dict[str, Order], by: str) -> None:
    _note_time(line, visit)
    line.end(visit, Move.FINISH, by)
    _move_order(line.tx, visit, orders, Served(visit.order_id or ""))


def _note_time(line: Line, visit: ClinicVisit) -> None:
    """She leaves her doctor for the first time: so long does a consultation take."""
    if visit.state in AT_DESK and visit.called_at is not None and visit.desk_seconds is None:
        visit.desk_seconds = (line.now - visit.called_at).total_seconds()


def _move_order(tx: Tx, visit: ClinicVisit, orders: dict[str, Order], wish: Served | Missed) -> None:
    """Her order follows, if she has one: who came without is billed at the hospital's own till."""
    if visit.order_id is not None:
        moving.move(tx, orders, [(visit.order_id, wish, "")], None)
