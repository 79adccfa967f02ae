"""One person in the lists of two accounts is one person to the hospital's rules, in whatever order her orders come."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from common import ids
from common.messages import CreditChanged, CreditMark, ReleaseSlot, ReserveSlot, SlotRejected, SlotReserved
from schedule_svc.rules import RuleSet
from schedule_svc.rules.ruleset import CoolDown, Limit
from schedule_svc.store import rules as store
from schedule_svc.store.tables import reservations, sessions
from schedule_world import DAY, FREE_RULES, TWO_IDS, World

OLD, NEW = TWO_IDS
ONE_A_DAY = RuleSet(
    limits=(Limit(most=1, of="hospital", per="day"),),
    cool_down=CoolDown(unpaid_seconds=0, confirmed_seconds=0),
    rest=FREE_RULES.rest,
    penalties=FREE_RULES.penalties,
)


def ask(world: World, order: str, patient_id: str) -> ReserveSlot:
    return replace(world.reserve(order), patient_id=patient_id)


@contextmanager
def statements(world: World) -> Iterator[list[str]]:
    """What is asked of the database meanwhile."""
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(world.database.engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(world.database.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("patient_id", ["", "pat", "pat-a", "pat_1", OLD, NEW, "x" * 30])
def test_the_database_knows_the_person_as_everybody_does(world: World, patient_id: str) -> None:
    column = reservations.c.person.computed
    assert column is not None
    with world.database.reading() as conn:
        query = f"SELECT {column.sqltext} FROM (SELECT :patient_id AS patient_id) AS r"
        assert conn.execute(sa.text(query), {"patient_id": patient_id}).scalar() == ids.person_of(patient_id)


@pytest.mark.parametrize(("first", "second"), [(OLD, NEW), (NEW, OLD)], ids=["old first", "new first"])
@pytest.mark.parametrize("together", [True, False], ids=["one run", "two runs"])
def test_what_she_has_by_one_account_counts_for_the_other(
    world: World, first: str, second: str, together: bool
) -> None:
    world.rule(ONE_A_DAY)
    orders = [ask(world, "a", first), ask(world, "b", second), ask(world, "c", "pat-other")]
    answers = world.tell(*orders) if together else [world.tell(order)[0] for order in orders]
    assert [type(answer) for answer in answers[:3]] == [SlotReserved, SlotRejected, SlotReserved]
    assert answers[1].reason == "limit_reached"


def test_what_one_account_gives_back_makes_room_for_the_other_in_the_same_run(world: World) -> None:
    world.rule(ONE_A_DAY)
    world.tell(ask(world, "a", OLD))
    release = ReleaseSlot("a", world.session_id(), "patient")
    answers = world.tell(ask(world, "b", NEW), release, ask(world, "c", NEW))
    decided = {a.order_id: type(a) for a in answers if isinstance(a, SlotReserved | SlotRejected)}
    assert decided == {"b": SlotRejected, "c": SlotReserved}


def test_a_second_list_costs_no_statement(world: World) -> None:
    asked = []
    for n, patients in enumerate([(OLD, OLD), (OLD, NEW)]):
        orders = [ask(world, f"{n}-{i}", patient) for i, patient in enumerate(patients)]
        with statements(world) as said:
            world.tell(*orders)
        asked.append(said)
    assert len(asked[0]) == len(asked[1])
    assert any("reservations.person" in statement for statement in asked[1])


def changed(world: World, patient_id: str, revision: int, no_shows: int) -> CreditChanged:
    now = world.clock()
    marks = [CreditMark(f"m{i}", "no_show", "hos", f"o{i}", now, now + 300 * DAY, None) for i in range(no_shows)]
    return CreditChanged(patient_id, "acc", revision, "recorded", "m0", marks)


@pytest.mark.parametrize("teller", [OLD, NEW], ids=["told of the old id", "told of the new id"])
@pytest.mark.parametrize("asking", [OLD, NEW], ids=["asking by the old id", "asking by the new id"])
def test_marks_of_whichever_account_bar_the_person_but_never_from_urgent_care(
    world: World, teller: str, asking: str
) -> None:
    world.rule(RuleSet(cool_down=CoolDown(unpaid_seconds=0)))
    world.tell(changed(world, teller, 7, no_shows=3))
    assert world.tell(ask(world, "a", asking))[0].reason == "credit_blocked"
    with world.database.transaction() as tx:
        tx.conn.execute(sa.update(sessions).values(urgent=True))
    assert isinstance(world.tell(ask(world, "b", asking))[0], SlotReserved)


@pytest.mark.parametrize("late", [True, False], ids=["late", "in order"])
def test_the_greatest_revision_of_the_person_counts_whichever_account_it_tells_of(world: World, late: bool) -> None:
    """Messages about two patients keep no order."""
    told = [changed(world, OLD, 7, no_shows=3), changed(world, NEW, 8, no_shows=1)]
    world.tell(*(reversed(told) if late else told))
    person = ids.person_of(OLD)
    with world.database.reading() as conn:
        assert [mark.id for mark in store.marks_of(conn, [person])[person]] == ["m0"]
