"""Several desks at once, on PostgreSQL: every visit is called once, and no two who want the same wait for each other for ever."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from booking_svc import store
from booking_svc.clinic.visits import Move
from booking_svc.domain import State
from booking_svc.saga import Cancel
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic import WalkIn
from booking_svc.usecases.clinic.lining import open_line
from booking_svc.usecases.moving import move
from clinic_day import DESK, ClinicDay
from common.errors import Conflict
from common.messages import VisitCalled, VisitCompleted
from common.testing import sent


@pytest.fixture
def day(postgres_url: str) -> Iterator[ClinicDay]:
    day = ClinicDay(postgres_url)
    yield day
    day.database.close()


def at_once(acts: Sequence[Callable[[], object]]) -> list[object]:
    """What each answers, or raises, when all begin together."""
    begin = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        begin.wait()
        return act()

    with ThreadPoolExecutor(len(acts)) as pool:
        futures = [pool.submit(run, act) for act in acts]
    return [future.exception() or future.result() for future in futures]


def calls_of(day: ClinicDay, visits: Sequence[str]) -> dict[str, int]:
    called = [m.visit_id for m in sent(day.database, VisitCalled)]
    return {v: called.count(v) for v in visits}


def test_two_desks_and_twenty_clicks_at_once_call_every_visit_once(day):
    visits = [day.come(f"r{n}") for n in range(12)]
    day.open("1")
    day.open("2", "doc2")
    current: dict[str, str | None] = {"1": None, "2": None}
    served: list[str] = []
    while len(served) < len(visits):
        clicks = [lambda r=room: day.next(current[r], room=r) for room in ("1", "2") for _ in range(10)]
        answers = at_once(clicks)
        assert not [a for a in answers if isinstance(a, Exception)]
        for room, said in (("1", set(answers[:10])), ("2", set(answers[10:]))):
            (current[room],) = said
            served += [v for v in said if v]
    assert sorted(served) == sorted(visits)
    assert calls_of(day, visits) == dict.fromkeys(visits, 1)
    at_once([lambda r=room: day.next(current[r], room=r) for room in ("1", "2")])
    assert [day.visit(v).state for v in visits] == ["done"] * len(visits)
    ordered = sorted(day.visit(v).order_id for v in visits)
    assert sorted(m.order_id for m in sent(day.database, VisitCompleted) if m.order_id in ordered) == ordered


def test_desks_that_click_on_and_on_never_share_a_visit(day):
    visits = [day.come(f"m{n}") for n in range(16)]
    rooms = [str(n) for n in range(4)]
    for room in rooms:
        day.open(room, f"doc{room}")
    seen: dict[str, list[str]] = {room: [] for room in rooms}

    def work(room: str) -> None:
        there = day.next(room=room)
        while there is not None:
            seen[room].append(there)
            there = day.next(there, room=room)

    assert not [a for a in at_once([lambda r=room: work(r) for room in rooms]) if a is not None]
    assert sorted(v for of_room in seen.values() for v in of_room) == sorted(visits)
    assert calls_of(day, visits) == dict.fromkeys(visits, 1)


def test_walk_ins_at_once_get_tickets_of_their_own(day):
    """The first two make the queue, at once."""
    session = day.new_session()
    answers = at_once([lambda: clinic.add_walk_in(day.database, DESK, session, WalkIn("张三"))] * 6)
    assert sorted(v.ticket for v in answers) == [f"W{n}" for n in range(1, 7)]
    assert sorted(day.line(session)) == [f"W{n}" for n in range(1, 7)]
    with day.database.reading() as conn:
        queue = store.queues.get_queue(conn, session)
    assert queue is not None
    assert (queue.walk_ins, queue.next_number) == (6, 7)


def test_a_patient_cancels_while_she_is_called_or_while_her_desk_goes_on(day):
    """Both orders of the two may come about; there is one visit at the desk at most, and money goes back or not, never both."""
    day.open("1")
    there = day.next(room="1")
    for n in range(10):
        first, second = day.come(f"c{n}a"), day.come(f"c{n}b")
        assert day.next(there, room="1") == first
        leaving = first if n % 2 else second
        answers = at_once([lambda v=leaving: cancel(day, v), lambda v=first: day.next(v, room="1")])
        there = None
        for visit_id in (first, second):
            shown = day.visit(visit_id)
            if shown.state == "called":
                there = visit_id
            ends = {"done": "fulfilled", "withdrawn": "refunding", "called": "confirmed", "waiting": "confirmed"}
            assert day.order_state(visit_id) == ends[shown.state]
        with day.database.reading() as conn:
            assert store.queues.desks_of(conn, day.session)["1"].visit_id == there
        assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, Conflict)]
        if day.visit(second).state == "waiting":
            there = day.next(there, room="1")
        there = day.next(there, room="1")
        assert there is None


def cancel(day: ClinicDay, visit_id: str) -> None:
    order_id = day.visit(visit_id).order_id or ""
    with day.database.transaction() as tx:
        orders = store.lock_with_heirs(tx, [order_id])
        if orders[order_id].state == State.CONFIRMED:
            move(tx, orders, [(order_id, Cancel(order_id), "")], None)


def test_two_doctors_send_their_patients_to_each_other(day):
    """Each locks both queues, in one order; who waited for a queue that she has left meanwhile is found in the other."""
    visits = [day.come(f"t{n}") for n in range(4)] + [day.come(f"u{n}", session=day.other) for n in range(4)]

    def there_and_back(visit_id: str, *sessions: str) -> None:
        for session in sessions * 3:
            clinic.transfer_visit(day.database, DESK, visit_id, session, "to and fro")

    acts = [lambda v=v: there_and_back(v, day.other, day.session) for v in visits[:4]]
    acts += [lambda v=v: there_and_back(v, day.session, day.other) for v in visits[4:]]
    assert at_once(acts) == [None] * 8
    assert (sorted(day.names()), sorted(day.names(day.other))) == (["t0", "t1", "t2", "t3"], ["u0", "u1", "u2", "u3"])


def test_who_is_transferred_while_we_wait_for_her_queue_is_locked_where_she_is(day):
    visit_id = day.come("1")
    locked, waited = threading.Event(), []

    def withdraw() -> None:
        locked.wait()
        with day.database.transaction() as tx:
            lines = store.visits.lock_lines(tx, [visit_id])
            waited.append(sorted(lines.queues))
            line = open_line(tx, lines.queues[day.other])
            line.end(lines.visits[visit_id], Move.WITHDRAW, "acc")
            line.settle()

    thread = threading.Thread(target=withdraw)
    thread.start()
    with day.database.transaction(share=True) as tx:
        store.queues.lock_queues(tx, [day.session, day.other])
        locked.set()
        _until_somebody_waits(day)
        clinic.transfer_visit(day.database, DESK, visit_id, day.other, "")
    thread.join()
    assert waited == [[day.other]]
    assert (day.visit(visit_id).state, day.line(), day.line(day.other)) == ("withdrawn", [], [])


def _until_somebody_waits(day: ClinicDay) -> None:
    """PostgreSQL tells who waits for a lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    for _ in range(100_000):
        with day.database.reading() as conn:
            if conn.exec_driver_sql(waiting).scalar_one():
                return
    raise AssertionError("nobody waits")
