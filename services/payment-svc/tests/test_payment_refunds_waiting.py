"""What waits for a person: all that the cashiers' page asks for, every few seconds."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from common.testing import assert_problem
from payment_svc.providers import Abnormal, Failed, Processing, Refunded
from payment_world import CASHIER, OPERATOR, OTHER_CASHIER, START, World, paid_by


def given_back(world: World, said: Any, method: str = "alipay") -> str:
    """A refund of which the provider says that; answers its id."""
    order = paid_by(world, method)
    world.scripted.say["refund"] = said
    world.ask_refund(order)
    world.run_jobs()
    world.clock.advance(timedelta(seconds=1))
    return world.refunds(order)[-1].id


def all_sorts(world: World) -> list[str]:
    """Refunds of each kind, one a second; answers those that wait."""
    given_back(world, Refunded(START))
    to_card = given_back(world, Abnormal("a dead card"))
    given_back(world, Processing())
    repeated = given_back(world, Failed("no"))
    refused = given_back(world, Failed("no"))
    by_hand = given_back(world, None, "window")
    again = world.post(f"/refunds/{repeated}/retry", headers=CASHIER).get_json()["id"]
    world.scripted.say["refund"] = Failed("no")
    world.run_jobs()
    paid_out = given_back(world, None, "window")
    assert world.post(f"/refunds/{paid_out}/paid-out", headers=CASHIER).status_code == 200
    return [to_card, refused, by_hand, again]


def ids(world: World, query: str, headers: Any = CASHIER) -> list[str]:
    return [one["id"] for one in world.get(f"/refunds?{query}", headers=headers).get_json()["items"]]


def test_only_what_waits_for_a_person_oldest_first(any_world: World) -> None:
    world = any_world
    waiting = all_sorts(world)
    for caller in (CASHIER, OPERATOR):
        assert ids(world, "waiting=true", caller) == waiting
    assert ids(world, "waiting=true", OTHER_CASHIER) == []
    assert ids(world, "waiting=true&state=failed") == [waiting[1], waiting[3]]
    assert len(ids(world, "waiting=false")) == len(ids(world, "")) == 8
    first = world.get("/refunds?waiting=true&limit=3", headers=CASHIER).get_json()
    assert [one["id"] for one in first["items"]] == waiting[:3]
    assert ids(world, f"waiting=true&limit=3&cursor={first['next_cursor']}") == waiting[3:]


@pytest.mark.parametrize("word", ["", "1", "yes", "True"])
def test_it_is_asked_for_by_true_or_false(world: World, word: str) -> None:
    assert_problem(world.get(f"/refunds?waiting={word}", headers=CASHIER), 422, field="waiting")


@pytest.mark.parametrize("caller", [CASHIER, OPERATOR], ids=["cashier", "operator"])
def test_an_index_of_what_waits_finds_it(any_world: World, caller: Any) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "FROM refunds" in statement:
            asked.append((statement, values))

    engine = any_world.database.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    any_world.get("/refunds?waiting=true", headers=caller)
    sa.event.remove(engine, "before_cursor_execute", note)
    ((statement, values),) = asked
    with engine.connect() as conn:
        if any_world.database.sqlite:
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        else:  # of an empty table it would read all, and sort it
            for dear in ("enable_seqscan", "enable_sort"):
                conn.exec_driver_sql(f"SET LOCAL {dear} = off")
            plan = conn.exec_driver_sql(f"EXPLAIN {statement}", values).all()
    assert "refunds_waiting" in str(plan), plan
