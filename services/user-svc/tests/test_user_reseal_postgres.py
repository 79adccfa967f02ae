"""On PostgreSQL: a new data key while people are added, changed and deleted, and three workers seal anew at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.outbox import Timer
from credit_world import ZHANG
from test_user_reseal import NEW, OLD
from user_svc.app import Settings, build
from user_svc.store import reseal as rows
from user_svc.store import tables
from user_svc.usecases import reseal
from user_world import CHEAP, PASSWORD, Person, join

PEOPLE = 12


def busy(person: Person, number: int) -> list[int]:
    """What somebody does meanwhile."""
    me, added = "/users/me/patients", {**ZHANG, "id_type": "passport", "id_number": f"E1234{number:04d}"}
    answers = [person.call("POST", me, added)]
    patient = answers[0].get_json()["id"]
    answers += [person.call("PATCH", f"{me}/{patient}", {"phone": f"1391111{n:04d}"}) for n in range(5)]
    answers += [person.call("DELETE", f"{me}/{patient}"), person.call("POST", me, added)]
    answers += [person.call("PATCH", "/users/me", {"phone": "13700001111"})]
    if number % 3 == 0:
        answers.append(person.call("POST", "/users/me/delete", {"password": PASSWORD}))
    return [answer.status_code for answer in answers]


@pytest.mark.stack
def test_beside_everybodys_work(postgres_url: str, clock: ManualClock) -> None:
    service = build(Settings(database_url=postgres_url, data_key=OLD, **CHEAP), clock)
    service.migrate()
    people = [join(service, f"person{number}") for number in range(PEOPLE)]
    for person in people:
        assert person.call("POST", "/users/me/patients", ZHANG).status_code == 201, (
            "all have the same one in their lists"
        )
    service.database.close()
    service = build(Settings(database_url=postgres_url, data_key=f"{NEW},{OLD}", **CHEAP), clock)

    def work() -> None:
        payload = {"keys": [i[:8] for i in service.parts.vault.indexes("which keys there are")], "resealed": 0}
        for step in [*range(4), *range(4)]:
            ahead = {**payload, "step": step, "after": ""}
            reseal.reseal(service, Timer(reseal.RESEAL, "", clock(), ahead))

    with ThreadPoolExecutor(6) as pool:
        workers = [pool.submit(work) for _ in range(3)]
        for person in people:
            person.service = service
        done = [job.result() for job in [pool.submit(busy, person, n) for n, person in enumerate(people)]]
        for worker in workers:
            worker.result()
    usual = [201, *[200] * 5, 204, 201, 200]
    assert done == [[*usual, 204] if number % 3 == 0 else usual for number in range(PEOPLE)]
    work()
    with service.database.reading() as conn:
        assert rows.count_stale(conn, service.parts.vault.prefix) == 0
        ids = conn.scalars(sa.select(tables.patients.c.id).where(tables.patients.c.id_type == "resident_id")).all()
    assert len({patient_id[28:] for patient_id in ids}) == 1, "one person"
    service.database.close()
    service = build(Settings(database_url=postgres_url, data_key=NEW, **CHEAP), clock)
    for number, person in enumerate(people):
        person.service = service
        answer = person.call("POST", "/users/me/export", {"password": PASSWORD})
        assert answer.status_code == (401 if number % 3 == 0 else 200)
        if answer.status_code == 200:
            listed = answer.get_json()["patients"]
            assert {p["id_number"] for p in listed} == {ZHANG["id_number"], f"E1234{number:04d}"}
            assert answer.get_json()["account"]["phone"] == "13700001111"
    service.database.close()
