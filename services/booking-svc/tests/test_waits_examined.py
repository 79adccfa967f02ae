"""Who is sent to an examination comes back to her doctor: what is learnt of it, and what a line knows of it."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from booking_svc import store
from booking_svc.clinic.visits import ClinicVisit, Move, VisitState, VisitStep
from booking_svc.usecases import clinic
from booking_svc.usecases.waiting.learning import manners
from booking_svc.usecases.waiting.lines import model, see
from booking_world import VISIT
from clinic_day import DESK, OPENS
from common import ids
from common.messages import ClinicRules
from haoyuan_waiting import service, simulate
from haoyuan_waiting.line import EXAMINATION, ServiceTime
from haoyuan_waiting.usual import USUAL_EXAMINED, USUAL_SECOND
from waits_day import WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


def learnt(day):
    with day.database.reading() as conn:
        return manners(conn, VISIT.department_id, ClinicRules(), OPENS)


def past(day, count, *, back=True):
    """So many of yesterday, seen for ten minutes; away for forty, and seen for two, or done without coming back."""
    rows = []
    for n in range(count):
        visit_id, at = ids.mint("vis"), OPENS - timedelta(days=1)
        visit = ClinicVisit(
            visit_id, "ses_past", "ses_past", VISIT.hospital_id, VISIT.department_id, replace(VISIT, starts_at=at), str(n),
            "appointment", f"ord_{visit_id}", state=VisitState.DONE, calls=2, checked_in_at=at, called_at=at,
            ended_at=at + timedelta(hours=1), updated_at=at,
        )  # fmt: skip
        moves = [(Move.CALL, 0), (Move.SEND_AWAY, 10), (Move.FINISH, 90)]
        if back:
            moves = [*moves[:2], (Move.COME_BACK, 50), (Move.CALL, 60), (Move.FINISH, 62)]
        visit.history = [
            VisitStep(move, VisitState.DONE, at + timedelta(minutes=minute), "acc", "", {}) for move, minute in moves
        ]
        rows.append(visit)
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, rows)


# --- what is learnt --------------------------------------------------------------------------------------------------


def test_of_a_department_without_a_past_what_is_usual_is_assumed(day):
    found = learnt(day)
    assert (found.examined, found.second) == (USUAL_EXAMINED, USUAL_SECOND)
    assert service.mean(found.examination) == pytest.approx(service.mean(EXAMINATION))


def test_how_many_are_examined_how_long_and_what_follows_is_learnt(day):
    day.known(600, count=60)
    past(day, 60)
    found = learnt(day)
    assert found.examined == pytest.approx(0.5, abs=0.08)
    assert service.mean(found.examination) == pytest.approx(2400, rel=0.1)
    assert found.second == pytest.approx(0.25, abs=0.05)


def test_who_was_done_without_coming_back_is_seen_once(day):
    past(day, 60, back=False)
    found = learnt(day)
    assert found.examined == 0.0, "so few are none: a line in which nobody is sent away is simulated at once"
    assert found.second == USUAL_SECOND


# --- what a line knows -----------------------------------------------------------------------------------------------


def line_of(day):
    with day.database.reading() as conn:
        queue = store.queues.get_queue(conn, day.session)
        return model(conn, see(conn, queue, day.clock())).line


@pytest.mark.parametrize(("places", "before"), [(0, 0), (2, 2), (50, 5)])
def test_who_comes_back_is_expected_behind_so_many_and_0_is_first(day, places, before):
    day.known(300)
    day.rules(return_places=places)
    day.open()
    first, *others = [day.come(name) for name in "abcdefg"]
    day.next()
    day.after(2)
    clinic.send_away(day.database, DESK, first)
    day.next()
    day.after(1)
    line = line_of(day)
    (away,) = [customer for customer in line.customers if customer.key == first]
    assert (away.away_for, away.desk, line.return_places) == (60.0, 0, places)
    # as if she were back in a second
    line = replace(line, examination=ServiceTime(math.log(61), 1e-9), examined=0.0, absent=0.0)
    found = simulate.waits(line, 200)
    her, theirs = found.of(first), [found.of(other) for other in others[1:]]
    assert her is not None
    assert sum(each is not None and each.mean < her.mean for each in theirs) == before
    clinic.come_back(day.database, DESK, first)
    assert day.line().index("a") == before, "and so she stands then"


def test_who_is_back_waits_for_her_own_doctor(day):
    """The other desk is free, and calls nobody: she is not next there."""
    day.known(900, "doc2")
    day.known(900)
    day.open()
    day.open("302", "doc2")
    first, _, _ = [day.come(name) for name in "abc"]
    day.next()
    second = day.next(room="302")
    day.after(1)
    clinic.send_away(day.database, DESK, first)
    assert day.next() is not None
    day.after(1)
    clinic.come_back(day.database, DESK, first)
    clinic.finish_visit(day.database, DESK, second)
    assert day.wait(first)["expected"] > 300
    assert day.next(room="302") is None
    line = line_of(day)
    assert [(c.key, c.returned, c.desk) for c in line.customers if c.key == first] == [(first, True, 0)]
    clinic.close_desk(day.database, DESK, day.session, "302")
    assert [server.returned for server in line_of(day).servers] == [False]


def test_who_is_at_the_desk_for_the_second_time_is_not_sent_away_again(day):
    day.open()
    first = day.come("a")
    day.next()
    clinic.send_away(day.database, DESK, first)
    clinic.come_back(day.database, DESK, first)
    assert [server.returned for server in line_of(day).servers] == [False]
    assert day.next() == first
    assert [server.returned for server in line_of(day).servers] == [True]


def test_a_line_knows_missed_calls_and_classes(day):
    day.open()
    first = day.come("a")
    expected = day.expect("x", 120)
    with day.database.transaction() as tx:
        visit = store.visits.lock_lines(tx, [expected]).visits[expected]
        visit.visit_class, visit.reason = "priority", "elderly"
        store.visits.save_visits(tx, [visit])
    day.next()
    day.after(5)
    clinic.pass_visit(day.database, DESK, first)
    of = {customer.key: customer for customer in line_of(day).customers}
    assert (of[first].passes, of[first].raised) == (1, False)
    assert (of[expected].passes, of[expected].raised) == (0, True)
