"""Hospitals' events on PostgreSQL: the same tests, the same convergence, and what comes in while patients order."""

import random
from typing import Any

from common.envelope import seal as sealed
from common.errors import Transient
from common.foreign import foreign
from haoyuan_roster_format import routing_key, seal
from roster_world import Hospital
from schedule_world import World, check_inventory, session_row, slot_row
from test_schedule_intake import *  # noqa: F403  the same tests, with the fixtures below in place of SQLite
from test_schedule_postgres import at_once, database, make  # noqa: F401


def persistently(job: Any) -> None:
    """As the consumer does: what two transactions cannot both have, the second tries again."""
    for _ in range(50):
        try:
            job()
        except Transient:
            continue
        return
    raise AssertionError("never got through")


def test_events_orders_and_staff_do_not_lock_each_other_up(make: Any) -> None:  # noqa: F811  the fixture
    codes = [f"s{i}" for i in range(1, 7)]
    world: World = make(sessions=[session_row(code) for code in codes])
    sessions = {code: world.session_id(code) for code in codes}
    (queue,) = world.service.processor.intakes

    def orders(number: int) -> None:
        chance = random.Random(number)
        for i in range(15):
            mixed = chance.sample(codes, 4)
            batch = [
                sealed(world.reserve(f"{number}-{i}-{c}", session=sessions[c], wait=True), world.clock()).body
                for c in mixed
            ]
            persistently(lambda batch=batch: world.service.processor.process(batch))

    def events(number: int) -> None:
        chance = random.Random(number)
        for i in range(12):
            said = []
            for j in range(3):
                code, version = chance.choice(codes), chance.randint(2, 9)
                kind, data = chance.choice(
                    [
                        (
                            "roster_published",
                            {"sessions": [session_row(c, version, room=f"R{version}") for c in codes]},
                        ),
                        ("session_stopped", {"session": code, "version": 2 * version, "reason": "ill"}),
                        ("session_resumed", {"session": code, "version": 2 * version + 1}),
                        ("slots_added", {"session": code, "version": version, "slots": []}),
                    ]
                )
                body = seal(kind, "renai", data, id=f"{number}-{i}-{j}", time=world.clock())
                said.append(foreign(body, routing_key("renai", kind)))
            persistently(lambda said=said: world.service.processor.take(queue, said))

    at_once(lambda: orders(0), lambda: orders(1), lambda: events(2), lambda: events(3))
    renai = Hospital(world)
    renai.roster(*(session_row(code, 10, room="last", slots=[slot_row(8)]) for code in codes))
    assert world.database.parked() == []
    assert world.rows("SELECT DISTINCT room FROM sessions") == [("last",)]
    check_inventory(world)
