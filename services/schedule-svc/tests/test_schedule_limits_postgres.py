"""Many consumers decide at once about one person: on PostgreSQL her lock, taken across sessions, keeps every limit."""

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import cycle, product

import pytest
from common.envelope import seal
from common.messages import ReserveSlot, SlotRejected, SlotReserved
from common.testing import take_sent
from schedule_svc.rules import RuleSet
from schedule_svc.rules.ruleset import Limit
from schedule_world import TWO_IDS, World, check_inventory, session_row, slot_row
from test_schedule_postgres import at_once, database, make  # noqa: F401  fixtures

DOCTORS = 10
DAYS = range(5, 10)
CONSUMERS = 8


@pytest.fixture
def crowded(make: Callable[..., World]) -> World:  # noqa: F811  the fixture
    """Fifty sessions: ten doctors on five days; three registrations a day, and eight a week."""
    doctors = [
        {"code": f"D{n}", "version": 1, "name": f"D{n}", "title": "主任医师", "department": "card"}
        for n in range(DOCTORS)
    ]
    rows = [
        session_row(f"s{day}-{n}", doctor=f"D{n}", date=f"2026-12-{day:02}", slots=[slot_row(8, capacity=5, day=day)])
        for n, day in product(range(DOCTORS), DAYS)
    ]
    world = make(doctors=doctors, sessions=rows)
    limits = (Limit(most=3, of="hospital", per="day"), Limit(most=8, of="hospital", per="week"))
    world.rule(RuleSet(limits=limits, penalties=()))
    return world


def one_each(world: World, *patients: str) -> list[ReserveSlot]:
    """An order for each of the sessions, of these patients in turn."""
    sessions = [row.id for row in world.rows("SELECT id FROM sessions ORDER BY id")]
    assert len(sessions) == 50
    return [
        replace(world.reserve(f"{patients[0]}-{s}", session=s), patient_id=patient)
        for s, patient in zip(sessions, cycle(patients), strict=False)
    ]


def consume(world: World, orders: list[ReserveSlot], batch: int) -> None:
    """Several consumers, each of other sessions as partitions have them, take the orders in batches at once."""
    bodies = [seal(order, world.clock()).body for order in orders]
    process = world.service.processor.process
    shares = [bodies[n::CONSUMERS] for n in range(CONSUMERS)]

    def work(share: list[bytes]) -> None:
        for i in range(0, len(share), batch):
            process(share[i : i + batch])

    at_once(*(lambda share=share: work(share) for share in shares))
    assert [p.reason for p in world.database.parked()] == []


def counts(world: World, *patients: str) -> tuple[list[int], list[int]]:
    """How many registrations these have together on each day, and in each week from Monday."""
    days = world.rows(
        "SELECT date, count(*) AS n FROM reservations WHERE state = 'held' AND patient_id = ANY(:p) GROUP BY date",
        p=list(patients),
    )
    weeks = world.rows(
        "SELECT date_trunc('week', date) AS week, count(*) AS n FROM reservations"
        " WHERE state = 'held' AND patient_id = ANY(:p) GROUP BY 1",
        p=list(patients),
    )
    return sorted(row.n for row in days), sorted(row.n for row in weeks)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("patients", [("pat-greedy",), TWO_IDS], ids=["one list", "two lists"])
def test_fifty_orders_of_one_person_at_once_never_pass_a_limit(
    crowded: World, batch: int, patients: tuple[str, ...]
) -> None:
    """The days are Saturday to Wednesday: two in one week, three in the next, of three each, but eight a week at most."""
    consume(crowded, one_each(crowded, *patients), batch)
    days, weeks = counts(crowded, *patients)
    assert max(days) == 3
    assert weeks == [6, 8], "the limits are reached, and not passed"
    answers = take_sent(crowded.database)
    assert sum(isinstance(m, SlotReserved) for m in answers) == 14
    refused = [m for m in answers if isinstance(m, SlotRejected)]
    assert len(refused) == 36
    assert {m.reason for m in refused} == {"limit_reached"}
    assert all(m.rule and m.until for m in refused)
    check_inventory(crowded)


def test_consumers_with_the_same_people_in_other_orders_do_not_lock_each_other_up(crowded: World) -> None:
    people = [f"pat-{n}" for n in range(6)]
    orders = [order for patient in people for order in one_each(crowded, patient)]
    random.shuffle(orders)
    consume(crowded, orders, batch=10)
    for patient in people:
        days, weeks = counts(crowded, patient)
        assert max(days) <= 3
        assert max(weeks) <= 8
    check_inventory(crowded)
