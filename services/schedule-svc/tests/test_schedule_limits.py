"""Limits at the desk: whatever is asked, confirmed, given back or let go, in whatever order, nobody passes one."""

import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from common.clock import ManualClock
from common.messages import OrderConfirmed, ReleaseSlot, ReserveSlot, SlotRejected, SlotReserved
from common.testing import take_sent
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from schedule_svc.app import Settings, build
from schedule_svc.rules import RuleSet
from schedule_svc.rules.ruleset import CoolDown, Limit
from schedule_world import FREE_RULES, START, VISIT, World, check_inventory, make_world, session_row, slot_row

LIMITS = (
    Limit(most=1, of="doctor", per="day"),
    Limit(most=2, of="hospital", per="day", counting="departments"),
    Limit(most=3, of="hospital", per="day"),
    Limit(most=1, of="department", per="period"),
    Limit(most=4, of="hospital", per="week"),
    Limit(most=6, of="hospital", per="month"),
)
DOCTORS = {"D1": "card", "D2": "card", "D3": "neuro", "D4": "derma"}
DAYS = (5, 6, 7)
"""A Saturday, a Sunday, and the Monday of the next week."""
PLACES = [
    (f"{doctor}-{day}-{period}", doctor, day, period)
    for doctor, day, period in itertools.product(DOCTORS, DAYS, ("morning", "afternoon"))
]


def roster_changes() -> dict[str, Any]:
    """Four doctors of three departments, who sit on three days, morning and afternoon, with two numbers each time."""
    return {
        "departments": [{"code": code, "version": 1, "name": code} for code in sorted(set(DOCTORS.values()))],
        "doctors": [
            {"code": code, "version": 1, "name": code, "title": "主任医师", "department": department}
            for code, department in DOCTORS.items()
        ],
        "sessions": [
            session_row(
                code,
                doctor=doctor,
                date=f"2026-12-{day:02}",
                period=period,
                slots=[slot_row(8 if period == "morning" else 14, capacity=2, day=day)],
            )
            for code, doctor, day, period in PLACES
        ],
    }


def sessions_by_place(world: World) -> dict[str, str]:
    return {row.code: row.id for row in world.rows("SELECT id, code FROM sessions")}


def over_limit(world: World) -> list[tuple[str, ...]]:
    """Who has passed a limit, counted anew from what is stored, in other words than the rules'.

    An order that another one replaces is on its way out, and counts no more than that one.
    """
    rows = world.rows(
        "SELECT order_id, patient_id, doctor_id, department_id, date, period, replaces FROM reservations"
        " WHERE state IN ('held', 'sold', 'waiting', 'entered')"
    )
    replaced = {row.replaces for row in rows}
    counts: Counter[tuple[str, ...]] = Counter()
    departments: set[tuple[str, str, str]] = set()
    for row in rows:
        if row.order_id in replaced:
            continue
        day = date.fromisoformat(str(row.date))
        counts["doctor", row.patient_id, row.doctor_id, str(day)] += 1
        counts["day", row.patient_id, str(day)] += 1
        counts["period", row.patient_id, row.department_id, str(day), row.period] += 1
        counts["week", row.patient_id, str(day.isocalendar()[:2])] += 1
        counts["month", row.patient_id, str(day)[:7]] += 1
        departments.add((row.patient_id, row.department_id, str(day)))
    for patient_id, _, day_text in departments:
        counts["departments", patient_id, day_text] += 1
    most = {"doctor": 1, "day": 3, "period": 1, "week": 4, "month": 6, "departments": 2}
    return [key for key, count in counts.items() if count > most[key[0]]]


# --- examples --------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(make: Callable[..., World]) -> World:
    world = make(**roster_changes())
    world.rule(replace_limits(FREE_RULES, LIMITS))
    return world


def replace_limits(rules: RuleSet, limits: tuple[Limit, ...]) -> RuleSet:
    return RuleSet(
        limits=limits,
        cool_down=rules.cool_down,
        rest=rules.rest,
        waitlist=rules.waitlist,
        penalties=rules.penalties,
    )


def ask(world: World, order: str, place: str, patient: str = "pat-a", **changes: Any) -> ReserveSlot:
    plain = world.reserve(order, session=sessions_by_place(world)[place])
    return replace(plain, patient_id=patient, **changes)


def test_the_answer_names_the_rule_and_until_when_it_holds(limited: World) -> None:
    first, second = limited.tell(ask(limited, "a", "D1-5-morning"), ask(limited, "b", "D1-5-afternoon"))
    assert isinstance(first, SlotReserved)
    assert isinstance(second, SlotRejected)
    assert (second.reason, second.rule) == ("limit_reached", "limits[0]: at most 1 per doctor and day")
    assert second.until is not None
    assert second.until.isoformat() == "2026-12-05T16:00:00+00:00", "midnight in Beijing"
    assert limited.tell(ask(limited, "b", "D1-5-afternoon")) == [second], "asked again, the answer is the same"


def test_a_released_number_makes_room_and_another_patient_has_limits_of_her_own(limited: World) -> None:
    limited.tell(ask(limited, "a", "D1-5-morning"))
    (other,) = limited.tell(ask(limited, "b", "D1-5-afternoon", "pat-b"))
    assert isinstance(other, SlotReserved)
    limited.tell(ReleaseSlot("a", sessions_by_place(limited)["D1-5-morning"], "patient"))
    assert isinstance(limited.tell(ask(limited, "c", "D1-5-afternoon"))[0], SlotReserved)


def test_what_replaces_another_is_not_counted_beside_it(limited: World) -> None:
    limited.tell(ask(limited, "a", "D1-5-morning"))
    (moved,) = limited.tell(ask(limited, "b", "D1-5-afternoon", replaces="a"))
    assert isinstance(moved, SlotReserved)
    (third,) = limited.tell(ask(limited, "c", "D1-5-afternoon", replaces="a"))
    assert third.reason == "limit_reached", "one takes its place, not two"


def test_a_week_begins_on_monday(limited: World) -> None:
    asked = ["D1-5-morning", "D3-5-morning", "D1-6-morning", "D3-6-morning", "D2-6-afternoon", "D1-7-morning"]
    answers = limited.tell(*(ask(limited, f"o{i}", place) for i, place in enumerate(asked)))
    assert [getattr(m, "rule", None) for m in answers] == [None] * 4 + [
        "limits[4]: at most 4 per hospital and week",
        None,
    ]


def test_one_may_book_again_after_a_while(limited: World) -> None:
    limited.rule(RuleSet(cool_down=CoolDown(unpaid_seconds=60, confirmed_seconds=7200), rest=FREE_RULES.rest))
    session = sessions_by_place(limited)["D1-5-morning"]
    limited.tell(ask(limited, "a", "D1-5-morning"))
    limited.tell(ReleaseSlot("a", session, "expired"))
    (early,) = limited.tell(ask(limited, "b", "D1-5-morning"))
    assert (early.reason, early.until) == ("cool_down", limited.clock() + timedelta(seconds=60))
    limited.clock.advance(timedelta(seconds=60))
    assert isinstance(limited.tell(ask(limited, "c", "D1-5-morning"))[0], SlotReserved)
    confirmed = OrderConfirmed("c", "acc", "pat-a", session, VISIT, 1, 5000)
    limited.tell(confirmed)
    limited.tell(ReleaseSlot("c", session, "patient"))
    (early,) = limited.tell(ask(limited, "d", "D1-5-morning"))
    assert early.rule == "cool_down.confirmed_seconds: 7200 s until the same doctor again"
    assert early.until == limited.clock() + timedelta(hours=2)
    (other,) = limited.tell(ask(limited, "e", "D2-5-morning"))
    assert isinstance(other, SlotReserved), "another doctor can be booked"
    limited.clock.advance(timedelta(hours=2))
    assert isinstance(limited.tell(ask(limited, "f", "D1-5-morning"))[0], SlotReserved)


# --- any sequence ----------------------------------------------------------------------------------------------------

_template = Path()


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    """A migrated database with the roster and the limits, copied for each example."""
    global _template  # noqa: PLW0603  hypothesis makes the machines, so a fixture cannot reach them
    with tempfile.TemporaryDirectory() as directory:
        _template = Path(directory) / "template.db"
        world = make_world(f"sqlite:///{_template}", START, **roster_changes())
        world.rule(replace_limits(FREE_RULES, LIMITS))
        with world.database.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        world.database.close()
        yield


PATIENTS = st.sampled_from(["pat-a", "pat-b"])
WISHES = st.tuples(PATIENTS, st.sampled_from(PLACES), st.booleans(), st.booleans())
"""Who, where, whether she would wait, and whether it takes the place of an order that she has."""


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        copy = shutil.copy(_template, self.directory.name)
        clock = ManualClock(START)
        self.world = World(build(Settings(app_env="test", database_url=f"sqlite:///{copy}"), clock), clock)
        self.sessions = sessions_by_place(self.world)
        self.orders = itertools.count(1)
        self.asked: dict[str, ReserveSlot] = {}

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.database.close()
            self.directory.cleanup()

    @rule(wishes=st.lists(WISHES, min_size=1, max_size=8))
    def reserve(self, wishes: list[tuple[str, tuple[str, str, int, str], bool, bool]]) -> None:
        run = []
        for patient, (place, *_), wait, moves in wishes:
            name = f"o{next(self.orders)}"
            hers = [o for o, order in self.asked.items() if order.patient_id == patient]
            order = self.world.reserve(name, wait=wait, session=self.sessions[place])
            self.asked[name] = replace(order, patient_id=patient, replaces=hers[-1] if moves and hers else None)
            run.append(self.asked[name])
        self.world.tell(*run)

    @rule(data=st.data(), cause=st.sampled_from(["patient", "expired", "rescheduled"]))
    def release(self, data: st.DataObject, cause: Any) -> None:
        if self.asked:
            order = self.asked[data.draw(st.sampled_from(sorted(self.asked)))]
            self.world.tell(ReleaseSlot(order.order_id, order.session_id, cause))

    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        if self.asked:
            order = self.asked[data.draw(st.sampled_from(sorted(self.asked)))]
            message = OrderConfirmed(order.order_id, "acc", order.patient_id, order.session_id, VISIT, 1, 5000)
            self.world.tell(message)

    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        if self.asked:
            self.world.tell(self.asked[data.draw(st.sampled_from(sorted(self.asked)))])

    @rule()
    def time_passes(self) -> None:
        self.world.clock.advance(timedelta(minutes=1))

    @invariant()
    def every_limit_is_kept(self) -> None:
        if hasattr(self, "world"):
            assert over_limit(self.world) == []
            check_inventory(self.world)
            take_sent(self.world.database)


TestLimits = Machine.TestCase
TestLimits.settings = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
