"""Rosters while patients order, on PostgreSQL: nobody waits for a whole document, and nobody for each other."""

import random
import threading
from typing import Any

from common.envelope import seal as sealed
from common.foreign import foreign
from haoyuan_roster_format import routing_key, seal
from schedule_svc.usecases.rosters import apply_roster
from schedule_world import ANYONE, World, check_inventory, roster, session_row, slot_row
from test_schedule_parts import *  # noqa: F403  the same tests, with the fixtures below in place of SQLite
from test_schedule_postgres import at_once, database, make  # noqa: F401

CODES = [f"s{i}" for i in range(12)]
DOCTORS = [{"code": f"D{i}", "version": 1, "name": "x", "title": "t", "department": "card"} for i in range(3)]


def row(code: str, version: int) -> dict[str, Any]:
    by = DOCTORS[int(code[1:]) % 3]["code"]
    return session_row(code, version, doctor=by, room=f"R{version}", slots=[slot_row(8, capacity=500)])


def test_rosters_and_orders_never_wait_for_each_other_in_a_circle(make: Any) -> None:  # noqa: F811  the fixture
    """Everything is given to the database once: a deadlock would raise Transient here."""
    world: World = make(doctors=DOCTORS, sessions=[row(code, 1) for code in CODES])
    sessions = {code: world.session_id(code) for code in CODES}
    (queue,) = world.service.processor.intakes
    done = threading.Event()

    def orders() -> None:
        for number in range(10_000):
            if done.is_set():
                return
            asked = [
                world.reserve(f"{number}-{c}", session=sessions[c]) for c in random.Random(number).sample(CODES, 8)
            ]
            world.service.processor.process([sealed(m, world.clock()).body for m in asked])

    def events() -> None:
        chance = random.Random(7)
        try:
            for version in range(2, 22):
                doctor = DOCTORS[version % 3] | {"version": version, "title": f"t{version}"}
                shuffled = [row(code, version) for code in chance.sample(CODES, len(CODES))]
                said = [
                    {"sessions": shuffled[:5]},
                    {"doctors": [doctor], "sessions": shuffled[5:8]},
                    {"sessions": shuffled[8:]},
                ]
                bodies = [
                    seal("roster_published", "renai", data, id=f"{version}-{i}", time=world.clock())
                    for i, data in enumerate(said)
                ]
                key = routing_key("renai", "roster_published")
                world.service.processor.take(queue, [foreign(body, key) for body in bodies])
        finally:
            done.set()

    at_once(orders, events)
    assert world.database.parked() == []
    assert world.rows("SELECT DISTINCT room FROM sessions") == [("R21",)]
    check_inventory(world)


def test_an_order_is_served_between_the_parts_of_an_upload(make: Any) -> None:  # noqa: F811  the fixture
    world: World = make(sessions=[session_row(code) for code in CODES])
    served: list[str] = []

    def between() -> Any:
        """A transaction, before which an order for a session of the part before is served: it would wait for ever."""
        if served or world.rows("SELECT id FROM sessions WHERE room = 'new'"):
            order = world.reserve(f"o{len(served)}", session=world.session_id("s0"))
            at_once(lambda: served.extend(type(m).__name__ for m in world.tell(order)))
        return world.database.transaction()

    document = roster(sessions=[session_row(code, 2, room="new") for code in CODES])
    assert apply_roster(between, document, ANYONE)["applied"] == len(CODES)
    assert served.count("SlotReserved") >= 3
