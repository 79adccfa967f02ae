"""Who is before whom: the bound for which nobody waits longer, exact places, one order for ever. Pure, and on a real line."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from booking_svc import store
from booking_svc.clinic.line import Place, ahead, in_order, place, placed_anew, put_behind
from booking_svc.clinic.visits import AT_DESK, VisitState
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic import WalkIn
from clinic_day import DESK, OPENS, ClinicDay
from common.errors import Conflict
from common.messages import ClinicRules, VisitClass
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
CLASSES: tuple[VisitClass, ...] = ("emergency", "priority", "appointment", "walk_in")
RULES = ClinicRules()


@dataclass
class Waits:
    name: int
    place: Place | None
    visit_class: VisitClass = "walk_in"
    counted: datetime = START


minutes = st.integers(0, 240)
rules_ = st.builds(
    ClinicRules,
    discipline=st.sampled_from(["fifo", "priority"]),
    emergency_ahead_minutes=st.integers(0, 300),
    priority_ahead_minutes=st.integers(0, 300),
    appointment_ahead_minutes=st.integers(0, 300),
)
arrivals = st.lists(st.tuples(minutes, st.sampled_from(CLASSES), st.none() | minutes), min_size=1, max_size=40)


def line_of(rules: ClinicRules, arriving: list[tuple[int, VisitClass, int | None]]) -> list[Waits]:
    """All who come, as they come."""
    found = []
    for number, (came, visit_class, segment) in enumerate(sorted(arriving, key=lambda a: a[0])):
        came_at = START + timedelta(minutes=came)
        segment_at = None if segment is None else START + timedelta(minutes=segment)
        at = place(rules, visit_class, came_at, number, segment_at)
        found.append(Waits(number, at, visit_class, segment_at or came_at))
    return found


@given(rules_, arrivals)
def test_nobody_starves_however_many_come(rules, arriving):
    """Whoever comes later and is called earlier counted from before the stated bound: after that, nobody overtakes her."""
    line = line_of(rules, arriving)
    order = {visit.name: n for n, visit in enumerate(in_order(line))}
    for her in line:
        for other in line:
            if other.name > her.name and order[other.name] < order[her.name]:
                assert rules.discipline == "priority", "first come, first called"
                bound = her.counted + ahead(rules, other.visit_class) - ahead(rules, her.visit_class)
                assert other.counted <= bound


@given(rules_.filter(lambda r: r.discipline == "priority"), minutes, st.sampled_from(CLASSES))
def test_the_bound_is_reached_and_no_more(rules, came, visit_class):
    """An emergency one minute before the bound overtakes, one minute after it does not."""
    lead = ahead(rules, "emergency") - ahead(rules, visit_class)
    came_at = START + timedelta(minutes=came)
    her = place(rules, visit_class, came_at, 1, None)
    assert place(rules, "emergency", came_at + lead - timedelta(minutes=1), 2, None) < her
    assert place(rules, "emergency", came_at + lead + timedelta(minutes=1), 2, None) > her


def test_appointments_go_by_segment_and_within_it_by_who_came_first():
    at = lambda minute: START + timedelta(minutes=minute)  # noqa: E731  as said
    early = Waits(1, place(RULES, "appointment", at(5), 1, at(60)))
    first = Waits(2, place(RULES, "appointment", at(20), 2, at(30)))
    second = Waits(3, place(RULES, "appointment", at(25), 3, at(30)))
    walk_in = Waits(4, place(RULES, "walk_in", at(10), 4, None))
    late = Waits(5, place(RULES, "appointment", at(50), 5, None))
    assert [v.name for v in in_order([late, walk_in, second, early, first])] == [2, 3, 4, 5, 1]
    by_arrival = replace(RULES, discipline="fifo")
    assert place(by_arrival, "appointment", at(5), 1, at(60)) < place(by_arrival, "emergency", at(6), 2, None)


@given(arrivals, st.data())
def test_who_is_put_behind_some_stands_exactly_there_and_the_others_as_before(arriving, data):
    line, moment = in_order(line_of(RULES, arriving)), 1000
    for _ in range(data.draw(st.integers(1, 12), "moves")):
        her = data.draw(st.sampled_from(line), "who")
        others = [v for v in line if v is not her]
        places, moment = data.draw(st.integers(0, len(line) + 1), "places"), moment + 1
        her.place = put_behind(others, places, her.place, moment)
        line = in_order(line)
        assert [v for v in line if v is not her] == others
        before = line.index(her)
        assert before == min(places, len(others))


@given(arrivals, st.data())
def test_a_place_is_kept_as_it_is(arriving, data):
    line, moment = in_order(line_of(RULES, arriving)), 1000
    for _ in range(data.draw(st.integers(0, 6), "moves")):
        her = data.draw(st.sampled_from(line), "who")
        moment += 1
        her.place = put_behind([v for v in line if v is not her], 2, her.place, moment)
        line = in_order(line)
    encoded = [(v.name, msgspec.json.encode(v.place)) for v in line]
    data.draw(st.randoms(), "order").shuffle(encoded)
    again = [Waits(name, msgspec.json.decode(text, type=Place)) for name, text in encoded]
    assert [v.name for v in in_order(again)] == [v.name for v in line]


@given(arrivals, st.data())
def test_other_rules_keep_who_was_put_behind_somebody_right_behind_her(arriving, data):
    line = in_order(line_of(RULES, arriving))
    fresh = {v.name: Place(START + timedelta(minutes=data.draw(minutes)), START, v.name) for v in line}
    behind = Waits(-1, put_behind(line, 1, fresh[line[0].name], 1000))
    for visit, at in placed_anew(in_order([*line, behind]), lambda v: fresh[v.name]):
        visit.place = at
    names = [v.name for v in in_order([*line, behind])]
    assert names.index(-1) == names.index(line[0].name) + 1
    assert [n for n in names if n >= 0] == sorted(fresh, key=lambda name: fresh[name])


# --- a real line, with everything that can happen in it --------------------------------------------------------------


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClinicDay]:
    day = ClinicDay(f"sqlite:///{tmp_path_factory.mktemp('line')}/booking.db")
    yield day
    day.database.close()


class Shift:
    """One session of its own, in which things happen at random while the clock jumps back and forth."""

    def __init__(self, day: ClinicDay, luck: random.Random) -> None:
        self.day, self.luck = day, luck
        day.clock.set(OPENS)
        self.session = day.new_session()
        self.rooms = ["1", "2"]
        for room in self.rooms:
            day.open(room, session=self.session)
        self.ids: list[str] = []
        self.clock = OPENS
        self.refusals: set[str] = set()

    def step(self) -> None:
        self.day.clock.set(OPENS + timedelta(minutes=self.luck.randint(-600, 600)))
        visit_id = self.luck.choice(self.ids) if self.ids else ""
        acts = {
            "come": self._come, "walk_in": self._walk_in, "next": self._next,
            "pass": lambda: clinic.pass_visit(self.day.database, DESK, visit_id),
            "put_back": lambda: clinic.put_back(self.day.database, DESK, visit_id, ""),
            "send_away": lambda: clinic.send_away(self.day.database, DESK, visit_id),
            "come_back": lambda: clinic.come_back(self.day.database, DESK, visit_id),
            "call": lambda: clinic.call_visit(self.day.database, DESK, visit_id, self.luck.choice(self.rooms), ""),
            "reclass": lambda: clinic.reclass(self.day.database, DESK, visit_id, "priority", "elderly"),
            "readmit": lambda: clinic.readmit(self.day.database, DESK, visit_id, ""),
            "discipline": lambda: clinic.set_discipline(
                self.day.database, DESK, self.session, self.luck.choice(["fifo", "priority", None]), ""
            ),
        }  # fmt: skip
        names = ["come", "walk_in", "next", "next", *(acts if self.ids else ["come"])]
        try:
            acts[self.luck.choice(names)]()
        except Conflict as error:
            self.refusals.add(error.code)

    def _come(self) -> None:
        self.ids.append(self.day.come(str(len(self.ids)), self.luck.randint(0, 120), self.session))

    def _walk_in(self) -> None:
        self.ids.append(clinic.add_walk_in(self.day.database, DESK, self.session, WalkIn("张三")).id)

    def _next(self) -> None:
        room = self.luck.choice(self.rooms)
        with self.day.database.reading() as conn:
            there = store.queues.desks_of(conn, self.session)[room].visit_id
        self.day.next(there, self.luck.choice(["done", "passed"]), room, self.session)

    def check(self) -> None:
        """Nobody is in two places or in none, the queue's time never goes back, and each is where her last move says."""
        with self.day.database.reading() as conn:
            queue = store.queues.get_queue(conn, self.session)
            desks = store.queues.desks_of(conn, self.session)
            visits = store.visits.visits_of_queue(conn, self.session, set(VisitState))
            steps = store.visits.moves_of_queue(conn, self.session)
        assert queue is not None
        assert queue.clock >= self.clock
        self.clock = queue.clock
        at_desks = {v.room: v.id for v in visits if v.state in AT_DESK}
        assert at_desks == {room: d.visit_id for room, d in desks.items() if d.visit_id}
        places = [v.place for v in visits if v.state == VisitState.WAITING]
        assert None not in places
        assert len(set(places)) == len(places), "no two stand at one place"
        assert [s.at for s in steps] == sorted(s.at for s in steps)
        last = {s.visit_id: s.state for s in steps if s.visit_id}
        assert {v.id: v.state for v in visits if v.id in last} == last


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_the_line_is_one_line_and_time_goes_on(day, seed):
    shift = Shift(day, random.Random(seed))
    for _ in range(120):
        before = day.line(shift.session)
        shift.step()
        shift.check()
        assert len(set(before) - set(day.line(shift.session))) <= 1, "one step takes one from the line at most"
    assert shift.refusals <= {"not_possible", "desk_busy", "too_early"}, "too early: a walk-in, the evening before"


def test_after_a_restart_the_line_is_the_same(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/booking.db"
    day = ClinicDay(url)
    day.open()
    visits = [day.come(name, at) for name, at in (("a", 30), ("b", 0), ("c", 60), ("d", 0), ("e", 30))]
    clinic.reclass(day.database, DESK, visits[2], "priority", "pregnant")
    day.next(day.next(), "passed")
    before, current = day.line(), [v for v in visits if day.visit(v).state == "called"]
    day.database.close()
    again = ClinicDay(url)
    again.session = day.session
    again.clock.set(OPENS - timedelta(hours=3))
    assert again.line() == before
    called = []
    while current:
        current = [v for v in [again.next(current[0])] if v]
        called += [again.visit(v).ticket for v in current]
    assert called == before
    again.database.close()
