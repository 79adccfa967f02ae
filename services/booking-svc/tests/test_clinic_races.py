"""Two who want the same visit at once, on PostgreSQL: who checks in twice, cancels, is closed out, or stopped while she is called."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from booking_svc import store
from booking_svc.domain import Order, State
from booking_svc.saga import Stop
from booking_svc.store.clinic_tables import visits
from booking_svc.usecases import cancel_order, moving
from booking_svc.usecases.clinic.checking_in import check_in_at_desk
from booking_svc.usecases.clinic.closing import CLOSE, close_by_clock, watch_queues
from booking_svc.usecases.clinic.following import ensure_visits, follow
from booking_world import VISIT
from clinic_day import DESK, OPENS, ROOM, ClinicDay
from common.errors import Conflict
from common.messages import VisitCheckedIn
from common.outbox import Timer
from common.testing import sent

ROUNDS = 6


@pytest.fixture
def day(postgres_url: str) -> Iterator[ClinicDay]:
    day = ClinicDay(postgres_url)
    yield day
    day.database.close()


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each came to: its answer, or the code of its refusal."""
    found: list[object] = [None] * len(acts)
    gate = threading.Barrier(len(acts))

    def run(index: int) -> None:
        gate.wait()
        try:
            found[index] = acts[index]()
        except Conflict as refusal:
            found[index] = refusal.code
        except Exception as error:  # noqa: BLE001  a deadlock, say: the assertion shows it
            found[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not [error for error in found if isinstance(error, Exception)]
    return found


def order_of(day: ClinicDay, visit_id: str) -> str:
    return day.visit(visit_id).order_id or ""


def arrive(day: ClinicDay, visit_id: str) -> Callable[[], object]:
    order_id = order_of(day, visit_id)
    return lambda: check_in_at_desk(day.database, DESK, order_id).state


def test_who_checks_in_at_two_desks_at_once_stands_in_the_line_once(day):
    those = [day.expect(str(n)) for n in range(ROUNDS)]
    for visit_id in those:
        assert at_once(arrive(day, visit_id), arrive(day, visit_id)) == ["waiting", "waiting"]
    assert day.line() == [str(n) for n in range(ROUNDS)]
    assert len([m for m in sent(day.database, VisitCheckedIn) if m.queue_id == day.session]) == ROUNDS
    assert all(len(day.moves(visit_id)) == 1 for visit_id in those)


def test_the_first_of_a_morning_who_come_at_once_share_one_line(day):
    those = [day.expect(str(n)) for n in range(ROUNDS)]
    assert at_once(*(arrive(day, visit_id) for visit_id in those)) == ["waiting"] * ROUNDS
    assert sorted(day.line()) == [str(n) for n in range(ROUNDS)]
    assert len({day.visit(v).place for v in those}) == ROUNDS


def test_who_cancels_while_she_checks_in_is_out_in_the_end(day):
    for n in range(ROUNDS):
        visit_id = day.expect(str(n))
        order_id = order_of(day, visit_id)
        checked, _ = at_once(
            arrive(day, visit_id), lambda n=n, o=order_id: cancel_order(day.database, f"acc_{n}", o, None)
        )
        assert checked in {"waiting", "not_confirmed"}
        assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("withdrawn", "refunding")
    assert day.line() == []


def close(day: ClinicDay) -> None:
    close_by_clock(SimpleNamespace(database=day.database), Timer(CLOSE, day.session, OPENS, {}))


def test_who_checks_in_while_the_day_is_closed_is_in_or_has_missed_it(day):
    day.rules(late_minutes=360, close_minutes=0)
    seen = day.come("seen")
    day.open()
    day.next()
    day.next(seen)
    for n in range(ROUNDS):
        visit_id = day.expect(str(n))
        day.clock.set(OPENS)
        day.after(360)
        checked, _ = at_once(arrive(day, visit_id), lambda: close(day))
        if checked == "waiting":
            assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("waiting", "confirmed")
            assert queue_state(day) == "open"
            day.next(day.next())
        else:
            assert checked in {"not_confirmed", "queue_closed"}
            assert (day.visit(visit_id).state, day.order_state(visit_id)) == ("missed", "no_show")
        reopen(day)


def queue_state(day: ClinicDay) -> str:
    with day.database.reading() as conn:
        found = store.queues.get_queue(conn, day.session)
    return found.state if found else ""


def reopen(day: ClinicDay) -> None:
    with day.database.transaction() as tx:
        queue = store.queues.lock_queue(tx, day.session)
        queue.state, queue.closed_at = "open", None
        store.queues.save_queue(tx, queue)
    day.open()


def stop(day: ClinicDay, session: str) -> None:
    with day.database.transaction() as tx:
        orders = store.lock_orders_of_sessions(tx, [session])
        moving.move(tx, orders, [(order_id, Stop(order_id), "") for order_id in orders], None)


def test_who_is_called_while_her_session_is_stopped_is_at_no_desk_in_the_end(day):
    day.open()
    for n in range(ROUNDS):
        those = [day.come(f"{n}{m}") for m in range(3)]
        at_once(lambda: day.next(), lambda: stop(day, day.session))
        assert {day.visit(v).state for v in those} == {"withdrawn"}
        assert {day.order_state(v) for v in those} == {State.REFUNDING}
        with day.database.reading() as conn:
            desk = store.queues.desks_of(conn, day.session)[ROOM]
        assert desk.visit_id is None


def test_the_watch_finds_what_has_no_visit_and_what_has_no_end(day):
    known, lacking = day.expect("a"), day.expect("b")
    order_id = order_of(day, lacking)
    with day.database.transaction() as tx:
        tx.conn.execute(sa.delete(visits).where(visits.c.id == lacking))
        found, _ = store.days.unvisited(tx.conn, "", 1_000_000, OPENS)
        assert order_id in found
        assert order_of(day, known) not in found
        ensure_visits(tx, store.lock_orders(tx, found).values())
    with day.database.transaction() as tx:
        assert store.days.unvisited(tx.conn, "", 1_000_000, OPENS) == ([], None)
        assert day.session in store.days.unwatched(tx.conn, CLOSE, OPENS, 1000)
        assert day.session not in store.days.unwatched(tx.conn, CLOSE, OPENS - timedelta(minutes=1), 1000)
        watch_queues(tx)
    with day.database.transaction() as tx:
        assert day.session not in store.days.unwatched(tx.conn, CLOSE, OPENS, 1000)
    assert day.visit(lacking).state == "expected"


def test_the_visits_of_fifty_orders_are_made_by_one_statement(day):
    orders = {}
    with day.database.transaction() as tx:
        for name in range(50):
            order = Order(f"ord_{day.session}{name}", "acc", "pat", day.session, "slot", False, OPENS, State.CONFIRMED)
            order.visit = VISIT
            orders[order.id] = order
        asked: list[str] = []
        sa.event.listen(tx.conn, "before_cursor_execute", lambda *given: asked.append(given[2]))
        follow(tx, [(State.AWAITING_PAYMENT, order) for order in orders.values()])
        assert len(asked) == 1
        assert set(store.visits.visits_of_orders(tx.conn, orders)) == set(orders)
