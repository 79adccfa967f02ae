"""Two who want the same visit at once, on PostgreSQL: who checks in twice, cancels, is closed out, or stopped while she is called."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from booking_svc import store
from booking_svc.domain import Order, State
from booking_svc.saga import Stop
from booking_svc.store.clinic_tables import visits
from booking_svc.usecases import LEFT, SEE_TO_VISITS, WATCH, cancel_order, clinic, moving, see_to_account, stop_sessions
from booking_svc.usecases.clinic import WalkIn
from booking_svc.usecases.clinic.checking_in import check_in_at_desk
from booking_svc.usecases.clinic.closing import CLOSE, close_by_clock, watch_queues
from booking_svc.usecases.clinic.following import ensure_visits, follow
from booking_svc.usecases.clinic.lining import open_line
from booking_svc.worker import jobs, timers
from booking_world import VISIT
from clinic_day import DESK, OPENS, ROOM, ClinicDay
from common.errors import Conflict
from common.messages import SessionStopped, VisitCheckedIn
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


def meanwhile(day: ClinicDay, act: Callable[[], object]) -> threading.Thread:
    """`act` has begun in another thread, and is done or waits for a lock."""
    thread = threading.Thread(target=act)
    thread.start()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 20
    while thread.is_alive() and time.monotonic() < deadline:
        with day.database.reading() as conn:
            if conn.exec_driver_sql(waiting).scalar_one():
                break
    return thread


def known(day: ClinicDay, name: str) -> WalkIn:
    with day.database.transaction() as tx:
        row = {"account_id": f"acc_{name}", "revision": 1, "masked_name": "张*", "removed": False}
        store.save_patients(tx, [{"id": f"pat_{name}", **row}])
    return WalkIn("张三", f"pat_{name}")


def test_a_walk_in_who_is_moved_while_her_name_is_forgotten_stays_without_one(day):
    walk_in = clinic.add_walk_in(day.database, DESK, day.session, known(day, f"m{day.session}")).id

    def forget() -> None:
        with day.database.transaction() as tx:
            store.days.forget_names(tx, f"acc_m{day.session}")

    with day.database.transaction() as tx:
        line = open_line(tx, store.queues.lock_queue(tx, day.session))
        (visit,) = line.waiting
        thread = meanwhile(day, forget)
        line.keep(visit)
        line.settle()
    thread.join()
    assert day.visit(walk_in).name is None


def test_a_walk_in_who_is_added_while_the_session_is_stopped_leaves_too(day):
    """Nobody keeps a queue there yet: both make it."""
    with day.database.reading() as conn:
        facts = store.get_session(conn, day.session)
    assert facts is not None
    told = SessionStopped(day.session, replace(facts, state="stopped", revision=99), "", [])

    def stop_it() -> None:
        with day.database.transaction() as tx:
            stop_sessions(tx, [SimpleNamespace(message=told, traceparent="")], None)

    with day.database.transaction(share=True):
        walk_in = clinic.add_walk_in(day.database, DESK, day.session, WalkIn("张三")).id
        thread = meanwhile(day, stop_it)
    thread.join()
    assert day.visit(walk_in).state == "withdrawn"


def test_whose_account_ends_while_she_is_called_waits_for_nobody_for_ever(day):
    """She has an appointment, and a walk-in of hers is at the desk."""
    day.open()
    service = SimpleNamespace(database=day.database)
    for n in range(ROUNDS):
        name = f"z{n}{day.session}"
        walk_in = clinic.add_walk_in(day.database, DESK, day.session, known(day, name)).id
        assert day.next() == walk_in
        booked = day.expect(name, 60)
        end = lambda a=f"acc_{name}": see_to_account(service, Timer(LEFT, a, OPENS, {}), None)  # noqa: E731  begun below
        at_once(end, lambda v=walk_in: day.next(v))
        assert (day.visit(booked).state, day.visit(walk_in).state) == ("withdrawn", "done")
        assert day.visit(walk_in).name is None


def test_what_locks_queues_has_a_transaction_of_its_own():
    """Timers share one: it would hold the queue of one and then want the orders of the next, against the order of locks."""
    assert set(timers(None)) == {store.WINDOW, WATCH}
    assert {CLOSE, LEFT, SEE_TO_VISITS} <= set(jobs(None))


def test_two_queues_that_close_at_once_and_one_who_is_sent_from_one_to_the_other(day):
    a, b = sorted([day.session, day.other])
    service = SimpleNamespace(database=day.database)
    seen = [day.come(f"s{n}", session=session) for n, session in enumerate((a, b))]
    moving_on = [day.expect(f"e{n}", session=session) for n, session in enumerate((a, b))]
    for session, visit_id in zip((a, b), seen, strict=True):
        day.open(session=session)
        assert day.next(session=session) == visit_id
    day.clock.set(OPENS + timedelta(hours=7))
    ends = [lambda s=session: close_by_clock(service, Timer(CLOSE, s, OPENS, {})) for session in (a, b)]
    send = [
        lambda v=visit_id, s=session: clinic.transfer_visit(day.database, DESK, v, s, "")
        for visit_id, session in zip(moving_on, (b, a), strict=True)
    ]
    at_once(*ends, *send)
    for end in ends:
        end()
    assert {day.visit(v).state for v in moving_on} == {"missed"}


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
