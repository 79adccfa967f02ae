"""What an estimate goes by: who comes on other days, when the doors open, whether anybody calls at all."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from booking_svc import store
from booking_svc.clinic.visits import ClinicVisit, VisitState
from booking_svc.usecases import clinic
from booking_svc.usecases.waiting.learning import manners
from booking_world import VISIT
from clinic_day import DESK, OPENS, ROOM
from common import ids
from common.messages import ClinicRules
from common.testing import assert_problem
from waits_day import WaitsDay, empty


@pytest.fixture
def day(tmp_path):
    day = WaitsDay(empty(tmp_path))
    yield day
    day.close()


# --- who comes -------------------------------------------------------------------------------------------------------


def booked(day, days_ago, came_of, unseen=VisitState.MISSED):
    """A morning of forty, of whom so many came; `unseen`: what became of the others."""
    session, rows = ids.mint("ses"), []
    for n in range(40):
        visit_id, at = ids.mint("vis"), OPENS + timedelta(minutes=6 * n, days=-days_ago)
        visit = ClinicVisit(
            visit_id, session, session, VISIT.hospital_id, VISIT.department_id, replace(VISIT, starts_at=at), str(n),
            "appointment", f"ord_{visit_id}", state=unseen, updated_at=at,
        )  # fmt: skip
        if n % 10 < came_of:
            visit.state, visit.calls, visit.served_by = VisitState.DONE, 1, VISIT.doctor_id
            visit.checked_in_at, visit.called_at, visit.ended_at = at, at, at + timedelta(minutes=5)
        rows.append(visit)
    with day.database.transaction() as tx:
        store.visits.insert_visits(tx, rows)


def no_show(day, hour):
    with day.database.reading() as conn:
        return manners(conn, VISIT.department_id, ClinicRules(), OPENS + timedelta(hours=hour)).no_show


def test_who_stays_away_is_learnt_of_days_that_are_over(day):
    """Of today those who came are known, and of the others none has missed anything yet."""
    for days_ago in range(1, 6):
        booked(day, days_ago, came_of=7)
    before = no_show(day, 0)
    assert before == pytest.approx(0.3, abs=0.03)
    for _ in range(5):
        booked(day, 0, came_of=7, unseen=VisitState.EXPECTED)
    assert no_show(day, 3.9) == before


def test_a_day_that_goes_on_past_midnight_is_not_over(day):
    booked(day, 2, came_of=7)
    before = no_show(day, 0)
    booked(day, 1, came_of=7, unseen=VisitState.EXPECTED)
    assert no_show(day, 0) == before


def test_before_the_doors_open_nobody_comes_unannounced(day):
    """The first of the evening asks in the morning: ten hours of walk-ins who would all stand before her."""
    opens = OPENS + timedelta(hours=10)
    evening = day.new_session(starts_at=opens, ends_at=opens + timedelta(hours=3))
    first = day.expect("e", 600, evening)
    for minutes in (0, 564):
        day.after(minutes)
        wait = day.wait(first)
        assert datetime.fromisoformat(wait["high_at"]) < opens + timedelta(minutes=45)


# --- whether anybody calls -------------------------------------------------------------------------------------------


def test_where_no_desk_is_open_nobody_knows_when_she_is_called(day):
    day.known(300)
    day.open()
    first, second, third = [day.come(name) for name in "abc"]
    day.fire()
    day.next()
    day.after(1)
    clinic.finish_visit(day.database, DESK, first)
    clinic.close_desk(day.database, DESK, day.session, ROOM)
    day.after(4)
    for visit_id in (second, third, day.expect("later", 20), day.expect("at noon", 180)):
        assert_problem(day.get(f"/visits/{visit_id}/wait"), 409, "no_desk")
    told = day.estimates(second)
    newcomer = day.come("d")
    day.fire()
    assert day.estimates(second) == told
    assert day.estimates(newcomer) == [], "nothing is promised"
    day.open()
    assert day.wait(second)["ahead"] == 0
    day.after(2)
    day.fire()
    assert [row.promised for row in day.estimates(newcomer)] == [True]


def test_before_the_session_its_doctor_is_expected_to_open_a_desk_when_it_begins(day):
    day.known(300)
    day.after(-40)
    early = day.come("a")
    for minutes in (0, 39):
        day.after(minutes)
        wait = day.wait(early)
        assert datetime.fromisoformat(wait["low_at"]) >= OPENS
    day.after(2)
    assert_problem(day.get(f"/visits/{early}/wait"), 409, "no_desk")


def test_a_desk_that_has_closed_before_the_session_opens_again_when_it_begins(day):
    day.known(300)
    day.after(-20)
    day.open()
    first, second = day.come("a"), day.come("b")
    day.next()
    day.after(5)
    clinic.finish_visit(day.database, DESK, first)
    clinic.close_desk(day.database, DESK, day.session, ROOM)
    assert datetime.fromisoformat(day.wait(second)["low_at"]) >= OPENS
