"""What a person has is found by index while the tables are new and nobody has counted their rows yet: in a database of its own, since
PostgreSQL remembers what it counted before a table was emptied.
"""

from collections.abc import Callable
from dataclasses import replace

from schedule_svc.store import rules as store
from schedule_world import World, session_row, slot_row
from test_schedule_postgres import database, make  # noqa: F401  fixtures


def test_a_persons_registrations_are_found_by_index(make: Callable[..., World]) -> None:  # noqa: F811  the fixture
    world = make(sessions=[session_row(slots=[slot_row(8, capacity=5)])])
    with world.database.transaction() as tx:
        for table in ("reservations", "patient_credit"):  # autovacuum counts nothing meanwhile
            tx.conn.exec_driver_sql(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    world.tell(*(replace(world.reserve(f"o{n}"), patient_id=f"pat-{n % 7}") for n in range(40)))
    with world.database.reading() as conn:
        plan = conn.exec_driver_sql(f"EXPLAIN {store._REGISTRATIONS}", (["pat-1", "pat-2"],)).scalars().all()
        marks = conn.exec_driver_sql(f"EXPLAIN {store._MARKS}", (["pat-1", "pat-2"],)).scalars().all()
        found = store.registrations_of(conn, ["pat-1", "pat-2", "pat-nobody"])
    assert "reservations_of_person" in "\n".join(plan)
    assert "patient_credit_of_person" in "\n".join(marks)
    assert {patient: len(registrations) for patient, registrations in found.items()} == {
        "pat-1": 1,
        "pat-2": 1,
        "pat-nobody": 0,
    }, "the doctor's session has five numbers"
